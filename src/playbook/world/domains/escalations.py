"""Where a case starts, and how it goes on: levels of the service, for a pilot on calls (`design.scripts`).

A case starts at a level by lot, or, in another group, as the dispatcher chose: hard cases higher, and hard cases are
also solved less often (`ON_SEVERITY`). At each level it is solved with a chance that depends on tier and history
(`SOLVED`), takes that level's minutes, and else goes one level up; after the last level it is left unsolved. Each move
upwards makes a repeat contact likelier (`PER_MOVE`), and so does an unsolved end (`UNSOLVED`). Minutes are gamma, and
a case's difficulty stays with it over the levels, so that the chain is Markov only given severity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.cases import case_actions
from playbook.world.domains.service import CHANNELS, HISTORIES
from playbook.world.draws import choose
from playbook.world.keys import ids
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.trials import initiative
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service", "prompts")
COMPLETES = ("tickets",)

SHARE = 0.14  # of calls in the pilot; half of them by lot
LEVELS = 3
START = (0.5, 0.3, 0.2)  # by lot
CHOSEN_START = ((0.85, 0.12, 0.03), (0.6, 0.3, 0.1), (0.2, 0.5, 0.3), (0.05, 0.35, 0.6))  # by severity

USUAL = np.array([0.50, 0.60, 0.70])  # chance to solve, by level
SOLVED = np.array(  # what tier and history add to it: level, tier, history
    [
        [[0.00, -0.40], [0.15, -0.15], [0.25, -0.05]],
        [[0.05, 0.20], [0.05, 0.10], [0.00, 0.00]],
        [[0.15, 0.15], [0.10, 0.10], [0.05, 0.05]],
    ]
)
ON_SEVERITY = -0.10  # per level of severity above its mean
MEAN_SEVERITY = 1.9
MINUTES = (6.0, 14.0, 30.0)
MINUTES_SHAPE = 3.0
COST_AMT_H = (24.0, 32.0, 48.0)
PER_MOVE = 0.06
UNSOLVED = 0.25


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return actions (one per case and level), assignments, tickets with their level, truth and _repeat_changes."""
    cases = tables["_cases"]
    is_call = (cases["channel"] == CHANNELS.index("phone")) & (cases["agent"] >= 0)
    tried = np.zeros(len(cases), dtype=bool)
    tried[tables["_pilots"]["case"]] = True
    lot = rng.random(len(cases))
    rows = np.flatnonzero(is_call & ~tried & (lot < SHARE))
    by_lot = lot[rows] < SHARE / 2
    pilot = cases.iloc[rows]
    severity, tier = pilot["severity"].to_numpy(), pilot["tier"].to_numpy()
    start = np.where(
        by_lot,
        choose([START], np.zeros(len(rows), dtype=np.int64), rng),
        choose(CHOSEN_START, severity - 1, rng),
    )
    size = settings.size("design.scripts")
    chance = (
        USUAL[:, None] + size * SOLVED[:, tier, pilot["history"]] + ON_SEVERITY * (severity - MEAN_SEVERITY)
    )
    would_solve = rng.random((LEVELS, len(rows))) < chance
    levels = np.arange(LEVELS)[:, None]
    solving = np.where(would_solve & (levels >= start), levels, LEVELS).min(axis=0)
    last = np.minimum(solving, LEVELS - 1)
    level, case = np.nonzero((levels >= start) & (levels <= last))
    order = np.lexsort((level, case))
    level, case = level[order], case[order]
    minutes = np.array(MINUTES)[level] * rng.gamma(MINUTES_SHAPE, 1 / MINUTES_SHAPE, len(level))
    actions = case_actions(settings, tables, "AE", rows[case]).assign(
        action_code=words([f"level {k}" for k in range(LEVELS)], level),
        shown=True,
        taken=level == solving[case],
        duration_s=np.round(minutes * 60),
    )
    reached = np.full(len(tables["tickets"]), np.nan)
    reached[pilot["ticket"]] = last
    change = size * (PER_MOVE * (last - start) + UNSOLVED * (solving == LEVELS))
    return {
        "actions": actions,
        "initiatives": initiative(settings, "EI", "first level", "repeat contact"),
        "assignments": pd.DataFrame(
            {
                "assignment_id": ids("EA", len(rows), settings.block),
                "initiative_id": ids("EI", 1, settings.block)[0],
                "subject_type": "ticket",
                "subject_id": tables["tickets"]["ticket_id"].array.take(pilot["ticket"].to_numpy()),
                "arm": words([f"level {k}" for k in range(LEVELS)], start),
                "design": words(["chosen", "random"], by_lot.astype(np.int64)),
                "propensity_share": np.where(by_lot, np.array(START)[start], np.nan),
                "starts_at": actions["acted_at"].to_numpy()[np.searchsorted(case, np.arange(len(rows)))],
            }
        ),
        "tickets": tables["tickets"].assign(escalation_level=reached),
        "_repeat_changes": pd.DataFrame({"case": rows, "change": change}),
        **({} if settings.block else _truth(size)),
    }


def _truth(size: float) -> dict[str, pd.DataFrame]:
    names = [
        (f"level {k}", f"{tier}, {past}", USUAL[k] + size * SOLVED[k, i, j])
        for k in range(LEVELS)
        for i, tier in enumerate(TIERS)
        for j, past in enumerate(HISTORIES)
    ]
    action, stratum, solved = zip(*names, strict=True)
    effects = planted(
        "truth_effects",
        "design.scripts",
        action=action,
        stratum=stratum,
        metric="solved",
        size=solved,
        unit="share",
    )
    parameters = planted(
        "truth_parameters",
        "design.scripts",
        name=[
            *(f"minutes_level_{k}" for k in range(LEVELS)),
            *(f"cost_amt_h_level_{k}" for k in range(LEVELS)),
            "repeat_per_move",
            "repeat_unsolved",
        ],
        value=[*MINUTES, *COST_AMT_H, PER_MOVE * size, UNSOLVED * size],
        unit=["min"] * LEVELS + ["money/h"] * LEVELS + ["share"] * 2,
    )
    return {"truth_effects": effects, "truth_parameters": parameters}
