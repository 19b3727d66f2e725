"""Partial pooling: how much of what groups show is theirs, and how much is chance.

A group's own figure is pulled to that of all groups, the more so the less it rests on and the less groups differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playbook.methods.intervals import Z90

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROUNDS, TOLERANCE, LEAST = 80, 1e-3, 1e-7
ROW_GRID, COLUMN_GRID = 21, 11


def james_stein(values: ArrayLike, variance: float) -> tuple[NDArray[np.float64], float]:
    """Pull means of equal precision to their own mean.

    Parameters
    ----------
    values : array_like, (k,)
        One mean per group, k of 4 or more.
    variance : float
        Sampling variance of each, in the squared unit of `values`.

    Returns
    -------
    ndarray, (k,)
        Estimates.
    float
        The share c of a group's distance from the mean that is kept, c = max(0, 1 - (k - 3) variance / S).

    Raises
    ------
    ValueError
        For fewer than four groups, or a variance that is not positive.

    References
    ----------
    Efron & Morris (1977), Stein's paradox in statistics, Scientific American 236(5), the shrinking factor c for an unknown
    grand mean, with its positive part.

    Examples
    --------
    >>> estimates, kept = james_stein([0, 1, 2, 3, 4], 1.0)
    >>> estimates.round(6).tolist(), kept
    ([0.4, 1.2, 2.0, 2.8, 3.6], 0.8)
    """
    y = np.asarray(values, dtype=float)
    if len(y) < 4 or not variance > 0:
        raise ValueError(f"needs at least 4 groups and a positive variance; got {len(y)} and {variance}")
    spread = float(((y - y.mean()) ** 2).sum())
    kept = max(0.0, 1 - (len(y) - 3) * variance / spread) if spread > 0 else 0.0
    return y.mean() + kept * (y - y.mean()), kept


@dataclass(frozen=True)
class Pooled:
    """Group means after partial pooling.

    Parameters
    ----------
    mean, error : float
        Mean over groups and its standard error.
    between : float
        Standard deviation of the groups' true means.
    estimate, deviation : ndarray, (k,)
        Posterior mean and standard deviation of each group.
    """

    mean: float
    error: float
    between: float
    estimate: NDArray[np.float64]
    deviation: NDArray[np.float64]


def pooled_means(estimates: ArrayLike, errors: ArrayLike) -> Pooled:
    """Pool means of unequal precision; the variance between groups by restricted maximum likelihood.

    Parameters
    ----------
    estimates, errors : array_like, (k,)
        One mean per group with its standard error, k of 3 or more.

    Raises
    ------
    ValueError
        For fewer than three groups, or errors that are not positive.

    References
    ----------
    DerSimonian & Laird (1986), Controlled Clinical Trials 7(3) (moments, the start, and the REML iteration); Morris (1983),
    JASA 78(381), for the deviations, which add what is not known of the mean.

    Examples
    --------
    >>> found = pooled_means([1.0, 2.0, 6.0], [1.0, 1.0, 1.0])
    >>> round(found.between**2, 3), found.estimate.round(2).tolist()
    (6.0, [1.29, 2.14, 5.57])
    """
    y, variances = np.asarray(estimates, dtype=float), np.asarray(errors, dtype=float) ** 2
    if len(y) < 3 or not (variances > 0).all():
        raise ValueError(f"needs at least 3 groups with positive errors; got {len(y)}")
    w = 1 / variances
    mean = (w * y).sum() / w.sum()
    q = (w * (y - mean) ** 2).sum()
    between = max(0.0, (q - (len(y) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    for _ in range(200):
        w = 1 / (variances + between)
        mean = (w * y).sum() / w.sum()
        now = (w**2 * ((y - mean) ** 2 - variances)).sum() / (w**2).sum() + 1 / w.sum()
        now, before = max(0.0, float(now)), between
        between = now
        if abs(now - before) < 1e-10 * (variances.mean() + now):
            break
    w = 1 / (variances + between)
    mean, kept = (w * y).sum() / w.sum(), between * w
    deviation = np.sqrt(kept * variances + (1 - kept) ** 2 / w.sum())
    return Pooled(
        float(mean), float(w.sum() ** -0.5), float(between**0.5), mean + kept * (y - mean), deviation
    )


@dataclass(frozen=True)
class CrossedSlopes:
    """Effects of one treatment that differ by row group and by column group.

    The effect on row group u and column group c is the average effect plus rows[u] plus columns[c].

    Parameters
    ----------
    slope : float
        Average effect.
    rows, columns : ndarray, (U,), (C,)
        Posterior means of each group's deviation from it.
    levels : ndarray, (U,)
        Mean of each row group without the treatment.
    between : dict
        Restricted maximum likelihood estimates of the standard deviation of: row levels, row slopes, column levels, column
        slopes; and of one measurement (residual).
    row_spread, column_spread : ndarray, (2, k)
        Standard deviations of the slopes that were tried, and their posterior weights (sum 1).
    """

    slope: float
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    levels: NDArray[np.float64]
    between: dict[str, float]
    row_spread: NDArray[np.float64]
    column_spread: NDArray[np.float64]
    _parts: tuple[_Part, ...]

    def average(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64], *, z: float = Z90
    ) -> NDArray[np.float64]:
        """Return averages of the effect over measurements: estimate, low and high, (k, 3).

        Parameters
        ----------
        rows, columns : ndarray, (k, U), (k, C)
            Measurements of each average by row group, and the same by column group.
        z : float
            Half width of the interval in standard deviations.
        """
        rows, columns = (part / part.sum(axis=1, keepdims=True) for part in (rows, columns))
        mean = rows @ (self.slope + self.rows) + columns @ self.columns
        variance = np.zeros(len(mean))
        for part in self._parts:
            loading = _loading(rows) - columns @ part.on_column.T
            off = loading @ part.theta + columns @ part.alone - mean
            own = ((loading @ part.covariance) * loading).sum(axis=1) + columns**2 @ part.variance
            variance += part.weight * (own + off**2)
        return _interval(mean, variance, z)

    def of_columns(self, mix: NDArray[np.float64], *, z: float = Z90) -> NDArray[np.float64]:
        """Return the effect on each column group: estimate, low and high, (C, 3).

        Parameters
        ----------
        mix : ndarray, (C, U)
            Measurements of each column group by row group.
        z : float
            Half width of the interval in standard deviations.
        """
        rows = mix / np.maximum(mix.sum(axis=1, keepdims=True), 1e-12)
        mean = rows @ (self.slope + self.rows) + self.columns
        variance = np.zeros(len(mean))
        for part in self._parts:
            loading = _loading(rows) - part.on_column.T
            off = loading @ part.theta + part.alone - mean
            own = ((loading @ part.covariance) * loading).sum(axis=1) + part.variance
            variance += part.weight * (own + off**2)
        return _interval(mean, variance, z)


@dataclass(frozen=True)
class _Part:
    """The posterior for one spread of column slopes: of the row side, theta; of column c, alone - on_column[:, c] theta."""

    weight: float
    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    on_column: NDArray[np.float64]
    alone: NDArray[np.float64]
    variance: NDArray[np.float64]


def _interval(mean: NDArray[np.float64], variance: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    half = z * np.sqrt(variance)
    return np.stack([mean, mean - half, mean + half], axis=1)


def _loading(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    zeros = np.zeros((len(rows), 1))
    return np.hstack([zeros, rows.sum(axis=1, keepdims=True), np.zeros_like(rows), rows])


def overdispersion(cell: ArrayLike, size: ArrayLike, total: ArrayLike) -> float:
    """Return how much more the batches of a cell differ than their single measurements would by themselves; 1 at least.

    Pearson's statistic over its degrees of freedom.

    Parameters
    ----------
    cell : array_like of int, (n,)
        Cell of each batch (say, a unit's week), numbered from 0.
    size, total : array_like, (n,)
        Measurements in the batch, and how many of them were 1.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 4.5.

    Examples
    --------
    >>> overdispersion([0, 0], [10, 10], [2, 8])
    7.2
    """
    code, n, y = np.asarray(cell), np.asarray(size, dtype=float), np.asarray(total, dtype=float)
    share = (np.bincount(code, y) / np.maximum(np.bincount(code, n), 1e-12))[code]
    chance = n * share * (1 - share)
    used = chance > 0  # no empty batches, and no cells of which all are alike
    free = int(used.sum()) - len(np.unique(code[used]))
    squares = float(((y - n * share)[used] ** 2 / chance[used]).sum())
    return max(1.0, squares / free) if free > 0 else 1.0


def shortest_interval(spread: NDArray[np.float64], level: float = 0.9) -> tuple[float, float]:
    """Return the shortest interval that holds `level` of the weights; it begins at the first value where that is likely.

    Parameters
    ----------
    spread : ndarray, (2, k)
        Values in order, and weights that sum to one.

    Examples
    --------
    >>> shortest_interval(np.array([[0.0, 1.0, 2.0, 3.0], [0.5, 0.3, 0.15, 0.05]]), 0.7)
    (0.0, 1.0)
    """
    tried, weight = spread
    order = np.argsort(-weight, kind="stable")
    inside = order[: int(np.searchsorted(np.cumsum(weight[order]), level)) + 1]
    return float(tried[inside].min()), float(tried[inside].max())


def crossed_slopes(
    row: ArrayLike, column: ArrayLike, treated: ArrayLike, size: ArrayLike, total: ArrayLike
) -> CrossedSlopes:
    """Fit levels and slopes that differ by two crossed groupings, from counts per cell.

    One measurement y (0 or 1) of row group u and column group c is y = level + level_u + level_c + t (slope + slope_u +
    slope_c) + e, with t = treated. All four kinds of group effects are normal and independent. Variances are those of
    restricted maximum likelihood, but what is not known about the spreads of row slopes and of column slopes is averaged
    over (flat in each standard deviation). Column groups, of which there may be many, are absorbed, so that only systems
    of the number of row groups are solved.

    Parameters
    ----------
    row, column : array_like of int, (n,)
        Groups of each cell, numbered from 0.
    treated : array_like, (n,)
        1 with the treatment, 0 without.
    size, total : array_like, (n,)
        Measurements in the cell and their sum (how many were 1). Dividing both by a number above one tells that
        measurements are not independent.

    Raises
    ------
    ValueError
        With fewer than three row groups, or when one arm is empty.

    References
    ----------
    Henderson (1975), Biometrics 31(2) (mixed model equations); Schall (1991),
    Biometrika 78(4) (the iteration for variances); Gelman (2006), Bayesian Analysis 1(3) (flat on the standard deviation).

    Examples
    --------
    Three row groups of one large column group each; the treatment lowers the share of ones by a half in the first only.

    >>> found = crossed_slopes([0, 0, 1, 1, 2, 2], [0] * 6, [0, 1] * 3, [1e4] * 6, [8e3, 3e3, 8e3, 8e3, 8e3, 8e3])
    >>> (-100 * (found.slope + found.rows)[0]).round(0).item()
    50.0
    """
    model = _Crossed(*(np.asarray(part) for part in (row, column, treated, size, total)))
    variances = model.fit()
    return model.posterior(variances)


class _Crossed:
    """Sums that the mixed model equations are made of; effects are ordered: mean, slope, row levels, row slopes."""

    def __init__(
        self, row: NDArray, column: NDArray, treated: NDArray, size: NDArray, total: NDArray
    ) -> None:
        self.u, self.c = int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1
        self.n, self.yy = float(size.sum()), float(total.sum())
        self.noise = self.yy / self.n * (1 - self.yy / self.n) if self.n else 0.0
        share = float((size * treated).sum()) / max(self.n, 1.0)
        if self.u < 3 or not 0 < share < 1:
            raise ValueError(f"needs 3 row groups and both arms; got {self.u} and {share:.0%} treated")
        x = treated - share  # centred, so that levels and slopes hardly lean on each other
        self.share = share
        cell = row * self.c + column
        n, nx, nxx, y, xy = (
            np.bincount(cell, weights, self.u * self.c).reshape(self.u, self.c)
            for weights in (size, size * x, size * x * x, total, total * x)
        )
        self.cross = np.stack([np.vstack([n, nx]), np.vstack([nx, nxx])])  # (2, 2U, C)
        self.inner = np.stack([n.sum(0), nx.sum(0), nxx.sum(0)])  # (3, C)
        self.zy = np.stack([y.sum(0), xy.sum(0)])  # (2, C)
        square = [[np.diag(part.sum(1)) for part in pair] for pair in ((n, nx), (nx, nxx))]
        self.map = np.vstack([np.kron(np.eye(2), np.ones(self.u)), np.eye(2 * self.u)])  # (2 + 2U, 2U)
        self.square = self.map @ np.block(square) @ self.map.T
        self.right = self.map @ np.concatenate([y.sum(1), xy.sum(1)])

    def absorb(self, level: float, slope: float) -> None:
        """Take the column groups out of the equations, given residual over column variances."""
        n, nx, nxx = self.inner
        a, d = n + level, nxx + slope
        det = a * d - nx**2
        self.inverse = np.stack([d / det, -nx / det, a / det])  # of each column's 2 x 2 matrix
        first, second = self.cross
        self.loads = np.stack(
            [
                first * self.inverse[0] + second * self.inverse[1],
                first * self.inverse[1] + second * self.inverse[2],
            ]
        )
        self.log_det = float(np.log(det).sum())
        (y, xy), inverse = self.zy, self.inverse
        self.alone = np.stack([inverse[0] * y + inverse[1] * xy, inverse[1] * y + inverse[2] * xy])
        gone = self.loads[0] @ first.T + self.loads[1] @ second.T
        self.left = self.square - self.map @ gone @ self.map.T
        self.known = self.right - self.map @ (self.loads[0] @ y + self.loads[1] @ xy)

    def solve(self, level: float, slopes: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return, for residual over row variances, the row side's coefficients, their inverses and solutions, (k, ...)."""
        left = np.repeat(self.left[None], len(slopes), axis=0)
        at = np.arange(2, 2 + 2 * self.u)
        left[:, at[: self.u], at[: self.u]] += level
        left[:, at[self.u :], at[self.u :]] += slopes[:, None]
        inverse = np.linalg.inv(left)
        return left, inverse, inverse @ self.known

    def columns(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return levels and slopes of the column groups, (2, C)."""
        return self.alone - (self.map.T @ theta) @ self.loads

    def residual(self, theta: NDArray[np.float64]) -> float:
        """Return y'y less what the solution takes up, as the column groups follow from the row side."""
        return self.yy - float(theta @ self.known) - float((self.alone * self.zy).sum())

    def fit(self) -> NDArray[np.float64]:
        """Return the variances: residual, row levels, row slopes, column levels, column slopes."""
        v = self.noise * np.array([1.0, 0.01, 0.01, 0.01, 0.01])
        groups = np.array([self.u, self.u, self.c, self.c])
        for _ in range(ROUNDS):
            ratio = v[0] / v[1:]
            self.absorb(ratio[2], ratio[3])
            _, inverse, theta = (part[0] for part in self.solve(ratio[0], ratio[1:2]))
            found = self.columns(theta)
            inner = self.map.T @ inverse @ self.map
            own = self.inverse[[0, 2]].sum(1) + [(loads * (inner @ loads)).sum() for loads in self.loads]
            unknown = np.r_[np.diag(inverse)[2:].reshape(2, -1).sum(1), own]
            squares = np.r_[(theta[2:].reshape(2, -1) ** 2).sum(1), (found**2).sum(1)]
            free = np.maximum(groups - ratio * unknown, 1e-9)
            new = np.r_[self.residual(theta) / (self.n - 2), squares / free]
            new[1:] = np.clip(new[1:], LEAST * new[0], None)
            moved = np.abs(np.sqrt(new) - np.sqrt(v)).max()
            v = new
            if moved < TOLERANCE * np.sqrt(v[0]):
                break
        return v

    def posterior(self, v: NDArray[np.float64]) -> CrossedSlopes:
        """Return effects given the variances of residual and levels, averaged over the spreads of the slopes."""
        noise = v[0]
        row = self._reach(v[2], np.diag(self.square)[2 + self.u :], ROW_GRID)
        column = self._reach(v[4], self.inner[2], COLUMN_GRID)
        row_ratio, column_ratio = (noise / np.maximum(tried**2, LEAST * noise) for tried in (row, column))
        fits, kept = np.zeros((len(column), len(row))), []
        for i, ratio in enumerate(column_ratio):
            self.absorb(noise / v[3], ratio)
            left, inverse, theta = self.solve(noise / v[1], row_ratio)
            misfit = np.array([self.residual(each) for each in theta]) / noise
            free = self.u * np.log(row_ratio) + self.c * np.log(ratio) - self.log_det
            fits[i] = 0.5 * (free - misfit - np.linalg.slogdet(left)[1])
            kept.append((inverse, theta, self.map @ self.loads[1], self.alone[1], noise * self.inverse[2]))
        weight = np.exp(fits - fits.max())
        weight /= weight.sum()
        parts = []
        for own, (inverse, theta, on_column, alone, variance) in zip(weight, kept, strict=True):
            share = own / own.sum()
            mean = share @ theta
            off = theta - mean
            covariance = noise * np.tensordot(share, inverse, 1) + (off.T * share) @ off
            parts.append(_Part(float(own.sum()), mean, covariance, on_column, alone, variance))
        theta = np.sum([part.weight * part.theta for part in parts], axis=0)
        columns = np.sum([part.weight * (part.alone - part.theta @ part.on_column) for part in parts], axis=0)
        rows = theta[2 + self.u :]
        names = ("residual", "row levels", "row slopes", "column levels", "column slopes")
        return CrossedSlopes(
            float(theta[1]),
            rows,
            columns,
            theta[0] + theta[2 : 2 + self.u] - self.share * (theta[1] + rows),
            dict(zip(names, np.sqrt(v).tolist(), strict=True)),
            np.stack([row, weight.sum(0)]),
            np.stack([column, weight.sum(1)]),
            tuple(part for part in parts if part.weight > 1e-6),
        )

    def _reach(self, variance: float, information: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
        """Return standard deviations to try: from 0 to where the likelihood is spent."""
        known = float(
            (information**2).sum() ** 0.5
        )  # 1 / standard error of the variance, in units of the noise
        return np.linspace(0.0, float(np.sqrt(4 * variance + 6 * self.noise / known)), steps)
