"""PostgreSQL gives what DuckDB gives: every view, on tables as we copy them and as a client would keep them."""

import os
from datetime import date

import duckdb
import pandas as pd
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from playbook.engagement.readiness import readiness
from playbook.engagement.runner import Run, data_steps
from playbook.engagement.settings import read_engagement
from playbook.errors import SettingsError, StoreError
from playbook.store import schemas
from playbook.store.dialects import translated
from playbook.store.reading import Store, view_needs, view_uses, views
from playbook.store.warehouse import copy_tables, note_warehouse, open_warehouse
from playbook.store.writing import write_store
from playbook.world.generate import cached_world
from playbook.world.settings import WorldSettings

AS_OF = "2026-07-01"
VARIABLE = "PLAYBOOK_TEST_WAREHOUSE"


@pytest.fixture(scope="module")
def world():
    """A small world with every table."""
    return Store(cached_world(WorldSettings(seed=11, customers=200)))


@pytest.fixture(scope="module")
def variable(postgres):
    """The name of the environment variable that holds the address of the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, postgres)
        yield VARIABLE


@pytest.fixture(scope="module")
def warehouse(world, variable):
    """The world's tables, as `copy_tables` makes them."""
    found = open_warehouse({"dialect": "postgres", "connection": variable})
    assert set(copy_tables(world, found)) == {name for name in world if name in schemas.tables()}
    return found


@pytest.fixture(scope="module")
def theirs(warehouse, postgres, variable):
    """The same rows in other types, orders and time zone: a client's views over tables of its own."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("alter role current_user set timezone = 'America/New_York'")
        connection.execute("create schema client")
        connection.execute("""create collation client.german (provider = icu, locale = 'de')""")
        for name, columns in warehouse.tables.items():
            table = schemas.table(name)
            cells = [disguised(table.column(column)) for column in columns if keeps(table.column(column))]
            source = sql.Identifier("playbook", name)
            target = sql.Identifier("client", name)
            connection.execute(
                sql.SQL("create view {} as select {} from {}").format(
                    target, sql.SQL(", ").join(cells), source
                )
            )
        yield open_warehouse({"dialect": "postgres", "connection": variable, "schema": "client"})
        connection.execute("alter role current_user reset timezone")
        connection.execute("drop schema client cascade")


def disguised(column):
    """Return SQL of a column as a client might keep it."""
    forms = {
        "text": "{}::varchar(2000) collate client.german as {}",
        "time": "{} at time zone 'UTC' as {}",
        "number": "{}::numeric as {}",
        "count": "{}::numeric(20) as {}",
        "flag": "{}::integer as {}",
    }
    name = sql.Identifier(column.name)
    return sql.SQL(forms[column.kind]).format(name, name)


def keeps(column):
    """The client has no column that is merely nice to have and holds nothing."""
    return column.name != "option_codes"


@pytest.mark.parametrize("name", views())
def test_every_view_is_the_same(name, world, warehouse):
    """Rows, order, columns and kinds; numbers to nine digits."""
    expected = world.view(name, as_of=AS_OF)
    assert len(expected)
    pd.testing.assert_frame_equal(warehouse.view(name, as_of=AS_OF), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", views())
def test_a_client_may_keep_other_types_and_orders(name, world, theirs):
    """Exact numbers, times with a zone, texts that sort as in a dictionary: the result stays."""
    expected = world.view(name, as_of=AS_OF)
    pd.testing.assert_frame_equal(theirs.view(name, as_of=AS_OF), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", [name for name in views() if view_uses(name)])
def test_a_table_that_a_view_can_do_without_is_empty(name, world, warehouse, monkeypatch):
    """As in a store."""
    needs = view_needs(name)
    monkeypatch.setitem(world.info, "tables", {table: world.info["tables"][table] for table in needs})
    monkeypatch.setitem(vars(warehouse), "tables", {table: warehouse.tables[table] for table in needs})
    found = warehouse.view(name, as_of=AS_OF)
    pd.testing.assert_frame_equal(found, world.view(name, as_of=AS_OF), rtol=1e-9, atol=0)


@pytest.mark.parametrize("as_of", ["2025-03-12", date(2025, 3, 12), pd.Timestamp("2025-03-12 14:30:00")])
def test_a_day_may_be_a_text_a_date_or_a_time(as_of, world, warehouse):
    """And further parameters do not disturb."""
    for name in ("customer_purchases", "orders_by_half", "phone_calls"):
        found = warehouse.view(name, as_of=as_of, holdout_weeks=8, seed=3)
        pd.testing.assert_frame_equal(
            found, world.view(name, as_of=as_of, holdout_weeks=8), rtol=1e-9, atol=0
        )


def test_a_table_is_the_same(world, warehouse):
    """All or some of its columns, in the order of its key."""
    for name in ("orders", "process_steps", "customers"):
        expected = world.table(name).sort_values(list(schemas.table(name).key), ignore_index=True)
        pd.testing.assert_frame_equal(warehouse.table(name), expected)
    assert list(warehouse.table("orders", ["kind", "order_id"])) == ["kind", "order_id"]
    with pytest.raises(StoreError, match="did you mean 'order_id'"):
        warehouse.table("orders", ["order_idd"])


def test_knows_what_it_lacks(tmp_path, variable):
    """Nulls, empty texts and line breaks arrive as they are; what is not there is named."""
    regions = pd.DataFrame(
        {"region_id": ["R1", "R2", "R3"], "country": ["", None, 'a "b",\n\\N'], "wage_amt_h": [1.5, None, 2]}
    )
    write_store(tmp_path / "store", {"regions": regions}, {"kind": "client"})
    found = open_warehouse({"dialect": "postgres", "connection": variable, "schema": "Two words"})
    assert copy_tables(Store(tmp_path / "store"), found) == ["regions"] == list(found)
    pd.testing.assert_frame_equal(found.table("regions"), regions.astype({"country": "str"}))
    assert "regions" in found
    assert found.missing(("weekly_returns", "tickets", "orders")) == ["orders", "customers", "tickets"]
    with pytest.raises(StoreError, match="'weekly_returns' needs orders, customers"):
        found.view("weekly_returns")
    with pytest.raises(StoreError, match="did you mean 'regions'"):
        found.table("region")


def test_a_store_that_stands_for_a_warehouse(tmp_path, world, warehouse, variable):
    """Its folder holds no rows; plays do not notice."""
    settings = {"dialect": "postgres", "connection": variable}
    info = {"kind": "client", "warehouse": settings, "tables": {name: {} for name in warehouse}}
    write_store(tmp_path / "store", {}, info)
    store = Store(tmp_path / "store")
    vars(store)["info"] = info
    assert "weekly_returns" in store
    expected = world.view("weekly_returns", as_of=AS_OF)
    pd.testing.assert_frame_equal(store.view("weekly_returns", as_of=AS_OF), expected, rtol=1e-9, atol=0)
    assert len(store.table("regions")) == len(world.table("regions"))


QUERY = "select try_cast(x as double), try_cast(x as timestamp), try_strptime(x, '%d.%m.%Y') from texts order by i"
NUMBERS = (
    st.floats(-1e15, 1e15).map(str)
    | st.integers().map(str)
    | st.from_regex(r"[+-]?\d*[.,]?\d*(e\d)?", fullmatch=True)
)
DAYS = st.builds(
    "{:04}-{:02}-{:02}{}".format,
    st.integers(0, 2100),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from(["", " 07:05", "T23:59:59.5", " 25:00", "T07"]),
)
DOTTED = st.builds("{}.{:02}.{:04}".format, st.integers(0, 32), st.integers(0, 13), st.integers(1, 2100))


@settings(max_examples=30)
@given(
    texts=st.lists(
        NUMBERS | DAYS | DOTTED | st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=40
    )
)
def test_a_text_is_read_alike_or_not_at_all(postgres, texts):
    """No text is an error; what is read is what DuckDB reads."""
    rows = pd.DataFrame({"i": range(len(texts)), "x": pd.Series(texts, dtype="str")})
    with duckdb.connect() as connection:
        connection.register("texts", rows)
        expected = connection.execute(QUERY).fetchall()
    with psycopg.connect(postgres) as connection:
        connection.execute("create temporary table texts (i bigint, x text)")
        connection.cursor().executemany("insert into texts values (%s, %s)", list(enumerate(texts)))
        found = connection.execute(translated(QUERY, "postgres", {}).encode()).fetchall()
    for text, ours, theirs in zip(texts, found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one in (None, other), text


def test_usual_texts_are_read(postgres):
    """Numbers, times and days as exports hold them; a day that does not exist is nothing."""
    cells = {
        "-12.5": (-12.5, None, None),
        "1e3": (1000.0, None, None),
        "2024-02-29": (None, pd.Timestamp("2024-02-29"), None),
        "2026-02-29": (None, None, None),
        "2026-07-01T12:30": (None, pd.Timestamp("2026-07-01 12:30"), None),
        "2026-07-01 12:30:01.25": (None, pd.Timestamp("2026-07-01 12:30:01.25"), None),
        "31.01.2026": (None, None, pd.Timestamp("2026-01-31")),
        "31.02.2026": (None, None, None),
        "12,5": (None, None, None),
    }
    with psycopg.connect(postgres) as connection:
        connection.execute("create temporary table texts (i bigint, x text)")
        connection.cursor().executemany("insert into texts values (%s, %s)", list(enumerate(cells)))
        found = connection.execute(translated(QUERY, "postgres", {}).encode()).fetchall()
    assert found == list(cells.values())


def test_a_parameter_is_never_code():
    """It arrives as a literal of its type."""
    hostile = "2026-07-01'); drop table orders; --"
    assert "'2026-07-01''); drop table orders; --'" in translated(
        "select $as_of", "postgres", {}, {"as_of": hostile}
    )
    with pytest.raises(StoreError, match=r"'\$as_of' of a view is of type list"):
        translated("select $as_of", "postgres", {}, {"as_of": [1]})
    with pytest.raises(StoreError, match=r"no value for '\$as_of'"):
        translated("select $as_of", "postgres", {}, {})


def test_errors_hold_no_address_and_no_row(monkeypatch, postgres, variable, warehouse):
    """Neither when nobody answers, nor when the database complains."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create schema broken")
        connection.execute(
            "create view broken.shipments as select 'Maria Meier' as dispatched_at, 'Maria' as delivered_at"
        )
        connection.execute("create view broken.regions as select 1 / (random() * 0)::int as region_id")
    broken = open_warehouse({"dialect": "postgres", "connection": variable, "schema": "broken"})
    for ask in (lambda: broken.view("weekly_delivery"), lambda: broken.table("regions")):
        with pytest.raises(StoreError, match="PostgreSQL refused") as caught:
            ask()
        assert "Maria" not in str(caught.value)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("NOWHERE", "postgresql://somebody:secret@127.0.0.1:1/db")
    with pytest.raises(StoreError, match="environment variable NOWHERE") as caught:
        list(open_warehouse({"dialect": "postgres", "connection": "NOWHERE"}))
    assert "secret" not in str(caught.value)
    assert "somebody" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dialect": "postgres", "connexion": "A"}, "did you mean 'connection'"),
        ({"dialect": "oracle"}, "expected one of postgres, spark"),
        ({"dialect": "postgres"}, "'connection' is missing"),
        (
            {"dialect": "postgres", "connection": "UNSET_VARIABLE"},
            "set the environment variable UNSET_VARIABLE",
        ),
        (
            {"dialect": "postgres", "connection": "postgresql://a:secret@b/c"},
            "NAME of an environment variable",
        ),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, said):
    """In one line; an address given in place of a name is not repeated."""
    with pytest.raises(SettingsError, match=said) as caught:
        open_warehouse(settings)
    assert "secret" not in str(caught.value)


def test_a_run_reads_the_warehouse(world, warehouse, variable, tmp_path):
    """The store of its first step holds no table, names the variable only, and gives what the world's store gives."""
    path = tmp_path / "engagement.yml"
    path.write_text(
        "client: {name: Acme, industry: tools, currency: EUR}\nas_of: 2026-07-01\n"
        f"data: {{warehouse: {{dialect: postgres, connection: {variable}}}}}\n"
    )
    place = Run(tmp_path / "run")
    place.folder.mkdir()
    data_steps(read_engagement(path), path, place)[0].action()
    store = Store(place.store)
    assert store.info["warehouse"] == {"dialect": "postgres", "connection": variable, "schema": "playbook"}
    assert os.environ[variable] not in (place.store / "store.json").read_text()
    assert [file.name for file in place.store.rglob("*.parquet")] == []
    pd.testing.assert_frame_equal(
        store.view("weekly_delivery", as_of=AS_OF), world.view("weekly_delivery", as_of=AS_OF)
    )


def test_a_warehouse_without_canonical_tables(variable, tmp_path):
    """Is told at once, with the schema."""
    settings = {"dialect": "postgres", "connection": variable, "schema": "empty"}
    with pytest.raises(StoreError, match="schema 'empty' of the warehouse has no canonical table"):
        note_warehouse(tmp_path / "store", settings, {"name": "Acme"})


def test_other_rows_make_another_store(warehouse, postgres, variable, tmp_path):
    """So that a refreshed run executes its notebooks again."""
    settings = {"dialect": "postgres", "connection": variable, "schema": "few"}
    found = []
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create schema few")
        connection.execute("create table few.regions as select * from playbook.regions")
        for _ in range(2):
            note_warehouse(tmp_path / "store", settings, {"name": "Acme"})
            found.append(Store(tmp_path / "store").info)
            connection.execute("insert into few.regions select * from playbook.regions limit 1")
    assert found[1]["tables"]["regions"]["rows"] == found[0]["tables"]["regions"]["rows"] + 1
    assert found[0]["hash"] != found[1]["hash"]


def test_readiness_needs_tables_that_were_taken_in(warehouse, variable, tmp_path):
    """And says so in one line."""
    note_warehouse(tmp_path / "store", {"dialect": "postgres", "connection": variable}, {"name": "Acme"})
    with pytest.raises(StoreError, match="leaves its tables in the client's warehouse"):
        readiness(Store(tmp_path / "store"), date(2026, 7, 1), [])
