"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.govern.consent.analysis import Audit, rulebook
from playbook.methods import consent as method


def shown(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the decision table as a table to read; the source of a rule that has ended says so."""
    rows = rulebook(rules).set_index(["jurisdiction", "purpose", "channel"])
    ended = rows["valid_to"].dt.strftime(" (until %Y-%m-%d)").fillna("")
    clock = [f"{hours:g}" if hours == hours else "" for hours in rows["clock_h"]]
    return pd.DataFrame({"basis": rows["basis"], "clock_h": clock, "source": rows["source"] + ended})


def reach_table(result: Audit) -> pd.DataFrame:
    """Return the share of customers that may be contacted today, one column per jurisdiction."""
    table = result.reach.pivot_table(index=["purpose", "channel"], columns="jurisdiction", values="share")
    return (100 * table).round(0).map(lambda share: "no rule" if pd.isna(share) else f"{share:.0f}%")


def reasons(messages: pd.DataFrame) -> pd.DataFrame:
    """Return messages by verdict and reason: sent, and how many of them after the opt-out's deadline.

    Parameters
    ----------
    messages : DataFrame
        `Audit.messages`, or some of its rows.
    """
    late = (messages["reason"] == "withdrawn") & (messages["sent_at"] > messages["due_at"])
    counted = (
        messages.assign(past_deadline=late)
        .groupby(["allowed", "reason"])["past_deadline"]
        .agg(["size", "sum"])
    )
    return counted.set_axis(["sent", "past_deadline"], axis=1).reset_index()


def case(result: Audit) -> pd.DataFrame:
    """Return the messages of one purpose to one customer around one that should not have gone out.

    The first that today's flag would call fine is chosen, since the customer said yes again later and got another
    message; failing that, the first that went out after an opt-out.
    """
    messages = result.messages
    allowed_at = messages["sent_at"].where(messages["allowed"])
    last_allowed = allowed_at.groupby([messages[key] for key in method.KEYS]).transform("max")
    after = messages.assign(again=messages["flag_today"] & (messages["sent_at"] < last_allowed))
    after = after[after["reason"] == "withdrawn"].sort_values(["again", "sent_at"], ascending=[False, True])
    if after.empty:
        return messages.iloc[:0]
    one = after.iloc[0]
    same = (messages[method.KEYS] == one[method.KEYS]).all(axis=1)
    around = messages[same].sort_values("sent_at").reset_index(drop=True)
    place = int(around.index[around["interaction_id"] == one["interaction_id"]][0])
    columns = [*method.KEYS, "sent_at", "status", "effective_at", "allowed", "reason"]
    return around.loc[max(0, place - 2) : place + 4, columns]


def shortcuts(result: Audit) -> pd.DataFrame:
    """Return what two common shortcuts miss and wrongly accuse against the ledger, over the whole history."""
    wrong = ~result.messages["allowed"]
    rows = [
        (name, int((wrong & result.messages[column]).sum()), int((~wrong & ~result.messages[column]).sum()))
        for name, column in (
            ("the flag as it stands today", "flag_today"),
            ("consent ever given", "ever_granted"),
        )
    ]
    return pd.DataFrame(rows, columns=["shortcut", "wrong messages it misses", "good messages it accuses"])


def queue(result: Audit) -> pd.DataFrame:
    """Return the opt-outs that are not done and on whose desk they are, the longest overdue first.

    days_left: until the deadline of the most pressing, negative once it has passed.
    """
    waiting = result.optouts[result.optouts["call"] != ""]
    rows = waiting.groupby(["call", "action", "system_id"], as_index=False).agg(
        requests=("consent_id", "size"), days_left=("left_h", lambda hours: hours.min() / 24)
    )
    return rows.sort_values(["days_left", "system_id"]).reset_index(drop=True).round({"days_left": 1})
