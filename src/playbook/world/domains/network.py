"""Where stock lies, and the lanes from there to each market.

What a lane is declared to do (`transit_mean_h`, `transit_sd_h`, `capacity_orders_d`) is what it was agreed to do; what it
does is in `shipments`. The difference is planted in `delivery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS
from playbook.world.domains.delivery import LOG_SD, OPTIONS, SITES, lane_names
from playbook.world.domains.market import REGIONS
from playbook.world.keys import local
from playbook.world.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders")

PLACES = {
    "central": (0, 52.5, -1.4),
    "north": (0, 53.8, -1.5),
    "south": (2, 48.9, 2.3),
}  # market, latitude, longitude
ROOM_WEEKS = 6.0  # of sales
SPARE = 1.25  # capacity over the mean of orders
FIXED_AMT = {"day": 4.2, "evening": 5.6}
FAR = np.array([1.0, 1.1, 1.2, 1.9, 2.4])  # cost of carriage to each market
PER_KG_AMT = 0.35
CUTOFF = {"day": "15:00", "evening": "18:00"}


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return sites and lanes."""
    sent = tables["_parcels"]
    units_week = tables["order_lines"]["qty_ordered"].sum() / settings.days * 7
    share = np.bincount(sent["site"], minlength=len(SITES)) / max(len(sent), 1)
    share_of = {"central": 1.0, **dict(zip(SITES, share, strict=True))}
    sites = pd.DataFrame(
        [
            {
                "site_id": local(name, settings.block),
                "kind": "warehouse",
                "region_id": REGIONS[market] if MARKETS[market][0] in settings.regions else None,
                "owner_party": "company",
                "timezone": MARKETS[market][2],
                "capacity_units": np.ceil(ROOM_WEEKS * units_week * share_of[name]),
                "capacity_h_week": np.ceil(len(sent) / settings.days * 7 * share_of[name] * SPARE * 0.2),
                "lat_deg": latitude,
                "lon_deg": longitude,
            }
            for name, (market, latitude, longitude) in PLACES.items()
        ]
    )
    return {"sites": sites, "lanes": _lanes(settings, sent)}


def _lanes(settings: WorldSettings, sent: pd.DataFrame) -> pd.DataFrame:
    """Return the lanes to markets where the company sells."""
    lane = np.arange(len(lane_names()))
    site, market, option = np.unravel_index(lane, (len(SITES), len(REGIONS), len(OPTIONS)))
    orders_d = np.bincount(sent["lane"], minlength=len(lane)) / settings.days
    median_h = settings.preset.transit_d * 24
    far = FAR[market] * np.where((market >= 2) == (site == 1), 1.0, 1.3)
    lanes = pd.DataFrame(
        {
            "lane_id": [local(name, settings.block) for name in lane_names()],
            "from_site_id": [local(SITES[s], settings.block) for s in site],
            "to_region_id": words(REGIONS, market),
            "option": words(OPTIONS, option),
            "mode": np.where(market >= 3, "air", "road"),
            "cutoff_time": [CUTOFF[OPTIONS[o]] for o in option],
            "capacity_orders_d": np.ceil(orders_d * SPARE),
            "transit_mean_h": np.round(median_h * np.exp(LOG_SD**2 / 2), 1),
            "transit_sd_h": np.round(median_h * LOG_SD, 1),
            "fixed_amt": np.round(np.array([FIXED_AMT[OPTIONS[o]] for o in option]) * far, 2),
            "per_kg_amt": np.round(PER_KG_AMT * far, 2),
        }
    )
    is_served = np.array([entry[0] in settings.regions for entry in MARKETS])[market]
    return lanes[is_served].reset_index(drop=True)
