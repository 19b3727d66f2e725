"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.handoffs.analysis import ALIKE_P, CUSTOMER, Handoffs


def customer_steps(result: Handoffs) -> pd.DataFrame:
    """Return what happens around each of the customer's own steps, the dearest first.

    Columns: takes_from (lane before), hands_to (lane after; "" for none), wait_h (before and after), loss_amt (of a case, at
    both hand-offs), year_amt; index step.
    """
    rows = result.table.sort_values("seq_no").reset_index()
    steps = result.steps.reset_index(drop=True)
    found = []
    for place in np.flatnonzero(steps["lane"] == CUSTOMER).tolist():
        own, after = steps.iloc[place], steps.iloc[place + 1 : place + 2]
        near = rows[(rows["step_id"] == own["step_id"]) | rows["step_id"].isin(after["step_id"])]
        near = near[near["with_customer"]]
        before = near.loc[near["step_id"] == own["step_id"], "from_lane"]
        found.append(
            {
                "step": own["step"],
                "takes_from": before.iloc[0] if len(before) else "",
                "hands_to": after["lane"].iloc[0] if len(after) and after["lane"].iloc[0] != CUSTOMER else "",
                "wait_h": near["wait_h"].sum(),
                "loss_amt": near["loss_amt"].sum(),
            }
        )
    columns = ["step", "takes_from", "hands_to", "wait_h", "loss_amt"]
    frame = pd.DataFrame(found, columns=columns).set_index("step")
    frame["year_amt"] = frame["loss_amt"] * float(result.facts["cases_year"])
    return frame.sort_values("loss_amt", ascending=False)


def differ(result: Handoffs) -> bool:
    """Return whether the hand-offs can be told apart by what they lose."""
    return result.alike_p < ALIKE_P


def net_saving(result: Handoffs, *, check_cost_amt: float) -> pd.Series:
    """Return what a check of every case would save at each hand-off, in money a case; index step, the best first.

    It catches `catch_share` of the failures that now go unnoticed; each of them then costs its rework instead of its loss.
    """
    rows, facts = result.table, result.facts
    caught = float(facts["catch_share"]) * rows["failed_share"] * rows["unnoticed_share"]
    saved = caught * (rows["loss_each_amt"] - float(facts["rework_cost_amt"])) - check_cost_amt
    return saved.rename("net_amt").sort_values(ascending=False)


def what_if(result: Handoffs, *, check_cost_amt: Sequence[float]) -> pd.DataFrame:
    """Return what checks bring at each cost of a check.

    Columns: check_cost_amt (money a case), pays_at (hand-offs where it pays), names, saved_amt (a year, checks only where
    they pay), everywhere_amt (a year, a check at each hand-off).
    """
    year = float(result.facts["cases_year"])
    found = []
    for cost in check_cost_amt:
        net = net_saving(result, check_cost_amt=cost)
        pays = net[net > 0]
        found.append((float(cost), len(pays), ", ".join(pays.index), year * pays.sum(), year * net.sum()))
    return pd.DataFrame(found, columns=["check_cost_amt", "pays_at", "names", "saved_amt", "everywhere_amt"])


def decide(result: Handoffs, *, check_cost_amt: float = 8.0) -> Decision:
    """Recommend the hand-offs to redesign, in order of loss avoided, and the customer's step to integrate with ours."""
    facts, rows = result.facts, result.table
    net = net_saving(result, check_cost_amt=check_cost_amt)
    pays = net[net > 0]
    total = rows["loss_amt"].sum()
    period = f"{rows['cases'].max():,} cases, {facts['first_on']} to {facts['last_on']}"
    rest = 1 - float(facts["catch_share"])
    if not differ(result) or pays.empty:
        why = (
            "they lose about the same"
            if not differ(result)
            else f"a check at {check_cost_amt:g} pays nowhere"
        )
        return Decision(
            recommendation=f"Redesign no single hand-off of {result.process}: {why}. Work on what all of them share.",
            evidence=f"Unnoticed failures lose {total:,.0f} a case over {len(rows)} hand-offs ({period}).",
            metric=f"loss by unnoticed failures, {result.process}",
            unit="money a case",
            low=float(rows["low_amt"].sum()),
            high=float(rows["high_amt"].sum()),
            flips_if=f"one hand-off loses over {2 * total / len(rows):,.0f} a case, twice the average, for a quarter",
            owner="head of operations",
        )
    first, names = pays.index[0], list(pays.index)
    own = customer_steps(result)
    near = list(own.index[own["loss_amt"] > check_cost_amt])
    joined = f"Integrate the customer's steps with ours: {', '.join(near)}." if near else ""
    row = rows.loc[first]
    caught = row["failed_share"] * row["unnoticed_share"]
    even = check_cost_amt / float(facts["catch_share"]) + caught * float(facts["rework_cost_amt"])
    return Decision(
        recommendation=f"Redesign the hand-offs in this order: {', '.join(names)}. {joined}".strip(),
        evidence=f"{first} loses {row['loss_amt']:,.0f} a case (90 %: {row['low_amt']:,.0f} to {row['high_amt']:,.0f}), "
        f"{row['loss_amt'] / total:.0%} of all ({period}). "
        f"Predicted for a redesign that catches {1 - rest:.0%} of what now goes unnoticed.",
        metric=f"loss by unnoticed failures at {first}",
        unit="money a case",
        low=float(rest * row["low_amt"]),
        high=float(rest * row["high_amt"]),
        flips_if=f"over a quarter, unnoticed failures at {first} lose less than {even:,.0f} a case: then no check pays there"
        + (f"; or less than those at {names[1]}: then start there" if len(names) > 1 else ""),
        owner="head of operations",
    )
