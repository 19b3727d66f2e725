"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.contract import Decision
from playbook.govern.consent.analysis import NOBODY, Audit, hours_between, recent
from playbook.methods import consent as method
from playbook.pictures import ORANGE, PURPLE, RED, SKY

REFUSED = {
    "withdrawn": ("after an opt-out", RED),
    "no consent": ("without consent", ORANGE),
    "no proof": ("without proof", SKY),
    "no rule": ("without a rule", PURPLE),
}


def _left_over(messages: pd.DataFrame, every_d: float) -> pd.Series:
    """Return the chance that each message after an opt-out still goes out, reviewing every `every_d` days."""
    after = messages[messages["reason"] == "withdrawn"]
    waited = hours_between(after["recorded_at"], after["sent_at"])
    return pd.Series(method.missed_by_review(waited, every_h=24 * every_d), index=after.index)


def what_if(result: Audit, *, review_d: Sequence[float]) -> pd.DataFrame:
    """Return what reviews would have left: every `review_d` days each system is made equal to the ledger.

    Columns: review_d (0 = the ledger is asked at every send), messages (after an opt-out, expected in an
    average quarter of the history), late_share (opt-outs past their deadline in some system, expected share),
    today (messages after an opt-out in an average quarter as it was).
    """
    messages, optouts = result.messages, result.optouts
    span_d = (result.as_of - messages["sent_at"].min()) / pd.Timedelta(days=1)
    quarters = max(span_d / result.period_d, 1.0)
    today = (messages["reason"] == "withdrawn").sum() / quarters
    missed = optouts["state"].isin(["late", "overdue"]).to_numpy()
    clock_h = hours_between(optouts["recorded_at"], optouts["due_at"]).to_numpy()
    rows = [
        (
            float(days),
            float(_left_over(messages, days).sum() / quarters),
            float(
                (missed * method.missed_by_review(clock_h, every_h=24 * days)).sum() / max(len(optouts), 1)
            ),
            float(today),
        )
        for days in review_d
    ]
    return pd.DataFrame(rows, columns=["review_d", "messages", "late_share", "today"])


def decide(result: Audit, *, review_d: int = 7) -> Decision:
    """Recommend a review cadence, the system to begin with and who is called first.

    The predicted range is the least and the most messages after an opt-out that such a review would have left
    in any of the last eight quarters, widened by the chance of counting (90%).
    """
    from scipy.stats import poisson

    last, period_d = recent(result), result.period_d
    wrong = last[~last["allowed"]]
    waiting = result.optouts[result.optouts["state"].isin(["open", "overdue"])]
    overdue = waiting[waiting["state"] == "overdue"]
    ignored = int((wrong["reason"] == "withdrawn").sum())
    left = _left_over(result.messages, review_d)
    age = (result.as_of - result.messages.loc[left.index, "sent_at"]) // pd.Timedelta(days=period_d)
    quarters = left.groupby(age).sum().reindex(range(8), fill_value=0.0)
    evidence = (
        f"{len(wrong):,} of {len(last):,} messages should not have gone out in the {period_d} days to "
        f"{result.as_of:%Y-%m-%d}, {ignored:,} of them after an opt-out; {len(overdue):,} opt-outs are "
        f"overdue in some system, {len(waiting) - len(overdue):,} still within their time."
    )
    if wrong.empty and overdue.empty:
        first = "Keep the present checks"
    elif overdue.empty:
        first = "Refuse at the send what the ledger refuses"
    else:
        system = overdue["system_id"].mode()[0]
        role = overdue["call"].mode()[0]
        first = f"Call the {role} today about the overdue opt-outs, the {system} first"
        if role == NOBODY:
            first = f"Name who is called when an opt-out is overdue, and clear the {system} first"
    other = wrong.loc[wrong["reason"] != "withdrawn", "reason"]
    hold = f"; hold what goes out {REFUSED[other.mode()[0]][0]}" if len(other) else ""
    return Decision(
        recommendation=f"{first}{hold}; make every system equal to the ledger every {review_d} days.",
        evidence=evidence,
        metric=f"messages after an opt-out in {period_d} days",
        unit="messages",
        low=float(poisson.ppf(0.05, quarters.min())) if quarters.min() > 0 else 0.0,
        high=float(poisson.ppf(0.95, quarters.max())) if quarters.max() > 0 else 0.0,
        flips_if="more than that after two reviews: then ask the ledger at every send, whatever it costs",
        owner="data protection officer",
        review_days=period_d,
    )
