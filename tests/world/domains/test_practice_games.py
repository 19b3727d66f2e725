"""The game's best policy is what its rules imply, and trainees err where it was planted."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

PLAY = "sustain.simulation_training"
SEEDS = range(1, 11)


world_of = partial(drawn, "practice_games", base="organisation", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def game(world):
    """Return states, moves, money (states, moves) and chances (states, moves, states) of the rules."""
    rules = world["rules"][world["rules"]["ruleset"] == "simulation"]
    cells = [
        json.loads(c) | json.loads(o)
        for c, o in zip(rules["condition_json"], rules["outcome_json"], strict=True)
    ]
    states = list(dict.fromkeys(cell["state"] for cell in cells))
    moves = list(dict.fromkeys(cell["move"] for cell in cells))
    money = np.zeros((len(states), len(moves)))
    chance = np.zeros((len(states), len(moves), len(states)))
    for cell in cells:
        s, m = states.index(cell["state"]), moves.index(cell["move"])
        money[s, m] = cell["money"]
        for name, p in cell["next"].items():
            chance[s, m, states.index(name)] = p
    return states, moves, money, chance


def allowed(world):
    """Return the moves that the operator may make alone."""
    rows = world["responsibilities"]
    rows = rows[(rows["subject_type"] == "move") & (rows["party"] == "ours") & (rows["raci"] == "R")]
    return set(rows["subject_id"])


def worth(world, policy):
    """Return what each state is worth under a policy (moves by state), solved exactly."""
    states, moves, money, chance = game(world)
    discount = world["truth_parameters"].set_index("name").loc["discount", "value"]
    at = [moves.index(policy[state]) for state in states]
    rows = np.arange(len(states))
    return np.linalg.solve(np.eye(len(states)) - discount * chance[rows, at], money[rows, at])


def best_policy(world):
    rows = world["truth_structure"]
    return rows[rows["kind"] == "best move"].set_index("source")["target"].to_dict()


def greedy_policy(world):
    states, moves, money, _ = game(world)
    mine = [k for k, move in enumerate(moves) if move in allowed(world)]
    return {state: moves[mine[int(money[s, mine].argmax())]] for s, state in enumerate(states)}


def played(world):
    """Return the moves of trainees with the state they were made in."""
    cell = world["rules"].set_index("rule_id")["condition_json"].map(json.loads)
    rows = world["decisions"][world["decisions"]["decision_type"] == "practice move"]
    given = rows["rule_id"].map(cell)
    return rows.assign(state=given.map(lambda c: c["state"]), move=given.map(lambda c: c["move"]))


def errors(world):
    """Return moves within authority, in states where the turn's money misleads: whether they are wrong, by
    week.
    """
    best, greedy = best_policy(world), greedy_policy(world)
    rows = played(world)
    rows = rows[rows["move"].isin(allowed(world))]
    week = rows["state"].str.split(",").str[0]
    return rows.assign(week=week, wrong=rows["move"] != rows["state"].map(best),
                       tempting=[best[state] != greedy[state] for state in rows["state"]])  # fmt: skip


def test_tables_keep_their_schemas():
    """All tables pass their declarations; trainees are staff of their time."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["practice_games"])
    for name in ("rules", "responsibilities", "decisions"):
        validate(name, world[name])
    rows = world["decisions"].merge(world["staff"], left_on="subject_id", right_on="staff_id")
    assert len(rows) == len(world["decisions"])
    assert (rows["decided_at"] >= rows["hired_on"]).all()
    assert (rows["decided_at"] < rows["left_on"].fillna(pd.Timestamp("2026-07-01"))).all()


def test_simulation_training_the_planted_policy_is_optimal(worlds):
    """No single allowed move improves on the planted policy in any state, and its worth is as planted."""
    world = worlds[0]
    states, moves, money, chance = game(world)
    value = worth(world, best_policy(world))
    truth = world["truth_parameters"].set_index("name")["value"]
    assert np.allclose(value, [truth[f"worth of {state}"] for state in states], atol=0.02)
    mine = [k for k, move in enumerate(moves) if move in allowed(world)]
    assert (money[:, mine] + truth["discount"] * chance[:, mine] @ value <= value[:, None] + 1e-6).all()
    assert np.allclose(chance.sum(axis=2), 1, atol=1e-5)


def test_simulation_training_the_money_of_the_turn_misleads(worlds):
    """The best move of the turn is worth less in the long run, and the customer's move pays though it is
    not ours.
    """
    world = worlds[0]
    best, greedy = best_policy(world), greedy_policy(world)
    assert best != greedy
    assert (worth(world, best) - worth(world, greedy)).min() > 5
    beyond = best | {"calm, stock 2": "lower the customer's order"}
    assert beyond["calm, stock 2"] not in allowed(world)
    assert worth(world, beyond).mean() > worth(world, best).mean()


def test_simulation_training_finds_the_weak_decision_and_the_limit(worlds):
    """Rates of error by kind of week, and oversteps by move, name what was planted."""
    for world in worlds:
        rows = errors(world)
        rate = rows[rows["tempting"]].groupby("week")["wrong"].mean()
        structure = world["truth_structure"].set_index("kind")
        assert rate.idxmax() == structure.loc["weak kind of decision", "source"]
        moves = played(world)["move"]
        overstepped = moves[~moves.isin(allowed(world))].value_counts()
        assert overstepped.idxmax() == structure.loc["limit overstepped most", "source"]


def test_simulation_training_counts_and_earnings_mislead(worlds):
    """Most errors happen in calm weeks, which are most weeks; who earns most has overstepped more than
    others.
    """
    calm, top = [], []
    for world in worlds:
        rows = errors(world)
        count = rows[rows["wrong"]].groupby("week").size()
        calm.append(count["calm"] > count["rush"])
        moves = played(world)
        moves = moves.assign(over=~moves["move"].isin(allowed(world)))
        trainee = moves.groupby("subject_id").agg(money=("realised_amt", "sum"), over=("over", "mean"))
        top.append(trainee.nlargest(10, "money")["over"].mean() > 1.3 * trainee["over"].mean())
    assert np.mean(calm) >= 0.8
    assert np.mean(top) >= 0.7


def test_simulation_training_without_the_effect_there_is_nothing(nulls):
    """The money of the turn is the long run's, nobody errs and nobody oversteps."""
    for world in nulls:
        assert best_policy(world) == greedy_policy(world)
        assert not errors(world)["wrong"].any()
        assert played(world)["move"].isin(allowed(world)).all()
        assert set(world["truth_structure"]["kind"]) == {"best move"}


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = world_of(9, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert len(world["decisions"]) > 500
