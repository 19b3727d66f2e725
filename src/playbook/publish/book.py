"""The book: executed notebooks staged as pages, built by Jupyter Book, moved into place in one step."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from importlib.metadata import files
from pathlib import Path
from typing import Any

import yaml

from playbook import catalogue
from playbook.catalogue import Play, project_root
from playbook.errors import RunError
from playbook.pictures import alt_text, png
from playbook.publish import dictionary, pages, recovery_page
from playbook.publish.coverage import coverage, plan
from playbook.publish.gate import Identifiers, refuse
from playbook.publish.pages import Edition
from playbook.publish.recovery import committed

JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
MATHJAX = "vendor/tex-svg.js"  # as in _config.yml; Sphinx loads it on pages that have a formula
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')


def build_book(
    notebooks: Sequence[Path],
    out: Path,
    *,
    provenance: Mapping[str, str],
    edition: Edition,
    readiness: str | None = None,
    identifiers: Identifiers | None = None,
    worlds: Sequence[Path] = (),
) -> Path:
    """Build the book of a run.

    Parameters
    ----------
    notebooks : sequence of path
        The run's executed module notebooks, in order; `decisions.json` is read from the folder above theirs.
    out : path
        Folder of the HTML; replaced when the new book is complete, untouched when it fails.
    provenance : mapping
        What the footer of every page says: `client`, then e.g. data, seed, hash, version.
    edition : {"facilitator", "participant"}
        Solutions folded, or absent everywhere.
    readiness : str, optional
        A page on how ready a client's data are, as Markdown.
    identifiers : Identifiers, optional
        The direct identifiers of the client's people, which must be on no page.
    worlds : sequence of path
        Stores of synthetic worlds, whose invented people may be shown.

    Returns
    -------
    path
        The book's `index.html`.

    Raises
    ------
    RunError
        When a page cannot be made, or Jupyter Book reports an error or a warning.
    PublishError
        When something personal or secret is in it.
    """
    with tempfile.TemporaryDirectory(prefix="playbook-book-") as folder:
        source = Path(folder) / "source"
        stage(notebooks, source, provenance=provenance, edition=edition, readiness=readiness)
        _jupyter_book(source)
        _tidy(source / "_build" / "html")
        refuse(source / "_build" / "html", identifiers, worlds=worlds)
        _replace(source / "_build" / "html", out)
    return out / "index.html"


def stage(
    notebooks: Sequence[Path],
    source: Path,
    *,
    provenance: Mapping[str, str],
    edition: Edition,
    readiness: str | None = None,
) -> None:
    """Write everything Jupyter Book needs to the folder `source`."""
    import nbformat

    root = project_root()
    provenance = dict(provenance) | {"edition": edition}
    shutil.copytree(root / "book", source, ignore=shutil.ignore_patterns("*.yml", "*.csv", "references"))
    cells = pages.cells_by_play(nbformat.read(path, as_version=4) for path in notebooks)
    plays = [catalogue.play(play_id) for play_id in cells]
    sources = {
        f.stem: f.read_text(encoding="utf-8").strip() for f in (root / "book" / "references").glob("*.txt")
    }
    for play in plays:
        page = source / play.module / f"{play.name}.ipynb"
        page.parent.mkdir(exist_ok=True)
        nbformat.write(pages.play_page(play, cells[play.id], edition, sources), page)
    for path, text in _texts(plays, _decisions(notebooks), provenance, sources).items():
        file = source / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    _write_recovery(source / "generated", plays)
    if readiness is not None:
        (source / "readiness.md").write_text(readiness, encoding="utf-8")
    _write_yaml(source / "_toc.yml", pages.toc(plays, ready=readiness is not None))
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["title"] = f"{config['title']}: {provenance['client']}"
    # The theme puts both into its pages as HTML.
    config["sphinx"]["config"]["html_theme_options"] |= {
        "extra_footer": pages.footer(provenance),
        "logo": {"text": escape(config["title"])},
    }
    _write_yaml(source / "_config.yml", config)


def _texts(
    plays: Sequence[Play],
    decided: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, str],
    sources: Mapping[str, str],
) -> dict[str, str]:
    topics = coverage(catalogue.plays().values())
    texts = {
        "generated/subject.md": pages.subject(provenance),
        "generated/decided.md": pages.decided(decided, plays),
        "generated/modules.md": pages.module_list(plays),
        "generated/decisions.md": pages.decisions(decided, plays),
        "generated/coverage.md": pages.coverage_page(topics, plays),
        "generated/agenda.md": pages.agenda(plays),
        "generated/references.md": pages.references(plays, sources),
        "generated/dictionary.md": dictionary.dictionary(level=3),
        "generated/truth.md": dictionary.truth_dictionary(),
        "generated/planted.md": dictionary.planted(
            {play_id: entry["title"] for play_id, entry in plan().items()}
        ),
        **{f"generated/{dictionary.slug(area)}.svg": svg for area, svg in dictionary.diagrams().items()},
    }
    for module in dict.fromkeys(play.module for play in plays):
        own = [play for play in plays if play.module == module]
        texts[f"{module}/index.md"] = pages.module_index(module, own, topics)
        if catalogue.modules()[module].closing:
            texts[f"{module}/closing.md"] = pages.closing(module, decided, own)
    return texts


def _write_recovery(folder: Path, plays: Sequence[Play]) -> None:
    report = committed()
    pictured = recovery_page.pictured(report)
    drawn = {
        play.id: recovery_page.plot(report[report["play"] == play.id])
        for play in plays
        if play.id in pictured
    }
    for name, ax in drawn.items():
        (folder / f"{recovery_page.slug(name)}.png").write_bytes(png(ax))
    alt = {name: alt_text(ax) for name, ax in drawn.items()}
    (folder / "recovery.md").write_text(recovery_page.page(report, plays, alt), encoding="utf-8")


def _decisions(notebooks: Sequence[Path]) -> list[dict[str, Any]]:
    file = notebooks[0].resolve().parent.parent / "decisions.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


def _write_yaml(file: Path, content: Any) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _tidy(html: Path) -> None:
    """Make the pages complete without a network, and quiet when they are opened from disk."""
    formulas = False
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        formulas |= MATHJAX in text
        # From file:// a browser blocks the preload of fonts, which the icons (drawn as SVG) do not need.
        page.write_text(FONT_PRELOAD.sub("", text), encoding="utf-8")
    for unused in html.rglob("*.map"):
        unused.unlink()
    if formulas:
        target = html / "_static" / MATHJAX
        target.parent.mkdir(exist_ok=True)
        shipped = next(f for f in files("sphinx-mathjax-offline") or [] if f.name == target.name)
        shutil.copyfile(str(shipped.locate()), target)


def _jupyter_book(source: Path) -> None:
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(source), "-W", "--keep-going", "-q"]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", cwd=source
    )
    if done.returncode == 0 and (source / "_build" / "html" / "index.html").is_file():
        return
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr + done.stdout).replace(f"{source.resolve()}/", "")
    problems = [line.strip() for line in said.splitlines() if re.search(r"WARNING|ERROR|Error:|error:", line)]
    first = problems[0] if problems else (said.strip().splitlines() or ["no message"])[-1]
    first = re.sub(
        r"(?<=\.ipynb):(\d+)\d{4}:", r", cell \1:", first
    )  # MyST-NB's line 180002: cell 18, line 2
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise RunError(f"the book was not built: {first}{more}")


def _replace(new: Path, out: Path) -> None:
    """Move `new` to `out`; whoever looks sees the old book or the new one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft, old = out.with_name(out.name + ".incomplete"), out.with_name(out.name + ".old")
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.move(new, draft)
    if out.exists():
        out.rename(old)
    draft.rename(out)
    shutil.rmtree(old, ignore_errors=True)
