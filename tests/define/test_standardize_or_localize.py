"""A unit keeps its own protocol where the protocol gains, not where the unit differs."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import standardize_or_localize as play
from playbook.pictures import alt_text
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(folder, effect: float, seed: int = 1, customers: int = 2000) -> SimpleNamespace:
    """The view of a small world, with its truth and its tables."""
    settings = WorldSettings(
        seed=seed, customers=customers, effects={"define.standardize_or_localize": effect}
    )
    tables = generate(settings, domains=["repeats"])
    kept = {name: tables[name] for name in ("tickets", "assignments")}
    write_store(folder / "store", kept, {"kind": "client"})
    trials = Store(folder / "store").view("protocol_trials", as_of=settings.as_of)
    truth = {
        name: tables[name].query("play == 'define.standardize_or_localize'")
        for name in ("truth_effects", "truth_labels")
    }
    return SimpleNamespace(
        protocol_trials=trials,
        units=tables["units"],
        result=play.gains(trials, tables["units"]),
        **kept,
        **truth,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return world(tmp_path_factory.mktemp("planted"), 1.0)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    return world(tmp_path_factory.mktemp("nothing"), 0.0, seed=2, customers=1200)


def test_units_that_differ_in_level_only_keep_the_standard(planted):
    """Where a variant costs half of what a planted gain is worth, those that gain get one, the level units do not."""
    label = planted.truth_labels.set_index("key")["label"]
    units = planted.result.units
    half = 0.055 * units["requests"].mean() * 14
    variant = play.unit_choices(planted.result, variant_cost=half)["variant"]
    kinds = label.reindex(variant.index)
    assert variant[kinds == "local protocol helps"].mean() > 0.8
    assert variant[kinds != "local protocol helps"].mean() < 0.12
    assert (
        units.loc[kinds[kinds == "differs in level"].index, "repeats"].mean() > units["repeats"].mean() + 0.03
    )


def test_raw_gains_and_weeks_that_people_chose_mislead(planted):
    """The best raw gain and the comparison of chosen weeks both miss the truth by far more than ours."""
    found = play.recover(planted, planted).set_index("what")
    miss = (found["estimate"] - found["truth"]).abs()
    naive = (found["naive"] - found["truth"]).abs()
    for what in ("gain of the local protocol, all requests", "gain of the ten customers that look best"):
        assert naive[what] > 4 * miss[what]
    assert (naive > miss).mean() > 0.7


def test_without_an_effect_all_units_work_by_the_standard(nothing):
    """No unit gains half of what is planted elsewhere; the spread of gains may be none; few intervals leave out zero."""
    units = nothing.result.units
    assert units["gain"].max() < 0.055
    assert (units["low"] > 0).mean() < 0.1
    found = play.recover(nothing, nothing).set_index("what")
    assert (found["truth"] == 0).all()
    assert found.loc["spread of gains between units", "low"] == 0
    # Those that chose were better before: the chosen weeks show a gain where there is none.
    assert found.loc["gain of the local protocol, all requests", "naive"] > 0.01


def test_gains_do_not_depend_on_what_the_units_are_like_otherwise(planted):
    """Doubling every second unit's repeats under both protocols by the same share moves its level, hardly its gain."""
    trials = planted.protocol_trials.copy()
    hit = trials["unit_id"].isin(sorted(trials["unit_id"].unique())[::2])
    rng = np.random.default_rng(1)
    more = rng.binomial((trials["requests"] - trials["repeats"]).astype(int), np.where(hit, 0.2, 0.0))
    moved = play.gains(trials.assign(repeats=trials["repeats"] + more)).units
    before = planted.result.units.reindex(moved.index)
    units = sorted(trials["unit_id"].unique())[::2]
    assert (moved["repeats"] - before["repeats"]).loc[units].mean() > 0.08
    kept = np.corrcoef(moved["gain"], before["gain"])[0, 1]
    assert kept > 0.9


def test_the_view_counts_what_plain_pandas_counts(planted):
    """Requests of tried units by arm and week, resolved 30 days ago or more, and how many came back."""
    as_of = pd.Timestamp(WorldSettings().as_of)
    turns = planted.assignments.query("subject_type == 'unit' and arm in ['local', 'standard']")
    solved = planted.tickets[planted.tickets["resolved_at"] < as_of - pd.Timedelta(days=30)].sort_values(
        "opened_at"
    )
    both = pd.merge_asof(
        solved,
        turns.sort_values("starts_at"),
        left_on="opened_at",
        right_on="starts_at",
        left_by="queue",
        right_by="subject_id",
    ).dropna(subset="arm")
    both = both[both["opened_at"] < both["ends_at"]]
    expected = both.groupby(["queue", "arm", "design"]).agg(
        requests=("ticket_id", "size"), repeats=("reopened_at", "count")
    )
    found = planted.protocol_trials.groupby(["unit_id", "arm", "design"])[["requests", "repeats"]].sum()
    assert np.array_equal(found.to_numpy(), expected.to_numpy())


def test_customers_count_only_where_the_unit_keeps_the_standard(planted):
    """With variants everywhere nothing is left to gain; a free variant is worth gain x requests x cost by hand."""
    result = planted.result
    everywhere = play.unit_choices(result, variant_cost=-1e9)
    assert (play.customer_choices(result, everywhere)["requests"] == 0).all()
    nowhere = play.unit_choices(result, variant_cost=1e9)
    customers = play.customer_choices(result, nowhere, repeat_cost=10).loc[result.customers.index]
    worth = result.customers["gain"] * result.customers["requests"] * 10
    assert np.allclose(customers["break_even"], worth)


def test_a_dearer_variant_is_for_fewer_units_and_the_slider_reaches_both_ends(planted):
    """The best policy never loses to one standard or to all local; its units go down to none."""
    steps = play.cost_steps(planted.result)
    table = play.what_if(planted.result, variant_cost=steps)
    net = table.pivot_table(index="variant_cost", columns="policy", values="net")
    assert (net["where it pays"] >= net[["all local", "one standard"]].max(axis=1) - 1e-9).all()
    units = table.query("policy == 'where it pays'")["units"].tolist()
    assert units == sorted(units, reverse=True)
    assert units[0] > 10
    assert units[-1] == 0
    assert f"{steps[2]:,}" in alt_text(play.plot_what_if(table, steps[2]))


def test_the_decision_names_the_cost_that_flips_it(planted):
    """Just above the named cost one unit fewer keeps its own protocol; with a dear variant none does."""
    choices = play.unit_choices(planted.result, variant_cost=500)
    edge = choices.loc[choices["variant"], "break_even"].min()
    assert f"{edge:,.0f}" in play.decide(planted.result, variant_cost=500).flips_if
    after = play.unit_choices(planted.result, variant_cost=edge + 1)
    assert after["variant"].sum() == choices["variant"].sum() - 1
    dear = play.decide(planted.result, variant_cost=1e6, customer_cost=1e6)
    assert dear.recommendation.startswith("All units work by the one standard")
    assert play.decide(planted.result, variant_cost=-1e6).recommendation.startswith(
        "Every unit keeps its own"
    )


def test_feedback_says_which_way_and_hides_the_answer(planted):
    """What is planted at that unit is near; far more is too high, a sign missed is too low; own data say so."""
    result, truth = planted.result, SimpleNamespace(truth_effects=planted.truth_effects)
    effects = planted.truth_effects.set_index("stratum")["size"]
    expected = -100 * effects[result.first]
    assert expected == pytest.approx(11)
    assert play.check(expected, truth, result).near
    assert play.check(3 * expected, truth, result).message.startswith("Too high")
    low = play.check(-expected, truth, result)
    assert low.message.startswith("Too low")
    assert f"{expected:.0f}" not in low.message
    own = play.check(100 * result.units.loc[result.first, "gain"], None, result)
    assert own.near
    assert "no planted truth" in own.basis


def test_it_runs_without_names_chosen_weeks_or_frequent_customers(planted):
    """Keys stand for names; no customer is told apart; every figure and the decision are still there."""
    trials = planted.protocol_trials.query("design == 'random'")
    one_by_one = trials.assign(customer_id=[f"c{n}" for n in range(len(trials))])
    result = play.gains(one_by_one)
    assert result.chosen is None
    assert result.customers.empty
    assert set(result.units["name"]) == set(trials["unit_id"])
    choices = play.unit_choices(result)
    customers = play.customer_choices(result, choices)
    for ax in (play.plot(result), play.plot_levels(result), play.plot_customers(result, customers)):
        assert "nan" not in alt_text(ax)
    assert "serve none apart" in play.decide(result).recommendation
    assert play.shown(customers).empty
    # Who serves is compared with itself: the units' gains hardly move.
    before = planted.result.units["gain"].reindex(result.units.index)
    assert np.corrcoef(result.units["gain"], before)[0, 1] > 0.95


def test_a_trial_that_no_lot_decided_is_one_clear_line(planted):
    """Only chosen weeks, or nothing at all."""
    for trials in (planted.protocol_trials.query("design == 'chosen'"), planted.protocol_trials.head(0)):
        with pytest.raises(ValueError, match="drawn by lot; found 0"):
            play.gains(trials)
