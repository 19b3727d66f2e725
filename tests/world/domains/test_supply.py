"""Stock balances, shelves run empty as planted, and nothing is planted without an effect."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.domains import supply
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    """A small world with its supply."""
    return generate(WorldSettings(seed=5, customers=1500), domains=["supply"])


@pytest.mark.parametrize("table", ["inventory", "supply_orders", "forecasts"])
def test_tables_are_canonical(world, table):
    """What the domain writes passes its schema."""
    validate(table, world[table])


def test_stock_is_in_balance(world):
    """Opening stock plus deliveries minus sales is closing stock, always; empty shelves hold nothing."""
    stock = world["inventory"].sort_values(["product_id", "week_on"])
    keys = ["product_id", "week_on"]
    came = world["supply_orders"].rename(columns={"received_at": "week_on"}).groupby(keys)["qty"].sum()
    delivered = came.reindex(stock.set_index(keys).index).fillna(0).to_numpy()
    opening = stock.groupby("product_id")["on_hand"].shift(fill_value=0)
    assert (opening + delivered - stock["sold_qty"] == stock["on_hand"]).all()
    assert (stock.loc[stock["stockout_h"] > 0, "on_hand"] == 0).all()


def test_sales_are_those_of_the_orders(world):
    """The stock records count the same units as the order lines of their weeks."""
    lines = world["order_lines"].merge(world["orders"][["order_id", "ordered_at"]])
    stock = world["inventory"]
    whole = lines["ordered_at"].between(
        stock["week_on"].min(), stock["week_on"].max() + np.timedelta64(7, "D")
    )
    kept = lines[whole & lines["product_id"].isin(stock["product_id"])]
    assert kept["qty_ordered"].sum() == stock["sold_qty"].sum()


def test_demand_is_lost_only_in_stockouts(world):
    """Lost units lie in weeks with an empty shelf, in the planted share of weeks."""
    stock = world["inventory"]
    empty = stock[stock["stockout_h"] > 0].set_index(["product_id", "week_on"]).index
    lost = world["truth_demand"].groupby(["product_id", "week_on"])["lost_qty"].sum()
    assert set(lost[lost > 0].index) <= set(empty)
    assert len(empty) / len(stock) == pytest.approx(supply.STOCKOUT_SHARE, abs=0.02)


def test_lead_times_have_the_planted_mean_and_spread(world):
    """Logged waits agree with the truth of each item, on average over items."""
    orders = world["supply_orders"]
    took = (orders["received_at"] - orders["placed_at"]).dt.total_seconds() / 604_800
    logged = took.groupby(orders["product_id"]).agg(["mean", "std"])
    truth = world["truth_lead_times"].set_index("product_id")
    assert (logged["mean"] / truth["lead_weeks"]).mean() == pytest.approx(1, abs=0.03)
    assert (logged["std"] / truth["lead_sd_weeks"]).mean() == pytest.approx(1, abs=0.12)


def test_without_an_effect_nothing_is_planted():
    """No empty shelf, no lost demand, no late delivery, and forecasts that err alike."""
    quiet = generate(WorldSettings(seed=5, customers=300, effect=0.0), domains=["supply"])
    assert (quiet["inventory"]["stockout_h"] == 0).all()
    assert (quiet["truth_demand"]["lost_qty"] == 0).all()
    assert (quiet["truth_lead_times"]["lead_sd_weeks"] == 0).all()
    assert np.allclose(quiet["truth_forecasts"]["behaviour_sd"], quiet["truth_forecasts"]["planner_sd"])


def test_same_seed_same_tables():
    """Everything follows from the seed."""
    first, second = (generate(WorldSettings(seed=9, customers=300), domains=["supply"]) for _ in range(2))
    assert all(first[name].equals(second[name]) for name in first)
