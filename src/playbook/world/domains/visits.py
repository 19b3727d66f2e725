"""Visits of technicians (`design.field_service`).

Planted: whether a job is fixed at once depends on its difficulty (which nobody logs), on whether the technician masters
the trade, whether the part was on the van (parts follow from the kind of machine), and on the customer's context card
(`CARD`). In the first half of the history dispatchers gave cards to the hard jobs; since then by lot. Without a network
on site a card that was meant to be there is not seen. Chances add up as shares, where a play may fit log-odds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import TECHNICIAN_ROLE, TRADES
from playbook.world.domains.requests import CATEGORIES
from playbook.world.keys import ids
from playbook.world.moments import at_minute
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.trials import initiative
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")

CAUSES = ("question", "product")  # requests that may need a visit
LOT_FROM = 0.5  # of the history
WITHIN_D = {"gold": 1.0, "silver": 2.0, "bronze": 4.0}
FIXED = 0.36
CARD = 0.15
MASTERS = 0.14
HAS_PART = 0.16
DIFFICULTY = -0.13  # per sd
OFFLINE = 0.15
MACHINES = 5  # kinds
PARTS = 6
CARRIED = 3

PLANTS = (
    Plant(
        play="design.field_service",
        what="Technicians see a card about the customer on some visits: at first on those that the dispatcher picked, later "
        "by lot. Jobs need a trade and a part; networks fail on some sites.",
        why="Cards were given to the jobs that looked hard, so visits with a card went worse whatever the card did.",
        tables=("visits", "tickets", "staff", "assignments"),
        truth=("truth_effects", "truth_values"),
        size="CARD x size; MASTERS and HAS_PART for trade and part",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return visits, assignments, truth_effects and truth_values (which part each machine needs)."""
    cases = tables["_cases"]
    may = np.isin(cases["category"].to_numpy(), [CATEGORIES.index(name) for name in CAUSES])
    asked = np.flatnonzero(may & (rng.random(len(cases)) < settings.preset.visit_share / may.mean()))
    within = np.array([WITHIN_D[tier] for tier in TIERS])[cases["tier"].to_numpy()[asked]]
    day = cases["opened_min"].to_numpy()[asked] / 1440 + within * rng.uniform(0.5, 1.3, len(asked))
    weekday = (np.floor(day).astype(np.int64) + settings.start.weekday()) % 7
    planned = (np.floor(day) + np.where(weekday >= 5, 7 - weekday, 0)) * 1440 + rng.integers(
        16, 34, len(asked)
    ) * 30
    lasts = 25 + rng.gamma(2.0, 25.0, len(asked))
    arrived = planned + rng.normal(5, 20, len(asked))
    # What was planned after the end of the history, or after the customer's, is left out.
    ends = np.minimum(settings.days * 1440.0, cases["closes_min"].to_numpy()[asked])
    kept = np.flatnonzero((arrived + lasts < ends) & (planned < ends))
    rows, planned, arrived, lasts = asked[kept], planned[kept], arrived[kept], lasts[kept]
    job = cases.iloc[rows]
    n, size = len(rows), settings.size("design.field_service")

    customer = job["customer"].to_numpy()
    machine = rng.integers(0, MACHINES, len(tables["customers"]))[customer]
    usual = rng.integers(0, PARTS, MACHINES)
    part = np.where(rng.random(n) < 0.7, usual[machine], rng.integers(0, PARTS, n))
    carried = np.argsort(rng.random((n, PARTS)), axis=1)[:, :CARRIED]
    has_part = (carried == part[:, None]).any(axis=1)
    trade = rng.integers(0, len(TRADES), n)
    people = tables["staff"][tables["staff"]["role"] == TECHNICIAN_ROLE].reset_index(drop=True)
    who = rng.integers(0, len(people), n)
    mastered = np.column_stack([people["skills"].str.contains(name) for name in TRADES])
    masters = mastered[who, trade]

    difficulty = rng.normal(0, 1, n)
    by_lot = planned >= settings.days * 1440 * LOT_FROM
    card = rng.random(n) < np.where(by_lot, 0.5, np.where(difficulty > 0.3, 0.8, 0.15))
    offline = rng.random(n) < OFFLINE
    seen = card & ~offline
    chance = FIXED + CARD * size * seen + MASTERS * masters + HAS_PART * has_part + DIFFICULTY * difficulty
    visit_id = ids("VI", n, settings.block)
    parts = [f"part {k}" for k in range(1, PARTS + 1)]
    sets = pd.array([",".join(row) for row in np.array(parts)[np.sort(carried, axis=1)]], dtype="str")
    visits = pd.DataFrame(
        {
            "visit_id": visit_id,
            "ticket_id": tables["tickets"]["ticket_id"].array.take(job["ticket"].to_numpy()),
            "customer_id": tables["customers"]["customer_id"].array.take(customer),
            "asset_id": words([f"machine {k}" for k in range(1, MACHINES + 1)], machine),
            "staff_id": people["staff_id"].array.take(who),
            "planned_at": at_minute(settings, planned),
            "arrived_at": at_minute(settings, arrived),
            "left_at": at_minute(settings, arrived + lasts),
            "skill_code": words(TRADES, trade),
            "parts_carried": sets,
            "parts_used": words(parts, part),
            "card_shown": seen,
            "was_offline": offline,
            "first_time_fix": rng.random(n) < np.clip(chance, 0.02, 0.98),
            "distance_km": np.round(np.exp(rng.normal(3.0, 0.7, n)), 1),
        }
    )
    return {
        "visits": visits,
        "initiatives": initiative(settings, "FI", "context card", "first-time fix"),
        "assignments": pd.DataFrame(
            {
                "assignment_id": ids("FS", n, settings.block),
                "initiative_id": ids("FI", 1, settings.block)[0],
                "subject_type": "visit",
                "subject_id": visit_id,
                "arm": words(["none", "card"], card.astype(np.int64)),
                "design": words(["chosen", "random"], by_lot.astype(np.int64)),
                "propensity_share": np.where(by_lot, 0.5, np.nan),
                "starts_at": visits["planned_at"],
            }
        ),
        "truth_values": planted(
            "truth_values",
            "design.field_service",
            table="visits",
            key=[f"machine {k}" for k in range(1, MACHINES + 1)],
            field="part it needs most",
            value=[parts[k] for k in usual],
        ),
        **({} if settings.block else {"truth_effects": _truth(size)}),
    }


def _truth(size: float) -> pd.DataFrame:
    return planted(
        "truth_effects",
        "design.field_service",
        action=["card seen", "technician masters the trade", "part on the van"],
        stratum="all",
        metric="first-time fix",
        size=[CARD * size, MASTERS, HAS_PART],
        unit="share",
    )
