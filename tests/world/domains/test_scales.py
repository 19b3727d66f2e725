"""Markets' manners of answering and biased statements are found and taken out; raw means rank the manners."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from playbook.world.domains.scales import BIASED, EXPECTED, FELT, ITEMS, VIGNETTES
from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY = "sustain.cultural_adaptation"
GOOD, REVERSED = ITEMS[:4], ITEMS[4:]


def answers(world):
    """One row a respondent: market and answers."""
    frame = world["surveys"].query("instrument == 'intimacy scale'").dropna(subset="score")
    wide = frame.pivot_table(
        index=["survey_id", "customer_id"], columns="item_code", values="score"
    ).reset_index()
    return wide.merge(world["customers"][["customer_id", "region_id"]], on="customer_id").set_index(
        "region_id"
    )


@pytest.fixture(scope="module")
def pooled():
    """Respondents of five worlds."""
    return pd.concat([answers(voices(seed)) for seed in SEEDS])


@pytest.fixture(scope="module")
def quiet():
    """Respondents of two worlds in which markets do not differ."""
    return pd.concat([answers(voices(seed, effect=0.0)) for seed in (9, 10)])


def corrected(frame):
    """Answers on the scale that the vignettes set: both mean the same everywhere."""
    low, high = (frame.groupby(level=0)[name].mean() for name in VIGNETTES)
    aims = list(VIGNETTES.values())
    slope = (aims[1] - aims[0]) / (high - low)
    items = frame[[*ITEMS, "should know me personally"]]
    region = frame.index
    return (
        items.sub(low.reindex(region).to_numpy(), axis=0).mul(slope.reindex(region).to_numpy(), axis=0)
        + aims[0]
    )


def felt(frame, items):
    """Mean of each market on items, those worded the other way round reversed."""
    turned = frame[list(items)].copy()
    for item in set(items) & set(REVERSED):
        turned[item] = 8 - turned[item]
    return turned.groupby(level=0).mean().mean(axis=1)


def biased(frame):
    """Items by market: what is left of the market's mean on the item besides the market's and the item's level."""
    turned = frame[list(ITEMS)].copy()
    turned[list(REVERSED)] = 8 - turned[list(REVERSED)]
    mean = turned.groupby(level=0).mean()
    rest = mean.sub(mean.median(axis=1), axis=0)
    rest = rest.sub(rest.median(axis=0), axis=1)
    error = turned.groupby(level=0).std() / np.sqrt(turned.groupby(level=0).size().to_numpy()[:, None])
    z = rest / error
    return {
        (r, item)
        for r in z.index
        for item in z.columns
        if abs(z.loc[r, item]) > 5 and abs(rest.loc[r, item]) > 0.4
    }


def test_cultural_adaptation_recovers_biased_statements(pooled):
    """Statements that stand out in a market after correction are those that were planted."""
    assert biased(corrected(pooled)) == set(BIASED)


def test_cultural_adaptation_recovers_the_order_of_markets(pooled):
    """On corrected, unbiased statements the markets stand in their true order, at their true distances."""
    fair = [item for item in ITEMS if item not in {name for _, name in BIASED}]
    found = felt(corrected(pooled), fair)
    planted = pd.Series(FELT).reindex(found.index)
    assert spearmanr(found, planted)[0] > 0.85
    loading = np.mean([0.9, 0.8, 0.8, 0.7])  # points a standard deviation felt
    assert ((found - found.mean()) / loading).to_numpy() == pytest.approx(
        (planted - planted.mean()).to_numpy(), abs=0.15
    )
    wanted = corrected(pooled)["should know me personally"].groupby(level=0).mean()
    assert spearmanr(wanted, pd.Series(EXPECTED).reindex(wanted.index))[0] > 0.85


def test_cultural_adaptation_raw_means_rank_the_manners(pooled):
    """Raw means of the statements put the market that agrees with everything first, which feels least."""
    raw = pooled[list(GOOD)].groupby(level=0).mean().mean(axis=1)
    planted = pd.Series(FELT).reindex(raw.index)
    assert raw.idxmax() == planted.idxmin()
    assert spearmanr(raw, planted)[0] < 0.3


def test_cultural_adaptation_finds_nothing_without_the_effect(quiet):
    """With the size at nothing no statement stands out and the markets are alike."""
    assert biased(corrected(quiet)) == set()
    found = felt(corrected(quiet), ITEMS)
    n = quiet.groupby(level=0).size()
    assert ((found - found.mean()).abs() / (1.0 / np.sqrt(n))).max() < 3.5
    assert truth(voices(9, effect=0.0), "truth_labels", PLAY).empty


def test_cultural_adaptation_finds_every_forbidden_variant():
    """Read against the rules, the steps that are neither core nor allowed are exactly those that were planted."""
    for seed in SEEDS:
        world = voices(seed)
        rules = world["rules"].query("ruleset == 'variants of conversation'")
        allowed = {
            json.loads(a)["step"]: set(json.loads(b)["allowed"])
            for a, b in zip(rules["condition_json"], rules["outcome_json"], strict=True)
        }
        steps = world["process_steps"].query("step_id.str.startswith('VS')")
        bad = [
            name not in allowed[step] for name, step in zip(steps["name"], steps["component_id"], strict=True)
        ]
        assert set(steps["step_id"][bad]) == set(truth(world, "truth_labels", PLAY)["key"])
        assert sum(bad) == 5


def test_cultural_adaptation_a_count_of_steps_misses_forbidden_variants():
    """Every centre has all its steps in order: a check that only counts them sees nothing."""
    steps = voices(1)["process_steps"].query("step_id.str.startswith('VS')")
    assert len(set(steps.groupby("process")["seq_no"].apply(tuple))) == 1
