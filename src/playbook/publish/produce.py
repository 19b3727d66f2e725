"""An engagement all the way to its book."""

from __future__ import annotations

from pathlib import Path

from playbook.catalogue import plays, project_root
from playbook.engagement.runner import SHARED_CODE, Report, Run, alone, provenance, read_manifest, run
from playbook.engagement.settings import read_engagement
from playbook.engagement.steps import Step, fingerprint, hashes
from playbook.publish.pages import Edition
from playbook.sources import code_hash
from playbook.store.reading import Store
from playbook.store.writing import write_json
from playbook.world.generate import WORLD_CODE

FOLDERS: dict[Edition, str] = {"facilitator": "book", "participant": "book-participants"}


def produce(
    path: Path, folder: Path, report: Report = lambda step, state: None, *, refresh: bool = False
) -> Path:
    """Run an engagement and build its book; return the book's first page. `refresh` takes the data in again."""
    place = run(path, folder, report, refresh=refresh)
    return publish(place, "facilitator", report)


def publish(place: Run, edition: Edition, report: Report = lambda step, state: None) -> Path:
    """Build one edition of a finished run's book; return its first page.

    The facilitator's edition shows solutions folded, the participants' has none.
    """
    footer = provenance(place)
    notebooks = sorted(place.notebooks.glob("*.ipynb"))
    out = place.folder / FOLDERS[edition]
    root = project_root()
    pages = [root / "_config.yml", *sorted(p for p in (root / "book").rglob("*") if p.is_file())]
    plan = sorted((root / "modules").rglob("*.yml"))
    inputs = fingerprint(
        hashes([*notebooks, place.folder / "decisions.json"]),
        [hashes([page]) for page in [*pages, *plan]],
        [repr(play) for play in plays().values()],  # agenda and coverage say more than the notebooks
        footer | {"edition": edition},
        code_hash("publish", "engagement", *SHARED_CODE, *WORLD_CODE),
    )

    def action() -> None:
        from playbook.publish.book import build_book
        from playbook.publish.gate import is_world, kept

        worlds = [store for store in (place.store, place.illustration) if is_world(store)]
        build_book(
            notebooks,
            out,
            provenance=footer,
            edition=edition,
            readiness=_readiness(place) if edition == "facilitator" else None,
            identifiers=kept(place.store),
            worlds=worlds,
        )

    step = Step(f"book-{edition}", inputs, (out / "index.html",), action)
    with alone(place):
        record = step.run(place.steps, report)
        manifest = read_manifest(place)
        manifest["seconds"][step.name] = record["seconds"]
        write_json(place.manifest, manifest)
    return out / "index.html"


def _readiness(place: Run) -> str | None:
    """Return the page on how ready a client's exports are; None for a synthetic world, and for a warehouse."""
    from playbook.engagement.readiness import readiness
    from playbook.publish.readiness_page import page

    store, engagement = Store(place.store), read_engagement(place.engagement)
    if store.info["kind"] == "world" or store.warehouse is not None:
        return None
    return f"# Are the data ready?\n\n{page(readiness(store, engagement.as_of, engagement.chosen()))}"
