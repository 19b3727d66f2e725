"""Hours without an analyst, demand by hour and the loss of a handover are as planted, and hidden from quick looks."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)
PLAY = "sustain.follow_the_sun"


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("analysts", seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def plain_worlds():
    """Three worlds without the plant."""
    return [drawn("analysts", seed, effects={PLAY: 0}) for seed in range(3)]


def desk(tables):
    """Shifts of analysts, one row per span, in order."""
    shifts = tables["shifts"].query("activity == 'analytics'")
    return shifts[["starts_at", "ends_at"]].drop_duplicates().sort_values("starts_at")


def empty_hours(tables):
    """UTC hours of the last year in which nobody is at work."""
    spans = desk(tables)
    hours = pd.date_range(
        spans["starts_at"].iloc[2].ceil("h"), spans["ends_at"].iloc[-1], freq="h", inclusive="left"
    )
    there = np.zeros(len(hours), dtype=bool)
    for row in spans.itertuples():
        there |= (hours >= row.starts_at) & (hours < row.ends_at)
    return hours[~there]


def work(tables):
    """Requests: time to the end of the shift when begun, duration without empty hours, whether handed over, all h."""
    rows = tables["tickets"].query("category == 'analytics request'").dropna(subset="resolved_at")
    spans = desk(tables)
    at = (
        np.searchsorted(spans["starts_at"].to_numpy(), rows["first_response_at"].to_numpy(), side="right") - 1
    )
    end = spans["ends_at"].to_numpy()[at]
    later = spans["starts_at"].to_numpy()[np.minimum(at + 1, len(spans) - 1)]
    hour = np.timedelta64(1, "h").astype("timedelta64[us]")
    left = (end - rows["first_response_at"].to_numpy()) / hour
    handed = rows["resolved_at"].to_numpy() > end
    took = (rows["resolved_at"] - rows["first_response_at"]).to_numpy() / hour
    return left, took - handed * np.maximum((later - end) / hour, 0), handed


def loss(tables):
    """Loss of a handover with its error: durations on handovers, with the time left in the shift as instrument."""
    left, took, handed = work(tables)
    keep = left <= 8
    bins = np.minimum((left[keep] * 2).astype(int), 15)
    chance = (np.bincount(bins, handed[keep]) / np.bincount(bins))[bins]
    z = chance - chance.mean()
    size = (z @ took[keep]) / (z @ handed[keep])
    rest = took[keep] - size * handed[keep]
    return size, np.sqrt((z**2) @ (rest - rest.mean()) ** 2) / abs(z @ handed[keep])


def truth(tables):
    return tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]


def test_tables_keep_their_schemas(worlds):
    """All tables pass their declarations; dates are in order."""
    for name in ("units", "staff", "shifts", "tickets", "exceptions"):
        validate(name, worlds[0][name])
    rows = worlds[0]["tickets"]
    assert (rows["first_response_at"] >= rows["opened_at"]).all()
    assert (rows["resolved_at"].dropna() > rows["first_response_at"][rows["resolved_at"].notna()]).all()
    assert worlds[0]["shifts"]["staff_id"].isin(worlds[0]["staff"]["staff_id"]).all()


def test_follow_the_sun_empty_hours_are_found_over_the_year_and_not_in_a_winter_week(worlds):
    """Hours without an analyst are those planted, for months; a week of January has none."""
    for tables in worlds:
        found = empty_hours(tables)
        labels = tables["truth_labels"].query("play == @PLAY")["key"]
        inside = pd.to_datetime(labels) >= found.min()
        assert set(found.strftime("%Y-%m-%d %H:00")) == set(labels[inside])
        assert len(found) > 150
        assert not ((found.month == 1) & (found.day < 22)).any()


def test_follow_the_sun_recovers_demand_by_hour(worlds):
    """Counts of requests and alerts by UTC hour are those planted, within the error of counting."""
    for what, table, column in (
        ("requests", "tickets", "opened_at"),
        ("alerts", "exceptions", "occurred_at"),
    ):
        counts = sum(t[table][column].dt.hour.value_counts().reindex(range(24), fill_value=0) for t in worlds)
        days = 364 * len(worlds)
        planted = np.array([truth(worlds[0])[f"{what} at {hour:02d} UTC"] for hour in range(24)])
        z = (counts.to_numpy() - days * planted) / np.sqrt(days * planted)
        assert np.abs(z).max() < 4.5
        assert planted.max() > 3 * planted.min()


def test_follow_the_sun_recovers_the_loss_of_a_handover(worlds):
    """With the time left in the shift as instrument, the loss is as planted and covered by its interval."""
    found = [loss(tables) for tables in worlds]
    planted = truth(worlds[0])["loss by a handover"]
    assert np.mean([size for size, _ in found]) == pytest.approx(planted, abs=0.3)
    assert np.mean([abs(size - planted) < 1.96 * error for size, error in found]) >= 4 / 6
    assert min(size / error for size, error in found) > 3


def test_follow_the_sun_comparing_handed_over_work_overstates_the_loss(worlds):
    """Handed-over work takes longer than other work by much more than the loss."""
    for tables in worlds:
        _, took, handed = work(tables)
        assert took[handed].mean() - took[~handed].mean() > 1.5 * truth(tables)["loss by a handover"]


def test_follow_the_sun_without_the_plant_every_hour_has_an_analyst(plain_worlds):
    """Without the plant no hour is empty, no hour is busier, and handing over costs nothing."""
    for tables in plain_worlds:
        assert len(empty_hours(tables)) == 0
        size, error = loss(tables)
        assert abs(size) < 3 * error
        demand = truth(tables)[[f"requests at {hour:02d} UTC" for hour in range(24)]]
        assert demand.max() == pytest.approx(demand.min())


@pytest.mark.parametrize("regions", [("GB",), ("US",), ("BR", "DE")])
@pytest.mark.parametrize("industry", ["retail", "software"])
def test_other_worlds_hold_together(regions, industry):
    """Other industries and fewer markets give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=regions), domains=["analysts"]
    )
    for name in ("units", "staff", "shifts", "tickets", "exceptions"):
        validate(name, tables[name])
