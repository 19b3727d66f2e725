"""How much buffer does each segment deserve? Safety stock from forecast errors over the lead time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods import inventory as inv

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def by_rank(weekly: pd.DataFrame) -> list[str]:
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
    factor = factor_of(promise[None, :], kind, spread, batch)
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
    stock = factor_of(plan.promise[None, :], plan.kind, spread, plan.batch) * spread
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
    top = factor_of(plan.promise[:1], plan.kind, plan.together, batch) * plan.together
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
    segments = [s for s in by_rank(weekly) if s in set(recent["segment"])]
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


def factor_of(promise: NDArray, kind: str, spread: NDArray, batch: NDArray) -> NDArray:
    """Return how many standard deviations of demand a promise of that kind takes."""
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
