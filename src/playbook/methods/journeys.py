"""Journeys: which step follows which in an event log, and the few ways worth drawing.

Source: van der Aalst (2016), *Process Mining: Data Science in Action*, 2nd ed., Springer, sections 2.1 and 6.2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def directly_follows(case: ArrayLike, activity: ArrayLike) -> pd.DataFrame:
    """Count how often one activity is directly followed by another in the same case.

    Parameters
    ----------
    case : array_like, shape (n,)
        Case of each event. The events of a case need not stand together.
    activity : array_like, shape (n,)
        What happened. The events of a case are in the order in which they happened.

    Returns
    -------
    DataFrame
        source, target, count: one row a pair that occurs, the most frequent first, ties in order of their names.

    Raises
    ------
    ValueError
        When the two do not have the same length, or either has gaps.

    Notes
    -----
    The directly-follows relation a > b of van der Aalst (2016), definition 6.3, with its frequency.

    Examples
    --------
    >>> directly_follows([1, 1, 1, 2, 2], list("abcac")).to_dict("list")
    {'source': ['a', 'a', 'b'], 'target': ['b', 'c', 'c'], 'count': [1, 1, 1]}
    """
    cases, _ = pd.factorize(np.asarray(case), use_na_sentinel=True)
    codes, names = pd.factorize(np.asarray(activity), use_na_sentinel=True)
    if len(cases) != len(codes):
        raise ValueError(f"each event needs a case and an activity; got {len(cases)} and {len(codes)}")
    if (cases < 0).any() or (codes < 0).any():
        raise ValueError("an event without its case or its activity has no place in a journey")
    order = np.argsort(cases, kind="stable")
    cases, codes = cases[order], codes[order]
    follows = cases[1:] == cases[:-1]
    pairs, counts = np.unique(codes[:-1][follows] * len(names) + codes[1:][follows], return_counts=True)
    source, target = np.divmod(pairs, max(len(names), 1))
    table = pd.DataFrame({"source": names[source], "target": names[target], "count": counts})
    return table.sort_values(["count", "source", "target"], ascending=[False, True, True], ignore_index=True)


def backbone(follows: pd.DataFrame, *, least: float = np.inf) -> pd.DataFrame:
    """Keep, of each activity, the most frequent way in and the most frequent way out, and all frequent ways.

    Parameters
    ----------
    follows : DataFrame
        What `directly_follows` returns.
    least : float
        Count from which a way is kept in any case.

    Returns
    -------
    DataFrame
        Rows of `follows`, at most 2 per activity beside the frequent ones: what a reader can take in. Steps that follow
        themselves are left out.

    Examples
    --------
    >>> backbone(directly_follows([1] * 3 + [2] * 3 + [3] * 2, list("abcabcac")))["count"].tolist()
    [2, 2]
    """
    others = follows[follows["source"] != follows["target"]].sort_values(
        "count", ascending=False, kind="stable"
    )
    first = ~others.duplicated("source") | ~others.duplicated("target")
    return others[first | (others["count"] >= least)].reset_index(drop=True)


def adjusted_effects(
    outcome: ArrayLike, steps: ArrayLike, known: ArrayLike, weights: ArrayLike
) -> np.ndarray:
    """Return how the outcome differs with each step, the other steps and what was known before being equal.

    Parameters
    ----------
    outcome : array_like, shape (n,)
        Of each case; 0 or 1 for a share.
    steps : array_like, shape (n, k)
        Whether the case had the step.
    known : array_like, shape (n, p)
        What was known before, with a column of ones.
    weights : array_like, shape (r, n)
        Weights of the cases, one row per replicate; ones for the data themselves, bootstrap counts for others.

    Returns
    -------
    array, shape (r, k)
        Weighted least-squares slopes. A minute ridge (1e-6) keeps replicates solvable in which a step does not occur.

    Examples
    --------
    >>> adjusted_effects([0, 1, 0, 1], [[0], [1], [0], [1]], [[1]] * 4, [[1] * 4]).round(3).tolist()
    [[1.0]]
    """
    before = np.asarray(known, dtype=float)
    design = np.hstack([before, np.asarray(steps, dtype=float)])
    wide, weights = design.shape[1], np.asarray(weights, dtype=float)
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    gram = (weights @ squares).reshape(-1, wide, wide) + 1e-6 * np.eye(wide)
    right = weights @ (design * np.asarray(outcome, dtype=float)[:, None])
    return np.linalg.solve(gram, right[:, :, None])[:, before.shape[1] :, 0]
