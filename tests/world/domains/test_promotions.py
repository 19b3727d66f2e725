"""Promotions raise orders and take part of it back, where they were offered by lot."""

import numpy as np
import pandas as pd

from playbook.world.domains.promotions import DIP_WEEKS, LASTS
from tests.world.worlds_of_programmes import pooled, trial, trials

PLAY = "balance.promotion_plan"


def effects(world, design="random"):
    """Log ratio of orders of promoted accounts to the others, in the promotion, right after, and later."""
    rows = world.tables["assignments"]
    rows = rows[rows["initiative_id"].str.startswith("IN-PR") & (rows["design"] == design)]
    people = world.tables["customers"][["customer_id", "account_id"]]
    rows = rows.merge(people, left_on="subject_id", right_on="account_id")
    began = rows["starts_at"].to_numpy()
    promoted = (rows["arm"] == "promoted").to_numpy()
    day = np.timedelta64(1, "D")

    def ratio(first, last):
        count = world.count(rows["customer_id"], began + first * 7 * day, began + last * 7 * day)
        return np.array([count[promoted].sum(), count[~promoted].sum()], dtype=float)

    usual = ratio(-12, 0)
    found = []
    for first, last in ((0, LASTS), (LASTS, LASTS + DIP_WEEKS), (LASTS + DIP_WEEKS, LASTS + DIP_WEEKS + 4)):
        now = ratio(first, last)
        value = np.log(now[0] / now[1]) - np.log(usual[0] / usual[1])
        found.append(
            (value, 1.3 * np.sqrt((1 / now).sum() + (1 / usual).sum()))
        )  # people stop: more than Poisson
    return found


def test_promotion_plan_recovers_the_uplift_and_the_dip():
    """By lot: up while it lasts, down for some weeks, then as usual."""
    planted = [*trial(0).truth(PLAY)["size"], 0.0]
    for place, size in enumerate(planted):
        value, error = pooled([effects(world)[place] for world in trials()])
        assert abs(value - size) < 3 * error + 0.02


def test_promotion_plan_before_the_dip_the_gain_looks_larger_than_it_is():
    """Orders added while promotions last are more than those added in all: a part was brought forward."""
    found = [effects(world) for world in trials()]
    up, down = (pooled([f[place] for f in found])[0] for place in (0, 1))
    during, in_all = LASTS * np.expm1(up), LASTS * np.expm1(up) + DIP_WEEKS * np.expm1(down)
    size = trial(0).truth(PLAY)["size"].to_numpy()
    planted = LASTS * np.expm1(size[0]) + DIP_WEEKS * np.expm1(size[1])
    assert during > planted + 0.7
    assert abs(in_all - planted) < 0.5


def test_promotion_plan_finds_nothing_where_nothing_is_planted():
    """Without the effect promotions change nothing."""
    for value, error in effects(trial(9, planted=False)):
        assert abs(value) < 3 * error


def test_promotion_plan_chosen_accounts_buy_more_anyway():
    """Accounts that sales picked order more than others long before their promotion."""
    for world in trials():
        rows = world.tables["assignments"]
        picked = rows[(rows["initiative_id"] == "IN-PR02")]
        people = world.tables["customers"]
        is_picked = people["account_id"].isin(picked["subject_id"])
        began = np.full(len(people), picked["starts_at"].iloc[0].to_datetime64())
        before = pd.Series(world.count(people["customer_id"], began - np.timedelta64(182, "D"), began))
        assert before[is_picked].mean() > 1.4 * before[~is_picked].mean()
