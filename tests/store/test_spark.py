"""A local Spark session gives what DuckDB gives."""

import os
import shutil

import pandas as pd
import pytest

from playbook.errors import StoreError
from playbook.store import schemas
from playbook.store.dialects import translated
from playbook.store.reading import Store, views
from playbook.store.warehouse import copy_tables, open_warehouse
from playbook.store.writing import write_store
from playbook.world.generate import cached_world
from playbook.world.settings import WorldSettings

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install pyspark")
if not (shutil.which("java") or "JAVA_HOME" in os.environ):
    pytest.skip("Java is not installed: Spark needs it", allow_module_level=True)

AS_OF = "2026-07-01"
SMALL = {  # for tables of some thousand rows, planning and compiling are most of the work
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}


@pytest.fixture(scope="module")
def world():
    """A small world with every table."""
    return Store(cached_world(WorldSettings(seed=11, customers=200)))


@pytest.fixture(scope="module")
def warehouse(world):
    """A Spark session on this machine that sees the world's files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYBOOK_TEST_SPARK", "local[2]")
        found = open_warehouse({"dialect": "spark", "connection": "PLAYBOOK_TEST_SPARK"})
    found.session.sparkContext.setLogLevel("OFF")
    for key, value in SMALL.items():
        found.session.conf.set(key, value)
    copy_tables(world, found)
    yield found
    found.session.stop()


@pytest.mark.parametrize("name", views())
def test_every_view_is_the_same(name, world, warehouse):
    """Rows, order, columns and kinds; numbers to nine digits."""
    expected = world.view(name, as_of=AS_OF)
    assert len(expected)
    pd.testing.assert_frame_equal(warehouse.view(name, as_of=AS_OF), expected, rtol=1e-9, atol=0)


def test_a_table_is_the_same(world, warehouse):
    """All of its columns, in the order of its key."""
    expected = world.table("orders").sort_values(list(schemas.table("orders").key), ignore_index=True)
    pd.testing.assert_frame_equal(warehouse.table("orders"), expected)


def test_usual_texts_are_read(warehouse):
    """Numbers, times and days as exports hold them; what is none is nothing, not an error."""
    cells = {
        "-12.5": (-12.5, None, None),
        "1e3": (1000.0, None, None),
        "12f": (None, None, None),
        "2024-02-29": (None, pd.Timestamp("2024-02-29"), None),
        "2026-02-29": (None, None, None),
        "2026-07-01T12:30": (None, pd.Timestamp("2026-07-01 12:30"), None),
        "31.1.2026": (None, None, pd.Timestamp("2026-01-31")),
        "31.02.2026": (None, None, None),
    }
    query = "select try_cast(x as double), try_cast(x as timestamp), try_strptime(x, '%d.%m.%Y') from texts order by i"
    rows = warehouse.session.createDataFrame(list(enumerate(cells)), "i int, x string")
    rows.createOrReplaceTempView("texts")
    found = warehouse.session.sql(translated(query, "spark", {})).collect()
    assert [tuple(row) for row in found] == list(cells.values())


def test_a_schema_of_the_catalogue(tmp_path, warehouse):
    """Its tables count, in the types they have there; a column that is not there is empty, a table named."""
    regions = pd.DataFrame({"region_id": ["R1", "R2"], "country": ["", None]})
    write_store(tmp_path / "store", {"regions": regions}, {"kind": "client"})
    session = warehouse.session
    session.sql(f"create database mart location '{tmp_path / 'mart'}'")
    session.sql(
        f"create table mart.regions using parquet location '{(tmp_path / 'store' / 'regions.parquet').as_posix()}'"
    )
    found = open_warehouse({"dialect": "spark", "schema": "mart"})
    assert list(found) == ["regions"]
    pd.testing.assert_frame_equal(found.table("regions"), regions.astype("str"))
    assert found.table("regions", ["wage_amt_h"])["wage_amt_h"].isna().all()
    assert found.missing(("weekly_returns",)) == ["orders", "customers"]
    with pytest.raises(StoreError, match="'weekly_returns' needs orders, customers"):
        found.view("weekly_returns")


def test_an_error_quotes_no_row(warehouse, monkeypatch):
    """Spark's own text would: it is cut to the kind of the error."""
    warehouse.session.sql(
        "select 'Maria Meier' as dispatched_at, 'Maria' as delivered_at"
    ).createOrReplaceTempView("names")
    monkeypatch.setitem(warehouse.given, "shipments", "names")
    monkeypatch.setitem(
        vars(warehouse), "tables", {"shipments": frozenset({"dispatched_at", "delivered_at"})}
    )
    with pytest.raises(StoreError, match="Spark refused") as caught:
        warehouse.view("weekly_delivery")
    assert "Maria" not in str(caught.value)
