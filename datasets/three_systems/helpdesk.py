"""The helpdesk's exports: requests as JSON lines, and the log of contacts as an SQLite file."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
from planting import Dirt, Row, Truth, berlin, records

FROM = "2026-03-31 22:00"  # UTC; in Berlin the first of April
PRIORITIES = ("low", "normal", "high", "urgent")
SUBJECTS = {
    "delivery": ("Wo bleibt meine Lieferung?", "Parcel is late", "Colis manquant"),
    "product": ("Pumpe wird heiß", "Sensor shows 0", "Pièce défectueuse\n(photo jointe)"),
    "invoice": ("Rechnung doppelt", "Wrong amount", "Facture illisible"),
    "question": ("Frage zum Katalog", "Opening hours?", 'Question sur "option B"'),
}


def tickets(out: Path, tables: dict[str, pd.DataFrame], rng: random.Random, truth: Truth) -> pd.DataFrame:
    """Write the requests, times with their offset and the requester nested; return them with their `user`."""
    accounts = _accounts(tables)
    chosen = tables["tickets"]
    chosen = chosen[(chosen["opened_at"] >= FROM) & chosen["customer_id"].isin(list(accounts))]
    chosen = chosen.sort_values("opened_at", ignore_index=True)
    rows = []
    for row in records(chosen):
        requester = rng.choice(accounts[row["customer_id"]])
        rows.append(
            {
                "id": int(row["ticket_id"][1:]), "created_at": _offset(row["opened_at"]),
                "first_reply_at": _offset(row["first_response_at"]), "solved_at": _offset(row["resolved_at"]),
                "topic": row["category"], "priority": PRIORITIES[row["severity"] - 1],
                "requester": requester if rng.random() < 0.98 else None,  # some write without signing in
                "subject": rng.choice(SUBJECTS[row["category"]]), "tags": rng.sample(["web", "b2b", "follow-up"], 2),
            }
        )  # fmt: skip
    dirt = Dirt("tickets", rows, rng, truth, key="id", anew=lambda i: 900_000 + i)
    dirt.add("not a time", 2, {"created_at": "2026-02-30T10:00:00+01:00"})
    dirt.add("not in code list 'topics'", 2, {"topic": "spam"})
    dirt.add("severity is empty", 1, {"priority": "sofort"})
    dirt.repeat("repeated key", 3, {"tags": ["again"]})
    lines = [json.dumps(row, ensure_ascii=False) for row in dirt.mixed_in()]
    for place in (100, 200):
        lines.insert(place, lines[place][: len(lines[place]) // 2])
    truth.add("dirt", "tickets", "not a JSON object", 2)
    lines.append('{"id": 999999, "created_at": "2026-07-0')
    truth.add("dirt", "tickets", "file ends in the middle of this row", 1)
    (out / "helpdesk_tickets.jsonl").write_bytes("\n".join(lines).encode())
    users = [row["requester"] and row["requester"]["id"] for row in rows]
    truth.add("total", "tickets", "rows", len(rows))
    truth.add("total", "tickets", "anonymous", users.count(None))
    return chosen.assign(user=users)


def _accounts(tables: dict[str, pd.DataFrame]) -> dict[str, list[Row]]:
    """Return the helpdesk's accounts of each customer, as they stand in a request."""
    entities = tables["truth_entities"].query("source == 'support'").rename(columns={"source_key": "user_id"})
    homes = tables["customers"].merge(tables["regions"], on="region_id").set_index("customer_id")["country"]
    found: dict[str, list[Row]] = {}
    for user in records(tables["src_support_users"].merge(entities, on="user_id")):
        day, month, year = user["signed_up"].split("/")
        account = {
            "id": user["user_id"], "name": user["display_name"], "email": user["login_email"], "phone": user["mobile"],
            "organisation": user["organisation"], "country": homes[user["customer_id"]],
            "since": f"{year}-{month}-{day}",
        }  # fmt: skip
        address = {"street": user["address_line"], "zip": user["zip"]}
        found.setdefault(user["customer_id"], []).append(_known(account) | {"address": _known(address)})
    return found


def _known(row: Row) -> Row:
    return {name: value for name, value in row.items() if not pd.isna(value)}


def contact_log(
    out: Path, interactions: pd.DataFrame, chosen: pd.DataFrame, rng: random.Random, truth: Truth
) -> None:
    """Write the log: the clock on the wall, durations in milliseconds."""
    user = chosen.set_index("ticket_id")["user"]
    kept = interactions[interactions["ticket_id"].isin(user.index)]
    rows = [
        {
            "id": int(row["interaction_id"][1:]), "ticket": int(row["ticket_id"][1:]), "user": user[row["ticket_id"]],
            "channel": {"phone": "tel", "email": "mail"}.get(row["channel"], row["channel"]),
            "direction": row["direction"][0].upper(), "started": _clock(row["arrived_at"]),
            "answered": _clock(row["answered_at"]), "ended": _clock(row["ended_at"]),
            "handle_ms": None if pd.isna(row["handle_s"]) else round(row["handle_s"] * 1000),
        }
        for row in records(kept)
    ]  # fmt: skip
    dirt = Dirt("contact_log", rows, rng, truth, key="id", anew=lambda i: 900_000 + i)
    dirt.add("not a time", 2, {"started": "2026-04-31 10:00:00"})
    dirt.add("not in code list 'channels'", 2, {"channel": "fax"})
    dirt.add("handle_s is below 0", 2, {"handle_ms": -1000})
    dirt.add("ticket_id is not in tickets", 3, {"ticket": 999_998})
    dirt.repeat("repeated key", 2, {"handle_ms": 1})
    path, columns = out / "helpdesk_contacts.sqlite", list(rows[0])
    path.unlink(missing_ok=True)
    kinds = ", ".join(f"{name} {'integer' if isinstance(rows[0][name], int) else 'text'}" for name in columns)
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"create table contact_log ({kinds.replace('handle_ms text', 'handle_ms integer')})"
        )
        values = [tuple(row[name] for name in columns) for row in dirt.mixed_in()]
        connection.executemany(f"insert into contact_log values ({', '.join('?' * len(columns))})", values)
    truth.add("total", "contact_log", "rows", len(rows))
    truth.add("total", "contact_log", "handle_s", round(float(kept["handle_s"].sum()), 3))


def _offset(moment: Any) -> str | None:
    return None if pd.isna(moment) else berlin(moment).isoformat()


def _clock(moment: Any) -> str | None:
    return None if pd.isna(moment) else f"{berlin(moment):%Y-%m-%d %H:%M:%S}"
