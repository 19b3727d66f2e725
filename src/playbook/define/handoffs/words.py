"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.define.handoffs.analysis import Handoffs
from playbook.define.handoffs.decision import customer_steps, differ


def overview(result: Handoffs) -> pd.DataFrame:
    """Return waiting, rework and failure at each hand-off, in the order of the process."""
    rows = result.table.sort_values("seq_no")
    shown = pd.DataFrame(
        {
            "from": rows["from_lane"],
            "to": rows["lane"],
            "waits, hours": rows["wait_h"].round(0),
            "fails, %": 100 * rows["failed_share"],
            "redone, %": 100 * rows["reworked_share"],
            "redoing adds, hours": rows["rework_h"],
        }
    )
    return shown.round(1).map(lambda v: "-" if pd.isna(v) else f"{v:g}" if isinstance(v, float) else v)


def rankings(result: Handoffs) -> pd.DataFrame:
    """Return the three parts of the loss, and the place that each way of ranking gives a hand-off (1 = first)."""
    rows = result.table
    shown = pd.DataFrame(
        {
            "fails, %": 100 * rows["failed_share"],
            "of these unnoticed, %": 100 * rows["unnoticed_share"],
            "each costs": rows["loss_each_amt"],
            "loss a case": rows["loss_amt"],
            "S": rows["severity"],
            "O": rows["occurrence"],
            "D": rows["detection"],
            "RPN": rows["rpn"],
            "AP": rows["priority"],
        }
    )
    return shown.map(lambda v: number(v) if isinstance(v, float) else v)


def integration(result: Handoffs) -> pd.DataFrame:
    """Return `customer_steps` as a table to read."""
    rows = customer_steps(result)
    names = ["takes from", "hands to", "waits, hours", "loss a case", "loss a year"]
    return rows.set_axis(names, axis=1).map(lambda v: number(v) if isinstance(v, float) else v or "-")


def number(value: float) -> str:
    """Return a number to read: one decimal below ten, none above."""
    return f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"


def chosen(result: Handoffs) -> str:
    """Return what is looked at, and what the data do not hold, as prose."""
    facts, rows = result.facts, result.table
    text = (
        f"The process is **{result.process}**: {len(result.steps)} steps, {len(rows)} hand-offs, "
        f"{rows['cases'].max():,} cases from {facts['first_on']} to {facts['last_on']}, about "
        f"{facts['cases_year']:,.0f} a year."
    )
    if not facts["loss_known"]:
        text += (
            f" No losses are recorded, so every unnoticed failure is taken to cost {facts['assumed_loss_amt']:g}: an "
            "assumption, and the ranking below is then one of how often failures go unnoticed."
        )
    elif facts["unpriced"]:
        text += f" No loss is recorded at {facts['unpriced']}: taken to be the mean of the others."
    if not facts["notice_known"]:
        text += " Nor is it recorded that we noticed any failure ourselves, so all count as unnoticed."
    return text


def noticed(result: Handoffs) -> str:
    """Return where intimacy is gained and lost by who notices first, as prose."""
    failing = result.table[result.table["failed_share"] > 0]
    if not result.facts["notice_known"]:
        return (
            "Who noticed a failure is not recorded here. Ask for it first: it decides what a failure costs."
        )
    if result.facts["notice_alike"]:
        return "Which failures we notice ourselves differs between hand-offs by no more than chance: no team to copy from."
    ours = 1 - failing["unnoticed_share"]
    best, worst = int(ours.argmax()), int(ours.argmin())
    return (
        f"We are best at **{failing.index[best]}**, where we notice {ours.iloc[best]:.0%} of the failures ourselves: a "
        f"customer who hears of it from us first can trust us more for it. We are worst at **{failing.index[worst]}**, "
        f"with {ours.iloc[worst]:.0%}. Ask what the first team does that the second could copy."
    )


def compared(result: Handoffs) -> str:
    """Return where three ways of ranking would start, as prose."""
    rows = result.table
    dearest, product = rows.index[0], rows["rpn"].idxmax()
    most = int(rows["failed_share"].argmax())
    often, cheap = rows.index[most], rows["loss_amt"].iloc[most] / rows["loss_amt"].sum()
    high = list(rows.index[rows["priority"] == "H"])
    if not differ(result):
        return (
            "The losses differ by no more than chance would make them. Any order among these hand-offs, by whatever method, "
            "is noise: do not single one out."
        )
    text = f"Failures are most frequent at **{often}**, which holds {cheap:.0%} of the loss. "
    if product == dearest:
        text += f"The risk priority number starts at **{product}**, as the loss does. "
    else:
        text += f"The risk priority number would start at **{product}**; most is lost at **{dearest}**. "
    text += f"Action Priority asks for action (H) at {len(high)} of {len(rows)} hand-offs"
    text += f": {', '.join(high)}. " if high else ". "
    sure = float(rows["first_share"].iloc[0])
    said = "more than 99%" if sure > 0.99 else f"{sure:.0%}"
    return text + f"That {dearest} is the dearest is {said} sure, given these data."


def customers_part(result: Handoffs) -> str:
    """Return what the customer's own steps cost, as prose."""
    steps = customer_steps(result)
    if steps.empty:
        return "The customer has no step of their own in this process as it is recorded: ask whether that is true."
    first = steps.index[0]
    count = int(result.table["with_customer"].sum())
    said = f"{count} of {len(result.table)} hand-offs go to or come from the customer. "
    if not differ(result):
        return (
            said
            + "As the losses do not differ by more than chance, the rows below are no order of importance."
        )
    return said + (
        f"Of their own steps, most is lost around **{first}**: {steps['year_amt'].iloc[0]:,.0f} a year, "
        f"and {steps['wait_h'].iloc[0]:.0f} hours of waiting a case."
    )
