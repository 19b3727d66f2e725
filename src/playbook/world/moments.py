"""Moments in a customer's time with the company, drawn in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings


def known_for(
    settings: WorldSettings, customers: pd.DataFrame
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return from when and until when each customer can be seen in the history, both (customers,)."""
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    since = np.maximum(customers["created_at"].to_numpy(), start)
    return since, np.maximum(np.fmin(customers["closed_at"].to_numpy(), end), since)


def moments(
    settings: WorldSettings, customers: pd.DataFrame, who: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.datetime64]:
    """Return an even draw from the time in which each of the customers `who` (positions) can be seen, (n,)."""
    since, until = (bound[who] for bound in known_for(settings, customers))
    span = (until - since).astype(float)
    return since + (rng.random(len(who)) * span).astype("timedelta64[us]")


def before_end(settings: WorldSettings, seconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return the moments so many seconds before the end of the history, (n,)."""
    end = np.full(len(seconds), np.datetime64(settings.end, "us"))
    return end - seconds.astype("timedelta64[s]")
