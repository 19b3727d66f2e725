"""Figures that show care outrank noise, and the one that was gamed is found out at its date."""

from functools import cache
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.contract import OWN_DATA
from playbook.define import intimacy_kpis
from playbook.store import schemas
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

DRIVER, GAMED = "personal resolution", "first contact resolution"
NOISE = ("thank-you card", "time to first answer", "personal service delivery time")
PLAY = "define.intimacy_kpis"
LARGE = 16_000


def view(name, world, without=()):
    """A view of tables in memory; tables in `without` are empty, as where a store lacks them."""
    connection = duckdb.connect()
    for table in ("tickets", "actions", "surveys", "orders"):
        empty = world[table].head(0) if table in without else world[table]
        connection.register(table, empty[[c.name for c in schemas.table(table).columns]])
    query = (VIEWS / f"{name}.sql").read_text()
    return connection.execute(query, {"as_of": WorldSettings().as_of}).df()


@cache
def world(seed, effect=1.0, customers=2000):
    """Tables of a world with the desk's requests."""
    settings = WorldSettings(seed=seed, customers=customers, effect=effect)
    made = generate(settings, domains=["indicators"])
    return {
        name: made[name]
        for name in ("tickets", "actions", "surveys", "orders", "kpi_targets", "truth_effects")
    }


@cache
def judged(seed, effect=1.0, customers=2000):
    """All figures of a world, judged."""
    tables = world(seed, effect, customers)
    return intimacy_kpis.judge(
        view("care_figures", tables), view("orders_by_half", tables), kpi_targets=tables["kpi_targets"]
    )


@pytest.fixture(scope="module")
def large():
    """One company of 20,000 customers, in which one answer is nearly certain."""
    return judged(5, customers=LARGE)


def truth(seed=5, effect=1.0, customers=LARGE):
    """What is planted for this play."""
    effects = world(seed, effect, customers)["truth_effects"]
    return SimpleNamespace(truth_effects=effects[effects["play"] == PLAY])


def test_figures_are_the_means_of_a_customers_half_year():
    """Against plain pandas on the tickets themselves: requests, share that did not come back, odd and even."""
    tickets = world(3)["tickets"].query("queue == 'care desk'").sort_values(["opened_at", "ticket_id"])
    days = (pd.Timestamp(WorldSettings().as_of) - tickets["opened_at"].dt.normalize()).dt.days
    tickets = tickets.assign(half_ago=days // 182, stayed=tickets["reopened_at"].isna().astype(float))
    place = tickets.groupby(["customer_id", "half_ago"]).cumcount()
    keys = ["customer_id", "half_ago"]
    plain = tickets.groupby(keys)["stayed"].agg(["size", "mean"])
    plain["odd"] = tickets[place % 2 == 0].groupby(keys)["stayed"].mean()
    found = view("care_figures", world(3)).query("figure == @GAMED").set_index(keys).loc[plain.index]
    assert (found["requests"] == plain["size"]).all()
    assert np.allclose(found["value"], plain["mean"])
    assert np.allclose(found["odd"], plain["odd"])


def test_a_half_year_counts_kept_when_orders_did_not_fall_below_the_pace_so_far():
    """Three orders in the oldest of three half-years and one in the next: pace 2, so one order after is not enough."""
    figures = pd.DataFrame({"customer_id": "a", "half_ago": [1, 2], "figure": "x", "value": [1.0, 0.0], "odd": 1.0,
                            "even": 0.0})  # fmt: skip
    orders = pd.DataFrame({"customer_id": "a", "half_ago": [2, 1, 0], "orders": [3, 1, 1]})
    cases = intimacy_kpis.cases_of(figures, orders).set_index("half_ago")
    assert cases["after"].to_dict() == {1: 1, 2: 1}
    assert not cases["kept"].any()
    more = intimacy_kpis.cases_of(figures, orders.assign(orders=[3, 1, 2]))
    assert more.set_index("half_ago")["kept"].to_dict() == {1: True, 2: False}


def test_drivers_outrank_noise_and_surveys(large):
    """The driver is kept and comes first; every noise figure is rejected as weak or unreliable, surveys compare."""
    assert large.scores.index[0] == DRIVER
    assert intimacy_kpis.kept(large) == [DRIVER]
    verdicts = large.scores["verdict"]
    assert all("unreliable" in verdicts[name] for name in NOISE)
    assert (large.scores.loc[list(NOISE), "area"] < large.scores.loc[GAMED, "area"]).all()
    assert (
        large.scores.loc[["satisfaction", "recommendation"], "area"] < large.scores.loc[DRIVER, "area"]
    ).all()


def test_the_break_is_found_at_the_date_of_the_target_and_only_there(large):
    """The gamed figure lost its relation; the other figure with a target, and those without, did not."""
    assert large.breaks.index[large.breaks["gamed"]].tolist() == [GAMED]
    paid = large.breaks[large.breaks["is_paid"]]
    assert sorted(paid.index) == sorted([GAMED, DRIVER])
    targets = world(5, 1.0, LARGE)["kpi_targets"].set_index("kpi_code")["valid_from"]
    assert paid["since_on"].to_dict() == targets.loc[paid.index].to_dict()
    assert paid.loc[DRIVER, "since_low"] > 0


def test_levels_alone_would_praise_the_gamed_figure(large):
    """The naive reading: the figure that rose most since its target is the one that says nothing any more."""
    rise = large.breaks["level_since"] - large.breaks["level_before"]
    paid = rise[large.breaks["is_paid"]]
    assert paid.idxmax() == GAMED
    assert paid[GAMED] > 0.1


def test_satisfaction_repeats_itself_and_foretells_less(large):
    """The naive choice is more reliable than any noise, yet foretells less than the driver, beyond their intervals."""
    score = large.scores.loc["satisfaction"]
    assert score["reliability_low"] > large.scores.loc[list(NOISE), "reliability"].max()
    assert score["area_high"] < large.scores.loc[DRIVER, "area_low"]


def test_the_effect_freed_of_luck_is_the_planted_one(large):
    """The effect as counted is a third too small; freed of luck it is near the planted size."""
    planted = truth().truth_effects["size"].iloc[0]
    assert intimacy_kpis.care_effect(large, DRIVER) == pytest.approx(planted, rel=0.2)
    assert large.scores.loc[DRIVER, "effect_high"] < 0.85 * planted


@pytest.mark.parametrize("seed", [3, 4])
def test_a_world_without_the_effect_keeps_nothing(seed):
    """Without planted care no figure is kept, and the decision says so."""
    result = judged(seed, effect=0.0)
    assert intimacy_kpis.kept(result) == []
    assert intimacy_kpis.decide(result).recommendation.startswith("Put none")


def test_feedback_says_which_way_and_hides_the_answer(large):
    """The effect as counted is too low; forgetting the root is too high; on own data it is held against the scores."""
    right = intimacy_kpis.care_effect(large, DRIVER)
    assert intimacy_kpis.check(right, truth(), large).near
    low = intimacy_kpis.check(large.scores.loc[DRIVER, "effect"], truth(), large)
    high = intimacy_kpis.check(3 * right, truth(), large)
    assert low.message.startswith("Too low")
    assert high.message.startswith("Too high")
    assert "0.5" not in low.message
    assert intimacy_kpis.check(right, None, large).basis == OWN_DATA
    quiet = judged(3, effect=0.0)
    assert intimacy_kpis.check(0.0, truth(3, 0.0, 2000), quiet).near
    assert not intimacy_kpis.check(0.6, truth(3, 0.0, 2000), quiet).near


def test_the_decision_names_the_set_the_rejected_and_what_flips_it(large):
    """Kept and gamed figures are in the sentence; the review measures the kept one."""
    decision = intimacy_kpis.decide(large)
    assert DRIVER in decision.recommendation
    assert f"{GAMED} (gamed)" in decision.recommendation
    assert DRIVER in decision.flips_if
    assert 0.5 < decision.low < decision.high < 1


def test_more_requests_make_a_figure_ready(large):
    """Spearman-Brown at the present number of requests returns the present reliability, and rises from there."""
    now = large.scores.loc[DRIVER]
    scenarios = intimacy_kpis.what_if(large, requests=[now["requests"], 64])
    driver = scenarios[scenarios["figure"] == DRIVER]["reliability"].tolist()
    assert driver[0] == pytest.approx(now["reliability"])
    assert driver[1] > 0.9
    assert not set(NOISE) & set(scenarios["figure"])


def test_runs_without_optional_tables():
    """Without actions, surveys and targets there are fewer figures and no gaming, and the page says so."""
    tables = world(3)
    figures = view("care_figures", tables, without=("actions", "surveys"))
    care = figures.assign(desk="all requests")
    result = intimacy_kpis.judge(care, view("orders_by_half", tables))
    assert sorted(result.scores.index) == [GAMED, "time to first answer"]
    assert "nothing can be said about gaming" in intimacy_kpis.paid(result)
    assert "no CSAT or NPS" in intimacy_kpis.counted(result)
    assert intimacy_kpis.decide(result).review_days > 0


def test_too_little_data_is_refused_in_one_line():
    """A handful of customers cannot tell a measure from luck."""
    tables = world(3)
    few = view("care_figures", tables).head(20)
    with pytest.raises(ValueError, match="no figure has 60"):
        intimacy_kpis.judge(few, view("orders_by_half", tables))
    with pytest.raises(ValueError, match="no figure has 60"):
        intimacy_kpis.judge(few, view("orders_by_half", tables).head(0))
