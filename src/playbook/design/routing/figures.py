"""The figures of the page."""

from __future__ import annotations

import math
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.design.routing.analysis import Desk, Routing
from playbook.design.routing.decision import hurts_at
from playbook.design.routing.words import DAYS, worst_hour
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (ORANGE, SKY, BLUE)


def plot_week(result: Desk) -> Axes:
    """Draw the wait per hour of the week; the peak is framed."""
    from matplotlib.patches import Rectangle

    grid = result.cells.pivot_table(index="day", columns="hour", values="wait_min")
    with figure() as ax:
        mesh = ax.pcolormesh(
            grid.columns, np.arange(len(grid)), grid.to_numpy(), cmap="Blues", vmin=0, shading="nearest"
        )
        peak = result.cells[result.cells["is_peak"]]
        row = grid.index.get_indexer(pd.Index(peak["day"]))
        for x, y in zip(peak["hour"].to_numpy(dtype=float), row, strict=True):
            ax.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, ec=ORANGE, lw=2.2))
        ax.set_yticks(range(len(grid)), [DAYS[day] for day in grid.index])
        ax.set_xticks([hour for hour in grid.columns if hour % 3 == 0])
        ax.invert_yaxis()
        ax.grid(visible=False)
        bar = ax.figure.colorbar(mesh, ax=ax, shrink=0.9)
        bar.set_label("Mean wait (min)", fontsize=12)
    said = f"The desk is shortest of agents on {worst_hour(result)}; framed hours are the peak"
    finding(ax, said, x="Hour of the day (UTC)", y="Weekday")
    return ax


def plot(result: Routing) -> Axes:
    """Draw the wait of each tier in the peak, one line of dots per rule."""
    tiers = result.desk.tiers
    names = [rule.name for rule in result.rules]
    with figure((5.2, 4.2)) as ax:
        for n, name in enumerate(names):
            rows = result.waits[result.waits["rule"] == name].set_index("tier")["wait_min"].reindex(tiers)
            ax.plot([rows.min(), rows.max()], [n, n], color=GREY, lw=2, zorder=1)
            for k, tier in enumerate(tiers):
                label = tier if n == 0 else None
                y = n + 0.17 * (k - (len(tiers) - 1) / 2)  # apart, where waits are alike
                ax.plot(rows[tier], y, "osD^v"[k % 5], color=COLOURS[k % 3], ms=11, mec="white", label=label)
        ax.set_yticks(range(len(names)), [fill(name, 12) for name in names])
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(0, 1.08 * result.waits["wait_min"].max())
        ax.grid(visible=False, axis="y")
        ax.figure.legend(loc="outside lower center", ncols=len(tiers), handletextpad=0.1, fontsize=12)
    best, last = tiers[0], tiers[-1]
    now, then = result.rules[0], result.rules[1]
    gain, pays = (
        result.wait(now, best) - result.wait(then, best),
        result.wait(then, last) - result.wait(now, last),
    )
    said = f"{best.capitalize()} saves {gain:.1f} min, {last} pays {pays:.1f} min: {then.name}"
    finding(ax, said, x="Mean wait in the peak (min)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the wait of each tier against the head start of the best."""
    tiers = list(dict.fromkeys(scenarios["tier"]))
    values = sorted(scenarios["head_start_min"].unique())
    position = {value: n for n, value in enumerate(values)}
    with figure() as ax:
        for k, tier in enumerate(tiers):
            rows = scenarios[scenarios["tier"] == tier].sort_values("head_start_min")
            x = rows["head_start_min"].map(position)
            ax.plot(x, rows["wait_min"], color=COLOURS[k % 3], marker="osD^v"[k % 5], lw=2, ms=7)
            ax.annotate(tier, (x.iloc[-1], rows["wait_min"].iloc[-1]), (10, -4), textcoords="offset points",
                        color=INK, fontsize=12)  # fmt: skip
        ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        ax.set_xlim(-0.3, len(values) - 0.3 + 0.12 * len(values))
        ax.set_ylim(0, 1.1 * scenarios["wait_min"].max())
        first = scenarios[scenarios["head_start_min"] == values[0]].set_index("tier")["wait_min"]
        end = scenarios[scenarios["head_start_min"] == values[-1]].set_index("tier")["wait_min"]
        said = (
            f"What {tiers[0]} gains the others pay: {first[tiers[0]]:.1f} to {end[tiers[0]]:.1f} min for "
            f"{tiers[0]}, {first[tiers[-1]]:.1f} to {end[tiers[-1]]:.1f} min for {tiers[-1]}"
        )
        if chosen is not None:
            rows = scenarios[scenarios["head_start_min"] == chosen].set_index("tier")["wait_min"]
            ax.axvline(position[chosen], color=GREY, lw=1.5, ls="--", zorder=0)
            each = ", ".join(f"{tier} waits {rows[tier]:.1f}" for tier in tiers)
            said = f"Head start {chosen:g} min: {each} min"
    finding(ax, said, x=f"Head start of {tiers[0]} (min)", y="Mean wait in the peak (min)")
    return ax


def plot_load(loads: pd.DataFrame, result: Routing, *, limit_min: float) -> Axes:
    """Draw the last tier's wait against the load, with the limit it was promised."""
    last, breaks = result.desk.tiers[-1], hurts_at(loads, limit_min=limit_min)
    with figure() as ax:
        ax.plot(
            loads["load"], loads["head_start_min"], color=BLUE, marker="D", lw=2, label=result.rules[1].name
        )
        ax.plot(
            loads["load"], loads["first_come_min"], color=GREY, marker="o", lw=2, label=result.rules[0].name
        )
        ax.axhline(limit_min, color=ORANGE, lw=1.5, ls="--", label="limit")
        ax.set_ylim(bottom=0)
        ax.legend(loc="upper left")
    percent(ax, "x")
    if math.isinf(breaks):
        said = f"Up to {loads['load'].max():.0%} of last year's calls {last} stays within {limit_min:g} min"
    elif breaks <= loads["load"].min():
        said = f"With the head start {last} waits over {limit_min:g} min at every load tried"
    else:
        said = (
            f"With the head start {last} waits over {limit_min:g} min from {breaks:.0%} of last year's calls"
        )
    finding(ax, said, x="Calls (% of last year's)", y=f"Mean wait of {last} in the peak (min)")
    return ax
