"""The data elements of the company's systems, and the questions that operations ask of them.

Planted: `BLOCKED` of the questions need elements that no single system holds, though each is held somewhere; the others
can be answered from one. `truth_structure` has what each column of the extracts means: most are one to one, the ERP's and
the portal's name is the CRM's first name and surname in one column. Nothing is drawn but which questions there are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()
ONCE = True

BLOCKED = 6  # of the questions, times size
ANSWERED = 9
DAYS = {"public": "10 years", "internal": "10 years", "personal": "3 years", "sensitive": "1 year"}

# system, extract, column, type, sensitivity, what it is about, cost of collecting one value, what it means in one schema
# (columns joined by + hold several). Empty: a key, or the extract's own.
ELEMENTS = (
    ("crm", "src_crm_customers", "first_name", "text", "personal", "person", 0.4, "first_name"),
    ("crm", "src_crm_customers", "last_name", "text", "personal", "person", 0.4, "last_name"),
    ("crm", "src_crm_customers", "company", "text", "internal", "company", 0.3, "company"),
    ("crm", "src_crm_customers", "account_class", "code", "internal", "account class", 0.1, ""),
    ("crm", "src_crm_customers", "email", "text", "personal", "e-mail", 0.5, "email"),
    ("crm", "src_crm_customers", "phone", "text", "personal", "phone", 0.5, "phone"),
    ("crm", "src_crm_customers", "street", "text", "personal", "address", 0.4, "street"),
    ("crm", "src_crm_customers", "city", "text", "internal", "address", 0.2, "city"),
    ("crm", "src_crm_customers", "postcode", "text", "personal", "address", 0.2, "postcode"),
    ("crm", "src_crm_customers", "country", "code", "internal", "address", 0.1, "country"),
    ("crm", "src_crm_customers", "terms", "code", "internal", "payment terms", 0.8, "terms"),
    ("crm", "src_crm_customers", "invoice_by", "code", "internal", "invoicing", 0.6, "invoice_by"),
    ("crm", "src_crm_customers", "unloading", "code", "internal", "unloading", 1.2, "unloading"),
    ("crm", "src_crm_customers", "opening", "code", "internal", "opening hours", 1.2, "opening"),
    ("crm", "src_crm_customers", "created_on", "date", "internal", "since when", 0.0, "known_since"),
    ("erp", "src_erp_customers", "name", "text", "personal", "person", 0.4, "first_name+last_name"),
    ("erp", "src_erp_customers", "company_name", "text", "internal", "company", 0.3, "company"),
    ("erp", "src_erp_customers", "mail", "text", "personal", "e-mail", 0.5, "email"),
    ("erp", "src_erp_customers", "telephone", "text", "personal", "phone", 0.5, "phone"),
    ("erp", "src_erp_customers", "street_address", "text", "personal", "address", 0.4, "street"),
    ("erp", "src_erp_customers", "town", "text", "internal", "address", 0.2, "city"),
    ("erp", "src_erp_customers", "postal_code", "text", "personal", "address", 0.2, "postcode"),
    ("erp", "src_erp_customers", "country_code", "code", "internal", "address", 0.1, "country"),
    ("erp", "src_erp_customers", "payment_key", "code", "internal", "payment terms", 0.8, "terms"),
    ("erp", "src_erp_customers", "billing_mode", "code", "internal", "invoicing", 0.6, "invoice_by"),
    ("erp", "src_erp_customers", "unload_mode", "code", "internal", "unloading", 1.2, "unloading"),
    ("erp", "src_erp_customers", "receiving_hours", "code", "internal", "opening hours", 1.2, "opening"),
    ("erp", "src_erp_orders", "order_no", "text", "internal", "orders", 0.0, ""),
    ("erp", "src_erp_orders", "status", "code", "internal", "orders", 0.0, ""),
    ("erp", "src_erp_orders", "unit_price", "number", "internal", "prices", 0.0, ""),
    ("erp", "src_erp_orders", "serial_no", "text", "internal", "spare parts", 0.2, ""),
    ("support", "src_support_users", "display_name", "text", "personal", "person", 0.3, "first_name+last_name"),
    ("support", "src_support_users", "login_email", "text", "personal", "e-mail", 0.2, "email"),
    ("support", "src_support_users", "mobile", "text", "personal", "phone", 0.4, "phone"),
    ("support", "src_support_users", "organisation", "text", "internal", "company", 0.3, "company"),
    ("support", "src_support_users", "address_line", "text", "personal", "address", 0.4, "street"),
    ("support", "src_support_users", "zip", "text", "personal", "address", 0.2, "postcode"),
    ("support", "src_support_users", "pays_within", "code", "internal", "payment terms", 0.8, "terms"),
    ("support", "src_support_users", "invoices", "code", "internal", "invoicing", 0.6, "invoice_by"),
    ("support", "src_support_users", "unloading_by", "code", "internal", "unloading", 1.2, "unloading"),
    ("support", "src_support_users", "hours", "code", "internal", "opening hours", 1.2, "opening"),
    ("support", "src_support_users", "signed_up", "date", "internal", "since when", 0.0, "known_since"),
    ("support", "src_support_tickets", "topic", "code", "internal", "requests", 0.1, ""),
    ("support", "src_support_tickets", "subject", "text", "personal", "requests", 0.1, ""),
    ("support", "src_support_tickets", "first_reply", "date", "internal", "reply times", 0.0, ""),
    ("iot", "src_iot_readings", "owner_key", "text", "internal", "owner", 0.1, "customer_no"),
    ("iot", "src_iot_readings", "value", "number", "internal", "machine health", 0.3, ""),
    ("web", "events", "session_id", "text", "personal", "web visits", 0.0, ""),
)  # fmt: skip

# question, what it is about, who asks, times an hour
FROM_ONE = (
    ("Whom do we call at this company?", "person,company,phone", "service", 40.0),
    ("Where does this order go?", "orders,address", "dispatch", 60.0),
    ("Which key accounts are in this town?", "account class,address", "sales", 6.0),
    ("When may this customer pay?", "payment terms,person", "finance", 12.0),
    ("Which requests wait for a reply?", "requests,reply times", "service", 30.0),
    ("How does this site unload what it ordered?", "unloading,orders", "dispatch", 25.0),
    ("What did this company pay for it last time?", "prices,company", "sales", 18.0),
    ("Who has asked about what?", "person,requests", "service", 22.0),
    ("Which machines run hot?", "machine health,owner", "service", 4.0),
    ("Which parts were sent to this address?", "spare parts,address", "dispatch", 9.0),
    ("How does this key account want its invoices?", "account class,invoicing", "finance", 5.0),
    ("When can we deliver to this site?", "opening hours,address", "dispatch", 20.0),
)
FROM_NONE = (
    ("Which key accounts have an open order and an urgent request?", "account class,orders,requests", "sales", 15.0),
    ("Whose machine runs hot, and whom do we call?", "machine health,person,phone", "service", 8.0),
    ("Which late orders have been complained about?", "orders,requests", "service", 35.0),
    ("Did the part help the machine?", "spare parts,machine health", "service", 5.0),
    ("What does this visitor of the shop usually order?", "web visits,orders", "sales", 12.0),
    ("Do key accounts pay what others pay?", "account class,prices", "sales", 3.0),
    ("Do key accounts get faster replies?", "account class,reply times", "service", 4.0),
    ("Did the customer look for help on the web before asking?", "web visits,requests", "service", 10.0),
    ("Which requests are about machines that run hot?", "requests,machine health", "service", 7.0),
    ("Which key accounts own a machine that runs hot?", "account class,machine health", "sales", 2.0),
    ("Which orders came from the web?", "web visits,orders,company", "sales", 6.0),
    ("Were replies slower where the price was disputed?", "reply times,prices", "finance", 2.5),
)  # fmt: skip

PLANTS = (
    Plant(
        play="unify.silo_map",
        what="Three systems know some customers each, and hold different things about them. Operations ask a list of "
        "questions.",
        why="Every element is held somewhere, so each question looks as if it could be answered; and raw keys make the "
        "systems look as if they hardly shared a customer.",
        tables=("src_crm_customers", "src_erp_customers", "src_support_users", "fields", "reports"),
        truth=("truth_labels", "truth_entities"),
        size="BLOCKED x size questions of BLOCKED + ANSWERED; overlap from extracts.SHARE_IN",
    ),
    Plant(
        play="unify.schema_reconciliation",
        what="Three systems and the machines name, type and code the same things differently; one thing is in one column "
        "here and in two there, and readings come in several units.",
        why="Matching columns one to one finds a partner for each, also where there is none.",
        tables=("src_crm_customers", "src_erp_customers", "src_support_users", "src_iot_readings"),
        truth=("truth_structure",),
        size="the last entry of ELEMENTS; devices.FOREIGN_UNITS x size of the readings",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return fields, reports, truth_labels and truth_structure."""
    reports, labels = _questions(settings, rng)
    return {
        "fields": _fields(),
        "reports": reports,
        "truth_labels": labels,
        "truth_structure": _meanings(),
    }


def field_id(system: str, column: str) -> str:
    """Return the key of a data element: names are stable, so that every block of customers can refer to it.

    Examples
    --------
    >>> field_id("crm", "email")
    'crm.email'
    """
    return f"{system}.{column}"


def _fields() -> pd.DataFrame:
    system, table, column, kind, sensitivity, about, cost, _ = (
        list(row) for row in zip(*ELEMENTS, strict=True)
    )
    return pd.DataFrame(
        {
            "field_id": [field_id(s, c) for s, c in zip(system, column, strict=True)],
            "system_id": system,
            "table_name": table,
            "field_name": column,
            "data_type": kind,
            "sensitivity": sensitivity,
            "purposes": [
                "service,orders" if s == "personal" else "service,orders,analysis" for s in sensitivity
            ],
            "canonical_name": about,
            "retention_class": [DAYS[s] for s in sensitivity],
            "collection_amt": cost,
        }
    )


def _questions(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the questions in any order, and which cannot be answered from one system."""
    blocked = min(round(BLOCKED * settings.size("unify.silo_map")), len(FROM_NONE))
    chosen = [(*FROM_NONE[k], True) for k in rng.permutation(len(FROM_NONE))[:blocked]]
    chosen += [(*FROM_ONE[k], False) for k in rng.permutation(len(FROM_ONE))[:ANSWERED]]
    chosen = [chosen[k] for k in rng.permutation(len(chosen))]
    reports = pd.DataFrame(
        {
            "report_id": [f"RQ{k:03d}" for k in range(1, len(chosen) + 1)],
            "figure": "question",
            "question": [row[0] for row in chosen],
            "required_fields": [json.dumps(row[1].split(",")) for row in chosen],
            "use_case": [row[2] for row in chosen],
            "views_per_h": [row[3] for row in chosen],
        }
    )
    labels = planted(
        "truth_labels",
        "unify.silo_map",
        table="reports",
        key=reports["report_id"].tolist(),
        label=["blocked" if row[4] else "answered" for row in chosen],
    )
    return reports, labels


def _meanings() -> pd.DataFrame:
    """Return what the columns of the extracts mean, a row per column and meaning."""
    pairs = [
        (table, column, part) for _, table, column, *_, means in ELEMENTS for part in means.split("+") if part
    ]
    several = {(table, column) for _, table, column, *_, means in ELEMENTS if "+" in means}
    return planted(
        "truth_structure",
        "unify.schema_reconciliation",
        kind=["part" if (table, column) in several else "column" for table, column, _ in pairs],
        source=[f"{table}.{column}" for table, column, _ in pairs],
        target=[part for *_, part in pairs],
    )
