"""Customers whose service is reviewed on four counts, some of them well served on three and let down on the fourth.

Planted for `measure.composite_quality`: of the customers under review, `MASKED` times the size have one dimension that
is far worse than anybody's while the others are better than most people's, so that an average sees nothing. Hours to
resolve are lognormal, returns of a request a share, answers rounded points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import DAY
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders")

PLAY = "measure.composite_quality"
REVIEWED = 240  # customers at most, of a block
MASKED = 0.08
DIMENSIONS = ("speed", "right first time", "reliable", "easy to reach")
BAD, GOOD = -4.0, 1.15  # standard deviations, of the bad dimension and of the others
CASES, ASKED = 20, 7  # a customer in the last year
HOURS_LOG, HOURS_LOG_SD = 3.0, 0.5
POINTS, NOISE = 7.4, 1.0


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, surveys and what is true of them."""
    customers, size = tables["customers"], settings.size(PLAY)
    begun = settings.end - pd.Timedelta(days=365)
    stays = customers["closed_at"].isna().to_numpy() & (customers["created_at"] < begun).to_numpy()
    who = np.sort(rng.permutation(np.flatnonzero(stays))[:REVIEWED])
    n = len(who)
    level = rng.normal(0, 1, (n, len(DIMENSIONS)))
    masked = rng.permutation(n)[: round(MASKED * n * min(size, 3))]
    bad = rng.integers(0, len(DIMENSIONS), len(masked))
    level[masked] = GOOD + rng.normal(0, 0.35, (len(masked), len(DIMENSIONS)))
    level[masked, bad] = BAD
    who_id = customers["customer_id"].array.take(who)
    tier = customers["tier"].array.take(who)
    return {
        "tickets": _tickets(settings, who_id, tier, level, rng),
        "surveys": _surveys(settings, who_id, level, rng),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="customers",
            key=who_id.take(np.sort(masked)),
            label="masked",
            value=words(DIMENSIONS, bad[np.argsort(masked)]),
        ),
    }


def _tickets(
    settings: WorldSettings,
    who_id: pd.api.extensions.ExtensionArray,
    tier: pd.api.extensions.ExtensionArray,
    level: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    of = np.repeat(np.arange(len(who_id)), 8 + rng.poisson(CASES - 8, len(who_id)))
    n = len(of)
    hours = np.exp(HOURS_LOG - 0.28 * level[of, 0] + rng.normal(0, HOURS_LOG_SD, n))
    again = rng.random(n) < 1 / (1 + np.exp(2.2 + 0.9 * level[of, 1]))
    opened = np.datetime64(settings.end, "us") - (25 + 335 * rng.random(n)) * DAY
    resolved = opened + (np.minimum(hours, 160.0) / 24 * DAY).astype("timedelta64[us]")
    back = resolved + (rng.uniform(0.5, 12.0, n) * DAY).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "ticket_id": ids("MT", n, settings.block),
            "customer_id": who_id.take(of),
            "category": "review",
            "queue": "key desk",
            "tier_at_open": tier.take(of),
            "severity": rng.integers(1, 4, n),
            "opened_at": opened,
            "first_response_at": opened + (resolved - opened) // 2,
            "resolved_at": resolved,
            "reopened_at": np.where(again, back, np.datetime64("NaT")),
        }
    )


def _surveys(
    settings: WorldSettings,
    who_id: pd.api.extensions.ExtensionArray,
    level: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return two questions in each of a year's pulses; customers under review answer nearly all."""
    n = len(who_id)
    of, wave = np.repeat(np.arange(n), ASKED), np.tile(np.arange(ASKED), n)
    sent = np.full(len(of), np.datetime64(settings.end, "us")) - (ASKED - wave) * 50 * DAY
    answers = rng.random(len(of)) < 0.85
    replied = sent + (rng.uniform(0.2, 8.0, len(of)) * DAY).astype("timedelta64[us]")
    points = POINTS + 0.75 * level[of][:, 2:] + rng.normal(0, NOISE, (len(of), 2))
    return pd.DataFrame(
        {
            "survey_id": ids("SQ", len(of), settings.block).array.repeat(2),
            "item_code": words(DIMENSIONS[2:], np.tile([0, 1], len(of))),
            "customer_id": who_id.take(of.repeat(2)),
            "instrument": "quality pulse",
            "trigger_type": "calendar",
            "sent_at": sent.repeat(2),
            "responded_at": np.where(answers, replied, np.datetime64("NaT")).repeat(2),
            "wave_no": 1.0,
            "score": np.where(answers[:, None], np.clip(np.round(points), 0, 10), np.nan).ravel(),
            "scale_max": 10.0,
        }
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Customers under review are served fast or slowly, right or twice, reliably or not. A few are served well in "
        "all but one respect.",
        why="An average pays for one disaster with three virtues.",
        tables=("tickets", "surveys", "shipments"),
        truth=("truth_labels",),
        size="MASKED x size of the reviewed: one dimension at BAD, the others at GOOD standard deviations",
    ),
)
