"""Which model and whose word to follow is as planted, and choices of staff make every override look good."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import model_advice
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "govern.model_oversight"
SEEDS = range(10)


@pytest.fixture(scope="module")
def orders():
    """Orders and staff of one world: the domain draws its own cases from them."""
    return generate(WorldSettings(seed=1, customers=800), domains=["orders", "organisation"])


def world_of(seed, orders, **options):
    settings = WorldSettings(seed=seed, customers=800, **options)
    return orders | model_advice.generate(settings, orders, stream(seed, "model_advice"))


@pytest.fixture(scope="module")
def worlds(orders):
    return [world_of(seed, orders) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls(orders):
    return [world_of(seed, orders, effects={PLAY: 0}) for seed in SEEDS]


def brier(world):
    """Return per model: Brier score, and its parts by tenths of the score: reliability (bad) and resolution
    (good).
    """
    names = world["model_versions"].set_index("model_version_id")["model_name"]
    rows = world["model_scores"].assign(model=world["model_scores"]["model_version_id"].map(names))
    found = {}
    for model, part in rows.groupby("model"):
        bins = part.groupby(np.floor(part["score"] * 10).clip(upper=9))
        share, said, count = bins["label"].mean(), bins["score"].mean(), bins.size()
        base = part["label"].mean()
        found[model] = {
            "brier": ((part["score"] - part["label"]) ** 2).mean(),
            "reliability": (count * (said - share) ** 2).sum() / len(part),
            "resolution": (count * (share - base) ** 2).sum() / len(part),
        }
    return pd.DataFrame(found).T


def gain(world, design):
    """Return what following was worth by kind of order, with its standard error."""
    rows = world["decisions"].merge(world["assignments"], left_on="decision_id", right_on="subject_id")
    rows = rows[rows["design"] == design]
    found = {}
    for kind, part in rows.groupby("stratum"):
        arms = [part.loc[part["arm"] == arm, "realised_amt"] for arm in ("override followed", "model")]
        se = np.sqrt(sum(arm.var() / len(arm) for arm in arms))
        found[kind] = (arms[0].mean() - arms[1].mean(), se)
    return found


def truth_of(world):
    return world["truth_effects"].set_index("stratum")["size"]


def test_tables_keep_their_schemas():
    """All tables pass their declarations; orders and staff resolve; nobody is scored outside their time."""
    world = generate(WorldSettings(seed=1, customers=600), domains=["model_advice"])
    for name in ("model_versions", "model_scores", "assignments", "decisions", "initiatives"):
        validate(name, world[name])
    assert world["decisions"]["subject_id"].isin(world["orders"]["order_id"]).all()
    assert world["decisions"]["overridden_by"].isin(world["staff"]["staff_id"]).all()
    rows = world["model_scores"].merge(world["customers"], on="customer_id")
    assert (rows["scored_at"] >= rows["created_at"]).all()
    assert (rows["scored_at"] < rows["closed_at"].fillna(pd.Timestamp("2026-07-01"))).all()


def test_model_oversight_the_better_model_of_each_use_is_found(worlds):
    """The Brier score names the planted model, and its parts say why: calibration in one use, resolution in
    the other.
    """
    for world in worlds:
        table = brier(world)
        better = world["truth_structure"].set_index("source")["target"]
        for use in ("payment check", "delivery date"):
            assert table.loc[table.index.str.startswith(use), "brier"].idxmin() == better[use]
        assert (
            table.loc["payment check, opaque", "reliability"]
            > 3 * table.loc["payment check, simple", "reliability"]
        )
        gap = (
            table.loc["delivery date, opaque", "resolution"]
            - table.loc["delivery date, simple", "resolution"]
        )
        assert gap > 0.02


def test_model_oversight_ranking_alone_hides_overconfidence(worlds):
    """By how well they rank, the overconfident model is as good as the simple one."""
    for world in worlds:
        table = brier(world)
        gap = (
            table.loc["payment check, opaque", "resolution"]
            - table.loc["payment check, simple", "resolution"]
        )
        assert abs(gap) < 0.02


def test_model_oversight_overrides_by_lot_recover_the_gain(worlds):
    """Where the lot decided, intervals hold what following is worth, for complex and for routine orders."""
    covered = []
    for world in worlds:
        truth = truth_of(world)
        for kind, (value, se) in gain(world, "random").items():
            covered.append(abs(value - truth[kind]) <= 1.96 * se)
            assert np.sign(value) == np.sign(truth[kind])
    assert sum(covered) >= stats.binom.ppf(0.005, len(covered), 0.95)


def test_model_oversight_overrides_that_staff_chose_all_seem_to_pay(worlds):
    """Where staff chose, the gain is overstated, and overrides of routine orders do not look as harmful as
    they are.
    """
    bias = []
    for world in worlds:
        truth = truth_of(world)
        bias += [value - truth[kind] for kind, (value, _) in gain(world, "chosen").items()]
    assert np.mean(bias) > 20
    routine = [gain(world, "chosen")["routine order"][0] for world in worlds]
    assert np.mean(routine) > -5


def test_model_oversight_without_the_effect_nobody_knows_better(nulls):
    """Models of a use are alike, and following is worth nothing, by lot or by choice."""
    z = []
    for world in nulls:
        table = brier(world)["brier"]
        for use in ("payment check", "delivery date"):
            assert np.ptp(table[table.index.str.startswith(use)]) < 0.004
        z += [value / se for design in ("random", "chosen") for value, se in gain(world, design).values()]
        assert world["truth_structure"].empty
    assert np.mean(np.abs(z) > 1.96) <= 0.15
    assert abs(np.mean(z)) < 0.5


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    settings = WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert len(generate(settings, domains=["model_advice"])["decisions"]) > 50
