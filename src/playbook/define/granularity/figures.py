"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.granularity.analysis import ALL, LEVELS, Granularity
from playbook.define.granularity.words import table_by_level
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, key_below, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"segment": SKY, "account": BLUE, "person": ORANGE, "occasion": "#D9D9D9"}


def plot(result: Granularity) -> Axes:
    """Draw the shares of each level, one bar per need."""
    wide = table_by_level(result.shares["share"], result.needs).clip(lower=0)
    wide = wide.div(wide.sum(axis=1), axis=0)
    with figure(size=(5.2, 1.9 + 0.62 * len(wide))) as ax:
        start = np.zeros(len(wide))
        for level in ALL:
            width = wide[level].to_numpy()
            label = "same person, other day" if level == "occasion" else f"between {level}s"
            ax.barh(range(len(wide)), width, left=start, color=COLORS[level], height=0.55, label=label)
            for y, (left, share) in enumerate(zip(start, width, strict=True)):
                if share >= 0.1:
                    color = "white" if level == "account" else INK
                    ax.text(
                        left + share / 2,
                        y,
                        f"{share:.0%}",
                        ha="center",
                        va="center",
                        fontsize=11,
                        color=color,
                    )
            start += width
        for y, need in enumerate(wide.index):
            ax.text(0, y - 0.32, need, ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(wide) - 0.6, -0.75)
        ax.set_xlim(0, 1)
        ax.grid(False, axis="y")
        key_below(ax, columns=2)
    main = wide.idxmax(axis=1).map({level: level for level in LEVELS} | {"occasion": "day"})
    said = ", ".join(f"{need} between {level}s" for need, level in main.items())
    finding(ax, f"Where most differences lie: {said}", x="Share of all differences (%)")
    percent(ax, "x")
    return ax


def plot_misses(result: Granularity) -> Axes:
    """Draw how far off a prediction is that knows the account or the person, against one that knows the segment."""
    misses = result.misses.set_index(["need", "level"])
    held, expected = (table_by_level(misses[column], result.needs) for column in ("held_out", "expected"))
    held, expected = held.div(held["segment"], axis=0), expected.div(expected["segment"], axis=0)
    with figure(size=(5.2, 1.9 + 0.62 * len(held))) as ax:
        ax.axvline(1, color=COLORS["segment"], lw=3, label="by segment")
        for level, marker in zip(LEVELS[1:], "Do", strict=True):
            ax.plot(held[level], range(len(held)), marker, color=COLORS[level], ms=10, label=f"by {level}")
            ax.plot(expected[level], range(len(held)), "|", color=INK, ms=18, mew=2)
        for y, need in enumerate(result.needs):
            ax.text(0.01, y - 0.22, need, ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(held) - 0.6, -0.7)
        ax.set_xlim(0, max(1.1, held.max().max(), expected.max().max()) * 1.05)
        key_below(ax, columns=3)
    best, miss = str(held["person"].idxmin()), float(held["person"].min())
    said = (
        f"Knowing the person cuts the miss on {best} by {1 - miss:.0%}"
        if miss < 1
        else "One earlier value of a person predicts no better than the segment"
    )
    finding(ax, said, x="Miss of a prediction (%; by segment = 100; black line: expected)")
    percent(ax, "x")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw the level to choose for each need, by how many answers there can be."""
    picked = scenarios[scenarios["chosen"]]
    needs, steps = list(dict.fromkeys(picked["need"])), list(dict.fromkeys(picked["answers"]))
    with figure(size=(5.2, 1.9 + 0.62 * len(needs))) as ax:
        for level, marker in zip(LEVELS, "sDo", strict=True):
            own = picked[picked["level"] == level]
            at = [steps.index(n) for n in own["answers"]]
            ax.plot(at, own["need"].map(needs.index), marker, color=COLORS[level], ms=12, label=f"by {level}")
        for y, need in enumerate(needs):
            ax.text(-0.4, y - 0.24, need, ha="left", va="bottom", fontsize=11)
        said = "The more answers, the finer the level that pays"
        if picked.groupby("need")["level"].nunique().max() == 1:
            said = "The number of answers does not change the level to choose"
        if chosen is not None:
            ax.axvline(steps.index(chosen), color=GREY, lw=16, alpha=0.25)
            now = picked[picked["answers"] == chosen]
            each = ", ".join(f"{row.need} by {row.level}" for row in now.itertuples())
            said = f"With {chosen:,} answers: {each}"
        ax.set_xticks(range(len(steps)), [_short(step) for step in steps])
        ax.set_yticks([])
        ax.set_ylim(len(needs) - 0.6, -0.75)
        ax.set_xlim(-0.5, len(steps) - 0.5)
        key_below(ax, columns=3)
    finding(ax, said, x="Answers on each need, all customers together (k: thousand)")
    return ax


def _short(number: int) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else str(number)
