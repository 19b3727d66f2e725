"""What comes back, and how much of it was used: the lot says it, the clerks' finds overstate it."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains import returns
from tests.world.worlds_of_fulfilment import END, SEEDS, small_world, world


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which nobody returns what was used."""
    return [world(seed, planted=False) for seed in SEEDS]


def returned(tables):
    """Lines that came back, with their key, customer and the truth about them."""
    lines = tables["order_lines"].dropna(subset=["returned_at"])
    lines = lines.merge(tables["orders"][["order_id", "customer_id", "ordered_at"]])
    lines["key"] = lines["order_id"] + "|" + lines["line_no"].astype(str)
    labels = tables["truth_labels"]
    used = labels[(labels["play"] == returns.PLAY) & (labels["label"] == "used")]
    return lines.assign(is_used=lines["key"].isin(used["key"]))


def by_lot(tables):
    arms = tables["assignments"]
    return arms[(arms["initiative_id"] == returns.INITIATIVE)].set_index("subject_id")


def test_tables_keep_their_schemas(worlds):
    """Lines, assignments and initiatives pass their declarations; what comes back was delivered before."""
    tables = worlds[0]
    for name in ("order_lines", "assignments", "initiatives"):
        validate(name, tables[name])
    lines = returned(tables).merge(tables["shipments"][["order_id", "delivered_at"]])
    assert (lines["returned_at"] > lines["delivered_at"]).all()
    assert (lines["qty_returned"] == lines["qty_ordered"]).all()
    assert by_lot(tables).index.isin(lines["key"]).all()
    assert not tables["order_lines"].loc[tables["order_lines"]["returned_at"].isna(), "inspected"].any()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "software"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, an industry where little comes back, no effect, few customers."""
    tables = small_world("returns", **changes)
    validate("order_lines", tables["order_lines"])
    validate("assignments", tables["assignments"])


def audit(tables):
    """Share of used ones among returns inspected by lot, with its standard error; the planted share among all."""
    lines = returned(tables).set_index("key")
    arms = by_lot(tables)
    lot = lines.loc[arms.index[arms["arm"] == "audit"]]
    assert lot["inspected"].all()
    share = (lot["return_condition"] == "used").mean()
    return share, np.sqrt(share * (1 - share) / len(lot)), lines.loc[arms.index, "is_used"].mean()


def test_returns_policy_recovers_the_abuse_rate_from_the_random_audit(worlds):
    """The share among those drawn by lot scatters about the planted share as its standard error says."""
    z = [(found - planted) / se for found, se, planted in (audit(tables) for tables in worlds)]
    assert abs(np.mean(z)) < 3 / np.sqrt(len(z))
    assert np.max(np.abs(z)) < 3.5


def test_returns_policy_by_weighting_all_inspected_returns_needs_the_lot(worlds):
    """All inspected returns taken together overstate abuse by half and more in every world."""
    for tables in worlds:
        lines = returned(tables)
        inspected = lines[lines["inspected"]]
        assert (inspected["return_condition"] == "used").mean() > 1.5 * lines["is_used"].mean()


def propensity(tables):
    """Returned lines of each customer against those delivered, shrunk to the mean (gamma prior of five expected lines)."""
    lines = tables["order_lines"].merge(tables["orders"][["order_id", "customer_id"]])
    bought = lines["customer_id"].value_counts()
    back = (
        lines.loc[lines["returned_at"].notna(), "customer_id"].value_counts().reindex(bought.index).fillna(0)
    )
    usual = back.sum() / bought.sum()
    return (back + 0.5) / (usual * bought + 0.5)


def test_returns_policy_finds_abusers_at_the_review_budget(worlds):
    """Reviewing as many customers as are planted finds five times as many abusers as chance, and more of those who buy
    enough to be seen.
    """
    found = []
    for tables in worlds:
        labels = tables["truth_labels"]
        abusers = labels.loc[labels["label"] == "abuser", "key"]
        score = propensity(tables)
        abusers = abusers[abusers.isin(score.index)]
        found.append(abusers.isin(score.nlargest(len(abusers)).index).mean() / (len(abusers) / len(score)))
    assert np.mean(found) > 5


def test_returns_policy_finds_no_abuse_where_none_is_planted(quiet):
    """No inspection finds a used return, and truth names no abuser."""
    for tables in quiet:
        assert audit(tables)[0] == 0
        assert not (tables["truth_labels"]["play"] == returns.PLAY).any()


def test_wrong_and_late_parcels_come_back_and_cost_money(worlds):
    """Lines of wrong parcels come back at the planted rate; late ones more often than others, by the planted factor."""
    tables = pd.concat([t["order_lines"].merge(t["shipments"], on="order_id") for t in worlds[:4]])
    settled = tables[tables["delivered_at"] < END - pd.Timedelta(weeks=12)]
    back = settled["returned_at"].notna()
    wrong = ~settled["items_correct"]
    late = settled["delivered_at"] > settled["promised_at"]
    assert back[wrong].mean() == pytest.approx(returns.WRONG_RETURNS, abs=0.03)
    assert back[~wrong & late].mean() / back[~wrong & ~late].mean() == pytest.approx(
        returns.LATE_RETURNS, rel=0.12
    )
    assert settled.loc[wrong & back, "refund_amt"].sum() > 0
