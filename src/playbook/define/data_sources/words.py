"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.data_sources.analysis import COLUMNS, Sources, amount

CRITERIA = ("value", "freshness", "completeness", "accuracy", "ease")


def overview(result: Sources) -> str:
    """Return the decision and its cases, as prose."""
    return (
        f"The decision is to inspect a machine or to leave it alone. {result.cases:,} machines were left alone, and "
        f"{result.failed:,} of them failed within the month. An inspection costs {amount(result.act_amt)}, a failure "
        f"{amount(result.fail_amt)} on average, and there are about {result.decisions_year:,.0f} decisions a year."
    )


def shown(result: Sources) -> pd.DataFrame:
    """Return what was measured of each source as a table to read."""
    table = result.table
    texts = {
        "lost without it": table["lost_amt"].map(amount),
        "delay": table["delay_h"].map(_hours),
        "complete": table["complete_share"].map(_percent),
        "right, of audited": table["right_share"].map(_percent),
        "complexity": table["complexity"].map("{:g}".format).replace("nan", "not known"),
        "closeness": table["closeness"].map("{:.2f}".format),
    }
    return pd.DataFrame(texts).rename_axis(index=None)


def ranked(result: Sources) -> str:
    """Return what the ranking rests on, and who beats whom, as prose."""
    weights = ", ".join(f"{name} {share:.0%}" for name, share in zip(CRITERIA, result.weights, strict=True))
    unknown = [
        f"{what} of {', '.join(map(str, result.table.index[missing]))}"
        for what, column in zip(CRITERIA[1:], COLUMNS[1:], strict=True)
        if (missing := result.table[column].isna().to_numpy()).any() and not missing.all()
    ]
    none = [what for what, column in zip(CRITERIA, COLUMNS, strict=True) if result.table[column].isna().all()]
    beaten = result.table.loc[result.table["beaten_by"] != "", "beaten_by"]
    lines = [f"Weights: {weights}."]
    lines += [f"Not known, and so taken as the mean of the others: {'; '.join(unknown)}."] if unknown else []
    lines += [f"Left out, because nothing is known: {', '.join(none)}."] if none else []
    lines += [f"Beaten on every count: {name}, by {by}." for name, by in beaten.items()]
    return " ".join(lines)


def question(result: Sources) -> str:
    """Return the exercise's question, about the source that costs most when it is missing."""
    return f"**How much more does one decision cost, in money, when only the {result.first} is missing?**"


def _percent(share: float) -> str:
    return "not known" if np.isnan(share) else f"{share:.0%}"


def _hours(hours: float) -> str:
    if np.isnan(hours):
        return "not known"
    return f"{60 * hours:.0f} min" if hours < 1 else f"{hours:.0f} h"
