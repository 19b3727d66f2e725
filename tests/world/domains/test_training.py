"""Training records follow their truth, and record what did not happen."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.training import PRACTICES, SLOT_MIN, SPEED_MEDIAN, SPEED_P05, SPEED_SHAPE
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    """A small world."""
    return generate(WorldSettings(seed=3, customers=3000), domains=["training"])


def test_table_is_canonical_and_repeatable(world):
    """The schema holds, and the same seed gives the same rows."""
    validate("training", world["training"])
    again = generate(WorldSettings(seed=3, customers=3000), domains=["training"])["training"]
    pd.testing.assert_frame_equal(world["training"], again)


def test_nobody_trains_before_hire_or_after_leaving(world):
    """Attempts begin within a person's time in the company and before the history's end."""
    rows = world["training"].merge(world["staff"], on="staff_id")
    assert (rows["started_at"] >= rows["hired_on"]).all()
    assert (rows["started_at"] < rows["left_on"].fillna(pd.Timestamp("2026-07-01"))).all()


def test_what_did_not_happen_is_recorded(world):
    """Missed practices and unfinished downloads have no end; finished downloads kept to their slot."""
    rows = world["training"]
    practice = rows[rows["module_code"] == "practice"]
    assert practice.loc[practice["completed_at"].isna(), "score_share"].isna().all()
    assert 0.05 < practice["completed_at"].isna().mean() < 0.4
    loads = rows[rows["package_mb"].notna()]
    took = (loads["completed_at"] - loads["started_at"]).dt.total_seconds() / 60
    assert (took.dropna() <= loads["slot_min"][took.notna()] + 0.1).all()
    assert set(loads["slot_min"]) == set(SLOT_MIN.values())
    assert 0.05 < took.isna().mean() < 0.6


def test_practice_numbers_run_on(world):
    """Scored practices of a person are numbered 1, 2, 3 ... in time order."""
    rows = world["training"]
    scored = rows[(rows["module_code"] == "practice") & rows["score_share"].notna()]
    number = scored.sort_values("started_at").groupby("staff_id").cumcount() + 1
    assert (number == scored["practice_no"].reindex(number.index)).all()
    assert scored["practice_no"].max() == PRACTICES


@pytest.mark.parametrize(("effect", "low", "high"), [(1.0, 0.25, 1.2), (0.0, -0.2, 0.2)])
def test_who_stays_is_able_only_when_planted(effect, low, high):
    """Mean skill of those still here is well above the hires' with the effect, and equal without."""
    world = generate(WorldSettings(seed=4, customers=20_000, effect=effect), domains=["organisation"])
    staff = world["staff"].merge(world["truth_staff"], on="staff_id")
    gap = staff.loc[staff["left_on"].isna(), "skill"].mean() - staff["skill"].mean()
    assert low < gap < high


def test_choice_follows_skill_and_the_draw_does_not():
    """Able people choose more modules; the lot knows nothing of skill."""
    world = generate(WorldSettings(seed=5, customers=20_000), domains=["training"])
    rows = world["training"]
    modules = rows[rows["module_code"].str.startswith("onboarding:")]
    counts = modules.groupby(["assigned_by", "staff_id"]).size().reset_index(name="taken")
    counts = counts.merge(world["truth_staff"], on="staff_id")
    link = {by: np.corrcoef(part["taken"], part["skill"])[0, 1] for by, part in counts.groupby("assigned_by")}
    assert link["choice"] > 0.4
    assert abs(link["draw"]) < 0.12


def test_quantiles_of_speed_are_those_of_the_gamma():
    """The constants written down are scipy's quantiles."""
    from scipy.stats import gamma

    assert np.allclose(gamma.ppf([0.5, 0.05], SPEED_SHAPE), [SPEED_MEDIAN, SPEED_P05])
