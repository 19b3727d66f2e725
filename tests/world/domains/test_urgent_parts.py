"""Stage times that are long together: the joint quantile keeps its promise, independent stages do not."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(8)
PLAY = "define.service_levels"


def stages(world: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Hours of each case at each stage, and its customer's tier."""
    steps = world["process_steps"].query("process == 'urgent part' and seq_no.notna()")
    rows = world["touchpoints"][world["touchpoints"]["step_id"].isin(steps["step_id"])]
    rows = rows.assign(hours=(rows["ended_at"] - rows["started_at"]).dt.total_seconds() / 3600)
    wide = rows.pivot_table(index="case_id", columns="step_id", values="hours").dropna()
    tier = (
        rows.drop_duplicates("case_id")
        .merge(world["customers"], on="customer_id")
        .set_index("case_id")["tier"]
    )
    return wide.assign(tier=tier)


def p90(hours: np.ndarray, rng: np.random.Generator | None = None) -> float:
    """The 90th percentile of the sum of stages; with `rng`, of stages drawn apart (the convolution)."""
    if rng is not None:
        hours = np.column_stack([rng.permutation(column) for column in hours.T])
    return float(np.quantile(hours.sum(axis=1), 0.9))


def made(**settings) -> list[tuple[dict[str, pd.DataFrame], pd.DataFrame]]:
    """Several worlds and their stages."""
    worlds = [
        generate(WorldSettings(seed=seed, customers=400, **settings), domains=["urgent_parts"])
        for seed in SEEDS
    ]
    return [(world, stages(world)) for world in worlds]


@pytest.fixture(scope="module")
def worlds():
    """Eight worlds."""
    return made()


def test_service_levels_joint_quantile_attains_its_probability(worlds):
    """The 90th percentile of the whole, by tier, agrees with the planted one on average and keeps its promise."""
    ratio, kept = [], []
    for world, wide in worlds:
        truth = (
            world["truth_outcomes"].query("play == @PLAY and metric == 'p90 h'").set_index("subject")["value"]
        )
        for tier in ("silver", "bronze"):
            hours = wide[wide["tier"] == tier].drop(columns="tier").to_numpy()
            ratio.append(p90(hours) / truth[tier])
            kept.append((hours.sum(axis=1) <= truth[tier]).mean())
    assert np.mean(ratio) == pytest.approx(1, abs=0.05)  # a hundred weeks share a load each
    assert np.mean(kept) == pytest.approx(0.9, abs=0.02)


def test_service_levels_independent_stages_promise_too_much(worlds):
    """Stages added up as if independent give a 90th percentile that far fewer cases keep, in every world."""
    rng = np.random.default_rng(0)
    for _, wide in worlds:
        hours = wide[wide["tier"] == "bronze"].drop(columns="tier").to_numpy()
        promised = p90(hours, rng)
        assert (hours.sum(axis=1) <= promised).mean() < 0.885
        assert promised < p90(hours)


def test_service_levels_stage_percentiles_do_not_add_up(worlds):
    """Three stages that each keep their 90th percentile promise far more than the 90th percentile of the whole."""
    for _, wide in worlds:
        hours = wide[wide["tier"] == "bronze"].drop(columns="tier").to_numpy()
        assert np.quantile(hours, 0.9, axis=0).sum() > 1.05 * p90(hours)


def test_service_levels_promise_of_today_is_not_kept(worlds):
    """The contract's target is attained by a share that differs between tiers and is below what it promises."""
    world, wide = worlds[0]
    term = world["contract_terms"].query("metric == 'urgent part, whole'").iloc[0]
    kept = (
        wide.assign(whole=wide.drop(columns="tier").sum(axis=1) <= term["target"])
        .groupby("tier")["whole"]
        .mean()
    )
    assert kept["gold"] > kept["bronze"] + 0.05
    assert kept["bronze"] < term["percentile"]
    promised = world["contract_terms"].query("metric.str.startswith('urgent part') and penalty_amt.isna()")[
        "target"
    ]
    assert (
        promised.sum() > term["target"]
    )  # what teams promise each other does not make up the customer's promise


def test_service_levels_without_load_stages_are_independent():
    """In worlds without it the convolution keeps its promise, and stages are uncorrelated."""
    rng = np.random.default_rng(0)
    kept, z = [], []
    for _, wide in made(effects={PLAY: 0.0}):
        hours = wide[wide["tier"] == "bronze"].drop(columns="tier").to_numpy()
        kept.append((hours.sum(axis=1) <= p90(hours, rng)).mean())
        correlation = np.corrcoef(np.log(hours.T))[np.triu_indices(3, 1)]
        z.append(np.arctanh(correlation) * np.sqrt(len(hours) - 3))
    assert np.mean(kept) == pytest.approx(0.9, abs=0.006)
    assert np.abs(z).max() < 3.6


@pytest.mark.parametrize("industry", ["retail", "logistics"])
def test_tables_are_canonical(industry):
    """Schemas hold in other industries and regions."""
    world = generate(
        WorldSettings(seed=1, customers=250, industry=industry, regions=("FR",)), domains=["urgent_parts"]
    )
    for name in ("touchpoints", "process_steps", "contract_terms", "costs"):
        validate(name, world[name])
    teams = world["contract_terms"]["provider_unit_id"].dropna()
    assert teams.isin(world["units"]["unit_id"]).all()
