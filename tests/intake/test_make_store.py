"""Every row of an export ends in a table, or in the quarantine with the reason that fits; none is lost."""

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError, StoreError
from playbook.intake.make_store import source_files, take_in
from playbook.intake.quarantine import TABLE as QUARANTINE
from playbook.intake.report import read_report
from playbook.store.reading import Store
from playbook.store.writing import write_store

HEADER = "Ref,Invoice,Article,Pieces,Day,Price,Customer,Land"
MAPPING = """
confidential: {keep: all}
sources:
  sales:
    file: sales.csv
    columns:
      Ref: text
      Invoice: text
      Article: {type: text, upper: true}
      Pieces: count
      Day: {type: time, zone: Europe/London}
      Price: number
      Customer: text
      Land: text
    reject:
      - {reason: not a product, when: {Article: {matches: [POST, GIFT.*]}}}
      - {reason: nothing sold, when: {Pieces: {at_most: 0}, Invoice: {not_matching: 'C.*'}}}
      - {reason: too early, when: {Day: {at_most: 2011-01-01}}}
      - {reason: typed twice, repeated: [Invoice, Article, Pieces]}
codes:
  lands: {United Kingdom: GB, Norway: 'NO'}
tables:
  orders:
    source: sales
    one_per: key
    columns:
      order_id: Invoice
      customer_id: {first: Customer}
      kind: {first: Invoice, patterns: {'C.*': return, '[0-9]+': order}}
      ordered_at: {min: Day}
      status: {constant: shipped}
      channel: {first: Ref}
  order_lines:
    source: sales
    columns:
      order_id: Invoice
      line_no: {position_in: Invoice}
      product_id: Ref
      qty_ordered: Pieces
      unit_price_amt: Price
  customers:
    source: sales
    one_per: key
    skip_without_key: true
    columns: {customer_id: Customer, region_id: {mode: Land, codes: lands}, created_at: {min: Day}}
  products:
    source: sales
    one_per: key
    columns: {product_id: Article, name: {mode: Article}, price_amt: {median: Price}}
"""
ROWS = """
r1,1,cup,6,2011-07-01 08:30,2.5,7,United Kingdom
r2,1,Pot,1,2011-07-01 08:31,9,7,United Kingdom
r3,1,POST,1,2011-07-01 08:30,4,7,United Kingdom
r4,C2,cup,-6,2011-12-01 10:00,2.5,7,Norway
r5,3,cup,0,2011-07-02 08:30,2.5,,Norway
r6,3,cup,2,2011-07-02 08:30,3.5,,Norway
r7,3,CUP,2.0,2011-07-02 08:30,3.5,,Norway
r8,3,CUP,3,2011-07-02 08:30,3.5,,Norway
r9,4,cup,two,2011-02-30 08:30,2.5,8,Norway
r10,4,cup,2,2010-12-31 08:30,2.5,8,Norway
r11,4,cup,2,2011-07-03 08:30,2.5,8,Norwegen
r12,x4,cup,2,2011-07-03 08:30,2.5,8,Norway
r13,5,cup,2,2011-07-03 08:30,-1,8,Norway
r14,6,cup,2,,1,8,Norway
r15,,cup,2,2011-07-03 08:30,1,8,Norway
r16,7,cup,2,2011-07-03 08:30,,8,Norway
"""


def export(folder, rows=ROWS, mapping=MAPPING, header=HEADER):
    (folder / "sales.csv").write_text(header + "\n" + rows.strip() + "\n", encoding="utf-8")
    (folder / "mapping.yml").write_text(mapping, encoding="utf-8")
    return folder / "mapping.yml"


def quarantine(store):
    return pd.read_parquet(store / QUARANTINE)


@pytest.fixture
def store(tmp_path):
    take_in(export(tmp_path), tmp_path / "store", name="Cups")
    return tmp_path / "store"


def test_each_row_has_the_first_reason_that_fits(store):
    """With its row number below the header, the column and the value as it stands in the export."""
    found = quarantine(store).drop(columns=["source", "file"]).fillna("").to_numpy().tolist()
    assert found == [
        [3, "", "Article", "POST", "not a product"],
        [5, "", "Pieces", "0", "nothing sold"],
        [7, "", "Invoice", "3", "typed twice"],
        [9, "", "Pieces", "two", "not a whole number"],
        [10, "", "Day", "2010-12-31 08:30", "too early"],
        [11, "customers", "Land", "Norwegen", "not in code list 'lands'"],
        [12, "orders", "Invoice", "x4", "fits no pattern"],
        [13, "order_lines", "Price", "-1", "unit_price_amt is below 0"],
        [14, "orders", "Day", "", "ordered_at is empty"],
        [15, "orders", "Invoice", "", "order_id is empty"],
        [16, "order_lines", "Price", "", "unit_price_amt is empty"],
    ]


def test_the_rest_makes_the_tables(store):
    """Orders of several rows, a customer with a constant and a code, times in UTC, positions without gaps."""
    tables = Store(store)
    lines = tables.table("order_lines")
    assert not lines["inspected"].any(), "a flag that the export doesn't know is false"
    mapped = lines[["order_id", "line_no", "product_id", "qty_ordered", "unit_price_amt"]]
    assert mapped.to_numpy().tolist() == [
        ["1", 1, "r1", 6, 2.5],
        ["1", 2, "r2", 1, 9.0],
        ["C2", 1, "r4", -6, 2.5],
        ["3", 1, "r6", 2, 3.5],
        ["3", 2, "r8", 3, 3.5],
    ]
    orders = tables.table("orders").set_index("order_id")
    assert orders["kind"].to_dict() == {"1": "order", "3": "order", "C2": "return"}
    assert orders["customer_id"].isna().to_dict() == {"1": False, "3": True, "C2": False}
    assert orders.loc["1", "ordered_at"] == pd.Timestamp("2011-07-01 07:30"), "summer time is an hour ahead"
    assert orders.loc["C2", "ordered_at"] == pd.Timestamp("2011-12-01 10:00")
    assert tables.table("customers")[["customer_id", "region_id"]].to_numpy().tolist() == [["7", "GB"]]
    products = tables.table("products").set_index("product_id")
    assert products["price_amt"].to_dict() == {"CUP": 3.0, "POT": 9.0}


@pytest.mark.parametrize(
    ("repeated", "rows"), [("all", [2]), ("[Article, Pieces]", [2, 3]), ("[Article]", [2, 3, 4])]
)
def test_repeats(tmp_path, repeated, rows):
    """Of all cells as they stand, or of the values of some columns: 'CUP' is 'cup' and 2.0 is 2."""
    mapping = MAPPING.replace("[Invoice, Article, Pieces]", repeated)
    cells = "x,1,cup,2,2011-07-01,1,7,Norway"
    changed = [cells.replace("cup,2,", "CUP,2.0,"), cells.replace("cup,2,", "cup,3,")]
    take_in(export(tmp_path, "\n".join([cells, cells, *changed]), mapping), tmp_path / "store", name="Cups")
    assert quarantine(tmp_path / "store")["row"].tolist() == rows


def test_counts_add_up_and_are_kept(store):
    """rows in = accepted + quarantined; what was returned can be read again, and printed."""
    report = read_report(store)
    (sales,) = report.sources
    assert (sales.rows, sales.accepted) == (16, 5)
    assert sum(sales.quarantined.values()) == 11
    assert report.tables == {"customers": 1, "order_lines": 5, "orders": 3, "products": 2}
    again = take_in(store.parent / "mapping.yml", store, name="Cups")
    assert again == report
    text = report.text()
    assert text.startswith("Cups\nsales (sales.csv)\n  sales.csv: 16 rows UTF-8, ','\n  rows in")
    assert "quarantined                                       11   68.8%" in text
    assert text.endswith("tables: customers 1, order_lines 5, orders 3, products 2")


def test_quarantine_is_no_table(store):
    """No play can read it by mistake."""
    assert "quarantine" not in list(Store(store))
    with pytest.raises(StoreError, match="no table 'quarantine'"):
        Store(store).table("quarantine")


def test_info_says_whose_it_is(tmp_path):
    """And keeps what the caller adds."""
    take_in(export(tmp_path), tmp_path / "store", name="Cups", extra={"illustration": "../illustration"})
    info = Store(tmp_path / "store").info
    assert (info["kind"], info["name"], info["illustration"]) == ("client", "Cups", "../illustration")


def test_same_export_same_bytes(tmp_path):
    """So that an unchanged client is recognised as one."""
    path = export(tmp_path)
    for name in ("a", "b"):
        take_in(path, tmp_path / name, name="Cups")
    assert Store(tmp_path / "a").info["hash"] == Store(tmp_path / "b").info["hash"]
    assert (tmp_path / "a" / QUARANTINE).read_bytes() == (tmp_path / "b" / QUARANTINE).read_bytes()


@pytest.mark.parametrize("kind", ["csv.gz", "byte-order mark", "parquet", "quoted"])
def test_formats_give_the_same(tmp_path, store, kind):
    """Text, packed text, and a Parquet file with real types."""
    folder = tmp_path / "it's [2011]*"
    folder.mkdir()
    mapping = export(folder)
    plain = (folder / "sales.csv").read_text()
    if kind == "byte-order mark":
        (folder / "sales.csv").write_text("\ufeff" + plain, encoding="utf-8")
    elif kind == "quoted":
        lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in plain.splitlines()]
        (folder / "sales.csv").write_bytes("\r\n".join(lines).encode())
    else:
        file = folder / f"sales.{kind}"
        (folder / "sales.csv").unlink()
        mapping.write_text(MAPPING.replace("sales.csv", file.name))
        if kind == "csv.gz":
            file.write_bytes(gzip.compress(plain.encode()))
        else:
            frame = pd.read_csv(store.parent / "sales.csv")  # Customer arrives as 7.0, Price as 2.5
            assert frame["Customer"].dtype == "float64"
            frame.to_parquet(file)
    take_in(mapping, folder / "store", name="Cups")
    shown = ["row", "table", "column", "reason"]
    pd.testing.assert_frame_equal(quarantine(folder / "store")[shown], quarantine(store)[shown])
    for table in Store(store):
        pd.testing.assert_frame_equal(Store(folder / "store").table(table), Store(store).table(table))


NUMBERS = """
sources:
  sales:
    file: sales.csv
    columns: {Ref: text, Pieces: count, Price: number}
tables:
  order_lines:
    source: sales
    columns:
      {order_id: Ref, line_no: {position_in: Ref}, product_id: Ref, qty_ordered: Pieces,
       unit_price_amt: Price}
"""


@pytest.mark.parametrize(
    ("cell", "count", "number"),
    [
        ("7", 7, 7),
        (" 7 ", 7, 7),
        ("7.0", 7, 7),
        ("+7", 7, 7),
        ("7e2", 700, 700),
        ("7.5", None, 7.5),
        (".5", None, 0.5),
        ("1e17", None, 1e17),
        ("1_000", None, None),
        ("1 000", None, None),
        ("0x7", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        ("--7", None, None),
    ],
)
def test_numbers(tmp_path, cell, count, number):
    """Plain decimal notation; anything else is kept aside, never guessed."""
    path = export(tmp_path, f"a,{cell},1\nb,1,{cell}", NUMBERS, "Ref,Pieces,Price")
    take_in(path, tmp_path / "store", name="Cups")
    lines = Store(tmp_path / "store").table("order_lines").set_index("product_id")
    reasons = quarantine(tmp_path / "store").set_index("row")["reason"].to_dict()
    assert lines["qty_ordered"].get("a") == count
    assert reasons.get(1) == (None if count is not None else "not a whole number")
    assert lines["unit_price_amt"].get("b") == number
    assert reasons.get(2) == (None if number is not None else "not a number")


@pytest.mark.parametrize(
    "cell", ["01/02/2011", "2011-13-01", "2011-02-30", "epoch", "infinity", "2011", "2011-2-3"]
)
def test_no_times(tmp_path, cell):
    """Only ISO 8601 is read without being told the format."""
    take_in(export(tmp_path, f"a,1,cup,1,{cell},1,7,Norway"), tmp_path / "store", name="Cups")
    assert quarantine(tmp_path / "store")[["column", "value", "reason"]].to_numpy().tolist() == [
        ["Day", cell, "not a time"]
    ]


def test_time_format_and_clock(tmp_path):
    """Day first as told; of the hour that comes twice the first; a skipped one as if it had not been."""
    mapping = MAPPING.replace("{type: time, zone", "{type: time, format: '%d/%m/%Y %H:%M', zone")
    days = ["01/02/2011 10:00", "30/10/2011 01:30", "27/03/2011 01:30", "2011-02-01 10:00"]
    rows = "\n".join(f"r{i},{i},cup,1,{day},1,7,Norway" for i, day in enumerate(days))
    take_in(export(tmp_path, rows, mapping), tmp_path / "store", name="Cups")
    at = Store(tmp_path / "store").table("orders")["ordered_at"].astype(str).tolist()
    assert at == ["2011-02-01 10:00:00", "2011-10-30 00:30:00", "2011-03-27 01:30:00"]
    assert quarantine(tmp_path / "store")["value"].tolist() == ["2011-02-01 10:00"]


def test_aggregates_equal_pandas(tmp_path):
    """Median, first non-empty, earliest, most frequent (the earlier one on a tie), on random rows."""
    rng = np.random.default_rng(3)
    n = 400
    frame = pd.DataFrame(
        {
            "Ref": [f"r{i}" for i in range(n)],
            "Invoice": rng.integers(1, 60, n).astype(str),
            "Article": rng.choice(["cup", "pot", "jug"], n),
            "Pieces": rng.permutation(n) + 1,
            "Day": (np.datetime64("2011-11-01T00:00") + rng.integers(0, 9999, n)).astype(str),
            "Price": rng.integers(1, 999, n) / 100,
            "Customer": rng.choice(["7", "8", "9", "10", None], n),
            "Land": rng.choice(["United Kingdom", "Norway"], n),
        }
    )
    mapping = export(tmp_path)
    frame.to_csv(tmp_path / "sales.csv", index=False)
    report = take_in(mapping, tmp_path / "store", name="Cups")
    assert report.sources[0].accepted == n
    store = Store(tmp_path / "store")
    assert dict(store.table("products")[["product_id", "price_amt"]].to_numpy()) == pytest.approx(
        frame.groupby(frame["Article"].str.upper())["Price"].median().to_dict()
    )
    orders = store.table("orders").set_index("order_id")
    by_invoice = frame.groupby("Invoice")
    assert orders["ordered_at"].to_dict() == by_invoice["Day"].min().astype("datetime64[us]").to_dict()
    assert orders["customer_id"].dropna().to_dict() == by_invoice["Customer"].first().dropna().to_dict()
    codes = {"United Kingdom": "GB", "Norway": "NO"}
    assert store.table("customers").set_index("customer_id")["region_id"].to_dict() == {
        customer: codes[_mode(lands)] for customer, lands in frame.groupby("Customer")["Land"]
    }


def _mode(values):
    seen = values.tolist()
    return max(dict.fromkeys(seen), key=seen.count)


def test_tie_goes_to_the_earlier(tmp_path):
    """Also when the later one comes first in the alphabet."""
    lands = ["United Kingdom", "Norway", "Norway", "United Kingdom"]
    rows = "\n".join(f"r{i},{i},cup,1,2011-07-01,1,7,{land}" for i, land in enumerate(lands))
    take_in(export(tmp_path, rows), tmp_path / "store", name="Cups")
    assert Store(tmp_path / "store").table("customers")["region_id"].tolist() == ["GB"]


def test_a_broken_record_takes_all_its_rows_along(tmp_path):
    """A customer without a land cannot be kept: nor can its rows, nor the order that consisted of them."""
    rows = "r1,1,cup,1,2011-07-01,1,7,\nr2,1,pot,1,2011-07-01,1,7,\nr3,2,cup,1,2011-07-01,1,8,Norway"
    take_in(export(tmp_path, rows), tmp_path / "store", name="Cups")
    found = quarantine(tmp_path / "store")
    assert found[["row", "table", "reason"]].to_numpy().tolist() == [
        [1, "customers", "region_id is empty"],
        [2, "customers", "region_id is empty"],
    ]
    assert Store(tmp_path / "store").table("orders")["order_id"].tolist() == ["2"]
    assert Store(tmp_path / "store").table("products")["product_id"].tolist() == ["CUP"]


SMALL = """
confidential: {keep: all}
sources:
  people:
    file: sales.csv
    columns: {Id: text, Since: time}
tables:
  customers:
    source: people
    skip_without_key: %s
    columns: {customer_id: Id, region_id: {constant: R1}, created_at: Since}
"""


@pytest.mark.parametrize(("skip", "reason"), [("true", "feeds no table"), ("false", "customer_id is empty")])
def test_one_record_a_row(tmp_path, skip, reason):
    """A second row with the same key, and one without a key, are kept aside."""
    path = export(tmp_path, "7,2011-01-01\n8,2011-01-02\n7,2011-01-03\n,2011-01-04", SMALL % skip, "Id,Since")
    take_in(path, tmp_path / "store", name="People")
    found = quarantine(tmp_path / "store")[["row", "reason"]].to_numpy().tolist()
    assert found == [[3, "repeated key"], [4, reason]]
    assert Store(tmp_path / "store").table("customers")["customer_id"].tolist() == ["7", "8"]


def test_two_exports(tmp_path):
    """Each is counted by itself, and feeds its own table."""
    both = yaml.safe_load(MAPPING)
    people = yaml.safe_load(SMALL % "false")
    people["sources"]["people"]["file"] = "people.csv"
    both["sources"] |= people["sources"]
    both["tables"] |= people["tables"]
    path = export(tmp_path, mapping=yaml.safe_dump(both, sort_keys=False))
    (tmp_path / "people.csv").write_text("Id,Since\n7,2011-01-01\n,\n")
    report = take_in(path, tmp_path / "store", name="Cups")
    assert {source.name: source.rows for source in report.sources} == {"sales": 16, "people": 2}
    assert quarantine(tmp_path / "store")["source"].value_counts().to_dict() == {"sales": 10, "people": 1}
    assert [file.name for file in source_files(path)] == ["sales.csv", "people.csv"]


def test_names_and_cells_are_only_text(tmp_path):
    """Quotes, semicolons and SQL in a header, a rule or a cell do nothing."""
    evil = '"; drop table line; --'
    mapping = (SMALL % "false").replace("Id", "NAME").replace("NAME", "'" + evil.replace("'", "''") + "'")
    rows = "'; drop table line; --,2011-01-01\n'' or 1=1,2011-01-02"
    path = export(tmp_path, rows, mapping, '"' + evil.replace('"', '""') + '",Since')
    take_in(path, tmp_path / "store", name="People")
    found = Store(tmp_path / "store").table("customers")["customer_id"].tolist()
    assert found == ["'; drop table line; --", "'' or 1=1"]
    pd.read_csv(tmp_path / "sales.csv").to_parquet(tmp_path / "sales.parquet")
    path.write_text(mapping.replace("sales.csv", "sales.parquet"))
    assert take_in(path, tmp_path / "store", name="People").sources[0].accepted == 2


def test_empty_export(tmp_path):
    """A header alone gives empty tables."""
    report = take_in(export(tmp_path, ""), tmp_path / "store", name="Cups")
    assert (report.sources[0].rows, report.tables["orders"]) == (0, 0)
    assert "rows in                                            0    0.0%" in report.text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: (f / "sales.csv").rename(f / "sale.csv"),
            r"sources\.sales: .*sales\.csv' does not exist; did you mean 'sale\.csv'",
        ),
        (
            lambda f: export(f, header=HEADER.replace("Pieces", "Peices")),
            r"no column 'Pieces'; did you mean 'Peices'",
        ),
        (lambda f: export(f, header=HEADER.replace("Land", "Ref")), r"two columns are named 'Ref'"),
        (lambda f: (f / "sales.csv").write_bytes(b""), r"sales\.csv: is empty"),
        (
            lambda f: export(f, mapping=MAPPING.replace("sales.csv", "mapping.yml")),
            r"mapping\.yml: cannot tell the format from the name; expected one of \.csv",
        ),
        (lambda f: _rename(f, "sales.parquet"), r"sales\.parquet: cannot be read as Parquet"),
    ],
)
def test_an_export_that_does_not_fit(tmp_path, change, message):
    """One line with the file, and the store of last time is still there."""
    write_store(tmp_path / "store", {}, {"kind": "client", "name": "last time"})
    export(tmp_path)
    change(tmp_path)
    with pytest.raises(MappingError, match=message) as caught:
        take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Cups")
    assert "\n" not in str(caught.value)
    assert Store(tmp_path / "store").info["name"] == "last time"
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"store", "mapping.yml", "sales.csv", "sale.csv", "sales.parquet"}


def _rename(folder, name):
    (folder / "sales.csv").rename(folder / name)
    (folder / "mapping.yml").write_text(MAPPING.replace("sales.csv", name))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"r1,1,Mrs Miller\n", "3 cells where 8 are expected"),
        (b"r1,1,M\xfcller,1,2011-07-01,1,7,Norway\n", "damaged characters"),
        (b'r1,1,"open,1,2011-07-01,1,7,Norway\n', "quote not closed"),
    ],
)
def test_a_damaged_line_is_set_aside(tmp_path, line, reason):
    """It costs one row, not the file, also far down."""
    export(tmp_path)
    good = "r,1,café,1,2011-07-01,1,7,Norway\n".encode()
    (tmp_path / "sales.csv").write_bytes(HEADER.encode() + b"\n" + good * 3000 + line + good)
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(
        MAPPING.replace("      - {reason: typed twice, repeated: [Invoice, Article, Pieces]}\n", "")
    )
    (report,) = take_in(mapping, tmp_path / "store", name="Cups").sources
    assert (report.rows, report.accepted, report.quarantined) == (3002, 3001, {reason: 1})
    assert quarantine(tmp_path / "store")["row"].tolist() == [3001]


def test_a_store_that_was_not_taken_in(tmp_path):
    """A world has no report of an intake."""
    write_store(tmp_path / "store", {}, {"kind": "world"})
    with pytest.raises(MappingError, match="was not made from exports"):
        read_report(tmp_path / "store")


# What each cell means is written down by hand, so that the oracle shares nothing with the code.
PIECES = {"1": 1, "-2": -2, "0": 0, "3.0": 3, "2.5": "bad", "two": "bad", "": None, " 4 ": 4, "1,000": "bad"}
PRICES = {"1.5": 1.5, "-1": -1.0, "": None, "free": "bad", "NaN": "bad", "0": 0.0}
DAYS = {"2011-01-05 10:00": True, "2011-02-30": "bad", "": None, "05/01/2011": "bad", "2011-01-06": True}
DIRT = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "C3", "", "  ", "x", "44"]),
        st.sampled_from(["cup", "CUP", "pot", "POST", "post ", "", "gift 10"]),
        st.sampled_from(list(PIECES)),
        st.sampled_from(list(DAYS)),
        st.sampled_from(list(PRICES)),
        st.sampled_from(["7", "8", "", "\u00a0", "Zoë;\"'"]),
        st.sampled_from(["United Kingdom", "Norway", "norway", "", "Norway\nSouth"]),
    ),
    max_size=25,
)


def expected_reason(row, kept):
    """Return the reason that the reading rules, the client's rules and the code lists give, or None."""
    invoice, article, pieces, day, price, customer, land = row
    invoice, article, customer, land = (text.strip() for text in (invoice, article, customer, land))
    if PIECES[pieces] == "bad":
        return "not a whole number"
    if DAYS[day] == "bad":
        return "not a time"
    if PRICES[price] == "bad":
        return "not a number"
    if article.upper() == "POST" or article.upper().startswith("GIFT"):
        return "not a product"
    if PIECES[pieces] is not None and PIECES[pieces] <= 0 and invoice and not invoice.startswith("C"):
        return "nothing sold"
    copy = (invoice, article.upper(), PIECES[pieces])
    if copy in kept:
        return "typed twice"
    kept.add(copy)
    if invoice and not invoice.startswith("C") and not invoice.isdigit():
        return "fits no pattern"
    if customer and land and land not in ("United Kingdom", "Norway"):
        return "not in code list 'lands'"
    return None


@settings(max_examples=20)
@given(DIRT)
def test_nothing_is_lost(rows):
    """Each row is in one place: in = accepted + quarantined, and the reason is the one worked out by hand."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "mapping.yml").write_text(MAPPING, encoding="utf-8")
        cells = [(f"r{i}", *row) for i, row in enumerate(rows, start=1)]
        frame = pd.DataFrame(cells, columns=HEADER.split(","))
        frame.to_csv(folder / "sales.csv", index=False)
        (report,) = take_in(folder / "mapping.yml", folder / "store", name="Dirt").sources
        aside = quarantine(folder / "store").set_index("row")
        accepted = Store(folder / "store").table("order_lines")["product_id"].tolist()
        quarantined = [f"r{row}" for row in aside.index]
    assert report.rows == report.accepted + sum(report.quarantined.values()) == len(rows)
    assert sorted(accepted + quarantined) == sorted(frame["Ref"])
    kept: set = set()
    for i, row in enumerate(rows, start=1):
        expected = expected_reason(row, kept)
        if expected:
            assert aside["reason"][i] == expected
        elif i in aside.index:
            assert aside["table"][i], "only a table's schema can be a further reason"
            assert aside["reason"][i].split(" is ")[1] in ("empty", "below 0")


def test_a_row_of_somebody_is_not_quoted(tmp_path):
    """When it is taken for the column names by mistake."""
    (tmp_path / "mapping.yml").write_text(MAPPING)
    (tmp_path / "sales.csv").write_text("Ann Lee,ann@lee.example,7\nBo,bo@lee.example,8\n")
    with pytest.raises(MappingError, match="set 'header'") as raised:
        take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Sales")
    assert "Ann" not in str(raised.value)


def test_people_of_columns_that_are_left_out(tmp_path):
    """Are known to the gate all the same: a free text may quote them."""
    from playbook.intake.identifiers import FILE, Identifiers

    (tmp_path / "mapping.yml").write_text(MAPPING.replace("confidential: {keep: all}", ""))
    (tmp_path / "sales.csv").write_text(
        HEADER + ",Surname,E-mail\nr1,7,cup,2,2026-01-02,1.5,c1,Norway,Quaghebeur,q@lee.example\n"
    )
    key = b"0123456789abcdef0123"
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Sales", key=key)
    known = Identifiers.load(tmp_path / "store" / FILE, key)
    assert known.find("Mr Quaghebeur wrote from q@lee.example") == ["Quaghebeur", "q@lee.example"]
