"""Capture and recapture: how many there are when two sources each miss some, and what if they miss the same ones.

Sources: Chapman (1951), Univ. California Publ. Statistics 1:131; Seber (1982), *The Estimation of Animal Abundance*, 2nd
ed., section 3.1; Gerritse, van der Heijden & Bakker (2015), J. Official Statistics 31:357, for dependence of the sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Capture:
    """How many there are in all, after Chapman.

    Parameters
    ----------
    number : float
        Estimate of all, seen or not.
    variance : float
        Its variance.
    """

    number: float
    variance: float


def chapman(both: int, only_first: int, only_second: int) -> Capture:
    """Estimate how many there are from two independent sources.

    Parameters
    ----------
    both, only_first, only_second : int
        How many are in both sources, and in one alone.

    Returns
    -------
    Capture
        Chapman's (n1 + 1)(n2 + 1) / (m + 1) - 1, without bias when n1 + n2 is at least the true number; its variance
        (n1 + 1)(n2 + 1)(n1 - m)(n2 - m) / ((m + 1)^2 (m + 2)) is so too (Seber 1982, equations 3.2 and 3.3).

    Raises
    ------
    ValueError
        When a count is negative.

    Examples
    --------
    >>> chapman(both=10, only_first=20, only_second=30)
    Capture(number=114.54545454545455, variance=525.2066115702479)
    """
    if min(both, only_first, only_second) < 0:
        raise ValueError(f"counts cannot be negative: {both}, {only_first}, {only_second}")
    first, second = both + only_first, both + only_second
    number = first + only_second + float(unseen(both, only_first, only_second))
    variance = (first + 1) * (second + 1) * only_first * only_second / ((both + 1) ** 2 * (both + 2))
    return Capture(number, variance)


def unseen(
    both: ArrayLike, only_first: ArrayLike, only_second: ArrayLike, *, odds_ratio: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return how many neither source saw, when the sources depend on each other by an odds ratio.

    Parameters
    ----------
    both, only_first, only_second : array_like
        Counts of the same shape.
    odds_ratio : array_like
        Odds to be in one source for those who are in the other, against those who are not. 1: independent, which is
        Chapman's estimate; above 1: both miss the same ones.

    Raises
    ------
    ValueError
        When an odds ratio is not positive.

    Notes
    -----
    The odds ratio is defined by n11 n00 / (n10 n01). Two sources alone cannot estimate it. One is added to n11, as Chapman
    does.

    Examples
    --------
    >>> unseen(10, 20, 33, odds_ratio=[1, 2]).tolist()
    [60.0, 120.0]
    """
    ratio = np.asarray(odds_ratio, dtype=float)
    if not (ratio > 0).all():
        raise ValueError(f"an odds ratio is above 0, got {ratio.min():g}")
    both, first, second = (np.asarray(count, dtype=float) for count in (both, only_first, only_second))
    return ratio * first * second / (both + 1)


def odds_ratio(both: float, only_first: float, only_second: float, neither: float) -> tuple[float, float]:
    """Return the odds ratio of two sources where all four counts are known, and the standard error of its logarithm.

    A half is added to each count (Haldane and Anscombe), so that empty cells do no harm.

    Examples
    --------
    >>> ratio, error = odds_ratio(30, 10, 10, 30)
    >>> round(ratio, 2), round(error, 2)
    (8.44, 0.51)
    """
    cells = np.array([both, only_first, only_second, neither], dtype=float) + 0.5
    if (cells < 0.5).any():
        raise ValueError("counts cannot be negative")
    return float(cells[0] * cells[3] / (cells[1] * cells[2])), float(np.sqrt((1 / cells).sum()))


@dataclass(frozen=True)
class TwoSources:
    """What two sources say of several things that happened to the same cases, or did not.

    The first axis may hold replicates (of a bootstrap): all results have the shape of `both`.

    Parameters
    ----------
    cases : array, shape (r, 1)
        Cases that both sources looked at.
    both, first, second : array, shape (r, k)
        Cases in which both sources have the thing, the first alone, the second alone.

    Examples
    --------
    >>> counts = (np.array([[value]]) for value in (100, 20, 10, 21))
    >>> sources = TwoSources(*counts)
    >>> sources.unrecorded().tolist(), sources.reach().tolist(), sources.coverage(2.0).round(3).tolist()
    ([[10.0]], [[0.61]], [[0.423]])
    """

    cases: NDArray[np.float64]
    both: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @property
    def seen(self) -> NDArray[np.float64]:
        """Cases in which at least one source has it."""
        return self.both + self.first + self.second

    def unrecorded(self, dependence: float = 1.0) -> NDArray[np.float64]:
        """Return the cases in which it happened without a record, at most 95 % of those without one."""
        hidden = unseen(self.both, self.first, self.second, odds_ratio=dependence)
        return np.minimum(hidden, 0.95 * (self.cases - self.seen))

    def reach(self, dependence: float = 1.0) -> NDArray[np.float64]:
        """Return the share of the cases to which it happened."""
        return (self.seen + self.unrecorded(dependence)) / self.cases

    def coverage(self, dependence: float = 1.0) -> NDArray[np.float64]:
        """Return the share of what happened that the first source has."""
        return (self.both + self.first) / np.maximum(self.seen + self.unrecorded(dependence), 1)

    def corrected(self, slope: NDArray[np.float64], dependence: float = 1.0) -> NDArray[np.float64]:
        """Return the effect of what happened, from the slope on what was recorded in either source.

        Cases without a record are a mixture of those without and those with the thing, which shrinks a slope by one less the
        share of the latter (Aigner 1973, J. Econometrics 1:49, for records that are never wrong but may be missing).
        """
        without = np.maximum(self.cases - self.seen, 1)
        return slope / (1 - self.unrecorded(dependence) / without)
