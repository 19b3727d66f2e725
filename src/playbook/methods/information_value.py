"""What it is worth to know something before one of several actions is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playbook.methods.inventory import unit_normal_loss

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def evpi(payoff: ArrayLike, chances: ArrayLike) -> float:
    """Return the expected value of perfect information: the mean of the best payoffs less the best of the mean payoffs.

    Parameters
    ----------
    payoff : array_like, (actions, states)
        Payoff of each action in each state; of costs, give the negative.
    chances : array_like, (states,)
        Probabilities, which sum to one.

    Returns
    -------
    float
        Unit of `payoff`, not below zero.

    Raises
    ------
    ValueError
        When the chances are no probabilities, or do not fit the payoffs.

    References
    ----------
    Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, chapter 4; the example is that of the oil driller in
    Raiffa (1968), Decision Analysis.

    Examples
    --------
    Drill or not, where the well is dry, wet or soaking:

    >>> round(evpi([[-70, 50, 200], [0, 0, 0]], [0.5, 0.3, 0.2]), 6)
    35.0
    """
    pay, chance = _checked(payoff, chances)
    return float(chance @ pay.max(axis=0) - (pay @ chance).max())


def evppi(payoff: ArrayLike, chances: ArrayLike) -> float:
    """Return the expected value of knowing one attribute perfectly while everything else stays unknown.

    The rest is averaged out within each value of the attribute; what remains is `evpi` of the action-by-value means.

    Parameters
    ----------
    payoff : array_like, (actions, values, rest)
        Payoff of each action, by value of the attribute and by state of everything else.
    chances : array_like, (values, rest)
        Joint probabilities, which sum to one.

    Returns
    -------
    float
        Unit of `payoff`; between zero and `evpi` of the joint states.

    Raises
    ------
    ValueError
        As `evpi`.

    References
    ----------
    Raiffa & Schlaifer (1961), chapter 4.

    Examples
    --------
    The second attribute shifts both actions alike: it predicts the payoff and is worth nothing.

    >>> evppi([[[4, 14], [0, 10]], [[1, 11], [1, 11]]], [[0.25, 0.25], [0.25, 0.25]])
    0.5
    >>> evppi([[[4, 0], [14, 10]], [[1, 1], [11, 11]]], [[0.25, 0.25], [0.25, 0.25]])
    0.0
    """
    joint = np.asarray(chances, dtype=float)
    pay = np.asarray(payoff, dtype=float)
    if pay.ndim != 3 or pay.shape[1:] != joint.shape:
        raise ValueError(
            f"payoff is (actions, values, rest), chances (values, rest); got {pay.shape} and {joint.shape}"
        )
    share = joint.sum(axis=1)
    kept = share > 0
    means = (pay * joint).sum(axis=2)[:, kept] / share[kept]
    return evpi(means, share[kept])


def evsi(payoff: ArrayLike, chances: ArrayLike, likelihood: ArrayLike) -> float:
    """Return the expected value of one imperfect observation, before it is made.

    Parameters
    ----------
    payoff : array_like, (actions, states)
        Payoff of each action in each state.
    chances : array_like, (states,)
        Prior probabilities.
    likelihood : array_like, (signals, states)
        Probability of each signal in each state; columns sum to one.

    Returns
    -------
    float
        Unit of `payoff`; between zero and `evpi`.

    Raises
    ------
    ValueError
        As `evpi`, and when a column of `likelihood` does not sum to one.

    References
    ----------
    Raiffa & Schlaifer (1961), chapter 4 (preposterior analysis); example as in `evpi`, with a seismic test.

    Examples
    --------
    >>> seismic = [[0.6, 0.3, 0.1], [0.3, 0.4, 0.4], [0.1, 0.3, 0.5]]  # no, open, closed structure
    >>> round(evsi([[-70, 50, 200], [0, 0, 0]], [0.5, 0.3, 0.2], seismic), 6)
    12.5
    """
    pay, chance = _checked(payoff, chances)
    signal = np.asarray(likelihood, dtype=float)
    if signal.ndim != 2 or signal.shape[1] != len(chance) or not np.allclose(signal.sum(axis=0), 1):
        raise ValueError(f"likelihood is (signals, {len(chance)} states), columns summing to one")
    return float((pay @ (signal * chance).T).max(axis=0).sum() - (pay @ chance).max())


def _checked(payoff: ArrayLike, chances: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pay, chance = np.asarray(payoff, dtype=float), np.asarray(chances, dtype=float)
    if pay.ndim != 2 or chance.shape != pay.shape[1:]:
        raise ValueError(
            f"payoff is (actions, states), chances (states,); got {pay.shape} and {chance.shape}"
        )
    if (chance < 0).any() or not np.isclose(chance.sum(), 1):
        raise ValueError("chances are probabilities that sum to one")
    return pay, chance


def evsi_normal(mean: ArrayLike, sd: ArrayLike, sample: ArrayLike, behind: ArrayLike) -> NDArray[np.float64]:
    """Return the value of a further sample, when one of two actions gains in proportion to an unknown mean.

    The prior of the mean is normal; the other action gains nothing. A sample of n beside the `behind` observations that the
    prior is worth lets the posterior mean vary with standard deviation sd * sqrt(n / (n + behind)); the expected loss that
    it spares is that deviation times the unit normal loss of the prior mean, in such deviations, from zero.

    Parameters
    ----------
    mean, sd : array_like
        Prior mean and standard deviation of the gain, in money.
    sample : array_like
        Further observations; infinity gives the value of knowing the mean exactly.
    behind : array_like
        Observations that the prior rests on, above zero.

    Returns
    -------
    ndarray
        Unit of `mean`, broadcast; zero where `sd` or `sample` is zero.

    Raises
    ------
    ValueError
        When a standard deviation or a sample is negative, or nothing is behind the prior.

    References
    ----------
    Raiffa & Schlaifer (1961), chapter 5 (two actions, linear value, normal process).

    Examples
    --------
    At break-even the whole prior counts: 0.3989 of its standard deviation.

    >>> evsi_normal(0.0, 10.0, [0, 100, np.inf], 100).round(3).tolist()
    [0.0, 2.821, 3.989]
    """
    mean, sd, sample, behind = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (mean, sd, sample, behind))
    )
    if (sd < 0).any() or (sample < 0).any() or (behind <= 0).any():
        raise ValueError("sd and sample are not negative, and something is behind the prior")
    share = np.divide(sample, sample + behind, out=np.ones(sample.shape), where=np.isfinite(sample))
    moves = sd * np.sqrt(share)
    apart = np.divide(np.abs(mean), moves, out=np.full(moves.shape, np.inf), where=moves > 0)
    known = np.isfinite(apart)
    return np.where(known, moves * unit_normal_loss(np.where(known, apart, 0.0)), 0.0)


def folds_of(units: int, folds: int, splits: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each unit in several random splits into folds of equal size, (units, splits).

    Examples
    --------
    >>> folds_of(4, 2, 1, np.random.default_rng(0)).ravel().tolist()
    [0, 0, 1, 1]
    """
    return np.stack([rng.permutation(np.arange(units) % folds) for _ in range(splits)], axis=1)


def cross_fitted_payoff(
    payoff: ArrayLike,
    size: ArrayLike,
    cells: ArrayLike,
    folds: ArrayLike,
    *,
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the payoff per decision when each unit gets the best action of its cell, chosen on other units.

    The mean of the best of noisy means is too high: with choice and value from the same units, an attribute that says
    nothing would seem worth something. So the best action of each cell is chosen without one fold of the units and valued
    on that fold, for each fold in turn; the result is the mean over several splits. Knowing an attribute is worth this
    payoff with its values as cells, less that with what is known anyway (one cell for all, when that is nothing). The
    difference errs, a little, to the low side, and may by chance be below zero.

    Parameters
    ----------
    payoff : array_like, (units, actions)
        Sum over the unit's decisions of an unbiased score of each action's payoff.
    size : array_like, (units,)
        Decisions of each unit.
    cells : array_like, (units,) of int
        Cell of each unit, from 0: the value of an attribute, or of several crossed.
    folds : array_like, (units, splits) of int
        As from `folds_of`.
    weights : array_like, (draws, units), optional
        How often each unit counts, for a bootstrap; once each without it.

    Returns
    -------
    ndarray, (draws,)
        Unit of `payoff`, per decision.

    References
    ----------
    Chernozhukov and others (2018), Econometrics Journal 21: C1-C68 (cross-fitting); Athey & Wager (2021), Econometrica 89:
    133-161 (actions valued by scores).

    Examples
    --------
    >>> payoff = [[3, 0], [0, 2], [3, 0], [0, 2]]
    >>> split = [[0], [0], [1], [1]]
    >>> cross_fitted_payoff(payoff, [1, 1, 1, 1], [0, 1, 0, 1], split).tolist()
    [2.5]
    >>> cross_fitted_payoff(payoff, [1, 1, 1, 1], [0, 0, 0, 0], split).tolist()
    [1.5]
    """
    pay, cell = np.asarray(payoff, dtype=float), np.asarray(cells)
    weight = np.ones((1, len(pay))) if weights is None else np.asarray(weights, dtype=float)
    splits = np.asarray(folds).T
    spread = np.zeros((len(pay), int(cell.max()) + 1, pay.shape[1]))
    spread[np.arange(len(pay)), cell] = pay
    columns = spread.reshape(len(pay), -1)
    gained = np.zeros(len(weight))
    for fold in splits:
        members = [np.flatnonzero(fold == f) for f in np.unique(fold)]
        sums = np.stack([weight[:, own] @ columns[own] for own in members])
        sums = sums.reshape(len(members), len(weight), -1, pay.shape[1])
        outside = sums.sum(axis=0) - sums
        # A cell that is empty outside the fold gets the action that is best for all.
        empty = np.abs(outside).sum(axis=3, keepdims=True) < 1e-9
        best = np.where(empty, outside.sum(axis=2, keepdims=True), outside).argmax(axis=3)
        gained += np.take_along_axis(sums, best[..., None], axis=3).sum(axis=(0, 2, 3))
    return gained / (len(splits) * (weight @ np.asarray(size, dtype=float)))


@dataclass(frozen=True)
class Scores:
    """What each action would have brought, by unit.

    Parameters
    ----------
    payoff : ndarray, (units, actions)
        Sum of the scores of the unit's cases.
    expected : ndarray, (units, actions)
        Payoff predicted for one case, from other units.
    importance : dict
        By attribute: rise of the squared miss of the prediction when its values are shuffled among the units, as a share of
        the payoff's variance; what is predicted best can exceed one.
    chosen_share : float
        Share of the variance of the choice that the attributes explain, in units they were not fitted on; about zero or
        below where the action was left to chance.
    """

    payoff: NDArray[np.float64]
    expected: NDArray[np.float64]
    importance: dict[str, float]
    chosen_share: float


def action_scores(
    payoff: ArrayLike,
    action: ArrayLike,
    unit: ArrayLike,
    attributes: Mapping[str, ArrayLike],
    folds: ArrayLike,
    *,
    least_chance: float = 0.05,
    rng: np.random.Generator,
) -> Scores:
    """Score what each action would have brought in each case, from the one that was taken.

    Payoff of each action and chance of each action are predicted from the attributes (linear in their values), on the folds
    that the case is not in. The score is the prediction, plus what it missed in the case divided by the chance of the action
    taken; its mean is right when either prediction is (augmented inverse probability weighting).

    Parameters
    ----------
    payoff, action, unit : array_like, (cases,)
        What came of each case; its action from 0; its unit, from 0.
    attributes : mapping of array_like, each (units,) of int
        Value of each attribute, from 0.
    folds : array_like, (units,)
        One split, as from `folds_of`.
    least_chance : float
        Chances below it count as this much: no case weighs more than 1 / `least_chance`.
    rng : Generator
        Shuffles the attributes.

    Returns
    -------
    Scores

    References
    ----------
    Athey & Wager (2021), Econometrica 89: 133-161; permutation importance: Breiman (2001), Machine Learning
    45: 5-32.
    """
    pay, taken, of = np.asarray(payoff, dtype=float), np.asarray(action), np.asarray(unit)
    fold, actions = np.asarray(folds), int(taken.max()) + 1
    blocks = {
        name: np.eye(int(np.max(code)) + 1)[np.asarray(code)][:, 1:] for name, code in attributes.items()
    }
    design = np.column_stack([np.ones(len(fold)), *blocks.values()])
    ends = np.cumsum([1, *(block.shape[1] for block in blocks.values())])
    done = taken[:, None] == np.arange(actions)
    expected, chance = np.zeros((2, len(fold), actions))
    shuffled = {name: np.zeros_like(expected) for name in blocks}
    for f in np.unique(fold):
        others, own = fold[of] != f, np.flatnonzero(fold == f)
        slopes = [_least_squares(design[of[others & at]], pay[others & at]) for at in done.T]
        slope = np.stack(slopes, axis=1)
        expected[own] = design[own] @ slope
        chance[own] = design[own] @ _least_squares(design[of[others]], done[others].astype(float))
        for name, start, end in zip(blocks, ends[:-1], ends[1:], strict=True):
            moved = design[rng.permutation(own), start:end] - design[own, start:end]
            shuffled[name][own] = expected[own] + moved @ slope[start:end]
    chance = np.clip(chance, least_chance, 1)
    chance /= chance.sum(axis=1, keepdims=True)
    score = expected[of] + done * (pay[:, None] - expected[of]) / chance[of]
    missed = ((pay - expected[of, taken]) ** 2).mean()
    return Scores(
        np.stack([np.bincount(of, score[:, a], len(fold)) for a in range(actions)], axis=1),
        expected,
        {name: (((pay - by[of, taken]) ** 2).mean() - missed) / pay.var() for name, by in shuffled.items()},
        float(1 - ((done - chance[of]) ** 2).sum() / ((done - done.mean(axis=0)) ** 2).sum()),
    )


def _least_squares(design: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shortest least-squares solution; of few columns the normal equations are ten times faster."""
    return np.linalg.pinv(design.T @ design, hermitian=True) @ (design.T @ y)
