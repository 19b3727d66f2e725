"""The combinations that fail are found in the log of mixes, and no single flag tells them."""

import json
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.feature_flags"


def make(seed, customers=1500, **kw):
    """A world with flags."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["flags"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with faulty mixes."""
    return [make(seed) for seed in range(5)]


def mixes(world):
    """Flags of every version, and whether it failed."""
    rows = world["config_versions"].query("kind == 'flags'")
    flags = pd.DataFrame([json.loads(text) for text in rows["value_json"]])
    return flags, rows["config_version_id"].isin(world["exceptions"]["config_version_id"]).to_numpy()


def faulty(flags, failed, certain=0.8, support=12):
    """Combinations of up to three settings that nearly always fail, without those that contain another."""
    values = flags.to_numpy()
    found = []
    for t in (1, 2, 3):
        for which in combinations(range(values.shape[1]), t):
            for wanted in product((True, False), repeat=t):
                inside = (values[:, which] == wanted).all(axis=1)
                terms = {(flags.columns[k], v) for k, v in zip(which, wanted, strict=True)}
                if (
                    inside.sum() >= support
                    and failed[inside].mean() > certain
                    and not any(f <= terms for f in found)
                ):
                    found.append(terms)
    return found


def minimal(flags, failed, found):
    """The most certain first; drop one that fails no more than usual outside those before it."""

    def inside(terms):
        return np.all([flags[flag] == value for flag, value in terms], axis=0)

    kept = sorted(found, key=lambda terms: -failed[inside(terms)].mean())
    explained, left = np.zeros(len(flags), dtype=bool), []
    for terms in kept:
        rest = inside(terms) & ~explained
        if rest.sum() >= 8 and failed[rest].mean() > 0.5:
            left.append(terms)
            explained |= inside(terms)
    return left


def planted(world):
    """The planted combinations, as sets of (flag, value)."""
    rows = world["truth_structure"].query("play == @PLAY")["target"]
    return [{(term[:3], term.endswith("=on")) for term in text.split(" & ")} for text in rows]


def test_tables_keep_their_schemas(worlds):
    """Declared, failures lie within the life of their version."""
    world = worlds[0]
    for table in ("config_versions", "exceptions"):
        validate(table, world[table])
    pairs = world["exceptions"].merge(world["config_versions"], on="config_version_id")
    assert len(pairs) == len(world["exceptions"])
    assert (pairs["occurred_at"] >= pairs["valid_from"]).all()
    assert (pairs["occurred_at"] <= pairs["valid_to"].fillna(WorldSettings().end)).all()


def test_feature_flags_finds_the_planted_combinations(worlds):
    """Combinations that nearly always fail, reduced to what explains the failures, are the planted ones."""
    exact = []
    for world in worlds:
        flags, failed = mixes(world)
        left = minimal(flags, failed, faulty(flags, failed))
        exact.append(all(terms in left for terms in planted(world)))
    assert np.mean(exact) >= 0.8


def test_feature_flags_misleads_who_looks_at_single_flags(worlds):
    """An innocent flag, rolled out with a faulty one, is among the two that fail most."""
    for world in worlds:
        flags, failed = mixes(world)
        lift = pd.Series(
            {f: failed[flags[f]].mean() - failed[~flags[f]].mean() for f in flags if 0 < flags[f].mean() < 1}
        )
        assert "F07" in lift.nlargest(2).index
        assert not any("F07" in dict(terms) for terms in planted(world))


def test_feature_flags_debt_is_what_is_past_its_date(worlds):
    """Flags whose removal date is past are those that are labelled."""
    world = worlds[0]
    flags = world["config_versions"].query("kind == 'flag'")
    past = set(flags.loc[flags["expires_at"] < WorldSettings().end, "config_version_id"])
    assert past == set(world["truth_labels"].query("play == @PLAY and label == 'debt'")["key"])


def test_feature_flags_has_no_faulty_combination_without_effect():
    """Nothing nearly always fails."""
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        flags, failed = mixes(world)
        assert faulty(flags, failed) == []
        assert planted(world) == []
