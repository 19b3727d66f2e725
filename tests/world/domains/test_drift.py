"""Drift is a difference of content, and a rollback touches what can be reached."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "govern.config_versions"


def make(seed, **kw):
    """A world with declared and live settings."""
    return generate(WorldSettings(seed=seed, customers=400, **kw), domains=["drift"])


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [make(seed) for seed in range(6)]


def pairs(world):
    """Declared and live version of each setting."""
    rows = world["config_versions"].query("kind == 'setting' and account_id.notna()")
    declared, live = rows.query("environment == 'declared'"), rows.query("environment == 'live'")
    return declared.merge(live, on="config_id", suffixes=("_declared", "_live"))


def drifted(world):
    """Live versions with another content than declared."""
    both = pairs(world)
    differ = [
        json.loads(a) != json.loads(b)
        for a, b in zip(both["value_json_declared"], both["value_json_live"], strict=True)
    ]
    return set(both.loc[differ, "config_version_id_live"])


def planted(world):
    """Live versions that were made to drift."""
    return set(world["truth_labels"].query("play == @PLAY and label == 'drift'")["key"])


def touched(world, change, deep=True):
    """Versions that a rollback of a change would touch: its users, and (deep) who reads them."""
    edges = world["dependencies"].query("kind in ('uses fix', 'reads')")
    found, front = set(), {change}
    while front:
        front = set(edges.loc[edges["from_id"].isin(front), "to_id"]) - found
        found |= front
        if not deep:
            break
    return found


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, inside the history."""
    world = worlds[0]
    for table in ("config_versions", "changes"):
        validate(table, world[table])
    assert world["config_versions"]["change_id"].isin(world["changes"]["change_id"]).all()
    assert world["config_versions"]["valid_from"].between(WorldSettings().start, WorldSettings().end).all()


def test_config_versions_semantic_difference_is_exactly_the_planted_drift(worlds):
    """What differs in content is what was planted."""
    for world in worlds:
        assert drifted(world) == planted(world) != set()


def test_config_versions_hashes_cry_wolf(worlds):
    """Most settings whose hashes differ have not drifted, or nearly so."""
    for world in worlds:
        both = pairs(world)
        by_hash = set(
            both.loc[both["content_hash_declared"] != both["content_hash_live"], "config_version_id_live"]
        )
        assert len(by_hash - planted(world)) > 0.2 * len(by_hash)


def test_config_versions_rate_over_time_is_the_planted_one(worlds):
    """Weibull times to drift, with settings that have not drifted as censored, give scale and shape back."""
    errors = []
    for world in worlds:
        both = pairs(world)
        both = both[~both["key_live"].isin(["discount rules", "contact rules"])]
        has = both["config_version_id_live"].isin(drifted(world)).to_numpy()
        end = both["valid_from_live"].where(has, WorldSettings().end)
        months = np.maximum(
            (end - both["valid_from_declared"]).dt.total_seconds().to_numpy() / 86_400 / 30.5, 1e-3
        )

        def minus(theta, months=months, has=has):
            scale, shape = np.exp(theta)
            hazard = (months / scale) ** shape
            return (
                -(has * (np.log(shape / scale) + (shape - 1) * np.log(months / scale))).sum() + hazard.sum()
            )

        scale, shape = np.exp(minimize(minus, np.log([40.0, 1.0]), method="Nelder-Mead").x)
        true = world["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
        errors.append(
            [np.log(scale / true["scale of time to drift"]), np.log(shape / true["shape of time to drift"])]
        )
    mean, error = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1) / np.sqrt(len(errors))
    assert (abs(mean) < 3.5 * error + 0.02).all()
    assert (error < 0.15).all()


def test_config_versions_rollback_reaches_further_than_direct_users(worlds):
    """Following who reads whom gives the planted set; the direct users alone miss some."""
    for world in worlds:
        truth = world["truth_structure"].query("play == @PLAY and kind == 'shared fix'")
        for change, group in truth.groupby("source"):
            assert touched(world, change) == set(group["target"])
            assert touched(world, change, deep=False) < set(group["target"])


def test_config_versions_has_no_drift_without_effect():
    """Same content everywhere, and no fix reaches beyond its users."""
    world = make(3, effects={PLAY: 0})
    assert drifted(world) == planted(world) == set()
    truth = world["truth_structure"].query("play == @PLAY")
    for change, group in truth.groupby("source"):
        assert touched(world, change, deep=False) == set(group["target"])
    assert pd.notna(world["config_versions"]["valid_from"]).all()
