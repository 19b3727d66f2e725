"""How many pre-orders convert is recovered from those old enough to have decided."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains import preorders
from tests.world.worlds_of_fulfilment import END, SEEDS, small_world, world


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


def placed(tables):
    """Pre-orders with their product and age in days."""
    orders = tables["orders"]
    early = orders[orders["kind"] == "preorder"].merge(
        tables["order_lines"][["order_id", "product_id", "qty_ordered"]]
    )
    return early.assign(age_d=(END - early["ordered_at"]).dt.days, converted=early["converted_at"].notna())


def planted(tables):
    truth = tables["truth_parameters"]
    truth = truth[truth["play"] == preorders.PLAY]
    return pd.Series(truth["value"].to_numpy(), truth["name"].str.split(", ").str[1])


def decided(tables):
    """Share of pre-orders that converted by product, of those older than four months, with its standard error."""
    old = placed(tables).query("age_d > 119").groupby("product_id")["converted"].agg(["mean", "size"])
    return old["mean"], np.sqrt(planted(tables) * (1 - planted(tables)) / old["size"])


def test_tables_keep_their_schemas(worlds):
    """Pre-orders pass their declarations, belong to customers who are there, and convert after they were placed."""
    tables = worlds[0]
    for name in ("orders", "order_lines", "supply_orders"):
        validate(name, tables[name])
    early = placed(tables).merge(tables["customers"][["customer_id", "created_at", "closed_at"]])
    assert (early["ordered_at"] > early["created_at"]).all()
    assert early["closed_at"].isna().all()
    assert (early["converted_at"] > early["ordered_at"])[early["converted"]].all()
    assert early["converted_at"].max() < END


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "logistics"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("preorders", **changes)
    validate("orders", tables["orders"])
    validate("supply_orders", tables["supply_orders"])


def test_expedite_recovers_conversion_from_those_who_had_time(worlds):
    """Shares by product scatter about the planted ones as their standard errors say."""
    z = pd.concat([(decided(t)[0] - planted(t)) / decided(t)[1] for t in worlds])
    assert abs(z.mean()) < 3 / np.sqrt(len(z))
    assert z.std() == pytest.approx(1, abs=0.25)


def test_expedite_by_counting_all_preorders_misjudges_every_launch(worlds):
    """Taken as sales, pre-orders of now overstate what will be sold by a half; those converted so far are too few."""
    for tables in worlds:
        now = placed(tables).query("age_d <= 119")
        labels = tables["truth_labels"]
        will = labels.loc[(labels["play"] == preorders.PLAY) & (labels["value"] == "yes"), "key"]
        sold = now.loc[now["converted"] | now["order_id"].isin(will), "qty_ordered"].sum()
        assert now["qty_ordered"].sum() > 1.35 * sold
        assert now.loc[now["converted"], "qty_ordered"].sum() < 0.6 * sold


def gain(units, demand, price, cost, salvage):
    """Mean earned with `units` of which `demand` (simulated) can be sold, and the others only at their salvage value."""
    return (price * np.minimum(units, demand) + salvage * (units - demand).clip(0)).mean() - cost * units


def test_expedite_buys_what_the_newsvendor_would_with_the_planted_shares(worlds):
    """Units to rush from recovered shares earn, at the planted ones, nearly the most that can be earned; units for all
    pre-orders earn far less.
    """
    earned = np.zeros(3)
    rng = np.random.default_rng(1)
    for tables in worlds:
        now = placed(tables).query("age_d <= 119").groupby("product_id")["qty_ordered"].sum()
        product, found = tables["products"].set_index("product_id"), decided(tables)[0]
        for item, share in planted(tables).items():
            n = int(now[item])
            price, cost, salvage = product.loc[item, ["price_amt", "unit_cost_amt", "salvage_amt"]]
            demand, guess = rng.binomial(n, [[share], [found[item]]], (2, 1000))
            critical = (price - cost) / (price - salvage)
            for way, units in enumerate((np.quantile(demand, critical), np.quantile(guess, critical), n)):
                earned[way] += gain(units, demand, price, cost, salvage)
    best, right, naive = earned
    assert right > 0.9 * best
    assert naive < 0.8 * best


def test_expedite_has_one_share_for_all_where_nothing_is_planted():
    """Without an effect all products convert alike, and the observed shares differ by chance only."""
    chi2 = []
    for seed in SEEDS:
        tables = world(seed, planted=False)
        assert np.ptp(planted(tables)) == 0
        chi2.append((((decided(tables)[0] - planted(tables)) / decided(tables)[1]) ** 2).sum())
    assert np.mean(chi2) < preorders.ITEMS + 3 * np.sqrt(2 * preorders.ITEMS / len(SEEDS))
