"""What domains that try something on cases or customers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.service import at
from playbook.world.draws import words
from playbook.world.keys import ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings


def initiative(settings: WorldSettings, prefix: str, kind: str, metric: str) -> pd.DataFrame:
    """Return the row of `initiatives` of a pilot; its key is `prefix` numbered 1."""
    return pd.DataFrame(
        {
            "initiative_id": ids(prefix, 1, settings.block),
            "kind": kind,
            "target_metric": metric,
            "status": "done",
        }
    )


def case_actions(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], prefix: str, rows: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the columns that are alike for all actions on cases (positions): key, subject, customer, agent, time."""
    cases = tables["_cases"].iloc[rows]
    return pd.DataFrame(
        {
            "action_id": ids(prefix, len(rows), settings.block),
            "subject_type": words(["ticket"], np.zeros(len(rows), dtype=np.int64)),
            "subject_id": tables["tickets"]["ticket_id"].array.take(cases["ticket"].to_numpy()),
            "customer_id": tables["customers"]["customer_id"].array.take(cases["customer"].to_numpy()),
            "staff_id": tables["staff"]["staff_id"].array.take(cases["agent"].to_numpy(), allow_fill=True),
            "acted_at": at(settings, cases["opened_min"].to_numpy() + cases["wait_min"].to_numpy()),
        }
    )


def known_customers(
    settings: WorldSettings, customers: pd.DataFrame, days_before_end: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return `n` customers (positions) who were there all of the last days, by lot."""
    there = customers["closed_at"].isna() & (
        customers["created_at"] < settings.end - pd.Timedelta(days=days_before_end)
    )
    return rng.choice(np.flatnonzero(there), n)
