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


@contextmanager
def reading(total: int) -> Iterator[Callable[[str, int], None]]:
    """Show on standard error what an intake does; give the function that takes (step, how many more bytes are read).

    `total` is how many bytes there are to read. Where the output is not a terminal, each step is one line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    shown = ""
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bytes_read = bar.add_task("reading", total=total)
        step_done = bar.add_task("", total=None, visible=False)

        def tell(step: str, done: int) -> None:
            nonlocal shown
            if step != shown and not console.is_terminal:
                console.print(step, highlight=False)
            if step.startswith("reading"):
                bar.update(bytes_read, description=step, advance=done)
            else:
                bar.update(bytes_read, completed=total, description="read")
                bar.update(step_done, description=step, visible=True)
            shown = step

        yield tell
