"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.define.data_sources.analysis import LABELS, MORE_IS_BETTER, Sources, amount
from playbook.define.data_sources.decision import VERDICTS, nearest_turn
from playbook.methods import topsis
from playbook.pictures import BLUE, GREY, INK, ORANGE, PALETTE, figure, finding, key_below, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Sources) -> Axes:
    """Draw what a decision costs more without each source, and what each would save alone."""
    table = result.table.sort_values("lost_amt", ascending=False)
    y = np.arange(len(table))
    with figure(size=(5.2, 1.9 + 0.55 * len(table))) as ax:
        ax.axvline(0, color=INK, lw=1)
        ax.hlines(y, table["low_amt"], table["high_amt"], color=BLUE, lw=3)
        ax.plot(table["lost_amt"], y, "o", color=BLUE, ms=9, label="lost if only this one is missing")
        only = "saved if it were the only one"
        ax.plot(table["alone_amt"], y, "D", mfc="white", mec=ORANGE, mew=2, ms=8, label=only)
        for row, name in enumerate(table.index):
            _beside(ax, 0.01, row, str(name), transform=ax.get_yaxis_transform())
        _rows(ax, len(table))
        key_below(ax, columns=1)
    sure = table[table["low_amt"] > 0]
    said = "No source is shown to change what a decision costs"
    if len(sure):
        said = f"Without {sure.index[0]}, a decision costs {amount(sure['lost_amt'].iloc[0])} more"
    finding(ax, said, x="Extra cost (money a decision; 90% interval)")
    return ax


def _rows(ax: Axes, n: int) -> None:
    ax.set_yticks([])
    ax.set_ylim(n - 0.6, -0.75)
    ax.grid(False, axis="y")


def _beside(ax: Axes, x: float, row: int, name: str, **where: Any) -> None:
    """Write a row's name above it."""
    ax.text(
        x, row - 0.22, name, va="bottom", fontsize=11, bbox={"fc": "white", "ec": "none", "pad": 1}, **where
    )


def plot_front(result: Sources) -> Axes:
    """Draw value against complexity, and which sources another beats on every count."""
    table, across = result.table, result.complexity
    with figure() as ax:
        for name, x, y, by in zip(table.index, across, table["lost_amt"], table["beaten_by"], strict=True):
            ax.plot(x, y, "o", ms=11, mew=2, mec=GREY if by else BLUE, mfc="white" if by else BLUE)
            ax.annotate(name, (x, y), (0, 9), textcoords="offset points", ha="center", fontsize=11)
        ax.set_xticks(range(1, 6))
        ax.set_xlim(0.6, 5.4)
        ax.margins(y=0.18)
    beaten = [str(name) for name in table.index[table["beaten_by"] != ""]]
    said = f"Beaten on every count: {', '.join(beaten)}" if beaten else "No source is beaten on every count"
    said_y = "Extra cost without it (money a decision)"
    finding(ax, said, x="Complexity of joining it (1 easy to 5 hard; hollow: beaten)", y=said_y)
    return ax


def plot_weights(result: Sources) -> Axes:
    """Draw each source's closeness to the best, as value weighs more and everything else less."""
    shares = np.linspace(0, 1, 101)
    near = topsis.closeness(result.matrix(), topsis.reweighted(result.weights, 0, shares), MORE_IS_BETTER)
    with figure() as ax:
        for k, name in enumerate(result.table.index):
            ax.plot(shares, near[:, k], color=PALETTE[list(LABELS.values()).index(str(name))], lw=2.5)
        y = -1.0
        for k in np.argsort(near[-1]):
            y = max(near[-1, k], y + 0.09)
            ax.text(1.03, y, result.table.index[k], va="center", fontsize=11)
        ax.axvline(result.weights[0], color=GREY, ls="--", lw=1.5)
        ax.text(result.weights[0] - 0.02, 1.0, "now", ha="right", va="top", fontsize=11, color="#5A5A5A")
        ax.set_xlim(0, 1)
        ax.set_ylim(-0.05, 1.05)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    nearest = nearest_turn(result)
    said = "The order is the same, whatever value weighs"
    if nearest:
        said = f"{nearest[2]} and {nearest[1]} swap places where value weighs {nearest[0]:.0%}"
    finding(ax, said, x="Weight of value (% of all weights)", y="Closeness to the best (0 to 1)")
    percent(ax, "x")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw when to integrate each source, by the cost of a point of complexity."""
    names, steps = list(dict.fromkeys(scenarios["source"])), list(dict.fromkeys(scenarios["point_amt"]))
    with figure(size=(5.2, 1.9 + 0.55 * len(names))) as ax:
        for verdict, (color, marker) in VERDICTS.items():
            own = scenarios[scenarios["verdict"] == verdict]
            at = [steps.index(amount) for amount in own["point_amt"]]
            ax.plot(at, own["source"].map(names.index), marker, color=color, ms=11, mew=2.5, label=verdict)
        for y, name in enumerate(names):
            _beside(ax, -0.4, y, name)
        now = scenarios[scenarios["verdict"] == "now"]
        counts = [int((now["point_amt"] == step).sum()) for step in steps]
        said = (
            f"Sources to integrate now: from {max(counts)} to {min(counts)}, as the cost of joining one rises"
        )
        if max(counts) == min(counts):
            said = f"Sources to integrate now, at every cost shown: {counts[0]}"
        if chosen is not None:
            ax.axvline(steps.index(chosen), color=GREY, lw=16, alpha=0.25)
            named = ", ".join(now.loc[now["point_amt"] == chosen, "source"])
            said = f"At {chosen:,.0f} a point, now: {named or 'none'}"
        ax.set_xticks(range(len(steps)), [f"{s / 1000:g}k" if s >= 1000 else f"{s:g}" for s in steps])
        _rows(ax, len(names))
        ax.set_xlim(-0.5, len(steps) - 0.5)
        key_below(ax, columns=3)
    finding(ax, said, x="Cost of a point (money a year; k: thousand)")
    return ax
