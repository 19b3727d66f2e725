"""Signals are found where shifts were planted, and only there."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.measure import control_charts
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
END = pd.Timestamp(WorldSettings().as_of)


def charts(seed: int, effect: float) -> control_charts.Charts:
    """Charts of the weekly_delivery view of a small world."""
    shipments = generate(WorldSettings(seed=seed, customers=4000, effect=effect), domains=["delivery"])[
        "shipments"
    ]
    connection = duckdb.connect()
    connection.register("shipments", shipments)
    weekly = connection.execute((VIEWS / "weekly_delivery.sql").read_text()).df()
    return control_charts.charts("Parcels that arrive late", weekly)


@pytest.fixture(scope="module")
def worlds():
    """Charts of twenty worlds with shifts and twenty without."""
    return {effect: [charts(seed, effect) for seed in SEEDS] for effect in (1.0, 0.0)}


@pytest.fixture(scope="module")
def demo(demo_store):
    return control_charts.charts("Parcels that arrive late", demo_store.view("weekly_delivery"))


def begins_within(result: control_charts.Charts, site: str, weeks_ago: float, tolerance: float) -> bool:
    """Whether a cause for the worse began at `site` within `tolerance` weeks of `weeks_ago`."""
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    return bool((((END - causes["began_on"]).dt.days / 7 - weeks_ago).abs() <= tolerance).any())


def test_planted_steps_are_found_at_their_date(worlds):
    """Both planted steps are dated within three weeks in at least 17 of 20 worlds."""
    assert sum(begins_within(r, "south", 16, 3) for r in worlds[1.0]) >= 17
    assert sum(begins_within(r, "north", 44, 3) for r in worlds[1.0]) >= 17


def test_a_quiet_world_has_nothing_to_investigate(worlds):
    """Without planted shifts about 1 week in 80 lies outside limits set by a year; few worlds end with an open change."""
    outside = [(r.weeks.loc[~r.weeks["is_base"], "z"].abs() > 3).mean() for r in worlds[0.0]]
    assert np.mean(outside) < 0.018
    assert sum(len(control_charts.open_causes(r)) > 0 for r in worlds[0.0]) <= 4


def test_the_usual_p_chart_cries_wolf_on_the_same_quiet_data(worlds):
    """Binomial limits, which ignore what the parcels of a week share, flag at least twice as many weeks."""

    def flagged(result, laney):
        after = result.weeks[~result.weeks["is_base"]]
        sd = np.sqrt(after["centre"] * (1 - after["centre"]) / after["total"])
        z = after["z"] if laney else (after["share"] - after["centre"]) / sd
        return (z.abs() > 3).mean()

    usual, laney = (np.mean([flagged(r, kind) for r in worlds[0.0]]) for kind in (False, True))
    assert usual > 2 * laney


def test_judging_a_week_against_the_last_one_finds_nothing(worlds):
    """The naive rule (worse than last week by a fifth) flags quiet worlds about as often as worlds with real changes."""

    def flagged(result):
        after = result.weeks[~result.weeks["is_base"]]
        return (after.groupby("site_id")["share"].pct_change() > 0.2).mean()

    real, quiet = (np.mean([flagged(r) for r in worlds[effect]]) for effect in (1.0, 0.0))
    assert quiet > 0.15
    assert real / quiet < 1.3


def test_feedback_says_which_way_and_hides_the_answer(demo, demo_store):
    """A guess far too long ago is called too high; zero is sent back to the picture; near is near."""
    truth = SimpleNamespace(truth_shifts=demo_store.truth("truth_shifts"))
    assert control_charts.check(60, truth, demo).message.startswith("Too high")
    assert not control_charts.check(0, truth, demo).near
    assert control_charts.check(13, truth, demo).near


def test_on_a_clients_data_the_answer_must_agree_with_the_chart(demo):
    """Without truth the feedback is about consistency, and says so."""
    feedback = control_charts.check(control_charts.weeks_since_change(demo), None, demo)
    assert feedback.near
    assert "no planted truth" in feedback.basis


def test_decision_names_the_place_that_still_signals(demo):
    """The decision follows the planted step that never ended."""
    assert "south" in control_charts.decide(demo).recommendation


def test_a_stable_process_can_still_miss_its_promise(demo):
    """Capability is about the level, not about signals: a promise below the centre cannot be kept."""
    centre = demo.weeks["centre"].min()
    verdicts = control_charts.capability(demo, target_share=centre / 2)["verdict"]
    assert verdicts.str.startswith("cannot").all()
    assert (control_charts.capability(demo, target_share=0.9)["verdict"] == "keeps the promise").all()


def test_charts_with_memory_see_a_slow_slip_sooner():
    """At about the same false alarms (Montgomery: near 370) EWMA and CUSUM need a quarter of the weeks."""
    table = control_charts.sensitivity().set_index("chart")
    assert table["weeks_between_false_alarms"].between(340, 400).all()
    assert (table["slip of 1 sd"].iloc[1:] < table["slip of 1 sd"].iloc[0] / 3).all()


def test_too_short_a_history_is_refused():
    """Phase I must leave weeks to judge."""
    short = pd.DataFrame({"site_id": "a", "week_on": pd.date_range("2026-01-05", periods=10, freq="W-MON")})
    with pytest.raises(ValueError, match="phase I alone takes 52"):
        control_charts.charts("x", short.assign(total=10, failed=1))
