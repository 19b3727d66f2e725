"""The relationship survey of a year ago: what customers said, who kept silent, and what the company's own figures said.

Planted for `measure.survey_validity`: a score shows a customer's latent readiness to stay (the rank of the dropout
rate, so no linear relation to anything a play can see), by `ON_STAYING`, and a little of how punctual parcels were. Who
ordered lately answers more often; who is about to leave, or has left unnoticed, seldom does: the relation of scores to
what customers did next is weakened. In some groups of segment and market, `BLIND`, people feel worse (or better) than
the punctuality of their parcels says. All scale with the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.world import wording
from playbook.world.keys import ids, position
from playbook.world.moments import DAY
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders", "delivery")

PLAY = "measure.survey_validity"
ASKED = 2_200  # customers at most, of a block
MONTHS_AGO = 12
ITEMS = ("understands us", "worth staying with")
MEAN, ON_STAYING, ON_PUNCTUAL, OWN_SD, NOISE = 6.3, 1.3, 0.35, 0.6, 1.1
ANSWERS, ANSWERS_LATELY = 0.03, 0.70  # share of answers of those who ordered least and most lately
ANSWERS_ANYWAY = 0.36  # when the size is 0
BLIND = ((1, 0, -1.7), (2, 1, -1.7), (2, 0, 1.4))  # segment, market (positions), points


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return surveys, truth_outcomes, truth_labels."""
    customers, size = tables["customers"], settings.size(PLAY)
    sent = np.datetime64((settings.end - pd.DateOffset(months=MONTHS_AGO)).as_unit("us"))
    created, closed = customers["created_at"].to_numpy(), customers["closed_at"].to_numpy()
    known = np.flatnonzero((created < sent - 180 * DAY) & ~(closed <= sent + 30 * DAY))
    who = np.sort(rng.permutation(known)[:ASKED])
    n = len(who)
    shift, label = _blind_spots(settings, tables, who)
    dropout = tables["truth_customers"]["dropout_week"].to_numpy()[who]
    staying = norm.ppf((np.argsort(np.argsort(-dropout)) + 0.5) / n)
    level = MEAN + size * (ON_STAYING * staying + ON_PUNCTUAL * _punctual(tables, who, sent) + shift)
    level = level + rng.normal(0, OWN_SD, n)
    score = np.clip(np.round(level[:, None] + rng.normal(0, NOISE, (n, len(ITEMS)))), 0, 10)
    lately = _standardised(np.log1p(_ordered(tables, who, sent)))
    ready = ANSWERS + (ANSWERS_LATELY - ANSWERS) * norm.cdf(1.8 * lately)
    answers = rng.random(n) < np.where(
        size > 0, ANSWERS_ANYWAY + min(size, 1) * (ready - ANSWERS_ANYWAY), ANSWERS_ANYWAY
    )
    replied = sent + (rng.exponential(4.0, n).clip(0, 25) * DAY).astype("timedelta64[us]")
    per = len(ITEMS)
    language = wording.language_codes(customers["language"])[who]
    comment = pd.Series(wording.comments(language, np.digitize(level, (5.5, 7.5)), rng))
    survey_id = ids("SR", n, settings.block).array
    surveys = pd.DataFrame(
        {
            "survey_id": survey_id.repeat(per),
            "item_code": words(ITEMS, np.tile(np.arange(per), n)),
            "customer_id": customers["customer_id"].array.take(who).repeat(per),
            "instrument": "relationship",
            "trigger_type": "calendar",
            "sent_at": sent,
            "responded_at": np.where(answers, replied, np.datetime64("NaT")).repeat(per),
            "wave_no": 1.0,
            "language": words(wording.LANGUAGES, language.repeat(per)),
            "score": np.where(answers[:, None], score, np.nan).ravel(),
            "scale_max": 10.0,
            "text": comment.where(answers & (rng.random(n) < 0.25)).array.repeat(per),
        }
    )
    surveys["text"] = surveys["text"].where(np.tile(np.arange(per), n) == 0)  # one comment a form
    outcomes = planted(
        "truth_outcomes",
        PLAY,
        subject=survey_id,
        arm="had all answered",
        metric="score",
        value=score.mean(axis=1),
    )
    labels = planted(
        "truth_labels",
        PLAY,
        table="customers",
        key=customers["customer_id"].array.take(who[shift != 0]),
        label="blind spot",
        value=label[shift != 0],
    )
    return {
        "surveys": surveys,
        "truth_outcomes": outcomes,
        "truth_labels": labels[: len(labels) if size > 0 else 0],
    }


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return (values - values.mean()) / (values.std() or 1.0)


def _ordered(
    tables: Mapping[str, pd.DataFrame], who: NDArray[np.int64], sent: np.datetime64
) -> NDArray[np.float64]:
    """Return each customer's orders in the half-year before."""
    orders = tables["orders"]
    at = orders["ordered_at"].to_numpy()
    inside = np.flatnonzero((at < sent) & (at >= sent - 182 * DAY))
    place = position(orders["customer_id"].array.take(inside), tables["customers"]["customer_id"])
    return np.bincount(place, minlength=len(tables["customers"]))[who].astype(float)


def _punctual(
    tables: Mapping[str, pd.DataFrame], who: NDArray[np.int64], sent: np.datetime64
) -> NDArray[np.float64]:
    """Return the share of each customer's parcels of the year before that were on time, standardised."""
    parcels = tables["shipments"]
    promised = parcels["promised_at"].to_numpy()
    inside = np.flatnonzero((promised < sent) & (promised >= sent - 365 * DAY))
    place = position(parcels["customer_id"].array.take(inside), tables["customers"]["customer_id"])
    in_time = parcels["delivered_at"].to_numpy()[inside] <= promised[inside]
    total = np.bincount(place, minlength=len(tables["customers"]))[who]
    good = np.bincount(place, in_time, len(tables["customers"]))[who]
    return _standardised((good + 4) / (total + 4.4))


def _blind_spots(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], who: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return each customer's shift, and the group it belongs to."""
    customers, regions = tables["customers"], tables["regions"]["region_id"].to_numpy()
    accounts = tables["accounts"].set_index("account_id")["segment"]
    segments = customers["account_id"].array.take(who)
    segment = position(accounts.reindex(segments), settings.preset.segments)
    market = position(customers["region_id"].array.take(who), regions)
    shift = np.zeros(len(who))
    for of_segment, of_market, points in BLIND:
        shift[(segment == of_segment) & (market == of_market)] = points
    names = np.array([f"{s}, {r}" for s in settings.preset.segments for r in regions])
    return shift, names[segment * len(regions) + market]


PLANTS = (
    Plant(
        play=PLAY,
        what="A year ago customers were asked about the relationship; what the silent ones would have said is known, and "
        "what all did afterwards. Some groups feel otherwise than their punctual parcels suggest.",
        why="Those who are on their way out do not answer, so scores seem to say less about leaving than they do.",
        tables=("surveys", "orders", "shipments", "customers", "accounts"),
        truth=("truth_outcomes", "truth_labels"),
        size="scores ON_STAYING x size; answers ANSWERS to ANSWERS_LATELY by recent orders; BLIND points x size",
    ),
)
