"""One run of an engagement: store, executed notebooks, decisions, book, manifest."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playbook import __version__, catalogue, notebooks
from playbook.classroom.register import merge
from playbook.engagement.notebook import PlayFailed, execute
from playbook.engagement.settings import Engagement, read_engagement
from playbook.engagement.steps import Step, fingerprint
from playbook.errors import RunError, SettingsError
from playbook.sources import code_hash
from playbook.store.reading import INFO, UNFIT, Store
from playbook.store.writing import file_hash, write_json

Report = Callable[[str, str], None]
SHARED_CODE = (
    "contract.py", "pictures.py", "wording.py", "catalogue.py", "notebooks.py", "classroom", "methods", "store",
)  # fmt: skip
ILLUSTRATED = {"illustration": "../illustration"}  # where a client's store finds the synthetic world
VERSIONS = (
    "pandas",
    "numpy",
    "scipy",
    "duckdb",
    "pyarrow",
    "matplotlib",
    "papermill",
    "jupyter-book",
    "splink",
)


@dataclass(frozen=True)
class Run:
    """The folder of one run and where things are in it."""

    folder: Path

    @property
    def store(self) -> Path:
        """Canonical tables."""
        return self.folder / "store"

    @property
    def illustration(self) -> Path:
        """The synthetic world for plays that the client's data cannot feed."""
        return self.folder / "illustration"

    @property
    def notebooks(self) -> Path:
        """Executed notebooks."""
        return self.folder / "notebooks"

    @property
    def steps(self) -> Path:
        """Records of finished steps."""
        return self.folder / "steps"

    @property
    def engagement(self) -> Path:
        """Copy of the engagement file."""
        return self.folder / "engagement.yml"

    @property
    def manifest(self) -> Path:
        """What made this run; written last."""
        return self.folder / "manifest.json"


def module_names(engagement: Engagement) -> list[str]:
    """Return the modules of the chosen plays, in order."""
    return list(dict.fromkeys(play.module for play in engagement.chosen()))


def run(
    path: str | Path,
    folder: str | Path,
    report: Report = lambda step, state: None,
    *,
    refresh: bool = False,
) -> Run:
    """Run the engagement file `path` in `folder`, doing only what is not done yet.

    Parameters
    ----------
    path : path
        The engagement file.
    folder : path
        The run folder; made when missing, continued when there.
    report : callable
        Told each step's name and state (running, done, unchanged).
    refresh : bool
        Take the client's data in again also when no file has changed: a database may have.

    Raises
    ------
    SettingsError, MappingError
        Before anything runs.
    RunError
        When the folder holds something else than a run of this client, or another run is at work in it; when a
        cell fails: the notebook that shows it stays in the run folder.
    """
    path, place = Path(path).resolve(), Run(Path(folder).resolve())
    engagement = read_engagement(path)
    # Modules run side by side: threads inside each would only get in each other's way, and move last digits.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    _refuse_others(place, engagement)
    for part in (place.steps, place.notebooks):
        part.mkdir(parents=True, exist_ok=True)
    with alone(place):
        place.manifest.unlink(missing_ok=True)
        if path != place.engagement:
            shutil.copyfile(path, place.engagement)
        records: dict[str, Any] = {}
        data = data_steps(engagement, path, place)
        if refresh:
            data[0].forget(place.steps)
        for step in data:
            records[step.name] = step.run(place.steps, report)
        # Also by what the store holds: the same database may give other rows than last time.
        data_key = fingerprint([step.inputs for step in data], versions(), Store(place.store).info["hash"])
        modules = [module_step(engagement, name, place, data_key) for name in module_names(engagement)]
        records |= _in_parallel(modules, place, report)
        _drop_others(place, modules)
        write_json(place.folder / "decisions.json", merge(place.folder / "decisions"))
        return _finish(engagement, path, place, records)


def _refuse_others(place: Run, engagement: Engagement) -> None:
    """Raise a RunError when the folder holds other things or another client's run: a run replaces what it finds."""
    held = place.folder.is_file() or (place.folder.is_dir() and any(place.folder.iterdir()))
    if held and not place.steps.is_dir():
        raise RunError(f"'{place.folder}' is there and is no run: name another folder with --to")
    try:
        client = read_engagement(place.engagement).client.name
    except SettingsError:  # none yet, or one that an older playbook wrote
        return
    if client != engagement.client.name:
        raise RunError(
            f"'{place.folder}' holds a run of '{client}': name another folder with --to, or remove it"
        )


@contextmanager
def alone(place: Run) -> Iterator[None]:
    """Keep others out of a run's folder. The lock is a database's, which every system opens again after a kill.

    Raises
    ------
    RunError
        When another process is at work there, or the folder may not be written.
    """
    lock = None
    try:
        lock = sqlite3.connect(place.steps / "lock", timeout=0, isolation_level=None)
        lock.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        if lock is not None:
            lock.close()
        busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        problem = "is in use by another run: wait until it has ended" if busy else "cannot be written"
        raise RunError(f"'{place.folder}' {problem}") from None
    try:
        for draft in place.notebooks.glob(".draft-*"):  # what a kill left
            shutil.rmtree(draft, ignore_errors=True)
        yield
    finally:
        lock.close()


def versions() -> dict[str, str]:
    """Return the versions of the libraries that a run's numbers depend on, and of Python."""
    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONS}


def data_steps(engagement: Engagement, path: Path, place: Run) -> list[Step]:
    """Return the steps that make the store and, for a client, the world of the illustrations."""
    from playbook.world.generate import WORLD_CODE, write_world

    settings = engagement.world_settings()
    world_key = fingerprint(settings.as_dict(), code_hash(*WORLD_CODE))
    illustration = Step(
        "illustration",
        world_key,
        (place.illustration / INFO,),
        lambda: write_world(settings, place.illustration),
    )
    if engagement.data.world is not None:
        return [
            Step("store", world_key, (place.store / INFO,), lambda: write_world(settings, place.store)),
        ]
    if engagement.data.mapping is None:
        return [_warehouse_step(engagement, place), illustration]
    from playbook.intake.make_store import source_files, take_in
    from playbook.intake.pseudonyms import fingerprint as key_fingerprint
    from playbook.intake.pseudonyms import key_of

    mapping, client = path.parent / engagement.data.mapping, engagement.client.name
    exports = [file_hash(file) for file in [mapping, *source_files(mapping)]]
    key = key_of(client)

    def intake() -> None:
        take_in(mapping, place.store, name=client, key=key, extra=ILLUSTRATED)

    return [
        Step(
            "store",
            fingerprint(exports, client, key_fingerprint(key), code_hash("store", "intake", "methods")),
            (place.store / INFO,),
            intake,
        ),
        illustration,
    ]


def _warehouse_step(engagement: Engagement, place: Run) -> Step:
    """Return the step that notes which tables the client's warehouse has; they stay there."""
    from playbook.store.warehouse import note_warehouse

    address = engagement.data.warehouse.settings() if engagement.data.warehouse else {}
    client = engagement.client.name
    return Step(
        "store",
        fingerprint(address, client, code_hash("store")),
        (place.store / INFO,),
        lambda: note_warehouse(place.store, address, {"name": client, **ILLUSTRATED}),
    )


def module_step(engagement: Engagement, name: str, place: Run, data_key: str) -> Step:
    """Return the step that executes one module's notebook."""
    module = catalogue.modules()[name]
    chosen = [play for play in engagement.chosen() if play.module == name]
    notebook = notebooks.build(module, chosen)
    parameters = engagement.parameters(name) | {"store": "../store", "register": "../decisions"}
    output = place.notebooks / module.notebook
    decisions = place.folder / "decisions" / f"{name}.json"
    inputs = fingerprint(data_key, notebook, parameters, code_hash(*SHARED_CODE, name))

    def action() -> None:
        if engagement.data.world is not None:
            decisions.unlink(missing_ok=True)
            return execute(notebook, output, parameters)
        for play in chosen:
            (place.store / UNFIT / f"{play.id}.txt").unlink(missing_ok=True)
        while True:
            decisions.unlink(missing_ok=True)
            try:
                return execute(notebook, output, parameters, keep_going=True)
            except PlayFailed as failed:
                if all(Store(place.store).unfit(play) for play in failed.failures):
                    raise
                # A play that a client's data are not enough for must not cost the others: it becomes an illustration.
                for play_id, reason in failed.failures.items():
                    _set_unfit(place, play_id, reason)

    return Step(f"module-{name}", inputs, (output, decisions), action)


def _set_unfit(place: Run, play: str, reason: str) -> None:
    file = place.store / UNFIT / f"{play}.txt"
    file.parent.mkdir(exist_ok=True)
    # A play says with a ValueError what it lacks. An error of a library may quote a cell of the client's: the notebook
    # has it, a page must not.
    kind, _, said = reason.partition(": ")
    plain = kind == "ValueError" and not re.search("['\"]", said)
    file.write_text(said if plain else kind, encoding="utf-8")


def _in_parallel(steps: list[Step], place: Run, report: Report) -> dict[str, Any]:
    """Run module steps, as many at a time as there are cores; on a failure start no more and let the others end."""
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, len(steps)))
    futures = {step.name: pool.submit(step.run, place.steps, report) for step in steps}
    try:
        waiting, failed = set(futures.values()), False
        while waiting and not failed:
            # In turns: on Windows, Ctrl-C does not end a wait without a limit.
            done, waiting = wait(futures.values(), timeout=1, return_when=FIRST_EXCEPTION)
            failed = any(future.exception() for future in done)
        pool.shutdown(cancel_futures=True)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    return {name: future.result() for name, future in futures.items() if not future.cancelled()}


def _drop_others(place: Run, modules: list[Step]) -> None:
    """Remove what an earlier choice of modules left in the run folder."""
    kept = {file.name for step in modules for file in step.outputs}
    for file in [*place.notebooks.glob("*.ipynb"), *(place.folder / "decisions").glob("*.json")]:
        if file.name not in kept:
            file.unlink()
            (place.steps / f"module-{file.stem.split('_', 1)[-1]}.json").unlink(missing_ok=True)


def _finish(engagement: Engagement, path: Path, place: Run, records: dict[str, Any]) -> Run:
    store = Store(place.store)
    manifest = {
        "client": engagement.client.name,
        "as_of": engagement.as_of.isoformat(),
        "data": {"kind": store.info["kind"], "name": store.info["name"], "hash": store.info["hash"]},
        "seed": engagement.world_settings().seed,
        "engagement_sha256": file_hash(path),
        "plays": [play.id for play in engagement.chosen()],
        "illustrated": [
            play.id for play in engagement.chosen() if store.missing(play.inputs) or store.unfit(play.id)
        ],
        "unfit": {play.id: store.unfit(play.id) for play in engagement.chosen() if store.unfit(play.id)},
        "notebooks": {file.name: file_hash(file) for file in sorted(place.notebooks.glob("*.ipynb"))},
        "seconds": {name: record["seconds"] for name, record in records.items()},
        "versions": {"playbook": __version__} | versions(),
    }
    write_json(place.manifest, manifest)
    return place


def read_manifest(place: Run) -> dict[str, Any]:
    """Return the manifest of a finished run.

    Raises
    ------
    RunError
        When the folder is no run, or the run is not finished or lacks a notebook.
    """
    if not place.steps.is_dir():
        raise RunError(f"'{place.folder}' is no run: name a folder that 'playbook run' has made")
    if not place.manifest.is_file():
        raise RunError(f"run '{place.folder}' is not finished: run its engagement again")
    manifest = json.loads(place.manifest.read_text(encoding="utf-8"))
    for name in manifest["notebooks"]:
        if not (place.notebooks / name).is_file():
            raise RunError(f"run '{place.folder}' lacks {name}: run its engagement again")
    return manifest


def provenance(place: Run) -> dict[str, str]:
    """Return what the footer of every published page says about this run.

    Raises
    ------
    RunError
        When the run is not finished.
    """
    manifest = read_manifest(place)
    data = manifest["data"]
    return {
        "client": manifest["client"],
        "as_of": manifest["as_of"],
        "data": "synthetic world" if data["kind"] == "world" else f"exports of {data['name']}",
        "seed": str(manifest["seed"]),
        "hash": data["hash"],
        "version": manifest["versions"]["playbook"],
    }
