"""Failure mode and effects analysis: ratings, risk priority number, Action Priority, and expected loss in money.

Sources: AIAG & VDA (2019), *FMEA Handbook*, 1st edition, for the Action Priority table (section 3.5.9, the same for design
and process FMEA) and the incidents behind occurrence ratings (table C2.3.1); Wheeler (2011), "Problems with Risk Priority
Numbers", *Quality Digest*, for what multiplying ratings does.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_90 = NormalDist().inv_cdf(0.95)

# AIAG & VDA (2019), table "Action Priority": lowest rating of each band, from the highest band down. One line per band of
# severity, one word per band of occurrence, one letter per band of detection.
_SEVERITY_FROM, _OCCURRENCE_FROM, _DETECTION_FROM = (9, 7, 4, 2, 1), (8, 6, 4, 2, 1), (7, 5, 2, 1)
_PRIORITY = (
    "HHHH HHHH HHHM HMLL LLLL",
    "HHHH HHHM HMMM MMLL LLLL",
    "HMMM MMML MLLL LLLL LLLL",
    "MMLL LLLL LLLL LLLL LLLL",
    "LLLL LLLL LLLL LLLL LLLL",
)
_TABLE = np.array([[list(word) for word in line.split()] for line in _PRIORITY])

# AIAG & VDA (2019), table C2.3.1: incidents per item from which on a rating of 2, 3, ... 10 applies
_INCIDENTS = (1e-6, 1e-5, 1e-4, 5e-4, 2e-3, 1e-2, 2e-2, 5e-2, 1e-1)


def _ratings(*values: ArrayLike) -> list[NDArray[np.int64]]:
    arrays = [np.asarray(value) for value in values]
    for array in arrays:
        if array.size and not (np.isin(array, range(1, 11))).all():
            raise ValueError("ratings are whole numbers from 1 to 10")
    return [array.astype(np.int64) for array in np.broadcast_arrays(*arrays)]


def rpn(severity: ArrayLike, occurrence: ArrayLike, detection: ArrayLike) -> NDArray[np.int64]:
    """Return the risk priority number, the product of three ratings.

    Parameters
    ----------
    severity, occurrence, detection : array_like of int, broadcast together
        1 to 10; 10 is worst. A detection of 10 means that nobody notices.

    Raises
    ------
    ValueError
        When a rating is not a whole number from 1 to 10.

    Notes
    -----
    Ratings are ordinal: nothing says that 8 is twice as bad as 4, so their product has no scale. Of the numbers from 1 to
    1000 it takes 120 (Wheeler 2011).

    Examples
    --------
    >>> rpn([10, 6], [3, 4], [4, 5]).tolist()  # different risks, one number
    [120, 120]
    """
    s, o, d = _ratings(severity, occurrence, detection)
    return s * o * d


def action_priority(severity: ArrayLike, occurrence: ArrayLike, detection: ArrayLike) -> NDArray[np.str_]:
    """Return the Action Priority: H (act), M (should act, or say why not), L (may act).

    Parameters
    ----------
    severity, occurrence, detection : array_like of int, broadcast together
        1 to 10; 10 is worst.

    Raises
    ------
    ValueError
        When a rating is not a whole number from 1 to 10.

    Notes
    -----
    AIAG & VDA (2019), table "Action Priority (AP) for DFMEA and PFMEA": severity weighs most, then occurrence, then
    detection. It was made for that handbook's rating scales.

    Examples
    --------
    >>> action_priority([10, 6, 8], [3, 4, 5], [4, 5, 6]).tolist()
    ['L', 'L', 'M']
    """
    s, o, d = _ratings(severity, occurrence, detection)
    bands = [
        (values[..., None] < np.array(lowest)).sum(axis=-1)
        for values, lowest in ((s, _SEVERITY_FROM), (o, _OCCURRENCE_FROM), (d, _DETECTION_FROM))
    ]
    return _TABLE[tuple(bands)]


def occurrence_rating(share: ArrayLike) -> NDArray[np.int64]:
    """Return the occurrence rating of a share of cases that fail, shape as given.

    Source: AIAG & VDA (2019), table C2.3.1: 10 from 100 in a thousand, 9 from 50, 8 from 20, 7 from 10, 6 from 2, 5 from
    0.5, 4 from 0.1, 3 from 0.01, 2 from 0.001.

    Examples
    --------
    >>> occurrence_rating([0.2, 0.1, 0.06, 0.02, 0.002, 0]).tolist()
    [10, 10, 9, 8, 6, 1]
    """
    share = np.asarray(share, dtype=float)
    if ((share < 0) | (share > 1)).any():
        raise ValueError("a share of failures lies between 0 and 1")
    return 1 + np.searchsorted(_INCIDENTS, share, side="right").astype(np.int64)


def detection_rating(unnoticed: ArrayLike) -> NDArray[np.int64]:
    """Return the detection rating of a share of failures that nobody of us notices: its tenths, rounded up, at least 1.

    The handbook rates detection in words; tenths are this playbook's translation.

    Examples
    --------
    >>> detection_rating([0, 0.1, 0.55, 1]).tolist()
    [1, 1, 6, 10]
    """
    unnoticed = np.asarray(unnoticed, dtype=float)
    if ((unnoticed < 0) | (unnoticed > 1)).any():
        raise ValueError("a share of unnoticed failures lies between 0 and 1")
    return np.clip(np.ceil(np.round(10 * unnoticed, 9)), 1, 10).astype(np.int64)


def severity_rating(loss: ArrayLike, *, serious: float) -> NDArray[np.int64]:
    """Return the severity rating of a loss in money: 8 from `serious` up, one less for each halving, at least 1.

    The handbook rates severity in words and keeps 9 and 10 for safety and for breaches of law, which no amount of money
    stands for: they must be given by hand. The scale of money is this playbook's.

    Parameters
    ----------
    loss : array_like
        Mean loss of one failure that gets through, in money.
    serious : float
        Loss in money from which on a failure is as bad as money can be.

    Examples
    --------
    >>> severity_rating([5000, 2000, 1999, 500, 3], serious=2000).tolist()
    [8, 8, 7, 6, 1]
    """
    if serious <= 0:
        raise ValueError(f"the serious loss must be above 0, got {serious:g}")
    with np.errstate(divide="ignore"):
        halvings = np.floor(np.log2(np.asarray(loss, dtype=float) / serious) + 1e-9)
    return np.clip(8 + halvings, 1, 8).astype(np.int64)


@dataclass(frozen=True)
class Loss:
    """Expected loss of a case at each of some hand-offs, shape (n,) each.

    Parameters
    ----------
    each : array
        Mean loss of one unnoticed failure, in money.
    amount : array
        Loss of an average case, in money: share of cases with an unnoticed failure x `each`.
    low, high : array
        90 % interval of `amount`.
    spread : array
        Standard error of the logarithm of `amount`; infinite where nothing was lost.
    """

    each: NDArray[np.float64]
    amount: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    spread: NDArray[np.float64]


def expected_loss(
    cases: ArrayLike, unnoticed: ArrayLike, losses: ArrayLike, loss_sum: ArrayLike, loss_squares: ArrayLike
) -> Loss:
    """Return what an average case loses by failures that nobody noticed in time, with a 90 % interval.

    Parameters
    ----------
    cases, unnoticed : array_like, shape (n,)
        Cases that passed, and those of them that failed unnoticed.
    losses : array_like, shape (n,)
        Unnoticed failures whose loss is known.
    loss_sum, loss_squares : array_like, shape (n,)
        Sum of those losses and of their squares, in money.

    Raises
    ------
    ValueError
        When nothing passed, more failed than passed, or no loss is known anywhere.

    Notes
    -----
    The product of a binomial share q and a mean loss; by the delta method its logarithm has variance
    (1 - q) / (cases q) + (squared coefficient of variation of a loss) / losses. Few dear failures carry the mean, so the
    interval is on the logarithm. Where no loss, or only one, is known, mean and variation are those of all hand-offs; where
    nothing failed unnoticed, the bound is the exact one for no event (three in so many cases, about).

    Examples
    --------
    >>> found = expected_loss([1000, 1000], [50, 0], [50, 0], [5000.0, 0.0], [1_000_000.0, 0.0])
    >>> found.amount.tolist(), found.low.round(2).tolist(), found.high.round(2).tolist()
    ([5.0, 0.0], [3.61, 0.0], [6.93, 0.3])
    """
    n, k, m, total, squares = (
        np.asarray(value, dtype=float) for value in (cases, unnoticed, losses, loss_sum, loss_squares)
    )
    if (n <= 0).any() or (k > n).any():
        raise ValueError("each hand-off needs cases, and at most as many failures as cases")
    if m.sum() == 0:
        raise ValueError("no loss is known at any hand-off")
    pooled = total.sum() / m.sum()
    each = np.where(m > 0, total / np.maximum(m, 1), pooled)
    variation = np.where(
        m > 1, _variation(m, total, squares), _variation(m.sum(), total.sum(), squares.sum())
    )
    q = k / n
    with np.errstate(divide="ignore"):
        spread = np.sqrt((1 - q) / k + variation / np.maximum(m, 1))
    amount = q * each
    wide = np.exp(Z_90 * np.where(k > 0, spread, 0.0))
    none = -np.log(0.05) / n * each
    return Loss(each, amount, amount / wide, np.where(k > 0, amount * wide, none), spread)


def _variation(count: ArrayLike, total: ArrayLike, squares: ArrayLike) -> NDArray[np.float64]:
    """Return the squared coefficient of variation, from count, sum and sum of squares."""
    count, total, squares = (np.asarray(value, dtype=float) for value in (count, total, squares))
    mean = total / np.maximum(count, 1)
    variance = (squares - count * mean**2) / np.maximum(count - 1, 1)
    return np.maximum(variance, 0) / np.where(mean > 0, mean, 1.0) ** 2


def alike_p(loss: Loss) -> float:
    """Return the p-value of "all hand-offs lose the same": Cochran's Q on the logarithms of `loss.amount`.

    Hand-offs that lost nothing are left out; with fewer than two left, it is 1.

    Notes
    -----
    Cochran (1954), "The combination of estimates from different experiments", *Biometrics* 10:101: the weighted sum of
    squares about the weighted mean is chi-squared with one degree of freedom less than there are estimates.

    Examples
    --------
    >>> same = expected_loss([900, 900], [30, 30], [30, 30], [300.0, 300.0], [6000.0, 6000.0])
    >>> alike_p(same)
    1.0
    """
    from scipy.special import chdtrc

    used = np.isfinite(loss.spread) & (loss.amount > 0)
    if used.sum() < 2:
        return 1.0
    weight, value = loss.spread[used] ** -2.0, np.log(loss.amount[used])
    q = float(weight @ (value - weight @ value / weight.sum()) ** 2)
    return float(chdtrc(used.sum() - 1, q))


def shares_alike_p(events: ArrayLike, cases: ArrayLike) -> float:
    """Return the p-value of "all shares are the same": Pearson's chi-square on a table of two rows.

    Parameters
    ----------
    events, cases : array_like, shape (n,)
        How many of how many; where there are no cases there is nothing to compare.

    Examples
    --------
    >>> shares_alike_p([10, 20], [100, 200])
    1.0
    """
    from scipy.special import chdtrc

    events, cases = np.asarray(events, dtype=float), np.asarray(cases, dtype=float)
    events, cases = events[cases > 0], cases[cases > 0]
    if len(cases) < 2 or events.sum() in (0, cases.sum()):
        return 1.0
    share = events.sum() / cases.sum()
    square = ((events - cases * share) ** 2 / (cases * share * (1 - share))).sum()
    return float(chdtrc(len(cases) - 1, square))
