"""Gaps between groups are caused by the group or by need, as planted, and only the first are left at equal
need.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.blocks import stream
from playbook.world.domains import fairness
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

AUDIT, IMPACT = "govern.bias_audit", "govern.impact_assessment"
SEEDS = range(20)


def world_of(seed, **options):
    """Return the domain's tables for customers none of whom has left: what they order is not needed here."""
    settings = WorldSettings(seed=seed, customers=2000, **options)
    market = generate(settings, domains=["market"])
    world = market | fairness.generate(settings, market, stream(seed, "fairness"))
    scores = world["model_scores"].merge(
        world["customers"][["customer_id", "protected_group"]], on="customer_id"
    )
    scores["need"] = scores["features_json"].str.extract(r"([\d.]+)", expand=False).astype(float)
    scores["b"] = (scores["protected_group"] == "b").astype(float)
    return world | {"scores": scores}


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={AUDIT: 0, IMPACT: 0}) for seed in range(8)]


def regression(y, columns):
    """Return the first coefficient of least squares and its HC2 standard error."""
    x = np.column_stack(columns)
    bread = np.linalg.pinv(x.T @ x)
    beta = bread @ x.T @ y
    residual = y - x @ beta
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    meat = (x * (residual**2 / np.maximum(1 - leverage, 0.05))[:, None]).T @ x
    return beta[0], np.sqrt((bread @ meat @ bread)[0, 0])


def adjusted(rows, y):
    """Return the gap of group b at equal need: one level per twentieth of need, and need within."""
    bins = pd.get_dummies(np.floor(rows["need"] * 20)).to_numpy(dtype=float)
    return regression(y, [rows["b"], bins, rows["need"]])


def audit_gaps(world):
    """Return per audited model: kind, true gap, gap at equal need and plain gap with their errors."""
    truth = world["truth_effects"]
    truth = truth[truth["play"] == AUDIT].set_index("action")["size"]
    labels = world["truth_labels"]
    kinds = labels[labels["play"] == AUDIT].set_index("key")["label"]
    rows = []
    for model, part in world["scores"][world["scores"]["model_version_id"].isin(truth.index)].groupby(
        "model_version_id"
    ):
        approved = (part["score"] >= part["threshold"]).to_numpy(dtype=float)
        at_need = adjusted(part, approved)
        plain = regression(approved, [part["b"], np.ones(len(part))])
        rows.append((kinds[model], truth[model], *at_need, *plain))
    return pd.DataFrame(rows, columns=["kind", "true", "gap", "se", "plain", "plain_se"])


def test_tables_keep_their_schemas():
    """All tables pass their declarations; keys resolve; nobody is scored before arrival or after leaving."""
    world = generate(WorldSettings(seed=1, customers=600), domains=["fairness"])
    for name in ("model_versions", "model_scores", "decisions"):
        validate(name, world[name])
    assert world["decisions"]["score_id"].isin(world["model_scores"]["score_id"]).all()
    assert world["model_scores"]["model_version_id"].isin(world["model_versions"]["model_version_id"]).all()
    rows = world["model_scores"].merge(world["customers"], on="customer_id")
    assert (rows["scored_at"] >= rows["created_at"]).all()
    assert (rows["scored_at"] <= rows["closed_at"].fillna(pd.Timestamp("2026-07-01"))).all()


def test_bias_audit_recovers_what_is_left_at_equal_need(worlds):
    """Intervals at equal need hold the true gap at their rate; biased models are found, the others left
    alone.
    """
    gaps = pd.concat([audit_gaps(world) for world in worlds])
    covered = (gaps["gap"] - gaps["true"]).abs() <= 1.96 * gaps["se"]
    assert covered.mean() >= 0.91
    called = (gaps["gap"] / gaps["se"]).abs() > stats.norm.ppf(1 - 0.025 / 9)
    assert called[gaps["kind"] == "biased"].mean() > 0.9
    assert called[gaps["kind"] != "biased"].mean() < 0.03


def test_bias_audit_plain_gap_blames_need(worlds):
    """The plain gap calls models unfair that only meet a group that needs less."""
    gaps = pd.concat([audit_gaps(world) for world in worlds])
    called = (gaps["plain"] / gaps["plain_se"]).abs() > stats.norm.ppf(1 - 0.025 / 9)
    assert called[gaps["kind"] == "need"].mean() > 0.9
    assert called[gaps["kind"] == "clean"].mean() < 0.05


def test_bias_audit_without_the_effect_calls_nobody(nulls):
    """No gap, plain or at equal need, beyond the nominal rate, and no model is labelled."""
    gaps = pd.concat([audit_gaps(world) for world in nulls])
    assert (gaps["kind"] == "clean").all()
    assert ((gaps["gap"] / gaps["se"]).abs() > stats.norm.ppf(1 - 0.025 / 9)).mean() < 0.03
    assert (gaps["plain"].abs() > 1.96 * gaps["plain_se"]).mean() < 0.1


def impact(world, decision_type):
    return world["decisions"][world["decisions"]["decision_type"] == decision_type].merge(
        world["scores"][["score_id", "need", "b", "region_id"]], on="score_id"
    )


def premium(rows):
    return regression(
        np.log(rows["realised_amt"].to_numpy()),
        [rows["b"], np.ones(len(rows)), rows["need"], rows["need"] ** 2],
    )


def slots(rows):
    return adjusted(rows, (rows["outcome"] == "fast").to_numpy(dtype=float))


def true_premium(world):
    truth = world["truth_effects"]
    return truth.loc[(truth["play"] == IMPACT) & (truth["unit"] == "log price"), "size"].item()


def test_impact_assessment_recovers_the_premium_even_in_the_smallest_group(worlds):
    """The price premium at equal need is recovered; its intervals hold within each market, the smallest
    included.
    """
    covered, estimates, smallest = [], [], []
    for world in worlds:
        rows, truth = impact(world, "price offer"), true_premium(world)
        estimates.append(premium(rows)[0] - truth)
        for _, part in rows.groupby("region_id"):
            gap, se = premium(part)
            covered.append(abs(gap - truth) <= stats.t.ppf(0.975, max(part["b"].sum() - 1, 2)) * se)
            smallest.append(part["b"].sum())
    assert abs(np.mean(estimates)) < 0.003
    assert np.mean(covered) >= 0.88
    assert min(smallest) < 40


def test_impact_assessment_finds_no_gap_in_service_at_equal_need(worlds):
    """Fast slots are as likely for both groups at equal need, though the plain shares are far apart."""
    at_need = [slots(impact(world, "service slot")) for world in worlds]
    assert np.mean([abs(gap) > 1.96 * se for gap, se in at_need]) <= 0.2
    plain = []
    for world in worlds:
        rows = impact(world, "service slot")
        fast = rows["outcome"] == "fast"
        plain.append(fast[rows["b"] == 0].mean() - fast[rows["b"] == 1].mean())
    assert min(plain) > 0.1


def test_impact_assessment_without_the_effect_finds_nothing(nulls):
    """No premium and no gap in slots, plain or at equal need."""
    assert all(true_premium(world) == 0 for world in nulls)
    premiums = [premium(impact(world, "price offer")) for world in nulls]
    assert np.mean([abs(gap) > 1.96 * se for gap, se in premiums]) <= 0.25
    assert abs(np.mean([gap for gap, _ in premiums])) < 0.006
    plain = [
        impact(world, "service slot").groupby("b")["outcome"].agg(lambda o: (o == "fast").mean())
        for world in nulls
    ]
    assert abs(np.mean([shares[1.0] - shares[0.0] for shares in plain])) < 0.05


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = generate(
        WorldSettings(
            seed=9, customers=200, industry=industry, regions=("GB",), effects={AUDIT: 2, IMPACT: 2}
        ),
        domains=["fairness"],
    )
    assert world["truth_effects"]["size"].notna().all()
