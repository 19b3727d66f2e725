"""The window that forecasts best is as long as behaviour remembers; after the change the longest one loses."""

import json

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)
PLAY = "unify.retention_policy"
WINDOWS = np.arange(2, 31)


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("memory", seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def plain_worlds():
    """Three worlds without the plant."""
    return [drawn("memory", seed, effects={PLAY: 0}) for seed in range(3)]


def uses(tables):
    """Uses by customer and week, (customers, weeks)."""
    rows = tables["events"].query("event_type == 'app_week'")
    return (
        rows.pivot(index="customer_id", columns="occurred_at", values="value").sort_index(axis=1).to_numpy()
    )


def mean_before(counts, week, window):
    return counts[:, max(0, week - window) : week].mean(axis=1)


def regression_scores(counts, weeks):
    """Mean squared error of next week's use, by window, from a line fitted on the weeks before (rolling origin)."""
    errors = []
    for window in WINDOWS:
        x = np.array([mean_before(counts, week, window) for week in weeks])
        y = counts[:, weeks].T
        cut = len(weeks) // 3
        slope, level = np.polyfit(x[:cut].ravel(), y[:cut].ravel(), 1)
        errors.append(np.mean((y[cut:] - level - slope * x[cut:]) ** 2))
    return np.array(errors)


def mean_score(counts, weeks, window):
    """Mean squared error of next week's use when it is taken to be the mean of the window."""
    return np.mean([np.mean((counts[:, week] - mean_before(counts, week, window)) ** 2) for week in weeks])


def truth(tables):
    rows = tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    shift = tables["truth_shifts"].query("play == @PLAY").iloc[0]
    return rows["memory of behaviour"], shift


def test_tables_keep_their_schemas(worlds):
    """Events and rules pass their declarations; some rows are past their law's limit, most are not."""
    for name in ("events", "rules"):
        validate(name, worlds[0][name])
    limits = worlds[0]["rules"].query("ruleset == 'retention'")
    days = {
        row.jurisdiction: row.clock_h / 24
        for row in limits.itertuples()
        if json.loads(row.condition_json) == {"table": "events", "purpose": "analytics"}
    }
    home = (
        worlds[0]["customers"]
        .merge(worlds[0]["regions"], on="region_id")
        .set_index("customer_id")["jurisdiction"]
    )
    rows = worlds[0]["events"]
    age = (WorldSettings(seed=0).end - rows["occurred_at"]).dt.days
    over = age > rows["customer_id"].map(home).map(days)
    assert 0.1 < over.mean() < 0.7


def test_retention_policy_recovers_the_memory_of_behaviour(worlds):
    """Before the change, the best window by rolling origin is about the planted memory."""
    best = [WINDOWS[regression_scores(uses(t), np.arange(32, 74)).argmin()] for t in worlds]
    assert np.mean(best) == pytest.approx(truth(worlds[0])[0], abs=2.0)
    assert np.ptp(best) <= 8


def test_retention_policy_recovers_the_date_of_the_change(worlds):
    """The step in the mean use that explains most is in the planted week."""
    for tables in worlds:
        mean = uses(tables).mean(axis=0)
        split = [np.var(mean[:k]) * k + np.var(mean[k:]) * (len(mean) - k) for k in range(5, len(mean) - 5)]
        shift = truth(tables)[1]
        week = 5 + int(np.argmin(split))
        planted = len(mean) - (shift["end_at"] - shift["start_at"]).days // 7
        assert abs(week - planted) <= 1
        assert np.log(mean[planted + 5 :].mean() / mean[:planted].mean()) == pytest.approx(
            shift["size"], abs=0.15
        )


def test_retention_policy_the_longest_window_loses_after_the_change(worlds):
    """After the change, keeping all history costs a third more error than the planted memory."""
    for tables in worlds:
        counts, weeks = uses(tables), np.arange(86, 110)
        assert mean_score(counts, weeks, 110) > 1.33 * mean_score(counts, weeks, 10)


def test_retention_policy_without_the_plant_longer_is_better(plain_worlds):
    """Without the plant all history is best, and no window's line forecasts anything."""
    for tables in plain_worlds:
        counts, weeks = uses(tables), np.arange(86, 110)
        assert mean_score(counts, weeks, 110) < mean_score(counts, weeks, 10)
        scores = regression_scores(counts, np.arange(32, 74))
        assert scores.min() > 0.98 * np.var(counts[:, 46:74])


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["memory"],
    )
    validate("events", tables["events"])
