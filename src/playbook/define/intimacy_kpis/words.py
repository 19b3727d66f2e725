"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.define.intimacy_kpis.analysis import Judged, each_row, figure_row, focus
from playbook.wording import listed

MEANS = {
    "first contact resolution": "share of resolved requests that the customer did not have to bring again",
    "personal resolution": "resolution personalisation rate: share of requests resolved the customer's own way",
    "time to first answer": "time until a person answers; shorter counts as better",
    "personal service delivery time": "time until a request is resolved the customer's own way; shorter counts as better",
    "satisfaction": "CSAT: the customer's score after a request",
    "recommendation": "NPS question: the customer's score, asked after a request",
}


def kpi_set(result: Judged) -> pd.DataFrame:
    """Return each figure's verdict and definition, what is kept first."""
    order = {"keep": 0, "to compare with": 2}
    rows = result.scores.assign(
        definition=[MEANS.get(name, f"share of requests with '{name}' done") for name in result.scores.index]
    )
    return rows.sort_values("verdict", key=lambda v: v.map(order).fillna(1), kind="stable")[
        ["verdict", "definition"]
    ]


def overview(result: Judged) -> pd.DataFrame:
    """Return what was counted: customer half-years and requests in each, by figure."""
    rows = result.scores[["kind", "seen", "requests"]].round({"requests": 1}).sort_index()
    return rows.rename(columns={"seen": "customer half-years", "requests": "requests in each"})


def counted(result: Judged) -> str:
    """Say whose requests are judged, and what was left out."""
    text = (
        f"Judged here: **{result.desk}**, {result.facts['customers']:,.0f} customers who buy. "
        f"After {result.facts['kept_share']:.0%} of their half-years they kept their pace."
    )
    if result.left_out:
        text += f" Too few requests to judge: {listed(result.left_out)}."
    if not (result.scores["kind"] == "survey").any():
        text += " There are no survey answers after requests, so no CSAT or NPS to compare with."
    return text


def compared(result: Judged) -> str:
    """Say how the best candidate does against the survey scores."""
    best = figure_row(result.scores, focus(result))
    text = (
        f"Of two customers in the same half-year, one who kept its pace and one who did not, {best.name} points at the "
        f"right one {best['area']:.0%} of the time ({best['area_low']:.0%} to {best['area_high']:.0%})."
    )
    for row in each_row(result.scores[result.scores["kind"] == "survey"]):
        luck = "which a coin might do too" if not row.area_low > 0.5 else "better than a coin"
        text += f" {str(row.Index).capitalize()}: {row.area:.0%} ({row.area_low:.0%} to {row.area_high:.0%}), {luck}."
    return text


def paid(result: Judged) -> str:
    """Say what became of the figures that got a target."""
    if result.breaks.empty or not result.breaks["is_paid"].any():
        return "No figure here got a target within the history, so nothing can be said about gaming."
    lines = []
    for row in each_row(result.breaks[result.breaks["is_paid"]]):
        verdict = "no break can be shown"
        if row.gamed:
            verdict = "it no longer foretells what it did"
        elif row.unproven:
            verdict = "no break can be shown, nor that it still foretells anything"
        lines.append(
            f"- **{row.Index}**, target since {row.since_on:%d %B %Y}: level {row.level_before:.2f} before, "
            f"{row.level_since:.2f} since; effect {row.before:.2f} before, {row.since:.2f} since; {verdict}."
        )
    return "\n".join(lines)
