"""Worlds in which one domain is drawn anew on the same customers and orders: many seeds at the price of one."""

from collections.abc import Mapping
from functools import cache

import pandas as pd

from playbook.store.writing import conform
from playbook.world.blocks import domain_module, stream
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

CUSTOMERS = 1200


@cache
def _base() -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=1, customers=CUSTOMERS), domains=["delivery"])


def drawn(domain: str, seed: int, effects: Mapping[str, float] | None = None) -> dict[str, pd.DataFrame]:
    """Return the tables of `domain` with this seed, and the shared ones that it reads."""
    settings = WorldSettings(seed=seed, customers=CUSTOMERS, effects=effects or {})
    made = domain_module(domain).generate(settings, dict(_base()), stream(seed, domain))
    return _base() | {name: conform(name, frame) for name, frame in made.items()}
