"""What a dedicated workflow and deeper service do is found where they were given by lot, and not where chosen."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import conform, validate
from playbook.world.domains.programmes import DEPTHS
from tests.world.worlds_of_programmes import agrees, log_ratio, plain_ratio, pooled, trial, trials

VALUE, DEPTH = "define.customer_value", "define.engagement_model"
LONG = (0.0, 91.0)


def uplift(world, segment):
    """Estimate of one segment's uplift, by lot."""
    rows = world.assigned("IN-workflow")
    rows = rows[rows["stratum"] == segment]
    return log_ratio(world, rows, rows["arm"] == "workflow", LONG)


@pytest.mark.parametrize("table", ["initiatives", "assignments", "costs"])
def test_tables_are_canonical(table):
    """Columns, kinds, keys and choices as declared."""
    validate(table, conform(table, trial(0).tables[table]))


@pytest.mark.parametrize("place", range(4))
def test_customer_value_recovers_the_uplift_of_each_segment(place):
    """By lot, the uplift is found in every segment."""
    segment = trial(0).settings.preset.segments[place]
    planted = trial(0).truth(VALUE, stratum=segment)["size"].item()
    assert agrees([uplift(world, segment) for world in trials()], planted)


def test_customer_value_ranks_by_what_the_workflow_adds_and_not_by_value():
    """Added orders give the planted order of segments; orders themselves put the useless one first."""
    worlds, segments = trials(), trial(0).settings.preset.segments
    truth = trial(0).truth(VALUE).set_index("stratum")["size"]
    rate = pd.concat(
        [
            world.tables["truth_customers"]["rate_week"]
            .groupby(np.array(segments)[world.tables["_lots"]["segment"].to_numpy()])
            .mean()
            for world in worlds
        ],
        axis=1,
    ).mean(axis=1)
    found = {name: pooled([uplift(world, name) for world in worlds])[0] for name in segments}
    added = {name: rate[name] * np.expm1(found[name]) for name in segments}
    planted = {name: rate[name] * np.expm1(truth[name]) for name in segments}
    assert sorted(added, key=added.get)[-2:] == sorted(planted, key=planted.get)[-2:]
    assert rate.idxmax() == min(planted, key=planted.get)


def test_customer_value_chosen_customers_look_too_good():
    """Where account managers chose, the plain comparison finds far more than was planted, in every world."""
    most = trial(0).truth(VALUE)["size"].max()
    for world in trials():
        rows = world.assigned("IN-workflow", "chosen")
        assert plain_ratio(world, rows, rows["arm"] == "workflow", 91) > most + 0.3


def test_customer_value_finds_nothing_where_nothing_is_planted():
    """Without the effect all four intervals hold 0."""
    world = trial(9, planted=False)
    for segment in world.settings.preset.segments:
        value, error = uplift(world, segment)
        assert abs(value) < 3 * error


def deeper(world, depth):
    """Estimate of one depth against self-serve, by lot, and the mean of what was planted for the same people."""
    rows = world.assigned("IN-depth")
    rows = rows[rows["arm"].isin([depth, DEPTHS[0]])]
    lots = world.tables["_lots"]
    who = world.customers.get_indexer(rows["subject_id"])
    invests = world.tables["_parties"]["invests"].to_numpy()[lots["account"].to_numpy()[who]]
    stratum = rows["stratum"] + np.where(invests, ", joint investment", ", no investment")
    size = world.truth(DEPTH, action=depth).set_index("stratum")["size"]
    given = (rows["arm"] == depth).to_numpy()
    return log_ratio(world, rows, given, LONG), float(size[stratum[given]].mean())


@pytest.mark.parametrize("depth", DEPTHS[1:])
def test_engagement_model_recovers_what_each_depth_adds(depth):
    """By lot, each depth adds what was planted for those who got it."""
    found, planted = zip(*[deeper(world, depth) for world in trials()], strict=True)
    assert agrees(list(found), float(np.mean(planted)))


def test_engagement_model_chosen_depths_look_too_good_and_null_is_null():
    """Depths that were chosen follow what customers buy; without the effect a lot finds nothing."""
    for world in trials():
        rows = world.assigned("IN-depth", "chosen")
        rows = rows[rows["arm"].isin(["self-serve", "dedicated"])]
        assert plain_ratio(world, rows, rows["arm"] == "dedicated", 91) > 1.0
    (value, error), _ = deeper(trial(9, planted=False), "dedicated")
    assert abs(value) < 3 * error


def test_engagement_model_names_the_resource_that_binds_first():
    """Hours and requests a customer, read from the books, against what team and system have, name the planted one."""
    for world in trials():
        costs = world.tables["costs"].query("subject_type == 'depth' and subject_id == 'dedicated'")
        rows = world.tables["assignments"].query("initiative_id == 'IN-depth' and arm == 'dedicated'")
        at = costs["month_on"].max() + pd.Timedelta(days=14)
        there = ((rows["starts_at"] <= at) & ~(rows["ends_at"] <= at)).sum()
        used = costs[costs["month_on"] == costs["month_on"].max()].set_index("driver")["driver_qty"] / there
        staff = world.tables["staff"].query("role == 'account manager' and left_on.isna()")
        hours = staff["fte_h_week"].sum() * 365.25 / 84
        rps = world.tables["systems"].query("system_id == 'engagement'")["capacity_rps"].item()
        load = {"team hours": used["staff hours"] / hours, "system requests": used["requests a second"] / rps}
        planted = world.tables["truth_structure"].query("play == @DEPTH")["target"].item()
        assert max(load, key=load.get) == planted
