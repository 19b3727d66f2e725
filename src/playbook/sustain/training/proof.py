"""How an answer is checked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.sustain.training.analysis import MOST_PRACTICES, Ramp, practices_needed, role_row

HINTS = (
    "Who is missing from the scores of practice 10? Those who left before it. Were they average learners?",
    "Look at the blue line, not the orange one, and count until the score would survive the weeks alone.",
    "Print result.plan: column practices is for the typical new hire, practices_stayed for those who stayed.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Ramp) -> Feedback:
    """Check "how many practices does a typical new hire of the main role need?".

    Parameters
    ----------
    answer : float
        Practices.
    truth : namespace or None
        `truth_learning` of the world; None on a client's data, where the answer must agree with the corrected
        curve.
    result : Ramp
        Its assumptions say what is enough.
    """
    if truth is None:
        expected, basis = float(role_row(result.plan, result.main_role)["practices"]), OWN_DATA
    else:
        row = truth.truth_learning.set_index("role").loc[result.main_role]
        goal = {"needed": result.needed, "alone_weeks": result.alone_weeks, "gap_d": result.gap_d}
        expected = float(practices_needed(row["start_share"], row["gain"], row["forget"], **goal))
        basis = PLANTED
    if not np.isfinite(expected):
        never = not np.isfinite(float(answer)) or float(answer) > MOST_PRACTICES
        return Feedback(never, f"More than {MOST_PRACTICES} practices count as never.", HINTS, basis)
    return grade(float(answer), expected, tolerance=0.12, hints=HINTS, basis=basis)
