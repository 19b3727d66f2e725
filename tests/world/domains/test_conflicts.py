"""The decision table of conflicts has the holes that are planted, and the crowded role is crowded."""

import json
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

PLAY = "govern.escalation_protocol"
SEEDS = range(1, 6)


world_of = partial(drawn, "conflicts", base="organisation", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def verdicts(rules, *, use_priority=True):
    """Return the cells of the decision table that no row covers, and those for which rows name different
    roles.
    """
    rows = rules[rules["ruleset"] == "escalation"]
    condition = rows["condition_json"].map(json.loads)
    conflicts = sorted({c["conflict"] for c in condition})
    hours = sorted({c["hours"] for c in condition})
    gaps, overlaps = set(), set()
    for conflict, hour, severity, key in product(conflicts, hours, range(1, 5), (False, True)):
        holds = [
            c["conflict"] == conflict
            and c["hours"] == hour
            and c["severity"][0] <= severity <= c["severity"][1]
            and (key or not c.get("key_account", False))
            for c in condition
        ]
        hit = rows[holds]
        if use_priority:
            hit = hit[hit["priority"] == hit["priority"].min()]
        if hit.empty:
            gaps.add(f"{conflict}|{hour}|{severity}")
        elif len(set(hit["owner_role"])) > 1:
            overlaps.add(f"{conflict}|{hour}|{severity}")
    return gaps, overlaps


def dead_ends(world):
    """Return roles of the table that nobody of today's staff holds."""
    held = world["responsibilities"].merge(world["staff"][["staff_id", "left_on"]], on="staff_id")
    alive = set(held.loc[held["left_on"].isna(), "subject_id"])
    named = set(held.loc[held["raci"] == "A", "subject_id"])
    return named - alive


def planted_holes(world, kind):
    truth = world["truth_structure"]
    return set(truth.loc[(truth["play"] == PLAY) & (truth["kind"] == kind), "source"])


def test_tables_keep_their_schemas():
    """All tables pass their declarations, and dates are ordered."""
    world = generate(WorldSettings(seed=1, customers=400), domains=["conflicts"])
    for name in ("rules", "responsibilities", "incidents"):
        validate(name, world[name])
    cases = world["incidents"]
    done = cases.dropna(subset=["decided_at"])
    assert (done["opened_at"] <= done["detected_at"]).all()
    assert (done["detected_at"] <= done["decided_at"]).all()
    assert cases["decided_by"].dropna().isin(world["staff"]["staff_id"]).all()


def test_escalation_protocol_holes_are_found_exactly(worlds):
    """A cell-by-cell check of the table and of who holds a role finds every hole and invents none."""
    for world in worlds:
        gaps, overlaps = verdicts(world["rules"])
        assert gaps == planted_holes(world, "gap")
        assert len(gaps) == 3
        assert overlaps == planted_holes(world, "overlap")
        assert len(overlaps) == 3
        assert dead_ends(world) == planted_holes(world, "dead end")
        assert len(dead_ends(world)) == 2


def test_escalation_protocol_names_on_the_list_hide_the_holes(worlds):
    """Every conflict has rows and every role a name, and overlap without priority blames rows that are
    right.
    """
    for world in worlds:
        rules = world["rules"]
        conflicts = rules["condition_json"].map(lambda text: json.loads(text)["conflict"])
        assert conflicts.nunique() == 6
        assert set(rules["owner_role"]) <= set(world["responsibilities"]["subject_id"])
        assert len(verdicts(rules, use_priority=False)[1]) > len(planted_holes(world, "overlap"))


def busy_share(world):
    """Return per role: share of the days it had a decision at hand, and days at hand and waiting."""
    holder = world["responsibilities"].drop_duplicates("subject_id").set_index("staff_id")["subject_id"]
    cases = world["incidents"].dropna(subset=["decided_at"])
    at_hand = (cases["decided_at"] - cases["detected_at"]) / pd.Timedelta(days=1)
    wait = (cases["detected_at"] - cases["opened_at"]) / pd.Timedelta(days=1)
    rows = pd.DataFrame({"role": cases["decided_by"].map(holder), "at_hand": at_hand, "wait": wait})
    days = (world["incidents"]["opened_at"].max() - world["incidents"]["opened_at"].min()).days
    table = rows.groupby("role").agg(
        total=("at_hand", "sum"), typical=("at_hand", "mean"), wait=("wait", "mean")
    )
    return table.assign(busy=table["total"] / days)


def test_escalation_protocol_recovers_the_crowded_role(worlds):
    """The role with most work at hand is the planted one; its queue, replayed, explains how long cases
    wait.
    """
    for world in worlds:
        truth = world["truth_parameters"]
        truth = truth[truth["play"] == PLAY].assign(
            role=truth["name"].str.removeprefix("utilisation of the ")
        )
        planted = truth.set_index("role")["value"]
        table = busy_share(world)
        assert table["busy"].idxmax() == planted.idxmax()
        assert np.allclose(table["busy"], planted[table.index], atol=0.03)
        crowded = table["busy"].idxmax()
        assert table.loc[crowded, "wait"] > 3 * table["wait"].drop(crowded).max()


def test_escalation_protocol_time_at_hand_does_not_show_the_queue(worlds):
    """How long a decision takes once begun is alike in all roles, so it ranks them by noise."""
    for world in worlds:
        typical = busy_share(world)["typical"]
        assert typical.max() < 1.35 * typical.min()
    hits = [busy_share(w)["typical"].idxmax() == busy_share(w)["busy"].idxmax() for w in worlds]
    assert sum(hits) < len(hits) / 2


def test_escalation_protocol_without_the_effect_is_complete(nulls):
    """No gap, overlap, dead end, and no role far busier than another."""
    for world in nulls:
        assert verdicts(world["rules"]) == (set(), set())
        assert dead_ends(world) == set()
        assert not (world["truth_structure"]["play"] == PLAY).any()
        busy = busy_share(world)["busy"]
        assert busy.max() < 0.45


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = generate(
        WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2}),
        domains=["conflicts"],
    )
    assert len(world["incidents"])
