"""Worlds that the tests of fulfilment share: each is made once a process."""

from functools import cache

import pandas as pd

from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(5)
DOMAINS = ("consignment", "feedback", "network", "preorders", "promises", "returns", "warehouses")
PLAYS = (
    "balance.expedite",
    "balance.inventory_allocation",
    "balance.order_promising",
    "balance.planning_feedback",
    "design.co_design",
    "design.returns_policy",
)
SETTINGS = WorldSettings(customers=2000)
END = pd.Timestamp(SETTINGS.as_of)


@cache
def world(seed: int, *, planted: bool = True) -> dict[str, pd.DataFrame]:
    """Return a world of 2,000 customers, with or without what these plays are to find."""
    effects = {} if planted else dict.fromkeys(PLAYS, 0.0)
    return generate(WorldSettings(seed=seed, customers=2000, effects=effects), domains=DOMAINS)


def small_world(*domains: str, **changes: object) -> dict[str, pd.DataFrame]:
    """Return some domains and what they need, for 200 customers."""
    return generate(WorldSettings(customers=200, **changes), domains=domains)
