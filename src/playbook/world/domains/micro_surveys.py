"""One question after a fault is resolved: whom it reaches, who answers, and what those who do not would have said.

Planted for `design.micro_survey`: satisfaction is known for everybody asked. Who answers the text message depends on
what is on file (tier, preferred channel, how often they were asked lately). Who answers the e-mail depends on that and
on satisfaction itself, more so at the first request than after the reminder. The chance of an answer is a
complementary log-log, where a play fits a logistic regression. Markets differ in how readily they answer and in how
far they go to the ends of the scale.

Planted for `design.closed_loop`: who was told that it is fixed is more satisfied, by `TOLD_EFFECT` points times the
size; hard cases are told less often and are less satisfied anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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

NEEDS: tuple[str, ...] = ("company", "faults")

PLAY, LOOP = "design.micro_survey", "design.closed_loop"
INSTRUMENTS = ("micro text", "micro mail")
SATISFACTION, SPREAD = 6.4, 1.6
ON_TIER = {"gold": 0.9, "silver": 0.4, "bronze": -0.3}
ON_CHANNEL = {"phone": 0.5, "email": 0.0, "chat": -0.7}
ON_SEVERITY = -0.7  # a level
TOLD_EFFECT = 0.9

ANSWER = {"R1": -0.65, "R2": -0.95, "R3": -0.80, "R4": -0.60, "R5": -0.35}  # complementary log-log
ANSWER_ON_TIER = {"gold": 0.8, "silver": 0.35, "bronze": -0.25}
ANSWER_ON_CHANNEL = {"phone": 0.45, "email": 0.1, "chat": -0.55}
FATIGUE = -0.35  # a request in the 90 days before
ANSWER_ON_SATISFACTION = 0.26  # a point, by e-mail at the first request; half of it after the reminder
REMINDER = -0.45  # against the first request
EXTREME = {"R1": 1.0, "R2": 0.92, "R3": 0.95, "R4": 1.12, "R5": 1.2}
COMMENTED = 0.3


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return surveys, truth_outcomes, truth_effects, truth_parameters."""
    tickets = tables["tickets"]
    tickets = tickets[(tickets["category"] == "fault") & tickets["resolved_at"].notna()]
    tickets = tickets.sort_values("resolved_at", kind="stable")
    customers = tables["customers"]
    place = position(tickets["customer_id"], customers["customer_id"])
    asked = customers.iloc[place].set_index("customer_id")
    n = len(tickets)
    told = tickets["confirmed_at"].notna().to_numpy() & tickets["incident_id"].notna().to_numpy()
    # A case that was told is asked about after it was.
    sent = np.fmax(tickets["resolved_at"].to_numpy(), tickets["confirmed_at"].to_numpy()) + DAY
    score = _satisfaction(settings, tickets, asked, told, rng)
    instrument = rng.integers(0, 2, n)
    first, second = _answers(settings, asked, instrument, _recent(place, sent), score, rng)
    wave = np.where(first, 1, 2)
    replied = sent + ((rng.exponential(0.8, n) + 5.0 * (wave - 1)) * DAY).astype("timedelta64[us]")
    end = np.datetime64(settings.end, "us")
    closed = asked["closed_at"].to_numpy()
    answered = (first | second) & (replied < end) & ~(replied >= closed)
    reached = (sent < end) & ~(sent >= closed)
    language = wording.language_codes(asked["language"])
    comment = wording.comments(language, np.digitize(score, (5.5, 8.0)), rng)
    surveys = pd.DataFrame(
        {
            "survey_id": ids("SF", n, settings.block),
            "item_code": "satisfied",
            "customer_id": asked.index.array,
            "instrument": words(INSTRUMENTS, instrument),
            "trigger_type": "ticket",
            "trigger_id": tickets["ticket_id"].array,
            "sent_at": sent,
            "responded_at": np.where(answered, replied, np.datetime64("NaT")),
            "wave_no": wave.astype(float),
            "language": words(wording.LANGUAGES, language),
            "score": np.where(answered, score, np.nan),
            "scale_max": 10.0,
            "text": pd.Series(comment).where(answered & (rng.random(n) < COMMENTED)),
        }
    )
    outcomes = planted(
        "truth_outcomes",
        PLAY,
        subject=surveys["survey_id"].array,
        arm=surveys["instrument"].array,
        metric="satisfied",
        value=score,
    )
    truth = {"truth_outcomes": outcomes[reached].reset_index(drop=True)}
    if settings.block == 0:
        truth |= _truth(settings)
    return {"surveys": surveys[reached].reset_index(drop=True), **truth}


def _satisfaction(
    settings: WorldSettings,
    tickets: pd.DataFrame,
    asked: pd.DataFrame,
    told: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return what each would answer, 0 to 10, whole points."""
    size = settings.size(PLAY)
    score = SATISFACTION + ON_SEVERITY * (tickets["severity"].to_numpy() - 2)
    score = score + size * (_of(asked["tier"], ON_TIER) + _of(asked["preferred_channel"], ON_CHANNEL))
    score = score + TOLD_EFFECT * settings.size(LOOP) * told + rng.normal(0, SPREAD, len(tickets))
    score = 6.0 + (score - 6.0) * _of(asked["region_id"], EXTREME)
    return np.clip(np.round(score), 0, 10)


def _of(values: pd.Series, by: dict[str, float]) -> NDArray[np.float64]:
    return np.asarray(values.map(by).fillna(0.0), dtype=np.float64)


def _recent(customer: NDArray[np.int64], sent: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return how often each was asked in the 90 days before."""
    key = customer * 1e6 + (sent - np.datetime64("1980-01-01")) / DAY
    ordered = np.sort(key)
    before = np.maximum(key - 90, customer * 1e6)
    return np.searchsorted(ordered, key) - np.searchsorted(ordered, before)


def _answers(
    settings: WorldSettings,
    asked: pd.DataFrame,
    instrument: NDArray[np.int64],
    recent: NDArray[np.int64],
    score: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who answers the first request, and who after the reminder."""
    size = settings.size(PLAY)
    base = _of(asked["region_id"], ANSWER) + FATIGUE * recent
    base = base + size * (
        _of(asked["tier"], ANSWER_ON_TIER) + _of(asked["preferred_channel"], ANSWER_ON_CHANNEL)
    )
    by_feeling = ANSWER_ON_SATISFACTION * size * (score - SATISFACTION) * (instrument == 1)
    first, second = base + by_feeling, base + REMINDER + by_feeling / 2
    answers = [rng.random(len(score)) < -np.expm1(-np.exp(level)) for level in (first, second)]
    return answers[0], ~answers[0] & answers[1]


def _truth(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    size = settings.size(PLAY)
    effects = planted(
        "truth_effects",
        LOOP,
        action=["told that it is fixed"],
        stratum="all",
        metric="satisfied",
        size=[TOLD_EFFECT * settings.size(LOOP)],
        unit="points",
    )
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=[
            "answer on satisfaction, micro text",
            "answer on satisfaction, micro mail",
            "fatigue a request",
        ],
        value=[0.0, ANSWER_ON_SATISFACTION * size, FATIGUE],
        unit="complementary log-log",
    )
    return {"truth_effects": effects, "truth_parameters": parameters}


PLANTS = (
    Plant(
        play=PLAY,
        what="After a fault is resolved, one question goes out by text message or by e-mail, with a reminder. What "
        "those who stay silent would have said is known.",
        why="Who answers is not like who does not; weights repair that only where it depends on what is on file.",
        tables=("surveys", "tickets", "customers"),
        truth=("truth_outcomes", "truth_parameters"),
        size="answers on tier and channel x size in both; on satisfaction ANSWER_ON_SATISFACTION x size by e-mail only",
    ),
)
