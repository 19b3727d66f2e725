"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.sustain.training.analysis import Ramp, practice_rows


def glance(training: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score at some practices of people who are still here and of people who left."""
    scored = practice_rows(training).merge(staff[["staff_id", "left_on"]], on="staff_id")
    scored["who"] = np.where(scored["left_on"].isna(), "still here", "left since")
    chosen = scored[scored["practice_no"].isin([1, 4, 8, 12, 16])]
    return chosen.pivot_table(
        index="practice_no", columns="who", values="score_share", aggfunc=["mean", "count"]
    )


def leavers(result: Ramp) -> str:
    """Say in words how leaving goes with learning."""
    times = np.exp([result.leave_on_skill, result.leave_low, result.leave_high])
    if result.leave_low > 0:
        return (
            f"Weak learners leave: a person one standard deviation below average leaves **{times[0]:.1f} "
            f"times** as fast as an average one (90 % interval {times[1]:.1f} to {times[2]:.1f}). Whoever "
            "looks only at people who are still here sees a course that works better than it does."
        )
    return (
        "Here leaving does not visibly go with weak learning (the 90 % interval includes none), so the curve "
        "of those who stayed can be trusted."
    )
