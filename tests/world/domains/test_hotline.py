"""Calling back against holding: the switchback finds the effect, calls split at random do not."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)


def one(seed: int, **settings) -> dict[str, pd.DataFrame]:
    """Calls with their arm: split call by call, and by half-days; and the truth."""
    world = generate(WorldSettings(seed=seed, customers=200, **settings), domains=["hotline"])
    calls = world["interactions"].query("channel == 'hotline'").sort_values("arrived_at")
    calls = calls.assign(lost=calls["answered_at"].isna().astype(float))
    arms = world["assignments"][world["assignments"]["initiative_id"].str.startswith("HX")]
    split = calls.merge(
        arms.query("subject_type == 'interaction'")[["subject_id", "arm"]],
        left_on="interaction_id",
        right_on="subject_id",
    )
    halves = arms.query("subject_type == 'queue'").sort_values("starts_at")[
        ["starts_at", "arm", "cluster_id"]
    ]
    switched = pd.merge_asof(calls, halves, left_on="arrived_at", right_on="starts_at").dropna(subset="arm")
    halves = switched.groupby(["cluster_id", "arm"], as_index=False).agg(
        lost=("lost", "sum"), calls=("lost", "size")
    )
    halves["share"] = halves["lost"] / halves["calls"]
    return {"split": split, "halves": halves, "world": world}


def planted(world: dict[str, pd.DataFrame]) -> float:
    """The planted effect on the share of calls that are lost."""
    effects = world["truth_effects"].query("play == 'design.service_experiment' and metric == 'lost share'")
    return float(effects["size"].iloc[0])


def by_half_days(halves: pd.DataFrame) -> tuple[float, float]:
    """Difference of lost shares between half-days with the offer and without, and its standard error."""
    offered = halves["arm"] == "call back"
    gap = halves[offered]["share"].mean() - halves[~offered]["share"].mean()
    return float(gap), float(np.hypot(halves[offered]["share"].sem(), halves[~offered]["share"].sem()))


@pytest.fixture(scope="module")
def worlds():
    """Twenty hotlines."""
    return [one(seed) for seed in SEEDS]


def test_service_experiment_switchback_covers_the_planted_effect(worlds):
    """The 95 % interval over half-days holds the effect in at least 16 of 20 worlds, and its mean is right."""
    held, errors = 0, []
    for made in worlds:
        gap, error = by_half_days(made["halves"])
        held += abs(gap - planted(made["world"])) < 1.96 * error
        errors.append((gap - planted(made["world"]), error))
    assert held >= 16
    off, error = np.array(errors).T
    assert abs(off.mean()) < 3.5 * np.sqrt((error**2).mean() / len(off))


def test_service_experiment_calls_split_at_random_understate_it(worlds):
    """Who holds gains when others are called back: the split finds little more than half of the effect."""
    found = [
        made["split"].groupby("arm")["lost"].mean()["call back"]
        - made["split"].groupby("arm")["lost"].mean()["hold"]
        for made in worlds
    ]
    truth = np.mean([planted(made["world"]) for made in worlds])
    assert truth < -0.04
    assert np.mean(found) > 0.7 * truth
    assert sum(one > truth for one in found) >= 18


def test_service_experiment_knowing_the_load_narrows_the_interval(worlds):
    """Adjusting half-days for their number of calls (CUPED) lowers the variance by a fifth at least, with no bias."""
    ratios = []
    for made in worlds:
        halves = made["halves"]
        offered = (halves["arm"] == "call back").to_numpy(float)
        x = np.column_stack([np.ones(len(halves)), offered, halves["calls"] - halves["calls"].mean()])
        y = halves["share"].to_numpy()
        rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        plain = y - x[:, :2] @ np.linalg.lstsq(x[:, :2], y, rcond=None)[0]
        ratios.append(rest.var() / plain.var())
    assert np.mean(ratios) < 0.8


def test_service_experiment_some_who_are_called_back_are_not_reached(worlds):
    """The harm is in the log: the planted share of accepted calls back is lost."""
    share = []
    for made in worlds:
        taken = made["world"]["actions"].query("action_code == 'call back' and taken")
        calls = made["world"]["interactions"].set_index("interaction_id").loc[taken["subject_id"]]
        share.append(calls["answered_at"].isna().mean())
    truth = worlds[0]["world"]["truth_effects"].query("metric == 'not reached'")["size"].iloc[0]
    assert np.mean(share) == pytest.approx(truth, abs=0.008)


def test_service_experiment_without_an_effect_neither_design_finds_one():
    """In worlds without it nobody accepts, and both comparisons are noise."""
    z, gaps = [], []
    for seed in range(6):
        made = one(seed, effects={"design.service_experiment": 0.0})
        z.append(np.divide(*by_half_days(made["halves"])))
        split = made["split"].groupby("arm")["lost"].agg(["mean", "sem"])
        gaps.append((split["mean"]["hold"] - split["mean"]["call back"]) / np.hypot(*split["sem"]))
        assert planted(made["world"]) == 0
    assert np.abs(z).max() < 3.2
    assert np.abs(gaps).max() < 3.2


def test_tables_are_canonical_and_calls_end_after_they_begin(worlds):
    """Schemas hold, in a world without an effect too; every agent takes one call at a time."""
    for world in (worlds[0]["world"], one(1, effect=0.0, industry="retail", regions=("BR",))["world"]):
        for name in ("interactions", "actions", "assignments", "shifts", "initiatives"):
            validate(name, world[name])
        calls = world["interactions"]
        assert (calls["ended_at"] >= calls["arrived_at"]).all()
        calls = calls[calls["staff_id"].notna()].sort_values("answered_at")
        assert (calls["answered_at"] - calls.groupby("staff_id")["ended_at"].shift()).min() > pd.Timedelta(
            "-1s"
        )
