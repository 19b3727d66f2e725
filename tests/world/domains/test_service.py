"""The desk's tables are canonical, its waits come from a queue, and late parcels cause complaints."""

import numpy as np
import pytest

from playbook.methods.queueing import simulate
from playbook.store.writing import validate
from playbook.world.domains import requests, service
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    """A small world."""
    return generate(WorldSettings(seed=5, customers=1200), domains=["service"])


@pytest.mark.parametrize("table", ["interactions", "tickets", "shifts"])
def test_tables_are_canonical(world, table):
    """Columns, kinds, keys and choices as declared."""
    validate(table, world[table])


def test_same_seed_same_desk():
    """Everything follows from the seed."""
    twice = [
        generate(WorldSettings(seed=8, customers=300), domains=["service"])["interactions"] for _ in range(2)
    ]
    assert twice[0].equals(twice[1])


def test_every_call_is_answered_or_given_up(world):
    """What did not happen is recorded too: calls without an answer keep the time at which the caller gave up."""
    calls = world["interactions"].query("channel == 'phone'")
    lost = calls["answered_at"].isna() & calls["ended_at"].notna()
    assert 0.02 < lost.mean() < 0.4
    assert calls.loc[lost, ["staff_id", "handle_s"]].isna().all(axis=None)
    assert (calls["ended_at"] >= calls["arrived_at"])[calls["ended_at"].notna()].all()


def test_agents_answer_on_their_own_shift_and_one_call_at_a_time(world):
    """Calls begin inside a worked shift of who answers, or at its boundary, and do not overlap."""
    calls = world["interactions"].query("channel == 'phone' and answered_at.notna()")
    calls = calls.sort_values("answered_at").tail(2000)
    shifts = world["shifts"].query("is_worked")
    joined = calls[["interaction_id", "staff_id", "answered_at"]].merge(shifts, on="staff_id")
    inside = (joined["starts_at"] <= joined["answered_at"]) & (joined["answered_at"] <= joined["ends_at"])
    assert set(joined.loc[inside, "interaction_id"]) == set(calls["interaction_id"])
    previous = calls.groupby("staff_id")["ended_at"].shift()
    assert (calls["answered_at"] - previous).dropna().dt.total_seconds().min() > -1


def test_logged_waits_are_those_of_the_planted_calls_in_a_queue(world):
    """Replaying planted work and patience on the worked shifts gives the logged mean wait."""
    calls = world["interactions"].merge(world["truth_calls"], on="interaction_id").sort_values("arrived_at")
    start, minute = calls["arrived_at"].min().normalize(), np.timedelta64(60_000_000, "us")
    shifts = world["shifts"].query("is_worked and activity == 'phone'")
    agents, server = np.unique(shifts["staff_id"].to_numpy(dtype=object), return_inverse=True)
    skill = world["truth_staff"].set_index("staff_id")["skill"].loc[agents].to_numpy()
    served = simulate(
        (calls["arrived_at"] - start) / minute,
        calls["work_min"],
        (server, (shifts["starts_at"] - start) / minute, (shifts["ends_at"] - start) / minute),
        patience=calls["patience_min"],
        pace=np.exp(service.HANDLE_ON_SKILL * skill),
    )
    logged = (calls["answered_at"].fillna(calls["ended_at"]) - calls["arrived_at"]) / minute
    assert served.wait.mean() == pytest.approx(logged.mean(), rel=0.05)


def test_late_parcels_cause_complaints_and_without_effect_none_do(world):
    """Delivery complaints follow days with many late parcels; a world without effect has none."""
    assert (world["tickets"]["category"] == "delivery").sum() > 100
    late = world["shipments"].query("delivered_at > promised_at")
    week = late["promised_at"].dt.to_period("W").value_counts().sort_index()
    complaints = (
        world["tickets"].query("category == 'delivery'")["opened_at"].dt.to_period("W").value_counts()
    )
    assert week.corr(complaints.reindex(week.index, fill_value=0)) > 0.4
    quiet = generate(WorldSettings(seed=5, customers=400, effect=0.0), domains=["service"])
    assert not (quiet["tickets"]["category"] == "delivery").any()


def test_calls_follow_the_planted_hours():
    """Nobody calls when the desk is closed; each market's shares sum to one."""
    profile = requests.hour_profile()
    assert profile.sum(axis=1) == pytest.approx(np.ones(5))
    assert profile[:, : requests.OPENS_H].sum() + profile[:, requests.CLOSES_H :].sum() == 0
