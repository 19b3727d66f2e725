"""Laws contradict each other and flows leave their country where that was planted, and nowhere else."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "govern.policy_reconciliation"
SEEDS = range(1, 11)


def world_of(seed, **options):
    return generate(WorldSettings(seed=seed, customers=200, **options), domains=["local_laws"])


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def planted(world, kind):
    rows = world["truth_structure"]
    rows = rows[(rows["play"] == PLAY) & (rows["kind"] == kind)]
    return set(zip(rows["source"], rows["target"], strict=True))


def policy(world):
    """Return one row per law and topic: at_least, at_most, and the global value."""
    rows = world["rules"][world["rules"]["ruleset"] == "policy"].reset_index(drop=True)
    parts = [pd.DataFrame(rows[c].map(json.loads).tolist()) for c in ("condition_json", "outcome_json")]
    table = pd.concat([rows[["jurisdiction"]], *parts], axis=1)
    value = table[table["jurisdiction"] == "any"].set_index("topic")["value"]
    table = table[table["jurisdiction"] != "any"].copy()
    table["at_least"], table["at_most"] = table["at_least"].fillna(-np.inf), table["at_most"].fillna(np.inf)
    return table.assign(value=table["topic"].map(value))


def conflicts(world):
    table = policy(world)
    against, overrides = set(), set()
    for topic, rows in table.groupby("topic"):
        for one, other in combinations(rows.itertuples(), 2):
            if max(one.at_least, other.at_least) > min(one.at_most, other.at_most):
                against.add((topic, "|".join(sorted((one.jurisdiction, other.jurisdiction)))))
        broken = rows[(rows["value"] < rows["at_least"]) | (rows["value"] > rows["at_most"])]
        overrides |= {(topic, law) for law in broken["jurisdiction"]}
    return against, overrides


def forbidden(world, *, by="law"):
    """Return flows of raw rows that leave a law which requires residency, wherever the market's rows come
    from.
    """
    regions = world["regions"].set_index("region_id")
    region = world["systems"].set_index("system_id")["region_id"]
    flows = world["dependencies"]
    raw = flows[flows["data_class"] == "raw customer rows"]
    source, target = (raw[side].map(region) for side in ("from_id", "to_id"))
    column = "jurisdiction" if by == "law" else "country"
    leaves = source.map(regions[column]) != target.map(regions[column])
    leaves &= source.map(regions["residency_required"]).astype(bool)
    return set(zip(raw.loc[leaves, "from_id"], raw.loc[leaves, "to_id"], strict=True))


def test_tables_keep_their_schemas(worlds):
    """All tables pass their declarations, and every flow joins two systems."""
    world = worlds[0]
    for name in ("rules", "systems", "dependencies"):
        validate(name, world[name])
    for side in ("from_id", "to_id"):
        assert world["dependencies"][side].isin(world["systems"]["system_id"]).all()


def test_policy_reconciliation_finds_every_conflict(worlds):
    """Intervals held against each other and against the policy find what is planted and nothing else."""
    for world in worlds:
        against, overrides = conflicts(world)
        assert against == planted(world, "contradiction")
        assert len(against) == 3
        assert overrides == planted(world, "override")
        assert len(overrides) == 11


def test_policy_reconciliation_comparing_texts_blames_most_laws(worlds):
    """Calling every law a conflict whose numbers differ from the policy is wrong for nine in ten."""
    for world in worlds:
        table = policy(world)
        differs = (table["at_least"] != table["value"]) & (table["at_most"] != table["value"])
        assert differs.sum() > 9 * len(planted(world, "override"))


def test_policy_reconciliation_the_strictest_value_breaks_another_law(worlds):
    """Taking the smallest upper limit as the common policy breaks a law on every contradicted topic."""
    for world in worlds:
        table = policy(world)
        strictest = table.groupby("topic")["at_most"].min()
        broken = table[table["topic"].map(strictest) < table["at_least"]]["topic"]
        assert {topic for topic, _ in planted(world, "contradiction")} <= set(broken)


def test_policy_reconciliation_finds_every_forbidden_flow(worlds):
    """Raw rows followed by law find the planted flows, the one by way of a hub included."""
    for world in worlds:
        assert forbidden(world) == planted(world, "forbidden flow")
        assert len(forbidden(world)) == 5


def test_policy_reconciliation_declared_borders_miss_flows(worlds):
    """What is declared to cross a border misses more than half of them; counting countries blames flows
    within one law.
    """
    extra = 0
    for world in worlds:
        flows = world["dependencies"]
        declared = flows[flows["crosses_border"] & (flows["data_class"] == "raw customer rows")]
        found = set(zip(declared["from_id"], declared["to_id"], strict=True)) & planted(
            world, "forbidden flow"
        )
        assert len(found) <= 2
        extra += len(forbidden(world, by="country") - planted(world, "forbidden flow"))
    assert extra > 0


def test_policy_reconciliation_without_the_effect_all_agree(nulls):
    """One policy fits all laws, and no raw row leaves its law."""
    for world in nulls:
        assert conflicts(world) == (set(), set())
        assert forbidden(world) == set()
        assert not (world["truth_structure"]["play"] == PLAY).any()


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers: no flow can be forbidden."""
    world = generate(
        WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2}),
        domains=["local_laws"],
    )
    assert planted(world, "forbidden flow") == set()
    assert conflicts(world)[0] == planted(world, "contradiction")
