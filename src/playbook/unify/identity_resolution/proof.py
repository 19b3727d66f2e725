"""How an answer is checked."""

from __future__ import annotations

from types import SimpleNamespace

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.unify.identity_resolution.analysis import Identities

HINTS = (
    "Counting e-mail addresses, or names, counts some people twice and some pairs of people once. "
    "What does the analysis count instead?",
    "Every record carries the number of the person it was given to: the column customer of result.records.",
    "Count the different values of result.records.customer.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Identities) -> Feedback:
    """Check "how many different customers are behind all the records?".

    Parameters
    ----------
    answer : float
        People.
    truth : namespace or None
        `truth_entities` of the world; None on a client's data, where the answer must agree with the linkage.
    result : Identities
        The linkage the participant read.
    """
    if truth is None:
        return grade(float(answer), result.customers, tolerance=0.05, hints=HINTS, basis=OWN_DATA)
    behind = truth.truth_entities
    behind = behind[behind["source"].isin(result.records["source"].unique())]
    # As near as the linkage itself can be: few records leave it many splits.
    near = max(0.05, 2 * (1 - result.recall))
    return grade(float(answer), behind["customer_id"].nunique(), tolerance=near, hints=HINTS, basis=PLANTED)
