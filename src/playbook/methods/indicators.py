"""Which indicators deserve a place in a profile: how stable each is, and how much of it others already tell.

Sources: Shrout & Fleiss (1979), Psychol. Bull. 86:420 (reliability of a mean from one-way analysis of variance); Spearman
(1910), Brown (1910), for another number of measurements; Searle, Casella & McCulloch (1992), section 3.6 (unequal numbers).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playbook.methods.reliability import spearman_brown


@dataclass(frozen=True)
class Stability:
    """How well a subject's mean is known.

    Parameters
    ----------
    subjects : int
        With at least one measurement.
    each : float
        Measurements a subject, on average.
    reliability, low, high : float
        Share of the variance of means of `each` measurements that lies between subjects, with its 90 % interval.
    single : float
        The same of one measurement.
    """

    subjects: int
    each: float
    reliability: float
    low: float
    high: float
    single: float

    def needed(self, reliability: float) -> float:
        """Return how many measurements a subject would need; infinite where subjects do not differ."""
        if self.single <= 0:
            return float("inf")
        return reliability * (1 - self.single) / ((1 - reliability) * self.single)


def stability(values: ArrayLike, subjects: ArrayLike, *, draws: int = 200, seed: int = 0) -> Stability:
    """Estimate how reliable subjects' means are.

    Parameters
    ----------
    values : array_like, shape (n,)
        Measurements; NaN ones are left out.
    subjects : array_like, shape (n,)
        Of each measurement.
    draws, seed : int
        Of the bootstrap over subjects behind the interval.

    Raises
    ------
    ValueError
        With fewer than two subjects, or none measured twice.

    Notes
    -----
    An estimate below zero says that subjects do not differ as far as can be seen.

    Examples
    --------
    Subjects that repeat themselves exactly are known exactly.

    >>> stability([1, 1, 5, 5, 3, 3], list("aabbcc")).reliability
    1.0
    """
    values = np.asarray(values, dtype=float)
    known = ~np.isnan(values)
    _, subject = np.unique(np.asarray(subjects)[known], return_inverse=True)
    n = np.bincount(subject).astype(float)
    if len(n) < 2 or n.max() < 2:
        raise ValueError("reliability needs two subjects or more, and some that were measured twice")
    mean = np.bincount(subject, values[known]) / n
    within = np.bincount(subject, (values[known] - mean[subject]) ** 2)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(n), (draws, len(n))) + np.arange(0, draws * len(n), len(n))[:, None]
    times = np.vstack(
        [np.ones(len(n)), np.bincount(drawn.ravel(), minlength=draws * len(n)).reshape(draws, -1)]
    )
    count, total, squares = times.sum(axis=1), times @ n, times @ n**2
    grand = times @ (n * mean) / total
    between = (times @ (n * mean**2) - total * grand**2) / (count - 1)
    error = times @ within / np.maximum(total - count, 1)
    typical = (total - squares / total) / (count - 1)
    spread = between + (typical - 1) * error
    single = np.divide(between - error, spread, out=np.zeros_like(spread), where=spread > 0)
    each = total / count
    # Far below zero, where subjects differ less than chance would have it, the mean's reliability has no finite value.
    single = np.maximum(single, -0.9 / np.maximum(each - 1, 0.1))
    whole = spearman_brown(single, each)
    low, high = np.quantile(whole[1:], [0.05, 0.95])
    found = (each[0], whole[0], low, high, single[0])
    return Stability(len(n), *(float(value) for value in found))


def overlaps(correlations: ArrayLike, order: Iterable[int], *, most: float = 0.8) -> NDArray[np.float64]:
    """Return how much of each indicator those before it, that were kept, already tell.

    Parameters
    ----------
    correlations : array_like, shape (k, k)
        Between indicators.
    order : iterable of int
        Positions, the one to keep first.
    most : float
        An indicator with a larger overlap is not kept.

    Returns
    -------
    array, shape (k,)
        Squared multiple correlation with the kept ones before it; the first has 0.

    Examples
    --------
    >>> overlaps([[1, 0.6, 0.9], [0.6, 1, 0], [0.9, 0, 1]], [0, 1, 2]).round(2).tolist()
    [0.0, 0.36, 1.0]
    """
    table = np.asarray(correlations, dtype=float)
    found, kept = np.zeros(len(table)), list[int]()
    for place in order:
        told = table[kept, place]
        solved = np.linalg.lstsq(table[np.ix_(kept, kept)], told, rcond=None)[0]
        found[place] = np.clip(told @ solved, 0, 1)
        if found[place] <= most:
            kept.append(place)
    return found
