"""Analytic hierarchy process: weights from judgements in pairs, and how far these contradict each other.

Sources: Saaty (1980), *The Analytic Hierarchy Process*; Saaty (1990), "How to make a decision", Eur. J. Oper. Res. 48:9;
Aczel & Saaty (1983), J. Math. Psychol. 27:93, for groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Mean consistency index of random judgements on the scale 1/9 to 9, by number of criteria (Saaty 1980).
RANDOM_INDEX = {1: 0.0, 2: 0.0, 3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45, 10: 1.49}
ACCEPTABLE = 0.10


@dataclass(frozen=True)
class Priorities:
    """Weights of one or more matrices of judgements.

    Parameters
    ----------
    weights : array, shape (..., n)
        They sum to 1.
    largest : array, shape (...)
        Principal eigenvalue; n if no judgement contradicts another.
    consistency_ratio : array, shape (...)
        Inconsistency as a share of that of random judgements; up to 0.10 is usually accepted.
    """

    weights: NDArray[np.float64]
    largest: NDArray[np.float64]
    consistency_ratio: NDArray[np.float64]


def matrix(first: ArrayLike, second: ArrayLike, score: ArrayLike, n: int) -> NDArray[np.float64]:
    """Put judgements in pairs into a reciprocal matrix.

    Parameters
    ----------
    first, second : array_like of int, shape (m,)
        Positions of the two criteria, 0 to n - 1.
    score : array_like, shape (m,)
        How many times as important the first is as the second; positive.
    n : int
        Number of criteria.

    Returns
    -------
    array, shape (n, n)
        NaN where a pair was not judged.

    Examples
    --------
    >>> matrix([0], [1], [4.0], 2).tolist()
    [[1.0, 4.0], [0.25, 1.0]]
    """
    first, second = np.asarray(first, dtype=int), np.asarray(second, dtype=int)
    score = np.asarray(score, dtype=float)
    if not (score > 0).all():
        raise ValueError("a judgement says how many times as important: it is above 0, e.g. 3 or 1/3")
    filled = np.full((n, n), np.nan)
    np.fill_diagonal(filled, 1.0)
    filled[first, second] = score
    filled[second, first] = 1 / score
    return filled


def priorities(matrices: ArrayLike) -> Priorities:
    """Return weights by the principal eigenvector.

    Parameters
    ----------
    matrices : array_like, shape (..., n, n)
        Positive and reciprocal, 2 to 10 criteria.

    Raises
    ------
    ValueError
        If a matrix is not square, not reciprocal, has gaps, or more criteria than a person can compare.

    Examples
    --------
    >>> result = priorities([[1, 2, 4], [1 / 2, 1, 2], [1 / 4, 1 / 2, 1]])
    >>> result.weights.round(3).tolist(), round(float(result.consistency_ratio) + 0.0, 6)
    ([0.571, 0.286, 0.143], 0.0)
    """
    matrices = np.asarray(matrices, dtype=float)
    n = matrices.shape[-1]
    if matrices.ndim < 2 or matrices.shape[-2] != n or not 2 <= n <= max(RANDOM_INDEX):
        raise ValueError(f"judgements need a square matrix of 2 to {max(RANDOM_INDEX)} criteria")
    if not (matrices > 0).all():
        raise ValueError("judgements have gaps: each pair of criteria must be compared")
    if not np.allclose(matrices * np.swapaxes(matrices, -1, -2), 1, rtol=1e-6):
        raise ValueError("judgements are not reciprocal: if A is 3 times B, B is a third of A")
    values, vectors = np.linalg.eig(matrices)
    place = np.argmax(values.real, axis=-1)
    largest = np.take_along_axis(values.real, place[..., None], axis=-1)[..., 0]
    weights = np.abs(np.take_along_axis(vectors.real, place[..., None, None], axis=-1)[..., 0])
    index = np.maximum((largest - n) / (n - 1), 0)
    random = RANDOM_INDEX[n]
    ratio = index / random if random > 0 else np.zeros_like(index)
    return Priorities(weights / weights.sum(axis=-1, keepdims=True), largest, ratio)


def together(matrices: ArrayLike) -> NDArray[np.float64]:
    """Return one matrix for a group: the geometric mean of its members' judgements, shape (m, n, n) to (n, n).

    The only mean that keeps the judgements reciprocal (Aczel & Saaty 1983).

    Examples
    --------
    >>> together([[[1, 4], [1 / 4, 1]], [[1, 1], [1, 1]]]).tolist()
    [[1.0, 2.0], [0.5, 1.0]]
    """
    matrices = np.asarray(matrices, dtype=float)
    if matrices.ndim != 3 or len(matrices) == 0:
        raise ValueError("a group needs at least one member's judgements")
    return np.exp(np.log(matrices).mean(axis=0))


def rounded_moments(
    mean: ArrayLike, sd: ArrayLike, *, top: int = 9
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the logarithms of answers in whole numbers.

    Parameters
    ----------
    mean, sd : array_like, same shape
        Of the logarithms that people have in mind, taken as normal.
    top : int
        Largest number of the scale; the scale is 1/top ... 1/2, 1, 2 ... top.

    Examples
    --------
    >>> mean, sd = rounded_moments([0.3], [0.25])
    >>> round(float(mean[0]), 3), round(float(sd[0]), 3)
    (0.234, 0.336)
    """
    from scipy.special import ndtr

    mean, sd = np.asarray(mean, dtype=float)[..., None], np.asarray(sd, dtype=float)[..., None]
    bounds, answers = np.log(np.arange(1.5, top)), np.log(np.arange(1, top + 1))
    bounds, answers = np.concatenate([-bounds[::-1], bounds]), np.concatenate([-answers[:0:-1], answers])
    below = ndtr((bounds - mean) / np.maximum(sd, 1e-9))
    share = np.diff(below, axis=-1, prepend=0, append=1)
    first, second = share @ answers, share @ answers**2
    return first, np.sqrt(np.maximum(second - first**2, 0))


def unrounded_mean(mean: ArrayLike, sd: ArrayLike, *, top: int = 9) -> NDArray[np.float64]:
    """Return the mean logarithm that people had in mind, from mean and standard deviation of their answers.

    Between "as important" and "twice as important" the scale has no word, and people do not round down as often as up: the
    mean of answers is moved. Solves `rounded_moments` for its arguments, by repeated correction.

    Parameters
    ----------
    mean, sd : array_like, same shape
        Of the logarithms of the answers.
    top : int
        Largest number of the scale.

    Examples
    --------
    >>> unrounded_mean(*rounded_moments([0.3, -1.2], [0.25, 0.3])).round(2).tolist()
    [0.3, -1.2]
    """
    mean, sd = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float)
    centre, spread = mean.copy(), np.maximum(sd, 0.05)
    for _ in range(20):
        told, told_sd = rounded_moments(centre, spread, top=top)
        centre = centre + np.clip(mean - told, -0.2, 0.2)
        spread = np.clip(spread * np.clip(sd / np.maximum(told_sd, 1e-9), 0.7, 1.4), 0.05, 2.0)
    return np.clip(centre, mean - 0.4, mean + 0.4)


def group_interval(
    matrices: ArrayLike, *, level: float = 0.9, draws: int = 1000, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an interval of each weight of the group, by resampling its members.

    Parameters
    ----------
    matrices : array_like, shape (m, n, n)
        One complete matrix per member, answered on the scale 1/9 to 9.
    level : float
        Nominal coverage.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of array, shape (n,)
        Lower and upper ends; both NaN with fewer than three members.

    Notes
    -----
    Each draw is corrected by what `unrounded_mean` says that the scale has moved; else many members would make the interval
    narrow around the wrong place. It is widened as Student's t is against the normal, which matters in a small room.
    """
    from scipy.special import ndtri, stdtrit

    logs = np.log(np.asarray(matrices, dtype=float))
    members, n, _ = logs.shape
    if members < 3:
        return np.full(n, np.nan), np.full(n, np.nan)
    mean = logs.mean(axis=0)
    moved = mean - unrounded_mean(mean, logs.std(axis=0, ddof=1))
    moved = (moved - moved.T) / 2  # reciprocal to the last digit
    times = np.random.default_rng(seed).multinomial(members, np.full(members, 1 / members), draws)
    means = (times @ logs.reshape(members, -1) / members).reshape(draws, n, n)
    weights = priorities(np.exp(means - moved)).weights
    # Resampling m members understates their spread by (m - 1) / m: stretch about the centre.
    tail = (1 + level) / 2
    stretch = np.sqrt(members / (members - 1)) * stdtrit(members - 1, tail) / ndtri(tail)
    centre = weights.mean(axis=0)
    stretched = np.clip(centre + (weights - centre) * stretch, 0, 1)
    low, high = np.quantile(stretched, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
