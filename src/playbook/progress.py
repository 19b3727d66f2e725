"""A progress bar over the steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str, str], None]]:
    """Show on standard error what is running; give the function that a run reports to.

    Where the output is not a terminal, each finished step is one line.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {}

        def report(step: str, state: str) -> None:
            if not console.is_terminal:
                if state != "running":
                    console.print(f"{step}: {state}", highlight=False)
            elif state == "running":
                tasks[step] = bar.add_task(f"{step}: running", total=1)
            else:
                task = tasks.get(step)
                if task is None:
                    task = bar.add_task("", total=1)
                bar.update(task, description=f"{step}: {state}", completed=1)

        yield report
