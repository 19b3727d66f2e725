"""The mapping's `sources`: what each export holds, how it is written, and which of its rows are no use."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any, Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from playbook.errors import nearest
from playbook.store import schemas
from playbook.yamlfile import Strict, known

Limit = int | FiniteFloat | datetime | date


class Dialect(Strict):
    """How a text file is written; what is left out is found out from the file.

    Parameters
    ----------
    encoding : str
        E.g. utf-8, utf-16, cp1252.
    delimiter, quote : str
        One character each.
    decimal, thousands : str
        The signs in numbers, also in numbers that are kept as text in other formats; a point and none unless told.
    """

    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    thousands: str | None = Field(default=None, min_length=1, max_length=1)

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str | None) -> str | None:
        import codecs

        try:
            if value is not None:
                codecs.lookup(value)
        except LookupError:
            raise ValueError("expected an encoding like utf-8, utf-16 or cp1252") from None
        return value

    @model_validator(mode="after")
    def _two_signs(self) -> Dialect:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands sign are both {self.decimal!r}")
        return self


class SourceColumn(Strict):
    """What a column of an export holds.

    Parameters
    ----------
    type : str
        text, time, number, count (a whole number) or flag; a cell that is none goes to quarantine.
    upper : bool
        For text: small letters mean the same as capitals.
    format : str or list of str
        For times that are not ISO 8601: as in strptime, e.g. ``"%d/%m/%Y"``; of several the first that fits.
    zone : str
        For times: the IANA time zone of the clock they were read from; they are kept as UTC.
    factor : float
        For numbers: multiplied by this, e.g. 0.001 for grams that become kilograms.
    """

    type: str
    upper: bool = False
    format: str | list[str] | None = None
    zone: str | None = None
    factor: FiniteFloat | int | None = None

    @field_validator("type")
    @classmethod
    def _type(cls, value: str) -> str:
        return known(value, schemas.KINDS)

    @field_validator("format")
    @classmethod
    def _format(cls, value: str | list[str] | None) -> str | list[str] | None:
        for one in [value] if isinstance(value, str) else value or ():
            accepted_by_duckdb("try_strptime('', ?)", one)
        return value

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
        if self.factor is not None and self.type != "number":
            raise ValueError(f"'factor' is for numbers; the type is {self.type}")
        return self

    @property
    def formats(self) -> list[str]:
        """The formats to try, in order; empty for ISO 8601."""
        return [self.format] if isinstance(self.format, str) else self.format or []


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
            accepted_by_duckdb("regexp_full_match('', ?)", pattern)
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
    """A rule of quarantine: rows for which `when` or `where` holds, or that copy an earlier row that is still accepted.

    `where` is an expression; `repeated` names the columns whose values are compared, or says all: every cell as it
    stands.
    """

    reason: str = Field(min_length=1, max_length=60, pattern=r"^\S[^\n]*$")
    when: dict[str, Condition] | None = Field(default=None, min_length=1)
    where: str | None = None
    repeated: Literal["all"] | list[str] | None = None

    @field_validator("repeated", mode="before")
    @classmethod
    def _all_or_list(cls, value: Any) -> Any:
        if value != "all" and not (isinstance(value, list) and value):
            raise ValueError("expected 'all' or a list of columns")
        return value

    @model_validator(mode="after")
    def _one_rule(self) -> Reject:
        if sum(rule is not None for rule in (self.when, self.where, self.repeated)) != 1:
            raise ValueError("expected exactly one of 'when', 'where' and 'repeated'")
        return self


class Join(Strict):
    """Columns looked up in another source: they become columns `<other>.<column>`, empty where nothing is found.

    Looked up in the rows that are sound by themselves, also when a record they make is set aside later.

    Parameters
    ----------
    on : dict
        This source's column: the other's column that holds the same value.
    columns : list of str
        Columns of the other source to take over; of several rows that fit, the first one's.
    """

    on: dict[str, str] = Field(min_length=1)
    columns: list[str] = Field(min_length=1)


class Source(Strict):
    """One export, in one or several files of the same kind, or in a database.

    Parameters
    ----------
    file : str or list of str
        Names or patterns (``sales_*.csv``), beside the mapping; .csv, .tsv, .txt (also .gz), .xlsx, .xls, .ods, .parquet,
        .jsonl, .json, .sqlite or .db.
    sheet : str or list of str
        Of a workbook: the sheets to read, or ``*`` for all; the first unless told.
    header : int
        Row that holds the column names, from 1; rows above are no data.
    dialect : Dialect
        Of a text file.
    connection : str
        Instead of a file: name of the environment variable that holds the address of a PostgreSQL database.
    table, query : str
        In a database: what to read.
    empty : list of str
        Cells that mean nothing, such as ``n/a`` or ``-``.
    columns : dict
        The columns that are used.
    derive : dict
        New columns, by expression; see `playbook.intake.expressions`.
    join : dict
        Columns looked up in other sources, by their name.
    filter : str
        An expression; rows for which it does not hold go to quarantine.
    reject : list of Reject
        Rules of quarantine, in the order in which they are tried.
    key : list of str
        For deliveries that overlap: rows with the same key in a later file replace those of earlier ones, also when the
        later row is no use: then that is the one to mend.
    """

    file: list[str] = Field(default_factory=list)
    sheet: str | list[str] | None = None
    header: int = Field(default=1, ge=1)
    dialect: Dialect = Field(default_factory=Dialect)
    connection: str | None = None
    table: str | None = None
    query: str | None = None
    empty: list[str] = Field(default_factory=list)
    columns: dict[str, SourceColumn] = Field(min_length=1)
    derive: dict[str, str] = Field(default_factory=dict)
    join: dict[str, Join] = Field(default_factory=dict)
    filter: str | None = None
    reject: list[Reject] = Field(default_factory=list)
    key: list[str] = Field(default_factory=list)

    @field_validator("file", "key", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("connection")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        if value is not None and not value.isidentifier():
            raise ValueError(
                "expected the name of an environment variable that holds the address, not the address itself"
            )
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return spelled_out(value, "type")

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if bool(self.file) == (self.connection is not None):
            raise ValueError("expected exactly one of 'file' and 'connection'")
        if self.connection is not None and (self.table is None) == (self.query is None):
            raise ValueError("a database needs exactly one of 'table' and 'query'")
        for name in self.derive:
            if name in self.columns:
                raise ValueError(f"derive.{name}: a column of the export has this name")
        for name in self.key:
            known(name, self.columns, "key: ")
        return self

    @property
    def place(self) -> str:
        """Where it comes from, for people."""
        return ", ".join(self.file) if self.file else f"database {self.connection}"


def spelled_out(value: Any, key: str) -> Any:
    """Return a dict whose texts are spelled out: ``{"a": "b"}`` is short for ``{"a": {key: "b"}}``."""
    if not isinstance(value, dict):
        return value
    return {name: {key: short} if isinstance(short, str) else short for name, short in value.items()}


def accepted_by_duckdb(expression: str, value: str | None) -> str | None:
    """Return a pattern or time format; raise a ValueError when DuckDB, which will use it, cannot."""
    if value is not None and (problem := _problem(expression, value)):
        raise ValueError(f"{value!r} cannot be used ({problem})")
    return value


@cache
def _problem(expression: str, value: str) -> str | None:
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.execute(f"select {expression}", [value])
        except duckdb.Error as error:
            return str(error).splitlines()[0]
    return None
