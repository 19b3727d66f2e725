"""Three systems: every row ends where it was planted to end, and the same people are found behind three numbers."""

import csv
import io
import json
import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest

from playbook.catalogue import project_root
from playbook.engagement.settings import read_engagement
from playbook.intake.identities import resolve
from playbook.intake.make_store import take_in
from playbook.intake.mapping import read_mapping
from playbook.methods.linkage import pair_quality
from playbook.store.reading import Store

FOLDER = project_root() / "datasets" / "three_systems"
EXPORTS = FOLDER / "exports"
SPOILT_ORDER = re.compile("9.*|00999999")
LAYOUT = {"crm_kontakte.csv": ("utf-16", 1), "erp_debitoren.csv": ("cp1252", 4)}


def rows_of(file: str) -> list[dict[str, str]]:
    """The rows of a CSV export, read by Python's csv; damaged ones as far as they go."""
    encoding, header = LAYOUT.get(file, ("cp1252", 3))
    text = (EXPORTS / file).read_bytes().decode(encoding, errors="replace")
    names, *cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))[header - 1 :]
    return [dict(zip(names, row, strict=False)) for row in cells]


def order_rows() -> list[list[dict[str, str]]]:
    return [rows_of(path.name) for path in sorted(EXPORTS.glob("orders_*.csv"))]


def requests() -> list[dict]:
    """The requests that are sound JSON."""
    found = []
    for line in (EXPORTS / "helpdesk_tickets.jsonl").read_text(encoding="utf-8").split("\n"):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def sheet(name: str) -> list[tuple]:
    book = openpyxl.load_workbook(EXPORTS / "erp_positionen.xlsx", read_only=True)
    return list(book[name].iter_rows(min_row=4, values_only=True))


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(FOLDER / "truth.csv", dtype=str)


@pytest.fixture(scope="module")
def totals(truth):
    """The world's totals of the sound rows."""
    rows = truth[truth["what"] == "total"]
    return {(source, key): float(value) for source, key, value in rows[["source", "key", "value"]].to_numpy()}


@pytest.fixture(scope="module")
def behind(truth):
    """The true customer of each record, by (system, its number)."""
    rows = truth[truth["what"] == "person"]
    return {(source, key): value for source, key, value in rows[["source", "key", "value"]].to_numpy()}


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """The store and the report of an intake."""
    folder = tmp_path_factory.mktemp("three_systems")
    report = take_in(
        FOLDER / "mapping.yml",
        folder / "store",
        name="Nordwerk",
        key=b"k" * 32,
        quarantine_to=folder / "back",
    )
    return Store(folder / "store"), report


@pytest.fixture(scope="module")
def met(taken, behind):
    """Each record that ordered or asked: system, key, its customer in the store, and the true one."""
    store, _ = taken
    orders = {row["Auftrag"]: row["Kundennr"] for rows in order_rows() for row in rows if row.get("Kundennr")}
    asked = {str(row["id"]): row["requester"]["id"] for row in requests() if row["requester"]}
    parts = []
    for system, table, column, keys in (
        ("erp", "orders", "order_id", orders),
        ("helpdesk", "tickets", "ticket_id", asked),
    ):
        frame = store.table(table).dropna(subset="customer_id")
        parts.append(
            pd.DataFrame({"customer": frame["customer_id"], "key": frame[column].map(keys), "system": system})
        )
    found = pd.concat(parts).drop_duplicates(ignore_index=True)
    return found.assign(true=[behind[record] for record in zip(found["system"], found["key"], strict=True)])


def test_every_row_is_accepted_or_has_the_reason_that_was_planted(taken, truth, totals):
    """By source: rows in = accepted + quarantined, and each reason as often as it was planted."""
    _, report = taken
    planted = {
        name: {} for name in ("contacts", "debtors", "orders", "lines", "articles", "tickets", "contact_log")
    }
    for source, reason, rows in truth.loc[truth["what"] == "dirt", ["source", "key", "value"]].to_numpy():
        planted[source][reason] = int(rows)
    assert {source.name: source.quarantined for source in report.sources} == planted
    for source in report.sources:
        assert source.rows == source.accepted + sum(source.quarantined.values()), source.name
        wanted = "products" if source.name == "articles" else source.name
        assert source.accepted == totals[wanted, "rows"], source.name


def test_no_row_of_a_file_is_missed(taken):
    """As many rows come in as csv, openpyxl, json and sqlite3 count."""
    _, report = taken
    with sqlite3.connect(f"file:{EXPORTS / 'helpdesk_contacts.sqlite'}?mode=ro", uri=True) as connection:
        (logged,) = connection.execute("select count(*) from contact_log").fetchone()
    assert {source.name: source.rows for source in report.sources} == {
        "contacts": len(rows_of("crm_kontakte.csv")),
        "debtors": len(rows_of("erp_debitoren.csv")),
        "orders": sum(map(len, order_rows())),
        "lines": len(sheet("Positionen")),
        "articles": len(sheet("Artikel")),
        "tickets": len((EXPORTS / "helpdesk_tickets.jsonl").read_text(encoding="utf-8").split("\n")),
        "contact_log": logged,
    }


def test_orders_are_those_of_the_last_delivery(taken, totals):
    """Number, moment in UTC and state of each order: a later delivery wins."""
    expected = {}
    for row in (row for rows in order_rows() for row in rows if not SPOILT_ORDER.fullmatch(row["Auftrag"])):
        local = datetime.strptime(row["Erfasst"], "%d.%m.%Y %H:%M").replace(tzinfo=ZoneInfo("Europe/Berlin"))
        expected[row["Auftrag"]] = (
            local.astimezone(UTC).replace(tzinfo=None),
            {"O": "open", "S": "shipped", "X": "cancelled"}[row["Status"]],
        )
    orders = taken[0].table("orders")
    assert expected == {
        number: (at.to_pydatetime(), status)
        for number, at, status in zip(orders["order_id"], orders["ordered_at"], orders["status"], strict=True)
    }
    # Of one order the ERP's clock does not say which of the two hours of an autumn night it means.
    minutes = orders["ordered_at"].astype("int64").sum() // 60_000_000
    assert totals["orders", "ordered_minutes"] - minutes == 60
    assert (orders["status"] == "shipped").sum() == totals["orders", "shipped"]


def test_lines_products_and_contacts_add_up_to_the_worlds(taken, totals):
    """Pieces, money, grams and milliseconds."""
    store, _ = taken
    lines, products = store.table("order_lines"), store.table("products").set_index("product_id")
    assert lines["qty_ordered"].sum() == totals["lines", "qty_ordered"]
    assert (lines["qty_ordered"] * lines["unit_price_amt"]).sum() == pytest.approx(totals["lines", "revenue"])
    assert set(lines["order_id"]) == set(store.table("orders")["order_id"])
    grams = {number: weight for number, _, _, _, weight in sheet("Artikel")}
    assert products["weight_kg"].to_dict() == pytest.approx(
        {key: value / 1000 for key, value in grams.items()}
    )
    assert store.table("interactions")["handle_s"].sum() == pytest.approx(totals["contact_log", "handle_s"])


def test_requests_keep_their_moment_urgency_and_text(taken, totals):
    """Offsets become UTC, words become ranks, line breaks stay, nobody stays nobody."""
    tickets = taken[0].table("tickets").set_index("ticket_id")
    ranks = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
    for row in requests():
        if row["id"] < 900_000:
            kept = tickets.loc[str(row["id"])]
            opened = datetime.fromisoformat(row["created_at"]).astimezone(UTC).replace(tzinfo=None)
            assert (kept["opened_at"], kept["severity"]) == (opened, ranks[row["priority"]])
            assert kept["subject_text"] == row["subject"]
    assert tickets["customer_id"].isna().sum() == totals["tickets", "anonymous"]


def test_identities_in_the_store_are_the_true_ones(met):
    """Records of two systems and of one system twice: few false merges, few misses."""
    records = met.drop_duplicates(["system", "key"])
    assert len(records) == len(met)  # one record is never two customers
    precision, recall = pair_quality(records["customer"], records["true"])
    print(f"In the store: precision {precision:.3f}, recall {recall:.3f} over {len(records)} records")
    assert precision > 0.95
    assert recall > 0.92


def test_identities_of_all_three_systems(behind):
    """The same with the CRM's records, straight from the exports."""
    parts = []
    for system, records in read_mapping(FOLDER / "mapping.yml").identities["customer"].items():
        raw = {
            "crm": lambda: pd.DataFrame(rows_of("crm_kontakte.csv")),
            "erp": lambda: pd.DataFrame(rows_of("erp_debitoren.csv")),
            "helpdesk": lambda: pd.json_normalize(requests()),
        }[system]()
        names = {column: field for field, column in records.fields.items()} | {records.key: "key"}
        parts.append(raw[list(names)].rename(columns=names).assign(source=system))
    found = resolve(pd.concat(parts, ignore_index=True))
    found["true"] = [behind.get(record) for record in zip(found["source"], found["key"], strict=True)]
    found = found.dropna(subset="true")
    precision, recall = pair_quality(found["person"], found["true"])
    print(f"Three systems: precision {precision:.3f}, recall {recall:.3f} over {len(found)} records")
    assert Counter(found["source"]).keys() == {"crm", "erp", "helpdesk"}
    assert precision > 0.95
    assert recall > 0.92
    assert abs(found["person"].nunique() / found["true"].nunique() - 1) < 0.05


def test_orders_and_requests_meet_on_one_customer(met, taken):
    """Nearly everyone who ordered and asked is one customer in the store."""
    of = met.groupby(["system", "true"])["customer"].agg(set)
    both = of["erp"].index.intersection(of["helpdesk"].index)
    meet = [bool(of["erp", true] & of["helpdesk", true]) for true in both]
    assert len(meet) > 50
    assert sum(meet) > 0.95 * len(meet)
    assert set(met["customer"]) <= set(taken[0].table("customers")["customer_id"])


def test_no_mailbox_or_number_of_a_customer_is_in_the_store(taken):
    """Nothing of what tells who somebody is arrives in a table, the quarantine or the report."""
    store, _ = taken
    crm = rows_of("crm_kontakte.csv")
    clear = {row[name] for row in crm for name in ("Kontakt-Nr", "E-Mail", "Telefon") if row.get(name)}
    clear |= {row["Kundennr"] for row in rows_of("erp_debitoren.csv") if row["Kundennr"].isdigit()}
    frames = [pd.read_parquet(path).select_dtypes("str") for path in store.path.glob("*.parquet")]
    kept = {value for frame in frames for column in frame for value in frame[column].dropna().unique()}
    assert not clear & kept
    report = (store.path / "intake.json").read_text(encoding="utf-8")
    assert not [value for value in clear if value in report]


def test_readme_states_the_counts(taken):
    """The table in the README is what the intake counts."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    stated = {
        (source, rows): int(n.replace(",", ""))
        for source, rows, n in re.findall(r"^\| ([a-z_]+) \| ([^|]+) \| ([\d,]+) \|$", text, re.MULTILINE)
    }
    counted = {}
    for source in taken[1].sources:
        if source.quarantined:
            counted |= {(source.name, "accepted"): source.accepted}
            counted |= {(source.name, reason): rows for reason, rows in source.quarantined.items()}
    assert stated == counted


def test_exports_are_small_and_nobodys():
    """The folder stays light, and no mailbox in it can be anybody's (RFC 2606)."""
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 1_500_000
    for file, column in (("crm_kontakte.csv", "E-Mail"), ("erp_debitoren.csv", "E-Mail")):
        assert all(row.get(column, "").lower().endswith((".example", "")) for row in rows_of(file))
    mailboxes = {row["requester"].get("email", ".example") for row in requests() if row["requester"]}
    assert all(mailbox.lower().endswith(".example") for mailbox in mailboxes)


def test_engagement_is_read():
    """It names the mapping and the day after the last order."""
    engagement = read_engagement(FOLDER / "engagement.yml")
    assert engagement.data.mapping == "mapping.yml"
    assert str(engagement.as_of) == "2026-07-01"
