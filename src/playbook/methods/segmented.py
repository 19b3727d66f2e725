"""Broken sticks: a share that stays level up to a knee and rises beyond it, the knee unknown.

Sources: Muggeo (2003), "Estimating regression models with unknown break-points", Statistics in Medicine 22:3055; Feder
(1975), "The log likelihood ratio in segmented regression", Annals of Statistics 3:84, for the profile interval; Hansen
(1996), "Inference when a nuisance parameter is not identified under the null hypothesis", Econometrica 64:413, for the test
of whether there is a knee at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BrokenStick:
    """A stick fitted at every candidate knee.

    Parameters
    ----------
    knee, low, high : float
        Most likely knee and its interval, in the unit of x. `high` is infinite when a stick without a knee is as likely.
    slope : float
        Rise beyond the knee, per unit of x.
    p_value : float
        How often data without any rise would show one as clear, at whatever candidate.
    candidates, slopes, information : ndarray, shape (g,)
        Knees tried, the slope at each, and its precision (1 / variance).
    drop : ndarray, shape (g,)
        Deviance above that of the most likely knee.
    level, size : float
        Coverage of the interval; p value up to which a rise counts as found.
    """

    knee: float
    low: float
    high: float
    slope: float
    p_value: float
    candidates: Array
    slopes: Array
    information: Array
    drop: Array
    level: float
    size: float

    @property
    def is_found(self) -> bool:
        """Whether the data hold a rise that chance would rarely make."""
        return self.p_value <= self.size

    def reach(self, rise: float) -> tuple[float, float, float]:
        """Return the x at which the share has risen by `rise` above its level before the knee, with its interval.

        All sticks, knee and slope together, whose deviance lies within the chi-square quantile of the best (profile
        likelihood) take part in the interval. An x beyond the last candidate comes back as infinite; `rise` 0 is the knee.
        """
        if rise < 0:
            raise ValueError(f"a rise must not be negative, got {rise}")
        if rise == 0:
            return self.knee, self.low, self.high
        spare = _critical(self.level) - self.drop
        kept = spare >= 0
        knees, width = self.candidates[kept], np.sqrt(spare[kept] / self.information[kept])
        low = float((knees + rise / np.maximum(self.slopes[kept] + width, 1e-12)).min())
        high = float((knees + rise / np.maximum(self.slopes[kept] - width, 1e-12)).max())
        best = self.knee + rise / max(self.slope, 1e-12)
        last = self.candidates[-1]
        return (
            best if best <= last else np.inf,
            min(low, float(last)),
            high if high <= last and self.is_found else np.inf,
        )


def _critical(level: float) -> float:
    """Return the quantile of chi-square with one degree of freedom."""
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval lies between 0 and 1, got {level}")
    return NormalDist().inv_cdf((1 + level) / 2) ** 2


def broken_stick(
    x: ArrayLike,
    y: ArrayLike,
    *,
    candidates: ArrayLike,
    strata: ArrayLike | None = None,
    controls: ArrayLike | None = None,
    level: float = 0.9,
    size: float = 0.05,
    draws: int = 1000,
    seed: int = 0,
) -> BrokenStick:
    """Fit share = level of the stratum + controls + slope (x - knee)+, level before the knee.

    Parameters
    ----------
    x : array_like, shape (n,)
        What may hurt, e.g. the logarithm of a wait.
    y : array_like of 0 and 1, shape (n,)
        Outcome.
    candidates : array_like, shape (g,)
        Knees to try, increasing, within the range of x.
    strata : array_like of int, shape (n,), optional
        Each has its own level.
    controls : array_like, shape (n, k), optional
        Enter as straight lines.
    level : float
        Coverage of the profile interval.
    size : float
        P value up to which a rise counts as found; otherwise the knee and its upper end are infinite.
    draws, seed : int
        Of the simulated distribution of the largest t value.

    Raises
    ------
    ValueError
        When y is not 0 and 1 or is always the same, or the candidates do not increase or leave no x beyond them.

    Notes
    -----
    Weighted least squares with the binomial variance of the fit without x. For a given knee the model is linear, so the
    profile over the knee needs no iteration; sums over "x beyond the knee" come from cumulated sums of the cells between
    candidates, and cost n + g rather than n g. The interval holds the knees whose deviance lies within the chi-square
    quantile of the best (Feder). The p value is that of the largest t over all candidates (Hansen), one-sided.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.uniform(0, 10, 4000)
    >>> y = rng.random(4000) < 0.2 + 0.1 * np.maximum(x - 6, 0)
    >>> stick = broken_stick(x, y, candidates=np.linspace(1, 9, 81))
    >>> stick.low <= 6 <= stick.high, stick.is_found
    (True, True)
    """
    x, y, z, strata = _inputs(x, y, controls, strata)
    knots = np.asarray(candidates, dtype=float)
    if len(knots) < 2 or (np.diff(knots) <= 0).any() or knots[-1] >= x.max():
        raise ValueError("candidate knees must increase and end before the largest x")
    plain = _within(y, z, strata, np.ones(len(y)))
    fitted = np.clip(y - plain, 0.05, 0.95)
    w = 1 / (fitted * (1 - fitted))
    rest = _within(y, z, strata, w)
    spread = float((w * rest**2).sum() / max(len(y) - strata.max() - 1 - z.shape[1], 1))

    cross, toward = _sums_beyond(x, rest, z, strata, w, knots)
    held = np.diag(cross)
    if (held <= 0).any():
        raise ValueError("a candidate knee has too few x beyond it to fit a slope")
    t = toward / np.sqrt(held * spread)
    best = int(np.argmax(t))
    gained = np.maximum(t, 0.0) ** 2
    drop = gained[best] - gained
    inside = np.flatnonzero(drop <= _critical(level))
    p_value = _largest(cross / np.sqrt(np.outer(held, held)), float(t[best]), draws, seed)
    return BrokenStick(
        knee=float(knots[best]) if p_value <= size else np.inf,
        # To the next candidate outward: between the two the deviance passes the quantile.
        low=float(knots[max(inside[0] - 1, 0)]),
        high=float(knots[min(inside[-1] + 1, len(knots) - 1)]) if p_value <= size else np.inf,
        slope=max(float(toward[best] / held[best]), 0.0),
        p_value=p_value,
        candidates=knots,
        slopes=toward / held,
        information=held / spread,
        drop=drop,
        level=level,
        size=size,
    )


def _inputs(
    x: ArrayLike, y: ArrayLike, controls: ArrayLike | None, strata: ArrayLike | None
) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or not len(y) or not np.isin(y, (0.0, 1.0)).all() or y.min() == y.max():
        raise ValueError("outcomes must be 0 and 1, both of them, one for each x")
    z = np.empty((len(y), 0)) if controls is None else np.asarray(controls, dtype=float).reshape(len(y), -1)
    codes = np.zeros(len(y), dtype=np.int64)
    if strata is not None:
        codes = np.asarray(strata)
        if codes.min() < 0 or codes.max() > 4 * len(codes):
            codes = np.unique(codes, return_inverse=True)[1]
        codes = (np.cumsum(np.bincount(codes) > 0) - 1)[codes]  # without gaps
    return x, y, z, codes


def _centred(values: Array, strata: NDArray[np.int64], w: Array) -> Array:
    """Return values less their weighted mean within the stratum."""
    return values - (np.bincount(strata, w * values) / np.bincount(strata, w))[strata]


def _within(y: Array, z: Array, strata: NDArray[np.int64], w: Array) -> Array:
    """Return what strata and controls leave unexplained of y."""
    y = _centred(y, strata, w)
    if not z.shape[1]:
        return y
    z = np.column_stack([_centred(column, strata, w) for column in z.T])
    return cast("Array", y - z @ np.linalg.lstsq((z.T * w) @ z, (z.T * w) @ y, rcond=None)[0])


def _sums_beyond(
    x: Array, rest: Array, z: Array, strata: NDArray[np.int64], w: Array, knots: Array
) -> tuple[Array, Array]:
    """Return products of the hinges (x - knee)+ with each other, net of strata and controls, and with `rest`."""
    cell = np.searchsorted(knots, x, side="left")  # 0: before the first candidate
    g = len(knots)

    def beyond(values: Array, groups: NDArray[np.int64] | None = None) -> Array:
        """Sum of values over x beyond each candidate, by group."""
        rows = 1 if groups is None else int(groups.max()) + 1
        key = cell if groups is None else groups * (g + 1) + cell
        table = np.bincount(key, values, rows * (g + 1)).reshape(rows, g + 1)
        return table[:, :0:-1].cumsum(axis=1)[:, ::-1]

    n0, n1, n2 = (beyond(w * x**power)[0] for power in (0, 1, 2))
    later = np.maximum.outer(np.arange(g), np.arange(g))
    cross = n2[later] - (knots[:, None] + knots) * n1[later] + np.outer(knots, knots) * n0[later]
    by_stratum = beyond(w * x, strata) - knots * beyond(w, strata)
    cross -= by_stratum.T @ (by_stratum / np.bincount(strata, w)[:, None])
    if z.shape[1]:
        z = np.column_stack([_centred(column, strata, w) for column in z.T])
        along = np.stack([beyond(w * c * x)[0] - knots * beyond(w * c)[0] for c in z.T])
        cross -= along.T @ np.linalg.lstsq((z.T * w) @ z, along, rcond=None)[0]
    return cross, beyond(w * rest * x)[0] - knots * beyond(w * rest)[0]


def _largest(correlation: Array, seen: float, draws: int, seed: int) -> float:
    """Return how often the largest of normal values with this correlation is at least `seen`."""
    # Neighbouring candidates are almost the same: a little noise of their own keeps the root real.
    root = np.linalg.cholesky(correlation + 1e-9 * np.eye(len(correlation)))
    normal = np.random.default_rng(seed).standard_normal((draws, len(correlation)))
    return float(((normal @ root.T).max(axis=1) >= seen).mean())


@dataclass(frozen=True)
class LogitStick:
    """A bent line of log-odds: `knee` with its standard error, profile interval, and the slopes `before` and `after`."""

    knee: float
    knee_se: float
    low: float
    high: float
    before: float
    after: float


def logit_stick(
    x: ArrayLike,
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    candidates: ArrayLike,
    level: float = 0.95,
    rounds: int = 12,
) -> LogitStick:
    """Fit log-odds = a + b x + c (x - knee)+ to grouped outcomes, with a slope of its own before the knee.

    Parameters
    ----------
    x, successes, trials : array_like, shape (n,)
        One row per group.
    candidates : array_like, shape (g,)
        Knees to try, increasing; g n numbers are held at once, so group the data first.
    level : float
        Coverage of the profile interval.
    rounds : int
        Newton steps for each candidate.

    Raises
    ------
    ValueError
        When successes do not lie between 0 and trials.

    Notes
    -----
    Muggeo (2003): the standard error of the knee is that of the coefficient of -c 1(x > knee) in the model that is
    linear around the estimate (his equation 4).

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> odds = np.exp(-3 + 0.3 * np.maximum(x - 10, 0))
    >>> fit = logit_stick(x, 1e4 * odds / (1 + odds), np.full(20, 1e4), candidates=np.arange(5, 15, 0.5))
    >>> fit.knee, round(fit.after, 2)
    (10.0, 0.3)
    """
    x, successes, trials = (np.asarray(v, dtype=float) for v in (x, successes, trials))
    if (successes < 0).any() or (successes > trials).any():
        raise ValueError("successes must lie between 0 and trials")
    knots = np.asarray(candidates, dtype=float)
    hinge = np.maximum(x[None, :] - knots[:, None], 0.0)
    design = np.stack([np.ones_like(hinge), np.broadcast_to(x, hinge.shape), hinge], axis=2)
    share = np.broadcast_to((successes + 0.5) / (trials + 1), hinge.shape)
    for _ in range(rounds):
        weight = trials * share * (1 - share)
        working = np.log(share / (1 - share)) * weight + successes - trials * share
        beta = np.linalg.solve(
            np.einsum("gnp,gn,gnq->gpq", design, weight, design),
            np.einsum("gnp,gn->gp", design, working)[..., None],
        )[..., 0]
        share = 1 / (1 + np.exp(-np.einsum("gnp,gp->gn", design, beta)))
    score = np.einsum("gnp,gp->gn", design, beta)
    deviance = -2 * (successes * score - trials * np.logaddexp(0, score)).sum(axis=1)
    best = int(deviance.argmin())
    inside = knots[deviance - deviance[best] <= _critical(level)]
    around = np.column_stack([design[best], -beta[best, 2] * (x > knots[best])])
    share = 1 / (1 + np.exp(-design[best] @ beta[best]))
    variance = np.linalg.inv((around.T * (trials * share * (1 - share))) @ around)
    return LogitStick(
        knee=float(knots[best]),
        knee_se=float(np.sqrt(variance[3, 3])),
        low=float(inside[0]),
        high=float(inside[-1]),
        before=float(beta[best, 1]),
        after=float(beta[best, 1] + beta[best, 2]),
    )


def adjusted_shares(
    bands: ArrayLike,
    y: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    controls: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """Return the mean of y in each band at an equal mix of strata and controls, and its covariance.

    Parameters
    ----------
    bands : array_like of int, shape (n,)
        0 to b - 1, each with at least one row.
    y : array_like, shape (n,)
        Outcome.
    strata, controls : as for `broken_stick`

    Returns
    -------
    shares : ndarray, shape (b,)
        They average, weighted by the size of the bands, to the mean of y.
    covariance : ndarray, shape (b, b)
        Robust to unequal variances (White 1980).

    Notes
    -----
    Least squares on dummies of bands and strata and the controls; linear in y.

    Examples
    --------
    >>> bands, hard = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 0, 1, 1])
    >>> adjusted_shares(bands, hard * 1.0, strata=hard)[0].round(3).tolist()
    [0.5, 0.5]
    """
    bands, y = np.asarray(bands), np.asarray(y, dtype=float)
    count = int(bands.max()) + 1
    _, _, z, codes = _inputs(y, np.arange(len(y)) % 2, controls, strata)
    weight = np.ones(len(y))
    # Bands net of strata, from the counts of band by stratum; the last band is the reference.
    size = np.bincount(codes)
    part = np.bincount(codes * count + bands, minlength=len(size) * count).reshape(-1, count) / size[:, None]
    dummies = (bands[:, None] == np.arange(count - 1)) - part[codes, :-1]
    if z.shape[1]:
        z = np.column_stack([_centred(column, codes, weight) for column in z.T])
        dummies = np.column_stack([dummies, z])
    inverse = np.linalg.pinv(dummies.T @ dummies)
    centred = _centred(y, codes, weight)
    beta = inverse @ (dummies.T @ centred)
    residual = centred - dummies @ beta
    influence = (dummies * residual[:, None]) @ inverse
    share_of = np.bincount(bands, minlength=count) / len(y)
    spread = np.vstack([np.eye(count - 1), np.zeros(count - 1)]) - share_of[:-1]
    covariance = spread @ (influence.T @ influence)[: count - 1, : count - 1] @ spread.T
    return y.mean() + spread @ beta[: count - 1], covariance + residual.var() / len(y)
