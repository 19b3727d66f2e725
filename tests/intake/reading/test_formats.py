"""The contract of all readers: the same table gives the same export, whatever the format it arrives in."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psycopg
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.intake import reading

from .sources import plain_source

VARIABLE = "PLAYBOOK_TEST_FORMATS"
COLUMNS = ["key", "Größe, cm", "qty", "at", "paid"]
SQL_TYPES = ["text", "double precision", "bigint", "timestamp", "boolean"]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=8).map(
    lambda text: f"{text}x"
)
TEXTS = st.sampled_from(
    ["007", "0", "-1", "1.234,56", "=1+1", 'a "b"', "a\nb", "a,b;c", "#N/A", "TRUE", "2026-01-02"]
)
NUMBERS = st.decimals(-(10**9), 10**9, places=4).map(float)
TIMES = st.integers(0, 10**12).map(lambda step: datetime(1990, 1, 1) + timedelta(milliseconds=step))
DAYS = st.integers(0, 20_000).map(lambda step: datetime(1990, 1, 1) + timedelta(days=step))
ROWS = st.tuples(
    TEXTS | WORDS,
    st.none() | NUMBERS,
    st.none() | st.integers(-(2**49), 2**49),
    st.none() | TIMES | DAYS,
    st.none() | st.booleans(),
)


def text_of(value: Any) -> str | None:
    """The oracle: a value's text by the words of the contract."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value).strip(" \t\n\r\xa0") or None


def as_csv(rows: list[tuple], folder: Path) -> str:
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([COLUMNS, *([text_of(cell) for cell in row] for row in rows)])
    return "t.csv"


def as_workbook(rows: list[tuple], folder: Path) -> str:
    with xlsxwriter.Workbook(folder / "t.xlsx", {"strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        clock = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        for place, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(place, column, cell, clock)
                elif cell is not None:
                    sheet.write(place, column, cell)
    return "t.xlsx"


def as_parquet(rows: list[tuple], folder: Path) -> str:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    kinds = dict(zip(COLUMNS, ["str", "float64", "Int64", "datetime64[us]", "boolean"], strict=True))
    frame.astype(kinds).to_parquet(folder / "t.parquet")
    return "t.parquet"


def as_json_lines(rows: list[tuple], folder: Path) -> str:
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    with (folder / "t.jsonl").open("w", encoding="utf-8") as handle:
        handle.writelines(json.dumps(one, default=text_of) + "\n" for one in objects)
    return "t.jsonl"


def as_json_array(rows: list[tuple], folder: Path) -> str:
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    (folder / "t.json").write_text(
        json.dumps(objects, default=text_of, ensure_ascii=False), encoding="utf-16"
    )
    return "t.json"


def as_sqlite(rows: list[tuple], folder: Path) -> str:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    # SQLite has neither times nor truth values: a client's file holds their text.
    kept = [[text_of(cell) if isinstance(cell, bool | datetime) else cell for cell in row] for row in rows]
    with closing(sqlite3.connect(folder / "t.sqlite")) as database:
        database.execute(f"create table t ({names})")
        database.executemany("insert into t values (?, ?, ?, ?, ?)", kept)
        database.commit()
    return "t.sqlite"


WRITERS: list[Callable[[list[tuple], Path], str]] = [
    as_csv,
    as_workbook,
    as_parquet,
    as_json_lines,
    as_json_array,
    as_sqlite,
]


def export_of(source: Any, folder: Path) -> tuple[list[str], list[tuple]]:
    with duckdb.connect() as connection:
        loaded = reading.load(connection, source, folder, scratch=folder)
        rows = connection.execute(
            "select file, row, damage, c0, c1, c2, c3, c4 from export order by row"
        ).fetchall()
    return loaded.columns, rows


def expected(rows: list[tuple]) -> tuple[list[str], list[tuple]]:
    return COLUMNS, [(0, i, None, *map(text_of, row)) for i, row in enumerate(rows, start=1)]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_format_gives_the_same_export(write, tmp_path_factory):
    """Leading noughts, unicode, numbers, times, truth values and gaps arrive as the same text."""

    @settings(max_examples=15)
    @given(st.lists(ROWS, min_size=1, max_size=12))
    def holds(rows: list[tuple]) -> None:
        folder = tmp_path_factory.mktemp("format")
        assert export_of(plain_source(file=[write(rows, folder)]), folder) == expected(rows)

    holds()


@pytest.fixture
def database(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server, whose address is in the environment."""
    monkeypatch.setenv(VARIABLE, postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(COLUMNS, SQL_TYPES, strict=True))
        connection.execute(f"create table formats ({columns})")
        yield connection
        connection.execute("drop table formats")


def test_postgresql_gives_the_same_export(database, tmp_path):
    """The same table in a database is the same export."""

    @settings(max_examples=15)
    @given(st.lists(ROWS, min_size=1, max_size=12))
    def holds(rows: list[tuple]) -> None:
        database.execute("truncate formats")
        with database.cursor() as cursor:
            cursor.executemany("insert into formats values (%s, %s, %s, %s, %s)", rows)
        assert export_of(plain_source(connection=VARIABLE, table="formats"), tmp_path) == expected(rows)

    holds()


def test_several_formats_are_one_export(tmp_path):
    """Files of one source may be of several formats: each keeps its number and its rows."""
    parts = [
        [("007", 1.5, 2, None, True)],
        [("8", None, None, datetime(2026, 1, 2), None)],
        [("9", 2.0, 3, None, False)],
    ]
    files = [
        write(rows, tmp_path) for write, rows in zip([as_csv, as_workbook, as_parquet], parts, strict=True)
    ]
    with duckdb.connect() as connection:
        loaded = reading.load(connection, plain_source(file=files), tmp_path, scratch=tmp_path)
        got = connection.execute("select file, row, c0, c1, c3 from export order by file").fetchall()
    assert loaded.columns == COLUMNS
    assert [(one.name.split(",")[0], one.rows) for one in loaded.files] == [(file, 1) for file in files]
    assert got == [
        (0, 1, "007", "1.5", None),
        (1, 1, "8", None, "2026-01-02 00:00:00"),
        (2, 1, "9", "2", None),
    ]
