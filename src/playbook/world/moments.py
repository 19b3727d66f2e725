"""Moments of the history: from days and minutes and back, and those at which a customer can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

DAY = np.timedelta64(86_400_000_000, "us")


def at_day(settings: WorldSettings, day: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return days of the history as moments, to the second; empty where the day is (nan).

    Examples
    --------
    >>> from playbook.world.settings import WorldSettings
    >>> settings = WorldSettings()
    >>> ((at_day(settings, np.array([1.5, np.nan])) - np.datetime64(settings.start)) / np.timedelta64(1, "h")).tolist()
    [36.0, nan]
    """
    known = ~np.isnan(day)
    seconds = (np.where(known, day, 0.0) * 86_400).astype(np.int64).astype("timedelta64[s]")
    return np.where(known, np.datetime64(settings.start, "us") + seconds, np.datetime64("NaT", "us"))


def at_minute(settings: WorldSettings, minutes: NDArray, known: NDArray[np.bool_] | bool = True) -> NDArray:
    """Return minutes of the history as moments; empty where not known or after its end."""
    inside = known & (minutes < settings.days * 1440.0)
    moment = np.datetime64(settings.start, "us") + (np.where(inside, minutes, 0.0) * 60e6).astype(
        "timedelta64[us]"
    )
    return np.where(inside, moment, np.datetime64("NaT"))


def day_of(settings: WorldSettings, at: pd.Series) -> NDArray[np.float64]:
    """Return moments as days since the start of the history; nan where empty."""
    return (at.to_numpy() - np.datetime64(settings.start, "us")) / DAY


def before_end(settings: WorldSettings, seconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return the moments so many seconds before the end of the history, (n,)."""
    end = np.full(len(seconds), np.datetime64(settings.end, "us"))
    return end - seconds.astype("timedelta64[s]")


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


def known_customers(
    settings: WorldSettings, customers: pd.DataFrame, days_before_end: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return `n` customers (positions) who were there all of the last days, by lot."""
    there = customers["closed_at"].isna() & (
        customers["created_at"] < settings.end - pd.Timedelta(days=days_before_end)
    )
    return rng.choice(np.flatnonzero(there), n)
