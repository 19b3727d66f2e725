"""What the page says in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.measure.control_charts.analysis import EWMA_LIMIT, EWMA_WEIGHT, Charts
from playbook.methods import spc

CUSUM_SLACK, CUSUM_INTERVAL = 0.5, 4.77


def capability(result: Charts, *, target_share: float) -> pd.DataFrame:
    """Compare each place's own level with the promise.

    Columns: site_id, centre (share in phase I), target, weeks_missed (share of in-control weeks above the target),
    verdict.
    """
    weeks = result.weeks[(result.weeks["rule"] == 0)]
    rows = weeks.groupby("site_id").agg(
        centre=("centre", "first"), weeks_missed=("share", lambda s: float((s > target_share).mean()))
    )
    verdict = np.select(
        [rows["weeks_missed"] <= 0.05, rows["centre"] <= target_share],
        ["keeps the promise", "keeps it on average, not every week"],
        "cannot keep it: change the process or the promise",
    )
    return rows.assign(target=target_share, verdict=verdict).reset_index()


def sensitivity(*, slips_sd: Sequence[float] = (0.5, 1.0, 2.0)) -> pd.DataFrame:
    """Return how long each kind of chart takes, on average, to see a slip of some size.

    Columns: chart, weeks_between_false_alarms, and one column of weeks per slip (standard deviations of a week).
    """

    def shewhart(shift: float) -> float:
        return float(spc.shewhart_run_length(shift))

    def ewma(shift: float) -> float:
        return spc.ewma_run_length(shift, weight=EWMA_WEIGHT, limit=EWMA_LIMIT)

    def cusum(shift: float) -> float:
        return spc.cusum_run_length(shift, slack=CUSUM_SLACK, interval=CUSUM_INTERVAL)

    kinds = {
        "single points (Shewhart)": shewhart,
        "moving average (EWMA)": ewma,
        "running sum (CUSUM)": cusum,
    }
    rows = [
        {"chart": name, "weeks_between_false_alarms": round(length(0.0))}
        | {f"slip of {slip:g} sd": round(length(slip), 1) for slip in slips_sd}
        for name, length in kinds.items()
    ]
    return pd.DataFrame(rows)
