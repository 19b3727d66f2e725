"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.intimacy_kpis.analysis import Judged, each_row, figure_row, focus, kept
from playbook.methods import reliability
from playbook.wording import listed

LUCK = 0.1  # reliability up to which a figure may as well be luck altogether
ENOUGH = 0.7  # reliability at which a lead may act on the figure of one customer or team


def what_if(result: Judged, *, requests: Sequence[int]) -> pd.DataFrame:
    """Return each candidate's reliability if its figure rested on so many requests.

    Columns: figure, requests, reliability, enough (at least `ENOUGH`). Figures that are gamed, or may be all luck, are left
    out: no number of requests mends them.
    """
    rows = [
        (row.Index, n, float(reliability.spearman_brown(row.reliability, n / row.requests)))
        for row in each_row(result.scores)
        if row.kind == "candidate" and "gamed" not in row.verdict and row.reliability_low > LUCK
        for n in requests
    ]
    found = pd.DataFrame(rows, columns=["figure", "requests", "reliability"])
    return found.assign(enough=found["reliability"] >= ENOUGH)


def decide(result: Judged) -> Decision:
    """Recommend the figures to steer frontline teams by."""
    chosen, best = kept(result), figure_row(result.scores, focus(result))
    rejected = [
        f"{row.Index} ({row.verdict.removeprefix('reject: ')})"
        for row in each_row(result.scores)
        if row.verdict.startswith("reject")
    ]
    if chosen:
        what = f"Steer the teams by {listed(chosen)}, and hang no more pay on this until another year shows no break."
        flips = (
            f"{best.name} points at the right customer in less than half of the pairs of the next half-year, "
            "or its effect falls after a target"
        )
    else:
        what = "Put none of these figures on the frontline's scoreboard yet; collect more requests a customer first."
        flips = "one candidate foretells who stays better than a coin, its reliability suffices, and no break shows"
    what += f" Reject {listed(rejected)}." if rejected else ""
    low, high = (float(np.nan_to_num(best[key], nan=0.5)) for key in ("area_low", "area_high"))
    return Decision(
        recommendation=what,
        evidence=f"{best.name}: right in {best['area']:.0%} of pairs, {best['reliability']:.0%} of its differences "
        f"are not luck ({best['seen']:,.0f} customer half-years).",
        metric=f"pairs of customers that {best.name} puts in the right order",
        unit="share",
        low=max(low, 0.0),
        high=min(high, 1.0),
        flips_if=flips,
        owner="head of customer service",
        review_days=182,
    )
