"""Worlds in which one domain is drawn anew on what it reads, which stays: many seeds at the price of one."""

from functools import cache
from typing import Any

import pandas as pd

from playbook.store.writing import conform
from playbook.world.blocks import domain_module, stream
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@cache
def _base(domain: str, settings: WorldSettings) -> dict[str, pd.DataFrame]:
    return generate(settings, domains=[domain])


def drawn(
    domain: str, seed: int, *, base: str = "delivery", customers: int = 1200, **options: Any
) -> dict[str, pd.DataFrame]:
    """Return the tables of `domain` with this seed, and those up to the domain `base`, the same for all seeds.

    `options` are settings; the shared tables follow industry and regions only.
    """
    settings = WorldSettings(seed=seed, customers=customers, **options)
    shared = _base(
        base,
        WorldSettings(seed=1, customers=customers, industry=settings.industry, regions=settings.regions),
    )
    made = domain_module(domain).generate(settings, shared, stream(seed, domain))
    return shared | {name: conform(name, frame) for name, frame in made.items()}
