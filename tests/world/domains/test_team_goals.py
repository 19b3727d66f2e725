"""Targets that hurt another team are found from their own draws, and correlation names other pairs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import team_goals
from playbook.world.domains.team_goals import FIGURES
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

PLAY = "govern.shared_kpis"
SEEDS = range(20)
TEAM = {figure[0]: figure[1] for figure in FIGURES}


@pytest.fixture(scope="module")
def teams():
    return generate(WorldSettings(seed=1, customers=200), domains=["organisation"])


def world_of(seed, teams, **options):
    settings = WorldSettings(seed=seed, customers=200, **options)
    return teams | team_goals.generate(settings, teams, stream(seed, "team_goals"))


@pytest.fixture(scope="module")
def worlds(teams):
    return [world_of(seed, teams) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls(teams):
    return [world_of(seed, teams, effects={PLAY: 0}) for seed in SEEDS]


def panel(world):
    """Return log figures and steps of strictness, one row a market and quarter (targets are drawn by
    quarter).
    """
    rows = world["kpi_targets"].merge(world["units"][["unit_id", "region_id"]], on="unit_id")
    usual = rows.groupby("kpi_code")["target"].transform("median")
    sign = np.where(rows["direction"] == "up", 1, -1)
    rows = rows.assign(
        step=np.round((rows["target"] / usual - 1) / 0.08 * sign),
        log=np.log(rows["actual"]),
        quarter=rows.groupby(["unit_id", "kpi_code"]).cumcount() // 3,
    )
    table = rows.pivot_table(
        index=["region_id", "quarter"], columns="kpi_code", values=["log", "step"], aggfunc="mean"
    )
    return table["log"], table["step"]


def responses(world):
    """Return each figure's response to one step of each target: least squares on all targets at once,
    within markets.
    """
    log, step = panel(world)
    market = pd.get_dummies(log.index.get_level_values("region_id")).to_numpy(dtype=float)
    x = np.column_stack([step.to_numpy(), market])
    inverse = np.linalg.inv(x.T @ x)
    found = []
    for figure in log:
        y = log[figure].to_numpy()
        beta = inverse @ x.T @ y
        residual = y - x @ beta
        se = np.sqrt(np.diag(inverse) * (residual @ residual) / (len(y) - x.shape[1]))
        found += [(target, figure, beta[k], se[k]) for k, target in enumerate(step)]
    rows = pd.DataFrame(found, columns=["target", "figure", "size", "se"])
    across = rows[rows["target"].map(TEAM) != rows["figure"].map(TEAM)]
    return across.assign(
        called=(across["size"] / across["se"]).abs() > stats.norm.ppf(1 - 0.025 / len(across))
    )


def planted(world):
    rows = world["truth_effects"]
    rows = rows[rows["size"] != 0]
    return {
        (a.removeprefix("stricter target: "), m): s
        for a, m, s in zip(rows["action"], rows["metric"], rows["size"], strict=True)
    }


def correlated(world):
    """Return pairs of figures of different teams whose monthly partial correlation is called significant."""
    rows = world["kpi_targets"].merge(world["units"][["unit_id", "region_id"]], on="unit_id")
    log = np.log(rows.pivot_table(index=["region_id", "valid_from"], columns="kpi_code", values="actual"))
    log = log - log.groupby(level=0).transform("mean")
    precision = np.linalg.inv(np.cov(log.T))
    partial = -precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
    names, n = list(log), len(log)
    limit = stats.norm.ppf(1 - 0.025 / 24) / np.sqrt(n - len(names))
    return {
        frozenset((names[a], names[b]))
        for a, b in combinations(range(len(names)), 2)
        if TEAM[names[a]] != TEAM[names[b]] and abs(np.arctanh(partial[a, b])) > limit
    }


def test_table_keeps_its_schema(teams):
    """Targets pass their declaration and belong to a team."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["team_goals"])
    validate("kpi_targets", world["kpi_targets"])
    assert world["kpi_targets"]["unit_id"].isin(world["units"]["unit_id"]).all()
    assert (world["kpi_targets"]["valid_from"] < world["kpi_targets"]["valid_to"]).all()


def test_shared_kpis_recovers_who_hurts_whom(worlds):
    """Responses to targets that were drawn find the planted conflicts with their size, and hardly any
    other.
    """
    right, wrong, covered = 0, 0, []
    for world in worlds:
        table, truth = responses(world), planted(world)
        called = {(row.target, row.figure) for row in table[table["called"]].itertuples()}
        right += len(called & set(truth))
        wrong += len(called - set(truth))
        for row in table.itertuples():
            covered.append(abs(row.size - truth.get((row.target, row.figure), 0.0)) <= 1.96 * row.se)
    assert right >= 0.8 * 3 * len(worlds)
    assert wrong <= 0.15 * len(worlds)
    assert np.mean(covered) > 0.92


def test_shared_kpis_correlation_calls_volume_a_conflict(worlds):
    """Partial correlation of the figures calls pairs that only go with volume, as many as there are
    conflicts.
    """
    by_volume, called = [], []
    for world in worlds:
        pairs = world["truth_structure"]
        together = {frozenset(pair) for pair in zip(pairs["source"], pairs["target"], strict=True)}
        found = correlated(world)
        by_volume.append(len(found & together))
        called.append(len(found))
    assert np.min(by_volume) >= 1
    assert np.mean(by_volume) >= 0.4 * np.mean(called)


def test_shared_kpis_without_the_effect_targets_leave_others_alone(nulls):
    """No response beyond the nominal rate, while figures still go together."""
    called = [responses(world)["called"].sum() for world in nulls]
    assert all(planted(world) == {} for world in nulls)
    assert np.mean(called) <= 0.15
    assert np.mean([len(correlated(world)) > 0 for world in nulls]) > 0.9


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    settings = WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert len(generate(settings, domains=["team_goals"])["kpi_targets"]) == 8 * 36
