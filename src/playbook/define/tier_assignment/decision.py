"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.tier_assignment.analysis import Tiers, fastest, rule_of


def what_if(result: Tiers, *, target: Sequence[float]) -> pd.DataFrame:
    """Return the rule to choose for each number of false moves allowed, and how late it follows a real change.

    Columns: target, rule, false_moves, delay_weeks, within (whether the target is reached).
    """
    picked = [fastest(result.rules, allowed) for allowed in target]
    frame = pd.DataFrame([result.of(rule) for rule in picked])[["false_moves", "delay_weeks"]]
    frame.insert(0, "target", list(target))
    frame.insert(1, "rule", [str(rule) for rule in picked])
    return frame.assign(within=frame["false_moves"] <= frame["target"])


def target_steps(result: Tiers) -> list[float]:
    """Return up to six round numbers of false moves to try, from the fewest that a rule makes to the most."""
    series = [digit * 10.0**power for power in range(4) for digit in (1, 1.5, 2, 3, 4, 6, 8)]
    low, high = result.rules["false_moves"].min(), result.rules["false_moves"].max()
    near = [value for value in series if low <= value <= high] or [float(np.ceil(high))]
    return [near[place] for place in np.unique(np.linspace(0, len(near) - 1, 6).round().astype(int))]


def decide(result: Tiers) -> Decision:
    """Recommend cuts, band and stay, with the wait that would call for a faster rule."""
    chosen, today = result.of(result.chosen), result.of(result.today)
    rule = result.chosen
    band = (
        f"move a customer only {rule.band:.0%} beyond a cut"
        if rule.band
        else "move a customer at the cut itself"
    )
    stay = (
        f"at the earliest {rule.stay} weeks after the last move" if rule.stay > 1 else "with no minimum stay"
    )
    best = result.rules[result.rules["efficient"]]
    faster = best[best["delay_weeks"] <= 0.8 * chosen["delay_weeks"]]
    flips = "more false moves than the target turn out to bother nobody"
    if len(faster):
        row = faster.iloc[int(faster["delay_weeks"].argmax())]
        flips = (
            f"a real change must be followed within {row['delay_weeks']:.0f} weeks: then {rule_of(row)}, at the price of "
            f"{row['false_moves']:.0f} false moves"
        )
    missed = (
        ""
        if chosen["false_moves"] <= result.target
        else f" No rule reaches {result.target:g}: this one is nearest."
    )
    return Decision(
        recommendation=f"Score every customer each week over the last {rule.window} weeks; silver from "
        f"{result.cuts[0]:,.0f}, gold from {result.cuts[1]:,.0f} a year; {band}, {stay}.",
        evidence=f"Per 100 years of customers who do not change, {chosen['false_moves']:.0f} false moves against "
        f"{today['false_moves']:.0f} today; a customer who doubles or halves is in the right tier after "
        f"{chosen['delay_weeks']:.0f} weeks on average, against {today['delay_weeks']:.0f}.{missed}",
        metric="false moves per 100 customer-years",
        unit="moves",
        low=chosen["low"],
        high=chosen["high"],
        flips_if=flips,
        owner="head of customer service",
    )
