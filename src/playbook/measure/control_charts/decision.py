"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.contract import Decision
from playbook.measure.control_charts.analysis import RECENT_WEEKS, Charts, focus, open_causes
from playbook.methods import spc

SLIP_SD = 1.0  # the slip that the what-if is about, in standard deviations of a week


def what_if(result: Charts, *, limit_sd: Sequence[float]) -> pd.DataFrame:
    """Return what each limit width costs: false alarms a year over all places, and weeks to see a slip.

    Columns: limit_sd (standard deviations), false_alarms_year, weeks_to_see (a slip of `SLIP_SD`), alarms (weeks beyond
    that limit in these data after phase I).
    """
    sites = result.weeks["site_id"].nunique()
    after = result.weeks[~result.weeks["is_base"]]
    rows = [
        (
            float(limit),
            52 * sites / float(spc.shewhart_run_length(0.0, limit=limit)),
            float(spc.shewhart_run_length(SLIP_SD, limit=limit)),
            int((after["z"].abs() > limit).sum()),
        )
        for limit in limit_sd
    ]
    return pd.DataFrame(rows, columns=["limit_sd", "false_alarms_year", "weeks_to_see", "alarms"])


def decide(result: Charts) -> Decision:
    """Recommend which place to investigate, from changes for the worse that still signal."""
    period = f"weeks to {result.weeks['week_on'].max():%Y-%m-%d}"
    site, still = focus(result), open_causes(result)
    base = result.weeks[result.weeks["is_base"] & (result.weeks["site_id"] == site)]
    centre, high = float(base["centre"].iloc[0]), float(base["high"].mean())
    if still.empty:
        return Decision(
            recommendation="Investigate no single week: what is left is common cause. Change the process or the promise.",
            evidence=f"No place signals in the last {RECENT_WEEKS} weeks ({period}).",
            metric=f"{result.what.lower()}, {site}",
            unit="share",
            low=0.8 * centre,
            high=high,
            flips_if="one week lies beyond the limits, or nine in a row on one side of the centre",
            owner="head of fulfilment",
        )
    began, share = still["began_on"].iloc[0], still["share"].iloc[0]
    return Decision(
        recommendation=f"Find what changed at {site} in or before the week of {began:%Y-%m-%d} and undo it; "
        "leave the other weeks alone.",
        evidence=f"{result.what}: {share:.1%} since then, {centre:.1%} before ({period}).",
        metric=f"{result.what.lower()}, {site}",
        unit="share",
        low=centre,
        high=high,
        flips_if="three weeks in a row lie below the centre line before anything was changed",
        owner="head of fulfilment",
    )
