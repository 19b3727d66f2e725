"""Statistical process control: control limits, run rules, run length.

Sources: Montgomery, *Introduction to Statistical Quality Control* (chart constants: appendix VI); Nelson (1984),
"The Shewhart Control Chart - Tests for Special Causes", J. Quality Technology 16:237; Laney (2002), "Improved
Control Charts for Attributes", Quality Engineering 14:531.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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


def d3(n: int) -> float:
    """Return the standard deviation of the range of `n` standard normal values.

    Source: Montgomery appendix VI; E[W^2] is twice the double integral over x < y of
    1 - F(y)^n - (1 - F(x))^n + (F(y) - F(x))^n.

    Examples
    --------
    >>> round(d3(2), 3), round(d3(5), 3)
    (0.853, 0.864)
    """
    from scipy.stats import norm

    x, step = np.linspace(-8, 8, 1601, retstep=True)
    low, high = np.meshgrid(norm.cdf(x), norm.cdf(x), indexing="ij")
    inner = 1 - high**n - (1 - low) ** n + np.clip(high - low, 0, None) ** n
    half = np.triu(inner, 1).sum() + np.trace(inner) / 2
    return float(np.sqrt(2 * half * step**2 - d2(n) ** 2))


def c4(n: int) -> float:
    """Return the mean of the standard deviation of `n` standard normal values.

    Source: Montgomery appendix VI: sqrt(2 / (n - 1)) Gamma(n / 2) / Gamma((n - 1) / 2).

    Examples
    --------
    >>> round(c4(2), 4), round(c4(5), 4)
    (0.7979, 0.94)
    """
    from scipy.special import gammaln

    return float(np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2)))


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


@dataclass(frozen=True)
class Chart:
    """A control chart.

    Parameters
    ----------
    centre : float
        Of the plotted values, from phase I.
    low, high : array, shape (n,)
        Three-sigma limits.
    z : array, shape (n,)
        Distance of each point from the centre, in sigmas.
    sigma_z : float
        How much wider the limits are than counting alone would make them (1 where that does not apply).
    """

    centre: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    z: NDArray[np.float64]
    sigma_z: float = 1.0


def xmr(values: ArrayLike, *, base: slice) -> Chart:
    """Return an X-mR chart of single values (individuals and moving range).

    Parameters
    ----------
    values : array_like, shape (n,)
        In time order.
    base : slice
        The points of phase I, which set centre and limits.

    Notes
    -----
    Montgomery section 6.4: mean +- 3 MRbar / d2(2).

    Examples
    --------
    >>> chart = xmr([10, 12, 10, 12, 10, 30], base=slice(0, 5))
    >>> chart.centre, bool(chart.z[-1] > 3)
    (10.8, True)
    """
    values = np.asarray(values, dtype=float)
    centre, sigma = float(values[base].mean()), moving_range_sigma(values[base])
    return _chart(values, centre, np.full(len(values), sigma))


def xbar_s(samples: ArrayLike, *, base: slice) -> Chart:
    """Return an X-bar chart with sigma from the samples' standard deviations.

    Parameters
    ----------
    samples : array_like, shape (n, m)
        n samples of m values each.
    base : slice
        The samples of phase I.

    Notes
    -----
    Montgomery equation 6.28: mean of means +- 3 sbar / (c4 sqrt(m)).

    Examples
    --------
    >>> xbar_s([[1.0, 3.0], [2.0, 4.0]], base=slice(0, 2)).high.round(2).tolist()
    [6.26, 6.26]
    """
    samples = np.asarray(samples, dtype=float)
    m = samples.shape[1]
    sigma = samples[base].std(axis=1, ddof=1).mean() / c4(m) / np.sqrt(m)
    return _chart(samples.mean(axis=1), float(samples[base].mean()), np.full(len(samples), sigma))


def p_chart(events: ArrayLike, trials: ArrayLike, *, base: slice, laney: bool = True) -> Chart:
    """Return a chart of shares; Laney's p' widens the limits by the variation between periods.

    Parameters
    ----------
    events, trials : array_like, shape (n,)
        Counts per period; trials > 0.
    base : slice
        The periods of phase I.
    laney : bool
        Laney's p'; False is the binomial p-chart.

    Raises
    ------
    ValueError
        When a period has no trial, or nothing (or everything) failed in phase I.

    Notes
    -----
    Laney (2002): z_i = (p_i - p) / s_i with s_i = sqrt(p (1 - p) / n_i); sigma_z is the moving-range sigma of z;
    limits p +- 3 s_i sigma_z.

    Examples
    --------
    >>> p_chart([5, 6, 4, 5], [100, 100, 100, 100], base=slice(0, 4)).centre
    0.05
    """
    events, trials = _counts(events, trials)
    centre = float(events[base].sum() / trials[base].sum())
    if not 0 < centre < 1:
        raise ValueError(
            f"a p-chart needs some failures and some successes in phase I; the share there is {centre:g}"
        )
    return _attributes(events / trials, centre, np.sqrt(centre * (1 - centre) / trials), base, laney)


def u_chart(events: ArrayLike, exposure: ArrayLike, *, base: slice, laney: bool = True) -> Chart:
    """Return a chart of counts per unit of exposure; Laney's u' widens the limits as p' does.

    Parameters and errors as for `p_chart`, with sigma s_i = sqrt(u / n_i) (Montgomery equation 7.19).

    Examples
    --------
    >>> u_chart([5, 6, 4, 5], [10, 10, 10, 10], base=slice(0, 4)).centre
    0.5
    """
    events, exposure = _counts(events, exposure)
    centre = float(events[base].sum() / exposure[base].sum())
    if centre <= 0:
        raise ValueError("a u-chart needs some events in phase I; there are none")
    return _attributes(events / exposure, centre, np.sqrt(centre / exposure), base, laney)


def _counts(events: ArrayLike, exposure: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    events, exposure = np.asarray(events, dtype=float), np.asarray(exposure, dtype=float)
    if (exposure <= 0).any():
        raise ValueError("every period needs at least one trial")
    return events, exposure


def _attributes(
    values: NDArray[np.float64], centre: float, s: NDArray[np.float64], base: slice, laney: bool
) -> Chart:
    sigma_z = moving_range_sigma(((values - centre) / s)[base]) if laney else 1.0
    chart = _chart(values, centre, s * sigma_z)
    return replace(chart, low=np.maximum(chart.low, 0.0), sigma_z=sigma_z)


def _chart(values: NDArray[np.float64], centre: float, sigma: NDArray[np.float64]) -> Chart:
    return Chart(centre, centre - 3 * sigma, centre + 3 * sigma, (values - centre) / sigma)


def nelson(z: ArrayLike) -> NDArray[np.bool_]:
    """Return which points signal by Nelson's eight rules, shape (n, 8).

    Parameters
    ----------
    z : array_like, shape (n,)
        Distance from the centre in sigmas, in time order.

    Notes
    -----
    1: one point beyond 3 sigma. 2: nine in a row on one side. 3: six in a row rising or falling. 4: fourteen in a row
    alternating. 5: two of three beyond 2 sigma on one side. 6: four of five beyond 1 sigma on one side. 7: fifteen in a
    row within 1 sigma. 8: eight in a row beyond 1 sigma on either side. The last point of a pattern signals.

    Examples
    --------
    >>> nelson([0.1] * 9)[:, 1].tolist().index(True)
    8
    """
    z = np.asarray(z, dtype=float)
    step = np.diff(z, prepend=np.nan)
    turns = np.concatenate([[False], step[1:] * step[:-1] < 0])
    return np.column_stack(
        [
            np.abs(z) > 3,
            _at_least(z > 0, 9, 9) | _at_least(z < 0, 9, 9),
            _at_least(step > 0, 5, 5) | _at_least(step < 0, 5, 5),
            _at_least(turns, 12, 12),
            _at_least(z > 2, 2, 3) | _at_least(z < -2, 2, 3),
            _at_least(z > 1, 4, 5) | _at_least(z < -1, 4, 5),
            _at_least(np.abs(z) < 1, 15, 15),
            _at_least(np.abs(z) > 1, 8, 8),
        ]
    )


def _at_least(flags: NDArray[np.bool_], count: int, window: int) -> NDArray[np.bool_]:
    """Return where at least `count` of the last `window` flags are true."""
    total = np.concatenate([[0], np.cumsum(flags)])
    start = np.maximum(np.arange(1, len(flags) + 1) - window, 0)
    return total[1:] - total[start] >= count


def ewma(
    z: ArrayLike, *, weight: float = 0.2, limit: float = 2.86
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the exponentially weighted moving average of `z` and where it leaves its limits.

    Parameters
    ----------
    z : array_like, shape (n,)
        Standardised values in time order.
    weight : float
        Of the newest value, 0 to 1.
    limit : float
        Width of the limits in standard deviations of the average.

    Notes
    -----
    Montgomery equation 9.22; limits with their exact, growing standard deviation (equation 9.25). The defaults give an
    in-control run length near 370.

    Examples
    --------
    >>> average, signal = ewma([0.0] * 5 + [1.5] * 10)
    >>> bool(signal[5]), bool(signal[-1])
    (False, True)
    """
    z = np.asarray(z, dtype=float)
    age = np.arange(len(z))
    average = np.empty(len(z))
    last = 0.0
    for i, value in enumerate(z):
        last = weight * value + (1 - weight) * last
        average[i] = last
    sd = np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * (age + 1))))
    return average, np.abs(average) > limit * sd


def cusum(values: ArrayLike, *, target: float = 0.0, slack: float = 0.5) -> NDArray[np.float64]:
    """Return the upper and lower cumulative sums, shape (n, 2).

    Parameters
    ----------
    values : array_like, shape (n,)
        In time order; standardised values unless `target` and `slack` are in the same unit.
    target, slack : float
        Level to hold, and half the shift that matters.

    Notes
    -----
    Montgomery equations 9.2 and 9.3; compare with a decision interval, usually 5 for standardised values.

    Examples
    --------
    >>> cusum([1.0, 1.0, -1.0]).tolist()
    [[0.5, 0.0], [1.0, 0.0], [0.0, 0.5]]
    """
    sums = np.zeros((len(np.asarray(values)), 2))
    up = down = 0.0
    for i, value in enumerate(np.asarray(values, dtype=float)):
        up = max(0.0, up + value - target - slack)
        down = max(0.0, down + target - value - slack)
        sums[i] = up, down
    return sums


def step_start(z: ArrayLike) -> int:
    """Return the position at which a lasting step of the mean most likely began.

    Parameters
    ----------
    z : array_like, shape (n,)
        Standardised values in time order; the step lasts to the end.

    Notes
    -----
    Samuel, Pignatiello & Calvin (1998), Quality Engineering 10:521: the t that maximises (n - t) mean(z[t:])^2.

    Examples
    --------
    >>> step_start([0.1, -0.2, 0.0, 2.1, 1.8, 2.2])
    3
    """
    z = np.asarray(z, dtype=float)
    if z.size == 0:
        raise ValueError("a step needs at least one value")
    left = np.arange(len(z), 0, -1)
    return int(np.argmax(np.cumsum(z[::-1])[::-1] ** 2 / left))


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


def ewma_run_length(shift: float, *, weight: float, limit: float, states: int = 401) -> float:
    """Return the average run length of an EWMA chart with constant limits.

    Source: Lucas & Saccucci (1990), Technometrics 32:1, by the Markov chain of Brook & Evans (1972).

    Examples
    --------
    >>> round(ewma_run_length(1.0, weight=0.1, limit=2.814), 1)
    10.3
    """
    from scipy.stats import norm

    edge = limit * np.sqrt(weight / (2 - weight))
    width = 2 * edge / states
    middle = -edge + width * (np.arange(states) + 0.5)
    reach = (middle[None, :] - (1 - weight) * middle[:, None]) / weight - shift
    step = norm.cdf(reach + width / 2 / weight) - norm.cdf(reach - width / 2 / weight)
    return float(np.linalg.solve(np.eye(states) - step, np.ones(states))[states // 2])


def cusum_run_length(shift: float, *, slack: float = 0.5, interval: float = 5.0, states: int = 400) -> float:
    """Return the average run length of a two-sided CUSUM of standardised values.

    Source: Montgomery table 9.3; each side by the Markov chain of Brook & Evans (1972), Biometrika 59:539, the two
    joined by 1/ARL = 1/ARL+ + 1/ARL-.

    Examples
    --------
    >>> round(cusum_run_length(1.0, interval=4.0), 2)
    8.38
    """
    return 1 / sum(1 / _one_sided(side * shift, slack, interval, states) for side in (1, -1))


def _one_sided(shift: float, slack: float, interval: float, states: int) -> float:
    from scipy.stats import norm

    # State 0 collects all that falls to zero; the others are cells of equal width up to the interval.
    width = 2 * interval / (2 * states - 1)
    level = width * np.arange(states)
    jump = level[None, :] - level[:, None] + slack - shift
    step = norm.cdf(jump + width / 2) - norm.cdf(jump - width / 2)
    step[:, 0] = norm.cdf(jump[:, 0] + width / 2)
    return float(np.linalg.solve(np.eye(states) - step, np.ones(states))[0])
