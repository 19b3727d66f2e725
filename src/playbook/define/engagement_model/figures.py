"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.define.engagement_model.analysis import DEPTHS, NOBODY, Engagement, fees, load, room, shares
from playbook.define.engagement_model.decision import best, round_to
from playbook.pictures import BLUE, GREY, INK, ORANGE, PURPLE, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_uplift(result: Engagement) -> Axes:
    """Draw what each depth adds, by lot, beside the plain comparison."""
    table = result.uplift.by_depth
    y = np.arange(len(table))[::-1]
    value, low, high = (100 * np.expm1(table[c].to_numpy()) for c in ("added_log", "low_log", "high_log"))
    with figure() as ax:
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(y, low, high, color=BLUE, lw=3)
        ax.plot(value, y, "o", color=BLUE, ms=10)
        for at, number in zip(y, value, strict=True):
            ax.annotate(
                f"{number:+.0f}%", (number, at), (0, 10), textcoords="offset points", ha="center", fontsize=11
            )
        ax.set_yticks(y, table["depth"])
        ax.set_ylim(-0.5, len(table) - 0.3)
        sure = table.loc[table["low_log"] > 0, "depth"].tolist()
        said = (
            f"Surely more orders: {' and '.join(sure)}; the lines are 90 % intervals"
            if sure
            else "No depth of service surely adds orders: every 90 % interval holds zero"
        )
    finding(ax, said, x="More orders than at self-serve, by lot (%)")
    return ax


def plot(result: Engagement) -> Axes:
    """Draw the share of customers that each model plans at each depth, and what it brings."""
    table, models = shares(result), result.models.set_index("model")
    y = np.arange(len(table))[::-1]
    with figure() as ax:
        left = np.zeros(len(table))
        for depth, color in zip(DEPTHS, ("#D9D9D9", "#56B4E9", ORANGE, BLUE), strict=True):
            width = table[depth].to_numpy()
            ax.barh(y, width, left=left, color=color, height=0.5, label=depth)
            left += width
        for at, name in zip(y, table.index, strict=True):
            net, low, high = (
                round_to(models.loc[name, amount] - models.loc[name, "variety_amt"], 3)
                for amount in ("added_amt", "low_amt", "high_amt")
            )
            text = f"{name}: {net:,.0f} ({low:,.0f} to {high:,.0f})"
            ax.annotate(text.replace("-", "\N{MINUS SIGN}"), (0, at + 0.29), fontsize=11, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(-0.4, len(table) - 0.15)
        ax.set_xlim(0, 1)
        ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.24), columnspacing=0.8, handlelength=1)
    name = best(result)
    said = (
        f"{name}: no model covers the kinds of service that it keeps running" if name == NOBODY
        else f"Best: {name}, {round_to(models.loc[name, 'net_amt'], 3):,.0f} a year more than self-serve for all"
    )  # fmt: skip
    finding(ax, said, x="Customers; net margin a year in money")
    percent(ax, "x")
    return ax


def plot_load(result: Engagement) -> Axes:
    """Draw how much of each resource all customers at one depth would take."""
    table = load(result)
    if table.empty:
        raise ValueError("neither hours nor system capacity are known: give them as settings")
    first = room(result.need, result.capacity, len(result.customers))[list(table.columns)].idxmin()
    y = np.arange(len(DEPTHS))[::-1].astype(float)
    height = 0.8 / len(table.columns)
    with figure() as ax:
        for k, (resource, color) in enumerate(zip(table.columns, (BLUE, ORANGE), strict=False)):
            at = y + (0.2 - 0.4 * k if len(table.columns) > 1 else 0.0)
            ax.barh(at, 100 * table[resource], height=height, color=color, label=resource)
            for place, value in zip(at, 100 * table[resource], strict=True):
                ax.annotate(
                    f"{value:.0f}%",
                    (value, place),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=11,
                )
        ax.axvline(100, color=INK, lw=1.5, ls="--")
        ax.set_yticks(y, DEPTHS)
        ax.set_xlim(0, 118 * table.to_numpy().max())
        ax.legend(loc="upper right")
    over = float(table[first].iloc[-1])
    said = f"Dedicated service for all would take {over:.1f} times the {first} there are"
    said += ": they bind first" if over > 1 else ": there is room for it"
    finding(ax, said, x="If all customers were at this depth (% of what there is)")
    return ax


def plot_fees(result: Engagement) -> Axes:
    """Draw the fee that opens the deepest depth against the customer's margin."""
    margin = np.geomspace(
        result.customers["base_amt"].quantile(0.25), result.customers["base_amt"].quantile(0.999), 60
    )
    table = fees(result, margin)
    ends: dict[Any, float] = {}
    with figure() as ax:
        for (invests, rows), color in zip(table.groupby("invests"), (ORANGE, BLUE), strict=True):
            ax.plot(rows["margin_amt"], rows["fee_amt"], color=color, lw=3)
            free = rows.loc[rows["fee_amt"] <= 0, "margin_amt"]
            ends[invests] = float(free.iloc[0]) if len(free) else np.inf
            label, place = ("invests with us", (-8, -6)) if invests else ("does not invest", (8, 6))
            middle = rows.iloc[28]
            ax.annotate(
                label, (middle["margin_amt"], middle["fee_amt"]), place, textcoords="offset points", color=color,
                fontsize=11, ha="right" if invests else "left", va="top" if invests else "bottom", fontweight="bold",
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_ylim(0, max(table["fee_amt"].max() * 1.25, 1.0))
    words = {
        k: f"from a margin of {round_to(v):,.0f}" if np.isfinite(v) else "at no margin shown"
        for k, v in ends.items()
    }
    said = f"Dedicated service pays without a fee {words[True]} for accounts that invest, {words[False]} for others"
    finding(
        ax, said, x="The customer's margin a year at self-serve (money)", y="Fee a year that opens it (money)"
    )
    thousands(ax, "x")
    thousands(ax)
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw what each model brings against the team's hours."""
    with figure() as ax:
        for (name, rows), color in zip(
            scenarios.groupby("model", sort=False), (ORANGE, PURPLE, BLUE), strict=True
        ):
            ax.plot(rows["hours"], rows["net_amt"] / 1000, "o-", color=color, lw=2, ms=5, label=name)
        said = "More hours add less and less"
        if chosen is not None:
            at = scenarios[scenarios["hours_share"] == chosen]
            top = at.iloc[int(at["net_amt"].to_numpy().argmax())]
            ax.axvline(top["hours"], color=GREY, lw=2, ls="--")
            ax.plot(top["hours"], top["net_amt"] / 1000, "D", color=INK, ms=10, zorder=3)
            name = top["model"] if top["net_amt"] > 0 else NOBODY
            said = (
                f"At {top['hours']:,.0f} hours a month the best is {name}; "
                f"the last hour of the mixed model brings {top['hour_amt']:,.1f}"
            )
        ax.axhline(0, color=GREY, lw=1)
        ax.set_xlim(left=0)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=3, columnspacing=0.8, handlelength=1.2
        )
    finding(ax, said, x="Team hours a month", y="Net margin a year (thousand money)")
    thousands(ax, "x")
    thousands(ax)
    return ax
