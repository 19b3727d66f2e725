"""What the page says in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.design.routing.analysis import Desk, peak_conditions
from playbook.methods import queueing

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def sizing(result: Desk, *, more: Sequence[int] = (0, 1, 2, 3, 4), within_min: float = 1.0) -> pd.DataFrame:
    """Return what the formulas promise for the peak, per number of agents.

    Columns: agents, erlang_c_wait_min and within_share (if nobody gives up), erlang_a_wait_min and
    erlang_a_given_up (if callers give up after an exponential time).
    """
    calls_h, on_shift = peak_conditions(result)
    rates = {"arrival_rate": calls_h / 60, "service_rate": 1 / result.handle_min}
    rows = []
    for agents in [max(int(on_shift), 1) + extra for extra in more]:
        calm = queueing.wait_in_erlang_c(agents, **rates)
        real = queueing.erlang_a(agents, patience=result.patience_min, **rates)
        within = queueing.erlang_c_within(agents, within_min, **rates)
        rows.append((agents, calm.wait, within, real.wait, real.abandoned_share))
    names = ["agents", "erlang_c_wait_min", "within_share", "erlang_a_wait_min", "erlang_a_given_up"]
    return pd.DataFrame(rows, columns=names)


def staffing(result: Desk, *, given_up: float = 0.05) -> str:
    """Say how many agents the peak has, and how many it needs so that at most a share `given_up` hangs up."""
    calls_h, on_shift = peak_conditions(result)
    rates = {
        "arrival_rate": calls_h / 60,
        "service_rate": 1 / result.handle_min,
        "patience": result.patience_min,
    }
    load = calls_h * result.handle_min / 60
    needed = max(int(load * (1 - given_up)), 1)
    while queueing.erlang_a(needed, **rates).abandoned_share > given_up:
        needed += 1
    recorded = 1 - result.calls.loc[result.calls["is_peak"], "is_answered"].mean()
    return (
        f"The peak brings work for {load:.1f} agents and has {on_shift:.1f} on shift; {recorded:.0%} of "
        f"callers give up. For {given_up:.0%} or less it needs {needed}. The rule of thumb, load plus its "
        f"square root, says {queueing.square_root_servers(load, grade=1.0)}."
    )


def busy_hours(result: Desk) -> str:
    """Say when the peak is and what it does."""
    peak = result.cells[result.cells["is_peak"]]
    rest = result.cells[~result.cells["is_peak"]]

    def mean(cells: pd.DataFrame, column: str) -> float:
        return float((cells[column] * cells["calls_h"]).sum() / cells["calls_h"].sum())

    return (
        f"The peak is {len(peak)} of {len(result.cells)} hours of the week, the worst on "
        f"{worst_hour(result)} UTC. A caller waits {mean(peak, 'wait_min'):.1f} min in it and "
        f"{mean(rest, 'wait_min'):.1f} min outside it; {mean(peak, 'given_up'):.0%} give up against "
        f"{mean(rest, 'given_up'):.0%}."
    )


def worst_hour(result: Desk) -> str:
    """Return day and hour with the longest expected wait, in words."""
    worst = result.cells.sort_values("expected_min").iloc[-1]
    return f"{DAYS[int(worst['day'])]} at {int(worst['hour'])}:00"


def own_agent(result: Desk) -> str:
    """Say what it is worth to meet the agent who knows the customer."""
    middle, low, high = result.own
    said = (
        f"At equal difficulty a call takes {middle:.2f} times as long with the own agent "
        f"(95 % interval {low:.2f} to {high:.2f})"
    )
    if low <= 1 <= high:
        return f"{said}: no gain can be shown."
    return f"{said}. Plain averages say {result.own_plain:.2f}: they compare unlike calls with each other."
