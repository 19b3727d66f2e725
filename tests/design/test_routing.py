"""A replay finds what the lowest tier pays and what the own agent saves; plain readings of the log do not."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.contract import OWN_DATA
from playbook.design import routing
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
TRUTH = ("truth_calls", "truth_staff", "truth_parameters")


def phone_calls(world: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The phone_calls view of a world."""
    import duckdb

    connection = duckdb.connect()
    for name in ("interactions", "tickets", "customers"):
        connection.register(name, world[name])
    query = (VIEWS / "phone_calls.sql").read_text()
    return connection.execute(query, {"as_of": WorldSettings().as_of}).df()


def truth_of(world: dict[str, pd.DataFrame]) -> SimpleNamespace:
    """What the check may read."""
    return SimpleNamespace(**{name: world[name] for name in TRUTH})


def world_and_desk(seed: int, effect: float, customers: int) -> tuple[dict[str, pd.DataFrame], routing.Desk]:
    """A small world and its desk."""
    settings = WorldSettings(seed=seed, customers=customers, effect=effect)
    world = generate(settings, domains=["service"])
    return world, routing.desk(phone_calls(world), world["shifts"])


@pytest.fixture(scope="module")
def example() -> tuple[dict[str, pd.DataFrame], routing.Routing]:
    """One world of some size, with its rules compared."""
    world, desk = world_and_desk(1, 1.0, 3000)
    return world, routing.routing(desk)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Over 20 worlds: the planted, replayed and logged wait of bronze, and the ratio of the own agent."""
    rows = []
    for seed in SEEDS:
        world, desk = world_and_desk(seed, 1.0, 800)
        rule = routing.rules(10.0, 3.0)[1]
        bronze = (
            routing.waits(routing.replay(desk, rule), desk.tiers).set_index("tier").loc["bronze", "wait_min"]
        )
        compared = routing.Routing(desk, (routing.FIRST_COME, rule), pd.DataFrame(), pd.DataFrame())
        planted = routing.planted_wait(compared, truth_of(world))
        logged = desk.calls.query("is_peak and tier == 'bronze'")["wait_min"].mean()
        ratio = world["truth_parameters"].set_index("name").loc["handle_ratio_own_agent", "value"]
        rows.append((planted, bronze, logged, ratio, *desk.own, desk.own_plain))
    names = ["planted", "replayed", "logged", "ratio", "own", "low", "high", "plain"]
    return pd.DataFrame(rows, columns=names)


def test_the_wait_that_bronze_pays_is_recovered(found):
    """The replay is within 7 % of the planted process in at least 18 of 20 worlds, and right on average."""
    error = found["replayed"] / found["planted"] - 1
    assert (error.abs() <= 0.07).sum() >= 18
    assert abs(error.mean()) < 0.02


def test_the_logged_wait_hides_what_bronze_would_pay(found):
    """'Bronze waits as it does today' is too low in at least 19 of 20 worlds."""
    assert (found["logged"] < found["planted"]).sum() >= 19


def test_own_agent_ratio_is_covered_and_plain_averages_are_biased(found):
    """The 95 % interval holds the planted ratio in at least 17 of 20 worlds; plain averages are off to one
    side.
    """
    assert found["ratio"].between(found["low"], found["high"]).sum() >= 17
    assert (found["high"] < 1).sum() >= 18
    assert (found["plain"] > found["ratio"]).sum() >= 18
    assert (found["plain"] / found["ratio"]).mean() > 1.02
    assert (found["own"] / found["ratio"]).mean() == pytest.approx(1, abs=0.015)


def test_without_an_effect_the_own_agent_saves_nothing():
    """The interval holds 1 in at least 17 of 20 worlds; plain averages say that it is slower."""
    ratios, plain = [], []
    for seed in SEEDS:
        world = generate(WorldSettings(seed=seed, customers=800, effect=0.0), domains=["service"])
        calls = phone_calls(world)
        ratios.append(routing.own_agent_ratio(calls))
        own = calls["staff_id"] == calls["owner_staff_id"]
        plain.append(calls.loc[own, "handle_min"].mean() / calls.loc[~own, "handle_min"].mean())
    assert sum(low <= 1 <= high for _, low, high in ratios) >= 17
    assert np.mean(plain) > 1.01


def test_today_replayed_is_today_recorded(example):
    """The replay of first come, first served gives the recorded wait within 5 %."""
    recorded, replayed = routing.replay_error(example[1].desk)
    assert replayed == pytest.approx(recorded, rel=0.05)


def test_the_more_gold_gets_the_more_bronze_pays(example):
    """Along the slider gold's wait falls and bronze's rises."""
    table = routing.what_if(example[1], head_start_min=[0, 5, 20, 120])
    gold = table.query("tier == 'gold'")["wait_min"].to_numpy()
    bronze = table.query("tier == 'bronze'")["wait_min"].to_numpy()
    assert (np.diff(gold) < 0).all()
    assert (np.diff(bronze) > 0).all()


def test_moving_the_slider_changes_the_title(example):
    """Each head start has its own sentence."""
    table = routing.what_if(example[1], head_start_min=[0, 5, 20])
    titles = {routing.plot_what_if(table, chosen).figure.get_suptitle() for chosen in (None, 0.0, 5.0, 20.0)}
    assert len(titles) == 4


def test_more_calls_hurt_more_and_the_limit_is_found_between(example):
    """Waits rise with the load; the load at a limit lies between the loads on either side of it."""
    loads = routing.at_load(example[1], load=(0.8, 1.0, 1.3))
    assert (np.diff(loads["head_start_min"]) > 0).all()
    limit = loads["head_start_min"].iloc[1:].mean()
    assert 1.0 < routing.hurts_at(loads, limit_min=limit) < 1.3
    assert math.isinf(routing.hurts_at(loads, limit_min=1e3))


def test_only_the_paths_with_an_owner_keep_the_relationship(example):
    """Handing over keeps nobody; a call back keeps all who have an owner and takes less of the desk than
    joining.
    """
    cases = routing.escalations(example[1].desk).set_index("path")
    assert cases.loc["hand over", "kept_share"] == 0
    assert cases.loc["owner calls back", "kept_share"] > 0.5
    assert cases.loc["owner joins", "agent_min"] > cases.loc["owner calls back", "agent_min"]
    assert cases.loc["hand over", "agent_min"] < cases.loc["owner calls back", "agent_min"]


def test_erlang_a_is_near_the_peak_where_erlang_c_is_not(example):
    """At the agents of the peak Erlang A's share of lost calls is near the recorded one; Erlang C waits far
    longer.
    """
    desk = example[1].desk
    _, agents = routing.peak_conditions(desk)
    table = routing.sizing(desk)
    lost = np.interp(agents, table["agents"], table["erlang_a_given_up"])
    recorded = 1 - desk.calls.loc[desk.calls["is_peak"], "is_answered"].mean()
    assert lost == pytest.approx(recorded, abs=0.08)
    assert table["erlang_c_wait_min"].iloc[0] > 2 * table["erlang_a_wait_min"].iloc[0]


def test_decision_follows_the_limit(example):
    """A limit that bronze keeps gets the head start; one it cannot keep gets first come, first served."""
    loads, cases = routing.at_load(example[1], load=(1.0, 1.3)), routing.escalations(example[1].desk)
    generous = routing.decide(example[1], loads, cases, limit_min=30.0)
    strict = routing.decide(example[1], loads, cases, limit_min=0.1)
    assert "head start of 10 min" in generous.recommendation
    assert strict.recommendation.startswith("Keep first come")


def test_feedback_knows_the_planted_wait_and_hides_it(example):
    """The replayed wait is near; today's wait is too low; no message holds the number."""
    world, result = example
    good = routing.check(result.wait(result.rules[1], "bronze"), truth_of(world), result)
    naive = routing.check(result.wait(result.rules[0], "bronze"), truth_of(world), result)
    assert good.near
    assert not naive.near
    assert naive.message.startswith("Too low")
    answer = f"{routing.planted_wait(result, truth_of(world)):.1f}"
    assert not any(answer in text for text in (naive.message, *naive.hints))


def test_on_own_data_the_answer_must_agree_with_the_replay(example):
    """Without truth the check says what it was held against."""
    result = example[1]
    feedback = routing.check(result.wait(result.rules[1], "bronze"), None, result)
    assert feedback.near
    assert feedback.basis == OWN_DATA


def test_a_log_without_lost_calls_is_refused(example):
    """Patience cannot be known when nobody gave up."""
    world, _ = example
    calls = phone_calls(world)
    with pytest.raises(ValueError, match="given up"):
        routing.desk(calls[calls["is_answered"]], world["shifts"])


def test_a_client_without_tiers_and_owners_still_gets_a_replay(example):
    """One tier, nobody's own agent: every rule gives the same wait and holding saves nothing."""
    world, _ = example
    calls = phone_calls(world).assign(tier="none", owner_staff_id=None, severity=1)
    result = routing.routing(routing.desk(calls, world["shifts"]))
    assert result.desk.own == (1.0, 1.0, 1.0)
    assert result.waits["wait_min"].to_numpy() == pytest.approx(result.waits["wait_min"].iloc[0])
