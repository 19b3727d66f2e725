"""Sorting an export's rows, inside DuckDB: accepted into canonical tables, or kept aside with a reason.

Nothing of the client's becomes SQL but quoted literals: columns are known by their place in the export.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from playbook.intake.mapping import ClientMapping, Column, Condition, Reject, Source, SourceColumn, Table
from playbook.store import schemas
from playbook.store.writing import conform

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
ISO_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?"
YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
UNREADABLE = {
    "time": "not a time",
    "number": "not a number",
    "count": "not a whole number",
    "flag": "not yes or no",
}


@dataclass(frozen=True)
class Sorted:
    """What became of one export's rows.

    Parameters
    ----------
    name : str
        The export's name in the mapping.
    tables : dict of DataFrame
        Canonical tables, by name.
    quarantine : DataFrame
        source, row (1 is the first below the header), table (canonical, when that table is why), column (of
        the export), value (as it stands there), reason.
    rows : int
        How many rows the export has.
    """

    name: str
    tables: dict[str, pd.DataFrame]
    quarantine: pd.DataFrame
    rows: int


def sort_out(
    connection: duckdb.DuckDBPyConnection, name: str, mapping: ClientMapping, columns: list[str]
) -> Sorted:
    """Sort the rows of an export, which the connection holds as the table `export`.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Its table `export` has row (from 1), then text columns c0, c1 ..., null where a cell is empty.
    name : str
        The export's name in the mapping.
    mapping : ClientMapping
        What it holds and feeds.
    columns : list of str
        Its column names, in the order of c0, c1 ...
    """
    desk = _Desk(connection, name, mapping, {column: i for i, column in enumerate(columns)})
    desk.read_cells()
    for cause in desk.row_causes():
        desk.set_aside(cause)
    # Setting a record's rows aside changes the other records they were part of: again, until nothing breaks.
    while True:
        desk.make_records()
        if not sum(desk.set_aside(cause) for cause in list(desk.record_causes())):
            break
    rows = connection.execute("select count(*) from line").fetchall()[0][0]
    return Sorted(name, {table: desk.frame(table) for table in desk.tables}, desk.quarantine(), rows)


@dataclass(frozen=True)
class _Cause:
    """Why some rows are no use: `hit` is SQL over the table `line` that finds them."""

    hit: str
    reason: str
    column: str | None = None
    table: str | None = None


@dataclass
class _Desk:
    """One export being sorted.

    The table `line` is `export` with typed values v0, v1 ... and `cause`, null while a row is accepted;
    `made_<name>` is a canonical table made of the rows accepted so far.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    mapping: ClientMapping
    place: dict[str, int]
    causes: list[_Cause] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return self.mapping.sources[self.name]

    @property
    def tables(self) -> dict[str, Table]:
        return self.mapping.tables_of(self.name)

    def read_cells(self) -> None:
        """Make the table `line`."""
        columns = self.source.columns.items()
        values = ", ".join(f"{_value(f'c{self.place[key]}', c)} as v{self.place[key]}" for key, c in columns)
        self.connection.execute(
            f"create table line as select *, {values}, null::integer as cause from export"
        )

    def set_aside(self, cause: _Cause) -> int:
        """Give the cause to the rows it hits that have none yet; return how many."""
        self.causes.append(cause)
        number = len(self.causes) - 1
        done = self.connection.execute(
            f"update line set cause = {number} where cause is null and ({cause.hit})"
        )
        return done.fetchall()[0][0]

    def row_causes(self) -> Iterator[_Cause]:
        """Yield what can be wrong with a row by itself, in the order in which it is looked for."""
        for key, known in self.source.columns.items():
            if known.type != "text":
                i = self.place[key]
                yield _Cause(f"c{i} is not null and v{i} is null", UNREADABLE[known.type], key)
        for rule in self.source.reject:
            yield self._rule(rule)
        for name, table in self.tables.items():
            for column in table.columns.values():
                if column.codes or column.patterns:
                    reason = f"not in code list '{column.codes}'" if column.codes else "fits no pattern"
                    before, after = f"v{self.place[str(column.source_column)]}", self._origin(column)
                    hit = f"{self._taken(name)} and {before} is not null and {after} is null"
                    yield _Cause(hit, reason, column.source_column, name)
        untaken = " and ".join(f"not ({self._taken(name)})" for name in self.tables)
        yield _Cause(untaken, "feeds no table")

    def _rule(self, rule: Reject) -> _Cause:
        if rule.when is not None:
            tests = [_test(f"v{self.place[key]}", condition) for key, condition in rule.when.items()]
            return _Cause(" and ".join(tests), rule.reason, next(iter(rule.when)))
        if isinstance(rule.repeated, list):
            first, cells = rule.repeated[0], [f"v{self.place[key]}" for key in rule.repeated]
        else:
            first, cells = None, [f"c{i}" for i in self.place.values()]
        window = f"row_number() over (partition by {', '.join(cells)} order by row)"
        hit = f"row in (select row from line where cause is null qualify {window} > 1)"
        return _Cause(hit, rule.reason, first)

    def _taken(self, name: str) -> str:
        """Return SQL that is true for the rows a table takes."""
        table = self.tables[name]
        cells = [table.columns[key].source_column for key in schemas.table(name).key]
        filled = [f"v{self.place[cell]} is not null" for cell in cells if cell is not None]
        return " and ".join(filled) if table.skip_without_key and filled else "true"

    def _origin(self, column: Column) -> str:
        """Return SQL for what a canonical column takes from one row, before any aggregation."""
        if column.source_column is None:
            return _literal(column.constant)
        cell = f"v{self.place[column.source_column]}"
        if column.codes:
            codes = self.mapping.codes[column.codes].items()
            cases = [f"when {cell} = {_literal(key)} then {_literal(code)}" for key, code in codes]
        elif column.patterns:
            fits = {_any_fits(cell, [pattern]): value for pattern, value in column.patterns.items()}
            cases = [f"when {fit} then {_literal(value)}" for fit, value in fits.items()]
        else:
            return cell
        return f"case {' '.join(cases)} end"

    def _cell(self, column: Column | None) -> str:
        """Return SQL for the value of a canonical column in one record."""
        if column is None:
            return "null"
        value = self._origin(column)
        if column.origin == "first":
            return f"arg_min({value}, row)"
        if column.origin == "mode":
            return f"mode({value} order by row)"
        if column.origin == "position_in":
            return f"row_number() over (partition by {value} order by row)"
        return value if column.origin in ("column", "constant") else f"{column.origin}({value})"

    def make_records(self) -> None:
        """Make each canonical table of the rows accepted so far."""
        for name, table in self.tables.items():
            canonical = schemas.table(name)
            cells = ", ".join(
                f"({self._cell(table.columns.get(c.name))})::{schemas.SQL_TYPES[c.kind]} as {c.name}"
                for c in canonical.columns
            )
            rows = f"from line where cause is null and {self._taken(name)}"
            if table.one_per == "row":
                query = f"select row, {cells} {rows}"
            else:
                keys = ", ".join(self._origin(table.columns[key]) for key in canonical.key)
                query = f"select {cells} {rows} group by {keys}"
            self.connection.execute(f"create or replace table made_{name} as {query}")

    def record_causes(self) -> Iterator[_Cause]:
        """Yield, for each way in which a record breaks its table's schema, the rows that made it."""
        for name, table in self.tables.items():
            canonical = schemas.table(name)
            if table.one_per == "row":
                same = "line.row = made.row"
            else:
                keys = {key: self._origin(table.columns[key]) for key in canonical.key}
                same = " and ".join(f"{cell} is not distinct from made.{key}" for key, cell in keys.items())
            for target in canonical.columns:
                for broken, reason in _breaches(target):
                    made = f"from made_{name} as made where {broken}"
                    if self.connection.execute(f"select 1 {made} limit 1").fetchall():
                        column = table.columns[target.name].source_column
                        yield _Cause(f"exists (select 1 {made} and {same})", reason, column, name)
            if table.one_per == "row":
                window = f"row_number() over (partition by {', '.join(canonical.key)} order by row)"
                column = table.columns[canonical.key[0]].source_column
                hit = f"row in (select row from made_{name} qualify {window} > 1)"
                yield _Cause(hit, "repeated key", column, name)

    def frame(self, name: str) -> pd.DataFrame:
        """Return a canonical table; the order of its rows follows from the export alone."""
        canonical, table = schemas.table(name), self.tables[name]
        order = "row" if table.one_per == "row" else ", ".join(canonical.key)
        cells = ", ".join(c.name for c in canonical.columns)
        frame = self.connection.execute(f"select {cells} from made_{name} order by {order}").df()
        for key, column in table.columns.items():
            zone = self.source.columns[column.source_column].zone if column.source_column else None
            if zone:
                frame[key] = _utc(frame[key], zone)
        return conform(name, frame)  # a flag that the export doesn't know is false

    def quarantine(self) -> pd.DataFrame:
        """Return the rows that were set aside."""
        shown = {i: f"c{self.place[c.column]}" for i, c in enumerate(self.causes) if c.column}
        value = " ".join(
            ["case cause", *(f"when {i} then {cell}" for i, cell in shown.items()), "else null end"]
        )
        query = f"select row, cause, {value if shown else 'null'} as value from line where cause is not null"
        found = self.connection.execute(f"{query} order by row").df()
        for key in ("table", "column", "reason"):
            found[key] = found["cause"].map({i: getattr(c, key) for i, c in enumerate(self.causes)})
        found["source"] = self.name
        columns = ["source", "row", "table", "column", "value", "reason"]
        return found[columns].astype({key: "int64" if key == "row" else "str" for key in columns})


def _breaches(target: schemas.Column) -> Iterator[tuple[str, str]]:
    """Yield each way in which a canonical column can be broken: SQL, and the reason it gives."""
    if not target.nullable:
        yield f"{target.name} is null", f"{target.name} is empty"
    if target.low is not None:
        yield f"{target.name} < {_literal(target.low)}", f"{target.name} is below {target.low:g}"
    if target.high is not None:
        yield f"{target.name} > {_literal(target.high)}", f"{target.name} is above {target.high:g}"
    if target.choices:
        valid = ", ".join(_literal(choice) for choice in target.choices)
        yield f"{target.name} not in ({valid})", f"{target.name} is none of {', '.join(target.choices)}"


def _test(cell: str, condition: Condition) -> str:
    """Return SQL that is true where all that the condition says holds."""
    parts = []
    if condition.empty is not None:
        parts.append(f"{cell} is {'' if condition.empty else 'not '}null")
    if condition.matches:
        parts.append(f"({_any_fits(cell, condition.matches)})")
    if condition.not_matching:
        parts.append(f"not ({_any_fits(cell, condition.not_matching)})")
    if condition.at_most is not None:
        parts.append(f"{cell} <= {_literal(condition.at_most)}")
    if condition.at_least is not None:
        parts.append(f"{cell} >= {_literal(condition.at_least)}")
    return " and ".join(parts)


def _any_fits(cell: str, patterns: list[str]) -> str:
    return " or ".join(f"regexp_full_match({cell}, {_literal(pattern)})" for pattern in patterns)


def _value(cell: str, column: SourceColumn) -> str:
    """Return SQL for the typed value of a text cell: null where it is empty or none of its type."""
    if column.type == "text":
        return f"upper({cell})" if column.upper else cell
    if column.type == "flag":
        yes, no = (", ".join(_literal(word) for word in words) for words in (YES, NO))
        return f"case when lower({cell}) in ({yes}) then true when lower({cell}) in ({no}) then false end"
    if column.type == "time":
        if column.format:
            return f"try_strptime({cell}, {_literal(column.format)})"
        return f"case when {_any_fits(cell, [ISO_TIME])} then try_cast({cell} as timestamp) end"
    number = f"try_cast({cell} as double)"
    readable = f"{_any_fits(cell, [NUMBER])} and isfinite({number})"
    if column.type == "count":
        readable += f" and {number} = trunc({number}) and abs({number}) < {2**53}"
        number = f"{number}::bigint"
    return f"case when {readable} then {number} end"


def _utc(times: pd.Series, zone: str) -> pd.Series:
    """Return a clock's times as UTC; of the hour that comes twice in autumn, the first."""
    # Not in SQL: time zones are an extension of DuckDB, which a machine without network cannot load.
    twice = np.ones(len(times), dtype=bool)
    local = times.dt.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward")
    return local.dt.tz_convert("UTC").dt.tz_localize(None)


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return repr(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
