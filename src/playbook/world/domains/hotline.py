"""A hotline that tries calling back instead of holding (`design.service_experiment`).

A few agents answer; calls crowd at two times a day. In the first weeks a lot decides call by call who is offered a call
back; since then half-day by half-day (a switchback). Who accepts is called back when it is calm (`LATER_MIN`), and takes
an agent's time then: so callers on hold gain from other callers' calling back, and a morning's calls back fall into the
afternoon. Some are not reached (`MISSED`): the harm. What would have come of every half-day under either rule is
in `truth_outcomes`, from the same calls. Waits come from a queue with gamma patience; nothing about them is drawn.

The hotline is its own desk: its calls are in the channel `hotline`, and its agents' shifts in the activity `hotline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import known_customers
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "organisation")

SPLIT_DAYS, SWITCH_DAYS = 25, 65  # weekdays; the last of the history
OPENS_H, HALF_MIN = 8, 240
AGENTS = 3
RATE_H, CROWD_H, CROWD_MIN = 14.0, 50.0, 75  # calls an hour; in the first minutes of each half-day
DAY_SD = 0.18  # of the log of a day's rate
HANDLE_MIN, HANDLE_SHAPE = 5.2, 2.0
PATIENCE_MIN, PATIENCE_SHAPE = 9.0, 1.3
ACCEPTS = 0.6
LATER_MIN = 130.0
MISSED = 0.08  # of calls back

PLANTS = (
    Plant(
        play="design.service_experiment",
        what="A hotline offers to call back instead of holding: call by call by lot at first, then by half-days. All share "
        "the same agents. Some are not reached when they are called back.",
        why="Who holds gains when others are called back, so calls on the same day are no fair comparison; the "
        "morning's calls back weigh on the afternoon.",
        tables=("interactions", "actions", "shifts", "assignments", "initiatives"),
        truth=("truth_effects", "truth_outcomes"),
        size="ACCEPTS x size of callers in the crowd, called LATER_MIN later; MISSED of them",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, assignments, interactions, actions, shifts and truth."""
    days = SPLIT_DAYS + SWITCH_DAYS
    calls = _calls(days, settings.size("design.service_experiment"), rng)
    day, half = calls["day"].to_numpy(), calls["half"].to_numpy()
    by_half = rng.random((days, 2)) < 0.5
    by_call = rng.random(len(calls)) < 0.5
    offered = np.where(day < SPLIT_DAYS, by_call, by_half[day, half])
    happened = _answers(calls, offered)
    dates = _weekdays(settings, days)
    staff_id = _team(tables["staff"])
    interactions = _interactions(settings, tables, calls, happened, dates, staff_id, rng)
    return {
        "initiatives": pd.DataFrame(
            {
                "initiative_id": ids("HX", 1, settings.block),
                "kind": "call back instead of holding",
                "starts_on": dates[[0]],
                "target_metric": "lost share of calls",
            }
        ),
        "assignments": _assignments(settings, interactions, day, by_call, by_half, dates),
        "interactions": interactions,
        "actions": _offers(settings, interactions, calls, happened, offered),
        "shifts": _shifts(settings, dates, staff_id),
        **_truth(calls, dates),
    }


def _calls(days: int, size: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return calls by day and time: minute of the day, work, patience, whether in the crowd, whether the caller would
    accept a call back, and whether they would be missed then.
    """
    busy = np.exp(rng.normal(0, DAY_SD, days))
    parts = []
    for half in (0, 1):
        for rate, start, length in ((CROWD_H, 0, CROWD_MIN), (RATE_H, CROWD_MIN, HALF_MIN - CROWD_MIN)):
            count = rng.poisson(rate * busy * length / 60)
            day = np.repeat(np.arange(days), count)
            minute = half * HALF_MIN + start + length * rng.random(len(day))
            parts.append(pd.DataFrame({"day": day, "minute": minute, "half": half, "in_crowd": start == 0}))
    calls = pd.concat(parts).sort_values(["day", "minute"], kind="stable").reset_index(drop=True)
    n = len(calls)
    return calls.assign(
        work=HANDLE_MIN * rng.gamma(HANDLE_SHAPE, 1 / HANDLE_SHAPE, n),
        patience=PATIENCE_MIN * rng.gamma(PATIENCE_SHAPE, 1 / PATIENCE_SHAPE, n),
        accepts=calls["in_crowd"] & (rng.random(n) < ACCEPTS * size),
        missed=rng.random(n) < MISSED,
    )


def _answers(calls: pd.DataFrame, offered: NDArray[np.bool_]) -> pd.DataFrame:
    """Return, per call, whether it is called back, whether it is lost, its wait on hold, and who answers when.

    First come, first served, all days side by side: one step takes the next call of every day.
    """
    back = offered & calls["accepts"].to_numpy()
    served_from = calls["minute"].to_numpy() + np.where(back, LATER_MIN, 0.0)
    work = np.where(
        back & calls["missed"].to_numpy(), 1.0, calls["work"].to_numpy()
    )  # an agent tries for a minute
    patience = np.where(back, np.inf, calls["patience"].to_numpy())
    day = calls["day"].to_numpy()
    order = np.lexsort((served_from, day))
    count = np.bincount(day)
    nth = np.arange(len(calls)) - np.repeat(np.cumsum(count) - count, count)
    line = np.full((count.max(), len(count)), -1)
    line[nth, day[order]] = order
    free = np.zeros((len(count), AGENTS))
    answered, agent = np.full(len(calls), np.nan), np.full(len(calls), -1)
    for step in line:
        today = np.flatnonzero(step >= 0)
        call = step[today]
        who = free[today].argmin(axis=1)
        begins = np.maximum(free[today, who], served_from[call])
        stays = begins - served_from[call] <= patience[call]
        answered[call[stays]], agent[call[stays]] = begins[stays], who[stays]
        free[today[stays], who[stays]] = begins[stays] + work[call[stays]]
    lost = np.where(back, calls["missed"].to_numpy(), agent < 0)
    hold = np.where(agent < 0, patience, answered - served_from)
    return pd.DataFrame(
        {"back": back, "lost": lost, "hold": hold, "answered": answered, "agent": agent, "took": work}
    )


def _weekdays(settings: WorldSettings, days: int) -> pd.DatetimeIndex:
    """Return the last weekdays before the end of the history."""
    return pd.bdate_range(end=settings.end - pd.Timedelta(days=1), periods=days).as_unit("us")


def _team(staff: pd.DataFrame) -> list[str]:
    """Return the agents of the hotline: those who have been there longest and stay."""
    agents = staff[(staff["role"] == "service agent") & staff["left_on"].isna()]
    return agents.sort_values("hired_on", kind="stable")["staff_id"].head(AGENTS).tolist()


def _interactions(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    calls: pd.DataFrame,
    happened: pd.DataFrame,
    dates: pd.DatetimeIndex,
    staff_id: list[str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = len(calls)
    opens = dates.to_numpy()[calls["day"]] + np.timedelta64(OPENS_H, "h")
    who = known_customers(settings, tables["customers"], 160, n, rng)
    reached = (happened["agent"] >= 0) & ~happened["lost"]
    answered = np.where(
        reached, opens + _span(happened["answered"].fillna(0).to_numpy()), np.datetime64("NaT")
    )
    gave_up = calls["minute"] + np.where(happened["back"], LATER_MIN, happened["hold"])
    ends = np.where(reached, happened["answered"].fillna(0) + happened["took"], gave_up)
    people = pd.array(staff_id, dtype="str")
    agent = np.where(reached & (happened["agent"] < len(staff_id)), happened["agent"], -1)
    nought = np.zeros(n, dtype=np.int64)
    return pd.DataFrame(
        {
            "interaction_id": ids("HC", n, settings.block),
            "customer_id": tables["customers"]["customer_id"].array.take(who),
            "staff_id": people.take(agent, allow_fill=True),
            "channel": words(["hotline"], nought),
            "direction": words(["in"], nought),
            "purpose": words(["service"], nought),
            "arrived_at": opens + _span(calls["minute"].to_numpy()),
            "answered_at": answered,
            "ended_at": opens + _span(ends),
            "handle_s": np.where(reached, np.round(happened["took"] * 60), np.nan),
        }
    )


def _span(minutes: NDArray[np.float64]) -> NDArray[np.timedelta64]:
    return (minutes * 60e6).astype("timedelta64[us]")


def _offers(
    settings: WorldSettings,
    interactions: pd.DataFrame,
    calls: pd.DataFrame,
    happened: pd.DataFrame,
    offered: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return one action for each caller in the crowd: a call back was offered, or not, and accepted, or not."""
    rows = np.flatnonzero(calls["in_crowd"])
    return pd.DataFrame(
        {
            "action_id": ids("AC", len(rows), settings.block),
            "subject_type": "interaction",
            "subject_id": interactions["interaction_id"].array.take(rows),
            "customer_id": interactions["customer_id"].array.take(rows),
            "action_code": "call back",
            "propensity_share": 0.5,
            "shown": offered[rows],
            "taken": happened["back"].to_numpy()[rows],
            "acted_at": interactions["arrived_at"].to_numpy()[rows],
        }
    )


def _assignments(
    settings: WorldSettings,
    interactions: pd.DataFrame,
    day: NDArray[np.int64],
    by_call: NDArray[np.bool_],
    by_half: NDArray[np.bool_],
    dates: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Return one row per call of the first weeks, then one per half-day."""
    arms = ["hold", "call back"]
    early = np.flatnonzero(day < SPLIT_DAYS)
    late = np.arange(SPLIT_DAYS, len(dates))
    starts = _half_days(dates)[SPLIT_DAYS:].ravel()
    of_halves = pd.DataFrame(
        {
            "subject_type": "queue",
            "subject_id": "hotline",
            "arm": words(arms, by_half[late].ravel().astype(np.int64)),
            "cluster_id": [str(start)[:16] for start in starts],
            "sequence_no": np.arange(1.0, len(starts) + 1),
            "starts_at": starts,
            "ends_at": starts + np.timedelta64(HALF_MIN, "m"),
        }
    )
    of_calls = pd.DataFrame(
        {
            "subject_type": "interaction",
            "subject_id": interactions["interaction_id"].array.take(early),
            "arm": words(arms, by_call[early].astype(np.int64)),
            "starts_at": interactions["arrived_at"].to_numpy()[early],
        }
    )
    rows = pd.concat([of_calls, of_halves], ignore_index=True)
    rows.insert(0, "assignment_id", ids("HXA", len(rows), settings.block))
    return rows.assign(initiative_id=ids("HX", 1, settings.block)[0], design="random", propensity_share=0.5)


def _half_days(dates: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Return when each half-day begins, shape (days, 2)."""
    return dates.to_numpy()[:, None] + np.array([OPENS_H * 60, OPENS_H * 60 + HALF_MIN]).astype(
        "timedelta64[m]"
    )


def _shifts(settings: WorldSettings, dates: pd.DatetimeIndex, staff_id: list[str]) -> pd.DataFrame:
    starts = np.repeat(_half_days(dates).ravel(), len(staff_id))
    return pd.DataFrame(
        {
            "shift_id": ids("HS", len(starts), settings.block),
            "staff_id": np.tile(np.array(staff_id, dtype=object), 2 * len(dates)),
            "starts_at": starts,
            "ends_at": starts + np.timedelta64(HALF_MIN, "m"),
            "activity": "hotline",
            "is_planned": True,
            "is_worked": True,
        }
    )


def _truth(calls: pd.DataFrame, dates: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """Return what would have come of every half-day, had all of them, or none, had the offer."""
    play = "design.service_experiment"
    half_day = (calls["day"] * 2 + calls["half"]).to_numpy()
    calls_of = np.maximum(np.bincount(half_day, minlength=2 * len(dates)), 1)
    subject = [str(start)[:16] for start in _half_days(dates).ravel()]
    outcomes, means = [], {}
    for arm, offered in (("hold", False), ("call back", True)):
        came = _answers(calls, np.full(len(calls), offered))
        lost = np.bincount(half_day, came["lost"], 2 * len(dates)) / calls_of
        means[arm] = came["lost"].mean()
        outcomes.append(
            planted("truth_outcomes", play, subject=subject, arm=arm, metric="lost share", value=lost)
        )
    effects = planted(
        "truth_effects",
        play,
        action=["call back", "call back"],
        stratum=["all", "calls back"],
        metric=["lost share", "not reached"],
        size=[means["call back"] - means["hold"], MISSED],
        unit="share",
    )
    return {"truth_outcomes": pd.concat(outcomes, ignore_index=True), "truth_effects": effects}
