"""What if the panel read more, and what to admit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.qualitative_signals.analysis import Signals
from playbook.methods.corrected_counts import planned_half
from playbook.wording import listed


def verdict_steps(result: Signals) -> list[int]:
    """Return round numbers of verdicts to try: those that leave some notes of the smallest group unread."""
    return [n for n in (25, 50, 75, 100, 150, 200, 300, 400, 600) if n < 0.9 * result.shares["notes"].min()]


def what_if(result: Signals, *, verdicts: Sequence[int]) -> pd.DataFrame:
    """Return how exact each group's share of bad news would be with so many verdicts of the panel.

    Columns: verdicts, group, half (half interval of the corrected share), panel_half (of the verdicts alone), limit (widest
    half interval that is shown), shown, needed (verdicts of the group from which its share is shown; -1: never).

    Parameters
    ----------
    verdicts : sequence of int
        Notes of each group that a panel settles.
    """
    limit, rows = result.limits.half, []
    for group, of in result.shares.iterrows():
        every = np.arange(2, int(of["notes"]))
        enough = every[planned_half(of["spread"], of["correlation"], every, of["notes"]) <= limit]
        needed = int(enough[0]) if len(enough) else -1
        for n in verdicts:
            half = float(planned_half(of["spread"], of["correlation"], n, of["notes"]))
            alone = float(planned_half(of["spread"], 0.0, n, of["notes"]))
            rows.append((n, group, half, alone, limit, half <= limit, needed))
    return pd.DataFrame(rows, columns=["verdicts", "group", "half", "panel_half", "limit", "shown", "needed"])


def admitted(result: Signals) -> pd.Series:
    """Return for each indicator "yes", or why a customer's profile should not hold it."""
    rows = result.profile
    why = pd.Series("yes", index=rows.index)
    why[rows["reliability"] < result.limits.reliability] = "no: not stable"
    why[rows["overlap"] > result.limits.overlap] = "no: redundant"
    return why


def decide(result: Signals) -> Decision:
    """Recommend what goes on the dashboard and into the profile, and what is refused."""
    shares, worst, limits = result.shares, result.shares.loc[result.worst].to_dict(), result.limits
    half = (shares["high"] - shares["low"]) / 2
    shown, hidden = list(half.index[half <= limits.half]), list(half.index[half > limits.half])
    why = admitted(result)
    good, refused = list(why.index[why == "yes"]), list(why.index[why != "yes"])
    agree = result.alpha_fair[0] >= limits.alpha
    said = [
        f"Dashboard: the corrected share of bad news ({listed(shown) or 'of no group yet'}), with its interval; "
        f"{f'not yet that of {listed(hidden)}; ' if hidden else ''}never flags as counted.",
        f"Single codes: {'admitted, with severities taken out' if agree else 'refused until coders agree better'}.",
        f"Customer profile: {listed(good) or 'none of these indicators'}; refused: {listed(refused) or 'none'}.",
    ]
    planned = what_if(result, verdicts=[int(worst["settled"])]).query("needed > 0")
    fewer = listed([f"{row.needed} ({row.group})" for row in planned.itertuples()])
    flips = [
        f"the panel can settle fewer notes than {fewer}: then that share leaves the dashboard"
        if fewer
        else "",
        f"alpha {'falls below' if agree else 'reaches'} {limits.alpha:g}: then single codes are "
        f"{'refused' if agree else 'admitted'}",
        f"{(good or refused)[0]} {'falls below' if good else 'reaches'} a reliability of {limits.reliability:g} for one "
        "customer"
        if len(why)
        else "",
    ]
    return Decision(
        recommendation=" ".join(said),
        evidence=f"For {result.worst} the flags say {worst['flagged']:.1%} bad news; corrected by "
        f"{worst['settled']:.0f} verdicts it is {worst['corrected']:.1%} ({worst['low']:.1%} to {worst['high']:.1%}). "
        f"Alpha of the codes, severities taken out: {result.alpha_fair[0]:.2f}.",
        metric=f"share of bad news, {result.worst}, corrected",
        unit="share",
        low=float(worst["low"]),
        high=float(worst["high"]),
        flips_if="; or ".join(part for part in flips if part),
        owner="head of customer service",
    )
