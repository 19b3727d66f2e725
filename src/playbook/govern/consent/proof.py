"""How an answer is checked."""

from __future__ import annotations

from types import SimpleNamespace

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.govern.consent.analysis import Audit, recent

HINTS = (
    "The table of reasons above counts the whole history. You want the last quarter, and only refusals.",
    "Add up all four kinds of no: an opt-out that was ignored is only one of them.",
    "Run consent.reasons(consent.recent(result)) and add up sent where allowed is False.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Audit) -> Feedback:
    """Check "how many messages of the last quarter should not have gone out?".

    Parameters
    ----------
    answer : float
        Number of messages.
    truth : namespace or None
        `truth_labels` of the world; None on a client's data, where the answer must agree with the ledger.
    result : Audit
        The audit the participant read.
    """
    last = recent(result)
    if truth is None:
        expected, basis = int((~last["allowed"]).sum()), OWN_DATA
    else:
        labels = truth.truth_labels
        wrong = labels.loc[labels["label"] == "should not have gone out", "key"]
        expected, basis = int(last["interaction_id"].isin(wrong).sum()), PLANTED
    if expected == 0:
        near = float(answer) == 0
        return Feedback(near, "Right." if near else "Too high: check the verdicts once more.", HINTS, basis)
    return grade(float(answer), expected, tolerance=0.05, hints=HINTS, basis=basis)
