"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.methods import linkage
from playbook.unify.identity_resolution.analysis import RULES, Identities, Journeys

AUDIT = 400  # merged pairs that the audit at the review date looks at


def what_if(result: Identities, *, merge_cost: Sequence[float]) -> pd.DataFrame:
    """Return the expected cost of every threshold for each cost of a false merge.

    Columns: merge_cost (in false splits), weight (threshold, bits), false_merges, false_splits (expected
    pairs), cost (in false splits), is_best (the threshold merge_cost / (merge_cost + 1)), probability (of
    that threshold).
    """
    grid = np.arange(-6.0, 14.01, 0.5)
    parts = []
    for cost in merge_cost:
        best = linkage.cost_threshold(merge_cost=float(cost))
        weight = np.append(grid, np.log2(best / (1 - best)))
        probability = 1 / (1 + 2.0**-weight)
        errors = linkage.expected_errors(result.pairs["probability"], probability)
        frame = pd.DataFrame(
            {
                "merge_cost": float(cost),
                "weight": weight,
                "probability": probability,
                "false_merges": errors[:, 0],
                "false_splits": errors[:, 1],
                "cost": cost * errors[:, 0] + errors[:, 1],
                "is_best": np.arange(len(weight)) == len(grid),
            }
        )
        parts.append(frame.sort_values(["weight", "is_best"]))
    return pd.concat(parts, ignore_index=True)


def decide(result: Identities, *, max_wrong: float = 0.10) -> Decision:
    """Recommend threshold, review band and the rule for shared devices.

    Parameters
    ----------
    result : Identities
    max_wrong : float
        Largest share of stitched visits that may go to the wrong person; the rule's upper limit must stay
        below.
    """
    from scipy.stats import binom

    p = result.pairs["probability"]
    merged = p[p >= result.review_high]
    review = int(((p >= result.review_low) & (p < result.review_high)).sum())
    rate = float(1 - merged.mean()) if len(merged) else 0.0
    most = int(binom.ppf(0.975, AUDIT, max(rate, 1 / AUDIT)))
    rule, evidence = _device_rule(result.journeys, max_wrong)
    return Decision(
        recommendation=f"Merge {len(merged):,} pairs of records from {result.review_high:.1%} match "
        f"probability; have a person look at the {review:,} pairs between {result.review_low:.0%} and that; "
        f"leave the rest apart.{rule}",
        evidence=f"{len(result.records):,} records stand for {result.customers:,} customers; with one "
        f"threshold at {result.threshold:.1%}, {result.precision:.2%} of merged pairs should be right, and "
        f"{result.recall:.1%} of the scored pairs that belong together be merged.{evidence}",
        metric=f"false merges in an audit of {AUDIT} merged pairs", unit="share", low=0.0, high=most / AUDIT,
        flips_if=f"the audit finds more than {most} false merges, or a false merge comes to cost other than "
        f"{result.merge_cost:g} false splits",
        owner="head of customer data",
    )  # fmt: skip


def _device_rule(journeys: Journeys | None, max_wrong: float) -> tuple[str, str]:
    """Return the sentence that says the rule for shared devices, and its evidence."""
    if journeys is None:
        return "", ""
    allowed = journeys.rules[journeys.rules["wrong_high"] <= max_wrong]
    if allowed.empty:
        least = journeys.rules["wrong_high"].min()
        return (
            " Give no anonymous visit to anybody: only sign-ins name a person.",
            f" Every rule for devices may misname {least:.1%} of visits or more; {max_wrong:.0%} is allowed.",
        )
    best = allowed.sort_values("stitched_share", ascending=False).iloc[0]
    words = {
        RULES[0]: " Give all visits of a device to whoever signs in on it most.",
        RULES[1]: f" On a device that several people sign in to, give a visit to a person only within "
        f"{journeys.window_h:g} hours of that person's sign-in.",
        RULES[2]: " Leave visits on devices that several people sign in to anonymous.",
    }
    return words[best["rule"]], (
        f" {best['stitched_share']:.0%} of anonymous visits get a person; {best['wrong_share']:.1%} of these, "
        f"at most {best['wrong_high']:.1%}, the wrong one."
    )
