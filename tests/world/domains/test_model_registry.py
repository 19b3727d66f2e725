"""Deployments differ between markets where that was planted; only giving an answer again shows all of it."""

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

PLAY = "sustain.model_versions"
SEEDS = range(1, 9)


world_of = partial(drawn, "model_registry", base="company", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def live(world):
    rows = world["model_versions"]
    return rows[rows["stage"] == "live"]


def odd_ones(world, column):
    """Return model and market where the live value of a column is not that of the model's majority."""
    rows = live(world)
    usual = rows.groupby("model_name")[column].agg(lambda values: values.mode()[0])
    odd = rows[rows[column] != rows["model_name"].map(usual)]
    return set(zip(odd["model_name"], odd["region_id"], strict=True))


def replay(world):
    """Return model and market in which an answer, given again by the version that is logged, comes out
    differently.
    """
    scores = world["model_scores"].merge(world["model_versions"], on=["model_version_id", "region_id"])
    wrong = set()
    for (name, region, content), rows in scores.groupby(["model_name", "region_id", "artifact_json"]):
        model = json.loads(content)
        names = rows["feature_names"].iloc[0].split(",")
        x = pd.DataFrame(rows["features_json"].map(json.loads).tolist())[names].to_numpy()
        again = 1 / (1 + np.exp(-(model["intercept"] + x @ np.array(model["weights"]))))
        if not np.allclose(again, rows["score"], atol=1e-8):
            wrong.add((name, region))
    return wrong


def planted(world, *kinds):
    rows = world["truth_structure"]
    rows = rows[rows["kind"].isin(kinds)]
    return set(zip(rows["source"], rows["target"], strict=True))


def test_tables_keep_their_schemas():
    """Both tables pass their declarations; each answer's version was live in its market by then."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["model_registry"])
    for name in ("model_versions", "model_scores"):
        validate(name, world[name])
    rows = world["model_scores"].merge(
        world["model_versions"], on=["model_version_id", "region_id"], how="left"
    )
    assert (rows["scored_at"] > rows["deployed_at"]).all()
    assert (world["model_versions"]["trained_at"] < world["model_versions"]["deployed_at"]).all()


def test_model_versions_fingerprints_and_replay_find_every_fault(worlds):
    """Version, file and library held against the majority, and answers given again, find what is planted
    and no more.
    """
    for world in worlds:
        behind, library = planted(world, "behind"), planted(world, "other library")
        assert odd_ones(world, "model_version_id") == behind
        assert odd_ones(world, "artifact_hash") - behind == planted(world, "other file")
        assert odd_ones(world, "library_hash") == library
        assert replay(world) == planted(world, "rolled back unseen") | library
        assert len(world["truth_structure"]) == 7


def test_model_versions_names_alone_miss_most_faults(worlds):
    """The same version name in every market is called consistent, with most faults in place."""
    for world in worlds:
        every = planted(world, "behind", "other file", "rolled back unseen", "other library")
        assert len(odd_ones(world, "model_version_id")) <= 2 < len(every)


def test_model_versions_without_the_effect_every_market_is_alike(nulls):
    """All markets run the same files, and every answer comes out again."""
    for world in nulls:
        for column in ("model_version_id", "artifact_hash", "library_hash"):
            assert odd_ones(world, column) == set()
        assert replay(world) == set()
        assert world["truth_structure"].empty


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market: nothing to compare with."""
    world = world_of(9, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert world["truth_structure"].empty
    assert len(world["model_scores"]) > 1000
