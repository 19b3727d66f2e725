"""Overrides: what people did by hand when a workflow stopped, and what it cost in the end.

Planted for `sustain.exception_automation`: for each kind of stop and tier one action is best (`BEST`, a decision
list: a few rules and an otherwise). People take it more often than not, except in the cells of `HABIT`, where most
take another out of habit. A wrong action costs `WRONG_AMT` x size more (gamma, and hard cases cost more whatever is
done; people ask the customer more often when a case is hard, so that asking looks dearer than it is). Handling by
hand costs `HANDLING_AMT` besides (`config_versions`, key "manual_override_amt").

`truth_structure` has the best action per cell, `truth_labels` the mistaken overrides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, position
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "sustain.exception_automation"

OVERRIDES = 5_000  # per division
STOPS = ("address not found", "credit limit", "price differs", "no stock", "double order", "wrong template")
STOP_SHARES = (0.22, 0.2, 0.18, 0.17, 0.13, 0.1)
ACTIONS = ("release", "hold", "ask the customer")
# best action (position in ACTIONS) per stop, for gold, silver, bronze
BEST = ((0, 0, 0), (0, 0, 1), (2, 1, 1), (2, 2, 1), (1, 1, 1), (0, 0, 0))
# (stop, tier) -> action most people take instead
HABIT = {(1, 2): 0, (3, 2): 2, (2, 0): 1, (4, 1): 0}
TAKES_BEST, TAKES_HABIT = 0.80, 0.70
RIGHT_AMT, WRONG_AMT = 8.0, 45.0
HARD, ASKS_WHEN_HARD = 1.4, 0.10
HANDLING_AMT = 6.5

PLANTS = (
    Plant(
        play=PLAY,
        what="Manual overrides of stopped workflows, with the action that was taken and the loss that followed. "
        "In each kind of case one action is best.",
        why="Most people are right most of the time, but some habits are wrong: imitating what people do learns "
        "their mistakes.",
        tables=("exceptions", "config_versions", "customers"),
        truth=("truth_structure", "truth_labels"),
        size="WRONG_AMT x size; HABIT",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return exceptions, config_versions, truth_structure and truth_labels."""
    size = settings.size(PLAY)
    customers = tables["customers"]
    n = OVERRIDES
    stays = np.flatnonzero(
        ((customers["created_at"] <= settings.start) & customers["closed_at"].isna()).to_numpy()
    )
    who = rng.choice(stays, n)
    tier = position(customers["tier"], TIERS)[who]
    stop = rng.choice(len(STOPS), n, p=STOP_SHARES)
    best = np.array(BEST)[stop, tier]
    hard = rng.random(n) < 0.3
    action = _actions(stop, tier, best, hard, rng)
    is_wrong = action != best
    loss = (RIGHT_AMT + WRONG_AMT * size * is_wrong) * np.where(hard, HARD, 1.0) * rng.gamma(1.5, 1 / 1.5, n)
    at = np.datetime64(settings.start, "us") + (
        np.sort(rng.random(n)) * (settings.days - 3) * 86_400e6
    ).astype("timedelta64[us]")
    exceptions = pd.DataFrame(
        {
            "exception_id": ids("XO", n, settings.block),
            "occurred_at": at,
            "exception_type": words(STOPS, stop),
            "customer_id": customers["customer_id"].array.take(who),
            "subject_type": repeated("workflow", n),
            "override_action": words(ACTIONS, action),
            "resolved_at": at + (rng.gamma(2.0, 12.0, n) * 60e6).astype("timedelta64[us]"),
            "loss_amt": np.round(loss, 2),
        }
    )
    wrong = np.flatnonzero(is_wrong & (size > 0))
    labels = planted(
        "truth_labels",
        PLAY,
        table="exceptions",
        key=exceptions["exception_id"].array.take(wrong),
        label="mistaken override",
        value=words(ACTIONS, best[wrong]),
    )
    made = {"exceptions": exceptions, "truth_labels": labels}
    return made if settings.block else {**made, **_once(settings, size)}


def _actions(
    stop: np.ndarray, tier: np.ndarray, best: np.ndarray, hard: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the action (position) that was taken in each case."""
    n = len(stop)
    habit = np.full((len(STOPS), len(TIERS)), -1)
    for cell, taken in HABIT.items():
        habit[cell] = taken
    usual = habit[stop, tier]
    other = (best + 1 + rng.integers(0, 2, n)) % len(ACTIONS)
    action = np.where(rng.random(n) < TAKES_BEST, best, other)
    action = np.where((usual >= 0) & (rng.random(n) < TAKES_HABIT), usual, action)
    return np.where(hard & (rng.random(n) < ASKS_WHEN_HARD), ACTIONS.index("ask the customer"), action)


def _once(settings: WorldSettings, size: float) -> dict[str, pd.DataFrame]:
    """Return the setting with the cost of an override, and the best action of each cell."""
    setting = pd.DataFrame(
        {
            "config_version_id": ["GO1"],
            "config_id": ["manual override"],
            "kind": ["setting"],
            "environment": ["live"],
            "key": ["manual_override_amt"],
            "value_json": [str(HANDLING_AMT)],
            "is_live": [True],
            "valid_from": [settings.start],
        }
    )
    cells = [(s, t) for s in range(len(STOPS)) for t in range(len(TIERS))] if size > 0 else []
    rules = planted(
        "truth_structure",
        PLAY,
        kind=["rule" for _ in cells],
        source=[f"{STOPS[s]} & {TIERS[t]}" for s, t in cells],
        target=[ACTIONS[BEST[s][t]] for s, t in cells],
    )
    return {"config_versions": setting, "truth_structure": rules}
