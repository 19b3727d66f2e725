"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.handoffs.analysis import Handoffs, draws, rank

HINTS = (
    "Count a hand-off when the customer is on either side of it: look at the columns from_lane and lane.",
    "The column with_customer marks those hand-offs. Sum loss_amt over them, and over all hand-offs.",
    "Divide the first sum by the second and say it in per cent.",
)


def customer_share(result: Handoffs) -> float:
    """Return the share of the expected loss (0 to 1) at hand-offs to or from the customer."""
    rows = result.table
    return float(rows.loc[rows["with_customer"], "loss_amt"].sum() / rows["loss_amt"].sum())


def check(answer: float, truth: SimpleNamespace | None, result: Handoffs) -> Feedback:
    """Check "which share of the expected loss falls at hand-offs to or from the customer?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the table.
    result : Handoffs
        What the participant read.
    """
    expected, basis = customer_share(result), OWN_DATA
    if truth is not None:
        planted = _planted(truth, result)
        if planted.notna().all():  # only one process of the world is planted
            expected, basis = float(planted[result.table["with_customer"]].sum() / planted.sum()), PLANTED
    if expected == 0:
        near = float(answer) == 0
        says = (
            "Right: nothing is lost there."
            if near
            else "Is the customer on either side of any hand-off that loses?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), 100 * expected, tolerance=0.08, hints=HINTS, basis=basis)


def _planted(truth: SimpleNamespace, result: Handoffs) -> pd.Series:
    """Return the planted loss of a case, by step, in the order of `result.table`."""
    values = truth.truth_parameters.set_index("name")["value"]
    ids = "expected loss of a case: " + result.table["step_id"].astype(object)
    return pd.Series(values.reindex(ids).to_numpy(), result.table.index)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the loss of a case by hand-off, and the customer's part of it, beside what was planted.

    The naive answer counts failures, as if each cost the same.
    """
    result = rank(data.process_handoffs)
    rows = result.table.assign(truth=_planted(truth, result))
    price = rows["loss_amt"].sum() / rows["failed_share"].sum()
    rows["naive"] = rows["failed_share"] * price
    drawn, ours = draws(result.loss, 1), rows["with_customer"].to_numpy()
    low, high = np.quantile(drawn[:, ours].sum(axis=1) / drawn.sum(axis=1), [0.05, 0.95])
    losses = rows.sort_values("seq_no")[["loss_amt", "low_amt", "high_amt", "naive", "truth"]]
    losses = losses.set_axis(["estimate", "low", "high", "naive", "truth"], axis=1)
    losses.insert(0, "what", "loss of a case: " + losses.index.astype(object))
    part = {
        "what": "share of the loss at the customer's steps",
        "estimate": customer_share(result),
        "low": low,
        "high": high,
        "naive": rows.loc[ours, "failed_share"].sum() / rows["failed_share"].sum(),
        "truth": rows.loc[ours, "truth"].sum() / rows["truth"].sum(),
    }
    return pd.concat([losses, pd.DataFrame([part])], ignore_index=True)
