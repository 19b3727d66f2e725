"""What would change the decision, and the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from playbook.contract import Decision
from playbook.design.routing.analysis import Routing, Rule, replay, waits


def what_if(result: Routing, *, head_start_min: Sequence[float]) -> pd.DataFrame:
    """Return each tier's wait in the peak per head start of the best tier: head_start_min, tier, wait_min,
    given_up.
    """
    tables = [
        waits(replay(result.desk, Rule("", float(start))), result.desk.tiers).assign(
            head_start_min=float(start)
        )
        for start in head_start_min
    ]
    return pd.concat(tables, ignore_index=True)[["head_start_min", "tier", "wait_min", "p95_min", "given_up"]]


def hurts_at(loads: pd.DataFrame, *, limit_min: float) -> float:
    """Return the load at which the last tier waits `limit_min` with the head start (linear between loads);
    inf if never.
    """
    over = loads["head_start_min"].to_numpy() > limit_min
    if not over.any():
        return math.inf
    n = int(over.argmax())
    if n == 0:
        return float(loads["load"].iloc[0])
    low, high = loads.iloc[n - 1], loads.iloc[n]
    share = (limit_min - low["head_start_min"]) / (high["head_start_min"] - low["head_start_min"])
    return float(low["load"] + share * (high["load"] - low["load"]))


def decide(result: Routing, loads: pd.DataFrame, cases: pd.DataFrame, *, limit_min: float = 3.0) -> Decision:
    """Recommend a rule for the queue, whether to hold callers for their own agent, and a path for escalated
    cases.

    The head start, if the last tier stays within `limit_min`. Holding, if it saves time and the best tier
    does not wait longer for it. Of the paths that keep most customers with their owner, the one that takes
    least of the desk, if the owner saves time; handing over otherwise.
    """
    first_come, head_start, both = result.rules[0], result.rules[1], result.rules[4]
    best, last = result.desk.tiers[0], result.desk.tiers[-1]
    pays, saves = result.wait(head_start, last), result.desk.own[2] < 1
    gains = result.wait(first_come, best) - result.wait(head_start, best)
    chosen = head_start if pays <= limit_min and gains > 0 else first_come
    if saves and result.wait(both, best) <= result.wait(head_start, best):
        hold = "keep callers for their own agent in the peak"
    else:
        hold = "hold nobody for the own agent in the peak"
    keeping = cases[cases["kept_share"] >= 0.5]
    kept = keeping if saves and len(keeping) else cases[cases["path"] == "hand over"]
    path = kept.sort_values("agent_min")["path"].iloc[0]
    weeks = result.weekly[(result.weekly["rule"] == chosen.name) & (result.weekly["tier"] == best)][
        "wait_min"
    ]
    margin = 1.96 * float(weeks.std()) / math.sqrt(13)
    middle = result.wait(chosen, best)
    breaks = hurts_at(loads, limit_min=limit_min)
    if chosen is head_start:
        advice = f"Give {best} a head start of {head_start.head_start_min:g} min and {hold}"
        flips = f"{last} waits over {limit_min:g} min in the peak"
        if math.isfinite(breaks):
            flips += f", as it would from {breaks:.0%} of last year's calls without more agents"
    else:
        advice = f"Keep first come, first served until the peak has more agents and {hold}"
        flips = f"{last} stays within {limit_min:g} min with the head start in a new replay"
    return Decision(
        recommendation=f"{advice}; when a specialist is needed: {path}.",
        evidence=f"In the replay of 52 weeks the head start takes {best} from "
        f"{result.wait(first_come, best):.1f} to {result.wait(head_start, best):.1f} min in the peak and "
        f"{last} from {result.wait(first_come, last):.1f} to {pays:.1f} min (limit {limit_min:g}); a call "
        f"with the own agent takes {result.desk.own[0]:.2f} times as long.",
        metric=f"mean wait of {best} in the peak, over a quarter", unit="min",
        low=max(middle - margin, 0.0), high=middle + margin,
        flips_if=flips, owner="head of customer service",
    )  # fmt: skip
