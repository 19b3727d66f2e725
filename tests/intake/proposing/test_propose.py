"""A folder of foreign exports becomes a draft mapping that names what is what, and says how sure it is."""

import gzip
import sqlite3
from pathlib import Path

import pandas as pd
import psycopg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.mapping import read_mapping
from playbook.intake.proposing.propose import propose
from playbook.intake.proposing.yaml_text import scalar
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

from .foreign_exports import COMPANIES, write_exports


@pytest.fixture(scope="module")
def world():
    tables = generate(
        WorldSettings(seed=5, customers=200), domains=["market", "orders", "delivery", "service"]
    )
    return {name: frame.head(400) for name, frame in tables.items()}


def mapped(mapping):
    """Return {(table, canonical column): source column}; a derived one counts as the column it is derived from."""
    found = {}
    for part in mapping.parts():
        derived = mapping.sources[part.table.source].derive
        for key, column in part.table.columns.items():
            if (name := column.source_column) is not None:
                meant = derived[name].split('"')[1] if name in derived else name
                found[part.name, key] = meant
    return found


@pytest.mark.parametrize("language", COMPANIES)
def test_columns_are_found_in_five_languages(tmp_path, world, language):
    """At least 19 of 20 are mapped right and none wrongly, whatever the encoding, signs and order of the day."""
    company = COMPANIES[language]
    write_exports(world, company, tmp_path)
    proposal = propose(tmp_path, out=tmp_path / "mapping.yml")
    mapping = read_mapping(proposal.path)
    found = mapped(mapping)
    truth = {(t, key): name for t, names in company.names.items() for key, name in names.items()}
    right = [key for key in truth if found.get(key) == truth[key]]
    assert len(right) >= 0.95 * len(truth), sorted(set(truth) - set(right))
    assert {key: name for key, name in found.items() if truth.get(key) != name} == {}
    assert not proposal.incomplete
    assert not proposal.unread
    orders = mapping.tables["orders"][0]
    day = mapping.sources[orders.source].columns[company.names["orders"]["ordered_at"]]
    assert day.formats == ([] if language == "Dutch" else [company.day + company.clock])
    prices = mapping.sources[mapping.tables["order_lines"][0].source]
    assert prices.dialect.decimal == company.decimal
    if company.words and "severity 4" in company.words:
        weights = mapping.sources[mapping.tables["products"][0].source].columns["Gewicht (g)"]
        assert weights.factor == 0.001


def csv(folder, name, text, encoding="utf-8"):
    (folder / name).write_text(text.strip() + "\n", encoding=encoding)


ORDERS = "\n".join(f"O{i},C{i % 7},2026-03-{i % 28 + 1:02},shipped" for i in range(1, 60))


def test_people_are_masked(tmp_path):
    """No name, address, e-mail or phone number of the exports stands in the draft, known column or not."""
    people = [f"{i},Anna{i} Berg,anna{i}@berg.example,+49 30 55{i:04},Hausweg {i},Tom Roth{i % 3},DE,2025-01-02" for i in
              range(60)]  # fmt: skip
    csv(tmp_path, "customers.csv", "id,name,mail,phone,street,sworn,country,since\n" + "\n".join(people))
    text = propose(tmp_path, out=tmp_path / "draft.yml").text
    for planted in ("Anna", "Berg", "berg", "55000", "Hausweg", "Roth"):
        assert planted not in text
    assert "a***@b***" in text
    assert "left out: personal (email)" in text


def test_deliveries_become_one_source(tmp_path):
    """By name and columns; keys that come again only in later files make the later row win."""
    lines = ORDERS.splitlines()
    header = "order no,customer no,order date,status\n"
    csv(tmp_path, "orders_2026-01.csv", header + "\n".join(lines[:30]))
    csv(tmp_path, "orders_2026-02.csv", header + "\n".join(lines[25:]))
    csv(tmp_path, "orders_2026_notes.csv", "remark\nnothing")
    source = read_mapping(propose(tmp_path, out=tmp_path / "draft.yml").path).sources["orders"]
    assert source.file == ["orders_2026-01.csv", "orders_2026-02.csv"], "a pattern would take the notes too"
    assert source.key == ["order no"]
    (tmp_path / "orders_2026_notes.csv").unlink()
    assert read_mapping(propose(tmp_path, out=tmp_path / "b.yml").path).sources["orders"].file == [
        "orders_*.csv"
    ]


def test_missing_columns_are_left_open(tmp_path):
    """The table is a comment that names them; what is complete can be read."""
    csv(tmp_path, "orders.csv", "order no,customer no,order date,status\n" + ORDERS)
    csv(tmp_path, "tickets.csv", "ticket no,opened at\n" + "\n".join(f"T{i},2026-03-01" for i in range(9)))
    proposal = propose(tmp_path, out=tmp_path / "draft.yml")
    assert proposal.incomplete == {"tickets": ("category", "severity")}
    assert "# severity: ???   # required" in proposal.text
    mapping = read_mapping(proposal.path)
    assert set(mapping.sources) == set(mapping.tables) == {"orders"}
    assert mapping.tables["orders"][0].columns["kind"].constant == "order"
    assert "assumed" in proposal.text


def test_one_flat_file_feeds_several_tables(tmp_path):
    """Lines, orders, customers and products of one export of sales, with countries as codes."""
    rows = [f"I{i // 3},2026-01-{i // 3 % 28 + 1:02},{['Germany', 'Norwegen'][i % 2]},{100 + i // 6},P{i % 9},cup {i % 9},"
            f"{i % 5 + 1},{i % 9 + 0.5}" for i in range(120)]  # fmt: skip
    csv(tmp_path, "sales.csv", "Invoice No,Invoice Date,Country,Customer No,Stock Code,Product Name,Quantity,Unit Price\n"
        + "\n".join(rows))  # fmt: skip
    mapping = read_mapping(propose(tmp_path, out=tmp_path / "draft.yml").path)
    assert set(mapping.tables) == {"order_lines", "orders", "customers", "products"}
    assert mapping.tables["order_lines"][0].columns["line_no"].position_in == "Invoice No"
    assert mapping.tables["orders"][0].one_per == "key"
    customers = mapping.tables["customers"][0].columns
    assert customers["created_at"].min == "Invoice Date"
    assert mapping.codes[customers["region_id"].codes] == {"Germany": "DE", "Norwegen": "NO"}


@pytest.mark.parametrize(
    ("days", "stated"),
    [(["03/04/2026", "05/06/2026"], True), (["03/04/2026", "25/06/2026"], False)],
)
def test_ambiguous_days_are_stated(tmp_path, days, stated):
    """Nothing tells day from month unless one day is above 12."""
    rows = "\n".join(f"O{i},C{i % 7},{days[i % 2]},shipped" for i in range(20))
    csv(tmp_path, "orders.csv", "order no,customer no,order date,status\n" + rows)
    proposal = propose(tmp_path, out=tmp_path / "draft.yml")
    assert ("unsure: %m/%d/%Y reads as much" in proposal.text) is stated
    assert read_mapping(proposal.path).sources["orders"].columns["order date"].format == "%d/%m/%Y"


def test_workbooks_with_titles_and_sheets(tmp_path):
    """A header below a title block; sheets with the same columns are one source."""
    frame = pd.DataFrame([line.split(",") for line in ORDERS.splitlines()],
                         columns=["order no", "customer no", "order date", "status"])  # fmt: skip
    with pd.ExcelWriter(tmp_path / "orders.xlsx") as book:
        for sheet, part in (("North", frame[:30]), ("South", frame[30:])):
            part.to_excel(book, sheet_name=sheet, startrow=3, index=False)
            book.sheets[sheet].write(0, 0, "Orders of the year")
    mapping = read_mapping(propose(tmp_path, out=tmp_path / "draft.yml").path)
    (source,) = mapping.sources.values()
    assert (source.sheet, source.header) == (["North", "South"], 4)
    assert mapping.tables["orders"][0].columns["order_id"].column == "order no"


ROWS = [line.split(",") for line in ORDERS.splitlines()]


def test_databases(tmp_path, postgres, monkeypatch):
    """Each table is a source; the address of the server stays in the environment."""
    with sqlite3.connect(tmp_path / "shop.sqlite") as shop:
        shop.execute('create table "orders" ("order no", "customer no", "order date", status)')
        shop.executemany('insert into "orders" values (?, ?, ?, ?)', ROWS)
    with psycopg.connect(postgres) as server:
        server.execute("drop schema if exists crm cascade")
        server.execute("create schema crm")
        server.execute("create table crm.customers (customer_no text, country text, created date)")
        customers = [(f"C{i}", "DE", "2025-02-03") for i in range(7)]
        server.cursor().executemany("insert into crm.customers values (%s, %s, %s)", customers)
    monkeypatch.setenv("CRM_ADDRESS", postgres)
    proposal = propose(tmp_path, connections=["CRM_ADDRESS"], out=tmp_path / "draft.yml")
    mapping = read_mapping(proposal.path)
    assert mapping.sources["customers"].connection == "CRM_ADDRESS"
    assert mapping.sources["customers"].table == "crm.customers"
    assert mapping.sources["orders"].table == "orders"
    assert postgres not in proposal.text
    assert "100% are customers.customer_no" in proposal.text


def test_what_cannot_be_read_is_said(tmp_path):
    """And nothing is overwritten."""
    csv(tmp_path, "orders.csv", "order no,customer no,order date,status\n" + ORDERS)
    (tmp_path / "broken.xlsx").write_bytes(b"no workbook")
    (tmp_path / "picture.png").write_bytes(b"x")
    proposal = propose(tmp_path, out=tmp_path / "draft.yml")
    assert len(proposal.unread) == 2
    assert "broken.xlsx" in "".join(proposal.unread)
    assert any(line.startswith("not read: ") for line in proposal.lines())
    with pytest.raises(MappingError, match="exists already"):
        propose(tmp_path, out=tmp_path / "draft.yml")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MappingError, match="no files in it"):
        propose(tmp_path / "empty", out=tmp_path / "other.yml")
    with pytest.raises(MappingError, match="no such folder"):
        propose(tmp_path / "nowhere", out=tmp_path / "other.yml")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_name_is_safe_in_yaml(name):
    """It reads back as itself, as a key and in a list: a column's name cannot add keys to a draft."""
    assert yaml.safe_load(f"{scalar(name)}: [{scalar(name)}]") == {name: [name]}


def test_hostile_cells_stay_in_their_comment(tmp_path):
    """Line breaks in names and values do not become lines of the draft."""
    name = "order no\u2028tables: {}\x85x"
    rows = "\n".join(f'"O{i}\u2028evil: {i}",C{i % 7},2026-03-01,shipped' for i in range(20))
    csv(tmp_path, "orders.csv", f'"{name}",customer no,order date,status\n' + rows)
    text = propose(tmp_path, out=tmp_path / "draft.yml").text
    assert set(yaml.safe_load(text)) <= {"sources", "codes", "tables"}
    assert not any(line.startswith(("evil", "tables: {")) for line in text.splitlines())


def test_three_systems(tmp_path):
    """The exports of the second engagement, dirt and all: six tables, two sources of customers, identities shown."""
    exports = Path(__file__).parents[3] / "datasets" / "three_systems" / "exports"
    proposal = propose(exports, out=tmp_path / "draft.yml")
    mapping = read_mapping(proposal.path)
    assert set(mapping.tables) == {
        "orders",
        "order_lines",
        "products",
        "customers",
        "tickets",
        "interactions",
    }
    assert len(mapping.tables["customers"]) == 2
    orders = mapping.sources[mapping.tables["orders"][0].source]
    assert orders.key == ["Auftrag"]
    assert orders.file[0].endswith("orders_*.csv")
    assert (
        "#     helpdesk_tickets: {source: helpdesk_tickets, key: requester.id, name: requester.name"
        in proposal.text
    )
    assert "100% are helpdesk_tickets.id" in proposal.text


def test_a_packed_file_that_breaks_off(tmp_path):
    """Is read as far as it goes."""
    rows = "".join(f"r{i};{i + 1};2026-03-{i % 28 + 1:02}\n" for i in range(400))
    packed = gzip.compress(("Order No;Customer No;Order Date\n" + rows).encode())
    (tmp_path / "orders.csv.gz").write_bytes(packed[:-40])
    assert "orders" in propose(tmp_path, out=tmp_path / "mapping.yml").tables


def test_lines_with_a_description_are_no_products(tmp_path):
    """Another export is the list of products; and customers without a date of their own give it row by row."""
    (tmp_path / "artikelen.csv").write_text(
        "Artikelnr;Omschrijving;Prijs\n" + "".join(f"{i:05};Pomp {i};{i},50\n" for i in range(50))
    )
    (tmp_path / "orderregels.csv").write_text(
        "Bonnr;Regel;Artikelnr;Omschrijving;Aantal;Prijs\n"
        + "".join(f"F{i};1;{i % 50:05};Pomp {i % 50};3;{i % 50},50\n" for i in range(200))
    )
    (tmp_path / "klanten.csv").write_text(
        "Klantnr;Land;Aanmaakdatum\n" + "".join(f"K{i};België;{i % 28 + 1:02}-03-2023\n" for i in range(60))
    )
    proposal = propose(tmp_path, out=tmp_path / "mapping.yml")
    assert "order_lines" in {*proposal.tables, *proposal.incomplete}
    assert mapped(read_mapping(proposal.path))["customers", "created_at"] == "Aanmaakdatum"


def test_an_address_is_not_repeated(tmp_path):
    """It may hold a password; what is asked for is the name of a variable."""
    with pytest.raises(MappingError, match="name of an environment variable") as raised:
        propose(tmp_path, connections=["postgresql://me:sesame@host/erp"], out=tmp_path / "mapping.yml")
    assert "sesame" not in str(raised.value)
