"""Late effects are found by quarters since the touch; the last touch takes the credit of others."""

import numpy as np
import pytest

from tests.world.worlds_of_programmes import WEEK, agrees, log_ratio, pooled, trial, trials

PLAY = "measure.delayed_attribution"


def profile(world, initiative, quarter):
    """Estimate of one quarter's effect, by lot."""
    rows = world.assigned(initiative)
    return log_ratio(world, rows, rows["arm"] != "control", (13.0 * quarter, 13.0 * quarter + 13))


@pytest.mark.parametrize("quarter", range(5))
@pytest.mark.parametrize(
    ("initiative", "action"), [("IN-visit", "training visit"), ("IN-kit", "starter kit")]
)
def test_delayed_attribution_recovers_the_lag_profile(initiative, action, quarter):
    """Each quarter's effect is found."""
    planted = trial(0).truth(PLAY, action=action)["size"].to_numpy()[quarter]
    assert agrees([profile(world, initiative, quarter) for world in trials()], planted)


def test_delayed_attribution_last_touch_credits_the_reminder():
    """Of orders with a touch in the quarter before, most had a reminder last, which does nothing."""
    assert (trial(0).truth(PLAY, action="reminder")["size"] == 0).all()
    for world in trials()[:2]:
        touches = world.tables["assignments"]
        touches = touches[touches["initiative_id"].isin(["IN-visit", "IN-kit", "IN-reminder"])]
        touches = touches[touches["arm"] != "control"].sort_values("starts_at")
        import pandas as pd

        orders = world.tables["orders"].sort_values("ordered_at")
        last = pd.merge_asof(
            orders,
            touches[["subject_id", "starts_at", "arm"]],
            left_on="ordered_at",
            right_on="starts_at",
            left_by="customer_id",
            right_by="subject_id",
            tolerance=pd.Timedelta(weeks=13),
        )
        assert (last["arm"].dropna() == "reminder").mean() > 0.6


def test_delayed_attribution_early_orders_tell_the_year_for_the_kit_and_not_for_the_visit():
    """The effect after half a year is that of the first half year for kits; visits bypass it."""
    gap = {}
    for initiative in ("IN-visit", "IN-kit"):
        sums = []
        for world in trials():
            rows = world.assigned(initiative)
            given = rows["arm"] != "control"
            early = log_ratio(world, rows, given, (0.0, 26.0))
            late = log_ratio(world, rows, given, (26.0, 52.0))
            sums.append((late[0] - early[0], np.hypot(late[1], early[1])))
        gap[initiative] = pooled(sums)
    assert gap["IN-visit"][0] > 3 * gap["IN-visit"][1]
    assert abs(gap["IN-kit"][0]) < 3 * gap["IN-kit"][1]


def test_delayed_attribution_finds_nothing_where_nothing_is_planted():
    """Without the effect no quarter differs."""
    for initiative in ("IN-visit", "IN-kit"):
        value, error = np.mean(
            [profile(trial(9, planted=False), initiative, quarter) for quarter in range(5)], axis=0
        )
        assert abs(value) < 3 * error  # the same people in every quarter: errors do not average out


def test_everyone_is_seen_for_five_quarters():
    """Nobody is touched so late that the profile ends after the history."""
    rows = trial(0).assigned("IN-visit")
    assert (rows["starts_at"].to_numpy() + 65 * WEEK <= np.datetime64(trial(0).settings.end)).all()
