"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.contract import Decision
from playbook.define.customer_value.analysis import CustomerValue, shortlist
from playbook.wording import listed

GATES = ("value", "fit", "hours", "system")


def what_if(result: CustomerValue, *, cost_amt: Sequence[float]) -> pd.DataFrame:
    """Return whom a dedicated workflow pays for at each cost a customer and year.

    Columns: cost_amt, segment, customers (where what it adds, or untried their own value, covers it), share.
    """
    pays = dict(list(result.customers.groupby("segment")["pays_amt"]))
    cells = [
        (float(cost), name, pays[name] >= cost) for cost in cost_amt for name in result.segments["segment"]
    ]
    rows = [(cost, name, int(covers.sum()), float(covers.mean())) for cost, name, covers in cells]
    return pd.DataFrame(rows, columns=["cost_amt", "segment", "customers", "share"])


def _above(amount: float) -> str:
    return f"above {amount:,.0f}" if amount > 0 else "at any cost" if amount <= 0 else "not tried"


def decide(result: CustomerValue, gates: pd.DataFrame | None = None, *, cost_amt: float = 50.0) -> Decision:
    """Recommend the segments of the short list at `cost_amt` a customer and year; without `gates`, by value alone."""
    table = shortlist(result, cost_amt=cost_amt) if gates is None else gates
    chosen, barred = table[table["survives"]], table[table["value"] & ~table["survives"]]
    maybe = table[(table["drops_out_amt"] >= cost_amt) & ~table["value"]]
    names = [str(name) for name in chosen["segment"]]
    drops = "; ".join(f"{name} {_above(at)}" for name, at in table[["segment", "drops_out_amt"]].to_numpy())
    why = [", ".join(gate for gate in GATES if not getattr(row, gate)) for row in barred.itertuples()]
    evidence = f"At {result.facts['as_of']}, segments drop out at a cost a customer and year of: {drops}. "
    evidence += (
        f"They would pay, but fail a gate: {listed(barred['segment'])} ({'; '.join(why)}). "
        if len(barred)
        else ""
    )
    evidence += f"Hold-out: bought {result.facts['holdout_hit']:.0%} of what was predicted."
    price = f"a dedicated workflow at {cost_amt:,g} a customer and year"
    if names:
        short = f"Short list for {price}: {', then '.join(names)}. "
        covers = "covers" if result.tried else "could cover"
        advice = (
            f"Every segment {covers} {price}: begin with {names[0]}. " if len(chosen) == len(table) else short
        )
        advice += (
            "Leave a tenth without it, by lot, to see that it goes on paying."
            if result.tried
            else "Try it on a random half first, since value does not show what intimacy adds."
        )
        other = (
            "those left without it buy as much" if result.tried else "it brings no more net margin in a trial"
        )
        flips = f"a workflow costs more than {chosen['sure_amt'].min():,.0f} a customer and year, or {other}"
    elif len(barred):
        advice = f"Build no dedicated workflow yet: {listed(barred['segment'])} would pay, and no segment passes every gate."
        flips = "hours, a system or the strategy change so that one of them passes every gate"
    else:
        advice = (
            f"Build no dedicated workflow at {cost_amt:,g} a customer and year: no segment surely covers it."
        )
        flips = f"a workflow costs less than {max(table['sure_amt'].max(), 0):,.0f} a customer and year"
    if len(maybe) and result.tried:
        advice += f" Go on with the trial for {listed(maybe['segment'])}: there it would pay, but not surely."
    watched = result.segments[result.segments["segment"].isin(names)] if names else result.segments
    lift = (1 - watched["has_it"]) * float(result.tried and bool(names))
    low = watched["next_low"] * (1 + lift * watched["uplift_low"].fillna(0.0))
    high = watched["next_high"] * (1 + lift * watched["uplift_high"].fillna(0.0))
    who = "all customers" if len(names) in (0, len(table)) else " and ".join(names)
    return Decision(
        recommendation=advice, evidence=evidence, metric=f"purchases in the next 13 weeks, {who}",
        unit="purchase days", low=float(low.sum()), high=float(high.sum()),
        flips_if=flips, owner="head of customer operations",
    )  # fmt: skip
