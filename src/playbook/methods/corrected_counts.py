"""Shares and slopes from a classifier's guesses, corrected by cases whose truth is known.

Sources: Forman (2008), Data Min. Knowl. Disc. 17:164 (adjusted classify and count); Angelopoulos, Bates, Fannjiang, Jordan
& Zrnic (2023), Science 382:669 (prediction-powered inference); Angelopoulos, Duchi & Zrnic (2023), arXiv:2311.01453
(how much weight the guesses deserve).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Corrected:
    """A corrected figure.

    Parameters
    ----------
    estimate, low, high : float
        With its interval.
    power : float
        Weight of the guesses: 0 uses the known cases alone; NaN where it has no meaning.
    """

    estimate: float
    low: float
    high: float
    power: float = float("nan")

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2


def adjusted_count(
    guesses: ArrayLike, truth: ArrayLike, known: ArrayLike, *, level: float = 0.9
) -> Corrected:
    """Return the share of positives, from the share guessed and the classifier's rates of right and false alarms.

    Parameters
    ----------
    guesses : array_like, shape (N,)
        0 or 1, for all cases.
    truth : array_like, shape (n,)
        0 or 1, for the known cases.
    known : array_like of int, shape (n,)
        Positions in `guesses` of the known cases, drawn by lot.
    level : float
        Nominal coverage (delta method; the errors of the three shares as independent).

    Raises
    ------
    ValueError
        When known cases lack positives or negatives, or the classifier is no better than chance.

    Notes
    -----
    Forman (2008), section 2.2: p = (guessed share - fpr) / (tpr - fpr), cut off at 0 and 1.

    Examples
    --------
    Half the positives and a tenth of the negatives are flagged; 26 in 100 flags mean 40 positives.

    >>> guesses = np.r_[np.ones(5), np.zeros(5), np.ones(1), np.zeros(9), np.ones(20), np.zeros(60)]
    >>> found = adjusted_count(guesses, np.r_[np.ones(10), np.zeros(10)], np.arange(20))
    >>> round(found.estimate, 3)
    0.4
    """
    guesses, truth, known = np.asarray(guesses, float), np.asarray(truth, float), np.asarray(known)
    positives, negatives = truth.sum(), (1 - truth).sum()
    if positives == 0 or negatives == 0:
        raise ValueError("an adjusted count needs known cases of both kinds")
    hit = (guesses[known] * truth).sum() / positives
    false = (guesses[known] * (1 - truth)).sum() / negatives
    if hit <= false:
        raise ValueError("the classifier flags positives no more often than negatives: nothing to adjust")
    observed, n = guesses.mean(), len(guesses)
    share = float((observed - false) / (hit - false))
    variance = (
        observed * (1 - observed) / n
        + share**2 * hit * (1 - hit) / positives
        + (1 - share) ** 2 * false * (1 - false) / negatives
    ) / (hit - false) ** 2
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance))
    low, share, high = np.clip([share - half, share, share + half], 0, 1).tolist()
    return Corrected(share, low, high)


def ppi_mean(
    truth: ArrayLike,
    guesses: ArrayLike,
    others: ArrayLike,
    *,
    power: float | None = None,
    level: float = 0.9,
) -> Corrected:
    """Return the prediction-powered mean.

    Parameters
    ----------
    truth, guesses : array_like, shape (n,)
        Of the known cases, drawn by lot.
    others : array_like, shape (N,)
        Guesses for the cases that are not known.
    power : float, optional
        Weight of the guesses: 1 is the method of 2023; None chooses the weight with the narrowest interval.
    level : float
        Nominal coverage.

    Raises
    ------
    ValueError
        With fewer than two cases of either kind.

    Examples
    --------
    >>> found = ppi_mean([1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], power=1.0)
    >>> found.estimate  # 0.25 guessed, plus 0.25 missed on average
    0.5
    """
    truth = np.asarray(truth, float)[:, None]
    guesses, others = np.asarray(guesses, float)[:, None], np.asarray(others, float)[:, None]
    return _combined(truth, guesses, others, power, level)[0]


def planned_half(
    spread: float, correlation: float, known: ArrayLike, cases: float, *, level: float = 0.9
) -> NDArray[np.float64] | float:
    """Return the half interval that `ppi_mean` will have, for planning.

    Parameters
    ----------
    spread : float
        Standard deviation of the truth.
    correlation : float
        Of guesses and truth.
    known : array_like
        Cases to be known, drawn by lot.
    cases : float
        Known and other cases together.
    level : float
        Nominal coverage.

    Notes
    -----
    The variance at the best weight of the guesses: spread^2 / n (1 - correlation^2 (1 - n / cases)).

    Examples
    --------
    >>> round(planned_half(0.5, 0.0, 100, 1000), 4)  # guesses worth nothing: 1.645 x 0.5 / 10
    0.0822
    """
    n = np.asarray(known, dtype=float)
    left = 1 - max(correlation, 0.0) ** 2 * (1 - n / cases)
    half = NormalDist().inv_cdf((1 + level) / 2) * spread * np.sqrt(left / n)
    return float(half) if half.ndim == 0 else half


def ppi_slope(
    x: ArrayLike,
    truth: ArrayLike,
    guesses: ArrayLike,
    x_others: ArrayLike,
    others: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    weights_others: ArrayLike | None = None,
    power: float | None = None,
    level: float = 0.9,
) -> list[Corrected]:
    """Return prediction-powered least-squares coefficients.

    Parameters
    ----------
    x : array_like, shape (n, p)
        Regressors of the known cases, with a column of ones where an intercept is wanted.
    truth, guesses : array_like, shape (n,)
        Outcome of the known cases, and what was guessed for them.
    x_others, others : array_like, shapes (N, p), (N,)
        Regressors and guesses of the other cases.
    weights, weights_others : array_like, shapes (n,), (N,), optional
        How many cases of the population each stands for; by default all alike.
    power, level
        As in `ppi_mean`; the best weight is chosen for each coefficient.

    Raises
    ------
    ValueError
        When the regressors do not determine the coefficients, or with fewer than two cases of either kind.

    Notes
    -----
    Angelopoulos et al. (2023), algorithm for linear regression: coefficients from guesses for the other cases, less what
    the same regression on known cases shows them to be off. Here in the form of influence functions, so that weights and a
    power can enter.
    """
    x, x_others = np.asarray(x, float), np.asarray(x_others, float)
    w = _weights(weights, len(x))
    v = _weights(weights_others, len(x_others))
    gram, gram_others = (x.T * w) @ x / len(x), (x_others.T * v) @ x_others / len(x_others)
    if min(np.linalg.matrix_rank(gram), np.linalg.matrix_rank(gram_others)) < x.shape[1]:
        raise ValueError("the regressors do not vary enough to tell their coefficients apart")
    inverse, inverse_others = np.linalg.inv(gram), np.linalg.inv(gram_others)
    parts: list[NDArray[np.float64]] = []
    for of, at, weight, back in (
        (np.asarray(truth, float), x, w, inverse),
        (np.asarray(guesses, float), x, w, inverse),
        (np.asarray(others, float), x_others, v, inverse_others),
    ):
        beta = back @ (at.T @ (weight * of)) / len(at)
        parts.append(beta + (weight * (of - at @ beta))[:, None] * (at @ back))
    return _combined(parts[0], parts[1], parts[2], power, level)


def _weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    w = np.ones(n) if weights is None else np.asarray(weights, float)
    return w / w.mean()


def _combined(
    truth: NDArray[np.float64],
    guesses: NDArray[np.float64],
    others: NDArray[np.float64],
    power: float | None,
    level: float,
) -> list[Corrected]:
    """Combine contributions whose column means are the estimates: known truth, known guesses, other guesses."""
    n, N = len(truth), len(others)
    if n < 2 or N < 2:
        raise ValueError(f"a correction needs at least two known and two other cases; got {n} and {N}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    found = []
    for y, f, g in zip(truth.T, guesses.T, others.T, strict=True):
        spread = ((f.var(ddof=1) * (n - 1)) + g.var(ddof=1) * (N - 1)) / (n + N - 2)
        best = float(np.cov(y, f)[0, 1] / ((1 + n / N) * spread)) if spread > 0 else 0.0
        weight = float(np.clip(best, 0, 1)) if power is None else power
        estimate = y.mean() + weight * (g.mean() - f.mean())
        variance = (y - weight * f).var(ddof=1) / n + weight**2 * g.var(ddof=1) / N
        half = z * float(np.sqrt(variance))
        found.append(Corrected(float(estimate), float(estimate - half), float(estimate + half), weight))
    return found
