"""Canonical tables made of several sources, of parts of a source, and of keys that must be known."""

import pandas as pd
import pytest
import yaml

from playbook.intake.make_store import take_in
from playbook.intake.quarantine import TABLE
from playbook.store.reading import Store

MAPPING = """
confidential: {keep: all}
sources:
  crm:
    file: crm.csv
    columns: {Id: text, Land: text, Since: time, Tier: text}
  shop:
    file: shop.csv
    columns: {Customer: text, Land: text, First: time, Kind: text, Order: text}
tables:
  customers:
    - source: crm
      one_per: key
      columns: {customer_id: Id, region_id: {first: Land}, created_at: {min: Since}, tier: {first: Tier}}
    - source: shop
      one_per: key
      skip_without_key: true
      columns: {customer_id: Customer, region_id: {first: Land}, created_at: {min: First}}
  orders:
    source: shop
    where: Kind = 'O'
    columns:
      order_id: Order
      customer_id: {column: Customer, known_in: customers}
      kind: {constant: order}
      ordered_at: First
      status: {constant: shipped}
"""
CRM = "Id,Land,Since,Tier\n1,GB,2025-01-05,gold\n2,,2025-01-06,\n3,,2025-01-07,\n"
SHOP = """Customer,Land,First,Kind,Order
1,NO,2025-01-01,O,a
2,NO,2025-02-01,O,b
4,SE,2025-03-01,X,c
,SE,2025-03-01,O,d
5,,2025-03-01,O,e
,SE,2025-03-01,X,f
"""


@pytest.fixture
def store(tmp_path):
    for name, text in (("mapping.yml", MAPPING), ("crm.csv", CRM), ("shop.csv", SHOP)):
        (tmp_path / name).write_text(text)
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Two")
    return Store(tmp_path / "store")


def test_a_table_of_two_sources(store):
    """An earlier source has the first word, the later one fills what it leaves empty and adds its own."""
    customers = store.table("customers").set_index("customer_id")
    assert customers["region_id"].to_dict() == {"1": "GB", "2": "NO", "4": "SE"}
    assert customers["tier"].dropna().to_dict() == {"1": "gold"}
    assert customers.loc["1", "created_at"] == pd.Timestamp("2025-01-05")


def test_what_breaks_a_record_takes_the_rows_of_all_its_sources(store):
    """A customer without a land in either source, and what refers to it; a row that no table takes."""
    aside = pd.read_parquet(store.path / TABLE)
    found = aside[["source", "row", "table", "reason"]].fillna("").to_numpy().tolist()
    assert found == [
        ["crm", 3, "customers", "region_id is empty"],
        ["shop", 5, "customers", "region_id is empty"],
        ["shop", 6, "", "feeds no table"],
    ]


def test_a_condition_chooses_the_rows_of_a_table(store):
    """The others may feed other tables; an order without a customer is one, too."""
    orders = store.table("orders").set_index("order_id")["customer_id"].fillna("")
    assert orders.to_dict() == {"a": "1", "b": "2", "d": ""}


def test_a_key_that_must_be_known(tmp_path, store):
    """An order of a customer whom no source knows goes to quarantine, and so on until nothing breaks."""
    mapping = yaml.safe_load(MAPPING)
    del mapping["tables"]["customers"][1]
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    (tmp_path / "crm.csv").write_text(CRM.replace("2,,", "2,NO,"))
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Two")
    aside = pd.read_parquet(tmp_path / "store" / TABLE)
    assert aside[["source", "row", "reason"]].to_numpy().tolist() == [
        ["crm", 3, "region_id is empty"],
        ["shop", 3, "feeds no table"],
        ["shop", 5, "customer_id is not in customers"],
        ["shop", 6, "feeds no table"],
    ]


def test_one_record_a_row_of_two_sources(tmp_path):
    """A key that comes again, within a source or in a later one, is set aside."""
    mapping = {
        "confidential": {"keep": "all"},
        "sources": {name: {"file": f"{name}.csv", "columns": {"Id": "text", "Day": "time"}} for name in "ab"},
        "tables": {
            "orders": [
                {
                    "source": name,
                    "columns": {
                        "order_id": "Id",
                        "ordered_at": "Day",
                        "kind": {"constant": "order"},
                        "status": {"constant": "open"},
                    },
                }
                for name in "ab"
            ]
        },
    }
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    (tmp_path / "a.csv").write_text("Id,Day\n1,2025-01-01\n2,2025-01-01\n1,2025-01-02\n")
    (tmp_path / "b.csv").write_text("Id,Day\n2,2025-01-01\n3,2025-01-01\n")
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Two")
    aside = pd.read_parquet(tmp_path / "store" / TABLE)
    assert aside[["source", "row", "reason"]].to_numpy().tolist() == [
        ["a", 3, "repeated key"],
        ["b", 1, "repeated key"],
    ]
    assert Store(tmp_path / "store").table("orders")["order_id"].tolist() == ["1", "2", "3"]


PARTS = """
confidential: {keep: all}
sources:
  s: {file: s.csv, columns: {A: text, B: text}}
tables:
  products:
    - {source: s, columns: {product_id: A, name: A, price_amt: {constant: 1}}}
    - {source: s, columns: {product_id: B, name: B, price_amt: {constant: 1}}}
"""


@pytest.mark.parametrize(
    ("rows", "accepted", "products"),
    [
        (["a,b", "c,d"], 2, ["a", "c", "b", "d"]),
        (["a,b", "a,b"], 1, ["a", "b"]),  # a row is set aside once, whatever it repeats
        (["a,x", "a,y", "c,y"], 2, ["a", "c", "x", "y"]),  # what is out stands in nobody's way
    ],
)
def test_two_parts_of_one_source(tmp_path, rows, accepted, products):
    """A row that feeds a table twice is in or out as a whole."""
    (tmp_path / "mapping.yml").write_text(PARTS)
    (tmp_path / "s.csv").write_text("\n".join(["A,B", *rows]) + "\n")
    (report,) = take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Parts").sources
    aside = pd.read_parquet(tmp_path / "store" / TABLE)
    assert (report.accepted, len(aside)) == (accepted, len(rows) - accepted)
    assert Store(tmp_path / "store").table("products")["product_id"].tolist() == products


def test_a_key_that_a_pattern_makes_is_still_a_key(tmp_path):
    """Positions within the export's own numbers do not make records unique when two numbers become one."""
    (tmp_path / "mapping.yml").write_text("""
confidential: {keep: all}
sources:
  s: {file: s.csv, columns: {I: text}}
tables:
  order_lines:
    source: s
    columns:
      order_id: {column: I, patterns: {'A.*': A}}
      line_no: {position_in: I}
      product_id: I
      qty_ordered: {constant: 1}
      unit_price_amt: {constant: 1}
""")
    (tmp_path / "s.csv").write_text("I\nA1\nA2\n")
    (report,) = take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Keys").sources
    assert report.quarantined == {"repeated key": 1}
