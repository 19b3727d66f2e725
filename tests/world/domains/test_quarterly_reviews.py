"""Figures change where that was planted, noise stays noise, and weights decide who of the pair is ahead."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import quarterly_reviews
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "measure.scorecard"
SEEDS = range(20)


def world_of(seed, **options):
    settings = WorldSettings(seed=seed, customers=400, **options)
    market = generate(settings, domains=["market"])
    return market | quarterly_reviews.generate(settings, market, stream(seed, "quarterly_reviews"))


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in range(8)]


def changes(world):
    """Return each figure of each account from one quarter to the next: mean change within raters, and its z.

    The variance of a rater's change is pooled over accounts, figures and quarters.
    """
    rows = world["ratings"][world["ratings"]["exercise"] == "quarterly review"]
    table = rows.pivot_table(
        index=["subject_id", "item_code", "rater_id"], columns="round_no", values="score"
    )
    moved = table.diff(axis=1).iloc[:, 1:]
    cells = moved.groupby(level=[0, 1])
    raters = 6
    sd = np.sqrt(cells.var().to_numpy().mean())
    mean = cells.mean().stack().rename("change").reset_index()
    return mean.assign(z=mean["change"] / (sd / np.sqrt(raters)))


def truth_of(world, kind):
    rows = world["truth_shifts"]
    rows = rows[(rows["play"] == PLAY) & (rows["kind"] == kind)]
    settings = WorldSettings()
    quarter = ((rows["start_at"] - settings.start) / pd.Timedelta(days=1) / settings.days * 12).round() + 1
    return rows.assign(round_no=quarter)


def flagged(world):
    found = changes(world)
    steps = truth_of(world, "step").rename(columns={"subject": "subject_id", "metric": "item_code"})
    found = found.merge(steps[["subject_id", "item_code", "round_no", "size"]], how="left",
                        on=["subject_id", "item_code", "round_no"])  # fmt: skip
    quiet = truth_of(world, "noise only")["round_no"]
    return found.assign(quiet=found["round_no"].isin(quiet), called=found["z"].abs() > stats.norm.ppf(0.975))


def ranks_first(world, side):
    """Return who of the pair has the higher weighted score over all quarters, by the weights of one side."""
    weights = world["ratings"][world["ratings"]["exercise"] == "scorecard weights"]
    weights = weights[weights["rater_party"] == side].groupby("subject_id")["score"].mean()
    rows = world["ratings"][world["ratings"]["exercise"] == "quarterly review"]
    level = (
        rows.groupby(["subject_id", "item_code"])["score"]
        .mean()
        .reset_index()
        .pivot_table(index="subject_id", columns="item_code", values="score")
    )
    return (level @ weights[level.columns] / weights.sum()).sort_values(ascending=False)


def test_tables_keep_their_schemas():
    """Ratings pass their declaration and are of the quarter they are about."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["quarterly_reviews"])
    validate("ratings", world["ratings"])
    assert world["ratings"]["rated_at"].max() < pd.Timestamp("2026-07-01")
    assert world["ratings"]["subject_id"].isin(world["accounts"]["account_id"]).sum() > 1000


def test_scorecard_recovers_planted_changes(worlds):
    """Steps are called in nearly all cases, with their planted size."""
    found = pd.concat([flagged(world) for world in worlds])
    steps = found[found["size"].notna()]
    assert len(steps) == 14 * len(worlds)
    assert steps["called"].mean() > 0.9
    assert (steps["change"] - steps["size"]).mean() == pytest.approx(0, abs=0.06)


def test_scorecard_noise_is_called_at_the_nominal_rate(worlds):
    """In quarters with nothing but noise, one change in twenty is called, not more."""
    quiet = pd.concat([flagged(world) for world in worlds]).query("quiet")
    assert quiet["called"].mean() < 0.06
    assert quiet["size"].isna().all()


def test_scorecard_arrows_find_a_change_every_quarter(worlds):
    """An arrow for each difference of a quarter point calls half of what is noise."""
    quiet = pd.concat([flagged(world) for world in worlds]).query("quiet")
    assert (quiet["change"].abs() >= 0.25).mean() > 0.2


def test_scorecard_weights_flip_the_pair(worlds):
    """Our weights put one of the pair ahead, the customers' weights the other."""
    for world in worlds:
        truth = world["truth_structure"].set_index("kind")
        for side, party in (("ours", "staff"), ("customer", "customer")):
            row = truth.loc[f"ahead by the weights of: {side}"]
            order = ranks_first(world, party)
            assert order[row["source"]] > order[row["target"]] + 0.15


def test_scorecard_without_the_effect_there_is_only_noise(nulls):
    """No step, no more calls than the nominal rate, and the pair is level."""
    found = pd.concat([flagged(world) for world in nulls])
    assert found["size"].isna().all()
    assert found["called"].mean() < 0.06
    assert all(world["truth_structure"].empty for world in nulls)


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    settings = WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2})
    world = generate(settings, domains=["quarterly_reviews"])
    validate("ratings", world["ratings"])
