"""Decisions made on data of some age, and what age cost them.

Planted for `unify.refresh_cadence`: what a decision is worth falls with the age of the data it rests on, along a line
for one use case, at a step for another, after a bend for a third (`USE_CASES`, times the size). Data is refreshed once
a day, at 02:00 in most weeks and at any other hour in `OTHER_WEEKS` of them; later hours of the day are worth more whatever
the age. So age and hour go together, and a regression on age alone mistakes one for the other. `systems` hold what a
refresh costs (a month's cost at one a day), `reports` how often each use case decides.

The truth holds the best interval for each curve, worked out in closed form per piece; noise is heavy-tailed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "unify.refresh_cadence"
# use case: shape, age (h) at which it sets in, money or money per hour, decisions an hour, money per refresh
USE_CASES = {
    "next best offer": ("line", 0.0, 0.40, 120.0, 96.0),
    "stock promise": ("step", 6.0, 5.0, 20.0, 300.0),
    "churn call": ("bend", 12.0, 0.9, 5.0, 60.0),
}
DECISIONS = 3_000  # of each use case, per division
WEEKS = 52
OTHER_WEEKS = 0.3
USUAL_H = 2
HOUR_VALUE = 0.45  # money per hour of the day
BASE_VALUE, NOISE_SD, NOISE_DF = 20.0, 3.0, 5
OPENS_H, CLOSES_H = 8, 22
DAYS_MONTH = 365.25 / 12

PLANTS = (
    Plant(
        play=PLAY,
        what="Three kinds of decision rest on data of differing age; each loses by age in its own way. What a refresh "
        "costs and how often each decides is in the systems and reports.",
        why="Old data is used late in the day, when decisions are worth more; and not every loss is a straight line, "
        "which the square-root rule takes for granted.",
        tables=("decisions", "systems", "reports"),
        truth=("truth_parameters",),
        size="losses of USE_CASES x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return decisions, and once systems, reports and truth_parameters."""
    made = {"decisions": _decisions(settings, tables["customers"], rng)}
    return made if settings.block else made | _company_wide(settings)


def loss(shape: str, at_h: float, amount: float, age_h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a decision loses at these ages."""
    beyond = age_h - at_h
    sets_in = (beyond > 0).astype(float) if shape == "step" else np.maximum(beyond, 0.0)
    return np.asarray(amount * sets_in)


def _decisions(settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = DECISIONS * len(USE_CASES)
    case = np.arange(n) % len(USE_CASES)
    day = np.sort(rng.integers(0, 7 * WEEKS, n))
    hour = rng.uniform(OPENS_H, CLOSES_H, n)
    refresh_h = np.where(rng.random(WEEKS) < OTHER_WEEKS, rng.integers(0, 24, WEEKS), USUAL_H)
    age_h = (hour - refresh_h[day // 7]) % 24
    value = BASE_VALUE + HOUR_VALUE * (hour - OPENS_H)
    value += NOISE_SD * rng.standard_t(NOISE_DF, n) * np.sqrt((NOISE_DF - 2) / NOISE_DF)
    for k, (shape, at_h, amount, _, _) in enumerate(USE_CASES.values()):
        mine = case == k
        value[mine] -= settings.size(PLAY) * loss(shape, at_h, amount, age_h[mine])
    start = np.datetime64(settings.end, "us") - np.timedelta64(7 * WEEKS, "D")
    open_ones = np.flatnonzero(
        (customers["created_at"].to_numpy() < start) & customers["closed_at"].isna().to_numpy()
    )
    return pd.DataFrame(
        {
            "decision_id": ids("YK", n, settings.block),
            "decision_type": words(list(USE_CASES), case),
            "customer_id": customers["customer_id"].array.take(open_ones[rng.integers(0, len(open_ones), n)]),
            "outcome": repeated("done", n),
            "data_age_s": np.round(3600 * age_h),
            "decided_at": start + ((24 * day + hour) * 3600e6).astype("timedelta64[us]"),
            "realised_amt": np.round(value, 2),
        }
    )


def _company_wide(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    """Return what a refresh costs, how often each use case decides, and the truth."""
    size = settings.size(PLAY)
    facts: dict[str, float] = {}
    for case, (shape, at_h, amount, per_h, refresh) in USE_CASES.items():
        facts |= {f"{case}: loss": amount * size, f"{case}: sets in at": at_h}
        if size > 0:
            facts[f"{case}: best interval"] = _best(shape, at_h, amount * size, per_h, refresh)
    return {
        "systems": pd.DataFrame(
            {
                "system_id": [f"refresh of {case}" for case in USE_CASES],
                "kind": "refresh",
                "owner_party": "company",
                "run_amt_month": [round(case[4] * DAYS_MONTH, 2) for case in USE_CASES.values()],
                "has_api": True,
            }
        ),
        "reports": pd.DataFrame(
            {
                "report_id": "decision services",
                "figure": list(USE_CASES),
                "use_case": list(USE_CASES),
                "views_per_h": [case[3] for case in USE_CASES.values()],
                "audience_party": "company",
                "refresh_min": 1440.0,
                "last_run_at": settings.end - pd.Timedelta(hours=22),
            }
        ),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=list(facts),
            value=list(facts.values()),
            unit=["h" if name.endswith(("at", "interval")) else "money, or money per hour" for name in facts],
        ),
    }


def _best(shape: str, at_h: float, amount: float, per_h: float, refresh: float) -> float:
    """Return the interval (h) between refreshes at which refreshing and staleness cost least."""
    if shape == "step":
        return at_h if refresh < amount * per_h * at_h else np.inf
    return float(np.sqrt(at_h**2 + 2 * refresh / (amount * per_h)))
