"""The book's recovery page: a picture and a table per play, from the committed report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.catalogue import Play
from playbook.classroom.output import plain
from playbook.pictures import BLUE, GREY, ORANGE, figure, finding, key_below
from playbook.publish.recovery import rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGE = 5.0  # half widths; what lies further out is drawn at the edge


def plot(rows: pd.DataFrame) -> Axes:
    """Draw one play's estimates in the worlds with its effect: how far from the truth, in half widths of the interval.

    Parameters
    ----------
    rows : DataFrame
        Rows of the report of one play.
    """
    rows = rows[(rows["effect"] > 0) & rows["low"].notna()]
    half = (rows["high"] - rows["low"]) / 2
    names = list(dict.fromkeys(rows["what"]))
    jitter = (rows["seed"] - rows["seed"].mean()) / (rows["seed"].max() - rows["seed"].min() + 1) * 0.4
    at = rows["what"].map(names.index) + jitter
    with figure(size=(5.2, 1.7 + 0.62 * len(names))) as ax:
        ax.axvspan(-1, 1, color=GREY, alpha=0.18, lw=0)
        ax.axvline(0, color=GREY, lw=1)
        for column, marker, color, label in (
            ("naive", "x", ORANGE, "what people do today"),
            ("estimate", "o", BLUE, "this play"),
        ):
            if rows[column].notna().any():
                error = ((rows[column] - rows["truth"]) / half.where(half > 0)).clip(-EDGE, EDGE)
                ax.plot(error, at, marker, color=color, ms=5, alpha=0.75, label=label)
        for row, name in enumerate(names):
            ax.text(-EDGE, row - 0.3, name, ha="left", va="bottom", fontsize=11)
        ax.set_xlim(-EDGE * 1.04, EDGE * 1.04)
        ax.set_xticks([-5, -1, 0, 1, 5], ["5 below", "−1", "0", "+1", "5 above"])
        ax.set_yticks([])
        ax.set_ylim(len(names) - 0.6, -0.8)
        key_below(ax, columns=2)
    held = rows["truth"].between(rows["low"], rows["high"])
    said = f"{held.sum()} of {len(rows)} intervals hold the planted truth"
    finding(ax, said, x="Distance from the truth (half widths of the interval)")
    return ax


def pictured(table: pd.DataFrame) -> list[str]:
    """Return the plays of which there is something to draw: those that claim intervals."""
    drawn = table[table["low"].notna() & (table["effect"] > 0)]
    return list(dict.fromkeys(drawn["play"]))


def slug(play_id: str) -> str:
    """Return the name of a play's picture, without its ending."""
    return f"recovery_{play_id.replace('.', '_')}"


def page(table: pd.DataFrame, plays: Sequence[Play], alt: Mapping[str, str]) -> str:
    """Return the report as Markdown, by play in the order of the book.

    Parameters
    ----------
    table : DataFrame
        The committed report.
    plays : sequence of Play
        Those of the book.
    alt : mapping
        Alt text of each picture, by play id.
    """
    lines: list[str] = []
    summary = rates(table)
    for play in plays:
        own = summary[summary["play"] == play.id]
        if own.empty:
            continue
        lines += [f"## [{plain(play.title)}]({play.module}/{play.name}.ipynb)", ""]
        if play.id in alt:
            lines += [f"![{plain(alt[play.id])}](generated/{slug(play.id)}.png)", ""]
        lines += [
            "| Quantity | Truth | Play | Today | Hold |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        for what, pair in own.groupby("what", sort=False):
            on, off = pair[pair["effect"] > 0].iloc[0], pair[pair["effect"] == 0].iloc[0]
            lines.append(
                f"| {plain(what)} | {_figure(on['truth'])} | {_figure(on['estimate'])} | {_figure(on['naive'])} "
                f"| {_held(on, off)} |"
            )
        lines.append("")
    return "\n".join(lines or ["No play of this book estimates something that is planted.", ""])


def _figure(value: float) -> str:
    return "" if np.isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _held(on: pd.Series, off: pd.Series) -> str:
    return "" if on["covered"] < 0 else f"{on['covered']}, {off['covered']}"
