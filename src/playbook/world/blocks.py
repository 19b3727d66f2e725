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
from functools import cache
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


def block_settings(settings: WorldSettings) -> list[WorldSettings]:
    """Return the settings of every block: together they have all customers, in shares as even as can be.

    Examples
    --------
    >>> [s.customers for s in block_settings(WorldSettings(customers=50_000))]
    [16667, 16667, 16666]
    """
    blocks = -(-settings.customers // BLOCK_CUSTOMERS)
    share, rest = divmod(settings.customers, blocks)
    return [replace(settings, customers=share + (k < rest), block=k) for k in range(blocks)]


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
    >>> with_needs(["delivery"])
    ['company', 'market', 'programmes', 'orders', 'delivery']
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


def generate_block(settings: WorldSettings, domains: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Generate the tables of one block (of `block_settings`), truth included, by name."""
    import pandas as pd

    head = replace(settings, block=0)
    tables: dict[str, pd.DataFrame] = {}
    others: set[str] = set()  # company-wide tables, written with block 0
    for name in with_needs(domains):
        module = domain_module(name)
        shared = settings.block > 0 and is_company_wide(name)
        if settings.block > 0 and getattr(module, "ONCE", False) and not shared:
            continue
        own = head if shared else settings
        made = module.generate(own, tables, stream(own.seed, name, own.block))
        for table, frame in made.items():
            known = tables.get(table)
            if known is None or table in getattr(module, "COMPLETES", ()):
                tables[table] = frame
            else:
                tables[table] = pd.concat([known, frame], ignore_index=True)
            if shared:
                others.add(table)
            else:
                others.discard(table)
    return {name: frame for name, frame in tables.items() if not name.startswith("_") and name not in others}
