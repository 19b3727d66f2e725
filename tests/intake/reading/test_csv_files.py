"""A text file in any dialect becomes the same rows; a damaged one keeps each row, and says which are damaged."""

import csv
import gzip
import io
import tempfile
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.reading import BLANKS, csv_files
from playbook.intake.reading.text_files import survey_of, understood

CONNECTION = duckdb.connect()


def source(header=1, **dialect):
    keys = ("encoding", "delimiter", "quote", "decimal", "thousands")
    return SimpleNamespace(header=header, dialect=SimpleNamespace(**{key: dialect.get(key) for key in keys}))


def read(data, name="x.csv", told=None, slow=False):
    """Names, (damage, cells ...) of each row, and the note."""
    with tempfile.TemporaryDirectory() as folder, CONNECTION.cursor() as connection:
        connection.execute("drop table if exists t")
        path = Path(folder, name)
        path.write_bytes(data)
        ticks = []
        if slow:
            text = understood(path, told or source(), survey_of(path, ticks.append))
            csv_files._load_tolerant(connection, text, "t", csv_files._Progress(path, ticks.append))
            names, note = text.names, ""
        else:
            names, note = csv_files.load(
                connection, path, told or source(), "t", scratch=path.parent, tick=ticks.append
            )
            assert sum(ticks) == len(data)
            assert not list(path.parent.glob("*/"))
        numbers = connection.execute("select row from t").fetchall()
        assert numbers == [(i,) for i in range(1, len(numbers) + 1)]
        cells = ", ".join(f"c{i}" for i in range(len(names)))
        return names, connection.execute(f"select damage, {cells} from t order by row").fetchall(), note


def rows(data, **options):
    return read(data, **options)[1]


def sound(table):
    """What a sound table is read as: an oracle in plain Python."""
    return [(None, *(cell.strip(BLANKS) or None for cell in row)) for row in table]


def written(table, **options):
    text = io.StringIO(newline="")
    names = [f"name {i}" for i in range(len(table[0]))]
    csv.writer(text, **{"lineterminator": "\r\n", **options}).writerows([names, *table])
    return text.getvalue()


signs = st.one_of(st.sampled_from("\"'\n\r,;\t| \0ä€\u2028\ufffd"), st.characters(exclude_categories=["Cs"]))
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.text(signs, max_size=9), min_size=width, max_size=width), min_size=1)
)


@settings(max_examples=30, deadline=None)
@given(
    tables,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_any_table_comes_back_as_it_was(table, encoding, delimiter, end, zipped):
    """Whatever its cells hold, in each encoding, by the fast and by the tolerant path."""
    told = source(delimiter=delimiter, quote='"', encoding=encoding)
    data = written(table, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).encode(encoding)
    name = "x.csv.gz" if zipped else "x.csv"
    data = gzip.compress(data) if zipped else data
    assert rows(data, name=name, told=told) == sound(table)
    assert rows(data, name=name, told=told, slow=True) == sound(table)


pieces = st.sampled_from(["a", "b", '"', '""', ",", ",", "\n", "\n", " ", '"c"', ',"', '",', "ä", "\0"])


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=25).map("".join))
def test_where_the_fast_path_takes_a_file_the_other_reads_the_same(text):
    """However its quotes stand: DuckDB must not take what is broken."""
    data = ("name 0,name 1\n" + text).encode()
    told = source(encoding="utf-8", delimiter=",", quote='"')
    assert rows(data, told=told) == rows(data, told=told, slow=True)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.txt.gz"]))
def test_any_bytes_are_read_or_refused_in_one_line(data, name):
    """Nothing else is raised."""
    try:
        read(b"a;b\n" + data if len(data) % 2 else data, name=name)
    except MappingError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_sound_file_is_understood_and_takes_the_fast_path(encoding, delimiter, monkeypatch):
    """Encoding, delimiter, quotes, leading zeros, numbers as they stand."""
    monkeypatch.setattr(csv_files, "_load_tolerant", None)
    table = [
        ["007", "Köln, Süd", "1.234,56", 'the "best"'],
        ["008", "Zürich; Nord", "0,50", "two\nlines | é"],
    ]
    names, found, note = read(written(table, delimiter=delimiter).encode(encoding))
    assert (names, found) == ([f"name {i}" for i in range(4)], sound(table))
    assert note.endswith("decimal comma")


def test_what_was_found_out_is_told():
    """For people."""
    data = "\ufeffNo;Städte\n1;Köln\n".encode("utf-16-le")
    assert read(data)[2] == "UTF-16, ';'"
    title = "Übersicht\n\nNo\tStädte\n1\tKöln\nx\n".encode("cp1252")
    assert read(title, told=source(header=3))[2] == "Windows-1252, tab, header in row 3, 1 damaged row"


@pytest.mark.parametrize("quote", ['"', "'"])
def test_the_header_may_stand_further_down(quote):
    """Rows above it are no data, blank lines are none either; an unnamed column is named by its place."""
    data = f"Report {quote}x,\n\n a ,{quote}b\nc{quote},\n1,2,3\n \n4,5\n".replace(
        f"Report {quote}", "Report "
    )
    names, found, _ = read(data.encode(), told=source(header=3, quote=quote))
    assert names == ["a", "b\nc", "column 3"]
    assert found == [(None, "1", "2", "3"), (None, "4", "5", None)]


def test_each_kind_of_damage_is_named_and_the_row_is_kept():
    """With the cells that could be read, surplus ones in the last; the rows between are not touched."""
    data = (
        b'a,b,c\n1,"x,y\n2,\xc3\xa4,z\n3,x\n4,x,y,,z\n5,"x"y,z\n6,\xff,z\n7, "x" ,"y,z" \n'
        b"8,x,y,,\nTotal: 8 rows\n9,x"
    )
    assert rows(data) == [
        ("quote not closed", "1", '"x', "y"),
        (None, "2", "ä", "z"),
        ("2 cells where 3 are expected", "3", "x", None),
        ("5 cells where 3 are expected", "4", "x", "y,,z"),
        ("broken quotes", "5", "xy", "z"),
        ("damaged characters", "6", "\ufffd", "z"),
        (None, "7", "x", "y,z"),
        (None, "8", "x", "y"),
        ("1 cell where 3 are expected", "Total: 8 rows", None, None),
        ("file ends in the middle of this row", "9", "x", None),
    ]


words = st.text("abcäß €", min_size=1).map(lambda word: f"w{word}w")
KINDS = ["sound", "sound", "quoted", "two lines", "short", "long", "bytes", "quote"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2), words), min_size=1, max_size=40))
def test_damage_stays_where_it_is(plan):
    """Rows in the file = rows read; the damaged ones say so, the others are as they were written."""
    lines, expected = [], []
    for number, (kind, place, word) in enumerate(plan):
        cells = [f"k{number}", word, f"{number},5"]
        row = [None, *cells]
        if kind in ("quoted", "two lines"):
            cells[place] += "\n; second" if kind == "two lines" else ' "x"; y'
            row = [None, *cells]
            cells[place] = '"' + cells[place].replace('"', '""') + '"'
        elif kind == "short":
            del cells[place]
        elif kind == "long":
            cells.insert(place, "more")
        elif kind == "quote":
            cells[place] = '"' + cells[place]
        line = ";".join(cells).encode()
        lines.append(line + b"\xff" if kind == "bytes" else line)
        damaged = kind in ("short", "long", "bytes", "quote")
        expected.append(None if damaged else tuple(row))
    found = rows(b"\n".join([b"key;word;number", *lines, b""]), told=source(encoding="utf-8", delimiter=";"))
    assert len(found) == len(plan)
    assert [None if row[0] else row for row in found] == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["utf-8", "utf-16-le"]))
def test_a_truncated_file_keeps_what_is_there(at, zipped, encoding):
    """Whole rows as they were; the one that was cut is damaged, or the start of what it was."""
    table = [[str(i * 7919), "word " * (i % 5), f"größe {i}\n{i}"] for i in range(200)]
    text = written(table, lineterminator="\n").encode(encoding)
    whole = gzip.compress(text, mtime=0) if zipped else text
    start = 400 if zipped else 100
    data = whole[: start + at % (len(whole) - start)]
    told = source(encoding=encoding, delimiter=",", quote='"')
    _, found, note = read(data, name="x.csv.gz" if zipped else "x.csv", told=told)
    *before, last = found or [()]
    assert before == sound(table)[: len(before)]
    if zipped:
        assert "the archive ends too early or is damaged" in note
    if last and last != sound(table)[len(before)]:
        short = [(cell or "") for cell in last[1:]]
        full = [cell or "" for cell in sound(table)[len(before)][1:]]
        assert last[0] or all(a.startswith(b) for a, b in zip(full, short, strict=True))


def test_a_lost_quote_costs_one_row_however_long_the_file():
    """Also where the next quote that would close it is far away, or there is none."""
    table = [f"{i},x,{i}" for i in range(5_000)]
    for end in (table[100:], [*table[100:4_000], '4000,x",4000', *table[4_001:]]):
        lines = ["a,b,c", *table[:99], '99,"x,99', *end]
        found = rows("\n".join(lines).encode() + b"\n")
        assert len(found) == 5_000
        assert [i for i, row in enumerate(found) if row[0]] == [99]
        assert found[99] == ("quote not closed", "99", '"x', "99")
    assert found[4_000] == (None, "4000", 'x"', "4000")


def test_long_cells_are_read_whole():
    """10 MB in one line, and 10 MB in many lines, beside a damaged row."""
    one, many = "x" * 10_000_000, "some line of a text, and more\n" * 330_000
    data = written([["1", one, "z"], ["2", many, "z"], ["3", "y", "z"]]).encode() + b"x\n"
    found = rows(data)
    assert found[:3] == sound([["1", one, "z"], ["2", many, "z"], ["3", "y", "z"]])
    assert [row[0] for row in found[3:]] == ["1 cell where 3 are expected"]


def test_bytes_far_down_decide_the_encoding():
    """The first megabyte is plain ASCII."""
    head = "id,name\n" + "1,abc\n" * 180_000
    for encoding in ("utf-8", "cp1252"):
        assert rows((head + "2,Müller\n").encode(encoding))[-1] == (None, "2", "Müller")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; expected a row of column names"),
        (b"\n \n", "row 1"),
        (b";;\n1;2;3\n", "row 1 is empty; expected the column names"),
        (b"PK\x03\x04rest", "a workbook or zip archive"),
        (b'a,"b\n1,2\n', "line 2: broken quotes in or above the column names"),
    ],
)
def test_what_is_no_table_is_refused(data, message):
    """One line that names the file."""
    with pytest.raises(MappingError, match=message) as error:
        read(data)
    assert "x.csv: " in str(error.value)
    assert "\n" not in str(error.value)


def test_no_such_header_row():
    """The row is named."""
    with pytest.raises(MappingError, match=r"has no row 9; expected the column names there \(see 'header'\)"):
        read(b"a,b\n1,2\n", told=source(header=9))


def test_settings_of_the_connection_are_left_as_they_were(tmp_path):
    """The progress bar and the order of rows are changed for the time of reading only."""
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        csv_files.load(connection, tmp_path / "x.csv", source(), "t", scratch=tmp_path)
        assert connection.execute("select current_setting('preserve_insertion_order')").fetchall() == [
            (False,)
        ]
