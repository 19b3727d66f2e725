"""SQLite files as sources."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from playbook.errors import MappingError
from playbook.intake.reading.databases import load, tables

from .sources import exported, plain_source


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    path = tmp_path / "helpdesk #1.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            create table contacts (id text, "when" text, minutes real, "" integer);
            insert into contacts values
                ('007', '2026-01-02', 12.0, 3), (' a ', null, 0.1, null), ('', 'ä', 1e300, 9007199254740993);
            create view long as select id from contacts where minutes > 5;
            """
        )
        database.commit()
    return path


def test_values_become_text_as_in_every_format(contacts, tmp_path):
    """Keys keep their noughts, whole floats lose their point, blanks around a value do not count."""
    columns, rows, _ = exported(load, contacts, plain_source(table="contacts"), tmp_path)
    assert columns == ["id", "when", "minutes", "column 4"]
    assert rows == [
        (1, None, "007", "2026-01-02", "12", "3"),
        (2, None, "a", None, "0.1", None),
        (3, None, None, "ä", "1e+300", "9007199254740993"),
    ]


def test_a_view_or_a_query_is_read_as_well(contacts, tmp_path):
    """A query may choose, join and rename."""
    by_view = exported(load, contacts, plain_source(table="LONG"), tmp_path)
    query = "select id from contacts where minutes > 5;"
    by_query = exported(load, contacts, plain_source(query=query), tmp_path)
    assert by_view[:2] == by_query[:2] == (["id"], [(1, None, "007"), (2, None, None)])


def test_bytes_that_are_no_text_damage_their_row_only(tmp_path):
    """A text cell of broken UTF-8 is shown with the replacement character; a blob of it as hexadecimal digits."""
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table t (a text)")
        database.execute(
            "insert into t values ('sound'), (cast(x'4dfc' as text)), (x'4dfc'), (x'4d'), ('last')"
        )
        database.commit()
    _, rows, _ = exported(load, path, plain_source(), tmp_path)
    assert rows == [
        (1, None, "sound"),
        (2, "damaged characters", "M\ufffd"),
        (3, None, "4dfc"),
        (4, None, "M"),
        (5, None, "last"),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "delete from contacts",
        "select 1; delete from contacts",
        "attach 'other.db' as other",
        "pragma user_version = 3",
        "with gone as (select 1) insert into contacts select 1, 2, 3, 4",
        "",
    ],
)
def test_a_query_that_does_more_than_read_is_refused(contacts, tmp_path, query):
    """Nothing in the file changes, and the error is one line."""
    before = contacts.read_bytes()
    source = plain_source(query=query or " ")
    with pytest.raises(MappingError, match="expected one") as caught:
        exported(load, contacts, source, tmp_path)
    assert contacts.read_bytes() == before
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"table": "contact"}, "did you mean 'contacts'"),
        ({}, "say which 'table' to read; valid: contacts, long"),
        ({"query": "select nme from contacts"}, "no such column: nme"),
        ({"query": "selekt 1"}, "does not fit"),
    ],
)
def test_a_wrong_table_or_query_is_one_clear_line(contacts, tmp_path, settings, words):
    """The error names the file and what is there."""
    with pytest.raises(MappingError, match=words) as caught:
        exported(load, contacts, plain_source(**settings), tmp_path)
    assert str(caught.value).startswith(str(contacts))


def test_another_file_is_refused(contacts, tmp_path):
    """A text file, and a database of which the second half is missing, raise a MappingError that names them."""
    (tmp_path / "text.db").write_text("a,b\n1,2\n" * 200, encoding="ascii")
    (tmp_path / "half.db").write_bytes(contacts.read_bytes()[:4096])
    for name, words in {"text.db": "no SQLite file", "half.db": "damaged"}.items():
        with pytest.raises(MappingError, match=f"{name}: .*{words}"):
            exported(load, tmp_path / name, plain_source(table="contacts"), tmp_path)


def test_tables_are_listed_for_a_proposal(contacts):
    """Tables and views, without SQLite's own."""
    assert tables(contacts) == ["contacts", "long"]


def test_a_failed_read_leaves_no_half_table(contacts, tmp_path):
    """After an error in the middle the target does not exist."""
    query = "select case when id = '' then abs(-9223372036854775808) else 1 end from contacts"
    with duckdb.connect() as connection:
        with pytest.raises(MappingError, match="cannot be read: integer overflow"):
            load(
                connection,
                contacts,
                plain_source(query=query),
                "export",
                scratch=tmp_path,
                tick=lambda done: None,
            )
        assert connection.execute("show tables").fetchall() == []
