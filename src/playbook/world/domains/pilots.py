"""A new way of working at the desk, rolled out area by area in a stepped wedge.

A sample of accounts is divided among `AREAS` areas. Every `STEP` weeks two more areas, in an order drawn by lot, begin to
be served in the new way; one area of easy customers had begun before, as a showcase. Planted, on the logarithm of the
work that a contact makes: `DISRUPTION` for the first `DISRUPTED_WEEKS`, `EFFECT` after them, differences between
areas (`AREA_SD`), and work that grows by `TREND` a step everywhere, which the new way has nothing to do with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import FOREVER, changes, enrolled, initiatives
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "sustain.pilot_rollout"
ACCOUNTS = 0.35
AREAS = 12
STEPS = 6
STEP = 6  # weeks
TAIL = 6  # weeks in which all areas have it
DISRUPTION, DISRUPTED_WEEKS = 0.30, 3
EFFECT = -0.25
AREA_SD = 0.08
TREND = 0.04
SHOWCASE = -0.35  # log work of the area of easy customers
EARLIER = -2  # its step


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, _enrolments and _work_changes."""
    accounts, lots = tables["accounts"], tables["_lots"]
    end = settings.days / 7
    first = end - TAIL - STEP * STEPS
    area_of = np.where(rng.random(len(accounts)) < ACCOUNTS, rng.integers(0, AREAS + 1, len(accounts)), -1)
    area = area_of[lots["account"].to_numpy()]
    there = lots["created_week"].to_numpy() < first + EARLIER * STEP
    customer = np.flatnonzero((area >= 0) & there)
    area = area[customer]
    step = np.append(rng.permutation(AREAS) * STEPS // AREAS, EARLIER)
    since = first + STEP * step[area]
    size = settings.size(PLAY)
    level = np.append(rng.normal(0, AREA_SD, AREAS), SHOWCASE)[area]
    rows = [
        changes(customer, 0.0, FOREVER, level),
        changes(customer, since, since + DISRUPTED_WEEKS, np.full(len(customer), DISRUPTION * size)),
        changes(customer, since + DISRUPTED_WEEKS, FOREVER, np.full(len(customer), EFFECT * size)),
    ]
    grows = np.repeat(customer, STEPS + 1)
    start = np.tile(first + STEP * np.arange(STEPS + 1), len(customer))
    rows.append(changes(grows, start, FOREVER, np.full(len(grows), TREND)))
    names = [*[f"area {k + 1}" for k in range(AREAS)], "showcase"]
    made = {
        "_enrolments": enrolled(
            "IN-desk",
            customer,
            ("new desk",),
            np.zeros(len(customer), dtype=np.int64),
            area < AREAS,
            since,
            cluster_id=words(names, area),
            sequence_no=step[area] + 1.0,
        ),
        "_work_changes": pd.concat(rows, ignore_index=True),
    }
    if settings.block:
        return made
    return made | {
        "initiatives": initiatives(
            settings,
            {
                "initiative_id": "IN-desk",
                "kind": "new way of working at the desk",
                "target_metric": "handling time",
                "status": "running",
                "start": TAIL + STEP * STEPS,
            },
        ),
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action=["disruption", "new desk"],
            stratum="all",
            metric="work a contact",
            lag=[0.0, float(DISRUPTED_WEEKS)],
            size=np.array([DISRUPTION, EFFECT]) * size,
            unit="log min",
        ),
    }


PLANTS = (
    Plant(
        play=PLAY,
        what="A new way of working reaches one area after the other, in an order drawn by lot. It disrupts the desk at "
        "first and changes the work of a contact for good.",
        why="Work grows everywhere in the same months, so before and after differ without it; and the area that was "
        "shown around had easy customers.",
        tables=("initiatives", "assignments", "tickets", "interactions"),
        truth=("truth_effects",),
        size="DISRUPTION for DISRUPTED_WEEKS, then EFFECT, x size (log work)",
    ),
)
