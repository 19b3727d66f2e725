"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.deviation_limits.analysis import ACT_TAIL, Limits, Regions, bands, focus, warn_above
from playbook.methods import funnel, poisson_cusum
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Regions | Limits) -> Axes:
    """Draw the funnel: the share of each region and quarter against its number of cases."""
    found = result.regions if isinstance(result, Limits) else result
    cells = found.cells
    n = np.geomspace(cells["cases"].min() / 1.15, cells["cases"].max() * 1.15, 60)
    act = funnel.limits(found.usual_share, n, tail=ACT_TAIL, phi=found.spread)
    beyond = cells[cells["verdict"] == "act"].assign(over=lambda d: d["share"] - d["act"])
    beyond = beyond.sort_values("over", ascending=False)
    with figure() as ax:
        ax.plot(n, act, color=RED, lw=1.6)
        ax.plot(
            n, np.minimum(warn_above(found.usual_share, found.warn_z, n), act), color=ORANGE, lw=1.6, ls="--"
        )
        ax.axhline(found.usual_share, color=GREY, lw=1)
        ax.plot(cells["cases"], cells["share"], "o", color=BLUE, ms=5, alpha=0.6)
        ax.plot(beyond["cases"], beyond["share"], "D", color=RED, ms=8)
        for row in beyond.head(3).itertuples():
            ax.annotate(
                str(row.region_id),
                (row.cases, row.share),
                (8, 5),
                textcoords="offset points",
                fontsize=12,
                color=INK,
            )
        ax.set_xscale("log")
        ticks = [t for t in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000) if n[0] <= t <= n[-1]]
        ax.set_xticks(ticks[:: max(1, len(ticks) // 4)])
        ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.set_ylim(0, 1.15 * max(cells["share"].max(), act[len(act) // 6]))
        top = ax.get_ylim()[1]
        spot = len(n) // 2
        warn = np.minimum(warn_above(found.usual_share, found.warn_z, n), act)
        place = int((warn < 0.8 * top).argmax())  # the first that leaves room above
        if act[place] > 1.05 * warn[place]:
            ax.annotate(
                "warn",
                (n[place], warn[place]),
                (5, 6),
                textcoords="offset points",
                color="#9C6B00",
                fontsize=12,
            )
        ax.annotate(
            "act", (n[spot], min(act[spot], top)), (0, 5), textcoords="offset points", color=RED, fontsize=12
        )
        ax.annotate(
            "usual",
            (n[-1], found.usual_share),
            (-4, -15),
            textcoords="offset points",
            ha="right",
            fontsize=11,
            color=INK,
        )
        percent(ax)
    count = len(beyond)
    said = (
        f"{count} of {len(cells)} quarters {'is' if count == 1 else 'are'} worth acting on; the rest may be chance"
        if count
        else f"None of {len(cells)} quarters is worth acting on: all may be chance"
    )
    finding(ax, said, x="Cases of a region in a quarter", y=f"{found.what} (%)")
    return ax


def plot_customer(result: Limits) -> Axes:
    """Draw the running sum of the customer with the clearest alarm, over their weekly counts."""
    found = focus(result)
    with figure() as ax:
        if found is None:
            trigger = result.triggers[0]
            ax.plot(trigger.week_on, trigger.sums.max(axis=0), color=BLUE)
            said = "No customer's running sum reached its limit"
        else:
            trigger, who, limit = found
            signal, began = (int(v[0]) for v in poisson_cusum.first_signal(trigger.sums[[who]], limit))
            ax.bar(trigger.week_on, trigger.counts[who], width=6, color=GREY, alpha=0.5)
            climb = trigger.sums[who][: signal + 1]
            ax.plot(trigger.week_on[: signal + 1], climb, color=BLUE, lw=2)
            ax.axhline(limit, color=RED, ls="--", lw=1.2)
            ax.plot(trigger.week_on[signal], climb[signal], "D", color=RED, ms=9)
            near_left = signal < len(trigger.week_on) / 2
            ax.annotate(
                "alarm", (trigger.week_on[signal], climb[signal]), (10 if near_left else -10, 4), fontsize=12,
                textcoords="offset points", ha="left" if near_left else "right", color=INK,
            )  # fmt: skip
            ax.annotate(
                "limit", (0.99, limit), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", fontsize=12, color=RED,
            )  # fmt: skip
            ax.set_ylim(0, 1.25 * max(climb.max(), trigger.counts[who].max()))
            since = pd.Timestamp(trigger.week_on[began])
            said = f"Customer {trigger.customer_id[who]} {trigger.name}, since about {since:%d %b %Y}"
        months(ax)
    finding(ax, said, x="Week", y=f"{trigger.behaviour} a week (bars), running sum (line)".capitalize())
    return ax


def plot_bands(result: Limits) -> Axes:
    """Draw alarms of the simple rule and of the trigger, for seldom and frequent buyers."""
    table = bands(result)
    place = np.arange(len(table))
    with figure() as ax:
        for shift, name, colour in ((-0.2, "rule", ORANGE), (0.2, "trigger", BLUE)):
            bars = ax.bar(place + shift, table[name], width=0.38, color=colour)
            ax.bar_label(bars, fmt="{:.0f}", fontsize=12, padding=2)
        ax.set_xticks(place, [f"{usual:.1f}" for usual in table["usual"]])
        ax.set_ylim(0, table[["rule", "trigger"]].to_numpy().max() * 1.35)
        ax.annotate(
            "twice the last 4 weeks", (0.03, 0.94), xycoords="axes fraction", fontsize=12, color="#9C6B00"
        )
        ax.annotate("trigger", (0.97, 0.94), xycoords="axes fraction", ha="right", fontsize=12, color=BLUE)
        ax.grid(axis="x", visible=False)
    times = table["rule"].sum() / max(table["trigger"].sum(), 0.5)
    times_text = f"{times:.0f} times as often as" if times >= 1.5 else "about as often as"
    finding(
        ax,
        f'"Twice as many as last month" rings {times_text} the trigger',
        x=f"Usual {result.triggers[0].behaviour} in four weeks (mean of each third of customers)",
        y="Alarms a year per 100 customers",
    )
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the alarms to follow up against the weeks until a change is seen, one point per budget."""
    with figure() as ax:
        ax.plot(scenarios["weeks_to_see"], scenarios["raised_week"], color=BLUE, lw=1, marker="o", ms=8)
        for point in scenarios.itertuples():
            ax.annotate(
                f"{point.alarms_week:g}", (point.weeks_to_see, point.raised_week), (7, 6),
                textcoords="offset points", fontsize=12, color=INK,
            )  # fmt: skip
        ax.set_ylim(0, scenarios["raised_week"].max() * 1.2)
        ax.margins(x=0.16)
        said = "More false alarms a week (the labels) buy an earlier sight of a change"
        if chosen is not None:
            row = scenarios.loc[scenarios["alarms_week"] == chosen].iloc[0]
            ax.plot(row["weeks_to_see"], row["raised_week"], "D", color=ORANGE, ms=13)
            said = (
                f"With {chosen:g} false alarms a week: {row['raised_week']:.1f} alarms a week to follow up, "
                f"{row['weeks_to_see']:.0f} weeks to see a change"
            )
    finding(ax, said, x="Weeks until a change is seen (median customer)", y="Alarms a week to follow up")
    return ax
