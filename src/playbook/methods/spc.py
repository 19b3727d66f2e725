"""Statistical process control: control limits, run rules, run length.

Sources: Montgomery, *Introduction to Statistical Quality Control* (chart constants: appendix VI); Nelson (1984),
"The Shewhart Control Chart - Tests for Special Causes", J. Quality Technology 16:237; Laney (2002), "Improved
Control Charts for Attributes", Quality Engineering 14:531.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def d2(n: int) -> float:
    """Return the mean of the range of `n` standard normal values.

    Source: Montgomery appendix VI, from the integral of 1 - F(x)^n - (1 - F(x))^n.

    Examples
    --------
    >>> round(d2(2), 3), round(d2(5), 3)
    (1.128, 2.326)
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    def outside(x: float) -> float:
        below = norm.cdf(x)
        return 1 - below**n - (1 - below) ** n

    return quad(outside, -8, 8)[0]


def moving_range_sigma(values: ArrayLike) -> float:
    """Return sigma from the mean moving range of two neighbours, divided by d2(2).

    Parameters
    ----------
    values : array_like, shape (n,)
        In time order, n >= 2.

    Examples
    --------
    >>> round(moving_range_sigma([1.0, 2.0, 1.0, 2.0]), 3)
    0.886
    """
    values = np.asarray(values, dtype=float)
    if values.size < 2:
        raise ValueError(f"a moving range needs at least 2 values, got {values.size}")
    return float(np.abs(np.diff(values)).mean() / d2(2))


def laney_p(events: ArrayLike, trials: ArrayLike, *, base: slice) -> dict[str, NDArray[np.float64] | float]:
    """Return a Laney p' chart: a p-chart whose limits widen with the variation between periods.

    Parameters
    ----------
    events, trials : array_like, shape (n,)
        Counts per period; trials > 0.
    base : slice
        The periods of phase I, which set centre and limits.

    Returns
    -------
    dict
        `centre` (float, share), `sigma_z` (float, 1 when only binomial variation is there), `z` (n,) standardised
        distance from the centre in limits' sigmas, `low` and `high` (n,) three-sigma limits, shares.

    Notes
    -----
    Laney (2002): z_i = (p_i - p) / s_i with s_i = sqrt(p (1 - p) / n_i); sigma_z is the moving-range sigma of z;
    limits p +- 3 s_i sigma_z.

    Examples
    --------
    >>> chart = laney_p([5, 6, 4, 5], [100, 100, 100, 100], base=slice(0, 4))
    >>> chart["centre"]
    0.05
    """
    events, trials = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    if (trials <= 0).any():
        raise ValueError("every period needs at least one trial")
    centre = float(events[base].sum() / trials[base].sum())
    s = np.sqrt(centre * (1 - centre) / trials)
    raw = (events / trials - centre) / s
    sigma_z = moving_range_sigma(raw[base])
    return {
        "centre": centre,
        "sigma_z": sigma_z,
        "z": raw / sigma_z,
        "low": np.maximum(centre - 3 * s * sigma_z, 0.0),
        "high": np.minimum(centre + 3 * s * sigma_z, 1.0),
    }


def nelson(z: ArrayLike) -> NDArray[np.bool_]:
    """Return which points signal by Nelson's rules 1 to 3, shape (n, 3).

    Parameters
    ----------
    z : array_like, shape (n,)
        Distance from the centre in sigmas, in time order.

    Notes
    -----
    Rule 1: one point beyond 3 sigma. Rule 2: nine in a row on one side. Rule 3: six in a row rising or falling. The
    last point of a pattern signals.

    Examples
    --------
    >>> nelson([0.1] * 9)[:, 1].tolist().index(True)
    8
    """
    z = np.asarray(z, dtype=float)
    hits = np.zeros((len(z), 3), dtype=bool)
    hits[:, 0] = np.abs(z) > 3
    hits[:, 1] = _ends_run(z > 0, 9) | _ends_run(z < 0, 9)
    step = np.diff(z, prepend=np.nan)
    hits[:, 2] = _ends_run(step > 0, 5) | _ends_run(step < 0, 5)
    return hits


def _ends_run(flags: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Return where at least `length` true flags in a row end."""
    position = np.arange(len(flags))
    last_false = np.maximum.accumulate(np.where(flags, -1, position))
    return flags & (position - last_false >= length)


def shewhart_run_length(shift: ArrayLike, *, limit: float = 3.0) -> NDArray[np.float64]:
    """Return the average run length of a Shewhart chart after the mean moved by `shift` sigmas.

    ARL = 1 / P(|Z + shift| > limit); at shift 0 it is the time between false alarms.

    Examples
    --------
    >>> shewhart_run_length([0.0, 1.0]).round(2).tolist()
    [370.4, 43.89]
    """
    from scipy.stats import norm

    shift = np.asarray(shift, dtype=float)
    return 1 / (norm.sf(limit - shift) + norm.cdf(-limit - shift))
