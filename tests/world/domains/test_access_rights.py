"""Rights, reads and flows are as planted, and what the system refused is not what went wrong."""

import json

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.access_rights import LEVELS
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "govern.access_control"
SEEDS = range(1, 6)


def world_of(seed, **options):
    return generate(WorldSettings(seed=seed, customers=400, **options), domains=["access_rights"])


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def labels_of(world, label):
    rows = world["truth_labels"]
    return rows[(rows["play"] == PLAY) & (rows["label"] == label)].set_index("key")["value"].fillna("")


def rights(world):
    rows = world["rules"][world["rules"]["ruleset"] == "access"].reset_index(drop=True)
    parts = [pd.DataFrame(rows[c].map(json.loads).tolist()) for c in ("condition_json", "outcome_json")]
    return pd.concat([rows["rule_id"], *parts], axis=1)


def judged(world):
    """Return the reads with the level of their field and whether a right covers them in clear."""
    reads = world["access_log"][world["access_log"]["action"] == "read"]
    reads = reads[reads["access_id"].str.startswith("ARL")]
    rank = {level: k for k, level in enumerate(LEVELS)}
    level = reads["field_ids"].map(world["fields"].set_index("field_id")["sensitivity"]).map(rank)
    ceiling = reads.merge(rights(world), on=["role", "purpose"], how="left")["in_clear_up_to"].map(rank)
    return reads.assign(beyond=(level.to_numpy() > ceiling.fillna(-1).to_numpy()))


def test_tables_keep_their_schemas(worlds):
    """All tables pass their declarations; fields and staff resolve; nobody reads before hire or after
    leaving.
    """
    world = worlds[0]
    validate("access_log", world["access_log"])
    validate("rules", world["rules"])
    reads = judged(world)
    assert reads["field_ids"].isin(world["fields"]["field_id"]).all()
    rows = reads.merge(world["staff"], on="staff_id")
    assert len(rows) > 2000
    assert (rows["accessed_at"] >= rows["hired_on"]).all()
    assert (rows["accessed_at"] < rows["left_on"].fillna(pd.Timestamp("2026-07-01"))).all()


def test_access_control_finds_improper_reads(worlds):
    """Reads beyond the role's right that went through are exactly those planted."""
    for world in worlds:
        reads = judged(world)
        found = set(reads.loc[reads["beyond"] & reads["allowed"], "access_id"])
        assert found == set(labels_of(world, "improper read").index)
        assert len(found) == 40


def test_access_control_refusals_are_not_the_improper_reads(worlds):
    """What the system refused overlaps with what went wrong in nothing."""
    for world in worlds:
        reads = judged(world)
        refused = set(reads.loc[~reads["allowed"], "access_id"])
        assert len(refused) > 80
        assert not refused & set(labels_of(world, "improper read").index)


def unused(world, days):
    reads = judged(world)
    recent = reads[reads["accessed_at"] >= reads["accessed_at"].max() - pd.Timedelta(days=days)]
    used = set(zip(recent["role"], recent["purpose"], strict=True))
    table = rights(world)
    return set(
        table.loc[[pair not in used for pair in zip(table["role"], table["purpose"], strict=True)], "rule_id"]
    )


def test_access_control_a_year_of_use_finds_rights_to_revoke(worlds):
    """Rights without a use in a year are those planted; a quarter would revoke what is needed at the year's
    end too.
    """
    for world in worlds:
        planted = set(labels_of(world, "right that is not used").index)
        assert unused(world, 370) == planted
        assert len(planted) == 4
        assert unused(world, 90) > planted


def carriers(world, *, within_role):
    """Return the four people with the largest week: against their role's usual week, or in plain bytes."""
    reads = judged(world).dropna(subset=["staff_id"])
    reads = reads[reads["bytes_out"] > 0]
    week = reads["accessed_at"].dt.to_period("W")
    total = reads.groupby(["staff_id", "role", week])["bytes_out"].sum().reset_index()
    if within_role:
        log = np.log(total["bytes_out"])
        middle = log.groupby(total["role"]).transform("median")
        spread = (log - middle).abs().groupby(total["role"]).transform("median")
        total["bytes_out"] = (log - middle) / spread
    return set(total.groupby("staff_id")["bytes_out"].max().nlargest(4).index)


def test_access_control_finds_who_carried_data_out(worlds):
    """The largest week against the role's usual one names the planted people; plain volume names those
    whose job it is.
    """
    right, naive = 0, 0
    for world in worlds:
        planted = set(labels_of(world, "carried data out").index)
        assert len(planted) == 4
        right += len(carriers(world, within_role=True) & planted)
        naive += len(carriers(world, within_role=False) & planted)
    assert right >= 0.9 * 4 * len(worlds)
    assert naive <= 0.6 * 4 * len(worlds)


def flow_faults(world):
    limits = world["rules"][world["rules"]["ruleset"] == "flow"]
    flows = world["dependencies"].set_index("dependency_id")
    tests = world["access_log"][world["access_log"]["action"] == "replay test"].set_index("field_ids")[
        "allowed"
    ]
    faults = set()
    for row in limits.itertuples():
        key, limit = json.loads(row.condition_json)["dependency_id"], json.loads(row.outcome_json)
        flow = flows.loc[key]
        checks = {
            "signing": flow["signed"],
            "schema allow-list": flow["data_class"] in limit["data_classes"],
            "egress cap": flow["volume_mb_d"] <= limit["egress_mb_d"],
            "replay test": not tests[key],
        }
        faults |= {(key, control) for control, passed in checks.items() if not passed}
    return faults


def test_access_control_each_flow_fails_the_control_it_lacks(worlds):
    """Every planted flow fails one control and no other; encryption, which all have, tells nothing."""
    for world in worlds:
        planted = labels_of(world, "lacks a control")
        assert flow_faults(world) == set(planted.items())
        assert planted.value_counts().tolist() == [2, 2, 2, 2]
        flows = world["dependencies"]
        assert flows[flows["dependency_id"].isin(planted.index)]["encrypted"].all()


def test_access_control_without_the_effect_there_is_nothing(nulls):
    """No improper read, unused right or open flow, and no week far beyond its role's."""
    for world in nulls:
        reads = judged(world)
        assert not (reads["beyond"] & reads["allowed"]).any()
        assert unused(world, 370) == set()
        assert flow_faults(world) == set()
        assert not (world["truth_labels"]["play"] == PLAY).any()


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = generate(
        WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2}),
        domains=["access_rights"],
    )
    assert len(world["access_log"]) > 3000
