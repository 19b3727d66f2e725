"""The plant has room for each proposed promotion and not for two at once, if they add what they really add."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import conform, validate
from tests.world.worlds_of_programmes import trial, trials

PLAY = "balance.promotion_plan"


@pytest.mark.parametrize("table", ["promotions", "supply_orders"])
def test_tables_are_canonical(table):
    """Columns, kinds, keys and choices as declared."""
    validate(table, conform(table, trial(0).tables[table]))


def overload(world, uplift):
    """Weeks in which the plan and the proposed promotions need more hours than the plant has."""
    plan = world.tables["supply_orders"]
    plan = plan[plan["kind"] == "production"]
    plan = plan[plan["from_site_id"] == "works"]
    capacity = world.tables["sites"].set_index("site_id").loc["works", "capacity_h_week"]
    proposed = world.tables["promotions"].query("plan_status == 'proposed'")
    setup = world.tables["products"].set_index("product_id")["setup_h"]
    pairs = plan.merge(proposed, on="product_id")
    pairs = pairs[
        (pairs["starts_on"] <= pairs["planned_week_on"]) & (pairs["planned_week_on"] < pairs["ends_on"])
    ]
    extra = (pairs["load_h"] - pairs["product_id"].map(setup)) * uplift
    load = plan.groupby("planned_week_on")["load_h"].sum()
    load = load.add(extra.groupby(pairs["planned_week_on"]).sum(), fill_value=0.0)
    return [f"works {week.date()}" for week in load.index[load > capacity]]


def test_promotion_plan_names_the_overload_weeks():
    """With the planted rise exactly the planted weeks are too much, and a tenth more or less names the same."""
    rise = np.expm1(trial(0).truth(PLAY, action="promotion")["size"].item())
    for world in trials():
        labels = world.tables["truth_labels"]
        planted = labels[(labels["play"] == PLAY) & (labels["label"] == "overload week")]["key"].tolist()
        assert planted
        assert overload(world, rise) == planted
        assert overload(world, 1.1 * rise) == planted
        assert overload(world, 0.9 * rise) == planted


def test_promotion_plan_marketings_rise_hides_the_overload_and_null_has_none():
    """With the planned rise no week is too much; without the effect no week is planted."""
    for world in trials():
        planned = world.tables["promotions"]["planned_uplift_share"].iloc[0]
        assert overload(world, planned) == []
    labels = trial(9, planted=False).tables["truth_labels"]
    assert not (labels["label"] == "overload week").any()


def test_the_plan_makes_what_is_sold():
    """The basic plan is the units of the last half year, a week."""
    world = trial(0)
    orders = world.tables["orders"]
    recent = orders[orders["ordered_at"] >= world.settings.end - pd.Timedelta(weeks=26)]["order_id"]
    lines = world.tables["order_lines"]
    sold = lines[lines["order_id"].isin(recent)].groupby("product_id")["qty_ordered"].sum() / 26
    plan = world.tables["supply_orders"].query("from_site_id == 'works'").groupby("product_id")["qty"].first()
    assert (plan - sold[plan.index]).between(-0.01, 1.0).all()
