"""The log of decisions was tampered with as planted, and only roots deposited outside show all of it."""

from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import decision_log
from playbook.world.domains.decision_log import LOGGED, merkle_roots
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "govern.audit_trail"
SEEDS = range(1, 6)


def world_of(seed, **options):
    """Return the domain's tables for customers none of whom has left: what they order is not needed here."""
    settings = WorldSettings(seed=seed, customers=1500, **options)
    market = generate(settings, domains=["market"])
    return market | decision_log.generate(settings, market, stream(seed, "decision_log"))


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def root(leaves):
    """Return the tree hash by the recursion of RFC 6962, section 2.1: another way than the generator's."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def entry_hash(row):
    values = [getattr(row, name) for name in LOGGED[:-1]]
    lines = ["" if pd.isna(value) else value for value in values] + [
        row.decided_at.strftime("%Y-%m-%dT%H:%M:%S")
    ]
    return sha256("\n".join([*lines, row.prev_hash]).encode()).hexdigest()


def chain_faults(log):
    """Return entries whose hash is not that of their content, or that do not follow on the one before."""
    wrong, before = set(), "0" * 64
    for row in log.itertuples():
        if entry_hash(row) != row.row_hash or row.prev_hash != before:
            wrong.add(row.decision_id)
        before = row.row_hash
    return wrong


def anchors_that_fail(world):
    leaves = [bytes.fromhex(value) for value in world["decisions"]["row_hash"]]
    anchors = world["anchors"]
    return [
        row.anchor_id
        for row in anchors.itertuples()
        if row.tree_size > len(leaves) or root(leaves[: row.tree_size]).hex() != row.root_hash
    ]


def labels_of(world, label, value=None):
    rows = world["truth_labels"]
    rows = rows[(rows["play"] == PLAY) & (rows["label"] == label)]
    return set(rows["key"] if value is None else rows.loc[rows["value"] == value, "key"])


def unanswered(world):
    """Return requests whose decision is not in the log with a score, a version and a legal basis."""
    log = world["decisions"].drop_duplicates("customer_id").set_index("customer_id")
    asks = world["tickets"][world["tickets"]["category"] == "why this decision"]
    found = log.reindex(asks["customer_id"])
    known = found["score_id"].isin(world["model_scores"]["score_id"]) & found["legal_basis"].notna()
    return set(asks["ticket_id"].to_numpy()[~known.to_numpy()])


def test_tables_keep_their_schemas():
    """All tables pass their declarations; requests come while their customer is one."""
    worlds = [generate(WorldSettings(seed=1, customers=600), domains=["decision_log"])]
    for name in ("decisions", "anchors", "model_scores", "tickets", "model_versions"):
        validate(name, worlds[0][name])
    rows = worlds[0]["tickets"].merge(worlds[0]["customers"], on="customer_id")
    end = rows["closed_at"].fillna(pd.Timestamp("2026-07-01"))
    assert (rows["opened_at"] > rows["created_at"]).all()
    assert (rows["opened_at"] < end).all()
    assert (rows["resolved_at"].dropna() < end[rows["resolved_at"].notna()]).all()


def test_the_tree_is_that_of_rfc_6962():
    """Roots of 0 to 33 leaves agree with the recursion; the empty tree's is the RFC's."""
    leaves = [bytes([i]) * 5 for i in range(33)]
    assert merkle_roots(leaves, list(range(34))) == [root(leaves[:n]) for n in range(34)]
    assert (
        merkle_roots([], [0])[0].hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_audit_trail_anchors_and_chain_find_all_tampering(worlds):
    """The chain names the entries edited in place; the roots fail from the first that was hashed again, and
    at the end.
    """
    for world in worlds:
        log, anchors = world["decisions"], world["anchors"]
        assert chain_faults(log) == labels_of(world, "edited")
        assert len(labels_of(world, "edited")) == 5
        again = labels_of(world, "edited and hashed again")
        first = np.flatnonzero(log["decision_id"].isin(again)).item()
        fails = anchors_that_fail(world)
        assert fails == list(anchors.loc[anchors["tree_size"] > first, "anchor_id"])
        missing = anchors["tree_size"].iloc[-1] - len(log)
        assert missing == len(labels_of(world, "taken out")) == 5
        truth = world["truth_values"]
        truth = truth[truth["play"] == PLAY].set_index("key")["value"]
        shown = log.set_index("decision_id")["outcome"]
        assert (shown[truth.index] != truth).all()


def test_audit_trail_chain_alone_is_blind_to_who_holds_the_log(worlds):
    """The chain says nothing of entries that were hashed again, taken out or cut off."""
    for world in worlds:
        faults = chain_faults(world["decisions"])
        assert not faults & labels_of(world, "edited and hashed again")
        keys = world["decisions"]["decision_id"]
        start = keys.isin(labels_of(world, "edited and hashed again")).to_numpy().argmax()
        assert not faults & set(keys.iloc[start:])


def test_audit_trail_questions_the_log_cannot_answer_are_found(worlds):
    """Looking each request up in the log finds those without an answer, and no other."""
    for world in worlds:
        assert unanswered(world) == labels_of(world, "cannot be answered")
        assert len(unanswered(world)) > 8


def test_audit_trail_an_entry_is_no_answer(worlds):
    """Counting a request as answered when the customer is in the log misses most of the gaps."""
    for world in worlds:
        asks = world["tickets"][world["tickets"]["category"] == "why this decision"]
        naive = set(asks.loc[~asks["customer_id"].isin(world["decisions"]["customer_id"]), "ticket_id"])
        assert len(naive) < 0.6 * len(unanswered(world))


def test_audit_trail_without_the_effect_proves_everything(nulls):
    """The chain holds, every root agrees, and every question has its answer."""
    for world in nulls:
        assert chain_faults(world["decisions"]) == set()
        assert anchors_that_fail(world) == []
        assert unanswered(world) == set()
        assert not (world["truth_labels"]["play"] == PLAY).any()


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = generate(
        WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2}),
        domains=["decision_log"],
    )
    assert len(world["decisions"]) > 100
