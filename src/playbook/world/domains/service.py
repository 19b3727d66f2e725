"""Service: requests that orders and late parcels cause, the calls they lead to, and one desk of agents who
answer them.

Every wait in `interactions` comes out of one event-driven queue (`methods.queueing.simulate`) of the phone
agents who were really on shift, first come first served; nothing about waits is drawn. Callers of all markets
share that desk.

Planted, and kept in the truth tables:

- `truth_parameters`: how a person's skill, and answering one's own customer, change handling time; how
  lateness turns into complaints. All scale with `settings.effect`.
- `truth_calls`: of every phone call, how long that caller would have waited before giving up, and how long
  the call takes an average agent who does not know the customer. With them any routing rule can be replayed
  exactly.

Own agents answer some calls by chance, and some because difficult cases look for the agent who knows them: a
plain comparison of handling times with and without the own agent is wrong. Calls that were given up have
`answered_at` empty. Handling times are lognormal, patience is a gamma mixture of exponentials, days differ by
more than chance: none of it is the exponential world of the Erlang formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.queueing import simulate, square_root_servers
from playbook.world.keys import ids
from playbook.world.truth import planted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery", "organisation")

WORDS = {"question": 0.5, "product": 0.25, "invoice": 0.25}  # requests that no late parcel caused
SEVERITY = {
    "gold": (0.30, 0.34, 0.24, 0.12),
    "silver": (0.38, 0.36, 0.18, 0.08),
    "bronze": (0.45, 0.35, 0.15, 0.05),
}
COMPLAINT = 0.7  # hazard of a complaint per unit of sensitivity and root of days late
CALLS_AGAIN = 0.10  # further contacts per level of severity
PHONE = {"phone": 0.95, "email": 0.45, "chat": 0.55}  # share of contacts by phone, by preferred channel

OPENS_H, CLOSES_H = 7, 21  # UTC, Monday to Friday
UTC_OFFSET_H = {"R1": 0, "R2": 1, "R3": 1, "R4": -5, "R5": -3}
LOCAL_HOURS = {8: 0.6, 9: 1.2, 10: 1.5, 11: 1.3, 12: 0.7, 13: 1.0, 14: 1.4, 15: 1.3, 16: 1.0, 17: 0.5}
DAY_SD = 0.5  # of the log of how busy a day is, for the share of calls that could come on any day of the week
MOVABLE = 0.4

BLOCKS_H = ((7, 11), (11, 14), (14, 17), (17, 21))
GRADE = 0.15  # square-root staffing of a block's mean load: too little at its busiest hour
SICK = 0.06
PHONE_TEAM = 0.15  # share of service agents who take calls and own relationships

HANDLE_LOG_SD = 0.45
HANDLE_ON_SEVERITY = 0.30
HANDLE_ON_SKILL = -0.12
HANDLE_BY_OWN = -0.18  # who knows the customer needs no story told twice
PATIENCE_ON_SEVERITY = 1.5  # who needs more help waits longer for it
SEEKS_OWN = 0.8  # share of severe cases that look for their own agent; the others meet them by chance


def hour_profile() -> NDArray[np.float64]:
    """Return the planted share of each market's calls per UTC hour of the day, shape (markets, 24)."""
    profile = np.zeros((len(UTC_OFFSET_H), 24))
    for row, offset in enumerate(UTC_OFFSET_H.values()):
        for local, weight in LOCAL_HOURS.items():
            if OPENS_H <= local - offset < CLOSES_H:
                profile[row, local - offset] = weight
    return profile / profile.sum(axis=1, keepdims=True)


def choose(
    shares: NDArray[np.float64], row: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return a column drawn from each given row of `shares`, shape (n,)."""
    table = np.cumsum(shares, axis=1)
    return (rng.random((len(row), 1)) * table[row, -1:] >= table[row]).sum(axis=1)


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, interactions, shifts, truth_calls and truth_parameters."""
    team = _PhoneTeam(settings, tables, rng)
    requests = _requests(settings, tables, rng)
    requests["ticket_id"] = ids("K", len(requests), settings.block)
    requests["owner"] = team.owner(requests)
    contacts = _contacts(settings, requests, tables["customers"], rng)
    contacts = _with_demands(settings, contacts, requests, tables["truth_customers"], rng)
    calls = contacts[contacts["channel"] == "phone"]
    roster = team.roster(calls["minute"].to_numpy(), calls["work"].to_numpy())
    contacts = _with_answers(settings, contacts, team, roster, rng)

    customer_id = tables["customers"]["customer_id"].to_numpy()
    interactions = _interactions(settings, contacts, requests, customer_id, team)
    return {
        "tickets": _tickets(settings, requests, contacts, customer_id, team, rng),
        "interactions": interactions,
        "shifts": _shifts(settings, roster, team),
        "truth_calls": pd.DataFrame(
            {
                "interaction_id": interactions["interaction_id"].to_numpy()[calls.index],
                "patience_min": calls["patience"].to_numpy(),
                "work_min": calls["work"].to_numpy(),
            }
        ),
        **({} if settings.block else {"truth_parameters": _truth_parameters(settings.effect)}),
    }


def _with_demands(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    requests: pd.DataFrame,
    truth: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return contacts with the work (minutes) they make, their patience (minutes), the owner of the
    relationship, and whether they look for them.
    """
    n = len(contacts)
    severity = requests["severity"].to_numpy()[contacts["request"]]
    work = settings.preset.handle_min * np.exp(
        HANDLE_ON_SEVERITY * (severity - 1) + rng.normal(0, HANDLE_LOG_SD, n)
    )
    patience = truth["patience_min"].to_numpy()[contacts["customer"]]
    patience = patience * (1 + PATIENCE_ON_SEVERITY * (severity - 1)) * rng.exponential(1.0, n)
    return contacts.assign(
        work=work,
        patience=patience,
        owner=requests["owner"].to_numpy()[contacts["request"]],
        seeks_own=(severity >= 3) & (rng.random(n) < SEEKS_OWN),
    )


def _with_answers(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    team: _PhoneTeam,
    roster: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return contacts with who answers (agent, is_answered), and the minutes of wait and handling.

    Calls queue for those on shift; written contacts are answered within a working day by whoever has time.
    """
    pace = np.exp(HANDLE_ON_SKILL * settings.effect * team.skill)
    own_pace = _own_pace(settings.effect)
    minute, work = contacts["minute"].to_numpy(), contacts["work"].to_numpy()
    owner = contacts["owner"].to_numpy()
    phone = np.flatnonzero(contacts["channel"] == "phone")
    worked = roster[roster["is_worked"]]
    served = simulate(
        minute[phone],
        work[phone],
        (worked["agent"], worked["start_min"], worked["end_min"]),
        patience=contacts["patience"].to_numpy()[phone],
        named=owner[phone],
        hold=np.where(contacts["seeks_own"], 0.0, -1.0)[phone],
        pace=pace,
        named_pace=own_pace,
    )
    agent = team.on_day(np.floor(minute / 1440).astype(np.int64), rng)
    wait = rng.gamma(2.0, 120.0, len(contacts))
    agent[phone], wait[phone] = served.server, served.wait
    return contacts.assign(
        agent=agent,
        wait=wait,
        handle=work * pace[agent] * np.where(agent == owner, own_pace, 1.0),
        is_answered=(agent >= 0) & (minute + wait < settings.days * 1440.0),
    )


def _own_pace(effect: float) -> float:
    return float(np.exp(HANDLE_BY_OWN * effect))


def _at(settings: WorldSettings, minutes: NDArray, known: NDArray[np.bool_] | bool = True) -> pd.Series:
    """Return minutes of the history as moments; empty where not known or after its end."""
    inside = known & (minutes < settings.days * 1440.0)
    offset = np.where(inside, minutes, 0.0) * 60e6
    moment = np.datetime64(settings.start, "us") + offset.astype("timedelta64[us]")
    return pd.Series(moment).where(np.broadcast_to(inside, len(moment)))


def _interactions(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    requests: pd.DataFrame,
    customer_id: NDArray[np.object_],
    team: _PhoneTeam,
) -> pd.DataFrame:
    minute, answered = contacts["minute"].to_numpy(), contacts["is_answered"].to_numpy()
    answered_min = minute + contacts["wait"].to_numpy()
    return pd.DataFrame(
        {
            "interaction_id": ids("I", len(contacts), settings.block),
            "customer_id": customer_id[contacts["customer"]],
            "ticket_id": requests["ticket_id"].to_numpy()[contacts["request"]],
            "staff_id": team.name(np.where(answered, contacts["agent"], -1)),
            "channel": contacts["channel"].to_numpy(),
            "direction": "in",
            "purpose": "service",
            "arrived_at": _at(settings, minute),
            "answered_at": _at(settings, answered_min, answered),
            "ended_at": _at(settings, _over(contacts)),
            "handle_s": np.where(answered, np.round(contacts["handle"].to_numpy() * 60), np.nan),
        }
    )


def _over(contacts: pd.DataFrame) -> NDArray[np.float64]:
    """Return the minute at which each contact is over: handled, or given up."""
    wait, handle = contacts["wait"].to_numpy(), contacts["handle"].to_numpy()
    return contacts["minute"].to_numpy() + np.where(contacts["is_answered"], wait + handle, wait)


def _tickets(
    settings: WorldSettings,
    requests: pd.DataFrame,
    contacts: pd.DataFrame,
    customer_id: NDArray[np.object_],
    team: _PhoneTeam,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one ticket per request, resolved some time after its last contact."""
    opened, severity = requests["minute"].to_numpy(), requests["severity"].to_numpy()
    request = contacts["request"].to_numpy()
    answer = np.where(contacts["is_answered"], contacts["minute"] + contacts["wait"], np.inf)
    reply = pd.Series(answer).groupby(request).min().to_numpy()
    # Who never got through is written to within two days.
    reply = np.where(np.isinf(reply), opened + rng.uniform(600, 2880, len(requests)), reply)
    last = np.maximum(pd.Series(_over(contacts)).groupby(request).max().to_numpy(), reply)
    resolved = last + rng.exponential(600.0 * severity)
    return pd.DataFrame(
        {
            "ticket_id": requests["ticket_id"].to_numpy(),
            "customer_id": customer_id[requests["customer"]],
            "category": requests["category"].to_numpy(),
            "tier_at_open": requests["tier"].to_numpy(),
            "severity": severity,
            "opened_at": _at(settings, opened),
            "first_response_at": _at(settings, reply),
            "resolved_at": _at(settings, resolved),
            "owner_staff_id": team.name(requests["owner"].to_numpy()),
        }
    )


def _shifts(settings: WorldSettings, roster: pd.DataFrame, team: _PhoneTeam) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "shift_id": ids("H", len(roster), settings.block),
            "staff_id": team.staff_id[roster["agent"]],
            "starts_at": _at(settings, roster["start_min"].to_numpy(dtype=float)),
            "ends_at": _at(settings, roster["end_min"].to_numpy(dtype=float)),
            "activity": "phone",
            "is_worked": roster["is_worked"],
        }
    )


def _truth_parameters(effect: float) -> pd.DataFrame:
    rows = [
        ("handle_log_per_skill_sd", HANDLE_ON_SKILL * effect, "log"),
        ("handle_ratio_own_agent", _own_pace(effect), "ratio"),
        ("complaint_hazard", COMPLAINT * effect, "1/root day"),
    ]
    name, value, unit = zip(*rows, strict=True)
    return planted("truth_parameters", "design.routing", name=name, value=value, unit=unit)


def _requests(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return what customers need help with: customer (index), tier, category, severity, minute of the first
    contact.
    """
    customers = tables["customers"]
    asks = _asks(settings, tables, rng)
    complaints = _complaints(settings, tables, rng)
    requests = pd.concat([asks, complaints], ignore_index=True)
    region = customers["region_id"].map(pd.Series(range(len(UTC_OFFSET_H)), index=list(UTC_OFFSET_H)))
    requests["zone"] = region.to_numpy()[requests["customer"]]
    requests["minute"] = _slot(
        settings, requests["day"], requests["zone"], requests["category"] != "delivery", rng
    )
    requests = requests[requests["minute"] < settings.days * 1440].sort_values("minute", kind="stable")
    requests["tier"] = customers["tier"].to_numpy()[requests["customer"]]
    requests["severity"] = _severity(requests, rng)
    return requests.reset_index(drop=True)


def _asks(settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> pd.DataFrame:
    """Return the requests that orders cause: customer, category, day, late_d (0)."""
    orders = tables["orders"]
    source = np.repeat(np.arange(len(orders)), rng.poisson(settings.preset.requests_per_order, len(orders)))
    asked = _day(settings, orders["ordered_at"])[source] + rng.exponential(5.0, len(source))
    return pd.DataFrame(
        {
            "customer": _customer(tables, orders)[source],
            "category": rng.choice(list(WORDS), len(source), p=list(WORDS.values())),
            "day": asked,
            "late_d": 0.0,
        }
    )


def _complaints(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the requests that late parcels cause: customer, category, day, late_d (days late so far)."""
    shipments = tables["shipments"]
    who = _customer(tables, shipments)
    promised, arrived = (_day(settings, shipments[at]) for at in ("promised_at", "delivered_at"))
    late_d = np.clip(np.where(np.isnan(arrived), settings.days, arrived) - promised, 0.0, None)
    hazard = COMPLAINT * settings.effect * tables["truth_customers"]["late_sensitivity"].to_numpy()[who]
    complains = rng.random(len(who)) < -np.expm1(-hazard * np.sqrt(late_d))
    complaints = pd.DataFrame(
        {
            "customer": who,
            "category": "delivery",
            "day": promised + rng.exponential(1.0, len(who)),
            "late_d": late_d,
        }
    )
    return complaints[complains]


def _customer(tables: dict[str, pd.DataFrame], rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return the position of each row's customer among the customers."""
    return pd.Index(tables["customers"]["customer_id"]).get_indexer(rows["customer_id"])


def _day(settings: WorldSettings, at: pd.Series) -> NDArray[np.float64]:
    """Return moments as days since the start of the history; nan where empty."""
    return (at.to_numpy() - np.datetime64(settings.start, "us")) / np.timedelta64(86_400_000_000, "us")


def _severity(requests: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the severity of requests: by the delay for late parcels, else drawn by tier."""
    tier = pd.Index(list(SEVERITY)).get_indexer(pd.Index(requests["tier"]))
    level = choose(np.array(list(SEVERITY.values())), tier, rng)
    by_delay = 1 + np.floor(requests["late_d"] / 2).clip(upper=3)
    return np.where(requests["category"] == "delivery", by_delay, 1 + level).astype(np.int64)


def _slot(
    settings: WorldSettings,
    day: pd.Series,
    zone: pd.Series,
    movable: pd.Series | bool,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the minute at which contacts that come up on `day` reach the desk: on a weekday, in the caller's
    hours.
    """
    n = len(day)
    offset = settings.start.weekday()
    weekday_no = np.floor(day.to_numpy()).astype(np.int64) + offset
    weekend = weekday_no % 7 >= 5
    ahead = 7 - weekday_no % 7 + np.where(rng.random(n) < 0.5, 0, rng.integers(0, 5, n))
    weekday_no = np.where(weekend, weekday_no + ahead, weekday_no)
    weeks = int(weekday_no.max(initial=0)) // 7 + 1
    busy = np.exp(rng.normal(0, DAY_SD, (weeks, 5)))
    moved = np.asarray(movable) & (rng.random(n) < MOVABLE) & (weekday_no >= 7)
    weekday_no = np.where(moved, weekday_no // 7 * 7 + choose(busy, weekday_no // 7, rng), weekday_no)
    hour = choose(hour_profile(), zone.to_numpy(), rng)
    return (weekday_no - offset) * 1440.0 + (hour + rng.random(n)) * 60


def _contacts(
    settings: WorldSettings, requests: pd.DataFrame, customers: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return first and further contacts in order of time: request and customer (indices), channel, minute."""
    n = len(requests)
    again = rng.poisson(CALLS_AGAIN * requests["severity"].to_numpy())
    request = np.repeat(np.arange(n), again)
    nth = np.arange(len(request)) - np.repeat(np.cumsum(again) - again, again) + 1
    gap_d = rng.uniform(1.0, 5.0, n)[request] * nth
    day = np.floor(requests["minute"].to_numpy()[request] / 1440) + gap_d
    minute = _slot(settings, pd.Series(day), requests["zone"].iloc[request], False, rng)
    contacts = pd.DataFrame(
        {
            "request": np.concatenate([np.arange(n), request]),
            "minute": np.concatenate([requests["minute"], minute]),
        }
    )
    contacts = contacts[contacts["minute"] < settings.days * 1440].sort_values("minute", kind="stable")
    contacts = contacts.reset_index(drop=True)
    contacts["customer"] = requests["customer"].to_numpy()[contacts["request"]]
    prefers = customers["preferred_channel"].to_numpy()[contacts["customer"]]
    by_phone = rng.random(len(contacts)) < pd.Series(prefers).map(PHONE).to_numpy()
    written = np.where(prefers == "chat", "chat", "email")
    contacts["channel"] = np.where(by_phone, "phone", written)
    return contacts


class _PhoneTeam:
    """The agents who take calls: who is employed when, who owns which customer, who is on shift."""

    def __init__(
        self, settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
    ) -> None:
        agents = tables["staff"]["role"].to_numpy() == "service agent"
        staff = tables["staff"][agents]
        self.staff_id = staff["staff_id"].to_numpy(dtype=object)
        self.skill = tables["truth_staff"]["skill"].to_numpy()[agents]
        day = np.timedelta64(1, "D")
        start = np.datetime64(settings.start, "us")
        self.hired = np.floor((staff["hired_on"].to_numpy() - start) / day)
        left = np.floor((staff["left_on"].to_numpy() - start) / day)
        self.left = np.where(np.isnan(left), np.inf, left)
        n = len(staff)
        takes_calls = rng.random(n) < PHONE_TEAM
        days = np.arange(settings.days)[:, None]
        employed = (self.hired <= days) & (days < self.left)
        # Phone agents first, then other employed agents, who help out when there are too few; in each day's
        # own order.
        rank = rng.random((settings.days, n)) + np.where(takes_calls, 0.0, 1.0) + np.where(employed, 0.0, 2.0)
        self.order = np.argsort(rank, axis=1)
        self.employed = employed.sum(axis=1)
        self.phone_team = (employed & takes_calls).sum(axis=1)
        self.weekday = (np.arange(settings.days) + settings.start.weekday()) % 7
        self.is_sick = rng.random((settings.days, n)) < SICK
        # Each customer's line of succession: the first who is employed owns the relationship.
        pool = np.flatnonzero(takes_calls) if takes_calls.any() else np.arange(n)
        self.candidates = rng.choice(pool, (len(tables["customers"]), 24))

    def owner(self, requests: pd.DataFrame) -> NDArray[np.int64]:
        """Return who owns each request's customer when it is opened; -1 for bronze."""
        day = np.floor(requests["minute"].to_numpy() / 1440)[:, None]
        line = self.candidates[requests["customer"]]
        there = (self.hired[line] <= day) & (day < self.left[line])
        first = line[np.arange(len(line)), there.argmax(axis=1)]
        return np.where((requests["tier"] != "bronze") & there.any(axis=1), first, -1)

    def name(self, agent: NDArray[np.int64]) -> pd.Series:
        """Return the keys of agents given by position; empty for -1."""
        return pd.Series(np.array([*self.staff_id, None], dtype=object)[agent], dtype="str")

    def on_day(self, day: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return an employed agent for each given day; -1 where there is none."""
        position = np.floor(rng.random(len(day)) * self.employed[day]).astype(np.int64)
        return np.where(self.employed[day] > 0, self.order[day, position], -1)

    def roster(self, minute: NDArray[np.float64], work: NDArray[np.float64]) -> pd.DataFrame:
        """Return planned shifts, for calls of which the planner knows the mean per quarter, weekday and
        block.
        """
        day = np.floor(minute / 1440).astype(np.int64)
        starts = np.array([block[0] for block in BLOCKS_H])
        block = np.searchsorted(starts, minute % 1440 / 60, side="right") - 1
        cells = pd.DataFrame({"day": np.arange(len(self.weekday)), "weekday": self.weekday})
        cells["quarter"] = cells["day"] // 91
        load = np.zeros((len(self.weekday), len(BLOCKS_H)))
        np.add.at(load, (day, block), work / 60)
        load /= np.array([end - start for start, end in BLOCKS_H])
        mean = pd.DataFrame(load).groupby([cells["quarter"], cells["weekday"]]).transform("mean").to_numpy()
        need = np.array([[square_root_servers(cell, grade=GRADE) for cell in row] for row in mean])
        need = np.minimum(np.maximum(need, 1), self.employed[:, None]) * (self.weekday < 5)[:, None]

        pool = np.maximum(np.maximum(self.phone_team, need.max(axis=1)), 1)
        before = np.cumsum(need, axis=1) - need
        rows = np.repeat(np.arange(need.size), need.ravel())
        of_day, of_block = rows // len(BLOCKS_H), rows % len(BLOCKS_H)
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(need.ravel()) - need.ravel(), need.ravel())
        agent = self.order[of_day, (before[of_day, of_block] + nth) % pool[of_day]]
        hours = np.array(BLOCKS_H)[of_block]
        return pd.DataFrame(
            {
                "agent": agent,
                "start_min": of_day * 1440 + hours[:, 0] * 60,
                "end_min": of_day * 1440 + hours[:, 1] * 60,
                "is_worked": ~self.is_sick[of_day, agent],
            }
        )
