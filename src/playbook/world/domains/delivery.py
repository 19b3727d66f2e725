"""Shipments: how long they take and which arrive late, with special causes planted on known dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local
from playbook.world.truth import planted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")

SITES = ("north", "south")
NORTH = ("R1", "R2")
LOG_SD = 0.32
WEEK_NOISE = 0.045  # common cause shared by all parcels of a week: makes plain p-chart limits too narrow

# site, kind, weeks before the end of the history: start, end, change of mean log transit time
SHIFTS = (
    ("north", "step", 44, 34, 0.22),  # a carrier's strike and its backlog
    ("south", "step", 16, 0, 0.22),  # a new sorting line that never settled
    ("north", "trend", 12, 0, 0.16),  # slow growth of volume above capacity
)


def drift(site: NDArray[np.int64], weeks_left: NDArray[np.float64], effect: float) -> NDArray[np.float64]:
    """Return the planted change of mean log transit time of each parcel, (n,); `site` is a position in `SITES`."""
    total = np.zeros(len(site))
    for where, kind, start, end, size in SHIFTS:
        inside = (site == SITES.index(where)) & (weeks_left <= start) & (weeks_left > end)
        share = (start - weeks_left) / (start - end) if kind == "trend" else 1.0
        total += np.where(inside, size * effect * share, 0.0)
    return total


def parcels(
    settings: WorldSettings,
    customers: pd.DataFrame,
    who: NDArray[np.int64],
    at: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how each order travels: site (position in `SITES`), promised_at, dispatched_at, delivered_at, is_late.

    `who` is the customer's position and `at` the moment of each order, both (n,). `delivered_at` may lie after the
    end of the history.
    """
    n, preset = len(who), settings.preset
    is_north = customers["region_id"].isin(NORTH).to_numpy()[who]
    site = (is_north ^ (rng.random(n) >= 0.05)).astype(np.int64)
    week = (at - np.datetime64(settings.start, "us")) // np.timedelta64(7, "D")
    week_effect = rng.normal(0, WEEK_NOISE, (len(SITES), settings.days // 7 + 1))
    weeks_left = np.asarray((np.datetime64(settings.end, "us") - at) / np.timedelta64(7, "D"))
    log_mean = np.log(preset.transit_d) + week_effect[site, week.astype(int)]
    transit_d = np.exp(log_mean + drift(site, weeks_left, settings.effect) + rng.normal(0, LOG_SD, n))
    pick_d = rng.gamma(2.0, 0.15, n)
    day = 86_400e6
    promised = at + np.timedelta64(int(preset.promise_d * day), "us")
    delivered = at + ((pick_d + transit_d) * day).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "site": site,
            "promised_at": promised,
            "dispatched_at": at + (pick_d * day).astype("timedelta64[us]"),
            "delivered_at": delivered,
            "is_late": delivered > promised,
        }
    )


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return shipments and truth_shifts."""
    orders, sent = tables["orders"], tables["_parcels"]
    n = len(orders)
    end = np.datetime64(settings.end, "us")
    sites = [local(site, settings.block) for site in SITES]
    shipments = pd.DataFrame(
        {
            "shipment_id": ids("S", n, settings.block),
            "order_id": orders["order_id"],
            "customer_id": orders["customer_id"],
            "site_id": pd.array(sites, dtype="str").take(sent["site"].to_numpy()),
            "promised_at": sent["promised_at"],
            "dispatched_at": sent["dispatched_at"],
            "delivered_at": sent["delivered_at"].where(sent["delivered_at"] < end),
            "items_correct": rng.random(n) > 0.015,
        }
    )
    truth = planted(
        "truth_shifts",
        "measure.control_charts",
        subject=[local(shift[0], settings.block) for shift in SHIFTS],
        metric="log transit time",
        kind=[shift[1] for shift in SHIFTS],
        start_at=[settings.end - pd.Timedelta(weeks=shift[2]) for shift in SHIFTS],
        end_at=[settings.end - pd.Timedelta(weeks=shift[3]) for shift in SHIFTS],
        size=[shift[4] * settings.effect for shift in SHIFTS],
    )
    return {"shipments": shipments, "truth_shifts": truth}
