"""Customers whose business really changes: some grow into another tier for good, some shrink.

Planted in `truth_shifts`: for the customers of the lot "fortune", one moment between `FIRST_WEEK` and `LAST_WEEK` before
the end after which the rate of buying is multiplied by `GROWS` or `SHRINKS`; the logarithm of it is the size. In
`truth_labels`: customers whose rate is the same throughout, as no programme touched them. Any move of theirs from
tier to tier, while they are active, is noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.trials import FOREVER, LOTS, changes, members
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = (
    "market",
    "programmes",
    "agents",
    "touches",
    "upgrades",
    "budgets",
    "wishes",
    "promotions",
    "care",
)

PLAY = "define.tier_assignment"
GROWS, SHRINKS = 4.0, 0.2
GROWING = 0.3  # of those whose business changes; as a whole they buy as much after as before
FIRST_WEEK, LAST_WEEK = 90, 40
LABELLED = 1_000  # constant customers at most, of a block


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return truth_shifts, truth_labels and _rate_changes."""
    size, end = settings.size(PLAY), settings.days / 7
    customer_id = tables["customers"]["customer_id"]
    customer = members(tables, "fortune", end - FIRST_WEEK)
    since = end - rng.integers(LAST_WEEK, FIRST_WEEK, len(customer), endpoint=True)
    grows = rng.random(len(customer)) < GROWING
    log_factor = size * np.asarray(np.where(grows, np.log(GROWS), np.log(SHRINKS)))
    lots = tables["_lots"]
    untouched = np.isin(lots["lot"].to_numpy(), (len(LOTS), tuple(LOTS).index("steady")))
    untouched[tables["_rate_changes"]["customer"]] = False
    constant = np.flatnonzero(untouched)[:LABELLED]
    moved = np.flatnonzero(log_factor != 0)
    return {
        "_rate_changes": changes(customer, since, FOREVER, log_factor),
        "truth_shifts": planted(
            "truth_shifts",
            PLAY,
            subject=customer_id.iloc[customer[moved]].to_numpy(),
            metric="orders a week",
            kind="step",
            start_at=settings.start + pd.to_timedelta(since[moved] * 7, unit="D"),
            size=log_factor[moved],
        ),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="customers",
            key=customer_id.iloc[constant].to_numpy(),
            label="constant rate",
        ),
    }


PLANTS = (
    Plant(
        play=PLAY,
        what="A few customers grow or shrink for good at one moment; of others it is known that their rate of buying "
        "never changes.",
        why="What a customer bought in a quarter moves up and down by chance; a tier that follows every move changes "
        "for customers who have not changed.",
        tables=("orders", "order_lines", "tickets", "contracts"),
        truth=("truth_shifts", "truth_labels", "truth_purchases"),
        size="log GROWS, log SHRINKS x size, once between FIRST_WEEK and LAST_WEEK before the end",
    ),
)
