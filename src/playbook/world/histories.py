"""Histories of many customers at once: when they buy, and what changes of rate or spend hold at each moment.

Changes are tables with one row a customer and time (`trials.changes` makes them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def purchase_weeks(
    rate: NDArray[np.float64],
    alive: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    begins: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return who buys (position) and when (weeks since the start of each), by customer and time.

    Purchases are a Poisson process over the time a customer is alive: their number is Poisson, and given the number
    the moments are uniform (the order statistics of a Poisson process), so no loop over customers is needed.

    Parameters
    ----------
    rate : (n,) array
        Purchases a week while alive.
    alive : (n,) array
        Weeks that each is observed and alive.
    rng : numpy.random.Generator
        Source of randomness.
    begins : (n,) array of bool, optional
        Who begins with a purchase at week 0, besides the others.

    Examples
    --------
    >>> who, week = purchase_weeks(np.array([2.0, 0.0]), np.array([50.0, 50.0]), np.random.default_rng(1))
    >>> len(who), int(who.max()), bool((np.diff(week) > 0).all())
    (100, 0, True)
    """
    count = rng.poisson(rate * alive)
    if begins is not None:
        count += begins
    who = np.repeat(np.arange(len(rate)), count)
    share = rng.random(len(who))
    if begins is not None:
        share[(np.cumsum(count) - count)[begins]] = 0.0
    share += who
    share.sort()  # within each customer; a double is fine to a second of ten years
    share -= who
    return who, np.maximum(share, 0.0) * alive[who]


def factor_at(
    week: NDArray[np.float64], who: NDArray[np.int64], changes: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the product of all changes that hold for customer `who` (position) in `week`, both (n,).

    Both are sorted by customer, then week; a change is open at its end.
    """
    key = who * 1e6 + week
    subject = changes["customer"].to_numpy() * 1e6
    first = np.searchsorted(key, subject + changes["from_week"].to_numpy())
    last = np.searchsorted(key, subject + changes["to_week"].to_numpy())
    size = np.log(changes["factor"].to_numpy())
    step = np.bincount(first, size, len(key) + 1) - np.bincount(last, size, len(key) + 1)
    return np.exp(np.cumsum(step)[:-1])


def factor_of(
    customer: NDArray[np.int64], week: NDArray[np.float64], table: pd.DataFrame, n: int
) -> NDArray[np.float64]:
    """Return the product of all changes in `table` that hold for each event, in any order, of `n` customers.

    Only the events of customers that are in the table are looked at.
    """
    concerned = np.zeros(n, dtype=bool)
    concerned[table["customer"]] = True
    event = np.flatnonzero(concerned[customer])
    event = event[np.lexsort((week[event], customer[event]))]
    factor = np.ones(len(customer))
    factor[event] = factor_at(week[event], customer[event], table)
    return factor


def highest_factor(changes: pd.DataFrame, n: int) -> NDArray[np.float64]:
    """Return the largest product of changes that ever holds for each of `n` customers, at least 1."""
    who = np.tile(changes["customer"].to_numpy(), 2)
    week = np.concatenate([changes["from_week"], changes["to_week"]])
    size = np.log(changes["factor"].to_numpy())
    step = np.concatenate([size, -size])
    order = np.lexsort((step, week, who))  # what ends makes room before what begins adds to it
    # All steps of a customer sum to nothing, so the running sum needs no restart.
    level = np.cumsum(step[order])
    highest = np.zeros(n)
    np.maximum.at(highest, who[order], level)
    return np.exp(highest)
