"""How much buffer does each segment deserve? Safety stock from forecast errors over the lead time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import inventory as inv
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

HINTS = (
    "Only the promise changes, so only the safety factor changes: look up the z below which that share of a "
    "bell curve lies. Spread and unit cost stay.",
    "For one item the buffer is z times the column `spread`; its capital is that times `unit_cost_amt`. The "
    "table is result.buffers, one row per item and segment.",
    "Keep the rows of the one segment, take z from scipy.special.ndtri(promise), and add up z * spread * "
    "unit_cost_amt.",
)
ASKED_SERVICE = 0.995  # the promise that the exercise asks about
REVIEW_WEEKS = 1.0  # between two looks at the stock: protected on top of the lead time
AVERAGE_WEEKS = 13  # of the moving average that stands in for a missing forecast
LONGEST_WEEKS = 26  # protected at most
BLOCK_WEEKS = 13  # forecast errors this far apart count as independent
DELAYS = np.arange(0.05, 1.0, 0.1)  # quantiles of the lead time that the replay plays each week with
STATES = 240  # stock levels in the rationing recursion: finer ones change nothing but its time


@dataclass(frozen=True)
class Buffers:
    """Safety stock per item and segment, apart and shared.

    Parameters
    ----------
    buffers : DataFrame
        One row per item and segment: product_id, name, segment, promise (share), sold_week, demand_week
        (units), weeks (protected), error_sd, spread (units), safety_stock (units), unit_cost_amt, capital
        (money), critical_level (units left below which the segment waits while a delivery is a lead time
        away), lot_weeks (between deliveries).
    segments : DataFrame
        One row per segment in order of rank: promise, volatility (spread of weekly demand over its mean),
        demand_week, lost_share (of demand, in stock-outs), cover_weeks, capital, planner_capital (without
        behaviour forecasts), and service reached in the replay by `same_cover`, `own_buffer`, `shared` (the
        promised kind of service, a share), `own_fill` (share of units, own buffer).
    items : DataFrame
        One row per item: lead_weeks, lead_sd_weeks, own_capital, top_capital (one pile at the highest
        promise), shared_capital (one pile with critical levels).
    forecasts : DataFrame or None
        One row per segment: ratio of the behaviour forecast's error to the planner's, low, high (95 %), used.
    kind : str
        What is promised: "cycle" or "fill".
    weeks : int
        Weeks of forecast errors behind it.
    assumed : tuple of str
        What was assumed because the data do not say it.
    """

    buffers: pd.DataFrame
    segments: pd.DataFrame
    items: pd.DataFrame
    forecasts: pd.DataFrame | None
    kind: str
    weeks: int
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class _Panel:
    """What was sold as arrays: sales and censored (items, segments by rank, weeks), cost (items,)."""

    items: NDArray
    names: NDArray
    segments: list[str]
    weeks: pd.DatetimeIndex
    sales: NDArray
    censored: NDArray
    cost: NDArray


@dataclass(frozen=True)
class _Supply:
    """How items are replenished: mean and sd of the lead time, weeks protected, weeks that an order covers
    (items,), and quantiles of the lead time (items, quantiles).
    """

    lead: NDArray
    late: NDArray
    protected: NDArray
    lot: NDArray
    delays: NDArray


def overview(weekly: pd.DataFrame) -> pd.DataFrame:
    """Return per segment what a week brings: units, money, and the swing around the mean."""
    span = weekly["week_on"].nunique()
    item = weekly.groupby(["segment", "product_id"])["qty"]
    mean = item.sum() / span
    swing = np.sqrt(np.maximum(weekly.assign(square=weekly["qty"] ** 2.0).groupby(
        ["segment", "product_id"])["square"].sum() / span - mean**2, 0)) / mean  # fmt: skip
    whole = weekly.groupby("segment")
    frame = pd.DataFrame(
        {
            "customers": whole["customers"].first(),
            "units_week": (whole["qty"].sum() / span).round(0),
            "value_week": (whole["value_amt"].sum() / span).round(0),
            "volatility": swing.groupby("segment").median().round(2),
        }
    )
    return frame.loc[_by_rank(weekly)]


def _by_rank(weekly: pd.DataFrame) -> list[str]:
    """Return segments by what one customer buys, most first; customers without a name come last."""
    whole = weekly.groupby("segment")
    worth = whole["value_amt"].sum() / whole["customers"].first().replace(0, np.nan)
    return worth.fillna(-1.0).sort_values(ascending=False, kind="stable").index.tolist()


def buffers(
    weekly: pd.DataFrame,
    products: pd.DataFrame,
    inventory: pd.DataFrame | None = None,
    supply_orders: pd.DataFrame | None = None,
    forecasts: pd.DataFrame | None = None,
    *,
    items: int = 20,
    history_weeks: int = 104,
    promise_first: float = 0.98,
    promise_last: float = 0.90,
    kind: str = "cycle",
    lead_weeks: float = 3.0,
    lead_sd_weeks: float = 1.0,
    cost_share: float = 0.65,
    order_weeks: float = 4.0,
) -> Buffers:
    """Compute the buffer that each segment's promise needs, apart and from one shared stock.

    Parameters
    ----------
    weekly : DataFrame
        product_id, segment, week_on, qty, value_amt, customers: what was asked for, or sold.
    products, inventory, supply_orders, forecasts : DataFrame
        Canonical tables; all but the first may be None, and then the assumptions below stand in.
    items : int
        How many items, those of largest value.
    history_weeks : int
        Weeks of forecast errors used, as far as the data go.
    promise_first, promise_last : float
        Service promised to the first and to the last segment by rank; those between are spread evenly.
    kind : str
        "cycle": share of replenishment cycles without a stock-out. "fill": share of units served from the
        shelf.
    lead_weeks, lead_sd_weeks : float
        Lead time and its standard deviation where no supply orders say it.
    cost_share : float
        Unit cost as a share of the price where no cost is known.
    order_weeks : float
        Demand that one replenishment order covers, where no supply orders say it, weeks.

    Raises
    ------
    ValueError
        When no item sells often enough, or the history is too short for one forecast error.
    """
    panel, assumed = _panel(weekly, products, inventory, items, history_weeks, cost_share)
    supply, supply_said = _supply(panel, supply_orders, lead_weeks, lead_sd_weeks, order_weeks)
    mean_demand, _, demand = inv.uncensored_normal(panel.sales, panel.censored)
    origins, ahead = _origins(demand.shape[-1], supply.delays)
    actual = demand[:, :, origins[:, None] + np.arange(ahead)]
    planner, behaviour = _forecasts(panel, demand, origins, ahead, forecasts)
    expected, choice, forecast_said = _better(panel.segments, actual, planner, behaviour, supply.protected)
    promise = np.linspace(promise_first, promise_last, len(panel.segments))
    plan = _plan(promise, kind, mean_demand, supply, actual - expected, panel.cost)
    planner_capital = _planner_capital(plan, actual - planner, panel.cost)
    cover = float(plan.capital.sum() / (mean_demand * panel.cost[:, None]).sum())
    service, shared, level = _replay(plan, actual, expected, cover)
    return Buffers(
        buffers=_by_item_and_segment(panel, plan, level),
        segments=_by_segment(panel, plan, demand, planner_capital, service),
        items=_by_item(panel, plan, shared),
        forecasts=choice,
        kind=kind,
        weeks=len(origins),
        assumed=assumed + supply_said + forecast_said,
    )


def _origins(weeks: int, delays: NDArray) -> tuple[NDArray, int]:
    """Return the weeks from which forecasts are tested, and how many weeks ahead of each."""
    ahead = math.ceil(min(float((delays + REVIEW_WEEKS).max()), LONGEST_WEEKS))
    origins = np.arange(AVERAGE_WEEKS, weeks - ahead + 1)
    if len(origins) < 2:
        raise ValueError(
            f"{weeks} weeks of demand are too few: a forecast error needs {AVERAGE_WEEKS} weeks "
            f"before it and {ahead} after"
        )
    return origins, ahead


def _better(
    segments: list[str], actual: NDArray, planner: NDArray, behaviour: NDArray | None, weeks: NDArray
) -> tuple[NDArray, pd.DataFrame | None, tuple[str, ...]]:
    """Return each segment's better forecast, the comparison behind it, and what is assumed."""
    if behaviour is None:
        said = (
            f"No behaviour forecasts in the data: errors are those of a {AVERAGE_WEEKS}-week moving average."
        )
        return planner, None, (said,)
    choice = _compare(segments, actual, planner, behaviour, weeks)
    return np.where(choice["used"].to_numpy()[None, :, None, None], behaviour, planner), choice, ()


@dataclass(frozen=True)
class _Plan:
    """What is held and why: promise (segments,), together (items,), the spread of each item's shared stock,
    the rest (items, segments).
    """

    promise: NDArray
    kind: str
    mean_demand: NDArray
    supply: _Supply
    batch: NDArray
    error_sd: NDArray
    spread: NDArray
    together: NDArray
    factor: NDArray
    stock: NDArray
    capital: NDArray


def _plan(
    promise: NDArray, kind: str, mean_demand: NDArray, supply: _Supply, error: NDArray, cost: NDArray
) -> _Plan:
    """Size the buffers from forecast errors, (items, segments, origins, weeks ahead), and late deliveries."""
    variance = _at_weeks(error, supply.protected)
    spread = _spread(variance, mean_demand, supply.late)
    variance_together = _at_weeks(error.sum(axis=1, keepdims=True), supply.protected)
    together = _spread(variance_together, mean_demand.sum(axis=1, keepdims=True), supply.late)[:, 0]
    batch = supply.lot[:, None] * mean_demand
    factor = _factor(promise[None, :], kind, spread, batch)
    stock = factor * spread
    return _Plan(
        promise=promise,
        kind=kind,
        mean_demand=mean_demand,
        supply=supply,
        batch=batch,
        error_sd=np.sqrt(variance),
        spread=spread,
        together=together,
        factor=factor,
        stock=stock,
        capital=stock * cost[:, None],
    )


def _spread(variance: NDArray, mean_demand: NDArray, late: NDArray) -> NDArray:
    """Return the spread from forecast errors and late deliveries, units."""
    return np.sqrt(variance + (mean_demand * late[:, None]) ** 2)


def _planner_capital(plan: _Plan, error: NDArray, cost: NDArray) -> NDArray:
    """Return each segment's capital if the planner's forecast, with its `error`, were used for all."""
    variance = _at_weeks(error, plan.supply.protected)
    spread = _spread(variance, plan.mean_demand, plan.supply.late)
    stock = _factor(plan.promise[None, :], plan.kind, spread, plan.batch) * spread
    return (stock * cost[:, None]).sum(axis=0)


def _by_item_and_segment(panel: _Panel, plan: _Plan, level: NDArray) -> pd.DataFrame:
    """Return the table `Buffers.buffers`."""
    items, segments = plan.stock.shape
    return pd.DataFrame(
        {
            "product_id": np.repeat(panel.items, segments),
            "name": np.repeat(panel.names, segments),
            "segment": np.tile(panel.segments, items),
            "promise": np.tile(plan.promise, items),
            "sold_week": panel.sales.mean(axis=2).ravel(),
            "demand_week": plan.mean_demand.ravel(),
            "weeks": np.repeat(plan.supply.protected, segments),
            "error_sd": plan.error_sd.ravel(),
            "spread": plan.spread.ravel(),
            "safety_stock": plan.stock.ravel(),
            "unit_cost_amt": np.repeat(panel.cost, segments),
            "capital": plan.capital.ravel(),
            "critical_level": level.ravel(),
            "lot_weeks": np.repeat(plan.supply.lot, segments),
        }
    )


def _by_segment(
    panel: _Panel, plan: _Plan, demand: NDArray, planner_capital: NDArray, service: dict[str, NDArray]
) -> pd.DataFrame:
    """Return the table `Buffers.segments`."""
    demand_week = plan.mean_demand.sum(axis=0)
    capital = plan.capital.sum(axis=0)
    return pd.DataFrame(
        {
            "segment": panel.segments,
            "promise": plan.promise,
            "volatility": np.median(demand.std(axis=2) / np.maximum(plan.mean_demand, 1e-9), axis=0),
            "demand_week": demand_week,
            "lost_share": 1 - panel.sales.mean(axis=2).sum(axis=0) / demand_week,
            "cover_weeks": capital / (plan.mean_demand * panel.cost[:, None]).sum(axis=0),
            "capital": capital,
            "planner_capital": planner_capital,
            **service,
        }
    )


def _by_item(panel: _Panel, plan: _Plan, shared: NDArray) -> pd.DataFrame:
    """Return the table `Buffers.items`."""
    batch = plan.supply.lot * plan.mean_demand.sum(axis=1)
    top = _factor(plan.promise[:1], plan.kind, plan.together, batch) * plan.together
    return pd.DataFrame(
        {
            "product_id": panel.items,
            "lead_weeks": plan.supply.lead,
            "lead_sd_weeks": plan.supply.late,
            "own_capital": plan.capital.sum(axis=1),
            "top_capital": top * panel.cost,
            "shared_capital": shared * panel.cost,
        }
    )


def _replay(
    plan: _Plan, actual: NDArray, expected: NDArray, cover: float
) -> tuple[dict[str, NDArray], NDArray, NDArray]:
    """Play the past with `cover` weeks on everything, with own buffers, and with one shared stock.

    Returns
    -------
    service : dict of ndarray, shape (segments,)
        Reached by each rule; own_fill is the own buffers' share of units.
    shared : ndarray, shape (items,)
        Smallest shared buffer that serves like the own ones, units.
    level : ndarray, shape (items, segments)
        Critical levels a lead time before the next delivery, units.
    """
    from scipy.special import ndtr

    stock, batch, supply = plan.stock, plan.batch, plan.supply
    reached = {name: np.zeros_like(stock) for name in ("same_cover", "own_buffer", "shared", "own_fill")}
    shared, level = np.zeros(len(stock)), np.zeros_like(stock)
    for i in range(len(stock)):
        mean, weeks = plan.mean_demand[i], float(supply.protected[i])
        played = _cycles(actual[i], expected[i], weeks, supply.delays[i], batch[i], plan.kind)
        short = played.apart(stock[i])
        reached["same_cover"][i] = played.service(played.apart(cover * mean))
        reached["own_buffer"][i] = played.service(short)
        reached["own_fill"][i] = 1 - short.mean(axis=0) / batch[i]
        levels = _levels(mean, plan.spread[i], plan.together[i], weeks, ndtr(plan.factor[i]))
        wanted = np.minimum(plan.promise, reached["own_buffer"][i])
        shared[i], levels = _smallest_shared(played, levels, wanted, float(stock[i].sum()))
        reached["shared"][i] = played.service(played.together(shared[i], levels))
        level[i] = levels[min(max(round(supply.lead[i]), 1), len(levels) - 1)]
    # Cycles count alike for every item; units count by how many there are.
    by_units = {name: plan.kind == "fill" or name == "own_fill" for name in reached}
    service = {
        name: np.average(each, axis=0, weights=batch if by_units[name] else np.ones_like(batch))
        for name, each in reached.items()
    }
    return service, shared, level


def _panel(
    weekly: pd.DataFrame,
    products: pd.DataFrame,
    inventory: pd.DataFrame | None,
    items: int,
    history_weeks: int,
    cost_share: float,
) -> tuple[_Panel, tuple[str, ...]]:
    """Return the recent sales of the items of largest value as arrays, and what is assumed."""
    weeks, recent = _recent(weekly, inventory, history_weeks)
    known = products.set_index("product_id")
    cost, cost_said = _unit_costs(recent, known["unit_cost_amt"], cost_share)
    chosen = _largest(recent, cost, len(weeks), items)
    recent = recent[recent["product_id"].isin(chosen)]
    segments = [s for s in _by_rank(weekly) if s in set(recent["segment"])]
    sales = _sales(recent, chosen, segments, weeks)
    empty, stock_said = _empty_shelves(inventory, chosen, weeks)
    panel = _Panel(
        items=chosen,
        names=known["name"].reindex(chosen).to_numpy(),
        segments=segments,
        weeks=weeks,
        sales=sales,
        censored=np.broadcast_to(empty[:, None, :], sales.shape),
        cost=cost[chosen].to_numpy(dtype=float),
    )
    return panel, cost_said + stock_said


def _recent(
    weekly: pd.DataFrame, inventory: pd.DataFrame | None, history_weeks: int
) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Return the last weeks and what was sold in them; where stock is recorded, of items recorded week by week."""
    weeks = pd.date_range(weekly["week_on"].min(), weekly["week_on"].max(), freq="7D")
    weeks = weeks[-(history_weeks + AVERAGE_WEEKS) :]
    recent = weekly[weekly["week_on"] >= weeks[0]]
    if inventory is not None:
        recorded = inventory.groupby("product_id")["week_on"].nunique()
        recent = recent[recent["product_id"].isin(recorded.index[recorded >= AVERAGE_WEEKS])]
    return weeks, recent


def _unit_costs(
    recent: pd.DataFrame, known: pd.Series, cost_share: float
) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the unit cost by item, a share of the price where it is not known; what is assumed."""
    price = recent.groupby("product_id")["value_amt"].sum() / recent.groupby("product_id")["qty"].sum()
    cost = known.reindex(price.index)
    if not cost.isna().any():
        return cost, ()
    said = f"Unit cost is taken as {cost_share:.0%} of the price where the data do not say it."
    return cost.fillna(price * cost_share), (said,)


def _largest(recent: pd.DataFrame, cost: pd.Series, weeks: int, items: int) -> NDArray:
    """Return the items of largest value among those sold in at least half of the weeks."""
    value = recent.groupby("product_id")["qty"].sum() * cost
    often = recent.groupby("product_id")["week_on"].nunique() >= weeks / 2
    chosen = value[often].nlargest(items).index.to_numpy()
    if len(chosen) == 0:
        raise ValueError(f"no item sold in at least half of the last {weeks} weeks")
    return chosen


def _sales(recent: pd.DataFrame, items: NDArray, segments: list[str], weeks: pd.DatetimeIndex) -> NDArray:
    """Return units sold, (items, segments, weeks)."""
    sales = np.zeros((len(items), len(segments), len(weeks)))
    place = (
        pd.Index(items).get_indexer(pd.Index(recent["product_id"])),
        pd.Index(segments).get_indexer(pd.Index(recent["segment"])),
        weeks.get_indexer(pd.Index(recent["week_on"])),
    )
    np.add.at(sales, place, recent["qty"].to_numpy(dtype=float))
    return sales


def _empty_shelves(
    inventory: pd.DataFrame | None, items: NDArray, weeks: pd.DatetimeIndex
) -> tuple[NDArray, tuple[str, ...]]:
    """Return in which weeks an item ran out of stock, (items, weeks), and what is assumed."""
    empty = np.zeros((len(items), len(weeks)), dtype=bool)
    if inventory is None:
        said = (
            "No stock records: sales are taken for demand, so what empty shelves turned away is not counted."
        )
        return empty, (said,)
    out = inventory[(inventory["stockout_h"] > 0) & inventory["product_id"].isin(items)]
    out = out[out["week_on"].isin(weeks)]
    item = pd.Index(items).get_indexer(pd.Index(out["product_id"]))
    empty[item, weeks.get_indexer(pd.Index(out["week_on"]))] = True
    return empty, ()


def _supply(
    panel: _Panel, supply_orders: pd.DataFrame | None, mean: float, sd: float, order_weeks: float
) -> tuple[_Supply, tuple[str, ...]]:
    """Return how each item is replenished, from its orders where they say it; what is assumed."""
    from scipy.special import gammaincinv

    n = len(panel.items)
    lead, late, lot = np.full(n, mean), np.full(n, sd), np.full(n, order_weeks)
    shape = (mean / sd) ** 2 if sd > 0 else math.inf
    assumed_delays = gammaincinv(shape, DELAYS) * sd**2 / mean if sd > 0 else np.full(len(DELAYS), mean)
    delays = np.tile(assumed_delays, (n, 1))
    logged = np.zeros(n, dtype=bool)
    if supply_orders is not None:
        done = supply_orders.dropna(subset=["received_at"])
        took = (done["received_at"] - done["placed_at"]).dt.total_seconds() / 604_800
        week_demand = panel.sales.sum(axis=1).mean(axis=1)
        for i, item in enumerate(panel.items):
            mine = took[done["product_id"] == item].to_numpy()
            if len(mine) >= 8:
                logged[i] = True
                lead[i], late[i], delays[i] = mine.mean(), mine.std(ddof=1), np.quantile(mine, DELAYS)
                lot[i] = done.loc[done["product_id"] == item, "qty"].mean() / max(week_demand[i], 1e-9)
    supply = _Supply(lead, late, np.minimum(lead + REVIEW_WEEKS, LONGEST_WEEKS), lot, delays)
    if logged.all():
        return supply, ()
    which = "" if not logged.any() else f" of {n - logged.sum()} items"
    said = f"The lead time{which} is assumed: {mean:g} weeks, give or take {sd:g}."
    return supply, (said, f"A replenishment order is assumed to cover {order_weeks:g} weeks.")


def _forecasts(
    panel: _Panel, demand: NDArray, origins: NDArray, ahead: int, forecasts: pd.DataFrame | None
) -> tuple[NDArray, NDArray | None]:
    """Return the planner's and the behaviour forecast, (items, segments, origins, weeks ahead).

    A moving average stands in where a forecast is missing; beyond its horizon the last week is repeated.
    """
    summed = np.concatenate([np.zeros((*demand.shape[:2], 1)), demand.cumsum(axis=-1)], axis=-1)
    average = (summed[..., origins] - summed[..., origins - AVERAGE_WEEKS]) / AVERAGE_WEEKS
    average = np.broadcast_to(average[..., None], (*average.shape, ahead))
    if forecasts is None or not forecasts["is_behavioural"].any():
        return average, None
    item = pd.Index(panel.items).get_indexer(pd.Index(forecasts["product_id"]))
    segment = pd.Index(panel.segments).get_indexer(pd.Index(forecasts["segment"]))
    origin = pd.Index(panel.weeks[origins]).get_indexer(pd.Index(forecasts["origin_on"]))
    week = (forecasts["target_week_on"] - forecasts["origin_on"]).dt.days.to_numpy() // 7
    used = (item >= 0) & (segment >= 0) & (origin >= 0) & (week >= 0) & (week < ahead)
    model = forecasts["is_behavioural"].to_numpy(dtype=int)
    both = np.full((2, *average.shape), np.nan)
    both[model[used], item[used], segment[used], origin[used], week[used]] = forecasts["mean_qty"].to_numpy()[
        used
    ]
    for step in range(1, ahead):
        gap = np.isnan(both[..., step])
        both[..., step][gap] = both[..., step - 1][gap]
    both = np.where(np.isnan(both), average, both)
    return both[0], both[1]


def _at_weeks(error: NDArray, weeks: NDArray) -> NDArray:
    """Return the mean squared error cumulated over `weeks` (items,), between whole weeks by interpolation:
    (items, segments).

    Measured over the lead time, not scaled up from one week: errors of one origin share what the forecast
    missed.
    """
    squared = (error.cumsum(axis=-1) ** 2).mean(axis=2)
    squared = np.concatenate([np.zeros_like(squared[..., :1]), squared], axis=-1)
    low = np.minimum(np.floor(weeks).astype(int), squared.shape[-1] - 2)
    share = (weeks - low)[:, None]
    at = np.arange(len(weeks))
    return squared[at, :, low] * (1 - share) + squared[at, :, low + 1] * share


def _compare(
    segments: list[str], actual: NDArray, planner: NDArray, behaviour: NDArray, weeks: NDArray
) -> pd.DataFrame:
    """Compare both forecasts over the protected weeks; the interval comes from leaving out blocks."""
    from scipy.special import stdtrit

    step = np.maximum(np.round(weeks).astype(int), 1) - 1
    at = np.arange(len(weeks))
    old = (actual - planner).cumsum(axis=-1)[at, :, :, step] ** 2
    new = (actual - behaviour).cumsum(axis=-1)[at, :, :, step] ** 2
    scale = np.maximum(old.mean(axis=2, keepdims=True), 1e-12)
    old, new = (old / scale).sum(axis=0), (new / scale).sum(axis=0)
    edges = np.arange(0, old.shape[1] + 1, BLOCK_WEEKS)
    old_block, new_block = (np.add.reduceat(e, edges[edges < e.shape[1]], axis=1) for e in (old, new))
    blocks = old_block.shape[1]
    ratio = np.sqrt(new.sum(axis=1) / old.sum(axis=1))
    without = np.sqrt(
        (new_block.sum(axis=1, keepdims=True) - new_block)
        / (old_block.sum(axis=1, keepdims=True) - old_block)
    )
    error = np.sqrt(
        (blocks - 1) / blocks * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    )
    half = float(stdtrit(blocks - 1, 0.975)) * error
    return pd.DataFrame(
        {
            "segment": segments,
            "ratio": ratio,
            "low": ratio - half,
            "high": ratio + half,
            "used": ratio + half < 1,
        }
    )


def _factor(promise: NDArray, kind: str, spread: NDArray, batch: NDArray) -> NDArray:
    from scipy.special import ndtri

    if kind == "cycle":
        return np.broadcast_to(ndtri(promise), spread.shape)
    return np.maximum(inv.factor_for_fill_rate(promise, spread, batch), 0.0)


@dataclass(frozen=True)
class _Cycles:
    """One item's replay: each past week is played with each likely delay.

    demand is (cycles, weeks, segments), the units asked for until the delivery; expected (cycles, segments)
    what the forecast stocks for; batch (segments,) the units of one replenishment order.
    """

    demand: NDArray
    expected: NDArray
    batch: NDArray
    kind: str

    def service(self, short: NDArray) -> NDArray:
        """Return the service of each segment from its units short, (cycles, segments)."""
        if self.kind == "cycle":
            return (short < 0.5).mean(axis=0)
        return 1 - short.mean(axis=0) / self.batch

    def apart(self, buffer: NDArray) -> NDArray:
        """Units short when each segment has its own stock."""
        return np.maximum(self.demand.sum(axis=1) - self.expected - buffer, 0.0)

    def together(self, buffer: float, levels: NDArray) -> NDArray:
        """Units short when all share one stock; by weeks to go, an overdue delivery is due next."""
        to_go = np.maximum(len(levels) - 2 - np.arange(self.demand.shape[1]), 1)
        return inv.serve(self.expected.sum(axis=1) + buffer, self.demand, levels=levels[to_go])


def _cycles(
    actual: NDArray, expected: NDArray, weeks: float, delays: NDArray, batch: NDArray, kind: str
) -> _Cycles:
    """Set up the replay of one item from actual and expected demand, (segments, origins, weeks ahead)."""
    segments, _, ahead = actual.shape
    steps = np.arange(ahead)
    play = np.clip(delays[:, None] + REVIEW_WEEKS - steps, 0, 1)
    demand = (actual[:, :, None, :] * play).reshape(segments, -1, ahead).transpose(1, 2, 0)
    plan = (expected * np.clip(weeks - steps, 0, 1)).sum(axis=-1)
    return _Cycles(demand, np.repeat(plan, len(delays), axis=1).T, batch, kind)


def _levels(mean: NDArray, spread: NDArray, together: float, weeks: float, service: NDArray) -> NDArray:
    """Return critical levels of one item by weeks to go, (K + 1, segments), units.

    A promise implies what a unit is worth: with holding cost 1, service a is best when a unit is worth 1 / (1
    - a).
    """
    periods = max(round(weeks), 2)
    # Segments move together, or against each other: their spreads are scaled so that they add up to the
    # item's.
    scale = together / math.sqrt(float((spread**2).sum()))
    unit = max((float(mean.sum() * weeks) + 6 * together) / STATES, 1e-6)
    pmf = [
        inv.demand_pmf(m * weeks / periods / unit, s * scale / math.sqrt(periods) / unit, STATES + 1)
        for m, s in zip(mean, spread, strict=True)
    ]
    worth = np.minimum.accumulate(1 / (1 - np.clip(service, 0.5, 0.9995)))
    return inv.rationing(pmf, worth, periods=periods, largest=STATES).levels * unit


def _smallest_shared(cycles: _Cycles, levels: NDArray, wanted: NDArray, most: float) -> tuple[float, NDArray]:
    """Return the smallest shared buffer, and the share of `levels` kept, that serve every segment as
    `wanted`.

    The recursion behind the levels believes that deliveries are on time; the replay knows that they are not,
    so it settles how much of a level to keep.
    """
    best, kept = math.inf, levels
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        low, high = -most, 2 * most
        if (cycles.service(cycles.together(high, share * levels)) < wanted).any():
            continue
        while high - low > 0.01 * most:
            middle = (low + high) / 2
            enough = (cycles.service(cycles.together(middle, share * levels)) >= wanted).all()
            low, high = (low, middle) if enough else (middle, high)
        if high < best:
            best, kept = high, share * levels
    return (best, kept) if math.isfinite(best) else (most, 0 * levels)


def reliability(result: Buffers) -> pd.DataFrame:
    """Return per segment how much of the buffer answers forecast errors, and what a better forecast earns.

    Columns: error_share (of the squared spread), capital by the planner's forecast and as used; where there
    is a behaviour forecast, its error against the planner's (ratio, low, high) and whether it is used.
    """
    lines = result.buffers
    squared = lines.assign(error=lines["error_sd"] ** 2, all=lines["spread"] ** 2).groupby("segment")
    frame = result.segments.set_index("segment")[["planner_capital", "capital"]].round(0).astype("int64")
    frame.insert(0, "error_share", (squared["error"].sum() / squared["all"].sum()).round(2))
    return frame if result.forecasts is None else frame.join(result.forecasts.set_index("segment").round(2))


def assumptions(result: Buffers) -> str:
    """Return what had to be assumed, as Markdown."""
    if not result.assumed:
        return (
            "Nothing had to be assumed: stock records, lead times, costs and forecasts are all in the data."
        )
    return "Assumed, because the data do not say it:\n\n" + "\n".join(f"- {line}" for line in result.assumed)


def forecast_says(result: Buffers) -> str:
    """Return in words what the behaviour forecasts earn."""
    if result.forecasts is None:
        share = reliability(result)["error_share"]
        return (
            f"There is no behaviour forecast to test. Forecast errors cause {share.min():.0%} to "
            f"{share.max():.0%} of the uncertainty, by segment; the rest is late deliveries, which no "
            "forecast mends."
        )
    used = result.forecasts.loc[result.forecasts["used"], "segment"].tolist()
    if not used:
        return "The behaviour forecast is not reliably better in any segment, so it earns no smaller buffer."
    before, after = result.segments["planner_capital"].sum(), result.segments["capital"].sum()
    best = result.forecasts.sort_values("ratio").iloc[0]
    return (
        f"The behaviour forecast is reliably better for {_names(used)}; most for {best['segment']}, where "
        f"its error is {best['ratio']:.0%} of the planner's. It lowers the capital in buffers from "
        f"{before:,.0f} to {after:,.0f}."
    )


def replay_says(result: Buffers) -> str:
    """Return in words what the same cover for all does to each segment."""
    rows = result.segments
    short = rows.loc[rows["same_cover"] < rows["promise"] - 0.01, "segment"].tolist()
    plenty = rows.loc[rows["same_cover"] > rows["promise"] + 0.01, "segment"].tolist()
    parts = [f"leaves {_names(short)} below the promise"] if short else []
    parts += [f"gives {_names(plenty)} more than was promised"] if plenty else []
    said = " and ".join(parts) or "happens to keep every promise"
    said = f"With the same capital, the same cover for all {said}."
    missed = rows.loc[rows["own_buffer"] < rows["promise"] - 0.02, "segment"].tolist()
    if missed:
        said += (
            f" Own buffers miss {_names(missed)} by more than two points as well: orders come in bursts "
            "that the formula's bell curve does not know. There, trust the replay and raise the promise in "
            "the settings until the dot reaches the bar."
        )
    return said


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def task(result: Buffers) -> str:
    """Return the exercise's question, with the segment's name."""
    first = result.segments.iloc[0]
    return (
        f"Sales wants to promise the segment **{first['segment']}** that {ASKED_SERVICE:.1%} of all cycles "
        f"pass without a stock-out. **How much capital would the buffers of {first['segment']} then tie "
        "up**, over all items? Put your number in place of `None`."
    )


def plot(result: Buffers) -> Axes:
    """Draw the service that each segment gets, by the same cover for all and by its own buffer."""
    rows = result.segments.iloc[::-1].reset_index(drop=True)
    with figure() as ax:
        ax.hlines(rows.index, rows["same_cover"], rows["own_buffer"], color=GREY, lw=1.5)
        ax.plot(rows["same_cover"], rows.index, "o", color=ORANGE, ms=10, label="same cover for all")
        ax.plot(rows["own_buffer"], rows.index, "o", color=BLUE, ms=10, label="own buffer")
        ax.plot(rows["promise"], rows.index, "|", color=INK, ms=26, mew=2.5, label="promised")
        ax.set_yticks(rows.index, rows["segment"].str.replace(" ", "\n"))
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=3, columnspacing=1.0, handletextpad=0.3
        )
        ax.margins(x=0.12)
        ax.locator_params(axis="x", nbins=5)
    missing = rows["promise"] - rows["same_cover"]
    worst = rows["segment"].iloc[int(missing.argmax())]
    left = max(float((rows["promise"] - rows["own_buffer"]).max()), 0.0)
    said = "The same cover for all keeps every promise here: no segment needs its own"
    if missing.max() > 0.01:
        said = (
            f"The same cover fails {worst} by {100 * missing.max():.1f} points; own buffers miss by "
            f"{100 * left:.1f} at most"
        )
    measured = "Cycles without a stock-out" if result.kind == "cycle" else "Units served from the shelf"
    finding(ax, said, x=f"{measured} (replay, %)")
    percent(ax, "x")
    return ax


def plot_shared(result: Buffers) -> Axes:
    """Draw the capital of three ways to keep the promises."""
    total = result.items[["own_capital", "top_capital", "shared_capital"]].sum() / 1000
    labels = ["a pile for each segment", "one pile at the highest promise", "one pile, served by rank"]
    with figure() as ax:
        bars = ax.barh(range(3), total, color=[SKY, SKY, BLUE], height=0.5)
        ax.bar_label(bars, fmt="{:,.0f}", padding=4, fontsize=12)
        for row, label in enumerate(labels):
            ax.text(0, row - 0.32, label, fontsize=12, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(2.5, -0.7)
        ax.set_xlim(0, total.max() * 1.15)
        ax.locator_params(axis="x", nbins=5)
    saving = 1 - total["shared_capital"] / total["own_capital"]
    said = (
        f"One pile served by rank keeps the same service with {saving:.0%} less capital"
        if saving > 0
        else "Sharing one pile saves nothing here: the segments peak together"
    )
    finding(ax, said, x="Capital in safety stock (thousand money)")
    thousands(ax, "x")
    return ax


def what_if(result: Buffers, *, error_cut: Sequence[float]) -> pd.DataFrame:
    """Return the capital in each segment's own buffers if its forecast errors were smaller by `error_cut` per
    cent.

    Columns: error_cut (%), segment, capital. Late deliveries stay as they are.
    """
    lines = result.buffers
    late = lines["spread"] ** 2 - lines["error_sd"] ** 2
    batch = (lines["lot_weeks"] * lines["demand_week"]).to_numpy()
    found = []
    for cut in error_cut:
        spread = np.sqrt((late + ((1 - cut / 100) * lines["error_sd"]) ** 2).to_numpy())
        stock = _factor(lines["promise"].to_numpy(), result.kind, spread, batch) * spread
        capital = (lines["unit_cost_amt"] * stock).groupby(lines["segment"], sort=False).sum()
        found.append(
            pd.DataFrame({"error_cut": cut, "segment": capital.index, "capital": capital.to_numpy()})
        )
    return pd.concat(found, ignore_index=True)


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the capital for each forecast error, one bar a scenario, one colour a segment."""
    table = scenarios.pivot_table(index="error_cut", columns="segment", values="capital") / 1000
    table = table[scenarios["segment"].unique()]
    total = table.sum(axis=1)
    labels = [f"{cut:g}" for cut in table.index]
    with figure() as ax:
        below = np.zeros(len(table))
        for color, segment in zip((BLUE, SKY, ORANGE, GREY) * 3, table.columns, strict=False):
            bars = ax.bar(labels, table[segment], bottom=below, color=color, label=segment)
            below += table[segment].to_numpy()
            for bar, cut in zip(bars, table.index, strict=True):
                bar.set_alpha(1.0 if chosen is None or cut == chosen else 0.35)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2, columnspacing=1.0, handlelength=1.0
        )
        ax.grid(visible=False, axis="x")
        ax.locator_params(axis="y", nbins=5)
    cut = total.index[-1] if chosen is None else chosen
    saving = 1 - total[cut] / total.iloc[0]
    said = (
        f"With errors {cut:g}% smaller, buffers tie up {total[cut]:,.0f} thousand: {saving:.0%} less than now"
    )
    if cut == total.index[0] == 0:
        said = f"With today's forecast errors, buffers tie up {total[cut]:,.0f} thousand"
    finding(ax, said, x="Forecast errors smaller by (%)", y="Capital (thousand money)")
    thousands(ax)
    return ax


def decide(result: Buffers, *, smallest_saving: float = 0.05) -> Decision:
    """Recommend own buffers, or one shared stock by rank where that saves at least `smallest_saving`."""
    rows = result.segments
    own, shared = result.items["own_capital"].sum(), result.items["shared_capital"].sum()
    share = 1 - shared / own >= smallest_saving
    capital = shared if share else own
    cover = ", ".join(f"{r.segment} {r.cover_weeks:.1f}" for r in rows.itertuples())
    used = (
        [] if result.forecasts is None else result.forecasts.loc[result.forecasts["used"], "segment"].tolist()
    )
    planned = f" Plan {_names(used)} with the behaviour forecast." if used else ""
    how = (
        "Keep one stock per item, serve segments by rank down to their critical levels"
        if share
        else f"Keep a buffer for each segment (weeks of demand: {cover})"
    )
    # A standard deviation from n independent cycles is known to one part in sqrt(2 n).
    cycles = max(result.weeks / float(result.buffers["weeks"].mean()), 1.0)
    band = min(1.645 / math.sqrt(2 * cycles), 0.9)
    missing = float((rows["promise"] - rows["shared" if share else "own_buffer"]).max())
    return Decision(
        recommendation=f"{how}.{planned}",
        evidence=f"Replay of {result.weeks} weeks, {len(result.items)} items: {capital:,.0f} of capital "
        f"serve every segment to within {100 * max(missing, 0):.1f} points of its promise; separate buffers "
        f"take {own:,.0f}.",
        metric="capital in safety stock", unit="money", low=capital * (1 - band), high=capital * (1 + band),
        flips_if="a segment misses its promise in two quarters in a row, or forecast errors over the "
        f"lead time grow by {band:.0%}",
        owner="head of supply planning",
    )  # fmt: skip


def asked_capital(result: Buffers) -> float:
    """Return the capital that the first segment's buffers tie up at `ASKED_SERVICE`."""
    rows = result.buffers[result.buffers["segment"] == result.segments["segment"].iloc[0]]
    stock = inv.safety_stock(rows["spread"].to_numpy(), cycle_service=ASKED_SERVICE)
    return float((stock * rows["unit_cost_amt"].to_numpy()).sum())


def check(answer: float, truth: SimpleNamespace | None, result: Buffers) -> Feedback:
    """Check the capital that `task` asks for.

    Parameters
    ----------
    answer : float
        Money.
    truth : namespace or None
        `truth_demand`, `truth_lead_times` and `truth_forecasts` of the world; None on a client's data, where
        the answer must agree with the table of buffers.
    result : Buffers
        What the participant worked with.
    """
    if truth is None:
        return grade(float(answer), asked_capital(result), tolerance=0.03, hints=HINTS, basis=OWN_DATA)
    return grade(float(answer), planted_capital(truth, result), tolerance=0.12, hints=HINTS, basis=PLANTED)


def planted_capital(truth: SimpleNamespace, result: Buffers) -> float:
    """Return what `asked_capital` would be if demand, lead times and forecast errors were known."""
    first = result.segments["segment"].iloc[0]
    rows = result.buffers[result.buffers["segment"] == first].set_index("product_id")
    demand = truth.truth_demand[truth.truth_demand["segment"] == first]
    recent = np.sort(demand["week_on"].unique())[-(result.weeks + AVERAGE_WEEKS) :]
    demand = demand[demand["week_on"].isin(recent)].groupby("product_id")["demand_qty"].mean()[rows.index]
    lead = truth.truth_lead_times.set_index("product_id").loc[rows.index]
    used = result.forecasts is not None and bool(result.forecasts.set_index("segment").loc[first, "used"])
    errors = truth.truth_forecasts[truth.truth_forecasts["segment"] == first]
    errors = errors.pivot_table(
        index="product_id", columns="weeks", values="behaviour_sd" if used else "planner_sd"
    )
    weeks = lead["lead_weeks"].to_numpy() + REVIEW_WEEKS
    squared = errors.loc[rows.index].to_numpy() ** 2
    error = [np.interp(w, errors.columns, row) ** 0.5 for w, row in zip(weeks, squared, strict=True)]
    spread = np.sqrt(np.square(error) + (demand.to_numpy() * lead["lead_sd_weeks"].to_numpy()) ** 2)
    return float(
        (inv.safety_stock(spread, cycle_service=ASKED_SERVICE) * rows["unit_cost_amt"].to_numpy()).sum()
    )
