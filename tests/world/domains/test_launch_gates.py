"""Checkpoints foretell launches, and the bot helps or harms, as planted; stated importance and the average
mislead.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import launch_gates
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "sustain.launch_checkpoints"
SEEDS = range(1, 11)


def world_of(seed, **options):
    """Return the domain's tables for customers none of whom has left: what they order is not needed here."""
    settings = WorldSettings(seed=seed, customers=options.pop("customers", 3000), **options)
    market = generate(settings, domains=["market"])
    return market | launch_gates.generate(settings, market, stream(seed, "launch_gates"))


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def launches(world):
    """Return which checkpoints were unmet (launches by checkpoint) and whether the launch was rolled back,
    by time.
    """
    rows = world["ratings"][world["ratings"]["exercise"] == "launch checkpoint"]
    unmet = 1 - rows.pivot_table(index="subject_id", columns="item_code", values="score")
    done = world["changes"].set_index("change_id").loc[unmet.index].sort_values("requested_at")
    return unmet.loc[done.index], done["rolled_back_at"].notna().to_numpy()


def gates(world):
    truth = world["truth_effects"]
    truth = truth[truth["unit"] == "probit"]
    return set(truth.loc[truth["size"] > 0, "action"])


def differences(world):
    """Return how much more often a launch was rolled back when a checkpoint was unmet, on the later half,
    by checkpoint.
    """
    unmet, failed = launches(world)
    later = slice(len(unmet) // 3, None)
    return (unmet[later].T @ failed[later] / unmet[later].sum()) - (
        (1 - unmet[later]).T @ failed[later] / (1 - unmet[later]).sum()
    )


def pilot(world):
    """Return one row a chat: arm, design, segment, solved, known."""
    rows = world["ratings"][world["ratings"]["exercise"] == "after a chat"]
    said = rows.pivot_table(index="subject_id", columns="item_code", values="score")
    return world["assignments"].set_index("subject_id")[["arm", "design", "stratum"]].join(said)


def lift(rows, item):
    """Return what the bot adds to an answer, and its standard error."""
    bot, person = (rows.loc[rows["arm"] == arm, item] for arm in ("bot", "person"))
    return bot.mean() - person.mean(), np.sqrt(bot.var() / len(bot) + person.var() / len(person))


def truth_of(world, item):
    truth = world["truth_effects"]
    return truth[(truth["action"] == "bot answers") & (truth["metric"] == item)].set_index("stratum")["size"]


def test_tables_keep_their_schemas():
    """All tables pass their declarations; chats lie within the time of their customer."""
    world = generate(WorldSettings(seed=1, customers=600), domains=["launch_gates"])
    for name in ("changes", "ratings", "initiatives", "assignments", "interactions"):
        validate(name, world[name])
    rows = world["interactions"][world["interactions"]["interaction_id"].str.startswith("LGX")]
    rows = rows.merge(world["customers"], on="customer_id")
    assert (rows["arrived_at"] >= rows["created_at"]).all()
    assert (rows["arrived_at"] < rows["closed_at"].fillna(pd.Timestamp("2026-07-01"))).all()
    assert (rows["answered_at"].isna() | (rows["answered_at"] >= rows["arrived_at"])).all()
    assert world["changes"]["rolled_back_at"].max() < pd.Timestamp("2026-07-01")


def test_launch_checkpoints_the_planted_ones_come_first(worlds):
    """Ranked by how much more often launches fail without them, the planted checkpoints lead on later
    launches.
    """
    hits, auc = 0, []
    for world in worlds:
        hits += len(set(differences(world).nlargest(3).index) & gates(world))
        unmet, failed = launches(world)
        third = len(unmet) * 2 // 3
        model = LogisticRegression().fit(unmet[:third], failed[:third])
        auc.append(roc_auc_score(failed[third:], model.decision_function(unmet[third:])))
    assert hits >= 0.9 * 3 * len(worlds)
    assert np.mean(auc) > 0.7


def test_launch_checkpoints_importance_as_stated_names_others(worlds):
    """What the board finds most important, and what failed launches most often lacked, are not the planted
    ones.
    """
    for world in worlds:
        said = world["ratings"][world["ratings"]["exercise"] == "importance of checkpoints"]
        said = said.groupby("subject_id")["score"].mean()
        assert not set(said.nlargest(3).index) & gates(world)
    often = []
    for world in worlds:
        unmet, failed = launches(world)
        often.append(set(unmet[failed].mean().nlargest(3).index) == gates(world))
    assert np.mean(often) < 0.7


def test_launch_checkpoints_the_harmed_segment_is_found(worlds):
    """By segment, among those drawn by lot, intervals hold the planted effects and the harm stands out."""
    covered = []
    for world in worlds:
        rows = pilot(world)
        lot = rows[rows["design"] == "random"]
        truth = truth_of(world, "solved")
        gaps = {segment: lift(part, "solved") for segment, part in lot.groupby("stratum")}
        covered += [abs(gap - truth[segment]) <= 1.96 * se for segment, (gap, se) in gaps.items()]
        harmed = truth.idxmin()
        assert min(gaps, key=lambda segment: gaps[segment][0] / gaps[segment][1]) == harmed
        gap, se = gaps[harmed]
        assert gap + 1.96 * se < 0
        assert lift(lot[lot["stratum"] == harmed], "known")[0] < -0.4
    assert np.mean(covered) >= stats.binom.ppf(0.005, len(covered), 0.95) / len(covered)


def test_launch_checkpoints_the_average_improves(worlds):
    """Over all customers drawn by lot the bot solves more; and where customers chose, it seems to help even
    more.
    """
    by_lot, chosen = [], []
    for world in worlds:
        rows = pilot(world)
        by_lot.append(lift(rows[rows["design"] == "random"], "solved")[0])
        chosen.append(lift(rows[rows["design"] == "chosen"], "solved")[0])
    assert np.mean(by_lot) > 0.04
    assert np.mean(chosen) > np.mean(by_lot) + 0.05


def test_launch_checkpoints_without_the_effect_nothing_foretells(nulls):
    """No checkpoint goes with failure, and the bot changes no segment, beyond chance."""
    assert all(gates(world) == set() for world in nulls)
    mean = pd.DataFrame([differences(world) for world in nulls]).mean()
    assert mean.abs().max() < 0.08
    z = []
    for world in nulls:
        rows = pilot(world)
        for _, part in rows[rows["design"] == "random"].groupby("stratum"):
            z += [np.divide(*lift(part, item)) for item in ("solved", "known")]
    assert np.mean(np.abs(z) > 1.96) <= 0.14


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = world_of(9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert len(world["changes"]) == 260
