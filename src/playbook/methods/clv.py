"""Customer lifetime value: buying until unseen dropout (BG/NBD), spend (gamma-gamma), renewals (sBG).

Sources: Fader, Hardie & Lee (2005), '"Counting Your Customers" the Easy Way', Marketing Science 24:275;
Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value"; Fader & Hardie (2007), "How to Project
Customer Retention", Journal of Interactive Marketing 21:76.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Rows = Callable[..., tuple[Floats, Floats]]  # log-likelihood and gradient by row, from values and data
TREND_P = 0.01  # below it, spend is taken to depend on frequency
LIMITS = (np.inf, np.inf, 20.0, 2000.0)  # of r, alpha, a, b


@dataclass(frozen=True)
class BGNBD:
    """A fitted BG/NBD model: gamma(r, alpha) purchase rates, beta(a, b) chances to leave after a purchase.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; r / alpha is the mean rate per unit of time.
    a, b : float
        Of the dropout probabilities; a / (a + b) is the mean chance to leave after a purchase.
    loglik : float
        Log-likelihood at these values.
    """

    r: float
    alpha: float
    a: float
    b: float
    loglik: float = float("nan")


@dataclass(frozen=True)
class GammaGamma:
    """A fitted gamma-gamma model of spend: shapes p and q, scale v in money; mean spend p v / (q - 1)."""

    p: float
    q: float
    v: float
    loglik: float = float("nan")


@dataclass(frozen=True)
class SBG:
    """A fitted shifted beta-geometric model: chances to leave at a renewal are beta(alpha, beta)."""

    alpha: float
    beta: float
    loglik: float = float("nan")


def _maximise(
    loglik: Callable[[Floats], tuple[float, Floats]], start: Sequence[float], *, below: Sequence[float]
) -> tuple[Floats, float]:
    """Return positive parameters of the highest likelihood, and it; `loglik` gives value and gradient.

    The search stays within a factor of e^9 of `start` and keeps each parameter below its limit.
    """
    from scipy.optimize import minimize

    def loss(log_values: Floats) -> tuple[float, Floats]:
        values = np.exp(log_values)
        value, gradient = loglik(values)
        return -value, -gradient * values

    begin = np.log(np.asarray(start, dtype=float))
    bounds = [(at - 9.0, min(at + 9.0, float(np.log(top)))) for at, top in zip(begin, below, strict=True)]
    found = minimize(
        loss, begin, jac=True, method="TNC", bounds=bounds, options={"ftol": 1e-6, "maxfun": 2000},
    )  # fmt: skip
    return np.exp(found.x), -float(found.fun)


def _weighted(rows: Rows, w: Floats, *data: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """Return the sum of a likelihood by rows, each counted `w` times."""

    def loglik(values: Floats) -> tuple[float, Floats]:
        each, gradient = rows(values, *data)
        return float(w @ each), gradient @ w

    return loglik


def one_step(
    rows: Rows, values: ArrayLike, data: Sequence[Floats], weights: Floats, counts: ArrayLike = 1.0
) -> Floats:
    """Return parameters refitted to resamples by one Newton step from the estimate: logs, (draws, p).

    Parameters
    ----------
    rows : callable
        Log-likelihood by row, (n,), and its gradient, (p, n), at values (p,) and `data`.
    values : array_like, shape (p,)
        Positive; those of highest likelihood.
    data : sequence of ndarray, shape (n,)
        What `rows` reads.
    weights : ndarray, shape (draws, n)
        How often each row counts in each resample.
    counts : array_like
        How often each row counted in the estimate.

    Notes
    -----
    A refit costs hundreds of evaluations, this a dozen for all resamples together; the two agree to first
    order in 1/sqrt(n) (Davidson & MacKinnon 1999, "Bootstrap testing in nonlinear models", International
    Economic Review 40:487). Directions in which the likelihood is flat are left where they are.

    Examples
    --------
    >>> def exponential(values, t):
    ...     return np.log(values[0]) - values[0] * t, (1 / values[0] - t)[None]
    >>> t = np.array([1.0, 2.0, 3.0])
    >>> one_step(exponential, [0.5], [t], np.array([[1.0, 1.0, 1.0], [1.1, 1.0, 0.9]])).round(3).tolist()
    [[-0.693], [-0.66]]
    """
    at = np.log(np.asarray(values, dtype=float))
    base = np.broadcast_to(np.asarray(counts, dtype=float), weights.shape[1:])

    def score(point: Floats) -> Floats:
        return np.asarray(rows(np.exp(point), *data)[1] * np.exp(point)[:, None])

    width = 1e-4
    bend = np.array(
        [(score(at + width * e) - score(at - width * e)) @ base / (2 * width) for e in np.eye(len(at))]
    )
    curvature, axes = np.linalg.eigh(-(bend + bend.T) / 2)
    held = curvature > 1e-5 * curvature.max()
    step = ((weights - base) @ score(at).T) @ axes[:, held] / curvature[held] @ axes[:, held].T
    return np.asarray(at + np.clip(step, -1.5, 1.5))


def bgnbd_fit(
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    start: BGNBD | None = None,
) -> BGNBD:
    """Fit BG/NBD by maximum likelihood.

    Parameters
    ----------
    frequency : array_like, shape (n,)
        Repeat purchases of each customer: all but the first.
    recency : array_like, shape (n,)
        Time from the first to the last purchase; 0 without a repeat.
    age : array_like, shape (n,)
        Time from the first purchase to the end of observation, same unit as `recency`.
    weights : array_like, shape (n,), optional
        How often each customer counts; 1 by default (a bootstrap passes its draws).
    start : BGNBD, optional
        Where to start the search.

    Raises
    ------
    ValueError
        When a customer bought after the end of observation, or nobody bought twice.

    Notes
    -----
    Equation 6 of Fader, Hardie & Lee (2005), on distinct (frequency, recency, age) with an analytic
    gradient. Where customers hardly differ in dropout, a and b grow together without end: a stays below 20,
    b below 2000.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rate, leave = rng.gamma(2.0, 0.1, 4000), rng.beta(1.0, 4.0, 4000)
    >>> last = np.minimum(np.cumsum(rng.exponential(1 / rate, (80, 4000)), axis=0).T, 1e9)
    >>> gone = rng.geometric(leave)[:, None] <= np.arange(80)
    >>> seen = np.where((last <= 50) & ~gone, last, 0.0)
    >>> model = bgnbd_fit((seen > 0).sum(axis=1), seen.max(axis=1), np.full(4000, 50.0))
    >>> 0.17 < model.r / model.alpha < 0.23
    True
    """
    x, t_x, t = (np.asarray(values, dtype=float) for values in (frequency, recency, age))
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    if (t_x > t + 1e-9).any():
        raise ValueError("recency is larger than age: some customer bought after the end of observation")
    if not x.any():
        raise ValueError("nobody bought twice: there is nothing to learn about repeat purchases")
    (x, t_x, t), which = np.unique(np.stack([x, t_x, t]), axis=1, return_inverse=True)
    w = np.bincount(which.ravel(), weights=w).astype(float)
    begin = [1.0, w @ t / max(w @ x, 1.0), 1.0, 4.0]
    if start is not None:
        begin = [start.r, start.alpha, start.a, start.b]
    values, best = _maximise(_weighted(bgnbd_rows, w, x, t_x, t), begin, below=LIMITS)
    r, alpha, a, b = map(float, values)
    return BGNBD(r, alpha, a, b, best)


def bgnbd_rows(values: Floats, x: Floats, t_x: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Return each customer's log-likelihood, (n,), and its gradient in (r, alpha, a, b), (4, n)."""
    from scipy.special import gammaln, psi

    r, alpha, a, b = values
    repeat = x > 0
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    common += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    log_end, log_last = np.log(alpha + t), np.log(alpha + t_x)
    below = np.where(repeat, b + x - 1, 1.0)
    stayed = -(r + x) * log_end
    left = np.where(repeat, np.log(a) - np.log(below) - (r + x) * log_last, -np.inf)
    total = np.logaddexp(stayed, left)
    gone = np.exp(left - total)
    gradient = np.array(
        [
            psi(r + x) - psi(r) + np.log(alpha) - (1 - gone) * log_end - gone * log_last,
            r / alpha - (r + x) * ((1 - gone) / (alpha + t) + gone / (alpha + t_x)),
            psi(a + b) - psi(a + b + x) + gone / a,
            psi(a + b) + psi(b + x) - psi(b) - psi(a + b + x) - gone / below,
        ]
    )
    return common + total, gradient


def bgnbd_alive(model: BGNBD, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
    """Return the chance that each customer is still active, (n,).

    Without a repeat purchase it is 1: in BG/NBD a customer can leave only after a repeat.

    Examples
    --------
    >>> float(bgnbd_alive(BGNBD(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86).round(4))
    0.7266
    """
    x, t_x, t = (np.asarray(values, dtype=float) for values in (frequency, recency, age))
    ratio = np.exp((model.r + x) * (np.log(model.alpha + t) - np.log(model.alpha + t_x)))
    odds = np.where(x > 0, model.a / np.where(x > 0, model.b + x - 1, 1.0) * ratio, 0.0)
    return np.asarray(1 / (1 + odds))


def bgnbd_expected(
    model: BGNBD, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, *, ahead: ArrayLike
) -> Floats:
    """Return the purchases expected from each customer in the next `ahead` units of time.

    Equation 10 of Fader, Hardie & Lee (2005), its hypergeometric function rewritten by Euler's
    transformation, which stays finite for customers with hundreds of purchases.

    Parameters
    ----------
    frequency, recency, age, ahead : array_like
        Broadcast against each other.

    Examples
    --------
    >>> cdnow = BGNBD(0.243, 4.414, 0.793, 2.426)
    >>> round(float(bgnbd_expected(cdnow, 2, 30.43, 38.86, ahead=39)), 3)
    1.226
    """
    from scipy.special import hyp2f1

    x, t_x, t, ahead = (np.asarray(values, dtype=float) for values in (frequency, recency, age, ahead))
    r, alpha, b = model.r, model.alpha, model.b
    a = model.a if abs(model.a - 1) > 1e-6 else 1 + 1e-6  # a removable singularity
    z = ahead / (alpha + t + ahead)
    kept = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
    return (a + b + x - 1) / (a - 1) * (1 - kept) * bgnbd_alive(model, x, t_x, t)


def gamma_gamma_fit(
    purchases: ArrayLike,
    mean_spend: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    start: GammaGamma | None = None,
) -> GammaGamma:
    """Fit gamma-gamma by maximum likelihood.

    Parameters
    ----------
    purchases : array_like, shape (n,)
        Purchases that `mean_spend` is the mean of, at least 1.
    mean_spend : array_like, shape (n,)
        Positive, in money.
    weights : array_like, shape (n,), optional
        How often each customer counts.
    start : GammaGamma, optional
        Where to start the search.

    Raises
    ------
    ValueError
        When a customer has no purchase or no positive spend.

    Notes
    -----
    Equation 1a of Fader & Hardie (2013). Spend and frequency are assumed independent: see `spend_trend`. p
    stays below 400 (purchases of one customer that differ by 5 %), where data without repeats say nothing
    about it.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> scale = rng.gamma(4.0, 1 / 15.0, 5000)
    >>> model = gamma_gamma_fit(np.full(5000, 3), rng.gamma(3 * 6.0, 1 / (3 * scale)))
    >>> 28 < model.p * model.v / (model.q - 1) < 32
    True
    """
    n, z = np.asarray(purchases, dtype=float), np.asarray(mean_spend, dtype=float)
    w = np.ones(len(n)) if weights is None else np.asarray(weights, dtype=float)
    if (n < 1).any() or (z <= 0).any():
        raise ValueError("gamma-gamma needs customers with at least one purchase and positive spend")

    typical = float(np.median(z))
    begin = [4.0, 4.0, typical] if start is None else [start.p, start.q, start.v]
    values, best = _maximise(_weighted(gamma_gamma_rows, w, n, z), begin, below=[400.0, np.inf, np.inf])
    p, q, v = map(float, values)
    return GammaGamma(p, q, v, best)


def gamma_gamma_rows(values: Floats, n: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return each customer's log-likelihood, (n,), and its gradient in (p, q, v), (3, n)."""
    from scipy.special import gammaln, psi

    p, q, v = values
    total, log_total = v + n * z, np.log(v + n * z)
    each = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(v)
    each += (p * n - 1) * np.log(z) + p * n * np.log(n) - (p * n + q) * log_total
    shared = psi(p * n + q)
    gradient = [
        n * (shared - psi(p * n) + np.log(n * z) - log_total),
        shared - psi(q) + np.log(v) - log_total,
        q / v - (p * n + q) / total,
    ]
    return each, np.array(gradient)


def gamma_gamma_mean(model: GammaGamma, purchases: ArrayLike, mean_spend: ArrayLike) -> Floats:
    """Return each customer's expected spend per purchase, (n,).

    The own mean is drawn towards that of all customers, the more so the fewer purchases it rests on:
    equation 5 of Fader & Hardie (2013).

    Examples
    --------
    >>> gamma_gamma_mean(GammaGamma(6.25, 3.74, 15.44), [1, 50], [100.0, 100.0]).round(1).tolist()
    [80.3, 99.4]
    """
    n, z = np.asarray(purchases, dtype=float), np.asarray(mean_spend, dtype=float)
    return model.p * (model.v + n * z) / (model.p * n + model.q - 1)


def spend_trend(purchases: ArrayLike, mean_spend: ArrayLike) -> tuple[float, float]:
    """Test whether spend per purchase is independent of how often a customer buys.

    Parameters
    ----------
    purchases, mean_spend : array_like, shape (n,)
        Per customer; purchases >= 1.

    Returns
    -------
    slope : float
        Relative change of mean spend with each doubling of purchases; 0 when independent.
    p_value : float
        Two-sided, of slope = 0.

    Notes
    -----
    Least squares on log2(purchases) with White's (1980) standard errors: under independence the mean of
    `mean_spend` is the same at every frequency, though its variance falls with purchases, which a rank
    correlation would pick up.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> n = rng.geometric(0.2, 2000)
    >>> spend_trend(n, n ** 0.5 * rng.lognormal(0, 0.3, 2000))[1] < 0.001
    True
    """
    from scipy.stats import norm

    log_n = np.log2(np.asarray(purchases, dtype=float))
    z = np.asarray(mean_spend, dtype=float)
    z = z / z.mean()
    d = log_n - log_n.mean()
    spread = float(d @ d)
    if spread == 0:
        return 0.0, 1.0
    slope = float(d @ z) / spread
    residual = z - 1 - slope * d
    error = np.sqrt(float((d * residual) @ (d * residual))) / spread
    return slope, float(2 * norm.sf(abs(slope) / error))


@dataclass(frozen=True)
class Projection:
    """What a customer's purchases so far say about the next ones: purchases, dropout and spend.

    Parameters
    ----------
    purchases : BGNBD
        In the unit of time that it was fitted in.
    spend : GammaGamma
        Of spend per purchase, its trend with frequency taken out.
    slope, p_value : float
        Relative change of spend per purchase with each doubling of purchases, and its test against 0.
    typical_log2 : float
        Mean of log2(purchases), where the trend is 1.
    """

    purchases: BGNBD
    spend: GammaGamma
    slope: float
    p_value: float
    typical_log2: float

    @property
    def values(self) -> Floats:
        """All seven parameters: r, alpha, a, b of purchases, p, q, v of spend."""
        bought, spend = self.purchases, self.spend
        return np.array([bought.r, bought.alpha, bought.a, bought.b, spend.p, spend.q, spend.v])

    def with_values(self, values: Floats) -> Projection:
        """Return the same model with other parameters, ordered as `values`."""
        r, alpha, a, b, p, q, v = map(float, values)
        return replace(self, purchases=BGNBD(r, alpha, a, b), spend=GammaGamma(p, q, v))

    def refitted(
        self, frequency: Floats, recency: Floats, age: Floats, spend: Floats, weights: Floats
    ) -> Floats:
        """Return the logs of `values` in resamples of the customers it was fitted to, (draws, 7)."""
        n = frequency + 1
        bought, paid = self.values[:4], self.values[4:]
        return np.hstack(
            [
                one_step(bgnbd_rows, bought, [frequency, recency, age], weights),
                one_step(gamma_gamma_rows, paid, [n, spend / n / self.trend(n)], weights),
            ]
        )

    def trend(self, purchases: Floats) -> Floats:
        """Return spend per purchase at each frequency over the typical one; 1 where independence holds."""
        if self.p_value >= TREND_P:
            return np.ones(len(purchases))
        return (1 + self.slope) ** (np.log2(purchases) - self.typical_log2)

    def spend_per_purchase(self, purchases: Floats, mean_spend: Floats) -> Floats:
        """Return the expected spend per purchase of each customer, all purchases counted."""
        trend = self.trend(purchases)
        return trend * gamma_gamma_mean(self.spend, purchases, mean_spend / trend)


def project(
    frequency: Floats,
    recency: Floats,
    age: Floats,
    spend: Floats,
    *,
    weights: Floats | None = None,
    start: Projection | None = None,
) -> Projection:
    """Fit purchases and spend of one group of customers.

    The gamma-gamma model takes spend to be independent of frequency; where `spend_trend` finds that it is not, the
    trend is taken out first.

    Parameters
    ----------
    frequency, recency, age : ndarray, shape (n,)
        As for `bgnbd_fit`.
    spend : ndarray, shape (n,)
        Of all purchases of a customer, the first included.
    weights : ndarray, shape (n,), optional
        How often each customer counts.
    start : Projection, optional
        An earlier fit: where to start from, and its trend, which is kept.

    Examples
    --------
    >>> model = project(np.array([0., 1, 2, 5]), np.array([0., 4, 9, 9]), np.full(4, 10.), np.array([2., 5, 6, 11]))
    >>> model.trend(np.array([1.0, 4.0]))
    array([1., 1.])
    """
    n = frequency + 1
    mean = spend / n
    bought = bgnbd_fit(
        frequency, recency, age, weights=weights, start=None if start is None else start.purchases
    )
    slope, p_value = spend_trend(n, mean) if start is None else (start.slope, start.p_value)
    draft = Projection(bought, GammaGamma(1, 2, 1), slope, p_value, float(np.log2(n).mean()))
    fitted = gamma_gamma_fit(
        n, mean / draft.trend(n), weights=weights, start=None if start is None else start.spend
    )
    return replace(draft, spend=fitted)


def sbg_fit(left: ArrayLike, still: ArrayLike) -> SBG:
    """Fit sBG to renewals by maximum likelihood.

    Parameters
    ----------
    left : array_like, shape (k,)
        Customers who left at their first, second ... renewal.
    still : array_like, shape (k + 1,)
        Customers still under contract who have renewed 0, 1 ... k times.

    Raises
    ------
    ValueError
        When nobody came up for renewal or the shapes do not fit.

    Notes
    -----
    Fader & Hardie (2007): S(t) = B(alpha, beta + t) / B(alpha, beta), P(T = t) = S(t - 1) - S(t).

    Examples
    --------
    >>> high = np.array([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model = sbg_fit(-np.diff(high), [0] * 7 + [491])
    >>> round(model.alpha, 3), round(model.beta, 3)
    (0.668, 3.806)
    """
    gone, here = np.asarray(left, dtype=float), np.asarray(still, dtype=float)
    if len(here) != len(gone) + 1:
        raise ValueError(f"expected {len(gone) + 1} counts of customers still here, got {len(here)}")
    if gone.sum() + here[1:].sum() == 0:
        raise ValueError("nobody has come up for renewal yet")
    counts = np.concatenate([gone, here])
    values, best = _maximise(_weighted(sbg_rows, counts, *sbg_cells(len(gone))), [1.0, 3.0], below=[1e3, 1e4])
    alpha, beta = map(float, values)
    return SBG(alpha, beta, best)


def sbg_cells(last: int) -> tuple[Floats, Floats]:
    """Return whether each cell has left, and after how many renewals: the rows that `sbg_fit` counts."""
    left = np.repeat([1.0, 0.0], [last, last + 1])
    return left, np.concatenate([np.arange(last), np.arange(last + 1)]).astype(float)


def sbg_rows(values: Floats, left: Floats, renewals: Floats) -> tuple[Floats, Floats]:
    """Return each cell's log-likelihood, (n,), and its gradient in (alpha, beta), (2, n)."""
    from scipy.special import betaln, psi

    alpha, beta = values
    each = betaln(alpha + left, beta + renewals) - betaln(alpha, beta)
    both, end = psi(alpha + beta), psi(alpha + beta + renewals + left)
    gradient = [
        psi(alpha + left) - psi(alpha) + both - end,
        psi(beta + renewals) - psi(beta) + both - end,
    ]
    return each, np.array(gradient)


def sbg_survival(model: SBG, renewals: ArrayLike) -> Floats:
    """Return the share of customers who stay through their first `renewals` renewals.

    Examples
    --------
    >>> sbg_survival(SBG(0.668, 3.806), [0, 1, 7]).round(3).tolist()
    [1.0, 0.851, 0.489]
    """
    from scipy.special import betaln

    k = np.asarray(renewals, dtype=float)
    return np.exp(betaln(model.alpha, model.beta + k) - betaln(model.alpha, model.beta))
