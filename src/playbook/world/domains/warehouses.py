"""Stock of the two shipping warehouses, and where things lie in them.

Planted, each scaled by its play's size:

- Regional demand (balance.inventory_allocation). For `ITEMS` much-ordered products the shelf of a warehouse runs empty in
  `EMPTY_SHARE` of the weeks, in the south more often than in the north: what was asked for in vain is in no order.
  Demand is the orders' own lumpy one, of no named distribution, censored at random; its mean and spread by warehouse
  and product, lost demand included, is in `truth_outcomes`.
- Slots (balance.fulfilment_lanes). Every product has a place, at a distance that has nothing to do with how often it is
  picked nor with what it is ordered with (`habits.PAIRS`). `pick_distance_m` follows the places of what is on the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.delivery import SITES
from playbook.world.domains.supply import replenishment
from playbook.world.keys import local, position
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders", "delivery", "supply")
COMPLETES = ("shipments",)

PLAY = "balance.inventory_allocation"
ITEMS = 16  # most ordered of those that are not kept at the central warehouse
EMPTY_SHARE = (0.05, 0.28)  # of weeks, by warehouse

AISLE_M = (6.0, 90.0)  # nearest and farthest slot
WAY_BACK = 2.0
DETOUR_LOG_SD = 0.15


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return inventory, supply_orders, truth_outcomes, and shipments with pick_distance_m."""
    products = tables["products"]
    kept = position(tables["inventory"]["product_id"].unique(), products["product_id"])
    lines, sent = tables["_lines"], tables["_parcels"]
    order, product = lines["order"].to_numpy(), lines["product"].to_numpy()
    ordered = np.bincount(product, minlength=len(products))
    ordered[kept] = -1
    items = np.sort(np.argsort(-ordered, kind="stable")[:ITEMS])

    weeks, sold = _weekly(settings, tables, items)
    product_id = products["product_id"].to_numpy()
    inventory, supply_orders, truth = [], [], []
    for place, site in enumerate(SITES):
        share = EMPTY_SHARE[place] * settings.size(PLAY)
        empty = rng.random((len(items), len(weeks))) < share
        empty[:, :1] = False
        demand = _asked_for(sold[place], empty, share, rng)
        flow, _ = replenishment(settings, site, product_id[items], weeks, sold[place], empty, rng)
        inventory.append(flow["inventory"])
        supply_orders.append(flow["supply_orders"])
        truth.append(_truth(local(site, settings.block), product_id[items], demand))

    slot_m = np.round(rng.permutation(np.linspace(*AISLE_M, len(products))), 1)
    slots = _slots(settings, product_id, items, weeks, slot_m, rng)
    stock = pd.concat(inventory, ignore_index=True)
    stock["slot_distance_m"] = slot_m[position(stock["product_id"], product_id)]
    stock["slot_id"] = _slot_names(slot_m)[position(stock["product_id"], product_id)]
    way = np.bincount(order, slot_m[product], len(sent)) * WAY_BACK
    # A round through several slots is shorter than one walk for each.
    way /= np.sqrt(np.bincount(order, minlength=len(sent)).clip(1))
    return {
        "inventory": pd.concat([stock, slots], ignore_index=True),
        "supply_orders": pd.concat(supply_orders, ignore_index=True),
        "truth_outcomes": pd.concat(truth, ignore_index=True),
        "shipments": tables["shipments"].assign(
            pick_distance_m=np.round(way * np.exp(rng.normal(0, DETOUR_LOG_SD, len(way))), 1)
        ),
    }


def _weekly(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], items: NDArray[np.int64]
) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """Return the Mondays of whole weeks, and what each warehouse sold of each item, (sites, items, weeks)."""
    stock = tables["inventory"]
    central = stock["site_id"] == local("central", settings.block)
    weeks = np.sort(stock.loc[central, "week_on"].unique()).astype("datetime64[us]")
    lines, sent = tables["_lines"], tables["_parcels"]
    code = np.full(len(tables["products"]), -1)
    code[items] = np.arange(len(items))
    item = code[lines["product"].to_numpy()]
    mine = np.flatnonzero(item >= 0)
    order = lines["order"].to_numpy()[mine]
    at = tables["orders"]["ordered_at"].to_numpy()[order]
    week = np.floor((at - weeks[0]) / np.timedelta64(7, "D")).astype(np.int64)
    inside = (week >= 0) & (week < len(weeks))
    shape = (len(SITES), len(items), len(weeks))
    place = np.ravel_multi_index(
        (sent["site"].to_numpy()[order][inside], item[mine][inside], week[inside]), shape
    )
    qty = tables["order_lines"]["qty_ordered"].to_numpy()[mine][inside]
    return weeks, np.bincount(place, qty, int(np.prod(shape))).reshape(shape).astype(np.int64)


def _asked_for(
    sold: NDArray[np.int64], empty: NDArray[np.bool_], share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return what was asked for, (items, weeks): what was sold, or at least as much where the shelf ran empty.

    When a share of weeks is cut off whatever was sold, sales outlast demand in a known way: a week that goes beyond some
    units with chance r does so with r / (1 - share + share r) in demand. It is drawn from that law, in the lumps in which
    the item is sold.
    """
    demand = sold.copy()
    for item, series in enumerate(sold):
        value, place, count = np.unique(series, return_inverse=True, return_counts=True)
        at_least = count[::-1].cumsum()[::-1]
        beyond = 1 - count / at_least
        survival = np.concatenate([[1.0], np.cumprod(beyond / (1 - share + share * beyond))[:-1]])
        target = rng.random(empty[item].sum()) * survival[place[empty[item]]]
        demand[item, empty[item]] = value[np.searchsorted(-survival, -target, side="right") - 1]
    return demand


def _slot_names(slot_m: NDArray[np.float64]) -> NDArray[np.object_]:
    rank = np.argsort(np.argsort(slot_m))
    return np.array(
        [f"{chr(65 + place // 20 % 26)}{place % 20 + 1:02d}" for place in range(len(rank))], dtype=object
    )[rank]


def _slots(
    settings: WorldSettings,
    product_id: NDArray[np.object_],
    items: NDArray[np.int64],
    weeks: NDArray[np.datetime64],
    slot_m: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row for each other product and warehouse: this Monday's count, with its slot."""
    others = np.setdiff1d(np.arange(len(product_id)), items)
    both = np.tile(others, len(SITES))
    return pd.DataFrame(
        {
            "site_id": np.repeat([local(site, settings.block) for site in SITES], len(others)),
            "product_id": product_id[both],
            "week_on": weeks[-1] + np.timedelta64(7, "D"),
            "on_hand": rng.poisson(20, len(both)),
            "sold_qty": 0,
            "stockout_h": 0.0,
            "slot_id": _slot_names(slot_m)[both],
            "slot_distance_m": slot_m[both],
        }
    )


def _truth(site: str, product_id: NDArray[np.object_], demand: NDArray[np.int64]) -> pd.DataFrame:
    subject = np.array([f"{site}|{product}" for product in product_id], dtype=object)
    return pd.concat(
        [
            planted("truth_outcomes", PLAY, subject=subject, arm="full shelf", metric=metric, value=value)
            for metric, value in (
                ("mean demand a week", demand.mean(axis=1)),
                ("standard deviation of demand a week", demand.std(axis=1)),
            )
        ],
        ignore_index=True,
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Markets ask for different amounts, and one warehouse runs out more often than the other.",
        why="What could not be sold is in no order: a split by sales keeps the shelf empty where it was empty.",
        tables=("inventory", "orders", "order_lines", "shipments", "lanes", "products", "sites"),
        truth=("truth_outcomes",),
        size="EMPTY_SHARE x size",
    ),
)
