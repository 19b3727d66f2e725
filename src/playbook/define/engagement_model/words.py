"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.engagement_model.analysis import DEPTHS, Engagement, fees, hour_amt, paid_hours
from playbook.define.engagement_model.decision import round_to


def overview(customer_depths: pd.DataFrame) -> pd.DataFrame:
    """Return, by depth and by who decided it (lot or people): customers and their mean orders a year, before and after."""
    placed = customer_depths.dropna(subset=["depth"]).assign(
        decided_by=lambda d: d["design"].map({"random": "lot"}).fillna("people"),
        depth=lambda d: pd.Categorical(d["depth"], DEPTHS, ordered=True),
    )
    table = placed.groupby(["decided_by", "depth"], observed=True).agg(
        customers=("customer_id", "size"), before=("before_orders", "mean"), after=("after_orders", "mean")
    )
    names = {"before": "orders before", "after": "orders after"}
    return table.rename(columns=names).rename_axis(["decided by", "depth"])


def ladder(result: Engagement) -> pd.DataFrame:
    """Return, for customers by what they put in: how many, their margin, the share planned at each depth, and the fee.

    Columns: customers, margin a year (mean), deeper % and dedicated % (planned beyond self-serve, and at the deepest
    depth), fee a year (that opens the deepest depth for one with that margin).
    """
    table = result.customers.assign(
        commitment=np.select(
            [result.customers["invests"], result.customers["fee_amt"] > 0],
            ["invests with us", "pays a fee"],
            "neither",
        )
    )
    rows = {}
    for name, group in table.groupby("commitment"):
        fee = fees(result, [group["base_amt"].mean()]).set_index("invests")["fee_amt"]
        rows[name] = {
            "customers": len(group),
            "margin_amt": group["base_amt"].mean(),
            "deeper %": 100 * (group["depth"] > 0).mean(),
            "dedicated %": 100 * (group["depth"] == 3).mean(),
            "fee_amt": fee[name == "invests with us"],
        }
    order = [name for name in ("neither", "pays a fee", "invests with us") if name in rows]
    names = {"margin_amt": "margin a year", "fee_amt": "fee a year"}
    table = pd.DataFrame(rows).T.loc[order].round(0).astype(int)
    return table.rename(columns=names).rename_axis("customer")


def compared(result: Engagement) -> str:
    """Say what people would have believed, where depths were chosen."""
    table = result.uplift.by_depth.dropna(subset=["chosen_log"])
    if table.empty:
        return "No depth was chosen by people here, so there is no plain comparison to set beside the lot."
    table = table.assign(chosen=np.exp(table["chosen_log"]), added=np.exp(table["added_log"]))
    parts = [f"{row.depth} {row.chosen:.1f}" for row in table.itertuples()]
    return (
        "Where account managers chose the depth, customers order so many times as much as those they left at self-serve: "
        f"**{', '.join(parts)}**. By lot the same factors are "
        f"{', '.join(f'{row.depth} {row.added:.1f}' for row in table.itertuples())}. "
        "What lies between is whom they chose, not what the service did."
    )


def hours_worth(result: Engagement) -> str:
    """Say what the last hour brings, by the relaxation and by solving again, against its pay."""
    last, more = hour_amt(result)
    text = (
        f"The last hour of the team brings **{last:,.1f}** (if a customer could be split); one more full-time person, "
        f"planned anew with whole customers, brings {more:,.1f} an hour."
    )
    pay = float(result.facts["pay_amt_h"])
    if np.isfinite(pay):
        verdict = "more hours pay for themselves" if more > pay else "more hours would not pay for themselves"
        text += f" An hour is paid {pay:,.1f}: {verdict}. "
        text += f"Up to about {round_to(paid_hours(result)):,.0f} hours a month, the last hour brings at least its pay."
    text += f" The last request a second that the system can take brings {result.prices['system requests']:,.0f} a year."
    return text
