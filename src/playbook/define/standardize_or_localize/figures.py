"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.define.standardize_or_localize.analysis import Variants
from playbook.pictures import BLUE, GREY, INK, ORANGE, figure, finding, key_below, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOP, BOTTOM = 9, 3


def plot(result: Variants) -> Axes:
    """Draw units' gains as they look and after partial pooling, the largest first (of many, the largest and the least)."""
    units = result.units
    many = len(units) > TOP + BOTTOM
    shown = pd.concat([units.head(TOP), units.tail(BOTTOM)]) if many else units
    with figure(size=(5.2, 1.7 + 0.4 * len(shown))) as ax:
        y = np.arange(len(shown)) + 0.4 * (many & (np.arange(len(shown)) >= TOP))
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(y, shown["low"], shown["high"], color=BLUE, lw=3, alpha=0.45)
        ax.plot(shown["gain"], y, "o", color=BLUE, ms=8, label="pooled, with 90 % interval")
        ax.plot(shown["raw"], y, "o", mfc="none", mec=ORANGE, mew=2, ms=8, label="as it looks")
        left = min(shown["low"].min(), shown["raw"].min(), 0.0)
        for at, name in zip(y, shown["name"], strict=True):
            ax.text(
                left, at - 0.2, name, va="bottom", fontsize=11, bbox={"fc": "white", "ec": "none", "pad": 0.5}
            )
        if many:
            ax.axhline(TOP - 0.45, color=GREY, lw=1, ls=":")
        ax.set_yticks([])
        ax.set_ylim(y[-1] + 0.4, -0.85)
        ax.locator_params(axis="x", nbins=5)
        key_below(ax, columns=2)
        percent(ax, "x")
    certain = int((units["low"] > 0).sum())
    finding(
        ax,
        f"At {certain} of {len(units)} units the local protocol surely gains something",
        x=f"Contacts avoided (%{f'; {TOP} best and {BOTTOM} last units' if many else ''})",
    )
    return ax


def plot_levels(result: Variants) -> Axes:
    """Draw each unit's repeat share under the standard against what its own protocol gains."""
    units = result.units
    k = max(1, round(len(units) / 4))
    worst = units["repeats"].nlargest(k).index
    both = len(set(worst) & set(units["gain"].nlargest(k).index))
    with figure() as ax:
        ax.axhline(0, color=GREY, lw=1)
        rest = units.drop(worst)
        ax.scatter(rest["repeats"], rest["gain"], color=BLUE, s=55, label="other units")
        most = units.loc[worst]
        ax.scatter(
            most["repeats"], most["gain"], color=ORANGE, marker="D", s=55, label="most repeat contacts"
        )
        key_below(ax, columns=2)
        percent(ax, "x")
        percent(ax, "y")
    finding(
        ax,
        f"Of the {k} units with the most repeat contacts, {both or 'none'} {'is' if both < 2 else 'are'} among the {k} "
        "that gain most",
        x="Repeat contacts under the standard (%)",
        y="Contacts avoided (%)",
    )
    return ax


def plot_customers(result: Variants, chosen: pd.DataFrame | None = None) -> Axes:
    """Draw each customer's gain, as it looks and pooled, by how many requests they make.

    `chosen` are the choices of `customer_choices`; those with a variant are marked.
    """
    table = result.customers
    with figure() as ax:
        ax.axhline(0, color=GREY, lw=1)
        ax.plot(
            table["requests"], table["raw"], "o", mfc="none", mec=GREY, ms=5, alpha=0.7, label="as it looks"
        )
        ax.plot(table["requests"], table["gain"], "o", color=BLUE, ms=4.5, label="pooled")
        if chosen is not None and chosen["variant"].any():
            own = table.loc[chosen.index[chosen["variant"]]]
            ax.plot(own["requests"], own["gain"], "D", color=ORANGE, ms=7, label="pays apart")
        ax.set_xscale("log")
        top = float(table["requests"].max()) if len(table) else 100.0
        least = float(table["requests"].min()) if len(table) else 10.0
        ticks = [t for t in (5, 20, 50, 100, 200, 500, 2000, 5000) if 0.8 * least <= t <= 1.2 * top]
        ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
        ax.minorticks_off()
        percent(ax, "y")
        key_below(ax, columns=3)
    raw, pooled = table["raw"].std(), table["gain"].std()
    kept = f"{pooled / raw:.0%}" if len(table) > 1 and raw > 0 else "nothing"
    finding(
        ax,
        f"Of what customers seem to differ in gain, {kept} is left after pooling",
        x="Requests of the customer a year",
        y="Contacts avoided (%)",
    )
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the net gain of each policy by the cost of a variant, with the number of units that keep theirs."""
    wide = scenarios.pivot_table(index="variant_cost", columns="policy", values="net")
    picked = scenarios[scenarios["policy"] == "where it pays"].set_index("variant_cost")
    with figure() as ax:
        ax.plot(wide.index, wide["one standard"], color=GREY, lw=2, label="one standard")
        ax.plot(wide.index, wide["all local"], color=ORANGE, lw=2, ls="--", label="all local")
        ax.plot(
            wide.index,
            wide["where it pays"],
            "o-",
            color=BLUE,
            lw=2.5,
            label="where it pays, in so many units",
        )
        top = float(wide["where it pays"].max())
        ax.set_ylim(-0.5 * top, 1.2 * top if top > 0 else 1.0)
        for cost, row in picked.iterrows():
            ax.annotate(f"{row['units']:.0f}", (cost, row["net"]), (0, 8), textcoords="offset points", ha="center",
                        fontsize=11, color=INK)  # fmt: skip
        said = "The dearer a variant, the fewer units should keep their own"
        if picked["units"].max() == picked["units"].min():
            said = "The cost of a variant does not change how many units should keep their own"
        if chosen is not None:
            ax.axvline(chosen, color=GREY, lw=14, alpha=0.25)
            count = int(picked["units"].to_dict()[chosen])
            said = f"At {chosen:,.0f} a year for each, {count} {'unit' if count == 1 else 'units'} should keep their own"
        key_below(ax, columns=2)
        thousands(ax, "x")
        thousands(ax, "y")
    finding(ax, said, x="Cost of one variant (money a year)", y="Net gain (money a year)")
    return ax
