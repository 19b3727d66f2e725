"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.engagement_model.analysis import DEPTHS, DRIVERS, Engagement, needs, room, uplift

HINTS = (
    "Everybody keeps self-serve at least. Moving one customer up takes the difference between the two depths.",
    "Do it for each resource: what is left when all are at self-serve, divided by that difference.",
    "Team hours and system requests allow two different numbers. The smaller one is the answer.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Engagement) -> Feedback:
    """Check "how many customers could have dedicated service before the first resource runs out?".

    Parameters
    ----------
    answer : float
        Customers; all others stay at self-serve.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the books.
    result : Engagement
        The plans the participant read.
    """
    need, basis = result.need, OWN_DATA
    if truth is not None:
        need, basis = true_needs(truth.truth_parameters), PLANTED
    expected = room(need, result.capacity, len(result.customers)).min()
    return grade(float(answer), float(expected), tolerance=0.05, hints=HINTS, basis=basis)


def true_needs(truth_parameters: pd.DataFrame) -> pd.DataFrame:
    """Return the planted need of a customer at each depth, as `Engagement.need`."""
    value = truth_parameters.set_index("name")["value"]
    rows = {depth: {r: value[f"{depth}, {r}"] for r in DRIVERS} for depth in DEPTHS}
    return pd.DataFrame(rows).T[list(DRIVERS)]


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return what is estimated beside what was planted.

    Parameters
    ----------
    data : namespace
        `customer_depths`, `costs`.
    truth : namespace
        `truth_effects`, `truth_parameters`.
    """
    found, need = uplift(data.customer_depths), needs(data.customer_depths, data.costs)
    planted = truth.truth_effects.set_index(["action", "stratum"])["size"]
    words = ("no investment", "joint investment")
    rows = [
        {
            "what": f"orders added by {row.depth} service (log)",
            "estimate": row.added_log, "low": row.low_log, "high": row.high_log, "naive": row.chosen_log,
            "truth": sum(
                found.weights[s, i] * planted[row.depth, f"{name}, {word}"]
                for s, name in enumerate(found.names) for i, word in enumerate(words)
            ),
        }
        for row in found.by_depth.itertuples()
    ]  # fmt: skip
    wanted = need[(need["resource"] == "team hours") & (need["depth"] != DEPTHS[0])]
    true_need = true_needs(truth.truth_parameters)["team hours"]
    rows += [
        {
            "what": f"team hours a month, {row.depth} customer",
            "estimate": row.qty, "low": row.low, "high": row.high, "naive": np.nan, "truth": true_need[str(row.depth)],
        }
        for row in wanted.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(rows)
