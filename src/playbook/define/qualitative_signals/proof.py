"""Whether an answer is near, and what is recovered of the planted truth."""

from __future__ import annotations

from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.qualitative_signals.analysis import GRADES, Signals, material, signals

HINTS = (
    "What the classifier flags is not what there is: it misses some bad news and raises some false alarms.",
    "The panel's verdicts show by how much the flags are off, for each group apart. result.shares holds both.",
    "Read result.shares.loc[result.worst, 'corrected'], and say it in per cent.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Signals) -> Feedback:
    """Check "what share of the group's notes tells bad news, in per cent?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the result.
    result : Signals
        What the participant computed.
    """
    expected, basis = result.shares["corrected"].to_dict()[result.worst], OWN_DATA
    if truth is not None:
        planted = truth.truth_parameters.set_index("name")["value"].to_dict()
        expected, basis = planted["share of bad news"], PLANTED
    return grade(float(answer), 100 * float(expected), tolerance=0.2, hints=HINTS, basis=basis)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return coders' severity, groups' tone and bad news against what was planted; naive: codes and flags as counted."""
    result = signals(material(data.coded_notes, data.ratings, staff=data.staff))
    planted = truth.truth_parameters.set_index("name")["value"]
    tones = planted[["share of bad news", "share of neutral news", "share of good news"]].to_numpy()
    severity = truth.truth_raters.set_index("rater")["severity"].sort_values()
    noise = float(truth.truth_raters["noise"].iloc[0])
    mild, strict = severity.index[0], severity.index[-1]
    lower = result.coders["lower"]
    codes = {name: _mean_code(severity[name], tones, noise) for name in (mild, strict)}
    gap = result.fair.loc["gap"]
    rows = [
        ("codes: group difference (points)", gap["fair"], gap["low"], gap["high"], gap["raw"], 0.0),
        (
            "codes: strictest less mildest coder (points)",
            lower[mild] - lower[strict],
            np.nan,
            np.nan,
            np.nan,
            codes[strict] - codes[mild],
        ),
    ]
    for group, row in result.shares.iterrows():
        rows.append(
            (f"bad news, {group}", row["corrected"], row["low"], row["high"], row["flagged"], tones[0])
        )
    for term, row in result.slopes.iterrows():
        rows.append(
            (f"slope of bad news, {term}", row["corrected"], row["low"], row["high"], row["raw"], 0.0)
        )
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _mean_code(severity: float, tones: np.ndarray, noise: float) -> float:
    """Return the mean code of a coder with thresholds at 0.5 and 1.5 and normal errors."""
    below = NormalDist(0, noise)
    passed = [sum(below.cdf(tone - severity - step) for step in (0.5, 1.5)) for tone in range(GRADES)]
    return float(tones @ passed)
