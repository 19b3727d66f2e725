"""What a column of an export holds, by its values: kind, form of its times and numbers, codes, personal data.

Values are tried with the very SQL that reads them later (`playbook.intake.cells`): what is guessed here works there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from playbook.intake import cells
from playbook.intake.mapping.sources import Dialect, SourceColumn
from playbook.intake.proposing.masking import FEW, personal
from playbook.intake.proposing.naming import fold, parts, synonyms
from playbook.intake.reading.dialects import date_formats, number_signs

if TYPE_CHECKING:
    import duckdb

DISTINCT = 2000  # most frequent values of a column that are tried
TRIED = 60  # of them that date formats are looked for in
SHOWN = 300  # of them that the signs in numbers are looked for in
DATED = re.compile(r"(?=(.*\d){3}).{0,9}\d[\w.]{0,3}[ ./-].{0,30}|\d{8}|\d{14}")  # what may be a date
NUMERIC = re.compile(r"[-+]?\d[\d.,'’ \xa0\u202f]*-?")


@dataclass(frozen=True)
class Times:
    """How a column's times are written.

    Parameters
    ----------
    formats : tuple of str
        As in strptime, the first that fits counts; empty for ISO 8601.
    share : float
        Of the cells that they read.
    swapped : str or None
        A format with day and month the other way round that reads as much: nothing tells them apart.
    """

    formats: tuple[str, ...]
    share: float
    swapped: str | None = None


@dataclass(frozen=True)
class Profile:
    """What a column holds.

    Parameters
    ----------
    name : str
        As the export calls it.
    cell : str
        Its name in the sample: c0, c1 ...
    rows, filled, distinct : int
        Rows of the sample, cells that are not empty, different values.
    common : tuple of (str, int)
        The most frequent values and how often each is there.
    shares : dict
        Share of filled cells that can be read as time, number, count, flag.
    times : Times
    low, high, middle : float or None
        Smallest, largest, and median number, when it holds numbers.
    personal : str or None
        Why it is taken for personal: email, phone, name ...
    """

    name: str
    cell: str
    rows: int
    filled: int
    distinct: int
    common: tuple[tuple[str, int], ...]
    shares: dict[str, float]
    times: Times
    low: float | None
    high: float | None
    middle: float | None
    personal: str | None

    @cached_property
    def kind(self) -> str:
        """The kind that fits best, whatever it is used for."""
        if self.times.share >= 0.9:
            return "time"
        coded = any(re.fullmatch(r"0\d+", value) for value, _ in self.common)
        for kind in ("count", "number", "flag"):
            if self.shares[kind] >= 0.9 and not coded:
                return kind
        return "text"

    @property
    def unique(self) -> bool:
        """No value stands twice."""
        return self.filled > 0 and self.distinct == self.filled


def values_profile(values: Sequence[tuple[str, int]], name: str = "") -> Profile:
    """Return a profile of nothing but values, for `coded_as`."""
    filled = sum(count for _, count in values)
    return Profile(
        name, "", filled, filled, len(values), tuple(values), {}, Times((), 0.0), None, None, None, None
    )


def count_values(
    connection: duckdb.DuckDBPyConnection, relation: str, cell: str, limit: int = DISTINCT
) -> tuple[tuple[str, int], ...]:
    """Return the most frequent values of a column, and how often each is there."""
    query = f"select {cell}, count(*) from {relation} where {cell} is not null group by 1 order by 2 desc, 1"
    return tuple(connection.execute(f"{query} limit {limit}").fetchall())


def share_read(
    connection: duckdb.DuckDBPyConnection,
    values: Sequence[tuple[str, int]],
    ways: Sequence[tuple[SourceColumn, Dialect]],
) -> list[float]:
    """Return for each way to read a column the share of the cells that it can read."""
    if not values:
        return [0.0] * len(ways)
    known = {repr(way): cells.value("v.value", *way) for way in ways}
    sums = ", ".join(f"sum(case when ({sql}) is not null then v.n else 0 end)" for sql in known.values())
    probe = "(select unnest(?) as value, unnest(?) as n) as v"
    texts, counts = [value for value, _ in values], [count for _, count in values]
    row = connection.execute(f"select {sums} from {probe}", [texts, counts]).fetchall()[0]
    read = dict(zip(known, row, strict=True))
    return [float(read[repr(way)]) / sum(counts) for way in ways]


def find_dialect(columns: Sequence[Sequence[tuple[str, int]]]) -> tuple[Dialect, str | None]:
    """Return the signs in an export's numbers, by all its columns together, and what is not sure about them.

    Examples
    --------
    >>> find_dialect([[("1.234,50", 3), ("7,00", 1)], [("1.234", 1)]])[0].decimal
    ','
    """
    signed = [
        values for values in ([v for v, _ in column[:SHOWN]] for column in columns) if _has_signs(values)
    ]
    found = [one for one in map(number_signs, signed) if one and one.share > 0.8]
    marked = [one for one in found if (one.decimal, one.thousands) != (".", None)]
    pointed = [one for one in found if (one.decimal, one.thousands) == (".", None)]
    sure = [one for one in marked + pointed if not one.ambiguous]
    votes = Counter(one.decimal for one in sure or marked + pointed)
    decimal = votes.most_common(1)[0][0] if votes else "."
    groups = [one.thousands for one in marked if one.thousands and one.decimal == decimal]
    if not groups and any(one.ambiguous and one.decimal != decimal for one in marked + pointed):
        # What one column shows as decimal sign stands in groups of three in another: 1.234 beside 7,50.
        groups = [one.decimal for one in marked + pointed if one.ambiguous and one.decimal != decimal]
    thousands = Counter(groups).most_common(1)[0][0] if groups else None
    dialect = Dialect(decimal=decimal, thousands=thousands)  # type: ignore[arg-type]
    if len(votes) > 1:
        return dialect, "columns differ in their decimal sign"
    if not sure and votes:
        return dialect, "numbers such as 1.234 can be read with a thousands sign or a decimal sign"
    return dialect, None


def _has_signs(values: Sequence[str]) -> bool:
    """Return whether a column may be one of numbers, some of them with a decimal or thousands sign."""
    likely = [value for value in values if NUMERIC.fullmatch(value)]
    return 2 * len(likely) > len(values) and any(not value.lstrip("+-").isdecimal() for value in likely)


def find_times(connection: duckdb.DuckDBPyConnection, values: Sequence[tuple[str, int]]) -> Times:
    """Return how a column's times are written: by the whole column, for one day above 12 tells day from month."""
    likely = sum(count for value, count in values if DATED.fullmatch(value))
    if not values or likely < 0.5 * sum(count for _, count in values):
        return Times((), 0.0)
    plain = Dialect()
    iso = share_read(connection, values, [(SourceColumn(type="time"), plain)])[0]
    found = [] if iso >= 0.9 else [one for one, _, _ in date_formats(v for v, _ in values[:TRIED])[:12]]
    if not found:
        return Times((), iso)
    ways = [[one] for one in found]
    # Two ways in one column (with and without the time of day), with day and month in the same order.
    ways += [[found[0], one] for one in found[1:] if _order(one) == _order(found[0])]
    columns = [SourceColumn.model_construct(type="time", format=way, zone=None) for way in ways]
    shares = [round(share, 6) for share in share_read(connection, values, [(one, plain) for one in columns])]
    if max(shares) <= iso:
        return Times((), iso)
    best = max(range(len(ways)), key=lambda i: (shares[i] - 0.01 * len(ways[i]), -i))
    other = [_swapped(ways[best][0])]
    return Times(
        tuple(ways[best]), shares[best], other[0] if shares[best] in _shares_of(other, ways, shares) else None
    )


def _shares_of(
    way: Sequence[str | None], ways: Sequence[Sequence[str]], shares: Sequence[float]
) -> list[float]:
    return [share for one, share in zip(ways, shares, strict=True) if list(one) == list(way)]


def _order(text: str) -> str:
    return "".join(re.findall("%[dmbBYy]", text)).lower().replace("b", "m")


def _swapped(text: str) -> str | None:
    """Return a format with day and month the other way round.

    Examples
    --------
    >>> _swapped("%d/%m/%Y %H:%M")
    '%m/%d/%Y %H:%M'
    """
    pair = re.fullmatch(r"%([dm])(.)%([dm])\2(%[Yy].*)", text)
    return f"%{pair[3]}{pair[2]}%{pair[1]}{pair[2]}{pair[4]}" if pair else None


def profile(
    connection: duckdb.DuckDBPyConnection, relation: str, cell: str, name: str, dialect: Dialect
) -> Profile:
    """Return what a column holds."""
    rows, filled, distinct = connection.execute(
        f"select count(*), count({cell}), count(distinct {cell}) from {relation}"
    ).fetchall()[0]
    common = count_values(connection, relation, cell)
    kinds = ("number", "count", "flag")
    shares = dict(
        zip(
            kinds,
            share_read(connection, common, [(SourceColumn(type=k), dialect) for k in kinds]),
            strict=True,
        )
    )
    times = find_times(connection, common)
    low = high = middle = None
    if shares["number"] >= 0.5:
        number = cells.value(cell, SourceColumn(type="number"), dialect)
        low, high, middle = connection.execute(
            f"select min(v), max(v), median(v) from (select {number} as v from {relation})"
        ).fetchall()[0]
    return Profile(name, cell, rows, filled, distinct, common, shares | {"time": times.share}, times, low, high,
                   middle, personal(name, common))  # fmt: skip


def coded_as(column: Profile, choices: dict[str, list[str]]) -> tuple[dict[str, str], float]:
    """Return which of the choices each value means, by their synonyms, and the share of cells they cover."""
    if column.distinct > FEW or not column.filled:
        return {}, 0.0
    meaning = {fold(word): choice for choice, listed in choices.items() for word in [choice, *listed]}
    found = {value: meaning[fold(value)] for value, _ in column.common if fold(value) in meaning}
    covered = sum(count for value, count in column.common if value in found)
    return found, covered / column.filled


def flag_words() -> dict[str, list[str]]:
    """Return the words for yes and no."""
    return synonyms()["flags"]


@cache
def countries() -> dict[str, str]:
    """Return ISO 3166 alpha-2 codes by the names of countries in five languages, folded."""
    from babel import Locale

    found = {}
    for language in ("nl", "es", "fr", "de", "en"):
        for code, name in Locale(language).territories.items():
            if re.fullmatch("[A-Z]{2}", code):
                found[fold(name)] = code
    return found | {
        "uk": "GB",
        "usa": "US",
        "great britain": "GB",
        "holland": "NL",
        "eire": "IE",
        "rsa": "ZA",
        "hong kong": "HK",
        "czech republic": "CZ",
    }


def unit_factor(column: Profile, unit: str) -> tuple[float, str | None]:
    """Return what a number is multiplied by to be in `unit`, and what is not sure about it.

    By a unit in the column's name, else by size: a share above 1 is per cent, hundreds of kilograms are grams.
    """
    for part in reversed(parts(column.name)):
        for symbol, factor in synonyms()["units"].get(unit, {}).items():
            if part == fold(symbol):
                return float(factor), None
    if column.middle is None or column.high is None or column.low is None:
        return 1.0, None
    whole = column.shares["count"] > 0.99
    if unit == "share" and 1 < column.high <= 100 and column.low >= 0:
        return 0.01, "values go to 100: taken as per cent"
    if unit == "kg" and whole and column.middle >= 100:
        return 0.001, "large whole numbers: taken as grams"
    if unit == "money" and whole and column.middle >= 500 and column.distinct > 20:
        return 1.0, "all whole numbers: cents?"
    if unit in ("h", "min") and whole and column.middle > 600:
        return 1.0, f"large for {unit}: another unit?"
    return 1.0, None


def as_condition(column: Profile, mapped: dict[str, Any]) -> str:
    """Return an expression that turns a column's words into counts or flags: ``case when lower(...) in (...) ...``."""
    quoted = '"' + column.name.replace('"', '""') + '"'
    ways: dict[Any, list[str]] = {}
    for value, meaning in mapped.items():
        ways.setdefault(meaning, []).append(cells.literal(value.lower()))
    cases = [
        f"when lower({quoted}) in ({', '.join(dict.fromkeys(v))}) then {str(m).lower()}"
        for m, v in ways.items()
    ]
    return f"case {' '.join(cases)} end"
