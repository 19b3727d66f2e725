"""A twin fitted before the change predicts the time after it; shares of the time before do not."""

from heapq import heapreplace

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
DAY_MIN, OPENS_MIN = 480, 480


def working_minutes(at: pd.Series, first: pd.Timestamp) -> np.ndarray:
    """Moments as working minutes since the first day: eight hours a weekday."""
    days = np.busday_count(first.to_numpy().astype("datetime64[D]"), at.to_numpy().astype("datetime64[D]"))
    return days * DAY_MIN + (at - at.dt.normalize()).dt.total_seconds().to_numpy() / 60 - OPENS_MIN


def log_of(world: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, float]:
    """Cases with arrival, start and end at each step, and person, in working minutes; and the minute of the change."""
    rows = world["touchpoints"][world["touchpoints"]["case_id"].str.startswith("OD")]
    first = rows["started_at"].min().normalize()
    rows = rows.assign(start=working_minutes(rows["started_at"], first))
    rows["end"] = np.where(
        rows["ended_at"].isna(), np.nan, working_minutes(rows["ended_at"].fillna(first), first)
    )
    rows["step"] = rows["step_id"].str[-1].fillna("0").astype(int)
    wide = rows.pivot_table(index="case_id", columns="step", values=["start", "end"], aggfunc="first")
    change = world["changes"][world["changes"]["change_id"].str.startswith("CO")]["deployed_at"]
    return wide.sort_values(("start", 0)), float(working_minutes(change + pd.Timedelta(hours=8), first)[0])


def twin(arrival: np.ndarray, work: np.ndarray, people: list[int]) -> np.ndarray:
    """Hours that each case takes through steps in a row, each with its people, first come first served."""
    ready = arrival
    for step, count in enumerate(people):
        free = [0.0] * count
        over = np.empty(len(ready))
        for i in np.argsort(ready, kind="stable"):
            over[i] = max(free[0], ready[i]) + work[i, step]
            heapreplace(free, over[i])
        ready = over
    return (ready - arrival) / 60


def predicted(wide: pd.DataFrame, change: float, people: list[int], seed: int) -> np.ndarray:
    """P50 and P90 of 30 runs of the twin over the time after the change, calibrated before it, shape (30, 2)."""
    rng = np.random.default_rng(seed)
    before = wide[(wide["end"].notna().all(axis=1)) & (wide[("start", 0)] < change)]
    work = (before["end"] - before["start"])[[1, 2, 3]].to_numpy()
    arrival = before[("start", 0)].to_numpy()
    days = int(change // DAY_MIN)
    after_days = 45
    runs = []
    for _ in range(30):
        # Days are drawn whole, cases drawn whole: load and difficulty keep their patterns.
        drawn = rng.integers(0, days, after_days + 5)
        at = np.concatenate(
            [arrival[arrival // DAY_MIN == day] - day * DAY_MIN + k * DAY_MIN for k, day in enumerate(drawn)]
        )
        took = twin(at, work[rng.integers(0, len(work), len(at))], people)
        runs.append(np.quantile(took[at >= 5 * DAY_MIN], [0.5, 0.9]))  # the first week fills the desk
    return np.array(runs)


def actual(wide: pd.DataFrame, change: float) -> np.ndarray:
    """P50 and P90 of the hours that cases took, of those that arrived after the change and are done."""
    after = wide[(wide[("start", 0)] >= change + 5 * DAY_MIN) & wide[("end", 3)].notna()]
    return np.quantile((after[("end", 3)] - after[("start", 0)]) / 60, [0.5, 0.9])


@pytest.fixture(scope="module")
def logs():
    """Twenty order desks."""
    return [
        log_of(generate(WorldSettings(seed=seed, customers=200), domains=["order_desk"])) for seed in SEEDS
    ]


def test_digital_twin_predicts_the_percentiles_after_the_change(logs):
    """The 90 % range of runs with one more person holds what came, in at least 15 of 20 worlds for each percentile."""
    held = np.zeros(2)
    for seed, (wide, change) in enumerate(logs):
        runs = predicted(wide, change, [2, 2, 3], seed)
        low, high = np.quantile(runs, [0.05, 0.95], axis=0)
        held += (low <= actual(wide, change)) & (actual(wide, change) <= high)
    assert (held >= 15).all()


def test_digital_twin_shares_of_the_time_before_miss_it(logs):
    """Taking off the time saved on work at one step, as a share, promises far too little."""
    for wide, change in logs[:8]:
        done = wide[wide["end"].notna().all(axis=1) & (wide[("start", 0)] < change)]
        before = np.quantile((done[("end", 3)] - done[("start", 0)]) / 60, [0.5, 0.9])
        work = (done["end"] - done["start"])[[1, 2, 3]].mean()
        naive = before * (1 - 0.5 * work[2] / work.sum())  # the step's share of the work, halved
        assert (actual(wide, change) < 0.85 * naive).all()


def test_digital_twin_truth_is_what_the_same_cases_would_have_taken():
    """The planted percentiles with the change are those of the log; without it they are much longer."""
    world = generate(WorldSettings(seed=3, customers=200), domains=["order_desk"])
    truth = (
        world["truth_outcomes"].query("play == 'design.digital_twin'").set_index(["arm", "metric"])["value"]
    )
    wide, change = log_of(world)
    assert truth["with the change", "p50 h"] == pytest.approx(actual(wide, change)[0], rel=0.1)
    assert truth["without it", "p50 h"] > 1.3 * truth["with the change", "p50 h"]


def test_digital_twin_without_an_effect_nobody_joins():
    """In worlds without it, the times after are those of a twin without the person, and the log shows nobody new."""
    held = 0
    for seed in range(6):
        world = generate(
            WorldSettings(seed=seed, customers=200, effects={"design.digital_twin": 0}),
            domains=["order_desk"],
        )
        truth = (
            world["truth_outcomes"]
            .query("play == 'design.digital_twin'")
            .set_index(["arm", "metric"])["value"]
        )
        assert truth["with the change", "p90 h"] == truth["without it", "p90 h"]
        steps = world["touchpoints"][world["touchpoints"]["step_id"] == "PO2"]
        assert len(set(steps["staff_id"])) == 1
        wide, change = log_of(world)
        runs = predicted(wide, change, [2, 1, 3], seed)
        held += runs[:, 0].min() <= actual(wide, change)[0] <= runs[:, 0].max()
    assert held >= 4


@pytest.mark.parametrize("industry", ["retail", "software"])
def test_tables_are_canonical(industry):
    """Schemas hold in other industries and regions, and nobody does two cases at a time."""
    world = generate(
        WorldSettings(seed=1, customers=200, industry=industry, regions=("DE",)), domains=["order_desk"]
    )
    for name in ("touchpoints", "process_steps", "changes"):
        validate(name, world[name])
    rows = world["touchpoints"].dropna(subset=["staff_id", "step_id"]).sort_values("started_at")
    assert (rows["started_at"] - rows.groupby("staff_id")["ended_at"].shift()).min() > pd.Timedelta("-1s")
