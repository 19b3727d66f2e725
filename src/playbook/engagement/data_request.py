"""The data request: what to ask a client for, so that more plays run on its own data; most useful first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from playbook.classroom.output import plain
from playbook.engagement.columns_read import columns_read
from playbook.engagement.readiness import PlayReadiness, Readiness
from playbook.store import schemas
from playbook.store.reading import view_expects, views
from playbook.wording import counted, listed

FORMS = {
    "text": "text",
    "time": "date and time",
    "number": "number",
    "count": "whole number",
    "flag": "yes or no",
}
NEEDED, USEFUL, FILL = "needed", "useful", "not filled yet"


@dataclass(frozen=True)
class AskedColumn:
    """One column to ask for. `required`: a row without it is of no use."""

    column: schemas.Column
    key: bool
    required: bool

    @property
    def form(self) -> str:
        """What a cell holds, in words."""
        if self.column.choices:
            return f"one of {', '.join(self.column.choices)}"
        day = self.column.kind == "time" and self.column.name.endswith("_on")
        return "date" if day else FORMS[self.column.kind]

    @property
    def example(self) -> str:
        """A made-up cell that shows the form."""
        return _example(self.column)


@dataclass(frozen=True)
class Ask:
    """One table to ask for, or columns of one that is there.

    Parameters
    ----------
    table : Table
        Its declaration.
    why : str
        needed: plays cannot run without it; useful: plays would say more; not filled yet: the table is there, these of
        its columns are empty.
    columns : tuple of AskedColumn
        What to ask for: the key, what every row must have, and what the plays read.
    values : tuple of str
        Fixed values that plays look for, as `column = value`.
    needed_by, used_by : tuple of str
        Titles of the plays that cannot run without it, and of those that would say more with it.
    completes : int
        How many of the former lack no other table.
    weight : float
        Each play counts as one, shared by all the tables that it waits for.
    """

    table: schemas.Table
    why: str
    columns: tuple[AskedColumn, ...]
    values: tuple[str, ...]
    needed_by: tuple[str, ...]
    used_by: tuple[str, ...]
    completes: int
    weight: float

    @property
    def serves(self) -> str:
        """What it is good for, in words."""
        parts = []
        if self.needed_by:
            parts.append(f"needed for {counted(len(self.needed_by), 'question')}")
        if self.completes:
            parts.append(f"completes {self.completes} on its own")
        if self.used_by:
            parts.append(f"adds to {counted(len(self.used_by), 'question')}")
        return listed(parts)


def data_request(readiness: Readiness) -> tuple[Ask, ...]:
    """Return what to ask for: what plays need, then what they would use, then columns to fill; most useful first."""
    needed = _waiting(readiness, lambda play: play.missing)
    useful = _waiting(readiness, lambda play: play.without)
    unfilled = _waiting(
        readiness, lambda play: tuple(dict.fromkeys(name.split(".")[0] for name in play.empty))
    )
    asks = [_ask(name, NEEDED, plays, useful.get(name, {})) for name, plays in needed.items()]
    asks += [_ask(name, USEFUL, {}, plays) for name, plays in useful.items() if name not in needed]
    asks += [_ask(name, FILL, {}, plays) for name, plays in unfilled.items()]
    order = (NEEDED, USEFUL, FILL)
    return tuple(sorted(asks, key=lambda ask: (order.index(ask.why), -ask.weight, ask.table.name)))


def _waiting(
    readiness: Readiness, lacks: Callable[[PlayReadiness], tuple[str, ...]]
) -> dict[str, dict[PlayReadiness, int]]:
    """Return, by table, the plays that lack it, each with the number of tables that it lacks."""
    found: dict[str, dict[PlayReadiness, int]] = {}
    for play in readiness.plays:
        for name in lacks(play):
            found.setdefault(name, {})[play] = len(lacks(play))
    return found


def _ask(name: str, why: str, needed: dict[PlayReadiness, int], useful: dict[PlayReadiness, int]) -> Ask:
    table = schemas.table(name)
    plays = [*needed, *useful]
    read = {column for play in plays for column in columns_read(play.play).get(name, ())}
    empty = {column for play in plays for column in play.empty}
    columns = [
        AskedColumn(column, column.name in table.key, not column.nullable)
        for column in table.columns
        if column.name in table.key
        or (f"{name}.{column.name}" in empty if why == FILL else not column.nullable or column.name in read)
    ]
    sources = dict.fromkeys(
        s for play in plays for s in (*play.play.inputs, *play.play.optional) if s in views()
    )
    looked_for = [f"{c} = {v}" for s in sources for t, c, v in view_expects(s) if t == name and why != FILL]
    return Ask(
        table,
        why,
        tuple(columns),
        tuple(dict.fromkeys(looked_for)),
        tuple(play.play.title for play in needed),
        tuple(play.play.title for play in useful),
        sum(number == 1 for number in needed.values()),
        sum(1 / number for number in (needed or useful).values()),
    )


def by_system(asks: Iterable[Ask]) -> dict[str, list[Ask]]:
    """Return the requests by the system they usually come from; the system of the most useful one first."""
    found: dict[str, list[Ask]] = {}
    for ask in asks:
        found.setdefault(ask.table.system or "other", []).append(ask)
    return found


def markdown(readiness: Readiness) -> str:
    """Return the data request as Markdown, to send to the client."""
    asks = data_request(readiness)
    client = plain(readiness.client)
    poor = [play for play in readiness.plays if play.state == "too little"]
    if not asks and not poor:
        return f"# Data request: {client}\n\nNothing is missing: every question can be answered from the data we have.\n"
    waiting = readiness.counts["missing"] + len(poor)
    lines = [
        f"# Data request: {client}",
        "",
        f"{counted(len(readiness.plays), 'question')} of the workshop can be answered from your own data. "
        f"{waiting} of them {'waits' if waiting == 1 else 'wait'} for data that we do not have yet; what follows "
        "lists these data, by the system they usually come from, the most useful first.",
        "",
        "Send what is easy to get, as it comes out of the system: CSV, Excel, Parquet or JSON lines, one file or several. "
        "Names of columns need not match ours. Three things matter: the columns marked as key identify a row, "
        "the same customer, order or product has the same number in every file, and nothing is rounded or summed up. "
        f"Two years up to {readiness.as_of:%d %B %Y} are a good length.",
    ]
    for why, group in groupby(asks, key=lambda ask: ask.why):
        lines += ["", f"## {_HEADINGS[why]}"]
        for system, own in by_system(group).items():
            lines += ["", f"### {plain(system[:1].upper() + system[1:])}"]
            for ask in own:
                lines += ["", *_section(ask)]
    if poor:
        lines += ["", "## Tables that arrived without what a question looks at", ""]
        lines += [f"- *{plain(play.play.title)}*: {plain(play.lacks)}." for play in poor]
    return "\n".join(lines) + "\n"


_HEADINGS = {
    NEEDED: "What is needed",
    USEFUL: "What would add to the answers",
    FILL: "Columns that arrived empty",
}


def _section(ask: Ask) -> list[str]:
    lines = [
        f"#### {ask.table.name}",
        "",
        f"One row is {ask.table.grain}. {ask.serves[:1].upper() + ask.serves[1:]}: "
        f"{'; '.join(f'*{plain(title)}*' for title in (*ask.needed_by, *ask.used_by))}",
        "",
    ]
    if ask.values:
        lines += [
            f"Some rows must have {listed(f'`{value}`' for value in ask.values)}, or your word for it.",
            "",
        ]
    lines += ["| Column | What it is | Form | Unit | Example |", "| --- | --- | --- | --- | --- |"]
    for asked in ask.columns:
        mark = " (key)" if asked.key else "" if asked.required else " (if known)"
        cells = (asked.column.meaning, asked.form, _unit(asked.column), asked.example)
        lines.append(f"| `{asked.column.name}`{mark} | {' | '.join(map(plain, cells))} |")
    return lines


def _unit(column: schemas.Column) -> str:
    return "" if column.unit == "1" else column.unit


WORKBOOK_COLUMNS = {  # heading: width in characters
    "Priority": 12, "System": 20, "Table": 20, "One row is": 32, "Column": 22, "What it is": 44, "Form": 22, "Unit": 12,
    "Example": 20, "Key": 6, "Must be filled": 12, "Needed for": 10, "Completes": 10, "Adds to": 10,
    "Your system and column": 28, "Who sends it": 20, "By when": 14,
}  # fmt: skip


def write_workbook(readiness: Readiness, path: str | Path) -> None:
    """Write the data request as a workbook: a row a column to ask for, and room for the client's answers.

    Texts are texts: one that begins with ``=`` is no formula, and one that looks like an address is no link.
    """
    import xlsxwriter

    inert = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), inert) as book:
        bold = book.add_format({"bold": True, "bg_color": "#dbe9f6", "text_wrap": True, "valign": "top"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        request, questions = book.add_worksheet("Data request"), book.add_worksheet("Questions")
        rows = [row for ask in data_request(readiness) for row in _rows(ask)]
        _fill(request, dict(WORKBOOK_COLUMNS), rows, bold, wrap)
        heads = {"Question": 60, "State": 18, "What is not there": 80}
        states = [[play.play.title, play.state, play.lacks] for play in readiness.plays]
        _fill(questions, heads, states, bold, wrap)


def _rows(ask: Ask) -> list[list[str | int]]:
    table = ask.table
    return [
        [
            ask.why, table.system, table.name, table.grain, asked.column.name, asked.column.meaning, asked.form,
            _unit(asked.column), asked.example, "key" if asked.key else "", "yes" if asked.required else "",
            len(ask.needed_by), ask.completes, len(ask.used_by),
        ]
        for asked in ask.columns
    ]  # fmt: skip


def _fill(
    sheet: Any, heads: Mapping[str, int], rows: Sequence[Sequence[str | int]], bold: Any, wrap: Any
) -> None:
    """Fill a sheet: headings with their widths, rows, a filter, the headings kept in sight."""
    for number, (head, width) in enumerate(heads.items()):
        sheet.set_column(number, number, width, wrap)
        sheet.write_string(0, number, head, bold)
    for number, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, place, value)
            else:
                sheet.write_number(number, place, value)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(heads) - 1)


EXAMPLES = {
    "language": "en", "country": "GB", "currency": "EUR", "timezone": "Europe/London", "jurisdiction": "EU",
    "postcode": "SW1A", "region_id": "GB",
}  # fmt: skip


def _example(column: schemas.Column) -> str:
    """Return a made-up cell of a column's kind and unit; nothing for text that is free."""
    if column.name in EXAMPLES:
        return EXAMPLES[column.name]
    if column.choices:
        return column.choices[0]
    if column.kind == "time":
        return "2026-03-31" if column.name.endswith("_on") else "2026-03-31 14:05:00"
    if column.kind == "flag":
        return "yes"
    if column.kind == "text":
        return _coded(column)
    if column.unit.startswith("money"):
        return "149.90"
    usual = {"share": 0.25, "year": 1984.0}.get(column.unit, 3.0 if column.kind == "count" else 2.5)
    low = usual if column.low is None else max(usual, column.low)
    return f"{low if column.high is None else min(low, column.high):g}"


def _coded(column: schemas.Column) -> str:
    """Return a key, or the first of the words that the meaning lists ("web, phone, edi, store")."""
    if column.name.endswith(("_id", "_no", "_ref")):
        return f"{column.name[0].upper()}-10482"
    before, colon, after = column.meaning.partition(": ")
    words = [word.strip() for word in (after or before).split(";")[0].split(",")]
    short = all(len(word.split()) <= 2 for word in words)
    return words[0] if short and len(words) >= (2 if colon else 3) else ""
