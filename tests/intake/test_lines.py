"""What a mapping can say of a source's rows: convert, derive, look up, filter, and which delivery counts."""

import pandas as pd
import pytest
import yaml

from playbook.intake.make_store import take_in
from playbook.intake.quarantine import TABLE
from playbook.store.reading import Store

MAPPING = """
confidential: {keep: all}
sources:
  lines:
    file: lines*.csv
    dialect: {decimal: ',', thousands: '.'}
    empty: ['n/a', '-']
    columns:
      'No': text
      Pos: count
      Art: text
      Qty: count
      Price: number
      Day: {type: time, format: ['%d.%m.%Y', '%Y-%m-%d']}
tables:
  order_lines:
    source: lines
    columns: {order_id: 'No', line_no: Pos, product_id: Art, qty_ordered: Qty, unit_price_amt: Price, returned_at: Day}
"""
HEADER = "No;Pos;Art;Qty;Price;Day"


def intake(folder, files, header=HEADER, **changes):
    """Take in some files with a changed mapping; return the report of the source, its lines, and its quarantine."""
    mapping = yaml.safe_load(MAPPING)
    mapping["sources"]["lines"] |= changes
    for name, rows in files.items():
        (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (folder / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    report = take_in(folder / "mapping.yml", folder / "store", name="Lines").sources[0]
    quarantine = pd.read_parquet(folder / "store" / TABLE)
    assert report.rows == report.accepted + len(quarantine)
    return report, Store(folder / "store").table("order_lines"), quarantine


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567),
        ("12,50", 12.5),
        (",5", 0.5),
        ("1234", 1234),
        ("1.5", None),
        ("1.2345,0", None),
        ("12,50-", None),  # minus twelve: a price may not be
        ("1,2,3", None),
    ],
)
def test_numbers_of_another_country(tmp_path, cell, value):
    """With the decimal and the thousands sign of the mapping; what does not follow them is not guessed."""
    _, lines, aside = intake(tmp_path, {"lines.csv": [f"1;1;a;1;{cell};"]})
    assert lines["unit_price_amt"].tolist() == ([] if value is None else [value])
    assert len(aside) == (value is None)


def test_minus_behind_the_number(tmp_path):
    """As SAP writes it."""
    _, lines, _ = intake(tmp_path, {"lines.csv": ["1;1;a;1.200-;1;"]})
    assert lines["qty_ordered"].tolist() == [-1200]


def test_units_formats_and_words_for_nothing(tmp_path):
    """Cents become money, of two formats the one that fits is read, and 'n/a' is an empty cell."""
    columns = yaml.safe_load(MAPPING)["sources"]["lines"]["columns"]
    columns["Price"] = {"type": "number", "factor": 0.01}
    rows = ["1;1;a;1;250;31.12.2025", "1;2;a;1;250;2025-12-30", "1;3;a;1;n/a;", "1;4;a;1;250;n/a"]
    _, lines, aside = intake(tmp_path, {"lines.csv": rows}, columns=columns)
    assert lines["unit_price_amt"].tolist() == [2.5, 2.5, 2.5]
    assert lines["returned_at"].dt.strftime("%Y-%m-%d").fillna("").tolist() == [
        "2025-12-31",
        "2025-12-30",
        "",
    ]
    assert aside[["row", "reason"]].to_numpy().tolist() == [[3, "unit_price_amt is empty"]]


def test_derived_columns_filters_and_conditions(tmp_path):
    """A derived column may use an earlier one; rows that a filter or a condition takes out keep their reason."""
    mapping = {
        "derive": {
            "article": "upper(split_part(Art, '-', 2))",
            "worth": "Qty * Price",
            "dear": "worth > 100",
        },
        "filter": "Art <> 'TEST-x' or Art is null",
        "reject": [{"reason": "too dear", "where": "dear"}],
    }
    rows = ["1;1;x-cup;2;10;", "1;2;TEST-x;2;10;", "1;3;x-pot;20;10;", "1;4;x-jug;2;10;"]
    report, _, aside = intake(tmp_path, {"lines.csv": rows}, **mapping)
    assert aside[["row", "reason"]].to_numpy().tolist() == [[2, "left out by the filter"], [3, "too dear"]]
    assert report.accepted == 2
    text = (tmp_path / "mapping.yml").read_text().replace("product_id: Art", "product_id: article")
    (tmp_path / "mapping.yml").write_text(text)
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Lines")
    assert Store(tmp_path / "store").table("order_lines")["product_id"].tolist() == ["CUP", "JUG"]


def test_a_later_delivery_replaces_what_it_brings_again(tmp_path):
    """All lines of an order that comes again are replaced, in natural order of the files; others stay."""
    files = {
        "lines_2.csv": ["1;1;a;1;1;", "1;2;b;1;1;", "2;1;a;1;1;"],
        "lines_10.csv": ["1;1;a;5;1;", "3;1;c;1;1;"],
    }
    report, lines, aside = intake(tmp_path, files, key=["No"])
    assert [file.name for file in report.files] == ["lines_2.csv", "lines_10.csv"]
    assert sorted(zip(lines["order_id"], lines["qty_ordered"], strict=True)) == [("1", 5), ("2", 1), ("3", 1)]
    assert aside[["file", "row", "reason"]].to_numpy().tolist() == [
        ["lines_2.csv", 1, "replaced by a later delivery"],
        ["lines_2.csv", 2, "replaced by a later delivery"],
    ]


def test_the_same_delivery_twice_adds_nothing(tmp_path):
    """A copy of a file under another name."""
    rows = ["1;1;a;1;1;", "2;1;a;1;1;"]
    _, once, _ = intake(tmp_path, {"lines_1.csv": rows}, key=["No"])
    report, twice, _ = intake(tmp_path, {"lines_2.csv": rows}, key=["No"])
    pd.testing.assert_frame_equal(once, twice)
    assert (report.rows, report.accepted) == (4, 2)


def test_columns_looked_up_in_another_source(tmp_path):
    """Of several rows that fit the first accepted one's; nothing where none fits; the rows stay as many."""
    mapping = yaml.safe_load(MAPPING)
    mapping["sources"]["articles"] = {
        "file": "articles.csv",
        "columns": {"Key": "text", "Name": "text", "Weight": "number"},
        "reject": [{"reason": "old", "when": {"Name": {"matches": "old.*"}}}],
    }
    mapping["sources"]["lines"]["join"] = {"articles": {"on": {"Art": "Key"}, "columns": ["Name", "Weight"]}}
    mapping["sources"]["lines"]["derive"] = {"heavy": "articles.Weight > 5"}
    mapping["tables"]["order_lines"]["columns"] |= {"return_reason": "articles.Name", "inspected": "heavy"}
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    (tmp_path / "lines.csv").write_text(HEADER + "\n1;1;a;1;1;\n1;2;b;1;1;\n1;3;c;1;1;\n")
    (tmp_path / "articles.csv").write_text("Key,Name,Weight\na,old cup,1\na,cup,7\na,mug,2\nb,pot,1\n")
    report = take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Lines")
    lines = Store(tmp_path / "store").table("order_lines")
    assert lines["return_reason"].fillna("").tolist() == ["cup", "pot", ""]
    assert lines["inspected"].tolist() == [True, False, False]
    assert [(source.name, source.rows, source.accepted) for source in report.sources] == [
        ("lines", 3, 3),
        ("articles", 4, 3),
    ]


def test_empty_cells_are_not_alike(tmp_path):
    """Rows that say nothing in the columns compared do not repeat each other."""
    columns = yaml.safe_load(MAPPING)["sources"]["lines"]["columns"] | {"Ref": "text"}
    rule = [{"reason": "typed twice", "repeated": ["Ref"]}]
    rows = ["1;1;a;1;1;;", "1;2;a;1;1;;", "1;3;a;1;1;;x", "1;4;a;1;1;;x"]
    report, _, aside = intake(
        tmp_path, {"lines.csv": rows}, header=f"{HEADER};Ref", columns=columns, reject=rule
    )
    assert (report.accepted, aside["row"].tolist()) == (3, [4])
