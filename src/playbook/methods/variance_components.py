"""Variance components of nested levels, from expected mean squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def nested_components(values: ArrayLike, levels: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Estimate how much each of several nested levels adds to the variance of a measurement.

    Each sum of squares of the nested analysis of variance is set equal to its expectation, and the resulting triangular
    system is solved from the finest level up (analysis-of-variance estimator; groups may differ in size). Groups of the
    coarsest level are few and all there are, so each counts once, whatever its size (unweighted means).

    Parameters
    ----------
    values : array_like, (n,)
        Measurements.
    levels : sequence of array_like, each (n,)
        Group of each measurement, from the coarsest level to the finest; each group lies in one group of the level
        before.

    Returns
    -------
    ndarray, (len(levels) + 1,)
        Variance added by each level, and last that of measurements within a group of the finest level; in the squared
        unit of `values`. An estimate may be negative where the true one is near zero.

    Raises
    ------
    ValueError
        When levels are not nested, or a level has nowhere two groups in one group of the level before.

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, section 5.3 and appendix F.1 (nested, unbalanced;
    unweighted means in section 2.3).

    Examples
    --------
    Two groups of two, far apart: each mean carries half of the variance within.

    >>> nested_components([1, 2, 4.5, 5.5], [[0, 0, 1, 1]]).round(3).tolist()
    [5.875, 0.5]
    """
    design = _Design(values, levels, unit=2)
    return design.components(np.ones((1, design.units)))[0]


def resampled_components(
    values: ArrayLike, levels: Sequence[ArrayLike], *, unit: int, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return `nested_components` of bootstrap samples, (draws, len(levels) + 1).

    Whole groups of `levels[unit]` are drawn with replacement, within their group of the level before, so that what is
    alike stays together.

    Parameters
    ----------
    values, levels
        As in `nested_components`.
    unit : int
        Position in `levels` of the groups to draw, not the first.
    draws : int
        Bootstrap samples.
    rng : Generator
        Draws them.

    Raises
    ------
    ValueError
        As `nested_components`, and when `unit` is the coarsest level.

    References
    ----------
    Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8 (hierarchical data).
    """
    if unit < 1:
        raise ValueError("the coarsest groups are all there are: draw groups of a finer level")
    design = _Design(values, levels, unit=unit + 1)
    weights = np.zeros((draws, design.units))
    parent = design.parent_of_unit
    for group in range(parent.max() + 1):
        own = np.flatnonzero(parent == group)
        weights[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=draws)
    return design.components(weights)


class _Design:
    """Sums over nested groups; `unit` is the level (1 = coarsest) whose groups may count several times."""

    def __init__(self, values: ArrayLike, levels: Sequence[ArrayLike], unit: int) -> None:
        y = np.asarray(values, dtype=float)
        known = [np.unique(np.asarray(level), return_inverse=True)[1] for level in levels]
        self.codes = [np.zeros(len(y), dtype=np.int64), *known, np.arange(len(y))]
        for coarse, fine in zip(self.codes, self.codes[1:], strict=False):
            if (_parents(fine, coarse)[fine] != coarse).any():
                raise ValueError("levels are not nested: a group lies in two groups of the level before")
        self.y, self.unit = y - y.mean(), unit
        self.units = int(self.codes[unit].max()) + 1
        self.parent_of_unit = _parents(self.codes[unit], self.codes[unit - 1])

    def components(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve for every row of `weights`, (draws, units)."""
        last = len(self.codes) - 1
        total = weights @ np.bincount(self.codes[self.unit])
        found = np.zeros((len(weights), last + 1))
        for i in range(last, 1, -1):
            left = self._squares(i, weights) - self._squares(i - 1, weights)
            for j in range(i + 1, last + 1):
                left = left - found[:, j] * (self._share(j, i, weights) - self._share(j, i - 1, weights))
            own = total - self._share(i, i - 1, weights)
            if (own < 1e-9 * total).any():
                raise ValueError(
                    f"level {i} has no two groups in one group of the level before: nothing to compare"
                )
            found[:, i] = left / own
        found[:, 1] = self._between_coarsest(weights, found)
        return found[:, 1:]

    def _between_coarsest(
        self, weights: NDArray[np.float64], found: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the variance of the coarsest groups' means, less what finer levels add to it, (draws,)."""
        sizes = self._sizes(1, weights)
        if sizes.shape[1] < 2:
            raise ValueError("the coarsest level has one group: nothing to compare")
        means = self._coarse(1, np.bincount(self.codes[self.unit], self.y), weights) / sizes
        variance = means.var(axis=1, ddof=1)
        for j in range(2, len(self.codes)):
            variance = variance - found[:, j] * (self._pairs(j, 1, weights) / sizes**2).mean(axis=1)
        return variance

    def _squares(self, i: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over groups of level i of (sum of values)^2 / size, (draws,)."""
        if i >= self.unit:
            code = self.codes[i]
            each = np.bincount(code, self.y) ** 2 / np.bincount(code)
            return weights @ np.bincount(_parents(code, self.codes[self.unit]), each, minlength=self.units)
        sums = self._coarse(i, np.bincount(self.codes[self.unit], self.y), weights)
        return (sums**2 / np.maximum(self._sizes(i, weights), 1)).sum(axis=1)

    def _share(self, j: int, i: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coefficient of level j's variance in the expectation of level i's squares (i <= j), (draws,)."""
        fine, coarse = self.codes[j], self.codes[i]
        if i >= self.unit:
            sizes = np.bincount(fine).astype(float)
            each = sizes**2 / np.bincount(coarse)[_parents(fine, coarse)]
            return weights @ np.bincount(_parents(fine, self.codes[self.unit]), each, minlength=self.units)
        return (self._pairs(j, i, weights) / np.maximum(self._sizes(i, weights), 1)).sum(axis=1)

    def _pairs(self, j: int, i: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of squared sizes of level j's groups in each group of a level i coarser than the unit."""
        fine, coarse = self.codes[j], self.codes[i]
        if j >= self.unit:
            parents = _parents(fine, self.codes[self.unit])
            return self._coarse(
                i, np.bincount(parents, np.bincount(fine) ** 2.0, minlength=self.units), weights
            )
        return self._sizes(j, weights) ** 2 @ _indicator(_parents(fine, coarse))

    def _sizes(self, i: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._coarse(i, np.bincount(self.codes[self.unit]), weights)

    def _coarse(self, i: int, of_unit: NDArray, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weighted sums over the units of each group of a coarser level, (draws, groups)."""
        return (weights * of_unit) @ _indicator(_parents(self.codes[self.unit], self.codes[i]))


def _parents(fine: NDArray[np.int64], coarse: NDArray[np.int64]) -> NDArray[np.int64]:
    parent = np.empty(int(fine.max()) + 1, dtype=np.int64)
    parent[fine] = coarse
    return parent


def _indicator(parent: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.eye(int(parent.max()) + 1)[parent]
