"""Which accounts hang on which adapter: the last edge of the routes that `systems` plants.

An account has two adapters, unless its first is one of the planted single ones. Accounts of a pair of adapters behind
one gateway have both. The share of accounts behind the planted ones is `BEHIND_SINGLE`, so that no count of edges
gives them away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "systems")

ACCOUNTS = 90  # that have an integration, per division
BEHIND_SINGLE = 0.06  # of them, behind each planted single adapter, or each adapter of a planted pair
BESPOKE = 0.3


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return dependencies from adapters to accounts."""
    adapters, accounts = tables["_adapters"], tables["accounts"]["account_id"].to_numpy()
    n = min(ACCOUNTS, len(accounts))
    chosen = np.sort(rng.choice(len(accounts), n, replace=False))
    is_single, partner = adapters["is_single"].to_numpy(), adapters["partner"].to_numpy()
    special = is_single | (partner >= 0)
    share = np.where(special, BEHIND_SINGLE, (1 - BEHIND_SINGLE * special.sum()) / (~special).sum())
    first = rng.choice(len(adapters), n, p=share)
    # Some account hangs on each planted part, however few accounts there are.
    first[: special.sum()] = np.flatnonzero(special)
    usual = np.flatnonzero(~special)
    other = usual[(np.searchsorted(usual, first) + rng.integers(1, len(usual), n)) % len(usual)]
    second = np.where(partner[first] >= 0, partner[first], np.where(is_single[first], -1, other))
    adapter = np.concatenate([first, second])
    account = np.tile(accounts[chosen], 2)
    there = adapter >= 0
    count = int(there.sum())
    return {
        "dependencies": pd.DataFrame(
            {
                "dependency_id": ids("YA", count, settings.block),
                "from_type": "system",
                "from_id": adapters["adapter"].to_numpy()[adapter[there]],
                "to_type": "account",
                "to_id": account[there],
                "kind": "carries",
                "owner_party": "company",
                "is_bespoke": rng.random(count) < BESPOKE,
                "is_declared": True,
            }
        )
    }
