"""Service: the contacts that requests lead to, and one desk of agents who answer them.

Every wait of a phone call comes out of one event-driven queue (`methods.queueing.simulate`) of the phone
agents who were really on shift, first come first served; nothing about those waits is drawn. Callers of all
markets share that desk. What customers write is answered by another desk, and some of it by vendors (easy cases
rather than hard ones, above all for the first vendor): later when more was written that day, when fewer came to
work than planned, and when the case is not urgent.

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

What comes of a contact, and what else was tried in it, is planted by later domains; `_cases` tells them, for each
ticket, of its first contact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.queueing import simulate
from playbook.world.domains.organisation import VENDORS, desks
from playbook.world.domains.requests import COMPLAINT, category_names, slot
from playbook.world.histories import factor_of
from playbook.world.keys import ids, position
from playbook.world.moments import at_minute
from playbook.world.plants import Plant
from playbook.world.rosters import Agents, WrittenRoster
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "pilots", "requests", "organisation")

CALLS_AGAIN = 0.10  # further contacts per level of severity
PHONE = {"phone": 0.95, "email": 0.45, "chat": 0.55}  # share of contacts by phone, by preferred channel
CHANNELS = ("phone", "chat", "email")
HISTORIES = ("first", "repeat")
HISTORY_D = 30  # a repeat customer asked something in the last days

HANDLE_LOG_SD = 0.45
HANDLE_ON_SEVERITY = 0.30
HANDLE_ON_SKILL = -0.12
HANDLE_BY_OWN = -0.18  # who knows the customer needs no story told twice
PATIENCE_ON_SEVERITY = 1.5  # who needs more help waits longer for it
SEEKS_OWN = 0.8  # share of severe cases that look for their own agent; the others meet them by chance

WRITTEN_WAIT_MIN = {"chat": 14.0, "email": 300.0}  # of a middling case on a middling day
URGENT = (1.8, 0.9, 0.35, 0.12)  # factor on it, by severity
WAIT_SHAPE = 1.6  # gamma
VENDOR_SHARE = 0.3  # of written contacts
VENDOR_CASES = ((1.6, 0.9, 0.3, 0.1), (1.0, 1.0, 1.0, 1.0), (0.4, 1.1, 1.7, 1.9))  # weight by severity

PLANTS = (
    Plant(
        play="design.routing",
        what="Calls of all tiers wait in one line for the agents who are on shift. Some agents own customers; hard "
        "cases look for the agent who knows them. Callers give up when they have waited long enough.",
        why="The log shows the waits under today's rule only: who is served later tomorrow waits longer than the log "
        "says. Calls that were given up hide how long their callers would have waited.",
        tables=("interactions", "tickets", "shifts", "staff"),
        truth=("truth_calls", "truth_parameters", "truth_staff"),
        size="HANDLE_ON_SKILL x effect per sd of skill; HANDLE_BY_OWN x effect with the own agent; patience by customer "
        "(truth_customers) and PATIENCE_ON_SEVERITY",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, interactions, shifts, truth_calls, truth_parameters, and _cases for later domains.

    `_cases` has a row per ticket, in order: ticket (position in `tickets`), customer, category, severity, tier, desk
    (positions), history (position in `HISTORIES`), channel of the first contact (position in `CHANNELS`), contact
    (position in `interactions`), agent (position in `staff`; -1 for none), vendor (-1 for none), skill of the agent,
    wait_min of that contact, busy (contacts of the day against the mean weekday), and the minutes opened_min,
    resolved_min and closes_min (when the customer leaves).
    """
    agents = Agents(settings, tables, rng)
    requests = tables["_requests"]
    ticket_id = ids("K", len(requests), settings.block)
    owner = agents.owner(
        requests["customer"].to_numpy(),
        requests["minute"].to_numpy(),
        requests["tier"].to_numpy() != TIERS.index("bronze"),
    )
    contacts = _contacts(settings, requests, tables["customers"], rng)
    contacts = _with_demands(settings, contacts, requests, owner, tables["truth_customers"], rng)
    week = contacts["minute"].to_numpy() / 10_080
    customer = contacts["customer"].to_numpy()  # programmes that make a contact longer, or shorter
    contacts["work"] *= factor_of(customer, week, tables["_work_changes"], len(tables["customers"]))
    calls = contacts[contacts["channel"] == 0]
    phone = agents.phone_roster(calls["minute"].to_numpy(), calls["work"].to_numpy())
    written = agents.written_roster(rng)
    contacts = _with_call_answers(settings, contacts, agents, phone)
    contacts = _with_written_answers(settings, contacts, agents, written, rng)
    contacts["handle"] = contacts["work"] * _pace(settings, agents, contacts)
    contacts["is_answered"] = (contacts["agent"] >= 0) & (
        contacts["minute"] + contacts["wait"] < settings.days * 1440.0
    )

    customer_id = tables["customers"]["customer_id"].array
    interactions = _interactions(settings, contacts, ticket_id, customer_id, agents)
    times = _times(contacts, requests, rng)
    return {
        "tickets": _tickets(settings, requests, times, ticket_id, customer_id, agents.name(owner)),
        "interactions": interactions,
        "shifts": _shifts(settings, {"phone": phone, "written": written.shifts()}, agents),
        "truth_calls": pd.DataFrame(
            {
                "interaction_id": interactions["interaction_id"].array.take(calls.index),
                "patience_min": calls["patience"].to_numpy(),
                "work_min": calls["work"].to_numpy(),
            }
        ),
        "_cases": _cases(tables, contacts, requests, times, agents),
        **({} if settings.block else {"truth_parameters": _truth_parameters(settings.effect)}),
    }


def _contacts(
    settings: WorldSettings, requests: pd.DataFrame, customers: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return first and further contacts in order of time: request and customer (positions), channel, minute."""
    n = len(requests)
    again = rng.poisson(CALLS_AGAIN * requests["severity"].to_numpy())
    request = np.repeat(np.arange(n), again)
    nth = np.arange(len(request)) - np.repeat(np.cumsum(again) - again, again) + 1
    gap_d = rng.uniform(1.0, 5.0, n)[request] * nth
    day = np.floor(requests["minute"].to_numpy()[request] / 1440) + gap_d
    later = slot(settings, day, requests["zone"].to_numpy()[request], False, rng)
    minute = np.concatenate([requests["minute"], later])
    request = np.concatenate([np.arange(n), request])
    inside = minute < np.minimum(settings.days * 1440.0, requests["closes_min"].to_numpy()[request])
    order = np.argsort(minute, kind="stable")
    order = order[inside[order]]
    request, minute = request[order], minute[order]
    customer = requests["customer"].to_numpy()[request]
    prefers = position(customers["preferred_channel"], list(PHONE))[customer]
    by_phone = rng.random(len(customer)) < np.array(list(PHONE.values()))[prefers]
    written = np.where(prefers == list(PHONE).index("chat"), CHANNELS.index("chat"), CHANNELS.index("email"))
    return pd.DataFrame(
        {
            "request": request,
            "minute": minute,
            "customer": customer,
            "channel": np.where(by_phone, 0, written),
        }
    )


def _with_demands(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    requests: pd.DataFrame,
    owner: NDArray[np.int64],
    truth: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return contacts with the work (minutes) they make, their patience (minutes), the owner of the
    relationship, and whether they look for them.
    """
    n = len(contacts)
    request = contacts["request"].to_numpy()
    severity = requests["severity"].to_numpy()[request]
    work = settings.preset.handle_min * np.exp(
        HANDLE_ON_SEVERITY * (severity - 1) + rng.normal(0, HANDLE_LOG_SD, n)
    )
    patience = truth["patience_min"].to_numpy()[contacts["customer"]]
    patience = patience * (1 + PATIENCE_ON_SEVERITY * (severity - 1)) * rng.exponential(1.0, n)
    return contacts.assign(
        severity=severity,
        work=work,
        patience=patience,
        owner=owner[request],
        seeks_own=(severity >= 3) & (rng.random(n) < SEEKS_OWN),
        agent=-1,
        wait=0.0,
    )


def _with_call_answers(
    settings: WorldSettings, contacts: pd.DataFrame, agents: Agents, roster: pd.DataFrame
) -> pd.DataFrame:
    """Return contacts with who answers each call (agent, -1 for nobody) and its wait in minutes."""
    calls = contacts[contacts["channel"] == 0]
    worked = roster[roster["is_worked"]]
    served = simulate(
        calls["minute"].to_numpy(),
        calls["work"].to_numpy(),
        (worked["agent"], worked["start_min"], worked["end_min"]),
        patience=calls["patience"].to_numpy(),
        named=calls["owner"].to_numpy(),
        hold=np.where(calls["seeks_own"], 0.0, -1.0),
        pace=np.exp(HANDLE_ON_SKILL * settings.effect * agents.skill),
        named_pace=_own_pace(settings.effect),
    )
    agent, wait = contacts["agent"].to_numpy().copy(), contacts["wait"].to_numpy().copy()
    agent[calls.index], wait[calls.index] = served.server, served.wait
    return contacts.assign(agent=agent, wait=wait)


def _with_written_answers(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    agents: Agents,
    roster: WrittenRoster,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return contacts with who answers what was written, its wait in minutes, and how busy the day was."""
    day = np.floor(contacts["minute"].to_numpy() / 1440).astype(np.int64)
    a_day = np.bincount(day, minlength=settings.days)
    busy = (a_day / max(a_day[agents.weekday < 5].mean(), 1e-9))[day]
    rows = np.flatnonzero(contacts["channel"] != 0)
    severity = contacts["severity"].to_numpy()[rows]
    usual = np.array([0.0, *WRITTEN_WAIT_MIN.values()])[contacts["channel"].to_numpy()[rows]]
    wait = usual * np.array(URGENT)[severity - 1] * busy[rows] * roster.gap(day[rows])
    wait *= rng.gamma(WAIT_SHAPE, 1 / WAIT_SHAPE, len(rows))
    agent = roster.on_day(day[rows], rng)
    weight = np.array(VENDOR_CASES)[:, severity - 1] * VENDOR_SHARE / len(VENDORS)
    vendor = (rng.random(len(rows)) >= np.cumsum(weight, axis=0)).sum(axis=0)  # len(VENDORS): an own agent
    people = np.flatnonzero(agents.vendor >= 0).reshape(len(VENDORS), -1)
    theirs = vendor < len(VENDORS)
    place = rng.integers(0, people.shape[1], len(rows))
    agent[theirs] = people[vendor[theirs], place[theirs]]
    everyone, waits = contacts["agent"].to_numpy().copy(), contacts["wait"].to_numpy().copy()
    everyone[rows], waits[rows] = agent, wait
    return contacts.assign(agent=everyone, wait=waits, busy=busy)


def _pace(settings: WorldSettings, agents: Agents, contacts: pd.DataFrame) -> NDArray[np.float64]:
    """Return the factor that who answers puts on the work of each contact."""
    agent = contacts["agent"].to_numpy()
    pace = np.exp(HANDLE_ON_SKILL * settings.effect * agents.skill)[agent]
    return pace * np.where(agent == contacts["owner"].to_numpy(), _own_pace(settings.effect), 1.0)


def _own_pace(effect: float) -> float:
    return float(np.exp(HANDLE_BY_OWN * effect))


def _interactions(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    ticket_id: pd.Series,
    customer_id: pd.api.extensions.ExtensionArray,
    agents: Agents,
) -> pd.DataFrame:
    minute, answered = contacts["minute"].to_numpy(), contacts["is_answered"].to_numpy()
    nought = np.zeros(len(contacts), dtype=np.int64)
    return pd.DataFrame(
        {
            "interaction_id": ids("I", len(contacts), settings.block),
            "customer_id": customer_id.take(contacts["customer"].to_numpy()),
            "ticket_id": ticket_id.array.take(contacts["request"]),
            "staff_id": agents.name(np.where(answered, contacts["agent"], -1)),
            "channel": words(CHANNELS, contacts["channel"].to_numpy()),
            "direction": words(["in"], nought),
            "purpose": words(["service"], nought),
            "arrived_at": at_minute(settings, minute),
            "answered_at": at_minute(settings, minute + contacts["wait"].to_numpy(), answered),
            "ended_at": at_minute(settings, _over(contacts)),
            "handle_s": np.where(answered, np.round(contacts["handle"].to_numpy() * 60), np.nan),
        }
    )


def _over(contacts: pd.DataFrame) -> NDArray[np.float64]:
    """Return the minute at which each contact is over: handled, or given up."""
    wait, handle = contacts["wait"].to_numpy(), contacts["handle"].to_numpy()
    return contacts["minute"].to_numpy() + np.where(contacts["is_answered"], wait + handle, wait)


def _times(contacts: pd.DataFrame, requests: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the minutes at which each request was opened, first answered, and resolved some time after its last
    contact.
    """
    n, opened = len(requests), requests["minute"].to_numpy()
    request = contacts["request"].to_numpy()
    reply, last = np.full(n, np.inf), np.zeros(n)
    np.minimum.at(
        reply, request, np.where(contacts["is_answered"], contacts["minute"] + contacts["wait"], np.inf)
    )
    np.maximum.at(last, request, _over(contacts))
    # Who never got through is written to within two days.
    reply = np.where(np.isinf(reply), opened + rng.uniform(600, 2880, n), reply)
    resolved = np.maximum(last, reply) + rng.exponential(600.0 * requests["severity"].to_numpy())
    return pd.DataFrame({"opened": opened, "reply": reply, "resolved": resolved})


def _tickets(
    settings: WorldSettings,
    requests: pd.DataFrame,
    times: pd.DataFrame,
    ticket_id: pd.Series,
    customer_id: pd.api.extensions.ExtensionArray,
    owner: pd.api.extensions.ExtensionArray,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticket_id": ticket_id,
            "customer_id": customer_id.take(requests["customer"].to_numpy()),
            "category": category_names(requests["category"].to_numpy()),
            "queue": words([key for key, _ in desks(settings)], requests["desk"].to_numpy()),
            "tier_at_open": words(TIERS, requests["tier"].to_numpy()),
            "severity": requests["severity"].to_numpy(),
            "opened_at": at_minute(settings, times["opened"].to_numpy()),
            "first_response_at": at_minute(settings, times["reply"].to_numpy()),
            "resolved_at": at_minute(settings, times["resolved"].to_numpy()),
            "owner_staff_id": owner,
        }
    )


def _cases(
    tables: Mapping[str, pd.DataFrame],
    contacts: pd.DataFrame,
    requests: pd.DataFrame,
    times: pd.DataFrame,
    agents: Agents,
) -> pd.DataFrame:
    """Return `_cases`, see `generate`: every request has a contact, the first of which opened it."""
    first = np.zeros(len(requests), dtype=np.int64)
    first[contacts["request"].to_numpy()[::-1]] = contacts.index.to_numpy()[::-1]
    agent = np.where(contacts["is_answered"], contacts["agent"], -1)[first]
    return pd.DataFrame(
        {
            name: requests[name].to_numpy()
            for name in ("customer", "category", "severity", "tier", "desk", "closes_min")
        }
        | {
            "ticket": _rows_before(tables, "tickets") + np.arange(len(requests)),
            "contact": _rows_before(tables, "interactions") + first,
            "channel": contacts["channel"].to_numpy()[first],
            "history": _history(requests["customer"].to_numpy(), times["opened"].to_numpy()),
            "agent": np.where(agent >= 0, agents.row[agent], -1),
            "vendor": np.where(agent >= 0, agents.vendor[agent], -1),
            "skill": np.where(agent >= 0, agents.skill[agent], 0.0),
            "wait_min": contacts["wait"].to_numpy()[first],
            "busy": contacts["busy"].to_numpy()[first],
            "opened_min": times["opened"].to_numpy(),
            "resolved_min": times["resolved"].to_numpy(),
        }
    )


def _history(customer: NDArray[np.int64], opened: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position in `HISTORIES` of each request, in order of time."""
    order = np.argsort(customer, kind="stable")
    same = np.diff(customer[order]) == 0
    before = np.zeros(len(customer), dtype=np.int64)
    before[order[1:]] = same & (np.diff(opened[order]) < HISTORY_D * 1440)
    return before


def _rows_before(tables: Mapping[str, pd.DataFrame], name: str) -> int:
    """Return how many rows earlier domains have put into a table that this one appends to."""
    return len(tables[name]) if name in tables else 0


def _shifts(settings: WorldSettings, rosters: dict[str, pd.DataFrame], agents: Agents) -> pd.DataFrame:
    roster = pd.concat(rosters.values(), ignore_index=True)
    activity = np.repeat(np.arange(len(rosters)), [len(part) for part in rosters.values()])
    return pd.DataFrame(
        {
            "shift_id": ids("H", len(roster), settings.block),
            "staff_id": agents.name(roster["agent"].to_numpy()),
            "starts_at": at_minute(settings, roster["start_min"].to_numpy(dtype=float)),
            "ends_at": at_minute(settings, roster["end_min"].to_numpy(dtype=float)),
            "activity": words(list(rosters), activity),
            "is_planned": True,
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
