"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.handoffs.analysis import CUSTOMER, Handoffs
from playbook.define.handoffs.decision import differ
from playbook.define.handoffs.words import number
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, SKY, figure, finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Handoffs) -> Axes:
    """Draw the swim-lanes: a column for the customer, each team and each partner; a row for each step."""
    steps, table = result.steps, result.table
    lanes = _lanes(steps)
    x, y = steps["lane"].map(lanes.index).to_numpy(), np.arange(len(steps))
    total = table["loss_amt"].sum()
    amounts = steps["loss_amt"].fillna(0.0).to_numpy()
    heavy = amounts >= 0.1 * total if differ(result) else np.zeros(len(steps), dtype=bool)
    with figure((5.2, 2.3 + 0.42 * len(steps))) as ax:
        for place, lane in enumerate(lanes):
            if lane == CUSTOMER or place % 2 == 0:
                colour, alpha = (SKY, 0.35) if lane == CUSTOMER else (GREY, 0.1)
                ax.axvspan(place - 0.5, place + 0.5, color=colour, alpha=alpha, lw=0)
        for i in range(1, len(steps)):
            wide = 1.2 + 7 * amounts[i] / max(amounts.max(), 1e-9) if heavy[i] else 1.5
            ax.plot(x[i - 1 : i + 1], y[i - 1 : i + 1], color=RED if heavy[i] else GREY, lw=wide, zorder=2)
        ax.scatter(x, y, s=90, color=BLUE, zorder=3)
        for i in np.flatnonzero(steps["loss_amt"].notna()).tolist():
            ax.text(
                len(lanes) - 0.35, float(y[i]), number(amounts[i]), va="center", fontsize=11.5,
                color=RED if heavy[i] else INK, fontweight="bold" if heavy[i] else "normal",
            )  # fmt: skip
        ax.set_yticks(y, [f"{i + 1} {name}" for i, name in enumerate(steps["step"])])
        ax.set_xticks(range(len(lanes)), lanes, rotation=55, ha="left", rotation_mode="anchor")
        ax.xaxis.tick_top()
        ax.grid(visible=False)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlim(-0.5, len(lanes) + 0.4)
        ax.set_ylim(len(steps) - 0.5, -0.5)
        ax.xaxis.set_label_position("bottom")
        for label in ax.get_xticklabels()[: lanes.count(CUSTOMER)]:
            label.set_fontweight("bold")
    finding(ax, _lane_title(result), x="Columns: who acts. Right: loss a case at the hand-off (money)")
    return ax


def _lanes(steps: pd.DataFrame) -> list[str]:
    """Return the lanes, the customer's first, then in the order in which they act."""
    names = list(dict.fromkeys(steps["lane"]))
    return [name for name in names if name == CUSTOMER] + [name for name in names if name != CUSTOMER]


def _lane_title(result: Handoffs) -> str:
    table = result.table
    changes = f"{len(table)} hand-offs"
    if not differ(result):
        return f"{changes}, and none stands out by what it loses"
    heavy = int((table["loss_amt"] >= 0.1 * table["loss_amt"].sum()).sum())
    ours = int(table["with_customer"].iloc[:heavy].sum())
    where = "all" if ours == heavy else "none" if ours == 0 else f"{ours}"
    if heavy == 0:
        return f"{changes}, and none holds a tenth of the loss"
    return f"{heavy} of {changes} stand out by what they lose; {where} of these to or from the customer"


def plot_noticed(result: Handoffs) -> Axes:
    """Draw how often each hand-off fails, and who notices first."""
    rows = result.table.sort_values("seq_no", ascending=False)
    late = 100 * rows["failed_share"] * rows["unnoticed_share"]
    early = 100 * rows["failed_share"] - late
    with figure((5.2, 1.6 + 0.36 * len(rows))) as ax:
        ax.barh(rows.index, late, color=ORANGE)
        ax.barh(rows.index, early, left=late, color=SKY)
        ax.grid(axis="y", visible=False)
        ax.set_xlim(0, (late + early).max() * 1.05)
        ax.set_ylim(-0.6, len(rows) + 0.3)
        for label, colour, place in (("customer first", ORANGE, 0.02), ("we first", SKY, 0.5)):
            for text, shade in ((f"\u25a0 {label}", INK), ("\u25a0", colour)):
                ax.text(place, 0.93, text, color=shade, fontsize=11.5, transform=ax.transAxes)
    worst = late.idxmax()
    if result.facts["fail_alike"] and result.facts["notice_alike"]:
        said = "All hand-offs fail about as often, and are noticed as often: the rest is chance"
    elif worst == (late + early).idxmax():
        said = f"Most failures are at {worst}, where the customer is first to notice {late.max():.0f} in 100 cases"
    else:
        said = f"Most failures: {(late + early).idxmax()}. But the customer notices most at {worst}"
    finding(ax, said, x="Cases in 100 that fail, by who notices first")
    return ax


def plot_loss(result: Handoffs) -> Axes:
    """Draw the loss of a case by hand-off with its interval, with the two customary ratings beside it."""
    rows = result.table.iloc[::-1]
    at = np.arange(len(rows))
    top = rows["high_amt"].max()
    with figure((5.2, 1.9 + 0.38 * len(rows))) as ax:
        ax.barh(at, rows["loss_amt"], color=BLUE, height=0.6)
        ax.hlines(at, rows["low_amt"], rows["high_amt"], color=INK, lw=2)
        ax.set_yticks(at, list(rows.index))
        ax.set_xlim(0, 1.5 * top)
        ticks = ax.xaxis.get_major_locator().tick_values(0, top)
        ax.set_xticks([t for t in ticks if 0 <= t <= 1.05 * top])
        ax.grid(axis="y", visible=False)
        first = rows["rpn"].max()
        for place, row in zip(at.tolist(), rows.itertuples(), strict=True):
            weight = "bold" if row.rpn == first else "normal"
            ax.text(1.3 * top, place, str(row.rpn), ha="right", va="center", fontsize=11.5, fontweight=weight)
            ax.text(1.43 * top, place, str(row.priority), ha="center", va="center", fontsize=11.5)
        ax.text(1.3 * top, len(rows) - 0.35, "RPN", ha="right", fontsize=11, color=INK)
        ax.text(1.43 * top, len(rows) - 0.35, "AP", ha="center", fontsize=11, color=INK)
        ax.set_ylim(-0.6, len(rows) + 0.2)
    dearest, product = result.table.index[0], result.table["rpn"].idxmax()
    if not differ(result):
        said = "The hand-offs lose about the same: what differs here is chance"
    elif dearest == product:
        said = f"Most is lost at {dearest}, and the RPN says so too"
    else:
        said = f"Most is lost at {dearest}; the RPN would start at {product}"
    finding(ax, said, x="Loss of a case (money), with 90 % interval")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the saving of a year against the cost of a check: checks where they pay, and everywhere."""
    from matplotlib.ticker import FuncFormatter

    costs = scenarios["check_cost_amt"].to_numpy()
    with figure() as ax:
        ax.axhline(0, color=GREY, lw=1)
        for column, colour, label in (
            ("saved_amt", BLUE, "only where they pay"),
            ("everywhere_amt", ORANGE, "at every hand-off"),
        ):
            values = scenarios[column].to_numpy() / 1000
            ax.plot(costs, values, color=colour, marker="o", lw=2)
            at, place, side = (2, (6, 8), "left") if column == "saved_amt" else (-1, (0, -20), "right")
            ax.annotate(
                label, (costs[at], values[at]), place, textcoords="offset points", ha=side, fontsize=11.5
            )
        ax.margins(y=0.18)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
        first, last = scenarios.iloc[0], scenarios.iloc[-1]
        said = (
            f"A check pays at {first['pays_at']:.0f} hand-offs when it costs {first['check_cost_amt']:g} a case, at "
            f"{last['pays_at']:.0f} when it costs {last['check_cost_amt']:g}"
        )
        if chosen is not None:
            row = scenarios.loc[scenarios["check_cost_amt"] == chosen].iloc[0]
            ax.plot(chosen, row["saved_amt"] / 1000, "D", color=BLUE, ms=13)
            where = f"at {row['names']}" if row["pays_at"] else "nowhere"
            said = f"At {chosen:g} a case a check pays {where}"
    finding(ax, said, x="Cost of checking one case (money)", y="Saved a year (thousand money)")
    return ax
