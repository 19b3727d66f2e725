"""How well single customers are cared for, half-year by half-year, and what it does to how often they order.

Planted for `define.intimacy_kpis`: among customers whom no programme touches, `PANEL_SHARE` are cared for better or
worse; in the half-year after, they order at a rate multiplied by exp(`CARE_EFFECT` x size x care). Care is standard
normal, partly the customer's own and partly the half-year's. `indicators` shows it through what a desk can count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.trials import LOTS, changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "define.intimacy_kpis"
PANEL_SHARE = 0.65  # of customers without a programme
CARE_EFFECT = 0.55  # log rate, in the half-year after
OWN = 0.6  # share of the variance that is the customer's own


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return _care (customer, half, care) and _rate_changes."""
    free = np.flatnonzero(tables["_lots"]["lot"].to_numpy() == len(LOTS))
    panel = free[rng.random(len(free)) < PANEL_SHARE]
    halves = settings.months // 6
    own = rng.normal(0, np.sqrt(OWN), len(panel))
    care = own[:, None] + rng.normal(0, np.sqrt(1 - OWN), (len(panel), halves))
    customer, half = np.repeat(panel, halves), np.tile(np.arange(halves), len(panel))
    known = pd.DataFrame({"customer": customer, "half": half, "care": care.ravel()})
    # One rise to the best half-year, from which the others fall: so no two rises add up.
    size = CARE_EFFECT * settings.size(PLAY) * care[:, :-1]
    best = np.maximum(size.max(axis=1), 0.0)
    weeks = settings.days / 7 / halves
    begins = weeks * (1 + np.arange(halves - 1))
    fall = changes(
        np.repeat(panel, halves - 1),
        np.tile(begins, len(panel)),
        np.tile(begins + weeks, len(panel)),
        (size - best[:, None]).ravel(),
    )
    rise = changes(panel, weeks, settings.days / 7, best)
    return {"_care": known, "_rate_changes": pd.concat([rise, fall], ignore_index=True)}
