"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.service_levels.analysis import ServiceLevels, covered_in, tier_row


def sla(result: ServiceLevels) -> pd.DataFrame:
    """Return the service level to write into the SLA of each tier: hours, chance, money a month, special requests."""
    rows = result.targets
    covered = ["any number" if n == np.inf else f"up to {n:.0f}" if n else "none" for n in rows["requests"]]
    beyond = rows["beyond_h"].map(lambda hours: f"{hours:.0f} h" if np.isfinite(hours) else "by quote")
    return pd.DataFrame(
        {
            "promise (h)": rows["target_h"].astype(int),
            "kept": rows["kept_share"].map("{:.0%}".format),
            "90 % interval": rows["kept_low"].map("{:.0%}".format)
            + " to "
            + rows["kept_high"].map("{:.0%}".format),
            "penalty a month": rows["penalty_amt"].round().astype(int),
            "cost to serve a month": rows["serving_amt"].round().astype(int),
            "special requests": covered,
            "with more": beyond.mask(np.array(covered) == "any number", "-"),
        }
    )


def what_if(result: ServiceLevels, *, hour_value_amt: Sequence[float]) -> pd.DataFrame:
    """Return the cheapest promise of each tier for each worth of an hour.

    Columns: hour_value_amt (money a case and hour), tier, target_h, kept_share, penalty_amt (a month).
    """
    rows = []
    for tier, curve in result.curve.groupby("tier", sort=False):
        cases = covered_in(result, str(tier)).sum() / result.facts["months"]
        for value in hour_value_amt:
            total = curve["penalty_amt"] + value * cases * curve["target_h"]
            best = curve.loc[total.idxmin()]
            rows.append((float(value), str(tier), best["target_h"], best["kept_share"], best["penalty_amt"]))
    columns = ["hour_value_amt", "tier", "target_h", "kept_share", "penalty_amt"]
    return pd.DataFrame(rows, columns=columns)


def decide(result: ServiceLevels) -> Decision:
    """Recommend hours and special requests per tier, and how often they will be kept."""
    f, rows = result.facts, result.targets
    table = sla(result)
    covers = table["special requests"].to_dict()[result.focus]
    promises = "; ".join(
        f"{tier} {row['promise (h)']} hours, kept in {row['kept']} of cases, special requests: {row['special requests']}"
        for tier, row in table.iterrows()
    )
    focus = tier_row(rows, result.focus)
    slack, now = _next_value(result), tier_row(result.promise, result.focus)["kept_share"]
    return Decision(
        recommendation=f"Write into the SLA of {f['process']}: {promises}. Give the teams the stage hours that "
        "add up to them.",
        evidence=f"{len(result.cases):,} cases over {f['months']:.0f} months; today {now:.0%} of {result.focus} cases keep "
        f"{f['target_h']:g} hours. Penalties at the new promise: {rows['penalty_amt'].sum():,.0f} a month; special "
        f"requests cost {rows['serving_amt'].sum():,.0f}.",
        metric=f"{result.focus} cases (special requests: {covers}) within {focus['target_h']:.0f} hours",
        unit="share",
        low=float(focus["kept_low"]),
        high=float(focus["kept_high"]),
        flips_if=f"customers say that an hour is worth {slack} instead of {f['hour_value_amt']:g}, or fewer than "
        f"{focus['kept_low']:.0%} of {result.focus} cases keep the new promise over a quarter",
        owner="head of service operations",
    )


def _next_value(result: ServiceLevels) -> str:
    """Return from which worth of an hour on the focus tier's promise would be another by a tenth or more."""
    values = np.round(result.facts["hour_value_amt"] * np.array([1.25, 1.5, 2, 3, 5, 8]), 2)
    scenarios = what_if(result, hour_value_amt=list(values))
    mine = scenarios[scenarios["tier"] == result.focus]
    moved = mine[mine["target_h"] <= 0.9 * tier_row(result.targets, result.focus)["target_h"]]
    return f"{moved['hour_value_amt'].iloc[0]:g} or more" if len(moved) else f"more than {values[-1]:g}"
