"""Shipments: how long they take, by market, tier and lane; which come late, and which at the hour agreed.

Planted, each scaled by its play's size:

- Special causes in transit times, on the dates of `SHIFTS`; weeks share a common cause (`WEEK_NOISE`), so that
  binomial limits are too narrow (measure.control_charts).
- Fulfilment times differ between markets in median and in spread (`TRANSIT`, `TRANSIT_LOG_SD`) and grow with the orders
  of the day (`LOAD_POWER`). Since `LOAD_WEEKS` before the end the smallest market waits longer, by `LOAD_SHARE` of a
  usual transit; what is promised there was moved with it, so that lateness says nothing. Times are a sum of gamma and
  lognormal parts: no quantile of them is linear in anything (balance.lead_time_quotes).
- The time to dispatch follows the season, the tier and the lane: some lanes are slow or fast (`LANE_EFFECT`), and
  evening lanes look fast because they carry the better tiers (measure.benchmarks).
- The share of parcels that miss the hours agreed with the customer, `MISSED`, doubles and more in two markets for a
  quarter (`OUT_OF_CONTROL`); customers differ in how strict their hours are (define.deviation_limits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.market import REGIONS
from playbook.world.domains.wishes import followed
from playbook.world.keys import ids, local, position
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")

DAY_US = 86_400_000_000

SITES = ("north", "south")
SOUTH = np.array([False, False, True, True, True])  # markets served from there, in the order of `REGIONS`
OTHER_SITE = 0.05  # of parcels leave from the site that is not the market's
OPTIONS = ("day", "evening")
EVENING = np.array([0.70, 0.40, 0.10])  # chance of the evening lane, by tier
LOG_SD = 0.32
WEEK_NOISE = 0.045  # common cause shared by all parcels of a week: makes plain p-chart limits too narrow
WRONG = 0.015  # of parcels hold something else than what was ordered

# site, kind, weeks before the end of the history: start, end, change of mean log transit time
SHIFTS = (
    ("north", "step", 44, 34, 0.22),  # a carrier's strike and its backlog
    ("south", "step", 16, 0, 0.22),  # a new sorting line that never settled
    ("north", "trend", 12, 0, 0.16),  # slow growth of volume above capacity
)

QUOTES = "balance.lead_time_quotes"
TRANSIT = np.log([1.00, 0.88, 1.08, 1.25, 1.50])  # of the median, by market
TRANSIT_LOG_SD = np.array([0.29, 0.25, 0.33, 0.37, 0.46])
PROMISE_Z = 1.3  # what is promised keeps pace with the spread: late parcels are about as frequent everywhere
LOAD_POWER = 0.8  # of the day's orders against the week's, on the time until dispatch
LOAD_WEEKS = 30  # before the end
LOAD_SHARE = 0.35  # of the median transit time
LOAD_SHAPE = 16.0

BENCHMARKS = "measure.benchmarks"
TIER_EFFECT = np.array([-0.70, -0.35, 0.0])  # on log time to dispatch
SEASON_EFFECT = 1.5  # amplitude on log time to dispatch, for each unit of the industry's season
LANE_EFFECT = {
    "north-R1-evening": 0.22,
    "south-R3-day": 0.22,
    "south-R4-evening": -0.22,
    "north-R2-day": -0.22,
}

LIMITS = "define.deviation_limits"
MISSED = 0.06
STRICT_SHAPE = 2.0  # gamma over customers
OUT_OF_CONTROL = (
    (-1, 39, 26, 2.2),
    (-2, 26, 13, 1.8),
)  # market counted from the last, weeks before the end, factor


def lane_names() -> list[str]:
    """Return the name of each lane: site, market and option, in the order of `_parcels.lane`."""
    return [f"{site}-{region}-{option}" for site in SITES for region in REGIONS for option in OPTIONS]


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
    """Return how each order travels: customer (position), site (in `SITES`), lane (in `lane_names`), promised_at,
    dispatched_at, delivered_at, is_late.

    `who` is the customer's position and `at` the moment of each order, both (n,). `delivered_at` may lie after the
    end of the history.
    """
    n, preset, size = len(who), settings.preset, settings.size(QUOTES)
    region = position(customers["region_id"], REGIONS)[who]
    tier = position(customers["tier"], TIERS)[who]
    site = (SOUTH[region] ^ (rng.random(n) < OTHER_SITE)).astype(np.int64)
    lane = (site * len(REGIONS) + region) * len(OPTIONS) + (rng.random(n) < EVENING[tier])
    day = (at - np.datetime64(settings.start, "us")).astype(np.int64) // DAY_US
    weeks_left = (at - np.datetime64(settings.end, "us")).astype(np.int64) / (-7 * DAY_US)

    weeks = settings.days // 7 + 1
    log_sd = LOG_SD + size * (TRANSIT_LOG_SD - LOG_SD)
    log_mean = rng.normal(np.log(preset.transit_d), WEEK_NOISE, len(SITES) * weeks)[site * weeks + day // 7]
    log_mean += (size * TRANSIT)[region] + drift(site, weeks_left, settings.effect)
    transit_d = np.exp(log_mean + log_sd[region] * rng.normal(0, 1, n))
    until_dispatch = rng.gamma(2.0, 0.15, n) * _pace_of_lanes(settings)[lane * len(TIERS) + tier]
    until_dispatch *= _pace_of_days(settings, site * weeks * 7 + day)

    promise_d = preset.promise_d * np.exp(size * TRANSIT + PROMISE_Z * (log_sd - LOG_SD))[region]
    loaded = (region == REGIONS.index(loaded_region(settings))) & (weeks_left <= LOAD_WEEKS)
    queue_d = size * LOAD_SHARE * preset.transit_d
    until_dispatch[loaded] += queue_d * rng.gamma(LOAD_SHAPE, 1 / LOAD_SHAPE, loaded.sum())
    promise_d[loaded] += queue_d

    promised = at + (promise_d * DAY_US).astype("timedelta64[us]")
    delivered = at + ((until_dispatch + transit_d) * DAY_US).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "customer": who,
            "site": site,
            "lane": lane,
            "promised_at": promised,
            "dispatched_at": at + (until_dispatch * DAY_US).astype("timedelta64[us]"),
            "delivered_at": delivered,
            "is_late": delivered > promised,
        }
    )


def loaded_region(settings: WorldSettings) -> str:
    """Return the market whose parcels wait since `LOAD_WEEKS` before the end: the smallest."""
    from playbook.world.domains.company import MARKETS

    return [region for region, market in zip(REGIONS, MARKETS, strict=True) if market[0] in settings.regions][
        -1
    ]


def season_effect(settings: WorldSettings) -> float:
    """Return the amplitude of the season on the log time to dispatch."""
    return SEASON_EFFECT * settings.preset.season * settings.seasonality * settings.size(BENCHMARKS)


def _pace_of_lanes(settings: WorldSettings) -> NDArray[np.float64]:
    """Return the factor on the time to dispatch of each lane and tier, (lanes x tiers,)."""
    lane = np.array([LANE_EFFECT.get(name, 0.0) for name in lane_names()])
    return np.exp(settings.size(BENCHMARKS) * (lane[:, None] + TIER_EFFECT)).ravel()


def _pace_of_days(settings: WorldSettings, place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the factor on the time to dispatch of each order, from the season and the orders of its day.

    `place` is each order's site and day, in whole weeks for each site.
    """
    days = (settings.days // 7 + 1) * 7
    count = np.bincount(place, minlength=len(SITES) * days).reshape(-1, 7)
    load = (count / np.maximum(count.mean(axis=1, keepdims=True), 1e-9)).clip(
        1 / 3, 3
    )  # against the week's mean
    day = np.datetime64(settings.start, "D") + np.arange(days)
    year_share = (day - day.astype("datetime64[Y]")).astype(np.int64) / 365
    wave = np.cos(2 * np.pi * (year_share - (settings.preset.season_peak_month - 1) / 12))
    season = np.exp(season_effect(settings) * wave)
    return (load.reshape(len(SITES), days) ** (LOAD_POWER * settings.size(QUOTES)) * season).ravel()[place]


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return shipments, truth_shifts, truth_effects and truth_parameters."""
    orders, sent, customers = tables["orders"], tables["_parcels"], tables["customers"]
    n = len(orders)
    end = np.datetime64(settings.end, "us")
    ordered, dispatched = orders["ordered_at"].to_numpy(), sent["dispatched_at"].to_numpy()
    shipments = pd.DataFrame(
        {
            "shipment_id": ids("S", n, settings.block),
            "order_id": orders["order_id"],
            "customer_id": orders["customer_id"],
            "site_id": words([local(site, settings.block) for site in SITES], sent["site"].to_numpy()),
            "promised_at": sent["promised_at"],
            "dispatched_at": _by_now(dispatched, end),
            "delivered_at": _by_now(sent["delivered_at"].to_numpy(), end),
            "items_correct": rng.random(n) >= WRONG,
            "lane_id": words([local(lane, settings.block) for lane in lane_names()], sent["lane"].to_numpy()),
            "picked_at": _by_now(ordered + (dispatched - ordered) // 5 * 4, end),
            "attempts": 1.0 + (rng.random(n) < 0.08),
        }
    )
    strict = rng.gamma(STRICT_SHAPE, 1 / STRICT_SHAPE, len(customers))
    who = sent["customer"].to_numpy()
    region = position(customers["region_id"], REGIONS)[who]
    missed = MISSED * strict[who] * _out_of_control(settings, region, ordered)
    shipments["window_met"] = shipments["delivered_at"].notna() & (rng.random(n) >= missed)
    week = (ordered - np.datetime64(settings.start, "us")) / np.timedelta64(1, "W")
    wish, applied = followed(tables["_honoured"], who, week, len(customers), rng)
    shipments = shipments.assign(preference_id=wish, preference_applied=applied)
    return {"shipments": shipments, **_truth(settings)}


def _by_now(at: NDArray[np.datetime64], end: np.datetime64) -> NDArray[np.datetime64]:
    """Return the moments that lie before the end of the history; the others are empty."""
    return np.where(at < end, at, np.datetime64("NaT", "us"))


def _out_of_control(
    settings: WorldSettings, region: NDArray[np.int64], at: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    """Return the factor on missed hours for each parcel, by its market and the moment of its order."""
    weeks_left = (np.datetime64(settings.end, "us") - at) / np.timedelta64(7, "D")
    factor = np.ones(len(region))
    for where, start, stop, size in _spells(settings):
        inside = (region == REGIONS.index(where)) & (weeks_left <= start) & (weeks_left > stop)
        factor[inside] = size
    return factor


def _spells(settings: WorldSettings) -> list[tuple[str, int, int, float]]:
    """Return market, first and last week before the end, and factor of what is out of control."""
    from playbook.world.domains.company import MARKETS

    sold_in = [
        region for region, market in zip(REGIONS, MARKETS, strict=True) if market[0] in settings.regions
    ]
    return [
        (sold_in[max(place, -len(sold_in))], start, stop, 1 + (factor - 1) * settings.size(LIMITS))
        for place, start, stop, factor in OUT_OF_CONTROL
    ]


def _truth(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    """Return the tables of truth; what is the same in every block comes with the first."""
    end = settings.end
    shifts = planted(
        "truth_shifts",
        "measure.control_charts",
        subject=[local(shift[0], settings.block) for shift in SHIFTS],
        metric="log transit time",
        kind=[shift[1] for shift in SHIFTS],
        start_at=[end - pd.Timedelta(weeks=shift[2]) for shift in SHIFTS],
        end_at=[end - pd.Timedelta(weeks=shift[3]) for shift in SHIFTS],
        size=[shift[4] * settings.effect for shift in SHIFTS],
    )
    lanes = planted(
        "truth_effects",
        BENCHMARKS,
        action="lane",
        stratum=[local(lane, settings.block) for lane in lane_names()],
        metric="log time to dispatch",
        size=[LANE_EFFECT.get(lane, 0.0) * settings.size(BENCHMARKS) for lane in lane_names()],
    )
    if settings.block:
        return {"truth_shifts": shifts, "truth_effects": lanes}
    size, spells = settings.size(QUOTES), _spells(settings)
    queue = planted(
        "truth_shifts",
        QUOTES,
        subject=[loaded_region(settings)],
        metric="days to dispatch",
        kind="step",
        start_at=end - pd.Timedelta(weeks=LOAD_WEEKS),
        end_at=end,
        size=size * LOAD_SHARE * settings.preset.transit_d,
    )
    limits = planted(
        "truth_shifts",
        LIMITS,
        subject=[spell[0] for spell in spells],
        metric="share of parcels that miss the agreed hours",
        kind="burst",
        start_at=[end - pd.Timedelta(weeks=spell[1]) for spell in spells],
        end_at=[end - pd.Timedelta(weeks=spell[2]) for spell in spells],
        size=[MISSED * (spell[3] - 1) for spell in spells],
    )
    tiers = planted(
        "truth_effects",
        BENCHMARKS,
        action="tier",
        stratum=list(TIERS),
        metric="log time to dispatch",
        size=TIER_EFFECT * settings.size(BENCHMARKS),
    )
    times = planted(
        "truth_parameters",
        QUOTES,
        name=[f"{what} of transit, {region}" for what in ("median", "log sd") for region in REGIONS],
        value=np.concatenate(
            [settings.preset.transit_d * np.exp(size * TRANSIT), LOG_SD + size * (TRANSIT_LOG_SD - LOG_SD)]
        ),
        unit=["d"] * len(REGIONS) + ["1"] * len(REGIONS),
    )
    season = planted(
        "truth_parameters",
        BENCHMARKS,
        name=["amplitude of the season on log time to dispatch", "month of its peak"],
        value=[season_effect(settings), settings.preset.season_peak_month],
        unit=["1", "month"],
    )
    return {
        "truth_shifts": pd.concat([shifts, queue, limits], ignore_index=True),
        "truth_effects": pd.concat([lanes, tiers], ignore_index=True),
        "truth_parameters": pd.concat([times, season], ignore_index=True),
    }


PLANTS = (
    Plant(
        play="measure.control_charts",
        what="At each warehouse, parcels begin to travel longer on known days: some changes are sudden, one is slow, one "
        "has passed. Weeks also differ by a common cause.",
        why="Limits that ignore what the parcels of a week share cry wolf; comparing with last week finds nothing.",
        tables=("shipments",),
        truth=("truth_shifts",),
        size="SHIFTS x effect, over WEEK_NOISE",
    ),
    Plant(
        play=QUOTES,
        what="Markets differ in how long an order takes and in how much that varies; busy days add to it. In one market a "
        "queue grew at some date, and what is promised there was moved along.",
        why="One quote for all keeps its word on average only; a rule learned before the queue breaks it afterwards, and "
        "the share of late parcels doesn't show it.",
        tables=("orders", "shipments", "customers", "regions", "lanes"),
        truth=("truth_parameters", "truth_shifts"),
        size="TRANSIT, TRANSIT_LOG_SD, LOAD_POWER, LOAD_SHARE x size, since LOAD_WEEKS",
    ),
    Plant(
        play=BENCHMARKS,
        what="The time until a parcel leaves follows the season and the tier; some lanes are slower or faster than what "
        "they carry explains.",
        why="Lanes carry different tiers in different months: the plain average praises and blames the wrong ones.",
        tables=("shipments", "orders", "customers", "lanes"),
        truth=("truth_effects", "truth_parameters"),
        size="LANE_EFFECT, TIER_EFFECT, SEASON_EFFECT x size",
    ),
    Plant(
        play=LIMITS,
        what="Some markets miss the hours agreed with customers more often for a while; some customers change for good how "
        "often they order.",
        why="Small markets swing by chance: one limit for all flags them again and again, and so does one for all "
        "customers.",
        tables=("shipments", "customers", "regions", "orders"),
        truth=("truth_shifts",),
        size="OUT_OF_CONTROL, habits.STEP_FACTOR x size",
    ),
)
