"""Consent as an effective-dated ledger, evaluated deny-by-default.

Sources: Regulation (EU) 2016/679 (GDPR), Art. 6(1) (a message needs a legal basis), 7(1) (consent must be
demonstrable), 7(3) (withdrawal at any time, not retroactive), 21(2)-(3) (objection ends direct marketing).
First match in order of priority: hit policy of OMG, *Decision Model and Notation* 1.4, section 8.3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

ANY = "any"
KEYS = ["customer_id", "purpose", "channel"]
SCOPE = ("jurisdiction", "purpose", "channel")


def spread(ledger: pd.DataFrame, *, purposes: ArrayLike, channels: ArrayLike) -> pd.DataFrame:
    """Return the ledger with each decision about `any` purpose or channel written out for every one of them.

    Parameters
    ----------
    ledger : DataFrame
        With the columns purpose and channel.
    purposes, channels : array_like of str
        All there are.

    Examples
    --------
    >>> stop = pd.DataFrame({"customer_id": ["C1"], "purpose": ["any"], "channel": ["sms"]})
    >>> spread(stop, purposes=["survey", "marketing"], channels=["sms", "email"])["purpose"].tolist()
    ['survey', 'marketing']
    """
    for column, values in (("purpose", purposes), ("channel", channels)):
        names = pd.unique(pd.Series(values, dtype="str"))
        covers = pd.DataFrame({column: [*names, *[ANY] * len(names)], "to": [*names, *names]}, dtype="str")
        ledger = ledger.merge(covers, on=column).drop(columns=column).rename(columns={"to": column})
    return ledger


def standing(questions: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the decision in force at the moment of each question: the last one that took effect by then.

    Parameters
    ----------
    questions : DataFrame
        customer_id, purpose, channel, at (time); any order.
    ledger : DataFrame
        customer_id, purpose, channel (either may be `any`), status, effective_at (time), and columns to carry
        along; any order.

    Returns
    -------
    DataFrame
        One row per question, in its order and with its index: the ledger's other columns, empty where nothing
        had been decided. Of two decisions at the same moment a withdrawal wins, so the order of rows never
        matters.

    Examples
    --------
    >>> times = pd.to_datetime(["2026-01-01", "2026-02-01"]).as_unit("us")
    >>> ledger = pd.DataFrame({"customer_id": "C1", "purpose": "survey", "channel": "any",
    ...                        "status": ["granted", "withdrawn"], "effective_at": times})
    >>> ask = pd.DataFrame({"customer_id": "C1", "purpose": "survey", "channel": "sms",
    ...                     "at": times + pd.Timedelta(days=-1)})
    >>> standing(ask, ledger)["status"].tolist()
    [nan, 'granted']
    """
    known = spread(ledger, purposes=questions["purpose"], channels=questions["channel"])
    # "granted" sorts before "withdrawn", and merge_asof takes the last of equal times.
    known = known.sort_values(["effective_at", "status"], kind="stable")
    asked = questions[[*KEYS, "at"]].assign(row=np.arange(len(questions))).sort_values("at", kind="stable")
    found = pd.merge_asof(asked, known, left_on="at", right_on="effective_at", by=KEYS)
    return found.sort_values("row").drop(columns=[*KEYS, "at", "row"]).set_index(questions.index)


def governing(questions: pd.DataFrame, rules: pd.DataFrame) -> NDArray[np.int64]:
    """Return which rule governs each question, as a position in `rules`, -1 where none does, (n,).

    Parameters
    ----------
    questions : DataFrame
        jurisdiction, purpose, channel, at (time).
    rules : DataFrame
        rule_id, jurisdiction, purpose, channel (each may be `any`), priority, valid_from, valid_to
        (half-open, empty = still valid). Of the rules that hold the smallest priority decides, then the
        smallest rule_id. A question with an empty part (an unknown customer has no jurisdiction) is
        governed by none.

    Examples
    --------
    >>> rules = pd.DataFrame({"rule_id": ["a", "b"], "jurisdiction": ["EU", "any"], "purpose": "survey",
    ...                       "channel": "any", "priority": [1, 2], "valid_from": pd.Timestamp("2020-01-01"),
    ...                       "valid_to": pd.NaT})
    >>> ask = pd.DataFrame({"jurisdiction": ["UK", "EU", "EU"], "purpose": ["survey", "survey", "gossip"],
    ...                     "channel": "sms", "at": pd.Timestamp("2026-01-01")})
    >>> governing(ask, rules).tolist()
    [1, 0, -1]
    """
    at = questions["at"].to_numpy()
    complete = questions[[*SCOPE, "at"]].notna().all(axis=1).to_numpy()
    parts = {part: questions[part].astype("category") for part in SCOPE}
    found = np.full(len(questions), -1)
    ordered = rules.assign(position=np.arange(len(rules))).sort_values(
        ["priority", "rule_id"], ascending=False
    )
    for rule in ordered.to_dict("records"):
        holds = complete & (at >= np.datetime64(rule["valid_from"]))
        if not pd.isna(rule["valid_to"]):
            holds &= at < np.datetime64(rule["valid_to"])
        for part, asked in parts.items():
            wanted = rule[part]
            if wanted != ANY:
                holds &= (asked == wanted).to_numpy() if wanted in asked.cat.categories else False
        found[holds] = rule["position"]
    return found


def permit(
    basis: ArrayLike, status: ArrayLike, claimed: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Return whether each message is allowed and the reason code; what nothing allows is refused.

    Parameters
    ----------
    basis : array_like of str, (n,)
        What the governing rule asks for: `contract` (needs no consent), `opt_in`, `opt_out`; anything else is
        no rule.
    status : array_like of str, (n,)
        Decision in force that can be proved: `granted`, `withdrawn`, or anything else for none.
    claimed : array_like of str, (n,)
        The same when grants without proof are believed.

    Examples
    --------
    >>> allowed, reason = permit(["opt_in"] * 2 + ["opt_out"], ["granted", "", "withdrawn"], ["granted"] * 3)
    >>> allowed.tolist(), reason.tolist()
    ([True, False, False], ['consent', 'no proof', 'withdrawn'])
    """
    basis, status, claimed = (np.asarray(values, dtype=object) for values in (basis, status, claimed))
    asks = (basis == "opt_in") | (basis == "opt_out")
    cases = {
        "contract": basis == "contract",
        "withdrawn": asks & (status == "withdrawn"),
        "consent": asks & (status == "granted"),
        "no objection": basis == "opt_out",
        "no proof": asks & (claimed == "granted"),
        "no consent": asks,
    }
    reason = np.select(list(cases.values()), list(cases), "no rule")
    return np.isin(reason, ["contract", "consent", "no objection"]), reason


def request_state(
    due_at: ArrayLike, applied_at: ArrayLike, closed_at: ArrayLike, *, as_of: np.datetime64
) -> NDArray[np.str_]:
    """Return where each request stands: `in time`, `late`, `open`, `overdue`, `superseded`, (n,).

    Parameters
    ----------
    due_at, applied_at, closed_at : array_like of datetime64, (n,)
        Deadline; moment it was acted on and moment a later decision replaced it (NaT: not).
    as_of : datetime64
        The moment of reading.

    Examples
    --------
    >>> t = np.array(["2026-01-03", "2026-01-09", "NaT"], dtype="datetime64[us]")
    >>> request_state(np.full(3, t[0]), t, np.full(3, t[2]), as_of=t[1]).tolist()
    ['in time', 'late', 'overdue']
    """
    due, applied, closed = (
        np.asarray(values, dtype="datetime64[us]") for values in (due_at, applied_at, closed_at)
    )
    # Without a clock there is no deadline, and a comparison with NaT is false.
    end = np.minimum(np.where(np.isnat(applied), as_of, applied), np.where(np.isnat(closed), as_of, closed))
    on_time = ~(end > due)
    return np.select(
        [
            ~np.isnat(applied) & (np.isnat(closed) | (applied <= closed)),
            ~np.isnat(closed) & on_time,
            ~np.isnat(closed),
        ],
        [np.where(on_time, "in time", "late"), "superseded", "late"],
        np.where(on_time, "open", "overdue"),
    )


def missed_by_review(waited_h: ArrayLike, *, every_h: float) -> NDArray[np.float64]:
    """Return the chance that a periodic review has not yet come by after `waited_h` hours, (n,).

    The phase of the review is uniform, so the chance falls linearly from 1 to 0 over one period; with
    `every_h` = 0 (a check at every send) it is 1 up to hour 0 and 0 after it.

    Examples
    --------
    >>> missed_by_review([-3, 0, 12, 48], every_h=24).tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    waited = np.asarray(waited_h, dtype=float)
    if every_h < 0:
        raise ValueError(f"time between reviews must not be negative, got {every_h}")
    if every_h == 0:
        return (waited <= 0).astype(float)
    return np.clip(1 - waited / every_h, 0, 1)
