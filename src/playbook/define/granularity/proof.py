"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.granularity.analysis import Granularity, levels, measured
from playbook.methods.variance_components import nested_components

HINTS = (
    "Differences between accounts are only part of what you see between persons of different accounts.",
    "The table result.shares has one row per need and level; its column share says what you look for.",
    "Read result.shares.loc[(need, 'account'), 'share'] for the need in the question, and say it in per cent.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Granularity) -> Feedback:
    """Check "how much of the differences lies between accounts of the same segment, in per cent?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the result.
    result : Granularity
        What the participant computed.
    """
    need = result.needs[0]
    expected, basis = result.of(need, "account"), OWN_DATA
    if truth is not None:
        planted = truth.truth_parameters.set_index("name")["value"]
        if f"{need}, account" in planted:
            expected, basis = float(planted[f"{need}, account"]), PLANTED
    return grade(float(answer), 100 * expected, tolerance=0.2, hints=HINTS, basis=basis)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the shares of segments and accounts against the planted ones; naive: a one-way analysis by account."""
    rows = measured(data.customers, data.accounts, preferences=data.preferences)
    result = levels(rows, data.customers, data.accounts)
    planted = truth.truth_parameters.set_index("name")["value"]
    found = []
    for need in sorted(result.needs):
        own = rows[rows["need"] == need]
        one_way = nested_components(own["log_value"], [own["account_id"]])
        for level, naive in (("segment", np.nan), ("account", one_way[0] / one_way.sum())):
            ours = [result.of(need, level, column) for column in ("share", "low", "high")]
            found.append((f"{need}, {level}", *ours, naive, planted[f"{need}, {level}"]))
    return pd.DataFrame(found, columns=["what", "estimate", "low", "high", "naive", "truth"])
