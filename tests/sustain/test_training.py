"""Learning is recovered although weak learners leave; the records of those who stayed are too good."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.contract import OWN_DATA
from playbook.sustain import training
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
AS_OF = WorldSettings().as_of


def simulated(effect: float) -> list[tuple[dict[str, pd.DataFrame], training.Ramp]]:
    """Twenty worlds with the learning estimated in each."""
    worlds = [
        generate(WorldSettings(seed=s, customers=4000, effect=effect), domains=["training"]) for s in SEEDS
    ]
    return [(w, training.ramp(w["training"], w["staff"], as_of=AS_OF)) for w in worlds]


@pytest.fixture(scope="module")
def worlds():
    """With weak learners leaving."""
    return simulated(1.0)


@pytest.fixture(scope="module")
def quiet_worlds():
    """With leaving unrelated to learning, and nothing else planted."""
    return simulated(0.0)


def planted(world: dict[str, pd.DataFrame], result: training.Ramp) -> pd.DataFrame:
    """The planted parameters in the order of the result's roles."""
    truth = world["truth_learning"].rename(columns={"start_share": "start"})
    return truth.set_index("role").loc[result.rates.index]


def covered(runs, name: str) -> float:
    """Share of 90 % intervals, over worlds and roles, that hold the planted value."""
    hits = [
        r.rates[f"{name}_low"].le(planted(w, r)[name]) & r.rates[f"{name}_high"].ge(planted(w, r)[name])
        for w, r in runs
    ]
    return float(pd.concat(hits).mean())


def gain_error(runs, column: str) -> float:
    """Mean log error of the gain a practice, over worlds and roles."""
    return float(np.mean([np.log(r.rates[column] / planted(w, r)["gain"]).mean() for w, r in runs]))


@pytest.mark.parametrize("name", ["gain", "forget", "start"])
def test_rates_are_recovered_at_the_nominal_rate(worlds, name):
    """90 % intervals of 80 estimates cover 90 % of them, within what chance allows (sd 0.034)."""
    assert 0.82 <= covered(worlds, name) <= 0.98


def test_the_curve_of_those_who_stayed_is_too_good(worlds):
    """Stayers alone overstate the gain by more than 15 %; the corrected gain is within 6 %."""
    assert gain_error(worlds, "gain_stayed") > np.log(1.15)
    assert abs(gain_error(worlds, "gain")) < 0.06
    fewer = [r.plan["practices_stayed"].sum() < r.plan["practices"].sum() for _, r in worlds]
    assert np.mean(fewer) >= 0.9


def test_weak_learners_leave_is_found_where_planted(worlds, quiet_worlds):
    """The link to leaving is significant in at least 18 of 20 worlds, in at most 3 without it."""
    assert sum(r.leave_low > 0 for _, r in worlds) >= 18
    assert sum(r.leave_low > 0 for _, r in quiet_worlds) <= 3
    held = [r.leave_low <= planted(w, r)["leave_on_skill"].iloc[0] <= r.leave_high for w, r in worlds]
    assert np.mean(held) >= 0.75


def test_no_survivor_gap_in_a_quiet_world(quiet_worlds):
    """Where leaving does not depend on learning, both curves agree."""
    gap = gain_error(quiet_worlds, "gain_stayed") - gain_error(quiet_worlds, "gain")
    assert abs(gap) < 0.06


def test_onboarding_keeps_what_was_planted_and_choice_misleads(worlds, quiet_worlds):
    """Drawn modules tell the three that matter; among people who chose, idle modules look useful too."""
    found, idle, chosen_idle, quiet = [], [], [], []
    for world, _ in worlds:
        worth = training.essentials(world["training"])
        truth = world["truth_onboarding"].assign(
            module=lambda t: t["module_code"].str.removeprefix("onboarding:")
        )
        matters = worth.index.map(truth.set_index("module")["points_share"]) > 0
        found.append(worth.loc[matters, "essential"].mean())
        idle.append(worth.loc[~matters, "essential"].mean())
        chosen_idle.append(worth.loc[~matters, "points_chosen"].mean())
    for world, _ in quiet_worlds:
        quiet.append(training.essentials(world["training"])["essential"].mean())
    assert np.mean(found) > 0.85
    assert np.mean(idle) < 0.08
    assert np.mean(chosen_idle) > 0.02
    assert np.mean(quiet) < 0.08


def test_misread_charts_are_those_planted(worlds, quiet_worlds):
    """Only the planted chart of a role is ever framed as misread, and nothing in a quiet world."""
    hits, wrong = 0, 0
    for world, _ in worlds:
        items = training.chart_items(world["training"]).merge(world["truth_charts"], on=["role", "item_code"],
                                                              suffixes=("", "_planted"))  # fmt: skip
        bad = items["right_share_planted"] < 0.5
        hits += (items["misread"] & bad).sum()
        wrong += (items["misread"] & ~bad).sum()
    assert hits >= 0.6 * 4 * len(worlds)
    assert wrong <= 0.02 * 16 * len(worlds)
    assert sum(training.chart_items(w["training"])["misread"].sum() for w, _ in quiet_worlds) <= 4


def test_recommended_package_arrives_within_the_planted_bandwidth(worlds):
    """Sizes meant for 95 % arrive in 91 to 99 % of nights at planted speeds; sizes on paper never do."""
    from scipy.stats import gamma

    arrives, on_paper = [], []
    for world, _ in worlds:
        sizes = training.packages(world["training"], world["staff"], world["regions"])
        truth = world["truth_bandwidth"].set_index("region_id").loc[sizes.index]
        scale = truth["p05_kbps"] / gamma.ppf(0.05, 5)
        for size, seen in (("offline_mb", arrives), ("on_paper_mb", on_paper)):
            seen.append(gamma.sf(sizes[size] * 8000 / (480 * 60), 5, scale=scale))
    assert 0.91 < np.mean(arrives) < 0.99
    assert np.min(arrives) > 0.8
    assert np.max(on_paper) < 0.01


def test_faster_hiring_dips_deeper_and_ramps_slower(worlds):
    """Hiring within seats costs little; beyond them people wait, forget and ramp later."""
    _, result = worlds[0]
    wave = training.what_if(result, hires_month=[0, 2, 20])
    low = wave.groupby("hires_month")["team_score"].min()
    ramp = wave.groupby("hires_month")["ramp_weeks"].first()
    assert low[0] == pytest.approx(result.plan.loc[result.main_role, "pass_mark"])
    assert low[0] > low[2] > low[20]
    assert ramp[2] == result.plan.loc[result.main_role, "practices"]
    assert np.isnan(ramp[20]) or ramp[20] > ramp[2]
    assert (
        training.plot_what_if(wave, 2).figure.get_suptitle()
        != training.plot_what_if(wave, 20).figure.get_suptitle()
    )


def test_practices_needed_equals_a_count_by_hand():
    """Start 0, half the gap a practice, nothing forgotten: 0.5, 0.75, 0.875, so three practices for 0.8."""
    count = training.practices_needed(0.0, np.log(2), 0.0, needed=0.8, alone_weeks=4, gap_d=7)
    assert count == 3
    assert np.isnan(training.practices_needed(0.2, 0.01, 3.0, needed=0.8, alone_weeks=4, gap_d=7))


def test_feedback_tells_the_survivors_answer_from_the_right_one(worlds):
    """The planted count is near; the stayers' is mostly too low; a client's page says its basis."""
    low = 0
    for world, result in worlds:
        truth = SimpleNamespace(truth_learning=world["truth_learning"])
        low += training.check(
            result.plan.loc["service agent", "practices_stayed"], truth, result
        ).message.startswith("Too low")
        assert training.check(10, truth, result).near
    assert low >= 10
    own = training.check(result.plan.loc[result.main_role, "practices"], None, result)
    assert own.near
    assert own.basis == OWN_DATA


def test_decision_covers_role_onboarding_charts_and_packages(worlds):
    """One sentence each for practice, onboarding, charts and the slowest line."""
    world, result = worlds[1]
    decision = training.decide(
        result,
        worth=training.essentials(world["training"]),
        items=training.chart_items(world["training"]),
        sizes=training.packages(world["training"], world["staff"], world["regions"]),
    )
    assert "service agent" in decision.recommendation
    assert "delivery windows" in decision.recommendation
    assert "small numbers" in decision.recommendation
    assert "send BR at most" in decision.recommendation
    assert decision.low <= result.plan.loc["service agent", "ramp_weeks"] <= decision.high


def test_a_goal_out_of_reach_is_said_not_raised(worlds):
    """With perfection demanded after half a year alone, every door still answers."""
    world, _ = worlds[0]
    result = training.ramp(world["training"], world["staff"], as_of=AS_OF, needed=0.999, alone_weeks=26)
    assert result.plan["practices"].isna().all()
    assert "never gets far enough" in " ".join(training.plot(result).figure.get_suptitle().split())
    assert training.what_if(result, hires_month=[4])["ramp_weeks"].isna().all()
    assert training.check(99, None, result).near


def test_too_few_people_are_refused(worlds):
    """A handful of learners gives no curve."""
    world, _ = worlds[0]
    few = world["staff"].iloc[-6:]
    with pytest.raises(ValueError, match="no role has"):
        training.ramp(world["training"], few, as_of=AS_OF)
