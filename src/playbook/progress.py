"""Progress bars: over the steps of a run, over the blocks of a world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str, str], None]]:
    """Show on standard error what is running; give the function that a run reports to.

    Where the output is not a terminal, each finished step is one line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {}

        def report(step: str, state: str) -> None:
            text = f"{step}: {state}"
            if not console.is_terminal:
                if state != "running":
                    console.print(text, highlight=False)
                return
            if step not in tasks:
                tasks[step] = bar.add_task(text, total=None)
            if state != "running":
                bar.update(tasks[step], description=text, total=1, completed=1)

        yield report


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how much is done; give the function that takes (done, of how many).

    Where the output is not a terminal, nothing is shown.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
