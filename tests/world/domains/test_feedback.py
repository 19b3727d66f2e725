"""Enquiries come before orders, where planted; the best sprint is not the one of who asked first."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.domains import feedback
from tests.world.worlds_of_fulfilment import SEEDS, SETTINGS, small_world, world

WEEKS = SETTINGS.days // 7
TRAIN = 52
SPRINT = 40  # points


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which enquiries have nothing to do with orders, and all wishes are worth their effort alike."""
    return [world(seed, planted=False) for seed in SEEDS]


def enquiries(tables):
    return tables["tickets"].query("category == 'enquiry'")


def series(tables):
    """Lines ordered and enquiries made a week, of the products that are enquired about."""
    asked = enquiries(tables)
    lines = tables["order_lines"].merge(tables["orders"][["order_id", "ordered_at"]])
    lines = lines[lines["product_id"].isin(asked["product_id"])]
    return [
        np.bincount((at - SETTINGS.start).dt.days // 7, minlength=WEEKS)[:WEEKS].astype(float)
        for at in (lines["ordered_at"], asked["opened_at"])
    ]


def clark_west(demand, signal, lag):
    """Gain in squared error of one-week forecasts when the signal of `lag` weeks ago is added, and the statistic of Clark
    and West (2007) for nested models.
    """
    past = np.array([demand[week - 13 : week].mean() for week in range(13, len(demand))])
    y, x = demand[13:], signal[13 - lag : len(signal) - lag]
    usual = np.column_stack([np.ones(len(y)), past])
    more = np.column_stack([usual, x])
    e1, e2, gap = [], [], []
    for origin in range(TRAIN, len(y)):
        small, large = (
            part[origin] @ np.linalg.lstsq(part[:origin], y[:origin], rcond=None)[0] for part in (usual, more)
        )
        e1.append(y[origin] - small)
        e2.append(y[origin] - large)
        gap.append(small - large)
    e1, e2, gap = map(np.array, (e1, e2, gap))
    f = e1**2 - e2**2 + gap**2
    return 1 - (e2**2).mean() / (e1**2).mean(), f.mean() / (f.std(ddof=1) / np.sqrt(len(f)))


def test_tables_keep_their_schemas(worlds):
    """Tickets and changes pass their declarations; nobody asks before they came."""
    tables = worlds[0]
    for name in ("tickets", "changes"):
        validate(name, tables[name])
    asked = enquiries(tables).merge(tables["customers"][["customer_id", "created_at", "closed_at"]])
    assert (asked["opened_at"] >= asked["created_at"]).all()
    assert not (asked["opened_at"] > asked["closed_at"]).any()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "software"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("feedback", **changes)
    validate("tickets", tables["tickets"])


def test_planning_feedback_gains_from_enquiries_of_three_weeks_ago(worlds):
    """Clark and West's test is significant in every world, and the error falls."""
    found = [clark_west(*series(tables), lag=3) for tables in worlds]
    assert min(z for _, z in found) > 1.645
    assert np.mean([gain for gain, _ in found]) > 0.08


def test_planning_feedback_of_the_same_week_gains_nothing(worlds):
    """Who looks for a link in the same week finds hardly any: the lead is what is planted."""
    gain = np.mean([clark_west(*series(tables), lag=0)[0] for tables in worlds])
    assert gain < 0.03


def test_planning_feedback_recovers_orders_for_an_enquiry(worlds):
    """Given the level of the quarter, demand rises with enquiries of about three weeks ago by the planted slope."""
    slopes, planted = [], []
    for tables in worlds:
        demand, signal = series(tables)
        middle = slice(7, WEEKS - 6)
        level = [np.convolve(part, np.ones(13) / 13, mode="same")[middle] for part in (demand, signal)]
        lags = [signal[middle.start - lag : middle.stop - lag] for lag in (2, 3, 4)]
        design = np.column_stack([np.ones(len(level[0])), *level, *lags])
        slopes.append(np.linalg.lstsq(design, demand[middle], rcond=None)[0][-3:].sum())
        truth = tables["truth_effects"]
        planted.append(truth.loc[truth["play"] == feedback.PLAY, "size"].iloc[0])
    assert np.mean(slopes) == pytest.approx(
        np.mean(planted), abs=3 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))
    )


def test_planning_feedback_has_no_signal_where_none_is_planted(quiet):
    """At five per cent at most two of five quiet worlds seem to gain."""
    assert sum(clark_west(*series(tables), lag=3)[1] > 1.645 for tables in quiet) <= 2


def knapsack(worth, effort):
    """The most valuable set within the sprint, by dynamic programming; which items are in it."""
    best = np.zeros(SPRINT + 1)
    taken = np.zeros((len(worth), SPRINT + 1), dtype=bool)
    for item, (value, points) in enumerate(zip(worth, effort.astype(int), strict=True)):
        more = np.concatenate([np.full(points, -np.inf), best[: SPRINT + 1 - points] + value])
        taken[item] = more > best
        best = np.maximum(best, more)
    chosen, room = np.zeros(len(worth), dtype=bool), SPRINT
    for item in reversed(range(len(worth))):
        if taken[item, room]:
            chosen[item], room = True, room - int(effort[item])
    return chosen


def in_order(rank, effort):
    """Items that fit, taken in this order."""
    chosen, room = np.zeros(len(effort), dtype=bool), SPRINT
    for item in rank:
        if effort[item] <= room:
            chosen[item], room = True, room - effort[item]
    return chosen


def sprint(tables):
    """Planted worth of the sprint chosen by knapsack, of the one asked for first, of the largest wishes, and the most."""
    backlog = tables["changes"].query("kind == 'backlog'").sort_values("requested_at")
    truth = tables["truth_outcomes"]
    truth = truth[truth["play"] == feedback.PLAY].set_index("subject")["value"]
    worth = truth.reindex(backlog["change_id"]).to_numpy()
    guess, effort = backlog["value_amt"].to_numpy(), backlog["effort_points"].to_numpy()
    choices = [
        knapsack(guess, effort),
        in_order(range(len(effort)), effort),
        in_order(np.argsort(-guess), effort),
        knapsack(worth, effort),
    ]
    return [worth[chosen].sum() for chosen in choices]


def test_planning_feedback_fills_the_sprint_by_worth_and_effort(worlds):
    """The knapsack of the estimates earns nearly the most there is; first come earns half."""
    by_worth, first_come, largest, most = np.sum([sprint(tables) for tables in worlds], axis=0)
    assert by_worth > 0.95 * most
    assert first_come < 0.6 * most
    assert largest < 0.98 * by_worth


def test_planning_feedback_gains_nothing_by_choosing_where_all_are_worth_alike(quiet):
    """With the same worth for a point, any full sprint will do."""
    for tables in quiet:
        by_worth, first_come, _, most = sprint(tables)
        assert first_come > 0.9 * most
        assert by_worth > 0.99 * most
