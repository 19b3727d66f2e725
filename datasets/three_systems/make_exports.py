"""Write the exports of `three_systems` from a small synthetic world, and `truth.csv`: what is planted in them.

Run by hand, where the exports should change: what it writes is committed, since a client's files do not change with the
world's code either. The same version of the code writes the same rows.

    python datasets/three_systems/make_exports.py

Every dirty row is an extra row: a copy of a sound one with one thing spoilt. So what an intake keeps must be what the
world holds.
"""

from __future__ import annotations

import random
from pathlib import Path

import erp
import helpdesk
import pandas as pd
from planting import NOTES, Dirt, Truth, as_csv, german, records, text

from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

FOLDER = Path(__file__).parent
SETTINGS = WorldSettings(seed=20261, customers=400, regions=("DE", "FR", "GB"))
COUNTRIES = {"DE": ["Deutschland"], "FR": ["Frankreich"], "GB": ["Großbritannien", "Vereinigtes Königreich"]}
MAILBOXES = {"src_crm_customers": "email", "src_erp_customers": "mail", "src_support_users": "login_email"}
TIERS = {"gold": "Gold", "silver": "Silber", "bronze": "Bronze"}


def main() -> None:
    """Write all exports."""
    rng, truth = random.Random(SETTINGS.seed), Truth()
    tables = generate(SETTINGS, domains=["extracts", "orders", "service"])
    for table, column in MAILBOXES.items():
        tables[table][column] = tables[table][column].map(nobodys, na_action="ignore")
    out = FOLDER / "exports"
    out.mkdir(exist_ok=True)
    who_is_who(tables["truth_entities"], truth)
    orders, lines = erp.chosen(tables, rng)
    contacts(out, tables, lines.groupby("customer_id")["value"].sum(), rng, truth)
    erp.debtors(out, tables, rng, truth)
    erp.order_files(out, orders, lines, rng, truth)
    erp.line_sheets(out, tables["products"], lines, rng, truth)
    tickets = helpdesk.tickets(out, tables, rng, truth)
    helpdesk.contact_log(out, tables["interactions"], tickets, rng, truth)
    truth.write(FOLDER / "truth.csv")


def nobodys(mailbox: str) -> str:
    """Return a mailbox that cannot be anybody's: RFC 2606 keeps `.example` free."""
    return mailbox if mailbox.lower().endswith(".example") else mailbox + ".example"


def who_is_who(entities: pd.DataFrame, truth: Truth) -> None:
    """Note the true customer behind each record."""
    for source, key, customer in entities.itertuples(index=False):
        if source == "erp":
            truth.add("person", "erp", erp.debtor_no(key), customer)
        else:
            truth.add("person", {"support": "helpdesk"}.get(source, source), key, customer)


def contacts(
    out: Path, tables: dict[str, pd.DataFrame], spent: pd.Series, rng: random.Random, truth: Truth
) -> None:
    """Write the CRM's contacts: UTF-16, semicolons, German names and numbers, day first."""
    entities = tables["truth_entities"].query("source == 'crm'")
    behind = entities.set_index("source_key")["customer_id"]
    tier = tables["customers"].set_index("customer_id")["tier"]
    rows = []
    for row in records(tables["src_crm_customers"]):
        customer = behind[row["crm_id"]]
        year, month, day = row["created_on"].split("-")
        rows.append(
            {
                "Kontakt-Nr": row["crm_id"], "Nachname": text(row["last_name"]), "Vorname": text(row["first_name"]),
                "Firma": text(row["company"]), "Betreuung": TIERS[tier[customer]], "E-Mail": text(row["email"]),
                "Telefon": text(row["phone"]), "Straße": text(row["street"]), "PLZ": text(row["postcode"]),
                "Ort": text(row["city"]), "Land": rng.choice(COUNTRIES[row["country"]]),
                "Umsatz Vorjahr": german(spent[customer]) if customer in spent else "k.A.",
                "Angelegt am": f"{day}.{month}.{year}", "Bemerkung": rng.choice(NOTES) if rng.random() < 0.1 else "",
            }
        )  # fmt: skip
    dirt = Dirt("contacts", rows, rng, truth, key="Kontakt-Nr", anew=lambda i: f"CR9{i:05d}")
    dirt.repeat("repeated line", 6)
    dirt.add("not a time", 3, {"Angelegt am": "31.02.2024"})
    dirt.add("not a number", 2, {"Umsatz Vorjahr": "1O.000,00"})
    dirt.add("not in code list 'countries'", 2, {"Land": "Norwegen"})
    dirt.add("left out by the filter", 3, {"Nachname": "Test"})
    dirt.repeat("no number", 2, {"Kontakt-Nr": ""})
    # A semicolon within a company's name, typed in past the form that would have quoted it.
    dirt.add("15 cells where 14 are expected", 2, {"surplus": ["x"]})
    body = as_csv(list(rows[0]), dirt.mixed_in(), "\r\n")
    (out / "crm_kontakte.csv").write_bytes(b"\xff\xfe" + body.encode("utf-16-le"))
    truth.add("total", "contacts", "rows", len(rows))


if __name__ == "__main__":
    main()
