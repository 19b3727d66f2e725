"""The rows of one source: typed, looked up, derived, and set aside with the first reason that fits.

The connection holds `export_<n>` for the n-th source, as `playbook.intake.reading` loads it. It becomes `line_<n>` (the same
rows with an id and values) and `aside_<n>` (id and cause of the rows that are no use). No row is ever changed: at 50
million of them that is what keeps memory bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from playbook.intake import cells, expressions
from playbook.intake.mapping import ClientMapping, Part
from playbook.intake.mapping.sources import Reject, Source
from playbook.intake.mapping.tables import Column
from playbook.store import schemas
from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb

FILE_BITS = 40  # a row's id is its file's number and its own: rows stay in the order of delivery
DAMAGED = 0  # the first cause: its reason stands in the row
FILTERED, REPLACED = "left out by the filter", "replaced by a later delivery"


@dataclass(frozen=True)
class Cause:
    """Why some rows of a source are no use: `hit` is SQL over its lines that finds them."""

    hit: str
    reason: str
    column: str | None = None
    table: str | None = None


@dataclass
class SourceDesk:
    """One source being sorted: `number` names its tables, `columns` are those of the export in the order of c0, c1 ...,
    `files` the names of what was read, in the order of delivery.
    """

    connection: duckdb.DuckDBPyConnection
    mapping: ClientMapping
    name: str
    number: int
    columns: Sequence[str]
    files: Sequence[str]
    causes: list[Cause] = field(default_factory=lambda: [Cause("damage is not null", "damaged")])

    @property
    def source(self) -> Source:
        """What the mapping says of it."""
        return self.mapping.sources[self.name]

    @property
    def accepted(self) -> str:
        """The rows that are not set aside, as something to select from."""
        return f"(select * from line_{self.number} anti join aside_{self.number} using (id)) as accepted"

    @property
    def export(self) -> str:
        """The rows as they were read, as something to select from."""
        place = f"id >> {FILE_BITS} as file, id & {2**FILE_BITS - 1} as row"
        return f"(select {place}, * from line_{self.number})"

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._count("line")

    @property
    def kept_aside(self) -> int:
        """How many of them are set aside."""
        return self._count("aside")

    def _count(self, what: str) -> int:
        return self.connection.execute(f"select count(*) from {what}_{self.number}").fetchall()[0][0]

    @cached_property
    def cell(self) -> dict[str, str]:
        """The SQL of each column's value in a line: own, looked-up and derived ones."""
        place = {column: i for i, column in enumerate(self.columns)}
        found = {}
        for key, column in self.source.columns.items():
            plain = column.type == "text" and not self.source.empty
            text = cells.value(f"c{place[key]}", column, self.source.dialect)
            found[key] = text if plain else f"v{place[key]}"
        looked_up = [f"{other}.{key}" for other, join in self.source.join.items() for key in join.columns]
        found |= {key: f"j{i}" for i, key in enumerate(looked_up)}
        return found | {key: f"d{i}" for i, key in enumerate(self.source.derive)}

    @property
    def raw(self) -> dict[str, str]:
        """The export's own text of each column that it has."""
        return {column: f"c{i}" for i, column in enumerate(self.columns)}

    def expression(self, text: str) -> str:
        """Return an expression of the mapping as SQL over a line."""
        kinds = self.mapping.kinds(self.name)
        return expressions.compile(text, kinds, self.cell.__getitem__, where=f"sources.{self.name}").sql

    def make_lines(self, desks: Mapping[str, SourceDesk]) -> None:
        """Make the tables of lines and of rows set aside; sources that this one looks columns up in are sorted."""
        number = f"file::bigint << {FILE_BITS} | row as id"
        values = [f"{sql} as {name}" for name, sql in self._typed().items()]
        query = f"select {', '.join([number, '* exclude (file, row)', *values])} from export_{self.number}"
        joins, names = self._joins(desks)
        if joins:
            query = f"select {', '.join(['t.*', *names])} from ({query}) as t {' '.join(joins)}"
        # One in the other: a later expression may use an earlier column.
        for i, text in enumerate(self.source.derive.values()):
            sql = self.expression(text)
            query = f"select *, {sql} as d{i} from ({query})"
        for i, (identity, column) in enumerate(self._identities()):
            meet = f"who.identity = {literal(identity)} and who.key = {self.cell[column]}"
            query = f"select t.*, who.person as p{i} from ({query}) as t left join persons as who on {meet}"
        self.connection.execute(f"create table line_{self.number} as {query}")
        self.connection.execute(f"drop table export_{self.number}")
        self.connection.execute(f"create table aside_{self.number} (id bigint, cause integer)")

    def _typed(self) -> dict[str, str]:
        """Return the SQL of the values that are not the cell's own text, by their column in the line."""
        found = {}
        for key, column in self.source.columns.items():
            place = list(self.columns).index(key)
            if self.cell[key] == f"v{place}":
                text = cells.given(f"c{place}", self.source)
                found[f"v{place}"] = cells.value(text, column, self.source.dialect)
        return found

    def _joins(self, desks: Mapping[str, SourceDesk]) -> tuple[list[str], list[str]]:
        joins: list[str] = []
        names: list[str] = []
        for n, (other, join) in enumerate(self.source.join.items()):
            desk = desks[other]
            keys = [desk.cell[theirs] for theirs in join.on.values()]
            taken = [
                f"first({desk.cell[key]} order by id) as j{len(names) + i}"
                for i, key in enumerate(join.columns)
            ]
            names += [f"join{n}.j{len(names) + i}" for i in range(len(join.columns))]
            named = ", ".join(f"{key} as k{i}" for i, key in enumerate(keys))
            grouped = f"select {named}, {', '.join(taken)} from {desk.accepted} group by {', '.join(keys)}"
            meet = " and ".join(f"{self.cell[mine]} = join{n}.k{i}" for i, mine in enumerate(join.on))
            joins.append(f"left join ({grouped}) as join{n} on {meet}")
        return joins, names

    def set_aside(self, causes: Sequence[Cause]) -> int:
        """Give each row that is still accepted the first of the causes that hits it; return how many had one."""
        if not causes:
            return 0
        first = len(self.causes)
        self.causes += causes
        cases = " ".join(f"when {cause.hit} then {first + i}" for i, cause in enumerate(causes))
        return self._insert(f"select id, case {cases} end as cause from {self.accepted}")

    def set_aside_damaged(self) -> None:
        """Set aside what could not be read."""
        self._insert(f"select id, {DAMAGED} as cause from line_{self.number} where damage is not null")

    def insert(self, found: str, cause: Cause) -> int:
        """Give a cause to the rows that a query finds by their id; return how many."""
        self.causes.append(cause)
        return self._insert(f"select id, {len(self.causes) - 1} as cause from ({found})")

    def _insert(self, found: str) -> int:
        # Whatever a query finds, a row is set aside once.
        done = self.connection.execute(
            f"insert into aside_{self.number} select id, min(cause) from ({found}) as found "
            f"anti join aside_{self.number} using (id) where cause is not null group by id"
        )
        return done.fetchall()[0][0]

    def sort_rows(self, parts: Sequence[Part]) -> None:
        """Set aside what is wrong with rows by themselves, reason by reason in the order of the mapping."""
        self.set_aside_damaged()
        self._set_aside_replaced()
        waiting = list(self._unreadable())
        if self.source.filter is not None:
            waiting.append(Cause(f"({self.expression(self.source.filter)}) is not true", FILTERED))
        for rule in self.source.reject:
            if rule.repeated is None:
                waiting.append(self._rule(rule))
                continue
            self.set_aside(waiting)
            waiting = []
            self._set_aside_repeated(rule)
        waiting += self._code_lists(parts)
        if parts:
            waiting.append(
                Cause(" and ".join(f"not ({self.taken(part)})" for part in parts), "feeds no table")
            )
        for part in parts:
            waiting += self._cell_breaches(part)
        self.set_aside(waiting)

    def _unreadable(self) -> Iterator[Cause]:
        for key, column in self.source.columns.items():
            if column.type != "text":
                given = cells.given(self.raw[key], self.source)
                unreadable = f"{given} is not null and {self.cell[key]} is null"
                yield Cause(unreadable, cells.UNREADABLE[column.type], key)

    def _rule(self, rule: Reject) -> Cause:
        if rule.where is not None:
            return Cause(f"({self.expression(rule.where)}) is true", rule.reason)
        tests = [cells.test(self.cell[key], condition) for key, condition in (rule.when or {}).items()]
        return Cause(" and ".join(tests), rule.reason, next(iter(rule.when or {}), None))

    def _set_aside_replaced(self) -> None:
        if not self.source.key or len(self.files) == 1:
            return
        keys = ", ".join(f"{self.cell[key]} as k{i}" for i, key in enumerate(self.source.key))
        places = ", ".join(f"k{i}" for i in range(len(self.source.key)))
        keyed = f"select id, id >> {FILE_BITS} as file, {keys} from {self.accepted}"
        whole = " and ".join(f"k{i} is not null" for i in range(len(self.source.key)))
        self.connection.execute(f"create temp table keyed as {keyed}")
        newest = f"select {places}, max(file) as newest from keyed where {whole} group by {places}"
        self.insert(
            f"select id from keyed join ({newest}) using ({places}) where file < newest",
            Cause("", REPLACED, self.source.key[0]),
        )
        self.connection.execute("drop table keyed")

    def _set_aside_repeated(self, rule: Reject) -> None:
        """Set aside all but the first of rows that are alike; first find what may be alike, by a hash."""
        rows = self.accepted
        if isinstance(rule.repeated, list):
            first, compared = rule.repeated[0], [self.cell[key] for key in rule.repeated]
            # Rows that say nothing in any of these columns are not alike.
            said = f"coalesce({', '.join(f'({cell})::varchar' for cell in compared)}) is not null"
            rows = f"(select * from {rows} where {said})"
        else:
            first, compared = None, list(self.raw.values())
        self.insert(later_of_alike(compared, rows), Cause("", rule.reason, first))

    def taken(self, part: Part) -> str:
        """Return SQL that is true for the rows that make a record here."""
        tests = []
        if part.table.where is not None:
            tests.append(f"({self.expression(part.table.where)}) is true")
        if part.table.skip_without_key:
            keys = [part.table.columns[key].source_column for key in schemas.table(part.name).key]
            tests += [f"{self.cell[key]} is not null" for key in keys if key is not None]
        return " and ".join(tests) or "true"

    def _code_lists(self, parts: Sequence[Part]) -> Iterator[Cause]:
        for part in parts:
            for column in part.table.columns.values():
                if column.codes or column.patterns:
                    reason = f"not in code list '{column.codes}'" if column.codes else "fits no pattern"
                    before, after = self.cell[str(column.source_column)], self.origin(column)
                    hit = f"{self.taken(part)} and {before} is not null and {after} is null"
                    yield Cause(hit, reason, column.source_column, part.name)

    def _cell_breaches(self, part: Part) -> Iterator[Cause]:
        """Yield what a record's own cells show: of rows that make one each, and of the keys of others."""
        canonical = schemas.table(part.name)
        for target in canonical.columns:
            column = part.table.columns.get(target.name)
            own = part.table.one_per == "row" or target.name in canonical.key
            if column is None or not own or column.origin == "position_in":
                continue
            cell = f"({self.origin(column)})::{schemas.SQL_TYPES[target.kind]}"
            for hit, reason in cells.breaches(target, cell):
                yield Cause(f"{self.taken(part)} and {hit}", reason, column.source_column, part.name)

    def origin(self, column: Column) -> str:
        """Return SQL for what a canonical column takes from one row, before any aggregation."""
        if column.source_column is None:
            return literal(column.constant)
        cell = self.cell[column.source_column]
        if column.identity:
            person = f"p{self._identities().index((column.identity, column.source_column))}"
            # Whom no record describes is somebody of their own.
            unknown = f"{literal(column.identity)} || ' ' || {cell}"
            return f"case when {cell} is not null then coalesce({person}, {unknown}) end"
        return cells.replaced(cell, column, self.mapping.codes[column.codes] if column.codes else None)

    def _identities(self) -> list[tuple[str, str]]:
        used = [
            (column.identity, str(column.source_column))
            for part in self.mapping.parts_of(self.name)
            for column in part.table.columns.values()
            if column.identity
        ]
        return list(dict.fromkeys(used))


def later_of_alike(compared: Sequence[str], rows: str) -> str:
    """Return SQL for the ids of all but the first of rows that are alike in the values compared.

    What may be alike is found by a hash first: sorting all rows by all values would cost many times as much.
    """
    values = ", ".join(compared)
    maybe = f"select hash({values}) as h from {rows} group by h having count(*) > 1"
    ranked = f"row_number() over (partition by {values} order by id) > 1"
    return f"select id from {rows} where hash({values}) in ({maybe}) qualify {ranked}"
