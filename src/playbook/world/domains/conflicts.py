"""Who decides when goals collide: the decision table of escalations, who holds each role, and the conflicts
that came.

The table has a row for each conflict, level of severity and time of day. Planted in it, times the play's
size: `GAPS` (a severity that no row covers), `OVERLAPS` (two rows of the same priority that name different
roles) and `DEAD_ENDS` (roles whose only holder has left the company). Rows of priority 1 for key accounts
overlap by design and decide.

Conflicts come at random and wait for their role, one after the other; one role gets `OVERLOAD` times as
many. Times at hand are gamma for all, so what differs is the queue, which a play simulates. Where no row
names a role, or nobody holds it, nothing is decided. `truth_structure` has the holes, `truth_parameters`
how busy each role is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import VENDOR_ROLE
from playbook.world.keys import ids
from playbook.world.moments import at_day
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted, planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)
ONCE = True

PLAY = "govern.escalation_protocol"
# what collides, and what holds until somebody has decided
CONFLICTS = {
    "supply continuity": "serve by promised date",
    "system stability": "hold the change",
    "customer priorities": "ask the customer",
    "policy": "follow the policy",
    "capacity": "serve by tier",
    "data sharing": "share nothing",
}
LEVELS = ((1, 2), (3, 4))  # of severity, one row each
HOURS = ("office", "out of hours")
ROLES = (
    "shift lead",
    "supply manager",
    "system owner",
    "key account manager",
    "policy officer",
    "operations director",
    "duty manager",
    "privacy officer",
)
CLOCK_H = (24.0, 4.0)  # by level of severity
GAPS, OVERLAPS, DEAD_ENDS = 3, 3, 2
KEY_ACCOUNT_ROWS = 3
CASES_DAY = 0.25  # conflicts a day for each role
OVERLOAD = 3.4  # times as many for one role, to the power of size
PROPOSED = 6  # times as many conflicts are drawn, and thinned to what each role is to get
AT_HAND_D, AT_HAND_SHAPE = 1.0, 2.0  # time a decision takes once somebody turns to it

PLANTS = (
    Plant(
        play=PLAY,
        what="A decision table says who decides when goals collide, and a list says who holds which role. "
        "Conflicts of three years went through it.",
        why="Every kind of conflict has rows, every role is on the list, and a decision takes all of them "
        "equally long once begun; what is missing shows only case by case.",
        tables=("rules", "responsibilities", "staff", "incidents"),
        truth=("truth_structure", "truth_parameters"),
        size="GAPS, OVERLAPS, DEAD_ENDS x size; OVERLOAD ** size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, responsibilities, incidents, truth_structure and truth_parameters."""
    size = settings.size(PLAY)
    table, holes = _decision_table(size, rng)
    crowded = int(rng.integers(len(ROLES)))
    others = np.delete(np.arange(len(ROLES)), crowded)
    dead = rng.permutation(others)[: min(round(DEAD_ENDS * size), len(ROLES) // 2)]
    responsibilities = _holders(settings, tables["staff"], dead, rng)
    wanted = np.full(len(ROLES), CASES_DAY)
    wanted[crowded] *= OVERLOAD**size
    incidents, busy = _incidents(settings, table, responsibilities, dead, wanted, rng)
    structure = holes + [("dead end", ROLES[role], "nobody holds it") for role in np.sort(dead)]
    return {
        "rules": _rules(settings, table),
        "responsibilities": responsibilities,
        "incidents": incidents,
        "truth_structure": planted_rows("truth_structure", PLAY, ("kind", "source", "target"), structure),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=[f"utilisation of the {r}" for r in ROLES],
            value=busy,
            unit="share",
        ),
    }


def _decision_table(size: float, rng: np.random.Generator) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Return the rows (positions of conflict, hours, role; low, high, priority, key_account) and the
    planted holes.
    """
    rows = pd.DataFrame(
        [(c, h, low, high) for c in range(len(CONFLICTS)) for h in range(len(HOURS)) for low, high in LEVELS],
        columns=["conflict", "hours", "low", "high"],
    )
    n = len(rows)
    # Neighbours in severity never have the same role, so that an overlap is always a dispute.
    first = np.resize(rng.permutation(len(ROLES)), n // 2)
    rows["role"] = (np.repeat(first, 2) + np.arange(n) % 2 * 3) % len(ROLES)
    rows["priority"], rows["key_account"] = 2, False
    pairs = rng.permutation(n // 2)  # each conflict and time of day has at most one peculiarity
    gaps = min(round(GAPS * size), n // 2 - KEY_ACCOUNT_ROWS)
    overlaps = min(round(OVERLAPS * size), n // 2 - KEY_ACCOUNT_ROWS - gaps)
    holes = []
    for kind, pair in zip(["gap"] * gaps + ["overlap"] * overlaps, pairs, strict=False):
        upper = int(rng.integers(2))  # which of the two rows
        row = 2 * pair + upper
        if kind == "gap":  # the row loses its end
            severity = LEVELS[upper][1]
            rows.loc[row, "high"] = severity - 1
        else:  # the row takes from its neighbour
            severity = LEVELS[1 - upper][upper]
            rows.loc[row, "low" if upper else "high"] = severity
        conflict, hours = divmod(int(pair), len(HOURS))
        place = f"{list(CONFLICTS)[conflict]}|{HOURS[hours]}|{severity}"
        holes.append((kind, place, "no row" if kind == "gap" else "two rows"))
    extra = rows.iloc[2 * pairs[-KEY_ACCOUNT_ROWS:] + 1].assign(priority=1, key_account=True)
    extra["role"] = ROLES.index("operations director")
    return pd.concat([rows, extra], ignore_index=True), holes


def _rules(settings: WorldSettings, table: pd.DataFrame) -> pd.DataFrame:
    names = list(CONFLICTS)
    columns = (table[name].tolist() for name in ("conflict", "hours", "low", "high", "key_account"))
    condition = [
        json.dumps(
            {"conflict": names[conflict], "hours": HOURS[hours], "severity": [low, high]}
            | ({"key_account": True} if key_account else {})
        )
        for conflict, hours, low, high, key_account in zip(*columns, strict=True)
    ]
    return pd.DataFrame(
        {
            "rule_id": ids("CFR", len(table)),
            "ruleset": "escalation",
            "jurisdiction": "any",
            "priority": table["priority"],
            "condition_json": condition,
            "outcome_json": [json.dumps({"default": CONFLICTS[names[c]]}) for c in table["conflict"]],
            "owner_role": words(ROLES, table["role"].to_numpy()),
            "clock_h": np.where(table["low"] <= LEVELS[0][1], *CLOCK_H),
            "valid_from": settings.start,
        }
    )


def _holders(
    settings: WorldSettings, staff: pd.DataFrame, dead: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return who holds each role: two people of today, or one who has left."""
    staff = staff[staff["role"] != VENDOR_ROLE]
    here = staff[staff["left_on"].isna()]
    gone = staff[staff["left_on"] > settings.start]
    two = here["staff_id"].iloc[rng.permutation(len(here))[: 2 * len(ROLES)]].to_numpy()
    left = gone["staff_id"].iloc[rng.permutation(len(gone))[: len(ROLES)]].to_numpy()
    who: list[str] = []
    role: list[str] = []
    for k in range(len(ROLES)):
        holds = left[k : k + 1] if k in dead else two[2 * k : 2 * k + 2]
        who += list(holds)
        role += [ROLES[k]] * len(holds)
    held = staff.set_index("staff_id").loc[who]
    return pd.DataFrame(
        {
            "responsibility_id": ids("CFP", len(who)),
            "subject_type": "role",
            "subject_id": role,
            "staff_id": who,
            "unit_id": held["unit_id"].to_numpy(),
            "role": role,
            "party": "ours",
            "raci": "A",
            "scenario": "escalation",
            "valid_from": np.maximum(held["hired_on"].to_numpy(), np.datetime64(settings.start, "us")),
        }
    )


def _incidents(
    settings: WorldSettings,
    table: pd.DataFrame,
    responsibilities: pd.DataFrame,
    dead: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the conflicts with who decided and when, and how busy each role was; `wanted`: cases a day by
    role.
    """
    role, conflict, severity, opened = _arrivals(settings, table, wanted, rng)
    n = len(role)
    at_hand = rng.gamma(AT_HAND_SHAPE, AT_HAND_D / AT_HAND_SHAPE, n)
    begun = np.full(n, np.nan)
    busy = np.zeros(len(ROLES))
    for k in range(len(ROLES)):
        mine = np.flatnonzero(role == k)
        busy[k] = at_hand[mine].sum() / settings.days
        # One after the other: begun when the one before is done, or on arrival.
        before = np.concatenate([[0.0], np.cumsum(at_hand[mine])])[: len(mine)]
        begun[mine] = np.maximum.accumulate(opened[mine] - before) + before
    decided = begun + at_hand
    orphan = (role < 0) | np.isin(role, dead)
    done = ~orphan & (decided < settings.days)
    busy[dead] = 0.0
    holder = responsibilities.drop_duplicates("role").set_index("role")["staff_id"].reindex(list(ROLES))
    return pd.DataFrame(
        {
            "incident_id": ids("CFI", n),
            "kind": "conflict",
            "cause_code": words(list(CONFLICTS), conflict),
            "severity": severity.astype(float),
            "opened_at": at_day(settings, opened),
            "detected_at": at_day(settings, np.where(~orphan & (begun < settings.days), begun, np.nan)),
            "decided_at": at_day(settings, np.where(done, decided, np.nan)),
            "decided_by": pd.Series(holder.array.take(np.maximum(role, 0)), dtype="str").where(done),
        }
    ), busy


def _arrivals(
    settings: WorldSettings, table: pd.DataFrame, wanted: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return each conflict's role (-1: no row), kind, severity and day, by time; out of hours is the
    night's half.
    """
    general = table[table["priority"] == 2]
    n = rng.poisson(PROPOSED * CASES_DAY * len(ROLES) * settings.days)
    conflict, severity = rng.integers(0, len(CONFLICTS), n), rng.integers(1, 5, n)
    opened = np.sort(rng.uniform(0, settings.days, n))
    hours = ((opened % 1 < 8 / 24) | (opened % 1 > 18 / 24)).astype(np.int64)
    named = np.full((len(CONFLICTS), len(HOURS), 5), -1)
    columns = (general[name].tolist() for name in ("conflict", "hours", "low", "high", "role"))
    for kind, when, low, high, held_by in zip(*columns, strict=True):
        named[kind, when, low : high + 1] = held_by
    role = named[conflict, hours, severity]
    load = np.bincount(role[role >= 0], minlength=len(ROLES)) / settings.days
    # Thin what the rows would give each role to what it is to get; of conflicts without a row, the usual
    # share stays.
    chance = np.append(np.minimum(1, wanted / np.maximum(load, 1e-9)), 1 / PROPOSED)
    kept = rng.random(n) < chance[role]
    return role[kept], conflict[kept], severity[kept], opened[kept]
