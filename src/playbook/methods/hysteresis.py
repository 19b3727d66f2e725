"""Levels with hysteresis: a score must pass a cut by a band before the level moves, and then the level stays a while.

Sources: Schmitt (1938), "A thermionic trigger", J. Scientific Instruments 15:24, for two thresholds instead of one; Ernst
(2004), "Permutation Methods: A Basis for Exact Inference", Statistical Science 19:676, for histories in which nothing
changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rolling(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """Return the means over each run of `window` periods, (..., periods - window + 1).

    Parameters
    ----------
    values : array_like, shape (..., periods)
        In time order.
    window : int
        Periods in a mean, 1 to the number of periods.

    Examples
    --------
    >>> rolling([1, 2, 3, 4], 2).tolist()
    [1.5, 2.5, 3.5]
    """
    values = np.asarray(values, dtype=float)
    if not 1 <= window <= values.shape[-1]:
        raise ValueError(f"a window of {window} periods does not fit into {values.shape[-1]}")
    total = np.cumsum(values, axis=-1)
    found = total[..., window - 1 :].copy()
    found[..., 1:] -= total[..., :-window]
    return found / window


def assign(
    scores: ArrayLike, cuts: ArrayLike, *, band: ArrayLike = 0.0, stay: ArrayLike = 1
) -> NDArray[np.int8]:
    """Return the level of every unit in every period, by one rule or by many at once.

    A unit begins at the level of its first score. Then it moves up when the score is at least cut x (1 + band), and down
    when it is below cut x (1 - band), but never less than `stay` periods after its last move.

    Parameters
    ----------
    scores : array_like, shape (units, periods)
        In time order, in the unit of the cuts.
    cuts : array_like, shape (levels - 1,)
        Positive, rising.
    band : array_like, shape () or (rules,)
        Share of the cut, 0 to below 1.
    stay : array_like, shape () or (rules,)
        Least periods between two moves; 1 sets no limit.

    Returns
    -------
    array of int8, shape (units, periods), or (rules, units, periods)
        Level, 0 for the lowest.

    Raises
    ------
    ValueError
        When cuts do not rise from above zero, a band lies outside [0, 1), or a stay is below 1.

    Notes
    -----
    With band 0 and stay 1 the level is that of the score alone: the plain rule. Two thresholds about each cut are those of
    Schmitt (1938).

    Examples
    --------
    >>> assign([[9, 11, 9, 14, 9, 6]], [10], band=0.3).tolist()
    [[0, 0, 0, 1, 1, 0]]
    >>> assign([[9, 11, 9, 14, 9, 6]], [10]).tolist()
    [[0, 1, 0, 1, 0, 0]]
    """
    scores, cuts = np.asarray(scores, dtype=float), np.asarray(cuts, dtype=float)
    bands, stays = np.broadcast_arrays(np.asarray(band, dtype=float), np.asarray(stay, dtype=float))
    if cuts.ndim != 1 or len(cuts) == 0 or cuts[0] <= 0 or (np.diff(cuts) <= 0).any():
        raise ValueError("cuts must rise, from above zero")
    if (bands < 0).any() or (bands >= 1).any() or (stays < 1).any():
        raise ValueError("a band is a share from 0 to below 1, and a stay at least one period")
    shape = bands.shape
    # Rules that share a band share what the score alone would allow.
    kinds, which = np.unique(np.atleast_1d(bands).ravel(), return_inverse=True)
    least = np.atleast_1d(stays).ravel()[:, None]
    units, periods = scores.shape
    found = np.empty((periods, len(which), units), dtype=np.int8)
    by_period = np.ascontiguousarray(scores.T)
    level = np.broadcast_to(_passed(by_period[0], cuts, np.ones(1)), found.shape[1:])
    since = np.full(level.shape, np.int32(2**30))
    found[0] = level
    for period in range(1, periods):
        up = _passed(by_period[period], cuts, 1 + kinds)[which]
        down = _passed(by_period[period], cuts, 1 - kinds)[which]
        since = since + 1
        wanted = np.minimum(np.maximum(level, up), down)
        moves = (wanted != level) & (since >= least)
        level = np.where(moves, wanted, level)
        since = np.where(moves, np.int32(0), since)
        found[period] = level
    return np.moveaxis(found, 0, -1).reshape(*shape, units, periods)


def _passed(
    score: NDArray[np.float64], cuts: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.int8]:
    """Return how many of the cuts, each multiplied by `times`, the scores have reached, (times, units)."""
    found = np.zeros((len(times), len(score)), dtype=np.int8)
    for cut in cuts:
        found += score >= cut * times[:, None]
    return found


def moves(levels: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return how often the level of each unit changes, (...,) of levels (..., periods).

    Examples
    --------
    >>> moves(np.array([[0, 1, 1, 0], [2, 2, 2, 2]])).tolist()
    [2, 0]
    """
    return (np.diff(levels, axis=-1) != 0).sum(axis=-1)


def delay(levels: NDArray[np.int8], right: ArrayLike) -> NDArray[np.int64]:
    """Return the periods until each unit is first at its right level; the number of periods for never.

    Parameters
    ----------
    levels : array of int, shape (..., units, periods)
        From the first period after the change.
    right : array_like, shape (units,)
        The level of the changed unit.

    Examples
    --------
    >>> delay(np.array([[0, 0, 1, 0], [0, 0, 0, 0]]), [1, 1]).tolist()
    [2, 4]
    """
    there = levels == np.asarray(right)[..., :, None]
    return np.where(there.any(axis=-1), there.argmax(axis=-1), levels.shape[-1])


def shuffled(
    values: NDArray[np.float64], rng: np.random.Generator, *, times: int = 1, common: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return histories with the periods of each unit in random order, (times, units, periods).

    Parameters
    ----------
    values : array, shape (units, periods)
        What each unit brought in each period.
    rng : numpy.random.Generator
        Source of randomness.
    times : int
        Shuffles.
    common : array_like, shape () or (periods,)
        Positive factor that all units share, as a season: it stays in its place.

    Notes
    -----
    Where nothing about a unit changes, its periods (divided by `common`) are exchangeable: the history as it was is then
    one draw from these (Ernst 2004, section 2), so that their quantiles bound what it shows, exactly.

    Examples
    --------
    >>> shuffled(np.array([[1.0, 2.0, 3.0]]), np.random.default_rng(1), times=2).sum(axis=2).tolist()
    [[6.0], [6.0]]
    """
    even = values / np.asarray(common, dtype=float)
    return np.asarray(
        rng.permuted(np.broadcast_to(even, (times, *values.shape)), axis=-1) * common, dtype=float
    )


def redrawn(values: NDArray[np.float64], periods: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return histories of so many periods, each drawn from the unit's own ones with replacement, (units, periods).

    Examples
    --------
    >>> redrawn(np.array([[5.0, 5.0]]), 4, np.random.default_rng(1)).tolist()
    [[5.0, 5.0, 5.0, 5.0]]
    """
    place = rng.integers(0, values.shape[1], (len(values), periods))
    return np.take_along_axis(values, place, axis=1)


def thinned(values: NDArray[np.float64], kept_share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return histories in which each period is kept with the chance `kept_share` and else brings nothing.

    Examples
    --------
    >>> thinned(np.ones((1, 3)), 1.0, np.random.default_rng(1)).tolist()
    [[1.0, 1.0, 1.0]]
    """
    if not 0 <= kept_share <= 1:
        raise ValueError(f"a share from 0 to 1 is kept, got {kept_share}")
    return values * (rng.random(values.shape) < kept_share)


def levels(
    values: NDArray[np.float64],
    cuts: ArrayLike,
    window: int,
    *,
    since: int,
    band: ArrayLike = 0.0,
    stay: ArrayLike = 1,
) -> NDArray[np.int8]:
    """Return `assign` of the means over the last `window` periods, from the end of period `since` on.

    Parameters
    ----------
    values : array, shape (units, periods)
        What each unit brought in each period.
    cuts : array_like
        Per period, as the means are.
    since : int
        Periods before the first score, at least `window`.
    band, stay
        As for `assign`.

    Examples
    --------
    >>> levels(np.array([[1.0, 1.0, 3.0, 3.0]]), [2.0], 2, since=3).tolist()
    [[1, 1]]
    """
    return assign(rolling(values, window)[:, since - window :], cuts, band=band, stay=stay)


def false_moves(
    values: NDArray[np.float64],
    cuts: ArrayLike,
    window: int,
    *,
    since: int,
    rng: np.random.Generator,
    band: ArrayLike = 0.0,
    stay: ArrayLike = 1,
    times: int = 1,
    common: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """Return the moves per period in histories whose periods are shuffled, (..., times, units).

    Parameters
    ----------
    values, cuts, window, since, band, stay
        As for `levels`.
    rng, times, common
        As for `shuffled`.

    Examples
    --------
    >>> flat = np.full((1, 6), 3.0)
    >>> false_moves(flat, [2.0], 2, since=2, rng=np.random.default_rng(1)).tolist()
    [[0.0]]
    """
    histories = shuffled(values, rng, times=times, common=common).reshape(-1, values.shape[1])
    found = levels(histories, cuts, window, since=since, band=band, stay=stay)
    return (moves(found) / (found.shape[-1] - 1)).reshape(*found.shape[:-2], times, len(values))


def delays(
    values: NDArray[np.float64],
    cuts: ArrayLike,
    windows: list[int],
    *,
    change: float,
    rng: np.random.Generator,
    band: ArrayLike = 0.0,
    stay: ArrayLike = 1,
    periods: int = 52,
) -> NDArray[np.float64]:
    """Return how late each rule follows units that grow or shrink by a factor, (windows, ..., changes).

    Each unit's history is drawn anew from its own periods; the smaller side of the change keeps each period with the
    chance 1 / `change`. Only changes that lead into another level count. A rule has `periods` to settle after the longest
    window, and as many to follow; what it has not followed by then counts as `periods`.

    Parameters
    ----------
    values : array, shape (units, periods)
        What each unit brought in each period.
    cuts, band, stay
        As for `levels`.
    windows : list of int
        Periods in the mean.
    change : float
        Factor above 1 by which units grow and shrink.
    rng : numpy.random.Generator
        Source of randomness.
    periods : int
        To settle, and to follow.

    Raises
    ------
    ValueError
        When the change is not above 1, or leads no unit into another level.
    """
    cuts = np.asarray(cuts, dtype=float)
    if change <= 1:
        raise ValueError(f"a change is a factor above 1, got {change:g}")
    mean = values.mean(axis=1)
    full, part = (np.searchsorted(cuts, level, side="right") for level in (mean, mean / change))
    crosses = full != part
    if not crosses.any():
        raise ValueError("the change leads no unit into another level")
    longest = max(windows)
    at = longest + periods
    all_of_it = redrawn(values[crosses], at + periods, rng)
    some = thinned(all_of_it, 1 / change, rng)
    grows, shrinks = some.copy(), some.copy()
    grows[:, at:], shrinks[:, :at] = all_of_it[:, at:], all_of_it[:, :at]
    changed, right = np.concatenate([grows, shrinks]), np.concatenate([full[crosses], part[crosses]])
    found = []
    for window in windows:
        after = levels(changed, cuts, window, since=longest, band=band, stay=stay)[..., -periods:]
        found.append(np.minimum(delay(after, right) + 1.0, periods))
    return np.stack(found)


def frontier(first: ArrayLike, second: ArrayLike) -> NDArray[np.bool_]:
    """Return which options no other one beats: none is as small in both and smaller in one.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Two costs of each option; less is better.

    Examples
    --------
    >>> frontier([1, 2, 2, 3], [5, 3, 4, 3]).tolist()
    [True, True, False, False]
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    no_worse = (first[:, None] <= first) & (second[:, None] <= second)
    better = (first[:, None] < first) | (second[:, None] < second)
    return np.asarray(~(no_worse & better).any(axis=0))
