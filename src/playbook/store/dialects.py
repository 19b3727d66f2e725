"""A view's SQL in the words of a client's warehouse.

The views are written in DuckDB's SQL, with what PostgreSQL and Spark can do too. sqlglot translates nearly all of it; the
few functions that have no common form are put right here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from playbook.errors import StoreError
from playbook.store import schemas

if TYPE_CHECKING:
    from sqlglot import exp

DIALECTS = ("postgres", "spark")
NUMBER = r"^\s*[-+]?([0-9]{1,200}[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?\s*$"
MOMENT = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?Z?)?$"
)
DAY = r"^(0?[1-9]|[12][0-9]|3[01])[.](0?[1-9]|1[0-2])[.][0-9]{4}$"
DAY_FORMAT = "%d.%m.%Y"

# The text `x`, read; null where it cannot be. PostgreSQL 15 has no cast that tries, and Spark reads '12f' as a number.
# What is read is what DuckDB reads; of the odd forms it takes too ('1_000', 'inf', '2026-1-1', '01.07.26'), nothing is.
# A day is counted from the first of its month: '2026-02-31' would be an error as a date, and so lands in March.
NUMBER_OF = f"case when x ~ '{NUMBER}' then cast(x as double precision) end"
MOMENT_OF = {
    "postgres": f"""case when x ~ '{MOMENT}' and substr(x, 1, 4) <> '0000' then case when extract(month from
        make_date(cast(substr(x, 1, 4) as int), cast(substr(x, 6, 2) as int), 1) + (cast(substr(x, 9, 2) as int) - 1)
        ) = cast(substr(x, 6, 2) as int) then cast(x as timestamp) end end""",
    "spark": f"case when x rlike '{MOMENT}' then try_cast(x as timestamp_ntz) end",
}
DAY_OF = {
    "postgres": f"""case when x ~ '{DAY}' and split_part(x, '.', 3) <> '0000' then case when extract(month from
        make_date(cast(split_part(x, '.', 3) as int), cast(split_part(x, '.', 2) as int), 1)
        + (cast(split_part(x, '.', 1) as int) - 1)) = cast(split_part(x, '.', 2) as int)
        then cast(make_date(cast(split_part(x, '.', 3) as int), cast(split_part(x, '.', 2) as int),
        cast(split_part(x, '.', 1) as int)) as timestamp) end end""",
    "spark": f"case when x rlike '{DAY}' then cast(try_to_timestamp(x, 'd.M.yyyy') as timestamp_ntz) end",
}


def translated(
    query: str, dialect: str, tables: Mapping[str, exp.Query], parameters: Mapping[str, Any] | None = None
) -> str:
    """Return DuckDB's `query` as SQL of `dialect`.

    Parameters
    ----------
    query : str
        The SQL of a view.
    dialect : str
        One of `DIALECTS`.
    tables : mapping
        What stands for each canonical table the query reads, see `rows_of`.
    parameters : mapping
        Values of its `$name` places: texts, numbers, dates, times. Each becomes a typed literal.

    Raises
    ------
    StoreError
        When a place has no value, or one of another type.
    """
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(query, read="duckdb").transform(_place(parameters or {}))
    tree = tree.transform(_postgres if dialect == "postgres" else _spark)
    own = tree.args.get("with_")
    # Inlined, so that PostgreSQL reads only the columns and rows that are wanted.
    inlined = False if dialect == "postgres" else None
    first = [
        exp.CTE(this=rows, alias=exp.TableAlias(this=exp.to_identifier(name)), materialized=inlined)
        for name, rows in tables.items()
    ]
    tree.set("with_", exp.With(expressions=first + (own.expressions if own else [])))
    return tree.sql(dialect, identify=True)


def rows_of(name: str, dialect: str, source: exp.Table | None, columns: frozenset[str]) -> exp.Query:
    """Return a query of the declared columns of table `name`, in their kinds, from where the warehouse keeps it.

    A column that is not among `columns` is null; without a `source` there are no rows. Texts sort by their bytes, as in
    DuckDB, whatever the warehouse's own order.
    """
    from sqlglot import exp

    cells = []
    for column in schemas.table(name).columns:
        kind = exp.DataType.build(schemas.SQL_TYPES[column.kind], dialect="duckdb")
        present = source is not None and column.name in columns
        cell: exp.Expr = exp.cast(exp.column(column.name) if present else exp.null(), kind)
        if column.kind == "text" and dialect == "postgres":
            cell = exp.Collate(this=cell, expression=exp.to_identifier("C", quoted=True))
        cells.append(exp.alias_(cell, column.name))
    rows = exp.select(*cells)
    return rows.from_(source) if source is not None else rows.where("1 = 0")


def _place(parameters: Mapping[str, Any]) -> Callable[[exp.Expr], exp.Expr]:
    from sqlglot import exp

    def placed(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        if node.name not in parameters:
            raise StoreError(f"a view was given no value for '${node.name}'")
        return _literal(node.name, parameters[node.name])

    return placed


def _literal(name: str, value: Any) -> exp.Expr:
    from sqlglot import exp

    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "timestamp", dialect="duckdb")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, bool | int | float | str):
        return exp.convert(value)
    raise StoreError(
        f"'${name}' of a view is of type {type(value).__name__}: give a text, number, date or time"
    )


def _template(text: str, dialect: str, operand: exp.Expr) -> exp.Expr:
    """Return the SQL `text` with `operand` in place of its column x."""
    import sqlglot
    from sqlglot import exp

    return sqlglot.parse_one(text, read=dialect).transform(
        lambda node: operand.copy() if isinstance(node, exp.Column) and node.name == "x" else node
    )


def _read(node: exp.Expr, dialect: str) -> exp.Expr:
    """Return a `try_cast` or `try_strptime` as a case that cannot fail; anything else as it is."""
    from sqlglot import exp

    if isinstance(node, exp.TryCast):
        if node.to.is_type("double"):
            return _template(NUMBER_OF, "postgres", node.this)
        if node.to.is_type("timestamp", "timestampntz"):
            return _template(MOMENT_OF[dialect], dialect, exp.Trim(this=node.this))
        raise StoreError(
            f"a view tries to read '{node.to.sql()}': only double and timestamp have a common form"
        )
    if isinstance(node, exp.Anonymous) and node.name.lower() == "try_strptime":
        text, form = node.expressions
        if form.name != DAY_FORMAT:
            raise StoreError(
                f"a view tries to read a time as '{form.name}': only '{DAY_FORMAT}' has a common form"
            )
        return _template(DAY_OF[dialect], dialect, exp.Trim(this=text))
    return node


def _postgres(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.DayOfWeekIso):
        return exp.Extract(this=exp.var("isodow"), expression=node.this)
    return _read(node, "postgres")


def _spark(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.DayOfWeekIso):  # sqlglot 30 translates it, and makes Sunday a Tuesday
        return _template("(weekday(x) + 1)", "spark", node.this)
    if isinstance(node, exp.TimeToUnix):
        return _seconds(node.this)
    if isinstance(node, exp.PercentileCont):
        return exp.Anonymous(this="percentile", expressions=[node.this, node.expression])
    return _read(node, "spark")


def _seconds(moment: exp.Expr) -> exp.Expr:
    """Return the seconds of an interval (a difference of two times), or since 1970 of a time."""
    from sqlglot import exp

    later, earlier = moment, exp.cast(exp.Literal.string("1970-01-01"), "timestamp", dialect="duckdb")
    if isinstance(moment, exp.Sub) and not isinstance(moment.expression, exp.Interval):
        later, earlier = moment.this, moment.expression
    apart = exp.TimestampDiff(this=later, expression=earlier, unit=exp.var("MICROSECOND"))
    return exp.Paren(this=exp.Div(this=apart, expression=exp.Literal.number("1e6"), typed=False, safe=True))
