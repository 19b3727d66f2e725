"""Prompts to agents, and what they do: three pilots on cases that are told apart by lot.

- Scripts (`design.scripts`), on written cases: one of three prompts, or none, drawn with a logged chance that depends on
  severity, so that each prompt is tried mostly on its own kind of case. Each changes the chance of a repeat contact by
  tier and history (`SCRIPTS`), and takes seconds (`SCRIPT_S`).
- Items on the desktop (`design.agent_desktop`), on calls: one of four items or none, likewise. What an item does depends on
  what the case is about (`ITEMS`). Some fields of the desktop must not be shown to a role (`FIELDS`).
- Habits (`measure.action_metrics`), on calls: three things an agent may do, each prompted by the toss of a coin. Agents do
  them above all in easy cases (`ON_EASE`), which nobody logs, and easy cases come back less (`EASE`). Two of the
  three change anything (`HABITS`).

In an action's row `propensity_share` is the chance of what was shown (or of nothing being shown), given by the design.
Changes are in shares and go to `repeats`; an estimator may well use log-odds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.cases import case_actions
from playbook.world.domains.requests import CATEGORIES
from playbook.world.domains.service import CHANNELS, HISTORIES
from playbook.world.draws import choose
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")

SHARE_SCRIPTS = 0.40  # of written cases
SHARE_DESKTOP, SHARE_HABITS = 0.12, 0.08  # of calls

SCRIPTS = ("confirm the solution", "offer a call", "explain the next step")
SCRIPT_CHANGE = np.array(  # of the chance of a repeat contact: prompt, tier, history
    [
        [[-0.02, -0.08], [-0.02, -0.08], [-0.02, -0.08]],
        [[-0.13, -0.13], [-0.07, -0.07], [0.02, 0.02]],
        [[-0.09, 0.02], [-0.09, 0.02], [-0.09, 0.02]],
    ]
)
SCRIPT_S = (45.0, 90.0, 30.0)
SCRIPT_SHAPE = 9.0  # gamma
SCRIPT_CHANCE = np.array(  # by severity: each prompt, none
    [[0.05, 0.10, 0.60, 0.25], [0.15, 0.20, 0.40, 0.25], [0.45, 0.25, 0.05, 0.25], [0.60, 0.10, 0.05, 0.25]]
)

ITEMS = ("open order", "last complaint", "preference", "contract terms")
ITEM_CHANCE = np.array(  # by severity: each item, none
    [
        [0.06, 0.06, 0.18, 0.50, 0.20],
        [0.15, 0.15, 0.25, 0.25, 0.20],
        [0.35, 0.33, 0.07, 0.05, 0.20],
        [0.40, 0.32, 0.04, 0.04, 0.20],
    ]
)

HABITS = {
    "name used": 0.0,
    "preference applied": -0.10,
    "follow-up": -0.14,
}  # change of the chance of a repeat
HABIT_S = (5.0, 25.0, 90.0)
DONE, ON_PROMPT, ON_EASE, ON_SKILL = 0.12, 0.42, 0.28, 0.05  # chance that a habit is done
EASE = (0.16, 0.0)  # change of the chance of a repeat in cases that are not easy, and easy

FIELDS = (  # name, sensitivity, purposes
    ("name", "personal", "service,sales"),
    ("preferred_channel", "personal", "service"),
    ("last_orders", "internal", "service,sales"),
    ("open_tickets", "internal", "service"),
    ("contract_terms", "internal", "service,sales"),
    ("delivery_instructions", "personal", "service"),
    ("birth_year", "personal", "sales"),
    ("credit_limit", "internal", "finance"),
    ("payment_history", "internal", "finance"),
    ("health_note", "sensitive", "service"),
    ("union_membership", "sensitive", "staffing"),
    ("browsing_history", "personal", "marketing"),
)
RESTRICTED = frozenset(
    name for name, kind, purposes in FIELDS if kind == "sensitive" or "service" not in purposes.split(",")
)

PLANTS = (
    Plant(
        play="design.scripts",
        what="Agents who answer in writing are prompted what to say, or not prompted, by a lot with known chances. In "
        "another pilot cases start at different levels of the service, by lot or as people chose.",
        why="A prompt that is shown in easy cases looks good; cases that end with a specialist were hard from the start.",
        tables=("actions", "tickets", "interactions", "assignments"),
        truth=("truth_effects", "truth_parameters"),
        size="SCRIPT_CHANGE x size, SCRIPT_S; escalations.SOLVED x size",
    ),
    Plant(
        play="design.agent_desktop",
        what="During calls the desktop shows one of four items, or none, by a lot with known chances. Some fields of the "
        "desktop must not be shown in service.",
        why="Items that are shown in easy cases have good outcomes whatever they do.",
        tables=("actions", "tickets", "fields"),
        truth=("truth_effects", "truth_labels"),
        size="item_changes() x size; RESTRICTED fields",
    ),
    Plant(
        play="measure.action_metrics",
        what="Agents do small things for customers more often when they are prompted, by the toss of a coin, and when the "
        "case is easy.",
        why="Also within one agent's cases, the easy ones get the attention: what was done and what came of it go "
        "together without one causing the other.",
        tables=("actions", "tickets"),
        truth=("truth_effects",),
        size="HABITS x size; EASE between cases, ON_EASE for what is done",
    ),
)


def item_changes() -> NDArray[np.float64]:
    """Return the change of the chance of a repeat contact by item, category, tier and history."""
    change = np.zeros((len(ITEMS), len(CATEGORIES), len(TIERS), len(HISTORIES)))
    change[0, [CATEGORIES.index("question"), CATEGORIES.index("delivery")]] = -0.09
    change[1, :, :, 1] = -0.08
    change[1, :, :, 0] = 0.04
    change[2, :, :2] = -0.05
    change[3] = 0.03
    change[3, CATEGORIES.index("invoice")] = -0.09
    return change


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return actions, fields, truth_effects, truth_labels, _repeat_changes and _handle_changes for `repeats`, and
    _pilots: the cases (positions) that take part.
    """
    cases = tables["_cases"]
    lot = rng.random(len(cases))
    is_call = (cases["channel"] == CHANNELS.index("phone")).to_numpy()
    answered = (cases["agent"] >= 0).to_numpy()
    in_scripts = answered & ~is_call & (lot < SHARE_SCRIPTS)
    in_desktop = answered & is_call & (lot < SHARE_DESKTOP)
    in_habits = answered & is_call & ~in_desktop & (lot < SHARE_DESKTOP + SHARE_HABITS)
    pilots = [
        _scripts(settings, tables, np.flatnonzero(in_scripts), rng),
        _desktop(settings, tables, np.flatnonzero(in_desktop), rng),
        _habits(settings, tables, np.flatnonzero(in_habits), rng),
    ]
    made = {
        name: pd.concat([part[name] for part in pilots if name in part], ignore_index=True)
        for name in ("actions", "_repeat_changes", "_handle_changes")
    }
    made["_pilots"] = pd.DataFrame({"case": np.flatnonzero(in_scripts | in_desktop | in_habits)})
    return made | ({} if settings.block else _truth(settings) | {"fields": _fields()})


def _scripts(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    cases = tables["_cases"].iloc[rows]
    severity = cases["severity"].to_numpy() - 1
    arm = choose(SCRIPT_CHANCE, severity, rng)
    shown = arm < len(SCRIPTS)
    seconds = np.array([*SCRIPT_S, 0.0])[arm] * rng.gamma(SCRIPT_SHAPE, 1 / SCRIPT_SHAPE, len(rows))
    change = np.where(
        shown,
        SCRIPT_CHANGE[np.minimum(arm, len(SCRIPTS) - 1), cases["tier"], cases["history"]],
        0.0,
    )
    actions = case_actions(settings, tables, "AP", rows).assign(
        action_code=words([*(f"script: {name}" for name in SCRIPTS), "script: none"], arm),
        propensity_share=SCRIPT_CHANCE[severity, arm],
        shown=shown,
        taken=shown & (rng.random(len(rows)) < 0.9),
        duration_s=np.where(shown, seconds.round(), np.nan),
    )
    return {
        "actions": actions,
        "_repeat_changes": pd.DataFrame({"case": rows, "change": change * settings.size("design.scripts")}),
        "_handle_changes": pd.DataFrame(
            {"contact": cases["contact"].to_numpy(), "log_change": 0.0, "add_s": seconds.round()}
        ),
    }


def _desktop(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    cases = tables["_cases"].iloc[rows]
    severity = cases["severity"].to_numpy() - 1
    arm = choose(ITEM_CHANCE, severity, rng)
    shown = arm < len(ITEMS)
    change = item_changes()[
        np.minimum(arm, len(ITEMS) - 1), cases["category"], cases["tier"], cases["history"]
    ]
    actions = case_actions(settings, tables, "AD", rows).assign(
        action_code=words([*(f"item: {name}" for name in ITEMS), "item: none"], arm),
        propensity_share=ITEM_CHANCE[severity, arm],
        shown=shown,
        taken=shown,
    )
    size = settings.size("design.agent_desktop")
    return {
        "actions": actions,
        "_repeat_changes": pd.DataFrame({"case": rows, "change": np.where(shown, change * size, 0.0)}),
    }


def _habits(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Return three actions per case: each habit, prompted or not, done or not."""
    cases = tables["_cases"].iloc[rows]
    n, size = len(rows), settings.size("measure.action_metrics")
    easy = (rng.random(n) < 0.5).astype(np.int64)
    prompted = rng.random((n, len(HABITS))) < 0.5
    chance = DONE + ON_PROMPT * prompted + (ON_EASE * easy + ON_SKILL * cases["skill"].to_numpy())[:, None]
    done = rng.random((n, len(HABITS))) < chance
    habit = np.tile(np.arange(len(HABITS)), n)
    actions = case_actions(settings, tables, "AM", np.repeat(rows, len(HABITS))).assign(
        action_code=words([f"habit: {name}" for name in HABITS], habit),
        propensity_share=0.5,
        shown=prompted.ravel(),
        taken=done.ravel(),
        duration_s=np.where(done.ravel(), np.array(HABIT_S)[habit], np.nan),
    )
    change = np.array(EASE)[easy] + done @ np.array(list(HABITS.values())) * size
    return {"actions": actions, "_repeat_changes": pd.DataFrame({"case": rows, "change": change})}


def _fields() -> pd.DataFrame:
    name, sensitivity, purposes = zip(*FIELDS, strict=True)
    return pd.DataFrame(
        {
            "field_id": [f"DF{k:02d}" for k in range(1, len(FIELDS) + 1)],
            "table_name": "agent_desktop",
            "field_name": name,
            "data_type": "text",
            "sensitivity": sensitivity,
            "purposes": purposes,
        }
    )


def _truth(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    who = [(tier, past) for tier in TIERS for past in HISTORIES]
    scripts = planted(
        "truth_effects",
        "design.scripts",
        action=np.repeat(SCRIPTS, len(who)),
        stratum=[f"{tier}, {past}" for tier, past in who] * len(SCRIPTS),
        metric="repeat contact",
        size=SCRIPT_CHANGE.ravel() * settings.size("design.scripts"),
        unit="share",
    )
    seconds = planted(
        "truth_effects",
        "design.scripts",
        action=SCRIPTS,
        stratum="all",
        metric="handle time",
        size=SCRIPT_S,
        unit="s",
    )
    strata = [f"{category}, {tier}, {past}" for category in CATEGORIES for tier, past in who]
    items = planted(
        "truth_effects",
        "design.agent_desktop",
        action=np.repeat(ITEMS, len(strata)),
        stratum=strata * len(ITEMS),
        metric="repeat contact",
        size=item_changes().ravel() * settings.size("design.agent_desktop"),
        unit="share",
    )
    habits = planted(
        "truth_effects",
        "measure.action_metrics",
        action=list(HABITS),
        stratum="all",
        metric="repeat contact",
        size=np.array(list(HABITS.values())) * settings.size("measure.action_metrics"),
        unit="share",
    )
    labels = planted(
        "truth_labels",
        "design.agent_desktop",
        table="fields",
        key=[f"DF{k:02d}" for k in range(1, len(FIELDS) + 1)],
        label=["restricted" if field[0] in RESTRICTED else "permitted" for field in FIELDS],
        value=[field[0] for field in FIELDS],
    )
    return {
        "truth_effects": pd.concat([scripts, seconds, items, habits], ignore_index=True),
        "truth_labels": labels,
    }
