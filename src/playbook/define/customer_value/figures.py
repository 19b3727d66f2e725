"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.customer_value.analysis import CustomerValue
from playbook.pictures import BLUE, GREY, ORANGE, PALETTE, RED, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: CustomerValue) -> Axes:
    """Draw the whale curve: last year's net margin, summed from the best customer to the worst."""
    net = np.sort(result.customers["net_year_amt"].to_numpy())[::-1]
    total = net.sum()
    share = np.arange(1, len(net) + 1) / len(net)
    curve = np.cumsum(net) / total
    best = float(curve[max(round(0.1 * len(net)), 1) - 1])
    losing = float((net < 0).mean())
    with figure() as ax:
        ax.fill_between(share, curve, color=BLUE, alpha=0.15, lw=0)
        ax.plot(share, curve, color=BLUE, lw=2)
        ax.axhline(1, color=GREY, lw=1, ls="--")
        ax.plot(0.1, best, "o", color=ORANGE, ms=9)
        ax.annotate("best tenth", (0.1, best), (10, -4), textcoords="offset points", fontsize=11, va="top")
        if losing:
            ax.axvspan(1 - losing, 1, color=RED, alpha=0.12, lw=0)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, max(1.05, curve.max() * 1.08))
    said = f"The best tenth of customers bring {best:.0%} of net margin"
    said += f"; {losing:.0%} cost more than they bring" if losing else ""
    finding(ax, said, x="Customers, best first", y="Net margin of the last year, summed")
    percent(ax, "x")
    percent(ax, "y")
    return ax


def plot_holdout(result: CustomerValue) -> Axes:
    """Draw predicted against actual purchases in the held-out weeks, by earlier repeat purchases."""
    table = result.holdout
    at = np.arange(len(table))
    miss = {
        name: abs((table["customers"] * table[name]).sum() / (table["customers"] * table["actual"]).sum() - 1)
        for name in ("predicted", "carried_on")
    }
    with figure() as ax:
        ax.bar(at, table["actual"], color=GREY, alpha=0.35, width=0.7, label="bought")
        ax.plot(at, table["predicted"], "o", color=BLUE, ms=9, label="predicted")
        ax.plot(at, table["carried_on"], "_", color=ORANGE, ms=22, mew=3, label="past pace carried on")
        ax.set_xticks(at, table["repeats"].astype(str))
        ax.legend(loc="upper left")
    said = f"The model missed by {miss['predicted']:.0%}, carrying the past on by {miss['carried_on']:.0%}"
    finding(ax, said, x="Repeat purchases before the cut", y="Purchases a customer after it")
    return ax


def plot_uplift(result: CustomerValue) -> Axes:
    """Draw how much more often customers buy with the workflow: by lot, with its interval, and as chosen.

    Raises
    ------
    ValueError
        When nothing was tried by lot.
    """
    if not result.tried:
        raise ValueError("no segment has had a trial by lot")
    table = result.segments.dropna(subset="uplift").iloc[::-1].reset_index(drop=True)
    with figure() as ax:
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(table.index, table["uplift_low"], table["uplift_high"], color=BLUE, lw=5, alpha=0.5)
        ax.plot(table["uplift"], table.index, "o", color=BLUE, ms=9, label="by lot (line: 90 %)")
        ax.plot(table["chosen_uplift"], table.index, "D", color=ORANGE, ms=8, label="chosen by people")
        ax.set_yticks(table.index, table["segment"])
        ax.set_ylim(-0.6, len(table) - 0.4)
        ax.locator_params(axis="x", nbins=5)
        ax.figure.legend(loc="outside lower center", ncols=2)
    best = table.iloc[int(table["uplift"].to_numpy().argmax())]
    said = f"By lot, {best['segment']} customers respond most: {best['uplift']:+.0%}"
    top = table["chosen_uplift"].max()
    said += f"; where people chose, it looks like up to {top:+.0%}" if pd.notna(top) else ""
    finding(ax, said, x="Purchases with the workflow, against without")
    percent(ax, "x")
    return ax


def plot_segments(result: CustomerValue) -> Axes:
    """Draw the value of a customer and year in each segment and, where tried, the part that a workflow adds."""
    table = result.segments.iloc[::-1].reset_index(drop=True)
    label = "Bar: value; dot: added by the workflow, line: 90 %" if result.tried else "Line: 90 %"
    scale = 1.0 if result.tried else table["carries_amt"] / table["value_amt"]
    ends = ["added_low_amt", "added_high_amt"] if result.tried else ["low_amt", "high_amt"]
    with figure() as ax:
        ax.barh(table.index, table["carries_amt"], color=GREY, alpha=0.4, height=0.4)
        low, high = (table[end] * scale for end in ends)
        ax.hlines(table.index, low, high, color=BLUE, lw=5, alpha=0.5)
        if result.tried:
            ax.plot(table["added_amt"], table.index, "o", color=BLUE, ms=9)
        for at, (name, worth, more) in enumerate(table[["segment", "carries_amt", "added_amt"]].to_numpy()):
            said = f"{name}: {worth:,.0f}" + (f", a workflow adds {more:,.0f}" if pd.notna(more) else "")
            ax.annotate(said, (0, at + 0.24), (4, 0), textcoords="offset points", fontsize=12, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(-0.5, len(table) - 0.3)
        ax.locator_params(axis="x", nbins=5)
    best = result.segments.iloc[0]
    of, who = (best[each] / result.segments[each].sum() for each in ("value_amt", "customers"))
    said = f"{best['segment'].capitalize()}: {who:.0%} of customers, {of:.0%} of the value to come"
    if result.tried:
        most = (
            table.sort_values("added_amt")["segment"].dropna().iloc[int(table["added_amt"].notna().sum()) - 1]
        )
        same = "and gain most from a workflow" if most == best["segment"] else f"{most} ones gain most"
        said = f"{best['segment'].capitalize()} customers are worth most, {same}"
    finding(ax, said, x=f"A customer and year (money). {label}")
    thousands(ax, "x")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the share of each segment that covers each cost."""
    with figure() as ax:
        for color, (segment, rows) in zip(
            PALETTE * 3, scenarios.groupby("segment", sort=False), strict=False
        ):
            ax.plot(rows["cost_amt"], rows["share"], "o-", color=color, lw=2, ms=5, label=segment)
        said = "A dearer workflow is for fewer customers"
        if chosen is not None:
            at = scenarios[scenarios["cost_amt"] == chosen]
            ax.axvline(chosen, color=GREY, lw=2, ls="--")
            ax.plot(at["cost_amt"], at["share"], "D", color=ORANGE, ms=11, zorder=3)
            parts = ", ".join(f"{row.segment} {row.share:.0%}" for row in at.itertuples())
            said = f"At {chosen:,g} a year {at['customers'].sum():,} customers cover it: {parts}"
        ax.figure.legend(loc="outside lower center", ncols=3)
        ax.set_xscale("log")
        ax.set_ylim(-0.02, 1.05)
    finding(ax, said, x="Cost a customer and year (money)", y="Customers who cover it")
    percent(ax)
    thousands(ax, "x")
    return ax
