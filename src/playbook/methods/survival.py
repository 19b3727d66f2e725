"""How long until something happens, when part of the cases were not watched to the end.

Sources: Kaplan & Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53:457; Greenwood (1926) for
its variance; Kalbfleisch & Prentice (1980), section 1.4, for the interval on the log(-log) scale; Brookmeyer & Crowley
(1982), Biometrics 38:29, for the interval of a quantile; Greenland & Robins (1985), Biometrics 41:55, for the rate ratio
over strata.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """A Kaplan-Meier curve: a row for each time at which something happened.

    Parameters
    ----------
    time : ndarray, shape (m,)
        Distinct times of events, increasing.
    at_risk, events : ndarray, shape (m,)
        Cases still watched just before, and events at that time.
    survival, se : ndarray, shape (m,)
        Share for which nothing has happened yet, after that time, and its standard error (Greenwood).
    low, high : ndarray, shape (m,)
        Interval of the share, on the log(-log) scale, so that it stays between 0 and 1.
    watched : float
        Longest time watched; nothing is known beyond it.
    """

    time: Array
    at_risk: Array
    events: Array
    survival: Array
    se: Array
    low: Array
    high: Array
    watched: float

    def at(self, times: ArrayLike) -> tuple[Array, Array, Array]:
        """Return the share left after each of `times`, with its interval; NaN beyond the longest time watched."""
        times = np.asarray(times, dtype=float)
        place = np.searchsorted(self.time, times, side="right")
        known = times <= self.watched
        return tuple(  # type: ignore[return-value]
            np.where(known, np.concatenate([[1.0], values])[place], np.nan)
            for values in (self.survival, self.low, self.high)
        )

    def quantile(self, share: float) -> tuple[float, float, float]:
        """Return the time by which it has happened to `share` of the cases, with its interval; infinite if not reached."""
        if not 0 < share < 1:
            raise ValueError(f"a share lies between 0 and 1, got {share}")
        return tuple(  # type: ignore[return-value]
            float(self.time[reached.argmax()]) if (reached := values <= 1 - share + 1e-12).any() else np.inf
            for values in (self.survival, self.low, self.high)
        )


def kaplan_meier(time: ArrayLike, event: ArrayLike, *, level: float = 0.9) -> Survival:
    """Return the share for which nothing has happened yet, by time.

    Parameters
    ----------
    time : array_like, shape (n,)
        How long each case was watched, not negative, any unit.
    event : array_like of bool, shape (n,)
        Whether it ended with the event; False when it was cut off (censored) by something that tells nothing about when
        the event would have come.
    level : float
        Coverage of the intervals at each time.

    Raises
    ------
    ValueError
        When there is no case, no event, or a time is negative or missing.

    Notes
    -----
    S(t) = prod (1 - d_i / n_i) over events up to t; var S = S^2 sum d_i / (n_i (n_i - d_i)). A case cut off at the time
    of an event counts as watched then.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 3], [True, True, False, True])
    >>> curve.survival.tolist()
    [0.75, 0.5, 0.0]
    >>> curve.quantile(0.5)[0]
    2.0
    """
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    if time.shape != event.shape or not event.any():
        raise ValueError("a survival curve needs times with at least one event among them")
    if not (time >= 0).all():
        raise ValueError("times must be known and not negative")
    moments, events = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), moments, side="left")
    survival = np.cumprod(1 - events / at_risk).astype(np.float64)
    left = at_risk - events
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = np.cumsum(events / (at_risk * left))  # infinite once nobody is left
        se = np.where(left > 0, survival * np.sqrt(sums), 0.0)
        width = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(sums) / np.abs(np.log(survival))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    low, high = np.where(left > 0, low, 0.0), np.where(left > 0, high, 1.0)
    return Survival(
        moments, at_risk.astype(float), events.astype(float), survival, se, low, high, float(time.max())
    )


def rate_ratio(
    events: ArrayLike, time: ArrayLike, events_0: ArrayLike, time_0: ArrayLike, *, level: float = 0.9
) -> tuple[float, float, float]:
    """Return the rate of events against that of a reference, at equal strata, with its interval.

    Parameters
    ----------
    events, time : array_like, shape (s,)
        Events, and time watched, of each stratum.
    events_0, time_0 : array_like, shape (s,)
        The same of the reference.
    level : float
        Coverage of the interval.

    Raises
    ------
    ValueError
        When no stratum with time on both sides has an event on both sides taken together.

    Notes
    -----
    Mantel-Haenszel for rates: sum a T0 / T over sum b T1 / T; variance of its logarithm by Greenland & Robins (1985).
    Right for many thin strata as for few thick ones, where the ratio is the same in all.

    Examples
    --------
    >>> ratio, low, high = rate_ratio([20], [100.0], [10], [100.0])
    >>> ratio, low < 1 < high
    (2.0, False)
    """
    a, t1, b, t0 = (np.asarray(v, dtype=float) for v in (events, time, events_0, time_0))
    both = (t1 > 0) & (t0 > 0)
    a, t1, b, t0 = a[both], t1[both], b[both], t0[both]
    total = t1 + t0
    above, below = float((a * t0 / total).sum()), float((b * t1 / total).sum())
    if not (above > 0 and below > 0):
        raise ValueError("a rate ratio needs events on both sides, in strata that hold both")
    se = np.sqrt(float(((a + b) * t1 * t0 / total**2).sum()) / (above * below))
    width = float(np.exp(NormalDist().inv_cdf((1 + level) / 2) * se))
    ratio = above / below
    return ratio, ratio / width, ratio * width
