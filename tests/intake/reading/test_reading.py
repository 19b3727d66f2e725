"""The files of a source become one table: in the order of delivery, columns by name, each row once."""

import gzip
import hashlib

import duckdb
import pytest

from playbook.errors import MappingError
from playbook.intake.mapping import Source
from playbook.intake.reading import format_of, load, source_paths


def source(*files, **more):
    return Source(file=list(files), columns={"No": "text"}, **more)


def loaded(folder, *files, **more):
    with duckdb.connect() as connection:
        found = load(connection, source(*files, **more), folder, scratch=folder)
        cells = "".join(f", c{i}" for i in range(len(found.columns)))
        order = "order by file, row"
        rows = connection.execute(f"select file, row, damage{cells} from export {order}").fetchall()
        kinds = dict(connection.execute("select column_name, column_type from (describe export)").fetchall())
    assert kinds.pop("file") == "USMALLINT"
    assert kinds.pop("row") == "BIGINT"
    assert set(kinds.values()) == {"VARCHAR"}
    return found, rows


def test_columns_are_united_by_name(tmp_path):
    """A file may have them in another order, lack some, or bring new ones."""
    (tmp_path / "b_2.csv").write_text("No,Qty\n007,1\n")
    (tmp_path / "b_10.csv").write_text("Qty;Note;No\n3;x;9\n4;y\n")
    (tmp_path / "b_11.tsv.gz").write_bytes(gzip.compress(b"No\tNote\n8\tz\n"))
    found, rows = loaded(tmp_path, "b_*")
    assert found.columns == ["No", "Qty", "Note"]
    assert [(file.name, file.rows, file.note) for file in found.files] == [
        ("b_2.csv", 1, "UTF-8, ','"),
        ("b_10.csv", 2, "UTF-8, ';', 1 damaged row"),
        ("b_11.tsv.gz", 1, "UTF-8, tab"),
    ]
    assert rows == [
        (0, 1, None, "007", "1", None),
        (1, 1, None, "9", "3", "x"),
        (1, 2, "2 cells where 3 are expected", None, "4", "y"),
        (2, 1, None, "8", None, "z"),
    ]
    for file in found.files:
        assert file.sha256 == hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest()


def test_order_of_files(tmp_path):
    """As listed; within a pattern numbers count as numbers; a file is read once; what Excel leaves behind is not."""
    names = ["s/o_10.csv", "s/o_9.csv", "s/o_9b.csv", "s/first[1].csv", "s/~$o_1.csv"]
    (tmp_path / "s").mkdir()
    for name in names:
        (tmp_path / name).write_text("No\n1\n")
    found = source_paths(source("s/first[1].csv", "s/o_10.csv", "**/*o_*.csv"), tmp_path)
    order = ["s/first[1].csv", "s/o_10.csv", "s/o_9.csv", "s/o_9b.csv"]
    assert [path.relative_to(tmp_path).as_posix() for path in found] == order


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["slaes.csv"], r"slaes\.csv' does not exist; did you mean 'sales\.csv'\?"),
        (["sales.csv", "sale?_*.csv"], r"sale\?_\*\.csv' fits no file; did you mean 'sales\.csv'\?"),
        (["notes.docx"], r"notes\.docx: cannot tell the format from the name; expected one of \.csv"),
        (["twice.csv"], r"twice\.csv: two columns are named 'No'"),
        (["sales.csv", "empty.csv"], r"empty\.csv: is empty"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, files, message):
    """One line with the file, and the nearest one that is there."""
    (tmp_path / "sales.csv").write_text("No\n1\n")
    (tmp_path / "notes.docx").write_text("x")
    (tmp_path / "twice.csv").write_text("No, No \n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(MappingError, match=message):
        loaded(tmp_path, *files)


def test_a_source_far_away_is_named_in_full(tmp_path):
    """The mapping may name a file outside its folder."""
    (tmp_path / "x.csv").write_text("No\n1\n")
    (tmp_path / "m").mkdir()
    found, rows = loaded(tmp_path / "m", str(tmp_path / "x.csv"))
    assert found.files[0].name == (tmp_path / "x.csv").as_posix()
    assert rows == [(0, 1, None, "1")]


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("A.XLSX", "workbooks"),
        ("a.b.parquet", "parquet_files"),
        ("a.db", "databases"),
        ("a.json", "json_lines"),
    ],
)
def test_formats_are_told_by_suffix(tmp_path, name, module):
    """Whatever its case."""
    assert format_of(tmp_path / name) == module
