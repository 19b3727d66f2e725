"""Accounts that wait where no clock of ours runs are found on the customer's clock only."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "measure.experience_sla"


def make(seed, customers=1200, **kw):
    """A world with episodes."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["episodes", "processes"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with hidden waits."""
    return [make(seed) for seed in range(5)]


def clocks(world):
    """Per episode: account, hours on our clock and on the customer's."""
    log = world["touchpoints"].merge(world["customers"][["customer_id", "account_id"]], on="customer_id")
    log["own"] = (log["ended_at"] - log["started_at"]).dt.total_seconds() / 3600 * (log["party"] == "us")
    grouped = log.groupby("case_id")
    frame = grouped.agg(account_id=("account_id", "first"), own=("own", "sum"))
    frame["customer"] = (grouped["ended_at"].max() - grouped["started_at"].min()).dt.total_seconds() / 3600
    return frame


def red(world, clock, how):
    """Accounts that break the promise on a clock."""
    term = world["contract_terms"].iloc[0]
    hours = clocks(world).groupby("account_id")[clock]
    value = hours.quantile(term["percentile"]) if how == "percentile" else hours.mean()
    return set(value.index[value > term["target"]])


def planted(world):
    """The planted accounts."""
    return set(world["truth_labels"].query("play == @PLAY and label == 'watermelon'")["key"])


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, inside the history."""
    world = worlds[0]
    for table in ("touchpoints", "surveys", "contract_terms"):
        validate(table, world[table])
    assert world["touchpoints"]["ended_at"].max() < WorldSettings().end
    assert world["surveys"]["responded_at"].max() < WorldSettings().end


def test_experience_sla_finds_the_planted_accounts(worlds):
    """The percentile of the customer's clock finds nearly all, and few others."""
    found, true, hit = 0, 0, 0
    for world in worlds:
        accounts, truth = (
            red(world, "customer", "percentile") - red(world, "own", "percentile"),
            planted(world),
        )
        found, true, hit = found + len(accounts), true + len(truth), hit + len(accounts & truth)
    assert true > 50
    assert hit / true > 0.9
    assert hit / found > 0.9


def test_experience_sla_is_green_inside_and_half_green_on_average(worlds):
    """Our clock finds nobody; the mean of the customer's clock misses those who wait seldom and long."""
    for world in worlds:
        assert len(red(world, "own", "percentile") & planted(world)) <= 1
    missed = np.mean([len(planted(w) - red(w, "customer", "mean")) / len(planted(w)) for w in worlds])
    assert missed > 0.3


def test_experience_sla_shows_in_satisfaction(worlds):
    """Planted accounts are less satisfied, though their own-clock hours are the same."""
    for world in worlds:
        hours = clocks(world)
        score = world["surveys"].set_index("trigger_id")["score"].reindex(hours.index)
        is_planted = hours["account_id"].isin(planted(world))
        assert score[is_planted].mean() < score[~is_planted].mean() - 0.3
        assert hours["own"][is_planted].mean() == pytest.approx(hours["own"][~is_planted].mean(), rel=0.15)


def test_experience_sla_has_no_hidden_waits_without_effect():
    """Nobody is red on either clock."""
    world = make(7, effects={PLAY: 0})
    assert planted(world) == set()
    assert len(red(world, "customer", "percentile")) <= 2
