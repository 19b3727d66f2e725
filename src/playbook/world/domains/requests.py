"""What customers need help with: requests that orders and late parcels cause.

Planted for `balance.capacity_protection`: accounts differ in the help that an order needs (lognormal, `EFFORT_SD`, so
that a few accounts take many hours, while a play may fit no law at all), and some accounts' need moves up or down on
one day (`MOVED`, `MOVE_LOG`). For `design.routing`: how lateness turns into complaints (`COMPLAINT`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS
from playbook.world.domains.organisation import desks
from playbook.world.draws import choose, pick
from playbook.world.histories import factor_of
from playbook.world.keys import position
from playbook.world.moments import day_of
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery", "organisation")

CATEGORIES = ("question", "product", "invoice", "delivery")  # late parcels cause the last
WORD_SHARES = (0.5, 0.25, 0.25)  # of the others
SEVERITY = (  # of requests that no late parcel caused, by tier
    (0.30, 0.34, 0.24, 0.12),
    (0.38, 0.36, 0.18, 0.08),
    (0.45, 0.35, 0.15, 0.05),
)
COMPLAINT = 0.7  # hazard of a complaint per unit of sensitivity and root of days late

EFFORT_SD = 0.9  # of the log of requests per order, between accounts
MOVED = 0.12  # share of accounts whose need moves
MOVE_LOG = 0.9  # by this much, up or down

OPENS_H, CLOSES_H = 7, 21  # UTC, Monday to Friday
UTC_OFFSET_H = {"R1": 0, "R2": 1, "R3": 1, "R4": -5, "R5": -3}
LOCAL_HOURS = {8: 0.6, 9: 1.2, 10: 1.5, 11: 1.3, 12: 0.7, 13: 1.0, 14: 1.4, 15: 1.3, 16: 1.0, 17: 0.5}
DAY_SD = 0.5  # of the log of how busy a day is, for the share of calls that could come on any day of the week
MOVABLE = 0.4

PLANTS = (
    Plant(
        play="balance.capacity_protection",
        what="Accounts differ in how many requests an order of theirs causes, and the need of some accounts moves on "
        "one day. Hours with an expert can be booked ahead: bronze customers ask first, gold customers late, and "
        "what was asked for when nothing was free is recorded.",
        why="Sold hours show the demand that found room, not the demand there was; an average hour per account hides "
        "who takes the time, and last year's average hides who moved.",
        tables=("tickets", "interactions", "actions", "customers", "accounts", "kpi_targets"),
        truth=("truth_outcomes", "truth_shifts", "truth_parameters"),
        size="log sd EFFORT_SD x size between accounts; MOVED of accounts by MOVE_LOG x size; bookings.GOLD_SPREAD "
        "x size between days",
    ),
)


def hour_profile() -> NDArray[np.float64]:
    """Return the planted share of each market's calls per UTC hour of the day, shape (markets, 24)."""
    profile = np.zeros((len(UTC_OFFSET_H), 24))
    for row, offset in enumerate(UTC_OFFSET_H.values()):
        for local, weight in LOCAL_HOURS.items():
            if OPENS_H <= local - offset < CLOSES_H:
                profile[row, local - offset] = weight
    return profile / profile.sum(axis=1, keepdims=True)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return _requests in order of time, truth_outcomes and truth_shifts.

    `_requests` has: customer (position), category, severity and tier (positions), desk, minute of the first contact,
    zone (market) and closes_min (when its customer leaves).
    """
    customers = tables["customers"]
    need = _Need(settings, tables, rng)
    asks = _asks(settings, tables, need, rng)
    complaints = _complaints(settings, tables, rng)
    requests = pd.concat([asks, complaints], ignore_index=True)
    who = requests["customer"].to_numpy()
    zone = position(customers["region_id"], list(UTC_OFFSET_H))
    closes = day_of(settings, customers["closed_at"]) * 1440.0
    requests["zone"] = zone[who]
    requests["closes_min"] = np.where(np.isnan(closes), np.inf, closes)[who]
    movable = requests["category"].to_numpy() != CATEGORIES.index("delivery")
    requests["minute"] = slot(settings, requests["day"].to_numpy(), zone[who], movable, rng)
    created = day_of(settings, customers["created_at"])[who] * 1440.0
    minute = requests["minute"].to_numpy()
    ends = np.minimum(settings.days * 1440.0, requests["closes_min"].to_numpy())
    inside = (created <= minute) & (minute < ends)
    order = np.argsort(minute, kind="stable")
    requests = requests.take(order[inside[order]]).reset_index(drop=True)
    who = requests["customer"].to_numpy()
    requests["tier"] = position(customers["tier"], TIERS)[who]
    requests["severity"] = _severity(requests, rng)
    requests["desk"] = _desk_of_each(settings, zone, rng)[who]
    return {
        "_requests": requests,
        "truth_outcomes": planted(
            "truth_outcomes",
            "balance.capacity_protection",
            subject=tables["accounts"]["account_id"].array,
            arm="as is",
            metric="requests per order",
            value=settings.preset.requests_per_order * need.effort,
        ),
        "truth_shifts": need.shifts(settings, tables["accounts"]["account_id"]),
    }


class _Need:
    """How much help each account's orders need, and since when more or less of it."""

    def __init__(
        self, settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
    ) -> None:
        accounts = tables["accounts"]["account_id"]
        n, size = len(accounts), settings.size("balance.capacity_protection")
        sd = EFFORT_SD * size
        self.effort = np.exp(sd * rng.normal(0, 1, n) - sd * sd / 2)
        self.move = np.where(rng.random(n) < MOVED, rng.choice([-1.0, 1.0], n), 0.0) * MOVE_LOG * size
        self.day = settings.days * rng.uniform(0.35, 0.65, n)
        self.account = position(tables["customers"]["account_id"], accounts)

    def of(self, customer: NDArray[np.int64], day: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor on the requests of orders made by customers (positions) on days."""
        account = self.account[customer]
        return self.effort[account] * np.exp(np.where(day >= self.day[account], self.move[account], 0.0))

    def shifts(self, settings: WorldSettings, account_id: pd.Series) -> pd.DataFrame:
        """Return truth_shifts of the accounts whose need moves."""
        moved = np.flatnonzero(self.move)
        return planted(
            "truth_shifts",
            "balance.capacity_protection",
            subject=account_id.array.take(moved),
            metric="log requests per order",
            kind="step",
            start_at=settings.start + pd.to_timedelta(self.day[moved], unit="D").floor("s"),
            end_at=settings.end,
            size=self.move[moved],
        )


def _desk_of_each(
    settings: WorldSettings, zone: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the desk (position in `organisation.desks`) that keeps each customer's requests: one of its market's."""
    market = np.array([int(region[1]) - 1 for _, region in desks(settings)])
    first = np.searchsorted(market, np.arange(len(MARKETS)))
    count = np.bincount(market, minlength=len(MARKETS))
    return first[zone] + np.floor(rng.random(len(zone)) * count[zone]).astype(np.int64)


def _asks(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], need: _Need, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the requests that orders cause: customer, category, day, late_d (0)."""
    who = position(tables["orders"]["customer_id"], tables["customers"]["customer_id"])
    ordered = day_of(settings, tables["orders"]["ordered_at"])
    mean = settings.preset.requests_per_order * need.of(who, ordered)
    if "_request_changes" in tables:  # programmes that make customers ask less, or more
        mean *= factor_of(who, ordered / 7, tables["_request_changes"], len(tables["customers"]))
    count = rng.poisson(mean)
    source = np.repeat(np.arange(len(who)), count)
    return pd.DataFrame(
        {
            "customer": who[source],
            "category": pick(WORD_SHARES, len(source), rng),
            "day": ordered[source] + rng.exponential(5.0, len(source)),
            "late_d": 0.0,
        }
    )


def _complaints(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the requests that late parcels cause: customer, category, day, late_d (days late so far)."""
    shipments = tables["shipments"]
    who = position(shipments["customer_id"], tables["customers"]["customer_id"])
    promised, arrived = (day_of(settings, shipments[at]) for at in ("promised_at", "delivered_at"))
    late_d = np.clip(np.where(np.isnan(arrived), settings.days, arrived) - promised, 0.0, None)
    hazard = COMPLAINT * settings.effect * tables["truth_customers"]["late_sensitivity"].to_numpy()[who]
    complains = np.flatnonzero(rng.random(len(who)) < -np.expm1(-hazard * np.sqrt(late_d)))
    return pd.DataFrame(
        {
            "customer": who[complains],
            "category": CATEGORIES.index("delivery"),
            "day": promised[complains] + rng.exponential(1.0, len(complains)),
            "late_d": late_d[complains],
        }
    )


def _severity(requests: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the severity of requests: by the delay for late parcels, else drawn by tier."""
    level = choose(SEVERITY, requests["tier"].to_numpy(), rng)
    by_delay = 1 + np.floor(requests["late_d"] / 2).clip(upper=3)
    is_late = requests["category"] == CATEGORIES.index("delivery")
    return np.where(is_late, by_delay, 1 + level).astype(np.int64)


def slot(
    settings: WorldSettings,
    day: NDArray[np.float64],
    zone: NDArray[np.int64],
    movable: NDArray[np.bool_] | bool,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the minute at which contacts that come up on `day` reach the company: on a weekday, in the caller's
    hours.
    """
    n = len(day)
    offset = settings.start.weekday()
    weekday_no = np.floor(day).astype(np.int64) + offset
    weekend = weekday_no % 7 >= 5
    ahead = 7 - weekday_no % 7 + np.where(rng.random(n) < 0.5, 0, rng.integers(0, 5, n))
    weekday_no = np.where(weekend, weekday_no + ahead, weekday_no)
    weeks = int(weekday_no.max(initial=0)) // 7 + 1
    busy = np.exp(rng.normal(0, DAY_SD, (weeks, 5)))
    moved = np.asarray(movable) & (rng.random(n) < MOVABLE) & (weekday_no >= 7)
    weekday_no = np.where(moved, weekday_no // 7 * 7 + choose(busy, weekday_no // 7, rng), weekday_no)
    hour = choose(hour_profile(), zone, rng)
    return (weekday_no - offset) * 1440.0 + (hour + rng.random(n)) * 60


def category_names(category: NDArray[np.int64]) -> pd.api.extensions.ExtensionArray:
    """Return the names of categories given by position."""
    return words(CATEGORIES, category)
