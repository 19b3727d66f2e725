"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.latency_thresholds.analysis import (
    COLOURS,
    Thresholds,
    controls_of,
    harm_of,
    judged_of,
    log_wait,
    longest_of,
    named_rows,
    thresholds,
)

HINTS = (
    "An answered caller tells only that they would have waited at least so long. Those who gave up are not the whole story.",
    "Order the calls by wait. At each hang-up, divide it by the callers who were still waiting just before.",
    "result.patience is that curve (Kaplan-Meier); result.patience.quantile(0.5) is when half have given up.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Thresholds) -> Feedback:
    """Check "by when would one caller in four have given up, if nobody answered?".

    Parameters
    ----------
    answer : float
        Minutes; 0 where no call was given up on record.
    truth : namespace or None
        `truth_calls` of the world; None on a client's data, where the answer must agree with the survival curve.
    result : Thresholds
        What the participant read.
    """
    answer = float(answer)
    if result.patience is None:
        near = answer == 0
        return Feedback(
            near, "Right: it cannot be known." if near else "Is any call on record given up?", HINTS, OWN_DATA
        )
    expected, basis = result.patience.quantile(0.25)[0], OWN_DATA
    if truth is not None:
        expected, basis = float(_planted_patience(result, truth).quantile(0.25)), PLANTED
    if not np.isfinite(expected):
        return Feedback(answer == 0, "So many never gave up. Answer 0 where it is not reached.", HINTS, basis)
    return grade(answer, expected, tolerance=0.15, hints=HINTS, basis=basis)


def _planted_patience(result: Thresholds, truth: SimpleNamespace) -> pd.Series:
    patience = truth.truth_calls.set_index("interaction_id")["patience_min"]
    return patience.reindex(result.calls["call_id"]).dropna()


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return knees, the harm of slow answers and patience beside the planted ones.

    Without a planted rise the null value of a knee is the longest wait that the data can judge: nothing hurts up to it.
    The harm of slow answers is what the planted curve makes of the slowest and fastest quarters of the same waits.
    """
    result = thresholds(data.first_waits)
    planted = truth.truth_parameters.set_index("name")["value"]
    rows = []
    for name in COLOURS:
        plain, longest = dict(named_rows(result.channels))[name]["plain_knee_min"], longest_of(result, name)
        knee = planted[f"knee_{name}"] if planted["rise"] > 0 else longest
        at, low, high = np.minimum(np.exp(result.sticks[name].reach(0.0)), longest)
        rows.append((f"{name}: knee (min)", at, low, high, longest if np.isnan(plain) else plain, knee))
    cases = data.first_waits[data.first_waits["is_answered"]]
    for name in COLOURS:
        of = dict(named_rows(result.contrasts))[name]
        judged = judged_of(cases[cases["channel"] == name])
        late = np.clip(
            log_wait(judged["wait_min"]) - np.log(planted[f"knee_{name}"]), 0, planted["rise_ends_after"]
        )
        harm = harm_of(judged, planted["rise"] * late, judged["stratum"].to_numpy(), controls_of(judged))[
            "extra"
        ]
        label = f"{name}: slow less fast quarter, who comes back (share)"
        rows.append((label, of["extra"], of["low"], of["high"], of["plain"], harm))
    if result.patience is not None:
        left, low, high = (float(v) for v in result.patience.at(5.0))
        alone = result.calls.loc[result.calls["gave_up"], "wait_min"]
        real = float((_planted_patience(result, truth) > 5).mean())
        rows.append(
            (
                "phone: callers who would wait 5 minutes (share)",
                left,
                low,
                high,
                float((alone > 5).mean()),
                real,
            )
        )
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])
