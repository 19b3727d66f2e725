"""What in a column is probably not what it says: questions to the client, no errors.

Usual sizes follow Tukey (1977), Exploratory Data Analysis, section 2D: a value is "far out" when it lies more than
three times the spread of the middle half beyond that half. Sizes are compared as logarithms, because money, durations
and quantities differ by factors, and a wrong unit is a factor; nothing within a factor of ten of the middle half is
called far out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb

    from playbook.store.schemas import Column, Table

FEW = 20  # filled cells below which nothing is said about what is usual
ONE_VALUE = 0.99  # share of one value from which a column is nearly constant
TIMES = 10  # how many times the neighbours a month must be
SIZELESS = {"", "1", "share", "year", "points", "of its metric", "as typed", "see target_unit", "deg"}
PLACEHOLDER_DATES = (
    "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01",
    "2099-12-31", "2100-01-01", "2999-12-31", "9999-01-01", "9999-12-31",
)  # fmt: skip
PLACEHOLDER_NUMBERS = (999, 9999, 99999, 999999, 9999999, 99999999, -1, -9, -99, -999, -9999)
PLACEHOLDER_TEXTS = (
    "n/a", "#n/a", "nan", "null", "(null)", "unknown", "unbekannt", "inconnu", "desconocido", "onbekend", "k.a.",
    "tbd", "todo", "xxx", "?", "??", "???", "-", "--", ".", "...",
)  # fmt: skip
FACTORS = {  # by unit: what a wrong one multiplies by
    "money": {100: "cents", 1000: "thousandths"},
    "s": {60: "minutes", 1000: "milliseconds", 3600: "hours"},
    "ms": {1000: "seconds or microseconds"},
    "min": {60: "seconds or hours"},
    "h": {24: "days", 60: "minutes", 3600: "seconds"},
    "d": {24: "hours", 7: "weeks"},
    "kg": {1000: "grams or tons"},
    "dm3": {1000: "cm3 or m3"},
    "m": {100: "cm", 1000: "mm or km"},
    "km": {1000: "metres"},
}
EXTRACTED = "extracted_at"  # the day of the export: one value, of course


@dataclass(frozen=True)
class Suspicion:
    """Something to ask the client about: in which column (None: the table), how many rows, and what is odd."""

    table: str
    column: str | None
    rows: int | None
    says: str


@dataclass(frozen=True)
class Check:
    """A condition to count over all rows, and what a count means: given it and the filled cells, a text or None."""

    column: str
    where: str
    says: Callable[[int, int], str | None]


@dataclass(frozen=True)
class Known:
    """One column with what its table's sample says is usual. `planned`: times that may lie in the future."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    column: Column
    planned: bool
    as_of: date

    def ask(self, select: str) -> tuple[Any, ...]:
        """Return one row of the sample's filled cells; `x` is the cell."""
        row = self.connection.execute(
            f'select {select} from (select "{self.column.name}" as x from sample) where x is not null'
        ).fetchone()
        assert row is not None
        return row

    @cached_property
    def top(self) -> tuple[Any, int, int]:
        """The most frequent value (the smallest on a tie), how often it stands there, and all filled cells."""
        row = self.connection.execute(
            f'select "{self.column.name}" as x, count(*) as n, sum(count(*)) over () from sample '
            "where x is not null group by 1 order by n desc, x limit 1"
        ).fetchone()
        return (row[0], int(row[1]), int(row[2])) if row else (None, 0, 0)

    @cached_property
    def fences(self) -> tuple[float, float, float, float] | None:
        """Smallest and largest usual size, and the ends of the middle half; None for a column without sizes."""
        if self.column.kind not in ("number", "count") or self.column.unit in SIZELESS:
            return None
        low, high, filled = self.ask(
            "quantile_cont(log10(abs(x)), 0.25) filter (where x <> 0), "
            "quantile_cont(log10(abs(x)), 0.75) filter (where x <> 0), count(*) filter (where x <> 0)"
        )
        if filled < FEW:
            return None
        reach = max(3 * (high - low), 1.0)
        return 10 ** (low - reach), 10 ** (high + reach), 10**low, 10**high

    @property
    def shown(self) -> bool:
        """Whether a value may stand in the report: no key, nothing personal, no long text."""
        name, table = self.column.name, self.table
        return self.column.kind != "text" or not (
            name in table.personal or name in table.key or name.endswith(("_id", "_no", "_ref"))
        )

    @cached_property
    def cell(self) -> str:
        """The column in SQL."""
        return f'"{self.column.name}"'


def checks(known: Known) -> Iterator[Check]:
    """Yield what to count in one column."""
    yield from _one_value(known)
    yield from {"time": _times, "text": _texts}.get(known.column.kind, _numbers)(known)


def _one_value(known: Known) -> Iterator[Check]:
    value, often, filled = known.top
    silent = known.column.kind == "flag" or known.column.name in (*known.table.key, EXTRACTED)
    if silent or filled < FEW or often < ONE_VALUE * filled:
        return

    def says(count: int, cells: int) -> str | None:
        shown = f"'{_shown(value)}'" if known.shown and len(_shown(value)) <= 30 else "the same value"
        if count == cells:
            return f"always {shown}"
        return f"{shown} in {count / cells:.1%} of the filled cells" if count >= ONE_VALUE * cells else None

    same = f"left({known.cell}, 64)" if known.column.kind == "text" else known.cell
    yield Check(known.column.name, f"{same} = {_literal(value)}", says)


def _times(known: Known) -> Iterator[Check]:
    cell, name = known.cell, known.column.name
    days = ", ".join(f"date '{day}'" for day in PLACEHOLDER_DATES)
    standing = f"{cell}::date in ({days})"
    often = "a date like 1900-01-01 or 9999-12-31, which usually stands for 'not known'"
    yield Check(name, standing, _if_any(often))
    yield Check(name, f"{cell} < timestamp '1990-01-01' and not {standing}", _if_any("before 1990"))
    if not known.planned:
        later = f"{cell} >= date '{known.as_of}' + 1 and not {standing}"
        yield Check(name, later, _if_any(f"after {known.as_of}, the as-of date"))
    if name.endswith("_at") and name != EXTRACTED:
        yield Check(
            name, f"{cell} = date_trunc('day', {cell})", _if_all("always at midnight: only the day is known")
        )


def _texts(known: Known) -> Iterator[Check]:
    cell, name = known.cell, known.column.name
    if known.column.choices:
        return
    meant = known.column.meaning.lower().replace(",", " ").split()
    words = ", ".join(_literal(word) for word in PLACEHOLDER_TEXTS if word not in meant)
    if name not in known.table.key:
        said = "a word like 'n/a', 'unknown' or '-' where the cell should be empty"
        yield Check(name, f"lower(trim({cell})) in ({words})", _if_any(said))
    yield Check(
        name,
        f"regexp_matches({cell}, '\\x{{FFFD}}|Ã[\\x{{80}}-\\x{{BF}}ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€')",
        _if_any("damaged letters such as 'Ã¼': the file was read in the wrong encoding"),
    )


def _numbers(known: Known) -> Iterator[Check]:
    if known.column.kind == "flag":
        return
    cell, name = known.cell, known.column.name
    if known.column.unit == "share":
        said = "above 1: per cent in place of a share?"
        yield Check(name, f"{cell} > 1", _if_any(said))
    placeholder = _placeholder(known)
    if placeholder is not None:
        said = f"exactly {placeholder:g}, far from all others: does it stand for 'not known'?"
        yield Check(name, f"{cell} = {placeholder}", _if_any(said))
    if known.fences:
        low, high, usual_low, usual_high = known.fences
        usual = f"the middle half lies between {_figure(usual_low)} and {_figure(usual_high)}"
        other = f" and {cell} <> {placeholder}" if placeholder is not None else ""
        far = f"abs({cell}) > {high!r}{other}"
        yield Check(name, far, _if_any(f"far above the rest ({usual}){_factor(known, far)}"))
        if known.table.key != (name,):
            near_zero = f"{cell} <> 0 and abs({cell}) < {low!r}{other}"
            if factor := _factor(known, near_zero):  # without it no news: short waits are common
                yield Check(name, near_zero, _if_any(f"far below the rest ({usual}){factor}"))


def _placeholder(known: Known) -> float | None:
    """Return a number like 999 or -1 that is the outermost value of the sample, often there, and far from the next."""
    if known.column.name in known.table.key or known.column.name.endswith("_no"):
        return None
    low, high, filled = known.ask("min(x), max(x), count(*)")
    for number in (high, low):
        if filled < FEW or number not in PLACEHOLDER_NUMBERS:
            continue
        count, next_low, next_high = known.ask(
            f"count(*) filter (where x = {number}), min(x) filter (where x <> {number}), "
            f"max(x) filter (where x <> {number})"
        )
        alone = next_low is not None and (next_high <= number / 2 if number > 0 else next_low >= 0)
        if count >= max(2, 0.001 * filled) and alone:
            return number
    return None


def _factor(known: Known, where: str) -> str:
    """Return which wrong unit would explain values that are out of step: when together they are that factor away."""
    outside = where.replace(known.cell, "x")
    odd, rest, count = known.ask(
        f"median(abs(x)) filter (where {outside}), median(abs(x)) filter (where x <> 0 and not ({outside})), "
        f"count(*) filter (where {outside})"
    )
    return _unit(known.column, odd / rest) if count >= FEW and rest else ""


def _unit(column: Column, ratio: float) -> str:
    """Return the question whether a factor is that of a wrong unit; nothing when it is none."""
    unit = column.unit.split("/")[0]
    for factor, other in FACTORS.get(unit, {}).items():
        if 0.75 <= max(ratio, 1 / ratio) / factor <= 1.33:
            size = f"{factor:,} times" if ratio > 1 else f"1/{factor:,} of"
            return f", about {size} the others: {other} in place of {unit}?"
    return ""


def jumps(connection: duckdb.DuckDBPyConnection, known: Known) -> Iterator[str]:
    """Yield the months in which a column's values are ten times those of the months beside it, or a tenth.

    Their middle halves must not overlap either: a column of two sorts of values changes its median easily.
    """
    if known.fences is None:
        return
    rows = connection.execute(
        f"select month_of_row, quantile_cont(abs({known.cell}), [0.25, 0.5, 0.75]) from sample where {known.cell} <> 0 "
        f"and month_of_row is not null group by 1 having count(*) >= {FEW} order by 1"
    ).fetchall()
    for month, (low, middle, high), near in _with_neighbours(rows):
        beside = median(other[1] for other in near)
        above = middle >= TIMES * beside and low > max(other[2] for other in near)
        below = middle <= beside / TIMES and high < min(other[0] for other in near)
        if above or below:
            beside_it = f"{_figure(middle)}, in the months beside it {_figure(beside)}"
            yield f"the usual value in {month:%B %Y} is {beside_it}{_unit(known.column, middle / beside)}"


def uneven(months: Sequence[tuple[date, int]]) -> Iterator[tuple[int, str]]:
    """Yield the months with ten times as many rows as the months beside them: how many, and what is odd."""
    for month, count, near in _with_neighbours(months):
        if count >= max(TIMES * median(near), FEW):
            times = f"{count / median(near):,.0f} times as many as in the months beside it"
            yield count, f"in {month:%B %Y}, {times}: loaded twice?"


def _with_neighbours(months: Sequence[tuple[date, Any]]) -> Iterator[tuple[date, Any, list[Any]]]:
    """Yield each month with its value and those of up to two months before and after, when there are three."""
    for at, (month, value) in enumerate(months):
        near = [other for _, other in (*months[max(0, at - 2) : at], *months[at + 1 : at + 3])]
        if len(near) >= 3:
            yield month, value, near


def _if_any(text: str) -> Callable[[int, int], str | None]:
    return lambda count, cells: text if count else None


def _if_all(text: str) -> Callable[[int, int], str | None]:
    return lambda count, cells: text if count == cells >= FEW else None


def _literal(value: Any) -> str:
    return f"timestamp '{value}'" if isinstance(value, datetime | date) else literal(value)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    return _figure(value) if isinstance(value, int | float) else str(value)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
