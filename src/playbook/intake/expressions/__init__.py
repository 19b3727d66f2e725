"""The expressions of a mapping: a small part of SQL that computes one cell from the others of its row.

A text is parsed by sqlglot and written anew from a closed list of operations, each with the kinds of cell it takes. So
nothing of the text becomes SQL but quoted literals, and no row can make the result fail: what cannot be
computed (a division by zero, an overflow, a text that is no number) is null. A text of no letters counts as null too, as an
empty cell does, wherever that is asked (``is null``, ``coalesce``, comparisons) and in the result.

==================  ==================================================================================
columns             ``Qty``, ``"Unit price"`` (in double quotes when it holds blanks), ``contacts.Email``
literals            ``12``, ``0.5``, ``'text'``, ``true``, ``null``, ``date '2024-01-31'``
arithmetic          ``+ - * / %``, ``abs round floor ceil least greatest``
conditions          ``= <> < <= > >=``, ``and or not``, ``is null``, ``in (...)``, ``between``, ``case``, ``if``
gaps                ``coalesce nullif``
text                ``||``, ``concat lower upper trim left right substring split_part replace length``
patterns (RE2)      ``regexp_extract(text, 'pattern', group)``, ``regexp_matches(text, 'pattern')``
times               ``year month day``, ``date_diff('day', start, end)`` (or ``'hour'``), ``time + interval 3 day``
conversions         ``to_number to_count to_text``, ``to_time(text)`` (ISO 8601) or ``to_time(text, '%d.%m.%Y')``
==================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from playbook.errors import MappingError
from playbook.intake.expressions.parts import NOTHING
from playbook.intake.expressions.writer import write
from playbook.store.schemas import SQL_TYPES

LONGEST = 2_000  # letters


@dataclass(frozen=True)
class Expression:
    """What an expression became.

    Parameters
    ----------
    sql : str
        DuckDB SQL of the value; evaluating it cannot fail.
    kind : str
        text, time, number, count or flag.
    columns : tuple of str
        The columns it uses, in the order in which they are met.
    """

    sql: str
    kind: str
    columns: tuple[str, ...]


def compile(text: str, kinds: Mapping[str, str], cell: Callable[[str], str], *, where: str) -> Expression:
    """Check an expression and turn it into SQL.

    Parameters
    ----------
    text : str
        The expression, see above.
    kinds : dict of str
        The kind of each column it may use.
    cell : callable
        Gives the SQL of a column's typed value (varchar, timestamp, double, bigint or boolean; numbers finite).
    where : str
        Where the expression stands, for the error: file and key.

    Raises
    ------
    MappingError
        When it is not an expression, uses anything off the list, an unknown column or a column of the wrong kind.

    Examples
    --------
    >>> made = compile("Qty * 2", {"Qty": "count"}, lambda name: "v0", where="mapping.yml")
    >>> made.kind, made.columns
    ('count', ('Qty',))
    >>> compile("upper(Qty)", {"Qty": "count"}, lambda name: "v0", where="mapping.yml")
    Traceback (most recent call last):
    playbook.errors.MappingError: mapping.yml: in `UPPER(Qty)`: Qty is a count; expected text (to_text(...) writes it)
    """
    try:
        part, columns = write(_parse(text), kinds, cell)
    except ValueError as error:
        raise MappingError(f"{where}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise MappingError(
            f"{where}: the expression is nested too deeply; split it into two columns"
        ) from None
    kind = "text" if part.kind == NOTHING else part.kind
    return Expression(f"({part.sql})::{SQL_TYPES[kind]}", kind, columns)


def _parse(text: str) -> exp.Expr:
    if not text.strip():
        raise ValueError("expected an expression, got nothing")
    if len(text) > LONGEST:
        raise ValueError(
            f"an expression may have {LONGEST:,} letters, this has {len(text):,}; split it in two"
        )
    if "\0" in text:
        raise ValueError("the expression holds a character of code 0")
    try:
        tree = sqlglot.parse_one(text, into=exp.Condition, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        found = getattr(error, "errors", None) or [{}]
        near = f" near '{found[0]['highlight']}'" if found[0].get("highlight") else ""
        raise ValueError(f"`{text}` cannot be read as an expression{near}") from None
    if not isinstance(tree, exp.Expr):
        raise ValueError(f"`{text}` cannot be read as an expression")
    return tree
