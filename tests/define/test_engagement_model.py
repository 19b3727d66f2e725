"""What depths add is found by lot and not where people chose; plans fit, and name what would change them."""

from dataclasses import replace
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.define import engagement_model as play
from playbook.methods import knapsack
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = ("customers", "orders", "order_lines", "assignments", "accounts", "contracts")


def inputs(seed: int, effect: float) -> SimpleNamespace:
    """What the section reads, of a small world."""
    tables = generate(WorldSettings(seed=seed, customers=2000, effect=effect), domains=["costs", "contracts"])
    connection = duckdb.connect()
    for name in TABLES:
        connection.register(name, tables[name])
    sql = (VIEWS / "customer_depths.sql").read_text().replace("$as_of", f"'{WorldSettings().as_of}'")
    return SimpleNamespace(customer_depths=connection.execute(sql).df(), costs=tables["costs"])


@pytest.fixture(scope="module")
def data(demo_store):
    view = demo_store.view("customer_depths", as_of=pd.Timestamp(WorldSettings().as_of))
    return SimpleNamespace(
        customer_depths=view, **{n: demo_store.table(n) for n in ("costs", "staff", "systems")}
    )


@pytest.fixture(scope="module")
def truth(demo_store):
    names = ("truth_effects", "truth_parameters", "truth_structure")
    return SimpleNamespace(**{name: demo_store.truth(name, "define.engagement_model") for name in names})


@pytest.fixture(scope="module")
def result(data):
    return play.plan(data.customer_depths, data.costs, staff=data.staff, systems=data.systems)


@pytest.fixture(scope="module")
def quiet():
    """Inputs of three worlds in which no depth adds anything."""
    return [inputs(seed, 0.0) for seed in (1, 2, 3)]


def test_the_view_counts_what_pandas_counts(data, demo_store):
    """Orders before and after, and joint investment, counted plainly."""
    placed = data.customer_depths.dropna(subset=["depth"]).set_index("customer_id")
    orders = demo_store.table("orders").query("kind == 'order' and status != 'cancelled'")
    gone = (orders["ordered_at"] - orders["customer_id"].map(placed["began_at"])).dt.total_seconds() / 86400
    for column, inside in (
        ("before_orders", (gone >= -364) & (gone < 0)),
        ("after_orders", (gone >= 0) & (gone < 364)),
    ):
        plain = orders[inside].groupby("customer_id").size().reindex(placed.index, fill_value=0)
        assert (placed[column] == plain).all()
    accounts = demo_store.table("customers").set_index("customer_id")["account_id"]
    contracts = demo_store.table("contracts").query("starts_on <= @WorldSettings().as_of")
    most = contracts.groupby("party_id")["joint_investment_amt"].max()
    assert placed["invested_amt"].to_numpy() == pytest.approx(
        placed.index.map(accounts).map(most).fillna(0).to_numpy()
    )


def test_what_depths_add_and_take_is_recovered_and_the_plain_comparison_is_not(data, truth):
    """By lot intervals hold the truth; where people chose, depths seem to do at least half a log unit more."""
    table = play.recover(data, truth)
    added = table[table["what"].str.startswith("orders")]
    assert ((added["low"] < added["truth"]) & (added["truth"] < added["high"])).all()
    assert (added["naive"] - added["truth"] > 0.5).all()
    hours = table[table["what"].str.startswith("team hours")]
    assert hours["estimate"].to_numpy() == pytest.approx(hours["truth"].to_numpy(), rel=0.03)


def test_a_world_without_effect_yields_no_finding(quiet):
    """Without effect no depth surely adds, the plain comparison still raves, and nothing is recommended."""
    for found in quiet:
        by_depth = play.uplift(found.customer_depths).by_depth
        assert (by_depth["low_log"] < 0.05).all()
        assert by_depth["chosen_log"].max() > 0.5
    advice = [play.decide(play.plan(found.customer_depths, found.costs)).recommendation for found in quiet]
    assert sum(text.startswith("Keep self-serve") for text in advice) >= 2


def test_every_customer_gets_one_depth_that_is_open_and_all_fit(result):
    """The plan handed out customer by customer is a valid multiple-choice knapsack."""
    customers = result.customers
    assert customers["customer_id"].is_unique
    assert (customers["depth"] <= customers["opened"]).all()
    used = result.need.to_numpy()[customers["depth"]].sum(axis=0)
    assert (used <= result.capacity.to_numpy() * (1 + 1e-9)).all()
    planned = play.shares(result).loc["mixed"].to_numpy() * len(customers)
    assert np.bincount(customers["depth"], minlength=4) == pytest.approx(planned)


def test_planning_by_classes_loses_next_to_nothing(result):
    """Customer by customer the plan is within a thousandth of the bound in which nobody is grouped."""
    customers, cells = result.customers, result.uplift.cells.reshape(-1, 4)
    value = customers["base_amt"].to_numpy()[:, None] * np.expm1(cells[customers["cell"]])
    offered = np.arange(4) <= customers["opened"].to_numpy()[:, None]
    alone = knapsack.Problem(value, result.need.to_numpy(), result.capacity.to_numpy(), offered=offered)
    got = value[np.arange(len(value)), customers["depth"]].sum()
    assert got == pytest.approx(alone.relax().value, rel=1e-3)


def test_the_planted_resource_binds_first_and_its_price_is_the_gain(result, truth):
    """Team hours run out first; the last hour's price falls between what more and fewer hours change."""
    room = play.room(result.need, result.capacity, len(result.customers))
    assert room.idxmin() == truth.truth_structure["target"].item()
    last, more = play.hour_amt(result)
    assert 0 < more <= last * 1.05
    assert play.what_if(result, hours_share=[0.25, 1.0, 2.0])["hour_amt"].is_monotonic_decreasing


def test_the_plan_serves_well_under_the_truth(result, truth):
    """Valued with the planted effects the plan brings at least four fifths of the best there is."""
    planted = truth.truth_effects.set_index(["action", "stratum"])["size"]
    cells = [
        [[planted[d, f"{s}, {w}"] for d in play.DEPTHS] for w in ("no investment", "joint investment")]
        for s in result.uplift.names
    ]
    value = np.expm1(np.array(cells).reshape(-1, 4))
    knowing = replace(result.uplift, cells=np.array(cells))
    best = play._problem(result.customers, knowing, result.need, result.capacity)[1].solve().value
    got = (
        result.customers["base_amt"].to_numpy() * value[result.customers["cell"], result.customers["depth"]]
    ).sum()
    assert 0.8 * best < got <= best * 1.001


def test_feedback_says_which_way_and_hides_the_answer(result, truth):
    """Near is near; all hours over the average is too high; and the message never holds the number."""
    room = play.room(result.need, result.capacity, len(result.customers)).min()
    assert play.check(room, truth, result).near
    assert play.check(2 * room, truth, result).message.startswith("Too high")
    assert play.check(room / 2, truth, result).message.startswith("Too low")
    assert f"{room:.0f}" not in play.check(2 * room, truth, result).message
    assert "no planted truth" in play.check(room, None, result).basis


def test_decision_names_shares_opening_and_capacity(result):
    """The advice names model and shares, what opens the deepest depth, and the hours at which it changes."""
    decision = play.decide(result)
    assert decision.recommendation.startswith(f"Run {play.best(result)}")
    assert "dedicated" in decision.recommendation
    assert "hours a month" in decision.flips_if
    assert decision.low < decision.high


def test_the_best_model_changes_where_it_is_said_to(result):
    """Just below and just above a turning point the stated models have the higher net margin."""
    for turn in result.turns.itertuples():
        k = list(play.DRIVERS).index(turn.resource)
        for factor, name in ((0.5, turn.below), (2.0, turn.above)):
            least = result.problem.members.sum() * result.problem.use[0, k]
            at = result.problem.capacity.copy()
            at[k] = least + factor * (turn.at - least)
            nets = play.nets_of(result.problem.within(at), result.offers, float(result.facts["variety_amt"]))
            assert nets[name] >= max(nets[turn.below], nets[turn.above])


def test_fees_fall_with_margin_and_investment(result):
    """A customer who brings more, or invests, never pays more for dedicated service."""
    table = play.fees(result, [100.0, 1000.0, 10_000.0, 100_000.0]).pivot_table(
        index="margin_amt", columns="invests", values="fee_amt"
    )
    assert (table[True] <= table[False]).all()
    assert table[True].is_monotonic_decreasing


def test_it_runs_on_what_a_client_may_have(data):
    """Without staff, systems, contracts, segments and costs of goods every page part still speaks."""
    bare = data.customer_depths.assign(segment="all customers", fee_amt=0.0, invested_amt=0.0, costed_amt=0.0)
    result = play.plan(bare, data.costs, hours_month=1000.0)
    texts = [play.known(result), play.turning(result), play.opened(result), play.hours_worth(result)]
    assert "no limit on system requests" in texts[0]
    assert "every depth is open" in texts[2]
    assert not any("nan" in text or "inf " in text for text in texts)
    for draw in (play.plot_uplift, play.plot, play.plot_load, play.plot_fees):
        assert draw(result).figure.get_suptitle()
    assert play.room(result.need, result.capacity, len(bare)).min() < 300
    without = play.plan(bare, data.costs)
    assert "no limit on team hours" in play.known(without)
    assert play.decide(without).flips_if


def test_too_small_a_trial_is_refused(data):
    """Five by lot at each depth are the least."""
    few = data.customer_depths[data.customer_depths["depth"] != "pooled"]
    with pytest.raises(ValueError, match="pooled has 0"):
        play.uplift(few)
    with pytest.raises(ValueError, match="costs book no"):
        play.needs(data.customer_depths, data.costs.head(0))
