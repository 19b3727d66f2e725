"""Exports of the ERP's orders and of the portal's requests, with rows that should not get in; some also among the CRM's.

Planted, a share of the rows each, times defects: `ERP_DEFECTS`, `PORTAL_DEFECTS`, `CRM_DEFECTS`, at most one a row. Most
can be seen in the row itself, some only against another table or another row, and "other quantity" not at all. Truth: the
kind of each (`truth_labels`), what should be there (`truth_values`), and what the kind does to the revenue that a report
would show (`truth_effects`). Parts and requests for machines follow `devices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, position
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

    Texts = pd.api.extensions.ExtensionArray
    Spoil = Callable[[str, Texts, Texts, WorldSettings, np.random.Generator], list[str | None]]

NEEDS: tuple[str, ...] = ("orders", "extracts", "devices")
COMPLETES = ("src_crm_customers",)

PLAY = "unify.intake_validation"
ERP_ROWS, PORTAL_ROWS = 2500, 2000  # at most, besides those for machines
ROWS_PER_CUSTOMER = 1.0  # at most
BOOKED_AFTER_D = 1.5

# Column that is wrong, share of the rows.
ERP_DEFECTS = {
    "missing customer": ("customer_no", 0.008),
    "unknown customer": ("customer_no", 0.008),
    "impossible date": ("ordered_on", 0.008),
    "future date": ("ordered_on", 0.006),
    "booked before ordered": ("booked_on", 0.008),
    "negative quantity": ("quantity", 0.007),
    "decimal comma": ("unit_price", 0.010),
    "price in cents": ("unit_price", 0.010),
    "unknown status": ("status", 0.006),
    "row twice": ("row_no", 0.010),
    "other quantity": ("quantity", 0.010),
}
PORTAL_DEFECTS = {
    "missing user": ("user_id", 0.010),
    "unknown user": ("user_id", 0.008),
    "impossible date": ("opened", 0.008),
    "closed before opened": ("closed", 0.010),
    "unknown priority": ("priority", 0.008),
    "garbled text": ("subject", 0.012),
    "row twice": ("row_no", 0.010),
}
CRM_DEFECTS = {
    "no mailbox": ("email", 0.006),
    "unknown country": ("country", 0.006),
    "impossible date": ("created_on", 0.006),
}

BESIDE = {
    "booked before ordered": "ordered_on",
    "closed before opened": "opened",
}  # column that is contradicted

TOPICS = {"delivery": 0.3, "product": 0.3, "invoice": 0.15, "question": 0.25}
PRIORITIES = (0.4, 0.35, 0.18, 0.07)
REPLY_H = {"delivery": 5.0, "product": 9.0, "invoice": 14.0, "question": 20.0}  # median, of priority 1
FASTER = 0.75  # per level of priority
REPLY_LOG_SD = 0.7
CLOSE_H = 30.0
SIGNED = ("", " - Jürgen", " - François", " - João")
MACHINE_D = 90  # before the decision about a machine: its parts and requests

PLANTS = (
    Plant(
        play=PLAY,
        what="Exports of three systems hold rows that should never get into the store, of many kinds.",
        why="What a type check lets through can cost more than what it stops, and no check sees everything.",
        tables=("src_crm_customers", "src_erp_orders", "src_support_tickets"),
        truth=("truth_labels", "truth_values", "truth_effects"),
        size="ERP_DEFECTS, PORTAL_DEFECTS, CRM_DEFECTS x defects x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return src_erp_orders, src_support_tickets, src_crm_customers, truth_labels, truth_values, truth_effects."""
    people = pd.Index(tables["customers"]["customer_id"])
    erp, portal = _orders(settings, tables, people, rng), _requests(settings, tables, people, rng)
    rate = settings.size(PLAY) * settings.defects
    made, found = {}, []
    for table, rows, defects, spoil in (
        ("src_erp_orders", erp, ERP_DEFECTS, _spoil_order),
        ("src_support_tickets", portal, PORTAL_DEFECTS, _spoil_request),
        ("src_crm_customers", tables["src_crm_customers"], CRM_DEFECTS, _spoil_contact),
    ):
        made[table], wrong = _with_defects(settings, table, rows, defects, rate, spoil, rng)
        found.append(wrong)
    wrong = pd.concat(found, ignore_index=True)
    changed = wrong[wrong["field"] != "row_no"]
    return made | {
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table=wrong["table"],
            key=wrong["key"],
            label=wrong["label"],
            value=wrong["field"],
        ),
        "truth_values": planted(
            "truth_values", PLAY, **{name: changed[name].array for name in ("table", "key", "field", "value")}
        ),
        "truth_effects": _damage(made["src_erp_orders"], found[0]),
    }


# What is right.


def days_as_text(settings: WorldSettings, form: str) -> Texts:
    """Return every day from the first of the history to half a year after it, as text: to take from."""
    days = pd.date_range(settings.start, periods=settings.days + 180)
    return pd.array(days.strftime(form).tolist(), dtype="str")


def known_rows(entities: pd.DataFrame, people: pd.Index, source: str) -> tuple[NDArray[np.int64], Texts]:
    """Return the customer (position in `people`) behind each row of a system's extract, and the rows' keys."""
    rows = np.flatnonzero(entities["source"] == source)
    return people.get_indexer(entities["customer_id"].array.take(rows)), entities["source_key"].array.take(
        rows
    )


def _nothing(n: int) -> Texts:
    return repeated(None, n)


def _joined(*parts: Texts) -> Texts:
    return pd.concat([pd.Series(part, dtype="str") for part in parts], ignore_index=True).array


def _orders(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], people: pd.Index, rng: np.random.Generator
) -> pd.DataFrame:
    """Return lines of the ERP's export: the first lines of some orders, and parts for machines."""
    orders, lines, machines = tables["orders"], tables["order_lines"], tables["_machines"]
    behind, key = known_rows(tables["truth_entities"], people, "erp")
    first = np.full(len(people), -1)
    first[behind[::-1]] = np.arange(len(key))[::-1]
    most = min(ERP_ROWS, round(ROWS_PER_CUSTOMER * settings.customers))
    made = tables["_lines"]["order"].to_numpy()
    line = rng.permutation(np.flatnonzero(np.diff(made, prepend=-1)))[: 3 * most]  # the first of an order
    who = tables["_parcels"]["customer"].to_numpy()[made[line]]
    line = line[first[who] >= 0][:most]
    order, who = made[line], tables["_parcels"]["customer"].to_numpy()[made[line]]
    day = (orders["ordered_at"].to_numpy()[order] - np.datetime64(settings.start, "us")) // np.timedelta64(
        1, "D"
    )

    part = np.repeat(np.arange(len(machines)), machines["parts"])
    due = (machines["at"].to_numpy()[part] - np.datetime64(settings.start, "us")) // np.timedelta64(1, "D")
    product = rng.integers(0, len(tables["products"]), len(part))
    price = tables["products"]["price_amt"].to_numpy()
    m, p = len(line), len(part)
    day = np.concatenate([day, due - 1 - rng.integers(0, MACHINE_D - 10, p)])
    rows = pd.DataFrame(
        {
            "order_no": _joined(lines["order_id"].array.take(line), ids("SP", p, settings.block).array),
            "customer_no": _joined(key.take(first[who]), machines["customer_no"].array.take(part)),
            "article": _joined(
                lines["product_id"].array.take(line), tables["products"]["product_id"].array.take(product)
            ),
            "serial_no": _joined(_nothing(m), machines["serial"].array.take(part)),
            "quantity": np.concatenate([lines["qty_ordered"].to_numpy()[line], np.ones(p, dtype=np.int64)]),
            "unit_price": np.concatenate([lines["unit_price_amt"].to_numpy()[line], price[product]]),
            "day": day.astype(np.int64),
            "booked": day.astype(np.int64)
            + np.floor(rng.exponential(BOOKED_AFTER_D, m + p)).astype(np.int64),
        }
    )
    rows = rows[(rows["booked"] < settings.days) & (rows["day"] >= 0)]
    rows = rows.sort_values("booked", kind="stable", ignore_index=True)
    texts = days_as_text(settings, "%d.%m.%Y")
    day, booked = rows.pop("day").to_numpy(), rows.pop("booked").to_numpy()
    state = np.where(booked > settings.days - 10, 0, np.where(rng.random(len(rows)) < 0.03, 1, 2))
    return rows.assign(
        quantity=rows["quantity"].astype("str"),
        unit_price=rows["unit_price"].astype("str"),
        currency="EUR",
        ordered_on=texts.take(day),
        booked_on=texts.take(booked),
        status=words(["O", "X", "S"], state),
    )


def _requests(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], people: pd.Index, rng: np.random.Generator
) -> pd.DataFrame:
    """Return lines of the portal's export: what users ask, and what they ask about machines."""
    machines, customers = tables["_machines"], tables["customers"]
    behind, key = known_rows(tables["truth_entities"], people, "support")
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    most = min(PORTAL_ROWS, round(ROWS_PER_CUSTOMER * settings.customers))
    user = rng.integers(0, len(key), most)
    since = np.maximum(customers["created_at"].to_numpy(), start)[behind[user]]
    until = np.fmin(customers["closed_at"].to_numpy(), end)[behind[user]]
    opened = since + (rng.random(most) * (until - since).astype(float)).astype("timedelta64[us]")
    about = np.repeat(np.arange(len(machines)), machines["requests"])
    before = (rng.random(len(about)) * (MACHINE_D - 1) * 86_400e6).astype("timedelta64[us]")
    opened = np.concatenate([opened, machines["at"].to_numpy()[about] - before])
    n, m = len(opened), len(about)
    topic = np.searchsorted(np.cumsum(list(TOPICS.values()))[:-1], rng.random(n), side="right")
    topic[n - m :] = list(TOPICS).index("product")
    priority = 1 + np.searchsorted(np.cumsum(PRIORITIES)[:-1], rng.random(n), side="right")
    reply_h = np.array(list(REPLY_H.values()))[topic] * FASTER ** (priority - 1)
    replied = opened + (reply_h * np.exp(rng.normal(0, REPLY_LOG_SD, n)) * 3600e6).astype("timedelta64[us]")
    closed = replied + (rng.exponential(CLOSE_H, n) * 3600e6 + 120e6).astype("timedelta64[us]")
    order = np.argsort(opened, kind="stable")
    users = _joined(key.take(user), machines["user_id"].array.take(about))
    serials = _joined(_nothing(n - m), machines["serial"].array.take(about))
    things, faults = settings.preset.things, settings.preset.faults
    subjects = pd.array([f"{t} {f}{s}" for t in things for f in faults for s in SIGNED], dtype="str")
    return pd.DataFrame(
        {
            "ticket_no": ids("PT", n, settings.block),
            "user_id": users.take(order),
            "serial_no": serials.take(order),
            "topic": words(list(TOPICS), topic[order]),
            "priority": words(["1", "2", "3", "4"], priority[order] - 1),
            "subject": subjects.take(rng.integers(0, len(subjects), n)),
            "opened": moment_text(opened[order], end),
            "first_reply": moment_text(replied[order], end),
            "closed": moment_text(closed[order], end),
        }
    )


def moment_text(at: NDArray[np.datetime64], end: np.datetime64) -> Texts:
    """Return moments as YYYY-MM-DDTHH:MM; empty from `end` on."""
    texts = pd.array(np.datetime_as_string(at, unit="m"), dtype="str")
    texts[at >= end] = None
    return texts


# What is wrong.


def _with_defects(
    settings: WorldSettings, table: str, rows: pd.DataFrame, defects: dict[str, tuple[str, float]], rate: float,
    spoil: Spoil, rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the export with its defects, and what was done: table, key, label, field, value (what is right)."""
    shares = np.cumsum([share for _, share in defects.values()]) * rate
    kind = np.searchsorted(shares, rng.random(len(rows)), side="right")  # the last: none
    hit = {name: np.flatnonzero(kind == k) for k, name in enumerate(defects)}
    twice = hit.pop("row twice", None)
    if twice is not None:
        # A row that came twice stands again below.
        hit["row twice"] = np.arange(len(rows), len(rows) + len(twice))
        rows = pd.concat([rows, rows.iloc[twice]], ignore_index=True)
        key = ids({"src_erp_orders": "EX", "src_support_tickets": "PX"}[table], len(rows), settings.block)
        rows.insert(0, "row_no", key)
        rows["extracted_at"] = settings.end
    true = {column: rows[column].astype("str").array for column, _ in defects.values()}
    made = {column: texts.copy() for column, texts in true.items() if column != "row_no"}
    done: dict[str, list[str]] = {"label": [], "field": [], "value": []}
    where = []
    for name, at in hit.items():
        column = defects[name][0]
        right = true[column].take(at)
        if name == "no mailbox":  # nothing is lost where there was none
            at, right = at[~pd.isna(right)], right[~pd.isna(right)]
        if column != "row_no":
            beside = rows[BESIDE[name]].array.take(at) if name in BESIDE else right
            made[column][at] = spoil(name, right, beside, settings, rng)
        where.append(at)
        done["label"] += [name] * len(at)
        done["field"] += [column] * len(at)
        done["value"] += right.tolist()
    found = pd.DataFrame(done, dtype="str").assign(table=table)
    found["key"] = rows.iloc[:, 0].array.take(np.concatenate(where))
    return rows.assign(**made), found


def _spoil_order(
    name: str, right: Texts, beside: Texts, settings: WorldSettings, rng: np.random.Generator
) -> list[str | None]:
    """Return what stands in the ERP's export instead of what is right."""
    match name:
        case "missing customer":
            return [None] * len(right)
        case "unknown customer":
            return [f"99{k:06d}" for k in rng.integers(0, 1_000_000, len(right))]
        case "impossible date":
            return [f"{text[:3]}13{text[5:]}" for text in right]
        case "future date":
            return [f"{settings.end + pd.Timedelta(days=40):%d.%m.%Y}"] * len(right)
        case "booked before ordered":
            return [f"{text[:6]}{int(text[6:]) - 1}" for text in beside]
        case "negative quantity":
            return [f"-{text}" for text in right]
        case "decimal comma":
            return [text.replace(".", ",") for text in right]
        case "price in cents":
            return [f"{float(text) * 100:.1f}" for text in right]
        case "other quantity":
            more = rng.integers(1, 4, len(right))
            return [str(int(text) + k) for text, k in zip(right, more, strict=True)]
    return ["?"] * len(right)  # unknown status


def _spoil_request(
    name: str, right: Texts, beside: Texts, settings: WorldSettings, rng: np.random.Generator
) -> list[str | None]:
    """Return what stands in the portal's export instead of what is right."""
    match name:
        case "missing user":
            return [None] * len(right)
        case "unknown user":
            return [f"u-x{k:06d}" for k in rng.integers(0, 1_000_000, len(right))]
        case "impossible date":
            return [f"{text[:5]}13{text[7:]}" for text in right]
        case "closed before opened":
            return [f"{int(text[:4]) - 1}{text[4:]}" for text in beside]
        case "garbled text":
            return [(text.split(" - ")[0] + " - Jürgen").encode().decode("latin-1") for text in right]
    return ["9"] * len(right)  # unknown priority


def _spoil_contact(
    name: str, right: Texts, beside: Texts, settings: WorldSettings, rng: np.random.Generator
) -> list[str | None]:
    """Return what stands in the CRM's extract instead of what is right."""
    match name:
        case "no mailbox":
            return [None if pd.isna(text) else text.replace("@", "") for text in right]
        case "impossible date":
            return [f"{text[:5]}13{text[7:]}" for text in right]
    return ["ZZ"] * len(right)  # unknown country


def _damage(export: pd.DataFrame, wrong: pd.DataFrame) -> pd.DataFrame:
    """Return what each kind does to the sum of price times quantity, a share of the true sum.

    A text that is no number counts as nothing, as a report would have it.
    """
    price = pd.to_numeric(export["unit_price"], errors="coerce").to_numpy()
    quantity = pd.to_numeric(export["quantity"]).to_numpy(dtype=float)
    amount = np.nan_to_num(price * quantity)
    row, field = position(wrong["key"], export["row_no"]), wrong["field"].to_numpy()
    true_price, true_quantity = price.copy(), quantity.copy()
    for column, true in (("unit_price", true_price), ("quantity", true_quantity)):
        true[row[field == column]] = wrong.loc[field == column, "value"].astype(float)
    right = true_price * true_quantity
    right[row[field == "row_no"]] = 0.0
    error = pd.Series(amount[row] - right[row]).groupby(wrong["label"].to_numpy()).sum() / max(
        right.sum(), 1e-9
    )
    return planted(
        "truth_effects", PLAY, action=error.index.to_numpy(), stratum="src_erp_orders", metric="revenue in the report",
        size=error.to_numpy(), unit="share",
    )  # fmt: skip
