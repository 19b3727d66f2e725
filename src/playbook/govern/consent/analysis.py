"""May we, here, today, for this purpose? Messages against the ledger, opt-outs against their clocks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from playbook.methods import consent as method

LEDGER = ["consent_id", *method.KEYS, "status", "effective_at", "recorded_at", "proof_hash"]
DECISION = ["consent_id", "status", "effective_at", "recorded_at"]
NOBODY = "nobody named"


@dataclass(frozen=True)
class Audit:
    """What was sent and what customers asked, each held against the rules.

    Parameters
    ----------
    messages : DataFrame
        One row per outbound message: interaction_id, customer_id, jurisdiction, purpose, channel, sent_at,
        basis, status and effective_at of the decision in force, recorded_at, due_at (of a withdrawal),
        allowed, reason; and what two shortcuts would have said: flag_today, ever_granted.
    optouts : DataFrame
        One row per withdrawal and system: consent_id, customer_id, jurisdiction, purpose, channel, system_id,
        effective_at, recorded_at, due_at, applied_at, state, left_h (to the deadline, of what is not done),
        call (role), action, proved.
    reach : DataFrame
        jurisdiction, purpose, channel, share of customers that may be contacted at `as_of`.
    as_of : Timestamp
        The moment of reading.
    period_d : int
        Length of a quarter in days.
    """

    messages: pd.DataFrame
    optouts: pd.DataFrame
    reach: pd.DataFrame
    as_of: pd.Timestamp
    period_d: int


def hours_between(start: pd.Series, end: pd.Series) -> pd.Series:
    """Return the hours from one moment to another."""
    return (end - start).dt.total_seconds() / 3600


def rulebook(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the decision table `contact` with its JSON read out: one row per rule."""
    rows = rules[rules["ruleset"] == "contact"].reset_index(drop=True)
    condition, outcome = (
        pd.DataFrame(rows[c].map(json.loads).tolist()) for c in ("condition_json", "outcome_json")
    )
    return rows.assign(
        purpose=condition.get("purpose", pd.Series(method.ANY, rows.index)).fillna(method.ANY).astype("str"),
        channel=condition.get("channel", pd.Series(method.ANY, rows.index)).fillna(method.ANY).astype("str"),
        basis=outcome["basis"].astype("str"),
        source=outcome.get("source", pd.Series("", rows.index)).fillna("").astype("str"),
    )


def judge(
    questions: pd.DataFrame,
    *,
    consents: pd.DataFrame,
    rules: pd.DataFrame,
    customers: pd.DataFrame,
    regions: pd.DataFrame,
) -> pd.DataFrame:
    """Answer "may we?" for each question.

    Parameters
    ----------
    questions : DataFrame
        customer_id, purpose, channel, at.

    Returns
    -------
    DataFrame
        The questions with jurisdiction, basis, status, effective_at, recorded_at, allowed, reason. An unknown
        customer has no jurisdiction, so no rule, so the answer is no.
    """
    decisions = consents.drop_duplicates("consent_id")[LEDGER]
    provable = decisions[(decisions["status"] == "withdrawn") | decisions["proof_hash"].notna()]
    law = customers.set_index("customer_id")["region_id"].map(regions.set_index("region_id")["jurisdiction"])
    asked = questions.assign(
        customer_id=questions["customer_id"].fillna(""), jurisdiction=questions["customer_id"].map(law)
    )
    book = rulebook(rules)
    # Position -1 (no rule) reads the row appended last.
    basis = np.append(book["basis"].to_numpy(dtype=object), "none")[method.governing(asked, book)]
    stands = method.standing(asked, provable[[*method.KEYS, *DECISION]])
    claimed = method.standing(asked, decisions[[*method.KEYS, "status", "effective_at"]])
    allowed, reason = method.permit(basis, stands["status"], claimed["status"])
    return asked.assign(basis=basis, **stands, allowed=allowed, reason=reason)


def audit(
    *,
    consents: pd.DataFrame,
    rules: pd.DataFrame,
    customers: pd.DataFrame,
    regions: pd.DataFrame,
    interactions: pd.DataFrame,
    as_of: date | str,
    period_d: int = 91,
) -> Audit:
    """Hold every outbound message and every opt-out up to `as_of` against the rules.

    Parameters
    ----------
    consents, rules, customers, regions, interactions : DataFrame
        Canonical tables.
    as_of : date or str
        Midnight of this day is the moment of reading; what was recorded later is not looked at.
    period_d : int
        Length of a quarter in days.

    Raises
    ------
    ValueError
        When no message went out before `as_of`.
    """
    now = pd.Timestamp(as_of).as_unit("us")
    sent = interactions[(interactions["direction"] == "out") & (interactions["arrived_at"] < now)]
    if sent.empty:
        raise ValueError(f"interactions: no message went out (direction 'out') before {now:%Y-%m-%d}")
    known = consents[consents["recorded_at"] < now]
    known = known.assign(applied_at=known["applied_at"].where(known["applied_at"] < now))
    tables = {"consents": known, "rules": rules, "customers": customers, "regions": regions}
    questions = sent.rename(columns={"arrived_at": "at"})[["interaction_id", *method.KEYS, "at"]].reset_index(
        drop=True
    )
    optouts = _optouts(**tables, now=now)
    verdicts = judge(questions, **tables)
    due = optouts.drop_duplicates("consent_id").set_index("consent_id")["due_at"]
    return Audit(
        messages=verdicts.rename(columns={"at": "sent_at"}).assign(
            due_at=due.reindex(verdicts["consent_id"]).to_numpy(),
            **_shortcuts(questions, verdicts["basis"], known, now),
        ),
        optouts=optouts,
        reach=_reach(tables, now),
        as_of=now,
        period_d=period_d,
    )


def _optouts(
    *,
    consents: pd.DataFrame,
    rules: pd.DataFrame,
    customers: pd.DataFrame,
    regions: pd.DataFrame,
    now: pd.Timestamp,
) -> pd.DataFrame:
    """Follow each withdrawal into each system: deadline, state, and who is called."""
    asked = consents[consents["status"] == "withdrawn"].reset_index(drop=True)
    law = customers.set_index("customer_id")["region_id"].map(regions.set_index("region_id")["jurisdiction"])
    asked = asked.assign(jurisdiction=asked["customer_id"].map(law))
    book = rulebook(rules)
    named = book[book["purpose"] != method.ANY]
    # "Stop everything" is due when the shortest of the clocks that it covers runs out.
    each = method.spread(
        asked.drop_duplicates("consent_id").rename(columns={"effective_at": "at"}),
        purposes=pd.concat([named["purpose"], asked.loc[asked["purpose"] != method.ANY, "purpose"]]),
        channels=_channels(book, asked),
    )
    clock = np.append(book["clock_h"].to_numpy(), np.nan)[method.governing(each, book)]
    shortest = pd.Series(clock, index=each["consent_id"]).groupby(level=0).min()
    clock_h = asked["consent_id"].map(shortest).astype(float)
    again = _granted_again(consents, asked)
    due = asked["effective_at"] + pd.to_timedelta(clock_h, unit="h").astype("timedelta64[us]")
    state = method.request_state(due, asked["applied_at"], again, as_of=now.to_datetime64())
    waiting = np.isin(state, ["open", "overdue"])
    used = (now - asked["effective_at"]).dt.total_seconds() / 3600 / clock_h
    call, action = _escalation(rules, used.where(waiting))
    return asked.assign(
        due_at=due,
        state=state,
        left_h=((due - now).dt.total_seconds() / 3600).where(waiting),
        call=call,
        action=action,
        proved=asked["proof_hash"].notna(),
    ).drop(columns=["status", "proof_hash"])


def _channels(book: pd.DataFrame, asked: pd.DataFrame) -> pd.Series:
    named = pd.concat([book["channel"], asked["channel"]])
    named = named[named != method.ANY]
    return named if len(named) else pd.Series(["other"])


def _granted_again(consents: pd.DataFrame, asked: pd.DataFrame) -> pd.Series:
    """Return when a provable grant for the same purpose and channel replaced a withdrawal; else empty."""
    grants = consents[(consents["status"] == "granted") & consents["proof_hash"].notna()].drop_duplicates(
        "consent_id"
    )
    left = (
        asked[[*method.KEYS, "effective_at"]]
        .assign(row=asked.index)
        .sort_values("effective_at", kind="stable")
    )
    right = (
        grants[[*method.KEYS, "effective_at"]]
        .rename(columns={"effective_at": "again_at"})
        .sort_values("again_at")
    )
    found = pd.merge_asof(
        left, right, left_on="effective_at", right_on="again_at", by=method.KEYS,
        direction="forward", allow_exact_matches=False,
    )  # fmt: skip
    return found.set_index("row")["again_at"].reindex(asked.index)


def _escalation(rules: pd.DataFrame, used: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return who is called and what they do, by the share of its clock that a request used (empty: done)."""
    steps = rules[rules["ruleset"] == "opt_out"]
    share = steps["condition_json"].map(lambda text: json.loads(text)["clock_used_share"])
    steps = steps.assign(share=share.astype(float)).sort_values("share")
    action = steps["outcome_json"].map(lambda text: json.loads(text)["action"])
    step = np.searchsorted(steps["share"].to_numpy(), used.fillna(-1).to_numpy(), side="right")
    roles = np.array(["", *steps["owner_role"]] if len(steps) else [""], dtype=object)[step]
    roles[(used >= 1).to_numpy() & (roles == "")] = NOBODY
    return roles, np.array(["", *action], dtype=object)[step]


def _shortcuts(
    questions: pd.DataFrame, basis: pd.Series, known: pd.DataFrame, now: pd.Timestamp
) -> dict[str, np.ndarray]:
    """Return what two common shortcuts say: the flag as it stands today, and "has ever agreed"."""
    decisions = known.drop_duplicates("consent_id")[[*method.KEYS, "status", "effective_at"]]
    asked = questions.assign(customer_id=questions["customer_id"].fillna(""))
    today = method.standing(asked.assign(at=now), decisions)["status"]
    grants = decisions[decisions["status"] == "granted"]
    ever = method.standing(asked.assign(at=now), grants)["status"]
    return {
        "flag_today": method.permit(basis, today, today)[0],
        "ever_granted": method.permit(basis, ever, ever)[0],
    }


def _reach(tables: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    """Return the share of today's customers that may be contacted, where a rule speaks of it."""
    book = rulebook(tables["rules"])
    purposes = book.loc[book["purpose"] != method.ANY, "purpose"].drop_duplicates()
    channels = _channels(book, tables["consents"]).drop_duplicates()
    customers = tables["customers"]
    here = customers[customers["closed_at"].isna() | (customers["closed_at"] > now)][["customer_id"]]
    everyone = here.merge(purposes.to_frame(), how="cross").merge(
        channels.rename("channel").to_frame(), how="cross"
    )
    verdicts = judge(everyone.assign(at=now), **tables)
    verdicts = verdicts[verdicts["reason"] != "no rule"]
    shares = verdicts.groupby(["jurisdiction", "purpose", "channel"])["allowed"].mean()
    return shares.rename("share").reset_index()


def recent(result: Audit) -> pd.DataFrame:
    """Return the messages of the last quarter."""
    return result.messages[result.messages["sent_at"] >= result.as_of - pd.Timedelta(days=result.period_d)]


def by_system(result: Audit) -> pd.DataFrame:
    """Return opt-outs per system: requests, shares in time, late and overdue, median hours to act."""
    optouts = result.optouts.assign(
        hours=hours_between(result.optouts["effective_at"], result.optouts["applied_at"])
    )
    state = pd.crosstab(optouts["system_id"], optouts["state"], normalize="index")
    state = state.reindex(columns=["in time", "late", "overdue"], fill_value=0.0)
    grouped = optouts.groupby("system_id")
    return state.assign(requests=grouped.size(), median_h=grouped["hours"].median()).reset_index()
