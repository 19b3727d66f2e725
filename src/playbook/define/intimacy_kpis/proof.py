"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.intimacy_kpis.analysis import (
    SLACK,
    Judged,
    care_effect,
    cases_of,
    figure_row,
    focus,
    judge,
    split,
)

HINTS = (
    "A figure that rests on a few requests is partly luck, and luck brings no orders: care itself does more.",
    "Take the row of your figure in result.scores: you need its effect and its reliability.",
    "Divide the effect by the square root of the reliability.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Judged) -> Feedback:
    """Check "what does a step of care itself bring in orders of the half-year after (log)?".

    Parameters
    ----------
    answer : float
        Log of orders, a standard deviation of care.
    truth : namespace or None
        `truth_effects` of the world; None on a client's data, where the answer must agree with the scores.
    result : Judged
        What the participant read.
    """
    answer, expected, basis = float(answer), care_effect(result, focus(result)), OWN_DATA
    if truth is not None:
        expected, basis = float(truth.truth_effects["size"].iloc[0]), PLANTED
    if abs(expected) < 0.02:
        near = abs(answer) < 0.15
        says = "Right: next to nothing." if near else "Could it be luck? Look at the intervals of the effect."
        return Feedback(near, says, HINTS, basis)
    return grade(answer, expected, tolerance=0.25 if truth is not None else 0.02, hints=HINTS, basis=basis)


def recover(data: Any, truth: SimpleNamespace) -> pd.DataFrame:
    """Return what a step of care brings, by the figures that show it, and what the others and the targets do.

    A log of orders a standard deviation; naive is the effect of the figure as counted, over the whole history.
    """
    result = judge(data.care_figures, data.orders_by_half, kpi_targets=data.kpi_targets)
    size = float(truth.truth_effects["size"].iloc[0])
    gamed, driver = "first contact resolution", "personal resolution"
    scores, breaks = result.scores, result.breaks
    cases = cases_of(data.care_figures, data.orders_by_half)
    rows = [_freed(f"care, by {driver}", cases, figure_row(scores, driver), "effect", driver, scores, size)]
    for when, value in (("before", size), ("since", 0.0)):
        rows.append(
            _freed(
                f"care, by {gamed}, {when} its target",
                cases,
                figure_row(breaks, gamed),
                when,
                gamed,
                scores,
                value,
            )
        )
    rows.append(
        _freed(
            f"change of {gamed} at its target", cases, figure_row(breaks, gamed), "change", gamed, None, -size
        )
    )
    rows.append(
        _freed(
            f"change of {driver} at its target",
            cases,
            figure_row(breaks, driver),
            "change",
            driver,
            None,
            0.0,
        )
    )
    for noise in ("thank-you card", "time to first answer"):
        row = figure_row(scores, noise)
        rows.append((f"a step of {noise}", row["effect"], row["effect_low"], row["effect_high"], np.nan, 0.0))
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _freed(
    what: str,
    cases: pd.DataFrame,
    row: pd.Series,
    key: str,
    name: str,
    scores: pd.DataFrame | None,
    truth: float,
) -> tuple[str, float, float, float, float, float]:
    """Return one row of `recover`: an effect freed of the luck in the figure, with the doubt about that luck."""
    part = cases[cases["figure"] == name]
    if "since_on" in row.index:
        part = part[part["half_on"] < row["since_on"] - SLACK]
    halves, value = split(part), row[key]
    half = row[f"{key}_high"] - value
    if halves is not None and halves.low > 0:
        doubt = (halves.high - halves.low) / 2 / halves.reliability / 2
        value = value / np.sqrt(halves.reliability)
        half = float(np.hypot(half / np.sqrt(halves.reliability), value * doubt))
    naive = np.nan if scores is None else float(figure_row(scores, name)["effect"])
    return what, float(value), float(value - half), float(value + half), naive, truth
