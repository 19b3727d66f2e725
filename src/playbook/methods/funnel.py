"""Limits for shares that rest on different numbers of cases, and for what single values will be.

Sources: Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics in Medicine 24:1185;
Hahn & Meeker (1991), *Statistical Intervals*, chapter 4 and section 12; Odeh & Owen (1980) for the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Side = Literal["low", "high"]


def scores(events: ArrayLike, trials: ArrayLike, centre: float) -> NDArray[np.float64]:
    """Return the distance of each share from the centre, in standard errors of counting alone.

    Parameters
    ----------
    events, trials : array_like, shape (n,)
        Counts; trials > 0.
    centre : float
        Share to compare with, 0 to 1, both excluded.

    Examples
    --------
    >>> scores([20], [100], 0.1).round(2).tolist()
    [3.33]
    """
    events, trials = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    if not 0 < centre < 1:
        raise ValueError(f"a funnel needs a centre between 0 and 1, got {centre:g}")
    if (trials <= 0).any():
        raise ValueError("a funnel needs at least one case in each cell")
    return (events / trials - centre) / np.sqrt(centre * (1 - centre) / trials)


def overdispersion(z: ArrayLike, *, winsor: float = 0.1) -> float:
    """Return by how much the variance of shares exceeds that of counting alone, from their scores; at least 1.

    Parameters
    ----------
    z : array_like, shape (n,)
        From `scores`.
    winsor : float
        Share of scores at each end that are drawn in to the next ones, so that the few that are really out of control
        do not widen the limits; 0 to below 0.5.

    Notes
    -----
    Spiegelhalter (2005), section 3.2 and appendix A.3.1: phi is the mean of squared winsorised scores. Drawing in the
    ends of a normal sample makes that mean too small; it is divided by its expectation, so that phi is 1 when
    counting is all there is.

    Examples
    --------
    >>> overdispersion([-4.0, -2.0, 2.0, 4.0] * 10, winsor=0)
    10.0
    """
    from scipy.special import ndtri

    z = np.asarray(z, dtype=float)
    if z.size < 3:
        raise ValueError(f"overdispersion needs at least 3 shares, got {z.size}")
    if not 0 <= winsor < 0.5:
        raise ValueError(f"winsor is a share from 0 to below 0.5, got {winsor:g}")
    low, high = np.quantile(z, [winsor, 1 - winsor])
    usual = 1.0
    if winsor:
        c = -ndtri(winsor)
        density = np.exp(-c * c / 2) / np.sqrt(2 * np.pi)
        usual = 2 * (winsor * c * c + 0.5 - winsor - c * density)
    return float(max(1.0, (np.clip(z, low, high) ** 2).mean() / usual))


def limits(
    centre: float, trials: ArrayLike, *, tail: float = 0.001, side: Side = "high", phi: float = 1.0
) -> NDArray[np.float64]:
    """Return the share beyond which a cell of so many trials lies with a chance of `tail`.

    Parameters
    ----------
    centre : float
        Usual share, 0 to 1, both excluded.
    trials : array_like, shape (n,)
        Cases in each cell, > 0.
    tail : float
        Chance outside that one limit: .001 and .025 are the usual two.
    side : {"high", "low"}
        Which limit.
    phi : float
        From `overdispersion`; stretches the limit about the centre by its root.

    Notes
    -----
    Spiegelhalter (2005), appendix A.1.1: exact binomial limits, interpolated between counts, so that they run smoothly;
    overdispersion as in A.3.1.

    Examples
    --------
    >>> limits(0.1, [100, 10000], tail=0.025).round(3).tolist()
    [0.158, 0.106]
    """
    from scipy.special import betainc, ndtri

    n: NDArray[np.float64] = np.asarray(trials, dtype=float)

    def at_most(r: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(no more than r events), also for numbers of trials that are not whole."""
        return np.where(r < n, betainc(np.maximum(n - r, 1e-9), r + 1, 1 - centre), 1.0)

    if not 0 < centre < 1 or (n <= 0).any():
        raise ValueError("a funnel needs a centre between 0 and 1 and at least one case in each cell")
    p = 1 - tail if side == "high" else tail
    # Start far enough below the quantile, then walk up to it.
    sd = np.sqrt(n * centre * (1 - centre))
    r = np.maximum(np.floor(n * centre + ndtri(p) * sd - 2 - 0.1 * sd), 0)
    while (above := (at_most(r) >= p) & (r > 0)).any():
        r = np.where(above, np.maximum(r - 1 - sd // 2, 0), r)
    while (short := at_most(r) < p).any():
        r = np.where(short, r + 1, r)
    upper = at_most(r)
    below = np.where(r > 0, at_most(np.maximum(r - 1, 0)), 0.0)
    exact = np.clip((r - (upper - p) / (upper - below)) / n, 0, 1)
    return np.clip(centre + np.sqrt(phi) * (exact - centre), 0, 1)


def tolerance_one_sided(n: int, *, cover: float = 0.95, confidence: float = 0.95) -> float:
    """Return the k for which mean + k sd of `n` normal values lies above a share `cover` of all values.

    Parameters
    ----------
    n : int
        Values seen, at least 2.
    cover, confidence : float
        Share of all values to lie below the limit, and how sure that is to be; 0 to 1.

    Notes
    -----
    Hahn & Meeker (1991), section 4.6.3: the `confidence` quantile of a non-central t with n - 1 degrees of freedom and
    non-centrality z sqrt(n), divided by sqrt(n).

    Examples
    --------
    >>> round(tolerance_one_sided(10), 4)
    2.911
    """
    from scipy.special import ndtri

    _enough(n)
    z = ndtri(cover)
    return _solve(lambda k: _one_sided_confidence(k, n, z), confidence)


def _one_sided_confidence(k: float, n: int, z: float) -> float:
    """Return P(mean + k sd >= quantile): the mean integrated over the chi distribution of sd."""
    from scipy.special import ndtr

    s, weight = _sd_grid(n)
    return float((ndtr((k * s - z) * np.sqrt(n)) * weight).sum())


def tolerance_two_sided(n: int, *, cover: float = 0.95, confidence: float = 0.95) -> float:
    """Return the k for which mean +- k sd of `n` normal values holds a share `cover` of all values.

    Parameters as for `tolerance_one_sided`.

    Notes
    -----
    Hahn & Meeker (1991), section 4.6.1, exact: over the mean's error m, the sd must reach r(m) / k, where m +- r(m)
    holds `cover` of a standard normal.

    Examples
    --------
    >>> round(tolerance_two_sided(10), 3)
    3.393
    """
    from scipy.special import chdtrc, chndtrix

    _enough(n)
    m = np.linspace(-8, 8, 801)
    weight = np.exp(-m * m / 2)
    weight /= weight.sum()
    half2 = chndtrix(cover, 1, m * m / n)  # r(m) squared
    return _solve(lambda k: float((chdtrc(n - 1, (n - 1) * half2 / k**2) * weight).sum()), confidence)


def _enough(n: int) -> None:
    if n < 2:
        raise ValueError(f"a tolerance factor needs at least 2 values, got {n}")


def _sd_grid(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a grid of sample standard deviations of n standard normal values, and the chance of each."""
    nu = n - 1
    s = np.linspace(1e-6, 1 + 9 / np.sqrt(2 * nu), 4001)
    log_density = (nu - 1) * np.log(s) - nu * s * s / 2
    weight = np.exp(log_density - log_density.max())
    return s, weight / weight.sum()


def _solve(confidence_at: Callable[[float], float], confidence: float) -> float:
    """Return the factor at which the confidence is reached, by halving."""
    low, high = 0.0, 400.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if confidence_at(middle) < confidence else (low, middle)
    return high
