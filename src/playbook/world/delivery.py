"""Shipments: how long they take and which arrive late, with special causes planted on known dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.market import ids

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")

SITES = ("north", "south")
PROMISE_D = 5.0
LOG_SD = 0.32
WEEK_NOISE = 0.045  # common cause shared by all parcels of a week: makes plain p-chart limits too narrow

# site, kind, weeks before the end of the history: start, end, change of mean log transit time
SHIFTS = (
    ("north", "step", 44, 34, 0.22),  # a carrier's strike and its backlog
    ("south", "step", 16, 0, 0.22),  # a new sorting line that never settled
    ("north", "trend", 12, 0, 0.16),  # slow growth of volume above capacity
)


def drift(site: np.ndarray, weeks_left: np.ndarray, effect: float) -> np.ndarray:
    """Return the planted change of mean log transit time for each parcel, (n,)."""
    total = np.zeros(len(site))
    for where, kind, start, end, size in SHIFTS:
        inside = (site == where) & (weeks_left <= start) & (weeks_left > end)
        share = (start - weeks_left) / (start - end) if kind == "trend" else 1.0
        total += np.where(inside, size * effect * share, 0.0)
    return total


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return shipments and truth_shifts."""
    orders = tables["orders"]
    n = len(orders)
    region = orders["customer_id"].map(tables["customers"].set_index("customer_id")["region_id"])
    site = np.where(region.isin(["R1", "R2"]) ^ (rng.random(n) < 0.05), SITES[0], SITES[1])
    ordered = orders["ordered_at"].to_numpy()
    week = (ordered - np.datetime64(settings.start, "us")) // np.timedelta64(7, "D")
    week_effect = rng.normal(0, WEEK_NOISE, (len(SITES), settings.days // 7 + 1))
    weeks_left = np.asarray((np.datetime64(settings.end, "us") - ordered) / np.timedelta64(7, "D"))
    log_mean = np.log(3.2) + week_effect[(site == SITES[1]).astype(int), week.astype(int)]
    transit_d = np.exp(log_mean + drift(site, weeks_left, settings.effect) + rng.normal(0, LOG_SD, n))
    pick_d = rng.gamma(2.0, 0.15, n)
    hour = np.timedelta64(3_600_000_000, "us")
    dispatched = ordered + (pick_d * 24 * hour).astype("timedelta64[us]")
    delivered = ordered + ((pick_d + transit_d) * 24 * hour).astype("timedelta64[us]")
    under_way = delivered >= np.datetime64(settings.end, "us")
    shipments = pd.DataFrame(
        {
            "shipment_id": ids("S", n),
            "order_id": orders["order_id"],
            "customer_id": orders["customer_id"],
            "site_id": site,
            "promised_at": ordered + np.timedelta64(int(PROMISE_D), "D"),
            "dispatched_at": dispatched,
            "delivered_at": np.where(under_way, np.datetime64("NaT"), delivered),
            "items_correct": rng.random(n) > 0.015,
        }
    )
    truth = pd.DataFrame(
        [
            (
                site_id,
                "log transit time",
                kind,
                settings.end - pd.Timedelta(weeks=start),
                settings.end - pd.Timedelta(weeks=end),
                size * settings.effect,
            )
            for site_id, kind, start, end, size in SHIFTS
        ],
        columns=["subject", "metric", "kind", "start_at", "end_at", "size"],
    )
    return {"shipments": shipments, "truth_shifts": truth}
