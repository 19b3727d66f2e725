"""Executing one notebook: the executed file is always left readable, also when a cell fails."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import RunError

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_TIMEOUT_S = 600


class PlayFailed(RunError):
    """A cell of a play failed: `play` is its id, `reason` the error in one line."""

    def __init__(self, text: str, play: str, reason: str) -> None:
        super().__init__(text)
        self.play, self.reason = play, reason


def execute(notebook: NotebookNode, output: Path, parameters: dict[str, Any]) -> None:
    """Execute `notebook` with papermill in the folder of `output`, and write it there in one move.

    Raises
    ------
    PlayFailed
        When a cell of a play fails: names module, play, cell and error.
    RunError
        When another cell does, or one takes longer than `CELL_TIMEOUT_S`. In both cases the notebook is written, with the
        error in it.
    """
    import papermill

    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".draft-") as scratch:
        draft = Path(scratch) / output.name

        def attempt() -> None:
            papermill.execute_notebook(
                notebook,
                draft,
                parameters=parameters,
                progress_bar=False,
                kernel_name="python3",
                execution_timeout=CELL_TIMEOUT_S,
                start_timeout=120,
                extra_arguments=["--log-level=CRITICAL"],
                # Written at the end, also after a failure: twice a cell, a large module takes three times as long.
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                # Not papermill's cwd: it changes the folder of this whole process, and modules run in parallel.
                resources={"metadata": {"path": str(output.parent)}},
            )

        problem: str | None = None
        failed: tuple[str, str] | None = None
        try:
            try:
                attempt()
            except RuntimeError:  # a kernel that died or never came up: on a busy machine, once is bad luck
                attempt()
        except papermill.PapermillExecutionError as error:
            cell = notebook.cells[_source_index(notebook, error.source)]
            reason = f"{error.ename}: {_first(error.evalue)}"
            problem = f"{cell.metadata.get('play', 'set-up')}, cell {cell.id}: {reason}"
            failed = (cell.metadata["play"], reason) if "play" in cell.metadata else None
        except (RuntimeError, TimeoutError) as error:
            problem = f"{type(error).__name__}: {_first(str(error))}"
        if draft.is_file():
            os.replace(draft, output)
    if problem:
        text = f"module {output.stem.split('_', 1)[-1]}, play {problem} (see {output})"
        raise PlayFailed(text, *failed) if failed else RunError(text)


def _source_index(notebook: NotebookNode, source: str) -> int:
    return next((i for i, cell in enumerate(notebook.cells) if cell.source == source), 0)


def _first(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
