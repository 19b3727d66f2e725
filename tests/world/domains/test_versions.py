"""Errors per run are those that were planted; errors alone follow use."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from playbook.store.writing import validate
from playbook.world.domains.versions import BURST
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "measure.error_iteration"


def make(seed, **kw):
    """A world with workflow versions."""
    return generate(WorldSettings(seed=seed, customers=200, **kw), domains=["versions"])


@pytest.fixture(scope="module")
def worlds():
    """Twenty worlds."""
    return [make(seed) for seed in range(20)]


def counted(world):
    """Per version: runs, errors, weeks, planted rate."""
    versions = world["config_versions"].set_index("config_version_id")
    until = versions["valid_to"].fillna(WorldSettings().end)
    rows = world["truth_parameters"].query("play == @PLAY")
    return pd.DataFrame(
        {
            "config_id": versions["config_id"],
            "runs": [json.loads(text)["runs"] for text in versions["value_json"]],
            "errors": world["exceptions"]["config_version_id"]
            .value_counts()
            .reindex(versions.index)
            .fillna(0),
            "weeks": (until - versions["valid_from"]).dt.days / 7,
            "rate": pd.Series(rows["value"].to_numpy(), rows["name"].str.split(": ").str[1]).reindex(
                versions.index
            ),
        }
    )


def test_tables_keep_their_schemas(worlds):
    """Declared; errors lie within the life of their version; lives of a workflow do not overlap."""
    world = worlds[0]
    for table in ("config_versions", "changes", "exceptions"):
        validate(table, world[table])
    pairs = world["exceptions"].merge(world["config_versions"], on="config_version_id")
    assert (pairs["occurred_at"] >= pairs["valid_from"]).all()
    assert (pairs["occurred_at"] <= pairs["valid_to"].fillna(WorldSettings().end)).all()
    assert (counted(world)["weeks"] >= 1).all()


def test_error_iteration_recovers_the_rates_with_exposure(worlds):
    """Nine in ten planted rates lie in the 90 % interval of errors / runs that allows for bursts."""
    inside = []
    for world in worlds:
        found = counted(world).query("runs > 0")
        expected = found["rate"] * found["runs"]
        variance = expected + expected**2 / (BURST * found["weeks"])
        known = expected > 5
        inside.append((abs(found["errors"] - expected) <= 1.645 * np.sqrt(variance))[known].mean())
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


def test_error_iteration_plain_poisson_is_too_sure(worlds):
    """Intervals that take errors for independent hold far fewer of the planted rates."""
    inside = []
    for world in worlds:
        found = counted(world).query("runs > 0")
        expected = found["rate"] * found["runs"]
        inside.append((abs(found["errors"] - expected) <= 1.645 * np.sqrt(expected))[expected > 5].mean())
    assert np.mean(inside) < 0.82


def test_error_iteration_misleads_who_counts(worlds):
    """The order by errors is that of use; the order by errors per run is that of the rates."""
    by_count, by_rate = [], []
    for world in worlds:
        found = counted(world).query("runs > 100")
        by_count.append(spearmanr(found["errors"], found["rate"]).statistic)
        by_rate.append(spearmanr(found["errors"] / found["runs"], found["rate"]).statistic)
    assert np.mean(by_rate) > 0.9
    assert np.mean(by_count) < 0.6


def test_error_iteration_versions_are_alike_without_effect():
    """Rates differ by no more than bursts explain."""
    for seed in range(3):
        found = counted(make(seed, effects={PLAY: 0})).query("runs > 100")
        pooled = found["errors"].sum() / found["runs"].sum()
        expected = pooled * found["runs"]
        z = (found["errors"] - expected) / np.sqrt(expected + expected**2 / (BURST * found["weeks"]))
        assert 0.5 < z.var() < 1.6
        assert np.ptp(found["rate"]) < 1e-12
