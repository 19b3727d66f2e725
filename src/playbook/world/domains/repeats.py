"""What comes of contacts: who comes back with the same request (`tickets.reopened_at`), who confirms that it is solved,
and what the written ones cost in time.

A customer who comes back does so in writing, after the case was resolved, so that the phone queue stays as it was. The
chance adds up on the scale of shares, not of log-odds: more for severe cases and on busy days, less with a skilled
agent, more with a slow first answer, and what earlier domains change (`_repeat_changes`: case, change; cases are
positions in `_cases`). Customers differ besides (`FUSSY_SD`), which nobody sees. Written contacts take the time that
earlier domains make them take (`_handle_changes`: contact, log_change, add_s; contacts are positions in
`interactions`).

Planted for `define.latency_thresholds`: up to a knee (`KNEE_MIN`, per channel) nobody minds waiting; above it the chance
rises by `RISE` per log unit, and no more after `RISE_LOG` of them: neither straight in minutes nor without an end, as a
broken stick would have it. Busy days and urgent cases move both the wait and the chance. A wait also follows from who
did not come to work, which is chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.service import CHANNELS
from playbook.world.moments import at_minute
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("service", "prompts", "escalations", "protocols", "verification", "vendors", "pay")
COMPLETES = ("tickets", "interactions")

BASE = 0.28
ON_SEVERITY = 0.12  # per level
ON_BUSY = 0.20  # per 100 % more contacts than usual
ON_SKILL = -0.02  # per standard deviation
FUSSY_SD = 0.05
KNEE_MIN = {"phone": 3.0, "chat": 15.0, "email": 300.0}
RISE = 0.16
RISE_LOG = 2.0
LEAST, MOST = 0.01, 0.95

BACK_D = 3.0  # mean time until a customer comes back
LATEST_D = 14.0
CONFIRMS = 0.35  # of those who do not come back

PLANTS = (
    Plant(
        play="define.latency_thresholds",
        what="In each channel customers do not mind a wait up to some point; beyond it more of them come back with the "
        "same request. Urgent cases are answered sooner, busy days later. Callers give up after a time of their own.",
        why="Cases that were answered fast are often the hard ones, and slow days are bad days in other ways too; an "
        "answered call does not tell how long its caller would have waited.",
        tables=("tickets", "interactions", "shifts"),
        truth=("truth_parameters", "truth_calls"),
        size="knee KNEE_MIN by channel; RISE x size per log unit above it, for RISE_LOG units",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets with reopened_at and confirmed_at, interactions with their times, and truth_parameters."""
    cases = tables["_cases"]
    comes_back = rng.random(len(cases)) < _chance(settings, tables, rng)
    gap_d = np.minimum(rng.exponential(BACK_D, len(cases)), LATEST_D)
    returned = cases["resolved_min"].to_numpy() + gap_d * 1440
    ends = np.minimum(cases["closes_min"].to_numpy(), settings.days * 1440.0)
    confirmed = cases["resolved_min"].to_numpy() + rng.uniform(0, LATEST_D, len(cases)) * 1440
    confirms = ~comes_back & (rng.random(len(cases)) < CONFIRMS) & (confirmed < ends)
    tickets = tables["tickets"]
    truth = planted(
        "truth_parameters",
        "define.latency_thresholds",
        name=[*(f"knee_{channel}" for channel in KNEE_MIN), "rise", "rise_ends_after"],
        value=[*KNEE_MIN.values(), RISE * settings.size("define.latency_thresholds"), RISE_LOG],
        unit=["min"] * len(KNEE_MIN) + ["share/log unit", "log unit"],
    )
    return {
        "tickets": tickets.assign(
            reopened_at=_column(
                tickets, "reopened_at", cases, at_minute(settings, returned, comes_back & (returned < ends))
            ),
            confirmed_at=_column(tickets, "confirmed_at", cases, at_minute(settings, confirmed, confirms)),
        ),
        "interactions": _with_times(settings, tables["interactions"], tables.get("_handle_changes")),
        **({} if settings.block else {"truth_parameters": truth}),
    }


def _column(tickets: pd.DataFrame, name: str, cases: pd.DataFrame, moments: NDArray) -> NDArray:
    """Return a column of `tickets` with the moments of the cases; tickets of other domains keep theirs."""
    column = np.full(len(tickets), np.datetime64("NaT", "us"))
    if name in tickets:
        column[:] = tickets[name].to_numpy()
    column[cases["ticket"]] = moments
    return column


def _chance(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the chance that the customer of each case comes back."""
    cases = tables["_cases"]
    knee = np.array([KNEE_MIN[channel] for channel in CHANNELS])[cases["channel"]]
    late = np.clip(np.log(np.maximum(cases["wait_min"].to_numpy(), 1e-6) / knee), 0.0, RISE_LOG)
    fussy = rng.normal(0, FUSSY_SD, len(tables["customers"]))[cases["customer"]]
    chance = (
        BASE
        + ON_SEVERITY * (cases["severity"].to_numpy() - 1)
        + ON_BUSY * (cases["busy"].to_numpy() - 1)
        + ON_SKILL * settings.effect * cases["skill"].to_numpy()
        + RISE * settings.size("define.latency_thresholds") * late
        + fussy
    )
    changes = tables["_repeat_changes"]
    chance += np.bincount(changes["case"], changes["change"], len(cases))
    return np.clip(chance, LEAST, MOST)


def _with_times(
    settings: WorldSettings, interactions: pd.DataFrame, changes: pd.DataFrame | None
) -> pd.DataFrame:
    """Return interactions with changed handling times, and the ends that follow from them."""
    if changes is None or changes.empty:
        return interactions
    n = len(interactions)
    factor = np.exp(np.bincount(changes["contact"], changes["log_change"], n))
    added = np.bincount(changes["contact"], changes["add_s"], n)
    rows = np.unique(changes["contact"])
    rows = rows[interactions["handle_s"].notna().to_numpy()[rows]]
    handle, ended = interactions["handle_s"].to_numpy().copy(), interactions["ended_at"].to_numpy().copy()
    handle[rows] = np.round(handle[rows] * factor[rows] + added[rows])
    over = interactions["answered_at"].to_numpy()[rows] + (handle[rows] * 1e6).astype("timedelta64[us]")
    ended[rows] = np.where(over < np.datetime64(settings.end, "us"), over, np.datetime64("NaT"))
    return interactions.assign(handle_s=handle, ended_at=ended)
