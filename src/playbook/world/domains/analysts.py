"""Three desks of analysts around the clock: requests and alerts by hour, shifts in local time, work handed over.

Planted for `sustain.follow_the_sun`:

- Requests (tickets of category analytics request) and alerts (exceptions) by UTC hour: office hours of each market,
  and a peak of alerts after the nightly batch. The truth holds the mean of each hour; the size multiplies how uneven
  the day is.
- Shifts begin at fixed local hours. The plan was made for a week of winter; where desks change their clocks on
  different days, or not at all, an hour is left empty for months. With size 0 shifts begin at fixed hours of UTC.
- Work that does not end within the shift is handed over and takes longer by `HANDOVER_H` (times the size) each time.
  Long work is handed over more often, so the difference between handed-over and other work is not that loss; how far
  off the end of the shift was when work began has nothing to do with its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS, market_shares
from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "sustain.follow_the_sun"
DAYS = 364
REQUESTS_DAY, ALERTS_DAY = 8.0, 3.0
OFFICE_H = (8, 18)
UNEVEN = 0.85  # of the requests come in office hours, the others at any hour
WEEKEND = 0.3  # of the requests of a weekday
BATCH_H = (2, 4)  # UTC, when alerts of the nightly batch come
BATCH_SHARE = 0.5
# first hour of the shift, UTC in winter; markets whose desk takes it, in order of preference
DESKS = (
    (6, ("R1", "R2", "R3", "R5", "R4")),
    (14, ("R4", "R5", "R1", "R2", "R3")),
    (22, ("R5", "R4", "R1", "R2", "R3")),
)
SHIFT_H = 8
ANALYSTS, ON_DUTY = 4, 2  # per desk
WORK_H, WORK_LOG_SD = 1.8, 0.7
HANDOVER_H = 1.5

PLANTS = (
    Plant(
        play=PLAY,
        what="Analysts answer requests and alerts in three desks. Demand differs by hour of the day, shifts follow "
        "local clocks, and work that is handed over takes longer.",
        why="The plan is complete in the week for which it was made; and long work is handed over more often, which "
        "makes handing over look worse than it is.",
        tables=("tickets", "exceptions", "staff", "shifts", "regions"),
        truth=("truth_parameters", "truth_labels"),
        size="HANDOVER_H, UNEVEN and BATCH_SHARE x size; local clocks unless 0",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return units, staff, shifts, tickets, exceptions and their truth."""
    size = settings.size(PLAY)
    first_day = settings.end.normalize() - pd.Timedelta(days=DAYS)
    desks = _desks(settings)
    spans = _spans(first_day, desks, local_clock=size > 0)
    staff = _staff(settings, desks, rng)
    requests_h, alerts_h = _demand(settings, first_day, size)
    tickets = _tickets(settings, tables["customers"], first_day, requests_h, spans, staff, rng)
    days = pd.date_range(first_day, periods=DAYS * 24, freq="h")
    empty = ~_covered(days, spans)
    made = {
        "units": _units(desks),
        "staff": staff,
        "shifts": _shifts(settings, spans, staff),
        "tickets": tickets,
        "exceptions": _alerts(settings, first_day, alerts_h, rng),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="shifts",
            key=days[empty].strftime("%Y-%m-%d %H:00"),
            label="hour without an analyst",
            value=local("analysts", settings.block),
        ),
    }
    return made if settings.block else made | {"truth_parameters": _parameters(requests_h, alerts_h, size)}


def _parameters(requests_h: NDArray, alerts_h: NDArray, size: float) -> pd.DataFrame:
    facts = {
        f"{what} at {hour:02d} UTC": float(rate[:, hour].mean())
        for what, rate in (("requests", requests_h), ("alerts", alerts_h))
        for hour in range(24)
    }
    return planted(
        "truth_parameters",
        PLAY,
        name=[*facts, "loss by a handover"],
        value=[*facts.values(), HANDOVER_H * size],
        unit=["a day"] * len(facts) + ["h"],
    )


def _desks(settings: WorldSettings) -> pd.DataFrame:
    """Return each desk's first hour (UTC in winter), market and time zone."""
    known = {f"R{i}": market[2] for i, market in enumerate(MARKETS, start=1) if market[0] in settings.regions}
    rows = [(hour, next(region for region in wanted if region in known)) for hour, wanted in DESKS]
    desks = pd.DataFrame(rows, columns=["hour", "region_id"])
    return desks.assign(
        timezone=desks["region_id"].map(known),
        unit_id=[local(f"analysts {k}", settings.block) for k in range(1, len(rows) + 1)],
    )


def _spans(first_day: pd.Timestamp, desks: pd.DataFrame, *, local_clock: bool) -> pd.DataFrame:
    """Return the shifts of desks: desk, start and end (UTC), in order of start."""
    days = pd.date_range(first_day - pd.Timedelta(days=1), periods=DAYS + 1, freq="D")
    parts = []
    for k, desk in desks.iterrows():
        starts = days + pd.Timedelta(hours=int(desk["hour"]))
        if local_clock:
            winter = pd.Timestamp(f"{first_day.year}-01-15 12:00", tz=desk["timezone"])
            offset = winter.tz_localize(None) - winter.tz_convert("UTC").tz_localize(None)
            clock = (starts + offset).tz_localize(
                desk["timezone"], ambiguous="NaT", nonexistent="shift_forward"
            )
            utc = clock.tz_convert("UTC").tz_localize(None)
            starts = utc.where(utc.notna(), starts)
        parts.append(pd.DataFrame({"desk": k, "start": starts, "end": starts + pd.Timedelta(hours=SHIFT_H)}))
    spans = pd.concat(parts, ignore_index=True)
    spans = spans[(spans["end"] > first_day) & (spans["end"] <= first_day + pd.Timedelta(days=DAYS))]
    return spans.astype({"start": "datetime64[us]", "end": "datetime64[us]"}).sort_values(
        "start", ignore_index=True
    )


def _covered(hours: pd.DatetimeIndex, spans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether a desk is at work in all of each hour; the ends of the plan count as covered."""
    at = np.searchsorted(spans["start"].to_numpy(), hours.to_numpy(), side="right") - 1
    inside = (at >= 0) & (hours.to_numpy() < spans["end"].to_numpy()[-1])
    return (spans["end"].to_numpy()[at.clip(0)] > hours.to_numpy()) | ~inside


def _units(desks: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit_id": desks["unit_id"],
            "name": [f"analysts {region}" for region in desks["region_id"]],
            "function": "analyst",
            "region_id": desks["region_id"],
            "planned_headcount": float(ANALYSTS),
        }
    )


def _staff(settings: WorldSettings, desks: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(desks) * ANALYSTS
    desk = np.repeat(np.arange(len(desks)), ANALYSTS)
    wage = {f"R{i}": market[7] for i, market in enumerate(MARKETS, start=1)}
    region = desks["region_id"].to_numpy()[desk]
    return pd.DataFrame(
        {
            "staff_id": ids("YM", n, settings.block),
            "unit_id": desks["unit_id"].to_numpy()[desk],
            "role": "analyst",
            "region_id": region,
            "hired_on": settings.start - pd.Timedelta(days=200),
            "fte_h_week": 28.0,
            "cost_amt_h": np.round([1.6 * wage[r] for r in region] * rng.uniform(0.95, 1.2, n), 2),
        }
    )


def _shifts(settings: WorldSettings, spans: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Return a row per analyst on duty: pairs of each desk take turns."""
    desk = np.repeat(spans["desk"].to_numpy(), ON_DUTY)
    turn = spans.groupby("desk").cumcount().to_numpy()
    person = (np.repeat(turn, ON_DUTY) * ON_DUTY + np.tile(np.arange(ON_DUTY), len(spans))) % ANALYSTS
    n = len(desk)
    return pd.DataFrame(
        {
            "shift_id": ids("YJ", n, settings.block),
            "staff_id": staff["staff_id"].array.take(desk * ANALYSTS + person),
            "starts_at": np.repeat(spans["start"].to_numpy(), ON_DUTY),
            "ends_at": np.repeat(spans["end"].to_numpy(), ON_DUTY),
            "activity": repeated("analytics", n),
            "is_planned": True,
            "is_worked": True,
        }
    )


def _demand(settings: WorldSettings, first_day: pd.Timestamp, size: float) -> tuple[NDArray, NDArray]:
    """Return the expected requests and alerts of each day and UTC hour, both (days, 24)."""
    hours = pd.date_range(first_day, periods=DAYS * 24, freq="h", tz="UTC")
    office = np.zeros(len(hours))
    for share, market in zip(market_shares(settings), MARKETS, strict=True):
        if share > 0:
            clock = hours.tz_convert(market[2])
            open_now = (clock.hour >= OFFICE_H[0]) & (clock.hour < OFFICE_H[1])
            office += share * open_now * np.where(clock.day_of_week < 5, 1.0, WEEKEND)
    uneven = min(UNEVEN * size, 0.95)
    office = REQUESTS_DAY / 24 * ((1 - uneven) + uneven * office / office.mean())
    batch = np.zeros(24)
    batch[slice(*BATCH_H)] = 24 / (BATCH_H[1] - BATCH_H[0])
    share = min(BATCH_SHARE * size, 0.9)
    alerts = np.tile(ALERTS_DAY / 24 * ((1 - share) + share * batch), (DAYS, 1))
    return office.reshape(DAYS, 24), alerts


def _moments(first_day: pd.Timestamp, rate: NDArray, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Return moments of a Poisson process with these hourly rates, in order."""
    hour = np.repeat(np.arange(rate.size), rng.poisson(rate.ravel()))
    seconds = np.sort((hour + rng.random(len(hour))) * 3600).astype(np.int64)
    return np.datetime64(first_day, "us") + seconds.astype("timedelta64[s]")


def _tickets(
    settings: WorldSettings,
    customers: pd.DataFrame,
    first_day: pd.Timestamp,
    rate: NDArray,
    spans: pd.DataFrame,
    staff: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the requests, begun by the desk at work or the next one, and handed over at the end of its shift."""
    opened = _moments(first_day, rate, rng)
    start, end = spans["start"].to_numpy(), spans["end"].to_numpy()
    at = np.searchsorted(start, opened, side="right") - 1
    at = np.where((at >= 0) & (end[at.clip(0)] > opened), at, at + 1)
    opened, at = opened[at < len(spans)], at[at < len(spans)]
    n = len(opened)
    begun = np.maximum(opened, start[at])
    hour = np.timedelta64(3_600_000_000, "us")
    work_h = WORK_H * np.exp(rng.normal(-(WORK_LOG_SD**2) / 2, WORK_LOG_SD, n))
    left_h = (end[at] - begun) / hour
    handed = np.where(work_h > left_h, 1 + np.floor((work_h - left_h) / SHIFT_H), 0)
    empty_h = np.maximum((start[np.minimum(at + 1, len(spans) - 1)] - end[at]) / hour, 0)
    loss_h = HANDOVER_H * settings.size(PLAY) * rng.gamma(4.0, 0.25, n)
    took_h = work_h + handed * loss_h + (handed > 0) * empty_h
    resolved = begun + (took_h * 3600).astype(np.int64).astype("timedelta64[s]")
    open_ones = np.flatnonzero(
        (customers["created_at"] <= first_day).to_numpy() & customers["closed_at"].isna().to_numpy()
    )
    who = open_ones[rng.integers(0, len(open_ones), n)]
    finished = resolved < np.datetime64(settings.end, "us")
    person = spans["desk"].to_numpy()[at] * ANALYSTS + rng.integers(0, ANALYSTS, n)
    return pd.DataFrame(
        {
            "ticket_id": ids("YY", n, settings.block),
            "customer_id": customers["customer_id"].array.take(who),
            "category": repeated("analytics request", n),
            "queue": repeated(local("analysts", settings.block), n),
            "tier_at_open": customers["tier"].array.take(who),
            "severity": rng.integers(1, 4, n),
            "opened_at": opened,
            "first_response_at": np.where(
                begun < np.datetime64(settings.end, "us"), begun, np.datetime64("NaT")
            ),
            "resolved_at": np.where(finished, resolved, np.datetime64("NaT")),
            "owner_staff_id": staff["staff_id"].array.take(person),
        }
    )


def _alerts(
    settings: WorldSettings, first_day: pd.Timestamp, rate: NDArray, rng: np.random.Generator
) -> pd.DataFrame:
    at = _moments(first_day, rate, rng)
    n = len(at)
    told = at + (rng.exponential(40.0, n) + 1).astype(np.int64).astype("timedelta64[s]")
    end = np.datetime64(settings.end, "us")
    return pd.DataFrame(
        {
            "exception_id": ids("YB", n, settings.block),
            "occurred_at": at,
            "exception_type": repeated("analytics alert", n),
            "alert_at": np.where(told < end, told, np.datetime64("NaT")),
            "alert_disposition": words(["checked", "no fault found"], rng.integers(0, 2, n)),
        }
    )
