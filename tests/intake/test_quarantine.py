"""Rows set aside go to the client and come back mended, each into its own place and only once."""

import csv
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.make_store import take_in
from playbook.intake.quarantine import TABLE
from playbook.store.reading import Store

MAPPING = """
confidential: {keep: all}
sources:
  lines:
    file: lines*.csv
    columns: {No: text, Pos: count, Art: text, Qty: count, Price: number}
    reject:
      - {reason: not a product, when: {Art: {matches: POST}}}
tables:
  order_lines:
    source: lines
    columns: {order_id: No, line_no: Pos, product_id: Art, qty_ordered: Qty, unit_price_amt: Price}
"""
HEADER = ["No", "Pos", "Art", "Qty", "Price", "Note"]
ROWS = [
    ["007", "1", "cup", "2", "1.5", ""],
    ["007", "2", "pot", "two", "1.5", "=HYPERLINK(x)"],
    ["008", "1", "POST", "2", "1.5", "'quoted'"],
    ["009", "1", "jug", "2", "free", "-5"],
]


def write(file, rows, header=HEADER):
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        csv.writer(handle).writerows([header, *rows])


def read(file):
    with file.open(newline="", encoding="utf-8-sig") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mapping.yml").write_text(MAPPING)
    write(tmp_path / "lines.csv", ROWS)
    return tmp_path


def intake(folder):
    return take_in(folder / "mapping.yml", folder / "store", name="Lines").sources[0]


def mend(folder, change, name="mended.csv"):
    """Send the client's file back after a change to its rows."""
    rows = read(folder / "quarantine" / "lines.csv")
    for row in rows:
        change(row)
    write(folder / "corrections" / name, [list(row.values()) for row in rows], list(rows[0]))


def test_the_client_gets_each_row_with_its_reason(folder):
    """All cells as text, formulas inert, and what to look at."""
    intake(folder)
    rows = read(folder / "quarantine" / "lines.csv")
    assert [(row["playbook_reason"], row["playbook_column"], row["No"]) for row in rows] == [
        ("not a whole number", "Qty", "007"),
        ("not a product", "Art", "008"),
        ("not a number", "Price", "009"),
    ]
    assert [row["Note"] for row in rows] == ["'=HYPERLINK(x)", "''quoted'", "-5"]


def test_mended_rows_take_their_own_place(folder):
    """The count stays, order and other cells stay, and the quarantine shrinks; sent twice, it is the same."""
    before = intake(folder)
    mend(folder, lambda row: row.update(Qty="2", Price="1.5"))
    after = intake(folder)
    assert (before.rows, before.accepted) == (4, 1)
    assert (after.rows, after.accepted, after.corrected, after.unplaced) == (4, 3, 3, 0)
    lines = Store(folder / "store").table("order_lines")
    assert lines[["order_id", "product_id"]].to_numpy().tolist() == [
        ["007", "cup"],
        ["007", "pot"],
        ["009", "jug"],
    ]
    assert after.quarantined == {"not a product": 1}
    write(folder / "corrections" / "again.csv", *_copy_of(folder / "corrections" / "mended.csv"))
    again = intake(folder)
    assert (again.rows, again.accepted, again.corrected) == (4, 3, 3)
    assert Store(folder / "store").table("order_lines").equals(lines)


def _copy_of(file):
    rows = read(file)
    return [list(row.values()) for row in rows], list(rows[0])


def test_of_two_corrections_the_later_file_counts(folder):
    """By the names of the files."""
    intake(folder)
    mend(folder, lambda row: row.update(Qty="3"), "1.csv")
    mend(folder, lambda row: row.update(Qty="4"), "2.csv")
    intake(folder)
    lines = Store(folder / "store").table("order_lines").set_index("product_id")
    assert lines.loc["pot", "qty_ordered"] == 4


def test_cells_come_back_as_they_went(folder):
    """A file that is sent back untouched changes nothing, apostrophes included."""
    intake(folder)
    before = (folder / "quarantine" / "lines.csv").read_bytes()
    mend(folder, lambda row: None)
    report = intake(folder)
    assert (report.accepted, report.corrected) == (1, 3)
    after = (folder / "quarantine" / "lines.csv").read_bytes()
    assert after == before


def test_a_correction_never_lands_on_another_row(folder):
    """When the export has changed since, the correction fits no row and is counted."""
    intake(folder)
    mend(folder, lambda row: row.update(Qty="2", Price="1"))
    write(folder / "lines.csv", [ROWS[3], *ROWS[:3]])
    report = intake(folder)
    assert (report.accepted, report.corrected, report.unplaced) == (1, 0, 3)


def test_a_correction_outlives_a_delivery_with_another_column(folder):
    """More columns in a later file do not make it another row."""
    intake(folder)
    mend(folder, lambda row: row.update(Qty="2", Price="1.5"))
    write(folder / "lines_2.csv", [["010", "1", "cup", "1", "1", "", "new"]], [*HEADER, "Extra"])
    report = intake(folder)
    assert (report.accepted, report.corrected, report.unplaced) == (4, 3, 0)


def test_a_correction_of_a_file_that_is_gone(folder):
    """Is refused by file and row: nothing that the client mended is dropped without a word."""
    intake(folder)
    mend(folder, lambda row: row.update(playbook_row=row["playbook_row"].replace("lines.csv", "old.csv")))
    with pytest.raises(
        MappingError, match=r"mended\.csv: row 1 below the header mends 'old\.csv', which no source"
    ):
        intake(folder)


def test_columns_that_differ_in_capitals_come_back(folder):
    """The client's file has the names of the export."""
    write(folder / "lines.csv", [["1", "1", "cup", "two", "1", "", "n"]], [*HEADER, "no"])
    intake(folder)
    mend(folder, lambda row: row.update(Qty="2"))
    report = intake(folder)
    assert (report.accepted, report.corrected) == (1, 1)


def test_files_of_sources_that_are_gone_are_removed(folder):
    """Nobody should mend them; other files stay."""
    intake(folder)
    (folder / "quarantine" / "notes.csv").write_text("mine\n")
    (folder / "mapping.yml").write_text(
        MAPPING.replace("  lines:\n", "  rows:\n").replace("source: lines", "source: rows")
    )
    intake(folder)
    assert {file.name for file in (folder / "quarantine").iterdir()} == {"rows.csv", "notes.csv"}


def test_a_file_that_is_no_correction(folder):
    """Is refused by name, and the store of last time stays."""
    intake(folder)
    write(folder / "corrections" / "other.csv", ROWS)
    with pytest.raises(MappingError, match=r"other\.csv: has no column 'playbook_row'"):
        intake(folder)
    assert Store(folder / "store").info["name"] == "Lines"


def test_no_file_is_left_when_nothing_is_set_aside(folder):
    """Last time's file would be mended once more."""
    intake(folder)
    write(folder / "lines.csv", ROWS[:1])
    intake(folder)
    assert not (folder / "quarantine" / "lines.csv").exists()


DAMAGE = {
    "none": lambda data, at: data,
    "cut": lambda data, at: data[: max(len(data) - at, 40)],
    "byte": lambda data, at: data[: 60 + at] + b"\xff\xfe" + data[60 + at :],
    "quote": lambda data, at: data[: 60 + at] + b'"' + data[60 + at :],
    "line": lambda data, at: data + b"\nonly,three,cells\n",
    "blank lines": lambda data, at: data.replace(b"\n", b"\n\n\n"),
}
CELLS = st.one_of(
    st.sampled_from(["1", "2", "007", "31.02.2025", "-1", "1e3", "NaN", "", " ", "=1+1", "'x'"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)


@settings(max_examples=15)
@given(
    st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=12),
    st.sampled_from(sorted(DAMAGE)),
    st.integers(0, 80),
    st.randoms(use_true_random=False),
)
def test_no_row_is_lost_whatever_the_dirt(rows, damage, at, chance):
    """Per source: in = accepted + quarantined, each row once in a table or in the client's file; and mended, still once."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "mapping.yml").write_text(MAPPING)
        good = [["1", str(i), "cup", "1", "1", ""] for i in range(3)]
        mixed = [*rows, *good]
        chance.shuffle(mixed)
        write(folder / "lines_1.csv", mixed)
        write(folder / "lines_2.csv", [["2", "1", "cup", "1", "1", ""]])
        file = folder / "lines_1.csv"
        file.write_bytes(DAMAGE[damage](file.read_bytes(), at))
        report = intake(folder)
        accepted = len(Store(folder / "store").table("order_lines"))
        aside = pd.read_parquet(folder / "store" / TABLE)
        sent = read(folder / "quarantine" / "lines.csv") if len(aside) else []
        assert (
            report.rows
            == report.accepted + sum(report.quarantined.values())
            == sum(f.rows for f in report.files)
        )
        assert (report.accepted, report.rows - report.accepted) == (accepted, len(aside))
        assert [row["playbook_row"].rsplit("#", 1)[0] for row in sent] == [
            f"{file}#{row}" for file, row in zip(aside["file"], aside["row"], strict=True)
        ]
        assert aside["reason"].str.len().gt(0).all()
        if sent:
            mend(folder, lambda row: None)
            again = intake(folder)
            assert (again.rows, again.accepted) == (report.rows, report.accepted)


def test_a_cell_of_ten_megabytes(folder):
    """Is read, kept whole in the client's file, and shortened in the table."""
    long = "x" * 10_000_000
    write(folder / "lines.csv", [["1", "1", "cup", long, "1", ""], ["1", "2", "cup", "1", "1", long]])
    report = intake(folder)
    assert (report.rows, report.accepted, report.quarantined) == (2, 1, {"not a whole number": 1})
    csv.field_size_limit(20_000_000)
    (row,) = read(folder / "quarantine" / "lines.csv")
    assert row["Qty"] == long
    assert pd.read_parquet(folder / "store" / TABLE)["value"].str.len().tolist() == [500]


DAYS = """
confidential: {keep: all}
sources:
  sales:
    file: sales.csv
    dialect: {decimal: ',', thousands: '.'}
    columns: {No: text, Pos: count, Art: text, Price: number, Day: {type: time, format: '%d.%m.%Y'}}
tables:
  order_lines:
    source: sales
    columns:
      {order_id: No, line_no: Pos, product_id: Art, qty_ordered: {constant: 1}, unit_price_amt: Price, returned_at: Day}
"""


def test_a_workbook_comes_back(tmp_path):
    """Its own numbers and dates are read as such, and a column that it lacks stays as it was."""
    (tmp_path / "mapping.yml").write_text(DAYS)
    (tmp_path / "sales.csv").write_text(
        "No;Pos;Art;Price;Day\n007;1;cup;free;01.02.2026\n007;2;pot;1,5;31.02.2026\n"
    )
    assert intake(tmp_path).accepted == 0
    rows = pd.read_csv(tmp_path / "quarantine" / "sales.csv", dtype="str", encoding="utf-8-sig")
    rows["Price"], rows["Day"] = [12.345, 1234.5], pd.Timestamp("2026-02-03")
    (tmp_path / "corrections").mkdir()
    rows.drop(columns="Art").to_excel(tmp_path / "corrections" / "sales.xlsx", index=False)
    report = intake(tmp_path)
    assert (report.rows, report.accepted, report.corrected) == (2, 2, 2)
    lines = Store(tmp_path / "store").table("order_lines")
    assert lines["unit_price_amt"].tolist() == [12.345, 1234.5]
    assert lines["product_id"].tolist() == ["cup", "pot"]
    assert (lines["returned_at"] == pd.Timestamp("2026-02-03")).all()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [('"Qty"', '"Quantity"', "no column 'Quantity'"), ("lines.csv#2#", "lines.csv 2 ", "row 1 below")],
)
def test_a_row_or_column_nobody_knows(folder, old, new, said):
    """Would be lost in silence."""
    intake(folder)
    text = (folder / "quarantine" / "lines.csv").read_text(encoding="utf-8")
    (folder / "corrections").mkdir()
    head, _, rows = text.partition("\n")
    changed = f"{head.replace(old, new)}\n{rows.replace(old, new)}"
    (folder / "corrections" / "lines.csv").write_text(changed, encoding="utf-8")
    with pytest.raises(MappingError, match=said):
        intake(folder)


def test_a_damaged_row_that_comes_back_as_it_was(folder):
    """Is still damaged."""
    with (folder / "lines.csv").open("a", encoding="utf-8") as handle:
        handle.write("010,1,mug,2,1.5,note,surplus\n")
    before = intake(folder)
    mend(folder, lambda row: None)
    assert intake(folder).quarantined == before.quarantined
