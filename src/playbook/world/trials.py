"""Who is in which programme, by lot or by choice: what the domains that change buying share.

A programme that changes how customers buy must be known before they do. Its domain therefore says with positions and
weeks who is in it (`enrolled`) and what it changes (`changes`); the domain `enrolments` makes `assignments` of it when
it is known who has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.texts import repeated, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from playbook.world.settings import WorldSettings

FOREVER = 1e5  # weeks

# Programme: share of the customers of each segment that draw it.
LOTS = {
    "workflow": (0.42, 0.22, 0.16, 0.34),
    "depth": (0.04, 0.15, 0.13, 0.12),
    "delivery wish": (0.07, 0.07, 0.07, 0.07),
    "dedicated agent": (0.08, 0.08, 0.08, 0.08),
    "recovery": (0.03, 0.03, 0.03, 0.03),
    "training visit": (0.06, 0.06, 0.06, 0.06),
    "starter kit": (0.06, 0.06, 0.06, 0.06),
    "refresh": (0.07, 0.07, 0.07, 0.07),
    "budget": (0.06, 0.06, 0.06, 0.06),
    "fortune": (0.04, 0.04, 0.04, 0.04),
    "steady": (0.06, 0.06, 0.06, 0.06),  # nothing ever changes for them
}
BY_LOT = 0.8  # of a programme's customers are assigned at random, the others are chosen


def members(tables: Mapping[str, pd.DataFrame], programme: str, by_week: float) -> NDArray[np.int64]:
    """Return the customers (positions) whose lot is `programme` and who buy in week `by_week`: nobody enrols who
    has not come yet, or has stopped.
    """
    lots = tables["_lots"]
    is_there = (lots["created_week"].to_numpy() < by_week) & (by_week < lots["until_week"].to_numpy())
    return np.flatnonzero(is_there & (lots["lot"].to_numpy() == tuple(LOTS).index(programme)))


def picked(
    appeal: ArrayLike, share: float, rng: np.random.Generator, noise: float = 1.0
) -> NDArray[np.bool_]:
    """Return who is picked when people pick the `share` that appeals most to them, seen through noise.

    `appeal` is standardised; `noise` is in its standard deviations.
    """
    appeal = np.asarray(appeal, dtype=float)
    if len(appeal) == 0:
        return np.zeros(0, dtype=bool)
    seen = (appeal - appeal.mean()) / (appeal.std() or 1.0) + rng.normal(0, noise, len(appeal))
    return seen >= np.quantile(seen, 1 - share)


def changes(
    customer: ArrayLike, from_week: ArrayLike, to_week: ArrayLike, log_size: ArrayLike
) -> pd.DataFrame:
    """Return changes of rate, spend, requests or work, as `_rate_changes` and its kind: one row a customer and time.

    `log_size` is the logarithm of the factor; rows that change nothing are left out.
    """
    size = np.asarray(log_size, dtype=float)
    kept = np.flatnonzero(size)
    n = len(size)
    return pd.DataFrame(
        {
            "customer": np.asarray(customer, dtype=np.int64)[kept],
            "from_week": np.broadcast_to(np.asarray(from_week, dtype=float), n)[kept],
            "to_week": np.broadcast_to(np.asarray(to_week, dtype=float), n)[kept],
            "factor": np.exp(size[kept]),
        }
    )


def enrolled(
    initiative_id: str,
    customer: NDArray[np.int64],
    arms: Sequence[str],
    arm: NDArray[np.integer],
    by_lot: NDArray[np.bool_] | bool,
    from_week: ArrayLike,
    to_week: ArrayLike = FOREVER,
    **more: Any,
) -> pd.DataFrame:
    """Return who is in which arm (a position in `arms`) of an initiative, since and until when.

    `more` are columns of `assignments`.
    """
    n = len(customer)
    return pd.DataFrame(
        {
            "customer": customer,
            "initiative_id": repeated(initiative_id, n),
            "arm": words(arms, arm),
            "design": words(["chosen", "random"], np.broadcast_to(by_lot, n).astype(np.int64)),
            "from_week": np.broadcast_to(np.asarray(from_week, dtype=float), n),
            "to_week": np.broadcast_to(np.asarray(to_week, dtype=float), n),
            **more,
        }
    )


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


def initiatives(settings: WorldSettings, *rows: dict[str, Any]) -> pd.DataFrame:
    """Return initiatives, each with weeks before the end of the history at which it starts and ends."""
    frame = pd.DataFrame(
        [{name: value for name, value in row.items() if name not in ("start", "end")} for row in rows]
    )
    for column, key in (("starts_on", "start"), ("ends_on", "end")):
        left = [row.get(key) for row in rows]
        day = [pd.NaT if w is None else settings.end - pd.Timedelta(weeks=w) for w in left]
        frame[column] = pd.Series(day).dt.normalize().astype("datetime64[us]")
    return frame
