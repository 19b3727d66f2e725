"""TOPSIS: rank alternatives by how near they are to the best on every criterion, and how far from the worst.

Source: Hwang & Yoon (1981), *Multiple Attribute Decision Making*, chapter III, section "TOPSIS": vector normalisation,
weights, Euclidean distances to the ideal and to the negative-ideal solution, relative closeness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def closeness(matrix: ArrayLike, weights: ArrayLike, more_is_better: ArrayLike) -> NDArray[np.float64]:
    """Return the relative closeness to the ideal: 1 is best on every criterion, 0 is worst on every one.

    Parameters
    ----------
    matrix : array_like, shape (alternatives, criteria)
        Each criterion in its own unit, none below zero.
    weights : array_like, shape (..., criteria)
        Not below zero, not all zero; only their proportions count. Several sets are ranked at once.
    more_is_better : array_like of bool, shape (criteria,)
        False where less is better, as with costs.

    Returns
    -------
    array, shape (..., alternatives)
        0.5 for each where the criteria that count do not tell the alternatives apart.

    Raises
    ------
    ValueError
        When shapes do not agree, or a number is below zero or missing.

    Examples
    --------
    >>> closeness([[3.0, 9.0], [1.0, 4.0]], [1, 1], [True, False]).round(2).tolist()
    [0.55, 0.45]
    """
    matrix, weights, better = _checked(matrix, weights, more_is_better)
    length = np.sqrt((matrix**2).sum(axis=0))
    normal = matrix / np.where(length > 0, length, 1.0)
    best = np.where(better, normal.max(axis=0), normal.min(axis=0))
    worst = np.where(better, normal.min(axis=0), normal.max(axis=0))
    squares = weights[..., None, :] ** 2
    to_best = np.sqrt((squares * (normal - best) ** 2).sum(axis=-1))
    to_worst = np.sqrt((squares * (normal - worst) ** 2).sum(axis=-1))
    span = to_best + to_worst
    return np.where(span > 0, to_worst / np.where(span > 0, span, 1.0), 0.5)


def reweighted(weights: ArrayLike, criterion: int, shares: ArrayLike) -> NDArray[np.float64]:
    """Return weights in which one criterion has each of `shares` and the others keep their proportions.

    Parameters
    ----------
    weights : array_like, shape (criteria,)
        Where all others are zero, they share the rest evenly.
    criterion : int
        Its position.
    shares : array_like, shape (k,)
        0 to 1.

    Returns
    -------
    array, shape (k, criteria)
        Each row sums to 1.

    Examples
    --------
    >>> reweighted([2, 1, 1], 0, [0.5, 0.8]).round(2).tolist()
    [[0.5, 0.25, 0.25], [0.8, 0.1, 0.1]]
    """
    others = np.array(weights, dtype=float)
    others[criterion] = 0.0
    if others.sum() == 0:
        others[:] = 1.0
        others[criterion] = 0.0
    shares = np.asarray(shares, dtype=float)
    made = (1 - shares)[:, None] * others / others.sum()
    made[:, criterion] = shares
    return made


def turning_points(
    matrix: ArrayLike, weights: ArrayLike, more_is_better: ArrayLike, criterion: int, *, steps: int = 200
) -> list[tuple[float, int, int]]:
    """Return where two alternatives swap places as one criterion's weight goes from none to all of it.

    Parameters
    ----------
    matrix, weights, more_is_better
        As in `closeness`; `weights` of shape (criteria,).
    criterion : int
        Position of the criterion whose weight moves; the others keep their proportions.
    steps : int
        Steps of the search. Two swaps of the same pair within one step are not seen.

    Returns
    -------
    list of (share, int, int)
        Weight at which they are level, as a share of all weights; who is ahead below it; who is ahead above it. By share.

    Examples
    --------
    >>> turning_points([[3.0, 9.0], [1.0, 3.0]], [1, 1], [True, False], 0)
    [(0.5, 1, 0)]
    """
    shares = np.linspace(0, 1, steps + 1)

    def ahead(at: NDArray[np.float64]) -> NDArray[np.float64]:
        near = closeness(matrix, reweighted(weights, criterion, at), more_is_better)
        return near[:, :, None] - near[:, None, :]

    gap = ahead(shares)
    gap[np.abs(gap) < 1e-12] = 0.0
    found = []
    for first, second in zip(*np.triu_indices(gap.shape[1], 1), strict=True):
        seen = np.flatnonzero(gap[:, first, second])
        sign = np.sign(gap[seen, first, second])
        for k in np.flatnonzero(np.diff(sign)):
            low, high = shares[seen[k]], shares[seen[k + 1]]
            for _ in range(40):
                middle = (low + high) / 2
                if np.sign(ahead(np.array([middle]))[0, first, second]) == sign[k]:
                    low = middle
                else:
                    high = middle
            pair = (int(first), int(second)) if sign[k] > 0 else (int(second), int(first))
            found.append((round(float(high), 9), *pair))
    return sorted(found)


def beaten_by(matrix: ArrayLike, more_is_better: ArrayLike) -> list[Sequence[int]]:
    """Return, for each alternative, those at least as good on every criterion and better on one.

    The alternatives that nobody beats are the Pareto front: whatever the weights, one of them is best.

    Parameters
    ----------
    matrix : array_like, shape (alternatives, criteria)
        As in `closeness`.
    more_is_better : array_like of bool, shape (criteria,)
        As in `closeness`.

    Examples
    --------
    >>> beaten_by([[3, 9], [1, 4], [1, 5]], [True, False])
    [[], [], [1]]
    """
    matrix, _, better = _checked(matrix, np.ones(np.shape(matrix)[-1]), more_is_better)
    value = np.where(better, matrix, -matrix)
    ahead = value[:, None, :] - value[None, :, :]
    beats = np.logical_and((ahead >= 0).all(axis=2), (ahead > 0).any(axis=2))
    return [np.flatnonzero(column).tolist() for column in beats.T]


def _checked(
    matrix: ArrayLike, weights: ArrayLike, better: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    matrix, weights = np.asarray(matrix, dtype=float), np.asarray(weights, dtype=float)
    better = np.asarray(better, dtype=bool)
    if (
        matrix.ndim != 2
        or len(matrix) == 0
        or weights.shape[-1:] != matrix.shape[1:]
        or better.shape != matrix.shape[1:]
    ):
        raise ValueError(
            "a ranking needs one row per alternative, and one weight and one direction per criterion"
        )
    if not (matrix >= 0).all():
        raise ValueError(
            "a ranking needs numbers that are not missing and not below zero, on every criterion"
        )
    if not (weights >= 0).all() or not (weights.sum(axis=-1) > 0).all():
        raise ValueError("weights are not below zero, and at least one is above it")
    return matrix, weights / weights.sum(axis=-1, keepdims=True), better
