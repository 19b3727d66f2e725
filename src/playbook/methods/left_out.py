"""What a decision between acting and waiting costs more when one of several sources of information is left out.

The decision: act at a known cost when the expected loss of waiting is larger. With rules learned on one part of the cases
and weighed on another, a source that only fits noise is worth nothing, or less. Sources: Howard (1966), "Information value
theory", IEEE Trans. Syst. Sci. Cybern. 2:22, for the value; Rubin (1981), Ann. Statist. 9:130, for the resamples' weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playbook.methods.intervals import Z90

PRIOR = (
    1.0  # penalty on a coefficient per standard deviation: keeps the chances of small samples from 0 and 1
)
STEPS = 8  # of Newton, from nothing
FEW_STEPS = 2  # of Newton, from the fit to all cases
AT_ONCE = 15_000  # numbers in one block: they stay in the processor's cache
LEAST_CASES, LEAST_OF_EACH = 100, 20


@dataclass(frozen=True)
class LeftOut:
    """What leaving out each source costs, in money a decision; arrays of shape (sources,).

    Parameters
    ----------
    lost : array
        Estimate, out of sample; below zero where the source misleads more than it tells.
    low, high : array
        90 % interval. A source can be ignored, so its value is never below zero; `high` is at least that.
    alone : array
        What each source saves, in the same sample, for somebody who has no other.
    """

    lost: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    alone: NDArray[np.float64]


def chances(
    signals: NDArray[np.float64], failed: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the chance of a failure for each case, from many logistic regressions at once.

    Parameters
    ----------
    signals : array, shape (n, p)
        Standardised.
    failed : array, shape (n,)
        0 or 1.
    weights : array, shape (k, n)
        Of the cases in each regression; a case with 0 is predicted, not learned from.

    Returns
    -------
    array, shape (k, n)

    Examples
    --------
    >>> x = np.array([[-1.0], [1.0]] * 50)
    >>> chances(x, np.array([0.0, 1.0] * 40 + [1.0, 0.0] * 10), np.ones((1, 100))).round(2)[0, :2].tolist()
    [0.21, 0.79]
    """
    x = np.column_stack([np.ones(len(signals)), signals])
    start = _newton(x, failed, np.ones((1, len(x))), np.zeros((1, x.shape[1])), STEPS)
    chance = np.empty(weights.shape)
    block = max(1, AT_ONCE // len(x))
    for k in range(0, len(weights), block):
        some = weights[k : k + block]
        b = _newton(x, failed, some, np.repeat(start, len(some), axis=0), FEW_STEPS)
        chance[k : k + block] = 1 / (1 + np.exp(-b @ x.T))
    return chance


def _newton(
    x: NDArray[np.float64],
    failed: NDArray[np.float64],
    weights: NDArray[np.float64],
    b: NDArray[np.float64],
    steps: int,
) -> NDArray[np.float64]:
    """Return the coefficients, (k, p), after so many steps from `b`."""
    p = x.shape[1]
    row, column = np.triu_indices(p)
    products = x[:, row] * x[:, column]
    penalty = np.diag([1e-6] + [PRIOR] * (p - 1))
    curve = np.empty((len(weights), p, p))
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-b @ x.T))
        slope = (weights * (failed - chance)) @ x - b @ penalty
        chance *= 1 - chance
        chance *= weights
        curve[:, row, column] = curve[:, column, row] = chance @ products
        b = b + np.linalg.solve(curve + penalty, slope[..., None])[..., 0]
    return b


def left_out(
    signals: ArrayLike,
    loss: ArrayLike,
    act_amt: float,
    *,
    folds: int = 3,
    draws: int = 80,
    seed: int = 0,
) -> LeftOut:
    """Return what a decision costs more when each source is left out.

    Parameters
    ----------
    signals : array_like, shape (n, sources)
        What each source said of each case before it was decided.
    loss : array_like, shape (n,)
        What waiting cost, in money; 0 where nothing happened. Only cases that were left alone, and by chance.
    act_amt : float
        Cost of acting, in money.
    folds : int
        The rules are learned on all folds but one; costs are weighed on that one, by the chances that all sources give
        there.
    draws : int
        Resamples of the cases (random weights) behind the interval.
    seed : int
        Of the resamples.

    Raises
    ------
    ValueError
        With fewer than 100 cases, or fewer than 20 that failed or that did not.
    """
    x, loss = np.asarray(signals, dtype=float), np.asarray(loss, dtype=float)
    failed = (loss > 0).astype(float)
    n = len(x)
    few = min(failed.sum(), n - failed.sum())
    if n < LEAST_CASES or few < LEAST_OF_EACH:
        raise ValueError(
            f"the value of sources needs {LEAST_CASES} cases that were left alone, {LEAST_OF_EACH} of them failed and "
            f"{LEAST_OF_EACH} not; got {n}, with {int(failed.sum())} failed"
        )
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    rng = np.random.default_rng(seed)
    found = _lost(x, loss, failed, act_amt, np.ones((draws // 2, n)), folds, rng).mean(axis=0)
    # Each resample is split twice: what the two splits share is the luck of the cases, without that of the split.
    weights = rng.exponential(size=(draws, n))
    one, two = (_lost(x, loss, failed, act_amt, weights, folds, rng) for _ in range(2))
    shared = ((one - one.mean(axis=0)) * (two - two.mean(axis=0))).sum(axis=0) / (draws - 1)
    half = Z90 * np.sqrt(np.maximum(shared, 0.0))
    return LeftOut(found, found - half, np.maximum(found + half, 0.0), _alone(x, loss, failed, act_amt))


def _lost(
    x: NDArray[np.float64],
    loss: NDArray[np.float64],
    failed: NDArray[np.float64],
    act_amt: float,
    weights: NDArray[np.float64],
    folds: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the extra cost without each source, one row a set of weights, each split at random."""
    n, sources = x.shape
    part = rng.permuted(np.tile(np.arange(n) * folds // n, (len(weights), 1)), axis=1)
    size = ((weights @ loss) / (weights @ failed))[:, None]  # mean loss of a failure
    total = np.zeros((len(weights), sources))
    for fold in range(folds):
        held = weights * (part == fold)
        learn = weights - held
        wait_amt = size * chances(x, failed, held)
        full = size * chances(x, failed, learn) > act_amt
        share = held / held.sum(axis=1, keepdims=True)
        for source in range(sources):
            less = size * chances(np.delete(x, source, axis=1), failed, learn) > act_amt
            total[:, source] += (share * (less.astype(float) - full) * (act_amt - wait_amt)).sum(axis=1)
    return total / folds


def _alone(
    x: NDArray[np.float64], loss: NDArray[np.float64], failed: NDArray[np.float64], act_amt: float
) -> NDArray[np.float64]:
    size, one = loss.sum() / failed.sum(), np.ones((1, len(x)))
    acts = [size * chances(x[:, [source]], failed, one)[0] > act_amt for source in range(x.shape[1])]
    without = min(act_amt, loss.mean())
    return np.array([without - np.where(act, act_amt, loss).mean() for act in acts])
