"""A warehouse on PostgreSQL: it computes, and copies rows in and out as CSV."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from playbook.errors import StoreError
from playbook.store import schemas
from playbook.store.warehouse import Warehouse, address_in, kinds_of

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa
    from psycopg import sql
    from sqlglot import exp

    from playbook.store.reading import Store

TYPES: dict[str, LiteralString] = {
    "text": "text",
    "time": "timestamp",
    "number": "double precision",
    "count": "bigint",
    "flag": "boolean",
}
BATCH_ROWS = 100_000
BLOCK_BYTES = 32_000_000  # the longest row of a result


class Postgres(Warehouse):
    """A schema of a PostgreSQL database; `variable` is the environment variable that holds its address."""

    dialect = "postgres"

    def __init__(self, schema: str, variable: str) -> None:
        super().__init__(schema)
        self.variable = variable

    @contextmanager
    def connect(self, what: str, *, read_only: bool = True) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection, for one transaction; `what` is being done, for an error.

        Raises
        ------
        StoreError
            In one line without the address, or any value of a row.
        """
        import psycopg

        try:
            connection = psycopg.connect(address_in(self.variable), application_name="playbook")
        except psycopg.Error:
            raise StoreError(
                f"no connection to the warehouse: check the address in the environment variable {self.variable}, "
                "and that its server answers"
            ) from None
        try:
            with connection:
                connection.read_only = read_only
                connection.execute("set local time zone 'UTC'; set local datestyle to 'ISO'")
                connection.execute("set local extra_float_digits to 1")
                yield connection
        except psycopg.Error as error:
            # Only complaints of class 42 (about names and rights) are sure to quote no data.
            said = error.diag.message_primary if (error.sqlstate or "").startswith("42") else None
            raise StoreError(
                f"{what}: PostgreSQL refused, {said or type(error).__name__} ({error.sqlstate or 'connection lost'})"
            ) from None

    def _listed(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        with self.connect("the list of tables") as connection:
            columns = connection.execute(
                "select table_name, column_name from information_schema.columns where table_schema = %s "
                "order by 1, 2",
                [self.schema],
            )
            for table, column in columns:
                found.setdefault(table, set()).add(column)
        return {table: frozenset(names) for table, names in found.items()}

    def _source(self, table: str) -> exp.Table:
        from sqlglot import exp

        return exp.table_(table, db=self.schema, quoted=True)

    def _fetch(self, name: str, sql: str, kinds: pa.Schema) -> pa.Table:
        with tempfile.TemporaryDirectory() as folder, self.connect(f"'{name}'") as connection:
            file = Path(folder) / "answer.csv"
            copying = f"copy ({sql}) to stdout (format csv)".encode()
            with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(copying) as blocks:
                for block in blocks:
                    out.write(block)
            return _from_csv(file, kinds)

    def take(self, store: Store, names: list[str]) -> None:
        """Copy tables of a store into the schema, which is made when it is not there; all of them or none."""
        from psycopg import sql

        with self.connect("copying tables", read_only=False) as connection:
            connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(self.schema)))
            for name in names:
                _copy_rows(store.files(name), name, sql.Identifier(self.schema, name), connection)
        self.look_again()


def _from_csv(file: Path, kinds: pa.Schema) -> pa.Table:
    """Return what PostgreSQL copied out: null is nothing, an empty text is quoted."""
    from pyarrow import csv

    if not file.stat().st_size:
        return kinds.empty_table()
    return csv.read_csv(
        file,
        csv.ReadOptions(column_names=kinds.names, block_size=BLOCK_BYTES),
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=kinds,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _copy_rows(
    files: list[Path], name: str, target: sql.Identifier, connection: psycopg.Connection[Any]
) -> None:
    from psycopg import sql
    from pyarrow import csv, parquet

    columns = parquet.read_schema(files[0]).names
    kinds = kinds_of(f"select {', '.join(columns)} from {name}", (name,), {})
    cells = [
        sql.SQL("{} {}").format(
            sql.Identifier(column), sql.SQL(TYPES[schemas.table(name).column(column).kind])
        )
        for column in columns
    ]
    connection.execute(sql.SQL("drop table if exists {}").format(target))
    connection.execute(sql.SQL("create table {} ({})").format(target, sql.SQL(", ").join(cells)))
    with connection.cursor().copy(sql.SQL("copy {} from stdin (format csv)").format(target)) as copy:
        for file in files:
            for batch in parquet.ParquetFile(file).iter_batches(BATCH_ROWS, columns=columns):
                text = BytesIO()
                csv.write_csv(batch.cast(kinds), text, csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())
    connection.execute(sql.SQL("analyze {}").format(target))
