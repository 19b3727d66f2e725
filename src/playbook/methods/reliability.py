"""Is a measure worth steering by? Its reliability, what it predicts, and whether that stopped on a known date.

Sources: Spearman (1910) and Brown (1910), British J. Psychology 3:271 and 3:296 (split halves); Chow (1960),
Econometrica 28:591 (break at a known date); Gourieroux, Monfort & Trognon (1984), Econometrica 52:701 (Poisson
pseudo-likelihood); Bell & McCaffrey (2002), Survey Methodology 28:169 (few clusters); Hanley & McNeil (1982),
Radiology 143:29, and DeLong et al. (1988), Biometrics 44:837 (area under the ROC curve).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playbook.methods.intervals import Z90

STEPS, CLOSE = 50, 1e-10


def spearman_brown(correlation: ArrayLike, times: ArrayLike = 2.0) -> NDArray[np.float64]:
    """Return the reliability of a measure made `times` as long.

    Parameters
    ----------
    correlation : array_like
        Of two parallel measures of the present length, above -1 / (times - 1).
    times : array_like
        New length over present length, above 0.

    Notes
    -----
    Spearman (1910), Brown (1910): k r / (1 + (k - 1) r).

    Examples
    --------
    >>> spearman_brown([0.5, 0.8]).round(3).tolist()
    [0.667, 0.889]
    """
    r, k = np.asarray(correlation, dtype=float), np.asarray(times, dtype=float)
    return k * r / (1 + (k - 1) * r)


@dataclass(frozen=True)
class SplitHalf:
    """How well a measure agrees with itself.

    Parameters
    ----------
    correlation : float
        Between the two halves.
    reliability, low, high : float
        Of the whole measure (Spearman-Brown), with its 90 % interval.
    """

    correlation: float
    reliability: float
    low: float
    high: float


def split_half(first: ArrayLike, second: ArrayLike, *, groups: ArrayLike | None = None) -> SplitHalf:
    """Return the reliability of a measure from two halves of it.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Each subject's score on one half and on the other.
    groups : array_like, shape (n,), optional
        Subjects of one group are not independent, e.g. the half-years of one customer.

    Raises
    ------
    ValueError
        With fewer than ten subjects, or when a half is the same for all.

    Notes
    -----
    Interval: Fisher's z of the correlation, its variance from the influence of each group.

    Examples
    --------
    >>> found = split_half(range(12), [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10])
    >>> round(found.correlation, 3), round(found.reliability, 3)
    (0.972, 0.986)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(a) < 10 or len(a) != len(b):
        raise ValueError(
            f"a split-half reliability needs ten subjects with both halves; got {len(a)} and {len(b)}"
        )
    if a.std() == 0 or b.std() == 0:
        raise ValueError("a half that is the same for all subjects has no reliability")
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    r = float((a * b).mean())
    influence = (a * b - r * (a**2 + b**2) / 2) / len(a)
    spread = _cluster_error(influence, groups) / max(1 - r**2, 1e-9)
    z = np.arctanh(np.clip(r, -0.999999, 0.999999))
    low, high = spearman_brown(np.tanh([z - Z90 * spread, z + Z90 * spread]))
    return SplitHalf(r, float(spearman_brown(r)), float(low), float(high))


def _cluster_error(influence: NDArray[np.float64], groups: ArrayLike | None) -> float:
    """Return the standard error of a sum of influences that are independent between groups only."""
    total = influence if groups is None else np.bincount(_codes(groups), influence)
    return float(np.sqrt((total**2).sum() * len(total) / (len(total) - 1)))


def _codes(groups: ArrayLike) -> NDArray[np.int64]:
    return np.unique(np.asarray(groups), return_inverse=True)[1]


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve: how often the higher score is the one with the outcome; `error` is its standard error."""

    area: float
    error: float


def area(
    score: ArrayLike, outcome: ArrayLike, *, strata: ArrayLike | None = None, groups: ArrayLike | None = None
) -> Area:
    """Return the area under the ROC curve; pairs are formed within strata only.

    Parameters
    ----------
    score : array_like, shape (n,)
        Higher means the outcome is likelier.
    outcome : array_like of bool, shape (n,)
        Whether it came about.
    strata : array_like, shape (n,), optional
        Subjects are compared only with those of their stratum.
    groups : array_like, shape (n,), optional
        Subjects of one group are not independent.

    Raises
    ------
    ValueError
        When no stratum holds both outcomes.

    Notes
    -----
    Wilcoxon's statistic, ties counted half (Hanley & McNeil 1982); its error from each subject's placement among
    those with the other outcome (DeLong et al. 1988), summed by group.

    Examples
    --------
    >>> area([1, 2, 3, 4], [False, True, False, True]).area
    0.75
    """
    score, outcome = np.asarray(score, dtype=float), np.asarray(outcome, dtype=bool)
    layer = np.zeros(len(score), dtype=int) if strata is None else _codes(strata)
    right, pairs = np.zeros(len(score)), np.zeros(len(score))
    for members in np.split(np.argsort(layer, kind="stable"), np.cumsum(np.bincount(layer))[:-1]):
        yes, no = members[outcome[members]], members[~outcome[members]]
        below, above = np.sort(score[no]), np.sort(score[yes])
        right[yes] = _placed(below, score[yes])
        right[no] = len(yes) - _placed(above, score[no])
        pairs[yes], pairs[no] = len(no), len(yes)
    total = pairs[outcome].sum()
    if total == 0:
        raise ValueError("an area under the ROC curve needs both outcomes among those compared")
    share = right[outcome].sum() / total
    return Area(float(share), _cluster_error((right - share * pairs) / total, groups))


def _placed(others: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many of the sorted `others` lie below each score, ties counted half."""
    return (np.searchsorted(others, score, "left") + np.searchsorted(others, score, "right")) / 2


def logistic(x: ArrayLike, outcome: ArrayLike) -> NDArray[np.float64]:
    """Return the coefficients of a logistic regression by Newton's method, shape (k,).

    Parameters
    ----------
    x : array_like, shape (n, k)
        Predictors; include a column of ones.
    outcome : array_like of bool, shape (n,)
        What is predicted.

    Notes
    -----
    A ridge of 1e-6 keeps a column without variation, or a perfect separation, finite.

    Examples
    --------
    >>> logistic([[1, 0], [1, 0], [1, 1], [1, 1], [1, 1]], [0, 1, 0, 1, 1]).round(3).tolist()
    [0.0, 0.693]
    """
    x, y = np.asarray(x, dtype=float), np.asarray(outcome, dtype=float)
    beta, ridge = np.zeros(x.shape[1]), 1e-6 * np.eye(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        step = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + ridge, x.T @ (y - p) - ridge @ beta)
        beta += step
        if np.abs(step).max() < CLOSE:
            break
    return beta


def out_of_sample(
    x: ArrayLike, outcome: ArrayLike, groups: ArrayLike, *, folds: int = 5, seed: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return each subject's logistic score from a fit that never saw its group, and its fold, both shape (n,).

    Parameters
    ----------
    x : array_like, shape (n, k)
        Predictors without the column of ones.
    outcome : array_like of bool, shape (n,)
        What is predicted.
    groups : array_like, shape (n,)
        Kept together, in one of the `folds`.
    seed : int
        Of the lot that puts groups into folds.

    Notes
    -----
    Compare scores within a fold: fits of different folds differ in their level.
    """
    x = np.column_stack([np.ones(len(np.asarray(x))), np.asarray(x, dtype=float)])
    y, group = np.asarray(outcome, dtype=float), _codes(groups)
    if group.max() + 1 < folds:
        raise ValueError(f"{folds} folds need as many groups; got {group.max() + 1}")
    fold = (np.random.default_rng(seed).permutation(group.max() + 1) % folds)[group]
    score = np.empty(len(y))
    for k in range(folds):
        score[fold == k] = x[fold == k] @ logistic(x[fold != k], y[fold != k])
    return score, fold


@dataclass(frozen=True)
class Break:
    """Chow's test: `statistic` is F on `df` degrees of freedom, `p` its tail."""

    statistic: float
    df: tuple[int, int]
    p: float


def chow(y: ArrayLike, x: ArrayLike, since: ArrayLike) -> Break:
    """Return whether a linear relation is another one since a known date.

    Parameters
    ----------
    y : array_like, shape (n,)
        Outcome; errors independent, of one variance.
    x : array_like, shape (n, k)
        Predictors with the column of ones.
    since : array_like of bool, shape (n,)
        After the date.

    Raises
    ------
    ValueError
        When either side has no more observations than coefficients.

    Notes
    -----
    Chow (1960): F = ((S - S1 - S2) / k) / ((S1 + S2) / (n - 2 k)), with S the sums of squared residuals.

    Examples
    --------
    >>> x = [[1, t] for t in range(8)]
    >>> chow([0, 1, 2, 3, 9, 8, 9, 8.5], x, [t >= 4 for t in range(8)]).df
    (2, 4)
    """
    from scipy.stats import f

    y, x, since = np.asarray(y, dtype=float), np.asarray(x, dtype=float), np.asarray(since, dtype=bool)
    n, k = x.shape
    if min(since.sum(), n - since.sum()) <= k:
        raise ValueError(f"each side of the date needs more than {k} observations")

    def squares(part: NDArray[np.bool_]) -> float:
        fitted = x[part] @ np.linalg.lstsq(x[part], y[part], rcond=None)[0]
        return float(((y[part] - fitted) ** 2).sum())

    apart = squares(since) + squares(~since)
    statistic = (squares(np.ones(n, dtype=bool)) - apart) / k / (apart / (n - 2 * k))
    return Break(statistic, (k, n - 2 * k), float(f.sf(statistic, k, n - 2 * k)))


@dataclass(frozen=True)
class Relation:
    """How counts go with predictors.

    Parameters
    ----------
    slopes : array, shape (k,)
        Change of the log of the expected count, a unit of each predictor.
    pulls : array, shape (groups, k)
        How far each group pulls the slopes; their squares add up to the variance.
    """

    slopes: NDArray[np.float64]
    pulls: NDArray[np.float64]

    def of(self, weights: ArrayLike) -> tuple[float, float, float]:
        """Return a weighted sum of the slopes, its standard error, and its degrees of freedom.

        The degrees of freedom are the number of groups that in effect carry the variance (Satterthwaite).
        """
        w = np.asarray(weights, dtype=float)
        parts = (self.pulls @ w) ** 2
        return float(w @ self.slopes), float(np.sqrt(parts.sum())), float(parts.sum() ** 2 / (parts**2).sum())


def count_relation(counts: ArrayLike, x: ArrayLike, groups: ArrayLike) -> Relation:
    """Return a log-linear relation of counts, right even where they vary more than Poisson counts do.

    Parameters
    ----------
    counts : array_like, shape (n,)
        Not negative.
    x : array_like, shape (n, k)
        Predictors, among them columns whose sum is one, e.g. one for each period.
    groups : array_like, shape (n,)
        Subjects of one group are not independent.

    Raises
    ------
    ValueError
        When there are no more groups than predictors, no count above 0, or a predictor that repeats others.

    Notes
    -----
    Poisson pseudo-likelihood (Gourieroux et al. 1984). Each group's score is freed of the group's own pull on the fit
    (Bell & McCaffrey 2002, the jackknife form), without which few or unequal groups make intervals too short.

    Examples
    --------
    >>> found = count_relation([1, 3, 2, 4, 1, 3], [[1, 0], [1, 1], [1, 0], [1, 1], [1, 0], [1, 1]], range(6))
    >>> found.slopes.round(3).tolist()
    [0.288, 0.916]
    """
    y, x, group = np.asarray(counts, dtype=float), np.asarray(x, dtype=float), _codes(groups)
    k, n_groups = x.shape[1], int(group.max()) + 1
    if n_groups <= k or y.sum() <= 0:
        raise ValueError(
            f"a relation of counts needs more than {k} groups and a count above 0; got {n_groups} groups"
        )
    beta = np.linalg.lstsq(x, np.log(y + y.mean() / 2), rcond=None)[0]
    for _ in range(STEPS):
        mean = np.exp(np.clip(x @ beta, -30, 30))
        information = x.T @ (x * mean[:, None])
        if np.linalg.cond(information) > 1e14:
            raise ValueError("a predictor repeats the others")
        step = np.linalg.solve(information, x.T @ (y - mean))
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < CLOSE:
            break
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))[:-1]])
    scores = np.add.reduceat((x * (y - mean)[:, None])[order], starts)
    each = (x[:, :, None] * x[:, None, :] * mean[:, None, None])[order]
    without = information - np.add.reduceat(each, starts)
    try:
        pulls = np.linalg.solve(without, scores[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # one group alone shows some predictor
        pulls = (np.linalg.pinv(without, hermitian=True) @ scores[:, :, None])[:, :, 0]
    return Relation(beta, pulls * np.sqrt((n_groups - 1) / n_groups))
