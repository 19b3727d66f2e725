"""Complaints about parcels that hold something else than what was ordered.

Planted: `COMPLAINS` of those who get a wrong parcel write within days, and `WRITES_AGAIN` of these a second time when the
answer does not help; both scale with `settings.effect`. What they send back is in `returns`, what late parcels cause in
`requests`. Written contacts are answered within a working day or so by whoever has time: nobody's name is on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery", "service")

COMPLAINS = 0.5
WRITES_AGAIN = 0.35
NOTICES_D = 1.5  # mean days from arrival to the complaint
AGAIN_D = 4.0
ANSWER_H = 18.0
HANDLE_S = 420.0
HOUR, DAY = 3600e6, 86_400e6  # in microseconds


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets and interactions."""
    shipments, sent, customers = tables["shipments"], tables["_parcels"], tables["customers"]
    end = np.datetime64(settings.end, "us")
    wrong = np.flatnonzero(
        ~shipments["items_correct"].to_numpy(dtype=bool) & shipments["delivered_at"].notna()
    )
    wrong = wrong[rng.random(len(wrong)) < COMPLAINS * settings.effect]
    who = sent["customer"].to_numpy()[wrong]
    opened = shipments["delivered_at"].to_numpy()[wrong] + _span(rng.exponential(NOTICES_D, len(wrong)) * DAY)
    again = opened + _span((1 + rng.exponential(AGAIN_D, len(wrong))) * DAY)
    again[rng.random(len(wrong)) >= WRITES_AGAIN * settings.effect] = np.datetime64("NaT")
    until = np.fmin(customers["closed_at"].to_numpy()[who], end)
    known = opened < until
    who, opened, again, until = who[known], opened[known], again[known], until[known]
    again[again >= until] = np.datetime64("NaT")

    n = len(who)
    ticket_id = ids("WT", n, settings.block)
    written = np.concatenate([opened, again])
    answered = written + _span(rng.exponential(ANSWER_H, 2 * n) * HOUR)
    ended = answered + _span(rng.gamma(4.0, HANDLE_S / 4, 2 * n) * 1e6)
    answered[ended >= end] = np.datetime64("NaT")
    is_contact = ~np.isnat(written)
    of = np.tile(np.arange(n), 2)[is_contact]
    is_answered = ~np.isnat(answered)
    interactions = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].array.take(who[of]),
            "ticket_id": ticket_id.array.take(of),
            "channel": "email",
            "direction": "in",
            "purpose": "service",
            "arrived_at": written[is_contact],
            "answered_at": answered[is_contact],
            "ended_at": np.where(is_answered, ended, np.datetime64("NaT"))[is_contact],
            "handle_s": np.where(is_answered, (ended - answered) / np.timedelta64(1, "s"), np.nan)[
                is_contact
            ].round(),
        }
    )
    interactions.insert(0, "interaction_id", ids("WI", len(interactions), settings.block))
    last = np.fmax(ended[:n], ended[n:])  # NaT is earlier than all
    tickets = pd.DataFrame(
        {
            "ticket_id": ticket_id,
            "customer_id": customers["customer_id"].array.take(who),
            "category": "wrong item",
            "tier_at_open": customers["tier"].array.take(who),
            "severity": 2,
            "opened_at": opened,
            "first_response_at": answered[:n],
            "resolved_at": np.where(last < end, last, np.datetime64("NaT")),
        }
    )
    return {"tickets": tickets, "interactions": interactions}


def _span(microseconds: np.ndarray) -> np.ndarray:
    return microseconds.astype("timedelta64[us]")
