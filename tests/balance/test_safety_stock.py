"""Buffers recover planted demand, delays and errors; promises are kept; a quiet world earns nothing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.balance import safety_stock
from playbook.contract import OWN_DATA
from playbook.store.reading import VIEWS
from playbook.world.domains import supply
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)


def demand(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What a small world's customers asked for a week."""
    import duckdb

    connection = duckdb.connect()
    for table in ("orders", "order_lines", "customers", "accounts"):
        connection.register(table, tables[table])
    return connection.execute((VIEWS / "weekly_demand.sql").read_text()).df()


def run(tables: dict[str, pd.DataFrame], **assumptions: object) -> safety_stock.Buffers:
    """Buffers of a world with all its tables."""
    given = [tables[name] for name in ("products", "inventory", "supply_orders", "forecasts")]
    return safety_stock.buffers(demand(tables), *given, **assumptions)


def truth_of(tables: dict[str, pd.DataFrame]) -> SimpleNamespace:
    """The truth tables that the check reads."""
    return SimpleNamespace(**{n: tables[n] for n in ("truth_demand", "truth_lead_times", "truth_forecasts")})


@pytest.fixture(scope="module")
def worlds() -> list[tuple[safety_stock.Buffers, dict[str, pd.DataFrame]]]:
    """Twenty worlds with their buffers."""
    made = (generate(WorldSettings(seed=seed, customers=1500), domains=["supply"]) for seed in SEEDS)
    return [(run(tables, items=10), tables) for tables in made]


@pytest.fixture(scope="module")
def quiet() -> list[safety_stock.Buffers]:
    """Twenty worlds without an effect."""
    made = (generate(WorldSettings(seed=s, customers=600, effect=0.0), domains=["supply"]) for s in SEEDS)
    return [run(tables, items=10) for tables in made]


def test_buffers_equal_those_of_planted_demand_delays_and_errors(worlds):
    """The capital of the first segment is within 12 % of the planted one in at least 18 of 20 worlds."""
    off = [
        safety_stock.asked_capital(result) / safety_stock.planted_capital(truth_of(tables), result) - 1
        for result, tables in worlds
    ]
    assert sum(abs(o) < 0.12 for o in off) >= 18
    assert abs(np.mean(off)) < 0.05


def test_reliability_interval_covers_the_planted_ratio(worlds):
    """The 95 % interval holds the planted ratio in most segments: about 86 of 100 over many seeds, not 95."""
    found = pd.concat([result.forecasts for result, _ in worlds])
    planted = found["segment"].map(
        dict(zip(WorldSettings().preset.segments, supply.RELIABILITY, strict=True))
    )
    assert ((found["low"] <= planted) & (planted <= found["high"])).mean() >= 0.78
    # What stock-outs hide looks like an error of both forecasts: the ratio is a little too cautious.
    assert 0 <= (found["ratio"] - planted).mean() < 0.03


def test_lost_demand_is_recovered_and_sales_miss_it(worlds):
    """Estimated demand is within 3 % of planted demand on average; sales fall short of it by more."""
    demand, sold = [], []
    for result, tables in worlds:
        lines, truth = result.buffers, tables["truth_demand"]
        recent = np.sort(truth["week_on"].unique())[-117:]
        truth = truth[truth["week_on"].isin(recent) & truth["product_id"].isin(lines["product_id"])]
        planted = truth["demand_qty"].sum() / len(recent)
        demand.append(lines["demand_week"].sum() / planted - 1)
        sold.append(lines["sold_week"].sum() / planted - 1)
    assert abs(np.mean(demand)) < 0.03
    assert np.mean(sold) < -0.05


def test_own_buffers_keep_promises_that_the_same_cover_breaks(worlds):
    """With the same capital, the first segment is within two points of its promise; else it is not."""
    first = pd.concat([result.segments.iloc[[0]] for result, _ in worlds])
    assert (first["promise"] - first["own_buffer"]).mean() < 0.02
    assert (first["promise"] - first["same_cover"]).mean() > 0.02
    assert (first["own_buffer"] > first["same_cover"]).mean() >= 0.9


def test_one_stock_by_rank_serves_as_well_with_less(worlds):
    """Every segment gets its promise or what its own buffer gave; capital falls in every world."""
    for result, _ in worlds:
        rows = result.segments
        assert (rows["shared"] >= np.minimum(rows["promise"], rows["own_buffer"]) - 0.01).all()
        assert result.items["shared_capital"].sum() < result.items["own_capital"].sum()


def test_a_quiet_world_finds_no_better_forecast_and_no_lost_demand(quiet):
    """Forecasts that err alike earn a smaller buffer in at most one segment in twenty; nothing is lost."""
    used = pd.concat([result.forecasts for result in quiet])["used"]
    assert used.mean() <= 0.05
    assert all((result.segments["lost_share"].abs() < 1e-9).all() for result in quiet)
    assert all((result.items["lead_sd_weeks"] < 1e-6).all() for result in quiet)


def test_fill_rate_promises_are_kept_too(worlds):
    """Promised as a share of units, the replay serves each segment within two points of it."""
    result = run(worlds[0][1], kind="fill")
    assert (result.segments["own_buffer"] - result.segments["promise"]).min() > -0.02
    assert result.segments["own_buffer"].equals(result.segments["own_fill"])


def test_a_client_with_only_orders_gets_buffers_and_is_told_what_was_assumed(worlds):
    """Without stock, deliveries, forecasts and costs it runs on the bands and says what it assumed."""
    tables = worlds[0][1] | {"accounts": worlds[0][1]["accounts"].head(0)}
    products = tables["products"].assign(unit_cost_amt=np.nan)
    result = safety_stock.buffers(demand(tables), products, lead_weeks=2.0, lead_sd_weeks=0.5)
    assert set(result.segments["segment"]) == {"monthly buyers", "quarterly buyers", "rare buyers"}
    said = safety_stock.assumptions(result)
    assert all(
        word in said for word in ("65%", "No stock records", "2 weeks, give or take 0.5", "moving average")
    )
    assert "no behaviour forecast" in safety_stock.forecast_says(result)
    assert safety_stock.check(safety_stock.asked_capital(result), None, result).basis == OWN_DATA


def test_orders_taken_back_and_charges_are_no_demand():
    """A bulk order returned in its week vanishes, postage is left out, unnamed customers are kept apart."""
    weeks = pd.date_range("2026-01-05", periods=10, freq="7D").astype("datetime64[us]")
    orders = pd.DataFrame(
        {"order_id": [f"O{i}" for i in range(10)], "customer_id": ["a"] * 9 + [None], "ordered_at": weeks}
    ).assign(kind="order", status="shipped")
    bulk = orders.iloc[[4, 4]].assign(order_id=["B", "R"], kind=["order", "return"])
    last = orders.iloc[[9]].assign(order_id="L", ordered_at=weeks[-1] + pd.Timedelta(weeks=1))
    named = ["order_id", "product_id", "qty_ordered", "unit_price_amt"]
    lines = pd.DataFrame([(o, "P", 5, 2.0) for o in orders["order_id"]], columns=named)
    charges = pd.DataFrame([(f"O{i}", "POST", 1, 2.0**i) for i in range(10)], columns=named)
    extra = pd.DataFrame(
        [("B", "P", 80_000, 2.0), ("R", "P", -80_000, 2.0), ("L", "P", 5, 2.0)], columns=named
    )
    found = demand(
        {
            "orders": pd.concat([orders, bulk, last]),
            "order_lines": pd.concat([lines, charges, extra]),
            "customers": pd.DataFrame({"customer_id": ["a"], "account_id": None}),
            "accounts": pd.DataFrame({"account_id": [], "segment": []}, dtype=str),
        },
    )
    assert set(found["product_id"]) == {"P"}
    assert found["qty"].tolist() == [5] * 9
    assert (found["segment"] == "unnamed buyers").sum() == 1


def test_feedback_says_which_way_and_hides_the_answer(worlds):
    """Half of what is needed is called too low, without the number."""
    result, tables = worlds[0]
    right = safety_stock.planted_capital(truth_of(tables), result)
    feedback = safety_stock.check(0.5 * right, truth_of(tables), result)
    assert feedback.message.startswith("Too low")
    assert not any(f"{right:.0f}"[:3] in text for text in (feedback.message, *feedback.hints))
    assert safety_stock.check(right, truth_of(tables), result).near


def test_smaller_errors_free_capital_and_the_chosen_scenario_is_named(worlds):
    """Capital falls with the errors, not below what late deliveries need; the title follows the choice."""
    result = worlds[0][0]
    scenarios = safety_stock.what_if(result, error_cut=[0, 25, 50, 100])
    total = scenarios.groupby("error_cut")["capital"].sum()
    assert total[0] == pytest.approx(result.segments["capital"].sum())
    assert total.is_monotonic_decreasing
    assert total[100] > 0
    title = safety_stock.plot_what_if(scenarios, 25).figure.get_suptitle()
    assert "25%" in title
    assert title != safety_stock.plot_what_if(scenarios, 50).figure.get_suptitle()


def test_decision_shares_the_stock_only_where_that_saves_enough(worlds):
    """A saving that is asked to be larger than it is flips the recommendation."""
    result = worlds[0][0]
    saving = 1 - result.items["shared_capital"].sum() / result.items["own_capital"].sum()
    assert "one stock" in safety_stock.decide(result).recommendation
    assert (
        "a buffer for each segment"
        in safety_stock.decide(result, smallest_saving=saving + 0.01).recommendation
    )


def test_too_short_a_history_is_refused(worlds):
    """A forecast error needs weeks before it and after it."""
    weekly = demand(worlds[0][1])
    recent = weekly[weekly["week_on"] >= weekly["week_on"].max() - pd.Timedelta(weeks=12)]
    with pytest.raises(ValueError, match="weeks of demand are too few"):
        safety_stock.buffers(recent, worlds[0][1]["products"])
