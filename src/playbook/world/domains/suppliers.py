"""The suppliers of the products, as units outside the company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "organisation")
ONCE = True


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return units."""
    keys = np.unique(tables["products"]["supplier_unit_id"].to_numpy(dtype=object))
    return {
        "units": pd.DataFrame(
            {
                "unit_id": keys,
                "name": [f"Supplier {key[1:]}" for key in keys],
                "kind": "supplier",
                "function": "supplier",
            }
        )
    }
