"""A bot that answers first, and other automation (`design.bot_handoff`).

Chats that a bot answers, over the last year: it hands off when it is not sure enough, else it believes the case is solved.
Whether it is depends on how complex the case is, of which its confidence knows only a part, and which it overrates for some
topics (`OVERRATED`); customers of some segments ask harder things. A failure is known only where somebody read the chat: a
slice by lot (`AUDIT`), and those whose customer sounded annoyed. The same for preferences that are applied and credits
that are granted automatically. Who a failure costs how much is in the truth; a look is an action `review`, and
`taken` says that what was found had to be put right.

A chat that the bot kept has no `answered_at`, which is for people, and no ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic
from playbook.world.keys import ids, position
from playbook.world.moments import known_customers
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "organisation")

PER_CUSTOMER = 1.2  # bot chats in the last year, at a bot share of a third
LAST_D = 360
HANDS_OFF_BELOW = 0.35
FAILURE_LOGIT = -1.1
ON_COMPLEXITY = 1.5
ON_SEGMENT = (0.7, 0.3, 0.0, -0.3)  # log-odds, from the most to the least demanding segment
CONFIDENCE_NOISE = 0.8
OVERRATED = 0.9  # log-odds by which the bot thinks too well of itself on the last topics
TOPICS_OVERRATED = 2
ANNOYED_ON_FAILURE, ANNOYED_ELSE = 0.45, 0.12
AUDIT = 0.10
READS_ANNOYED = 0.5
FAILURE_AMT = (90.0, 45.0, 18.0, 40.0)  # by segment
HANDOFF_AMT = 6.0
AUTOMATION = {"auto-applied preference": 0.06, "auto-credit": 0.11}  # share that is wrong
AUTOMATION_PER_CUSTOMER = 0.25
SUSPECT_WRONG, SUSPECT_ELSE = 0.5, 0.08  # share that is looked into because it looks odd

ANNOYED = (
    "This is no help at all.",
    "I already told you that!",
    "You do not understand me.",
    "Can I talk to a human?",
)
CALM = ("Thanks.", "OK, I see.", "Good to know.", "Alright, thank you.")

PLANTS = (
    Plant(
        play="design.bot_handoff",
        what="A bot answers chats and hands off those it is not sure of. Some of what it keeps is not solved. Preferences "
        "and credits are applied automatically, some wrongly. A slice is read by lot, more when something looks odd.",
        why="What was read on suspicion is worse than the rest, what was not read looks fine, and the bot is surest of "
        "itself where it should not be.",
        tables=("interactions", "notes", "actions", "customers", "accounts"),
        truth=("truth_labels", "truth_parameters"),
        size="failures by FAILURE_LOGIT, ON_COMPLEXITY and OVERRATED, and AUTOMATION, all shares x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return interactions, notes, actions (automation and reviews), truth_labels and truth_parameters."""
    chats = _chats(settings, tables, rng)
    automation = _automation(settings, tables, rng)
    joined = {
        name: pd.concat([chats[name], automation[name]], ignore_index=True)
        for name in ("actions", "truth_labels")
    }
    segments = settings.preset.segments
    truth = planted(
        "truth_parameters",
        "design.bot_handoff",
        name=[*(f"failure_amt_{name}" for name in segments), "handoff_amt"],
        value=[*FAILURE_AMT, HANDOFF_AMT],
        unit="money",
    )
    return chats | joined | ({} if settings.block else {"truth_parameters": truth})


def _chats(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    preset, customers = settings.preset, tables["customers"]
    n = int(settings.customers * PER_CUSTOMER * preset.bot_share / 0.33)
    who = known_customers(settings, customers, LAST_D, n, rng)
    account = position(customers["account_id"], tables["accounts"]["account_id"])[who]
    segment = position(tables["accounts"]["segment"], preset.segments)[account]
    topic = rng.integers(0, len(preset.things), n)
    complexity = rng.normal(0, 1, n)
    logit = FAILURE_LOGIT + ON_COMPLEXITY * complexity + np.array(ON_SEGMENT)[segment]
    fails = rng.random(n) < settings.size("design.bot_handoff") * logistic(logit)
    overrated = OVERRATED * (topic >= len(preset.things) - TOPICS_OVERRATED)
    confidence = np.round(
        logistic(1.2 - ON_COMPLEXITY * complexity + overrated + rng.normal(0, CONFIDENCE_NOISE, n)), 3
    )
    kept = confidence >= HANDS_OFF_BELOW
    annoyed = rng.random(n) < np.where(fails, ANNOYED_ON_FAILURE, ANNOYED_ELSE)
    by_lot = kept & (rng.random(n) < AUDIT)
    read = by_lot | (kept & annoyed & (rng.random(n) < READS_ANNOYED))

    arrived = np.sort(rng.random(n)) * (LAST_D - 1)
    started = np.datetime64(settings.end - pd.Timedelta(days=LAST_D), "us") + _span(arrived * 86_400)
    bot_s = 30 + rng.gamma(2.0, 60.0, n)
    wait_s, handle_s = rng.gamma(2.0, 90.0, n), np.round(60 * preset.handle_min * rng.gamma(4, 0.25, n))
    handoff = started + _span(bot_s)
    answered = handoff + _span(wait_s)
    agents = tables["staff"]
    agents = agents[(agents["role"] == "service agent") & agents["left_on"].isna()]
    agents = agents[agents["hired_on"] < settings.end - pd.Timedelta(days=LAST_D)]["staff_id"].array
    agent = np.where(kept | (len(agents) == 0), -1, rng.integers(0, max(len(agents), 1), n))
    none = np.datetime64("NaT")
    key = ids("BC", n, settings.block)
    nought = np.zeros(n, dtype=np.int64)
    customer_id = customers["customer_id"].array.take(who)
    interactions = pd.DataFrame(
        {
            "interaction_id": key,
            "customer_id": customer_id,
            "staff_id": agents.take(agent, allow_fill=True),
            "channel": words(["chat"], nought),
            "direction": words(["in"], nought),
            "purpose": words(["service"], nought),
            "arrived_at": started,
            "answered_at": np.where(kept, none, answered),
            "ended_at": np.where(kept, handoff, answered + _span(handle_s)),
            "handle_s": np.where(kept, np.nan, handle_s),
            "handoff_at": np.where(kept, none, handoff),
            "bot_confidence_share": confidence,
        }
    )
    rows = np.flatnonzero(read)
    review = pd.DataFrame(
        {
            "action_id": ids("AB", len(rows), settings.block),
            "subject_type": "interaction",
            "subject_id": key.array.take(rows),
            "customer_id": customer_id.take(rows),
            "action_code": "review",
            "propensity_share": np.where(by_lot, AUDIT, np.nan)[rows],
            "shown": True,
            "taken": fails[rows],
            "acted_at": (handoff + _span(3600 * rng.uniform(1, 20, n)))[rows],
            "duration_s": np.round(rng.gamma(4, 25, len(rows))),
        }
    )
    labels = planted(
        "truth_labels",
        "design.bot_handoff",
        table="interactions",
        key=key,
        label=words(["solved", "failed"], fails.astype(np.int64)),
        value=words(["handed off", "kept"], kept.astype(np.int64)),
    )
    notes = _notes(settings, key, customer_id, topic, annoyed, complexity, handoff, rng)
    return {"interactions": interactions, "actions": review, "truth_labels": labels, "notes": notes}


def _notes(
    settings: WorldSettings,
    key: pd.Series,
    customer_id: pd.api.extensions.ExtensionArray,
    topic: NDArray[np.int64],
    annoyed: NDArray[np.bool_],
    complexity: NDArray[np.float64],
    at: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what customers wrote to the bot: the more complex, the more questions in one."""
    preset = settings.preset
    faults = len(preset.faults)
    more = (
        "",
        " And it happens only sometimes.",
        " And it began after the last update of our contract, at one site only.",
    )
    last = ANNOYED + CALM
    texts = [
        f"My {thing} {fault}.{rest} {end}"
        for thing in preset.things
        for fault in preset.faults
        for rest in more
        for end in last
    ]
    n = len(key)
    fault = rng.integers(0, faults, n)
    length = np.clip(np.floor(complexity + 1.0 + 0.5 * rng.normal(0, 1, n)), 0, 2).astype(np.int64)
    end = rng.integers(0, len(CALM), n) + np.where(annoyed, 0, len(ANNOYED))
    which = ((topic * faults + fault) * len(more) + length) * len(last) + end
    return pd.DataFrame(
        {
            "note_id": ids("NB", n, settings.block),
            "subject_type": "interaction",
            "subject_id": key,
            "customer_id": customer_id,
            "kind": "bot",
            "language": "en",
            "text": words(texts, which),
            "written_at": at,
            "recorded_at": at,
        }
    )


def _automation(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return what was applied or granted automatically, and the reviews of some of it."""
    n = int(settings.customers * AUTOMATION_PER_CUSTOMER) * len(AUTOMATION)
    kind = np.arange(n) % len(AUTOMATION)
    customer_id = tables["customers"]["customer_id"].array.take(
        known_customers(settings, tables["customers"], LAST_D, n, rng)
    )
    share = np.array(list(AUTOMATION.values()))[kind] * settings.size("design.bot_handoff")
    wrong = rng.random(n) < share
    by_lot = rng.random(n) < AUDIT
    looked = by_lot | (rng.random(n) < np.where(wrong, SUSPECT_WRONG, SUSPECT_ELSE))
    day = np.sort(rng.random(n)) * (LAST_D - 2)
    acted = np.datetime64(settings.end - pd.Timedelta(days=LAST_D), "us") + _span(day * 86_400)
    is_credit = kind == list(AUTOMATION).index("auto-credit")
    key = ids("AU", n, settings.block)
    automated = pd.DataFrame(
        {
            "action_id": key,
            "subject_type": "customer",
            "subject_id": customer_id,
            "customer_id": customer_id,
            "action_code": words(list(AUTOMATION), kind),
            "shown": True,
            "taken": True,
            "acted_at": acted,
            "credit_amt": np.where(is_credit, np.round(rng.gamma(2.0, 12.0, n) + 1, 2), np.nan),
        }
    )
    rows = np.flatnonzero(looked)
    review = pd.DataFrame(
        {
            "action_id": ids("AR", len(rows), settings.block),
            "subject_type": "action",
            "subject_id": key.array.take(rows),
            "customer_id": customer_id.take(rows),
            "action_code": "review",
            "propensity_share": np.where(by_lot, AUDIT, np.nan)[rows],
            "shown": True,
            "taken": wrong[rows],
            "acted_at": acted[rows] + np.timedelta64(1, "D"),
        }
    )
    labels = planted(
        "truth_labels",
        "design.bot_handoff",
        table="actions",
        key=key,
        label=words(["right", "wrong"], wrong.astype(np.int64)),
        value=words(list(AUTOMATION), kind),
    )
    return {"actions": pd.concat([automated, review], ignore_index=True), "truth_labels": labels}


def _span(seconds: NDArray[np.float64]) -> NDArray[np.timedelta64]:
    return (seconds * 1e6).astype("timedelta64[us]")
