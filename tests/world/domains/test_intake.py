"""Every planted defect is of its kind and row; a gate finds those that can be seen, types alone do not."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.intake import CRM_DEFECTS, ERP_DEFECTS, PLAY, PORTAL_DEFECTS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = ("src_erp_orders", "src_support_tickets", "src_crm_customers")


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1000, **settings), domains=["intake"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(4)]


def day(texts: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(texts, format=form, errors="coerce")


def order_checks(tables) -> dict[str, pd.Series]:
    """What each check stops among the ERP's rows."""
    rows = tables["src_erp_orders"]
    ordered, booked = (day(rows[column], "%d.%m.%Y") for column in ("ordered_on", "booked_on"))
    price = pd.to_numeric(rows["unit_price"], errors="coerce")
    listed = rows["article"].map(tables["products"].set_index("product_id")["price_amt"])
    return {
        "missing customer": rows["customer_no"].isna(),
        "unknown customer": rows["customer_no"].notna()
        & ~rows["customer_no"].isin(tables["src_erp_customers"]["customer_no"]),
        "impossible date": ordered.isna(),
        "future date": ordered > rows["extracted_at"],
        "booked before ordered": booked < ordered.where(ordered <= rows["extracted_at"]),
        "negative quantity": pd.to_numeric(rows["quantity"]) < 0,
        "decimal comma": price.isna(),
        "price in cents": price > 20 * listed,
        "unknown status": ~rows["status"].isin(["O", "S", "X"]),
        "row twice": rows["order_no"].duplicated(),
    }


def request_checks(tables) -> dict[str, pd.Series]:
    """What each check stops among the portal's rows."""
    rows = tables["src_support_tickets"]
    opened, closed = (day(rows[column], "%Y-%m-%dT%H:%M") for column in ("opened", "closed"))
    return {
        "missing user": rows["user_id"].isna(),
        "unknown user": rows["user_id"].notna()
        & ~rows["user_id"].isin(tables["src_support_users"]["user_id"]),
        "impossible date": opened.isna(),
        "closed before opened": closed < opened,
        "unknown priority": ~rows["priority"].isin(["1", "2", "3", "4"]),
        "garbled text": rows["subject"].str.contains("Ã", regex=False),
        "row twice": rows["ticket_no"].duplicated(),
    }


def labels(tables, table: str) -> pd.DataFrame:
    rows = tables["truth_labels"]
    return rows[(rows["play"] == PLAY) & (rows["table"] == table)]


def test_tables_are_canonical(worlds):
    """The exports keep their raw schemas."""
    for name in TABLES:
        validate(name, worlds[0][name])


def test_intake_validation_recovers_every_kind_that_can_be_seen(worlds):
    """Each check stops the rows of its kind and no other; what is accepted and stopped adds up to what came in."""
    for tables in worlds:
        for table, checks in (("src_erp_orders", order_checks), ("src_support_tickets", request_checks)):
            rows, planted = tables[table], labels(tables, table)
            stopped = pd.DataFrame(checks(tables))
            for kind, hit in stopped.items():
                assert set(rows.loc[hit, "row_no"]) == set(planted.loc[planted["label"] == kind, "key"]), kind
            quarantined = stopped.any(axis=1)
            assert quarantined.sum() + (~quarantined).sum() == len(rows)
            assert quarantined.mean() > 0.03


def test_intake_validation_types_alone_miss_what_costs_most(worlds):
    """Checks of types and gaps find less than half of the defects and leave most of the error in the revenue."""
    for tables in worlds:
        checks, planted = order_checks(tables), labels(tables, "src_erp_orders")
        by_type = checks["missing customer"] | checks["impossible date"] | checks["decimal comma"]
        assert by_type.sum() < 0.5 * len(planted)
        rows = tables["src_erp_orders"]
        price = pd.to_numeric(rows["unit_price"], errors="coerce")
        revenue = (price * pd.to_numeric(rows["quantity"])).fillna(0)
        effects = tables["truth_effects"].query("play == @PLAY").set_index("action")["size"]
        true = revenue.sum() / (1 + effects.sum())
        gated = revenue[~pd.DataFrame(checks).any(axis=1)].sum()
        assert revenue[~by_type].sum() / true > 1.2
        assert 0.85 < gated / true < 1.02  # what was stopped is missing, little else is wrong


def test_intake_validation_no_check_sees_a_likely_number(worlds):
    """Rows with another quantity pass every check: recall over all kinds is below one."""
    tables = worlds[0]
    other = labels(tables, "src_erp_orders").query("label == 'other quantity'")["key"]
    passed = tables["src_erp_orders"].loc[~pd.DataFrame(order_checks(tables)).any(axis=1), "row_no"]
    assert len(other) >= 5
    assert set(other) <= set(passed)


def test_intake_validation_finds_defects_of_contacts(worlds):
    """Mailboxes without an @, unknown countries and impossible dates are those planted, but for typing errors."""
    for tables in worlds:
        rows, planted = tables["src_crm_customers"], labels(tables, "src_crm_customers")
        checks = {
            "no mailbox": rows["email"].notna() & ~rows["email"].str.contains("@", regex=False),
            "unknown country": ~rows["country"].isin(tables["regions"]["country"]),
            "impossible date": day(rows["created_on"], "%Y-%m-%d").isna(),
        }
        for kind, hit in checks.items():
            found, true = set(rows.loc[hit, "crm_id"]), set(planted.loc[planted["label"] == kind, "key"])
            assert true <= found
            assert len(found - true) <= 3


def test_intake_validation_shares_are_as_planted(worlds):
    """Each kind is as frequent as planted."""
    found = pd.concat([tables["truth_labels"] for tables in worlds]).query("play == @PLAY")
    for table, kinds in zip(TABLES, (ERP_DEFECTS, PORTAL_DEFECTS, CRM_DEFECTS), strict=True):
        rows = sum(len(tables[table]) for tables in worlds)
        for kind, (_, share) in kinds.items():
            count = ((found["table"] == table) & (found["label"] == kind)).sum()
            assert count == pytest.approx(share * rows, abs=4.5 * np.sqrt(share * rows) + 0.08 * share * rows)


@pytest.mark.parametrize("settings", [{"effects": {PLAY: 0}}, {"defects": 0.0}])
def test_intake_validation_stops_nothing_without_defects(settings):
    """A clean export passes every check."""
    tables = world(3, **settings)
    assert not pd.DataFrame(order_checks(tables)).any(axis=None)
    assert not pd.DataFrame(request_checks(tables)).any(axis=None)
    assert not len(labels(tables, "src_erp_orders"))
