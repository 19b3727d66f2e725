"""A client's mapping: what its exports hold, which rows are no use, and how the rest become canonical tables.

It is data, not code: the rules are a closed list, expressions are a small language of their own, and the patterns are RE2,
which never backtracks.
"""

from __future__ import annotations

import re
from datetime import date
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from playbook.errors import MappingError, StoreError
from playbook.intake.mapping.sources import Dialect, Reject, Source, SourceColumn
from playbook.intake.mapping.tables import AGGREGATES, Column, Table
from playbook.store import schemas
from playbook.yamlfile import Strict, known, load

__all__ = ["ClientMapping", "Column", "Dialect", "Reject", "Source", "SourceColumn", "Table", "read_mapping"]

PERSON_FIELDS = ("name", "first", "last", "email", "phone", "company", "street", "postcode")


class Records(Strict):
    """Where one export keeps what tells who somebody is: its key, and the columns that linkage compares."""

    source: str
    key: str
    name: str | None = None
    first: str | None = None
    last: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    street: str | None = None
    postcode: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The source column of each field that is given."""
        return {field: getattr(self, field) for field in PERSON_FIELDS if getattr(self, field) is not None}


class Confidential(Strict):
    """What stays in the clear: canonical columns as ``table.column``, or all."""

    keep: Literal["all"] | list[str] = Field(default_factory=list)

    @field_validator("keep")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        for name in value if isinstance(value, list) else ():
            table, _, column = name.partition(".")
            try:
                schemas.table(table).column(column)
            except StoreError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    def keeps(self, table: str, column: str) -> bool:
        """Return whether a column stays in the clear."""
        return self.keep == "all" or f"{table}.{column}" in self.keep


class Part(NamedTuple):
    """What one source gives to one canonical table; `number` counts the table's parts from 0."""

    name: str
    number: int
    table: Table


class ClientMapping(Strict):
    """One mapping file."""

    sources: dict[str, Source] = Field(min_length=1)
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    identities: dict[str, dict[str, Records]] = Field(default_factory=dict)
    confidential: Confidential = Field(default_factory=Confidential)
    tables: dict[str, list[Table]] = Field(min_length=1)

    @field_validator("codes", mode="before")
    @classmethod
    def _quoted(cls, value: Any) -> Any:
        for name, codes in value.items() if isinstance(value, dict) else ():
            for key, code in codes.items() if isinstance(codes, dict) else ():
                if isinstance(code, bool) or isinstance(key, bool):
                    raise ValueError(f"{name}.{key}: YAML reads true and false as flags; put it in quotes")
        return value

    @field_validator("sources", "identities")
    @classmethod
    def _file_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not re.fullmatch(r"\w[\w -]*", name) or name.startswith("identities_"):
                raise ValueError(f"'{name}': expected letters, digits, blanks, _ and -; files get this name")
        if len({name.lower() for name in value}) < len(value):
            raise ValueError("two names differ only in capitals; files get these names")
        return value

    @field_validator("tables", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: parts if isinstance(parts, list) else [parts] for name, parts in value.items()}

    @model_validator(mode="after")
    def _consistent(self) -> ClientMapping:
        used = {records.source for group in self.identities.values() for records in group.values()}
        used |= {other for source in self.sources.values() for other in source.join}
        self._check_joins()
        for name, source in self.sources.items():
            self._check_source(f"sources.{name}", name, source)
            if not self.parts_of(name) and name not in used:
                raise ValueError(f"sources.{name}: feeds no table")
        for name, group in self.identities.items():
            for kind, records in group.items():
                self._check_records(f"identities.{name}.{kind}", records)
        for part in self.parts():
            self._check_table(part)
        self._check_kept()
        return self

    def parts(self) -> list[Part]:
        """Return what makes the canonical tables, table by table."""
        return [
            Part(name, number, table)
            for name, tables in self.tables.items()
            for number, table in enumerate(tables)
        ]

    def parts_of(self, source: str) -> list[Part]:
        """Return the parts that are made from `source`."""
        return [part for part in self.parts() if part.table.source == source]

    def order(self) -> list[str]:
        """Return the sources, those that others look columns up in first."""
        graph = {name: list(source.join) for name, source in self.sources.items()}
        return list(TopologicalSorter(graph).static_order())

    def kinds(self, name: str) -> dict[str, str]:
        """Return the kind of each column of a source: its own, those looked up (``other.column``), and derived ones."""
        source = self.sources[name]
        kinds = {key: column.type for key, column in source.columns.items()}
        for other, join in source.join.items():
            kinds |= {f"{other}.{key}": self.sources[other].columns[key].type for key in join.columns}
        for key, text in source.derive.items():
            kinds[key] = self._kind(text, kinds, f"sources.{name}.derive.{key}")
        return kinds

    @staticmethod
    def _kind(text: str, kinds: dict[str, str], where: str) -> str:
        from playbook.intake import expressions

        try:
            return expressions.compile(text, kinds, lambda column: "null", where=where).kind
        except MappingError as error:
            raise ValueError(str(error)) from None

    def _check_kept(self) -> None:
        """Refuse a key that stays in the clear in one table and becomes a pseudonym in another: they would not join."""
        from playbook.intake.confidential import kinds

        hidden: dict[tuple[str, str], str] = {}
        kept: dict[tuple[str, str], str] = {}
        for part in self.parts():
            for target in kinds(schemas.table(part.name)):
                column = part.table.columns.get(target)
                if column is not None and column.source_column is not None:
                    place = (part.table.source, column.source_column)
                    found = kept if self.confidential.keeps(part.name, target) else hidden
                    found[place] = f"{part.name}.{target}"
        for place in kept.keys() & hidden.keys():
            raise ValueError(f"confidential.keep: '{kept[place]}' is kept, so keep '{hidden[place]}', too")

    def _check_joins(self) -> None:
        for name, source in self.sources.items():
            for other, join in source.join.items():
                where = f"sources.{name}.join.{other}"
                known(other, self.sources, f"sources.{name}.join: ")
                for mine, theirs in join.on.items():
                    known(mine, source.columns, f"{where}.on: ")
                    known(theirs, self.sources[other].columns, f"{where}.on.{mine}: ")
                    kinds = source.columns[mine].type, self.sources[other].columns[theirs].type
                    if kinds[0] != kinds[1]:
                        raise ValueError(f"{where}.on.{mine}: a {kinds[0]} cannot meet a {kinds[1]}")
                for column in join.columns:
                    known(column, self.sources[other].columns, f"{where}.columns: ")
                    if f"{other}.{column}" in (*source.columns, *source.derive):
                        raise ValueError(
                            f"{where}.columns: '{other}.{column}' is a column of its own; give the source "
                            f"'{other}' another name"
                        )
        try:
            self.order()
        except CycleError as error:
            raise ValueError(f"sources: {' looks up '.join(error.args[1])}: in a circle") from None

    def _check_source(self, where: str, name: str, source: Source) -> None:
        kinds = self.kinds(name)
        if source.filter is not None:
            self._check_condition(source.filter, kinds, f"{where}.filter")
        for number, rule in enumerate(source.reject):
            at = f"{where}.reject.{number}"
            if rule.where is not None:
                self._check_condition(rule.where, kinds, f"{at}.where")
            for column in rule.when or (rule.repeated if isinstance(rule.repeated, list) else []):
                known(column, kinds, f"{at}: ")
            for column, condition in (rule.when or {}).items():
                try:
                    condition.check_kind(kinds[column])
                except ValueError as error:
                    raise ValueError(f"{at}.when.{column}: {error}") from None

    def _check_condition(self, text: str, kinds: dict[str, str], where: str) -> None:
        if (kind := self._kind(text, kinds, where)) != "flag":
            raise ValueError(f"{where}: expected a condition that is true or false, got a {kind}")

    def _check_records(self, where: str, records: Records) -> None:
        known(records.source, self.sources, f"{where}.source: ")
        for column in (records.key, *records.fields.values()):
            known(column, self.sources[records.source].columns, f"{where}: ")
        if not records.fields:
            raise ValueError(f"{where}: nothing to compare; expected one of {', '.join(PERSON_FIELDS)}")

    def _check_table(self, part: Part) -> None:
        name, number, table = part
        where = f"tables.{name}" + (f".{number}" if number else "")
        canonical = _canonical(where, name)
        known(table.source, self.sources, f"{where}.source: ")
        kinds = self.kinds(table.source)
        if len({other.one_per for other in self.tables[name]}) > 1:
            raise ValueError(f"{where}.one_per: all parts of a table are one per row, or one per key")
        if table.where is not None:
            self._check_condition(table.where, kinds, f"{where}.where")
        for key, column in table.columns.items():
            known(key, [c.name for c in canonical.columns], f"{where}.columns: ")
            try:
                self._check_origin(table, key in canonical.key, column, kinds)
                self._check_kind(table, canonical.column(key), column, kinds)
            except ValueError as error:
                raise ValueError(f"{where}.columns.{key}: {error}") from None
        filled = {key for other in self.tables[name] for key in other.columns}
        for wanted in canonical.columns:
            lacking = not wanted.nullable and wanted.name not in table.columns
            # What one source lacks of a record, another may give.
            if lacking and (
                table.one_per == "row" or wanted.name in canonical.key or wanted.name not in filled
            ):
                raise ValueError(f"{where}.columns: '{wanted.name}' is missing ({wanted.meaning})")

    def _check_origin(self, table: Table, is_key: bool, column: Column, kinds: dict[str, str]) -> None:
        if column.source_column is not None:
            known(column.source_column, kinds, f"sources.{table.source}.columns: ")
        if column.identity is not None:
            names = [f"{name}.{kind}" for name, group in self.identities.items() for kind in group]
            known(column.identity, names, "identity: ")
        if column.known_in is not None:
            known(column.known_in, self.tables, "known_in: ")
            if len(schemas.table(column.known_in).key) > 1:
                raise ValueError(f"known_in: '{column.known_in}' has a key of several columns")
        per_key = table.one_per == "key"
        if per_key and is_key and column.origin != "column":
            raise ValueError(f"'{column.origin}' cannot make a key; name a column")
        if per_key and not is_key and column.origin in ("column", "position_in"):
            ways = ", ".join((*AGGREGATES, "constant"))
            raise ValueError(f"several rows make one record: say which value with one of {ways}")
        if not per_key and column.origin in AGGREGATES:
            raise ValueError(f"'{column.origin}' needs 'one_per: key'; here each row is one record")

    def _check_kind(
        self, table: Table, target: schemas.Column, column: Column, kinds: dict[str, str]
    ) -> None:
        if column.source_column is None:
            return _check_constant(target, column.constant)
        if column.codes is not None:
            known(column.codes, self.codes, "codes: ")
        kind = kinds[column.source_column]
        replaced = self.codes[column.codes] if column.codes else column.patterns
        if (replaced is not None or column.identity) and kind != "text":
            way = "'identity' is" if column.identity else "'codes' and 'patterns' are"
            raise ValueError(f"{way} for text; '{column.source_column}' is a {kind}")
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
    try:
        return load(Path(path), ClientMapping, MappingError)
    except MappingError as error:
        # A table of one source is written without a list: its place is named without a number.
        raise MappingError(re.sub(r"(tables\.\w+)\.0\b", r"\1", str(error))) from None


def _canonical(where: str, name: str) -> schemas.Table:
    try:
        return schemas.table(name)
    except StoreError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_constant(target: schemas.Column, value: Any) -> None:
    if target.choices:
        known(value, target.choices)
    types = {"text": str, "time": date, "number": int | float, "count": int, "flag": bool}
    if not isinstance(value, types[target.kind]) or (isinstance(value, bool) and target.kind != "flag"):
        raise ValueError(f"expected a {target.kind} ({target.meaning}), got {value!r}")
