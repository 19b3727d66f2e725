"""Cumulative sums of counts: reference values, average run lengths and decision limits, for many series at once.

Sources: Lucas (1985), "Counted Data CUSUM's", Technometrics 27:129; Brook & Evans (1972), "An Approach to the
Probability Distribution of CUSUM Run Length", Biometrika 59:539.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Side = Literal["up", "down"]
LONGEST = (
    1e12  # periods; beyond it the equations are too nearly singular to be solved, and the answer is never
)


def reference(usual: ArrayLike, changed: ArrayLike) -> NDArray[np.float64]:
    """Return the count per period that a sum tuned to tell `changed` from `usual` takes off each time.

    Parameters
    ----------
    usual, changed : array_like
        Mean counts per period, both positive and different; `changed` may be the lower one.

    Notes
    -----
    Lucas (1985), equation 3: k = (m1 - m0) / (ln m1 - ln m0).

    Examples
    --------
    >>> reference(4.0, 6.17).round(1)
    np.float64(5.0)
    """
    usual, changed = np.asarray(usual, dtype=float), np.asarray(changed, dtype=float)
    if (usual <= 0).any() or (changed <= 0).any() or (usual == changed).any():
        raise ValueError("a reference needs two different, positive mean counts")
    return (changed - usual) / (np.log(changed) - np.log(usual))


def chances(mean: ArrayLike, *, dispersion: float = 1.0, tail: float = 1e-9) -> NDArray[np.float64]:
    """Return the chance of each count, (..., largest count + 1); Poisson, or wider than Poisson.

    Parameters
    ----------
    mean : array_like
        Mean counts, positive.
    dispersion : float
        Variance over mean; 1 is Poisson, more is negative binomial.
    tail : float
        Chance of larger counts that may be left out.

    Raises
    ------
    ValueError
        When a mean is not positive or beyond 500, or the dispersion below 1.

    Examples
    --------
    >>> chances(1.0)[:3].round(4).tolist()
    [0.3679, 0.3679, 0.1839]
    """
    mean = np.asarray(mean, dtype=float)
    if dispersion < 1 or (mean <= 0).any() or (mean > 500).any():
        raise ValueError("counts need a mean above 0 and up to 500, and a variance of at least the mean")
    extra = dispersion - 1
    each = [np.exp(-mean if extra == 0 else -mean / extra * np.log(dispersion))]
    total = each[0].copy()
    while (1 - total).max() > tail and len(each) < 2000:
        x = len(each) - 1
        # Both families in one recursion: p(x + 1) = p(x) (m + x (d - 1)) / (d (x + 1)).
        each.append(each[-1] * (mean + x * extra) / (dispersion * (x + 1)))
        total += each[-1]
    return np.stack(each, axis=-1)


def run_length(
    mean: ArrayLike,
    reference: ArrayLike,
    limit: ArrayLike,
    *,
    side: Side = "up",
    start: float = 0.0,
    dispersion: float = 1.0,
    states: int = 60,
) -> NDArray[np.float64]:
    """Return the average number of periods until the sum reaches the limit.

    Parameters
    ----------
    mean, reference, limit : array_like
        Mean count per period, what is taken off each period, and the sum that signals (S >= limit), in counts;
        broadcast against each other.
    side : {"up", "down"}
        "up": S = max(0, S + x - k); "down": S = max(0, S + k - x).
    start : float
        Head start as a share of the limit, 0 to less than 1 (Lucas's fast initial response is 0.5).
    dispersion : float
        Variance over mean of the counts; see `chances`.
    states : int
        Steps of the sum between 0 and the limit. Exact where limit and reference are whole numbers of steps; between
        two steps the chance is split.

    Returns
    -------
    array
        Periods, of the broadcast shape; infinite beyond `LONGEST`.

    Raises
    ------
    ValueError
        When a mean, reference or limit is not positive, or `start` lies outside [0, 1).

    Notes
    -----
    Brook & Evans (1972), section 2: the run lengths a solve (I - R) a = 1, with R the moves among sums below the limit.

    Examples
    --------
    >>> run_length(4.0, 5.0, 10.0, states=10).round(2)
    np.float64(421.65)
    """
    mean, reference, limit = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (mean, reference, limit))
    )
    if (reference <= 0).any() or (limit <= 0).any():
        raise ValueError("a run length needs a positive reference and limit")
    if not 0 <= start < 1:
        raise ValueError(f"a head start is a share of the limit from 0 to below 1, got {start}")
    shape = mean.shape
    move = _moves(mean.ravel(), reference.ravel(), limit.ravel(), side, dispersion, states)
    lengths = np.linalg.solve(np.eye(states) - move, np.ones((len(move), states, 1)))[:, :, 0]
    found = lengths[:, round(start * states)].reshape(shape)
    return np.where((found < 1) | (found > LONGEST), np.inf, found)[()]


def _moves(
    mean: NDArray[np.float64],
    reference: NDArray[np.float64],
    limit: NDArray[np.float64],
    side: Side,
    dispersion: float,
    states: int,
) -> NDArray[np.float64]:
    """Return the chances of moving between sums below the limit, (n, states, states)."""
    chance = chances(mean, dispersion=dispersion)
    row, sign = np.arange(len(mean)), 1 if side == "up" else -1
    shift = np.zeros((len(mean), 2 * states + 2))  # chance of moving by -states .. states steps
    for count in range(chance.shape[1]):
        step = np.round(np.clip(sign * (count - reference) / limit * states, -states, states), 9)
        below = np.floor(step).astype(int)
        part = step - below
        shift[row, below + states] += chance[:, count] * (1 - part)
        shift[row, below + states + 1] += chance[:, count] * part
    sums = np.arange(states)
    move = shift[:, sums[None, :] - sums[:, None] + states]
    move[:, :, 0] = np.cumsum(shift, axis=1)[:, states - sums]  # all that falls to zero or below
    return move


def limit_for(
    mean: ArrayLike,
    reference: ArrayLike,
    periods: float,
    *,
    side: Side = "up",
    dispersion: float = 1.0,
    tolerance: float = 0.01,
) -> NDArray[np.float64]:
    """Return the limit at which a false alarm comes once in so many periods on average.

    Parameters
    ----------
    mean, reference : array_like
        As for `run_length`.
    periods : float
        In-control run length wanted, in periods.
    side, dispersion
        As for `run_length`.
    tolerance : float
        Width, in counts, to which the limit is found.

    Examples
    --------
    >>> at = limit_for(1.0, 1.5, 100.0)
    >>> bool(run_length(1.0, 1.5, at) >= 100 > run_length(1.0, 1.5, at - 0.2))
    True
    """
    mean, reference = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(reference, dtype=float))
    low, high = np.full(mean.shape, 1e-3), np.full(mean.shape, 4.0)
    for _ in range(12):
        short = run_length(mean, reference, high, side=side, dispersion=dispersion) < periods
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    else:
        raise ValueError(
            f"no limit gives {periods:g} periods between false alarms: is the reference beyond the mean?"
        )
    while (high - low).max() > tolerance:
        middle = (low + high) / 2
        short = run_length(mean, reference, middle, side=side, dispersion=dispersion) < periods
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high[()]


def sums(counts: ArrayLike, reference: ArrayLike, *, side: Side = "up") -> NDArray[np.float64]:
    """Return the cumulative sums of many series, (n, periods).

    Parameters
    ----------
    counts : array_like, shape (n, periods)
        In time order.
    reference : array_like
        Broadcast to the shape of `counts`: one for all, one a series (n, 1), or one a series and period.
    side : {"up", "down"}
        As for `run_length`.

    Examples
    --------
    >>> sums([[1, 3, 0]], 1.0).tolist()
    [[0.0, 2.0, 1.0]]
    """
    counts = np.asarray(counts, dtype=float)
    step = counts - np.broadcast_to(np.asarray(reference, dtype=float), counts.shape)
    if side == "down":
        step = -step
    total, made = np.zeros(len(counts)), np.empty_like(counts)
    for period in range(counts.shape[1]):
        total = np.maximum(total + step[:, period], 0.0)
        made[:, period] = total
    return made


def first_signal(made: NDArray[np.float64], limit: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the period of each series' first signal and that in which its climb began; -1 where there is none.

    Parameters
    ----------
    made : array, shape (n, periods)
        From `sums`.
    limit : array_like, shape (n,) or scalar
        The sum that signals.

    Notes
    -----
    The climb begins after the last zero before the signal, the usual estimate of when the change was (Lucas 1985).

    Examples
    --------
    >>> signal, began = first_signal(np.array([[0.0, 0.0, 2.0, 5.0]]), 4.0)
    >>> int(signal[0]), int(began[0])
    (3, 2)
    """
    over = made >= np.broadcast_to(np.asarray(limit, dtype=float), len(made))[:, None]
    signal = np.where(over.any(axis=1), over.argmax(axis=1), -1)
    place = np.arange(made.shape[1])
    zero = (made == 0) & (place < signal[:, None])
    last = np.where(zero.any(axis=1), made.shape[1] - 1 - zero[:, ::-1].argmax(axis=1), -1)
    return signal, np.where(signal >= 0, last + 1, -1)
