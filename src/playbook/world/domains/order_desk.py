"""The order desk, step by step, before and after a change (`design.digital_twin`).

Three steps follow each other: entering, checking, releasing; each has its people, takes cases first come first served,
and is the same work for a case that is complicated (`CASE_SD`: a case that is slow at one step is slow at all, while a
twin may draw steps apart). On a known day a second person joins the checks, which were the bottleneck. Only working
minutes count: a case that is not finished by the evening goes on in the morning. What the same cases would have taken
without the change is in `truth_outcomes`.
"""

from __future__ import annotations

from heapq import heapreplace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local
from playbook.world.moments import known_customers
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "organisation")

DAYS, CHANGE_DAY = 150, 105  # working days, the last of the history; the change
OPENS_H, DAY_MIN = 8, 480
CASES_DAY = 21.0
DAY_SD = 0.10  # of the log of a day's cases
STEPS = ("enter the order", "check price and credit", "release to the warehouse")
PEOPLE = (2, 1, 3)
MORE_PEOPLE = (0, 1, 0)  # who join with the change
MEAN_MIN = (34.0, 20.5, 50.0)
CASE_SD, STEP_SD = 0.35, 0.40  # of the log of a step's minutes: shared by the case's steps, and not

PLANTS = (
    Plant(
        play="design.digital_twin",
        what="Cases pass three steps of an order desk, each with its own people. On one day somebody joins one of "
        "the steps.",
        why="Time that a case takes is mostly waiting, and waiting does not fall in step with the work: shares and averages "
        "of the time before say little about the time after.",
        tables=("touchpoints", "process_steps", "changes"),
        truth=("truth_outcomes", "truth_parameters"),
        size="MORE_PEOPLE x size, rounded, join on CHANGE_DAY",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return process_steps, touchpoints, changes and truth."""
    size = settings.size("design.digital_twin")
    more = tuple(round(extra * size) for extra in MORE_PEOPLE)
    arrived, work = _cases(rng)
    started, ended, who = _flow(arrived, work, more)
    dates = pd.bdate_range(end=settings.end - pd.Timedelta(days=1), periods=DAYS).as_unit("us").to_numpy()
    step_id = [local(f"PO{k}", settings.block) for k in range(1, len(STEPS) + 1)]
    people = _people(settings, tables["staff"], sum(PEOPLE) + sum(more))
    return {
        "process_steps": _steps(step_id),
        "touchpoints": _touchpoints(
            settings, tables, arrived, started, ended, who, step_id, people, dates, rng
        ),
        "changes": pd.DataFrame(
            {
                "change_id": ids("CO", 1, settings.block),
                "kind": "change",
                "subject_type": "process step",
                "subject_id": step_id[1],
                "requested_at": dates[[CHANGE_DAY - 30]],
                "deployed_at": dates[[CHANGE_DAY]],
                "effort_points": 5.0,
                "status": "live",
                "description": "a second person checks price and credit",
            }
        ),
        **_truth(settings, arrived, work, ended, more),
    }


def _cases(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return when each case arrives, in working minutes, and its minutes of work at each step, shape (n, steps)."""
    count = rng.poisson(CASES_DAY * np.exp(rng.normal(0, DAY_SD, DAYS)))
    day = np.repeat(np.arange(DAYS), count)
    arrived = np.sort(day * DAY_MIN + DAY_MIN * rng.beta(1.2, 1.5, len(day)))
    log_sd = np.sqrt(CASE_SD**2 + STEP_SD**2)
    log = CASE_SD * rng.normal(0, 1, (len(day), 1)) + STEP_SD * rng.normal(0, 1, (len(day), len(STEPS)))
    return arrived, np.array(MEAN_MIN) * np.exp(log - log_sd**2 / 2)


def _flow(
    arrived: NDArray[np.float64], work: NDArray[np.float64], more: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return when each case starts and ends at each step, in working minutes, and which person does it."""
    started, ended = np.empty_like(work), np.empty_like(work)
    who = np.empty(work.shape, dtype=np.int64)
    ready, first = arrived, 0
    for step, (people, extra) in enumerate(zip(PEOPLE, more, strict=True)):
        # Who joins with the change is not free before it.
        free = [(0.0, first + k) for k in range(people)]
        free += [(CHANGE_DAY * float(DAY_MIN), first + people + k) for k in range(extra)]
        first += people + extra
        order = np.argsort(ready, kind="stable")
        for i, ready_at, takes in zip(
            order.tolist(), ready[order].tolist(), work[order, step].tolist(), strict=True
        ):
            free_at, person = free[0]
            begins = max(free_at, ready_at)
            heapreplace(free, (begins + takes, person))
            started[i, step], ended[i, step], who[i, step] = begins, begins + takes, person
        ready = ended[:, step]
    return started, ended, who


def _steps(step_id: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "step_id": step_id,
            "process": "order desk",
            "seq_no": np.arange(1.0, len(STEPS) + 1),
            "name": STEPS,
            "party": "us",
            "role": "service agent",
            "next_step_ids": [*step_id[1:], None],
            "standard_min": np.round(np.array(MEAN_MIN) * 0.8),
            "is_handoff": [False, True, True],
        }
    )


def _people(settings: WorldSettings, staff: pd.DataFrame, n: int) -> pd.api.extensions.ExtensionArray:
    """Return who works at the order desk: planners who are there, those hired first."""
    there = staff[(staff["role"] == "planner") & staff["left_on"].isna()].sort_values(
        "hired_on", kind="stable"
    )
    there = there[there["hired_on"] < settings.end - pd.Timedelta(days=DAYS * 7 // 5 + 7)]
    return there["staff_id"].array[:n]


def _touchpoints(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    arrived: NDArray[np.float64],
    started: NDArray[np.float64],
    ended: NDArray[np.float64],
    who: NDArray[np.int64],
    step_id: list[str],
    people: pd.api.extensions.ExtensionArray,
    dates: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the arrival of each case, and each step that was begun before the end of the history."""
    n, steps = started.shape
    customer = known_customers(settings, tables["customers"], DAYS * 7 // 5 + 7, n, rng)
    begins, over = np.column_stack([arrived, started]).ravel(), np.column_stack([arrived, ended]).ravel()
    step = np.tile(np.arange(-1, steps), n)
    person = np.column_stack([np.full(n, -1), who]).ravel()
    person = np.where(person < len(people), person, -1)
    case = np.repeat(np.arange(n), steps + 1)
    kept = np.flatnonzero(begins < DAYS * DAY_MIN)
    case_id = ids("OD", n, settings.block)
    return pd.DataFrame(
        {
            "touchpoint_id": ids("TO", len(kept), settings.block),
            "case_id": case_id.array.take(case[kept]),
            "customer_id": tables["customers"]["customer_id"].array.take(customer[case[kept]]),
            "step_id": pd.array(step_id, dtype="str").take(step[kept], allow_fill=True),
            "party": words(["customer", "us"], (step[kept] >= 0).astype(np.int64)),
            "staff_id": people.take(person[kept], allow_fill=True),
            "started_at": _moment(dates, begins[kept]),
            "ended_at": _moment(dates, over[kept]),
        }
    )


def _moment(dates: NDArray[np.datetime64], minute: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return working minutes as moments; empty after the last day."""
    day = np.floor(minute / DAY_MIN).astype(np.int64)
    inside = day < len(dates)
    rest = ((OPENS_H * 60 + minute - day * DAY_MIN) * 60e6).astype("timedelta64[us]")
    return np.where(inside, dates[np.minimum(day, len(dates) - 1)] + rest, np.datetime64("NaT"))


def _truth(
    settings: WorldSettings,
    arrived: NDArray[np.float64],
    work: NDArray[np.float64],
    ended: NDArray[np.float64],
    more: tuple[int, ...],
) -> dict[str, pd.DataFrame]:
    """Return percentiles of the working hours that the cases after the change took, and would have taken without it."""
    play = "design.digital_twin"
    without = _flow(arrived, work, (0,) * len(STEPS))[1]
    after = arrived >= CHANGE_DAY * DAY_MIN
    rows = [
        (local("order desk", settings.block), arm, f"p{level} h",
         float(np.quantile(over[after, -1] - arrived[after], level / 100) / 60))
        for arm, over in (("with the change", ended), ("without it", without))
        for level in (50, 90)
    ]  # fmt: skip
    subject, arm, metric, value = zip(*rows, strict=True)
    parameters = planted(
        "truth_parameters",
        play,
        name=[*(f"mean_min_{step}" for step in STEPS), *(f"people_joining_{step}" for step in STEPS)],
        value=[*MEAN_MIN, *map(float, more)],
        unit=["min"] * len(STEPS) + ["people"] * len(STEPS),
    )
    outcomes = planted("truth_outcomes", play, subject=subject, arm=arm, metric=metric, value=value)
    return {"truth_outcomes": outcomes, **({} if settings.block else {"truth_parameters": parameters})}
