"""Tables and views of a client's warehouse: PostgreSQL or Spark does the work, the frames are those of a store.

A warehouse holds canonical tables, under their names, in one schema: tables, or the client's own views that rename and
convert. Plays ask it as they ask a `Store`, and get the same rows, order, columns and kinds.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import SettingsError, StoreError, nearest
from playbook.store import schemas
from playbook.store.dialects import DIALECTS, rows_of, translated
from playbook.store.reading import Store, lacking, no_rows, view_needs, view_query, view_uses
from playbook.store.writing import write_store

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from sqlglot import exp

SCHEMA = "playbook"  # of a warehouse, where nothing else is said
SETTINGS = ("dialect", "connection", "schema")


class Warehouse(ABC):
    """Canonical tables in a warehouse; see `open_warehouse`."""

    dialect: str

    def __init__(self, schema: str) -> None:
        self.schema = schema

    @cached_property
    def tables(self) -> dict[str, frozenset[str]]:
        """The canonical tables that are there, and the columns each has."""
        return {name: columns for name, columns in self._listed().items() if name in schemas.tables()}

    def __contains__(self, name: str) -> bool:
        return not self.missing((name,))

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Return the tables that `names` (tables or views) need and this warehouse lacks."""
        return lacking(names, self.tables)

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Return a canonical table (all or some columns) as a frame, ordered by its key.

        Raises
        ------
        StoreError
            When the warehouse lacks the table, cannot be reached or refuses.
        """
        if name not in self.tables:
            raise StoreError(
                f"schema '{self.schema}' of the warehouse has no table '{name}'; {nearest(name, self.tables)}"
            )
        declared = schemas.table(name)
        key = ", ".join(c for c in declared.key if c in self.tables[name])
        for column in columns or []:
            declared.column(column)
        wanted = columns or [c.name for c in declared.columns if c.name in self.tables[name]]
        query = f"select {', '.join(wanted)} from {name}" + (f" order by {key}" if key else "")
        return self._answer(name, query, (name,), {}).to_pandas()

    def rows(self, name: str) -> int:
        """Return how many rows a canonical table has."""
        return self._answer(name, f"select count(*) as rows from {name}", (name,), {})["rows"][0].as_py()

    def view(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Return a heavy aggregate, computed by the warehouse.

        `parameters` fill the view's `$name` places; what the view declares as given need not be among them.

        Raises
        ------
        StoreError
            When the warehouse lacks a table the view needs, cannot be reached or refuses.
        """
        import duckdb

        if missing := self.missing((name,)):
            raise StoreError(
                f"view '{name}' needs {', '.join(missing)}, which schema '{self.schema}' of the warehouse lacks"
            )
        query, used = view_query(name, parameters)
        answer = self._answer(name, query, view_needs(name) + view_uses(name), used)
        with closing(duckdb.connect()) as connection:
            return connection.from_arrow(answer).df()

    def _answer(self, name: str, query: str, tables: tuple[str, ...], used: Mapping[str, Any]) -> pa.Table:
        rows = {
            table: rows_of(
                table,
                self.dialect,
                self._source(table) if table in self.tables else None,
                self.tables.get(table, frozenset()),
            )
            for table in tables
        }
        return self._fetch(name, translated(query, self.dialect, rows, used), kinds_of(query, tables, used))

    @abstractmethod
    def _listed(self) -> dict[str, frozenset[str]]:
        """Return the columns of each table in the schema."""

    @abstractmethod
    def _source(self, table: str) -> exp.Table:
        """Return how SQL names a table."""

    @abstractmethod
    def _fetch(self, name: str, sql: str, kinds: pa.Schema) -> pa.Table:
        """Return the rows of a query, of these kinds; `name` is for an error."""

    @abstractmethod
    def take(self, store: Store, names: list[str]) -> None:
        """Hold these tables of a store, in place of those of the same names."""

    def look_again(self) -> None:
        """Forget which tables are there: they have changed."""
        vars(self).pop("tables", None)


def kinds_of(query: str, tables: tuple[str, ...], used: Mapping[str, Any]) -> pa.Schema:
    """Return the columns and kinds that DuckDB would give, found on tables without rows."""
    import duckdb

    with closing(duckdb.connect()) as connection:
        for table in tables:
            connection.execute(f"create view {table} as {no_rows(table)}")
        return connection.sql(query, params=dict(used)).to_arrow_table().schema


def open_warehouse(settings: Mapping[str, Any]) -> Warehouse:
    """Return the warehouse that `settings` describe.

    Parameters
    ----------
    settings : mapping
        `dialect`: postgres or spark. `connection`: the NAME of an environment variable that holds the address: of a
        PostgreSQL database, or a Spark master or remote; Spark may do without (the machine itself). `schema`: where
        the canonical tables are, "playbook" when not said.

    Raises
    ------
    SettingsError
        When a setting is unknown, missing or impossible, or the environment variable is not set.
    """
    for key in settings:
        if key not in SETTINGS:
            raise SettingsError(f"warehouse: unknown setting '{key}'; {nearest(key, SETTINGS)}")
    dialect, schema = settings.get("dialect"), str(settings.get("schema") or SCHEMA)
    if dialect not in DIALECTS:
        raise SettingsError(f"warehouse: dialect is '{dialect}'; expected one of {', '.join(DIALECTS)}")
    variable = str(settings.get("connection") or "")
    if dialect == "spark":
        from playbook.store.on_spark import Spark, open_session

        return Spark(schema, open_session(address_in(variable) if variable else None))
    if not variable:
        raise SettingsError(
            "warehouse: 'connection' is missing: the name of an environment variable with the address"
        )
    from playbook.store.on_postgres import Postgres

    address_in(variable)
    return Postgres(schema, variable)


def address_in(variable: str) -> str:
    """Return what an environment variable holds, or raise a SettingsError that names it."""
    if not variable.isidentifier():  # perhaps the address itself: not to be quoted
        raise SettingsError("warehouse: 'connection' is the NAME of an environment variable, not an address")
    if not (address := os.environ.get(variable)):
        raise SettingsError(
            f"warehouse: set the environment variable {variable} to the address of the warehouse"
        )
    return address


def note_warehouse(path: str | Path, settings: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Write a store without files at `path`: it asks the warehouse for the tables that are there now.

    Raises
    ------
    SettingsError, StoreError
        When the settings are wrong, or the warehouse cannot be reached or has no canonical table.
    """
    warehouse = open_warehouse(settings)
    tables = {
        name: {"columns": sorted(columns), "rows": warehouse.rows(name)}
        for name, columns in sorted(warehouse.tables.items())
    }
    if not tables:
        raise StoreError(
            f"schema '{warehouse.schema}' of the warehouse has no canonical table; "
            "expected tables or views named like orders or tickets"
        )
    digest = sha256(json.dumps([dict(settings), tables], sort_keys=True).encode()).hexdigest()
    write_store(
        path, {}, {"kind": "client", **info, "warehouse": dict(settings), "hash": digest, "tables": tables}
    )


def copy_tables(store: Store, warehouse: Warehouse) -> list[str]:
    """Give a warehouse all tables of a store, in place of those of the same names, and return their names.

    PostgreSQL gets rows; a Spark session reads the Parquet files, which its machines must be able to see.

    Raises
    ------
    StoreError
        When the warehouse refuses; then it is left as it was.
    """
    names = [name for name in store if name in schemas.tables()]
    warehouse.take(store, names)
    return names
