"""What an expression of a mapping is made of: parts with their kind, the functions it may use, and its error lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlglot import exp

from playbook.errors import nearest
from playbook.intake.cells import ISO_TIME
from playbook.store.schemas import SQL_TYPES
from playbook.store.sqltext import literal

LONGEST_SQL = 50_000  # letters
NOTHING = "nothing"  # the kind of a bare null, which fits every other
NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
FUNCTIONS = [
    "abs", "ceil", "coalesce", "concat", "date_diff", "day", "floor", "greatest",
    "if", "least", "left", "length", "lower", "month", "nullif", "regexp_extract",
    "regexp_matches", "replace", "right", "round", "split_part", "substring", "to_count", "to_number",
    "to_text", "to_time", "trim", "upper", "year",
]  # fmt: skip


class Part(NamedTuple):
    """SQL of a part and its kind; `loose` when a number may be infinite or a text may have no letters."""

    sql: str
    kind: str
    loose: bool = False


def settled(part: Part) -> Part:
    """Return the part with null for an overflow or a text of no letters.

    Done only where it matters, as the SQL stands twice in it: sums, products and text functions pass both on.
    """
    if not part.loose:
        return part
    holds = f"isfinite({part.sql})" if part.kind == "number" else f"({part.sql}) <> ''"
    sql = f"case when {holds} then {part.sql} end"
    if len(sql) > LONGEST_SQL:
        raise ValueError("the expression is nested too deeply; split it into two columns")
    return Part(f"({sql})", part.kind)


def fitted(part: Part, node: exp.Expr, expected: str, within: exp.Expr) -> Part:
    """Return a part as the kind that its place expects; raise a ValueError when it cannot be."""
    if expected == "time" and is_quoted(node):
        return time(node.this)
    if part.kind in (NOTHING, expected):
        return part._replace(kind=expected, sql=f"{part.sql}::{SQL_TYPES[expected]}")
    if expected == "number" and part.kind == "count":
        return Part(f"{part.sql}::double", "number")
    raise ValueError(mismatch(node, part.kind, expected, within))


def as_text(part: Part) -> str:
    """Return SQL of any value as text, a whole number without its '.0'."""
    if part.kind != "number":
        return f"{part.sql}::varchar"
    sql = settled(part).sql
    whole = f"{sql} = trunc({sql}) and abs({sql}) < 1e18"
    return f"(case when {whole} then try_cast({sql} as bigint)::varchar else {sql}::varchar end)"


class Function(NamedTuple):
    """A function whose arguments stand under `keys` of the parsed node; those after `needed` may be missing."""

    name: str
    keys: tuple[str, ...]
    takes: tuple[str, ...]
    gives: str
    needed: int
    may_fail: bool = False


PLAIN = {
    exp.Lower: Function("lower", ("this",), ("text",), "text", 1),
    exp.Upper: Function("upper", ("this",), ("text",), "text", 1),
    exp.Trim: Function("trim", ("this",), ("text",), "text", 1),
    exp.Left: Function("left", ("this", "expression"), ("text", "count"), "text", 2, True),
    exp.Right: Function("right", ("this", "expression"), ("text", "count"), "text", 2, True),
    exp.Substring: Function(
        "substring", ("this", "start", "length"), ("text", "count", "count"), "text", 2, True
    ),
    exp.SplitPart: Function(
        "split_part", ("this", "delimiter", "part_index"), ("text", "text", "count"), "text", 3, True
    ),
    exp.Replace: Function("replace", ("this", "expression", "replacement"), ("text",) * 3, "text", 3),
    exp.Length: Function("length", ("this",), ("text",), "count", 1),
    exp.Floor: Function("floor", ("this",), ("number",), "number", 1),
    exp.Ceil: Function("ceil", ("this",), ("number",), "number", 1),
    exp.Year: Function("year", ("this",), ("time",), "count", 1),
    exp.Month: Function("month", ("this",), ("time",), "count", 1),
    exp.Day: Function("day", ("this",), ("time",), "count", 1),
}
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
# Set by the parser for every use of a function in DuckDB's dialect; they ask for nothing.
HARMLESS = {"safe", "typed", "coalesce", "ignore_nulls", "null_if_pos_overflow", "date_part_boundary"}


def only(node: exp.Expr, keys: Sequence[str]) -> None:
    """Refuse what a function can be asked for in SQL beyond its plain arguments."""
    if any(value and key not in keys and key not in HARMLESS for key, value in node.args.items()):
        raise ValueError(refusal(node))


def refusal(node: Any) -> str:
    """Return the error line for what is not on the list."""
    if isinstance(node, exp.Anonymous):
        return f"unknown function '{node.this}'; {nearest(str(node.this).lower(), FUNCTIONS)}"
    what = f"`{shown(node)}`" if isinstance(node, exp.Expr) else f"'{node}'"
    return f"{what} is not allowed in an expression; functions: {', '.join(FUNCTIONS)}"


def shown(node: exp.Expr) -> str:
    """Return a part as text for an error line, shortened."""
    text = " ".join(node.sql(dialect="duckdb", comments=False).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def with_article(kind: str) -> str:
    """Return a kind as an error line names it."""
    return kind if kind in ("text", NOTHING) else f"a {kind}"


def how_to_mend(kind: str, expected: str) -> str:
    """Return the conversion that would help."""
    if kind == "text" and expected.split()[0] in ("time", "number", "count"):
        return f" (to_{expected.split()[0]}(...) reads a text)"
    return " (to_text(...) writes it)" if expected == "text" else ""


def mismatch(node: exp.Expr, kind: str, expected: str, within: exp.Expr) -> str:
    """Return the error line for a part of the wrong kind."""
    found, hint = with_article(kind), how_to_mend(kind, expected)
    return f"in `{shown(within)}`: {shown(node)} is {found}; expected {with_article(expected)}{hint}"


def time(text: str) -> Part:
    """Return a quoted moment as a part."""
    try:
        if not re.fullmatch(ISO_TIME, text):
            raise ValueError
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a time like '2024-01-31' or '2024-01-31 14:30'") from None
    return Part(f"'{time.isoformat(sep=' ')}'::timestamp", "time")


def is_quoted(node: Any) -> bool:
    """Return whether a node is a text in single quotes."""
    return isinstance(node, exp.Literal) and bool(node.is_string)


def whole_number(node: exp.Expr | None, within: exp.Expr, low: int, high: int) -> int | None:
    """Return the whole number that a node spells out; raise a ValueError when it is none from low to high."""
    if node is None:
        return None
    number = node.this if isinstance(node, exp.Neg) else node
    if isinstance(number, exp.Literal) and re.fullmatch("[0-9]{1,9}", number.this) and not number.is_string:
        value = -int(number.this) if isinstance(node, exp.Neg) else int(number.this)
        if low <= value <= high:
            return value
    raise ValueError(f"in `{shown(within)}`: expected a whole number from {low} to {high}, got {shown(node)}")


@cache
def check_pattern(pattern: str, group: int) -> None:
    """Raise a ValueError when DuckDB cannot use a pattern."""
    problem = _tried(f"regexp_extract('', {literal(pattern)}, {group})")
    if problem:
        raise ValueError(f"'{pattern}' is not a pattern ({problem})")


@cache
def check_format(form: str) -> None:
    """Raise a ValueError when DuckDB cannot read times by a format."""
    if "%z" in form.replace("%%", "").lower():
        raise ValueError(f"'{form}' reads a time zone, which an expression has no use for")
    problem = _tried(f"try_strptime('', {literal(form)})")
    if problem:
        raise ValueError(f"'{form}' is not a format of times ({problem})")


def _tried(sql: str) -> str | None:
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.execute(f"select {sql}")
        except duckdb.Error as error:
            return str(error).splitlines()[0]
    return None
