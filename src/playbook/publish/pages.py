"""The pages of a book: a notebook per play, and Markdown for everything around them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from playbook.catalogue import Play, modules
from playbook.classroom.output import PUBLISHED, plain
from playbook.classroom.register import on_one_page, predicted
from playbook.classroom.session import ILLUSTRATION
from playbook.errors import RunError, nearest
from playbook.notebooks import KERNEL, way
from playbook.publish.agenda import half_days, timed
from playbook.publish.coverage import Topic, curricula

if TYPE_CHECKING:
    from nbformat import NotebookNode

Edition = Literal["facilitator", "participant"]
WIDGET = "application/vnd.jupyter.widget-view+json"
LOOKS = {"decide": "decision", "check": "feedback"}  # tag of a cell, for the style sheet, by what it calls
SLIDER_NOTE = (
    "*In the notebook this is a slider. Here all its positions are in one picture; "
    "to move it, [open the notebook](../participants.md#start).*"
)
CHECK_NOTE = "*The notebook checks your answer here: [open it](../participants.md#start).*"


def cells_by_play(notebooks: Iterable[NotebookNode]) -> dict[str, list[NotebookNode]]:
    """Return the cells of each play, in order, by play id; title, parameters and set-up belong to none."""
    found: dict[str, list[NotebookNode]] = {}
    for notebook in notebooks:
        for cell in notebook.cells:
            if "play" in cell.metadata:
                found.setdefault(cell.metadata["play"], []).append(cell)
    return found


def play_page(
    play: Play, cells: Iterable[NotebookNode], edition: Edition, sources: Mapping[str, str]
) -> NotebookNode:
    """Return one play's page: code folded, pictures with alt text, solutions folded or absent.

    Raises
    ------
    RunError
        When a cell shows two pictures (it can carry one alt text), or a source is unknown.
    """
    from nbformat.v4 import new_markdown_cell, new_notebook

    page = _label_on_top([dressed for cell in cells for dressed in _dress(cell, edition)])
    if play.references:
        lines = [f"- {_source(play, key, sources)}" for key in play.references]
        page.append(new_markdown_cell("\n".join(["## Sources", "", *lines])))
    for number, cell in enumerate(page):
        cell.id = f"{play.name}-{number:03d}"
    return new_notebook(cells=page, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def _label_on_top(page: list[NotebookNode]) -> list[NotebookNode]:
    """Move the label of an illustration from the cell that gave it to the place under the title."""
    from nbformat.v4 import new_markdown_cell

    for cell in page:
        for output in cell.get("outputs", []):
            said = output.get("data", {}).get("text/markdown", "")
            if said.startswith(ILLUSTRATION):
                cell.outputs = [other for other in cell.outputs if other is not output]
                return [*page[:1], new_markdown_cell(said), *page[1:]]
    return page


def _dress(cell: NotebookNode, edition: Edition) -> list[NotebookNode]:
    from nbformat.v4 import new_markdown_cell

    tags = cell.metadata.get("tags", [])
    kept = copy.deepcopy(cell)
    kept.metadata = {}
    for output in kept.get("outputs", []):
        if shown := output.get("data", {}).get(PUBLISHED):  # a client's table: the notebook keeps the numbers
            output.data = shown
    if cell.cell_type != "code":
        return [kept]
    if "solution" in tags:
        if edition == "participant":
            return []
        prompts = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
        kept.metadata = {"tags": ["hide-cell", "solution"], "mystnb": prompts}
        return [kept]
    if "exercise" in tags:
        kept.metadata = {"tags": ["exercise"]}
        return [kept]
    if edition == "participant" and _uses_answer(cell.source):
        return [new_markdown_cell(CHECK_NOTE)]
    looks = [look for call, look in LOOKS.items() if f"session.{call}(" in cell.source]
    kept.metadata = {"tags": ["hide-input", *looks]}
    if alt := _alt_text(cell):
        kept.metadata["mystnb"] = {"image": {"alt": alt}}
    has_slider = any(WIDGET in output.get("data", {}) for output in cell.outputs)
    kept.outputs = [output for output in kept.outputs if WIDGET not in output.get("data", {})]
    return [kept, new_markdown_cell(SLIDER_NOTE)] if has_slider else [kept]


def _uses_answer(source: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "answer" for node in ast.walk(ast.parse(source)))


def _alt_text(cell: NotebookNode) -> str | None:
    pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    if len(pictures) > 1:
        raise RunError(
            f"play {cell.metadata['play']}: one cell shows {len(pictures)} pictures; show one per cell"
        )
    if not pictures:
        return None
    return pictures[0].metadata.get("image/png", {}).get("alt")


def _source(play: Play, key: str, sources: Mapping[str, str]) -> str:
    if key not in sources:
        raise RunError(f"play {play.id}: no file book/references/{key}.txt; {nearest(key, sources)}")
    return sources[key]


def _link(play: Play) -> str:
    return f"[{plain(play.title)}]({play.module}/{play.name}.ipynb)"


def _stamp(provenance: Mapping[str, str]) -> list[str]:
    shown = {key: str(value)[:12] if key == "hash" else str(value) for key, value in provenance.items()}
    return [f"{key.replace('_', ' ')} {value}" for key, value in shown.items() if key != "client"]


def subject(provenance: Mapping[str, str]) -> str:
    """Return the line under the book's title: whose book it is, and from which data."""
    return f"**{plain(provenance['client'])}**\\\n{plain(' · '.join(_stamp(provenance)))}\n"


def footer(provenance: Mapping[str, str]) -> str:
    """Return the provenance line at the foot of every page, as HTML."""
    from html import escape

    line = " · ".join([provenance["client"], *_stamp(provenance)])
    return f'<p class="provenance">{escape(line)}</p>'


def module_index(name: str, plays: Sequence[Play], topics: Iterable[Topic]) -> str:
    """Return a module's overview: what it is about, its plays with their decisions, and what is planned."""
    module = modules()[name]
    lines = [f"# {module.number}. {module.title}", "", module.overview.strip(), ""]
    if module.stages:
        lines += [way(module, plays, said=_question), ""]
        if module.closing:
            lines += [f"**[On one page: {module.closing}](closing.md)**", ""]
    else:
        for play in plays:
            lines += [
                f"## [{plain(play.title)}]({play.name}.ipynb)",
                "",
                f"You decide {play.decides}.",
                "",
                f"*{play.teach_min} minutes to teach, {play.practise_min} to practise.*",
                "",
            ]
    here = {play.id for play in plays}
    others = dict.fromkeys(t.title for t in topics if t.play.startswith(f"{name}.") and t.play not in here)
    if others:
        lines += [":::{dropdown} Not in this book", *[f"- {plain(title)}" for title in others], ":::"]
    return "\n".join(lines) + "\n"


def _question(play: Play) -> str:
    return f"[{plain(play.title)}]({play.name}.ipynb) You decide {play.decides}."


def closing(name: str, rows: Iterable[Mapping[str, Any]], plays: Sequence[Play]) -> str:
    """Return the page on which a module's decisions are put together."""
    module = modules()[name]
    titles = {play.id: play.title for play in plays if play.module == name}
    return f"# On one page: {module.closing}\n\n{on_one_page(module, rows, titles)}\n"


def module_list(plays: Sequence[Play]) -> str:
    """Return the modules of a book as a list, each with its number of plays."""
    lines = []
    for name, group in groupby(plays, key=lambda play: play.module):
        module, parts = modules()[name], list(group)
        lines.append(f"{module.number}. [{module.title}]({name}/index.md)")
        lines += [f"   - {_link(play)}" for play in parts]
    return "\n".join(lines) + "\n"


def decided(rows: Sequence[Mapping[str, Any]], plays: Sequence[Play]) -> str:
    """Return the first decision of each module, for the title page."""
    if not rows:
        return "No decision was recorded.\n"
    known = {play.id: play for play in plays}
    lines = []
    for name, group in groupby(rows, key=lambda row: row["play"].split(".")[0]):
        row = next(group)
        where = (
            f"[{modules()[name].title}]({name}/index.md)" if row["play"] in known else modules()[name].title
        )
        lines.append(f"- {where}: {plain(row['recommendation'])}{_illustrated(row)}")
    count = "One decision" if len(rows) == 1 else f"All {len(rows)} decisions"
    return "\n".join([*lines, "", f"[{count}, with ranges, owners and review dates](decisions.md)"]) + "\n"


def _illustrated(row: Mapping[str, Any]) -> str:
    return " *(illustration)*" if row["illustration"] else ""


def decisions(rows: Sequence[Mapping[str, Any]], plays: Sequence[Play]) -> str:
    """Return the decision register as a page."""
    if not rows:
        return "No decision was recorded.\n"
    known = {play.id: play for play in plays}
    lines: list[str] = []
    for name, group in groupby(rows, key=lambda row: row["play"].split(".")[0]):
        lines += [f"## {modules()[name].title}", ""]
        for row in group:
            question = _link(known[row["play"]]) if row["play"] in known else plain(row["title"])
            lines += [
                f"### {question}{_illustrated(row)}",
                "",
                f"**{plain(row['recommendation'])}**",
                "",
                f"- Evidence: {plain(row['evidence'])}",
                f"- Predicted: {plain(predicted(row))}",
                f"- Flips if: {plain(row['flips_if'])}",
                f"- Owner: {plain(row['owner'])}",
                f"- Review: {row['review_on']}",
                "",
            ]
    return "\n".join(lines)


def coverage_page(topics: Sequence[Topic], plays: Sequence[Play]) -> str:
    """Return the coverage of all topics: a summary, then one table per curriculum and module."""
    here = {play.id: play for play in plays}
    done = [topic for topic in topics if topic.done]
    done_plays, all_plays = len({t.play for t in done}), len({t.play for t in topics})
    lines = [
        f"**{len(done)} of {len(topics)} topics are done**, by {done_plays} of {all_plays} plays.",
        "",
        "| Curriculum | Topics | Done |",
        "| --- | --- | --- |",
    ]
    for letter, curriculum in curricula().items():
        own = [topic for topic in topics if topic.id[0] == letter]
        lines.append(f"| {letter} {curriculum['title']} | {len(own)} | {sum(t.done for t in own)} |")
    for letter, curriculum in curricula().items():
        lines += ["", f"## {letter} {curriculum['title']}"]
        for group, entry in curriculum["modules"].items():
            lines += [
                "",
                f"### {group} {entry['title']}",
                "",
                "| Topic | Play | State |",
                "| --- | --- | --- |",
            ]
            for topic in topics:
                if topic.group == group:
                    play = _link(here[topic.play]) if topic.play in here else plain(topic.title)
                    state = "done" if topic.done else "planned"
                    lines.append(f"| {topic.id} {topic.label} | {play} | {state} |")
    return "\n".join(lines) + "\n"


def agenda(plays: Sequence[Play]) -> str:
    """Return the timed agenda of the half-day plays, one table per half day."""
    days = half_days(plays)
    if not days:
        return "None of the plays in this book belongs to a half day.\n"
    lines: list[str] = []
    for number, day in enumerate(days, start=1):
        names = ", ".join(dict.fromkeys(play.module for play in day))
        slots = timed(day)
        length = slots[-1].end_min
        lines += [
            f"### Half day {number}: {names} ({length // 60} h {length % 60:02d} min)",
            "",
            "| At | Minutes | What |",
            "| ---: | ---: | --- |",
        ]
        for slot in slots:
            what = f"{_link(slot.play)}: {slot.what.lower()}" if slot.play else slot.what
            lines.append(f"| {slot.clock} | {slot.minutes} | {what} |")
        lines.append("")
    return "\n".join(lines)


def references(plays: Sequence[Play], sources: Mapping[str, str]) -> str:
    """Return every source that the book's plays name, with the pages that name it."""
    users: dict[str, list[Play]] = {}
    for play in plays:
        for key in play.references:
            users.setdefault(_source(play, key, sources), []).append(play)
    lines = [f"- {text} Used in {', '.join(map(_link, users[text]))}." for text in sorted(users)]
    return "\n".join(lines or ["No play of this book names a source."]) + "\n"


def toc(plays: Sequence[Play], *, ready: bool = False) -> dict[str, Any]:
    """Return Jupyter Book's table of contents; `ready` says whether there is a page on how ready the data are."""
    chapters = []
    for name, group in groupby(plays, key=lambda play: play.module):
        sections = [{"file": f"{name}/{play.name}"} for play in group]
        if modules()[name].closing:
            sections.append({"file": f"{name}/closing"})
        chapters.append({"file": f"{name}/index", "sections": sections})
    return {
        "format": "jb-book",
        "root": "index",
        "parts": [
            {
                "caption": "Start here",
                "chapters": [{"file": f} for f in ("participants", "facilitators", "client_data", "readers")],
            },
            {"caption": "Modules", "chapters": chapters},
            {
                "caption": "This run",
                "chapters": [{"file": f} for f in ("decisions", *(["readiness"] if ready else []))],
            },
            {
                "caption": "Look up",
                "chapters": [
                    {"file": f} for f in ("coverage", "recovery", "data", "planted", "glossary", "references")
                ],
            },
        ],
    }
