"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from playbook.define.intimacy_kpis.analysis import SURVEYS, Judged, each_row
from playbook.define.intimacy_kpis.decision import ENOUGH
from playbook.pictures import BLUE, GREY, INK, ORANGE, figure, finding, percent
from playbook.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TALL = (5.2, 4.7)


def plot(result: Judged) -> Axes:
    """Draw how often each figure points at the customer who keeps its pace."""
    rows = result.scores.dropna(subset="area")[::-1]
    with figure(TALL) as ax:
        ax.axvline(0.5, color=GREY, lw=1.5, ls="--")
        for y, row in enumerate(each_row(rows)):
            colour = ORANGE if row.kind == "survey" else BLUE
            ax.plot([row.area_low, row.area_high], [y, y], color=colour, lw=3)
            ax.plot(row.area, y, "s" if row.kind == "survey" else "o", color=colour, ms=9)
        ax.set_yticks(range(len(rows)), [_short(name) for name in rows.index])
        ax.set_ylim(-0.6, len(rows) - 0.1)
        ax.annotate(
            "a coin", (0.5, len(rows) - 0.45), (5, 0), textcoords="offset points", color=INK, fontsize=11
        )
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_locator(_few())
        percent(ax, "x")
    surely = rows[rows["area_low"] > 0.5]
    said = f"{rows.index[-1]} tells best who stays" if len(surely) else "No figure tells who stays"
    surveys = rows.index[(rows["kind"] == "survey") & ~(rows["area_low"] > 0.5)]
    if len(surveys) and len(surely):
        said += f"; {listed(list(surveys))}: no better than a coin"
    finding(ax, said, x="How often it points at the right one of two (squares: surveys)")
    return ax


def _short(name: str) -> str:
    from textwrap import fill

    return fill(name, 16, break_long_words=False)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, steps=[1, 2, 5, 10])


def plot_reliability(result: Judged) -> Axes:
    """Draw which share of each figure's differences between customers is not luck."""
    rows = result.scores.dropna(subset="reliability").sort_values("reliability")
    bar = result.facts["min_reliability"]
    with figure(TALL) as ax:
        values = rows["reliability"].clip(0, 1)
        colours = [ORANGE if kind == "survey" else BLUE for kind in rows["kind"]]
        ax.barh(range(len(rows)), values, color=colours, height=0.6)
        low, high = rows["reliability_low"].clip(0, 1), rows["reliability_high"].clip(0, 1)
        ax.hlines(range(len(rows)), low, high, color=INK, lw=1.5)
        ax.axvline(bar, color=GREY, ls="--", lw=1.5)
        ax.set_yticks(range(len(rows)), [_short(name) for name in rows.index])
        ax.set_xlim(0, 1)
        ax.grid(visible=False, axis="y")
        percent(ax, "x")
    enough = (rows["reliability"] >= bar).sum()
    said = f"{enough} of {len(rows)} figures tell customers apart by more than luck"
    finding(ax, said, x="Share of its differences that is not luck (dashed: least asked for)")
    return ax


def plot_break(result: Judged) -> Axes:
    """Draw the effect of a step of each figure, before the target and since."""
    rows = result.breaks[~result.breaks.index.isin(SURVEYS)].sort_values(["is_paid", "before"])
    with figure(TALL) as ax:
        ax.axvline(0, color=GREY, lw=1.5, ls="--")
        for y, row in enumerate(each_row(rows)):
            for shift, when, colour, mark in ((0.17, "before", GREY, "o"), (-0.17, "since", BLUE, "D")):
                low, high = getattr(row, f"{when}_low"), getattr(row, f"{when}_high")
                ax.plot([low, high], [y + shift] * 2, color=colour, lw=2.5)
                ax.plot(
                    getattr(row, when), y + shift, mark, color=colour, ms=7, label=when if y == 0 else None
                )
        ax.set_yticks(range(len(rows)), [_short(f"{n}{', paid' * p}") for n, p in rows["is_paid"].items()])
        ax.set_ylim(-0.6, len(rows) + 0.4)
        ax.legend(loc="upper left", ncols=2)
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_locator(_few())
    gamed = list(rows.index[rows["gamed"]]) if len(rows) else []
    said = "No figure with a target lost its relation to orders"
    if gamed:
        said = f"Since it has a target, {listed(gamed)} says less about orders to come"
    finding(ax, said, x="Effect of a step on orders after (log; 0.1 is about 10% more)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw reliability against the number of requests that a figure rests on."""
    with figure() as ax:
        for name, line in scenarios.groupby("figure", sort=False):
            ax.plot(line["requests"], line["reliability"], marker="o", ms=5, lw=2, label=name)
        ax.axhline(ENOUGH, color=GREY, ls="--", lw=1.5)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_ylim(0, 1.02)
        percent(ax)
        if chosen is not None:
            ax.axvline(chosen, color=INK, lw=1.5)
        if len(scenarios):
            ax.legend(loc="lower right")
    if scenarios.empty:
        said = "All these figures are gamed or may be luck; counting more requests mends none"
    elif chosen is None:
        ready = scenarios[scenarios["enough"]].groupby("figure", sort=False)["requests"].min()
        needs = [f"{name} from {n} requests" for name, n in ready.head(2).items()]
        said = (
            f"You can act on {listed(needs)}"
            if needs
            else "No figure is ready to be acted on, however many requests are counted"
        )
    else:
        ready = scenarios[(scenarios["requests"] == chosen) & scenarios["enough"]]["figure"]
        said = f"On {chosen} requests you can act on {listed(list(ready)) if len(ready) else 'no figure'}"
    finding(ax, said, x="Requests that the figure rests on", y="Share that is not luck (dashed: enough)")
    return ax
