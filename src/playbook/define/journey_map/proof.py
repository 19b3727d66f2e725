"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.journey_map.analysis import Journey, follow

HINTS = (
    "A touchpoint adds its effect on renewal, for every customer whom it reaches.",
    "Both are in one row of result.table: the columns reach and effect, as shares of the customers.",
    "Multiply reach by effect in that row, and by 1,000 to speak of a thousand customers.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Journey) -> Feedback:
    """Check "how many renewals does the touchpoint with most leverage add, per 1,000 customers?".

    Parameters
    ----------
    answer : float
        Renewals per 1,000 customers.
    truth : namespace or None
        `truth_effects` of the world; None on a client's data, where the answer must agree with the result.
    result : Journey
        What the participant computed.
    """
    expected, basis, tolerance = float(result.table["leverage"][result.best]), OWN_DATA, 0.05
    if truth is not None:
        planted = _planted(truth.truth_effects, "leverage").get(result.best, 0.0)
        if planted:
            expected, basis, tolerance = float(planted), PLANTED, 0.3
    return grade(float(answer), 1000 * expected, tolerance=tolerance, hints=HINTS, basis=basis)


def _planted(effects: pd.DataFrame, metric: str) -> pd.Series:
    return effects[effects["metric"] == metric].set_index("action")["size"]


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return leverage and coverage against the planted ones; naive: compare renewal in the log, and trust the log."""
    rows = follow(data.journey_records, data.journey_cases).table
    leverage = _planted(truth.truth_effects, "leverage")
    parameters = truth.truth_parameters.set_index("name")["value"]
    table = []
    for step in ("site visit", "welcome call", "review meeting", "payment reminder", "newsletter"):
        own = rows.loc[step]
        table.append((f"leverage: {step}", *own[["leverage", "low", "high", "simple"]], leverage[step]))
    for step in ("site visit", "counter visit", "review meeting"):
        ours = rows.loc[step, ["coverage", "coverage_low", "coverage_high"]]
        table.append((f"coverage of the log: {step}", *ours, 1.0, parameters[f"coverage of the log: {step}"]))
    return pd.DataFrame(table, columns=["what", "estimate", "low", "high", "naive", "truth"])
