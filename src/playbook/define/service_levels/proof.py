"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.service_levels.analysis import (
    T90,
    TIERS,
    ServiceLevels,
    bin_hours,
    promises_lost,
    service_levels,
    tier_row,
)
from playbook.methods import service_levels as sl

HINTS = (
    "A miss is a case that took longer than the hours promised. Which hours are promised here?",
    "The hours are result.promise.loc[result.focus, 'added_h']; the cases are those of that tier in result.cases.",
    "Take the share of those cases whose hours exceed added_h, and say it as cases out of 100.",
)


def check(answer: float, truth: SimpleNamespace | None, result: ServiceLevels) -> Feedback:
    """Check "how many cases in 100 of the focus tier miss the hours that stages added as if independent promise?".

    Parameters
    ----------
    answer : float
        Cases in 100.
    truth : namespace or None
        `truth_outcomes` of the world; None on a client's data.
    result : ServiceLevels
        What the participant read.
    """
    expected, basis = 1 - tier_row(result.promise, result.focus)["added_kept"], OWN_DATA
    if truth is not None:
        outcomes = truth.truth_outcomes
        planted = outcomes[
            (outcomes["subject"] == result.focus) & (outcomes["metric"] == "kept of independent p90")
        ]
        expected, basis = 1 - planted["value"].iloc[0], PLANTED
    return grade(float(answer), 100 * float(expected), tolerance=0.15, hints=HINTS, basis=basis)


def recover(data: Any, truth: SimpleNamespace) -> pd.DataFrame:
    """Return hours and shares beside their planted values; naive is the sum of independent stages, or the tier's average."""
    result = service_levels(data.stage_hours, contract_terms=data.contract_terms)
    planted = truth.truth_outcomes.set_index(["subject", "metric"])["value"].to_dict()
    rows = []
    for tier in TIERS[1:]:  # the few gold cases do not tell a joint from an independent quantile
        of = tier_row(result.promise, tier)
        rows.append(
            (f"{tier}: hours that nine in ten cases keep", of["joint_h"], of["joint_low"], of["joint_high"], of["added_h"],
             planted[tier, "p90 h"])
        )  # fmt: skip
    for tier in TIERS[1:]:
        share, low, high = _added_interval(result, tier)
        true = planted[tier, "kept of independent p90"]
        rows.append((f"{tier}: share that keeps the sum of independent stages", share, low, high, 0.9, true))
    bronze = result.cases[(result.cases["tier"] == "bronze") & (result.cases["requests"] != 1)]
    lost = promises_lost(bronze["hours"] <= result.facts["target_h"], bronze["requests"] >= 2, bronze)
    few, many = ("bronze, no special request", "bronze, 2 or more special requests")
    gap = planted[few, "kept of target"] - planted[many, "kept of target"]
    rows.append(
        ("bronze: share of promises lost to 2 or more special requests", *(lost or [np.nan] * 3), 0.0, gap)
    )
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _added_interval(result: ServiceLevels, tier: str) -> tuple[float, float, float]:
    """Return the share that keeps the sum of independent stages, with its 90 % interval: one week left out at a time."""
    mine = (result.cases["tier"] == tier).to_numpy()
    stages, week = result.stages[mine].to_numpy(), result.cases.loc[mine, "week"].to_numpy()
    level, whole, step = result.facts["level"], stages.sum(axis=1), bin_hours(result.stages[mine])
    share = float(tier_row(result.promise, tier)["added_kept"])
    weeks = np.unique(week)
    left = np.array(
        [
            ((whole <= sl.independent_quantile(stages, level, weight=keep, step=step)) & keep).sum()
            / keep.sum()
            for keep in (week != one for one in weeks)
        ]
    )
    half = T90 * np.sqrt((len(weeks) - 1) / len(weeks) * ((left - left.mean()) ** 2).sum())
    return share, share - half, share + half
