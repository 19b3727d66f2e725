"""Parquet files as sources."""

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from playbook.errors import MappingError
from playbook.intake.reading.parquet_files import load

from .sources import exported, plain_source


def read(table: pa.Table, folder: Path) -> tuple[list[str], list, str]:
    pq.write_table(table, folder / "t [1]'s.parquet")
    return exported(load, folder / "t [1]'s.parquet", plain_source(), folder)


def column(values: pa.Array, folder: Path) -> list[str | None]:
    return [row[2] for row in read(pa.table({"a": values}), folder)[1]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([17850.0, None, float("nan"), 0.1, 1e300]), ["17850", None, None, "0.1", "1e+300"]),
        (pa.array([0.1, 2], pa.float32()), ["0.1", "2"]),
        (pa.array([Decimal("12.50"), Decimal("100.00"), Decimal("-0.10")]), ["12.5", "100", "-0.1"]),
        (pa.array([Decimal("100"), Decimal("7")]), ["100", "7"]),
        (pa.array([2**63 - 1, -1]), ["9223372036854775807", "-1"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([date(2026, 1, 2)]), ["2026-01-02 00:00:00"]),
        (pa.array([time(3, 4, 5)]), ["03:04:05"]),
        (
            pa.array([datetime(2026, 1, 2, 3, 4, 5, 250000), datetime(2026, 1, 2)], pa.timestamp("ns")),
            ["2026-01-02 03:04:05.250000", "2026-01-02 00:00:00"],
        ),
        (pa.array([datetime(2026, 7, 1, 3)], pa.timestamp("us", "Europe/Berlin")), ["2026-07-01 03:00:00"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([" a\n", "\xa0", "", "a\0b"]), ["a", None, None, "a\0b"]),
        (pa.array([b"007", b"\xff\xfe"]), ["007", "fffe"]),
        (pa.array([["x", "y"], [], None]), ['["x","y"]', "[]", None]),
    ],
)
def test_typed_columns_become_text(tmp_path, values, expected):
    """Each type in the one form that all formats share."""
    assert column(values, tmp_path) == expected


def test_a_structure_becomes_columns(tmp_path):
    """As nested objects of JSON do; a row without one has nothing there."""
    who = pa.array([{"mail": "a@b", "org": {"no": 3}}, None])
    columns, rows, note = read(pa.table({"id": ["1", "2"], "from": who}), tmp_path)
    assert columns == ["id", "from.mail", "from.org.no"]
    assert rows == [(1, None, "1", "a@b", "3"), (2, None, "2", None, None)]
    assert note == "Parquet"


def test_rows_keep_the_order_of_the_file(tmp_path):
    """Over several row groups, also where a column has the name of DuckDB's own row number."""
    numbers = np.arange(250_000)
    for name in ("id", "file_row_number"):
        _, rows, _ = read(pa.table({name: numbers}), tmp_path)
        assert all(row[0] == int(row[2]) + 1 for row in rows)
        assert len(rows) == len(numbers)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[: len(data) // 2], "no Parquet file, or its end is missing"),
        (lambda data: b"a,b\n1,2\n", "no Parquet file"),
        (lambda data: b"", "no Parquet file"),
        (lambda data: data[:4] + bytes(len(data) // 3) + data[4 + len(data) // 3 :], "its data are broken"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, damage, words):
    """One line that names the file, and no half table."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [f"Ada {i}" for i in range(500)]}), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(MappingError, match=rf"t\.parquet: cannot be read as Parquet: .*{words}") as caught:
        exported(load, path, plain_source(), tmp_path)
    assert "Ada" not in str(caught.value)


def test_text_that_is_no_text_is_refused(tmp_path):
    """Parquet's texts are UTF-8; a file that breaks this says so."""
    broken = pa.array([b"ok", b"\xff\xfe"]).view(pa.string())
    with pytest.raises(MappingError, match="text that is not in UTF-8"):
        read(pa.table({"a": broken}), tmp_path)
