"""The concierge desk has the most orders to show and loses money; refreshes earn what was planted."""

import numpy as np
import pytest

from playbook.world.domains.upgrades import ARMS
from tests.world.worlds_of_programmes import WEEK, agrees, log_ratio, trial, trials

PLAY = "measure.roi"


def against_nightly(world, arm):
    """Rows of one arm and of the nightly refresh, by lot, and which are of the arm."""
    rows = world.assigned("IN-refresh")
    rows = rows[rows["arm"].isin([arm, ARMS[0]])]
    return rows, (rows["arm"] == arm).to_numpy()


def money(world, rows):
    """Orders and margin of each customer since they began."""
    lines, orders = world.tables["order_lines"], world.tables["orders"]
    margin = (lines["unit_price_amt"] - lines["unit_cost_amt"]) * lines["qty_ordered"]
    orders = orders.assign(margin=orders["order_id"].map(margin.groupby(lines["order_id"]).sum()))
    joined = orders.merge(rows[["subject_id", "starts_at"]], left_on="customer_id", right_on="subject_id")
    since = joined[joined["ordered_at"] >= joined["starts_at"]].groupby("subject_id")["margin"]
    return since.count().reindex(rows["subject_id"], fill_value=0), since.sum().reindex(
        rows["subject_id"], fill_value=0
    )


@pytest.mark.parametrize("arm", ARMS[1:])
def test_roi_recovers_what_each_arm_does_to_orders(arm):
    """By lot, each arm changes the number of orders as planted."""
    planted = trial(0).truth(PLAY, action=arm, metric="orders a week")["size"].item()
    found = []
    for world in trials():
        rows, given = against_nightly(world, arm)
        found.append(log_ratio(world, rows, given, (0.0, 91.0)))
    assert agrees(found, planted)


def test_roi_rejects_the_concierge_in_spite_of_its_orders():
    """More orders than nightly, less margin before its cost, and a loss after it."""
    per_order, per_customer = [], []
    for world in trials():
        rows, given = against_nightly(world, "concierge")
        orders, margin = money(world, rows)
        per_order.append(
            np.log(
                (margin[given].sum() / orders[given].sum()) / (margin[~given].sum() / orders[~given].sum())
            )
        )
        before = world.count(
            rows["subject_id"], rows["starts_at"].to_numpy() - 40 * WEEK, rows["starts_at"].to_numpy()
        )
        per_customer.append(
            [orders[given].sum() / before[given].sum(), orders[~given].sum() / before[~given].sum()]
        )
    label = trial(0).tables["truth_labels"].query("play == @PLAY and label == 'loses margin'")
    assert label["value"].tolist() == ["concierge"]
    rise = np.log(np.mean([a for a, _ in per_customer]) / np.mean([b for _, b in per_customer]))
    assert rise > 0.1  # the figure it shows
    assert rise + np.mean(per_order) < 0  # the margin it leaves, before a cost that no other arm has


def test_roi_books_hold_the_planted_cost_of_each_arm():
    """Cost a customer and month, fixed and variable, at the first month's number of customers."""
    truth = trial(0).tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    for arm in ARMS[1:]:
        costs = trial(0).tables["costs"].query("subject_type == 'arm' and subject_id == @arm")
        full = costs[costs["driver_qty"] >= 0.98 * costs["driver_qty"].max()]
        spent = full.groupby("month_on")[["fixed_amt", "variable_amt"]].sum().sum(axis=1)
        unit = (spent / full.groupby("month_on")["driver_qty"].first()).mean()
        assert unit == pytest.approx(truth[f"{arm}, a customer"], rel=0.08)


def test_roi_who_asked_for_it_bought_more_before():
    """Among those who chose, customers of the instant refresh order more before it began."""
    before = {True: [], False: []}
    for world in trials():
        rows = world.assigned("IN-refresh", "chosen")
        count = world.count(
            rows["subject_id"], rows["starts_at"].to_numpy() - 40 * WEEK, rows["starts_at"].to_numpy()
        )
        for asked in (True, False):
            before[asked] += list(count[(rows["arm"].isin(ARMS[2:]) == asked).to_numpy()])
    assert np.mean(before[True]) > 1.5 * np.mean(before[False])


def test_roi_finds_nothing_where_nothing_is_planted():
    """Without the effect no arm differs in orders."""
    world = trial(9, planted=False)
    for arm in ARMS[1:]:
        value, error = log_ratio(world, *against_nightly(world, arm), (0.0, 91.0))
        assert abs(value) < 3 * error
