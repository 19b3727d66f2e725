"""Wrong predictions are told from unlucky ones over quarters, drifting units from those that differ where they may."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "sustain.playbook_updates"


def make(seed, **kw):
    """A world with lessons."""
    return generate(WorldSettings(seed=seed, customers=200, **kw), domains=["lessons"])


@pytest.fixture(scope="module")
def worlds():
    """Twenty worlds."""
    return [make(seed) for seed in range(20)]


def missed(world):
    """Whether each decision's outcome lies outside its predicted interval."""
    rows = world["changes"].query("kind == 'playbook decision'")
    outside = (rows["realised"] < rows["predicted_low"]) | (rows["realised"] > rows["predicted_high"])
    return rows.assign(outside=outside)


def wrong(world, level=0.01):
    """Plays that miss more often than an 80 % interval may."""
    misses = missed(world).groupby("subject_id")["outside"].agg(["sum", "size"])
    return set(misses.index[binom.sf(misses["sum"] - 1, misses["size"], 0.2) < level])


def planted(world):
    """The plays that were made to predict wrongly."""
    return set(world["truth_labels"].query("play == @PLAY and label == 'wrong play'")["key"])


def drift(world):
    """Events and exposure of thresholds leaving the standard, by unit: rate per threshold and quarter."""
    rows = world["config_versions"].query("kind == 'standard'")
    standard = json.loads(rows.loc[rows["unit_id"].isna(), "value_json"].iloc[0])
    rates = {}
    for unit, group in rows.dropna(subset="unit_id").sort_values("valid_from").groupby("unit_id"):
        contents = [json.loads(text) for text in group["value_json"]]
        off = np.array([[content[k] != v for k, v in standard.items()] for content in contents])
        exposed = (~off[:-1]).sum()
        rates[unit] = (off[1:] & ~off[:-1]).sum() / exposed
    return pd.Series(rates)


def parameter(world, kind):
    """A planted figure of each unit."""
    rows = world["truth_parameters"].query("play == @PLAY")
    rows = rows[rows["name"].str.startswith(kind)]
    return pd.Series(rows["value"].to_numpy(), rows["name"].str.split(": ").str[1])


def test_tables_keep_their_schemas(worlds):
    """Declared, units resolve, inside the history."""
    world = worlds[0]
    for table in ("changes", "config_versions", "dependencies"):
        validate(table, world[table])
    assert world["config_versions"]["unit_id"].dropna().isin(world["units"]["unit_id"]).all()
    assert world["changes"]["requested_at"].max() < WorldSettings().end


def test_playbook_updates_tells_wrong_plays_from_unlucky_ones(worlds):
    """Nearly all wrong plays are found, and honest ones are flagged no more often than the level allows."""
    hit = np.mean([len(wrong(w) & planted(w)) / len(planted(w)) for w in worlds])
    plays = worlds[0]["changes"].query("kind == 'playbook decision'")["subject_id"].nunique()
    false = np.mean([len(wrong(w) - planted(w)) / (plays - len(planted(w))) for w in worlds])
    assert hit > 0.9
    assert false < 0.02
    honest = pd.concat([missed(w)[~missed(w)["subject_id"].isin(planted(w))] for w in worlds])
    assert honest["outside"].mean() == pytest.approx(0.2, abs=3.5 * np.sqrt(0.16 / len(honest)))


def test_playbook_updates_one_missed_quarter_is_no_evidence(worlds):
    """Of the plays that missed last quarter's interval, about half are honest."""
    share = []
    for world in worlds:
        last = missed(world).query("sprint == sprint.max()")
        flagged = set(last.loc[last["outside"], "subject_id"])
        share.append(len(flagged - planted(world)) / max(len(flagged), 1))
    assert np.mean(share) > 0.35


def test_playbook_updates_recovers_drift_per_unit(worlds):
    """Rates of leaving the standard are the planted ones; texts differ in every unit."""
    gaps, ranked = [], []
    for world in worlds:
        true, found = parameter(world, "drift"), drift(world)
        gaps.append((found - true.loc[found.index]).mean())
        ranked.append(found[true.loc[found.index] > 0.05].min() > found[true.loc[found.index] < 0.05].max())
        rows = world["config_versions"].query("kind == 'standard'")
        assert rows["value_json"].nunique() == len(rows)
    assert np.mean(ranked) > 0.85
    assert abs(np.mean(gaps)) < 0.006


def affected(world):
    """Thresholds of the strategy that changed, with the plays that read them."""
    old, new = (
        json.loads(text) for text in world["config_versions"].query("kind == 'strategy'")["value_json"]
    )
    edges = world["dependencies"].query("from_type == 'threshold'")
    edges = edges[edges["from_id"].map(lambda name: old[name] != new[name])]
    return set(zip(edges["from_id"], edges["to_id"], strict=True))


def test_playbook_updates_finds_the_plays_that_a_new_strategy_affects(worlds):
    """The difference of content leads to the planted plays; the texts differ in nearly every entry."""
    for world in worlds:
        truth = world["truth_structure"].query("play == @PLAY")
        assert affected(world) == set(zip(truth["source"], truth["target"], strict=True)) != set()
        old, new = world["config_versions"].query("kind == 'strategy'")["value_json"]
        assert sum(a != b for a, b in zip(old.split(", "), new.split(", "), strict=True)) > 10


def test_playbook_updates_recovers_requests_per_unit(worlds):
    """Requests a quarter, by unit, are Poisson at the planted rate."""
    z = []
    for world in worlds:
        rate = parameter(world, "practice requests")
        count = (
            world["changes"].query("kind == 'practice request'")["unit_id"].value_counts().reindex(rate.index)
        )
        z += list((count.fillna(0) - 10 * rate) / np.sqrt(10 * rate))
    assert np.mean(z) == pytest.approx(0, abs=3.5 / np.sqrt(len(z)))
    assert np.var(z) == pytest.approx(1, abs=0.35)


def test_playbook_updates_has_nothing_to_find_without_effect():
    """No play is wrong, no unit drifts."""
    flagged = []
    for seed in range(5):
        world = make(seed, effects={PLAY: 0})
        assert planted(world) == set()
        flagged.append(len(wrong(world)))
        assert (drift(world) == 0).all()
        assert affected(world) == set()
    assert np.mean(flagged) < 0.8
