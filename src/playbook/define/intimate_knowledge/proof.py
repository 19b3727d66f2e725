"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.intimate_knowledge.analysis import Knowledge, worth

HINTS = (
    "Without the attribute, everyone gets the way that is cheaper for all: weight each way's costs by the shares.",
    "With it, each value gets its own cheaper way: take the lower cost in each row, and weight those by the shares.",
    "The worth of knowing is the first figure minus the second. How far the rows lie apart plays no part in it.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Knowledge) -> Feedback:
    """Check "how much does knowing the lead attribute save in an average decision?".

    Parameters
    ----------
    answer : float
        Money per decision.
    truth : namespace or None
        `truth_effects` of the world; None on a client's data, where the answer must agree with the result.
    result : Knowledge
        What the participant computed.
    """
    name, attribute = result.lead
    domain, basis = result.domains[name], OWN_DATA
    expected, given = result.of(name, attribute, "worth"), float(answer)
    if truth is not None:
        planted = truth.truth_effects.set_index(["stratum", "action"])["size"].to_dict()
        if (domain.decision, attribute) in planted:
            expected, basis = float(planted[domain.decision, attribute]), PLANTED
    if expected == 0:
        near = abs(given) <= 0.02 * float(abs(domain.payoff).sum() / domain.size.sum() / len(domain.ways))
        said = "Near enough: as good as nothing." if near else f"Too {'high' if given > 0 else 'low'}."
        return Feedback(near, said, HINTS, basis)
    return grade(given, expected, tolerance=0.25, hints=HINTS, basis=basis)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the worth of four attributes in each decision; naive: the difference in cost between their values."""
    result = worth(data.decided_cases, data.preferences, fields=data.fields, customers=data.customers)
    names = {domain.decision: name for name, domain in result.domains.items()}
    found = []
    for kind, planted in truth.truth_effects.groupby("stratum"):
        for attribute, size in planted[["action", "size"]].head(4).to_numpy():
            row = [result.of(names[str(kind)], attribute, c) for c in ("worth", "low", "high", "gap")]
            found.append((f"{kind}, {attribute}", *row, size))
    return pd.DataFrame(found, columns=["what", "estimate", "low", "high", "naive", "truth"])
