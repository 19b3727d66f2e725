"""Knees of waiting are found where they were planted, not where the plain curve has them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import latency_thresholds as play
from playbook.world.domains.repeats import KNEE_MIN

SETTINGS = {"tolerated_share": 0.03, "giveup_share": 0.35}


@pytest.fixture(scope="module")
def waits(demo_store):
    return demo_store.view("first_waits", as_of="2026-07-01")


@pytest.fixture(scope="module")
def demo(waits):
    return play.thresholds(waits)


@pytest.fixture(scope="module")
def truth(demo_store):
    names = ("truth_parameters", "truth_calls")
    return SimpleNamespace(**{name: demo_store.truth(name, "define.latency_thresholds") for name in names})


def requests(seed: int, rise: float = 0.16, n: int = 4000) -> pd.DataFrame:
    """Requests by phone: severe ones are answered sooner and come back more often; the knee is at 3 minutes."""
    rng = np.random.default_rng(seed)
    severity = rng.integers(1, 5, n)
    wait = rng.gamma(1.5, 4.0, n) / severity
    chance = 0.1 + 0.1 * severity + rise * np.clip(np.log(wait / 3), 0, 2)
    return pd.DataFrame(
        {
            "call_id": [f"C{i}" for i in range(n)],
            "channel": "phone",
            "tier": rng.choice(["gold", "bronze"], n),
            "severity": severity,
            "stratum": severity * 10**12,
            "is_answered": True,
            "wait_min": wait,
            "busy": rng.uniform(0.7, 1.3, n),
            "years_ago": rng.uniform(0, 3, n),
            "came_back": rng.random(n) < chance,
            "days_known": 90.0,
            "has_left": rng.random(n) < 0.03,
        }
    )


def test_planted_knees_are_inside_their_intervals_and_the_plain_ones_are_off(waits, truth):
    """In the demo world each knee is right to a fifth; the plain one is further off in every channel."""
    rows = play.recover(SimpleNamespace(first_waits=waits), truth).set_index("what")
    for channel, knee in KNEE_MIN.items():
        row = rows.loc[f"{channel}: knee (min)"]
        assert row["truth"] == knee
        assert row["estimate"] == pytest.approx(knee, rel=0.2)
        assert abs(np.log(row["naive"] / knee)) > abs(np.log(row["estimate"] / knee)) + 0.1
    assert len(rows) == 7
    assert (rows["low"] <= rows["estimate"]).all()
    assert (rows["estimate"] <= rows["high"]).all()


def test_patience_counts_the_answered_and_the_hang_ups_alone_do_not(demo, truth):
    """A quarter has given up when the planted patience says so, to a tenth; the hang-ups alone say far sooner."""
    planted = truth.truth_calls.set_index("call_id" if "call_id" in truth.truth_calls else "interaction_id")[
        "patience_min"
    ]
    planted = float(planted.reindex(demo.calls["call_id"]).quantile(0.25))
    alone = float(demo.calls.loc[demo.calls["gave_up"], "wait_min"].quantile(0.25))
    assert demo.patience.quantile(0.25)[0] == pytest.approx(planted, rel=0.1)
    assert alone < planted / 1.5


def test_without_an_effect_nothing_is_claimed():
    """Where waiting changes nothing, at most two of twelve samples claim a knee, and the decision buys no speed."""
    flat = [play.thresholds(requests(seed, rise=0.0)) for seed in range(12)]
    assert sum(bool(result.channels["knee_min"].notna().any()) for result in flat) <= 2
    assert sum(bool(r.contrasts["low"].iloc[0] <= 0 <= r.contrasts["high"].iloc[0]) for r in flat) >= 8
    quiet = next(result for result in flat if result.channels["knee_min"].isna().all())
    decision = play.decide(quiet, **SETTINGS)
    assert "buy no more" in decision.recommendation
    assert set(play.limits(quiet, **SETTINGS)["set_by"]) == {"longest wait seen"}


def test_severe_cases_hide_the_knee_from_the_plain_curve():
    """Urgent cases are answered first and come back most: only at equal severity does slow look as bad as planted."""
    result = play.thresholds(requests(1, n=20_000))
    contrast = result.contrasts.loc["phone"]
    assert contrast["plain"] < contrast["extra"] - 0.1
    assert result.channels.loc["phone", "low_min"] <= 3 <= result.channels.loc["phone", "high_min"]


def test_no_call_given_up_leaves_the_knees():
    """Without hang-ups patience is unknown: the page says so, limits rest on knees, and 0 is the right answer."""
    result = play.thresholds(requests(2))
    assert result.patience is None
    assert "unknown" in play.gave_up(result)
    assert set(play.limits(result, **SETTINGS)["set_by"]) <= {"coming back", "longest wait seen"}
    assert play.check(0, None, result).near
    assert not play.check(3, None, result).near


def test_feedback_says_which_way_and_hides_the_answer(demo, truth):
    """The hang-ups alone are called too low, an hour too high; the curve is near; no message holds a number of minutes."""
    right = demo.patience.quantile(0.25)[0]
    alone = float(demo.calls.loc[demo.calls["gave_up"], "wait_min"].quantile(0.25))
    assert play.check(alone, truth, demo).message.startswith("Too low")
    assert play.check(60, truth, demo).message.startswith("Too high")
    assert play.check(right, truth, demo).near
    assert play.check(right, None, demo).near
    assert "no planted truth" in play.check(right, None, demo).basis
    assert f"{right:.1f}" not in " ".join([play.check(60, truth, demo).message, *play.HINTS])


def test_limits_grow_with_tolerance_and_tier(demo):
    """The first tier has the knee itself; lower tiers and more tolerance never shorten a limit."""
    table = play.limits(demo, **SETTINGS)
    email = table[table["channel"] == "email"].set_index("tier")["limit_min"]
    assert email["gold"] == pytest.approx(demo.channels.loc["email", "knee_min"])
    assert email["gold"] < email["silver"] < email["bronze"]
    by_phone = play.limits(demo, tolerated_share=0.03, giveup_share=0.05)
    assert set(by_phone.loc[by_phone["channel"] == "phone", "set_by"]) == {"giving up"}
    scenarios = play.what_if(demo, tolerated_share=[0.0, 0.02, 0.1])
    assert (scenarios.groupby("channel")["late"].diff().dropna() <= 0).all()
    assert (
        (scenarios["low_min"] <= scenarios["limit_min"]) & (scenarios["limit_min"] <= scenarios["high_min"])
    ).all()


def test_decision_predicts_fewer_and_names_what_would_flip_it(demo):
    """The predicted range lies below today's share of requests that come back, and a channel's knee can flip it."""
    decision = play.decide(demo, **SETTINGS)
    now = (demo.channels["back"] * demo.channels["cases"]).sum() / demo.channels["cases"].sum()
    assert 0 < decision.low < decision.high < now
    assert "knee of" in decision.flips_if
    assert "phone" in decision.recommendation


def test_customers_who_leave_no_sooner_are_said_to(demo):
    """The world plants no leaving after a wait: no channel's interval excludes 1 by much."""
    churn = demo.churn.dropna()
    assert ((churn["low"] < 1.1) & (churn["high"] > 0.9)).all()
    assert play.left(demo).count("- **") == len(demo.churn)


def test_pictures_state_their_finding(demo):
    """Every picture has a title from the data and draws without hang-ups or knees, too."""
    from playbook.pictures import alt_text

    assert "phone" in alt_text(play.plot(demo))
    assert "email" in alt_text(play.plot_plain(demo, channel="email")).lower()
    assert "would wait" in alt_text(play.plot_patience(demo))
    assert "furthest off" in alt_text(play.plot_limits(demo, play.limits(demo, **SETTINGS)))
    assert "2%" in alt_text(play.plot_what_if(play.what_if(demo, tolerated_share=[0.0, 0.02]), 0.02))
    flat = play.thresholds(requests(0, rise=0.0))
    assert alt_text(play.plot(flat))


def test_too_few_requests_are_refused():
    """A channel with a few hundred answers holds no knee."""
    with pytest.raises(ValueError, match="400 answered requests"):
        play.thresholds(requests(3, n=200))
