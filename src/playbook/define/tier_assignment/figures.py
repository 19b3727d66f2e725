"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.tier_assignment.analysis import TIERS, YEAR, Tiers
from playbook.methods import hysteresis
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, key_below, months, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_customer(result: Tiers) -> Axes:
    """Draw the two scores of the customer who moved most often under today's rule."""
    among = result.levels["today"].loc[result.throughout]
    customer = among.index[int(hysteresis.moves(among.to_numpy()).argmax())]
    band, times = result.chosen.band, []
    with figure() as ax:
        for cut, name in zip(result.cuts, TIERS[1:], strict=True):
            ax.axhspan(cut * (1 - band), cut * (1 + band), color=SKY, alpha=0.3, lw=0)
            ax.axhline(cut, color=INK, lw=1, ls="--")
            ax.text(1.01, cut, name, transform=ax.get_yaxis_transform(), va="center", fontsize=11)
        for name, rule, color in (("today", result.today, ORANGE), ("chosen", result.chosen, BLUE)):
            levels = result.levels[name].loc[customer]
            score = YEAR * hysteresis.rolling(result.values.loc[customer], rule.window)[-len(levels) :]
            moves = np.flatnonzero(np.diff(levels)) + 1
            ax.plot(levels.index, score, color=color, lw=2, label=f"{name} ({rule.window} weeks)")
            ax.plot(levels.index[moves], score[moves], "o", color=color, ms=7)
            times.append(len(moves))
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
        key_below(ax, columns=2)
    said = f"Customer {customer}: moves (dots) by today's rule {times[0]}, by the chosen one {times[1]}"
    finding(ax, said, y="Value a year (money)")
    months(ax)
    thousands(ax)
    return ax


def plot(result: Tiers) -> Axes:
    """Draw all rules: false moves against weeks until a real change is followed."""
    rules = result.rules.sort_values("delay_weeks").assign(shown=result.rules["false_moves"].clip(lower=1))
    best, today, chosen = rules[rules["efficient"]], result.of(result.today), result.of(result.chosen)
    with figure((5.2, 4.0)) as ax:
        ax.plot(rules["delay_weeks"], rules["shown"], ".", color=GREY, ms=6, label="a rule")
        ax.plot(
            best["delay_weeks"],
            best["shown"],
            color=BLUE,
            lw=2,
            label="the best there is",
        )
        ax.axhline(max(result.target, 1), color=INK, lw=1, ls="--")
        ax.text(
            0.01,
            max(result.target, 1),
            "target",
            transform=ax.get_yaxis_transform(),
            va="bottom",
            fontsize=11,
        )
        spots = (
            ("today", today, ORANGE, "s", (8, 7), "left"),
            ("chosen", chosen, BLUE, "D", (-8, -18), "right"),
        )
        for name, row, color, marker, place, side in spots:
            at = (row["delay_weeks"], max(row["false_moves"], 1))
            ax.plot(*at, marker, color=color, ms=11)
            ax.annotate(name, at, place, textcoords="offset points", fontsize=12, fontweight="bold", ha=side)
        ax.set_yscale("log")
        low, high = rules["shown"].min(), rules["shown"].max()
        ax.set_yticks([v for v in (1, 3, 10, 30, 100, 300, 1000) if low / 1.2 <= v <= 2 * high])
        ax.minorticks_off()
        key_below(ax, columns=2)
    fewer, later = today["false_moves"] - chosen["false_moves"], chosen["delay_weeks"] - today["delay_weeks"]
    said = f"{abs(fewer):.0f} false moves {'fewer' if fewer >= 0 else 'more'} than today, and real changes followed "
    finding(
        ax,
        said + f"{abs(later):.0f} weeks {'later' if later >= 0 else 'sooner'}",
        x="Weeks until a real change is followed",
        y="False moves per 100 customer-years",
    )
    thousands(ax)
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw how late each rule follows a real change, by the false moves allowed."""
    with figure((5.2, 1.4 + 0.56 * len(scenarios))) as ax:
        for y, row in enumerate(scenarios.to_dict("records")):
            marked = chosen is None or row["target"] == chosen
            ax.barh(y, row["delay_weeks"], 0.36, color=BLUE if marked else GREY)
            name = f"{row['target']:g}: {row['rule']}" + ("" if row["within"] else " (not reached)")
            weight = "bold" if row["target"] == chosen else "normal"
            ax.text(0, y - 0.22, name, va="bottom", fontsize=11, fontweight=weight)
        ax.set_yticks([])
        ax.set_ylim(len(scenarios) - 0.6, -0.75)
        ax.locator_params(axis="x", nbins=6, integer=True)
        ax.grid(False, axis="y")
    low, high = (
        scenarios.iloc[int(at)] for at in (scenarios["target"].argmin(), scenarios["target"].argmax())
    )
    said = (
        f"From {high['target']:g} false moves allowed down to {low['target']:g}, a real change waits "
        f"{low['delay_weeks'] - high['delay_weeks']:.0f} weeks longer"
    )
    finding(ax, said, x="Weeks until a real change is followed")
    return ax
