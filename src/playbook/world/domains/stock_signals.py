"""Orders that wait for better data: signals about the stock that come one by one, and decisions to release.

Planted for `unify.accuracy_or_speed`: each sampled order has a count that is right or wrong (the truth), and `SIGNALS`
readings of it that come `EVERY_MIN` apart, from one of two feeds. Readings of the scanner err independently. Those of
the warehouse feed share an error within an upstream fault (`SHARED_SD` times the size), which spans `FAULT_ORDERS`
orders: more of them say the same thing again. Errors are Student t, not normal. Clerks waited for a random number of
readings and followed their sum; `realised_amt` holds what that cost: `WAIT_AMT` a reading, `SHORT_AMT` for what was
released and not there, `HELD_AMT` for what was held in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "unify.accuracy_or_speed"
ORDERS = 1_200  # at most, per division
SIGNALS, EVERY_MIN = 8, 10
FEEDS = ("scanner", "warehouse feed")
RIGHT_SHARE = 0.5  # of the counts in doubt
OWN_SD, SHARED_SD, NOISE_DF = 1.2, 1.2, 8
FAULT_ORDERS = 4
WAIT_AMT, SHORT_AMT, HELD_AMT = 2.0, 60.0, 60.0
OUTCOMES = ("held: short", "released: short", "held: in stock", "released: in stock")

PLANTS = (
    Plant(
        play=PLAY,
        what="Orders in doubt get readings of the stock every few minutes, from two feeds. Errors of one feed have a "
        "common source upstream. Clerks waited for differing numbers of readings.",
        why="Readings that repeat one fault look like more evidence; a sequential test that takes them for independent "
        "is sure too early and wrong too often.",
        tables=("events", "decisions"),
        truth=("truth_labels", "truth_parameters"),
        size="SHARED_SD x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events, decisions and their truth."""
    orders = tables["orders"]
    recent = np.flatnonzero((orders["ordered_at"] < settings.end - pd.Timedelta(days=1)).to_numpy())
    n = min(ORDERS, len(recent))
    chosen = np.sort(rng.choice(recent, n, replace=False))
    order_id, customer_id = (orders[name].array.take(chosen) for name in ("order_id", "customer_id"))
    at = orders["ordered_at"].to_numpy()[chosen]
    is_right = rng.random(n) < RIGHT_SHARE
    feed = np.arange(n) % 2
    fault = np.arange(n) // (2 * FAULT_ORDERS)
    shared_sd = SHARED_SD * settings.size(PLAY)
    shared = np.where(feed == 1, shared_sd * rng.normal(0, 1, n // (2 * FAULT_ORDERS) + 1)[fault], 0.0)
    own = rng.standard_t(NOISE_DF, (n, SIGNALS)) * OWN_SD * np.sqrt((NOISE_DF - 2) / NOISE_DF)
    reading = np.where(is_right, 1.0, -1.0)[:, None] + shared[:, None] + own

    waited = rng.integers(1, SIGNALS + 1, n)
    total = np.take_along_axis(np.cumsum(reading, axis=1), waited[:, None] - 1, axis=1)[:, 0]
    releases = total > 0
    lost = np.where(releases & ~is_right, SHORT_AMT, 0.0) + np.where(~releases & is_right, HELD_AMT, 0.0)
    decided = at + waited.astype("timedelta64[m]") * EVERY_MIN
    when = np.repeat(at, SIGNALS) + np.tile(np.arange(1, SIGNALS + 1) * EVERY_MIN, n).astype("timedelta64[m]")
    of = np.repeat(np.arange(n), SIGNALS)
    return {
        "events": pd.DataFrame(
            {
                "event_id": ids("YS", n * SIGNALS, settings.block),
                "event_type": repeated("stock_reading", n * SIGNALS),
                "customer_id": customer_id.take(of),
                "subject_type": repeated("order", n * SIGNALS),
                "subject_id": order_id.take(of),
                "system_id": words(FEEDS, feed[of]),
                "occurred_at": np.repeat(at, SIGNALS),
                "received_at": when,
                "value": np.round(reading.ravel(), 3),
            }
        ),
        "decisions": pd.DataFrame(
            {
                "decision_id": ids("YO", n, settings.block),
                "decision_type": repeated("order release", n),
                "subject_type": repeated("order", n),
                "subject_id": order_id,
                "customer_id": customer_id,
                "outcome": words(OUTCOMES, 2 * is_right + releases),
                "data_age_s": 0.0,
                "decided_at": decided,
                "realised_amt": -(lost + WAIT_AMT * waited),
            }
        ),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="orders",
            key=order_id,
            label="count in doubt",
            value=np.where(is_right, "right", "wrong"),
        ),
        **({} if settings.block else {"truth_parameters": _parameters(shared_sd)}),
    }


def _parameters(shared_sd: float) -> pd.DataFrame:
    facts = {
        "own error of a reading": (OWN_SD, "1"),
        "shared error within a fault, warehouse feed": (shared_sd, "1"),
        "correlation of two readings, warehouse feed": (shared_sd**2 / (shared_sd**2 + OWN_SD**2), "1"),
        "cost of waiting for a reading": (WAIT_AMT, "money"),
        "cost of releasing what is not there": (SHORT_AMT, "money"),
        "cost of holding in vain": (HELD_AMT, "money"),
    }
    values, units = zip(*facts.values(), strict=True)
    return planted("truth_parameters", PLAY, name=list(facts), value=list(values), unit=list(units))
