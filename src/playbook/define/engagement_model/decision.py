"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.engagement_model.analysis import (
    DEPTHS,
    DRIVERS,
    MIXED,
    NOBODY,
    UNITS,
    Engagement,
    hours_now,
    nets_of,
)


def best(result: Engagement) -> str:
    """Return the model with the highest net margin; `NOBODY` where none covers the kinds of service it keeps."""
    top = result.models.iloc[int(result.models["net_amt"].to_numpy().argmax())]
    return str(top["model"]) if top["net_amt"] > 0 else NOBODY


def what_if(result: Engagement, *, hours_share: Sequence[float]) -> pd.DataFrame:
    """Return what each model brings when the team has more or fewer hours than now.

    Columns: hours_share, hours (a month), model, net_amt (margin a year less what its kinds of service cost), hour_amt
    (what the last hour of the mixed model brings).
    """
    now = hours_now(result)
    rows = []
    for share in hours_share:
        problem = result.problem.within([share * now, result.capacity["system requests"]])
        last = problem.only(result.offers[MIXED]).relax().prices[0] / 12
        for name, net in nets_of(problem, result.offers, float(result.facts["variety_amt"])).items():
            if name != NOBODY:
                rows.append((float(share), share * now, name, net, float(last)))
    return pd.DataFrame(rows, columns=["hours_share", "hours", "model", "net_amt", "hour_amt"])


def round_to(value: Any, digits: int = 2) -> float:
    """Return a number with few significant digits."""
    return float(f"{value:.{digits}g}")


def turning(result: Engagement) -> str:
    """Say at which hours and which system capacity the best model changes."""
    parts = [
        f"{row.below} below {round_to(row.at):,g} {UNITS[str(row.resource)]}, {row.above} above"
        for row in result.turns.itertuples()
    ]
    quiet = [r for r in DRIVERS if np.isfinite(result.capacity[r]) and r not in set(result.turns["resource"])]
    parts += [f"no amount of {resource} that was tried changes it" for resource in quiet]
    return f"Best now: **{best(result)}**. Where it changes: {'; '.join(parts) or 'no limit is known'}."


def decide(result: Engagement) -> Decision:
    """Recommend the engagement model, with shares, what opens a depth, and the capacity at which it changes."""
    name = best(result)
    models = result.models.set_index("model")
    shown: Any = models.loc[MIXED if name == NOBODY else name]
    mix = ", ".join(f"{d} {shown[d] / result.facts['customers']:.0%}" for d in DEPTHS)
    turns = turning(result).split("Where it changes: ")[1].rstrip(".")
    unsure = shown["low_amt"] <= shown["variety_amt"]
    if name == NOBODY or unsure:
        advice = "Keep self-serve for all and let the trial by lot go on: no model surely brings more than it costs."
    else:
        advice = f"Run {name} as your engagement model ({mix}), "
        advice += "and leave a tenth of each depth's customers at self-serve by lot."
        if result.facts["ladder_known"] and shown[DEPTHS[-1]]:
            advice += f" Dedicated service opens at a joint investment of {result.facts['dedicated_invest_amt']:,.0f}."
    others = [f"{other} {models.loc[other, 'net_amt']:,.0f}" for other in models.index]
    used = [
        f"{share:.0%} of {resource}"
        for resource, share in zip(DRIVERS, (shown["hours_share"], shown["system_share"]), strict=True)
        if np.isfinite(result.capacity[resource])
    ]
    return Decision(
        recommendation=advice,
        evidence=f"Net margin a year against self-serve for all: {'; '.join(others)}. The plan for {shown.name} takes "
        f"{' and '.join(used) or 'no resource whose limit is known'}.",
        metric=f"margin a year added by {shown.name}, against customers left at self-serve by lot",
        unit="money",
        low=float(shown["low_amt"]),
        high=float(shown["high_amt"]),
        flips_if=f"the lower end of that range "
        f"{'rises above' if name == NOBODY or unsure else 'falls below'} {shown['variety_amt']:,.0f}, what its kinds of "
        f"service cost; or capacity passes a point where the model changes ({turns})",
        owner="head of customer operations",
        review_days=182,
    )
