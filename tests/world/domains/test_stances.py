"""What evidence will do to a function's stance can be predicted from its pay at stake; an average cannot."""

import numpy as np
import pandas as pd
import pytest

from playbook.world.domains.stances import FUNCTIONS, MINIMUM_GROUP, ON_PAY, ROUNDS, SHIFT
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import truth

PLAY = "sustain.change_resistance"
SEEDS = tuple(range(1, 21))


def make(seed, **more):
    """A world with stances only; it has no customers' tables."""
    return generate(WorldSettings(seed=seed, customers=200, **more), domains=["stances"])


@pytest.fixture(scope="module")
def worlds():
    """Twenty worlds."""
    return [make(seed) for seed in SEEDS]


def shifts(world):
    """Change of each function's mean stance from round to round, with the evidence before it and the pay at stake.

    Only people who answered both rounds count, and only functions that are large enough to be shown.
    """
    wide = world["ratings"].pivot_table(
        index=["rater_function", "rater_id"], columns="round_no", values="score"
    )
    change = wide.diff(axis=1).iloc[:, 1:]
    grouped = change.groupby(level="rater_function")
    mean, n = grouped.mean().stack(), grouped.count().stack()
    frame = pd.DataFrame({"shift": mean[n >= MINIMUM_GROUP]}).reset_index()
    shown = world["actions"][world["actions"]["shown"]].copy()
    days = sorted(world["actions"]["acted_at"].unique())
    shown["round_no"] = shown["acted_at"].map({day: k + 2.0 for k, day in enumerate(days)})
    frame = frame.merge(
        shown[["subject_id", "round_no", "action_code"]].rename(columns={"subject_id": "rater_function"}),
        how="left",
    )
    pay = world["kpi_targets"].set_index("role")["pay_weight_share"]
    frame["pay"] = frame["rater_function"].map(pay)
    return frame.assign(action_code=frame["action_code"].fillna("none"))


def design(frame):
    """Evidence and evidence times pay."""
    kinds = [f"evidence: {kind}" for kind in SHIFT]
    x = np.column_stack([(frame["action_code"] == kind).to_numpy(dtype=float) for kind in kinds])
    return np.hstack([x, x * frame["pay"].to_numpy()[:, None]])


def held_out(world):
    """Squared errors on the last round: of the model with pay, of one mean shift for all, of no shift."""
    frame = shifts(world)
    past, last = frame[frame["round_no"] < ROUNDS], frame[frame["round_no"] == ROUNDS]
    beta = np.linalg.lstsq(design(past), past["shift"].to_numpy(), rcond=None)[0]
    errors = [last["shift"] - design(last) @ beta, last["shift"] - past["shift"].mean(), last["shift"]]
    return [float((e**2).mean()) for e in errors]


def test_change_resistance_recovers_what_evidence_does(worlds):
    """Shifts per piece of evidence, and how far pay at stake turns them, are those that were planted."""
    frame = pd.concat([shifts(world) for world in worlds])
    beta = np.linalg.lstsq(design(frame), frame["shift"].to_numpy(), rcond=None)[0]
    plain = np.array(list(SHIFT.values()))
    assert beta[:3] == pytest.approx(plain, abs=0.08)
    assert beta[3:] == pytest.approx(plain * ON_PAY, abs=0.35)


def test_change_resistance_average_shift_predicts_worse(worlds):
    """On the held-out round the model with pay beats one mean shift for all, and no shift, in most worlds and on average."""
    errors = np.array([held_out(world) for world in worlds])
    assert errors[:, 0].mean() < 0.7 * errors[:, 1:].mean(axis=0).min()
    assert (errors[:, 0] < errors[:, 1]).mean() >= 0.8


def test_change_resistance_finds_nothing_without_the_effect():
    """With the size at nothing evidence shifts nobody."""
    frame = pd.concat([shifts(make(seed, effects={PLAY: 0})) for seed in (31, 32, 33)])
    beta = np.linalg.lstsq(design(frame), frame["shift"].to_numpy(), rcond=None)[0]
    assert np.abs(beta[:3]).max() < 0.15


def test_change_resistance_holds_nobody_by_name(worlds):
    """Raters are nobody's keys, and functions below the minimum group are there to be hidden."""
    people = worlds[0]["ratings"].groupby("rater_function")["rater_id"].nunique()
    assert set(people.index[people < MINIMUM_GROUP]) == {
        name for name, (n, *_) in FUNCTIONS.items() if n < MINIMUM_GROUP
    }
    assert worlds[0]["ratings"]["rater_id"].str.startswith("AN").all()
    assert len(truth(worlds[0], "truth_outcomes", PLAY)) == len(FUNCTIONS) * ROUNDS
