"""Two hours of live behaviour, as it was delivered: late, twice, and out of order.

Planted for `unify.live_pipeline`: `rules` (ruleset live) ask for several events of one kind and key within a window
of the time at which they happened. `TRIGGERS` times the size sets of events fulfil a rule; the last event of
`LATE_SHARE` of them comes after the allowed lateness. Beside them, whatever the size: sets that fulfil a rule only by
a repeated delivery, sets that do so only by time of arrival, and sets that are in time by what happened but not by
arrival. `DUPLICATES` of all messages are delivered twice, with another `event_id` and the same message in the
payload. A heartbeat every `BEAT_S` lets a watermark move on when customers are quiet. Delays are uniform within the
lateness and far beyond it, so the answer hangs on no tie.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "unify.live_pipeline"
HOURS = 2
BEAT_S = 5
BACKGROUND = 2_500  # other events
DUPLICATES = 0.05
LATENESS_S = 30
ON_TIME_S = 22.0  # longest delay of what comes in time
LATE_S = (70.0, 900.0)
LATE_SHARE = 0.2
TRIGGERS, DECOYS = 60, 25  # decoys of each sort
# rule, event, how many, within s, key, action
RULES = (
    ("help_search", 3, 120, "customer_id", "route to the own agent"),
    ("checkout_error", 2, 60, "customer_id, product_id", "reserve the stock"),
)
TYPES = ("help_search", "checkout_error", "app_view", "app_search", "heartbeat")

PLANTS = (
    Plant(
        play=PLAY,
        what="A live stream in which some customers' events fulfil an action rule. Some events come late, some twice, "
        "many out of order.",
        why="Windows by time of arrival, and counting a repeated delivery, act on customers who did nothing and miss "
        "others; what came too late for the action is not reported at all.",
        tables=("events", "rules"),
        truth=("truth_labels",),
        size="TRIGGERS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events, rules and truth_labels."""
    customers = tables["customers"]
    start = settings.end - pd.Timedelta(hours=14)
    open_ones = np.flatnonzero(
        (customers["created_at"] < start).to_numpy() & customers["closed_at"].isna().to_numpy()
    )
    rng.shuffle(open_ones)
    n_sets = min(round(TRIGGERS * settings.size(PLAY)), len(open_ones) // 2)
    n_decoys = min(DECOYS, len(open_ones) // 10)
    sets = _sets(n_sets, n_decoys, rng)
    background = _background(len(open_ones), n_sets + 3 * n_decoys, rng)
    stream = pd.concat([sets, background], ignore_index=True)
    stream["message"] = np.arange(len(stream))
    again = stream[(rng.random(len(stream)) < DUPLICATES) | stream["twice"]]
    again = again.assign(delay_s=again["delay_s"] + rng.uniform(0.5, 5.0, len(again)), label=-1)
    stream = pd.concat([stream, again], ignore_index=True)
    stream["arrives_s"] = stream["at_s"] + stream["delay_s"]
    stream = stream.sort_values(["arrives_s", "message"], ignore_index=True)
    events = _events(settings, start, stream, customers["customer_id"].array[open_ones], tables["products"])
    acts = stream["label"].to_numpy() >= 0
    label = stream["label"].to_numpy()[acts]
    made = {
        "events": events,
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="events",
            key=events["event_id"].array[acts],
            label=np.array([rule[4] for rule in RULES])[label // 2],
            value=np.where(label % 2, "late", "in time"),
        ),
    }
    return made if settings.block else made | {"rules": _rules(settings)}


def _sets(n_triggers: int, n_decoys: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the events of triggers and decoys: who (position), kind, at_s, delay_s, twice, label.

    `label` is 2 x rule, and 1 more when late, at the last event of a trigger; else -1.
    """
    parts = []
    horizon = HOURS * 3600 - 1200

    def add(
        who: NDArray[np.int64], rule: int, gaps: NDArray, delays: NDArray, twice: bool, label: NDArray
    ) -> None:
        """Add sets whose events are `gaps` s apart, (n, count - 1), and come after `delays` s, (n, count)."""
        n, count = delays.shape
        first: NDArray[np.float64] = rng.uniform(60, horizon, (n,))
        at = first[:, None] + np.column_stack([np.zeros(n), np.cumsum(gaps, axis=1)])
        last = np.tile(np.arange(count) == count - 1, n)
        parts.append(
            pd.DataFrame(
                {
                    "who": np.repeat(who, count),
                    "kind": rule,
                    "product": np.repeat(rng.integers(0, 50, n), count),
                    "at_s": at.ravel(),
                    "delay_s": delays.ravel(),
                    "twice": twice & last,
                    "label": np.where(last, np.repeat(label, count), -1),
                }
            )
        )

    who = np.arange(n_triggers + 3 * n_decoys)
    for rule, (_, count, window_s, _, _) in enumerate(RULES):
        mine = who[rule:n_triggers:2]
        late = rng.random(len(mine)) < LATE_SHARE
        span = rng.uniform(0.6, 0.95, len(mine)) * window_s
        gaps = np.repeat(span[:, None] / (count - 1), count - 1, axis=1)
        delays = rng.uniform(0.2, ON_TIME_S / 2, (len(mine), count))
        in_time = rng.uniform(ON_TIME_S / 2, ON_TIME_S, len(mine))
        delays[:, -1] = np.where(late, rng.uniform(*LATE_S, len(mine)), in_time)
        add(mine, rule, gaps, delays, False, 2 * rule + late)
    nothing = np.full(n_decoys, -1)
    # Two of three events, the second delivered twice.
    repeated = who[n_triggers : n_triggers + n_decoys]
    add(repeated, 0, np.full((n_decoys, 1), 40.0), rng.uniform(0.2, 5, (n_decoys, 2)), True, nothing)
    # Three events in more than the window that arrive in less.
    drawn_in = who[n_triggers + n_decoys : n_triggers + 2 * n_decoys]
    add(
        drawn_in,
        0,
        np.full((n_decoys, 2), 65.0),
        np.tile([ON_TIME_S, 8.0, 0.5], (n_decoys, 1)),
        False,
        nothing,
    )
    # Three events in three times the window: nothing by any clock.
    add(
        who[n_triggers + 2 * n_decoys :],
        0,
        np.full((n_decoys, 2), 180.0),
        np.full((n_decoys, 3), 1.0),
        False,
        nothing,
    )
    return pd.concat(parts, ignore_index=True)


def _background(n_customers: int, n_taken: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return single events of all customers, which fulfil no rule, and heartbeats (`who` -1)."""
    n = min(BACKGROUND, 4 * n_customers)
    beats = HOURS * 3600 // BEAT_S
    single = np.arange(n_taken, n_customers)  # one event of a kind at most: no rule can hold
    single = single[rng.random(len(single)) < 0.3][: BACKGROUND // 5]
    delay = np.where(
        rng.random(n) < 0.01, rng.uniform(*LATE_S, n), rng.uniform(0.05, ON_TIME_S, n) ** 2 / ON_TIME_S
    )
    columns = {
        "who": [rng.integers(0, max(n_customers, 1), n), single, np.full(beats, -1)],
        "kind": [rng.integers(2, 4, n), rng.integers(0, 2, len(single)), np.full(beats, 4)],
        "product": [rng.integers(0, 50, n), rng.integers(0, 50, len(single)), np.full(beats, -1)],
        "at_s": [rng.uniform(0, HOURS * 3600, n), rng.uniform(0, HOURS * 3600, len(single)),
                 np.arange(beats) * float(BEAT_S)],
        "delay_s": [delay, rng.uniform(0.1, ON_TIME_S, len(single)), np.full(beats, 0.05)],
    }  # fmt: skip
    frame = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})
    return frame.assign(twice=False, label=-1)


def _events(
    settings: WorldSettings,
    start: pd.Timestamp,
    stream: pd.DataFrame,
    customer_id: pd.api.extensions.ExtensionArray,
    products: pd.DataFrame,
) -> pd.DataFrame:
    n = len(stream)
    who, product = stream["who"].to_numpy(), stream["product"].to_numpy()
    begin = np.datetime64(start, "us")

    def moment(seconds: pd.Series) -> NDArray[np.datetime64]:
        return begin + (seconds.to_numpy() * 1e6).astype("timedelta64[us]")

    return pd.DataFrame(
        {
            "event_id": ids("YL", n, settings.block),
            "event_type": words(TYPES, stream["kind"].to_numpy()),
            "schema_version": 1.0,
            "customer_id": customer_id.take(who, allow_fill=True),
            "product_id": products["product_id"].array.take(product, allow_fill=True),
            "system_id": repeated("event log", n),
            "occurred_at": moment(stream["at_s"]),
            "received_at": moment(stream["arrives_s"]),
            "payload_json": [f'{{"message": "m{settings.block}-{k:06d}"}}' for k in stream["message"]],
        }
    )


def _rules(settings: WorldSettings) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rule_id": ids("YU", len(RULES)),
            "ruleset": "live",
            "jurisdiction": "any",
            "priority": np.arange(1, len(RULES) + 1),
            "condition_json": [
                json.dumps({"event_type": event, "count": count, "window_s": window, "key": key})
                for event, count, window, key, _ in RULES
            ],
            "outcome_json": [
                json.dumps({"action": rule[4], "allowed_lateness_s": LATENESS_S}) for rule in RULES
            ],
            "owner_role": "head of operations",
            "valid_from": settings.start,
        }
    )
