"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from playbook.define.qualitative_signals.analysis import Signals
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, key_below, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_coders(result: Signals) -> Axes:
    """Draw how far each coder is from the mean coder on the same notes."""
    rows = result.coders
    with figure(size=(5.2, 1.7 + 0.52 * len(rows))) as ax:
        ax.axvline(0, color=GREY, lw=1.5)
        for y, (coder, row) in enumerate(rows.iterrows()):
            sure = row["low"] > 0 or row["high"] < 0
            ax.plot([-row["high"], -row["low"]], [y, y], color=BLUE if sure else GREY, lw=3)
            ax.plot(-row["lower"], y, "o", color=BLUE if sure else GREY, ms=9)
            ax.text(-row["lower"], y - 0.2, str(coder), ha="center", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(rows) - 0.6, -0.75)
        ax.margins(x=0.12)
    apart = rows["lower"].max() - rows["lower"].min()
    certain = ((rows["low"] > 0) | (rows["high"] < 0)).any()
    said = (
        f"For the same note {rows['lower'].idxmax()} gives {apart:.1f} points less than {rows['lower'].idxmin()}"
        if certain
        else "No coder is clearly stricter or milder than the others"
    )
    finding(ax, said, x="Code against the mean coder's, same notes (points of 0 to 2; line: 90 % interval)")
    return ax


def plot(result: Signals) -> Axes:
    """Draw the share of bad news as flagged, and corrected in two ways, for each group."""
    shares = result.shares
    with figure(size=(5.2, 2.2 + 0.75 * len(shares))) as ax:
        for y, (group, row) in enumerate(shares.iterrows()):
            ax.plot([row["low"], row["high"]], [y, y], color=BLUE, lw=4)
            ax.plot(row["corrected"], y, "o", color=BLUE, ms=10, label="corrected" if y == 0 else None)
            ax.plot(
                row["adjusted"], y + 0.2, "D", color=SKY, ms=7, label="adjusted count" if y == 0 else None
            )
            ax.plot(
                row["flagged"],
                y,
                "x",
                color=ORANGE,
                ms=11,
                mew=3,
                label="flags as counted" if y == 0 else None,
            )
            ax.text(0, y - 0.2, f"{group} ({row['notes']:,.0f} notes)", ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(shares) - 0.5, -0.75)
        ax.set_xlim(0, max(0.1, 1.15 * shares[["high", "adjusted", "flagged"]].max().max()))
        ax.figure.legend(
            *ax.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=3,
            columnspacing=1,
            handletextpad=0.3,
        )
    worst = shares.loc[result.worst].to_dict()
    off = not worst["low"] <= worst["flagged"] <= worst["high"]
    said = (
        f"{result.worst}: flags say {worst['flagged']:.0%} bad news, corrected it is {worst['corrected']:.0%}"
        if off
        else "Counting flags is off by no more than chance explains, in any group"
    )
    finding(ax, said, x="Notes with bad news (%; line: 90 % interval)")
    percent(ax, "x")
    return ax


def plot_profile(result: Signals) -> Axes:
    """Draw how reliable each indicator is for one customer."""
    rows, least_reliability = result.profile, result.limits.reliability
    with figure(size=(5.2, 1.9 + 0.52 * len(rows))) as ax:
        ax.axvline(least_reliability, color=INK, lw=1.5, ls="--")
        for y, (name, row) in enumerate(rows.iterrows()):
            color = BLUE if row["reliability"] >= least_reliability else GREY
            ax.plot([max(row["low"], 0), max(row["high"], 0)], [y, y], color=color, lw=3)
            ax.plot(max(row["reliability"], 0), y, "o", color=color, ms=9)
            ax.text(0.01, y - 0.2, str(name), ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(rows) - 0.5, -0.75)
        ax.set_xlim(-0.02, 1)
    stable = int((rows["reliability"] >= least_reliability).sum())
    said = f"{stable or 'None'} of {len(rows)} indicators {'is' if stable <= 1 else 'are'} stable for one customer"
    if not len(rows):
        said = "No customer has two notes: what describes one cannot be tested"
    finding(
        ax,
        said,
        x="Reliability of a customer's mean (dashed: least; line: 90 % interval; below 0 drawn at 0)",
    )
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw how exact each group's share is by the number of verdicts, and from how many it can be shown."""
    with figure(size=(5.2, 4.2)) as ax:
        for color, (group, own) in zip((BLUE, ORANGE, SKY, INK), scenarios.groupby("group"), strict=False):
            ax.plot(own["verdicts"], own["half"], color=color, lw=2.5, label=f"{group}, corrected")
            ax.plot(own["verdicts"], own["panel_half"], ":", color=color, lw=2)
        ax.plot([], [], ":", color=GREY, lw=2, label="panel alone")
        limit, most = scenarios["limit"].iloc[0], scenarios["verdicts"].max()
        ax.axhline(limit, color=INK, ls="--", lw=1.5)
        ax.text(most, limit, "shown below", ha="right", va="bottom", fontsize=11)
        if chosen is not None:
            ax.axvline(chosen, color=GREY, lw=12, alpha=0.25)
            now = scenarios[(scenarios["verdicts"] == chosen) & scenarios["shown"]]["group"].tolist()
            said = f"With {chosen} verdicts a group, show {' and '.join(now) if now else 'no share'}"
        else:
            first = scenarios.groupby("group")["needed"].first().to_dict()
            reached = [f"{group} from {n} verdicts" for group, n in first.items() if n > 0]
            said = (
                f"Exact enough to show: {', '.join(reached)}"
                if reached
                else "No number of verdicts is exact enough"
            )
        ax.set_ylim(0)
        key_below(ax, columns=2)
    finding(ax, said, x="Notes of each group that the panel settles", y="Half interval (% points)")
    percent(ax)
    return ax
