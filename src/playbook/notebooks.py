"""Module notebooks, built one way from the sections: never edited by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from playbook.catalogue import Module, Play, modules, plays

if TYPE_CHECKING:
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

COMMON = """\
# What an engagement may set. Everything else follows from these.
client: str = "Demo company"  # name shown on pages and decisions
store: str = "demo"  # folder of Parquet tables; "demo" generates the synthetic world
as_of: str = "2026-07-01"  # the day on which the numbers are read, ISO 8601
currency: str = "EUR"  # currency of all money columns, ISO 4217
register: str = "decisions"  # folder in which decision cells write"""

SETUP = """\
from playbook.classroom import Session

session = Session("{module}", client=client, store=store, as_of=as_of, currency=currency, register=register)
session"""

CLOSING = """\
# On one page: {closing}

The decisions you took above, put together. Read the page to somebody who was not in the room: what they ask about is what
is still unclear. Then put a name in place of each role."""


def parameters(chosen: Iterable[Play]) -> str:
    """Return the typed, commented papermill parameters cell for some plays."""
    lines = [COMMON]
    for play in chosen:
        for setting in play.settings:
            kind = type(setting.default).__name__
            lines.append(f"{play.parameter(setting)}: {kind} = {setting.default!r}  # {setting.help}")
    return "\n".join(lines)


CUT_NAMES = {"half": "half day", "full": "full day", "self": "self-study"}


def heading(play: Play) -> str:
    """Return the Markdown that opens a play's page, from its front matter."""
    return (
        f"# {play.title}\n\n"
        f"*{play.teach_min} minutes to teach, {play.practise_min} to practise ({CUT_NAMES[play.cut]}). "
        f"You decide: {play.decides}. Topics: {', '.join(play.topics)}.*"
    )


def way(module: Module, chosen: Iterable[Play], *, said: Callable[[Play], str] | None = None) -> str:
    """Return the Markdown of the way through a module: which question leads to which, and what the half day holds.

    Parameters
    ----------
    module : Module
        With its stages; without any, there is nothing to say.
    chosen : iterable of Play
        Which of its plays.
    said : callable, optional
        How a play is named; by its title.
    """
    known = {play.name: play for play in chosen}
    lines = []
    for number, stage in enumerate(module.stages, start=1):
        own = [known[name] for name in stage.plays if name in known]
        if own:
            lines += [f"**{number}. {stage.title}.** {' '.join(stage.says.split())}", ""]
            for play in own:
                name = said(play) if said else play.title
                lines.append(f"- {name} *({play.teach_min + play.practise_min} min, {CUT_NAMES[play.cut]})*")
            lines.append("")
    half = [play for play in known.values() if play.cut == "half"]
    if lines and half:
        minutes = sum(play.teach_min + play.practise_min for play in half)
        lines.append(
            f"Short of time? The questions marked *half day* take {minutes} minutes without breaks; the others deepen them."
        )
    return "\n".join(lines)


def build(module: Module, chosen: Iterable[Play] | None = None) -> NotebookNode:
    """Build a module's notebook from its sections, without outputs.

    Parameters
    ----------
    module : Module
        One of the seven.
    chosen : iterable of Play, optional
        Which of its plays; all by default.

    Returns
    -------
    NotebookNode
        Each cell carries `metadata.play`, except the first three (title, parameters, set-up) and the last two (closing).
        Solutions are tagged `solution`.
    """
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    parts = [p for p in plays().values() if p.module == module.name] if chosen is None else list(chosen)
    opening = [f"# Module {module.number}: {module.title}", module.overview.strip(), way(module, parts)]
    title = new_markdown_cell("\n\n".join(part for part in opening if part), id="title")
    start = new_code_cell(parameters(parts), id="parameters", metadata={"tags": ["parameters"]})
    setup = new_code_cell(SETUP.format(module=module.name), id="setup")
    cells = [title, start, setup]
    for play in parts:
        section = jupytext.reads(play.body(), fmt="md:myst").cells
        for number, cell in enumerate([new_markdown_cell(heading(play)), *section]):
            cell.id = f"{play.name}-{number:02d}"
            cell.metadata["play"] = play.id
            cells.append(cell)
    if module.closing:
        cells.append(new_markdown_cell(CLOSING.format(closing=module.closing), id="closing"))
        cells.append(new_code_cell("session.sum_up()", id="sum-up"))
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    return notebook


def committed(notebook: NotebookNode) -> NotebookNode:
    """Return an executed notebook as it is committed: text results kept, pictures, timings and widget state dropped."""
    kept = _bare(notebook)
    count = 0
    for cell in kept.cells:
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            output.get("metadata", {}).clear()
            for mime in ("image/png", "application/vnd.jupyter.widget-view+json"):
                output.get("data", {}).pop(mime, None)
    return kept


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without solution cells and without what an execution left in the metadata; outputs stay."""
    kept = _bare(notebook)
    kept.cells = [cell for cell in kept.cells if "solution" not in cell.metadata.get("tags", [])]
    return kept


def _bare(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose metadata hold the kernel, and each cell's play and tags."""
    import copy

    kept = copy.deepcopy(notebook)
    kept.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in kept.cells:
        cell.metadata = {key: cell.metadata[key] for key in ("play", "tags") if cell.metadata.get(key)}
    return kept


def main() -> None:
    """Rebuild the seven committed notebooks: ``python -m playbook.notebooks`` (or ``make notebooks``)."""
    import tempfile

    import nbformat
    from nbclient import NotebookClient

    from playbook.catalogue import project_root

    folder = project_root() / "modules"
    for module in modules().values():
        notebook = build(module)
        with tempfile.TemporaryDirectory() as scratch:
            NotebookClient(notebook, timeout=600, resources={"metadata": {"path": scratch}}).execute()
        nbformat.write(committed(notebook), folder / module.notebook)
        print(f"built modules/{module.notebook}")


if __name__ == "__main__":
    main()
