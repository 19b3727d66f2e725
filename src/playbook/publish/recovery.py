"""The recovery report: what plays estimate in worlds whose truth is known, world by world."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pandas as pd
import typer

from playbook.catalogue import Play, play, plays, project_root
from playbook.classroom.session import Tables, planted
from playbook.store.reading import INFO, Store
from playbook.world.settings import WorldSettings

SEEDS, EFFECTS, CUSTOMERS = range(1, 21), (1.0, 0.0), 2000
QUIET = 100  # added to the seeds of worlds without effect: twenty other companies, not the same ones again
KEY = ["play", "what", "effect", "seed"]
VALUES = ["estimate", "low", "high", "naive", "truth"]
DIGITS = 6


def reported() -> list[Play]:
    """Return the plays that estimate something: those whose code has the door `recover`."""
    return [entry for entry in plays().values() if hasattr(_code(entry), "recover")]


def _code(entry: Play) -> ModuleType:
    return import_module(f"playbook.{entry.id}")


def measured(chosen: Iterable[Play], store: Store) -> pd.DataFrame:
    """Return what `chosen` estimate in one world, beside its planted truth.

    Columns: play, what, effect, seed, estimate, low, high (90 %; empty where no interval is claimed), naive (what
    people do today, on the same data; empty if there is nothing), truth.
    """
    settings = store.info["settings"]
    frames = []
    for entry in chosen:
        data = Tables(entry, store, {"as_of": settings["as_of"]}, illustration=False)
        rows = _code(entry).recover(data, planted(entry, store))
        frames.append(rows.assign(play=entry.id, effect=settings["effect"], seed=settings["seed"]))
    return pd.concat(frames, ignore_index=True)[KEY + VALUES]


def over_worlds(
    chosen: Sequence[Play], seeds: Sequence[int], effects: Sequence[float], *, worlds: Path, workers: int = 2
) -> pd.DataFrame:
    """Return `measured` over worlds of every seed and effect; worlds already in the folder `worlds` are used again."""
    each = partial(_one_world, [entry.id for entry in chosen], worlds)
    jobs = [(seed, effect) for effect in effects for seed in seeds]
    if workers == 1:
        frames = [each(job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            frames = list(pool.map(each, jobs))
    return pd.concat(frames, ignore_index=True).sort_values(KEY, ignore_index=True)


def _one_world(chosen: list[str], worlds: Path, job: tuple[int, float]) -> pd.DataFrame:
    from playbook.world.generate import write_world

    seed, effect = job
    seed += QUIET if effect == 0 else 0
    folder = worlds / f"seed-{seed}-effect-{effect:g}"
    if not (folder / INFO).is_file():
        write_world(WorldSettings(seed=seed, customers=CUSTOMERS, effect=effect), folder)
    return measured([play(name) for name in chosen], Store(folder))


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return how well each quantity is recovered: one row per play, what and effect.

    Columns: play, what, effect, worlds, covered (worlds whose interval holds the truth; -1 where none is claimed), truth,
    estimate, naive (means), miss and naive_miss (median distances from the truth).
    """
    held = table["truth"].between(table["low"], table["high"])
    rows = table.assign(
        held=held,
        miss=(table["estimate"] - table["truth"]).abs(),
        naive_miss=(table["naive"] - table["truth"]).abs(),
    )
    found = rows.groupby(["play", "what", "effect"], sort=False).agg(
        worlds=("seed", "size"),
        covered=("held", "sum"),
        claimed=("low", "count"),
        truth=("truth", "mean"),
        estimate=("estimate", "mean"),
        naive=("naive", "mean"),
        miss=("miss", "median"),
        naive_miss=("naive_miss", "median"),
    )
    found["covered"] = found["covered"].where(found["claimed"] > 0, -1)
    return found.drop(columns="claimed").reset_index()


def path() -> Path:
    """Return the file of the committed report."""
    return project_root() / "book" / "recovery.csv"


def committed() -> pd.DataFrame:
    """Return the report as it was last measured."""
    return pd.read_csv(path())


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main(
    names: Annotated[list[str] | None, typer.Argument(help="plays; all that estimate something")] = None,
    seeds: Annotated[
        str, typer.Option(help="seeds, as in 1-20; other than these are shown, not written")
    ] = "1-20",
    worlds: Annotated[
        Path | None, typer.Option(help="folder that keeps the worlds for the next time")
    ] = None,
) -> None:
    """Measure the recovery report and write `book/recovery.csv`: ``python -m playbook.publish.recovery``."""
    chosen = [play(name) for name in names] if names else reported()
    with tempfile.TemporaryDirectory() as scratch:
        table = over_worlds(chosen, _seeds(seeds), EFFECTS, worlds=worlds or Path(scratch))
    with pd.option_context("display.width", 180, "display.max_rows", None, "display.max_columns", None):
        print(rates(table).to_string(float_format="{:.4g}".format))
    if _seeds(seeds) == list(SEEDS):
        done = [entry.id for entry in chosen]
        before = committed() if path().is_file() else table.head(0)
        kept = before[~before["play"].isin(done) & before["play"].isin(plays())]
        both = pd.concat([kept, table]) if len(kept) else table
        both.sort_values(KEY).to_csv(path(), index=False, float_format=f"%.{DIGITS}g")


if __name__ == "__main__":
    typer.run(main)
