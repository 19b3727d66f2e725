"""Regions and customers planted out of control are found and sized; simple rules are not; a quiet world raises nothing."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.contract import OWN_DATA
from playbook.define import deviation_limits
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.plants import plants
from playbook.world.settings import WorldSettings

PLAY = "define.deviation_limits"
AS_OF = "2026-07-01"
COLUMNS = {
    "shipments": "null::timestamp as delivered_at, null::timestamp as dispatched_at, null::timestamp as promised_at, "
    "null::varchar as customer_id, null::boolean as window_met",
    "tickets": "null::varchar as customer_id, null::varchar as category, null::timestamp as opened_at",
}


def views(tables: dict) -> SimpleNamespace:
    """The two views of some tables; optional tables that are not there are empty."""
    connection = duckdb.connect()
    for name in ("orders", "customers", "shipments", "tickets"):
        if name in tables:
            connection.register(name, tables[name])
        else:
            connection.execute(f"create view {name} as select {COLUMNS[name]} where false")
    return SimpleNamespace(
        **{
            name: connection.execute((VIEWS / f"{name}.sql").read_text(), {"as_of": AS_OF}).df()
            for name in ("customer_service", "customer_weeks")
        }
    )


def world(seed: int, effect: float) -> SimpleNamespace:
    """A world with nothing but this play's effect, its views, its truth and its limits."""
    effects = dict.fromkeys(plants(), 0.0) | {PLAY: effect}
    tables = generate(WorldSettings(seed=seed, customers=3000, effects=effects), domains=["delivery"])
    shifts = tables["truth_shifts"]
    truth = SimpleNamespace(truth_shifts=shifts[shifts["play"] == PLAY])
    data = views(tables)
    found = deviation_limits.regions(data.customer_service)
    result = deviation_limits.set_limits(found, deviation_limits.triggers(data.customer_weeks))
    return SimpleNamespace(tables=tables, data=data, truth=truth, result=result)


@pytest.fixture(scope="module")
def planted() -> SimpleNamespace:
    return world(4, 1.0)


@pytest.fixture(scope="module")
def quiet() -> SimpleNamespace:
    return world(2, 0.0)


def test_the_planted_quarters_and_no_others_are_to_be_acted_on(planted):
    """Both spells lie above the act limit; of the other 58 quarters none does."""
    cells = planted.result.regions.cells
    out = cells[cells["verdict"] == "act"]
    bursts = planted.truth.truth_shifts.query("kind == 'burst'")
    assert set(out["region_id"]) == set(bursts["subject"])
    assert len(out) == len(bursts) == 2


def test_one_limit_for_all_flags_small_quiet_regions(quiet):
    """Two points above the usual in a week: the worst week of nearly every quarter; by its own limit no quarter."""
    cells, usual = quiet.result.regions.cells, quiet.result.regions.usual_share
    assert (cells["worst_week_share"] > usual + 0.02).mean() > 0.8
    assert (cells["verdict"] == "act").sum() == 0


def test_the_cells_add_up_to_the_shipments(planted):
    """The view counts what pandas counts, and the newest two weeks are not in it."""
    sent = planted.tables["shipments"].dropna(subset=["delivered_at"])
    sent = sent[sent["dispatched_at"].dt.normalize() < pd.Timestamp(AS_OF) - pd.Timedelta(days=14)]
    days = (pd.Timestamp(AS_OF) - sent["dispatched_at"].dt.normalize()).dt.days - 1
    sent = sent[days // 91 < 12]
    cells = planted.result.regions.cells
    assert cells["cases"].sum() == len(sent)
    assert cells["failed"].sum() == (~sent["window_met"]).sum()


def test_changes_are_dated_near_the_planted_day(planted):
    """Most rises that were planted among the watched ring, and their climb begins within five weeks of the day."""
    up = planted.result.triggers[0]
    steps = planted.truth.truth_shifts.query("kind == 'step' and size > 1").set_index("subject")
    steps = steps[steps.index.isin(up.customer_id)]
    alarms = planted.result.alarms.query("trigger == 'orders far more'").set_index("customer_id")
    rang = steps.index[steps.index.isin(alarms.index)]
    assert len(steps) >= 3
    assert len(rang) >= 0.7 * len(steps)
    off = (alarms.loc[rang, "began_on"] - steps.loc[rang, "start_at"]).dt.days.abs() / 7
    assert off.median() <= 5


def test_false_alarms_stay_within_the_budget_where_the_monthly_rule_rings_all_year(quiet):
    """Rises: no more than promised (Poisson, 99 %) over the watched weeks; the rule rings ten times as often."""
    table = quiet.result.table.loc["orders far more"]
    promised = table["false_alarms_week"] * len(quiet.result.triggers[0].week_on)
    assert table["alarms"] <= promised + 2.33 * np.sqrt(promised)
    rows = deviation_limits.bands(quiet.result)
    assert rows["rule"].sum() > 10 * rows["trigger"].sum()


def test_recovered_sizes_hold_the_truth_and_the_naive_ones_do_not(planted, quiet):
    """All intervals hold the planted size; the worst week and the peak month are off by more than ours."""
    for each in (planted, quiet):
        rows = deviation_limits.recover(each.data, each.truth)
        assert rows["truth"].between(rows["low"], rows["high"]).all()
        assert ((rows["naive"] - rows["truth"]).abs() > (rows["estimate"] - rows["truth"]).abs()).all()


def test_error_of_the_excess_is_that_of_a_bootstrap_over_customers(planted):
    """The closed form against 300 redrawn sets of customers."""
    found = planted.result.regions
    worst = deviation_limits.worst_cell(found)
    _, error = deviation_limits.excess(found, worst["region_id"], worst["quarter_no"])
    rows = found.customers[found.customers["region_id"] == worst["region_id"]]
    inside = rows["quarter_no"] == worst["quarter_no"]
    sums = [
        rows[part]
        .groupby("customer_id")[["total", "failed"]]
        .sum()
        .reindex(rows["customer_id"].unique(), fill_value=0)
        for part in (inside, ~inside)
    ]
    rng, made = np.random.default_rng(1), []
    for _ in range(300):
        who = rng.integers(0, len(sums[0]), len(sums[0]))
        shares = [part["failed"].to_numpy()[who].sum() / part["total"].to_numpy()[who].sum() for part in sums]
        made.append(shares[0] - shares[1])
    assert error == pytest.approx(np.std(made), rel=0.15)


def test_a_larger_budget_sees_sooner_and_rings_more(planted):
    """Over all budgets, in order."""
    rows = deviation_limits.what_if(planted.result, alarms_week=[0.25, 1, 4])
    assert rows["weeks_to_see"].is_monotonic_decreasing
    assert rows["raised_week"].is_monotonic_increasing


def test_the_check_says_which_way_off_and_never_the_answer(planted, quiet):
    """Near, too high, too low; own data; and nothing out."""
    size = 100 * deviation_limits._planted(
        planted.truth.truth_shifts, deviation_limits.worst_cell(planted.result.regions)
    )
    for answer, says in ((size, "Near"), (size * 3, "Too high"), (size / 4, "Too low")):
        feedback = deviation_limits.check(answer, planted.truth, planted.result)
        assert feedback.message.startswith(says)
        assert f"{size:.1f}" not in feedback.message
    own = deviation_limits.check(deviation_limits.extra_points(planted.result), None, planted.result)
    assert own.near
    assert own.basis == OWN_DATA
    assert deviation_limits.check(0, quiet.truth, quiet.result).near
    assert not deviation_limits.check(5, quiet.truth, quiet.result).near


def test_without_shipments_and_requests_returns_are_judged(planted):
    """Orders and customers alone give limits on what comes back, and the triggers on orders."""
    tables = {name: planted.tables[name] for name in ("orders", "customers")}
    tables["orders"] = tables["orders"].copy()
    tables["orders"].loc[::9, "status"] = "cancelled"
    data = views(tables)
    found = deviation_limits.regions(data.customer_service)
    assert found.what == "Orders sent back or cancelled"
    orders = tables["orders"].query("kind != 'lost'")
    assert data.customer_service["total"].sum() == pytest.approx(len(orders), rel=0.02)
    result = deviation_limits.set_limits(found, deviation_limits.triggers(data.customer_weeks))
    assert "asks far more" in deviation_limits.trigger_text(result)
    deviation_limits.decide(result)


def test_the_decision_names_what_would_flip_it(planted):
    """And predicts the load of the next quarter."""
    decision = deviation_limits.decide(planted.result)
    assert "fewer than one in three" in decision.flips_if
    assert 0 <= decision.low < decision.high


def test_too_little_data_are_refused(planted):
    """Nothing missed, or nobody known well enough."""
    with pytest.raises(ValueError, match="some of them missed"):
        deviation_limits.regions(planted.data.customer_service.assign(failed=0))
    with pytest.raises(ValueError, match="five customers"):
        deviation_limits.triggers(planted.data.customer_weeks.head(40))
