"""Drawing from short lists, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


TEXT = pd.StringDtype("pyarrow", na_value=np.nan)  # what pandas calls "str"


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


def words(pool: Sequence[str], position: NDArray[np.integer]) -> pd.api.extensions.ExtensionArray:
    """Return the words at these positions of a list, as a text column.

    Examples
    --------
    >>> list(words(("gold", "silver"), np.array([1, 1, 0])))
    ['silver', 'silver', 'gold']
    """
    return pd.array(pa.array(pool, pa.large_string()).take(pa.array(position)), dtype=TEXT)
