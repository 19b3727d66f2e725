"""How an answer is checked."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.measure.control_charts.analysis import Charts, focus, weeks_since_change

HINTS = (
    "Look at the right-hand end of the chart: from where on does it never come back to the centre line?",
    "A single point outside is an event. You want the first week of the run that is still going on.",
    "Print result.causes: one row for each stretch of weeks that signals, with its first week.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Charts) -> Feedback:
    """Check "how many weeks before the last charted one did the change that still lasts begin?".

    Parameters
    ----------
    answer : float
        Weeks; 0 for "nothing lasts".
    truth : namespace or None
        `truth_shifts` of the world; None on a client's data, where the answer must agree with the chart.
    result : Charts
        The charts the participant read.
    """
    weeks, basis = weeks_since_change(result), OWN_DATA
    if truth is not None:
        shifts = truth.truth_shifts
        lasting = shifts[(shifts["subject"] == focus(result)) & (shifts["end_at"] == shifts["end_at"].max())]
        began = lasting.loc[lasting["kind"] == "step", "start_at"].max()
        weeks = 0.0 if pd.isna(began) else (result.weeks["week_on"].max() - began).days / 7
        basis = PLANTED
    if weeks == 0 or answer == 0:
        near = weeks == 0 and answer == 0
        says = (
            "Right: nothing lasts there."
            if near
            else "Is there a run that goes on to the last week, or is there none?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), weeks, tolerance=0.2, hints=HINTS, basis=basis)
