"""The figures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.journey_map.analysis import Journey
from playbook.methods.journeys import backbone
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, key_below, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AREAS = ("sales", "service", "fulfilment", "other")
PHYSICAL, DIGITAL, WAY = "#FBE3B8", "#D6ECFA", "#8DB8DA"


def plot(result: Journey) -> Axes:
    """Draw the journey in the log: steps downwards, one lane for each part of the business, frequent ways thick."""
    from matplotlib.patches import Patch

    steps = result.steps
    lanes = [area for area in AREAS if (steps["area"] == area).any()]
    ways = backbone(result.follows, least=0.12 * float(result.facts["cases"]))
    column = [lanes.index(area) for area in steps["area"]]
    places = {name: place for place, name in enumerate(steps.index)}
    with figure(size=(5.2, 1.2 + 0.68 * len(steps))) as ax:
        boxes = []
        for y, (name, row) in enumerate(steps.iterrows()):
            shape = {"boxstyle": "square" if row["is_physical"] else "round,pad=0.35", "ec": GREY}
            said = f"{name}\n{100 * row['logged']:.0f} of 100"
            box = shape | {"fc": PHYSICAL if row["is_physical"] else DIGITAL}
            text = ax.annotate(
                said, (column[y], y), ha="center", va="center", fontsize=11, zorder=3, bbox=box
            )
            boxes.append(text.get_bbox_patch())
        for source, target, count in zip(ways["source"], ways["target"], ways["count"], strict=True):
            start, end = places[source], places[target]
            wide = 0.8 + 7 * count / ways["count"].max()
            arrow = {
                "arrowstyle": "-|>",
                "mutation_scale": 12 + 2 * wide,
                "lw": wide,
                "color": WAY,
                "connectionstyle": f"arc3,rad={_bend(column, start, end):.2f}",
                "patchA": boxes[start],
                "patchB": boxes[end],
            }
            ax.annotate("", (column[end], end), (column[start], start), arrowprops=arrow, zorder=2)
        ax.set_xlim(-0.6, len(lanes) - 0.4)
        ax.set_ylim(len(steps) - 0.4, -0.6)
        ax.set_yticks([])
        ax.set_xticks(range(len(lanes)), lanes)
        ax.tick_params(axis="x", top=False, bottom=False, labeltop=True, labelbottom=False)
        ax.grid(False)
        ax.spines[["left", "bottom"]].set_visible(False)
        kinds = [Patch(fc=DIGITAL, ec=GREY, label="digital"), Patch(fc=PHYSICAL, ec=GREY, label="physical")]
        ax.figure.legend(handles=kinds, loc="outside lower center", ncols=2)
    logged = result.table["logged"]
    said = f"In the log, {logged.idxmax()} reaches {100 * logged.max():.0f} of 100 customers"
    finding(ax, f"{said}, {logged.idxmin()} {100 * logged.min():.0f}")
    return ax


def _bend(column: list[int], start: int, end: int) -> float:
    """Return how far a way must curve to pass the boxes between the steps at these places; 0 when none is in the way."""
    across, down = column[end] - column[start], end - start
    inside = range(min(start, end) + 1, max(start, end))
    free = all(abs(column[start] + across * (k - start) / down - column[k]) > 0.45 for k in inside)
    if free:
        return 0.0
    return min(2.6 / abs(down), 1.0) if across == 0 else 0.25 * np.sign(across)


def _rows(ax: Axes, names: Sequence[str]) -> None:
    """Write the name of each row above its marks."""
    for y, name in enumerate(names):
        ax.text(0.01, y - 0.2, name, ha="left", va="bottom", fontsize=11, transform=ax.get_yaxis_transform())
    ax.set_yticks([])
    ax.set_ylim(len(names) - 0.5, -0.75)
    ax.grid(False, axis="y")


def plot_coverage(result: Journey) -> Axes:
    """Draw which share of each touchpoint the log holds, as a range; without a diary, what the log holds at all."""
    held = ["coverage", "coverage_low", "coverage_high"]
    rows = result.table.dropna(subset=held).sort_values("coverage")
    with figure(size=(5.2, 1.9 + 0.55 * max(len(rows), 1))) as ax:
        for physical, color, label in ((False, SKY, "digital"), (True, ORANGE, "physical")):
            own = np.flatnonzero(rows["is_physical"] == physical)
            left, right = rows["coverage_low"].iloc[own], rows["coverage_high"].iloc[own]
            ax.barh(own, right - left, left=left, height=0.3, color=color, label=label)
        ax.plot(rows["coverage"], range(len(rows)), "|", color=INK, ms=12, mew=2.5)
        ax.axvline(float(result.facts["enough_share"]), color=GREY, lw=1.5, ls="--", label="enough")
        _rows(ax, list(rows.index))
        ax.set_xlim(0, 1.02)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        key_below(ax, columns=3)
    said = "With one source, nobody knows what the log misses"
    if len(rows):
        worst = rows.iloc[0]
        said = f"{rows.index[0]}: the log holds {worst['coverage_low']:.0%} to {worst['coverage_high']:.0%}"
    finding(ax, said, x="Share of what took place that the log holds")
    percent(ax, "x")
    return ax


def plot_leverage(result: Journey) -> Axes:
    """Draw what each touchpoint adds to renewal, beside what a comparison in the log says."""
    rows = result.table.sort_values("leverage", ascending=False)
    y, per = np.arange(len(rows)), 1000
    label = "both sources" if result.facts["has_diary"] else "the log"
    with figure(size=(5.2, 2.1 + 0.55 * len(rows))) as ax:
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(y, per * rows["low"], per * rows["high"], color=BLUE, lw=3)
        ax.plot(per * rows["leverage"], y, "o", color=BLUE, ms=9, label=f"{label}, like with like")
        ax.plot(per * rows["simple"], y, "X", color=ORANGE, ms=9, label="log alone, with against without")
        lot = np.flatnonzero(rows["pilot"].notna())
        if len(lot):
            own = rows.iloc[lot]
            each = per * own["reach"]
            ax.hlines(lot + 0.22, each * own["pilot_low"], each * own["pilot_high"], color=INK, lw=1.5)
            ax.plot(each * own["pilot"], lot + 0.22, "D", color=INK, ms=6, label="given by lot")
        _rows(ax, list(rows.index))
        key_below(ax, columns=1)
    first, log_first = rows.index[0], rows["simple"].idxmax()
    said = f"Most leverage: {first}; the log alone "
    said += "agrees" if first == log_first else f"would choose {log_first}"
    said = said if rows["sure"].any() else "No touchpoint moves renewal by more than chance would"
    finding(ax, said, x="Renewals that it adds per 1,000 customers")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw on which touchpoints the log can be relied on, by how much the sources depend on each other."""
    steps, odds = list(dict.fromkeys(scenarios["step"])), list(dict.fromkeys(scenarios["odds"]))
    marks = ((False, SKY, "o", "rely on the log"), (True, ORANGE, "X", "close the gap"))
    with figure(size=(5.2, 2.0 + 0.55 * len(steps))) as ax:
        for close, color, marker, label in marks:
            own = scenarios[scenarios["close"] == close]
            x = own["odds"].map(odds.index)
            ax.plot(x, own["step"].map(steps.index), marker, color=color, ms=11, label=label)
        _rows(ax, steps)
        ax.set_xticks(range(len(odds)), [f"{ratio:g}" for ratio in odds])
        ax.set_xlim(-0.5, len(odds) - 0.5)
        turns = scenarios.groupby("step", sort=False)["close"].nunique()
        changing = " and ".join(turns.index[turns > 1])
        said = f"Whether the log will do for {changing} depends on this assumption"
        said = said if changing else "The gaps to close are the same at each of these odds ratios"
        if chosen is not None:
            ax.axvline(odds.index(chosen), color=GREY, lw=16, alpha=0.25, zorder=0)
            now = ", ".join(scenarios.loc[(scenarios["odds"] == chosen) & scenarios["close"], "step"])
            said = f"At an odds ratio of {chosen:g}, close the gap at {now or 'no touchpoint'}"
        key_below(ax, columns=2)
    finding(ax, said, x="Odds ratio of the two sources (1: independent)")
    return ax
