"""Causes: why personalised messages fail, who has which share in joint failures, and why satisfaction falls.

Planted for `measure.root_cause`, all x size:

- Messages (`decisions`, type "personalised message", about a template version) fail more often where `TEMPLATE` meets
  `CHANNEL`, and only there. The unit that sends most of them (`RED_HERRING_SHARE`) looks guilty. `truth_structure`
  "cause". Each failure is in `exceptions`, with the unit.
  Customers' comments (`surveys`, instrument "message") name `THEME` after most of these failures: "theme". Components
  feed templates (`dependencies`): one feeds only the faulty template.
- Joint failures (`incidents`, kind "joint failure"; the teams involved are in `exceptions`) cost what `LOSS` says of the set
  of teams, which is no sum; `truth_parameters` has the Shapley share of each. `cause_unit_id` names whoever was last.
- Advice (`decisions`, type "advice") gets later, less used and more often wrong as data grow, all three. Only one of
  them, drawn per world, lowers satisfaction (`surveys`, instrument "advice"): `truth_structure` "mediator".
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated
from playbook.world.truth import planted, planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "organisation")
ONCE = True
PLAY = "measure.root_cause"

MESSAGES = 6_000
TEMPLATES = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8")
TEMPLATE, CHANNEL = 4, "email"  # fail together
CAUSE = f"template {TEMPLATES[TEMPLATE]} & {CHANNEL}"
TEMPLATE_SHARE = 0.25  # of the messages, of that template
TEAMS = 4
RED_HERRING, RED_HERRING_SHARE = 2, 0.8  # team (position) that sends most of the template
FAILS, FAILS_MORE = 0.05, 0.40
COMPONENTS = ("mail merge", "old mail merge")  # the second feeds only the faulty template
THEME, THEME_SHARE = "empty greeting", 0.7  # what customers say after a failure that has the planted cause
# theme: ways to say it
THEMES = {
    "empty greeting": (
        "it began with Dear NAME",
        "there was a blank where my name should be",
        "greeted nobody at all",
    ),
    "came twice": ("got it twice in an hour", "the same text came two times", "why send it again"),
    "too late": ("came after the delivery", "a week too late", "yesterday would have helped"),
    "not my product": ("about a product we never bought", "not our model", "we have no such machine"),
    "fine": ("thanks, useful", "all clear", "good to know", "as expected"),
}
ASKED = 0.12  # of the messages that were sent; after a failure all are asked

JOINT = 500
# what a joint failure of these teams (positions among the first three) costs
LOSS: dict[frozenset[int], float] = {
    frozenset({0}): 180.0,
    frozenset({1}): 60.0,
    frozenset({2}): 30.0,
    frozenset({0, 1}): 420.0,
    frozenset({0, 2}): 230.0,
    frozenset({1, 2}): 90.0,
    frozenset({0, 1, 2}): 480.0,
}
EVEN_LOSS = 70.0  # per team, without effect
LOSS_SHAPE = 8.0

ADVICE = 3_000
MEDIATORS = ("late", "unused", "wrong")
LOWERS = {"late": 0.6, "unused": 2.5, "wrong": 4.0}  # points: per log hour of age; when unused; when wrong

PLANTS = (
    Plant(
        play=PLAY,
        what="Personalised messages, some of which fail; joint failures of teams with their loss; advice that gets "
        "later, less used and more often wrong while satisfaction falls.",
        why="The team that handles a faulty template looks guilty, the last in a chain is blamed, and everything that "
        "grows correlates with everything that falls.",
        tables=("decisions", "exceptions", "incidents", "surveys", "config_versions", "dependencies"),
        truth=("truth_structure", "truth_parameters"),
        size="FAILS_MORE, LOSS (from EVEN_LOSS) and LOWERS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return config_versions, decisions, exceptions, incidents, surveys, dependencies and their truth."""
    size = settings.size(PLAY)
    units = tables["units"]["unit_id"].array[:TEAMS]
    customers = tables["customers"]
    stays = ((customers["created_at"] <= settings.start) & customers["closed_at"].isna()).to_numpy()
    people = customers[stays].reset_index(drop=True)
    messages, failures, comments = _messages(settings, people, units, size, rng)
    incidents, involved, shares = _joint(settings, units, size, rng)
    advice, wrong, surveys, mediator = _advice(settings, people, size, rng)
    templates = pd.DataFrame(
        {
            "config_version_id": [f"GT{name}" for name in TEMPLATES],
            "config_id": [f"template {name}" for name in TEMPLATES],
            "kind": "template",
            "environment": "live",
            "is_live": True,
            "valid_from": settings.start,
        }
    )
    links = [
        ("cause", CAUSE, "failed message"),
        ("theme", THEME, CAUSE),
        ("mediator", mediator, "satisfaction"),
    ]
    links = links if size > 0 else []
    structure = planted_rows("truth_structure", PLAY, ("kind", "source", "target"), links)
    return {
        "config_versions": templates,
        "decisions": pd.concat([messages, advice], ignore_index=True),
        "exceptions": pd.concat([failures, involved, wrong], ignore_index=True),
        "incidents": incidents,
        "surveys": pd.concat([surveys, comments], ignore_index=True),
        "dependencies": _components(),
        "truth_structure": structure,
        "truth_parameters": shares,
    }


def _moments(settings: WorldSettings, n: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Return `n` moments of the history in order, none in its last ten days."""
    offset = np.sort(rng.random(n)) * (settings.days - 10) * 86_400e6
    return np.datetime64(settings.start, "us") + offset.astype("timedelta64[us]")


def _messages(
    settings: WorldSettings,
    people: pd.DataFrame,
    units: pd.api.extensions.ExtensionArray,
    size: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return messages, the failures among them, and what customers said of some."""
    n = MESSAGES
    who, template = rng.integers(0, len(people), n), rng.integers(0, len(TEMPLATES), n)
    template = np.where(rng.random(n) < TEMPLATE_SHARE - 1 / len(TEMPLATES), TEMPLATE, template)
    team = rng.integers(0, len(units), n)
    team = np.where((template == TEMPLATE) & (rng.random(n) < RED_HERRING_SHARE), RED_HERRING, team)
    cause = (template == TEMPLATE) & (people["preferred_channel"].to_numpy()[who] == CHANNEL)
    fails = rng.random(n) < np.minimum(FAILS + FAILS_MORE * size * cause, 0.95)
    at = _moments(settings, n, rng)
    key = ids("DRM", n)
    messages = pd.DataFrame(
        {
            "decision_id": key,
            "decision_type": repeated("personalised message", n),
            "subject_type": repeated("config_version", n),
            "subject_id": pd.array([f"GT{name}" for name in TEMPLATES], dtype="str").take(template),
            "customer_id": people["customer_id"].array.take(who),
            "recommended": pd.array([f"send by {unit}" for unit in units], dtype="str").take(team),
            "outcome": pd.array(["sent", "failed"], dtype="str").take(fails.astype(int)),
            "decided_at": at,
        }
    )
    which = np.flatnonzero(fails)
    symptoms = pd.array(["timeout", "missing field", "rejected"], dtype="str")
    failures = pd.DataFrame(
        {
            "exception_id": ids("XC", len(which)),
            "occurred_at": at[which],
            "exception_type": symptoms.take(rng.integers(0, 3, len(which))),
            "customer_id": messages["customer_id"].array.take(which),
            "subject_type": repeated("decision", len(which)),
            "subject_id": key.array.take(which),
            "config_version_id": messages["subject_id"].array.take(which),
            "unit_id": units.take(team[which]),
            "loss_amt": np.round(rng.gamma(2.0, 9.0, len(which)), 2),
        }
    )
    return messages, failures, _comments(messages, cause & fails, fails, size, rng)


def _comments(
    messages: pd.DataFrame,
    has_cause: NDArray[np.bool_],
    fails: NDArray[np.bool_],
    size: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the comments asked for after failures, and after some messages that were fine; few answer."""
    asked = np.flatnonzero(fails | (rng.random(len(fails)) < ASKED))
    n, themes = len(asked), list(THEMES)
    is_planted = has_cause[asked] & (rng.random(n) < min(THEME_SHARE * size, 0.95))
    theme = np.where(is_planted, themes.index(THEME), rng.integers(0, len(themes) - 1, n))
    theme = np.where(fails[asked], theme, len(themes) - 1)
    ways = np.array([len(texts) for texts in THEMES.values()])
    way = (np.cumsum(ways) - ways)[theme] + np.floor(rng.random(n) * ways[theme]).astype(int)
    words = pd.array([*(text for texts in THEMES.values() for text in texts), None], dtype="str")
    answers = rng.random(n) < np.where(fails[asked], 0.5, 0.3)
    sent = messages["decided_at"].to_numpy()[asked] + np.timedelta64(1, "h")
    responded = sent + (rng.exponential(20.0, n).clip(max=200) * 3600e6).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "survey_id": ids("QM", n),
            "item_code": repeated("comment", n),
            "customer_id": messages["customer_id"].array.take(asked),
            "instrument": repeated("message", n),
            "trigger_type": repeated("decision", n),
            "trigger_id": messages["decision_id"].array.take(asked),
            "sent_at": sent,
            "responded_at": np.where(answers, responded, np.datetime64("NaT")),
            "wave_no": 1.0,
            "text": words.take(np.where(answers, way, len(words) - 1)),
        }
    )


def _components() -> pd.DataFrame:
    """Return which component feeds which template."""
    return pd.DataFrame(
        {
            "dependency_id": ids("DC", len(TEMPLATES)),
            "from_type": "component",
            "from_id": [COMPONENTS[k == TEMPLATE] for k in range(len(TEMPLATES))],
            "to_type": "config_version",
            "to_id": [f"GT{name}" for name in TEMPLATES],
            "kind": "feeds",
            "owner_party": "ours",
            "is_declared": True,
        }
    )


def _joint(
    settings: WorldSettings, units: pd.api.extensions.ExtensionArray, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return joint failures, the teams involved in each, and the planted shares."""
    sets = list(LOSS)
    value = {teams: max(len(teams) * EVEN_LOSS * (1 - size) + size * LOSS[teams], 1.0) for teams in sets}
    which = rng.choice(len(sets), JOINT, p=[0.16, 0.16, 0.16, 0.14, 0.13, 0.13, 0.12])
    loss = np.array([value[teams] for teams in sets])[which] * rng.gamma(LOSS_SHAPE, 1 / LOSS_SHAPE, JOINT)
    at = _moments(settings, JOINT, rng)
    last = np.array([max(teams) for teams in sets])[which]
    key = ids("INJ", JOINT)
    incidents = pd.DataFrame(
        {
            "incident_id": key,
            "kind": "joint failure",
            "cause_unit_id": units.take(last),
            "severity": np.where(loss > 300, 3.0, 2.0),
            "opened_at": at,
            "detected_at": at + (rng.exponential(5.0, JOINT) * 3600e6).astype("timedelta64[us]"),
            "loss_amt": np.round(loss, 2),
        }
    )
    members = np.array([[team in teams for team in range(3)] for teams in sets])[which]
    incident, team = np.nonzero(members)
    involved = pd.DataFrame(
        {
            "exception_id": ids("XJ", len(incident)),
            "occurred_at": at[incident],
            "exception_type": repeated("part in a joint failure", len(incident)),
            "subject_type": repeated("incident", len(incident)),
            "subject_id": key.array.take(incident),
            "unit_id": units.take(team),
        }
    )
    share = shapley(value)
    shares = planted(
        "truth_parameters",
        PLAY,
        name=[f"share of a joint failure of all three: {unit}" for unit in units[:3]],
        value=share / share.sum(),
        unit="share",
    )
    return incidents, involved, shares


def shapley(value: dict[frozenset[int], float]) -> NDArray[np.float64]:
    """Return the Shapley value of each player of a game: the mean of what it adds, over all orders of joining."""
    players = sorted(set().union(*value))
    total = np.zeros(len(players))
    orders = list(permutations(players))
    for order in orders:
        joined: frozenset[int] = frozenset()
        for player in order:
            more = joined | {player}
            total[players.index(player)] += value[more] - value.get(joined, 0.0)
            joined = more
    return total / len(orders)


def _advice(
    settings: WorldSettings, people: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Return advice, the wrong ones (exceptions), what customers said of it, and which mediator was drawn."""
    n = ADVICE
    mediator = MEDIATORS[rng.integers(len(MEDIATORS))]
    at = _moments(settings, n, rng)
    grown = np.linspace(0, 1, n)
    age_h = 2.0 * np.exp(2.2 * grown) * rng.lognormal(0, 0.9, n)
    unused, wrong = rng.random(n) < 0.10 + 0.30 * grown, rng.random(n) < 0.04 + 0.16 * grown
    harm = {"late": np.log(age_h), "unused": unused, "wrong": wrong}[mediator] * LOWERS[mediator]
    score = np.clip(np.round(7.5 - size * harm + rng.gumbel(-0.3, 0.9, n)), 0, 10)
    answers = rng.random(n) < 0.25 + 0.03 * score
    who = rng.integers(0, len(people), n)
    key, customer_id = ids("DRA", n), people["customer_id"].array.take(who)
    kinds = np.arange(n) % 3
    words = pd.array(["call", "offer", "visit", "nothing"], dtype="str")
    advice = pd.DataFrame(
        {
            "decision_id": key,
            "decision_type": repeated("advice", n),
            "subject_type": repeated("customer", n),
            "subject_id": customer_id,
            "customer_id": customer_id,
            "recommended": words.take(kinds),
            "outcome": words.take(np.where(unused, 3, kinds)),
            "data_age_s": np.round(age_h * 3600),
            "decided_at": at,
        }
    )
    which = np.flatnonzero(wrong)
    errors = pd.DataFrame(
        {
            "exception_id": ids("XW", len(which)),
            "occurred_at": at[which],
            "exception_type": repeated("wrong data", len(which)),
            "customer_id": customer_id.take(which),
            "subject_type": repeated("decision", len(which)),
            "subject_id": key.array.take(which),
        }
    )
    sent = at + np.timedelta64(1, "D")
    responded = sent + (rng.exponential(30.0, n).clip(max=160) * 3600e6).astype("timedelta64[us]")
    surveys = pd.DataFrame(
        {
            "survey_id": ids("QA", n),
            "item_code": repeated("satisfaction", n),
            "customer_id": customer_id,
            "instrument": repeated("advice", n),
            "trigger_type": repeated("decision", n),
            "trigger_id": key,
            "sent_at": sent,
            "responded_at": np.where(answers, responded, np.datetime64("NaT")),
            "wave_no": 1.0,
            "score": np.where(answers, score, np.nan),
            "scale_max": 10.0,
        }
    )
    return advice, errors, surveys, mediator
