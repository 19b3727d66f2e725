"""Regression of counts that vary more than Poisson, with normal priors on coefficients.

Source: McCullagh & Nelder (1989), *Generalized Linear Models*, 2nd edition: Fisher scoring (section 2.5), the negative
binomial as a Poisson with gamma rates (section 6.2.3), overdispersion by Pearson's statistic (section 4.5.2). A normal prior
adds its precision to the information matrix: the posterior's mode and, about it, its covariance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEPS = 60


def regression(
    count: ArrayLike,
    design: ArrayLike,
    exposure: ArrayLike,
    prior_sd: ArrayLike,
    *,
    spread: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Fit log(mean / exposure) = design @ coef to counts with variance mean + spread mean^2.

    Parameters
    ----------
    count : array_like, shape (n,)
        Events, 0 or more.
    design : array_like, shape (n, p)
        Columns; the first is the constant.
    exposure : array_like, shape (n,)
        Time or people at risk, above 0.
    prior_sd : array_like, shape (p,)
        Standard deviation of the normal prior (mean 0) of each coefficient; `inf` for none.
    spread : float, optional
        Variance beyond Poisson, in squares of the mean; by default that at which Pearson's statistic equals its degrees
        of freedom.

    Returns
    -------
    coef : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
    spread : float

    Raises
    ------
    ValueError
        When nothing was counted, or an exposure is not above 0.

    Examples
    --------
    >>> coef, cov, spread = regression([3, 5, 4], [[1], [1], [1]], [1, 1, 1], [np.inf], spread=0.0)
    >>> round(float(np.exp(coef[0])), 6), round(float(cov[0, 0]), 6)
    (4.0, 0.083333)
    """
    y, x, t = (np.asarray(a, dtype=float) for a in (count, design, exposure))
    if y.sum() <= 0 or (t <= 0).any():
        raise ValueError("a regression of counts needs events, and exposures above 0")
    penalty = np.diag(1 / np.asarray(prior_sd, dtype=float) ** 2)
    coef = np.zeros(x.shape[1])
    coef[0] = np.log(y.sum() / t.sum())
    beyond = 1.0 if spread is None else spread
    for _ in range(STEPS):
        mean = t * np.exp(np.clip(x @ coef, -30, 30))
        weight = mean / (1 + beyond * mean)
        fisher = x.T @ (weight[:, None] * x) + penalty
        step = np.linalg.solve(fisher, x.T @ (weight * (y - mean) / mean) - penalty @ coef)
        coef = coef + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if spread is None:
            free = len(y) - np.trace(np.linalg.solve(fisher, fisher - penalty))
            beyond = _overdispersion(y, mean, free)
        if np.abs(step).max() < 1e-8:
            break
    return coef, np.linalg.inv(fisher), beyond


def _overdispersion(count: NDArray[np.float64], mean: NDArray[np.float64], free: float) -> float:
    """Return the variance beyond Poisson, in squares of the mean, at which Pearson's statistic is `free`."""
    grid = np.concatenate([[0.0], np.geomspace(0.01, 10, 200)])
    pearson = ((count - mean) ** 2 / (mean + grid[:, None] * mean**2)).sum(axis=1)
    return float(np.interp(-free, -pearson, grid))
