"""The what-if and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.standardize_or_localize.analysis import Variants, customer_choices, unit_choices
from playbook.wording import listed


def cost_steps(result: Variants, *, repeat_cost: float = 14) -> list[int]:
    """Return costs of a variant to try: from nothing to more than the best one is worth."""
    top = max(1.2 * unit_choices(result, repeat_cost=repeat_cost)["break_even"].max(), 10 * repeat_cost)
    power = 10 ** np.floor(np.log10(top / 8))
    step = power * min((1, 2, 2.5, 5, 10), key=lambda factor: abs(factor * power - top / 8))
    return [round(step * k) for k in range(int(np.ceil(top / step)) + 1)]


def what_if(result: Variants, *, variant_cost: Sequence[float], repeat_cost: float = 14) -> pd.DataFrame:
    """Return what three policies bring a year if keeping a variant costs so much.

    Columns: variant_cost, policy (one standard, all local, where it pays), units (with a variant), net (money a year).
    """
    worth = unit_choices(result, repeat_cost=repeat_cost)["break_even"].to_numpy()
    rows = []
    for cost in variant_cost:
        pays = worth > cost
        rows += [
            (cost, "one standard", 0, 0.0),
            (cost, "all local", len(worth), float((worth - cost).sum())),
            (cost, "where it pays", int(pays.sum()), float((worth - cost)[pays].sum())),
        ]
    return pd.DataFrame(rows, columns=["variant_cost", "policy", "units", "net"])


def decide(
    result: Variants, *, variant_cost: float = 1500, customer_cost: float = 120, repeat_cost: float = 14
) -> Decision:
    """Recommend standard or variant for each unit, and for each customer of the units with the standard."""
    choices = unit_choices(result, variant_cost=variant_cost, repeat_cost=repeat_cost)
    customers = customer_choices(result, choices, customer_cost=customer_cost, repeat_cost=repeat_cost)
    own, rest = choices[choices["variant"]], choices[~choices["variant"]]
    apart = customers[customers["variant"]]
    rule = f"{_listed(own['name'])} {'keep their' if len(own) > 1 else 'keeps its'} own protocol; all others the standard"
    rule = "All units work by the one standard" if own.empty else rule
    rule = "Every unit keeps its own protocol" if rest.empty else rule
    extra = f"serve {_listed(apart['name'])} apart" if len(apart) else "serve none apart"
    at = own.index if len(own) else choices.index
    weight = result.mix[at]
    by_unit = weight.sum().reindex(result.mix.columns, fill_value=0.0).to_numpy()
    gain = (
        result.slopes.average(by_unit[None], weight.sum(axis=1).to_numpy()[None])[0]
        if len(own)
        else np.zeros(3)
    )
    level = float(np.average(result.units.loc[at, "repeats"], weights=weight.sum()))
    bounds = []
    if len(own):
        bounds = [f"a variant costs more than {own['break_even'].iloc[-1]:,.0f} a year: then {own['name'].iloc[-1]} returns "
                  "to the standard"]  # fmt: skip
    if len(rest) and rest["break_even"].max() > 0:
        bounds.append(
            f"a variant costs less than {rest['break_even'].iloc[0]:,.0f}: then {rest['name'].iloc[0]} keeps its own too"
        )
    if len(customers) and customers["break_even"].max() > 0:
        edge = (apart["break_even"].iloc[-1:] if len(apart) else customers["break_even"]).iloc[0]
        bounds.append(f"serving a customer apart costs {'more' if len(apart) else 'less'} than {edge:,.0f}")
    return Decision(
        recommendation=f"{rule[:1].upper()}{rule[1:]}. Of the customers of units with the standard, {extra}.",
        evidence=f"Over {result.years:.1f} years of weeks drawn by lot, the local protocol avoids "
        f"{100 * result.average[0]:.1f} repeat contacts per hundred requests ({100 * result.average[1]:.1f} to "
        f"{100 * result.average[2]:.1f}). At {repeat_cost:,.0f} for each repeat, {variant_cost:,.0f} a year for a unit's "
        f"variant and {customer_cost:,.0f} for a customer's, the expected net gain is {own['net'].sum():,.0f} a year from "
        f"units and {apart['net'].sum():,.0f} from customers.",
        metric=f"repeat contacts at {'the units with a variant' if len(own) else 'all units'}, of requests",
        unit="share",
        low=max(level - gain[2], 0.0) if len(own) else 0.97 * level,
        high=min(level - gain[1], 1.0) if len(own) else min(1.03 * level, 1.0),
        flips_if="; or ".join(bounds)
        or "a new trial shows a gain at one unit that exceeds the cost of a variant",
        owner="head of service operations",
        review_days=180,
    )


def _listed(series: pd.Series, most: int = 8) -> str:
    names = [str(name) for name in series]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return listed(names) if names else ""
