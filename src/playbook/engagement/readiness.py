"""Readiness: what a client's store holds, and which plays it is enough for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from glob import escape
from typing import TYPE_CHECKING

from playbook.catalogue import Play
from playbook.engagement.columns_read import columns_read
from playbook.engagement.profile import TableProfile, opened, profiles
from playbook.intake.quarantine import TABLE
from playbook.intake.report import REPORT
from playbook.store import schemas
from playbook.store.reading import view_expects, view_needs, view_query, view_uses, views
from playbook.wording import listed

if TYPE_CHECKING:
    import duckdb

    from playbook.store.reading import Store

STATES = {
    "ready": "all that they can use is there",
    "ready with less": "they run on these data, without some of what they could say",
    "too little": "their tables are there, but hold too little of what they look at",
    "missing": "a table that they need is not there",
}


@dataclass(frozen=True)
class PlayReadiness:
    """Whether a store is enough for one play, and what is not there.

    Parameters
    ----------
    play : Play
        The play.
    missing : tuple of str
        Tables that it needs and the store lacks.
    too_little : tuple of str
        Why tables that it needs, and that are there, are of no use to it; sentences.
    without : tuple of str
        Tables that it would use and the store lacks.
    idle : tuple of str
        Why tables that it would use, and that are there, are of no use to it; sentences.
    empty : tuple of str
        Columns that it reads and that hold nothing in any row, as `table.column`.
    """

    play: Play
    missing: tuple[str, ...] = ()
    too_little: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.missing:
            return "missing"
        if self.too_little:
            return "too little"
        return "ready with less" if self.without or self.idle or self.empty else "ready"

    @property
    def lacks(self) -> str:
        """What is not there, in words; of a play that cannot run only what it needs."""
        if self.missing:
            return "no " + ", ".join(self.missing)
        if self.too_little:
            return "; ".join(self.too_little)
        tables = ["no " + ", ".join(self.without)] if self.without else []
        by_table: dict[str, list[str]] = {}
        for name in self.empty:
            table, column = name.split(".")
            by_table.setdefault(table, []).append(column)
        columns = [f"{table} without {', '.join(names)}" for table, names in by_table.items()]
        return "; ".join([*tables, *self.idle, *columns])


@dataclass(frozen=True)
class Arrived:
    """One export as the intake found it: rows = accepted + the sum of `quarantined`, by reason.

    `hints` say what may be wrong with the mapping.
    """

    name: str
    rows: int
    accepted: int
    quarantined: dict[str, int]
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """What a store holds, and which plays it is enough for.

    `arrived` are the exports it was made from, `set_aside` the rows that a table's own rules sent to quarantine, by
    table; both are empty for a synthetic world.
    """

    client: str
    as_of: date
    arrived: tuple[Arrived, ...]
    set_aside: dict[str, int]
    tables: tuple[TableProfile, ...]
    plays: tuple[PlayReadiness, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many plays are in each state."""
        return {state: sum(play.state == state for play in self.plays) for state in STATES}


def readiness(store: Store, as_of: date, plays: Iterable[Play]) -> Readiness:
    """Find out what a store holds and which plays it is enough for.

    Parameters
    ----------
    store : Store
        A store of Parquet files, of an intake or of a world.
    as_of : date
        Day of reading.
    plays : iterable of Play
        Those of the engagement.

    Raises
    ------
    StoreError
        When a table's file is not there.
    """
    with opened(store) as connection:
        tables = profiles(store, connection, as_of)
        asked = _Asked(connection, store, tables, as_of)
        judged = tuple(_judge(play, asked) for play in plays)
        set_aside = _set_aside(store, connection)
    return Readiness(store.info["name"], as_of, _arrived(store), set_aside, tuple(tables.values()), judged)


def _arrived(store: Store) -> tuple[Arrived, ...]:
    file = store.path / REPORT
    if not file.is_file():
        return ()
    sources = json.loads(file.read_text(encoding="utf-8"))["sources"]
    return tuple(
        Arrived(s["name"], s["rows"], s["accepted"], s["quarantined"], tuple(s.get("hints", ())))
        for s in sources
    )


def _set_aside(store: Store, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    file = store.path / TABLE
    if not file.is_file():
        return {}
    rows = connection.execute(
        'select "table", count(*) from read_parquet($1) where "table" is not null group by 1 order by 1',
        [escape(file.as_posix())],
    )
    return dict(rows.fetchall())


class _Asked:
    """Questions to the store, each answered once."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        store: Store,
        tables: dict[str, TableProfile],
        as_of: date,
    ) -> None:
        self.connection, self.store, self.tables, self.as_of = connection, store, tables, as_of
        self._yields: dict[str, bool] = {}
        self._holds: dict[tuple[str, str, str], bool] = {}

    def yields(self, name: str) -> bool:
        """Return whether a table or view that the store has gives at least one row."""
        if name not in views():
            return self.tables[name].rows > 0
        if name not in self._yields:
            query, used = view_query(name, {"as_of": self.as_of})
            row = self.connection.execute(f"select 1 from (\n{query}\n) limit 1", used).fetchone()
            self._yields[name] = row is not None
        return self._yields[name]

    def holds(self, table: str, column: str, value: str) -> bool:
        """Return whether a column of a table holds a value somewhere."""
        place = (table, column, value)
        if place not in self._holds:
            query = f'select 1 from "{table}" where "{column}" = $1 limit 1'
            self._holds[place] = self.connection.execute(query, [value]).fetchone() is not None
        return self._holds[place]


def _judge(play: Play, asked: _Asked) -> PlayReadiness:
    missing = asked.store.missing(play.inputs)
    there = [name for name in play.inputs if name in asked.store]
    extra = [name for name in play.optional if name in asked.store]
    used = [table for name in (*there, *extra) if name in views() for table in view_uses(name)]
    without = dict.fromkeys([*asked.store.missing(play.optional), *asked.store.missing(tuple(used))])
    too_little = [said for name in there for said in _useless(name, asked, needed=True)]
    if reason := asked.store.unfit(play.id):  # found out by a run
        too_little.append(reason)
    idle = [said for name in there for said in _useless(name, asked, needed=False)]
    idle += [said for name in extra for said in (*_useless(name, asked, True), *_useless(name, asked, False))]
    empty = [
        f"{table}.{column.name}"
        for table, columns in columns_read(play).items()
        if table in asked.tables
        for column in schemas.table(table).columns
        if column.name in columns and column.name in asked.tables[table].empty
    ]
    return PlayReadiness(
        play,
        tuple(missing),
        tuple(dict.fromkeys(too_little)),
        tuple(table for table in without if table not in missing),
        tuple(said for said in dict.fromkeys(idle) if said not in too_little),
        tuple(empty),
    )


def _useless(name: str, asked: _Asked, needed: bool) -> list[str]:
    """Return why a table or view that is there gives a play nothing: what it needs, or what it merely uses."""
    wanted = (
        (view_needs(name) if needed else view_uses(name)) if name in views() else ((name,) if needed else ())
    )
    said = [f"{table} has no rows" for table in wanted if table in asked.tables and not asked.yields(table)]
    for table, column, value in view_expects(name) if name in views() else ():
        if (
            table in wanted
            and table in asked.tables
            and asked.yields(table)
            and not asked.holds(table, column, value)
        ):
            said.append(f"no row of {table} has {column} '{value}'")
    if needed and not said and not asked.yields(name):
        said.append(f"nothing in {listed(wanted)} fits what it looks at ({name.replace('_', ' ')})")
    return said
