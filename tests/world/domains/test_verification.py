"""Fraud is found by the audit slice, credits by their lot, and the hard rule holds everywhere."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_service import effects_of, service_worlds, share_gap


def checks(world) -> pd.DataFrame:
    """Contacts that could be checked, with what is true and what came of the case."""
    rows = world.actions[world.actions["action_code"] == "identity check"]
    fraud = world.truth_labels.query("label == 'fraud'")[["seed", "key"]].assign(fraud=True)
    rows = rows.merge(fraud, left_on=["seed", "subject_id"], right_on=["seed", "key"], how="left")
    rows["fraud"] = rows["fraud"].notna()
    trust = world.customers[["seed", "customer_id", "trust_level"]]
    tickets = world.tickets[["seed", "interaction_id", "back", "verification_level"]]
    rows = rows.merge(trust, on=["seed", "customer_id"])
    return rows.merge(
        tickets, left_on=["seed", "subject_id"], right_on=["seed", "interaction_id"], how="left"
    )


@pytest.fixture(scope="module")
def checked():
    """Checks of all worlds."""
    return checks(service_worlds())


@pytest.mark.parametrize("trust", ["new", "standard", "trusted"])
def test_trust_rules_audit_slice_gives_the_fraud_rate_and_checks_overstate_it(checked, trust):
    """The slice by lot is within 3.5 standard errors of the true rate; all checks together say far too much."""
    rows = checked[checked["trust_level"] == trust]
    slice_ = rows[rows["propensity_share"].notna()]["taken"]
    true, n = rows["fraud"].mean(), len(slice_)
    assert slice_.mean() == pytest.approx(true, abs=3.5 * np.sqrt(true * (1 - true) / n))
    if trust != "trusted":  # of whom too few are suspected to tell
        assert rows[rows["shown"]]["taken"].mean() > 1.3 * true


def test_trust_rules_threshold_of_expected_loss_separates_the_levels_of_trust(checked):
    """A check pays where fraud times its loss is more than the check and the annoyance: by audit as by truth."""
    loss = 320.0
    cost = 75 / 3600 * 24 + 0.08 * 100.0  # seconds of an agent, and repeats of honest customers at 100 each
    audit = checked[checked["propensity_share"].notna()].groupby("trust_level")["taken"].mean()
    truth = checked.groupby("trust_level")["fraud"].mean()
    assert ((audit * loss > cost) == (truth * loss > cost)).all()
    assert (truth * loss > cost).nunique() == 2  # the rule is not the same for all


def test_trust_rules_checks_annoy_honest_customers_as_planted(checked):
    """Audited against unaudited honest customers, by lot: the planted friction."""
    truth = effects_of(service_worlds(), "design.trust_rules")["size"]["full check", "honest customers"]
    honest = checked[~checked["fraud"] & checked["back"].notna()]
    chosen = honest["shown"] & honest["propensity_share"].isna()
    gap, error = share_gap(honest[~chosen]["back"], honest[~chosen]["propensity_share"].notna())
    assert gap == pytest.approx(truth, abs=3.5 * error)
    assert gap > 2 * error


def test_trust_rules_new_customers_are_never_let_through(checked):
    """The hard rule holds for every contact; fraud is known only after a full check."""
    assert (checked[checked["trust_level"] == "new"]["verification_level"].dropna() != "none").all()
    assert not (checked["taken"] & ~checked["shown"]).any()


def credits(world) -> pd.DataFrame:
    """Complaints with the credit limit of their desk and month."""
    limits = world.assignments[world.assignments["initiative_id"].str.startswith("TI")]
    limits = limits[["seed", "subject_id", "arm", "starts_at"]].sort_values("starts_at")
    rows = world.actions[world.actions["action_code"] == "goodwill credit"].rename(
        columns={"subject_id": "ticket_id"}
    )
    columns = ["seed", "ticket_id", "queue", "back", "severity", "opened_at"]
    rows = rows.merge(world.tickets[columns], on=["seed", "ticket_id"]).sort_values("opened_at")
    limits = limits.rename(columns={"subject_id": "queue"})
    return pd.merge_asof(rows, limits, left_on="opened_at", right_on="starts_at", by=["seed", "queue"])


def test_trust_rules_limit_by_lot_recovers_what_a_credit_does():
    """Repeats by limit over credits by limit: the planted effect, which what agents chose to give hides."""
    rows = credits(service_worlds())
    truth = effects_of(service_worlds(), "design.trust_rules")["size"]["goodwill credit", "complaints"]
    lot, chosen = rows[rows["arm"].notna()], rows[rows["arm"].isna()]
    allowed = lot["arm"] != "0"
    reduced, error = share_gap(lot["back"], allowed)
    given = lot.loc[allowed, "taken"].mean()
    assert lot.loc[~allowed, "taken"].sum() == 0
    assert reduced / given == pytest.approx(truth, abs=3.5 * error / given)
    assert reduced < -2 * error
    angry, _ = share_gap(chosen["back"], chosen["taken"])
    assert angry > truth + 0.05


def test_trust_rules_minutes_of_discretion_are_logged():
    """What a credit takes is the planted time, the allowance that staffing needs."""
    taken = credits(service_worlds()).query("taken")["duration_s"]
    assert taken.mean() == pytest.approx(260, abs=3.5 * taken.sem())


def test_trust_rules_without_an_effect_there_is_neither_fraud_nor_friction():
    """In worlds without it no check finds anything and no credit changes anything."""
    world = service_worlds(planted=False, seeds=8)
    rows = checks(world)
    assert not rows["fraud"].any()
    assert not rows["taken"].any()
    honest = rows[rows["back"].notna() & ~(rows["shown"] & rows["propensity_share"].isna())]
    gap, error = share_gap(honest["back"], honest["shown"])
    assert abs(gap) < 3 * error
    lot = credits(world).query("arm.notna()")
    gap, error = share_gap(lot["back"], lot["arm"] != "0")
    assert abs(gap) < 3 * error
