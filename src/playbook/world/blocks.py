"""A large company is run as divisions: blocks of customers with their own staff, desks and sites.

A block follows from the settings and its number alone, so blocks can be made in any order, by any number of workers,
on any machine, with the same result. What belongs to the company (domains with ``ONCE``) is written with block 0;
the part of it that other blocks need is made again for each, from the same random stream.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable, Iterator, Mapping
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


class Tables(Mapping[str, "pd.DataFrame"]):
    """Tables by name, to which rows are appended; they are joined when somebody reads the table, and not before."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self._parts = {name: [frame] for name, frame in tables.items()}

    def __getitem__(self, name: str) -> pd.DataFrame:
        import pandas as pd

        parts = self._parts[name]
        if len(parts) > 1:
            parts[:] = [pd.concat(parts, ignore_index=True)]
        return parts[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, domain: str, settings: WorldSettings) -> list[str]:
        """Add what a domain makes; return the names of what it made."""
        module = domain_module(domain)
        made = module.generate(settings, self, stream(settings.seed, domain, settings.block))
        for name, frame in made.items():
            if name in getattr(module, "COMPLETES", ()):
                self._parts[name] = [frame]
            else:
                self._parts.setdefault(name, []).append(frame)
        return list(made)


@lru_cache(maxsize=2)
def _company(settings: WorldSettings, domains: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Return the tables of the company-wide domains; they are kept for the next block, and nobody changes them."""
    tables = Tables({})
    for name in domains:
        tables.add(name, settings)
    return dict(tables)


def generate_block(settings: WorldSettings, block: int, domains: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Generate the tables of one block of a world, truth included, by name.

    Company-wide tables come with block 0 only.
    """
    own = block_settings(settings, block)
    order = with_needs(domains)
    company_wide = tuple(name for name in order if is_company_wide(name))
    shared = _company(settings, company_wide)
    tables, written = Tables(shared), set(shared) if block == 0 else set()
    for name in order:
        if name not in company_wide and (block == 0 or not getattr(domain_module(name), "ONCE", False)):
            written.update(tables.add(name, own))
    # The company's rows come first in a table to which a block added its own.
    others = {name: len(frame) for name, frame in shared.items()} if block else {}
    return {
        name: tables[name].iloc[others[name] :].reset_index(drop=True) if name in others else tables[name]
        for name in tables
        if name in written and not name.startswith("_")
    }
