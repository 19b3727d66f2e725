"""Participants' copies: the notebooks and data of a run without its solutions and answers."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from playbook import catalogue
from playbook.engagement.runner import Run, read_manifest
from playbook.errors import RunError
from playbook.publish.gate import is_world, kept, refuse
from playbook.store.reading import INFO, UNFIT, Store
from playbook.store.sealing import seal

if TYPE_CHECKING:
    from nbformat import NotebookNode

README = """\
{client}: notebooks for the workshop

Start:   playbook lab {folder}
         (no playbook yet? ask the facilitator, or see its README for the two commands that install it)

Then open the notebook you are told to, click its first cell, and press Shift+Enter until you reach the first
question. Your decisions are kept in the folder "decisions" beside this file.

{notebooks}

store/   the data that the notebooks read. Files that end in .sealed let a check tell how near your answer is.
"""


def copy_for_participants(run: Path, out: Path) -> None:
    """Write the folder that each participant gets.

    Parameters
    ----------
    run : path
        A finished run.
    out : path
        The folder to make; it must not hold anything yet, since it may hold somebody's work.

    Raises
    ------
    RunError
        When the run is not finished, or `out` is a file or not empty.
    PublishError
        When something personal or secret would be in it.
    """
    import nbformat

    out = out.resolve()
    notebooks = [run / "notebooks" / name for name in read_manifest(Run(run))["notebooks"]]
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise RunError(f"'{out}' is there and is not empty: choose another folder, or delete it")
    store = Store(run / "store")
    if store.warehouse is not None:
        raise RunError(
            f"run '{run}' reads the client's warehouse and has no tables to copy: take its tables in with a mapping "
            "(`connection:`), or let participants read the book"
        )
    draft = out.with_name(out.name + ".incomplete")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    plays: dict[str, catalogue.Play] = {}
    for file in notebooks:
        executed = nbformat.read(file, as_version=4)
        plays |= {
            c.metadata["play"]: catalogue.play(c.metadata["play"])
            for c in executed.cells
            if "play" in c.metadata
        }
        nbformat.write(for_participant(executed), draft / file.name)
    _copy_store(store, draft / "store", plays.values())
    if illustration := store.info.get("illustration"):
        _copy_store(Store(store.path / illustration), draft / "store" / illustration, plays.values())
    client = _settings(nbformat.read(draft / notebooks[0].name, as_version=4))["client"]
    listed = "\n".join(f"  {file.name}" for file in notebooks)
    text = README.format(client=ast.literal_eval(client), folder=out.name, notebooks=listed)
    (draft / "README.txt").write_text(text, encoding="utf-8")
    refuse(
        draft,
        kept(store.path),
        worlds=[part for part in (store.path, Run(run).illustration) if is_world(part)],
    )
    if out.is_dir():
        out.rmdir()
    draft.rename(out)


def for_participant(executed: NotebookNode) -> NotebookNode:
    """Return a notebook without solutions and outputs, its parameters set for a folder of its own."""
    from playbook.notebooks import without_solutions

    notebook = without_solutions(executed)
    values = _settings(notebook) | {"store": repr("store"), "register": repr("decisions")}
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = _with_values(cell.source, values)
    return notebook


def _settings(notebook: NotebookNode) -> dict[str, str]:
    """Return the source of each parameter's value; papermill's injected cell has the last word."""
    values: dict[str, str] = {}
    for tag in ("parameters", "injected-parameters"):
        for cell in notebook.cells:
            if tag in cell.metadata.get("tags", []):
                values |= {name: text for name, _, text in _assignments(cell.source)}
    return values


def _assignments(source: str) -> Iterable[tuple[str, ast.expr, str]]:
    for node in ast.parse(source).body:
        target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr):
            yield target.id, value, ast.get_source_segment(source, value) or ""


def _with_values(source: str, values: Mapping[str, str]) -> str:
    """Return the parameters cell with other values; names, types and comments stay."""
    lines = source.encode().splitlines()  # ast counts columns in UTF-8 bytes
    for name, value, _ in _assignments(source):
        row = value.lineno - 1
        if value.end_lineno != value.lineno:
            raise RunError(f"parameter '{name}' runs over several lines; write it on one")
        lines[row] = (
            lines[row][: value.col_offset] + values[name].encode() + lines[row][value.end_col_offset :]
        )
    return b"\n".join(lines).decode()


def _copy_store(store: Store, target: Path, plays: Iterable[catalogue.Play]) -> None:
    """Copy the canonical tables; of the truth only what the checks of `plays` read, sealed."""
    target.mkdir()
    for table in store:
        for file in store.files(table):
            copy = target / file.relative_to(store.path)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
    # Plays that would fail on these data show the illustration in the copy as well.
    if (store.path / UNFIT).is_dir():
        shutil.copytree(store.path / UNFIT, target / UNFIT)
    (target / INFO).write_text(json.dumps(store.info, indent=2) + "\n", encoding="utf-8")
    if store.info["kind"] != "world":
        return
    (target / "truth").mkdir()
    readers: dict[str, list[str]] = {}
    for play in plays:
        for name in play.truth:
            readers.setdefault(name, []).append(play.id)
    for name, names in readers.items():
        truth, plain = store.truth(name), BytesIO()
        rows = truth[truth["play"].isin(names)] if "play" in truth else truth
        rows.to_parquet(plain, index=False)
        (target / "truth" / f"{name}.sealed").write_bytes(seal(plain.getvalue()))
