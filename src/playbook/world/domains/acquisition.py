"""The company that was bought: its customers, some of whom are ours too, and how fast it answers them.

Planted: `OVERLAP` of its customers are in our CRM (`truth_structure` says who), written its own way, some with another
mailbox or telephone. It answers later than our portal by `GAP` per process, and has more urgent requests, which everybody
answers faster. Its reply times are log-logistic. Moving a process costs money per customer, and saves it where a customer
is served twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.intake import FASTER, REPLY_H, moment_text
from playbook.world.keys import ids
from playbook.world.moments import before_end
from playbook.world.plants import Plant
from playbook.world.texts import as_text, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("intake",)

PLAY = "sustain.merger_integration"
CLIENTS, OF_OURS = 800, 0.12  # at most; against our customers
OVERLAP = 0.18  # times size
TICKETS_EACH = 2.0
GAP = {"delivery": 0.50, "product": 0.20, "invoice": 0.0, "question": 0.30}  # of log reply time, times size
URGENT = (0.15, 0.30, 0.32, 0.23)  # shares of urgency 1 to 4; ours are intake.PRIORITIES
PROCESSES = (0.35, 0.30, 0.15, 0.20)
REPLY_SCALE = 0.42  # of the logistic noise of the log
NEW_MAIL, NEW_PHONE, SLIP, GONE = 0.25, 0.20, 0.05, 0.04
SALES = (900.0, 1.0)  # median of a year, log sd
MOVE_AMT = {"delivery": 5.0, "product": 8.0, "invoice": 15.0, "question": 21.0}  # per customer, a year
TWICE_AMT = 60.0  # saved a year per customer who is served by both and moved

PLANTS = (
    Plant(
        play=PLAY,
        what="A company was bought; its customers and requests come from its own system. Some of its customers are ours.",
        why="Few keys agree though the people do, and its mix of requests is not ours.",
        tables=(
            "src_acquired_customers",
            "src_acquired_tickets",
            "src_crm_customers",
            "src_support_tickets",
            "costs",
        ),
        truth=("truth_structure", "truth_effects", "truth_parameters"),
        size="OVERLAP, GAP x size; MOVE_AMT, TWICE_AMT",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return src_acquired_customers, src_acquired_tickets, costs, truth_structure, truth_effects, truth_parameters."""
    size = settings.size(PLAY)
    crm, entities = tables["src_crm_customers"], tables["truth_entities"]
    behind = entities["customer_id"].array.take(np.flatnonzero(entities["source"] == "crm"))
    one_each = np.flatnonzero(~pd.Series(behind).duplicated())
    n = min(CLIENTS, max(30, round(OF_OURS * settings.customers)), len(one_each))
    ours = rng.permutation(one_each)[:n]
    shared = np.arange(n) < round(min(OVERLAP * size, 0.9) * n)
    people = _people(crm, ours, shared, rng)
    order = rng.permutation(n)
    key = ids("Q-", n, settings.block)
    clients = people.iloc[order].reset_index(drop=True)
    clients.insert(0, "client_ref", key)
    clients["yearly_sales"] = as_text(np.round(SALES[0] * np.exp(rng.normal(0, SALES[1], n)), 2))
    clients["extracted_at"] = settings.end
    known = np.flatnonzero(shared[order])
    return {
        "src_acquired_customers": clients,
        "src_acquired_tickets": _tickets(settings, key, size, rng),
        "truth_structure": planted(
            "truth_structure", PLAY, kind="same customer", source=key.array.take(known),
            target=behind.take(ours[order][known]),
        ),
        **({} if settings.block else _once(settings, size)),
    }  # fmt: skip


def _people(
    crm: pd.DataFrame, ours: NDArray[np.int64], shared: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the clients: our CRM's own where `shared`, else people and companies made of parts of several."""
    n = len(ours)
    country = pd.factorize(crm["country"])[0]
    grouped = np.argsort(country, kind="stable")

    def part(column: str) -> pd.Series:
        """Shared clients keep their own; the others take that of another row of the country."""
        other = np.empty(len(crm), dtype=np.int64)
        other[grouped] = np.lexsort([rng.random(len(crm)), country])
        texts = crm[column].astype("str").array.take(np.where(shared, ours, other[ours]))
        return pd.Series(texts)

    first, last = part("first_name").fillna("?"), part("last_name").fillna("?")
    left = part("company").fillna("Miller & Sons Ltd").str.split(" ", n=1).str[0]
    right = part("company").fillna("Miller & Sons Ltd").str.split(" ", n=1).str[1].fillna("Ltd")
    firm = left + " " + right
    mail = part("email")
    domain = (
        "@"
        + (left + right.str.split(" ").str[-1]).str.lower().str.replace(r"[^a-z]", "", regex=True)
        + ".example"
    )
    made_up = ~shared | (rng.random(n) < NEW_MAIL)
    mail = mail.mask(
        made_up, (first.str[:1] + last).str.lower().str.replace(r"[^a-z]", "", regex=True) + domain
    )
    phone = part("phone").str.replace(" ", "", regex=False)
    number = "+" + pd.Series(rng.integers(10**10, 10**11, n)).astype("str")
    phone = phone.mask(~shared | (rng.random(n) < NEW_PHONE), number)
    slip = rng.random(n) < SLIP
    last = last.mask(slip, last.str[:2] + last.str[3:])
    return pd.DataFrame(
        {
            "contact": first + " " + last,
            "firm": firm.mask(rng.random(n) < 0.3, firm.str.upper()),
            "mail_address": mail.mask(rng.random(n) < GONE),
            "tel": phone.mask(rng.random(n) < GONE),
            "street_line": part("street"),
            "post_code": part("postcode").mask(rng.random(n) < GONE),
            "nation": crm["country"].array.take(ours),
        }
    )


def _tickets(settings: WorldSettings, key: pd.Series, size: float, rng: np.random.Generator) -> pd.DataFrame:
    n = round(TICKETS_EACH * len(key))
    end = np.datetime64(settings.end, "us")
    opened = np.sort(before_end(settings, rng.integers(1, 365 * 86_400, n)))
    process = np.searchsorted(np.cumsum(PROCESSES)[:-1], rng.random(n), side="right")
    urgency = 1 + np.searchsorted(np.cumsum(URGENT)[:-1], rng.random(n), side="right")
    usual = np.array(list(REPLY_H.values()))[process] * FASTER ** (urgency - 1)
    log_gap = np.array(list(GAP.values()))[process] * size
    reply_h = usual * np.exp(log_gap + rng.logistic(0, REPLY_SCALE, n))
    return pd.DataFrame(
        {
            "case_ref": ids("QT", n, settings.block),
            "client_ref": key.array.take(rng.integers(0, len(key), n)),
            "process": words(list(REPLY_H), process),
            "urgency": words(["1", "2", "3", "4"], urgency - 1),
            "opened": moment_text(opened, end),
            "first_reply": moment_text(opened + (reply_h * 3600e6).astype("timedelta64[us]"), end),
            "extracted_at": settings.end,
        }
    )


def _once(settings: WorldSettings, size: float) -> dict[str, pd.DataFrame]:
    """Return what belongs to the merger as a whole: its costs, and what follows from them."""
    activity = [*(f"move {process}" for process in MOVE_AMT), "serve twice"]
    month = settings.end.to_period("M").to_timestamp() - pd.DateOffset(months=1)
    return {
        "costs": pd.DataFrame(
            {
                "cost_id": ids("QC", len(activity)),
                "month_on": month,
                "activity": activity,
                "subject_type": "acquisition",
                "subject_id": [*MOVE_AMT, "all"],
                "driver": [*["customer, a year"] * len(MOVE_AMT), "customer of both, a year and process"],
                "driver_qty": 1.0,
                "variable_amt": [*MOVE_AMT.values(), TWICE_AMT],
                "programme_tag": "acquisition",
            }
        ).astype({"month_on": "datetime64[us]"}),
        "truth_effects": planted(
            "truth_effects", PLAY, action="acquired company", stratum=list(GAP), metric="reply time against ours",
            size=[gap * size for gap in GAP.values()], unit="log",
        ),
        "truth_parameters": planted(
            "truth_parameters", PLAY,
            name=["overlap", *(f"overlap from which moving {process} pays" for process in MOVE_AMT)],
            value=[min(OVERLAP * size, 0.9), *(amount / TWICE_AMT for amount in MOVE_AMT.values())], unit="share",
        ),
    }  # fmt: skip
