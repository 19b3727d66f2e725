"""Scarce stock: serving by estimated value keeps more of what customers will bring than serving who asks first."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains import promises
from tests.world.worlds_of_fulfilment import END, SEEDS, small_world, world


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which there is enough for all."""
    return [world(seed, planted=False) for seed in SEEDS]


def waiting(tables):
    """Open orders with their line, what they lose when broken, what was bought last year, and whether obliged."""
    rows = (
        tables["orders"]
        .query("status == 'open' and kind == 'order'")
        .merge(tables["order_lines"], on="order_id")
    )
    truth = tables["truth_outcomes"]
    truth = truth[truth["play"] == promises.PLAY].pivot_table(index="subject", columns="arm", values="value")
    rows["loss"] = rows["customer_id"].map(truth["date kept"] - truth["date broken"])
    rows["kept_value"] = rows["customer_id"].map(truth["date kept"])
    done = (
        tables["orders"]
        .query("status == 'shipped' and kind == 'order'")
        .merge(tables["order_lines"], on="order_id")
    )
    done = done[done["ordered_at"] > END - pd.Timedelta(weeks=104)]
    spent = (
        (done["qty_ordered"] * (done["unit_price_amt"] - done["unit_cost_amt"]))
        .groupby(done["customer_id"])
        .sum()
    )
    rows["estimate"] = rows["customer_id"].map(spent).fillna(0.0)
    terms = tables["contract_terms"].query(f"metric == '{promises.METRIC}'")
    obliged = tables["contracts"].loc[
        tables["contracts"]["contract_id"].isin(terms["contract_id"]), "party_id"
    ]
    account = rows["customer_id"].map(tables["customers"].set_index("customer_id")["account_id"])
    rows["obliged"] = account.isin(obliged)
    return rows


def cover(tables):
    """Units of each product on the shelf this Monday and on their way."""
    stock = tables["inventory"]
    stock = stock[stock["site_id"].eq("central") & stock["on_order"].notna()].set_index("product_id")
    coming = tables["supply_orders"][
        lambda d: d["received_at"].isna() & d["supply_order_id"].str.startswith("BW")
    ]
    return stock["on_hand"] + coming.groupby("product_id")["qty"].sum().reindex(stock.index).fillna(0)


def served(rows, units, order):
    """Which orders get all they ask for, when served in this order."""
    ranked = rows.sort_values(order, ascending=[name == "ordered_at" for name in order], kind="stable")
    before = ranked.groupby("product_id")["qty_ordered"].cumsum()
    return (before <= ranked["product_id"].map(units)).reindex(rows.index)


def test_tables_keep_their_schemas(worlds):
    """Open orders, stock, deliveries and terms pass their declarations; customers are there."""
    tables = worlds[0]
    for name in ("orders", "order_lines", "inventory", "supply_orders", "contract_terms"):
        validate(name, tables[name])
    rows = waiting(tables).merge(tables["customers"][["customer_id", "created_at", "closed_at"]])
    assert (rows["created_at"] < rows["ordered_at"]).all()
    assert rows["closed_at"].isna().all()
    assert (rows["ordered_at"] < END).all()
    assert (rows["requested_at"] > END).all()
    assert tables["contract_terms"]["contract_id"].dropna().isin(tables["contracts"]["contract_id"]).all()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "retail"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("promises", **changes)
    for name in ("orders", "inventory", "contract_terms"):
        validate(name, tables[name])


def test_order_promising_by_estimated_value_loses_less(worlds):
    """Obligations first, then by margin of the last two years: on average a third less is lost than by first come."""
    lost = []
    for tables in worlds:
        rows, units = waiting(tables), cover(tables)
        lost.append([rows.loc[~served(rows, units, order), "loss"].sum()
                     for order in (["obliged", "estimate"], ["ordered_at"])])  # fmt: skip
    by_value, first_come = np.sum(lost, axis=0)
    assert by_value < 0.67 * first_come


def test_order_promising_estimates_follow_latent_value(worlds):
    """What was bought ranks customers much as their latent value does."""
    for tables in worlds:
        rows = waiting(tables)
        assert rows["estimate"].corr(rows["kept_value"], method="spearman") > 0.6


def test_order_promising_obligations_can_all_be_kept_and_first_come_breaks_some(worlds):
    """There is enough for all who are obliged to be served; serving who asks first breaks some obligation."""
    broken = 0
    for tables in worlds:
        rows, units = waiting(tables), cover(tables)
        asked = rows[rows["obliged"]].groupby("product_id")["qty_ordered"].sum()
        assert (asked <= units.reindex(asked.index)).all()
        broken += (rows["obliged"] & ~served(rows, units, ["ordered_at"])).sum()
    assert broken > 0


def test_order_promising_moves_nothing_where_there_is_enough(quiet):
    """Without scarcity every rule serves everybody."""
    for tables in quiet:
        rows, units = waiting(tables), cover(tables)
        for order in (["obliged", "estimate"], ["ordered_at"]):
            assert served(rows, units, order).all()
        assert np.allclose(rows["loss"], 0)
