"""Every planted bypass is found by checking approvals one by one, and the status of changes shows hardly any."""

import json

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "govern.change_control"


def make(seed, **kw):
    """A world with changes."""
    return generate(WorldSettings(seed=seed, customers=400, **kw), domains=["approvals"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds."""
    return [make(seed) for seed in range(5)]


def bypassed(world):
    """Live versions that lack a valid approval of the customer or of the backend owner before they went live."""
    versions = world["config_versions"].query("kind == 'procedure' and is_live")
    joined = versions.merge(world["changes"], on="change_id", how="left", suffixes=("", "_change"))
    owners = world["responsibilities"].query("raci == 'A'").set_index("subject_id")["staff_id"]
    found = set()
    for row in joined.itertuples():
        approvals = {} if pd.isna(row.approvals_json) else json.loads(row.approvals_json)
        expected = {"customer": row.account_id, "backend owner": owners[row.config_id]}
        for role, by in expected.items():
            given = approvals.get(role)
            fine = (
                given is not None
                and given["by"] == by
                and given["by"] != approvals["requested_by"]
                and given["hash"] == row.content_hash
                and pd.Timestamp(given["at"]) <= row.valid_from
            )
            if not fine:
                found.add(row.config_version_id)
    return found


def planted(world):
    """The planted bypasses, by kind."""
    return world["truth_labels"].query("play == @PLAY").set_index("key")["value"]


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, inside the history."""
    world = worlds[0]
    for table in ("changes", "config_versions", "responsibilities", "dependencies"):
        validate(table, world[table])
    linked = world["config_versions"]["change_id"].dropna()
    assert linked.isin(world["changes"]["change_id"]).all()
    assert world["changes"]["deployed_at"].max() < WorldSettings().end
    assert world["responsibilities"]["staff_id"].isin(world["staff"]["staff_id"]).all()


def test_change_control_checking_each_approval_finds_exactly_the_bypasses(worlds):
    """Both approvals, of the right person, for this content, before it went live."""
    for world in worlds:
        assert bypassed(world) == set(planted(world).index)
    assert planted(worlds[0]).nunique() == 7 or len(set(np.concatenate([planted(w) for w in worlds]))) == 7


def test_change_control_the_status_shows_hardly_any_bypass(worlds):
    """Live versions without a change that says live are few of the bypasses."""
    for world in worlds:
        live = world["changes"].query("status == 'live' and approvals_json.notna()")["change_id"]
        versions = world["config_versions"].query("kind == 'procedure'")
        flagged = set(versions.loc[~versions["change_id"].isin(live), "config_version_id"])
        assert len(flagged) < 0.4 * len(planted(world))


def test_change_control_has_no_bypass_without_effect():
    """Every live version was approved by both."""
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        assert bypassed(world) == set()
        assert planted(world).empty
