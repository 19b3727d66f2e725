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
    """Cells of plays failed: `failures` has each play's first error in one line, by the play's id."""

    def __init__(self, text: str, failures: dict[str, str]) -> None:
        super().__init__(text)
        self.failures = failures


def execute(
    notebook: NotebookNode, output: Path, parameters: dict[str, Any], *, keep_going: bool = False
) -> None:
    """Execute `notebook` with papermill in the folder of `output`, and write it there in one move.

    With `keep_going`, the cells after one that fails are executed as well, so that all plays that fail are known.

    Raises
    ------
    PlayFailed
        When cells of plays fail: names module, first play, cell and error.
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
                allow_errors=keep_going,
                # Written at the end, also after a failure: twice a cell, a large module takes three times as long.
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                # Not papermill's cwd: it changes the folder of this whole process, and modules run in parallel.
                resources={"metadata": {"path": str(output.parent)}},
            )

        problem = ""
        failures: dict[str, str] = {}
        try:
            try:
                attempt()
            except RuntimeError:  # a kernel that died or never came up: on a busy machine, once is bad luck
                attempt()
        except papermill.PapermillExecutionError:
            problem, failures = _failed(draft)
        except (RuntimeError, TimeoutError) as error:
            problem = f"{type(error).__name__}: {_first(str(error))}"
        if draft.is_file():
            os.replace(draft, output)
    if problem:
        text = f"module {output.stem.split('_', 1)[-1]}, play {problem} (see {output})"
        raise PlayFailed(text, failures) if failures else RunError(text)


def _failed(executed: Path) -> tuple[str, dict[str, str]]:
    """Return the first error of a notebook, and the first of each play; none when a cell of no play failed."""
    import nbformat

    errors = [
        (cell.metadata.get("play", ""), cell.id, f"{output.ename}: {_first(output.evalue)}")
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    play, cell, reason = errors[0]
    failures = {name: said for name, _, said in reversed(errors)}
    return f"{play or 'set-up'}, cell {cell}: {reason}", {} if "" in failures else failures


def _first(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
