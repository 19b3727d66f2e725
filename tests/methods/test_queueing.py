"""Formulas equal the published tables; the simulator equals the formulas where they are exact, and keeps its
rules.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.methods import queueing

MINUTE = 60.0


def poisson_calls(rate: float, n: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Arrival times of `n` calls and the generator that goes on."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.exponential(1 / rate, n)), rng


def test_erlang_c_equals_published_staffing_example():
    """100 calls in 30 minutes of 3 minutes each and 14 agents (V07)."""
    rates = {"arrival_rate": 100 / 1800, "service_rate": 1 / 180}
    found = queueing.wait_in_erlang_c(14, **rates)
    assert found.wait_share == pytest.approx(0.1741319335950498, abs=1e-9)
    assert queueing.erlang_c_within(14, 20, **rates) == pytest.approx(0.8883500191794669, abs=1e-9)
    assert found.busy_share == pytest.approx(10 / 14, abs=1e-9)
    assert found.wait == pytest.approx(7.84, abs=0.005)


@pytest.mark.parametrize(
    ("servers", "load", "expected"),
    [(11, 10, 0.6821), (12, 10, 0.4494), (13, 10, 0.2853), (25, 20, 0.2091)],
)
def test_erlang_c_equals_table(servers, load, expected):
    """V07, last digit of the table."""
    assert queueing.erlang_c(servers, load) == pytest.approx(expected, abs=5e-5)


def test_erlang_b_recursion_equals_the_direct_sum():
    """The definition, summed as it stands."""
    direct = (20**25 / math.factorial(25)) / sum(20**k / math.factorial(k) for k in range(26))
    assert queueing.erlang_b(25, 20) == pytest.approx(direct, rel=1e-12)


def test_patience_changes_everything_as_gans_koole_mandelbaum_tabulate():
    """48 calls a minute, one minute each, patience two minutes, 50 agents (V08), last digit of the table."""
    endless = queueing.wait_in_erlang_c(50, arrival_rate=48, service_rate=1)
    assert endless.wait * MINUTE == pytest.approx(20.8, abs=0.05)
    assert endless.queue == pytest.approx(17, abs=0.5)
    assert endless.busy_share == pytest.approx(0.96, abs=0.005)
    assert queueing.erlang_c_within(50, 58.1 / MINUTE, arrival_rate=48, service_rate=1) == pytest.approx(
        0.9, abs=1e-3
    )

    real = queueing.erlang_a(50, arrival_rate=48, service_rate=1, patience=2)
    assert real.abandoned_share == pytest.approx(0.031, abs=5e-4)
    assert real.wait * MINUTE == pytest.approx(3.7, abs=0.05)
    assert real.queue == pytest.approx(3, abs=0.05)
    assert real.busy_share == pytest.approx(0.93, abs=0.005)

    thinned = queueing.wait_in_erlang_c(50, arrival_rate=48 * (1 - 0.0309), service_rate=1)
    assert thinned.wait * MINUTE == pytest.approx(8.8, abs=0.05)
    assert thinned.queue == pytest.approx(7, abs=0.5)


def test_erlang_a_tends_to_erlang_c_and_survives_overload():
    """Nearly endless patience is Erlang C; twice the load leaves half the callers."""
    calm = queueing.erlang_a(14, arrival_rate=10, service_rate=1, patience=1e7)
    assert calm.wait_share == pytest.approx(queueing.erlang_c(14, 10), rel=1e-4)
    assert queueing.erlang_a(
        500, arrival_rate=1000, service_rate=1, patience=1
    ).abandoned_share == pytest.approx(0.5, abs=0.001)


def test_halfin_whitt_is_the_limit_of_erlang_c():
    """At a load of 10,000 with one spare root the share that waits is the limit's, within one per cent."""
    servers = queueing.square_root_servers(10_000, grade=1.0)
    assert servers == 10_100
    assert queueing.erlang_c(servers, 10_000) == pytest.approx(queueing.halfin_whitt_delay(1.0), rel=0.01)


def test_priority_waits_equal_cobham():
    """V09: 12.5 and 75 minutes with one server; .11146 and 1.11455 with ten."""
    one = 60 * queueing.priority_waits(1, arrival_rates=[2, 3], service_rate=6)
    assert one == pytest.approx([12.5, 75.0], rel=1e-12)
    ten = queueing.priority_waits(10, arrival_rates=[4, 5], service_rate=1)
    assert ten == pytest.approx([0.11146, 1.11455], abs=1e-5)


@pytest.mark.parametrize(
    ("servers", "rates", "service_rate", "n"), [(1, (2, 3), 6, 100_000), (10, (3, 5), 1, 200_000)]
)
def test_simulated_priority_equals_cobham(servers, rates, service_rate, n):
    """Waits of both classes within 3 % at equal service rates (V09), averaged over six runs."""
    waits = []
    for seed in range(100, 106):
        arrival, rng = poisson_calls(sum(rates), n, seed)
        first = rng.random(n) < rates[0] / sum(rates)
        work = rng.exponential(1 / service_rate, n)
        served = queueing.simulate(arrival, work, servers, head_start=np.where(first, 1e9, 0.0))
        waits.append((served.wait[first].mean(), served.wait[~first].mean()))
    expected = queueing.priority_waits(servers, arrival_rates=rates, service_rate=service_rate)
    assert np.mean(waits, axis=0) == pytest.approx(expected, rel=0.03)


def test_priority_moves_waiting_and_creates_none():
    """Total waiting at equal service rates is that of first come, first served, on the very same calls."""
    arrival, rng = poisson_calls(8, 100_000, 4)
    first, work = rng.random(len(arrival)) < 0.3, rng.exponential(1, len(arrival))
    fair = queueing.simulate(arrival, work, 10)
    priority = queueing.simulate(arrival, work, 10, head_start=np.where(first, 1e9, 0.0))
    assert priority.wait.mean() == pytest.approx(fair.wait.mean(), rel=0.02)
    assert priority.wait[first].mean() < 0.5 * fair.wait[first].mean()


def test_simulated_patience_equals_erlang_a():
    """Mean wait and share that gives up, within 3 % of V08's closed form."""
    arrival, rng = poisson_calls(48, 400_000, 3)
    n = len(arrival)
    served = queueing.simulate(arrival, rng.exponential(1, n), 50, patience=rng.exponential(2, n))
    expected = queueing.erlang_a(50, arrival_rate=48, service_rate=1, patience=2)
    assert served.wait.mean() == pytest.approx(expected.wait, rel=0.03)
    assert 1 - served.answered.mean() == pytest.approx(expected.abandoned_share, rel=0.03)


def test_a_head_start_ages():
    """Who has waited longer than the head start is overtaken no more; absolute priority overtakes always."""
    arrival, work = [0.0, 1.0, 2.0, 9.0], [10.0, 10.0, 10.0, 10.0]
    ageing = queueing.simulate(arrival, work, 1, head_start=[0, 0, 0, 5.0])
    strict = queueing.simulate(arrival, work, 1, head_start=[0, 0, 0, 1e9])
    assert ageing.wait.tolist() == [0, 9, 18, 21]
    assert strict.wait.tolist() == [0, 19, 28, 1]


def test_a_caller_is_kept_for_the_named_agent_and_then_released():
    """Held three minutes for a busy agent while another is free; answered at once where there is no
    preference.
    """
    calls = {"arrival": [0.0, 1.0], "work": [10.0, 4.0], "servers": 2, "named": [0, 0]}
    held = queueing.simulate(**calls, hold=[0.0, 3.0])
    assert held.wait.tolist() == [0, 3]
    assert held.server.tolist() == [0, 1]
    patient = queueing.simulate(**calls, hold=[0.0, 20.0], named_pace=0.5)
    assert patient.wait.tolist() == [0, 4]
    assert patient.end.tolist() == [5, 7]
    assert queueing.simulate(**calls).wait.tolist() == [0, 0]


def test_nobody_is_kept_for_an_agent_who_is_not_on_shift():
    """The named agent's shift is over: the next free one answers."""
    shifts = ([0, 1], [0.0, 0.0], [5.0, 60.0])
    served = queueing.simulate([10.0], [4.0], shifts, named=[0], hold=[30.0])
    assert served.server.tolist() == [1]
    assert served.wait.tolist() == [0]


def test_calls_wait_for_the_next_shift_and_run_over_its_end():
    """A call at minute 5 waits until 10; begun before the shift's end it is finished after it."""
    served = queueing.simulate([5.0, 11.0, 12.0], [8.0, 3.0, 3.0], ([0], [10.0], [20.0]))
    assert served.wait[:2].tolist() == [5, 7]
    assert served.end[1] == 21
    assert not served.answered[2]


def test_an_agent_who_stays_on_the_line_is_not_free():
    """Handing over frees the agent after the work; staying keeps them until the specialist is done."""
    calls = {"arrival": [0.0, 0.0, 1.0], "work": [5.0, 5.0, 1.0], "servers": 2, "advice": [10.0, 10.0, 0.0]}
    handed = queueing.simulate(**calls, specialists=1)
    stayed = queueing.simulate(**calls, specialists=1, stays=True)
    assert handed.wait[2] == 4
    assert stayed.wait[2] == 14
    assert sorted(stayed.second_wait[:2]) == [0, 10]
    assert sorted(stayed.end[:2]) == [15, 25]


def test_advice_without_specialists_is_refused():
    """Nobody could give it."""
    with pytest.raises(ValueError, match="no specialists"):
        queueing.simulate([0.0], [1.0], 1, advice=[2.0])


@settings(max_examples=60)
@given(
    gaps=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    servers=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_server_is_on_two_calls_and_nobody_waits_beyond_patience(gaps, servers, seed):
    """On any input calls of one server do not overlap, and waits stay within patience."""
    rng = np.random.default_rng(seed)
    n = len(gaps)
    arrival = np.cumsum(gaps).astype(float)
    patience = rng.integers(1, 12, n).astype(float)
    served = queueing.simulate(
        arrival, rng.integers(1, 9, n), servers, head_start=rng.integers(0, 5, n), patience=patience,
        named=rng.integers(-1, servers, n), hold=rng.integers(-1, 6, n).astype(float),
    )  # fmt: skip
    assert (served.wait >= 0).all()
    assert (served.wait <= patience).all()
    assert np.isnan(served.end[~served.answered]).all()
    for server in range(servers):
        mine = np.flatnonzero(served.server == server)
        begin = (arrival + served.wait)[mine]
        order = np.argsort(begin, kind="stable")
        assert (begin[order][1:] >= served.end[mine][order][:-1]).all()
