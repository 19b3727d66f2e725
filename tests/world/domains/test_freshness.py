"""What age costs is found by those who hold the hour fixed; the square root holds for the line only."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("freshness", seed) for seed in SEEDS]


def case(tables, name):
    rows = tables["decisions"].query("decision_type == @name")
    return (
        rows["data_age_s"].to_numpy() / 3600,
        rows["decided_at"].dt.hour.to_numpy(),
        rows["realised_amt"].to_numpy(),
    )


def curve(tables, name):
    """Loss by hour of age, from a regression on ages and hours of the day."""
    age, hour, value = case(tables, name)
    ages, hours = (
        pd.get_dummies(age.astype(int)).astype(float),
        pd.get_dummies(hour, drop_first=True).astype(float),
    )
    design = np.hstack([ages.to_numpy(), hours.to_numpy()])
    level = np.linalg.lstsq(design, value, rcond=None)[0][: ages.shape[1]]
    full = np.interp(np.arange(24), ages.columns.to_numpy(), level)
    return np.maximum(full[:3].mean() - full, 0)


def slope(tables, name, *, by_hour):
    """Money per hour of age, holding the hour of the day fixed or not."""
    age, hour, value = case(tables, name)
    rest = (
        pd.get_dummies(hour, drop_first=by_hour).astype(float).to_numpy()
        if by_hour
        else np.empty((len(age), 0))
    )
    design = np.column_stack([age, np.ones(len(age)), rest])
    return -np.linalg.lstsq(design, value, rcond=None)[0][0]


def costs(tables, name):
    """Decisions an hour, and money per refresh, from reports and systems."""
    report = tables["reports"].set_index("figure").loc[name]
    month = tables["systems"].set_index("system_id").loc[f"refresh of {name}", "run_amt_month"]
    return report["views_per_h"], month / (365.25 / 12) * report["refresh_min"] / 1440


def truth(tables, name):
    rows = tables["truth_parameters"].query("play == 'unify.refresh_cadence'").set_index("name")["value"]
    return tuple(rows[f"{name}: {what}"] for what in ("loss", "sets in at", "best interval"))


def hourly(shape, tables, name, interval):
    """True cost of an hour at an interval: refreshing, and the mean loss of ages up to it."""
    amount, at, _ = truth(tables, name)
    per_h, refresh = costs(tables, name)
    ages = (np.arange(2000) + 0.5) / 2000 * interval
    lost = amount * ((ages > at) if shape == "step" else np.maximum(ages - at, 0))
    return refresh / interval + per_h * lost.mean()


def numeric(tables, name):
    """The best whole or half hour by the estimated curve."""
    per_h, refresh = costs(tables, name)
    lost = curve(tables, name)
    grid = np.arange(1, 24.5, 0.5)
    mean = [np.interp((np.arange(400) + 0.5) / 400 * t, np.arange(24) + 0.5, lost).mean() for t in grid]
    return grid[np.argmin(refresh / grid + per_h * np.array(mean))]


def test_tables_keep_their_schemas(worlds):
    """Decisions, systems and reports pass their declarations."""
    for name in ("decisions", "systems", "reports"):
        validate(name, worlds[0][name])


def test_refresh_cadence_recovers_the_line_and_its_square_root(worlds):
    """Holding the hour fixed, the slope is as planted, and numeric optimum and square root agree."""
    found = [slope(t, "next best offer", by_hour=True) for t in worlds]
    planted, _, best = truth(worlds[0], "next best offer")
    assert np.mean(found) == pytest.approx(planted, abs=0.03)
    for tables, per_age in zip(worlds, found, strict=True):
        per_h, refresh = costs(tables, "next best offer")
        root = np.sqrt(2 * refresh / (per_age * per_h))
        assert root == pytest.approx(best, rel=0.12)
        grid = np.linspace(0.2, 24, 2000)
        assert grid[np.argmin(refresh / grid + per_h * per_age * grid / 2)] == pytest.approx(root, abs=0.02)
    costs_more = [
        hourly("line", t, "next best offer", numeric(t, "next best offer"))
        / hourly("line", t, "next best offer", best)
        for t in worlds
    ]
    assert np.mean(costs_more) < 1.15


def test_refresh_cadence_age_alone_mistakes_the_hour_for_it(worlds):
    """The regression on age alone misses the planted slope by more than a quarter."""
    planted = truth(worlds[0], "next best offer")[0]
    found = [slope(t, "next best offer", by_hour=False) for t in worlds]
    assert np.max(found) < 0.75 * planted
    assert np.mean(found) < 0.6 * planted


@pytest.mark.parametrize(("name", "shape"), [("stock promise", "step"), ("churn call", "bend")])
def test_refresh_cadence_numeric_optimum_beats_the_square_root(worlds, name, shape):
    """With a step or a bend the numeric optimum costs about the least possible; the square root a fifth more."""
    numbers, roots = [], []
    for tables in worlds:
        per_h, refresh = costs(tables, name)
        best = hourly(shape, tables, name, truth(tables, name)[2])
        root = np.sqrt(2 * refresh / (slope(tables, name, by_hour=True) * per_h))
        numbers.append(hourly(shape, tables, name, numeric(tables, name)) / best)
        roots.append(hourly(shape, tables, name, root) / best)
    assert np.mean(numbers) < 1.1
    assert np.mean(roots) > 1.2


def test_refresh_cadence_without_the_plant_age_costs_nothing():
    """Without the plant, no slope differs from zero by more than chance allows."""
    found = [
        slope(drawn("freshness", seed, effects={"unify.refresh_cadence": 0}), "next best offer", by_hour=True)
        for seed in SEEDS
    ]
    assert abs(np.mean(found)) < 0.025


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["freshness"],
    )
    for name in ("decisions", "systems", "reports"):
        validate(name, tables[name])
