"""Readiness as a page of the book and as text for the terminal: what arrived, what is odd, what it is enough for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from textwrap import wrap

from playbook.classroom.output import plain
from playbook.engagement.data_request import FILL, NEEDED, Ask, data_request
from playbook.engagement.profile import Flow, TableProfile
from playbook.engagement.readiness import STATES, PlayReadiness, Readiness
from playbook.wording import counted, listed

WIDTH = 100  # of the terminal


def page(readiness: Readiness, *, level: int = 2) -> str:
    """Return readiness as Markdown.

    Parameters
    ----------
    readiness : Readiness
        Of the store.
    level : int
        Of the page's highest headings.
    """
    head = "#" * level
    lines = [_summary(readiness, mark="**"), *_plays(readiness, head)]
    if readiness.arrived:
        lines += ["", f"{head} What arrived", "", *_arrived(readiness)]
    lines += ["", f"{head} Tables", "", *_tables(readiness)]
    lines += ["", f"{head} Questions to ask", "", *_questions(readiness)]
    lines += ["", f"{head} Filled cells", "", *_filled(readiness.tables)]
    lines += ["", f"{head} What to ask for", "", *_asks(data_request(readiness))]
    return "\n".join(lines) + "\n"


def _summary(readiness: Readiness, mark: str = "") -> str:
    counts, total = readiness.counts, len(readiness.plays)
    runs = counts["ready"] + counts["ready with less"]
    which = (
        f"{runs} of {counted(total, 'play')}"
        if runs < total
        else f"All {total} plays"
        if total > 1
        else "The play"
    )
    verb = "runs" if runs == 1 else "run"
    parts = listed(f"{counts[state]} {state}" for state in STATES if counts[state])
    lines = [f"{mark}{which} {verb} on these data{mark}{f' ({parts})' if total > 1 else ''}."]
    if counts["missing"]:
        lines.append(
            f"What lacks a table ({counts['missing']}) is shown on synthetic data, as an illustration."
        )
    if counts["too little"]:
        lines.append(f"So is what has too little ({counts['too little']}), unless more arrives.")
    return " ".join(lines)


def _plays(readiness: Readiness, head: str) -> list[str]:
    lines: list[str] = []
    for state, says in STATES.items():
        own = [play for play in readiness.plays if play.state == state]
        if own:
            lines += ["", f"{head} {state.capitalize()}: {counted(len(own), 'play')}", ""]
            lines += [f"{says.capitalize()}.", ""]
        if own and state == "ready":
            lines += [f"- {_link(play)}" for play in own]
        elif own:
            lines += ["| Play | What is not there |", "| --- | --- |"]
            lines += [f"| {_link(play)} | {plain(play.lacks)} |" for play in own]
    return lines


def _link(play: PlayReadiness) -> str:
    return f"[{plain(play.play.title)}]({play.play.module}/{play.play.name}.ipynb)"


def _arrived(readiness: Readiness) -> list[str]:
    lines = [
        "| Export | Rows in | Accepted | Quarantined | Most often because of |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for source in readiness.arrived:
        aside = source.rows - source.accepted
        first = [f"{plain(reason)} ({rows:,})" for reason, rows in list(source.quarantined.items())[:3]]
        share = f"{aside:,} ({_per_cent(aside, source.rows)})"
        lines.append(
            f"| {plain(source.name)} | {source.rows:,} | {source.accepted:,} | {share} | {', '.join(first)} |"
        )
    hints = [
        f"- {plain(source.name)}: {plain(hint)}" for source in readiness.arrived for hint in source.hints
    ]
    return [*lines, "", *hints] if hints else lines


def _tables(readiness: Readiness) -> list[str]:
    aside = readiness.set_aside
    lines = [
        f"| Table | Rows |{' Set aside |' if aside else ''} From | To | Days old | Weeks without a row | Keys found |",
        f"| --- | ---: |{' ---: |' if aside else ''} --- | --- | ---: | --- | --- |",
    ]
    for table in readiness.tables:
        counts = [f"{table.rows:,}"] + ([f"{aside.get(table.name, 0):,}"] if aside else [])
        cells = [f"`{table.name}`", *counts, *_when(table.flow), _keys(table)]
        lines.append(f"| {' | '.join(cells)} |")
    note = (
        f"*To* is the newest row up to {readiness.as_of:%d %B %Y}, *days old* its distance from that day. "
        "A key is found when the row that it points to is in its own table."
    )
    if aside:
        note += " *Set aside* are rows of exports that are in quarantine because of a rule of this table."
    return [*lines, "", note]


def _when(flow: Flow | None) -> list[str]:
    if flow is None:
        return ["", "", "", ""]
    return [_day(flow.first), _day(flow.newest), f"{flow.late_d:,}", _gaps(flow.gaps)]


def _day(day: date) -> str:
    """Return a date that a narrow column does not break."""
    return f"{day.day}\N{NO-BREAK SPACE}{day:%b}\N{NO-BREAK SPACE}{day.year}"


def _gaps(gaps: Sequence[date] | None) -> str:
    """Return weeks without a row as spans of days: of several in a row the first and last day."""
    if gaps is None:
        return ""
    if not gaps:
        return "none"
    spans: list[list[date]] = []
    for week in gaps:
        if spans and week - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = week + timedelta(days=6)
        else:
            spans.append([week, week + timedelta(days=6)])
    shown = [f"{_day(start)} to {_day(end)}" for start, end in spans[:2]]
    return f"{len(gaps)}: {', '.join(shown)}{' ...' if len(spans) > 2 else ''}"


def _keys(table: TableProfile) -> str:
    """Return "all", or the columns of which some are not found, each with the share that is."""
    used = [key for key in table.references if key.rows]
    lost = [f"`{key.column}` {_per_cent(key.found, key.rows)}" for key in used if key.found < key.rows]
    return ", ".join(lost) or ("all" if used else "")


def _questions(readiness: Readiness) -> list[str]:
    rows = [odd for table in readiness.tables for odd in table.suspicions]
    broken = [(t, r) for t in readiness.tables for r in t.references if r.found < r.rows]
    if not rows and not broken:
        return ["Nothing looks odd."]
    lines = ["| Table | Column | Rows | What is odd |", "| --- | --- | ---: | --- |"]
    for table, key in broken:
        lost = key.rows - key.found
        lines.append(f"| `{table.name}` | `{key.column}` | {lost:,} | not in `{key.to}` |")
    for odd in rows:
        column = f"`{odd.column}`" if odd.column else ""
        count = "" if odd.rows is None else f"{odd.rows:,}"
        lines.append(f"| `{odd.table}` | {column} | {count} | {plain(odd.says)} |")
    return ["These may be right. Ask before a play builds on them.", "", *lines]


def _filled(tables: Iterable[TableProfile]) -> list[str]:
    lines: list[str] = []
    for table in tables:
        full = [c for c in table.columns if c.rows == table.rows]
        part = [c for c in table.columns if 0 < c.rows < table.rows]
        empty = [f"`{name}`" for name in table.empty]
        title = f"{table.name}: {len(full)} of {len(table.columns)} columns in every row"
        lines += ["", f":::{{dropdown}} {title}"]
        if part:
            lines += ["| Column | Filled cells | Share |", "| --- | ---: | ---: |"]
            lines += [f"| `{c.name}` | {c.rows:,} | {_per_cent(c.rows, table.rows)} |" for c in part]
            lines.append("")
        if empty:
            lines.append(f"Empty: {', '.join(empty)}.")
        if not part and not empty:
            lines.append("No cell is empty." if table.rows else "The table has no rows.")
        lines.append(":::")
    return lines[1:]


def _asks(asks: Sequence[Ask]) -> list[str]:
    if not asks:
        return ["Nothing: every play has all that it can use."]
    needed = [ask for ask in asks if ask.why == NEEDED]
    further = [ask for ask in asks if ask.why != NEEDED]
    lines = (
        ["The most useful first. The data request says what each table holds.", "", *_asked(needed)]
        if needed
        else []
    )
    if further:
        lines += ["", ":::{dropdown} What would add to plays that run already", *_asked(further), ":::"]
    return lines


def _asked(asks: Sequence[Ask]) -> list[str]:
    lines = ["| Data | Usual source | What they are good for |", "| --- | --- | --- |"]
    for ask in asks:
        own = [f"`{asked.column.name}`" for asked in ask.columns if not asked.key]
        what = f"`{ask.table.name}`: {', '.join(own)}" if ask.why == FILL else f"`{ask.table.name}`"
        lines.append(f"| {what} | {plain(ask.table.system)} | {ask.serves} |")
    return lines


def _per_cent(part: int, of: int) -> str:
    """Return a share; never 100 % or 0 % when it is not all or none.

    Examples
    --------
    >>> _per_cent(99_999, 100_000), _per_cent(5, 5), _per_cent(1, 100_000), _per_cent(0, 5)
    ('>99.9%', '100.0%', '<0.1%', '0.0%')
    """
    share = part / of if of else 0.0
    if part < of and share > 0.9995:
        return ">99.9%"
    if part > 0 and share < 0.0005:
        return "<0.1%"
    return f"{share:.1%}"


def text(readiness: Readiness) -> str:
    """Return readiness for the terminal: plain text, 100 columns wide."""
    lines = [f"{readiness.client}, as of {readiness.as_of:%d %B %Y}", ""]
    lines += wrap(_summary(readiness), WIDTH)
    for state in STATES:
        own = [play for play in readiness.plays if play.state == state]
        if own:
            lines += ["", f"{state} ({len(own)}): {STATES[state]}"]
            lines += [line for play in own for line in _line(play)]
    if readiness.arrived:
        lines += ["", f"{'exports':<40}{'rows in':>14}{'accepted':>14}{'quarantined':>14}"]
        for source in readiness.arrived:
            aside = source.rows - source.accepted
            lines.append(f"  {source.name[:36]:<38}{source.rows:>14,}{source.accepted:>14,}{aside:>14,}")
    lines += ["", f"{'tables':<40}{'rows':>14}{'from':>14}{'to':>14}{'empty columns':>16}"]
    for table in readiness.tables:
        first, newest = (str(table.flow.first), str(table.flow.newest)) if table.flow else ("", "")
        empty = f"{len(table.empty)} of {len(table.columns)}"
        lines.append(f"  {table.name:<38}{table.rows:>14,}{first:>14}{newest:>14}{empty:>16}")
    odd = [line for table in readiness.tables for line in _odd(table)]
    if odd:
        lines += ["", "to ask about", *odd]
    asks = [ask for ask in data_request(readiness) if ask.why != FILL]
    if asks:
        lines += ["", "to ask for, most useful first"]
        lines += [line for ask in asks for line in _hanging(f"{ask.table.name}:", ask.serves)]
    return "\n".join(lines)


def _line(play: PlayReadiness) -> list[str]:
    return _hanging(play.play.id, play.lacks)


def _odd(table: TableProfile) -> list[str]:
    lines = []
    for key in table.references:
        if key.found < key.rows:
            lines += _hanging(f"{table.name}.{key.column}:", f"{key.rows - key.found:,} not in {key.to}")
    for odd in table.suspicions:
        place = f"{odd.table}.{odd.column}:" if odd.column else f"{odd.table}:"
        count = "" if odd.rows is None else f"{odd.rows:,} "
        lines += _hanging(place, f"{count}{odd.says}")
    return lines


def _hanging(label: str, said: str) -> list[str]:
    """Return a label and what is said of it, wrapped under itself."""
    return wrap(f"{label:<32}  {said}".rstrip(), WIDTH, initial_indent="  ", subsequent_indent=" " * 36)
