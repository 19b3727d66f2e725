"""Needs are known at the level at which they differ, and only there."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import granularity
from playbook.store.reading import Store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def solved(effect: float = 1.0, seed: int = 1) -> tuple[granularity.Granularity, SimpleNamespace]:
    tables = generate(WorldSettings(seed=seed, customers=1500, effect=effect), domains=["needs"])
    rows = granularity.measured(tables["customers"], tables["accounts"], preferences=tables["preferences"])
    result = granularity.levels(rows, tables["customers"], tables["accounts"], draws=60)
    own = tables["truth_parameters"].query("play == 'define.granularity'")
    return result, SimpleNamespace(truth_parameters=own)


@pytest.fixture(scope="module")
def world():
    return solved()


def test_each_planted_need_is_known_at_its_own_level(world):
    """With about four answers for each account, an account beats its segment on notice only; calls are known by person."""
    result, _ = world
    found = granularity.what_if(result, answers=[1500]).pivot_table(
        index="need", columns="level", values="miss"
    )
    assert found["account"].idxmin() == "notice hours"
    assert found.loc["calls a month", "account"] > 0.95
    assert found.loc["calls a month", "person"] < found.loc["calls a month", "account"] - 0.1


def test_without_planted_levels_nothing_is_between_accounts_or_segments():
    """Their intervals hold zero, or stay below a few per cent; an account is never the level to choose."""
    result, _ = solved(effect=0.0)
    for need in result.needs:
        assert result.of(need, "account", "low") < 0.03
        assert abs(result.of(need, "segment")) < 0.03
    steps = granularity.answer_steps(result)
    assert "account" not in set(granularity.what_if(result, answers=steps).query("chosen")["level"])


def test_misses_agree_with_a_hold_out(world):
    """What the shares promise for accounts and persons is what hiding the last answer finds, within a tenth."""
    misses = world[0].misses
    assert np.allclose(misses["held_out"], misses["expected"], rtol=0.1)


def test_a_level_with_too_few_answers_falls_back_on_the_segment(world):
    """One answer for each tenth account leaves nine tenths at the segment's miss: at most a tenth of the gain in squares."""
    result, _ = world
    tenth = result.units["account"] // 10
    table = granularity.what_if(result, answers=[tenth, 10 * tenth]).query("level == 'account'")
    gain = 1 - table.pivot_table(index="need", columns="answers", values="miss") ** 2
    assert np.allclose(gain[tenth], gain[10 * tenth] / 10, atol=0.02)


def test_feedback_says_which_way_and_hides_the_answer(world):
    """Far too little is too low; the comparison of accounts alone is too high where segments differ; near is near."""
    result, truth = world
    expected = 100 * result.of(result.needs[0], "account")
    assert granularity.check(expected, truth, result).near
    assert granularity.check(10, truth, result).message.startswith("Too low")
    own = granularity.check(expected, None, result)
    assert own.near
    assert "no planted truth" in own.basis


def test_decision_names_the_answers_that_would_flip_it(world):
    """Each need appears once, with its level."""
    result, _ = world
    decision = granularity.decide(result)
    assert all(decision.recommendation.count(need) == 1 for need in result.needs)
    assert result.needs[0] in decision.flips_if


def test_hours_to_solve_need_two_requests_and_stop_at_the_as_of_date(tmp_path):
    """Plain pandas on the demo's tickets: customers with two solved requests in the year before, the last four of each."""
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"T{n}" for n in range(7)],
            "customer_id": ["a"] * 5 + ["b", "c"],
            "opened_at": pd.to_datetime("2026-01-01") + pd.to_timedelta(range(7), unit="D"),
        }
    )
    tickets["resolved_at"] = tickets["opened_at"] + pd.Timedelta(hours=6)
    from playbook.store.writing import write_store

    write_store(tmp_path / "store", {"tickets": tickets}, {"kind": "client"})
    found = Store(tmp_path / "store").view("solving_hours", as_of="2026-06-30")
    assert found["customer_id"].tolist() == ["a"] * 4
    assert (found["hours"] == 6).all()
    assert found["opened_at"].min() == pd.Timestamp("2026-01-02")


def test_too_little_said_is_one_clear_line(world):
    """One answer a person cannot be split."""
    customers = pd.DataFrame({"customer_id": ["a", "b"], "account_id": ["x", "y"]})
    accounts = pd.DataFrame({"account_id": ["x", "y"], "segment": ["s", "s"]})
    said = pd.DataFrame(
        {"attribute": "n", "customer_id": ["a", "b"], "recorded_at": pd.Timestamp("2026-01-01"), "value": "3"}
    )
    with pytest.raises(ValueError, match="at least twice; none of the preferences"):
        granularity.measured(customers, accounts, preferences=said)
