"""SQL for one cell of an export: its typed value, what a canonical column takes from it, what can be wrong with it.

Nothing of the client's becomes SQL but quoted literals: columns are known by their place in the export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from playbook.intake.mapping.sources import Condition, Dialect, Source, SourceColumn
from playbook.intake.mapping.tables import Column
from playbook.store import schemas
from playbook.store.sqltext import literal

ISO_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?"
ZONED = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
WHOLE = 2**53  # up to here a float that is a whole number is exactly that
UNREADABLE = {
    "time": "not a time",
    "number": "not a number",
    "count": "not a whole number",
    "flag": "not yes or no",
}


def any_fits(cell: str, patterns: Iterable[str]) -> str:
    """Return SQL that is true where one of the patterns fits the whole cell."""
    return " or ".join(f"regexp_full_match({cell}, {literal(pattern)})" for pattern in patterns)


def given(cell: str, source: Source) -> str:
    """Return SQL for a text cell, null where it holds one of the words that mean nothing."""
    if not source.empty:
        return cell
    return f"(case when {cell} not in ({', '.join(literal(word) for word in source.empty)}) then {cell} end)"


def value(cell: str, column: SourceColumn, dialect: Dialect) -> str:
    """Return SQL for the typed value of a text cell: null where it is empty or none of its type."""
    if column.type == "text":
        return f"upper({cell})" if column.upper else cell
    if column.type == "flag":
        yes, no = (", ".join(literal(word) for word in words) for words in (YES, NO))
        return f"case when lower({cell}) in ({yes}) then true when lower({cell}) in ({no}) then false end"
    if column.type == "time":
        return _time(cell, column)
    return _number(cell, column, dialect)


def _time(cell: str, column: SourceColumn) -> str:
    """Return SQL for a moment in UTC."""
    if column.formats:
        read = ", ".join(f"try_strptime({cell}, {literal(one)})" for one in column.formats)
        # DuckDB takes the words epoch and infinity for times, whatever the format.
        return _utc(f"case when regexp_matches({cell}, '[0-9]') then coalesce({read}) end", column.zone)
    local = f"case when {any_fits(cell, [ISO_TIME])} then try_cast({cell} as timestamp) end"
    # With an offset of its own (2026-03-01T10:00+01:00) a time needs no zone.
    zoned = f"case when {any_fits(cell, [ISO_TIME + ZONED])} then try_cast({cell} as timestamptz) end"
    return f"coalesce({_utc(local, column.zone)}, make_timestamp(epoch_us({zoned})))"


def _utc(local: str, zone: str | None) -> str:
    """Return SQL for a clock's time as UTC; without a zone, the clock shows UTC.

    As RFC 5545 (3.3.5) says: of an hour that comes twice, the first; a time that the clock skipped is read with the
    offset from before. DuckDB takes the last of two: the earlier of two readings an hour apart mends that.
    """
    if zone is None:
        return local
    at = literal(zone)
    earlier = f"timezone({at}, {local} - interval 1 hour) + interval 1 hour"
    return f"make_timestamp(epoch_us(least(timezone({at}, {local}), {earlier})))"


def _number(cell: str, column: SourceColumn, dialect: Dialect) -> str:
    decimal = literal(dialect.decimal)
    digits = "[0-9]+"
    if dialect.thousands is not None:
        digits = f"([0-9]{{1,3}}([{_in_class(dialect.thousands)}][0-9]{{3}})+|[0-9]+)"
    point = f"[{_in_class(dialect.decimal)}]"
    # A minus may follow the number, as SAP writes it.
    pattern = rf"([-+]?({digits}({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]+)?|{digits}({point}[0-9]*)?-)"
    plain = cell
    if dialect.thousands is not None:
        plain = f"replace({plain}, {literal(dialect.thousands)}, '')"
    if dialect.decimal != ".":
        plain = f"replace({plain}, {decimal}, '.')"
    plain = f"case when {cell} like '%-' then '-' || rtrim({plain}, '-') else {plain} end"
    number = f"try_cast({plain} as double)"
    readable = f"{any_fits(cell, [pattern])} and isfinite({number})"
    if column.type == "count":
        readable += f" and {number} = trunc({number}) and abs({number}) < {WHOLE}"
        number = f"{number}::bigint"
    elif column.factor is not None:
        number = f"{number} * {literal(column.factor)}"
    return f"case when {readable} then {number} end"


def _in_class(sign: str) -> str:
    return "\\" + sign if sign in r"\]^-." else sign


def test(cell: str, condition: Condition) -> str:
    """Return SQL that is true where all that the condition says holds."""
    parts = []
    if condition.empty is not None:
        parts.append(f"{cell} is {'' if condition.empty else 'not '}null")
    if condition.matches:
        parts.append(f"({any_fits(cell, condition.matches)})")
    if condition.not_matching:
        parts.append(f"not ({any_fits(cell, condition.not_matching)})")
    if condition.at_most is not None:
        parts.append(f"{cell} <= {literal(condition.at_most)}")
    if condition.at_least is not None:
        parts.append(f"{cell} >= {literal(condition.at_least)}")
    return " and ".join(parts)


def replaced(cell: str, column: Column, codes: dict[str, str] | None) -> str:
    """Return SQL for what a canonical column takes from a cell, by its code list or patterns; null where none fits."""
    if codes is not None:
        cases = [f"when {cell} = {literal(key)} then {literal(code)}" for key, code in codes.items()]
    elif column.patterns:
        fits = {any_fits(cell, [pattern]): to for pattern, to in column.patterns.items()}
        cases = [f"when {fit} then {literal(to)}" for fit, to in fits.items()]
    else:
        return cell
    return f"case {' '.join(cases)} end"


def breaches(target: schemas.Column, cell: str) -> Iterator[tuple[str, str]]:
    """Yield each way in which the value of a canonical column can be wrong: SQL, and the reason it gives."""
    if not target.nullable:
        yield f"{cell} is null", f"{target.name} is empty"
    if target.low is not None:
        yield f"{cell} < {literal(target.low)}", f"{target.name} is below {target.low:g}"
    if target.high is not None:
        yield f"{cell} > {literal(target.high)}", f"{target.name} is above {target.high:g}"
    if target.choices:
        valid = ", ".join(literal(choice) for choice in target.choices)
        yield f"{cell} not in ({valid})", f"{target.name} is none of {', '.join(target.choices)}"
