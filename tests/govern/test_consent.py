"""Messages that should not have gone out are found, all and no others; opt-outs are followed to the end."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.contract import OWN_DATA
from playbook.govern import consent
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = ("consents", "rules", "customers", "regions", "interactions")
AS_OF = WorldSettings().as_of


def audited(seed: int, effect: float = 1.0, customers: int = 400) -> tuple[consent.Audit, SimpleNamespace]:
    world = generate(WorldSettings(seed=seed, customers=customers, effect=effect), domains=["privacy"])
    result = consent.audit(**{name: world[name] for name in TABLES}, as_of=AS_OF)
    labels = world["truth_labels"]
    return result, SimpleNamespace(**world | {"truth_labels": labels[labels["play"] == "govern.consent"]})


@pytest.fixture(scope="module")
def worlds():
    return [audited(seed) for seed in range(20)]


@pytest.fixture(scope="module")
def bigger():
    return audited(3, customers=2500)


def test_every_planted_violation_is_found_with_its_reason_and_no_other(worlds):
    """In 20 worlds the refused messages are exactly the planted ones."""
    for result, world in worlds:
        refused = result.messages[~result.messages["allowed"]].set_index("interaction_id")["reason"]
        planted = world.truth_labels.set_index("key")["value"]
        assert refused.sort_index().to_dict() == planted.sort_index().to_dict()
        assert len(planted) > 20


def test_both_shortcuts_fail_on_the_same_data(worlds):
    """Today's flag accuses more good messages than there are wrong ones; "has ever agreed" misses most."""
    for result, _ in worlds:
        wrong = (~result.messages["allowed"]).sum()
        table = consent.shortcuts(result).set_index("shortcut")
        today, ever = table.loc["the flag as it stands today"], table.loc["consent ever given"]
        assert today["good messages it accuses"] > wrong
        assert today["wrong messages it misses"] > 0
        assert ever["wrong messages it misses"] > 0.5 * wrong


def test_a_quiet_world_yields_no_finding():
    """Where every system acts at once nothing is refused, nothing is late, and the decision says keep."""
    for seed in range(20):
        result, world = audited(seed, effect=0.0, customers=200)
        assert result.messages["allowed"].all()
        assert result.optouts["state"].isin(["in time"]).all()
        decision = consent.decide(result)
        assert decision.recommendation.startswith("Keep")
        assert decision.high == 0
        assert consent.check(0, world, result).near
        assert not consent.check(5, world, result).near


def test_late_and_overdue_opt_outs_equal_a_count_by_hand(bigger):
    """For decisions about one purpose and channel, states follow from the clock in the rules alone."""
    result, _ = bigger
    rows = result.optouts[(result.optouts["purpose"] == "marketing") & (result.optouts["channel"] == "email")]
    clock = {"EU": 48, "UK": 72, "US": 336, "BR": 72}
    now = pd.Timestamp(AS_OF)
    for row in rows.sample(200, random_state=1).itertuples():
        due = row.effective_at + pd.Timedelta(hours=clock[row.jurisdiction])
        assert row.due_at == due
        if row.state == "superseded":
            continue
        if pd.isna(row.applied_at):
            assert row.state in ({"overdue", "late"} if now > due else {"open"})
        else:
            assert row.state == ("in time" if row.applied_at <= due else "late")


def test_stop_everything_runs_on_the_shortest_clock(bigger):
    """An opt-out from all is due with the strictest of what it covers."""
    everything = bigger[0].optouts.query("purpose == 'any' and channel == 'any'")
    hours = (everything["due_at"] - everything["effective_at"]) / pd.Timedelta(hours=1)
    assert hours.groupby(everything["jurisdiction"]).unique().map(list).to_dict() == {
        "EU": [48.0], "UK": [72.0], "US": [336.0], "BR": [72.0],
    }  # fmt: skip


def test_who_is_called_follows_the_share_of_the_clock():
    """Half the clock, four fifths, the whole: one step each; before that nobody, and done is nobody too."""
    world = generate(WorldSettings(seed=1, customers=300), domains=["privacy"])
    eu = world["regions"].loc[world["regions"]["jurisdiction"] == "EU", "region_id"].iloc[0]
    customer = world["customers"].loc[world["customers"]["region_id"] == eu, "customer_id"].iloc[0]
    now, ages = pd.Timestamp(AS_OF).as_unit("us"), [10, 30, 40, 60, 60]
    asked = [now - pd.Timedelta(hours=hours) for hours in ages]
    consents = pd.DataFrame(
        {
            "consent_id": [f"X{n}" for n in range(5)], "customer_id": customer, "purpose": "marketing",
            "channel": ["email", "sms", "chat", "phone", "post"], "status": "withdrawn",
            "effective_at": asked, "recorded_at": asked, "system_id": "mailer",
            "applied_at": [pd.NaT] * 4 + [now - pd.Timedelta(hours=50)],
            "proof_hash": None,
        }
    ).astype({"applied_at": "datetime64[us]", "proof_hash": "str"})  # fmt: skip
    result = consent.audit(**{name: world[name] for name in TABLES} | {"consents": consents}, as_of=AS_OF)
    assert result.optouts["call"].tolist() == [
        "", "owner of the system", "head of customer service", "data protection officer", "",
    ]  # fmt: skip
    rules = world["rules"][world["rules"]["ruleset"] != "opt_out"]
    tables = {name: world[name] for name in TABLES} | {"consents": consents, "rules": rules}
    assert consent.audit(**tables, as_of=AS_OF).optouts["call"].tolist() == ["", "", "", consent.NOBODY, ""]


def test_a_rule_counts_only_on_its_own_days(bigger):
    """Brazil's marketing e-mail is judged as opt-out before the change and as opt-in after it."""
    messages = bigger[0].messages.query(
        "jurisdiction == 'BR' and purpose == 'marketing' and channel == 'email'"
    )
    changed = bigger[1].rules["valid_to"].max()
    assert set(messages.loc[messages["sent_at"] < changed, "basis"]) == {"opt_out"}
    assert set(messages.loc[messages["sent_at"] >= changed, "basis"]) == {"opt_in"}


def test_reading_on_an_earlier_day_ignores_what_came_later(bigger):
    """Last quarter's audit is not changed by this quarter's ledger."""
    _, world = bigger
    day = "2026-01-01"
    tables = {name: getattr(world, name) for name in TABLES}
    known = tables["consents"][tables["consents"]["recorded_at"] < day]
    known = known.assign(applied_at=known["applied_at"].where(known["applied_at"] < day))
    sent = tables["interactions"][tables["interactions"]["arrived_at"] < day]
    full = consent.audit(**tables, as_of=day)
    cut = consent.audit(**tables | {"consents": known, "interactions": sent}, as_of=day)
    pd.testing.assert_frame_equal(full.messages, cut.messages)
    pd.testing.assert_frame_equal(full.optouts, cut.optouts)


def test_unknown_customers_are_refused(bigger):
    """A message to nobody we know has no law that allows it, not even for service."""
    _, world = bigger
    sent = world.interactions.head(2).assign(customer_id=["C-unknown", None], purpose="service")
    tables = {name: getattr(world, name) for name in TABLES} | {"interactions": sent}
    assert consent.audit(**tables, as_of=AS_OF).messages["reason"].tolist() == ["no rule", "no rule"]


def test_a_store_without_messages_out_is_refused_in_words(bigger):
    """Calls that came in are not messages to judge."""
    tables = {name: getattr(bigger[1], name) for name in TABLES}
    with pytest.raises(ValueError, match="no message went out"):
        consent.audit(**tables | {"interactions": tables["interactions"].assign(direction="in")}, as_of=AS_OF)


def test_a_ledger_without_opt_outs_still_makes_a_page(bigger):
    """A client whose customers never said no gets an empty queue, pictures and a decision."""
    tables = {name: getattr(bigger[1], name) for name in TABLES}
    tables["consents"] = tables["consents"].query("status == 'granted'")
    result = consent.audit(**tables, as_of=AS_OF)
    assert consent.queue(result).empty
    assert consent.case(result).empty
    assert consent.plot_optouts(result).figure.get_suptitle().startswith("Every system")
    assert (
        "nothing to stop"
        in consent.plot_what_if(consent.what_if(result, review_d=[1, 7]), 7).figure.get_suptitle()
    )
    assert consent.decide(result).high == 0


def test_reviews_leave_what_a_replayed_review_leaves(bigger):
    """The expected leftover of a weekly review equals the average over reviews replayed at 28 phases."""
    result, _ = bigger
    wrong = result.messages[result.messages["reason"] == "withdrawn"]
    sent, known = (
        wrong[c].to_numpy().astype("datetime64[s]").astype(float) / 3600 for c in ("sent_at", "recorded_at")
    )
    replayed = [
        (np.ceil((known - phase) / 168) * 168 + phase > sent).sum() for phase in np.arange(0, 168, 6)
    ]  # fmt: skip
    span = (result.as_of - result.messages["sent_at"].min()) / pd.Timedelta(days=91)
    row = consent.what_if(result, review_d=[7]).iloc[0]
    assert row["messages"] * span == pytest.approx(np.mean(replayed), rel=0.05, abs=0.5)


def test_rarer_reviews_leave_more_and_none_leave_all(bigger):
    """More messages and more late opt-outs with every longer wait, up to what was without a review."""
    table = consent.what_if(bigger[0], review_d=[0, 1, 7, 30, 90, 100_000])
    assert table["messages"].is_monotonic_increasing
    assert table["late_share"].is_monotonic_increasing
    assert table["messages"].iloc[-1] == pytest.approx(table["today"].iloc[-1], rel=0.02)


def test_moving_the_slider_changes_the_title(bigger):
    """Each scenario has its own numbers in the title."""
    scenarios = consent.what_if(bigger[0], review_d=[0, 7, 90])
    titles = {consent.plot_what_if(scenarios, chosen).figure.get_suptitle() for chosen in (None, 0, 7, 90)}
    assert len(titles) == 4


def test_reach_is_the_share_of_customers_that_may_be_contacted_today(bigger):
    """Counted by hand for one law, purpose and channel: a provable yes that stands."""
    result, world = bigger
    law = world.customers["region_id"].map(world.regions.set_index("region_id")["jurisdiction"])
    people = set(world.customers.loc[(law == "EU") & world.customers["closed_at"].isna(), "customer_id"])
    said = world.consents.drop_duplicates("consent_id").sort_values("effective_at")
    said = said[said["purpose"].isin(["marketing", "any"]) & said["channel"].isin(["email", "any"])]
    said = said[(said["status"] == "withdrawn") | said["proof_hash"].notna()]
    last = said.groupby("customer_id")["status"].last()
    yes = people & set(last.index[last == "granted"])
    row = result.reach.query("jurisdiction == 'EU' and purpose == 'marketing' and channel == 'email'")
    assert row["share"].iloc[0] == pytest.approx(len(yes) / len(people))


def test_the_case_shown_is_one_that_todays_flag_forgives(bigger):
    """The example holds a refused message after an opt-out and a later allowed one."""
    example = consent.case(bigger[0])
    assert {"withdrawn", "consent"} <= set(example["reason"])
    assert len(set(example["customer_id"])) == 1


def test_feedback_says_which_way_and_hides_the_answer(bigger):
    """Against the truth, and against the ledger where there is no truth."""
    result, world = bigger
    right = len(consent.recent(result).query("not allowed"))
    assert consent.check(right, world, result).near
    only_optouts = (consent.recent(result)["reason"] == "withdrawn").sum()
    feedback = consent.check(only_optouts, world, result)
    assert not feedback.near
    assert feedback.message.startswith("Too low")
    assert str(right) not in feedback.message + " ".join(feedback.hints)
    assert consent.check(right, None, result).basis == OWN_DATA


def test_decision_names_the_system_that_loses_most(bigger):
    """Overdue opt-outs are called about, starting with the system that has most of them."""
    decision = consent.decide(bigger[0], review_d=7)
    assert "survey tool" in decision.recommendation
    assert "data protection officer" in decision.recommendation
    assert decision.low <= decision.high


def test_the_pictures_state_the_counts(bigger):
    """The titles carry the figures of the data."""
    result, _ = bigger
    assert f"{(~result.messages['allowed']).sum():,}" in consent.plot(result).figure.get_suptitle()
    assert "survey tool" in consent.plot_optouts(result).figure.get_suptitle()
