"""Service levels: what stages add up to, with intervals, and how a promise is split between teams.

Sources: Ross, *Introduction to Probability Models*, section 5.2.4 (hypoexponential), 5.3.3 (Erlang); Woodruff (1952),
"Confidence Intervals for Medians and Other Position Measures", JASA 47:635; Korn & Graubard (1998), "Confidence
Intervals for Proportions with Small Expected Number of Positive Counts Estimated from Survey Data", Survey Methodology
24:193 (effective sample size); DerSimonian & Laird (1986), "Meta-Analysis in Clinical Trials", Controlled Clinical
Trials 7:177.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEP = 0.25  # hours, the default width of a bin


def joint_quantile(stages: ArrayLike, level: float) -> float:
    """Return the value that a share `level` of the cases keeps, all stages of a case together.

    Parameters
    ----------
    stages : array_like, shape (n, stages)
        Time of each case at each stage; the answer has its unit.
    level : float
        Share of cases, between 0 and 1.

    Raises
    ------
    ValueError
        When `stages` is not a table with a row, holds a gap, or `level` is not a share.

    Examples
    --------
    >>> joint_quantile([[1, 1], [2, 2], [3, 3]], 0.5)
    4.0
    """
    return float(np.quantile(_stages(stages).sum(axis=1), _share(level)))


def convolve(masses: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the distribution of a sum of independent amounts.

    Parameters
    ----------
    masses : list of arrays
        Probability of 0, 1, 2, ... steps for each amount.

    Examples
    --------
    >>> convolve([np.array([0.5, 0.5]), np.array([0.5, 0.5])]).tolist()
    [0.25, 0.5, 0.25]
    """
    total = np.ones(1)
    for mass in masses:
        total = np.convolve(total, mass)
    return total


def independent_cdf(
    stages: ArrayLike, *, weight: ArrayLike | None = None, step: float = STEP
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distribution that the sum of the stages would have if they were independent.

    Parameters
    ----------
    stages : array_like, shape (n, stages)
        Time of each case at each stage, not negative.
    weight : array_like, shape (n,), optional
        Weight of each case.
    step : float
        Width of a bin, in the unit of the times. The times of a bin count as its middle.

    Returns
    -------
    edges, kept : arrays
        Times, and the share of cases at or below them; linear in between.

    Raises
    ------
    ValueError
        As `joint_quantile`, and when a time is negative.

    Examples
    --------
    >>> edges, kept = independent_cdf([[0.1, 0.1], [1.1, 1.1]], step=1.0)
    >>> edges.tolist(), kept.tolist()
    ([0.5, 1.5, 2.5, 3.5], [0.0, 0.25, 0.75, 1.0])
    """
    times = _stages(stages)
    if times.min() < 0:
        raise ValueError("a stage cannot take less than no time")
    weights = np.ones(len(times)) if weight is None else np.asarray(weight, dtype=float)
    mass = [np.bincount((column / step).astype(np.int64), weights) / weights.sum() for column in times.T]
    total = convolve(mass)
    # The middle of bins i, j, ... adds up to (i + j + ... + stages / 2) steps: the middle of a bin of the sum.
    first = times.shape[1] / 2 - 0.5
    edges = (first + np.arange(len(total) + 1)) * step
    return edges, np.concatenate([[0.0], np.cumsum(total)])


def independent_quantile(
    stages: ArrayLike, level: float, *, weight: ArrayLike | None = None, step: float = STEP
) -> float:
    """Return the value that a share `level` of the cases would keep if the stages were independent.

    Parameters, errors: see `independent_cdf`.

    Examples
    --------
    >>> independent_quantile([[0.1, 0.1], [1.1, 1.1]], 0.75, step=1.0)
    2.5
    """
    edges, kept = independent_cdf(stages, weight=weight, step=step)
    at = max(int(np.searchsorted(kept, _share(level))), 1)
    below, above = kept[at - 1], kept[at]
    return float(edges[at - 1] + (level - below) / (above - below) * (edges[at] - edges[at - 1]))


def erlang_cdf(t: ArrayLike, stages: int, rate: float) -> NDArray[np.float64]:
    """Return the chance that `stages` independent exponential stages of one rate are over at `t`.

    Source: Ross, equation 5.12: 1 - exp(-rate t) (1 + rate t + ... + (rate t)^(k-1) / (k-1)!).

    Parameters
    ----------
    t : array_like
        Times, not negative.
    stages : int
        At least 1.
    rate : float
        Stages finished per unit of time, positive.

    Examples
    --------
    >>> round(float(erlang_cdf(10.645, 3, 0.5)), 4)  # chi-square with 6 degrees of freedom
    0.9
    """
    if stages < 1 or rate <= 0:
        raise ValueError(
            f"an Erlang time has at least one stage and a positive rate; got {stages} and {rate}"
        )
    x = rate * np.asarray(t, dtype=float)
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(1, stages):
        term = term * x / k
        total = total + term
    return 1 - np.exp(-x) * total


def hypoexponential_cdf(t: ArrayLike, rates: ArrayLike) -> NDArray[np.float64]:
    """Return the chance that independent exponential stages of different rates are all over at `t`.

    Source: Ross, equation 5.9: 1 - sum_i exp(-rate_i t) prod_{j != i} rate_j / (rate_j - rate_i).

    Parameters
    ----------
    t : array_like
        Times, not negative.
    rates : array_like, shape (stages,)
        Stages finished per unit of time; positive, and all different (for equal ones see `erlang_cdf`).

    Examples
    --------
    >>> round(float(hypoexponential_cdf(1.0, [1.0, 2.0])), 4)  # (1 - 1/e)^2
    0.3996
    """
    rate = np.asarray(rates, dtype=float)
    if (rate <= 0).any() or len(np.unique(rate)) < len(rate):
        raise ValueError("the rates of a hypoexponential time are positive and all different")
    ratio = rate[None, :] / np.where(np.eye(len(rate), dtype=bool), 1.0, rate[None, :] - rate[:, None])
    np.fill_diagonal(ratio, 1.0)
    return 1 - np.exp(-np.multiply.outer(np.asarray(t, dtype=float), rate)) @ ratio.prod(axis=1)


def share_interval(
    kept: ArrayLike, cluster: ArrayLike, *, confidence: float = 0.9
) -> tuple[float, float, float]:
    """Return a share of cases with its interval, where cases of one cluster resemble each other.

    Source: Wilson's interval with the effective sample size of Korn & Graubard (1998): the variance between clusters
    says how many independent cases there are; quantile of t with clusters - 1 degrees of freedom.

    Parameters
    ----------
    kept : array_like of bool, shape (n,)
        Whether each case counts.
    cluster : array_like, shape (n,)
        Its cluster, such as its week.
    confidence : float
        Of the interval.

    Returns
    -------
    share, low, high : float

    Raises
    ------
    ValueError
        When there are fewer than two clusters.

    Examples
    --------
    >>> [round(v, 2) for v in share_interval([1, 1, 0, 1, 1, 0, 1, 1], [1, 1, 2, 2, 3, 3, 4, 4])]
    [0.75, 0.35, 0.94]
    """
    hit = np.asarray(kept, dtype=float)
    share, variance, clusters = _clustered(hit, cluster)
    cases = float(len(hit))
    if 0 < share < 1 and variance > 0:
        cases = min(share * (1 - share) / variance, cases)
    half = _t(confidence, clusters) ** 2 / cases
    middle = (share + half / 2) / (1 + half)
    spread = np.sqrt(half * share * (1 - share) + half**2 / 4) / (1 + half)
    return share, float(middle - spread), float(middle + spread)


def quantile_interval(
    values: ArrayLike, level: float, cluster: ArrayLike, *, confidence: float = 0.9
) -> tuple[float, float, float]:
    """Return a quantile with its interval, where cases of one cluster resemble each other.

    Source: Woodruff (1952): the interval of the share at or below the quantile, read back on the scale of the values.

    Parameters
    ----------
    values : array_like, shape (n,)
        One per case.
    level : float
        Share of cases at or below the quantile.
    cluster, confidence
        As in `share_interval`.

    Returns
    -------
    quantile, low, high : float
        In the unit of the values.

    Examples
    --------
    >>> [round(v) for v in quantile_interval(range(101), 0.5, range(101))]
    [50, 42, 58]
    """
    value = np.asarray(values, dtype=float)
    found = float(np.quantile(value, _share(level)))
    _, low, high = share_interval(value <= found, cluster, confidence=confidence)
    shift = level - float((value <= found).mean())
    ends = np.quantile(value, np.clip([low + shift, high + shift], 0, 1))
    return found, float(ends[0]), float(ends[1])


def partial_pool(estimates: ArrayLike, variances: ArrayLike) -> NDArray[np.float64]:
    """Pull the estimates of several groups towards their common mean, as far as chance explains their differences.

    Source: DerSimonian & Laird (1986), equations 7 to 9, for the mean and the variance between groups.

    Parameters
    ----------
    estimates, variances : array_like, shape (groups,)
        Of each group; variances positive.

    Examples
    --------
    >>> partial_pool([1.0, 3.0], [4.0, 4.0]).tolist()  # chance alone explains the difference
    [2.0, 2.0]
    >>> partial_pool([0.0, 10.0], [1.0, 1.0]).round(1).tolist()
    [0.1, 9.9]
    """
    value, variance = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if len(value) == 0 or (variance <= 0).any():
        raise ValueError("pooling needs at least one group, and positive variances")
    weight = 1 / variance
    mean = (weight * value).sum() / weight.sum()
    freedom = weight.sum() - (weight**2).sum() / weight.sum()
    excess = (weight * (value - mean) ** 2).sum() - (len(value) - 1)
    between = max(0.0, excess / freedom) if freedom > 0 else 0.0
    weight = 1 / (variance + between)
    mean = (weight * value).sum() / weight.sum()
    return mean + between / (between + variance) * (value - mean)


def split(stages: ArrayLike, target: float) -> tuple[NDArray[np.float64], float]:
    """Return the targets of the stages that add up to the customer's, each kept in the same share of cases.

    Where every stage keeps its target, the case keeps the customer's: the split leaves nothing uncovered.

    Parameters
    ----------
    stages : array_like, shape (n, stages)
        Time of each case at each stage.
    target : float
        Promised for the whole, same unit.

    Returns
    -------
    targets : array, shape (stages,)
        Adding up to `target`.
    level : float
        Share of cases in which each stage keeps its own.

    Raises
    ------
    ValueError
        When the target lies below the sum of the fastest or above that of the slowest times seen.

    Examples
    --------
    >>> targets, level = split([[1, 10], [2, 20], [3, 30]], 22)
    >>> targets.tolist(), level
    ([2.0, 20.0], 0.5)
    """
    times = np.sort(_stages(stages), axis=0)
    sums = times.sum(axis=1)
    if not sums[0] <= target <= sums[-1]:
        raise ValueError(
            f"stages that took {sums[0]:.1f} to {sums[-1]:.1f} together cannot share a promise of {target:.1f}"
        )
    place = float(np.interp(target, sums, np.arange(len(sums))))
    low = min(int(place), len(sums) - 2) if len(sums) > 1 else 0
    high = min(low + 1, len(sums) - 1)
    return times[low] + (place - low) * (times[high] - times[low]), place / max(len(sums) - 1, 1)


def _clustered(value: NDArray[np.float64], cluster: ArrayLike) -> tuple[float, float, int]:
    """Return the mean, the variance of that mean between clusters (as a ratio of sums), and the number of clusters."""
    _, code = np.unique(np.asarray(cluster), return_inverse=True)
    clusters = int(code.max()) + 1 if len(code) else 0
    if clusters < 2:
        raise ValueError(f"an interval over clusters needs at least 2 of them, got {clusters}")
    mean = float(value.mean())
    off = np.bincount(code, value - mean, clusters)
    return mean, float(clusters / (clusters - 1) * (off**2).sum() / len(value) ** 2), clusters


def _t(confidence: float, clusters: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(clusters - 1, 0.5 + _share(confidence) / 2))


def _stages(stages: ArrayLike) -> NDArray[np.float64]:
    times = np.asarray(stages, dtype=float)
    if times.ndim != 2 or not times.size:
        raise ValueError("stage times are a table: one row per case, one column per stage")
    if not np.isfinite(times).all():
        raise ValueError("stage times have gaps: leave out cases that are not over")
    return times


def _share(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a share of cases lies between 0 and 1; got {level}")
    return level
