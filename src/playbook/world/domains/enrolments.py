"""Assignments of customers to programmes, as they were recorded: nobody is in one who has said goodbye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = (
    "market",
    "programmes",
    "agents",
    "touches",
    "upgrades",
    "budgets",
    "wishes",
    "pilots",
    "orders",
)
COPIED = ("initiative_id", "arm", "design", "cluster_id", "stratum", "propensity_share", "sequence_no")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return assignments."""
    who = tables["_enrolments"]
    customer = who["customer"].to_numpy()
    closed = tables["customers"]["closed_at"].to_numpy()[customer]
    starts, ends = _at(settings, who["from_week"]), _at(settings, who["to_week"])
    ends = np.fmin(ends, closed)  # NaT is later than all
    kept = ~(starts >= closed)
    assignments = pd.DataFrame(
        {
            "assignment_id": ids("AS", int(kept.sum()), settings.block),
            "subject_type": "customer",
            "subject_id": tables["customers"]["customer_id"].array.take(customer[kept]),
            **{name: who[name].array[kept] for name in COPIED},
            "starts_at": starts[kept],
            "ends_at": ends[kept],
        }
    )
    return {"assignments": assignments}


def _at(settings: WorldSettings, week: pd.Series) -> np.ndarray:
    """Return weeks of the history as moments, to the minute; empty after its end."""
    minute = np.rint(np.minimum(week.to_numpy(), settings.days) * 10_080).astype("timedelta64[m]")
    at = np.datetime64(settings.start, "us") + minute
    return np.where(at < np.datetime64(settings.end, "us"), at, np.datetime64("NaT"))
