"""The figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.govern.consent.analysis import Audit, by_system, hours_between
from playbook.govern.consent.decision import REFUSED
from playbook.pictures import BLUE, GREY, INK, ORANGE, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(result: Audit) -> Axes:
    """Draw the messages that should not have gone out, by month and reason."""
    wrong = result.messages[~result.messages["allowed"]]
    month = wrong["sent_at"].dt.to_period("M")
    span = pd.period_range(result.messages["sent_at"].min(), result.messages["sent_at"].max(), freq="M")
    counts = pd.crosstab(month, wrong["reason"]).reindex(index=span, columns=list(REFUSED), fill_value=0)
    share = len(wrong) / max(len(result.messages), 1)
    with figure() as ax:
        base = np.zeros(len(span))
        for reason, (words, colour) in REFUSED.items():
            if counts[reason].any():
                ax.bar(
                    span.to_timestamp(),
                    counts[reason],
                    bottom=base,
                    width=25,
                    color=colour,
                    lw=0,
                    label=words,
                )
            base += counts[reason].to_numpy()
        ax.set_ylim(0, max(1.0, base.max() * 1.3))
        if len(wrong):
            ax.legend(loc="upper left", ncols=2)
    if len(wrong):
        often = REFUSED[wrong["reason"].mode()[0]][0]
        said = f"{len(wrong):,} messages ({share:.2%}) should not have gone out, most often {often}"
    else:
        said = "Every message that went out was allowed"
    finding(ax, said, x="Month", y="Messages refused by the ledger")
    months(ax)
    return ax


def plot_optouts(result: Audit, *, followed_d: int = 30) -> Axes:
    """Draw how soon each system acts on an opt-out: share done against hours since the customer asked.

    Only requests that could be followed for `followed_d` days, so that waiting for the young ones does not
    look like never acting.
    """
    old = result.optouts[result.optouts["effective_at"] < result.as_of - pd.Timedelta(days=followed_d)]
    hours = np.geomspace(0.5, 24 * followed_d, 120)
    done: dict[str, np.ndarray] = {}
    for system, rows in old.groupby("system_id"):
        waited = hours_between(rows["effective_at"], rows["applied_at"]).fillna(np.inf).to_numpy()
        done[str(system)] = np.searchsorted(np.sort(waited), hours, side="right") / len(rows)
    allowed_h = hours_between(old["effective_at"], old["due_at"])
    with figure() as ax:
        for system, share in done.items():
            ax.plot(hours, share, lw=2.2, label=system)
        ax.set_xscale("log")
        if allowed_h.notna().any():
            ax.axvline(allowed_h.min(), color=INK, lw=1.2, ls="--")
            ax.annotate(
                "shortest\ndeadline", (allowed_h.min(), 0.04), (5, 0), textcoords="offset points", fontsize=11
            )
        ticks = [1, 6, 24, 24 * 7, 24 * 30]
        ax.set_xticks(ticks, ["1 h", "6 h", "1 d", "7 d", "30 d"])
        ax.set_xticks([], minor=True)
        ax.set_ylim(0, 1.35)
        ax.set_yticks(np.linspace(0, 1, 6))
        if done:
            ax.legend(loc="upper left", ncols=2)
    late = by_system(result).assign(missed=lambda t: t["late"] + t["overdue"]).sort_values("missed")
    if len(late) and late["missed"].iloc[-1] > 0:
        worst = late.iloc[-1]
        said = f"The {worst['system_id']} is late for {worst['missed']:.0%} of opt-outs"
    else:
        said = "Every system acts on every opt-out before its deadline"
    finding(ax, said, x="Time since the customer asked", y="Opt-outs acted on (%)")
    percent(ax)
    return ax


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the messages that still go out after an opt-out, one bar per time between reviews."""
    names = ["every\nsend" if days == 0 else f"{days:g} d" for days in scenarios["review_d"]]
    today = scenarios["today"].iloc[0]
    with figure() as ax:
        colours = [ORANGE if days == chosen else BLUE for days in scenarios["review_d"]]
        bars = ax.bar(names, scenarios["messages"], color=colours, width=0.65)
        ax.bar_label(bars, [f"{value:.1f}" for value in scenarios["messages"]], fontsize=11, padding=2)
        ax.axhline(today, color=GREY, lw=1.5, ls="--")
        ax.annotate(f"as it was: {today:.0f}", (0, today), (-20, 5), textcoords="offset points", fontsize=11)
        ax.set_ylim(0, max(1.0, today * 1.2))
        ax.grid(axis="x", visible=False)
    rare = scenarios.sort_values("review_d").iloc[-1]
    said = (
        f"Of {today:.0f} messages a quarter after an opt-out, a review every {rare['review_d']:g} days "
        f"would have left {rare['messages']:.0f}"
    )
    if today == 0:
        said = "Nothing went out after an opt-out, so a review has nothing to stop"
    elif chosen is not None:
        row = scenarios.loc[scenarios["review_d"] == chosen].iloc[0]
        said = f"Every {chosen:g} days" if chosen else "At every send"
        said += f": {row['messages']:.1f} messages after an opt-out, {row['late_share']:.0%} of opt-outs late"
    finding(ax, said, x="Time between reviews of all systems", y="Messages a quarter after an opt-out")
    return ax
