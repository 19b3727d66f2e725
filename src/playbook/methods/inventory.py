"""Inventory: newsvendor, reorder point and quantity, safety stock, demand behind stock-outs, rationing among
classes.

Sources: Snyder & Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed. (chapters 3 to 5); Chopra &
Meindl (2016), *Supply Chain Management*, 6th ed. (chapter 12); Silver, Pyke & Thomas (2017), *Inventory and
Production Management in Supply Chains*; Veinott (1965), Operations Research 13:761 and Topkis (1968),
Management Science 15:160 (rationing); Tobin (1958), Econometrica 26:24 and Dempster, Laird & Rubin (1977),
JRSS B 39:1 (censored demand).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def unit_normal_loss(z: ArrayLike) -> Array:
    """Return E[(Z - z)+] of a standard normal Z: units short per unit of spread.

    Source: Silver, Pyke & Thomas, appendix II: G(z) = phi(z) - z (1 - Phi(z)).

    Examples
    --------
    >>> unit_normal_loss([0.0, 1.0]).round(4).tolist()
    [0.3989, 0.0833]
    """
    from scipy.special import ndtr

    z = np.asarray(z, dtype=float)
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) - z * ndtr(-z)


def newsvendor(*, hold: float, short: float, mean: float, sd: float) -> tuple[float, float]:
    """Return the best stock for one period of normal demand, and its expected cost.

    Parameters
    ----------
    hold, short : float
        Money per unit left over and per unit short, both above 0.
    mean, sd : float
        Demand of the period, units.

    Notes
    -----
    Snyder & Shen eq. 4.17 to 4.24: S = mean + z sd with Phi(z) = short / (short + hold), cost (hold + short)
    phi(z) sd.

    Examples
    --------
    Snyder & Shen, example 4.3.

    >>> level, cost = newsvendor(hold=0.18, short=0.70, mean=50, sd=8)
    >>> round(level, 6), round(cost, 6)
    (56.603956, 1.997605)
    """
    from scipy.special import ndtri

    if min(hold, short) <= 0:
        raise ValueError(f"hold and short must be above 0, got {hold} and {short}")
    z = float(ndtri(short / (short + hold)))
    density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return mean + z * sd, (hold + short) * density * sd


def economic_order_quantity(*, fixed: float, hold: float, demand: float) -> tuple[float, float]:
    """Return the order quantity that balances ordering and holding, and its cost per unit of time.

    Parameters
    ----------
    fixed : float
        Money per order.
    hold : float
        Money per unit and unit of time.
    demand : float
        Units per unit of time.

    Notes
    -----
    Snyder & Shen eq. 3.4 and 3.5 (Harris 1913): Q = sqrt(2 K lambda / h), cost sqrt(2 K lambda h).

    Examples
    --------
    Snyder & Shen, example 3.1.

    >>> quantity, cost = economic_order_quantity(fixed=8, hold=0.225, demand=1300)
    >>> round(quantity, 5), round(cost, 6)
    (304.04678, 68.410526)
    """
    if min(fixed, hold, demand) <= 0:
        raise ValueError(f"fixed, hold and demand must be above 0, got {fixed}, {hold}, {demand}")
    return math.sqrt(2 * fixed * demand / hold), math.sqrt(2 * fixed * demand * hold)


def reorder_cost(
    point: float,
    quantity: float,
    *,
    hold: float,
    short: float,
    fixed: float,
    demand: float,
    sd: float,
    lead: float,
) -> float:
    """Return the exact cost per unit of time of ordering `quantity` whenever the position falls to `point`.

    Parameters
    ----------
    point, quantity : float
        Reorder point r and quantity Q, units.
    hold, short : float
        Money per unit held, and per unit backordered, and unit of time.
    fixed : float
        Money per order.
    demand, sd : float
        Normal demand per unit of time.
    lead : float
        Lead time, in the same unit of time.

    Notes
    -----
    Snyder & Shen eq. 5.7: (K lambda + integral of the newsvendor cost from r to r + Q) / Q. The integral is
    closed: the integral of G from z on is H(z) = ((1 + z^2) (1 - Phi(z)) - z phi(z)) / 2.

    Examples
    --------
    Snyder & Shen, example 5.1.

    >>> round(reorder_cost(126.8, 328.5, hold=0.225, short=7.5, fixed=8, demand=1300, sd=150, lead=1 / 12), 7)
    78.0711625
    """
    from scipy.special import ndtr

    if min(quantity, hold, short, fixed) <= 0:
        raise ValueError("quantity, hold, short and fixed must be above 0")
    mean, spread = demand * lead, sd * math.sqrt(lead)

    def second_loss(z: float) -> float:
        density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return float(((1 + z**2) * ndtr(-z) - z * density) / 2)

    low, high = (point - mean) / spread, (point + quantity - mean) / spread
    short_area = spread**2 * (second_loss(low) - second_loss(high))
    held_area = quantity * (point + quantity / 2 - mean) + short_area
    return (fixed * demand + hold * held_area + short * short_area) / quantity


def reorder_policy(
    *, hold: float, short: float, fixed: float, demand: float, sd: float, lead: float
) -> tuple[float, float, float]:
    """Return reorder point, quantity and approximate cost by the expected-inventory-level approximation.

    Parameters
    ----------
    hold : float
        Money per unit held and unit of time.
    short : float
        Money per unit short.
    fixed, demand, sd, lead : float
        As in `reorder_cost`.

    Notes
    -----
    Snyder & Shen algorithm 5.1 (Hadley & Whitin 1963): r = F^-1(1 - Q h / (p lambda)) and
    Q = sqrt(2 lambda (K + p n(r)) / h) in turn, n(r) the units short in a lead time.

    Examples
    --------
    Snyder & Shen, example 5.2.

    >>> found = reorder_policy(hold=0.225, short=7.5, fixed=8, demand=1300, sd=150, lead=1 / 12)
    >>> [round(value, 5) for value in found]
    [213.97044, 318.59018, 95.45114]
    """
    from scipy.special import ndtri

    mean, spread = demand * lead, sd * math.sqrt(lead)
    quantity, _ = economic_order_quantity(fixed=fixed, hold=hold, demand=demand)
    while True:
        tail = quantity * hold / (short * demand)
        if tail >= 1:
            raise ValueError("a unit short costs less than holding one: no reorder point pays")
        z = float(ndtri(1 - tail))
        missing = spread * float(unit_normal_loss(z))
        following = math.sqrt(2 * demand * (fixed + short * missing) / hold)
        if abs(following - quantity) < 1e-10:
            break
        quantity = following
    point = mean + z * spread
    cost = hold * (point - mean + quantity / 2) + (fixed + short * missing) * demand / quantity
    return point, quantity, cost


def spread_over_lead_time(
    sd: ArrayLike, *, lead: ArrayLike, demand: ArrayLike = 0.0, lead_sd: ArrayLike = 0.0
) -> Array:
    """Return the standard deviation of demand over a lead time that itself varies.

    Parameters
    ----------
    sd : array_like
        Standard deviation of demand, or of the forecast error, per period.
    lead, lead_sd : array_like
        Mean and standard deviation of the lead time, in periods.
    demand : array_like
        Mean demand per period.

    Notes
    -----
    Chopra & Meindl eq. 12.11: sqrt(L sd^2 + demand^2 lead_sd^2).

    Examples
    --------
    Chopra & Meindl, example 12.6: the safety stock for 90 % of cycles.

    >>> spread = spread_over_lead_time(500, lead=7, demand=2500, lead_sd=7)
    >>> round(float(safety_stock(spread, cycle_service=0.9)))
    22491
    """
    sd, lead, demand, lead_sd = (np.asarray(v, dtype=float) for v in (sd, lead, demand, lead_sd))
    return np.sqrt(lead * sd**2 + demand**2 * lead_sd**2)


def safety_stock(spread: ArrayLike, *, cycle_service: ArrayLike) -> Array:
    """Return the buffer that leaves a share `cycle_service` of replenishment cycles without a stock-out.

    Examples
    --------
    Chopra & Meindl, example 12.4.

    >>> round(float(safety_stock(spread_over_lead_time(500, lead=2), cycle_service=0.9)), 1)
    906.2
    """
    from scipy.special import ndtri

    share = np.asarray(cycle_service, dtype=float)
    if ((share <= 0) | (share >= 1)).any():
        raise ValueError("a service level lies strictly between 0 and 1: certainty would need endless stock")
    return np.asarray(spread, dtype=float) * ndtri(share)


def cycle_service(buffer: ArrayLike, spread: ArrayLike) -> Array:
    """Return the share of cycles without a stock-out that a safety stock reaches.

    Examples
    --------
    Chopra & Meindl, example 12.2.

    >>> round(float(cycle_service(1000, spread_over_lead_time(500, lead=2))), 2)
    0.92
    """
    from scipy.special import ndtr

    return ndtr(np.asarray(buffer, dtype=float) / np.asarray(spread, dtype=float))


def fill_rate(buffer: ArrayLike, spread: ArrayLike, lot: ArrayLike) -> Array:
    """Return the share of units served from the shelf: 1 - (units short in a cycle) / (units ordered in a
    cycle).

    Examples
    --------
    Chopra & Meindl, example 12.3.

    >>> round(float(fill_rate(1000, spread_over_lead_time(500, lead=2), 10_000)), 4)
    0.9975
    """
    buffer, spread = np.asarray(buffer, dtype=float), np.asarray(spread, dtype=float)
    return 1 - spread * unit_normal_loss(buffer / spread) / np.asarray(lot, dtype=float)


def factor_for_fill_rate(fill: ArrayLike, spread: ArrayLike, lot: ArrayLike) -> Array:
    """Return the safety factor z at which `fill_rate` equals `fill`; negative where the lot alone more than
    suffices.

    Source: Silver, Pyke & Thomas: G(z) = (1 - fill) lot / spread, solved by bisection.

    Examples
    --------
    >>> z = factor_for_fill_rate(0.975, 500 * 2**0.5, 10_000)
    >>> round(float(fill_rate(z * 500 * 2**0.5, 500 * 2**0.5, 10_000)), 6)
    0.975
    """
    wanted = (
        (1 - np.asarray(fill, dtype=float)) * np.asarray(lot, dtype=float) / np.asarray(spread, dtype=float)
    )
    # G(z) is about -z far to the left, so the root is never below -wanted.
    low, high = -wanted - 1.0, np.full_like(wanted, 9.0)
    for _ in range(60):
        middle = (low + high) / 2
        too_short = unit_normal_loss(middle) > wanted
        low, high = np.where(too_short, middle, low), np.where(too_short, high, middle)
    return (low + high) / 2


def uncensored_normal(
    sales: ArrayLike, censored: ArrayLike, *, steps: int = 200
) -> tuple[Array, Array, Array]:
    """Return mean and standard deviation of normal demand of which stock-outs show only a lower bound.

    Parameters
    ----------
    sales : array_like, shape (..., n)
        Units sold per period.
    censored : array_like of bool, shape (..., n)
        Periods with a stock-out: demand was at least the sales. Each series needs two periods without.
    steps : int
        Rounds of expectation and maximisation.

    Returns
    -------
    mean, sd : ndarray, shape (...)
        Maximum likelihood (Tobin 1958).
    demand : ndarray, shape (..., n)
        Sales; where censored, the expected demand given that it was at least the sales.

    Examples
    --------
    >>> mean, sd, demand = uncensored_normal([8, 12, 10, 9], [False, False, False, True])
    >>> bool(mean > 9.75), bool(demand[3] > 9)
    (True, True)
    """
    from scipy.special import log_ndtr

    sales, hidden = np.asarray(sales, dtype=float), np.asarray(censored, dtype=bool)
    if ((~hidden).sum(axis=-1) < 2).any():
        raise ValueError("every series needs at least two periods without a stock-out")
    mean = np.mean(sales, axis=-1, keepdims=True, where=~hidden)
    sd = np.maximum(np.std(sales, axis=-1, keepdims=True, where=~hidden), 1e-9)
    first = second = sales
    for _ in range(steps):
        z = (sales - mean) / sd
        # Inverse Mills ratio phi / (1 - Phi), in logs because both vanish far to the right.
        mills = np.exp(-(z**2) / 2 - math.log(2 * math.pi) / 2 - log_ndtr(-z))
        first = np.where(hidden, mean + sd * mills, sales)
        second = np.where(hidden, mean**2 + sd**2 + sd * mills * (sales + mean), sales**2)
        mean = first.mean(axis=-1, keepdims=True)
        sd = np.sqrt(np.maximum(second.mean(axis=-1, keepdims=True) - mean**2, 1e-18))
    return mean[..., 0], sd[..., 0], first


def uncensored_poisson(sales: ArrayLike, censored: ArrayLike, *, steps: int = 200) -> Array:
    """Return the rate of Poisson demand of which stock-outs show only a lower bound.

    Parameters
    ----------
    sales, censored : array_like, shape (..., n)
        As in `uncensored_normal`; at least one period without a stock-out.

    Notes
    -----
    Expectation and maximisation with E[D | D >= s] = rate P(D >= s - 1) / P(D >= s).

    Examples
    --------
    >>> round(float(uncensored_poisson([3, 5, 4, 4], [False] * 4)), 6)
    4.0
    """
    from scipy.special import pdtrc

    sales, hidden = np.asarray(sales, dtype=float), np.asarray(censored, dtype=bool)
    if hidden.all(axis=-1).any():
        raise ValueError("every series needs a period without a stock-out")

    def at_least(units: Array, rate: Array) -> Array:
        return np.where(units <= 0, 1.0, pdtrc(np.maximum(units - 1, 0), rate))

    rate = np.maximum(sales.mean(axis=-1, keepdims=True), 1e-9)
    for _ in range(steps):
        beyond = rate * at_least(sales - 1, rate) / np.maximum(at_least(sales, rate), 1e-300)
        rate = np.where(hidden, np.maximum(beyond, sales), sales).mean(axis=-1, keepdims=True)
    return rate[..., 0]


def demand_pmf(mean: float, sd: float, size: int) -> Array:
    """Return probabilities of 0 .. size - 1 units: a gamma distribution, rounded to whole units.

    A gamma is never negative and takes any spread, also one below a Poisson's, which a good forecast leaves.

    Examples
    --------
    >>> pmf = demand_pmf(20.0, 6.0, 200)
    >>> round(float(pmf @ range(200)), 2)
    20.0
    """
    from scipy.special import gammainc

    units = np.arange(size)
    if mean <= 0 or sd <= 0:
        return (units == round(max(mean, 0.0))).astype(float)
    edges = gammainc((mean / sd) ** 2, np.maximum(np.arange(size + 1) - 0.5, 0.0) * mean / sd**2)
    return np.diff(edges)


@dataclass(frozen=True)
class Rationing:
    """How to ration one stock among classes until the next delivery.

    Parameters
    ----------
    marginal : ndarray, shape (K + 1, X)
        marginal[k, x - 1] is what the x-th unit is worth with k periods of demand still to come.
    levels : ndarray of int, shape (K + 1, n)
        levels[k, i]: serve class i only while more than this is left, with k periods to come after this one.
    """

    marginal: Array
    levels: NDArray[np.int64]

    def stock(self, unit_cost: float) -> int:
        """Return the stock to start with: the last unit that is worth what it costs to hold."""
        return int((self.marginal[-1] > unit_cost).sum())


def rationing(pmf: ArrayLike, worth: ArrayLike, *, periods: int, largest: int) -> Rationing:
    """Return critical levels for classes that share a stock until it is replenished.

    Parameters
    ----------
    pmf : array_like, shape (n, m)
        Probabilities of 0 .. m - 1 units a period for each class, the most valuable class first.
    worth : array_like, shape (n,)
        What serving a unit of each class is worth, falling; a unit left at the end is worth nothing.
    periods : int
        Periods until the delivery.
    largest : int
        Largest stock considered, units.

    Notes
    -----
    Demand of a period is seen, then served or refused (Veinott 1965, Topkis 1968). The value of stock is
    concave, so serving is greedy: the x-th unit goes to the x-th largest of the worths of the units asked for
    and the values of keeping them. Its expectation is the integral over v of P(units asked for by classes
    worth more than v + units worth more than v if kept >= x), a finite sum because both counts are steps in
    v.

    Examples
    --------
    Two classes, one period left after this one: keep units while they may fetch more than 1 in that period.

    >>> pmf = [demand_pmf(4.0, 2.0, 30), demand_pmf(3.0, 2.0, 30)]
    >>> rationing(pmf, [4.0, 1.0], periods=2, largest=20).levels[1].tolist()
    [0, 6]
    """
    pmf, worth = np.asarray(pmf, dtype=float), np.asarray(worth, dtype=float)
    if (np.diff(worth) > 0).any() or worth.min() <= 0:
        raise ValueError("worth must be positive and fall from the first class to the last")
    together = np.zeros(largest + 1)
    together[0] = 1.0
    tails = [_tail(together)]
    for one in pmf:
        together = np.convolve(together, one)[: largest + 1]
        tails.append(_tail(together))
    at_least = np.stack(tails)
    units = np.arange(1, largest + 1)
    marginal = np.zeros((periods + 1, largest))
    for k in range(1, periods + 1):
        kept = marginal[k - 1]
        edges = np.unique(np.concatenate([[0.0], worth, kept]))
        value = (edges[1:] + edges[:-1]) / 2
        asking = (worth[:, None] > value).sum(axis=0)
        keeping = largest - np.searchsorted(kept[::-1], value, side="right")
        needed = np.maximum(units[:, None] - keeping, 0)
        # Rounding must not let a later unit be worth more: the search above needs them sorted.
        marginal[k] = np.minimum.accumulate(at_least[asking, needed] @ np.diff(edges))
    levels = (marginal[:, None, :] > worth[None, :, None]).sum(axis=2)
    return Rationing(marginal, levels)


def _tail(pmf: Array) -> Array:
    """Return P(demand >= x) for x = 0, 1, ...; what lies beyond the grid counts as beyond."""
    return 1 - np.concatenate([[0.0], np.cumsum(pmf)[:-1]])


def serve(stock: ArrayLike, demand: ArrayLike, *, levels: ArrayLike | None = None) -> Array:
    """Play out replenishment cycles: classes are served in order of rank, down to their critical level.

    Parameters
    ----------
    stock : array_like, shape (cycles,)
        Units at the start.
    demand : array_like, shape (cycles, periods, n)
        Units asked for, the most valuable class first.
    levels : array_like, shape (periods, n), optional
        Critical level of each class in each period; 0 when not given.

    Returns
    -------
    ndarray, shape (cycles, n)
        Units short.

    Examples
    --------
    Ten units, three kept for the first class: the second gets seven of its nine.

    >>> serve([10.0], [[[0.0, 9.0], [3.0, 0.0]]], levels=[[0, 3], [0, 0]]).tolist()
    [[0.0, 2.0]]
    """
    demand = np.asarray(demand, dtype=float)
    cycles, periods, classes = demand.shape
    levels = np.zeros((periods, classes)) if levels is None else np.asarray(levels, dtype=float)
    left = np.maximum(np.asarray(stock, dtype=float), 0.0).copy()
    short = np.zeros((cycles, classes))
    for t in range(periods):
        for i in range(classes):
            given = np.minimum(demand[:, t, i], np.maximum(left - levels[t, i], 0.0))
            left -= given
            short[:, i] += demand[:, t, i] - given
    return short
