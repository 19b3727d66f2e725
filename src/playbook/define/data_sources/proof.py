"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.data_sources.analysis import LABELS, Sources, sources

HINTS = (
    "What a source saves when you have no other is not what you lose when you miss only this one.",
    "The table result.table has one row a source; the column lost_amt is the extra cost of one decision without it.",
    "Read result.table.loc[result.first, 'lost_amt'].",
)


def check(answer: float, truth: SimpleNamespace | None, result: Sources) -> Feedback:
    """Check "how much more does a decision cost when only this source is missing, in money?".

    Where nothing is planted, as on a client's data, the answer must agree with the result.
    """
    expected, basis, tolerance = float(result.table["lost_amt"].max()), OWN_DATA, 0.1
    if truth is not None:
        planted = _planted(truth).get(result.first, 0.0)
        if planted > 0:
            expected, basis, tolerance = planted, PLANTED, 0.35
    return grade(float(answer), expected, tolerance=tolerance, hints=HINTS, basis=basis)


_PLANTED_AS = {"iot": "telemetry", "support": "service"}


def _planted(truth: SimpleNamespace) -> dict[str, float]:
    size = truth.truth_effects.set_index("action")["size"]
    return {LABELS[_PLANTED_AS.get(str(name), str(name))]: float(value) for name, value in size.items()}


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return what missing each source costs; naive: what each source saves alone."""
    table, planted = sources(data.device_decisions, data.source_quality).table, _planted(truth)
    columns = ["lost_amt", "low_amt", "high_amt", "alone_amt"]
    found = [(f"without {name}", *table.loc[name, columns], planted[name]) for name in LABELS.values()]
    return pd.DataFrame(found, columns=["what", "estimate", "low", "high", "naive", "truth"])
