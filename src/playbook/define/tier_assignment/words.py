"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.tier_assignment.analysis import RECENT, TIERS, YEAR, Tiers, rule_of


def scored(result: Tiers) -> str:
    """Return what is scored and what is left out, as prose."""
    text = (
        f"{len(result.values):,} customers over {result.values.shape[1]} weeks; {len(result.throughout):,} of them bought "
        f"both in the first and in the last quarter of that time. A customer is silver from {result.cuts[0]:,.0f} a year, "
        f"gold from {result.cuts[1]:,.0f}."
    )
    if not result.requests:
        text += " No requests are in these data, so the score is the margin on orders."
    elif result.requests_count:
        text += f" {result.requests:,} requests are taken off at their cost."
    else:
        text += (
            f" The {result.requests:,} requests are not taken off: a customer should not lose a tier by requests that we "
            "caused. Set a cost of a request to change that."
        )
    if result.rules["window"].max() < YEAR:
        text += " The history is too short for a score over a year, so a season can move customers too."
    return text


def overview(result: Tiers) -> pd.DataFrame:
    """Return how many customers are in each tier now, by today's rule and by the chosen one."""
    counts = {
        f"{name} rule": np.bincount(rows.iloc[:, -1], minlength=3)[::-1]
        for name, rows in result.levels.items()
    }
    table = pd.DataFrame(counts, index=list(TIERS[::-1])).rename(columns={"today rule": "today's rule"})
    table.insert(0, "from, a year", [f"{cut:,.0f}" for cut in result.cuts[::-1]] + ["-"])
    return table


def chance(result: Tiers) -> str:
    """Return how much of all moves chance alone makes, as prose."""
    share = {name: min(result.by_chance[name] / max(seen, 1e-9), 1.0) for name, seen in result.seen.items()}
    text = f"With the weeks shuffled, today's rule still makes {share['today']:.0%} of the moves that it made"
    if result.seen["chosen"] < 0.5 * result.seen["today"]:
        text += f", and the chosen rule {share['chosen']:.0%} of its own, which are far fewer"
    return text + "."


def free_gain(result: Tiers) -> str:
    """Return what the best rule that is as fast as today's would save, as prose."""
    today = result.of(result.today)
    as_fast = result.rules[result.rules["delay_weeks"] <= today["delay_weeks"] + 0.5]
    best = as_fast.iloc[int(as_fast["false_moves"].argmin())]
    if best["false_moves"] > 0.95 * today["false_moves"]:
        return "Today's rule is as calm as one of its speed can be."
    return (
        f"Some of it is free: **{rule_of(best)}** follows a real change as fast as today's rule ({today['delay_weeks']:.0f} "
        f"weeks), with {best['false_moves']:.0f} false moves instead of {today['false_moves']:.0f}."
    )


def shown(moved: pd.DataFrame, rows: int = 8) -> pd.DataFrame:
    """Return the first movers as a table to read, up to three whom a contract holds first."""
    held = moved[moved["held"]].head(3)
    top = pd.concat([held, moved.drop(held.index)]).head(rows)
    table = top[["was", "now", "why", "contract"]].rename_axis(None)
    pairs = zip(top["orders"], top["orders_before"], strict=True)
    table.insert(3, "orders (before)", [f"{now} ({before})" for now, before in pairs])
    pairs = zip(top["value"], top["before"], strict=True)
    table.insert(4, "value a year (before)", [f"{now:,.0f} ({before:,.0f})" for now, before in pairs])
    return table


def listed(result: Tiers, moved: pd.DataFrame, contracts: pd.DataFrame | None) -> str:
    """Return how many moved, and whom a contract holds, as prose."""
    today = result.levels["today"]
    instead = int((today.iloc[:, -1] != today.iloc[:, -1 - RECENT]).sum())
    text = f"In the last {RECENT} weeks {len(moved)} customers moved by the chosen rule; by today's rule it was {instead}."
    if contracts is None:
        return text + " No contracts are in these data: look them up before you take a tier away."
    return text + (
        f" For {int(moved['held'].sum())} of them a contract promises more than the new tier: the contract holds."
    )
