"""Breaches are where they were planted; what a sample may say follows from how it was drawn."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.domains.control_checks import BY_LOT, EXPORT_ROWS, FIX_D, QUARTERS
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

PLAY = "govern.quarterly_audit"
SEEDS = range(1, 9)


world_of = partial(drawn, "control_checks", base="organisation", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in range(1, 5)]


def keys_of(world, *labels):
    rows = world["truth_labels"]
    return set(rows.loc[(rows["play"] == PLAY) & rows["label"].isin(labels), "key"])


def quarter_of(times):
    settings = WorldSettings()
    return ((times - settings.start) / pd.Timedelta(days=1) / settings.days * QUARTERS).astype(int)


def releases(world):
    """Return the releases with whether two approvals came before they were live, and whether they were in
    time.
    """
    rows = world["changes"][world["changes"]["kind"] == "release"].copy()
    second = [
        sum(pd.Timestamp(a["at"]) <= live for a in json.loads(text)) < 2
        for text, live in zip(rows["approvals_json"], rows["deployed_at"], strict=True)
    ]
    late = rows["deployed_at"] - rows["requested_at"] > pd.Timedelta(days=FIX_D)
    return rows.assign(lacks=second, late=late, quarter=quarter_of(rows["requested_at"]))


def breaches_by_quarter(world):
    """Return breaches found without looking at the truth: both checks on every record, and the reviews by
    lot.
    """
    rows = releases(world)
    exports = world["access_log"][world["access_log"]["action"] == "export"]
    large = exports[exports["rows"] > EXPORT_ROWS]
    found = reviews(world, "random")
    bad = found[found["outcome"] == "no reason found"]
    count = np.zeros(QUARTERS, dtype=int)
    for quarters in (
        rows.loc[rows["lacks"] | rows["late"], "quarter"],
        quarter_of(large["accessed_at"]),
        bad["quarter"],
    ):
        count += np.bincount(quarters, minlength=QUARTERS)
    return count


def reviews(world, design):
    rows = world["decisions"].merge(world["assignments"][["subject_id", "design"]], on="subject_id")
    rows = rows[rows["design"] == design].merge(
        world["access_log"][["access_id", "accessed_at"]], left_on="subject_id", right_on="access_id"
    )
    return rows.assign(quarter=quarter_of(rows["accessed_at"]))


def shift(world, kind, subject):
    rows = world["truth_shifts"]
    return rows[(rows["play"] == PLAY) & (rows["kind"] == kind) & (rows["subject"] == subject)].iloc[0]


def test_tables_keep_their_schemas():
    """All tables pass their declarations, and dates are ordered."""
    world = generate(WorldSettings(seed=1, customers=400), domains=["control_checks"])
    for name in (
        "changes",
        "access_log",
        "rules",
        "contract_terms",
        "initiatives",
        "assignments",
        "decisions",
        "costs",
    ):
        validate(name, world[name])
    assert (world["changes"]["requested_at"] < world["changes"]["deployed_at"]).all()
    assert world["changes"]["deployed_at"].max() < pd.Timestamp("2026-07-01")


def test_quarterly_audit_finds_every_breach_that_can_be_checked(worlds):
    """Both rules on releases and the one on exports, run over every record, find what was planted and
    nothing else.
    """
    for world in worlds:
        rows = releases(world)
        assert set(rows.loc[rows["lacks"], "change_id"]) == keys_of(world, "live without two approvals")
        assert set(rows.loc[rows["late"], "change_id"]) == keys_of(world, "live too late")
        log = world["access_log"]
        large = log[(log["action"] == "export") & (log["rows"] > EXPORT_ROWS)]
        assert set(large["access_id"]) == keys_of(world, "export too large")
        assert min(len(keys_of(world, label)) for label in ("live too late", "export too large")) > 5


def test_quarterly_audit_the_clean_quarter_passes(worlds):
    """The audit is silent in the planted quarter and in no other."""
    for world in worlds:
        count = breaches_by_quarter(world)
        clean = quarter_of(
            pd.Series([shift(world, "clean", "clean quarter")["start_at"] + pd.Timedelta(days=1)])
        ).item()
        assert count[clean] == 0
        assert (np.delete(count, clean) > 0).all()


def test_quarterly_audit_the_lot_detects_at_its_rate(worlds):
    """59 reviews by lot find a breach as often as the hypergeometric says, and recover the share of
    breaches.
    """
    expected, hits, found, bad, total = [], [], 0, 0, 0
    for world in worlds:
        log = world["access_log"][world["access_log"]["action"] == "read a file"]
        broken = log["access_id"].isin(keys_of(world, "read without a reason"))
        by_quarter = pd.DataFrame({"bad": broken, "quarter": quarter_of(log["accessed_at"])})
        counts = by_quarter.groupby("quarter")["bad"].agg(["sum", "size"])
        lot = reviews(world, "random")
        seen = lot[lot["outcome"] == "no reason found"].groupby("quarter").size()
        for quarter, row in counts.iterrows():
            expected.append(1 - stats.hypergeom.pmf(0, row["size"], row["sum"], BY_LOT))
            hits.append(seen.get(quarter, 0) > 0)
        found, bad, total = found + seen.sum(), bad + broken.sum(), total + len(log)
    sd = np.sqrt(np.sum(np.multiply(expected, np.subtract(1, expected))))
    assert abs(np.sum(hits) - np.sum(expected)) < 3.3 * sd
    n = BY_LOT * QUARTERS * len(worlds)
    assert abs(found / n - bad / total) < 3.3 * np.sqrt(0.05 * 0.95 / n)


def test_quarterly_audit_reviews_by_suspicion_overstate(worlds):
    """Reads picked because they looked odd are without a reason several times as often as reads are."""
    for world in worlds:
        picked = reviews(world, "chosen")
        log = world["access_log"][world["access_log"]["action"] == "read a file"]
        truth = log["access_id"].isin(keys_of(world, "read without a reason")).mean()
        assert (picked["outcome"] == "no reason found").mean() > 2.5 * truth


def slip_test(world):
    """Return, for the quarters after the cheapest one, the p-value of more missing approvals than
    elsewhere.
    """
    costs = world["costs"][world["costs"]["activity"] == "control work"]
    spent = costs.groupby(quarter_of(costs["month_on"]))["variable_amt"].mean()
    cheap = int(spent.idxmin())
    rows = releases(world)
    after = rows["quarter"].isin([cheap + 1, cheap + 2])
    table = pd.crosstab(after, rows["lacks"]).reindex(
        index=[False, True], columns=[False, True], fill_value=0
    )
    return cheap, stats.fisher_exact(table.to_numpy(), alternative="greater")[1]


def test_quarterly_audit_the_standard_slipped_after_the_cut(worlds):
    """Missing approvals rise in the two quarters after the cheapest, which is the planted one."""
    for world in worlds:
        cheap, p = slip_test(world)
        start = shift(world, "step", "control work")["start_at"] + pd.Timedelta(days=1)
        assert cheap == quarter_of(pd.Series([start])).item()
        assert p < 0.01


def rises(world):
    """Return the rise in missing approvals: in the slipped quarters, and of the worst year."""
    cheap, _ = slip_test(world)
    rows = releases(world)
    after = rows["quarter"].isin([cheap + 1, cheap + 2])
    years = rows.groupby(rows["quarter"] // 4)["lacks"].mean()
    return rows.loc[after, "lacks"].mean() - rows.loc[~after, "lacks"].mean(), years.max() - years.nsmallest(
        2
    ).mean()


def test_quarterly_audit_the_average_of_the_year_hides_the_slip(worlds):
    """Against the quarters before, the slip has its planted size; year against year it has about half of
    it.
    """
    planted = shift(worlds[0], "step", "releases")["size"]
    quarters, years = np.transpose([rises(world) for world in worlds])
    assert abs(quarters.mean() - planted) < 0.035
    assert years.mean() < 0.75 * planted


def test_quarterly_audit_without_the_effect_all_quarters_are_clean(nulls):
    """No breach, no cut and no slip."""
    for world in nulls:
        assert breaches_by_quarter(world).sum() == 0
        assert (reviews(world, "chosen")["outcome"] == "reason found").all()
        assert not (world["truth_labels"]["play"] == PLAY).any()
        costs = world["costs"]
        spent = costs.groupby(quarter_of(costs["month_on"]))["variable_amt"].mean()
        assert spent.min() > 0.85 * spent.median()


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = generate(
        WorldSettings(seed=9, customers=200, industry=industry, regions=("GB",), effects={PLAY: 2}),
        domains=["control_checks"],
    )
    assert len(world["decisions"]) > 500
