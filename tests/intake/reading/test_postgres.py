"""PostgreSQL as a source, against a real server."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from playbook.errors import MappingError
from playbook.intake.reading.postgres import load, tables

from ...postgres_server import PASSWORD, USER
from .sources import exported, plain_source

VARIABLE = "PLAYBOOK_TEST_ERP"


@pytest.fixture
def erp(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database of its own schema; the environment holds its address."""
    monkeypatch.setenv(VARIABLE, postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create schema if not exists erp")
        yield connection
        connection.execute("drop schema erp cascade")


def read(scratch: Path, **settings: Any) -> tuple[list[str], list, str]:
    return exported(load, None, plain_source(connection=VARIABLE, **settings), scratch)


def test_typed_columns_become_text(erp, tmp_path):
    """The forms are those of the other formats; times with a zone are shown in UTC."""
    erp.execute(
        """
        create table erp.orders (
            no text, qty float8, price numeric, paid bool, day date, at timestamp, seen timestamptz, tags jsonb,
            raw bytea, small float4, "Größe, cm" varchar(20)
        )
        """
    )
    erp.execute(
        r"""
        insert into erp.orders values
            ('007', 17850, 12.50, true, '2026-01-02', '2026-01-02 03:04:05.25', '2026-07-01 03:04:05+02',
             '{"a": [1, 2]}', 'M', 0.1, ' ü '),
            ('', 'NaN', 'NaN', false, 'infinity', '0044-03-15 BC', null, null, '\xfffe', '-Infinity', '\N'),
            (E'a"b,\n;c', 1e300, 100, null, null, '2026-01-02', '2026-01-01', '3', '', 1e10, '\.')
        """
    )
    columns, rows, note = read(tmp_path, table="erp.orders")
    assert columns[:2] == ["no", "qty"]
    assert columns[-1] == "Größe, cm"
    assert rows[0][2:] == (
        *("007", "17850", "12.5", "true", "2026-01-02 00:00:00", "2026-01-02 03:04:05.250000"),
        *("2026-07-01 01:04:05", '{"a": [1, 2]}', "M", "0.1", "ü"),
    )
    assert rows[1][2:] == (
        *(None, None, None, "false", "infinity", "0044-03-15 00:00:00 BC"),
        *(None, None, "fffe", "-inf", r"\N"),
    )
    assert rows[2][2:] == (
        *('a"b,\n;c', "1e+300", "100", None, None, "2026-01-02 00:00:00"),
        *("2026-01-01 00:00:00", "3", None, "10000000000", r"\."),
    )
    assert [row[:2] for row in rows] == [(1, None), (2, None), (3, None)]
    assert note == "PostgreSQL"


def test_a_query_may_join_and_end_as_it_likes(erp, tmp_path):
    """Per cent signs, comments and a semicolon are no trouble; an empty row of one column is a row."""
    query = "select x as \"a %\" from (values ('5%'), (''), (null), ('%s')) v (x); -- done;\n"
    with pytest.raises(MappingError, match="query"):
        read(tmp_path, query="select 1; select 2")
    columns, rows, _ = read(tmp_path, query=query.replace("; -- done;", " -- done"))
    assert columns == ["a %"]
    assert rows == [(1, None, "5%"), (2, None, None), (3, None, None), (4, None, "%s")]


def test_a_cell_of_ten_megabytes_is_read(erp, tmp_path):
    """The longest row decides how much is read at a time."""
    _, rows, _ = read(tmp_path, query="select i, repeat('x', 10000000 * i) from generate_series(0, 1) i")
    assert [len(row[3] or "") for row in rows] == [0, 10_000_000]


def test_the_file_in_between_is_gone_and_every_row_is_told(erp, tmp_path):
    """The ticks add up to the rows."""
    import duckdb

    told: list[int] = []
    source = plain_source(connection=VARIABLE, query="select i from generate_series(1, 25000) i")
    with duckdb.connect() as connection:
        load(connection, source, "export", scratch=tmp_path, tick=told.append)
        count = connection.execute("select count(*), sum(c0::int), max(row) from export").fetchone()
    assert count == (25_000, 25_000 * 25_001 // 2, 25_000)
    assert told == [10_000, 10_000, 5_000]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "query",
    [
        "delete from erp.t",
        "insert into erp.t values (2) returning a",
        "with gone as (delete from erp.t returning a) select * from gone",
        "select * into erp.copy from erp.t",
        "select 1; delete from erp.t",
        "select a from erp.t for update",
        "select 1) to '/tmp/playbook-never' -- ",
        "copy erp.t to stdout",
        "create table erp.other (a int)",
        "select setval('erp.s', 7)",
        "commit; delete from erp.t",
        " ; ",
    ],
)
def test_a_query_that_does_more_than_read_is_refused(erp, tmp_path, query):
    """Whatever way it is put, nothing in the database changes."""
    erp.execute("create table erp.t (a int); insert into erp.t values (1); create sequence erp.s")
    with pytest.raises(MappingError, match="select") as caught:
        read(tmp_path, query=query)
    assert "\n" not in str(caught.value)
    assert erp.execute("select a from erp.t").fetchall() == [(1,)]
    assert erp.execute("select last_value from erp.s").fetchall() == [(1,)]
    assert tables(VARIABLE) == ["erp.t"]
    assert not Path("/tmp/playbook-never").exists()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, f"{VARIABLE} is not set; expected an address like postgresql://"),
        ("  ", f"{VARIABLE} is not set"),
        ("postgresql://ada:s3cret@nowhere.invalid:99/crm", "its host name is not known here"),
        ("postgresql://ada:s3cret@127.0.0.1:1/crm", "nothing answers at its host and port"),
        ("host=/nowhere user=ada password=s3cret dbname=crm", "nothing answers at its socket"),
        ("postgresql://ada:s3cret@[nowhere/crm", "holds no address of a database"),
        ("crm://ada:s3cret@nowhere/crm", "holds no address of a database"),
        ("ada s3cret", "holds no address of a database"),
    ],
)
def test_a_wrong_address_is_not_repeated(monkeypatch, tmp_path, address, words):
    """The error names the variable, says what is wrong, and holds no part of the address."""
    if address is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(MappingError) as caught:
        read(tmp_path, table="orders")
    assert words in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    for secret in ("s3cret", "nowhere", "ada@", "ada:", "127.0.0.1", "crm"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"query": "select 1/0"}, "cannot be computed"),
        ({"query": "select 'Ada Lovelace'::int"}, "cannot be computed"),
        ({"query": f"select {USER} from erp.t"}, "does not exist"),
        ({"query": f"select * from {USER}.nothing"}, "does not exist"),
        ({"query": f"select '{PASSWORD}' frm erp.t"}, "syntax error"),
        ({"query": f'select "{PASSWORD}"'}, "does not exist"),
        ({"query": f"do $$ begin raise '{PASSWORD}'; end $$"}, "expected one 'select'"),
        ({"table": "erp.x"}, "no table 'erp.x'; "),
    ],
)
def test_no_error_holds_a_secret(erp, tmp_path, settings, words):
    """Neither user nor password nor the place of the server nor a client's value, even where the server says them."""
    place = erp.info.host
    with pytest.raises(MappingError, match=words) as caught:
        read(tmp_path, **settings)
    shown = str(caught.value)
    for secret in (USER, PASSWORD, place, "Ada"):
        assert secret not in shown


def test_a_wrong_password_is_not_repeated(postgres, monkeypatch, tmp_path):
    """The server's own words, which name the user, stay out."""
    monkeypatch.setenv(VARIABLE, postgres.replace(quote(PASSWORD), "wr0ng"))
    with pytest.raises(MappingError, match="refuses the user or the password") as caught:
        tables(VARIABLE)
    shown = "".join(traceback.format_exception(caught.value))
    assert USER not in shown
    assert "wr0ng" not in shown


def test_a_database_without_an_encoding_may_hold_broken_text(erp, postgres, monkeypatch, tmp_path):
    """Rows with bytes that are no UTF-8 are damaged; the others are as they are."""
    erp.execute("create database old encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
    try:
        address = postgres.replace("/postgres?", "/old?")
        with psycopg.connect(address, autocommit=True, client_encoding="sql_ascii") as old:
            old.execute(
                rb"create table t as select * from (values (1, E'M\374ller'), (2, E'M\303\274ller')) v"
            )
        monkeypatch.setenv(VARIABLE, address)
        _, rows, _ = read(tmp_path, table="t")
    finally:
        erp.execute("drop database old")
    assert rows == [(1, "damaged characters", "1", "M\ufffdller"), (2, None, "2", "Müller")]


def test_tables_are_listed_and_the_nearest_is_named(erp, tmp_path):
    """Views count as tables; 'public' may be left out."""
    erp.execute("create table erp.orders (a int); create view erp.late as select a from erp.orders")
    assert tables(VARIABLE) == ["erp.late", "erp.orders"]
    with pytest.raises(MappingError, match=r"no table 'erp\.order'; did you mean 'erp\.orders'"):
        read(tmp_path, table="erp.order")
    erp.execute("create table public.playbook_t as select 1 as a")
    try:
        assert read(tmp_path, table="playbook_t")[1] == [(1, None, "1")]
    finally:
        erp.execute("drop table public.playbook_t")
