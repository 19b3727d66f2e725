"""A warehouse on Spark: a schema of its catalogue, or Parquet files that all its machines see."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from playbook.errors import SettingsError, StoreError
from playbook.store import schemas
from playbook.store.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession
    from sqlglot import exp

    from playbook.store.reading import Store

TYPES = {"text": "string", "time": "timestamp_ntz", "number": "double", "count": "bigint", "flag": "boolean"}


class Spark(Warehouse):
    """A schema of a Spark session's catalogue, or Parquet files that were given to it by `copy_tables`."""

    dialect = "spark"

    def __init__(self, schema: str, session: SparkSession) -> None:
        super().__init__(schema)
        self.session = session
        self.given: dict[str, str] = {}  # the temporary views over Parquet files, by table
        logging.getLogger(
            "SQLQueryContextLogger"
        ).disabled = True  # it would print the plan of a query that failed
        for key, value in {
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.timestampType": "TIMESTAMP_NTZ",
            "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
        }.items():
            session.conf.set(key, value)

    def _listed(self) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(self.session.table(self._source(name).sql("spark")).columns)
            for name in self._names()
        }

    def _names(self) -> set[str]:
        catalog = self.session.catalog
        if not catalog.databaseExists(self.schema):
            return set(self.given)
        kept = {table.name for table in catalog.listTables(self.schema) if not table.isTemporary}
        return (kept & set(schemas.tables())) | set(self.given)

    def _source(self, table: str) -> exp.Table:
        from sqlglot import exp

        if table in self.given:
            return exp.table_(self.given[table], quoted=True)
        return exp.table_(table, db=self.schema, quoted=True)

    def _fetch(self, name: str, sql: str, kinds: pa.Schema) -> pa.Table:
        from pyspark.errors import PySparkException

        try:
            return self.session.sql(sql).toArrow().cast(kinds)
        except PySparkException as error:
            said = error.getCondition() or type(error).__name__  # its text may quote a row
            raise StoreError(f"'{name}': Spark refused ({said})") from None

    def take(self, store: Store, names: list[str]) -> None:
        """Make temporary views of this session over the Parquet files of a store."""
        from pyarrow import parquet

        for name in names:
            files = [file.resolve() for file in store.files(name)]
            declared = schemas.table(name)
            # Said, not found out: that would be a job of its own for every table.
            cells = [f"`{c}` {TYPES[declared.column(c).kind]}" for c in parquet.read_schema(files[0]).names]
            rows = self.session.read.schema(", ".join(cells)).parquet(*(file.as_posix() for file in files))
            view = f"{self.schema}_{name}"
            rows.createOrReplaceTempView(view)
            self.given[name] = view
        self.look_again()


def open_session(address: str | None) -> SparkSession:
    """Return a session of its own: settings and temporary views of others stay as they are."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SettingsError("warehouse: Spark needs the package pyspark: install it, and Java") from None
    builder = SparkSession.builder.appName("playbook")
    if address and address.startswith("sc://"):
        return builder.remote(address).create()
    # Spark makes a folder of this name wherever it is started.
    builder = builder.config("spark.sql.warehouse.dir", Path(gettempdir(), "playbook-spark").as_uri())
    quiet = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    session = quiet.master(address or "local[*]").getOrCreate().newSession()
    if not address:
        session.conf.set("spark.sql.shuffle.partitions", str(os.cpu_count()))  # 200 are meant for a cluster
    return session
