"""A client's mapping: what its exports hold, which rows are no use, and how the rest become canonical tables.

It is data, not code: the rules are a closed list and the patterns are RE2, which never backtracks.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from playbook.errors import MappingError, StoreError, nearest
from playbook.store import schemas
from playbook.yamlfile import Strict, known, load

AGGREGATES = ("first", "min", "max", "mode", "median")
Limit = int | FiniteFloat | datetime | date
Constant = str | bool | int | FiniteFloat | datetime | date


class SourceColumn(Strict):
    """What a column of an export holds.

    Parameters
    ----------
    type : str
        text, time, number, count (a whole number) or flag; a cell that is none goes to quarantine.
    upper : bool
        For text: small letters mean the same as capitals.
    format : str
        For times that are not ISO 8601: as in strptime, e.g. ``"%d/%m/%Y"``.
    zone : str
        For times: the IANA time zone of the clock they were read from; they are kept as UTC.
    """

    type: str
    upper: bool = False
    format: str | None = None
    zone: str | None = None

    @field_validator("type")
    @classmethod
    def _type(cls, value: str) -> str:
        return known(value, schemas.KINDS)

    @field_validator("format")
    @classmethod
    def _format(cls, value: str | None) -> str | None:
        return _accepted_by_duckdb("try_strptime('', ?)", value)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        from zoneinfo import available_timezones

        zones = available_timezones()
        if value is not None and value not in zones:
            guess = nearest(value, zones)
            raise ValueError(guess if guess.startswith("did") else "expected a name like Europe/London")
        return value

    @model_validator(mode="after")
    def _fits(self) -> SourceColumn:
        if self.upper and self.type != "text":
            raise ValueError(f"'upper' is for text; the type is {self.type}")
        if (self.format or self.zone) and self.type != "time":
            raise ValueError(f"'format' and 'zone' are for times; the type is {self.type}")
        return self


class Condition(Strict):
    """What must hold for a cell; several keys must all hold. Patterns must fit the whole cell."""

    empty: bool | None = None
    matches: list[str] | None = Field(default=None, min_length=1)
    not_matching: list[str] | None = Field(default=None, min_length=1)
    at_most: Limit | None = None
    at_least: Limit | None = None

    @field_validator("matches", "not_matching", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("matches", "not_matching")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        for pattern in value:
            _accepted_by_duckdb("regexp_full_match('', ?)", pattern)
        return value

    @model_validator(mode="after")
    def _not_idle(self) -> Condition:
        if not self.model_dump(exclude_none=True):
            raise ValueError(f"expected a condition; valid: {', '.join(type(self).model_fields)}")
        return self

    def check_kind(self, kind: str) -> None:
        """Raise a ValueError when a column of this kind cannot be put to the test."""
        if (self.matches or self.not_matching) and kind != "text":
            raise ValueError(f"patterns are for text; the column is a {kind}")
        comparable = {"time": date, "number": int | float, "count": int | float}.get(kind)
        for limit in (self.at_most, self.at_least):
            if limit is not None and (comparable is None or not isinstance(limit, comparable)):
                raise ValueError(f"{limit} cannot be compared with a {kind}")


class Reject(Strict):
    """A rule of quarantine: rows for which `when` holds, or that copy an earlier row that is still accepted.

    `repeated` names the columns whose values are compared, or says all: every cell as it stands.
    """

    reason: str = Field(min_length=1, max_length=60, pattern=r"^\S[^\n]*$")
    when: dict[str, Condition] | None = Field(default=None, min_length=1)
    repeated: Literal["all"] | list[str] | None = None

    @field_validator("repeated", mode="before")
    @classmethod
    def _all_or_list(cls, value: Any) -> Any:
        if value != "all" and not (isinstance(value, list) and value):
            raise ValueError("expected 'all' or a list of columns")
        return value

    @model_validator(mode="after")
    def _one_rule(self) -> Reject:
        if (self.when is None) == (self.repeated is None):
            raise ValueError("expected exactly one of 'when' and 'repeated'")
        return self


class Source(Strict):
    """One export: its file (beside the mapping), the columns that are used, and the rows that are not."""

    file: str = Field(min_length=1)
    columns: dict[str, SourceColumn] = Field(min_length=1)
    reject: list[Reject] = Field(default_factory=list)

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return _spelled_out(value, "type")


class Column(Strict):
    """Where the value of a canonical column comes from; `InvoiceNo` alone is short for `{column: InvoiceNo}`.

    Parameters
    ----------
    column : str
        This source column, as it is.
    first, min, max, mode, median : str
        Of this source column, over the rows that make one record, empty cells left out.
    position_in : str
        The row's place, from 1, among the rows with the same value in this source column.
    constant : any
        This value.
    codes : str
        Then replaced by this code list; a value that is not in it goes to quarantine.
    patterns : dict
        Then replaced by the value of the first pattern that fits; where none fits, to quarantine.
    """

    column: str | None = None
    first: str | None = None
    min: str | None = None
    max: str | None = None
    mode: str | None = None
    median: str | None = None
    position_in: str | None = None
    constant: Constant | None = None
    codes: str | None = None
    patterns: dict[str, str] | None = None

    @field_validator("patterns")
    @classmethod
    def _patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value or {}:
            _accepted_by_duckdb("regexp_full_match('', ?)", pattern)
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        given = [key for key in self._origins() if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(self._origins())}")
        if self.codes is not None and self.patterns is not None:
            raise ValueError("expected 'codes' or 'patterns', not both")
        if (self.codes or self.patterns) and given[0] in ("constant", "position_in", "median"):
            raise ValueError(f"'codes' and 'patterns' do not go with '{given[0]}'")
        return self

    @staticmethod
    def _origins() -> tuple[str, ...]:
        return ("column", *AGGREGATES, "position_in", "constant")

    @property
    def origin(self) -> str:
        """Which of the keys gives the value."""
        return next(key for key in self._origins() if getattr(self, key) is not None)

    @property
    def source_column(self) -> str | None:
        """The source column it reads; None for a constant."""
        return None if self.origin == "constant" else getattr(self, self.origin)


class Table(Strict):
    """One canonical table.

    Parameters
    ----------
    source : str
        The export it is made from.
    one_per : str
        row: each row is one record, a second one with the same key goes to quarantine; key: rows that
        share the table's key make one record together.
    skip_without_key : bool
        Rows with an empty key make no record here (but may feed other tables) instead of going to quarantine.
    columns : dict
        Canonical columns; those left out stay empty.
    """

    source: str
    one_per: Literal["row", "key"] = "row"
    skip_without_key: bool = False
    columns: dict[str, Column]

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return _spelled_out(value, "column")


class ClientMapping(Strict):
    """One mapping file."""

    sources: dict[str, Source] = Field(min_length=1)
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    tables: dict[str, Table] = Field(min_length=1)

    @field_validator("codes", mode="before")
    @classmethod
    def _quoted(cls, value: Any) -> Any:
        for name, codes in value.items() if isinstance(value, dict) else ():
            for key, code in codes.items() if isinstance(codes, dict) else ():
                if isinstance(code, bool) or isinstance(key, bool):
                    raise ValueError(
                        f"{name}.{key}: YAML reads NO, yes, on as true or false; put it in quotes"
                    )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> ClientMapping:
        for name, source in self.sources.items():
            _check_source(f"sources.{name}", source)
            if not self.tables_of(name):
                raise ValueError(f"sources.{name}: feeds no table")
        for name, table in self.tables.items():
            self._check_table(name, table)
        return self

    def tables_of(self, source: str) -> dict[str, Table]:
        """Return the tables that are made from `source`."""
        return {name: table for name, table in self.tables.items() if table.source == source}

    def _check_table(self, name: str, table: Table) -> None:
        where = f"tables.{name}"
        canonical = _canonical(where, name)
        known(table.source, self.sources, f"{where}.source: ")
        for key, column in table.columns.items():
            known(key, [c.name for c in canonical.columns], f"{where}.columns: ")
            try:
                self._check_origin(table, key in canonical.key, column)
                self._check_kind(table, canonical.column(key), column)
            except ValueError as error:
                raise ValueError(f"{where}.columns.{key}: {error}") from None
        for wanted in canonical.columns:
            if not wanted.nullable and wanted.name not in table.columns:
                raise ValueError(f"{where}.columns: '{wanted.name}' is missing ({wanted.meaning})")

    def _check_origin(self, table: Table, is_key: bool, column: Column) -> None:
        if column.source_column is not None:
            columns = self.sources[table.source].columns
            known(column.source_column, columns, f"sources.{table.source}.columns: ")
        per_key = table.one_per == "key"
        if per_key and is_key and column.origin != "column":
            raise ValueError(f"'{column.origin}' cannot make a key; name a column")
        if per_key and not is_key and column.origin in ("column", "position_in"):
            ways = ", ".join((*AGGREGATES, "constant"))
            raise ValueError(f"several rows make one record: say which value with one of {ways}")
        if not per_key and column.origin in AGGREGATES:
            raise ValueError(f"'{column.origin}' needs 'one_per: key'; here each row is one record")

    def _check_kind(self, table: Table, target: schemas.Column, column: Column) -> None:
        if column.source_column is None:
            return _check_constant(target, column.constant)
        if column.codes is not None:
            known(column.codes, self.codes, "codes: ")
        kind = self.sources[table.source].columns[column.source_column].type
        replaced = self.codes[column.codes] if column.codes else column.patterns
        if replaced is not None and kind != "text":
            raise ValueError(f"'codes' and 'patterns' are for text; '{column.source_column}' is a {kind}")
        for value in (replaced or {}).values() if target.choices else ():
            known(value, target.choices)
        if column.origin == "median" and kind not in ("number", "count"):
            raise ValueError(f"no median of '{column.source_column}': it is a {kind}")
        kind = {"median": "number", "position_in": "count"}.get(column.origin, kind)
        if kind != target.kind and (kind, target.kind) != ("count", "number"):
            raise ValueError(f"expected a {target.kind} ({target.meaning}), got a {kind}")


def read_mapping(path: str | Path) -> ClientMapping:
    """Read and check a mapping file.

    Raises
    ------
    MappingError
        One line: file, key, what was expected, nearest valid name.
    """
    return load(Path(path), ClientMapping, MappingError)


def _spelled_out(value: Any, key: str) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: {key: short} if isinstance(short, str) else short for name, short in value.items()}


def _canonical(where: str, name: str) -> schemas.Table:
    try:
        return schemas.table(name)
    except StoreError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_source(where: str, source: Source) -> None:
    for number, rule in enumerate(source.reject):
        names = rule.when or (rule.repeated if isinstance(rule.repeated, list) else [])
        for name in names:
            known(name, source.columns, f"{where}.reject.{number}: ")
        for name, condition in (rule.when or {}).items():
            try:
                condition.check_kind(source.columns[name].type)
            except ValueError as error:
                raise ValueError(f"{where}.reject.{number}.when.{name}: {error}") from None


def _check_constant(target: schemas.Column, value: Any) -> None:
    if target.choices:
        known(value, target.choices)
    types = {"text": str, "time": date, "number": int | float, "count": int, "flag": bool}
    if not isinstance(value, types[target.kind]) or (isinstance(value, bool) and target.kind != "flag"):
        raise ValueError(f"expected a {target.kind} ({target.meaning}), got {value!r}")


def _accepted_by_duckdb(expression: str, value: str | None) -> str | None:
    if value is not None and (problem := _problem(expression, value)):
        raise ValueError(f"{value!r} cannot be used ({problem})")
    return value


@cache
def _problem(expression: str, value: str) -> str | None:
    """Return why DuckDB, which will use them, cannot compile a pattern or a time format."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.execute(f"select {expression}", [value])
        except duckdb.Error as error:
            return str(error).splitlines()[0]
    return None
