"""Stock, replenishment and forecasts of the items kept at the central warehouse.

Planted, each scaled by `effect` (0: deliveries never vary, shelves are never empty, no forecast beats
another):

- Lost demand. In `STOCKOUT_SHARE` of the weeks of an item the shelf runs empty. What was asked for in vain is
  in no order: it is only in `truth_demand`. Orders are what was sold, so demand D is drawn given that it was
  at least the sales: survival of D = survival of sales to the power 1 - STOCKOUT_SHARE, which is exactly what
  independent censoring of that share leaves behind (Koziol & Green 1976). Demand has the orders' own lumpy
  shape, no normal or Poisson one.
- Lead times. Lognormal with a mean and a relative spread of each item's supplier (`truth_lead_times`); the
  longest delays end in the empty shelves.
- Forecasts. The planner's forecast is a moving average. The behaviour forecast errs `RELIABILITY` times as
  much, by segment: its error is that share of a mix of the same week's planner's error and of another week's
  (`truth_forecasts`, with the planner's error over one to `HORIZON` weeks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local, position
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")

ITEMS = 24  # the items of largest value are stocked, the others are bought to order
STOCKOUT_SHARE = 0.12
LEAD_WEEKS = (1.5, 4.0)  # mean lead time of an item lies between
LEAD_CV = (0.15, 0.45)  # standard deviation over mean
RELIABILITY = np.array([0.50, 0.70, 0.95, 0.60])  # error against the planner's, by segment
SAME_WEEK = 0.8  # correlation of both forecasts' errors
CYCLE_WEEKS = 4  # between deliveries, when nothing runs out
AVERAGE_WEEKS = 13  # of the planner's moving average
HORIZON = 6  # weeks ahead
ORIGINS = 104  # weeks on which forecasts were made

WEEK = np.timedelta64(7 * 86_400_000_000, "us")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return inventory, supply_orders, forecasts, truth_demand, truth_lead_times, truth_forecasts."""
    segments = settings.preset.segments
    items, weeks, sold = weekly_sales(tables, segments)
    empty = rng.random((len(items), len(weeks))) < STOCKOUT_SHARE * settings.effect
    empty[:, :1] = False
    demand = sold + lost_demand(sold, empty, STOCKOUT_SHARE * settings.effect, rng)

    flow, truth_lead = replenishment(settings, "central", items, weeks, sold.sum(axis=1), empty, rng)
    forecasts, truth_forecasts = forecast(settings, items, weeks, demand, rng)
    n, s, t = sold.shape
    truth_demand = pd.DataFrame(
        {
            "product_id": words(list(items), np.repeat(np.arange(n), s * t)),
            "segment": words(segments, np.tile(np.repeat(np.arange(s), t), n)),
            "week_on": np.tile(weeks, n * s),
            "demand_qty": demand.ravel(),
            "lost_qty": (demand - sold).ravel(),
        }
    )
    truth = {"truth_demand": truth_demand, "truth_lead_times": truth_lead, "truth_forecasts": truth_forecasts}
    return {**flow, "forecasts": forecasts, **truth}


def weekly_sales(
    tables: Mapping[str, pd.DataFrame], segments: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stocked items, Mondays of whole weeks, and units sold, (items, segments, weeks)."""
    lines, products = tables["_lines"], tables["products"]
    order, product = lines["order"].to_numpy(), lines["product"].to_numpy()
    qty = tables["order_lines"]["qty_ordered"].to_numpy()[: len(order)]
    value = np.bincount(product, qty, len(products)) * products["unit_cost_amt"].to_numpy()
    chosen = np.sort(np.argsort(-value, kind="stable")[:ITEMS])
    account = position(tables["customers"]["account_id"], tables["accounts"]["account_id"])
    segment = position(tables["accounts"]["segment"], segments)[account]

    days = tables["orders"]["ordered_at"].to_numpy()[: len(tables["_parcels"])].astype("datetime64[D]")
    monday = days - (days.astype(np.int64) + 3) % 7  # day 0 of the epoch was a Thursday
    first, last = monday.min(), monday.max()
    weeks = np.arange(first + np.timedelta64(7, "D"), last, np.timedelta64(7, "D")).astype(
        "datetime64[us]"
    )  # the first and the last week are cut off

    code = np.full(len(products), -1)
    code[chosen] = np.arange(len(chosen))
    mine = np.flatnonzero(code[product] >= 0)
    week = ((monday - weeks[0].astype("datetime64[D]")).astype(np.int64) // 7)[order[mine]]
    mine, week = mine[(week >= 0) & (week < len(weeks))], week[(week >= 0) & (week < len(weeks))]
    who = segment[tables["_parcels"]["customer"].to_numpy()[order[mine]]]
    shape = (len(chosen), len(segments), len(weeks))
    place = np.ravel_multi_index((code[product[mine]], who, week), shape)
    sold = np.bincount(place, qty[mine], int(np.prod(shape))).reshape(shape).astype(np.int64)
    return products["product_id"].to_numpy()[chosen], weeks, sold


def lost_demand(sold: np.ndarray, empty: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return units asked for in vain, shape of `sold`: 0 except in weeks with an empty shelf."""
    lost = np.zeros_like(sold)
    for item, segment in np.ndindex(sold.shape[:2]):
        series, out = sold[item, segment], empty[item]
        at_least = 1 - np.searchsorted(np.sort(series), series[out]) / len(series)
        survival = at_least * rng.random(out.sum()) ** (1 / (1 - share))
        lost[item, segment, out] = np.maximum(np.round(np.quantile(series, 1 - survival)) - series[out], 0)
    return lost


def replenishment(
    settings: WorldSettings,
    where: str,
    items: np.ndarray,
    weeks: np.ndarray,
    sold: np.ndarray,
    empty: np.ndarray,
    rng: np.random.Generator,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return inventory and supply_orders of a site, in balance with sales, and truth_lead_times.

    The central warehouse buys; others are supplied by it. `sold` and `empty` are (items, weeks).
    A delivery arrives on the Monday after an empty shelf, else every `CYCLE_WEEKS`. It brings what is sold
    until the next one and what is then left: nothing before an empty shelf, else about a week's demand.
    """
    site, is_central = local(where, settings.block), where == "central"
    n, t = sold.shape
    arrives = np.arange(t)[None, :] % CYCLE_WEEKS == rng.integers(0, CYCLE_WEEKS, (n, 1))
    arrives = arrives | np.roll(empty, 1, axis=1)
    arrives[:, 0] = True
    buffer = np.ceil(sold.mean(axis=1)[:, None] * rng.gamma(2.0, 0.5, (n, t))).astype(np.int64)
    on_hand = np.where(empty, 0, buffer)
    for week in range(t - 2, -1, -1):
        needed = on_hand[:, week + 1] + sold[:, week + 1]
        on_hand[:, week] = np.where(arrives[:, week + 1], np.minimum(on_hand[:, week], needed), needed)
    opening = np.concatenate([np.zeros((n, 1), dtype=np.int64), on_hand[:, :-1]], axis=1)
    brought = on_hand + sold - opening

    item, when = np.nonzero(arrives & (brought > 0))
    mean = LEAD_WEEKS[0] + (LEAD_WEEKS[1] - LEAD_WEEKS[0]) * rng.random((n,))
    cv = (LEAD_CV[0] + (LEAD_CV[1] - LEAD_CV[0]) * rng.random((n,))) * settings.effect
    log_sd = np.sqrt(np.log1p(cv**2))
    lead = np.exp(np.log(mean[item]) - log_sd[item] ** 2 / 2 + log_sd[item] * rng.normal(size=len(item)))
    after_empty = (when > 0) & empty[item, when - 1]
    lead = longest_last(lead, item, after_empty, rng)
    received = weeks[when]
    placed = received - (lead * 7 * 86_400e6).astype("timedelta64[us]")
    supply_orders = pd.DataFrame(
        {
            "supply_order_id": ids("B" if is_central else f"B{where[0].upper()}", len(item), settings.block),
            "product_id": items[item],
            "to_site_id": site,
            "placed_at": placed,
            "due_at": placed + (mean[item] * 7 * 86_400e6).astype("timedelta64[us]"),
            "received_at": received,
            "qty": brought[item, when],
            "kind": "purchase" if is_central else "transfer",
            "from_site_id": None if is_central else local("central", settings.block),
        }
    )
    inventory = pd.DataFrame(
        {
            "site_id": site,
            "product_id": np.repeat(items, t),
            "week_on": np.tile(weeks, n),
            "on_hand": on_hand.ravel(),
            "sold_qty": sold.ravel(),
            "stockout_h": np.where(empty, np.round(rng.uniform(6, 90, (n, t)), 1), 0.0).ravel(),
        }
    )
    truth = pd.DataFrame({"product_id": items, "lead_weeks": mean, "lead_sd_weeks": mean * cv})
    return {"inventory": inventory, "supply_orders": supply_orders}, truth


def longest_last(
    lead: np.ndarray, item: np.ndarray, after_empty: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return each item's lead times in another order: long ones mostly end in an empty shelf."""
    wish = after_empty + rng.normal(0, 0.5, len(lead))
    out = np.empty_like(lead)
    out[np.lexsort((wish, item))] = lead[np.lexsort((lead, item))]
    return out


def forecast(
    settings: WorldSettings,
    items: np.ndarray,
    weeks: np.ndarray,
    demand: np.ndarray,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return forecasts of both kinds for each segment, and truth_forecasts."""
    segments = settings.preset.segments
    t = demand.shape[-1]
    origin = np.arange(t - HORIZON - ORIGINS, t - HORIZON + 1)
    cumulated = np.concatenate([np.zeros((*demand.shape[:2], 1)), demand.cumsum(axis=-1)], axis=-1)
    average = (cumulated[..., origin] - cumulated[..., origin - AVERAGE_WEEKS]) / AVERAGE_WEEKS
    target = origin[:, None] + np.arange(HORIZON)
    actual = demand[:, :, target]  # items, segments, origins, weeks ahead
    planner_error = actual - average[..., None]

    other = planner_error[:, :, rng.permutation(len(origin))]
    ratio = 1 - settings.effect * (1 - RELIABILITY)
    ratio = np.clip(ratio, 0.05, None)[:, None, None]
    # The minus keeps the forecast above zero: a week of large demand elsewhere raises it.
    error = ratio * (SAME_WEEK * planner_error - np.sqrt(1 - SAME_WEEK**2) * other)
    planner = np.broadcast_to(average[..., None], actual.shape)
    both = np.stack([planner, actual - error], axis=-1)
    both = np.maximum(np.round(both, 1), 0.0)

    n, s, o, h = actual.shape
    item, segment, at, ahead, model = (index.ravel() for index in np.indices((n, s, o, h, 2)))
    frame = pd.DataFrame(
        {
            "origin_on": weeks[origin[at]],
            "target_week_on": weeks[0] + (origin[at] + ahead) * WEEK,
            "product_id": words(list(items), item),
            "segment": words(segments, segment),
            "is_behavioural": model == 1,
            "mean_qty": both.ravel(),
            "site_id": repeated(local("central", settings.block), both.size),
        }
    )
    over = np.sqrt((planner_error.cumsum(axis=-1) ** 2).mean(axis=2))  # items, segments, weeks ahead
    truth = pd.DataFrame(
        {
            "product_id": np.repeat(items, s * h),
            "segment": np.tile(np.repeat(segments, h), n),
            "weeks": np.tile(np.arange(1, h + 1), n * s),
            "planner_sd": over.ravel(),
            "behaviour_sd": (over * ratio[None, :, 0]).ravel(),
        }
    )
    return frame, truth


PLANTS = (
    Plant(
        play="balance.safety_stock",
        what="Shelves run empty in some weeks, deliveries take longer than agreed, and a forecast from behaviour errs less "
        "than the planner's, by segment.",
        why="What was asked for in vain is in no order; long delays come together with empty shelves; not every segment "
        "gains from the better forecast.",
        tables=("orders", "order_lines", "products", "inventory", "supply_orders", "forecasts", "contracts"),
        truth=("truth_demand", "truth_lead_times", "truth_forecasts"),
        size="STOCKOUT_SHARE, LEAD_CV, 1 - RELIABILITY x effect",
    ),
)
