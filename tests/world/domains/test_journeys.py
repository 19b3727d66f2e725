"""What moves renewal in the journey log is what was planted, and the two sources miss what they were made to miss."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "define.journey_map"
SEEDS = (1, 2, 3, 4, 5)


def make(seed, customers=4500, **kw):
    """A world with journeys."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["journeys", "processes"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with the effect, one without."""
    return [make(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """A world in which no touchpoint does anything and the log misses nothing."""
    return make(9, effects={PLAY: 0})


def sources(world):
    """Log, diary (case x touchpoint), renewal and confounders of the cases with an answered diary."""
    diary = world["surveys"].query("instrument == 'journey diary'")
    diary = diary.pivot_table(index="trigger_id", columns="item_code", values="score").dropna()
    seen = world["touchpoints"].assign(step=world["touchpoints"]["step_id"].str.split(":").str[1])
    log = pd.crosstab(seen["case_id"], seen["step"]).clip(upper=1)[diary.columns].loc[diary.index]
    end = seen.query("step == 'renewal'").set_index("case_id").loc[diary.index]
    customers = world["customers"].set_index("customer_id").loc[end["customer_id"]]
    start = seen.query("step == 'sign-up'").set_index("customer_id")["started_at"]
    before = world["orders"].query("kind == 'order'")
    before = before[before["ordered_at"] < before["customer_id"].map(start)]
    count = before["customer_id"].value_counts().reindex(end["customer_id"]).fillna(0).to_numpy()
    known = np.column_stack(
        [
            customers["tier"] == "gold",
            customers["tier"] == "silver",
            customers["preferred_channel"] != "phone",
            np.log1p(count),
        ]
    ).astype(float)
    return log.astype(bool), diary.astype(bool), ~end["failed"].to_numpy(), known


def adjusted(exposure, renewed, known):
    """Effect of every touchpoint on renewal: a linear model with the confounders."""
    design = np.column_stack([np.ones(len(known)), exposure.to_numpy(dtype=float), known])
    slope = np.linalg.lstsq(design, renewed.astype(float), rcond=None)[0]
    return pd.Series(slope[1 : 1 + exposure.shape[1]], exposure.columns)


def effects(world, metric):
    """The planted sizes, by touchpoint."""
    return world["truth_effects"].query("play == @PLAY and metric == @metric").set_index("action")["size"]


def parameter(world, kind):
    """The planted parameters of one kind, by touchpoint."""
    rows = world["truth_parameters"].query("play == @PLAY")
    kinds = rows["name"].str.split(": ", expand=True)
    return pd.Series(rows["value"].to_numpy(), kinds[1])[(kinds[0] == kind).to_numpy()]


def test_tables_keep_their_schemas(worlds):
    """Declared columns, unique keys, steps that resolve, nothing after the customer left."""
    world = worlds[0]
    for table in ("touchpoints", "surveys", "assignments", "initiatives", "process_steps"):
        validate(table, world[table])
    assert world["touchpoints"]["step_id"].isin(world["process_steps"]["step_id"]).all()
    assert len(world["touchpoints"]) < 30_000
    ends = world["touchpoints"].merge(world["customers"], on="customer_id")
    assert not (ends["ended_at"] > ends["closed_at"]).any()
    assert (ends["started_at"] >= ends["created_at"]).all()


def test_journey_map_recovers_the_leverage_from_both_sources(worlds):
    """Adjusted, with both sources as exposure: the touchpoint with most leverage is found in every seed."""
    agreement = []
    for world in worlds:
        log, diary, renewed, known = sources(world)
        exposure = log | diary
        leverage = adjusted(exposure, renewed, known) * exposure.mean()
        true = effects(world, "leverage")
        assert leverage.idxmax() == true.idxmax() == "site visit"
        assert leverage.idxmin() == true.idxmin()
        agreement.append(spearmanr(leverage, true.loc[leverage.index]).statistic)
    assert np.mean(agreement) > 0.8


def test_journey_map_pilot_agrees_with_the_planted_effect(worlds):
    """Renewal by the drawn arm differs by the planted effect of a site visit, within its error."""
    z = []
    for world in worlds:
        arms = (
            world["assignments"].query("initiative_id == 'site visit pilot'").set_index("subject_id")["arm"]
        )
        end = world["touchpoints"].query("step_id == 'plan year:renewal'").set_index("case_id")["failed"]
        kept = ~end.loc[arms.index].to_numpy()
        visited = (arms == "site visit").to_numpy()
        gap = kept[visited].mean() - kept[~visited].mean()
        error = np.sqrt(0.25 / visited.sum() + 0.25 / (~visited).sum())
        z.append((gap - effects(world, "renewal")["site visit"]) / error)
    assert abs(np.mean(z)) < 3 / np.sqrt(len(z))


def test_journey_map_misleads_who_compares_renewal_in_the_log(worlds):
    """Renewal of those with against those without a logged touchpoint puts one without effect first."""
    for world in worlds:
        log, _, renewed, _ = sources(world)
        raw = pd.Series({c: renewed[log[c]].mean() - renewed[~log[c]].mean() for c in log}) * log.mean()
        assert raw.idxmax() in ("portal training", "newsletter")
        assert effects(world, "leverage")[raw.idxmax()] == 0


def test_journey_map_coverage_lies_in_the_sensitivity_range(worlds):
    """The unseen cell, at odds ratios from 1 to 3, brackets the planted coverage; independence does not reach it."""
    too_high = []
    for world in worlds:
        log, diary, _, _ = sources(world)
        true = parameter(world, "coverage of the log")
        assert parameter(world, "odds ratio of the sources").between(1, 3).all()
        for step in ("site visit", "counter visit", "review meeting"):
            seen, named = log[step], diary[step]
            both, only_log, only_diary = (seen & named).sum(), (seen & ~named).sum(), (~seen & named).sum()
            share = [
                seen.sum() / (both + only_log + only_diary + psi * only_log * only_diary / both)
                for psi in (1, 3)
            ]
            slack = 3 * np.sqrt(true[step] * (1 - true[step]) / named.sum())
            assert share[1] - slack < true[step] < share[0] + slack
            too_high.append(share[0] - true[step])
    assert np.mean(too_high) > 2 * np.std(too_high) / np.sqrt(len(too_high))


def test_journey_map_has_nothing_to_find_without_effect(quiet):
    """No touchpoint moves renewal and the log has all that the diary names."""
    log, diary, renewed, known = sources(quiet)
    assert not (diary & ~log).to_numpy().any()
    error = 3.5 * 0.5 / np.sqrt(len(log) * log.mean() * (1 - log.mean()))
    assert (adjusted(log, renewed, known).abs() < error).all()
    assert (effects(quiet, "leverage") == 0).all()
