"""Intervals that several methods state: at 90 %."""

from __future__ import annotations

import math

Z90 = 1.6448536269514722  # normal quantile


def wilson(successes: float, trials: float, *, z: float = Z90) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Parameters
    ----------
    successes, trials : float
        How many of how many; `trials` above zero.
    z : float
        Normal quantile of the interval.

    Returns
    -------
    low, high : float
        Between 0 and 1.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(8, 10, z=1.96)]
    [0.49, 0.943]
    """
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)
