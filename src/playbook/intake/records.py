"""Canonical tables made of the rows that are accepted, and the rows whose records break a table's declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbook.intake import cells
from playbook.intake.lines import Cause, SourceDesk
from playbook.intake.mapping import Part
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb


@dataclass
class TableDesk:
    """One canonical table being made of its parts; `desks` are the sources, by name."""

    connection: duckdb.DuckDBPyConnection
    name: str
    parts: Sequence[Part]
    desks: Mapping[str, SourceDesk]

    @property
    def canonical(self) -> schemas.Table:
        """Its declaration."""
        return schemas.table(self.name)

    @property
    def per_key(self) -> bool:
        """Whether rows that share a key make one record together."""
        return self.parts[0].table.one_per == "key"

    @property
    def sources(self) -> set[str]:
        """The sources that feed it."""
        return {part.table.source for part in self.parts}

    def make(self) -> None:
        """Make `made_<name>` of the rows accepted so far: a view, or for rows that share keys a table."""
        parts = [self._grouped(part) if self.per_key else self._rows(part) for part in self.parts]
        query = " union all ".join(parts)
        if not self.per_key:
            self.connection.execute(f"create or replace view made_{self.name} as {query}")
            return
        if len(parts) > 1:
            keys = ", ".join(self.canonical.key)
            others = [c.name for c in self.canonical.columns if c.name not in self.canonical.key]
            # An earlier part has the first word, a later one fills what it leaves empty.
            merged = ", ".join(f"arg_min({name}, part) as {name}" for name in others)
            query = f"select {keys}, 0 as part, {merged} from ({query}) group by {keys}"
        self.connection.execute(f"create or replace table made_{self.name} as {query}")

    def _rows(self, part: Part) -> str:
        desk = self.desks[part.table.source]
        values = []
        for c in self.canonical.columns:
            column = part.table.columns.get(c.name)
            value = "null" if column is None else desk.origin(column)
            if column is not None and column.origin == "position_in":
                value = f"row_number() over (partition by {value} order by id)"
            values.append(f"({value})::{schemas.SQL_TYPES[c.kind]} as {c.name}")
        return f"select id, {part.number} as part, {', '.join(values)} from {desk.accepted} where {desk.taken(part)}"

    def _grouped(self, part: Part) -> str:
        """Return SQL for a part's records; mode and median by ways that can leave memory for the disk."""
        desk = self.desks[part.table.source]
        keys = {key: desk.origin(part.table.columns[key]) for key in self.canonical.key}
        named = ", ".join(f"{sql} as {key}" for key, sql in keys.items())
        taken = f"from {desk.accepted} where {desk.taken(part)}"
        simple, joins, found = [], [], []
        for c in self.canonical.columns:
            column = part.table.columns.get(c.name)
            if c.name in keys:
                found.append(f"base.{c.name}")
                continue
            if column is None or column.origin in ("first", "min", "max", "constant"):
                value = "null" if column is None else desk.origin(column)
                how = {"first": f"arg_min({value}, id)", "constant": value}
                sql = value if column is None else how.get(column.origin, f"{column.origin}({value})")
                simple.append(f"({sql})::{schemas.SQL_TYPES[c.kind]} as {c.name}")
                found.append(f"base.{c.name}")
                continue
            valued = f"select id, {named}, {desk.origin(column)} as value {taken}"
            way = _modes if column.origin == "mode" else _medians
            joins.append(f"left join ({way(valued, tuple(keys))}) as by_{c.name} using ({', '.join(keys)})")
            found.append(f"by_{c.name}.value::{schemas.SQL_TYPES[c.kind]} as {c.name}")
        base = f"select {', '.join([named, *simple])} {taken} group by {', '.join(keys.values())}"
        return f"select {part.number} as part, {', '.join(found)} from ({base}) as base {' '.join(joins)}"

    def set_aside_broken(self) -> set[str]:
        """Set aside the rows of records that break the declaration; return the sources that lost some."""
        lost = set()
        for target in self.canonical.columns:
            for broken, reason in self._broken(target):
                # Looked for once, since most records are sound, and sent back to their rows only then.
                if self.connection.execute(
                    f"select 1 from made_{self.name} where {broken} limit 1"
                ).fetchall():
                    lost |= self._send_back(target.name, broken, reason)
        if not self.per_key and not self._unique_by_making():
            lost |= self._send_back_repeated()
        return lost

    def _broken(self, target: schemas.Column) -> Iterator[tuple[str, str]]:
        columns = [
            part.table.columns[target.name] for part in self.parts if target.name in part.table.columns
        ]
        if self.per_key and target.name not in self.canonical.key and columns:
            yield from cells.breaches(target, target.name)
        for table in dict.fromkeys(column.known_in for column in columns if column.known_in):
            (key,) = schemas.table(table).key
            known = f"exists (select 1 from made_{table} as other where other.{key} = made_{self.name}.{target.name})"
            yield f"{target.name} is not null and not {known}", f"{target.name} is not in {table}"

    def _unique_by_making(self) -> bool:
        """Whether no two records can share a key: its last column counts the rows that share the others."""
        if len(self.parts) > 1:
            return False
        columns = self.parts[0].table.columns
        counted = [columns[key] for key in self.canonical.key if columns[key].origin == "position_in"]
        others = {
            column.source_column
            for column in (columns[key] for key in self.canonical.key)
            if column.origin == "column" and not (column.codes or column.patterns or column.identity)
        }
        return any(column.source_column in others for column in counted)

    def _send_back(self, target: str, broken: str, reason: str) -> set[str]:
        lost = set()
        for part in self.parts:
            desk = self.desks[part.table.source]
            column = part.table.columns.get(target)
            cause = Cause("", reason, column.source_column if column else None, self.name)
            if self.per_key:
                pairs = [f"{desk.origin(part.table.columns[key])} = bad.{key}" for key in self.canonical.key]
                bad = f"select 1 from made_{self.name} as bad where {broken.replace(f'made_{self.name}.', 'bad.')}"
                found = (
                    f"select id from {desk.accepted} where {desk.taken(part)} "
                    f"and exists ({bad} and {' and '.join(pairs)})"
                )
            else:
                found = f"select id from made_{self.name} where part = {part.number} and {broken}"
            if desk.insert(found, cause):
                lost.add(part.table.source)
        return lost

    def _send_back_repeated(self) -> set[str]:
        """Set aside all but the first of records with one key: of an earlier part before a later one."""
        lost = set()
        keys = ", ".join(self.canonical.key)
        made = f"(select id, part, {keys} from made_{self.name})"
        maybe = f"select hash({keys}) as h from {made} group by h having count(*) > 1"
        ranked = f"row_number() over (partition by {keys} order by part, id) > 1"
        alike = f"select id, part from {made} where hash({keys}) in ({maybe}) qualify {ranked}"
        # Part by part: what is set aside in one no longer stands in the way of the next.
        for part in self.parts:
            column = part.table.columns[self.canonical.key[0]].source_column
            found = f"select id from ({alike}) where part = {part.number}"
            cause = Cause("", "repeated key", column, self.name)
            if self.desks[part.table.source].insert(found, cause):
                lost.add(part.table.source)
        return lost


def _modes(valued: str, keys: tuple[str, ...]) -> str:
    """Return SQL for the most frequent value by key, the earlier one on a tie."""
    names = ", ".join(keys)
    given = f"({valued}) where value is not null"
    counted = f"select {names}, value, count(*) as n, min(id) as first from {given} group by {names}, value"
    ranked = f"row_number() over (partition by {names} order by n desc, first)"
    return f"select {names}, value from ({counted}) qualify {ranked} = 1"


def _medians(valued: str, keys: tuple[str, ...]) -> str:
    """Return SQL for the median value by key."""
    names = ", ".join(keys)
    placed = (
        f"select {names}, value, row_number() over (partition by {names} order by value) as place, "
        f"count(*) over (partition by {names}) as n from ({valued}) where value is not null"
    )
    middle = "place in ((n + 1) // 2, (n + 2) // 2)"
    return f"select {names}, avg(value) as value from ({placed}) where {middle} group by {names}"


def sort_out(desks: Mapping[str, SourceDesk], tables: Sequence[TableDesk]) -> None:
    """Make all tables of the rows that stay accepted.

    Setting a record's rows aside changes the other records that they were part of: again, until nothing breaks.
    """
    changed = set(desks)
    while changed:
        for table in tables:
            if table.sources & changed:
                table.make()
        changed = {source for table in tables for source in table.set_aside_broken()}
