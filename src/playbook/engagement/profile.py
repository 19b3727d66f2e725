"""What one table of a store holds: filled cells, times, keys that are found, and what looks wrong.

Counts are over all rows and stream through DuckDB; what is usual (most frequent values, usual sizes) is learnt from an
even sample of `SAMPLE` rows, or from all rows of a smaller table. So memory does not grow with the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from glob import escape
from typing import TYPE_CHECKING

from playbook.engagement.suspicions import Known, Suspicion, checks, jumps, uneven
from playbook.errors import StoreError
from playbook.store import schemas
from playbook.store.references import references
from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb

    from playbook.store.reading import Store

SAMPLE = 250_000
MEMORY = "800MB"
LATE_D = 31  # days without a row from which a table that grows every week is late
WEEKLY_ROWS = 10  # a table with fewer rows in its usual week may well have a week without any
PLANNED = re.compile(r"(starts|ends|valid|expires|promised|requested|window|due|planned|target|quoted)_")


@dataclass(frozen=True)
class Filled:
    """How many cells of a column hold a value; `share` of all rows."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True)
class Reference:
    """Of the filled cells of a column that points to another table, how many are a key there."""

    column: str
    to: str
    rows: int
    found: int

    @property
    def share(self) -> float:
        """Share of the filled cells that are found; 1 when there is none."""
        return self.found / self.rows if self.rows else 1.0


@dataclass(frozen=True)
class Flow:
    """When the rows of a table happened, by the column `time`.

    `gaps` are the first days (Mondays) of weeks without a row between the first full week and the last; None where the
    table has too few rows a week to tell. `late_d` are the days from the newest row to the as-of date.
    """

    time: str
    first: date
    newest: date
    late_d: int
    gaps: tuple[date, ...] | None


@dataclass(frozen=True)
class TableProfile:
    """One table of a store: its rows, and what they hold."""

    name: str
    rows: int
    columns: tuple[Filled, ...]
    flow: Flow | None
    references: tuple[Reference, ...]
    suspicions: tuple[Suspicion, ...]

    @property
    def empty(self) -> tuple[str, ...]:
        """The columns that hold nothing in any row; none of a table without rows."""
        return tuple(column.name for column in self.columns if self.rows and not column.rows)


@contextmanager
def opened(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with every canonical table as a view, empty where the store lacks it; it spills to disk."""
    if store.warehouse is not None:
        raise StoreError(
            f"store '{store.path}' leaves its tables in the client's warehouse: readiness looks at tables that were "
            "taken in; map them with 'connection:' in a mapping"
        )
    with store.opened(schemas.tables(), MEMORY) as connection:
        connection.execute("set preserve_insertion_order = false")
        yield connection


def profiles(store: Store, connection: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, TableProfile]:
    """Return what every canonical table of a store holds, by name, in the order of the store.

    Parameters
    ----------
    store : Store
        A store of Parquet files.
    connection : DuckDBPyConnection
        Of `opened`.
    as_of : date
        What is later has not happened yet.
    """
    names = [name for name in store if name in schemas.tables()]
    return {name: _profile(store, connection, schemas.table(name), names, as_of) for name in names}


def _files(store: Store, name: str) -> str:
    """Return the beginning of the SQL that reads a table's files, up to where options or the bracket follow."""
    files = ", ".join(literal(escape(file.as_posix())) for file in store.files(name))
    return f"read_parquet([{files}]"


def _profile(
    store: Store,
    connection: duckdb.DuckDBPyConnection,
    table: schemas.Table,
    present: Sequence[str],
    as_of: date,
) -> TableProfile:
    points_to = {column: to for column, to in references(table).items() if to in present}
    time = _main_time(connection, table)
    _take_sample(store, connection, table, time, points_to)
    planned = {c.name for c in table.columns if PLANNED.match(c.name)}
    known = {c.name: Known(connection, table, c, c.name in planned, as_of) for c in table.columns}
    asked = [check for one in known.values() for check in checks(one)]
    cells = [f'count("{column.name}")' for column in table.columns]
    counts = [f"count(*) filter (where {check.where})" for check in asked]
    row = connection.execute(f'select count(*), {", ".join(cells + counts)} from "{table.name}"').fetchone()
    assert row is not None
    rows, filled, found = row[0], row[1 : 1 + len(cells)], row[1 + len(cells) :]
    columns = tuple(
        Filled(column.name, count, count / rows if rows else 0.0)
        for column, count in zip(table.columns, filled, strict=True)
    )
    by_name = {column.name: column.rows for column in columns}
    odd = [
        Suspicion(table.name, check.column, count, said)
        for check, count in zip(asked, found, strict=True)
        if (said := check.says(count, by_name[check.column]))
    ]
    for one in known.values():
        odd += [Suspicion(table.name, one.column.name, None, said) for said in jumps(connection, one)]
    months = _series(connection, table, time, "month", as_of)
    odd += [Suspicion(table.name, time, count, said) for count, said in uneven(months)]
    flow = _flow(connection, table, time, as_of)
    if flow and flow.gaps is not None and flow.late_d > LATE_D:
        odd.append(
            Suspicion(table.name, time, None, f"no row in the {flow.late_d} days before the as-of date")
        )
    connection.execute("drop table sample")
    return TableProfile(
        table.name,
        rows,
        columns,
        flow,
        tuple(_reference(connection, table, column, to) for column, to in points_to.items()),
        tuple(odd),
    )


def _main_time(connection: duckdb.DuckDBPyConnection, table: schemas.Table) -> str | None:
    """Return the column that says when a row happened: the first that is nearly always filled, better if not a plan."""
    times = [column.name for column in table.columns if column.kind == "time"]
    if not times:
        return None
    counts = ", ".join(f'count("{name}")' for name in times)
    row = connection.execute(f'select count(*), {counts} from "{table.name}"').fetchone()
    assert row is not None
    usual = [name for name, count in zip(times, row[1:], strict=True) if row[0] and count >= 0.9 * row[0]]
    return next((name for name in usual if not PLANNED.match(name)), usual[0] if usual else None)


def _take_sample(
    store: Store,
    connection: duckdb.DuckDBPyConnection,
    table: schemas.Table,
    time: str | None,
    points_to: dict[str, str],
) -> None:
    """Make the table `sample`: rows evenly spread over the table, long texts cut, and the month they happened in."""
    row = connection.execute(f'select count(*) from "{table.name}"').fetchone()
    every = max(1, -(-(row[0] if row else 0) // SAMPLE))
    cells = [
        f'left(t."{c.name}", 64) as "{c.name}"' if c.kind == "text" else f't."{c.name}"'
        for c in table.columns
    ]
    month, joined = ("null::timestamp", "") if time is None else (f't."{time}"', "")
    if time is None:  # a line has no time of its own, but its order has
        for column, to in points_to.items():
            theirs = _main_time(connection, schemas.table(to))
            if column in table.key and theirs:
                key = schemas.table(to).key[0]
                month = f'o."{theirs}"'
                joined = f'left join "{to}" as o on o."{key}" = t."{column}"'
                break
    connection.execute(
        f"create or replace temp table sample as select {', '.join(cells)}, "
        f"date_trunc('month', {month})::date as month_of_row "
        f"from (select * from {_files(store, table.name)}, file_row_number = true) "
        f"where hash(file_row_number) % {every} = 0) as t {joined}"
    )


def _series(
    connection: duckdb.DuckDBPyConnection, table: schemas.Table, time: str | None, step: str, as_of: date
) -> list[tuple[date, int]]:
    """Return rows by week (from Monday) or month of the table's time, up to the as-of date."""
    if time is None:
        return []
    return connection.execute(
        f'select date_trunc(\'{step}\', "{time}")::date as start, count(*) from "{table.name}" '
        f'where "{time}" >= timestamp \'1990-01-01\' and "{time}" < $1::date + 1 group by 1 order by 1',
        [as_of],
    ).fetchall()


def _flow(
    connection: duckdb.DuckDBPyConnection, table: schemas.Table, time: str | None, as_of: date
) -> Flow | None:
    if time is None:
        return None
    row = connection.execute(
        f'select min("{time}")::date, max("{time}")::date from "{table.name}" where "{time}" < $1::date + 1',
        [as_of],
    ).fetchone()
    if row is None or row[0] is None:
        return None
    weeks = [] if PLANNED.match(time) else _series(connection, table, time, "week", as_of)
    return Flow(time, row[0], row[1], (as_of - row[1]).days, _gaps(weeks))


def _gaps(weeks: Sequence[tuple[date, int]]) -> tuple[date, ...] | None:
    """Return the weeks without a row, from the first that has a tenth of the usual number.

    None when the usual number is small, or half of all weeks are empty: rows do not come week by week.
    """
    counts = sorted(count for _, count in weeks)
    usual = counts[len(counts) // 2] if counts else 0
    if usual < WEEKLY_ROWS:
        return None
    present = {week for week, _ in weeks}
    start = next(week for week, count in weeks if count >= usual / 10)
    between = (weeks[-1][0] - start).days // 7
    every = (start + timedelta(weeks=number) for number in range(between))
    gaps = tuple(week for week in every if week not in present)
    return gaps if len(gaps) < between / 2 else None


def _reference(
    connection: duckdb.DuckDBPyConnection, table: schemas.Table, column: str, to: str
) -> Reference:
    key = schemas.table(to).key[0]
    row = connection.execute(
        f'select (select count("{column}") from "{table.name}"), '
        f'(select count(*) from "{table.name}" as t semi join "{to}" as o on t."{column}" = o."{key}")'
    ).fetchone()
    assert row is not None
    return Reference(column, to, row[0], row[1])
