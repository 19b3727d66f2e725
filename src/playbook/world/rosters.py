"""Who answers: the agents of the service desk, who is employed when, who owns which customer, who is on shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.queueing import square_root_servers
from playbook.world.domains.organisation import VENDOR_ROLE, vendor_units
from playbook.world.keys import position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

BLOCKS_H = ((7, 11), (11, 14), (14, 17), (17, 21))
GRADE = 0.15  # square-root staffing of a block's mean load: too little at its busiest hour
SICK = 0.06
PHONE_TEAM = 0.15  # share of service agents who take calls and own relationships
HEIRS = 24  # each customer's line of succession: the first who is employed owns the relationship

WRITTEN_TEAM = 8  # agents a day who answer what customers write
WRITTEN_HOURS = (8, 17)
WRITTEN_SICK = 0.14
SICK_SHAPE = 1.5  # of the beta over weeks: in some weeks many are away at once


class Agents:
    """The agents: the company's own first, then those of the vendors; all columns are by position among them."""

    def __init__(
        self, settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
    ) -> None:
        role = tables["staff"]["role"].to_numpy(dtype=object)
        own, hired = np.flatnonzero(role == "service agent"), np.flatnonzero(role == VENDOR_ROLE)
        self.row = np.concatenate([own, hired])  # in `staff`
        self.staff_id = tables["staff"]["staff_id"].array.take(self.row)
        self.skill = tables["truth_staff"]["skill"].to_numpy()[self.row]
        unit = tables["staff"]["unit_id"].array.take(hired)
        self.vendor = np.concatenate(  # position among the vendors; -1 for own agents
            [np.full(len(own), -1), position(unit, vendor_units(settings.block))]
        )
        staff = tables["staff"].iloc[own]
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
        rank = rng.random((settings.days, n), dtype=np.float32)
        rank += np.where(takes_calls, np.float32(0), np.float32(1))
        rank += np.where(employed, np.float32(0), np.float32(2))
        self.order = np.argsort(rank, axis=1)
        self.employed = employed.sum(axis=1)
        self.phone_team = (employed & takes_calls).sum(axis=1)
        self.weekday = (np.arange(settings.days) + settings.start.weekday()) % 7
        self.is_sick = rng.random((settings.days, n), dtype=np.float32) < SICK
        pool = np.flatnonzero(takes_calls) if takes_calls.any() else np.arange(n)
        self.heirs = rng.choice(pool, (len(tables["customers"]), HEIRS))

    def owner(
        self, customer: NDArray[np.int64], minute: NDArray[np.float64], has_owner: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return who owns each customer at each minute; -1 for those who have nobody."""
        day = np.floor(minute / 1440)
        owner = np.full(len(customer), -1)
        open_ = np.flatnonzero(has_owner)
        for place in range(HEIRS):
            heir = self.heirs[customer[open_], place]
            there = (self.hired[heir] <= day[open_]) & (day[open_] < self.left[heir])
            owner[open_[there]] = heir[there]
            open_ = open_[~there]
        return owner

    def name(self, agent: NDArray[np.int64]) -> pd.api.extensions.ExtensionArray:
        """Return the keys of agents given by position; empty for -1."""
        return self.staff_id.take(agent, allow_fill=True)

    def phone_roster(self, minute: NDArray[np.float64], work: NDArray[np.float64]) -> pd.DataFrame:
        """Return planned shifts (agent, start_min, end_min, is_worked), for calls of which the planner knows the
        mean per quarter, weekday and block.
        """
        day = np.floor(minute / 1440).astype(np.int64)
        starts = np.array([block[0] for block in BLOCKS_H])
        block = np.searchsorted(starts, minute % 1440 / 60, side="right") - 1
        load = np.bincount(day * len(BLOCKS_H) + block, work / 60, len(self.weekday) * len(BLOCKS_H))
        load = load.reshape(-1, len(BLOCKS_H)) / np.array([end - start for start, end in BLOCKS_H])
        cell = np.arange(len(self.weekday)) // 91 * 7 + self.weekday
        days = np.maximum(np.bincount(cell), 1)
        mean = np.column_stack([np.bincount(cell, column) / days for column in load.T])
        need = np.array([[square_root_servers(x, grade=GRADE) for x in row] for row in mean])[cell]
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

    def written_roster(self, rng: np.random.Generator) -> WrittenRoster:
        """Return who answers what customers write: each weekday's last in order, some of them absent."""
        days = np.flatnonzero(self.weekday < 5)
        planned = np.minimum(WRITTEN_TEAM, self.employed[days])
        places = np.arange(WRITTEN_TEAM)
        column = np.maximum(self.employed[days, None] - 1 - places, 0)
        week = rng.beta(SICK_SHAPE, SICK_SHAPE * (1 / WRITTEN_SICK - 1), len(self.weekday) // 7 + 1)
        away = rng.random((len(days), WRITTEN_TEAM)) < week[days // 7, None]
        away[:, 0] = False  # somebody always comes
        return WrittenRoster(self, days, self.order[days[:, None], column], places < planned[:, None], away)


class WrittenRoster:
    """The desk that answers what customers write: arrays by weekday of the history and place on the desk."""

    def __init__(
        self,
        agents: Agents,
        days: NDArray[np.int64],
        agent: NDArray[np.int64],
        planned: NDArray[np.bool_],
        away: NDArray[np.bool_],
    ) -> None:
        self._agents, self._days, self._agent, self._planned, self._away = agents, days, agent, planned, away
        present = planned & ~away
        self._present = np.argsort(~present, axis=1, kind="stable")  # places of those who are there, first
        self._count = present.sum(axis=1)
        self._row = np.full(len(agents.weekday), -1)
        self._row[days] = np.arange(len(days))

    def gap(self, day: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how many were planned for each who came."""
        row = self._row[day]
        return self._planned.sum(axis=1)[row] / np.maximum(self._count[row], 1)

    def on_day(self, day: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return an agent who was there on each given day; -1 where there was none."""
        row = self._row[day]
        count = self._count[row]
        nth = np.floor(rng.random(len(day)) * count).astype(np.int64)
        return np.where(count > 0, self._agent[row, self._present[row, nth]], -1)

    def shifts(self) -> pd.DataFrame:
        """Return planned shifts: agent, start_min, end_min, is_worked."""
        row, place = np.nonzero(self._planned)
        day = self._days[row] * 1440
        return pd.DataFrame(
            {
                "agent": self._agent[row, place],
                "start_min": day + WRITTEN_HOURS[0] * 60,
                "end_min": day + WRITTEN_HOURS[1] * 60,
                "is_worked": ~self._away[row, place],
            }
        )
