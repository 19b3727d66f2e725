"""Uplift: what a programme adds to how often customers buy, from a trial by lot.

Sources: Ascarza (2018), "Retention Futility", Journal of Marketing Research 55:80, for ranking by what is added and
not by level; Cameron & Trivedi (2013), "Regression Analysis of Count Data", 2nd ed., chapter 3, for the equations;
MacKinnon & White (1985), "Some heteroskedasticity-consistent covariance matrix estimators", Journal of Econometrics
29:305 (HC3); Rubin (1981), "The Bayesian Bootstrap", Annals of Statistics 9:130.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playbook.methods.intervals import Z90

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
DISPERSION = (
    0.5  # of purchases around their mean, variance = mean + DISPERSION mean^2: sets weights, not the target
)


def bayesian_weights(draws: int, n: int, rng: np.random.Generator) -> Floats:
    """Return how often each of n units counts in each resample, (draws, n); each row sums to n.

    Rubin (1981): exponential instead of multinomial weights, so that no unit, and no arm of a small trial, is ever
    left out altogether.

    Examples
    --------
    >>> bayesian_weights(3, 5, np.random.default_rng(1)).sum(axis=1).round(6).tolist()
    [5.0, 5.0, 5.0]
    """
    weights = rng.standard_exponential((draws, n))
    return np.asarray(weights * (n / weights.sum(axis=1, keepdims=True)))


def count_regression(
    counts: ArrayLike, design: ArrayLike, *, weights: ArrayLike | None = None, exposure: ArrayLike = 1.0
) -> Floats:
    """Fit log-linear means to counts, in many resamples at once.

    Parameters
    ----------
    counts : array_like, shape (n,)
        What is explained.
    design : array_like, shape (n, k)
        Its first column is 1.
    weights : array_like, shape (draws, n), optional
        How often each row counts; one draw of ones by default.
    exposure : array_like, shape (n,) or ()
        Time in which each was counted.

    Returns
    -------
    ndarray, shape (draws, k)

    Notes
    -----
    Negative binomial estimating equations with the dispersion held at `DISPERSION`: consistent whenever the mean is
    log-linear. Dispersion only says how much a large count weighs.

    Examples
    --------
    >>> count_regression([2, 2, 6, 6], [[1, 0], [1, 0], [1, 1], [1, 1]]).round(3).tolist()
    [[0.693, 1.099]]
    """
    y, x = np.asarray(counts, dtype=float), np.asarray(design, dtype=float)
    w = np.ones((1, len(y))) if weights is None else np.asarray(weights, dtype=float)
    size = x.shape[1]
    products = np.einsum("ni,nj->nij", x, x).reshape(len(y), -1)
    log_time = np.log(np.broadcast_to(np.asarray(exposure, dtype=float), y.shape))
    found = np.zeros((len(w), size))
    found[:, 0] = np.log(w @ y / (w @ np.exp(log_time)))
    for _ in range(50):
        mean = np.exp(np.clip(found @ x.T + log_time, -30.0, 30.0))
        part = w / (1 + DISPERSION * mean)
        bend = (part * mean @ products).reshape(-1, size, size) + 1e-9 * np.eye(size)
        step = np.linalg.solve(bend, (part * (y - mean) @ x)[..., None])[..., 0]
        found += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(found)


def robust_error(
    counts: ArrayLike, design: ArrayLike, found: Floats, *, weights: ArrayLike, exposure: ArrayLike = 1.0
) -> Floats:
    """Return standard errors of `count_regression` that hold whatever the counts' variance, (k,).

    HC3: each residual is divided by one less its leverage, which keeps small samples honest.
    """
    x, w = np.asarray(design, dtype=float), np.asarray(weights, dtype=float)
    mean = np.exp(x @ found) * np.asarray(exposure, dtype=float)
    part = w / (1 + DISPERSION * mean)
    inverse = np.linalg.inv((x * (part * mean)[:, None]).T @ x)
    leverage = np.einsum("ni,ij,nj->n", x, inverse, x) * part * mean
    scores = x * (part * (np.asarray(counts, dtype=float) - mean) / (1 - leverage))[:, None]
    return np.asarray(np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse)))


@dataclass(frozen=True)
class Effect:
    """Logarithm of how much more often the treated buy: by lot, its resamples, and (NaN: too few) as chosen."""

    by_lot: int
    log: float
    draws: Floats
    chosen: float

    def added(self, without: ArrayLike, already: ArrayLike, log: ArrayLike) -> Floats:
        """Return margin added to what customers bring who have the programme not yet, and `already`.

        Examples
        --------
        >>> float(Effect(0, 0, np.empty(0), 0).added(100.0, 150.0, np.log(1.5)).round(6))
        100.0
        """
        return np.asarray(
            np.expm1(log) * (np.asarray(without) + np.asarray(already) * np.exp(-np.asarray(log)))
        )


@dataclass(frozen=True)
class Trial:
    """Who was assigned to which arm, and what they bought; (m,) each.

    Parameters
    ----------
    unit : ndarray of int
        Position of each customer among all.
    by_lot, given : ndarray of bool
        Assigned at random, not chosen by people; got the programme.
    chance : ndarray
        Of the arm that each got by lot.
    before : ndarray, shape (m, j)
        Purchases in spans of time before; what takes out most of how customers differ.
    after, weeks : ndarray
        Purchases since, and in how long.
    """

    unit: NDArray[np.int64]
    by_lot: Flags
    given: Flags
    chance: Floats
    before: Floats
    after: Floats
    weeks: Floats

    def treated(self, n: int) -> Flags:
        """Return which of all `n` customers have the programme."""
        has_it = np.zeros(n, dtype=bool)
        has_it[self.unit[self.given]] = True
        return has_it

    def effect(self, among: Flags, weights: Floats, *, least: int = 6) -> Effect | None:
        """Estimate the effect on some customers; None where an arm has fewer than `least`, or no purchase.

        The resamples are stretched about the estimate until their spread is that of HC3 with Student's t: the plain
        bootstrap of thirty skewed customers is too narrow.

        Parameters
        ----------
        among : ndarray of bool, shape (n,)
            Of all customers, whom it is about.
        weights : ndarray, shape (draws, n)
            How often each customer counts in each resample.
        least : int
            Customers that an arm needs.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> rate, given = rng.gamma(1.0, 10.0, 2000), rng.random(2000) < 0.5
        >>> after = rng.poisson(rate * np.where(given, 1.5, 1.0))
        >>> every = np.ones(2000, dtype=bool)
        >>> trial = Trial(np.arange(2000), every, given, every / 2, rng.poisson(rate)[:, None], after, every * 52.0)
        >>> found = trial.effect(every, bayesian_weights(50, 2000, rng))
        >>> bool(abs(found.log - np.log(1.5)) < 0.1)
        True
        """
        from scipy.special import stdtrit

        lot = among[self.unit] & self.by_lot
        if not self._holds(lot, least):
            return None
        y, time, share = self.after[lot], self.weeks[lot], 1 / self.chance[lot]
        share = share / share.mean()
        old = np.log(self.before[lot] + 0.5)
        design = np.column_stack([np.ones(len(y)), self.given[lot], old - old.mean(axis=0)])
        found = count_regression(y, design, weights=share[None], exposure=time)[0]
        again = count_regression(y, design, weights=weights[:, self.unit[lot]] * share, exposure=time)[:, 1]
        error = robust_error(y, design, found, weights=share, exposure=time)[1]
        error *= stdtrit(len(y) - design.shape[1], 0.95) / Z90
        draws = found[1] + (again - again.mean()) * error / again.std()
        chosen = among[self.unit] & ~self.by_lot
        plain = (
            plain_ratio(self.after[chosen], self.given[chosen]) if self._holds(chosen, 1) else float("nan")
        )
        return Effect(int(lot.sum()), float(found[1]), draws, plain)

    def _holds(self, rows: Flags, least: int) -> bool:
        arms = (rows & self.given, rows & ~self.given)
        return all(arm.sum() >= least and self.after[arm].sum() > 0 for arm in arms)


def plain_ratio(after: ArrayLike, treated: ArrayLike) -> float:
    """Return the logarithm of the ratio of mean purchases with and without: what people look at first.

    Examples
    --------
    >>> round(plain_ratio([4, 2, 1, 1], [True, True, False, False]), 3)
    1.099
    """
    y, given = np.asarray(after, dtype=float), np.asarray(treated, dtype=bool)
    return float(np.log(y[given].mean() / y[~given].mean()))


def filled(need: ArrayLike, capacity: float) -> Flags:
    """Return which needs a capacity meets, in the order given: one that does not fit is passed over.

    Examples
    --------
    >>> filled([30.0, 80.0, 50.0], 100.0).tolist()
    [True, False, True]
    """
    left, met = float(capacity), []
    for each in np.asarray(need, dtype=float):
        met.append(bool(each <= left))
        left -= each if met[-1] else 0.0
    return np.array(met, dtype=bool)
