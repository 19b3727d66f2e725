"""Checkpoints before past launches and how these went, and a pilot in which a bot answers customers in
chat.

Planted, times the play's size. Launches: `PREDICTIVE` of the checkpoints, when not met, make a launch
likelier to be rolled back (`GATE_PROBIT`; a hidden threshold of normal quality, while a play may fit a
logit); the others do not, are unmet more often, and are held to be more important by those who were asked.
Bot: by lot, or as customers chose. It solves more requests (`SOLVES`) and knows people as well as a person
does, but for the smallest segment, where it solves fewer and knows them less (`HARM_SOLVED`, `HARM_KNOWN`):
the average improves. Who chooses the bot has the simpler request.

`truth_effects` has both; the answers are in `interactions` (containment; this bot gives no confidence),
`ratings` (solved, known), the lot in `assignments`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)
ONCE = True

PLAY = "sustain.launch_checkpoints"
LAUNCHES = 260
CHECKPOINTS = (
    "fallback to a person rehearsed",
    "largest customers asked before",
    "data of three real customers run through",
    "owner for the first week named",
    "press text approved",
    "training attended",
    "budget signed",
    "screens in the new colours",
    "steering committee informed",
    "risk list filled in",
)
PREDICTIVE = 3  # the first
UNMET = (0.22, 0.38)  # of the launches: predictive, others
GATE_PROBIT, BASE_PROBIT = 1.0, -1.3
ASKED = 9  # people who say how important each checkpoint is
STATED = (2.6, 3.9)  # of 5: predictive, others

PILOT = "LGI000001"
CUSTOMERS, CHOOSE_SHARE = 3_000, 0.4  # in the pilot; of them, those who chose themselves
SOLVED = 0.62  # by a person
SOLVES, HARM_SOLVED = 0.12, -0.30
KNOWN, HARM_KNOWN, KNOWN_SD = 3.4, -0.9, 0.9  # of 5
CONTAINED = 0.7
SIMPLE_SOLVED, SIMPLE_CHOOSES = (
    0.22,
    (0.25, 0.75),
)  # a simple request: solved so much more often; chance of the bot

PLANTS = (
    Plant(
        play=PLAY,
        what="Ten checkpoints were met or not before each past launch, and people say how important they "
        "find them. In chat, a bot answers some customers by lot and some who chose it.",
        why="What people find important and what is unmet most often is not what goes wrong, and an "
        "average may rise while a few customers are worse off.",
        tables=("changes", "ratings", "assignments", "interactions", "customers", "accounts"),
        truth=("truth_effects",),
        size="GATE_PROBIT, SOLVES, HARM_SOLVED, HARM_KNOWN x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, ratings, initiatives, assignments, interactions and truth_effects."""
    size = settings.size(PLAY)
    changes, gates = _launches(settings, size, rng)
    pilot, answers, ratings, harmed = _pilot(settings, tables, size, rng)
    segments = settings.preset.segments
    harms = np.array([segment == harmed for segment in segments])
    effects = pd.concat(
        [
            planted(
                "truth_effects",
                PLAY,
                action=list(CHECKPOINTS),
                stratum="all",
                metric="launch rolled back",
                size=[GATE_PROBIT * size] * PREDICTIVE + [0.0] * (len(CHECKPOINTS) - PREDICTIVE),
                unit="probit",
            ),
            planted(
                "truth_effects",
                PLAY,
                action="bot answers",
                stratum=list(segments) * 2,
                metric=["solved"] * len(segments) + ["known"] * len(segments),
                size=[*np.where(harms, HARM_SOLVED, SOLVES) * size, *np.where(harms, HARM_KNOWN, 0.0) * size],
                unit=["share"] * len(segments) + ["points of 5"] * len(segments),
            ),
        ],
        ignore_index=True,
    )
    return {
        "changes": changes,
        "initiatives": pd.DataFrame(
            {
                "initiative_id": [PILOT],
                "kind": "bot in chat",
                "starts_on": settings.end - pd.Timedelta(days=360),
                "target_metric": "solved",
                "status": "running",
            }
        ),
        "assignments": pilot,
        "interactions": answers,
        "ratings": pd.concat([gates, ratings], ignore_index=True),
        "truth_effects": effects,
    }


def _launches(
    settings: WorldSettings, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return past launches, and the ratings: which checkpoint was met before each, and how important each
    is held to be.
    """
    n, k = LAUNCHES, len(CHECKPOINTS)
    first = np.arange(k) < PREDICTIVE
    unmet = rng.random((n, k)) < np.where(first, *UNMET)
    quality = rng.normal(0, 1, n) + BASE_PROBIT + GATE_PROBIT * size * unmet[:, first].sum(axis=1)
    fails = quality > 0
    begun = np.datetime64(settings.start, "us") + np.sort(rng.integers(20, settings.days - 60, n)).astype(
        "timedelta64[D]"
    )
    live = begun + rng.integers(15, 35, n).astype("timedelta64[D]")
    back = live + rng.integers(1, 24, n).astype("timedelta64[D]")
    keys = ids("LGC", n)
    changes = pd.DataFrame(
        {
            "change_id": keys,
            "kind": "launch",
            "requested_at": begun,
            "deployed_at": live,
            "rolled_back_at": np.where(fails, back, np.datetime64("NaT", "us")),
            "status": words(("live", "rolled back"), fails.astype(int)),
        }
    )
    of, gate = np.divmod(np.arange(n * k), k)
    person, asked = np.divmod(np.arange(ASKED * k), k)
    stated = (
        np.where(first, *STATED)[asked] + rng.normal(0, 0.4, ASKED)[person] + rng.normal(0, 0.6, ASKED * k)
    )
    met = pd.DataFrame(
        {
            "exercise": "launch checkpoint",
            "rater_id": "launch board",
            "rater_party": "staff",
            "subject_type": "launch",
            "subject_id": keys.array.take(of),
            "item_code": words(CHECKPOINTS, gate),
            "score": (~unmet).ravel().astype(float),
            "scale_max": 1.0,
            "rated_at": (live - np.timedelta64(3, "D"))[of],
        }
    )
    held = pd.DataFrame(
        {
            "exercise": "importance of checkpoints",
            "rater_id": [f"board member {p + 1}" for p in person],
            "rater_party": "staff",
            "subject_type": "checkpoint",
            "subject_id": words(CHECKPOINTS, asked),
            "item_code": "importance",
            "score": np.clip(np.round(stated), 1, 5),
            "scale_max": 5.0,
            "rated_at": settings.end - pd.Timedelta(days=30),
        }
    )
    ratings = pd.concat([met, held], ignore_index=True)
    ratings.insert(0, "rating_id", ids("LGG", len(ratings)))
    return changes, ratings


def _pilot(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Return who was answered by whom, the chats, what customers said of them, and the segment that is
    harmed.
    """
    customers, preset = tables["customers"], settings.preset
    harmed = preset.segments[int(np.argmin(preset.segment_shares))]
    end = np.datetime64(settings.end, "us")
    begin = np.datetime64(settings.end - pd.Timedelta(days=350), "us")
    last = np.fmin(customers["closed_at"].to_numpy(), end)
    first = np.maximum(customers["created_at"].to_numpy(), begin)
    there = np.flatnonzero(last - first > np.timedelta64(3, "D"))
    who = rng.permutation(there)[:CUSTOMERS]
    n = len(who)
    at = first[who] + ((last - first)[who] * rng.random(n) * 0.98).astype("timedelta64[s]")
    segment = (
        customers["account_id"]
        .iloc[who]
        .map(tables["accounts"].set_index("account_id")["segment"])
        .to_numpy()
    )
    is_harmed = segment == harmed
    simple = rng.random(n) < 0.5
    chosen = rng.random(n) < CHOOSE_SHARE
    bot = rng.random(n) < np.where(chosen, np.where(simple, SIMPLE_CHOOSES[1], SIMPLE_CHOOSES[0]), 0.5)
    shift = np.where(is_harmed, HARM_SOLVED, SOLVES) * size
    chance = SOLVED + SIMPLE_SOLVED * (simple - 0.5) + shift * bot
    solved = rng.random(n) < np.clip(chance, 0.02, 0.98)
    known = KNOWN + HARM_KNOWN * size * (bot & is_harmed) + rng.normal(0, KNOWN_SD, n)
    keys = ids("LGX", n)
    customer_id = customers["customer_id"].array.take(who)
    pilot = pd.DataFrame(
        {
            "assignment_id": ids("LGA", n),
            "initiative_id": PILOT,
            "subject_type": "interaction",
            "subject_id": keys,
            "arm": words(("person", "bot"), bot.astype(int)),
            "design": words(("random", "chosen"), chosen.astype(int)),
            "stratum": segment,
            "propensity_share": np.where(chosen, np.nan, 0.5),
            "starts_at": at,
        }
    )
    wait = rng.exponential(90, n).astype("timedelta64[s]") + np.timedelta64(5, "s")
    passed_on = bot & (rng.random(n) > CONTAINED)
    person_answers = ~bot | passed_on
    never = np.datetime64("NaT", "us")
    handle = rng.gamma(3.0, 110.0, n)
    answers = pd.DataFrame(
        {
            "interaction_id": keys,
            "customer_id": customer_id,
            "channel": "chat",
            "direction": "in",
            "purpose": "service",
            "arrived_at": at,
            "answered_at": np.where(person_answers, at + wait, never),
            "ended_at": at + wait + handle.astype("timedelta64[s]"),
            "handle_s": np.where(person_answers, np.round(handle), np.nan),
            "handoff_at": np.where(passed_on, at + wait, never),
        }
    )
    both = np.tile(np.arange(n), 2)
    item = np.repeat([0, 1], n)
    score = np.concatenate([solved.astype(float), np.clip(np.round(known), 1, 5)])
    ratings = pd.DataFrame(
        {
            "rating_id": ids("LGR", 2 * n),
            "exercise": "after a chat",
            "rater_id": customer_id.take(both),
            "rater_party": "customer",
            "subject_type": "interaction",
            "subject_id": keys.array.take(both),
            "item_code": words(("solved", "known"), item),
            "score": score,
            "scale_max": np.where(item, 5.0, 1.0),
            "rated_at": _after(at, end)[both],
        }
    )
    return pilot, answers, ratings, harmed


def _after(at: NDArray[np.datetime64], end: np.datetime64) -> NDArray[np.datetime64]:
    """Return half an hour later, or the last second of the history."""
    return np.minimum(at + np.timedelta64(1800, "s"), end - np.timedelta64(1, "s"))
