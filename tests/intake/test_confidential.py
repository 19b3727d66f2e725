"""Whoever is named in an export has a pseudonym in the store, the same one wherever the same value stands."""

import hashlib
import hmac
import os

import pandas as pd
import pytest

from playbook.intake.confidential import kinds, without_addresses
from playbook.intake.identifiers import FILE, Identifiers
from playbook.intake.make_store import take_in
from playbook.intake.quarantine import TABLE
from playbook.store import schemas
from playbook.store.reading import Store

MAPPING = """
sources:
  contacts:
    file: contacts.csv
    columns: {Id: text, Name: text, Mail: text, Phone: text, Street: text, Day: time}
  tickets:
    file: tickets.csv
    columns: {No: text, Who: text, Kind: text, Text: text, Day: time, Severity: count}
tables:
  src_crm_customers:
    source: contacts
    columns: {crm_id: Id, last_name: Name, email: Mail, phone: Phone, street: Street, extracted_at: Day}
  tickets:
    source: tickets
    columns: {ticket_id: No, customer_id: Who, category: Kind, severity: Severity, opened_at: Day, subject_text: Text}
"""
CONTACTS = """Id,Name,Mail,Phone,Street,Day
17,Zylberstein,Anna.Zyl@acme.example,+49 30 1234567,Hauptstr. 5,2026-01-01
18,zylberstein,anna.zyl@ACME.example,030 1234567,Hauptstr 5,2026-01-01
19,Quandt,q@acme.example,,,nonsense
"""
TICKETS = """No,Who,Kind,Text,Day,Severity
t1,17,customer,Call me: +49 30 1234567 or anna.zyl@acme.example,2026-01-02,1
t2,17,order,nothing,2026-01-02,1
"""
CLEAR = ("zylberstein", "acme.example", "1234567", "hauptstr", "quandt")


def pseudonym(value):
    return hmac.new(os.environ["PLAYBOOK_KEY"].encode(), value.encode(), hashlib.sha256).hexdigest()[:16]


@pytest.fixture
def folder(tmp_path):
    for name, text in (("mapping.yml", MAPPING), ("contacts.csv", CONTACTS), ("tickets.csv", TICKETS)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_keys_become_the_pseudonym_that_hmac_gives_and_still_join(folder):
    """HMAC-SHA256 under the client's key, in every table alike."""
    take_in(folder / "mapping.yml", folder / "store", name="Acme")
    store = Store(folder / "store")
    assert store.table("src_crm_customers")["crm_id"].tolist() == [pseudonym("17"), pseudonym("18")]
    assert store.table("tickets")["customer_id"].tolist() == [pseudonym("17")] * 2


def test_one_spelling_of_a_name_a_mailbox_or_a_number(folder):
    """Case, blanks and calling code do not make another person."""
    take_in(folder / "mapping.yml", folder / "store", name="Acme")
    contacts = Store(folder / "store").table("src_crm_customers")
    assert contacts[["last_name", "email", "phone", "street"]].nunique().tolist() == [1, 1, 1, 1]


def test_nothing_in_the_store_tells_who_somebody_is(folder):
    """No file of it holds a name, mailbox, number or street: tables, quarantine, report."""
    take_in(folder / "mapping.yml", folder / "store", name="Acme")
    for file in (path for path in (folder / "store").rglob("*") if path.is_file()):
        text = pd.read_parquet(file).to_csv() if file.suffix == ".parquet" else file.read_text()
        assert not [word for word in CLEAR if word in text.lower()], file.name
    assert pd.read_parquet(folder / "store" / TABLE)["reason"].tolist() == ["not a time"]
    assert "Quandt" in (folder / "quarantine" / "contacts.csv").read_text(), (
        "the client needs it to mend the row"
    )
    assert Store(folder / "store").table("tickets")["subject_text"][0] == "Call me: [number] or [mailbox]"


def test_what_a_mapping_keeps_stays_in_the_clear(folder):
    """Column by column, and only there."""
    text = (folder / "mapping.yml").read_text()
    (folder / "mapping.yml").write_text(text + "confidential: {keep: [src_crm_customers.last_name]}\n")
    take_in(folder / "mapping.yml", folder / "store", name="Acme")
    contacts = Store(folder / "store").table("src_crm_customers")
    assert contacts["last_name"].tolist() == ["Zylberstein", "zylberstein"]
    assert contacts["crm_id"].tolist() == [pseudonym("17"), pseudonym("18")]


def test_another_key_gives_other_pseudonyms(folder):
    """And the report tells which one it was, without telling the key."""
    one = take_in(folder / "mapping.yml", folder / "store", name="Acme")
    other = take_in(folder / "mapping.yml", folder / "other", name="Acme", key=b"another key entirely")
    assert one.key != other.key
    assert len(str(one.key)) == 8
    assert set(Store(folder / "store").table("tickets")["customer_id"]).isdisjoint(
        Store(folder / "other").table("tickets")["customer_id"]
    )


def test_every_personal_column_has_a_treatment():
    """What the schemas call personal, and each key of a person."""
    for table in schemas.tables().values():
        found = kinds(table)
        assert set(table.personal) <= set(found)
        assert {c.name for c in table.columns if c.name in ("customer_id", "staff_id")} <= set(found)


def test_free_text_without_addresses():
    """Mailboxes and telephone numbers are blotted out; dates, amounts and order numbers stay."""
    import duckdb

    for text, left in {
        "mail jo.b+x@a-b.co.uk now": "mail [mailbox] now",
        "ring 0049 (0)30 123-4567": "ring [number]",
        "order 4500012345 of 2026-03-01, 1,250.00": "order 4500012345 of 2026-03-01, 1,250.00",
    }.items():
        got = duckdb.sql(f"select {without_addresses('t')} from (select ? as t)", params=[text]).fetchall()[
            0
        ][0]
        assert got == left


COSTS = """
sources:
  costs:
    file: costs.csv
    columns: {No: text, Kind: text, Who: text, Amount: number, Besteller: count, First: text, Last: text, Day: time}
    derive: {full: "First || ' ' || Last"}
tables:
  costs:
    source: costs
    columns:
      cost_id: 'No'
      subject_type: Kind
      subject_id: Who
      activity: {constant: service}
      fixed_amt: Amount
      month_on: Day
  src_support_users:
    source: costs
    columns: {user_id: 'No', display_name: full, extracted_at: Day}
"""


def test_a_key_of_mixed_things_is_a_persons_unless_it_says_otherwise(tmp_path):
    """Also without a kind, or with a word that nobody knows."""
    mapping = COSTS.replace("Besteller: count, ", "")
    (tmp_path / "mapping.yml").write_text(mapping)
    kinds_given = ["customer", "", "Kunde", "order"]
    rows = [f"c{i},{kind},K10000{i},1,1,Ada,Lovelace,2026-01-01" for i, kind in enumerate(kinds_given)]
    (tmp_path / "costs.csv").write_text(
        "No,Kind,Who,Amount,Besteller,First,Last,Day\n" + "\n".join(rows) + "\n"
    )
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Acme")
    subjects = Store(tmp_path / "store").table("costs")["subject_id"].tolist()
    assert subjects == [*(pseudonym(f"K10000{i}") for i in range(3)), "K100003"]


def test_the_quarantine_in_the_store_names_nobody(tmp_path):
    """Not by a column that a mapping takes for something else, nor by one that only a derived column uses."""
    (tmp_path / "mapping.yml").write_text(COSTS)
    rows = [
        f"c{i},customer,K10000{i},{much},Hopper Grace,Ada,Lovelace,2026-01-01" for i, much in enumerate("1x")
    ]
    (tmp_path / "costs.csv").write_text(
        "\n".join(["No,Kind,Who,Amount,Besteller,First,Last,Day", *rows]) + "\n"
    )
    take_in(tmp_path / "mapping.yml", tmp_path / "store", name="Acme")
    for name in (TABLE, "intake.json"):
        file = tmp_path / "store" / name
        text = pd.read_parquet(file).to_csv() if name == TABLE else file.read_text()
        assert not [one for one in ("Hopper", "Grace", "Ada", "Lovelace", "K100001") if one in text]
    known = Identifiers.load(tmp_path / "store" / FILE, os.environ["PLAYBOOK_KEY"].encode(), frozenset())
    assert known.find("a note on Ada Lovelace")
    assert known.find("and K100001")
