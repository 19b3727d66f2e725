"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.journey_map.analysis import Journey
from playbook.define.journey_map.decision import harmful, per


def overview(result: Journey) -> pd.DataFrame:
    """Return the touchpoints, and in how many of a hundred journeys each source has them."""
    sources, rows = result.sources, result.table
    shown = rows[["area", "channel", "system"]].set_axis(["part", "channel", "system"], axis=1)
    shown.insert(1, "where", np.where(rows["is_physical"], "physical", "digital"))
    shown["log, of 100"] = (100 * rows["logged"]).round().astype(int)
    if result.facts["has_diary"]:
        told = (sources.both + sources.second)[0] / sources.cases[0]
        shown["diary, of 100"] = (100 * told).round().astype(int)
    return shown.rename_axis(None)


def by_group(result: Journey) -> pd.DataFrame:
    """Return which share of the touchpoints the log holds, by place and by the system that logs them."""
    sources, rows = result.sources, result.table
    most = float(result.facts["most_dependence"])
    counts = pd.DataFrame({"logged": (sources.both + sources.first)[0]}, rows.index)
    for name, dependence in (("most", most), ("least", 1.0)):
        counts[name] = (sources.seen + sources.unrecorded(dependence))[0]
    places = pd.Series(np.where(rows["is_physical"], "all physical", "all digital"), rows.index)
    keys = (places, "system " + rows["system"].astype(object))
    table = pd.concat([counts.groupby(key).sum() for key in keys])
    number, share = "{:,.0f}".format, 100 * table["logged"]
    shown = {
        "in the log": table["logged"].map(number),
        "took place": table["least"].map(number) + " to " + table["most"].map(number),
        "log holds, %": (share / table["most"]).map(number) + " to " + (share / table["least"]).map(number),
    }
    return (
        pd.DataFrame(shown).rename_axis(None)
        if result.facts["has_diary"]
        else pd.DataFrame(shown)[["in the log"]]
    )


def looked_at(result: Journey) -> str:
    """Return what the data hold, and what they lack, as prose."""
    facts = result.facts
    text = f"The journey is **{facts['process']}**: {facts['cases']:,} came to an end, {facts['kept']:.0%} in a renewal."
    if not facts["has_diary"]:
        return f"{text} There is no second source, such as a diary: what the log misses stays unknown below."
    text += f" In {facts['answered']:,} of them the customer also answered the diary"
    if np.isnan(facts["logged_others"]):
        return f"{text}."
    return (
        f"{text}; these have {facts['logged_answered']:.1f} logged touchpoints each, the others "
        f"{facts['logged_others']:.1f}. Were these far apart, the diaries would speak for a special kind of customer."
    )


def dependence(result: Journey) -> str:
    """Return what is known of the dependence of the sources, as prose."""
    facts = result.facts
    if not facts["has_diary"]:
        return "With one source there is nothing to compare. Ask a hundred customers what they remember."
    text = f"The ranges allow odds ratios from 1 to {facts['most_dependence']:g}."
    if "known_odds" not in facts:
        return f"{text} Nothing in these data can confirm that: it is a judgement."
    return (
        f"{text} A pilot lets us look. Some touchpoints were given by lot and certainly took place, so we know how many "
        f"neither source has. The odds ratio there is {facts['known_odds']:.1f} ({facts['known_low']:.1f} to "
        f"{facts['known_high']:.1f})."
    )


def compared(result: Journey) -> str:
    """Return how the estimate, the log and the pilot agree, as prose."""
    rows, facts = result.table, result.facts
    alike = f"the same {facts['confounders']} and " if facts["confounders"] else ""
    text = f"Compared are customers with {alike}the same other touchpoints. "
    first, log_first = result.best, str(rows["simple"].idxmax())
    if not rows["sure"].any():
        return (
            f"{text}No difference is larger than chance would make among {len(rows)}. Do not single one out."
        )
    text += f"**{first}** adds {per(rows, first)} renewals per 1,000 customers ("
    text += f"90 % interval {per(rows, first, 'low')} to {per(rows, first, 'high')}). "
    if log_first != first:
        text += f"The log alone would start at **{log_first}**, with {per(rows, log_first, 'simple')}; "
        text += f"like with like, it is {per(rows, log_first)}. "
    if harmful(result):
        text += f"After **{harmful(result)[0]}**, fewer renew. "
    for step in rows.index[rows["pilot"].notna()]:
        agree = rows["pilot_low"][step] <= rows["effect"][step] <= rows["pilot_high"][step]
        text += (
            f"**{step}** was also given by lot: renewal moved by {100 * rows['pilot'][step]:.0f} points of a hundred, where "
            f"the estimate is {100 * rows['effect'][step]:.0f}; they {'agree' if agree else 'do not agree'} within chance. "
        )
    return text.strip()


def question(result: Journey) -> str:
    """Return the exercise's question, about the touchpoint with most leverage."""
    return f"**How many renewals does the touchpoint *{result.best}* add, per 1,000 customers?**"
