"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from playbook.measure.control_charts.analysis import Charts, focus
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Charts, *, site: str | None = None) -> Axes:
    """Draw one place's chart, by default the place to look at first."""
    site = site or focus(result)
    weeks = result.weeks[result.weeks["site_id"] == site]
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    flagged = weeks[(weeks["rule"] > 0) & ~weeks["is_base"]]
    with figure() as ax:
        shaded = weeks.loc[weeks["is_base"], "week_on"]
        ax.axvspan(shaded.iloc[0], shaded.iloc[-1], color=GREY, alpha=0.12, label="sets the limits")
        ax.plot(weeks["week_on"], weeks["share"], color=BLUE, lw=1.2, marker="o", ms=3)
        for limit in ("high", "low"):
            ax.step(weeks["week_on"], weeks[limit], color=GREY, lw=1, ls="--", where="mid")
        ax.axhline(weeks["centre"].iloc[0], color=GREY, lw=1)
        ax.plot(flagged["week_on"], flagged["share"], "D", color=RED, ms=6, label="special cause")
        ax.legend(loc="upper left", ncols=2)
        ax.set_ylim(0, max(weeks["share"].max(), weeks["high"].max()) * 1.25)
        percent(ax)
        months(ax)
    times = {0: "never changed", 1: "changed once", 2: "changed twice"}.get(
        len(causes), f"changed {len(causes)} times"
    )
    rest = "all of it is noise" if len(causes) == 0 else "the rest is noise"
    finding(ax, f"{site} {times} for the worse; {rest}", x="Week", y=f"{result.what} (%)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw false alarms against the time to see a slip, one point per limit width."""
    with figure() as ax:
        ax.plot(scenarios["weeks_to_see"], scenarios["false_alarms_year"], color=BLUE, lw=1, marker="o", ms=8)
        for point in scenarios.itertuples():
            ax.annotate(
                f"{point.limit_sd:g} sd", (point.weeks_to_see, point.false_alarms_year), (9, 7),
                textcoords="offset points", fontsize=11, color=INK,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xlim(right=scenarios["weeks_to_see"].max() * 2)
        ax.set_ylim(0, scenarios["false_alarms_year"].max() * 1.15)
        said = "Tight limits see a slip soon and cry wolf often; wide limits do neither"
        if chosen is not None:
            row = scenarios.loc[scenarios["limit_sd"] == chosen].iloc[0]
            ax.plot(row["weeks_to_see"], row["false_alarms_year"], "D", color=ORANGE, ms=13)
            said = (
                f"At {chosen:g} sd: {row['false_alarms_year']:.1f} false alarms a year, {row['weeks_to_see']:.0f} weeks "
                f"to see a slip of one sd; {row['alarms']:.0f} weeks flagged in these data"
            )
    finding(ax, said, x="Average weeks until a slip is seen", y="False alarms a year (all places)")
    return ax
