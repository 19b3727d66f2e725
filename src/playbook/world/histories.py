"""Purchase histories of many customers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
