"""Looks at prices in the portal, which announce orders in some segments and nothing in others.

`PORTAL` of the customers look up prices before they order, or just so. Planted by segment: `ANNOUNCED`, the share of
orders that a look precedes, by `LEAD_D` days. In every segment there are `LOOKS` for each order; those that announce
nothing fall on any day in the `IDLE_WEEKS` after an order, so they tell who bought, and nothing of what comes. Orders
do not follow from looks by any regression: each look announces one order or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes", "orders")

PLAY = "measure.forecast_uplift"
PORTAL = 0.25
ANNOUNCED = (0.70, 0.55, 0.0, 0.45)  # by segment
LOOKS = 0.8
LEAD_D = (3.0, 11.0)
IDLE_WEEKS = 40.0


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events and truth_effects."""
    customers, lots = tables["customers"], tables["_lots"]
    ordered = tables["orders"]["ordered_at"].to_numpy()[: len(tables["_parcels"])]
    who = tables["_parcels"]["customer"].to_numpy()
    portal = rng.random(len(customers)) < PORTAL
    row = np.flatnonzero(portal[who])
    who, ordered = who[row], ordered[row]
    created, closed = customers["created_at"].to_numpy(), customers["closed_at"].to_numpy()
    closed = np.where(np.isnat(closed), np.datetime64(settings.end, "us"), closed)

    announced = np.array(ANNOUNCED) * min(settings.size(PLAY), LOOKS / max(ANNOUNCED))
    draw = rng.random(len(row))
    is_lead = draw < announced[lots["segment"].to_numpy()[who]]
    n = len(row)
    ahead_d = np.where(is_lead, -rng.uniform(*LEAD_D, n), 7 * rng.uniform(0, IDLE_WEEKS, n))
    at = ordered + (ahead_d * 86_400e6).astype("timedelta64[us]")
    kept = np.flatnonzero((draw < LOOKS) & (at >= created[who]) & (at < closed[who]))
    kept = kept[np.argsort(at[kept], kind="stable")]
    made = {
        "events": pd.DataFrame(
            {
                "event_id": ids("EP", len(kept), settings.block),
                "event_type": repeated("price_check", len(kept)),
                "customer_id": customers["customer_id"].array.take(who[kept]),
                "occurred_at": at[kept],
                "received_at": at[kept],
            }
        )
    }
    if settings.block:
        return made
    return made | {
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action="price check",
            stratum=settings.preset.segments,
            metric="orders announced",
            lag=np.mean(LEAD_D) / 7,
            size=announced,
            unit="share",
        )
    }


PLANTS = (
    Plant(
        play=PLAY,
        what="Some customers look up prices in the portal. In some segments a look comes before an order, in others "
        "people just look.",
        why="Looks and orders go together in every segment, since active customers do both; only where a look comes "
        "first does it improve a forecast.",
        tables=("orders", "order_lines", "events", "forecasts"),
        truth=("truth_effects",),
        size="ANNOUNCED by segment x size (share of orders)",
    ),
)
