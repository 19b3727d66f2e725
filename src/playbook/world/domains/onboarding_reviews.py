"""Readiness reviews before customers were taken on, how the onboardings went, and the skills of those who
could do the next.

Planted, times the play's size: an onboarding that lacks any of the `GATES` fails with chance
`FAILS_WITHOUT_GATE`, else with `FAILS_ANYWAY` (one gate missing is as bad as three, while a play may add up
weights). The other items say nothing, and are missing far more often, so that the count of ticks follows
them. One answer in thirty is ticked wrong.

Of the team that could take on the next customers, specialists are strong in few things: the fewest people
who cover all skills needed are not those with most skills. One needed skill nobody has (size 0: all are
there, and the people with most skills cover them). `truth_effects` has what each item is worth,
`truth_structure` the missing skill, `truth_parameters` how many people are enough for the others.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import VENDOR_ROLE
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)
ONCE = True

PLAY = "sustain.readiness"
PAST, PLANNED = 360, 6
ITEMS = (
    "data of the customer tested end to end",
    "owner on the customer's side named",
    "first orders rehearsed",
    "kick-off held",
    "project plan signed",
    "logo and templates ready",
    "contacts entered",
    "price list loaded",
    "portal users invited",
    "reports set up",
    "newsletter sent",
    "steering dates agreed",
)
GATES = 3  # the first items
GATE_MISSING, OTHER_MISSING = 0.13, 0.40
FAILS_ANYWAY, FAILS_WITHOUT_GATE = 0.08, 0.60
WRONG_TICK = 1 / 30
SKILLS = (
    "reads the customer",
    "data exchange",
    "stock planning",
    "pricing",
    "field service",
    "contracts",
    "returns",
    "second language",
)
NEEDED = 7  # the first skills are needed for the next customers
TEAM = 14
GOOD = 4  # of 5: from here a skill counts
BROAD = (3, 4, 5)  # skills that broad people share
TRIPLE = ((0, 6), (1, 3, 4), (2, 5))  # skills of three specialists, who cover all together

PLANTS = (
    Plant(
        play=PLAY,
        what="Twelve items are ticked before a customer is taken on; of each onboarding the end is known. "
        "People of the team were rated on the skills that the next customers need.",
        why="The items that are missing most often are not those that matter, and the people with most "
        "skills have the same ones.",
        tables=("changes", "ratings", "rules", "staff"),
        truth=("truth_effects", "truth_structure", "truth_parameters"),
        size="FAILS_WITHOUT_GATE - FAILS_ANYWAY x size; one missing skill where size > 0",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, ratings, rules, truth_effects, truth_structure and truth_parameters."""
    size = settings.size(PLAY)
    changes, ticks = _onboardings(settings, tables["accounts"], tables["staff"], size, rng)
    skills, team_size, lacking = _team(settings, tables["staff"], size, rng)
    harm = min(FAILS_WITHOUT_GATE - FAILS_ANYWAY, 1.0) * size
    return {
        "changes": changes,
        "ratings": pd.concat([ticks, skills], ignore_index=True),
        "rules": pd.DataFrame(
            {
                "rule_id": ["OBR000001"],
                "ruleset": "readiness",
                "jurisdiction": "any",
                "priority": 1,
                "condition_json": json.dumps({"onboarding": "next customers"}),
                "outcome_json": json.dumps({"skills": list(SKILLS[:NEEDED]), "score_at_least": GOOD}),
                "owner_role": "head of onboarding",
                "valid_from": settings.start,
            }
        ),
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action=[f"without: {item}" for item in ITEMS],
            stratum="no other gate missing",
            metric="chance to fail",
            size=[harm] * GATES + [0.0] * (len(ITEMS) - GATES),
            unit="share",
        ),
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind="missing skill",
            source=[SKILLS[k] for k in lacking],
            target="nobody in the team",
        ),
        "truth_parameters": planted(
            "truth_parameters", PLAY, name=["people who are enough"], value=[team_size], unit="people"
        ),
    }


def _onboardings(
    settings: WorldSettings,
    accounts: pd.DataFrame,
    staff: pd.DataFrame,
    size: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return past and planned onboardings, and the items ticked before each."""
    n = PAST + PLANNED
    missing = rng.random((n, len(ITEMS))) < np.where(
        np.arange(len(ITEMS)) < GATES, GATE_MISSING, OTHER_MISSING
    )
    chance = FAILS_ANYWAY + (FAILS_WITHOUT_GATE - FAILS_ANYWAY) * size * missing[:, :GATES].any(axis=1)
    fails = rng.random(n) < np.minimum(chance, 0.97)
    day = np.append(
        np.sort(rng.integers(10, settings.days - 60, PAST)),
        rng.integers(settings.days - 25, settings.days - 5, PLANNED),
    )
    begun = np.datetime64(settings.start, "us") + day.astype("timedelta64[D]")
    past = np.arange(n) < PAST
    live = begun + rng.integers(20, 55, n).astype("timedelta64[D]")
    keys = ids("OBC", n)
    account = accounts["account_id"].array.take(rng.integers(0, len(accounts), n))
    changes = pd.DataFrame(
        {
            "change_id": keys,
            "kind": "onboarding",
            "account_id": account,
            "subject_type": "account",
            "subject_id": account,
            "requested_at": begun,
            "deployed_at": np.where(past & ~fails, live, np.datetime64("NaT", "us")),
            "status": words(("done", "failed", "planned"), np.where(past, fails.astype(int), 2)),
        }
    )
    of, item = np.divmod(np.arange(missing.size), len(ITEMS))
    ticked = missing.ravel() == (rng.random(missing.size) < WRONG_TICK)
    whole = staff[(staff["hired_on"] <= settings.start) & staff["left_on"].isna()]
    rater = rng.integers(0, len(whole), n)
    ratings = pd.DataFrame(
        {
            "rating_id": ids("OBT", len(of)),
            "exercise": "readiness review",
            "rater_id": whole["staff_id"].array.take(rater[of]),
            "rater_party": "staff",
            "subject_type": "onboarding",
            "subject_id": keys.array.take(of),
            "item_code": words(ITEMS, item),
            "score": ticked.astype(float),
            "scale_max": 1.0,
            "rated_at": begun[of] + np.timedelta64(2, "D"),
        }
    )
    return changes, ratings


def _team(
    settings: WorldSettings, staff: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, int, list[int]]:
    """Return ratings of skills, how many people are enough, and the skills (positions) that nobody has."""
    has = np.zeros((TEAM, len(SKILLS)), dtype=bool)
    if size:
        for person, skills in enumerate(TRIPLE):
            has[person, list(skills)] = True
        has[len(TRIPLE) :, list(BROAD)] = True
        has[len(TRIPLE) :, 7] = True
        lacking = int(rng.permutation([1, 4, 5])[0])  # of those that one kind of people would have
        has[:, lacking] = False
        missing = [lacking]
    else:
        has[:, :] = True
        missing = []
    needed = [k for k in range(NEEDED) if k not in missing]
    enough = next(
        k
        for k in range(1, TEAM + 1)
        if any(has[list(t)][:, needed].any(axis=0).all() for t in combinations(range(TEAM), k))
    )
    score = np.where(has, rng.integers(GOOD, 6, has.shape), rng.integers(1, GOOD, has.shape))
    here = staff[staff["left_on"].isna() & (staff["role"] != VENDOR_ROLE)]
    order = rng.permutation(TEAM)
    people = here["staff_id"].array.take(rng.permutation(len(here))[:TEAM][order])
    manager = here["staff_id"].iloc[int(rng.integers(len(here)))]
    who, skill = np.divmod(np.arange(score.size), len(SKILLS))
    ratings = pd.DataFrame(
        {
            "rating_id": ids("OBS", len(who)),
            "exercise": "skills check",
            "rater_id": manager,
            "rater_party": "staff",
            "subject_type": "staff",
            "subject_id": people.take(who),
            "item_code": words(SKILLS, skill),
            "score": score.ravel().astype(float),
            "scale_max": 5.0,
            "rated_at": settings.end - pd.Timedelta(days=20),
        }
    )
    return ratings, enough, missing
