"""A large company is run as divisions: blocks of customers with their own staff, desks and sites.

A block follows from the settings and its number alone, so blocks can be made in any order, by any number of workers,
on any machine, with the same result. What belongs to the company (domains with ``ONCE``) is written with block 0;
the part of it that other blocks need is made again for each, from the same random stream.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from playbook.errors import SettingsError, nearest
from playbook.world import domain_names
from playbook.world.settings import WorldSettings

if TYPE_CHECKING:
    import pandas as pd

BLOCK_CUSTOMERS = 20_000


def count_blocks(settings: WorldSettings) -> int:
    """Return how many blocks a world has."""
    return -(-settings.customers // BLOCK_CUSTOMERS)


def block_settings(settings: WorldSettings, block: int) -> WorldSettings:
    """Return the settings of one block: together they have all customers, in shares as even as can be.

    Examples
    --------
    >>> [block_settings(WorldSettings(customers=50_000), k).customers for k in range(3)]
    [16667, 16667, 16666]
    """
    share, rest = divmod(settings.customers, count_blocks(settings))
    return replace(settings, customers=share + (block < rest), block=block)


def stream(seed: int, domain: str, block: int = 0) -> np.random.Generator:
    """Return the random stream of one domain in one block: adding a domain never shifts another's numbers."""
    key = int.from_bytes(hashlib.blake2b(domain.encode(), digest_size=8).digest(), "big")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(key, block))))


def domain_module(name: str) -> ModuleType:
    """Return the module of a domain.

    Raises
    ------
    SettingsError
        When there is none, with the nearest name.
    """
    if name not in domain_names():
        raise SettingsError(f"no domain '{name}'; {nearest(name, domain_names())}")
    return importlib.import_module(f"playbook.world.domains.{name}")


def with_needs(domains: Iterable[str]) -> list[str]:
    """Return `domains` and all that they read, in the order of causes.

    Examples
    --------
    >>> with_needs(["programmes"])
    ['company', 'market', 'programmes']
    """
    wanted: dict[str, tuple[str, ...]] = {}
    queue = sorted(domains)
    while queue:
        domain = queue.pop()
        if domain not in wanted:
            wanted[domain] = domain_module(domain).NEEDS
            queue += wanted[domain]
    order = TopologicalSorter({name: sorted(wanted[name]) for name in sorted(wanted)})
    return list(order.static_order())


@cache
def is_company_wide(domain: str) -> bool:
    """Return whether a domain is the same for all blocks: it is made once, and so is all that it reads."""
    module = domain_module(domain)
    return getattr(module, "ONCE", False) and all(is_company_wide(need) for need in module.NEEDS)


@lru_cache(maxsize=2)
def _company(settings: WorldSettings, domains: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Return the tables of the company-wide domains; they are kept for the next block, and nobody changes them."""
    tables: dict[str, pd.DataFrame] = {}
    for name in domains:
        _add(tables, name, settings)
    return tables


def _add(tables: dict[str, pd.DataFrame], name: str, settings: WorldSettings) -> list[str]:
    """Add what a domain makes to `tables`; return the names of what it made."""
    import pandas as pd

    module = domain_module(name)
    made = module.generate(settings, tables, stream(settings.seed, name, settings.block))
    for table, frame in made.items():
        known = tables.get(table)
        is_whole = known is None or table in getattr(module, "COMPLETES", ())
        tables[table] = frame if is_whole else pd.concat([known, frame], ignore_index=True)
    return list(made)


def generate_block(settings: WorldSettings, block: int, domains: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Generate the tables of one block of a world, truth included, by name.

    Company-wide tables come with block 0 only.
    """
    own = block_settings(settings, block)
    order = with_needs(domains)
    company_wide = tuple(name for name in order if is_company_wide(name))
    shared = _company(settings, company_wide)
    tables, written = dict(shared), set(shared) if block == 0 else set()
    for name in order:
        if name not in company_wide and (block == 0 or not getattr(domain_module(name), "ONCE", False)):
            written.update(_add(tables, name, own))
    # The company's rows come first in a table to which a block added its own.
    others = {name: len(frame) for name, frame in shared.items()} if block else {}
    return {
        name: frame.iloc[others.get(name, 0) :].reset_index(drop=True) if name in others else frame
        for name, frame in tables.items()
        if name in written and not name.startswith("_")
    }
