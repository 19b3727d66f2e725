"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.latency_thresholds.analysis import COLOURS, LEAST_MIN, Thresholds, log_wait, named_rows
from playbook.define.latency_thresholds.decision import clock
from playbook.define.latency_thresholds.words import misled
from playbook.pictures import BLUE, GREY, INK, PURPLE, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _minutes_axis(ax: Axes, first: float, last: float) -> None:
    marks = {
        1 / 60: "1 s",
        0.1: "6 s",
        1.0: "1 min",
        10.0: "10 min",
        60.0: "1 h",
        600.0: "10 h",
        2880.0: "2 days",
    }
    if last / first < 30:
        marks = {
            0.5: "30 s",
            1: "1 min",
            2: "2 min",
            5: "5 min",
            10: "10 min",
            30: "30 min",
            60: "1 h",
            300: "5 h",
        }
    ax.set_xscale("log")
    ax.set_xlim(first, last)
    ax.minorticks_off()
    ax.set_xticks(
        [m for m in marks if first <= m <= last], [t for m, t in marks.items() if first <= m <= last]
    )


def plot(result: Thresholds) -> Axes:
    """Draw who comes back against the wait, at equal cases and days: dots, sticks, and the knees with their intervals."""
    channels = dict(named_rows(result.channels))
    found = result.channels.dropna(subset="knee_min")
    waited = result.bands[result.bands["wait_min"] > LEAST_MIN]
    floor = float(waited["share"].min()) - 0.04
    with figure() as ax:
        for name, bands in waited.groupby("channel", sort=False):
            colour, stick, row = COLOURS[str(name)], result.sticks[str(name)], channels[str(name)]
            ax.plot(bands["wait_min"], bands["share"], "o", color=colour, ms=6)
            ax.annotate(
                str(name), (bands["wait_min"].iloc[-1], bands["share"].iloc[-1]), (0, 8), color=colour,
                textcoords="offset points", fontsize=12, fontweight="bold", ha="center",
            )  # fmt: skip
            if not stick.is_found:
                continue
            x = np.log([bands["wait_min"].iloc[0], row["knee_min"], bands["wait_min"].iloc[-1]])
            rise = stick.slope * np.maximum(log_wait(bands["wait_min"]) - stick.knee, 0)
            level = float((bands["share"] - rise).mean())
            ax.plot(np.exp(x), level + stick.slope * np.maximum(x - stick.knee, 0), color=colour, lw=1.6)
            ax.plot([row["low_min"], row["high_min"]], [floor] * 2, color=colour, lw=5, solid_capstyle="butt")
            ax.plot([row["knee_min"]] * 2, [floor, level], color=colour, lw=1, ls=":")
        _minutes_axis(ax, waited["wait_min"].min() / 1.5, waited["wait_min"].max() * 2)
        percent(ax)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.12 * (high - low))
    said = ", ".join(f"{name} {clock(row['knee_min'])}" for name, row in named_rows(found))
    none = "No wait in these data brings more customers back"
    finding(
        ax,
        f"Beyond the knee more come back: {said}" if said else none,
        x="Wait for the first answer (bars: 90 % interval of the knee)",
        y="Who comes back (%)",
    )
    return ax


def plot_plain(result: Thresholds, *, channel: str | None = None) -> Axes:
    """Draw, for one channel, the share that comes back as counted, and at equal cases and days."""
    name = channel or misled(result)
    bands = result.bands[(result.bands["channel"] == name) & (result.bands["wait_min"] > LEAST_MIN)]
    row = dict(named_rows(result.contrasts))[name]
    with figure() as ax:
        ax.plot(bands["wait_min"], bands["plain"], color=GREY, marker="s", ms=6, ls="--", lw=1.2)
        ax.plot(bands["wait_min"], bands["share"], color=COLOURS[name], marker="o", ms=6, lw=1.2)
        ax.vlines(bands["wait_min"], bands["low"], bands["high"], color=COLOURS[name], lw=1.5)
        first = bands.iloc[0]
        above = first["plain"] > first["share"]
        for column, text, colour in (
            ("plain", "as counted", INK),
            ("share", "like with like", COLOURS[name]),
        ):
            up = above if column == "plain" else not above
            ax.annotate(
                text, (first["wait_min"], first[column]), (0, 14 if up else -20), textcoords="offset points",
                color=colour, fontsize=12,
            )  # fmt: skip
        _minutes_axis(ax, bands["wait_min"].min() / 1.3, bands["wait_min"].max() * 1.3)
        percent(ax)
        ax.margins(y=0.2)
    finding(
        ax,
        f"{name.capitalize()}: the slowest quarter looks {_points(row['plain'])} worse than the fastest as counted, and is "
        f"{_points(row['extra'])} worse like with like",
        x="Wait for the first answer",
        y="Who comes back (%)",
    )
    return ax


def _points(share: float) -> str:
    whole = round(100 * share)
    return f"{whole} point{'' if abs(whole) == 1 else 's'}".replace("-", "\N{MINUS SIGN}")


def plot_patience(result: Thresholds) -> Axes:
    """Draw the share of callers who would still wait, and what the hang-ups alone suggest."""
    curve = result.patience
    if curve is None:
        raise ValueError("no call is on record that was given up")
    end = float(result.calls["wait_min"].quantile(0.99))
    step = np.linspace(0, end, 160)
    share, low, high = curve.at(step)
    alone = np.sort(result.calls.loc[result.calls["gave_up"], "wait_min"].to_numpy())
    naive = 1 - np.searchsorted(alone, step, side="right") / len(alone)
    half = curve.quantile(0.5)[0]
    with figure() as ax:
        ax.fill_between(step, low, high, color=BLUE, alpha=0.25, lw=0)
        ax.plot(step, share, color=BLUE, lw=2)
        ax.plot(step, naive, color=GREY, lw=1.6, ls="--")
        for line, text, colour in ((share, "all who waited", BLUE), (naive, "hang-ups alone", INK)):
            at = int(np.nanargmin(np.abs(line - (0.55 if line is share else 0.25))))
            ax.annotate(
                text, (step[at], line[at]), (8, 4), textcoords="offset points", color=colour, fontsize=12
            )
        ax.set_ylim(0, 1.02)
        ax.set_xlim(0, end)
        ax.locator_params(axis="x", nbins=5, integer=True)
        percent(ax)
    said = (
        f"Half the callers would wait {clock(half)}"
        if np.isfinite(half)
        else "Most callers wait longer than we can see"
    )
    finding(
        ax,
        f"{said}; the hang-ups alone say {clock(float(np.median(alone)))}",
        x="Wait on the phone (minutes)",
        y="Still waiting (%)",
    )
    return ax


def plot_limits(result: Thresholds, table: pd.DataFrame) -> Axes:
    """Draw the acceptable wait by channel and tier with its interval, and the typical wait of today."""
    rows = [row for _, row in named_rows(table)]
    late = min(rows, key=lambda row: row["in_time"])
    first = max(min(row["limit_min"] for row in rows) / 8, LEAST_MIN)
    with figure((5.2, 4.4)) as ax:
        for place, row in enumerate(rows):
            colour, waits = COLOURS[row["channel"]], result.waits[row["channel"], row["tier"]]
            ax.plot([row["low_min"], row["high_min"]], [place] * 2, color=colour, lw=3, solid_capstyle="butt")
            ax.plot(row["limit_min"], place, "o", color=colour, ms=9)
            ax.plot(max(float(np.median(waits)), 1.1 * first), place, "|", color=INK, ms=14, mew=2)
        ax.set_yticks(range(len(rows)), [f"{row['channel']}, {row['tier']}" for row in rows])
        ax.invert_yaxis()
        _minutes_axis(ax, first, table["high_min"].max() * 2)
    finding(
        ax,
        f"{str(late['channel']).capitalize()}, {late['tier']}, is furthest off: {late['in_time']:.0%} are answered within "
        f"{clock(late['limit_min'])}",
        x="Acceptable wait (dot), 90 % interval (bar), typical wait today (stroke)",
    )
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw how many answers have to become faster, by channel, against what is tolerated."""
    with figure() as ax:
        for name, rows in scenarios.groupby("channel", sort=False):
            ax.plot(rows["tolerated_share"], rows["late"], color=COLOURS[str(name)], marker="o", ms=7)
            ax.annotate(
                str(name), (rows["tolerated_share"].iloc[0], rows["late"].iloc[0]), (-6, 0), ha="right", va="center",
                textcoords="offset points", color=COLOURS[str(name)], fontsize=12, fontweight="bold",
            )  # fmt: skip
        most = scenarios["tolerated_share"].max()
        ax.set_xlim(-0.25 * most, 1.05 * most)
        ax.set_ylim(0, max(scenarios["late"].max() * 1.15, 0.05))
        ax.set_xticks(sorted(scenarios["tolerated_share"].unique()))
        percent(ax)
        percent(ax, "x")
        said = "The more you tolerate, the fewer answers have to become faster"
        if len(scenarios.drop_duplicates(["channel", "late"])) == scenarios["channel"].nunique():
            said = "What you tolerate changes nothing: no wait here is long enough to hurt"
        if chosen is not None:
            rows = scenarios[scenarios["tolerated_share"] == chosen]
            ax.axvline(chosen, color=PURPLE, lw=2)
            limit = ", ".join(f"{row['channel']} {clock(row['limit_min'])}" for _, row in named_rows(rows))
            said = f"If {100 * chosen:g}% may come back for the wait: {limit}"
    finding(
        ax,
        said,
        x="Customers who may come back for it (%)",
        y="Too late today (%)",
    )
    return ax
