"""Tiers follow customers who change, and leave alone those who do not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import tier_assignment
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "define.tier_assignment"


def solved(folder, effect: float) -> SimpleNamespace:
    tables = generate(WorldSettings(seed=3, customers=4000, effect=effect), domains=["orders"])
    write_store(
        folder / "store", {name: tables[name] for name in ("orders", "order_lines")}, {"kind": "client"}
    )
    weeks = Store(folder / "store").view("value_weeks", as_of="2026-07-01")
    of_play = {name: tables[name].query("play == @PLAY") for name in ("truth_labels", "truth_shifts")}
    truth = SimpleNamespace(**of_play, truth_purchases=tables["truth_purchases"])
    return SimpleNamespace(tables=tables, weeks=weeks, truth=truth, result=tier_assignment.tiers(weeks))


@pytest.fixture(scope="module", params=[1.0, 0.0], ids=["effect", "no effect"])
def world(request, tmp_path_factory):
    return solved(tmp_path_factory.mktemp("tiers"), request.param)


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    return solved(tmp_path_factory.mktemp("changing"), 1.0)


def steady(world) -> pd.Index:
    """Customers planted as constant who bought from the first day to the last."""
    truth = world.truth.truth_purchases.merge(world.tables["customers"], on="customer_id")
    there = truth[truth["active"] & (truth["created_at"] == truth["created_at"].min())]["customer_id"]
    return world.result.values.index.intersection(there[there.isin(world.truth.truth_labels["key"])])


def moves(levels: pd.DataFrame) -> float:
    """Moves per 100 customer-years, by pandas."""
    return levels.diff(axis=1).iloc[:, 1:].ne(0).sum(axis=1).mean() * 5200 / (levels.shape[1] - 1)


def test_constant_customers_move_at_most_as_often_as_the_target(world):
    """Today's rule moves them several times as often; with or without other customers who change."""
    levels, who = world.result.levels, steady(world)
    assert len(who) > 40
    assert moves(levels["chosen"].loc[who]) < world.result.target
    assert moves(levels["today"].loc[who]) > 3 * moves(levels["chosen"].loc[who])


def test_a_band_and_a_stay_cut_the_false_moves_of_the_same_score(world):
    """The same weeks in the score, with and without brakes, on planted constant customers."""
    values, cuts = world.result.values.loc[steady(world)], world.result.cuts
    plain, calm = (
        tier_assignment.assigned(values, cuts, tier_assignment.Rule(26, band, stay), since=52)
        for band, stay in ((0.0, 1), (0.3, 13))
    )
    assert moves(calm) < 0.6 * moves(plain)


def test_planted_changes_are_followed_as_late_as_predicted(changing):
    """Customers whose business grew or shrank, and whose new tier differs: most are in it within twice the mean delay."""
    result, truth = changing.result, changing.truth
    latent = truth.truth_purchases.set_index("customer_id")
    values, cuts, rule = result.values, result.cuts, result.chosen
    levels, found, before = result.levels["chosen"], [], []
    for row in truth.truth_shifts.itertuples():
        if row.subject not in values.index or not latent.loc[row.subject, "active"]:
            continue
        weeks = values.columns
        old = values.loc[row.subject, weeks < row.start_at].mean() * 52
        new = values.loc[row.subject, weeks >= row.start_at].mean() * 52
        right, was = (np.searchsorted(cuts, level, side="right") for level in (new, old))
        if right == was or (right > was) != (row.size > 0):
            continue
        after = levels.loc[row.subject, levels.columns >= row.start_at]
        found.append(bool((after.iloc[: 2 * int(result.of(rule)["delay_weeks"])] == right).any()))
        before.append(bool(after.iloc[0] == right))
    assert len(found) >= 8
    assert np.mean(found) > 0.7
    assert np.mean(before) < 0.5


def test_feedback_says_which_way_and_hides_the_answer(world):
    """The shuffled histories are near the planted constants; belief in every move is too low."""
    expected = world.result.by_chance["today"]
    assert tier_assignment.check(expected, world.truth, world.result).near
    assert tier_assignment.check(1, world.truth, world.result).message.startswith("Too low")
    assert tier_assignment.check(5 * expected, world.truth, world.result).message.startswith("Too high")
    own = tier_assignment.check(expected, None, world.result)
    assert own.near
    assert "no planted truth" in own.basis


def test_a_lower_target_waits_longer_and_changes_the_rule(world):
    """Along the steps of the slider the delay falls as more false moves are allowed."""
    table = tier_assignment.what_if(world.result, target=tier_assignment.target_steps(world.result))
    assert table["within"].all()
    assert table["rule"].nunique() >= 4
    assert (table["delay_weeks"].diff().dropna() <= 0.5).all()


def test_decision_names_the_cuts_and_the_wait_that_would_flip_it(changing):
    """The rule that is faster costs more false moves."""
    decision = tier_assignment.decide(changing.result)
    assert f"{changing.result.cuts[0]:,.0f}" in decision.recommendation
    assert decision.low <= changing.result.by_chance["chosen"] <= decision.high
    assert "false moves" in decision.flips_if


def test_movers_are_those_whose_tier_differs_and_a_contract_holds(changing):
    """By plain comparison of two weeks; a gold contract of the account or the customer holds whoever is below gold."""
    result = changing.result
    levels = result.levels["chosen"]
    moved = tier_assignment.movers(result)
    assert set(moved.index) == set(levels.index[levels.iloc[:, -1] != levels.iloc[:, -5]])
    assert not moved["held"].any()
    assert "No contracts" in tier_assignment.listed(result, moved, None)
    below = moved.index[moved["now"] != "gold"][:2]
    contracts = pd.DataFrame(
        {"party_id": ["acc", below[1], below[0]], "tier": "gold", "starts_on": pd.Timestamp("2026-01-01")}
    ).assign(ends_on=pd.to_datetime(["2027-01-01", "2027-01-01", "2026-02-01"]))
    customers = pd.DataFrame({"customer_id": below, "account_id": ["acc", None]})
    held = tier_assignment.movers(result, customers=customers, contracts=contracts)["held"]
    assert set(held.index[held]) == set(below)
    alone = tier_assignment.movers(result, contracts=contracts)["held"]
    assert set(alone.index[alone]) == {below[1]}


def test_weeks_and_returns_are_counted_by_the_view(tmp_path):
    """A return is taken off in its week; the day of reading and cancelled orders are not counted."""
    orders = pd.DataFrame(
        {
            "order_id": list("abcdef"),
            "customer_id": "x",
            "kind": ["order", "order", "return", "order", "order", "order"],
            "status": ["shipped"] * 4 + ["cancelled", "shipped"],
            "ordered_at": pd.to_datetime(
                ["2026-05-01", "2026-06-30", "2026-06-29", "2026-06-20", "2026-06-20", "2026-07-01"]
            ),
        }
    )
    lines = pd.DataFrame(
        {"order_id": list("abcdef"), "line_no": 1, "qty_ordered": [1, 2, 1, 4, 9, 9], "unit_price_amt": 10.0}
    ).assign(unit_cost_amt=[6.0, 6.0, 6.0, np.nan, 6.0, 6.0])
    write_store(tmp_path / "store", {"orders": orders, "order_lines": lines}, {"kind": "client"})
    weeks = Store(tmp_path / "store").view("value_weeks", as_of="2026-07-01").set_index("week_no")
    assert weeks["sales_amt"].to_dict() == {0: 10.0, 1: 40.0}  # the ninth week is not complete
    assert weeks["costed_amt"].loc[[0, 1]].tolist() == [10.0, 0.0]
    assert weeks["cost_amt"].loc[0] == 6.0
    assert weeks["requests"].sum() == 0
    assert weeks["week_on"].loc[0] == pd.Timestamp("2026-06-24")


def test_too_little_history_is_one_clear_line(changing):
    """Twenty weeks, or ten customers."""
    with pytest.raises(ValueError, match="26 weeks of orders, found 20"):
        tier_assignment.tiers(changing.weeks[changing.weeks["week_no"] < 20])
    few = changing.weeks["customer_id"].drop_duplicates().head(10)
    with pytest.raises(ValueError, match="50 customers"):
        tier_assignment.tiers(changing.weeks[changing.weeks["customer_id"].isin(few)])
