"""Draws by given shares and chances, in bulk."""

from __future__ import annotations

from math import erf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEW = 8  # comparing with each bound in turn is faster than a binary search up to here


def pick(shares: ArrayLike, n: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Return `n` positions drawn with these shares, which need not sum to 1."""
    table = np.cumsum(shares)
    bounds, drawn = table[:-1] / table[-1], rng.random(n)
    return count_below(bounds, drawn) if len(bounds) <= FEW else np.searchsorted(bounds, drawn, side="right")


def count_below(bounds: ArrayLike, values: NDArray[np.float64]) -> NDArray[np.integer]:
    """Return how many of a few bounds each value reaches, (n,)."""
    found = np.zeros(len(values), dtype=np.int8)
    for bound in np.asarray(bounds):
        found += values >= bound
    return found.astype(np.int32)


def choose(shares: ArrayLike, row: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a column drawn from each given row of `shares`, shape (n,)."""
    table = np.cumsum(shares, axis=1)
    table /= table[:, -1:]
    table[:, -1] = 1.0
    # All rows end to end, so that one search serves all.
    line = (table + np.arange(len(table))[:, None]).ravel()
    drawn = np.searchsorted(line, row + rng.random(len(row)), side="right") - row * table.shape[1]
    return np.minimum(drawn, table.shape[1] - 1)


def logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chances with these log odds.

    Examples
    --------
    >>> logistic(np.array([0.0, np.log(3.0)])).round(3).tolist()
    [0.5, 0.75]
    """
    return 1 / (1 + np.exp(-log_odds))


def normal_cdf(z: ArrayLike) -> NDArray[np.float64]:
    """Return the chances that a standard normal draw is below `z`.

    Examples
    --------
    >>> normal_cdf([0.0, 1.96]).round(3).tolist()
    [0.5, 0.975]
    """
    return 0.5 * (1 + np.vectorize(erf, otypes=[float])(np.asarray(z) / 2**0.5))
