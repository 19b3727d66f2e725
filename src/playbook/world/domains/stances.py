"""How functions stand to making their work visible, asked anonymously round after round, and what moves them.

Planted for `sustain.change_resistance`: each function has a stance of its own; evidence shown to it before a round
shifts it by `SHIFT`, less where its pay hangs on a figure that transparency touches, and against us where much does
(`ON_PAY`). Some functions were given evidence by a plan, others where the ground was ready. Answers are whole
points, 0 to 10. Raters are numbers that belong to nobody in `staff`; two functions are too small to be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()
ONCE = True

PLAY = "sustain.change_resistance"
FUNCTIONS = {  # people, stance in the first round, share of pay at stake
    "service agent": (26, 4.6, 0.10),
    "team lead": (16, 3.6, 0.35),
    "account manager": (22, 3.2, 0.45),
    "planner": (14, 4.2, 0.20),
    "picker": (30, 4.4, 0.05),
    "buyer": (12, 3.8, 0.30),
    "technician": (18, 4.7, 0.00),
    "quality": (10, 5.2, 0.00),
    "finance": (11, 4.9, 0.15),
    "branch manager": (15, 3.0, 0.55),
    "works council": (3, 3.5, 0.00),
    "data office": (4, 5.8, 0.00),
}
MINIMUM_GROUP = 5
ROUNDS, ROUND_D = 7, 75
SHIFT = {"own waiting times": 1.1, "voice of the customer": 0.65, "ranking of teams": 0.2}
NOTHING = 0.4  # of the times nothing is shown
ON_PAY = -1.9  # of a shift, per share of pay at stake
ANSWERS = 0.85
PERSON_SD, NOISE = 0.9, 0.45


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return ratings, actions, kpi_targets and what is true of them."""
    size = settings.size(PLAY)
    names, kinds = list(FUNCTIONS), list(SHIFT)
    people, stance, pay = (np.array(column, dtype=float) for column in zip(*FUNCTIONS.values(), strict=True))
    n = len(names)
    # Before each round but the first a function sees one piece of evidence, or (the last) none.
    shown = rng.integers(0, len(kinds), (n, ROUNDS - 1))
    shown[rng.random(shown.shape) < NOTHING] = len(kinds)
    chosen, ready = np.arange(n) % 3 == 2, stance >= np.median(stance)
    every_other = np.where(np.arange(ROUNDS - 1) % 2 == 0, 0, len(kinds))
    shown[chosen] = np.where(ready[chosen, None], every_other, len(kinds))
    effect = np.array([*SHIFT.values(), 0.0])[shown] * (1 + ON_PAY * pay)[:, None] * size
    mean = stance[:, None] + np.column_stack([np.zeros(n), np.cumsum(effect, axis=1)])

    person = np.repeat(np.arange(n), people.astype(int))
    own = rng.normal(0, PERSON_SD, len(person))
    latent = mean[person] + own[:, None] + rng.normal(0, NOISE, (len(person), ROUNDS))
    answers = rng.random(latent.shape) < ANSWERS
    rows, rounds = np.nonzero(answers)
    starts = (
        settings.end
        - pd.Timedelta(days=ROUND_D * ROUNDS)
        + pd.to_timedelta(ROUND_D * np.arange(ROUNDS), unit="D")
    )
    ratings = pd.DataFrame(
        {
            "rating_id": ids("RS", len(rows)),
            "exercise": "stance to transparency",
            "rater_id": ids("AN", len(person)).array.take(rows),
            "rater_function": words(names, person[rows]),
            "rater_party": "staff",
            "subject_type": "programme",
            "subject_id": "transparency",
            "item_code": "in favour",
            "score": np.clip(np.round(latent[rows, rounds]), 0, 10),
            "scale_max": 10.0,
            "round_no": rounds + 1.0,
            "rated_at": (starts[rounds] + pd.to_timedelta(rng.integers(0, 10, len(rows)), unit="D")).as_unit(
                "us"
            ),
        }
    )
    cells = np.repeat(np.arange(n), (ROUNDS - 1) * len(kinds))
    before = np.tile(np.repeat(np.arange(ROUNDS - 1), len(kinds)), n)
    kind = np.tile(np.arange(len(kinds)), n * (ROUNDS - 1))
    was_shown = shown[cells, before] == kind
    actions = pd.DataFrame(
        {
            "action_id": ids("SEV", len(cells)),
            "subject_type": "function",
            "subject_id": words(names, cells),
            "action_code": words([f"evidence: {name}" for name in kinds], kind),
            "shown": was_shown,
            "taken": was_shown,
            "acted_at": (starts[before + 1] - pd.Timedelta(days=20)).as_unit("us"),
        }
    )
    targets = pd.DataFrame(
        {
            "target_id": ids("TS", n),
            "role": names,
            "kpi_code": "figures that transparency touches",
            "direction": "up",
            "pay_weight_share": pay,
            "pay_basis": "team",
            "valid_from": settings.start,
        }
    ).astype({"valid_from": "datetime64[us]"})
    return {"ratings": ratings, "actions": actions, "kpi_targets": targets, **_truth(names, mean, pay, size)}


def _truth(names: list[str], mean: np.ndarray, pay: np.ndarray, size: float) -> dict[str, pd.DataFrame]:
    """Return the stance of each function in each round, and the shift that each evidence brings it."""
    outcomes = planted(
        "truth_outcomes",
        PLAY,
        subject=np.repeat(names, ROUNDS),
        arm=[f"round {k + 1}" for k in range(ROUNDS)] * len(names),
        metric="mean stance",
        value=mean.ravel(),
    )
    effects = planted(
        "truth_effects",
        PLAY,
        action=[f"evidence: {kind}" for kind in SHIFT for _ in names],
        stratum=names * len(SHIFT),
        metric="stance",
        size=np.concatenate([shift * (1 + ON_PAY * pay) * size for shift in SHIFT.values()]),
        unit="points",
    )
    return {"truth_outcomes": outcomes, "truth_effects": effects}


PLANTS = (
    Plant(
        play=PLAY,
        what="Functions are asked, anonymously and round after round, how they stand to transparency; before each round "
        "they are shown evidence of one kind or none.",
        why="The same evidence wins one function and hardens another, so an average shift predicts neither.",
        tables=("ratings", "actions", "kpi_targets"),
        truth=("truth_outcomes", "truth_effects"),
        size="SHIFT x (1 + ON_PAY x share of pay at stake) x size, points a piece of evidence",
    ),
)
