"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.identity_forms import COMPARE
from playbook.pictures import BLUE, GREY, ORANGE, PURPLE, SKY, figure, finding, percent
from playbook.unify.identity_resolution.analysis import Identities, Journeys
from playbook.unify.identity_resolution.words import example_pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Identities) -> Axes:
    """Draw the scored pairs by match weight: left apart, for a person to look at, merged."""
    weight = result.pairs["weight"]
    p = result.pairs["probability"]
    parts = {
        "left apart": (p < result.review_low, GREY),
        "a person looks": ((p >= result.review_low) & (p < result.review_high), ORANGE),
        "merged": (p >= result.review_high, BLUE),
    }
    bins = (
        np.arange(np.floor(weight.min()), np.ceil(weight.max()) + 1.5)
        if len(weight)
        else np.arange(-10.0, 30.0)
    )
    with figure() as ax:
        ax.hist(
            [weight[chosen] for chosen, _ in parts.values()], bins=bins.tolist(), stacked=True, log=True,
            color=[colour for _, colour in parts.values()],
            label=[f"{name}: {chosen.sum():,}" for name, (chosen, _) in parts.items()],
        )  # fmt: skip
        ax.set_ylim(top=ax.get_ylim()[1] * 12)
        ax.legend(loc="upper left", ncols=1)
    finding(
        ax,
        f"{len(result.records):,} records are {result.customers:,} customers; "
        f"{parts['a person looks'][0].sum():,} pairs need a person's look",
        x="Match weight of a pair (bits; 0 = even odds)",
        y="Pairs (log scale)",
    )
    return ax


def plot_pair(result: Identities) -> Axes:
    """Draw how the evidence on the example pair adds up, from the odds of any two records to the verdict."""
    pair = example_pair(result)
    steps = [("any two records", result.links.prior_weight)]
    steps += [(part.name, float(pair[f"w_{part.name}"])) for part in COMPARE]
    ends = np.cumsum([size for _, size in steps])
    labels = [name for name, _ in steps] + ["together"]
    with figure() as ax:
        for row, ((_, size), end) in enumerate(zip(steps, ends, strict=True)):
            ax.barh(row, size, left=end - size, color=BLUE if size > 0 else ORANGE, height=0.6)
            ax.annotate(f"{size:+.1f}", (max(end, end - size), row), (5, 0), va="center",
                        textcoords="offset points",                        fontsize=11)  # fmt: skip
        ax.barh(len(steps), ends[-1], color=PURPLE, height=0.6)
        ax.annotate(f"{ends[-1]:+.1f}", (max(ends[-1], 0), len(steps)), (5, 0), va="center",
                    textcoords="offset points",                    fontsize=11)  # fmt: skip
        ax.set_yticks(range(len(labels)), labels)
        ax.invert_yaxis()
        ax.axvline(0, color=GREY, lw=1)
        low, high = ax.get_xlim()
        ax.set_xlim(low, high + 0.12 * (high - low))
    finding(ax, f"One customer, with {pair['probability']:.1%} probability",
            x="Match weight (bits: +1 doubles the odds)")  # fmt: skip
    return ax


def plot_devices(journeys: Journeys) -> Axes:
    """Draw what each rule for shared devices names, against what it gets wrong."""
    colours = (ORANGE, BLUE, SKY)
    rules = journeys.rules
    rows = list(
        zip(rules["rule"], rules["stitched_share"], rules["wrong_share"], rules["wrong_high"], strict=True)
    )
    with figure() as ax:
        for (name, named, wrong, high), colour in zip(rows, colours, strict=True):
            ax.plot([named, named], [wrong, high], color=colour, lw=3)
            ax.plot(named, wrong, "o", color=colour, ms=11, label=name)
        ax.set_ylim(0, max(journeys.rules["wrong_high"].max() * 1.7, 0.01))
        ax.margins(x=0.2)
        ax.legend(loc="upper left")
    naive = journeys.rules.iloc[0]
    shared = int(journeys.devices["is_shared"].sum())
    finding(
        ax,
        f"{shared:,} devices are shared; one device, one person would mix up "
        f"{naive['people_joined']:,.0f} people",
        x="Anonymous visits given to a person (%)",
        y="Given to the wrong one (%)",
    )
    percent(ax)
    percent(ax, "x")
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the expected cost of each threshold, one curve per cost of a false merge; the best are marked."""
    best = scenarios[scenarios["is_best"]]
    with figure() as ax:
        for cost, curve in scenarios.groupby("merge_cost"):
            picked = cost == chosen
            ax.plot(curve["weight"], curve["cost"], color=ORANGE if picked else GREY, lw=3 if picked else 1.2)
            ax.annotate(f"{cost:g}", (curve["weight"].iloc[0], curve["cost"].iloc[0]), (-4, 0), fontsize=11,
                        textcoords="offset points", va="center", ha="right")  # fmt: skip
        ax.plot(best["weight"], best["cost"], "o", color=BLUE, ms=8)
        said = "The dearer a false merge, the more evidence a merge needs"
        if chosen is not None:
            row = best[best["merge_cost"] == chosen].iloc[0]
            ax.plot(row["weight"], row["cost"], "D", color=ORANGE, ms=12)
            said = (
                f"If a false merge costs {chosen:g} splits: merge from {row['probability']:.1%}, expect "
                f"{row['false_merges']:,.0f} false merges and {row['false_splits']:,.0f} splits"
            )
        ax.set_yscale("log")
        ax.set_xlim(left=scenarios["weight"].min() - 2.5)
    finding(ax, said, x="Threshold (match weight, bits)", y="Expected cost (false splits, log)")
    return ax
