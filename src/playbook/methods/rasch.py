"""Severity of raters: the many-facet Rasch model, estimated from counts of score patterns.

A rater gives grade k with odds, against grade k - 1, of exp(theta - severity - step k): theta is the subject's. With two
or three ratings of each subject, estimating subjects and raters jointly, as Linacre (1989) does, exaggerates severities
(twofold with two grades and two ratings), however many the subjects. Given the sum of a subject's scores, theta drops
out; that conditional likelihood (Andersen 1973) is maximised here. So it does not matter who reads which subjects.

Sources: Linacre (1989), Many-Facet Rasch Measurement; Andrich (1978), Psychometrika 43:561 (steps); Andersen (1973),
Psychometrika 38:123; Laird (1978), JASA 73:805 (distribution of theta without a form).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_PATTERNS = 4096
GRID = np.linspace(-10, 10, 31)  # of theta, in log-odds


@dataclass(frozen=True)
class Patterns:
    """How often each pattern of scores occurred, for each set of raters.

    Parameters
    ----------
    raters, groups : list
        Names, sorted.
    grades : int
        Grades are 0 to grades - 1.
    statistics : array, shape (v, raters + grades)
        What each pattern multiplies the severities and the cumulated steps by.
    sets, sums : array, shape (v,)
        Set of raters, and sum of the scores.
    counts : array, shape (groups, v)
        Subjects.
    """

    raters: list[Hashable]
    groups: list[Hashable]
    grades: int
    statistics: NDArray[np.float64]
    sets: NDArray[np.int64]
    sums: NDArray[np.int64]
    counts: NDArray[np.float64]

    @cached_property
    def of_set(self) -> NDArray[np.float64]:
        """Patterns by set of raters, 0 or 1, shape (v, sets)."""
        return _one_hot(self.sets)

    @cached_property
    def of_sum(self) -> NDArray[np.float64]:
        """Patterns by set of raters and sum of scores, 0 or 1, shape (v, cells)."""
        return _one_hot(self.sets * (self.sums.max() + 1) + self.sums)


@dataclass(frozen=True)
class Severities:
    """Parameters in log-odds.

    Parameters
    ----------
    severity : array, shape (raters,)
        Mean 0; positive: codes lower.
    steps : array, shape (grades,)
        Cumulated steps of the scale; the first and last are 0.
    error : array, shape (raters,)
        Standard errors of `severity`.
    """

    severity: NDArray[np.float64]
    steps: NDArray[np.float64]
    error: NDArray[np.float64]


@dataclass(frozen=True)
class Fair:
    """Means that do not depend on who read what, in points of the scale, with intervals.

    Parameters
    ----------
    raters : array, shape (raters, 3)
        How much lower each rater codes than the mean rater, on the same subjects: estimate, low, high.
    groups : array, shape (groups, 3)
        What the mean rater would give each group of subjects on average: estimate, low, high.
    gap : array, shape (3,)
        Last group less first: estimate, low, high.
    """

    raters: NDArray[np.float64]
    groups: NDArray[np.float64]
    gap: NDArray[np.float64]


def patterns(
    subjects: ArrayLike, raters: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None, *, grades: int
) -> Patterns:
    """Count score patterns.

    Parameters
    ----------
    subjects, raters : array_like, shape (n,)
        Of each rating. Subjects with one rating carry no news about raters and are left out.
    scores : array_like of int, shape (n,)
        0 to grades - 1.
    groups : array_like, shape (n,), optional
        Group of the subject.
    grades : int
        Grades of the scale, at least 2.

    Raises
    ------
    ValueError
        When a rater scored one subject twice, a score is outside the scale, a subject has too many ratings for all patterns
        to be listed, or raters share no subjects, not even through others.
    """
    scores = np.asarray(scores)
    if grades < 2 or not np.isin(scores, np.arange(grades)).all():
        raise ValueError(f"scores must be whole numbers from 0 to {grades - 1}")
    names, rater = np.unique(np.asarray(raters), return_inverse=True)
    _, subject = np.unique(np.asarray(subjects), return_inverse=True)
    labels, group = np.unique(
        np.zeros(len(scores)) if groups is None else np.asarray(groups), return_inverse=True
    )
    if len(np.unique(subject * len(names) + rater)) < len(subject):
        raise ValueError("a rater scored the same subject twice")
    order = np.lexsort((rater, subject))
    order = order[np.bincount(subject)[subject[order]] > 1]
    subject, rater, score, group = subject[order], rater[order], scores[order].astype(int), group[order]
    first = np.flatnonzero(np.r_[True, subject[1:] != subject[:-1]]) if len(subject) else np.array([], int)
    found: dict[tuple[int, ...], tuple[list[int], list[tuple[int, ...]]]] = {}
    for begin, end in zip(first, np.r_[first[1:], len(subject)], strict=True):
        of_group, of_score = found.setdefault(tuple(rater[begin:end].tolist()), ([], []))
        of_group.append(int(group[begin]))
        of_score.append(tuple(score[begin:end].tolist()))
    _require_linked(found, len(names))
    rows: list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for place, (who, (of_group, of_score)) in enumerate(found.items()):
        if grades ** len(who) > MOST_PATTERNS:
            raise ValueError(f"a subject has {len(who)} ratings: too many to list all patterns of scores")
        all_scores = np.array(list(product(range(grades), repeat=len(who))))
        statistics = np.zeros((len(all_scores), len(names) + grades))
        statistics[:, list(who)] = -all_scores
        statistics[:, len(names) :] = -(all_scores[:, :, None] == np.arange(grades)).sum(axis=1)
        at = np.array(of_score) @ grades ** np.arange(len(who))[::-1]
        counts = np.zeros((len(labels), len(all_scores)))
        np.add.at(counts, (np.array(of_group), at), 1.0)
        rows.append((statistics, np.full(len(all_scores), place), all_scores.sum(axis=1), counts))
    return Patterns(
        names.tolist(),
        labels.tolist(),
        grades,
        np.vstack([row[0] for row in rows]),
        np.concatenate([row[1] for row in rows]),
        np.concatenate([row[2] for row in rows]),
        np.hstack([row[3] for row in rows]),
    )


def _require_linked(sets: Iterable[tuple[int, ...]], raters: int) -> None:
    linked = np.arange(raters)
    for who in sets:
        linked[np.isin(linked, linked[list(who)])] = linked[who[0]]
    if len(np.unique(linked)) > 1 or raters < 2:
        raise ValueError(
            "raters can be compared only where they, or others between them, scored the same subjects"
        )


def _one_hot(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    _, place = np.unique(labels, return_inverse=True)
    return np.eye(place.max() + 1)[place]


def severities(found: Patterns, counts: ArrayLike | None = None) -> Severities:
    """Maximise the likelihood of the patterns given each subject's sum (Newton-Raphson).

    Parameters
    ----------
    found : Patterns
        From `patterns`.
    counts : array_like, shape (v,), optional
        Instead of those of `found`, all groups together.

    Examples
    --------
    Two raters, one grade apart on 20 subjects: odds of 15 to 5, a difference of log 3.

    >>> subjects = np.repeat(np.arange(20), 2)
    >>> scores = [1, 0] * 15 + [0, 1] * 5
    >>> fit = severities(patterns(subjects, ["a", "b"] * 20, scores, grades=2))
    >>> np.exp(fit.severity[1] - fit.severity[0]).round(3).item()
    3.0
    """
    n = found.counts.sum(axis=0) if counts is None else np.asarray(counts, dtype=float)
    raters, grades = len(found.raters), found.grades
    centred = np.vstack([np.eye(raters - 1), -np.ones(raters - 1)])
    free = np.zeros((raters + grades, raters - 1 + grades - 2))
    free[:raters, : raters - 1] = centred
    free[raters + 1 : raters + grades - 1, raters - 1 :] = np.eye(grades - 2)
    statistics = found.statistics @ free
    cell = found.of_sum
    in_cell = cell.T @ n
    beta = np.zeros(free.shape[1])
    for _ in range(50):
        weight = np.exp(np.clip(statistics @ beta, -50, 50))
        share = weight / (cell @ (cell.T @ weight))
        mean = cell.T @ (share[:, None] * statistics)
        expected = (cell @ in_cell) * share
        gradient = (n - expected) @ statistics
        centre = statistics - cell @ mean
        information = (expected[:, None] * centre).T @ centre
        # A faint prior: a sample in which a rater always differs would say that the severity is infinite.
        step = np.linalg.solve(information + 1e-3 * np.eye(len(beta)), gradient - 1e-3 * beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    full = free @ beta
    spread = np.linalg.inv(information + 1e-3 * np.eye(len(beta)))
    error = np.sqrt(np.einsum("ij,jk,ik->i", free, spread, free))
    return Severities(full[:raters], full[raters:], error[:raters])


def expected_scores(fit: Severities, theta: ArrayLike = GRID) -> NDArray[np.float64]:
    """Return the mean score that each rater gives a subject of each `theta`, shape (raters, len(theta))."""
    k = np.arange(len(fit.steps))
    logit = k * (np.asarray(theta)[None, :, None] - fit.severity[:, None, None]) - fit.steps
    chance = np.exp(logit - logit.max(axis=-1, keepdims=True))
    return (chance @ k) / chance.sum(axis=-1)


def theta_shares(
    found: Patterns,
    fit: Severities,
    counts: ArrayLike | None = None,
    *,
    start: ArrayLike | None = None,
    steps: int = 200,
) -> NDArray[np.float64]:
    """Return the distribution of theta over `GRID` in each group, shape (groups, len(GRID)), by EM (Laird 1978)."""
    n = found.counts if counts is None else np.asarray(counts, dtype=float)
    logit = (found.statistics @ np.concatenate([fit.severity, fit.steps]))[:, None] + np.outer(
        found.sums, GRID
    )
    weight = np.exp(logit - logit.max(axis=0))
    sets, cell = found.of_set, found.of_sum
    chance = cell.T @ (weight / (sets @ (sets.T @ weight)))
    n = n @ cell
    shape = (len(n), len(GRID))
    share = np.full(shape, 1 / len(GRID)) if start is None else np.asarray(start, dtype=float)
    for _ in range(steps):
        likely = share @ chance.T
        share = share * ((n / np.maximum(likely, 1e-300)) @ chance) / n.sum(axis=1, keepdims=True)
    return share


def fair_averages(found: Patterns, *, draws: int = 80, level: float = 0.9, seed: int = 0) -> Fair:
    """Compare raters on the same subjects and groups by the same rater (the mean one), with bootstrap intervals.

    Parameters
    ----------
    found : Patterns
        From `patterns`.
    draws, seed : int
        Bootstrap samples of subjects, within groups.
    level : float
        Nominal coverage. Intervals are normal: the estimate, and the spread of the samples.
    """
    rng = np.random.default_rng(seed)
    best = severities(found)
    start = theta_shares(found, best)
    lower, means = _averages(best, start, found.counts)
    size = found.counts.sum(axis=1)
    samples = []
    for _ in range(draws):
        counts = np.array(
            [rng.multinomial(int(n), own / n) for n, own in zip(size, found.counts, strict=True)], dtype=float
        )
        fit = severities(found, counts.sum(axis=0))
        share = theta_shares(found, fit, counts, start=0.9 * start + 0.1 / len(GRID), steps=25)
        samples.append(np.concatenate(_averages(fit, share, counts)))
    again = np.array(samples)
    z = _normal_quantile((1 + level) / 2)
    of_raters = _interval(lower, again[:, : len(lower)], z)
    of_groups = _interval(means, again[:, len(lower) :], z)
    gap = _interval(means[-1:] - means[:1], again[:, -1:] - again[:, len(lower) : len(lower) + 1], z)
    return Fair(of_raters, of_groups, gap[0])


def _averages(
    fit: Severities, share: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores = expected_scores(fit)
    overall = counts.sum(axis=1) @ share / counts.sum()
    mean = scores.mean(axis=0)
    return (mean - scores) @ overall, share @ mean


def _interval(estimate: NDArray[np.float64], again: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    half = z * again.std(axis=0, ddof=1)
    return np.column_stack([estimate, estimate - half, estimate + half])


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)
