"""Signals are found where shifts were planted, and only there."""

import numpy as np
import pandas as pd
import pytest

from playbook.measure import control_charts
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)


def weekly(seed: int, effect: float) -> pd.DataFrame:
    """The weekly_delivery view of a small world."""
    import duckdb

    shipments = generate(WorldSettings(seed=seed, customers=2000, effect=effect), domains=["delivery"])["shipments"]
    connection = duckdb.connect()
    connection.register("shipments", shipments)
    return connection.execute((VIEWS / "weekly_delivery.sql").read_text()).df()


def begins_within(result: control_charts.Charts, site: str, weeks_ago: float, tolerance: float) -> bool:
    """Whether a cause for the worse began at `site` within `tolerance` weeks of `weeks_ago`."""
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    end = pd.Timestamp(WorldSettings().as_of)
    return bool((((end - causes["first_on"]).dt.days / 7 - weeks_ago).abs() <= tolerance).any())


def test_planted_steps_are_found_at_their_date():
    """Both planted steps are dated within five weeks in at least 17 of 20 worlds."""
    found = [control_charts.charts(weekly(seed, 1.0)) for seed in SEEDS]
    assert sum(begins_within(r, "south", 16, 5) for r in found) >= 17
    assert sum(begins_within(r, "north", 44, 5) for r in found) >= 17


def test_a_quiet_world_yields_few_alarms_and_the_usual_p_chart_many():
    """Without planted shifts Laney's chart flags about 1 in 100 weeks; the binomial p-chart several times as many."""
    laney, binomial = [], []
    for seed in SEEDS:
        result = control_charts.charts(weekly(seed, 0.0))
        after = result.weeks[~result.weeks["is_base"]]
        laney.append((after["z"].abs() > 3).mean())
        sd = np.sqrt(after["centre"] * (1 - after["centre"]) / after["parcels"])
        binomial.append(((after["late_share"] - after["centre"]).abs() > 3 * sd).mean())
    assert np.mean(laney) < 0.02
    assert np.mean(binomial) > 1.5 * np.mean(laney)


def test_feedback_says_which_way_and_hides_the_answer(demo_store):
    """A guess far too long ago is called too high, without a number that gives the answer away."""
    from types import SimpleNamespace

    result = control_charts.charts(demo_store.view("weekly_delivery"))
    truth = SimpleNamespace(truth_shifts=demo_store.truth("truth_shifts"))
    feedback = control_charts.check(60, truth, result)
    assert not feedback.near
    assert feedback.message.startswith("Too high")
    assert control_charts.check(13, truth, result).near


def test_decision_names_the_warehouse_that_still_signals(demo_store):
    """The decision follows the planted step that never ended."""
    decision = control_charts.decide(control_charts.charts(demo_store.view("weekly_delivery")))
    assert "south" in decision.recommendation


def test_too_short_a_history_is_refused():
    """Phase I must leave weeks to judge."""
    short = pd.DataFrame({"site_id": "a", "week_on": pd.date_range("2026-01-05", periods=10, freq="W-MON")})
    with pytest.raises(ValueError, match="phase I alone takes 52"):
        control_charts.charts(short.assign(parcels=10, late=1))
