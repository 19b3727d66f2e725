"""Two options fail together, each is worth what was planted, and errors per option tell neither."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares
from scipy.stats import norm

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.customization_depth"


def make(seed, customers=600, **kw):
    """A world with configured orders."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["options"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with options."""
    return [make(seed) for seed in range(5)]


def configured(world):
    """Options (orders x names), what was paid, whether it went wrong."""
    rows = world["config_versions"].query("kind == 'order options'")
    values = [json.loads(text) for text in rows["value_json"]]
    names = sorted({name for value in values for name in value["options"]})
    taken = pd.DataFrame([[name in value["options"] for name in names] for value in values], columns=names)
    wrong = rows["config_version_id"].isin(world["exceptions"]["config_version_id"]).to_numpy()
    return taken, np.array([value["paid_amt"] for value in values]), wrong


def pair_scores(taken, wrong):
    """z of the excess of errors with both options over what each alone adds, for every pair."""
    score = {}
    y = wrong.astype(float)
    for a, b in combinations(taken.columns, 2):
        group = taken[a].to_numpy() * 2 + taken[b].to_numpy() * 1
        if min(np.bincount(group, minlength=4)) < 30:
            continue
        mean = [y[group == g].mean() for g in range(4)]
        variance = [max(m * (1 - m), 1e-3) / (group == g).sum() for g, m in enumerate(mean)]
        score[a, b] = (mean[3] - mean[2] - mean[1] + mean[0]) / np.sqrt(sum(variance))
    return pd.Series(score)


def planted(world, kind):
    """The planted figure of each option."""
    rows = world["truth_parameters"].query("play == @PLAY")
    rows = rows[rows["name"].str.startswith(kind)]
    return pd.Series(rows["value"].to_numpy(), rows["name"].str.removeprefix(f"{kind}: "))


def test_tables_keep_their_schemas(worlds):
    """Declared, and every error belongs to a configured order."""
    world = worlds[0]
    for table in ("config_versions", "exceptions"):
        validate(table, world[table])
    assert world["config_versions"]["config_id"].isin(world["orders"]["order_id"]).all()
    assert world["exceptions"]["config_version_id"].isin(world["config_versions"]["config_version_id"]).all()


def test_customization_depth_finds_the_planted_pair(worlds):
    """Of all pairs, the planted one fails most beyond what its options do alone."""
    for world in worlds:
        taken, _, wrong = configured(world)
        pair = world["truth_structure"].query("play == @PLAY").iloc[0]
        assert set(pair_scores(taken, wrong).idxmax()) == {pair["source"], pair["target"]}


def test_customization_depth_recovers_values_and_concavity(worlds):
    """What is paid, fitted as a power of a sum, gives each option's value."""
    fits = []
    for world in worlds[:2]:
        taken, paid, _ = configured(world)
        true = planted(world, "value").reindex(taken.columns)
        some = taken.any(axis=1).to_numpy()
        design, log_paid = taken.to_numpy(dtype=float)[some], np.log(np.maximum(paid[some], 0.01))

        def residual(theta, design=design, log_paid=log_paid):
            return theta[-1] * np.log(design @ np.exp(theta[:-1])) - log_paid

        theta = least_squares(residual, np.r_[np.full(len(true), 2.0), 1.0]).x
        fits.append(np.r_[np.exp(theta[:-1]) / true, theta[-1] / planted(world, "concavity").iloc[0]])
    assert np.mean(fits, axis=0) == pytest.approx(np.ones(len(true) + 1), abs=0.08)


def test_customization_depth_misleads_who_counts_errors_per_option(worlds):
    """The option with the highest share of errors, or the companion of the pair, does nothing or is not in the pair."""
    for world in worlds:
        taken, _, wrong = configured(world)
        lift = pd.Series({o: wrong[taken[o]].mean() - wrong[~taken[o]].mean() for o in taken})
        suspects = lift.nlargest(4).index
        error = planted(world, "error")
        assert any(error[o] == 0 for o in suspects)  # the companion, or an option that fails only in the pair
        assert lift["labelling"] > 0.01 > error["labelling"]


def test_customization_depth_has_no_pair_without_effect():
    """No pair stands out beyond the largest of 66 normal deviates."""
    largest = []
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        taken, paid, wrong = configured(world)
        scores = pair_scores(taken, wrong)
        largest.append(scores.abs().max())
        assert paid.max() == 0
        assert world["truth_structure"].query("play == @PLAY").empty
    assert np.median(largest) < norm.isf(0.01 / 66)
