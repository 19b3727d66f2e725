"""Weekly use of the app by customers whose past counts for some weeks and no longer.

Planted for `unify.retention_policy`: use in a week depends on the mean of the last `MEMORY_WEEKS` weeks (with weight
`WEIGHT` times the size) and on nothing before. `DRIFT_WEEKS` before the end the app was replaced: use falls to
`AFTER_DRIFT` of itself and older weeks tell nothing. Counts are Poisson around that, while plays score means of
windows. `rules` (ruleset retention) hold the longest and shortest time for which each law lets a table be kept for a
purpose.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "unify.retention_policy"
CUSTOMERS, WEEKS = 150, 110
MEMORY_WEEKS, WEIGHT = 10, 0.85
USES_WEEK = 3.0
DRIFT_WEEKS, AFTER_DRIFT = 36, 0.4
# law, table, purpose, most days, least days
KEEP = (
    ("EU", "events", "analytics", 395, None), ("UK", "events", "analytics", 395, None),
    ("BR", "events", "analytics", 540, None), ("US", "events", "analytics", 730, None),
    ("any", "tickets", "service", 1_095, None), ("EU", "consents", "proof", None, 1_095),
    ("EU", "orders", "tax", 3_652, 2_191), ("UK", "orders", "tax", None, 2_191),
    ("US", "orders", "tax", None, 1_095), ("BR", "orders", "tax", None, 1_826),
)  # fmt: skip

PLANTS = (
    Plant(
        play=PLAY,
        what="Weekly use of the app follows the customer's own recent weeks; at some date the app was replaced. Laws "
        "limit how long what may be kept for what.",
        why="More history is taken for better forecasts; beyond what behaviour remembers it adds nothing, and after a "
        "change the oldest weeks mislead.",
        tables=("events", "rules"),
        truth=("truth_parameters", "truth_shifts"),
        size="WEIGHT x size (at most 0.95), AFTER_DRIFT to the power of size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events, and once rules and truth."""
    customers, size = tables["customers"], settings.size(PLAY)
    start = np.datetime64(settings.end, "us") - np.timedelta64(7 * WEEKS, "D")
    there = np.flatnonzero(
        (customers["created_at"].to_numpy() <= start) & customers["closed_at"].isna().to_numpy()
    )
    who = np.sort(rng.permutation(there)[:CUSTOMERS])
    uses = _uses(len(who), size, rng)
    of, week = (grid.ravel() for grid in np.indices(uses.shape))
    n = len(of)
    events = pd.DataFrame(
        {
            "event_id": ids("YW", n, settings.block),
            "event_type": repeated("app_week", n),
            "schema_version": 1.0,
            "customer_id": customers["customer_id"].array.take(who[of]),
            "system_id": repeated("app", n),
            "occurred_at": start + (7 * week).astype("timedelta64[D]"),
            "value": uses.ravel().astype(float),
        }
    )
    return {"events": events, **({} if settings.block else _company_wide(settings, size))}


def _uses(n: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """Return the uses of each customer and week, (n, weeks)."""
    weight = min(WEIGHT * size, 0.95)
    level = USES_WEEK
    warm_up = 4 * MEMORY_WEEKS
    uses = np.zeros((n, warm_up + WEEKS))
    remembered = rng.poisson(level, (n, MEMORY_WEEKS)).astype(float)
    for week in range(warm_up + WEEKS):
        if week == warm_up + WEEKS - DRIFT_WEEKS and size > 0:
            level = USES_WEEK * AFTER_DRIFT**size
            remembered[:] = rng.poisson(level, (n, MEMORY_WEEKS))
        uses[:, week] = rng.poisson((1 - weight) * level + weight * remembered.mean(axis=1))
        remembered[:, week % MEMORY_WEEKS] = uses[:, week]
    return uses[:, warm_up:]


def _company_wide(settings: WorldSettings, size: float) -> dict[str, pd.DataFrame]:
    at = settings.end - pd.Timedelta(weeks=DRIFT_WEEKS)
    weight = min(WEIGHT * size, 0.95)
    return {
        "rules": pd.DataFrame(
            {
                "rule_id": ids("YV", len(KEEP)),
                "ruleset": "retention",
                "jurisdiction": [law for law, *_ in KEEP],
                "priority": 1,
                "condition_json": [
                    json.dumps({"table": table, "purpose": why}) for _, table, why, _, _ in KEEP
                ],
                "outcome_json": [
                    json.dumps({"action": "purge after clock_h" if most else "keep", "least_days": least})
                    for *_, most, least in KEEP
                ],
                "owner_role": "data protection officer",
                "clock_h": [24.0 * most if most else np.nan for *_, most, _ in KEEP],
                "valid_from": settings.start,
            }
        ),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["memory of behaviour", "weight of the remembered weeks"],
            value=[MEMORY_WEEKS if size > 0 else 0, weight],
            unit=["weeks", "share"],
        ),
        "truth_shifts": planted(
            "truth_shifts",
            PLAY,
            subject="all customers",
            metric="log weekly uses of the app",
            kind="step",
            start_at=[at],
            end_at=[settings.end],
            size=[np.log(AFTER_DRIFT) * size],
        ),
    }
