"""Units and staff; each person's latent skill is the truth behind handle times, training scores and who leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS, market_shares
from playbook.world.keys import ids, local

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)

ROLES = ("service agent", "account manager", "picker", "planner")
ROLE_SHARES = (0.42, 0.18, 0.26, 0.14)
YEARS_TO_LEAVE = 2.4  # scale of a stay; its median is 1.4 years for an average person
STAY_SHAPE = 0.7  # Weibull: most who leave do so early
LEAVE_ON_SKILL = 1.0  # one sd less skill shortens a stay by exp(1.0): survivors look too good


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return units, staff and truth_staff."""
    units = pd.DataFrame(
        [
            (local(f"U{r}{k}", settings.block), f"{role}s {market[0]}", role, f"R{r}")
            for r, market in enumerate(MARKETS, start=1)
            if market[0] in settings.regions
            for k, role in enumerate(ROLES)
        ],
        columns=["unit_id", "name", "function", "region_id"],
    )
    n = max(240, settings.customers // 10)
    region = rng.choice(len(MARKETS), n, p=market_shares(settings))
    role = rng.choice(len(ROLES), n, p=ROLE_SHARES)
    skill = rng.normal(0, 1, n)
    # Hiring is even from four years before the history to its end: rapid, because many leave.
    first = settings.start - pd.DateOffset(years=4)
    span = (settings.end - first).days
    hired = pd.Series(first + pd.to_timedelta(np.floor(rng.random(n) * span), unit="D"))
    scale_d = YEARS_TO_LEAVE * 365 * np.exp(LEAVE_ON_SKILL * settings.effect * skill)
    stay_d = scale_d * rng.weibull(STAY_SHAPE, n)
    left = hired + pd.to_timedelta(np.floor(np.minimum(stay_d, 40_000)), unit="D")
    staff = pd.DataFrame(
        {
            "staff_id": ids("T", n, settings.block),
            "unit_id": [local(f"U{r + 1}{k}", settings.block) for r, k in zip(region, role, strict=True)],
            "role": np.array(ROLES)[role],
            "region_id": [f"R{r + 1}" for r in region],
            "hired_on": hired.astype("datetime64[us]"),
            "left_on": left.where(left < settings.end).astype("datetime64[us]"),
            "fte_h_week": rng.choice([20.0, 32.0, 38.0], n, p=[0.2, 0.2, 0.6]),
            "cost_amt_h": np.round(
                np.array([market[7] for market in MARKETS])[region] * rng.uniform(0.95, 1.2, n), 2
            ),
        }
    )
    truth = pd.DataFrame({"staff_id": staff["staff_id"], "skill": skill, "stay_d": stay_d})
    return {"units": units, "staff": staff, "truth_staff": truth}
