"""Hours, special requests and stage targets are what the planted world needs; stages added as if independent are not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import service_levels as play
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(1, 7)
PLAY = "define.service_levels"


def viewed(tables: dict) -> pd.DataFrame:
    """The stage_hours view of some tables."""
    import duckdb

    connection = duckdb.connect()
    for name in ("touchpoints", "process_steps", "customers", "contract_terms"):
        connection.register(name, tables[name])
    query = (VIEWS / "stage_hours.sql").read_text()
    return connection.execute(query, {"as_of": "2026-07-01"}).df()


def world(seed: int, effect: float) -> SimpleNamespace:
    """One small world, its view, truth and result."""
    tables = generate(WorldSettings(seed=seed, customers=400, effect=effect), domains=["urgent_parts"])
    outcomes = tables["truth_outcomes"].query("play == @PLAY")
    optional = {name: tables[name] for name in ("contract_terms", "process_steps", "costs")}
    data = SimpleNamespace(stage_hours=viewed(tables), **optional)
    result = play.service_levels(data.stage_hours, **optional)
    return SimpleNamespace(
        tables=tables, data=data, truth=SimpleNamespace(truth_outcomes=outcomes), result=result
    )


@pytest.fixture(scope="module")
def worlds():
    """Six worlds with dependent stages and six without."""
    return {effect: [world(seed, effect) for seed in SEEDS] for effect in (1.0, 0.0)}


@pytest.fixture(scope="module")
def one(worlds):
    return worlds[1.0][0]


def recovered(worlds: list) -> pd.DataFrame:
    return pd.concat([play.recover(w.data, w.truth) for w in worlds])


def test_the_view_adds_up_to_what_the_customer_lived_through(one):
    """Stage hours sum to the time from the first start to the last end, in plain pandas."""
    touched = one.tables["touchpoints"]
    touched = touched[touched["case_id"].str.startswith("UP")].groupby("case_id")
    whole = (touched["ended_at"].max() - touched["started_at"].min()).dt.total_seconds() / 3600
    ours = one.data.stage_hours.groupby("case_id")["hours"].sum()
    assert np.allclose(ours, whole[ours.index])
    special = one.tables["process_steps"].query("seq_no.isna()")["step_id"]
    asked = one.tables["touchpoints"]["step_id"].isin(special).sum()
    assert one.result.cases["requests"].sum() == asked > 0


def test_the_joint_quantile_attains_its_probability_and_the_convolution_does_not(worlds):
    """Over worlds of dependent stages planted values lie in our intervals; the independent sum is off by more."""
    rows = recovered(worlds[1.0])
    assert rows["truth"].between(rows["low"], rows["high"]).mean() > 0.75
    shares = rows[rows["what"].str.contains("sum of independent")]
    assert (shares["truth"] < 0.885).all()  # the tenth that may miss has become an eighth
    assert (shares["estimate"] - shares["truth"]).abs().mean() < 0.5 * (0.9 - shares["truth"]).mean()
    hours = rows[rows["what"].str.startswith("bronze: hours")]
    assert (hours["naive"] - hours["truth"]).mean() < 2 * (hours["estimate"] - hours["truth"]).mean() - 2


def test_without_load_there_is_nothing_to_find(worlds):
    """In worlds of independent stages the convolution keeps its word, weeks are not alike, requests cost no hours."""
    rows = recovered(worlds[0.0])
    shares = rows[rows["what"].str.contains("sum of independent")]
    assert shares["estimate"].mean() == pytest.approx(0.9, abs=0.005)
    assert rows["truth"].between(rows["low"], rows["high"]).mean() > 0.75
    said = [play.together(w.result) for w in worlds[0.0]]
    assert sum("no sure tendency" in text for text in said) >= 4
    assert all("are slow in the same weeks" in play.together(w.result) for w in worlds[1.0])


def test_the_promise_covers_requests_up_to_the_planted_knee(worlds):
    """Two requests do not fit the packing station and get other hours; without the effect any number is covered."""
    with_knee = [w.result.targets.loc["bronze", "requests"] for w in worlds[1.0]]
    assert all(limit <= 1 for limit in with_knee)
    beyond = [w.result.targets.loc["bronze"] for w in worlds[1.0]]
    assert all(row["beyond_h"] > row["target_h"] + 5 for row in beyond)
    assert sum(np.isinf(w.result.targets.loc["bronze", "requests"]) for w in worlds[0.0]) >= 5


def test_no_other_promise_costs_less_by_enumeration(one):
    """Penalties of every customer's month and the waiting, added up case by case, are least near our hours."""
    cases = one.result.cases
    cases = cases[(cases["tier"] == "bronze") & cases["covered"]]
    month = cases["asked_at"].dt.strftime("%Y-%m")

    def cost(hours: float) -> float:
        kept = (cases["hours"] <= hours).groupby([cases["customer_id"], month]).mean()
        return 120 * (kept < 0.9).sum() + 0.8 * hours * len(cases)

    ours = one.result.targets.loc["bronze", "target_h"]
    least = min(cost(hours) for hours in range(20, 130))
    assert cost(ours) <= 1.02 * least
    assert cost(0.6 * ours) > 1.1 * least
    assert cost(1.7 * ours) > 1.1 * least


def test_stage_hours_add_up_and_today_they_do_not(one):
    """What the teams owe each other sums to the customer's hours; keeping all of it keeps the promise."""
    table = play.olas(one.result)
    for tier in ("silver", "bronze"):
        target = one.result.targets.loc[tier, "target_h"]
        hours = table[f"{tier} (h)"]
        assert hours.iloc[:-1].sum() == pytest.approx(target, abs=0.2)
        inside = (one.result.stages <= hours.iloc[:-1].to_numpy()).all(axis=1)
        assert (one.result.cases.loc[inside, "hours"] <= target + 0.2).all()
    assert table["agreed today (h)"].iloc[-1] == 53
    assert "more than the 48" in play.composed(one.result)


def test_an_hour_that_is_worth_more_shortens_the_promise(one):
    """The what-if moves every tier's hours down and its penalties up; at today's worth it repeats the target."""
    scenarios = play.what_if(one.result, hour_value_amt=[0.2, 0.8, 3.2])
    for tier, rows in scenarios.groupby("tier"):
        assert (rows["target_h"].diff().dropna() <= 0).all()
        assert (rows["penalty_amt"].diff().dropna() >= 0).all()
        assert rows["target_h"].iloc[1] == one.result.targets.loc[tier, "target_h"]


def test_a_faster_stage_saves_what_its_hours_are_worth(one):
    """A tenth off the longest stage saves most; none of the planted capacities pays."""
    table = play.faster(one.result)
    assert (table["saves"] > 0).all()
    assert table["saves"].idxmin() == "desk"
    assert (table["net"] == table["saves"] - table["costs"]).all()
    assert (table["net"] < 0).all()
    assert "does not pay" in play.capacity(one.result)


def test_feedback_says_which_way_and_hides_the_answer(one):
    """Ten in a hundred, the naive answer, is too low; the planted share is near."""
    outcomes = one.truth.truth_outcomes.query("subject == 'bronze' and metric == 'kept of independent p90'")
    missed = 100 * (1 - outcomes["value"].iloc[0])
    assert play.check(missed, one.truth, one.result).near
    low, high = (play.check(answer, one.truth, one.result) for answer in (10, 30))
    assert low.message.startswith("Too low")
    assert high.message.startswith("Too high")
    assert f"{missed:.0f}" not in low.message + high.message


def test_on_a_clients_data_the_answer_must_agree_with_the_cases(one):
    """Without truth the feedback is about consistency, and says so."""
    cases = one.result.cases[one.result.cases["tier"] == one.result.focus]
    answer = 100 * (cases["hours"] > one.result.promise.loc[one.result.focus, "added_h"]).mean()
    feedback = play.check(answer, None, one.result)
    assert feedback.near
    assert "no planted truth" in feedback.basis


def test_the_decision_names_hours_requests_and_what_flips_it(one):
    """Each tier's hours and special requests are in the recommendation; what flips it can be observed."""
    decision = play.decide(one.result)
    for tier, row in one.result.targets.iterrows():
        assert f"{tier} {row['target_h']:.0f} hours" in decision.recommendation
    assert "special requests" in decision.recommendation
    assert "an hour is worth" in decision.flips_if
    assert 0 < decision.low < decision.high < 1


def test_it_runs_on_stage_times_alone(one):
    """Without terms, steps, costs, tiers and channels there is one tier, today's own level, and every picture."""
    bare = one.data.stage_hours.assign(tier="none", channel="unknown", requests=0)
    result = play.service_levels(bare)
    assert result.facts["target_h"] == np.ceil(np.quantile(result.cases["hours"], 0.9))
    assert "no contract term" in play.read(result)
    assert "do not say" in play.capacity(result)
    assert "Too few" in play.break_even(result)
    tables = [play.glance(result), play.adding_up(result), play.thresholds(result), play.sla(result)]
    tables += [play.by_channel(result), play.olas(result)]
    assert not any(table.isna().any().any() for table in tables)
    for draw in (play.plot, play.plot_sum, play.plot_cost, play.plot_requests):
        assert draw(result).figure.get_suptitle()
    assert play.decide(result).recommendation


def test_cases_that_are_not_over_are_counted_and_left_out(one):
    """Open cases are named, not taken for fast ones; too few that are over are refused."""
    rows = one.data.stage_hours.copy()
    rows.loc[rows["case_id"].isin(rows["case_id"].unique()[:7]) & (rows["stage"] == "carrier"), "hours"] = (
        np.nan
    )
    result = play.service_levels(rows, contract_terms=one.data.contract_terms)
    assert result.facts["open_cases"] == 7
    assert "7 cases that are not over" in play.read(result)
    with pytest.raises(ValueError, match="at least 50 cases"):
        play.service_levels(rows.head(90))
    with pytest.raises(ValueError, match="two stages"):
        play.service_levels(rows.head(0))
