"""Upgrades of the data refresh, and a concierge desk: what they earn and what they cost.

Customers of the lot "refresh" get one of `ARMS`, since one of `STARTS` weeks before the end (the upgrade goes from
cluster to cluster); `trials.BY_LOT` of them at random, the others as they asked for it. Planted, as logarithms of
factors: what an arm does to the rate of buying, to the budget of an order, to requests for each order and to the work
of a contact. The concierge desk has more orders, more contacts and more content customers to show than any other, and
loses money: its orders are smaller, its contacts longer. What each arm costs is in `costs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import BY_LOT, changes, enrolled, initiatives, members, picked
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "measure.roi"
ARMS = ("nightly refresh", "hourly refresh", "instant refresh", "concierge")
# Log factor of each arm against the nightly refresh, which all had before.
SIZES = {
    "orders a week": (0.0, 0.25, 0.32, 0.25),
    "budget of an order": (0.0, 0.0, 0.0, -0.75),  # what is paid falls by less: a unit is the least one buys
    "requests an order": (0.0, -0.15, -0.40, 0.35),
    "work a contact": (0.0, 0.0, -0.10, 0.30),
}
TABLES = {
    "orders a week": "_rate_changes",
    "budget of an order": "_spend_changes",
    "requests an order": "_request_changes",
    "work a contact": "_work_changes",
}
STARTS = (108, 104, 100)
ASKS = (0.75, 0.4, 0.2)  # share of those who choose that want at least arm 1, 2, 3


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, truth_labels, _enrolments and the changes of rate, spend, requests, work."""
    end = settings.days / 7
    customer = members(tables, "refresh", end - STARTS[0])
    by_lot = rng.random(len(customer)) < BY_LOT
    arm: NDArray[np.int64] = rng.integers(0, len(ARMS), len(customer))
    rate = tables["truth_customers"]["rate_week"].to_numpy()[customer[~by_lot]]
    arm[~by_lot] = sum(picked(np.log(rate), share, rng).astype(int) for share in ASKS)
    cluster = rng.integers(0, len(STARTS), len(customer))
    since = end - np.array(STARTS)[cluster]
    made = {
        "_enrolments": enrolled(
            "IN-refresh",
            customer,
            ARMS,
            arm,
            by_lot,
            since,
            cluster_id=words([f"wave {k + 1}" for k in range(len(STARTS))], cluster),
            propensity_share=np.where(by_lot, 1 / len(ARMS), np.nan),
        )
    }
    for metric, sizes in SIZES.items():
        size = np.array(sizes)[arm] * settings.size(PLAY)
        made[TABLES[metric]] = changes(customer, since, end, size)
    if settings.block:
        return made
    return made | {
        "initiatives": initiatives(
            settings,
            {
                "initiative_id": "IN-refresh",
                "kind": "refresh of customer data",
                "target_metric": "margin",
                "status": "running",
                "start": STARTS[0],
            },
        ),
        "truth_effects": _truth(settings),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table=["assignments"],
            key="IN-refresh",
            label="loses margin" if settings.size(PLAY) > 0 else "no effect",
            value=ARMS[-1],
        ),
    }


def _truth(settings: WorldSettings) -> pd.DataFrame:
    return pd.concat(
        [
            planted(
                "truth_effects",
                PLAY,
                action=ARMS,
                stratum="all",
                metric=metric,
                lag=0.0,
                size=np.array(sizes) * settings.size(PLAY),
                unit="log factor",
            )
            for metric, sizes in SIZES.items()
        ],
        ignore_index=True,
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Customer data are refreshed nightly, hourly or at once, in waves, and some customers have a concierge. "
        "Each changes how often and for how much customers buy, how often they ask and how long that takes; each has "
        "its costs.",
        why="Number of orders, contacts and satisfied answers look best for the arm that loses money; who asked for "
        "an upgrade bought more before.",
        tables=("costs", "orders", "order_lines", "interactions", "initiatives", "assignments"),
        truth=("truth_effects", "truth_labels", "truth_parameters"),
        size="SIZES x size (log factors); costs.REFRESH_COST",
    ),
)
