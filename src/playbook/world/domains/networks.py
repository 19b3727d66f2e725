"""How long a reading travels from a customer's site to where it is computed.

Planted for `unify.edge_or_central`: probes at sites in each market send readings to a box beside them, to a centre in
the region and to the headquarters. Delays are a mixture of two lognormals, an ordinary one and a burst (`BURST_SHARE`
of readings take `BURST_FACTOR` times as long), while the play's queue takes a fixed network delay and exponential
service. `systems` declares what one trip takes on a good day; the size multiplies the excess over it and the share of
bursts. With size 0 a trip takes what is declared, but for a little noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import normal_cdf
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAY = "unify.edge_or_central"
PLACES = ("edge", "regional", "central")
DECLARED_MS = (2.0, 12.0, 18.0)  # of one trip
EXCESS = (0.1, 0.4, 0.8)  # log of the median over what is declared, on an average line
BURST_SHARE = (0.002, 0.02, 0.03)
BURST_FACTOR = 8.0
DISTANCE = {"R1": 0.3, "R2": 1.0, "R3": 0.9, "R4": 2.2, "R5": 3.2}  # of a market from the headquarters
NEAR = {"R1": 0.8, "R2": 0.9, "R3": 0.9, "R4": 1.0, "R5": 1.8}  # of its sites from the centre of its region
LOG_SD, BURST_LOG_SD, QUIET_LOG_SD = 0.25, 0.4, 0.03
READINGS = 450  # per market and place
CAPACITY_RPS = (60.0, 400.0, 3_000.0)
RUN_AMT = (90.0, 2_600.0, 16_000.0)  # of a box, of a centre, of the headquarters, a month

PLANTS = (
    Plant(
        play=PLAY,
        what="Probes at customers' sites measure what a trip to the box beside them, to the region's centre and to the "
        "headquarters takes. Lines differ by market and have bursts.",
        why="Declared delays are those of a good day, and a mean hides the bursts that a latency target is about.",
        tables=("src_iot_readings", "systems", "regions"),
        truth=("truth_parameters",),
        size="EXCESS and BURST_SHARE x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return systems, src_iot_readings and truth_parameters."""
    regions = tables["regions"]["region_id"].to_numpy()
    lines = pd.DataFrame(
        [
            (region, place, *_line(region, place, settings.size(PLAY)))
            for region in regions
            for place in range(3)
        ],
        columns=["region_id", "place", "median_ms", "log_sd", "bursts"],
    )
    return {
        "systems": _systems(regions),
        "src_iot_readings": _readings(settings, lines, rng),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=[
                f"{region} to {PLACES[place]}: {mark}"
                for region, place in zip(lines["region_id"], lines["place"], strict=True)
                for mark in ("median", "99th percentile")
            ],
            value=[_quantile(line, share) for line in lines.itertuples() for share in (0.5, 0.99)],
            unit="ms",
        ),
    }


def _line(region: str, place: int, size: float) -> tuple[float, float, float]:
    """Return the median (ms), the log sd and the share of bursts of one line."""
    far = (1.0, NEAR[region], DISTANCE[region])[place]
    bursts = min(BURST_SHARE[place] * far * size, 0.4)
    log_sd = QUIET_LOG_SD + (LOG_SD - QUIET_LOG_SD) * min(size, 1.0)
    return DECLARED_MS[place] * np.exp(EXCESS[place] * far * size), log_sd, bursts


def _quantile(line, share: float) -> float:
    """Return a quantile of the mixture, by bisection on the log scale."""
    low, high = np.log(line.median_ms) - 3, np.log(line.median_ms) + 6
    for _ in range(40):
        middle = (low + high) / 2
        usual = (middle - np.log(line.median_ms)) / line.log_sd
        burst = (middle - np.log(line.median_ms * BURST_FACTOR)) / BURST_LOG_SD
        below = (1 - line.bursts) * normal_cdf(usual) + line.bursts * normal_cdf(burst)
        low, high = (middle, high) if below < share else (low, middle)
    return float(np.exp(low))


def _systems(regions: np.ndarray) -> pd.DataFrame:
    """Return where readings can be computed: a box and a centre per market, and the headquarters."""
    rows = [(f"{PLACES[k]} {region}", k, region) for region in regions for k in (0, 1)]
    rows.append(("central computing", 2, None))
    place = np.array([row[1] for row in rows])
    return pd.DataFrame(
        {
            "system_id": [row[0] for row in rows],
            "kind": np.array(PLACES)[place],
            "owner_party": "company",
            "region_id": pd.array([row[2] for row in rows], dtype="str"),
            "capacity_rps": np.array(CAPACITY_RPS)[place],
            "network_ms": np.array(DECLARED_MS)[place],
            "availability_share": 0.999,
            "run_amt_month": np.array(RUN_AMT)[place],
            "has_api": True,
        }
    )


def _readings(settings: WorldSettings, lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    line = np.repeat(np.arange(len(lines)), READINGS)
    n = len(line)
    burst = rng.random(n) < lines["bursts"].to_numpy()[line]
    log_sd = np.where(burst, BURST_LOG_SD, lines["log_sd"].to_numpy()[line])
    delay_ms = lines["median_ms"].to_numpy()[line] * np.where(burst, BURST_FACTOR, 1.0)
    delay_ms = delay_ms * np.exp(log_sd * rng.normal(0, 1, n))
    last_s = int(settings.end.timestamp())
    sent_ms = 1000 * (last_s - rng.integers(3600, 7 * 86_400, n))
    got_us = (1000 * (sent_ms + delay_ms)).astype(np.int64)
    probes = [f"probe {region} {k}" for region in lines["region_id"] for k in range(1, 4)]
    return pd.DataFrame(
        {
            "row_no": ids("YN", n),
            "device_id": words(probes, 3 * line + rng.integers(0, 3, n)),
            "metric": words([f"trip to {place}" for place in PLACES], lines["place"].to_numpy()[line]),
            "value": pd.Series(np.arange(n) % 1000).astype("str"),
            "unit": repeated("sequence number", n),
            "measured_at": pd.Series(sent_ms // 1000).astype("str"),
            "received_at": pd.Series(got_us // 1_000_000).astype("str")
            + "."
            + pd.Series(got_us % 1_000_000).astype("str").str.zfill(6),
            "extracted_at": settings.end,
        }
    )
