"""Demand by warehouse is recovered once the empty shelves are allowed for; ways through the warehouse follow the slots."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains import warehouses
from tests.world.worlds_of_fulfilment import SEEDS, small_world, world


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which no shelf of the two warehouses is ever empty."""
    return [world(seed, planted=False) for seed in SEEDS]


def test_tables_keep_their_schemas(worlds):
    """Stock, deliveries, sites and lanes pass their declarations, and keys resolve."""
    tables = worlds[0]
    for name in ("inventory", "supply_orders", "shipments", "sites", "lanes"):
        validate(name, tables[name])
    for name in ("inventory", "shipments"):
        assert tables[name]["site_id"].isin(tables["sites"]["site_id"]).all()


def test_stock_is_in_balance(worlds):
    """What lies there was there before or was delivered, and was not sold."""
    tables = worlds[0]
    stock = tables["inventory"]
    stock = stock[stock["site_id"].isin(["north", "south"]) & (stock["week_on"] < stock["week_on"].max())]
    brought = tables["supply_orders"].groupby(["to_site_id", "product_id", "received_at"])["qty"].sum()
    key = pd.MultiIndex.from_frame(stock[["site_id", "product_id", "week_on"]])
    stock = stock.assign(brought=brought.reindex(key).fillna(0).to_numpy())
    before = stock.groupby(["site_id", "product_id"])["on_hand"].shift().fillna(0)
    assert (stock["on_hand"] == before + stock["brought"] - stock["sold_qty"]).all()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "logistics"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("warehouses", "network", **changes)
    for name in ("inventory", "shipments", "sites"):
        validate(name, tables[name])


def full_shelf_mean(sold, empty):
    """Mean of the product-limit distribution (Kaplan and Meier 1958) of demand, at least what was sold where the shelf ran
    empty: such a week is no longer at risk at the units it sold, for it may have asked for just as many.
    """
    value, place = np.unique(sold, return_inverse=True)
    ended = np.bincount(place, ~empty)
    at_risk = len(sold) - np.searchsorted(np.sort(sold), value) - np.bincount(place, empty)
    survival = np.cumprod(1 - ended / np.maximum(at_risk, 1))
    return value[0] + np.sum(np.diff(value) * survival[:-1])


def demand(tables):
    """Mean weekly demand by warehouse: planted, recovered, and as sold."""
    stock = tables["inventory"]
    planted = tables["truth_outcomes"]
    planted = planted[(planted["play"] == warehouses.PLAY) & planted["metric"].str.startswith("mean")]
    planted = planted.set_index("subject")["value"]
    rows = []
    for (site, product), one in stock[stock["week_on"] < stock["week_on"].max()].groupby(
        ["site_id", "product_id"]
    ):
        if f"{site}|{product}" in planted.index:
            sold = one["sold_qty"].to_numpy()
            mean = full_shelf_mean(sold, (one["stockout_h"] > 0).to_numpy())
            rows.append((site, planted[f"{site}|{product}"], mean, sold.mean()))
    return pd.DataFrame(rows, columns=["site", "planted", "recovered", "sold"]).groupby("site").sum()


def test_inventory_allocation_recovers_demand_by_warehouse(worlds):
    """Over seeds the estimate is within three per cent of what was asked for in either warehouse."""
    off = pd.concat([(d := demand(tables))["recovered"] / d["planted"] - 1 for tables in worlds], axis=1)
    assert off.mean(axis=1).abs().max() < 0.03
    assert off.abs().to_numpy().max() < 0.10


def test_inventory_allocation_by_sales_starves_the_warehouse_that_runs_out(worlds):
    """Sales miss a tenth of the south's demand and more, and give it too small a share in every world."""
    for tables in worlds:
        found = demand(tables)
        assert found.loc["south", "sold"] < 0.92 * found.loc["south", "planted"]
        share = found / found.sum()
        assert share.loc["south", "sold"] < share.loc["south", "planted"]
    missing = np.mean([1 - (d := demand(t)).loc["south", "sold"] / d.loc["south", "planted"] for t in worlds])
    assert missing > 0.10


def test_inventory_allocation_by_sales_is_right_where_no_shelf_is_empty(quiet):
    """Without stock-outs sales are demand."""
    for tables in quiet:
        found = demand(tables)
        assert np.allclose(found["sold"], found["planted"])
        assert np.allclose(found["recovered"], found["planted"])


def test_fulfilment_lanes_gain_by_moving_slots(worlds):
    """Slots by picks for each volume (the cube-per-order index) shorten the way of the orders by a fifth and more."""
    tables = worlds[0]
    slot = (
        tables["inventory"]
        .dropna(subset=["slot_distance_m"])
        .groupby("product_id")["slot_distance_m"]
        .first()
    )
    assert slot.index.equals(tables["products"].set_index("product_id").sort_index().index)
    lines = tables["order_lines"]
    picks = lines["product_id"].value_counts().reindex(slot.index).fillna(0)
    volume = tables["products"].set_index("product_id")["volume_dm3"].reindex(slot.index)
    best = pd.Series(np.sort(slot.to_numpy()), index=(volume / picks.clip(lower=1)).sort_values().index)
    today, moved = (lines["product_id"].map(where).mean() for where in (slot, best))
    assert moved < 0.8 * today


def test_ways_through_the_warehouse_follow_the_slots(worlds):
    """Of orders with one line the way is twice the distance of the slot, up to the detour."""
    tables = worlds[0]
    slot = (
        tables["inventory"]
        .dropna(subset=["slot_distance_m"])
        .groupby("product_id")["slot_distance_m"]
        .first()
    )
    sent = tables["shipments"].set_index("order_id")["pick_distance_m"]
    lines = tables["order_lines"][tables["order_lines"]["order_id"].isin(sent.index)]
    lines = lines[~lines["order_id"].duplicated(keep=False)]
    way = sent.reindex(lines["order_id"]).to_numpy()
    ratio = np.log(way / (warehouses.WAY_BACK * lines["product_id"].map(slot).to_numpy()))
    assert np.mean(ratio) == pytest.approx(0, abs=0.01)
    assert np.std(ratio) == pytest.approx(warehouses.DETOUR_LOG_SD, rel=0.05)
