"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.tier_assignment.analysis import (
    LEAST_CUSTOMERS,
    YEAR,
    Rule,
    Tiers,
    assigned,
    per_100,
    tide,
    tiers,
)
from playbook.methods.hysteresis import false_moves

SHUFFLES = 400  # behind an interval

HINTS = (
    "Customers who have not changed have no reason to move: every move of theirs is a false one.",
    "Which of them changed you cannot know. But shuffled histories hold the same customers, none of whom changes.",
    "result.seen and result.by_chance hold the moves of both rules, as it was and in shuffled histories.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Tiers) -> Feedback:
    """Check "how many false moves does today's rule make, per 100 customer-years?".

    Parameters
    ----------
    answer : float
        Moves.
    truth : namespace or None
        `truth_labels` (customers whose rate never changes) and `truth_purchases` (who still buys); None on a client's data.
    result : Tiers
        What the participant computed.
    """
    expected, basis = result.by_chance["today"], OWN_DATA
    if truth is not None:
        steady = result.throughout.intersection(_steady(truth))
        if len(steady) >= LEAST_CUSTOMERS:
            expected, basis = per_100(result.levels["today"].loc[steady]), PLANTED
    return grade(float(answer), expected, tolerance=0.25, hints=HINTS, basis=basis)


def _steady(truth: SimpleNamespace) -> pd.Index:
    """Return the customers whose rate never changes, of those who still buy."""
    labels = truth.truth_labels
    buying = truth.truth_purchases.set_index("customer_id")["active"]
    steady = labels.loc[labels["label"] == "constant rate", "key"]
    return pd.Index(steady[buying.reindex(steady).fillna(False).to_numpy()])


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return false moves as shuffled histories predict them, against those of customers planted as constant.

    Only constant customers who were there from the first day to the last are looked at, by the chosen rule and by the same
    score without band and stay. Naive: to believe that customers
    move for a reason, so that no move is false.
    """
    result = tiers(data.value_weeks)
    created = data.customers.set_index("customer_id")["created_at"]
    steady = result.values.index.intersection(_steady(truth))
    steady = steady[(created.reindex(steady) <= result.values.columns[0]).to_numpy()]
    own, rng, found = result.values.loc[steady], np.random.default_rng(1), []
    common = tide(result.values.loc[result.throughout].to_numpy())
    since = own.shape[1] - result.levels["today"].shape[1] + 1
    chosen = result.chosen
    for name, rule in (("chosen rule", chosen), ("its score without brakes", Rule(chosen.window, 0.0, 1))):
        each = false_moves(
            own.to_numpy(), result.cuts / YEAR, rule.window,
            since=since, rng=rng, band=rule.band, stay=rule.stay, times=SHUFFLES, common=common,
        )  # fmt: skip
        shuffled = 100 * YEAR * each.mean(axis=1)
        low, high = np.quantile(shuffled, [0.05, 0.95])
        planted = per_100(assigned(own, result.cuts, rule, since=since))
        found.append(
            (f"false moves per 100 customer-years, {name}", shuffled.mean(), low, high, 0.0, planted)
        )
    return pd.DataFrame(found, columns=["what", "estimate", "low", "high", "naive", "truth"])
