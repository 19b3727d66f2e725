"""Fallback: a week of three ways to answer a customer, the personal one at times overloaded or broken.

Planted for `balance.fallback`: five-minute loads of the personal, the segment and the default answer
(`system_load`), of which all three ran all the time, so that any policy can be replayed. In the windows of
`WINDOWS` (`truth_shifts`) the personal one is overloaded (slow, some errors; the segment answer suffers a little: they
share a database) or faulty (fast, most requests fail). Averages of the week stay inside any budget. What an answer is
worth is in `events` ("answer shown", tag level;how chosen): for some drawn, for the others the better customers got the
personal one, so that a plain comparison overstates it. `truth_parameters` has the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)  # so that it is made with block 0 only, and never again for others
ONCE = True
PLAY = "balance.fallback"

DAYS, BUCKETS = 7, 288
LEVELS = ("personal answer", "segment answer", "default answer")
VALUE = (1.0, 0.62, 0.25)  # of an answer, to the customers of a draw
P50_MS, P99_MS = (90.0, 40.0, 8.0), (420.0, 160.0, 25.0)
ERRORS = (0.004, 0.001, 0.0)
# kind, begins (day), lasts (h), share of errors, times as slow; and of the segment answer times as slow
WINDOWS = (
    ("overload", 1.55, 4.0, 0.12, 12.0, 2.0),
    ("fault", 3.20, 2.5, 0.75, 0.8, 1.0),
    ("overload", 5.60, 3.0, 0.15, 15.0, 2.5),
    ("fault", 6.10, 1.5, 0.90, 0.8, 1.0),
)
SHOWN = 6_000
DRAWN = 0.25
ALARM = 0.3
BETTER = 0.8  # log: how much more the customers are worth who got the personal answer by choice

PLANTS = (
    Plant(
        play=PLAY,
        what="A week of load, errors and latency of three ways to answer, with some bad hours, and what an answer "
        "of each level brought.",
        why="Averages hide the bad hours, and better customers got the personal answer anyway.",
        tables=("systems", "system_load", "events", "exceptions"),
        truth=("truth_shifts", "truth_parameters"),
        size="WINDOWS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return systems, system_load, events, exceptions, truth_shifts and truth_parameters."""
    size = settings.size(PLAY)
    first = settings.end - pd.Timedelta(days=DAYS)
    systems = pd.DataFrame(
        {
            "system_id": LEVELS,
            "kind": "answer",
            "owner_party": "company",
            "capacity_rps": [12.0, 60.0, 500.0],
            "availability_share": [0.995, 0.999, 0.9999],
            "has_api": True,
        }
    )
    shifts = planted(
        "truth_shifts",
        PLAY,
        subject=LEVELS[0],
        metric=[window[0] for window in WINDOWS],
        kind="burst",
        start_at=[first + pd.Timedelta(days=window[1]).round("5min") for window in WINDOWS],
        end_at=[first + pd.Timedelta(days=window[1], hours=window[2]).round("5min") for window in WINDOWS],
        size=[window[3] * size for window in WINDOWS],
    )
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=[f"value: {level}" for level in LEVELS],
        value=VALUE,
        unit="of a personal one",
    )
    load = _load(first, size, rng)
    return {
        "systems": systems,
        "system_load": load,
        "exceptions": _alarms(load),
        "events": _events(first, rng),
        "truth_shifts": shifts if size > 0 else shifts.iloc[:0],
        "truth_parameters": parameters,
    }


def _load(first: pd.Timestamp, size: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the load of each system in each five minutes."""
    n = DAYS * BUCKETS
    day = np.arange(n) / BUCKETS
    hour = day % 1 * 24
    busy = 1 + 0.8 * np.sin(np.pi * np.clip((hour - 6) / 15, 0, 1))
    errors, slow = np.tile(ERRORS, (n, 1)), np.ones((n, len(LEVELS)))
    for _, begins, lasts, share, times, segment_times in WINDOWS:
        # Both ends on a bucket: a bucket is in the window or not.
        inside = (np.round(day, 6) >= round(begins * BUCKETS) / BUCKETS - 1e-6) & (
            day < round((begins + lasts / 24) * BUCKETS) / BUCKETS - 1e-6
        )
        errors[inside, 0] = np.clip(errors[inside, 0] + share * size, 0, 0.98)
        slow[inside, 0] = times**size
        slow[inside, 1] = segment_times**size
    requests = rng.poisson(np.repeat(600 * busy[:, None], len(LEVELS), axis=1))
    noise = rng.lognormal(0, 0.10, (n, len(LEVELS)))
    code = np.tile(np.arange(len(LEVELS)), n)
    return pd.DataFrame(
        {
            "system_id": words(LEVELS, code),
            "workload": repeated("all", len(code)),
            "bucket_at": np.repeat(first + pd.to_timedelta(np.arange(n) * 5, unit="min"), len(LEVELS)),
            "requests": requests.ravel().astype(float),
            "errors": rng.binomial(requests, errors).ravel().astype(float),
            "throttled": 0.0,
            "latency_p50_ms": np.round((np.array(P50_MS) * slow * noise).ravel(), 1),
            "latency_p99_ms": np.round((np.array(P99_MS) * slow * noise**2).ravel(), 1),
        }
    )


def _alarms(load: pd.DataFrame) -> pd.DataFrame:
    """Return what the monitoring noted: five minutes in which more than `ALARM` of the answers failed."""
    bad = load[load["errors"] > ALARM * load["requests"]]
    return pd.DataFrame(
        {
            "exception_id": ids("XB", len(bad)),
            "occurred_at": bad["bucket_at"].to_numpy(),
            "exception_type": "answer failed",
            "subject_type": "system",
            "subject_id": bad["system_id"].array,
            "alert_at": bad["bucket_at"].to_numpy() + np.timedelta64(5, "m"),
        }
    )


def _events(first: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Return what answers brought: their level drawn for some, chosen by what customers are worth for the others."""
    n = SHOWN
    drawn = rng.random(n) < DRAWN
    worth = rng.normal(0, 1, n)
    chosen = np.digitize(worth + rng.normal(0, 0.7, n), [-0.9, 0.0])  # the best get the personal answer
    level = np.where(drawn, rng.integers(0, len(LEVELS), n), len(LEVELS) - 1 - chosen)
    scale = np.exp(BETTER * worth - BETTER**2 / 2)
    value = np.array(VALUE)[level] * scale * rng.gamma(2.0, 0.5, n)
    at = first + pd.to_timedelta(np.sort(rng.random(n)) * DAYS, unit="D")
    tags = [f"{level};{how}" for level in LEVELS for how in ("chosen", "drawn")]
    return pd.DataFrame(
        {
            "event_id": ids("EVF", n),
            "event_type": repeated("answer shown", n),
            "system_id": words(LEVELS, level),
            "occurred_at": at,
            "received_at": at + pd.Timedelta(seconds=2),
            "value": np.round(value, 3),
            "tags": words(tags, level * 2 + drawn),
        }
    )
