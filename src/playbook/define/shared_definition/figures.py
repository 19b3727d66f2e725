"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.shared_definition.analysis import Agreement
from playbook.define.shared_definition.decision import disputes
from playbook.define.shared_definition.words import case_finding
from playbook.pictures import BLUE, GREY, INK, ORANGE, PALETTE, PURPLE, SKY, figure, finding, percent
from playbook.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = "osD^vP"


def plot(result: Agreement) -> Axes:
    """Draw each statement: the gap between functions against the spread inside them."""
    looks = {
        "in dispute": (ORANGE, "D", 70),
        "unclear": (PURPLE, "s", 55),
        "adopt": (BLUE, "o", 40),
        "leave out": (GREY, "o", 40),
    }
    table = result.statements
    with figure((5.2, 4.2)) as ax:
        for verdict, (colour, mark, size) in looks.items():
            own = table[table["verdict"] == verdict]
            if len(own):
                ax.scatter(
                    own["spread"], own["gap"], c=colour, marker=mark, s=size, label=f"{verdict} ({len(own)})"
                )
        ax.set_xlim(0, table["spread"].max() * 1.1)
        ax.set_ylim(0, table["gap"].max() * 1.4)
        ax.legend(loc="upper left", ncols=2, handletextpad=0.1, columnspacing=0.8)
    n, vague = (table["verdict"] == "in dispute").sum(), (table["verdict"] == "unclear").sum()
    title = f"{counted(n, 'statement')} in dispute between functions; {vague} unclear even inside them"
    finding(ax, title, x="Spread inside a function (points)", y="Gap of one function to the others (points)")
    return ax


def plot_disputes(result: Agreement, *, most: int = 6) -> Axes:
    """Draw what each function says on the statements in dispute (the widest gaps if there are none)."""
    own = disputes(result)
    named = len(own) > 0
    own = (own if named else result.statements.sort_values("gap", ascending=False)).head(most)
    functions = result.asked
    with figure((5.2, 1.5 + 0.62 * len(own))) as ax:
        for y, (_, row) in enumerate(own.iterrows()):
            ax.plot([row[functions].min(), row[functions].max()], [y, y], color=GREY, lw=1, zorder=1)
            ax.annotate(_short(row["text"]), (0, y), (0, 9), xycoords=("axes fraction", "data"),
                        textcoords="offset points", fontsize=11, color=INK)  # fmt: skip
        for name, colour, mark in zip(functions, PALETTE * 3, MARKS * 3, strict=False):
            ax.scatter(own[name], range(len(own)), c=colour, marker=mark, s=60, label=name, zorder=2)
        ax.set_yticks([])
        ax.set_ylim(len(own) - 0.4, -0.75)
        ax.grid(visible=False, axis="y")
        ax.figure.legend(loc="outside lower center", ncols=min(len(functions), 3), handletextpad=0.1)
    counts = own["apart"].value_counts()
    who = ", ".join(f"{name} on {n}" for name, n in counts.items())
    title = (
        f"Who stands apart in the disputes: {who}" if named else "No function stands apart on any statement"
    )
    finding(ax, title, x="Mean agreement of a function (points)")
    return ax


def _short(text: str, most: int = 56) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plot_kappas(result: Agreement) -> Axes:
    """Draw kappa of each pair of functions on the cases, with its interval."""
    table = result.kappas.sort_values("kappa")
    with figure((5.2, 1.7 + 0.55 * len(table))) as ax:
        ax.hlines(range(len(table)), table["low"], table["high"], color=BLUE, lw=3, alpha=0.4)
        ax.plot(table["kappa"], range(len(table)), "o", color=BLUE, ms=9)
        for y, kappa in enumerate(table["kappa"]):
            ax.annotate(
                f"{kappa:.2f}", (kappa, y), (0, 9), textcoords="offset points", ha="center", fontsize=11
            )
        ax.set_yticks(range(len(table)), [str(pair).replace(" and ", " and\n") for pair in table.index])
        ax.set_ylim(-0.5, len(table) - 0.3)
        ax.set_xlim(min(0.0, table["low"].min()) - 0.02, 1.05)
        ax.grid(visible=False, axis="y")
    finding(ax, case_finding(result), x="Cohen's kappa (1 = same labels)")
    return ax


def plot_weights(result: Agreement) -> Axes:
    """Draw the criteria's weights with intervals, beside those that leave nobody out."""
    table = result.weights.iloc[::-1]  # type: ignore[union-attr]
    with figure((5.2, 1.9 + 0.45 * len(table))) as ax:
        ax.barh(range(len(table)), table["weight"], color=SKY, height=0.6)
        if table["low"].notna().all():
            reach = [table["weight"] - table["low"], table["high"] - table["weight"]]
            ax.errorbar(
                table["weight"], range(len(table)), xerr=np.maximum(reach, 0), fmt="none", ecolor=INK, lw=2
            )
        ax.scatter(table["everybody"], range(len(table)), marker="D", color=ORANGE, s=55, zorder=3,
                   label="plain average of all")  # fmt: skip
        ax.set_yticks(range(len(table)), [str(name) for name in table.index])
        ax.grid(visible=False, axis="y")
        ax.set_xlim(0, 1.2 * float(table[["weight", "everybody"]].to_numpy().max()))
        ax.legend(loc="lower right")
        percent(ax, "x")
    top = table.index[-1]
    title = f"'{top}' weighs most: {table['weight'].iloc[-1]:.0%}, from the {result.consistent} of {result.judges} people "
    finding(ax, title + "whose judgements fit together", x="Weight of the criterion (%)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw the share of cases that count as defects under each rule."""
    place = np.arange(len(scenarios))
    with figure() as ax:
        colours = [ORANGE if n == chosen else BLUE for n in scenarios["needed"]]
        ax.bar(place, scenarios["share"], color=colours, width=0.6)
        reach = [scenarios["share"] - scenarios["low"], scenarios["high"] - scenarios["share"]]
        ax.errorbar(place, scenarios["share"], yerr=np.maximum(reach, 0), fmt="none", ecolor=INK, lw=2)
        for x, defects in enumerate(scenarios["defects"]):
            ax.annotate(f"{defects}", (x, 0), (0, 6), textcoords="offset points", ha="center", color="white",
                        fontsize=13, fontweight="bold")  # fmt: skip
        ax.set_xticks(place, [f"{n}" for n in scenarios["needed"]])
        ax.set_ylim(0, min(1.0, scenarios["high"].max() * 1.15))
        ax.grid(visible=False, axis="x")
        percent(ax)
    least, most = scenarios["defects"].min(), scenarios["defects"].max()
    title = f"The same cases hold {least} to {most} defects: it depends on who must agree"
    if least == most:
        title = f"{most} defects under each rule: the functions agree"
    if chosen is not None:
        row = scenarios[scenarios["needed"] == chosen].to_dict("records")[0]
        title = f"If {chosen} must call it a failure: {row['defects']} defects; "
        title += (
            f"overruled most often: {row['most_overruled']}" if row["overruled"] else "nobody is overruled"
        )
    finding(ax, title, x="Functions that must call it a failure", y="Share of cases counted as defects (%)")
    return ax
