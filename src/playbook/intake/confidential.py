"""Which canonical columns tell who somebody is, and what becomes of them before they are written.

Keys of people and organisations, names, addresses, mailboxes and telephone numbers become pseudonyms: the same one
wherever the same value stands, so that tables still join. In free text, mailboxes and telephone numbers are blotted out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from playbook.store import schemas
from playbook.store.sqltext import literal

KEY, TEXT = "key", "text"
KEYS = re.compile(
    r"(.*_)?(customer|staff|account|user|anon|rater)_id|crm_id|customer_no|client_ref|customer|owner_key"
    r"|(decided|overridden)_by"
)
# What a key of mixed things may be of, when it is of nobody; a key of anything else is taken for a person's.
THINGS = (
    "action", "asset", "carrier", "case", "change", "component", "config", "contract", "decision", "device",
    "exception", "field", "incident", "initiative", "interaction", "lane", "line", "model", "model_version", "note",
    "order", "order_line", "preference", "process", "product", "promotion", "region", "report", "return", "rule",
    "shift", "shipment", "site", "step", "supplier", "supply_order", "survey", "system", "template", "term", "ticket",
    "touchpoint", "training", "unit", "visit",
)  # fmt: skip
# What a personal column holds, by its name; any other is free text.
KINDS = {
    "name": (
        "name",
        "first_name",
        "last_name",
        "display_name",
        "contact",
        "company",
        "company_name",
        "organisation",
        "firm",
    ),
    "email": ("email", "mail", "login_email", "mail_address"),
    "phone": ("phone", "telephone", "mobile", "tel"),
    "address": ("street", "street_address", "address_line", "street_line"),
}
# What the columns hold that identities are resolved by.
FIELDS = {
    "name": "name", "first": "name", "last": "name", "company": "name", "email": "email", "phone": "phone",
    "street": "address", "postcode": TEXT,
}  # fmt: skip
MAILBOX = r"[[:alnum:]._%+-]+@[[:alnum:]-]+(\.[[:alnum:]-]+)+"
TELEPHONE = r"(\+|\b00|\b0|\()[0-9][0-9 ()/.-]{6,}[0-9]"


def kinds(table: schemas.Table) -> dict[str, str]:
    """Return the columns of a table that tell who somebody is: key, name, email, phone, address or text.

    Examples
    --------
    >>> kinds(schemas.table("src_crm_customers"))["email"], kinds(schemas.table("orders"))
    ('email', {'customer_id': 'key'})
    """
    found = {}
    for column in table.columns:
        if KEYS.fullmatch(column.name):
            found[column.name] = KEY
        elif column.name in table.personal:
            found[column.name] = next((kind for kind, names in KINDS.items() if column.name in names), TEXT)
    return found


def mixed_keys(table: schemas.Table) -> dict[str, str]:
    """Return the columns that hold keys of different things, with the column that says of what: ``subject_id`` and such."""
    names = {column.name for column in table.columns}
    return {
        name: name.removesuffix("_id") + "_type"
        for name in names
        if name.endswith("_id") and name.removesuffix("_id") + "_type" in names
    }


def hidden(table: schemas.Table, keep: Callable[[str], bool]) -> dict[str, str]:
    """Return SQL, by column, of what is written instead of a value; columns that are written as they are, are left out.

    `keep` says which columns stay in the clear. The connection must have been told the key; see
    `playbook.intake.pseudonyms.register`.
    """
    from playbook.intake import pseudonyms

    found = {}
    for column, kind in kinds(table).items():
        if kind == TEXT:
            found[column] = without_addresses(column)
        elif kind == KEY:
            found[column] = pseudonyms.sql(column)
        else:
            found[column] = pseudonyms.sql(pseudonyms.normalised(kind, column))
    things = ", ".join(literal(one) for one in THINGS)
    for column, says in mixed_keys(table).items():
        found[column] = (
            f"case when lower({says}) in ({things}) then {column} else {pseudonyms.sql(column)} end"
        )
    return {column: sql for column, sql in found.items() if not keep(column)}


def without_addresses(cell: str) -> str:
    """Return SQL for a text in which mailboxes and telephone numbers are blotted out."""
    plain = f"regexp_replace({cell}, {literal(MAILBOX)}, '[mailbox]', 'g')"
    return f"regexp_replace({plain}, {literal(TELEPHONE)}, '[number]', 'g')"
