"""Who is served first when it is busy? Last year's calls replayed call by call under other routing rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from playbook.methods import queueing

TIERS = ("gold", "silver", "bronze")  # best first; a tier with another name comes after them
ALWAYS = 1e9  # a head start that nobody lives long enough to make up
SPECIALIST_SEVERITY = 4


@dataclass(frozen=True)
class Desk:
    """One year of a service desk, ready to be replayed.

    Parameters
    ----------
    calls : DataFrame
        One row per call in order of arrival: interaction_id, at_min, day, hour, week, tier, severity,
        wait_min, is_answered, owner (number of the agent, -1 = none), work_min, patience_min, is_peak.
    servers : tuple of arrays
        Agent number, start and end (minutes) of each worked shift.
    agents : array
        staff_id of each agent number.
    cells : DataFrame
        One row per weekday and hour: calls_h, agents, wait_min, given_up, expected_min (by Erlang A),
        is_peak.
    handle_min, patience_min : float
        Mean time of a call; mean time until a waiting caller gives up.
    own : tuple of float
        Handling time with the own agent over that with another, at equal difficulty: estimate and 95 %
        interval.
    own_plain : float
        The same ratio from plain averages.
    """

    calls: pd.DataFrame
    servers: tuple[np.ndarray, np.ndarray, np.ndarray]
    agents: np.ndarray
    cells: pd.DataFrame
    handle_min: float
    patience_min: float
    own: tuple[float, float, float]
    own_plain: float

    @property
    def tiers(self) -> list[str]:
        """Tiers that call, the best first."""
        found = set(self.calls["tier"])
        return [t for t in TIERS if t in found] + sorted(found - set(TIERS))


def desk(phone_calls: pd.DataFrame, shifts: pd.DataFrame, *, peak_share: float = 0.2, seed: int = 1) -> Desk:
    """Prepare recorded calls for replay.

    What the log cannot show is filled in: how much longer an answered caller would have waited (exponential,
    from who gave up), and how long a call would have taken that was given up (a call of the same tier).

    Parameters
    ----------
    phone_calls : DataFrame
        The view `phone_calls`.
    shifts : DataFrame
        staff_id, starts_at, ends_at, activity, is_worked.
    peak_share : float
        The hours of the week with the longest expected waits that hold this share of calls are the peak.
    seed : int
        Of what is filled in.

    Raises
    ------
    ValueError
        When no call was answered or none was given up: then patience is unknown.
    """
    answered = phone_calls["is_answered"].to_numpy()
    if answered.all() or not answered.any():
        raise ValueError(
            "a replay needs calls that were answered and calls that were given up; one kind is missing"
        )
    rng = np.random.default_rng(seed)
    start = phone_calls["arrived_at"].min().normalize()
    worked = shifts[shifts["is_worked"] & (shifts["activity"] == "phone") & (shifts["ends_at"] > start)]
    worked = worked[worked["starts_at"] <= phone_calls["arrived_at"].max()]
    agents, server = np.unique(worked["staff_id"].to_numpy(dtype=object), return_inverse=True)
    number = pd.Series(np.arange(len(agents)), index=agents)
    minute = pd.Timedelta(minutes=1)
    arrived = phone_calls["arrived_at"]

    own = own_agent_ratio(phone_calls)
    is_own = _is_own(phone_calls)
    plain = phone_calls.groupby(is_own)["handle_min"].mean()
    wait = phone_calls["wait_min"].to_numpy()
    patience = wait.sum() / (~answered).sum()  # maximum likelihood with answered calls censored
    work = phone_calls["handle_min"].to_numpy() / np.where(is_own, own[0], 1.0)
    for tier in phone_calls["tier"].unique():
        rows = np.flatnonzero(phone_calls["tier"] == tier)
        done, lost = rows[answered[rows]], rows[~answered[rows]]
        work[lost] = rng.choice(work[done] if len(done) else work[answered], len(lost))
    calls = pd.DataFrame(
        {
            "interaction_id": phone_calls["interaction_id"].to_numpy(),
            "at_min": ((arrived - start) / minute).to_numpy(),
            "day": arrived.dt.day_of_week.to_numpy(),
            "hour": arrived.dt.hour.to_numpy(),
            "week": ((arrived - start).dt.days // 7).to_numpy(),
            "tier": phone_calls["tier"].to_numpy(),
            "severity": phone_calls["severity"].to_numpy(),
            "wait_min": wait,
            "is_answered": answered,
            "owner": phone_calls["owner_staff_id"].map(number).fillna(-1).to_numpy(dtype=np.int64),
            "work_min": work,
            "patience_min": wait + np.where(answered, rng.exponential(patience, len(wait)), 0.0),
        }
    )
    servers = (
        server,
        ((worked["starts_at"] - start) / minute).to_numpy(),
        ((worked["ends_at"] - start) / minute).to_numpy(),
    )
    handle = float(np.mean(phone_calls["handle_min"].to_numpy()[answered]))
    cells = _cells(calls, servers, handle, float(patience), peak_share)
    peak = cells.set_index(["day", "hour"])["is_peak"]
    calls["is_peak"] = peak.reindex(pd.MultiIndex.from_frame(calls[["day", "hour"]])).to_numpy(dtype=bool)
    ratio = float(plain.get(True, np.nan) / plain[False])
    return Desk(calls, servers, agents, cells, handle, float(patience), own, ratio)


def _is_own(phone_calls: pd.DataFrame) -> np.ndarray:
    return (phone_calls["staff_id"] == phone_calls["owner_staff_id"]).fillna(False).to_numpy(dtype=bool)


def own_agent_ratio(phone_calls: pd.DataFrame) -> tuple[float, float, float]:
    """Return handling time with the own agent over that with another, with its 95 % interval.

    Least squares on log time, within agents, at equal tier, category and severity: difficult calls look for
    the agent who knows them, so plain averages compare hard calls with easy ones. (1, 1, 1) where no call met
    its own agent.
    """
    known = phone_calls[phone_calls["is_answered"] & (phone_calls["handle_min"] > 0)]
    is_own = _is_own(known)
    if is_own.sum() < 2 or is_own.all():
        return 1.0, 1.0, 1.0
    kind = known["tier"] + known["category"] + known["severity"].astype(str)
    x = np.column_stack([is_own, pd.get_dummies(kind, drop_first=True, dtype=float)]).astype(float)
    table = pd.DataFrame(np.column_stack([np.log(known["handle_min"].to_numpy()), x]))
    within = table - table.groupby(known["staff_id"].to_numpy()).transform("mean")
    y, x = within[0].to_numpy(), within.drop(columns=0).to_numpy()
    square = x.T @ x
    spread = np.linalg.pinv(square, hermitian=True)
    slope = spread @ (x.T @ y)
    freedom = len(y) - np.linalg.matrix_rank(square, hermitian=True) - known["staff_id"].nunique()
    error = math.sqrt(float(((y - x @ slope) ** 2).sum()) / freedom * spread[0, 0])
    low, middle, high = np.exp(slope[0] + 1.96 * error * np.array([-1, 0, 1]))
    return float(middle), float(low), float(high)


def _cells(
    calls: pd.DataFrame,
    servers: tuple[np.ndarray, ...],
    handle_min: float,
    patience_min: float,
    peak_share: float,
) -> pd.DataFrame:
    """Return calls, agents and waits per weekday and hour.

    The peak is where Erlang A expects the longest waits, not where they were longest: picked by the outcome,
    hours that had bad luck would look better under any rule.
    """
    _, starts, ends = servers
    first = np.floor(starts / 60).astype(int)
    hours = np.ceil(ends / 60).astype(int) - first
    shift = np.repeat(np.arange(len(first)), hours)
    hour_no = first[shift] + np.arange(len(shift)) - np.repeat(np.cumsum(hours) - hours, hours)
    staffed = np.minimum(ends[shift], 60 * (hour_no + 1)) - np.maximum(starts[shift], 60 * hour_no)
    offset = int(calls["day"].iloc[0] - calls["at_min"].iloc[0] // 1440)
    on_shift = pd.Series(staffed / 60).groupby([(hour_no // 24 + offset) % 7, hour_no % 24]).sum()
    weeks = int(calls["week"].max()) + 1
    cells = calls.groupby(["day", "hour"]).agg(
        calls_h=("tier", "size"), wait_min=("wait_min", "mean"), answered=("is_answered", "mean")
    )
    cells["calls_h"] /= weeks
    cells["agents"] = on_shift.reindex(cells.index).fillna(0.0) / weeks
    cells["given_up"] = 1 - cells.pop("answered")
    cells["expected_min"] = [
        _expected_wait(calls_h, agents, handle_min, patience_min)
        for calls_h, agents in zip(cells["calls_h"], cells["agents"], strict=True)
    ]
    cells = cells.sort_values("expected_min", ascending=False)
    before = (cells["calls_h"].cumsum() - cells["calls_h"]) / cells["calls_h"].sum()
    cells["is_peak"] = before < peak_share
    return cells.sort_index().reset_index()


def _expected_wait(calls_h: float, agents: float, handle_min: float, patience_min: float) -> float:
    """Return the mean wait by Erlang A, between the whole numbers of agents on either side."""
    low = max(int(agents), 1)
    few, more = (
        queueing.erlang_a(
            n, arrival_rate=calls_h / 60, service_rate=1 / handle_min, patience=patience_min
        ).wait
        for n in (low, low + 1)
    )
    return few + (more - few) * max(agents - low, 0.0)


@dataclass(frozen=True)
class Rule:
    """A routing rule.

    Parameters
    ----------
    name : str
        What people call it.
    head_start_min : float
        The best tier is treated as if it had called this much earlier, a middle tier half as much, the last
        not at all. Whoever has waited longer than that is overtaken no more.
    hold_min : float
        A caller who has an own agent on shift is kept for them so long, then anyone answers; below 0: not at
        all.
    """

    name: str
    head_start_min: float = 0.0
    hold_min: float = -1.0


FIRST_COME = Rule("first come, first served")


def rules(head_start_min: float, hold_min: float) -> tuple[Rule, ...]:
    """Return the rules worth comparing, from no priority to an absolute one."""
    return (
        FIRST_COME,
        Rule(f"head start {head_start_min:g} min", head_start_min),
        Rule("best tier always first", ALWAYS),
        Rule("own agent", hold_min=hold_min),
        Rule("head start and own agent", head_start_min, hold_min),
    )


def replay(
    result: Desk,
    rule: Rule,
    *,
    load: float = 1.0,
    advice_min: float = 0.0,
    specialists: int = 0,
    stays: bool = False,
    pace: np.ndarray | float = 1.0,
) -> pd.DataFrame:
    """Replay the year's calls and shifts under a rule.

    Parameters
    ----------
    result : Desk
        What happened.
    rule : Rule
        Who goes first.
    load : float
        Share of last year's calls: below 1 some are left out, above 1 some come twice, up to an hour apart.
    advice_min, specialists, stays
        Time of a specialist for every call of the highest severity, how many there are, and whether the agent
        stays on the line meanwhile.
    pace : array or float
        Multiplies the work of each agent.

    Returns
    -------
    DataFrame
        One row per call: tier, severity, week, is_peak, wait_min, is_answered, is_own, end_min, at_min,
        second_wait_min.
    """
    calls = result.calls
    if load != 1.0:
        calls = _scaled(calls, load)
    rank = calls["tier"].map({tier: n for n, tier in enumerate(result.tiers)}).to_numpy()
    last = max(len(result.tiers) - 1, 1)
    own = calls["owner"].to_numpy()
    served = queueing.simulate(
        calls["at_min"],
        calls["work_min"],
        result.servers,
        head_start=rule.head_start_min * (1 - rank / last),
        patience=calls["patience_min"],
        named=own,
        hold=np.where(own >= 0, rule.hold_min, -1.0),
        pace=pace,
        named_pace=result.own[0],
        advice=np.where(calls["severity"] >= SPECIALIST_SEVERITY, advice_min, 0.0),
        specialists=specialists,
        stays=stays,
    )
    kept = calls[["interaction_id", "tier", "severity", "week", "is_peak", "at_min"]]
    return kept.assign(
        wait_min=served.wait,
        is_answered=served.answered,
        is_own=served.answered & (served.server == own),
        end_min=served.end,
        second_wait_min=served.second_wait,
    )


def _scaled(calls: pd.DataFrame, load: float) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    chance = rng.random(len(calls))  # the same for every load: a higher load keeps the calls of a lower one
    shift = rng.uniform(-60, 60, len(calls))
    copies = [calls[chance < load]]
    for extra in range(1, math.ceil(load)):
        again = calls[chance < load - extra]
        copies.append(again.assign(at_min=again["at_min"] + shift[chance < load - extra] * extra))
    return pd.concat(copies, ignore_index=True).sort_values("at_min", kind="stable").reset_index(drop=True)


def waits(replayed: pd.DataFrame, tiers: Sequence[str]) -> pd.DataFrame:
    """Return what each tier meets in the peak: wait_min (mean, until answered or given up), p95_min,
    given_up, own_share.
    """
    peak = replayed[replayed["is_peak"]].groupby("tier")
    table = peak.agg(
        wait_min=("wait_min", "mean"),
        p95_min=("wait_min", lambda w: w.quantile(0.95)),
        given_up=("is_answered", lambda a: 1 - a.mean()),
        own_share=("is_own", "mean"),
    )
    return table.reindex(list(tiers)).rename_axis("tier").reset_index()


def wait_of(table: pd.DataFrame, tier: str) -> float:
    """Return the mean wait of one tier, in minutes."""
    return float(table.loc[table["tier"] == tier, "wait_min"].iloc[0])


@dataclass(frozen=True)
class Routing:
    """Rules compared on one desk.

    Parameters
    ----------
    desk : Desk
        What was replayed.
    rules : tuple of Rule
        In order of appearance; the first is today's, the second the head start that is proposed.
    waits : DataFrame
        One row per rule and tier: rule, tier, wait_min, p95_min, given_up, own_share; peak only.
    weekly : DataFrame
        Mean wait in the peak per rule, tier and week.
    """

    desk: Desk
    rules: tuple[Rule, ...]
    waits: pd.DataFrame
    weekly: pd.DataFrame

    def wait(self, rule: Rule, tier: str) -> float:
        """Return the mean wait of `tier` in the peak under `rule`, minutes."""
        return wait_of(self.waits[self.waits["rule"] == rule.name], tier)


def routing(result: Desk, *, head_start_min: float = 10.0, hold_min: float = 3.0) -> Routing:
    """Replay the year under each of `rules`."""
    tried = rules(head_start_min, hold_min)
    tables, weekly = [], []
    for rule in tried:
        replayed = replay(result, rule)
        tables.append(waits(replayed, result.tiers).assign(rule=rule.name))
        peak = replayed[replayed["is_peak"]]
        weekly.append(
            peak.groupby(["tier", "week"], as_index=False)["wait_min"].mean().assign(rule=rule.name)
        )
    columns = ["rule", "tier", "wait_min", "p95_min", "given_up", "own_share"]
    return Routing(
        result, tried, pd.concat(tables, ignore_index=True)[columns], pd.concat(weekly, ignore_index=True)
    )


def replay_error(result: Desk) -> tuple[float, float]:
    """Return the mean wait in the peak as recorded and as replayed under today's rule, minutes."""
    replayed = replay(result, FIRST_COME)
    return (
        float(result.calls.loc[result.calls["is_peak"], "wait_min"].mean()),
        float(replayed.loc[replayed["is_peak"], "wait_min"].mean()),
    )


def peak_conditions(result: Desk) -> tuple[float, float]:
    """Return calls an hour and agents on shift as a caller in the peak meets them (weighted by calls)."""
    peak = result.cells[result.cells["is_peak"]]
    weight = peak["calls_h"] / peak["calls_h"].sum()
    return float((peak["calls_h"] * weight).sum()), float((peak["agents"] * weight).sum())


def at_load(result: Routing, *, load: Sequence[float] = (0.8, 1.0, 1.2, 1.4)) -> pd.DataFrame:
    """Return the last tier's wait in the peak per load, under today's rule and with the head start.

    Columns: load (share of last year's calls), first_come_min, head_start_min, extra_min.
    """
    last = result.desk.tiers[-1]
    rows = []
    for share in load:
        pair = []
        for rule in result.rules[:2]:
            table = waits(replay(result.desk, rule, load=float(share)), result.desk.tiers)
            pair.append(wait_of(table, last))
        rows.append((float(share), pair[0], pair[1], pair[1] - pair[0]))
    return pd.DataFrame(rows, columns=["load", "first_come_min", "head_start_min", "extra_min"])


def escalations(
    result: Desk,
    *,
    hold_min: float = 3.0,
    advice_min: float = 12.0,
    callback_min: float = 4.0,
    specialists: int = 2,
) -> pd.DataFrame:
    """Compare three ways to bring a specialist into the most severe calls.

    `hand over`: whoever answers passes the case on and is free; the specialist hears the story again, which
    takes longer by what an agent saves who knows the customer. `owner joins`: the call is kept a while for
    its own agent, who stays on the line while the specialist advises. `owner calls back`: whoever answers
    briefs the specialist; the owner keeps the case and rings the customer with the result.

    Returns
    -------
    DataFrame
        One row per path: path, kept_share (cases that end with the customer's own agent), case_min (from the
        call to the end), specialist_min (wait for one), agent_min (of agents, a case), others_wait_min (all
        other callers), given_up (all callers).
    """
    severe = (result.calls["severity"] >= SPECIALIST_SEVERITY).to_numpy()
    retold = advice_min / min(result.own[0], 1.0)
    held = Rule("", hold_min=hold_min)
    paths = (
        ("hand over", FIRST_COME, retold, 0.0, False),
        ("owner joins", held, advice_min, 0.0, True),
        ("owner calls back", FIRST_COME, advice_min, callback_min, False),
    )
    rows = []
    for path, rule, advice, callback, stays in paths:
        desk_then = _with_cases(result, callback)
        replayed = replay(desk_then, rule, advice_min=advice, specialists=specialists, stays=stays)
        cases = replayed[severe & replayed["is_answered"].to_numpy()]
        total = cases["end_min"] - cases["at_min"]
        agent = total - cases["wait_min"] - (0.0 if stays else cases["second_wait_min"] + advice)
        has_owner = desk_then.calls.loc[cases.index, "owner"] >= 0
        kept = cases["is_own"] if stays else has_owner & (callback > 0)
        rows.append(
            (
                path,
                float(kept.mean()),
                float(total.mean()),
                float(cases["second_wait_min"].mean()),
                float(agent.mean()),
                float(replayed.loc[~severe, "wait_min"].mean()),
                1 - float(replayed["is_answered"].mean()),
            )
        )
    names = ["path", "kept_share", "case_min", "specialist_min", "agent_min", "others_wait_min", "given_up"]
    return pd.DataFrame(rows, columns=names)


def _with_cases(result: Desk, callback_min: float) -> Desk:
    """Return the desk on which only severe calls look for their own agent, and each brings a call back."""
    severe = result.calls["severity"] >= SPECIALIST_SEVERITY
    calls = result.calls.assign(
        owner=result.calls["owner"].where(severe, -1),
        work_min=result.calls["work_min"] + callback_min * severe,
    )
    return replace(result, calls=calls)
