"""Queues with several servers: Erlang B, C and A, square-root staffing, priorities, and an event-driven
simulator.

Sources: Erlang (1917), "Solution of some problems in the theory of probabilities"; Palm (1946); Garnett,
Mandelbaum & Reiman (2002), "Designing a call center with impatient customers", MSOM 4:208; Gans, Koole &
Mandelbaum (2003), "Telephone call centers", MSOM 5:79; Halfin & Whitt (1981), Operations Research 29:567;
Cobham (1954), "Priority assignment in waiting line problems", Operations Research 2:70; Kella & Yechiali
(1985), "Waiting times in the non-preemptive priority M/M/c queue", Stochastic Models 1:257; Jackson (1960),
"Some problems in queueing with dynamic priorities", Naval Research Logistics Quarterly 7:235.

Time is in one unit throughout; rates are per that unit. Load is in erlangs: arrival rate times mean service
time.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import ArrayLike, NDArray


def erlang_b(servers: int, load: float) -> float:
    """Return the share of arrivals that find all servers busy when nobody waits (M/G/c/c).

    Parameters
    ----------
    servers : int
        Number of servers, >= 0.
    load : float
        Offered load, erlangs, >= 0.

    Notes
    -----
    Recursion B(0) = 1, B(c) = load B(c-1) / (c + load B(c-1)): stable for any size.

    Examples
    --------
    >>> erlang_b(1, 1.0)
    0.5
    """
    if servers < 0 or load < 0:
        raise ValueError(f"servers and load must not be negative, got {servers} and {load}")
    blocked = 1.0
    for c in range(1, servers + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Return the share of arrivals that wait when everyone waits as long as it takes (M/M/c).

    C = c B / (c - load (1 - B)); 1 when the load is not below the number of servers.

    Examples
    --------
    >>> round(erlang_c(14, 10.0), 4)
    0.1741
    """
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return servers * blocked / (servers - load * (1 - blocked))


@dataclass(frozen=True)
class Waiting:
    """A queue in steady state: share that waits at all, mean wait, mean number waiting, busy share, share
    that gives up.
    """

    wait_share: float
    wait: float
    queue: float
    busy_share: float
    abandoned_share: float = 0.0


def wait_in_erlang_c(servers: int, *, arrival_rate: float, service_rate: float) -> Waiting:
    """Return waits in an M/M/c queue; the wait is infinite when the load is not below the servers.

    Examples
    --------
    >>> round(wait_in_erlang_c(14, arrival_rate=100 / 1800, service_rate=1 / 180).wait, 2)
    7.84
    """
    load = arrival_rate / service_rate
    share = erlang_c(servers, load)
    wait = share / (servers * service_rate - arrival_rate) if load < servers else math.inf
    return Waiting(share, wait, arrival_rate * wait, min(load / servers, 1.0))


def erlang_c_within(servers: int, limit: float, *, arrival_rate: float, service_rate: float) -> float:
    """Return the share answered within `limit` in an M/M/c queue: 1 - C exp(-(c mu - lambda) limit).

    Examples
    --------
    >>> round(erlang_c_within(14, 20, arrival_rate=100 / 1800, service_rate=1 / 180), 4)
    0.8884
    """
    load = arrival_rate / service_rate
    if load >= servers:
        return 0.0
    return 1 - erlang_c(servers, load) * math.exp(-(servers * service_rate - arrival_rate) * limit)


def erlang_a(servers: int, *, arrival_rate: float, service_rate: float, patience: float) -> Waiting:
    """Return waits in an M/M/c+M queue: callers give up after an exponential time with mean `patience`.

    Parameters
    ----------
    servers : int
        Number of servers, >= 1.
    arrival_rate, service_rate : float
        Per unit of time, > 0; the load may exceed the servers.
    patience : float
        Mean time until a waiting caller gives up, > 0.

    Notes
    -----
    Palm (1946) as in Garnett et al. (2002): a birth-death chain with death rate min(n, c) mu + max(n - c, 0)
    / patience, summed until the states that are left hold less than 1e-12. The wait is that of all callers,
    those who gave up included (Little's law).

    Examples
    --------
    >>> round(100 * erlang_a(50, arrival_rate=48, service_rate=1, patience=2).abandoned_share, 1)
    3.1
    """
    if servers < 1 or min(arrival_rate, service_rate, patience) <= 0:
        raise ValueError("servers, rates and patience must be positive")
    weight = [1.0]
    peak = 1.0
    n = 0
    while n <= servers or weight[-1] > 1e-15 * peak:
        n += 1
        death = min(n, servers) * service_rate + max(n - servers, 0) / patience
        weight.append(weight[-1] * arrival_rate / death)
        peak = max(peak, weight[-1])
        if peak > 1e250:
            weight, peak = [w / peak for w in weight], 1.0
    chance = np.array(weight) / math.fsum(weight)
    state = np.arange(len(chance))
    queue = float(chance @ np.maximum(state - servers, 0))
    return Waiting(
        wait_share=float(chance[servers:].sum()),
        wait=queue / arrival_rate,
        queue=queue,
        busy_share=float(chance @ np.minimum(state, servers)) / servers,
        abandoned_share=queue / patience / arrival_rate,
    )


def halfin_whitt_delay(grade: float) -> float:
    """Return the share that waits in a large M/M/c queue with `grade` > 0 spare servers per root of the load.

    Halfin & Whitt (1981), eq. 2.3: 1 / (1 + grade Phi(grade) / phi(grade)).

    Examples
    --------
    >>> round(halfin_whitt_delay(1.0), 4)
    0.2234
    """
    density = math.exp(-grade * grade / 2) / math.sqrt(2 * math.pi)
    below = 0.5 * math.erfc(-grade / math.sqrt(2))
    return 1 / (1 + grade * below / density)


def square_root_servers(load: float, *, grade: float) -> int:
    """Return load + grade sqrt(load), rounded up: the square-root staffing rule.

    Examples
    --------
    >>> square_root_servers(100.0, grade=1.0)
    110
    """
    return math.ceil(load + grade * math.sqrt(load) - 1e-9)


def priority_waits(servers: int, *, arrival_rates: ArrayLike, service_rate: float) -> NDArray[np.float64]:
    """Return the mean wait per class when a better class always goes first, but interrupts nobody.

    Parameters
    ----------
    servers : int
        Number of servers.
    arrival_rates : array_like, shape (k,)
        Per class, the best first.
    service_rate : float
        The same for all classes: only then is the formula exact for several servers.

    Returns
    -------
    array, shape (k,)
        Infinite from the first class that the servers cannot keep up with.

    Notes
    -----
    Cobham (1954) for one server, Kella & Yechiali (1985) for several: W_k = W_0 / ((1 - s_{k-1}) (1 - s_k)),
    with s_k the busy share owed to classes 1 to k and W_0 = C(c, load) / (c mu).

    Examples
    --------
    >>> (60 * priority_waits(1, arrival_rates=[2, 3], service_rate=6)).round(1).tolist()
    [12.5, 75.0]
    """
    rates = np.asarray(arrival_rates, dtype=float)
    busy = np.concatenate([[0.0], np.cumsum(rates)]) / (servers * service_rate)
    first = erlang_c(servers, rates.sum() / service_rate) / (servers * service_rate)
    waits = np.full(len(rates), math.inf)
    stable = busy[1:] < 1
    waits[stable] = first / ((1 - busy[:-1][stable]) * (1 - busy[1:][stable]))
    return waits


@dataclass(frozen=True)
class Served:
    """What happened to each caller of a simulation, shape (n,) each.

    `wait` lasts until the answer, or until the caller gave up (infinite when neither happened); `server` is
    -1 where nobody answered; `end` is when the call was over (nan where nobody answered); `second_wait` is
    the wait for a specialist.
    """

    wait: NDArray[np.float64]
    server: NDArray[np.int64]
    end: NDArray[np.float64]
    second_wait: NDArray[np.float64]

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Whether somebody answered."""
        return self.server >= 0


OFF, ON, CALL = 0, 1, 2  # at one instant in this order
DONE, RELEASE, ADVISED = 0, 1, 2


def simulate(
    arrival: ArrayLike,
    work: ArrayLike,
    servers: int | tuple[ArrayLike, ArrayLike, ArrayLike],
    *,
    head_start: ArrayLike = 0.0,
    patience: ArrayLike = math.inf,
    named: ArrayLike = -1,
    hold: ArrayLike = -1.0,
    pace: ArrayLike = 1.0,
    named_pace: float = 1.0,
    advice: ArrayLike = 0.0,
    specialists: int = 0,
    stays: bool = False,
) -> Served:
    """Simulate one queue before many servers, caller by caller.

    Parameters
    ----------
    arrival, work : array_like, shape (n,)
        Time of each call, and how long it takes a server of pace 1.
    servers : int or (server, start, end)
        How many are always there, or who is there when: three arrays, one entry per shift, servers numbered
        from 0. Who is still on a call at the end of a shift finishes it.
    head_start : array_like, shape (n,) or scalar
        The waiting caller with the smallest arrival - head_start goes first (Jackson 1960). All 0: first
        come, first served. Finite: a priority that ages, since who waits longer than the head start is
        overtaken no more. Infinite differences (1e9): strict priority.
    patience : array_like, shape (n,) or scalar
        How long each caller waits before giving up.
    named, hold : array_like, shape (n,) or scalar
        The server who knows the caller, and how long the caller is kept for them when they are on shift but
        busy; then anyone may answer. hold < 0: no preference at all; hold = 0: the named server if free, else
        anyone.
    pace : array_like, shape (servers,) or scalar
        Multiplies the work of each server; may hold servers who have no shift.
    named_pace : float
        Multiplies the work when the named server answers.
    advice : array_like, shape (n,) or scalar
        Time of a specialist that the call needs after its work; 0 = none. Specialists have their own queue.
    specialists : int
        How many there are, all the time.
    stays : bool
        Whether the server stays on the line, waiting included, until the specialist has finished.

    Returns
    -------
    Served

    Notes
    -----
    Free servers are taken in the order in which they became free. Callers who gave up are dropped when they
    would have been next: they hold up nobody, so this is exact.

    Examples
    --------
    >>> simulate([0, 1, 2], [10, 10, 10], 1).wait.tolist()
    [0.0, 9.0, 18.0]
    >>> simulate([0, 1, 2], [10, 10, 10], 1, head_start=[0, 0, 5]).wait.tolist()
    [0.0, 19.0, 8.0]
    """
    at = np.asarray(arrival, dtype=float)
    n = len(at)
    if isinstance(servers, int):
        who, starts, ends = np.arange(servers), np.full(servers, -math.inf), np.full(servers, math.inf)
    else:
        who, starts, ends = (np.asarray(part) for part in servers)
    if np.any(np.asarray(advice) > 0) and specialists < 1:
        raise ValueError("calls need advice, but there are no specialists")
    n_paces = len(pace) if np.ndim(pace) else int(who.max(initial=0)) + 1  # type: ignore[arg-type]
    desk = _Desk(
        key=(at - np.asarray(head_start, dtype=float)).tolist(),
        gives_up=(at + np.asarray(patience, dtype=float)).tolist(),
        work=_column(work, n),
        hold=_column(hold, n),
        owner=_column(named, n),
        needs=_column(advice, n),
        pace=_column(pace, n_paces),
        named_pace=named_pace,
        free_specialists=specialists,
        stays=stays,
    )
    desk.run(_timeline(at, who, starts, ends))
    taken = np.array(desk.server, dtype=np.int64)
    wait = np.where(taken >= 0, np.array(desk.answered_at) - at, np.asarray(patience, dtype=float))
    return Served(wait, taken, np.array(desk.over_at), np.array(desk.advised_at) - np.array(desk.asked_at))


def _column(value: ArrayLike, size: int) -> list:
    return np.broadcast_to(np.asarray(value), (size,)).tolist()


def _timeline(at: NDArray, who: NDArray, starts: NDArray, ends: NDArray) -> Iterator[tuple[float, int, int]]:
    """Return what is known beforehand, in order: time, kind (OFF, ON, CALL), server or caller."""
    time = np.concatenate([ends, starts, at])
    kind = np.repeat([OFF, ON, CALL], [len(who), len(who), len(at)])
    subject = np.concatenate([who, who, np.arange(len(at))])
    order = np.lexsort((kind, time))
    return zip(time[order].tolist(), kind[order].tolist(), subject[order].tolist(), strict=True)


class _Desk:
    """The state of a simulation: callers are i, servers are a; columns are lists by caller."""

    __slots__ = (
        "advised_at", "answered_at", "asked_at", "events", "free_specialists", "gives_up", "hold", "idle", "key",
        "line", "named_pace", "needs", "over_at", "own_line", "owner", "pace", "present", "second_line",
        "server", "stays", "talking", "waiting", "work",
    )  # fmt: skip

    def __init__(
        self,
        *,
        key: list[float],
        gives_up: list[float],
        work: list[float],
        hold: list[float],
        owner: list[int],
        needs: list[float],
        pace: list[float],
        named_pace: float,
        free_specialists: int,
        stays: bool,
    ) -> None:
        self.key, self.gives_up, self.work, self.hold = key, gives_up, work, hold
        self.owner, self.needs, self.pace, self.named_pace = owner, needs, pace, named_pace
        self.free_specialists, self.stays = free_specialists, stays
        n = len(key)
        self.waiting = [False] * n
        self.server = [-1] * n
        self.answered_at, self.over_at = [math.nan] * n, [math.nan] * n
        self.asked_at, self.advised_at = [0.0] * n, [0.0] * n
        self.line: list[tuple[float, int]] = []
        self.own_line: dict[int, list[tuple[float, int]]] = {}
        self.second_line: list[tuple[float, int]] = []
        self.idle: OrderedDict[int, None] = OrderedDict()
        self.present: set[int] = set()
        self.talking: set[int] = set()
        self.events: list[tuple[float, int, int]] = []

    def run(self, timeline: Iterator[tuple[float, int, int]]) -> None:
        """Let everything happen in order of time."""
        events, happen, call = self.events, self.happen, self.call
        for now, what, x in timeline:
            while events and events[0][0] <= now:
                happen(heappop(events))
            if what == CALL:
                call(x, now)
            elif what == ON:
                self.present.add(x)
                if x not in self.talking:
                    self.take_next(x, now)
            else:
                self.present.discard(x)
                self.idle.pop(x, None)
        while events:
            happen(heappop(events))

    def happen(self, event: tuple[float, int, int]) -> None:
        now, what, i = event
        if what == DONE:
            self.done(i, now)
        elif what == ADVISED:
            self.advised(i, now)
        elif self.waiting[i] and self.gives_up[i] > now:
            self.join(i, now)

    def call(self, i: int, now: float) -> None:
        """Somebody calls: answered by, or kept for, the server who knows them, or one of all."""
        self.waiting[i] = True
        hold = self.hold[i]
        if hold >= 0 and (a := self.owner[i]) in self.present:
            if a in self.idle:
                del self.idle[a]
                self.answer(i, a, now)
                return
            if hold > 0:
                heappush(self.own_line.setdefault(a, []), (self.key[i], i))
                heappush(self.events, (now + hold, RELEASE, i))
                return
        self.join(i, now)

    def join(self, i: int, now: float) -> None:
        if self.idle:
            self.answer(i, self.idle.popitem(last=False)[0], now)
        else:
            heappush(self.line, (self.key[i], i))

    def answer(self, i: int, a: int, now: float) -> None:
        self.waiting[i] = False
        self.answered_at[i], self.server[i] = now, a
        self.talking.add(a)
        lasts = self.work[i] * self.pace[a] * (self.named_pace if self.owner[i] == a else 1.0)
        heappush(self.events, (now + lasts, DONE, i))

    def first(self, queue: list[tuple[float, int]], now: float) -> float:
        """Return the key of the first who still waits, infinite for none; drop who gave up."""
        waiting, gives_up = self.waiting, self.gives_up
        while queue and not (waiting[queue[0][1]] and gives_up[queue[0][1]] > now):
            waiting[heappop(queue)[1]] = False
        return queue[0][0] if queue else math.inf

    def take_next(self, a: int, now: float) -> None:
        """Server a is free."""
        self.talking.discard(a)
        if a not in self.present:
            return
        own, line = self.own_line.get(a), self.line
        queue = own if own and self.first(own, now) < self.first(line, now) else line
        if self.first(queue, now) < math.inf:
            self.answer(heappop(queue)[1], a, now)
        else:
            self.idle[a] = None

    def done(self, i: int, now: float) -> None:
        """The work of a call is done; a specialist may have to follow."""
        self.over_at[i] = now
        if self.needs[i] > 0:
            self.asked_at[i] = now
            if self.free_specialists:
                self.free_specialists -= 1
                self.advise(i, now)
            else:
                heappush(self.second_line, (self.key[i], i))
            if self.stays:
                return
        self.take_next(self.server[i], now)

    def advise(self, i: int, now: float) -> None:
        self.advised_at[i] = now
        heappush(self.events, (now + self.needs[i], ADVISED, i))

    def advised(self, i: int, now: float) -> None:
        """A specialist has finished, and is free."""
        self.over_at[i] = now
        if self.second_line:
            self.advise(heappop(self.second_line)[1], now)
        else:
            self.free_specialists += 1
        if self.stays:
            self.take_next(self.server[i], now)
