"""Touches whose effect comes late: a training visit, a starter kit, and the reminder that came last.

Planted on the logarithm of the rate of buying, by quarters since the touch:

- A training visit: `VISIT_PROFILE`. It does nothing at first, so no early indicator shows it, and much later on.
- A starter kit: `KIT_PROFILE`, the same from the first quarter on: orders of the first half year tell the second.
- A reminder: nothing. Reminders go out every `REMINDER_WEEKS` to all who are on the list, so one is always the last
  touch before an order.

Visits and kits are at random for `trials.BY_LOT`, and chosen by sales for the others; their weeks lie between
`FIRST_WEEK` and `LAST_WEEK` before the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.trials import BY_LOT, changes, enrolled, initiatives, members, picked
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "measure.delayed_attribution"
QUARTER = 13
VISIT_PROFILE = (0.0, 0.0, 0.45, 0.60, 0.30)  # log rate in the quarters since
KIT_PROFILE = (0.35, 0.35, 0.35, 0.35, 0.35)
FIRST_WEEK, LAST_WEEK = 104, 65  # before the end: five quarters are seen of everyone
REMINDER_WEEKS = 9
REMINDED = 0.7


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, _enrolments and _rate_changes."""
    parts = [
        _touched(settings, tables, "training visit", "IN-visit", VISIT_PROFILE, rng),
        _touched(settings, tables, "starter kit", "IN-kit", KIT_PROFILE, rng),
    ]
    who = pd.concat([part[0] for part in parts], ignore_index=True)
    made = {
        "_enrolments": pd.concat([who, _reminders(settings, who, rng)], ignore_index=True),
        "_rate_changes": pd.concat([part[1] for part in parts], ignore_index=True),
    }
    return (
        made
        if settings.block
        else made | {"initiatives": _initiatives(settings), "truth_effects": _truth(settings)}
    )


def _touched(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    name: str,
    initiative_id: str,
    profile: tuple[float, ...],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who was touched in which week, and what it does in the quarters since; a control has a week too."""
    end = settings.days / 7
    customer = members(tables, name, end - FIRST_WEEK)
    by_lot = rng.random(len(customer)) < BY_LOT
    touched = rng.random(len(customer)) < 0.5
    rate = tables["truth_customers"]["rate_week"].to_numpy()[customer[~by_lot]]
    touched[~by_lot] = picked(np.log(rate), 0.5, rng)
    since = end - rng.integers(LAST_WEEK, FIRST_WEEK, len(customer), endpoint=True)
    who = enrolled(
        initiative_id,
        customer,
        ("control", name),
        touched.astype(np.int64),
        by_lot,
        since,
        since + QUARTER * len(profile),
        propensity_share=np.where(by_lot, 0.5, np.nan),
    )
    steps = np.diff(
        profile, prepend=0.0
    )  # each lasts to the end of the profile, so that the highest rate is not overstated
    row = np.repeat(np.flatnonzero(touched), len(profile))
    lag = np.tile(np.arange(len(profile)) * QUARTER, int(touched.sum()))
    size = steps[lag // QUARTER] * settings.size(PLAY)
    return who, changes(customer[row], since[row] + lag, since[row] + QUARTER * len(profile), size)


def _reminders(settings: WorldSettings, who: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the reminders to those on the list: one row each, whatever else they got."""
    listed = who[rng.random(len(who)) < REMINDED]
    rounds = (FIRST_WEEK - 1) // REMINDER_WEEKS
    week = settings.days / 7 - FIRST_WEEK + np.arange(rounds) * REMINDER_WEEKS
    weeks = np.tile(week, len(listed)) + np.repeat(rng.integers(0, 7, len(listed)) / 7, rounds)
    return enrolled(
        "IN-reminder",
        np.repeat(listed["customer"].to_numpy(), rounds),
        ("reminder",),
        np.zeros(len(weeks), dtype=np.int64),
        False,
        weeks,
        weeks + 1 / 7,
        sequence_no=np.tile(np.arange(1.0, rounds + 1), len(listed)),
    )


def _initiatives(settings: WorldSettings) -> pd.DataFrame:
    rows = (
        ("IN-visit", "training visit", LAST_WEEK - 1),
        ("IN-kit", "starter kit", LAST_WEEK - 1),
        ("IN-reminder", "reminder", 0),
    )
    return initiatives(
        settings,
        *[
            {
                "initiative_id": key,
                "kind": kind,
                "target_metric": "orders a week",
                "status": "done",
                "start": FIRST_WEEK,
                "end": end,
            }
            for key, kind, end in rows
        ],
    )


def _truth(settings: WorldSettings) -> pd.DataFrame:
    profiles = {
        "training visit": VISIT_PROFILE,
        "starter kit": KIT_PROFILE,
        "reminder": (0.0,) * len(KIT_PROFILE),
    }
    rows = [
        (action, QUARTER * k, size * settings.size(PLAY))
        for action, profile in profiles.items()
        for k, size in enumerate(profile)
    ]
    action, lag, size = zip(*rows, strict=True)
    return planted(
        "truth_effects",
        PLAY,
        action=action,
        stratum="all",
        metric="orders a week",
        lag=lag,
        size=size,
        unit="log rate",
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Training visits and starter kits change how often customers buy, each with its own delay; reminders go "
        "out all the time.",
        why="The last touch before an order is mostly a reminder; and what is seen in the first months does not tell "
        "the year for both.",
        tables=("initiatives", "assignments", "orders"),
        truth=("truth_effects",),
        size="VISIT_PROFILE, KIT_PROFILE x size (log rate by quarter since)",
    ),
)
