"""May we, here, today, for this purpose? Messages against the ledger, opt-outs against their clocks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import consent as method
from playbook.pictures import BLUE, GREY, INK, ORANGE, PURPLE, RED, SKY, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "The table of reasons above counts the whole history. You want the last quarter, and only refusals.",
    "Add up all four kinds of no: an opt-out that was ignored is only one of them.",
    "Run consent.reasons(consent.recent(result)) and add up sent where allowed is False.",
)
REFUSED = {
    "withdrawn": ("after an opt-out", RED),
    "no consent": ("without consent", ORANGE),
    "no proof": ("without proof", SKY),
    "no rule": ("without a rule", PURPLE),
}
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


def _hours(start: pd.Series, end: pd.Series) -> pd.Series:
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


def shown(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the decision table as a table to read; the source of a rule that has ended says so."""
    rows = rulebook(rules).set_index(["jurisdiction", "purpose", "channel"])
    ended = rows["valid_to"].dt.strftime(" (until %Y-%m-%d)").fillna("")
    clock = [f"{hours:g}" if hours == hours else "" for hours in rows["clock_h"]]
    return pd.DataFrame({"basis": rows["basis"], "clock_h": clock, "source": rows["source"] + ended})


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


def reach_table(result: Audit) -> pd.DataFrame:
    """Return the share of customers that may be contacted today, one column per jurisdiction."""
    table = result.reach.pivot_table(index=["purpose", "channel"], columns="jurisdiction", values="share")
    return (100 * table).round(0).map(lambda share: "no rule" if pd.isna(share) else f"{share:.0f}%")


def recent(result: Audit) -> pd.DataFrame:
    """Return the messages of the last quarter."""
    return result.messages[result.messages["sent_at"] >= result.as_of - pd.Timedelta(days=result.period_d)]


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


def by_system(result: Audit) -> pd.DataFrame:
    """Return opt-outs per system: requests, shares in time, late and overdue, median hours to act."""
    optouts = result.optouts.assign(
        hours=_hours(result.optouts["effective_at"], result.optouts["applied_at"])
    )
    state = pd.crosstab(optouts["system_id"], optouts["state"], normalize="index")
    state = state.reindex(columns=["in time", "late", "overdue"], fill_value=0.0)
    grouped = optouts.groupby("system_id")
    return state.assign(requests=grouped.size(), median_h=grouped["hours"].median()).reset_index()


def plot(result: Audit) -> Axes:
    """Draw the messages that should not have gone out, by month and reason."""
    wrong = result.messages[~result.messages["allowed"]]
    month = wrong["sent_at"].dt.to_period("M")
    span = pd.period_range(result.messages["sent_at"].min(), result.messages["sent_at"].max(), freq="M")
    counts = pd.crosstab(month, wrong["reason"]).reindex(index=span, columns=list(REFUSED), fill_value=0)
    share = len(wrong) / max(len(result.messages), 1)
    with figure() as ax:
        base = np.zeros(len(span))
        for reason, (words, colour) in REFUSED.items():
            if counts[reason].any():
                ax.bar(
                    span.to_timestamp(),
                    counts[reason],
                    bottom=base,
                    width=25,
                    color=colour,
                    lw=0,
                    label=words,
                )
            base += counts[reason].to_numpy()
        ax.set_ylim(0, max(1.0, base.max() * 1.3))
        if len(wrong):
            ax.legend(loc="upper left", ncols=2)
    if len(wrong):
        often = REFUSED[wrong["reason"].mode()[0]][0]
        said = f"{len(wrong):,} messages ({share:.2%}) should not have gone out, most often {often}"
    else:
        said = "Every message that went out was allowed"
    finding(ax, said, x="Month", y="Messages refused by the ledger")
    months(ax)
    return ax


def plot_optouts(result: Audit, *, followed_d: int = 30) -> Axes:
    """Draw how soon each system acts on an opt-out: share done against hours since the customer asked.

    Only requests that could be followed for `followed_d` days, so that waiting for the young ones does not
    look like never acting.
    """
    old = result.optouts[result.optouts["effective_at"] < result.as_of - pd.Timedelta(days=followed_d)]
    hours = np.geomspace(0.5, 24 * followed_d, 120)
    done: dict[str, np.ndarray] = {}
    for system, rows in old.groupby("system_id"):
        waited = _hours(rows["effective_at"], rows["applied_at"]).fillna(np.inf).to_numpy()
        done[str(system)] = np.searchsorted(np.sort(waited), hours, side="right") / len(rows)
    allowed_h = _hours(old["effective_at"], old["due_at"])
    with figure() as ax:
        for system, share in done.items():
            ax.plot(hours, share, lw=2.2, label=system)
        ax.set_xscale("log")
        if allowed_h.notna().any():
            ax.axvline(allowed_h.min(), color=INK, lw=1.2, ls="--")
            ax.annotate(
                "shortest\ndeadline", (allowed_h.min(), 0.04), (5, 0), textcoords="offset points", fontsize=11
            )
        ticks = [1, 6, 24, 24 * 7, 24 * 30]
        ax.set_xticks(ticks, ["1 h", "6 h", "1 d", "7 d", "30 d"])
        ax.set_xticks([], minor=True)
        ax.set_ylim(0, 1.35)
        ax.set_yticks(np.linspace(0, 1, 6))
        if done:
            ax.legend(loc="upper left", ncols=2)
    late = by_system(result).assign(missed=lambda t: t["late"] + t["overdue"]).sort_values("missed")
    if len(late) and late["missed"].iloc[-1] > 0:
        worst = late.iloc[-1]
        said = f"The {worst['system_id']} is late for {worst['missed']:.0%} of opt-outs"
    else:
        said = "Every system acts on every opt-out before its deadline"
    finding(ax, said, x="Time since the customer asked", y="Opt-outs acted on (%)")
    percent(ax)
    return ax


def _left_over(messages: pd.DataFrame, every_d: float) -> pd.Series:
    """Return the chance that each message after an opt-out still goes out, reviewing every `every_d` days."""
    after = messages[messages["reason"] == "withdrawn"]
    waited = _hours(after["recorded_at"], after["sent_at"])
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
    clock_h = _hours(optouts["recorded_at"], optouts["due_at"]).to_numpy()
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


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the messages that still go out after an opt-out, one bar per time between reviews."""
    names = ["every\nsend" if days == 0 else f"{days:g} d" for days in scenarios["review_d"]]
    today = scenarios["today"].iloc[0]
    with figure() as ax:
        colours = [ORANGE if days == chosen else BLUE for days in scenarios["review_d"]]
        bars = ax.bar(names, scenarios["messages"], color=colours, width=0.65)
        ax.bar_label(bars, [f"{value:.1f}" for value in scenarios["messages"]], fontsize=11, padding=2)
        ax.axhline(today, color=GREY, lw=1.5, ls="--")
        ax.annotate(f"as it was: {today:.0f}", (0, today), (-20, 5), textcoords="offset points", fontsize=11)
        ax.set_ylim(0, max(1.0, today * 1.2))
        ax.grid(axis="x", visible=False)
    rare = scenarios.sort_values("review_d").iloc[-1]
    said = (
        f"Of {today:.0f} messages a quarter after an opt-out, a review every {rare['review_d']:g} days "
        f"would have left {rare['messages']:.0f}"
    )
    if today == 0:
        said = "Nothing went out after an opt-out, so a review has nothing to stop"
    elif chosen is not None:
        row = scenarios.loc[scenarios["review_d"] == chosen].iloc[0]
        said = f"Every {chosen:g} days" if chosen else "At every send"
        said += f": {row['messages']:.1f} messages after an opt-out, {row['late_share']:.0%} of opt-outs late"
    finding(ax, said, x="Time between reviews of all systems", y="Messages a quarter after an opt-out")
    return ax


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


def check(answer: float, truth: SimpleNamespace | None, result: Audit) -> Feedback:
    """Check "how many messages of the last quarter should not have gone out?".

    Parameters
    ----------
    answer : float
        Number of messages.
    truth : namespace or None
        `truth_labels` of the world; None on a client's data, where the answer must agree with the ledger.
    result : Audit
        The audit the participant read.
    """
    last = recent(result)
    if truth is None:
        expected, basis = int((~last["allowed"]).sum()), OWN_DATA
    else:
        labels = truth.truth_labels
        wrong = labels.loc[labels["label"] == "should not have gone out", "key"]
        expected, basis = int(last["interaction_id"].isin(wrong).sum()), PLANTED
    if expected == 0:
        near = float(answer) == 0
        return Feedback(near, "Right." if near else "Too high: check the verdicts once more.", HINTS, basis)
    return grade(float(answer), expected, tolerance=0.05, hints=HINTS, basis=basis)
