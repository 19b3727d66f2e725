"""Where a case should start: the chain of levels, its costs, and the detour over specialists' cases."""

import numpy as np
import pytest

from tests.world.worlds_of_service import effects_of, service_worlds, share_gap

LEVELS = 3


@pytest.fixture(scope="module")
def visits():
    """One row per case and level, with how the case was assigned and what it is."""
    return with_levels(service_worlds())


def with_levels(world):
    """Actions on levels, with the start of their case."""
    starts = world.assignments[world.assignments["initiative_id"].str.startswith("EI")]
    starts = starts[["seed", "subject_id", "arm", "design"]]
    rows = world.actions[world.actions["action_code"].str.startswith("level ")].merge(
        starts, on=["seed", "subject_id"]
    )
    columns = ["seed", "ticket_id", "back", "tier_at_open", "history", "severity", "escalation_level"]
    rows = rows.merge(world.tickets[columns], left_on=["seed", "subject_id"], right_on=["seed", "ticket_id"])
    return rows.assign(level=rows["action_code"].str[-1].astype(int), start=rows["arm"].str[-1].astype(int))


def cost_from(
    start: int, solved: list[float], minutes: list[float], wage: list[float], unsolved: float
) -> float:
    """Expected cost of a case that starts at a level: an absorbing chain, solved backwards."""
    cost = unsolved
    for level in range(LEVELS - 1, start - 1, -1):
        cost = minutes[level] * wage[level] / 60 + (1 - solved[level]) * cost
    return cost


def test_scripts_chain_fitted_on_the_lot_finds_the_planted_best_path(visits):
    """For gold customers the cheapest start is the planted one for first and for repeat requests; they differ."""
    truth = effects_of(service_worlds(), "design.scripts").query("metric == 'solved'")["size"]
    parameters = (
        service_worlds().truth_parameters.query("play == 'design.scripts' and seed == 0").set_index("name")
    )
    wage = [parameters.loc[f"cost_amt_h_level_{k}", "value"] for k in range(LEVELS)]
    minutes = [parameters.loc[f"minutes_level_{k}", "value"] for k in range(LEVELS)]
    lot = visits[visits["design"] == "random"]
    found_minutes = (lot.groupby("level")["duration_s"].mean() / 60).tolist()
    assert found_minutes == pytest.approx(minutes, rel=0.05)
    best = {}
    for history in ("first", "repeat"):
        rows = lot[(lot["history"] == history) & (lot["tier_at_open"] == "gold")]
        # Who starts at a level is like everybody; who reaches it is not.
        found = [rows.loc[(rows["level"] == k) & (rows["start"] == k), "taken"].mean() for k in range(LEVELS)]
        planted = [truth[f"level {k}", f"gold, {history}"] for k in range(LEVELS)]
        size = [((rows["level"] == k) & (rows["start"] == k)).sum() for k in range(LEVELS)]
        for one, other, n in zip(found, planted, size, strict=True):
            assert one == pytest.approx(other, abs=3.5 * np.sqrt(0.25 / n))
        costs = [
            [cost_from(k, p, m, wage, 40.0) for k in range(LEVELS)]
            for p, m in ((found, found_minutes), (planted, minutes))
        ]
        assert np.argmin(costs[0]) == np.argmin(costs[1])
        best[history] = np.argmin(costs[0])
    assert best["first"] != best["repeat"]


def test_scripts_cases_that_people_sent_up_look_worse_than_the_level_is(visits):
    """Solved shares of specialists are lower among chosen starts than by lot: they get the hard cases."""
    top = visits[(visits["start"] == 2) & (visits["level"] == 2)]
    gap, error = share_gap(top["taken"].astype(float), top["design"] == "chosen")
    assert gap < -2 * error


def test_scripts_each_move_upwards_costs_repeat_contacts(visits):
    """Among cases by lot, starting two levels below costs repeats against starting where it is solved."""
    cases = visits.drop_duplicates(["seed", "subject_id"], keep="last")
    cases = cases[(cases["design"] == "random") & cases["taken"] & (cases["level"] == 2)]
    parameters = (
        service_worlds().truth_parameters.query("play == 'design.scripts' and seed == 0").set_index("name")
    )
    gap, error = share_gap(cases["back"], cases["start"] == 0)
    assert gap == pytest.approx(2 * parameters.loc["repeat_per_move", "value"], abs=3.5 * error)


def test_scripts_without_an_effect_tier_and_history_make_no_path():
    """In worlds without it each level solves as many first as repeat requests."""
    rows = with_levels(service_worlds(planted=False, seeds=8))
    for level in range(LEVELS):
        started = rows[(rows["design"] == "random") & (rows["level"] == level) & (rows["start"] == level)]
        gap, error = share_gap(started["taken"].astype(float), started["history"] == "repeat")
        assert abs(gap) < 3 * error


def test_escalation_level_is_the_last_level_tried(visits):
    """The ticket keeps the last level at which it was."""
    last = visits.groupby(["seed", "subject_id"]).agg(
        level=("level", "max"), kept=("escalation_level", "first")
    )
    assert (last["level"] == last["kept"]).all()
