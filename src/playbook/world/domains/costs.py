"""What programmes and lanes cost, month by month, as the books have it.

Amounts are in units of `scale`, the margin of an average customer in a month, so that they mean the same in every industry.
Planted:

- Cost drivers of the lanes (balance.customization_break_even). Evening lanes serve each customer at their own hour, day
  lanes in batches. `LANE_RATES` is what one more parcel costs in each activity, `PERSONAL` how much more of it on an
  evening lane, `LANE_FIXED` what a lane costs before the first parcel. The books call all of it variable, so cost a
  parcel mixes both. Sorting hours lost to parcels that cannot go in a batch are a driver of their own.
- What a month of each programme costs (`WORKFLOW_COST`, `WISH_COST`, `REFRESH_COST`), and the hours and requests to
  the system of each depth of engagement (`DEPTH_HOURS`, `DEPTH_RPS`), with the team's hours and the system's capacity:
  which of them binds first is in `truth_structure`.
- The savings of the second budget line, as less cost to serve (see `budgets`).

Books err by `NOISE`, and work is booked with a month's swing: no amount is an exact multiple of its driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains import budgets, upgrades, wishes
from playbook.world.domains.delivery import OPTIONS, lane_names
from playbook.world.domains.programmes import DEPTHS
from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "organisation", "orders", "delivery", "budgets", "enrolments")

BREAK_EVEN = "balance.customization_break_even"
NOISE = 0.05
MARGIN_SHARE = 0.35  # of the price, about

# Activity of a lane: driver, cost of one of the driver (in hundredths of an order's value), fixed cost of a month.
LANE_RATES = {"pick and pack": 1.0, "tours": 2.0}
LANE_FIXED = {"pick and pack": 40.0, "tours": 90.0}
PERSONAL = {"pick and pack": 1.6, "tours": 0.9}  # share more a parcel on an evening lane
SORTING_H = 0.02  # hours of the sorter a parcel in a batch takes
SORTING_LOSS_H = 0.07  # more of them for one that cannot go in a batch
SORTING_RATE = 40.0  # cost of an hour of the sorter, same unit

WORKFLOW_COST = 0.12  # of scale, a customer and month
WISH_COST = (2.5, 0.8)  # a parcel, by attribute of the wish, in hundredths of an order's value
# Refresh: activity of the integration, with fixed and variable cost of a customer and month, by arm; of scale.
REFRESH_COST = {
    "interfaces": ((0.0, 0.02, 0.10, 0.0), (0.0, 0.01, 0.02, 0.0)),
    "computing": ((0.0, 0.01, 0.03, 0.0), (0.01, 0.02, 0.06, 0.01)),
    "on-call": ((0.0, 0.0, 0.05, 0.0), (0.0, 0.0, 0.0, 0.0)),
    "concierge desk": ((0.0, 0.0, 0.0, 0.05), (0.0, 0.0, 0.0, 0.25)),
}
DEPTH_HOURS = (0.0, 0.3, 1.2, 4.0)  # of the team, a customer and month
DEPTH_RPS = (0.002, 0.003, 0.004, 0.006)  # requests to the engagement system, a customer
SYSTEM_HEADROOM = 0.004  # capacity of that system, requests a second for each customer
WEEKS_A_MONTH = 365.25 / 84


def scale(settings: WorldSettings) -> float:
    """Return the margin of an average active customer in a month."""
    preset = settings.preset
    return preset.rate_week * WEEKS_A_MONTH * preset.spend_amt * MARGIN_SHARE


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return costs, systems, truth_parameters and truth_structure."""
    months = pd.date_range(settings.start, settings.end, freq="MS", inclusive="left")
    assigned = _Assigned(tables["assignments"], months)
    parts = [
        _lanes(settings, tables, months, rng),
        _workflow(settings, assigned, rng),
        _depths(tables, assigned, rng),
        _wishes(settings, tables, months, rng),
        _refresh(settings, assigned, rng),
        _budget_lines(settings, tables, months, rng),
    ]
    costs = pd.concat(parts, ignore_index=True)
    costs.insert(0, "cost_id", ids("CO", len(costs), settings.block))
    made = {"costs": costs, **_engagement(settings, tables)}
    if settings.block == 0:
        made["truth_parameters"] = pd.concat(
            [made["truth_parameters"], _parameters(settings)], ignore_index=True
        )
    return made


class _Assigned:
    """How many are in an arm of an initiative in each month."""

    def __init__(self, assignments: pd.DataFrame, months: pd.DatetimeIndex) -> None:
        wanted = assignments["initiative_id"].isin(["IN-workflow", "IN-depth", "IN-refresh"])
        self._rows = assignments[wanted]
        self.months = months

    def count(self, initiative_id: str, arm: str) -> NDArray[np.int64]:
        rows = self._rows[(self._rows["initiative_id"] == initiative_id) & (self._rows["arm"] == arm)]
        since = np.sort(rows["starts_at"].to_numpy())
        until = np.sort(rows["ends_at"].dropna().to_numpy())
        at = (self.months + pd.Timedelta(days=14)).to_numpy()
        return np.asarray(np.searchsorted(since, at) - np.searchsorted(until, at))


def _rows(
    months: pd.DatetimeIndex | NDArray[np.datetime64],
    activity: str,
    subject: tuple[str, str],
    driver: str,
    qty: NDArray,
    variable: NDArray,
    fixed: NDArray | float = 0.0,
    tag: str | None = None,
) -> pd.DataFrame:
    n = len(qty)
    return pd.DataFrame(
        {
            "month_on": np.asarray(months).astype("datetime64[us]"),
            "activity": repeated(activity, n),
            "subject_type": repeated(subject[0], n),
            "subject_id": repeated(subject[1], n),
            "driver": repeated(driver, n),
            "driver_qty": np.asarray(qty, dtype=float),
            "fixed_amt": np.round(np.broadcast_to(fixed, n), 2),
            "variable_amt": np.round(np.maximum(variable, 0.0), 2),
            "programme_tag": repeated(tag, n),
        }
    )


def _err(n: int | tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.exp(rng.normal(0, NOISE, n))


def _lanes(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    months: pd.DatetimeIndex,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what each lane cost each month; nothing where it carried nothing."""
    sent = tables["_parcels"]
    month = np.searchsorted(months.to_numpy(), sent["dispatched_at"].to_numpy(), side="right") - 1
    names = lane_names()
    count = np.bincount(
        sent["lane"].to_numpy() * len(months) + month.clip(0), minlength=len(names) * len(months)
    )
    used = np.flatnonzero(count)
    lane, of = used // len(months), used % len(months)
    parcels = count[used].astype(float)
    personal = (lane % len(OPTIONS)).astype(float) * settings.size(BREAK_EVEN)
    unit = settings.preset.spend_amt / 100
    busy = parcels.mean() * unit
    amounts, drivers = {}, {}
    for activity, rate in LANE_RATES.items():
        fixed = LANE_FIXED[activity] / 100 * busy * rate  # of what an average lane spends on its parcels
        swing = rng.normal(0, NOISE, len(used)) * (fixed + rate * unit * parcels)
        amounts[activity] = fixed + rate * unit * (1 + PERSONAL[activity] * personal) * parcels + swing
        drivers[activity] = parcels
    hours = (SORTING_H + SORTING_LOSS_H * personal) * parcels * _err(len(used), rng)
    amounts["sorting"], drivers["sorting"] = hours * SORTING_RATE * unit * _err(len(used), rng), hours
    n, activities = len(used), list(amounts)
    return pd.DataFrame(
        {
            "month_on": np.tile(months.to_numpy()[of].astype("datetime64[us]"), len(activities)),
            "activity": words(activities, np.repeat(np.arange(len(activities)), n)),
            "subject_type": repeated("lane", n * len(activities)),
            "subject_id": words(
                [local(name, settings.block) for name in names], np.tile(lane, len(activities))
            ),
            "driver": words(["parcels", "parcels", "hours"], np.repeat(np.arange(len(activities)), n)),
            "driver_qty": np.round(np.concatenate([drivers[a] for a in activities]), 4),
            "fixed_amt": 0.0,
            "variable_amt": np.round(np.maximum(np.concatenate([amounts[a] for a in activities]), 0), 2),
        }
    )


def _workflow(settings: WorldSettings, assigned: _Assigned, rng: np.random.Generator) -> pd.DataFrame:
    qty = assigned.count("IN-workflow", "workflow")
    on = np.flatnonzero(qty)
    amount = qty[on] * WORKFLOW_COST * scale(settings) * _err(len(on), rng)
    subject = ("initiative", "IN-workflow")
    return _rows(
        assigned.months[on], "dedicated workflow", subject, "customers", qty[on], amount, tag=subject[1]
    )


def _depths(
    tables: Mapping[str, pd.DataFrame], assigned: _Assigned, rng: np.random.Generator
) -> pd.DataFrame:
    """Return hours of the team and requests to the system, by depth and month."""
    wage = float(tables["staff"]["cost_amt_h"].mean())
    parts = []
    for depth, hours, rps in zip(DEPTHS, DEPTH_HOURS, DEPTH_RPS, strict=True):
        qty = assigned.count("IN-depth", depth)
        on = np.flatnonzero(qty)
        worked = np.round(qty[on] * hours * _err(len(on), rng), 2)
        asked = np.round(qty[on] * rps * _err(len(on), rng), 5)
        subject, months = ("depth", depth), assigned.months[on]
        parts += [
            _rows(months, "engagement", subject, "staff hours", worked, worked * wage, tag="IN-depth"),
            _rows(months, "engagement", subject, "requests a second", asked, 0.0 * asked, tag="IN-depth"),
        ]
    return pd.concat(parts, ignore_index=True)


def _wishes(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    months: pd.DatetimeIndex,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what following wishes cost, by attribute."""
    shipments = tables["shipments"]
    done = shipments[shipments["preference_applied"].to_numpy().astype(bool)]
    attribute = (
        tables["preferences"]
        .set_index("preference_id")["attribute"]
        .reindex(done["preference_id"])
        .to_numpy()
    )
    month = np.searchsorted(months.to_numpy(), done["dispatched_at"].to_numpy(), side="right") - 1
    parts = []
    for name, cost in zip(wishes.ATTRIBUTES, WISH_COST, strict=True):
        qty = np.bincount(month[attribute == name].clip(0), minlength=len(months))
        on = np.flatnonzero(qty)
        amount = qty[on] * cost * settings.preset.spend_amt / 100 * _err(len(on), rng)
        parts.append(
            _rows(months[on], name, ("initiative", "IN-wish"), "parcels", qty[on], amount, tag="IN-wish")
        )
    return pd.concat(parts, ignore_index=True)


def _refresh(settings: WorldSettings, assigned: _Assigned, rng: np.random.Generator) -> pd.DataFrame:
    """Return the integration written out: each activity of each arm that costs anything."""
    parts = []
    for k, arm in enumerate(upgrades.ARMS):
        qty = assigned.count("IN-refresh", arm)
        on = np.flatnonzero(qty)
        most = qty.max(initial=0)
        for activity, (fixed, variable) in REFRESH_COST.items():
            if fixed[k] + variable[k] == 0:
                continue
            amount = qty[on] * variable[k] * scale(settings) * _err(len(on), rng)
            booked = fixed[k] * scale(settings) * most
            parts.append(
                _rows(
                    assigned.months[on],
                    activity,
                    ("arm", arm),
                    "customers",
                    qty[on],
                    amount,
                    booked,
                    "IN-refresh",
                )
            )
    return pd.concat(parts, ignore_index=True)


def _budget_lines(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    months: pd.DatetimeIndex,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the spending of both lines and the cost to serve, by area and month."""
    plan = tables["_budgets"]
    middle = (months + pd.Timedelta(days=14) - settings.start) / pd.Timedelta(weeks=1)
    period = np.searchsorted(np.unique(plan["from_week"]), np.asarray(middle), side="right") - 1
    inside = np.flatnonzero(period >= 0)
    cells = plan.set_index(["area", "period"]).sort_index()
    area = np.repeat(np.arange(budgets.CLUSTERS), len(inside))
    key = pd.MultiIndex.from_arrays([area, np.tile(period[inside], budgets.CLUSTERS)])
    now = cells.loc[key]
    when = np.tile(months[inside].to_numpy(), budgets.CLUSTERS)
    people = now["customers"].to_numpy().astype(float)
    parts = []
    for name, tag in (("intimacy", budgets.LINES[0]), ("savings", budgets.LINES[1])):
        spent = now[name].to_numpy() * people * scale(settings) / 10 * _err(len(area), rng)
        parts.append(_area_rows(when, area, f"{name} budget", people, spent, tag))
    saved = budgets.SAVING * settings.size(budgets.PLAY) * budgets.saturated(now["savings"].to_numpy())
    serve = people * scale(settings) / 4 * np.exp(-saved) * _err(len(area), rng)
    parts.append(_area_rows(when, area, "cost to serve", people, serve, None))
    return pd.concat(parts, ignore_index=True)


def _area_rows(
    when: NDArray, area: NDArray[np.int64], activity: str, people: NDArray, amount: NDArray, tag: str | None
) -> pd.DataFrame:
    rows = _rows(when, activity, ("area", ""), "customers", people, amount, tag=tag)
    return rows.assign(subject_id=words([f"area {k + 1}" for k in range(budgets.CLUSTERS)], area))


def _engagement(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the engagement system, and which resource binds first when everybody gets the deepest service."""
    staff = tables["staff"]
    there = staff[(staff["role"] == "account manager") & staff["left_on"].isna()]
    hours = float(there["fte_h_week"].sum()) * WEEKS_A_MONTH
    rps = SYSTEM_HEADROOM * settings.customers
    load = {
        "team hours": settings.customers * DEPTH_HOURS[-1] / max(hours, 1e-9),
        "system requests": settings.customers * DEPTH_RPS[-1] / rps,
    }
    play, system = "define.engagement_model", local("engagement", settings.block)
    return {
        "systems": pd.DataFrame(
            {"system_id": [system], "kind": "application", "capacity_rps": rps, "has_api": True}
        ),
        "truth_structure": planted(
            "truth_structure",
            play,
            kind="binds first",
            source=[system],
            target=max(load, key=load.__getitem__),
        ),
        "truth_parameters": planted(
            "truth_parameters",
            play,
            name=[
                f"{name}, {local('company', settings.block)}" for name in ("team hours", "system requests")
            ],
            value=[hours, rps],
            unit=["h/month", "1/s"],
        ),
    }


def _parameters(settings: WorldSettings) -> pd.DataFrame:
    """Return the planted cost drivers, by play."""
    unit, size = settings.preset.spend_amt / 100, settings.size(BREAK_EVEN)
    lanes = [
        *[(f"{a}, {o}, a parcel", r * unit * (1 + PERSONAL[a] * size * k), "money") for a, r in LANE_RATES.items()
          for k, o in enumerate(OPTIONS)],
        *[(f"sorting, {o}, a parcel", SORTING_H + SORTING_LOSS_H * size * k, "h") for k, o in enumerate(OPTIONS)],
        ("sorting, an hour", SORTING_RATE * unit, "money"),
    ]  # fmt: skip
    depths = [
        *[(f"{d}, team hours", h, "h/month") for d, h in zip(DEPTHS, DEPTH_HOURS, strict=True)],
        *[(f"{d}, system requests", r, "1/s") for d, r in zip(DEPTHS, DEPTH_RPS, strict=True)],
    ]
    refresh = [
        (
            f"{arm}, a customer",
            sum(f[k] + v[k] for f, v in REFRESH_COST.values()) * scale(settings),
            "money/month",
        )
        for k, arm in enumerate(upgrades.ARMS)
    ]
    wish = [(f"{a}, a parcel", c * unit, "money") for a, c in zip(wishes.ATTRIBUTES, WISH_COST, strict=True)]
    parts = {
        BREAK_EVEN: lanes,
        "define.engagement_model": depths,
        upgrades.PLAY: refresh,
        wishes.PLAY: wish,
        "define.customer_value": [("workflow, a customer", WORKFLOW_COST * scale(settings), "money/month")],
    }
    frames = []
    for play, rows in parts.items():
        name, value, units = zip(*rows, strict=True)
        frames.append(planted("truth_parameters", play, name=name, value=value, unit=units))
    return pd.concat(frames, ignore_index=True)


PLANTS = (
    Plant(
        play=BREAK_EVEN,
        what="Every lane has a cost before its first parcel and a cost for each; parcels at the customer's own hour "
        "cost more of each activity and slow down sorting for all.",
        why="The books call all of it variable: cost a parcel looks high where few parcels travel, whatever one more "
        "would cost.",
        tables=("costs", "shipments", "lanes", "orders"),
        truth=("truth_parameters",),
        size="LANE_RATES, LANE_FIXED; PERSONAL and SORTING_LOSS_H x size on evening lanes",
    ),
)
