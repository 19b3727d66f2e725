"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.balance.safety_stock.analysis import Buffers
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Buffers) -> Axes:
    """Draw the service that each segment gets, by the same cover for all and by its own buffer."""
    rows = result.segments.iloc[::-1].reset_index(drop=True)
    with figure() as ax:
        ax.hlines(rows.index, rows["same_cover"], rows["own_buffer"], color=GREY, lw=1.5)
        ax.plot(rows["same_cover"], rows.index, "o", color=ORANGE, ms=10, label="same cover for all")
        ax.plot(rows["own_buffer"], rows.index, "o", color=BLUE, ms=10, label="own buffer")
        ax.plot(rows["promise"], rows.index, "|", color=INK, ms=26, mew=2.5, label="promised")
        ax.set_yticks(rows.index, rows["segment"].str.replace(" ", "\n"))
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=3, columnspacing=1.0, handletextpad=0.3
        )
        ax.margins(x=0.12)
        ax.locator_params(axis="x", nbins=5)
    missing = rows["promise"] - rows["same_cover"]
    worst = rows["segment"].iloc[int(missing.argmax())]
    left = max(float((rows["promise"] - rows["own_buffer"]).max()), 0.0)
    said = "The same cover for all keeps every promise here: no segment needs its own"
    if missing.max() > 0.01:
        said = (
            f"The same cover fails {worst} by {100 * missing.max():.1f} points; own buffers miss by "
            f"{100 * left:.1f} at most"
        )
    measured = "Cycles without a stock-out" if result.kind == "cycle" else "Units served from the shelf"
    finding(ax, said, x=f"{measured} (replay, %)")
    percent(ax, "x")
    return ax


def plot_shared(result: Buffers) -> Axes:
    """Draw the capital of three ways to keep the promises."""
    total = result.items[["own_capital", "top_capital", "shared_capital"]].sum() / 1000
    labels = ["a pile for each segment", "one pile at the highest promise", "one pile, served by rank"]
    with figure() as ax:
        bars = ax.barh(range(3), total, color=[SKY, SKY, BLUE], height=0.5)
        ax.bar_label(bars, fmt="{:,.0f}", padding=4, fontsize=12)
        for row, label in enumerate(labels):
            ax.text(0, row - 0.32, label, fontsize=12, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(2.5, -0.7)
        ax.set_xlim(0, total.max() * 1.15)
        ax.locator_params(axis="x", nbins=5)
    saving = 1 - total["shared_capital"] / total["own_capital"]
    said = (
        f"One pile served by rank keeps the same service with {saving:.0%} less capital"
        if saving > 0
        else "Sharing one pile saves nothing here: the segments peak together"
    )
    finding(ax, said, x="Capital in safety stock (thousand money)")
    thousands(ax, "x")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the capital for each forecast error, one bar a scenario, one colour a segment."""
    table = scenarios.pivot_table(index="error_cut", columns="segment", values="capital") / 1000
    table = table[scenarios["segment"].unique()]
    total = table.sum(axis=1)
    labels = [f"{cut:g}" for cut in table.index]
    with figure() as ax:
        below = np.zeros(len(table))
        for color, segment in zip((BLUE, SKY, ORANGE, GREY) * 3, table.columns, strict=False):
            bars = ax.bar(labels, table[segment], bottom=below, color=color, label=segment)
            below += table[segment].to_numpy()
            for bar, cut in zip(bars, table.index, strict=True):
                bar.set_alpha(1.0 if chosen is None or cut == chosen else 0.35)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2, columnspacing=1.0, handlelength=1.0
        )
        ax.grid(visible=False, axis="x")
        ax.locator_params(axis="y", nbins=5)
    cut = total.index[-1] if chosen is None else chosen
    saving = 1 - total[cut] / total.iloc[0]
    said = (
        f"With errors {cut:g}% smaller, buffers tie up {total[cut]:,.0f} thousand: {saving:.0%} less than now"
    )
    if cut == total.index[0] == 0:
        said = f"With today's forecast errors, buffers tie up {total[cut]:,.0f} thousand"
    finding(ax, said, x="Forecast errors smaller by (%)", y="Capital (thousand money)")
    thousands(ax)
    return ax
