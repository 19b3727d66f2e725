"""Not written yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery", "service")


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return nothing yet."""
    return {}
