"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.define.customer_value.analysis import (
    CONTRACT_COST_SHARE,
    DISCOUNT_SHARE,
    FREE_SHARE,
    TRIAL,
    YEAR,
    CustomerValue,
)
from playbook.define.customer_value.decision import GATES
from playbook.wording import listed

ORIGINS = {
    "segment": "Segments are those of the sales plan.",
    "tier": "Segments are today's service tiers.",
    "value": "No segments are recorded, so they are bands of customers by value.",
}


def overview(customer_purchases: pd.DataFrame) -> pd.DataFrame:
    """Return how customers differ: quantiles of purchases, weeks since first and last, and sales."""
    shown = pd.DataFrame(
        {
            "purchases": customer_purchases["frequency"] + 1,
            "since first": customer_purchases["age_weeks"],
            "since last": customer_purchases["age_weeks"] - customer_purchases["recency_weeks"],
            "sales": customer_purchases["spend_amt"],
        }
    )
    return shown.quantile([0.1, 0.25, 0.5, 0.75, 0.9]).round(1).rename_axis("share below")


def assumed(result: CustomerValue) -> str:
    """Return what the numbers rest on, as prose."""
    facts = result.facts
    costed, horizon, history = (float(facts[at]) for at in ("costed_share", "horizon_weeks", "history_weeks"))
    no_cost = (
        f"No unit cost is known, so every sale is taken to leave a margin of {facts['margin_share']:.0%}: "
    )
    no_cost += "an assumption that scales all money below, but not the ranking."
    some_cost = f"Unit costs are known for {costed:.0%} of sales; the rest has their mean margin."
    requests = f"Each request costs {facts['ticket_cost_amt']:g} to serve (an assumption)."
    fees = f"Serving a contract takes {CONTRACT_COST_SHARE:.0%} of its fee (an assumption)."
    far = f"That is longer than the history of {history:.0f} weeks: trust the order of customers more than the sums."
    parts = [
        no_cost if costed == 0 else some_cost if costed < 0.99 else "",
        requests
        if facts["has_tickets"]
        else "These data hold no requests, so no cost of service is taken off.",
        fees if facts["has_contracts"] else "They hold no renewals of contracts: all value is in orders.",
        ORIGINS[str(facts["segments_from"])],
        f"Value is the margin of the next {horizon:.0f} weeks, discounted at {DISCOUNT_SHARE:.0%} a year.",
        far if horizon > history else "",
    ]
    return " ".join(part for part in parts if part)


def renewed(result: CustomerValue) -> str:
    """Return what renewals say about contracts, as prose."""
    if result.renewals is None:
        return "Too few contracts have come up for renewal in these data to read from them who stays."
    table = result.renewals
    rate = (table["fitted_share"] / table["fitted_share"].shift(fill_value=1.0)).to_numpy()
    text = f"At their first renewal {rate[0]:.0%} of contracts stay"
    if len(rate) == 1:
        return text + "."
    text += f"; of those that reach renewal {table['renewal'].iloc[-1]:.0f}, {rate[-1]:.0%} do. "
    if rate[-1] - rate[0] < 0.03:
        return text + "Old contracts are hardly safer than new ones."
    return (
        text + "Those likely to leave do so early: an old contract is safer than a new one, and worth more."
    )


def tried(result: CustomerValue) -> str:
    """Return what the trial says, beside the plain comparison of chosen customers, as prose."""
    known = result.segments.dropna(subset="uplift")
    if known.empty:
        return (
            "No trial by lot of a dedicated workflow is in these data, so what it adds is **not known**. What follows "
            "is value: the most that a workflow could ever pay, not what it does pay."
        )
    sure = known["uplift_low"] > 0
    text = f"{known['by_lot'].sum():,.0f} customers got the workflow, or not, by lot."
    text += (
        f" It surely makes {listed(known.loc[sure, 'segment'])} customers buy more often."
        if sure.any()
        else ""
    )
    if not sure.all():
        text += f" For {listed(known.loc[~sure, 'segment'])} customers no gain has been shown: the interval reaches zero."
    both = known.dropna(subset="chosen_uplift")
    if len(both):
        gap, plain = (both["chosen_uplift"] - both["uplift"]).median(), both["chosen_uplift"].median()
        text += (
            f" Where people chose who gets it, those with it buy {abs(plain):.0%} {'more' if plain > 0 else 'less'} "
            f"than those without, in the middle segment. The lot says {abs(gap) * 100:.0f} points "
            f"{'less' if gap > 0 else 'more'}: that part is the choosing, not the workflow."
        )
    left = result.segments[result.segments["uplift"].isna()]
    return text + (
        f" Too few {listed(left['segment'])} customers were in the trial to say." if len(left) else ""
    )


def shown(result: CustomerValue) -> pd.DataFrame:
    """Return the segments as a table to read, in whole money."""
    names = {
        "customers": "customers",
        "active": "still active",
        "value_amt": "value",
        "low_amt": "at least",
        "high_amt": "at most",
        "carries_amt": "value a year",
    }
    whole = result.segments.set_index("segment")[list(names)].rename(columns=names).round(0).astype("int64")
    return whole.map("{:,}".format)


def shown_gates(gates: pd.DataFrame) -> pd.DataFrame:
    """Return the short list as a table to read; a gate without data is open."""
    table = gates.set_index("segment")
    shown = table[["drops_out_amt", "sure_amt"]].map(_money)
    shown.columns = ["drops out above", "surely covers"]
    for name in (*GATES, "survives"):
        room = {"hours": "free_h", "system": "room_rps"}.get(name)
        words = {True: "yes" if room is None or table[room].notna().all() else "open", False: "no"}
        shown[name] = table[name].map(words)
    return shown


def _money(amount: float) -> str:
    if pd.isna(amount):
        return "not tried"
    return f"{amount:,.0f}" if amount > 0 else "nothing"


def gated(gates: pd.DataFrame, costs: pd.DataFrame | None = None, *, trial: str = TRIAL) -> str:
    """Return what the gates rest on, and the cost that the books show, as prose."""
    need, free = gates.loc[gates["value"] & gates["fit"], "need_h"].sum(), gates["free_h"].iloc[0]
    text = "The data hold no account managers, so nothing is said about hours."
    if pd.notna(free):
        text = f"Account managers can give {free:,.0f} hours a month ({FREE_SHARE:.0%} of theirs, an assumption); "
        text += f"segments that pass value and fit want {need:,.0f}."
    booked = pd.DataFrame() if costs is None else costs[costs["programme_tag"] == trial]
    booked = booked if booked.empty else booked[booked["driver"] == "customers"]
    if len(booked):
        year = booked[booked["month_on"] > booked["month_on"].max() - YEAR]
        cost = 12 * year[["variable_amt", "fixed_amt"]].to_numpy().sum() / year["driver_qty"].sum()
        text += f" By the books, the workflow on trial cost {cost:,.0f} a customer and year; "
        text += f"the gates take {gates['cost_amt'].iloc[0]:,g}."
    return text
