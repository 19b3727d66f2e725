"""The ledger answers as a clerk would who reads every event in turn, whatever the order of its rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.methods import consent

LAWS, PURPOSES, CHANNELS = ["EU", "US"], ["marketing", "survey"], ["email", "sms"]
DAY0 = pd.Timestamp("2026-01-01").as_unit("us")
decisions = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(["C1", "C2"]),
            "purpose": st.sampled_from([*PURPOSES, "any"]),
            "channel": st.sampled_from([*CHANNELS, "any"]),
            "status": st.sampled_from(["granted", "withdrawn"]),
            "day": st.integers(0, 6),
        }
    ),
    min_size=1,
    max_size=12,
)
rules = st.lists(
    st.fixed_dictionaries(
        {
            "jurisdiction": st.sampled_from([*LAWS, "any"]),
            "purpose": st.sampled_from([*PURPOSES, "any"]),
            "channel": st.sampled_from([*CHANNELS, "any"]),
            "priority": st.integers(1, 3),
            "basis": st.sampled_from(["opt_in", "opt_out", "contract"]),
            "from": st.integers(0, 3),
            "to": st.one_of(st.none(), st.integers(3, 7)),
        }
    ),
    min_size=1,
    max_size=6,
)


def moment(day: int | None) -> pd.Timestamp:
    return pd.NaT if day is None else DAY0 + pd.Timedelta(days=day)


def every_question() -> pd.DataFrame:
    """Each customer, law, purpose, channel and day, once."""
    index = pd.MultiIndex.from_product([["C1", "C2"], LAWS, PURPOSES, CHANNELS, range(-1, 8)])
    asked = index.to_frame(index=False, name=["customer_id", "jurisdiction", "purpose", "channel", "day"])
    return asked.assign(at=asked["day"].map(moment).astype("datetime64[us]"))


def ledger_of(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(
        effective_at=lambda t: t["day"].map(moment).astype("datetime64[us]")
    ).drop(columns="day")  # fmt: skip


def table_of(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows).assign(rule_id=[f"r{n}" for n in range(len(rows))])
    for column, day in (("valid_from", "from"), ("valid_to", "to")):
        table[column] = pd.Series([moment(row[day]) for row in rows], dtype="datetime64[us]")
    return table.drop(columns=["from", "to"])


def fits(scope: dict, question, *parts: str) -> bool:
    return all(scope[part] in (getattr(question, part), "any") for part in parts)


def clerk(question, events: list[dict], book: list[dict]) -> tuple[bool, str]:
    """Read the rules, then every event up to the question in turn; on one day a withdrawal comes last."""
    held = [
        (rule["priority"], number, rule["basis"])
        for number, rule in enumerate(book)
        if fits(rule, question, "jurisdiction", "purpose", "channel")
        and rule["from"] <= question.day
        and (rule["to"] is None or question.day < rule["to"])
    ]
    if not held:
        return False, "no rule"
    basis = min(held)[2]
    if basis == "contract":
        return True, "contract"
    state = None
    for event in sorted(events, key=lambda e: (e["day"], e["status"] == "withdrawn")):
        mine = event["customer_id"] == question.customer_id and fits(event, question, "purpose", "channel")
        if mine and event["day"] <= question.day:
            state = event["status"]
    if state == "withdrawn":
        return False, "withdrawn"
    if state == "granted":
        return True, "consent"
    return (True, "no objection") if basis == "opt_out" else (False, "no consent")


def verdicts(questions: pd.DataFrame, ledger: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    basis = np.append(table["basis"].to_numpy(dtype=object), "none")[consent.governing(questions, table)]
    status = consent.standing(questions, ledger)["status"]
    allowed, reason = consent.permit(basis, status, status)
    return pd.DataFrame({"basis": basis, "allowed": allowed, "reason": reason})


@settings(max_examples=60)
@given(events=decisions, book=rules)
def test_every_answer_equals_the_clerks(events, book):
    """All questions, all reasons, against an evaluator that walks through the events one by one."""
    questions = every_question()
    found = verdicts(questions, ledger_of(events), table_of(book))
    expected = [clerk(question, events, book) for question in questions.itertuples()]
    assert list(zip(found["allowed"], found["reason"], strict=True)) == expected


@settings(max_examples=60)
@given(events=decisions, book=rules)
def test_no_message_is_allowed_after_a_withdrawal_in_force(events, book):
    """Whatever came before: after a no, only a later yes or a contract opens the way."""
    questions = every_question()
    found = verdicts(questions, ledger_of(events), table_of(book))
    for question, answer in zip(questions.itertuples(), found.itertuples(), strict=True):
        mine = [
            e for e in events
            if e["customer_id"] == question.customer_id and e["day"] <= question.day
            and fits(e, question, "purpose", "channel")
        ]  # fmt: skip
        said_no = max((e["day"] for e in mine if e["status"] == "withdrawn"), default=-1)
        said_yes = max((e["day"] for e in mine if e["status"] == "granted"), default=-1)
        if said_no >= 0 and said_no >= said_yes and answer.basis != "contract":
            assert not answer.allowed


@settings(max_examples=40)
@given(events=decisions, book=rules, data=st.data())
def test_the_order_of_arrival_never_matters(events, book, data):
    """Ledger, rules and questions in any order give the same answers."""
    questions, ledger, table = every_question(), ledger_of(events), table_of(book)
    expected = verdicts(questions, ledger, table)
    order = data.draw(st.permutations(range(len(ledger))))
    rows = data.draw(st.permutations(range(len(table))))
    turned = questions.iloc[::-1]
    found = verdicts(turned, ledger.iloc[order], table.iloc[rows])
    pd.testing.assert_frame_equal(found.iloc[::-1].reset_index(drop=True), expected)


def test_what_no_rule_names_is_refused():
    """An unknown basis, an unknown law and a customer without one are all a no."""
    allowed, reason = consent.permit(["hunch"], ["granted"], ["granted"])
    assert (allowed[0], reason[0]) == (False, "no rule")
    everything = [dict.fromkeys(("jurisdiction", "purpose", "channel"), "any")]
    table = table_of(
        [rule | {"priority": 1, "basis": "contract", "from": 0, "to": None} for rule in everything]
    )
    asked = pd.DataFrame({"jurisdiction": ["EU", None], "purpose": "survey", "channel": "sms", "at": DAY0})
    assert consent.governing(asked, table).tolist() == [0, -1]


def test_states_of_a_request():
    """Done, due, past due and replaced, by hand."""
    day = {n: np.datetime64(f"2026-01-{n:02d}", "us") for n in range(1, 20)} | {
        None: np.datetime64("NaT", "us")
    }
    cases = [  # due, applied, replaced by a later yes
        (5, 3, None, "in time"),
        (5, 7, None, "late"),
        (5, None, None, "overdue"),
        (15, None, None, "open"),
        (5, None, 4, "superseded"),
        (5, None, 7, "late"),
        (None, None, None, "open"),
    ]
    columns = [[day[case[n]] for case in cases] for n in range(3)]
    assert consent.request_state(*columns, as_of=day[10]).tolist() == [case[3] for case in cases]


def test_review_share_equals_a_simulated_review():
    """With a uniform phase, the chance that no review came by equals that of a drawn clock."""
    phase = np.random.default_rng(4).uniform(0, 168, 200_000)
    for waited in (10, 100, 167):
        assert consent.missed_by_review([waited], every_h=168)[0] == pytest.approx(
            (phase > waited).mean(), abs=0.005
        )


def test_negative_time_between_reviews_is_refused():
    """A review cannot come before itself."""
    with pytest.raises(ValueError, match="must not be negative"):
        consent.missed_by_review([1], every_h=-1)
