"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from playbook.define.intimate_knowledge.analysis import Knowledge, sides
from playbook.define.intimate_knowledge.decision import KNOW, LEAVE, TEST, those, zones
from playbook.pictures import BLUE, GREY, INK, ORANGE, figure, finding, key_below, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE = "#E5E5E5"


def plot(result: Knowledge) -> Axes:
    """Draw, for the domain of the lead attribute, on which side of zero each value falls."""
    name, _ = result.lead
    domain, rows = result.domains[name], sides(result, name)
    names = list(dict.fromkeys(rows["attribute"]))
    reach = 1.6 * float(rows[["low", "high"]].abs().to_numpy().max())
    with figure(size=(5.2, 1.7 + 0.72 * len(names))) as ax:
        ax.axvspan(-reach, 0, color=ORANGE, alpha=0.15, lw=0)
        ax.axvline(0, color=INK, lw=1.5)
        for y, attribute in enumerate(names):
            own = rows[rows["attribute"] == attribute].sort_values("gain")
            ax.hlines([y] * len(own), own["low"], own["high"], color=BLUE, lw=3, alpha=0.4)
            ax.plot(own["gain"], [y] * len(own), "o", color=BLUE, ms=8)
            ax.text(
                -0.98 * reach, y - 0.26, attribute, ha="left", va="bottom", fontsize=11, fontweight="bold"
            )
            first, last = own["low"].iloc[0] - 0.04 * reach, own["high"].iloc[-1] + 0.04 * reach
            ax.text(first, y, own["value"].iloc[0], ha="right", va="center", fontsize=11)
            ax.text(last, y, own["value"].iloc[-1], ha="left", va="center", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(names) - 0.5, -0.8)
        ax.set_xlim(-reach, reach)
        ax.locator_params(axis="x", nbins=5)
        ax.grid(False, axis="y")
    own = result.table[(result.table["domain"] == name) & (result.table["low"] > 0)]["attribute"]
    said = f"only {those(own)} can turn the choice" if len(own) else "no attribute turns the choice"
    x = f"Saved by '{domain.ways[domain.best]}' (money per decision; shaded: another way is better)"
    finding(ax, f"In {name}, {said}", x=x)
    return ax


def plot_predicts(result: Knowledge) -> Axes:
    """Draw how well attributes predict the cost beside what they are worth, in per cent of the domain's best."""
    parts = {name: result.telling(name, 2) for name in result.domains}
    said = []
    with figure(size=(5.2, 1.8 + 0.5 * sum(len(part) + 1 for part in parts.values()))) as ax:
        y = 0.0
        for name, part in parts.items():
            ax.text(0, y + 0.35, name, ha="left", va="center", fontsize=12, fontweight="bold")
            predicts, worth = (part[c] / (part[c].max() or 1.0) for c in ("predicts", "worth"))
            for attribute, grey, blue in zip(part["attribute"], predicts, worth, strict=True):
                y += 1
                ax.text(0, y - 0.02, attribute, ha="left", va="bottom", fontsize=11)
                ax.barh([y + 0.12, y + 0.34], [grey, blue], height=0.21, color=[GREY, BLUE])
            y += 1
            first = part["attribute"].iloc[predicts.argmax()]
            saves = part["attribute"].iloc[worth.argmax()] if worth.max() > 0 else ""
            end = f", {saves} saves most" if saves else ", nothing saves"
            said.append(f"in {name}, {first} predicts best{' and saves most' if first == saves else end}")
        ax.barh([0], [0], color=GREY, label="how well it predicts the cost")
        ax.barh([0], [0], color=BLUE, label="what knowing it saves")
        ax.set_yticks([])
        ax.set_ylim(y - 0.4, -0.1)
        ax.set_xlim(0, 1.02)
        ax.grid(False, axis="y")
        key_below(ax, columns=1)
    finding(ax, said[0], x="Of the best in its domain (%)")
    percent(ax, "x")
    return ax


def plot_zones(result: Knowledge, *, uses: float = 2.0) -> Axes:
    """Draw the cost of an answer up to which to ask everyone, up to which to ask a sample first, and the cost today."""
    table = zones(result, uses=uses)
    with figure(size=(5.2, 2.0 + 0.62 * max(len(table), 1))) as ax:
        right = 1.25 * max([*table["sample_to"], *table["cost_amt"], 1e-6])
        ax.barh(table.index, right, color=PALE, height=0.34, label="do not ask")
        ax.barh(table.index, table["sample_to"], color=ORANGE, height=0.34, label="a sample first")
        ax.barh(table.index, table["ask_to"], color=BLUE, height=0.34, label="ask everyone")
        ax.plot(table["cost_amt"], table.index, "D", color=INK, mfc="white", mew=2, ms=9, label="cost today")
        for y, attribute in enumerate(table["attribute"]):
            ax.text(0, y - 0.22, attribute, ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(max(len(table), 1) - 0.6, -0.8)
        ax.set_xlim(0, right)
        ax.grid(False, axis="y")
        ax.locator_params(axis="x", nbins=5)
        key_below(ax, columns=2)
    paid = table["attribute"][table["cost_amt"] < table["ask_to"]]
    said = (
        f"At today's cost, ask everyone for {those(paid)}" if len(paid) else "Nothing is worth its cost today"
    )
    finding(ax, said, x="Cost of one answer (money)")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the verdict on each attribute, by how many decisions one answer serves."""
    row = scenarios.groupby(["domain", "attribute"], sort=False).ngroup()
    names = scenarios["attribute"][~row.duplicated()].to_list()
    steps = list(dict.fromkeys(scenarios["uses"]))
    looks = ((KNOW, "o", BLUE, BLUE), (TEST, "D", ORANGE, ORANGE), (LEAVE, "o", GREY, "white"))
    with figure(size=(5.2, 2.0 + 0.62 * len(names))) as ax:
        for verdict, marker, edge, fill in looks:
            own = scenarios["verdict"] == verdict
            at = scenarios.loc[own, "uses"].map(steps.index)
            ax.plot(at, row[own], marker, color=edge, mfc=fill, mew=1.5, ms=11, label=verdict)
        for y, attribute in enumerate(names):
            ax.text(-0.4, y - 0.26, attribute, ha="left", va="bottom", fontsize=11)
        if chosen is not None:
            ax.axvline(steps.index(chosen), color=GREY, lw=16, alpha=0.25)
        ax.set_xticks(range(len(steps)), [f"{step:g}" for step in steps])
        ax.set_yticks([])
        ax.set_ylim(len(names) - 0.6, -0.8)
        ax.set_xlim(-0.5, len(steps) - 0.5)
        key_below(ax, columns=3)
    now = scenarios if chosen is None else scenarios[scenarios["uses"] == chosen]
    asked = those(now.loc[now["verdict"] == KNOW, "attribute"])
    first = scenarios.loc[scenarios["verdict"] == KNOW, "uses"].min()
    if chosen is not None:
        said = f"With {chosen:g} decisions an answer, know {asked}"
    else:
        said = (
            "However often used, nothing pays"
            if asked == "nothing"
            else f"Asking pays from {first:g} decisions an answer"
        )
    finding(ax, said, x="Decisions that one answer serves")
    return ax
