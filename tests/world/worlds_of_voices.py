"""Worlds with all that customers and colleagues say, shared by the tests of those domains."""

from functools import cache

from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

DOMAINS = (
    "codings",
    "composites",
    "definitions",
    "faults",
    "micro_surveys",
    "indicators",
    "observations",
    "pulse",
    "relations",
    "scales",
    "stances",
)
SEEDS = (1, 2, 3, 4, 5)


@cache
def voices(seed: int, effect: float = 1.0):
    """A world of 2,500 customers; they are read only."""
    return generate(WorldSettings(seed=seed, customers=2500, effect=effect), domains=DOMAINS)


def truth(world, table, play):
    """Return what a table of truth says about a play."""
    return world[table][world[table]["play"] == play]
