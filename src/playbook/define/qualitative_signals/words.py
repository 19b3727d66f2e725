"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.qualitative_signals.analysis import Material, Signals
from playbook.define.qualitative_signals.decision import admitted


def glance(material: Material) -> pd.DataFrame:
    """Return how many notes each group has, how many were coded, and how many the panel settled."""
    counts = material.notes.groupby("group").agg(notes=("note_id", "size"), settled=("settled", "count"))
    counts.insert(1, "coded", material.codes.groupby("group")["note_id"].nunique())
    return counts.rename(columns={"settled": "settled by the panel"}).rename_axis(index=None)


def coding_text(result: Signals) -> str:
    """Return how far coders agree, and what their severity does to the comparison of groups, as prose."""
    raw, fair, least = result.alpha, result.alpha_fair, result.limits.alpha
    lines = [
        f"Krippendorff's alpha of the codes is {raw[0]:.2f} ({raw[1]:.2f} to {raw[2]:.2f}); with each coder's severity "
        f"taken out, {fair[0]:.2f} ({fair[1]:.2f} to {fair[2]:.2f}). The limit set here is {least:g}: codes are "
        f"{'admitted' if fair[0] >= least else 'refused'}"
        + (", but only with severities taken out." if fair[0] >= least > raw[0] else ".")
    ]
    if "gap" in result.fair.index:
        gap = result.fair.loc["gap"]
        first, last = result.fair.index[0], result.fair.index[-2]
        clear = "still clear of zero" if gap["low"] > 0 or gap["high"] < 0 else "no clear difference"
        lines.append(
            f"Taken as they stand, the codes put notes of the group {last} {abs(gap['raw']):.2f} points "
            f"{'above' if gap['raw'] > 0 else 'below'} those of the group {first}. With the same coder for all, the "
            f"difference is {gap['fair']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f}): {clear}."
        )
    return "\n\n".join(lines)


def coders_shown(result: Signals) -> pd.DataFrame:
    """Return the coders as a table to read."""
    table = result.coders[["codings", "mean code", "lower", "kappa", "weighted"]].rename(
        columns={"lower": "too low by", "kappa": "kappa with panel", "weighted": "weighted kappa"}
    )
    return (
        table.map(lambda x: "" if np.isnan(x) else f"{x:.2f}")
        .assign(codings=table["codings"])
        .rename_axis(index=None)
    )


def telling_words(result: Signals, *, top: int = 6) -> pd.DataFrame:
    """Return the words that speak most for bad and for good news, and how many times as often they occur there."""
    often = result.words[result.words["notes"] >= 10]
    columns = {}
    for kind in ("bad", "good"):
        own = often[kind].sort_values(ascending=False, kind="stable").head(top)
        columns[f"{kind} news"] = [f"{word} (x {times:.0f})" for word, times in own.items()]
    return pd.DataFrame(columns, index=[f"{place}." for place in range(1, len(own) + 1)])


def errors_text(result: Signals) -> str:
    """Return how often the classifier is right in each group, as prose."""
    lines = [
        f"- {group}: of the notes that the panel calls bad news, {row['hits']:.0%} are flagged; of the others, "
        f"{row['alarms']:.0%}."
        for group, row in result.shares.iterrows()
    ]
    return "\n".join(lines)


def slopes_shown(result: Signals) -> pd.DataFrame:
    """Return the regression's coefficients in percentage points."""
    points = 100 * result.slopes
    table = pd.DataFrame({"from flags": points["raw"].map("{:+.1f}".format)})
    table["corrected"] = [f"{r.corrected:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in points.itertuples()]
    return table


def profile_shown(result: Signals) -> pd.DataFrame:
    """Return the candidates for the profile as a table to read."""
    rows = result.profile
    return pd.DataFrame(
        {
            "each": rows["each"].map("{:.1f}".format),
            "reliability": rows["reliability"].map("{:.2f}".format),
            "needed": [f"{np.ceil(n):.0f}" if n <= 100 else "over 100" for n in rows["needed"]],
            "overlap": rows["overlap"].map("{:.0%}".format),
            "admit": admitted(result),
        }
    )


def question(result: Signals) -> str:
    """Return the exercise's question, about the group of which the flags are furthest off."""
    return f"**What share of the notes of the group *{result.worst}* tells bad news, in per cent?**"
