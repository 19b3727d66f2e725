"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.service_levels.analysis import (
    MIN_CASES,
    ServiceLevels,
    bin_hours,
    kept_share,
    promises_lost,
    tier_row,
)
from playbook.methods import service_levels as sl
from playbook.pictures import BLUE, GREY, INK, ORANGE, PALETTE, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: ServiceLevels) -> Axes:
    """Draw the share of cases that keep today's promise, by tier and channel, with 90 % intervals."""
    level, target = result.facts["level"], result.facts["target_h"]
    channels = list(result.cases["channel"].value_counts().index[:4])
    with figure((5.2, 4.1)) as ax:
        for row, tier in enumerate(result.promise.index):
            for place, channel in enumerate(channels):
                of = result.cases[(result.cases["tier"] == tier) & (result.cases["channel"] == channel)]
                if len(of) < MIN_CASES:
                    continue
                share, low, high = kept_share(of["hours"] <= target, of["week"])
                y = row + (place - (len(channels) - 1) / 2) * 0.2
                ax.plot([low, high], [y, y], color=PALETTE[place], lw=2.5, alpha=0.6)
                ax.plot(share, y, "osD^"[place], color=PALETTE[place], ms=8)
        for place, channel in enumerate(channels):
            ax.plot([], [], "osD^"[place], color=PALETTE[place], ms=8, label=channel)
        ax.axvline(level, color=INK, ls="--", lw=1.2)
        ax.annotate("promised", (level, -0.62), (5, 0), textcoords="offset points", va="center", fontsize=11)
        ax.set_yticks(range(len(result.promise)), result.promise.index)
        ax.set_ylim(len(result.promise) - 0.4, -0.8)
        ax.set_xlim(right=max(level + 0.17, ax.get_xlim()[1]))
        ax.grid(visible=False, axis="y")
        ax.figure.legend(loc="outside lower center", ncols=4, handletextpad=0.2, columnspacing=1.2)
        percent(ax, "x")
    short, tiers = int((result.promise["kept_high"] < level).sum()), len(result.promise)
    said = {0: "No tier clearly misses", tiers: "Every tier misses"}.get(
        short, f"{short} of {tiers} tiers clearly miss"
    )
    said += f" the promise of {target:g} hours"
    finding(ax, said, x=f"Cases within {target:g} hours (%), 90 % interval")
    return ax


def plot_sum(result: ServiceLevels) -> Axes:
    """Draw what is kept of every promise in hours, and what independent stages would make of it, for the focus tier."""
    tier, level = result.focus, result.facts["level"]
    row, mine = tier_row(result.promise, tier), (result.cases["tier"] == tier).to_numpy()
    edges, kept = sl.independent_cdf(result.stages[mine], step=bin_hours(result.stages[mine]))
    whole = np.sort(result.cases.loc[mine, "hours"])
    with figure() as ax:
        ax.plot(edges, kept, color=ORANGE, lw=2.5, ls="--")
        ax.plot(whole, (np.arange(len(whole)) + 1) / len(whole), color=BLUE, lw=2.5)
        ax.axhline(level, color=GREY, lw=1)
        for hours, share, colour in (
            (row["added_h"], level, ORANGE), (row["added_h"], row["added_kept"], BLUE), (row["joint_h"], level, BLUE),
        ):  # fmt: skip
            ax.plot(hours, share, "o", color=colour, ms=8, zorder=5)
        low, high = np.quantile(whole, [max(0.5, 2 * level - 1.3), 0.99])
        ax.set_xlim(low, high)
        ax.set_ylim(max(0.0, 2 * level - 1.2), 1.0)
        place = ax.get_ylim()[0]
        ax.annotate("dashed: stages added\nas if independent", (low, 1.0), (6, -6), textcoords="offset points",
                    va="top", fontsize=11, color="#9A6A00")  # fmt: skip
        ax.annotate(
            "solid: whole cases",
            (high, place),
            (-6, 8),
            textcoords="offset points",
            ha="right",
            fontsize=11,
            color=BLUE,
        )
        percent(ax)
    said = (
        f"{tier}: stages added as if independent say {row['added_h']:.0f} hours for {level:.0%}; "
        f"{row['added_kept']:.1%} of cases keep that"
    )
    finding(ax, said, x="Hours promised for the whole case", y="Cases kept (%)")
    return ax


def plot_cost(result: ServiceLevels) -> Axes:
    """Draw the cost of each promise for the focus tier: penalties fall, waiting grows, and the sum has a lowest point."""
    tier = result.focus
    rows, best = result.curve[result.curve["tier"] == tier], tier_row(result.targets, tier)
    with figure() as ax:
        for column, name, colour, style, shift in (
            ("total_amt", "all costs", BLUE, "-", (-4, 8)), ("penalty_amt", "penalties", ORANGE, "--", (-4, 8)),
            ("waiting_amt", "waiting", PALETTE[2], "-.", (-4, -44)),
        ):  # fmt: skip
            ax.plot(rows["target_h"], rows[column], color=colour, lw=2.5, ls=style)
            at = (rows["target_h"].iloc[-1], rows[column].iloc[-1])
            ax.annotate(name, at, shift, textcoords="offset points", ha="right", fontsize=11, color=INK)
        ax.axvspan(best["target_low"], best["target_high"], color=BLUE, alpha=0.12, lw=0)
        ax.plot(best["target_h"], best["total_amt"], "D", color=BLUE, ms=10)
        ax.set_ylim(0, 1.15 * rows["total_amt"].max())
        thousands(ax)
    said = (
        f"{tier}: {best['target_h']:.0f} hours cost least ({best['target_low']:.0f} to {best['target_high']:.0f}); "
        f"{best['kept_share']:.0%} of the cases they cover keep them"
    )
    finding(ax, said, x="Hours promised (band: 90 % interval)", y="Money a month")
    return ax


def plot_requests(result: ServiceLevels) -> Axes:
    """Draw the share of cases that keep their tier's promise by the number of special requests."""
    with figure() as ax:
        tiers = list(result.targets.index)
        labels = list(dict.fromkeys(result.requests.sort_values("requests")["label"]))
        for place, tier in enumerate(tiers):
            rows = result.requests[result.requests["tier"] == tier]
            x = (
                np.array([labels.index(label) for label in rows["label"]])
                + (place - (len(tiers) - 1) / 2) * 0.14
            )
            colour, mark = PALETTE[place % 6], "osD^"[place % 4]
            ax.vlines(x, rows["low"], rows["high"], color=colour, lw=2.5, alpha=0.6)
            ax.plot(
                x,
                rows["kept_share"],
                mark,
                color=colour,
                ms=8,
                label=f"{tier}, {result.targets.loc[tier, 'target_h']:.0f} h",
            )
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlim(-0.5, len(labels) - 0.5)
        ax.grid(visible=False, axis="x")
        ax.figure.legend(
            loc="outside lower center", ncols=min(len(tiers), 3), handletextpad=0.2, columnspacing=1.0
        )
        percent(ax)
    kept = result.cases["hours"] <= result.cases["tier"].map(result.targets["target_h"])
    lost = promises_lost(kept, result.cases["requests"] > 0, result.cases)
    said = "No tier has enough special requests to judge"
    if lost is not None:
        points, low, high = (100 * share for share in lost)
        change = (
            "keep their promise less often, by" if low > 0 else "may keep their promise as often; less by"
        )
        said = f"Cases with special requests {change} {points:.0f} points ({low:.0f} to {high:.0f})"
    finding(ax, said, x="Special requests in the case", y="Promises kept (%)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the cheapest promise of each tier against the worth of an hour."""
    with figure() as ax:
        for place, (tier, rows) in enumerate(scenarios.groupby("tier", sort=False)):
            ax.plot(rows["hour_value_amt"], rows["target_h"], f"{'osD^'[place % 4]}-", color=PALETTE[place % 6], lw=2, ms=7,
                    label=str(tier))  # fmt: skip
        ax.set_ylim(0, scenarios["target_h"].max() * 1.1)
        ax.figure.legend(loc="outside lower center", ncols=4, handletextpad=0.3, columnspacing=1.2)
        said = "The more an hour is worth to customers, the shorter the promise, and the more penalties it pays to accept"
        if chosen is not None:
            rows = scenarios[scenarios["hour_value_amt"] == chosen]
            ax.axvline(chosen, color=INK, ls="--", lw=1.2)
            hours = ", ".join(
                f"{r.tier} {r.target_h:.0f} h ({r.kept_share:.0%} kept)" for r in rows.itertuples()
            )
            said = f"At {chosen:g} an hour: {hours}; penalties {rows['penalty_amt'].sum():,.0f} a month"
    finding(ax, said, x="Worth of an hour, per case (money)", y="Hours that cost least")
    return ax
