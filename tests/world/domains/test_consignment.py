"""Who should run the stock at a customer follows from both sides' costs and from what their plan foretells."""

import pandas as pd
import pytest
from scipy.stats import norm

from playbook.store.writing import validate
from playbook.world.domains import consignment
from tests.world.worlds_of_fulfilment import SEEDS, small_world, world


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which no plan foretells more than elsewhere."""
    return [world(seed, planted=False) for seed in SEEDS]


def planted(tables):
    truth = tables["truth_outcomes"]
    return truth[truth["play"] == consignment.PLAY].pivot_table(
        index="subject", columns="arm", values="value"
    )


def rates(tables):
    """Cost of a unit of each driver, from the books."""
    costs = tables["costs"][tables["costs"]["subject_type"] == "account"]
    total = costs.groupby("activity")[["variable_amt", "driver_qty"]].sum()
    return total["variable_amt"] / total["driver_qty"]


def closed_form(tables, plan_known=True):
    """Weekly cost of both sides by account and manager: newsvendor with normal errors (Silver, Pyke, Peterson)."""
    rate = rates(tables)
    hold, short = rate["holding at the customer"], rate["running out at the customer"]
    loss = (hold + short) * norm.pdf(norm.ppf(short / (hold + short)))
    stock = tables["inventory"].merge(tables["sites"][["site_id", "account_id"]].dropna())
    rows = {}
    for account, one in stock.groupby("account_id"):
        foreseen = one["reserved"] if plan_known else 0.0
        rows[account] = {
            "company": rate["rebalancing by the company"] + loss * one["demand_qty"].std(),
            "customer": rate["rebalancing by the customer"] + loss * (one["demand_qty"] - foreseen).std(),
        }
    return pd.DataFrame(rows).T


def test_tables_keep_their_schemas(worlds):
    """All tables pass their declarations, and stock lies on sites of accounts."""
    tables = worlds[0]
    for name in ("sites", "inventory", "costs", "process_steps", "ratings"):
        validate(name, tables[name])
    assert tables["sites"]["account_id"].dropna().isin(tables["accounts"]["account_id"]).all()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "logistics"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("consignment", **changes)
    for name in ("sites", "inventory", "costs"):
        validate(name, tables[name])


def test_co_design_recovers_the_cost_rates_of_both_sides(worlds):
    """Money booked for each driver over its quantity is the planted rate within two per cent."""
    for tables in worlds:
        truth = tables["truth_parameters"]
        truth = truth[truth["play"] == consignment.PLAY].set_index("name")["value"]
        found = rates(tables)
        assert found["holding at the customer"] == pytest.approx(truth["holding"], rel=0.02)
        assert found["running out at the customer"] == pytest.approx(truth["running out"], rel=0.04)
        assert found["rebalancing by the company"] == pytest.approx(truth["round of the company"], rel=0.02)
        assert found["rebalancing by the customer"] == pytest.approx(truth["round of the customer"], rel=0.02)


def test_co_design_by_the_closed_form_finds_the_manager_of_each_account(worlds):
    """The cheaper manager is right for every account; the costs are within a tenth of those simulated."""
    for tables in worlds:
        truth, found = planted(tables), closed_form(tables)
        assert ((truth["customer"] < truth["company"]).sum()) == 1
        assert ((found["customer"] < found["company"]) == (truth["customer"] < truth["company"])).all()
        assert (found / truth - 1).abs().to_numpy().max() < 0.2


def test_co_design_without_the_customers_plan_never_hands_over(worlds):
    """Judged by the rounds and the use alone, the company's round is cheaper everywhere: the planted account is missed."""
    for tables in worlds:
        found = closed_form(tables, plan_known=False)
        assert (found["company"] < found["customer"]).all()


def test_co_design_leaves_all_to_the_company_where_no_plan_foretells(quiet):
    """Without the effect the company is the cheaper manager of every account, planted and found."""
    for tables in quiet:
        for costs in (planted(tables), closed_form(tables)):
            assert (costs["company"] < costs["customer"]).all()
