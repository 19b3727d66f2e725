"""Four weeks of platform events, of which the log kept a sample.

Planted for `unify.event_schema`: a platform writes events in traces (one use of it). The log keeps an ordinary trace
with the chance in `HEAD_RATE` (to the power of the size; size 0 keeps all), decided at its start, so that events of a
trace are kept or lost together; a trace that ends in a failure is always kept (tail sampling). Every event says how
it was sampled, under a name that depends on the version of its schema. One platform stamped version 2 on events of
version 1 in its last week (`WRONG_VERSION` of them, times the defects). The truth holds the number of all events that
happened, per platform and type; the length of traces is a gamma mixture of Poisson numbers, with the variance of
neither simple sampling formula.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "unify.event_schema"
CUSTOMERS = 2_500  # at most, per division
WEEKS = 4
TRACES_WEEK = 1.5  # of a customer
PLATFORMS = ("app", "kiosk", "partner api")
PLATFORM_SHARES = (0.6, 0.25, 0.15)
HEAD_RATE = (0.10, 0.20, 0.10)
WRONG_VERSION, WRONG_PLATFORM = 0.25, 2
TYPES = ("stock_check", "advice_request", "offer_view", "basket_change", "failure")
TAGS = ("need", "need;trust", "interest", "interest;effort", "effort;moment of truth")
EVENTS_MEAN = (2.0, 0.5, 1.5, 1.0)  # of each type but failures, in an average trace
LENGTH_SHAPE = 0.7  # gamma: some traces are very long
FAILS = 0.04  # of traces
DURATIONS_MS = (40, 90, 160, 280, 450, 700, 1100, 1900, 3200, 6000)

PLANTS = (
    Plant(
        play=PLAY,
        what="The log of three platforms was sampled to stay within its budget: ordinary traces at the head, failed "
        "ones always. Two versions of each event's schema are in it, and some events bear the wrong one.",
        why="Counting what is there counts failures whole and everything else in part; events of one trace were kept "
        "together, so a formula for single events is too sure.",
        tables=("events",),
        truth=("truth_parameters", "truth_labels"),
        size="HEAD_RATE to the power of size; WRONG_VERSION x defects x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events and their truth."""
    customers = tables["customers"]
    end = np.datetime64(settings.end, "us")
    start = end - np.timedelta64(7 * WEEKS, "D")
    open_ones = np.flatnonzero(
        (customers["created_at"].to_numpy() < start) & customers["closed_at"].isna().to_numpy()
    )
    open_ones = open_ones[:CUSTOMERS]
    n = int(rng.poisson(TRACES_WEEK * WEEKS * len(open_ones)))
    platform = pick(PLATFORM_SHARES, n, rng)
    length = rng.gamma(LENGTH_SHAPE, 1 / LENGTH_SHAPE, n)
    counts = rng.poisson(length[:, None] * np.array(EVENTS_MEAN))
    fails = rng.random(n) < FAILS
    counts = np.column_stack([counts, fails])
    rate = np.where(fails, 1.0, np.array(HEAD_RATE)[platform] ** settings.size(PLAY))
    kept = np.flatnonzero(rng.random(n) < rate)
    events = _events(
        settings,
        pd.DataFrame({"platform": platform, "rate": rate}).iloc[kept],
        counts[kept],
        rng,
    )
    who = open_ones[rng.integers(0, max(len(open_ones), 1), len(kept))]
    made, wrong = events
    made["customer_id"] = customers["customer_id"].array.take(who[made.pop("trace")])
    totals = np.stack(
        [np.bincount(platform, counts[:, k], len(PLATFORMS)) for k in range(len(TYPES))], axis=1
    )
    return {
        "events": made,
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=[f"{platform}: {kind}" for platform in PLATFORMS for kind in TYPES],
            value=totals.ravel(),
            unit="events in four weeks",
        ),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="events",
            key=made["event_id"].array[wrong],
            label="wrong version",
            value="1",
        ),
    }


def _events(
    settings: WorldSettings, traces: pd.DataFrame, counts: NDArray[np.int64], rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return the events of kept traces, and which bear the wrong version; `counts`: of each trace and type."""
    n = len(traces)
    trace, kind = (np.repeat(grid.ravel(), counts.ravel()) for grid in np.indices(counts.shape))
    m = len(trace)
    minute = rng.integers(0, WEEKS * 7 * 1440, n)
    second = minute[trace] * 60 + np.floor(rng.exponential(90.0, m)).astype(np.int64)
    second = np.minimum(second, WEEKS * 7 * 86_400 - 1)
    platform = traces["platform"].to_numpy()[trace]
    is_first = second < WEEKS * 7 * 86_400 // 2  # version 2 came halfway
    chance = WRONG_VERSION * min(settings.defects * settings.size(PLAY), 2.0)
    last_week = second >= (WEEKS - 1) * 7 * 86_400
    wrong = (platform == WRONG_PLATFORM) & last_week & (rng.random(m) < chance)
    duration = rng.integers(0, len(DURATIONS_MS), m)
    rates, code = np.unique(traces["rate"].to_numpy(), return_inverse=True)
    body = np.where(is_first | wrong, 0, 1)
    texts = [
        _payload(version, float(rate), ms, failed)
        for version in (1, 2)
        for rate in rates
        for ms in DURATIONS_MS
        for failed in (False, True)
    ]
    position = ((body * len(rates) + code[trace]) * len(DURATIONS_MS) + duration) * 2 + (
        kind == len(TYPES) - 1
    )
    key = ids("YT", n, settings.block).array
    at = np.datetime64(settings.end, "us") - np.timedelta64(7 * WEEKS, "D") + second.astype("timedelta64[s]")
    frame = pd.DataFrame(
        {
            "event_id": ids("YE", m, settings.block),
            "event_type": words(TYPES, kind),
            "schema_version": np.where(is_first, 1.0, 2.0),
            "subject_type": repeated("trace", m),
            "subject_id": key.take(trace),
            "system_id": words(PLATFORMS, platform),
            "occurred_at": at,
            "tags": words(TAGS, kind),
            "payload_json": words(texts, position) if m else pd.array([], dtype="str"),
            "trace": trace,
        }
    )
    return frame, wrong


def _payload(version: int, rate: float, ms: int, failed: bool) -> str:
    if version == 1:
        return json.dumps({"ms": ms, "ok": not failed, "kept_percent": round(100 * rate, 4)})
    return json.dumps(
        {"duration_ms": ms, "outcome": "failed" if failed else "done", "sample_rate": round(rate, 6)}
    )
