"""What the systems had to bear: growth towards a limit that nobody measured, and analytics beside transactions.

Planted:

- `sustain.architecture_review`: throughput of each system in `SCALING` follows the universal scalability law in the
  requests that are in work at a moment; contention and crosstalk are multiplied by the size. The CRM is the one that
  nears its peak. Within five minutes concurrency fluctuates (gamma, `WITHIN_CV`), so what is recorded is a mean over
  the curve and no point of it, with multiplicative noise on top.
- `unify.compute_allocation`: transactions and analytics share one server of the order system, first come first
  served (a Lindley recursion over single requests). Transactions take lognormal times, analytics gamma times: neither
  exponential nor of one family. `breaking load` in the truth is the rate of analytics at which the transactions' 99th
  percentile reaches `TARGET_MS`; it is computed from the Pollaczek-Khinchine transform, not simulated. The load in
  the record stays below `SEEN` of it. The size multiplies the length of analytics.
"""

from __future__ import annotations

from math import gamma
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

REVIEW, ALLOCATION = "sustain.architecture_review", "unify.compute_allocation"

# system: contention, crosstalk, requests a second of one at a time, concurrency at the start and end of the history
SCALING = {
    "crm": (0.03, 0.00012, 2.1, 14.0, 74.0),
    "erp": (0.02, 0.00002, 2.6, 18.0, 34.0),
    "web": (0.004, 0.000004, 6.0, 30.0, 75.0),
}
WITHIN_CV = 0.15
THROUGHPUT_NOISE = 0.02
GROWTH_NOISE = 0.20  # log sd of concurrency around its growth

BUCKET_S = 300.0
BUCKETS = 80
TRANSACTION_S, TRANSACTION_SHAPE = 0.10, 1.3
ANALYTICS_S = 0.25  # mean of all jobs
LONG_SHARE, LONG_FACTOR = 0.2, 2.5  # of the jobs; their length against the mean
SHORT_FACTOR = (1 - LONG_SHARE * LONG_FACTOR) / (1 - LONG_SHARE)
TRANSACTION_RPS = 3.0
TARGET_MS = 2_500.0
SEEN = 0.8
CORE_SHARE = 0.97  # of a busy second that is processor time

PLANTS = (
    Plant(
        play=REVIEW,
        what="Systems grow with the business; each has a law of how throughput follows the requests in work, and one "
        "of them is close to the point where more work means less output. Private exports hang on it.",
        why="Declared capacity and last year's straight line say that there is room.",
        tables=("systems", "system_load", "dependencies"),
        truth=("truth_parameters",),
        size="contention and crosstalk of SCALING x size",
    ),
    Plant(
        play=ALLOCATION,
        what="Analytics runs on the server of the order system; transactions wait behind its long jobs. There is a "
        "rate of analytics at which the transactions' percentile breaks the target.",
        why="Means and utilisation still look healthy at that rate.",
        tables=("systems", "system_load"),
        truth=("truth_parameters",),
        size="ANALYTICS_S x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return system_load and truth_parameters."""
    growth, growth_truth = _growth(settings, rng)
    shared, shared_truth = _shared_server(settings, rng)
    return {
        "system_load": pd.concat([growth, shared], ignore_index=True),
        "truth_parameters": pd.concat([growth_truth, shared_truth], ignore_index=True),
    }


# How far the systems are from their limits.


def _growth(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    size = settings.size(REVIEW)
    weeks = settings.days // 7
    at = settings.start + pd.to_timedelta(np.arange(weeks) * 7 * 24 + 10, unit="h")
    frames, truth = [], []
    for system, (contention, crosstalk, alone, first, last) in SCALING.items():
        level = np.exp(np.linspace(np.log(first), np.log(last), weeks) + rng.normal(0, GROWTH_NOISE, weeks))
        inside = level[:, None] * rng.gamma(WITHIN_CV**-2, WITHIN_CV**2, (weeks, 30))
        sigma, kappa = contention * size, crosstalk * size
        rate = alone * inside / (1 + sigma * (inside - 1) + kappa * inside * (inside - 1)).clip(0.05)
        throughput = rate.mean(axis=1) * np.exp(rng.normal(0, THROUGHPUT_NOISE, weeks))
        held = inside.mean(axis=1)
        frames.append(
            pd.DataFrame(
                {
                    "system_id": system,
                    "workload": "all",
                    "bucket_at": at,
                    "requests": np.round(throughput * BUCKET_S),
                    "errors": rng.poisson(throughput * BUCKET_S * 0.001).astype(float),
                    "latency_p50_ms": np.round(1000 * held / throughput, 1),
                    "concurrency": np.round(held, 2),
                }
            )
        )
        names = {f"{system}: contention": sigma, f"{system}: crosstalk": kappa, f"{system}: alone": alone}
        if kappa > 0:
            names[f"{system}: concurrency at the peak"] = np.sqrt((1 - sigma) / kappa)
        truth.append(planted("truth_parameters", REVIEW, name=list(names), value=list(names.values())))
    return pd.concat(frames, ignore_index=True), pd.concat(truth, ignore_index=True)


# One server, two kinds of work.


def _shared_server(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    size = settings.size(ALLOCATION)
    breaking = breaking_load(ANALYTICS_S * size) if size > 0 else np.nan
    top = SEEN * breaking if size > 0 else 1.0
    rates = np.stack([np.full(BUCKETS, TRANSACTION_RPS), rng.uniform(0.1, 1.0, BUCKETS) * top])
    counts = rng.poisson(rates * BUCKET_S)
    bucket = np.concatenate([np.repeat(np.arange(BUCKETS), row) for row in counts])
    kind = np.repeat([0, 1], counts.sum(axis=1))
    at = (bucket + rng.random(len(bucket))) * BUCKET_S
    order = np.argsort(at, kind="stable")
    bucket, kind, at = bucket[order], kind[order], at[order]
    service = _service(kind, ANALYTICS_S * size, rng)
    latency = waits(at, service) + service
    start = settings.end - pd.Timedelta(seconds=BUCKETS * BUCKET_S)
    frames = [
        _buckets(workload, start, bucket[kind == k], service[kind == k], latency[kind == k])
        for k, workload in enumerate(("transactional", "analytics"))
    ]
    names = {"transactional load": TRANSACTION_RPS, "target of the 99th percentile": TARGET_MS}
    if size > 0:
        names["breaking load of analytics"] = breaking
    units = {"target of the 99th percentile": "ms"}
    truth = planted(
        "truth_parameters",
        ALLOCATION,
        name=list(names),
        value=list(names.values()),
        unit=[units.get(name, "1/s") for name in names],
    )
    return pd.concat(frames, ignore_index=True), truth


def _service(kind: NDArray[np.int64], analytics_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the service time (s) of each request."""
    n = len(kind)
    short = _weibull_scale() * rng.weibull(TRANSACTION_SHAPE, n)
    long = rng.random(n) < LONG_SHARE
    mean = analytics_s * np.where(long, LONG_FACTOR, SHORT_FACTOR)
    return np.where(kind == 0, short, rng.exponential(1.0, n) * mean)


def _weibull_scale() -> float:
    return TRANSACTION_S / gamma(1 + 1 / TRANSACTION_SHAPE)


def waits(at: NDArray[np.float64], service: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how long each request waits for one server, first come first served (Lindley's recursion)."""
    walk = np.concatenate([[0.0], np.cumsum(service[:-1] - np.diff(at))])
    return walk - np.minimum.accumulate(walk)


def _buckets(
    workload: str,
    start: pd.Timestamp,
    bucket: NDArray[np.int64],
    service: NDArray[np.float64],
    latency: NDArray[np.float64],
) -> pd.DataFrame:
    """Return the record of one kind of work; requests come in order of their bucket."""
    edges = np.searchsorted(bucket, np.arange(BUCKETS + 1))
    count = np.diff(edges)
    seen = count > 0
    total = np.bincount(bucket, service, BUCKETS)
    square = np.bincount(bucket, service**2, BUCKETS)
    mean = total / np.maximum(count, 1)
    variance = square / np.maximum(count, 1) - mean**2
    ordered = np.append(latency[np.lexsort((latency, bucket))], np.nan)
    marks = [ordered[edges[:-1] + (share * (count - 1)).clip(0).astype(np.int64)] for share in (0.5, 0.99)]
    held = np.bincount(bucket, latency, BUCKETS) / BUCKET_S
    frame = pd.DataFrame(
        {
            "system_id": "order system",
            "workload": workload,
            "bucket_at": start + pd.to_timedelta(np.arange(BUCKETS) * BUCKET_S, unit="s"),
            "requests": count.astype(float),
            "errors": 0.0,
            "throttled": 0.0,
            "service_mean_ms": np.round(1000 * mean, 2),
            "service_scv": np.round(variance / np.maximum(mean, 1e-9) ** 2, 3),
            "latency_p50_ms": np.round(1000 * marks[0], 1),
            "latency_p99_ms": np.round(1000 * marks[1], 1),
            "concurrency": np.round(held, 3),
            "cpu_s": np.round(total * CORE_SHARE, 2),
        }
    )
    return frame[seen].reset_index(drop=True)


def breaking_load(analytics_s: float) -> float:
    """Return the analytics requests a second at which the transactions' 99th percentile reaches the target."""
    low, high = 0.0, 0.98 * (1 - TRANSACTION_RPS * TRANSACTION_S) / analytics_s
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if _share_late(middle, analytics_s) > 0.01 else (middle, high)
    return (low + high) / 2


def _share_late(rate: float, analytics_s: float) -> float:
    """Return P(wait + service > target) of a transaction by inverting the Pollaczek-Khinchine transform on a grid."""
    step, points = 0.01, 4096
    grid = (np.arange(points) + 0.5) * step
    scale = _weibull_scale()
    late = np.exp(-((grid / scale) ** TRANSACTION_SHAPE))
    late_long = LONG_SHARE * np.exp(-grid / (LONG_FACTOR * analytics_s))
    late_long += (1 - LONG_SHARE) * np.exp(-grid / (SHORT_FACTOR * analytics_s))
    load = TRANSACTION_RPS * TRANSACTION_S + rate * analytics_s
    left = TRANSACTION_RPS * late + rate * late_long  # density of the time left of the job in service
    left = np.fft.rfft(left / left.sum(), 2 * points)
    wait = np.fft.irfft((1 - load) / (1 - load * left), 2 * points)[:points]
    rest = TARGET_MS / 1000 - np.arange(points) * step
    own_late = np.where(rest > 0, np.exp(-((rest.clip(0) / scale) ** TRANSACTION_SHAPE)), 1.0)
    return float(1 - wait.sum() + (wait * own_late).sum())
