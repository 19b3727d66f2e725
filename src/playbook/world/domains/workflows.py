"""Two new ways of working, and who takes them up (`measure.adoption`).

Agents' cases in which a workflow was on offer, over a year: prompted by the toss of a coin per agent and week, used or not,
and the minutes the case took. Teams (the desks) take a workflow up along curves of their own, which end below one
(`CEILING`); a few lag: they forget it (a prompt helps) or it does not fit their work (a prompt does not). The curves are
Gompertz, while a play may fit a logistic one. Use of the first workflow makes a case shorter (`SHORTER`); use of the second
goes with skill and does nothing. Teams answer a prompt more or less (`LIFT`), which is what tells the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import desks
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)

WORKFLOWS = ("guided form", "quick reply")
SHORTER = (-0.40, 0.0)  # change of the log of a case's minutes when it is used
WEEKS = 52  # the last of the history
CASES_WEEK = 8  # of a team and workflow
CEILING = (0.55, 0.85)
PACE_WEEKS = (6.0, 14.0)  # of the Gompertz curve
LAG_WEEKS = (4.0, 20.0)
LIFT = (0.02, 0.60)
LAGGARDS = 0.25
FORGETS_LIFT, MISFIT_LIFT = 0.55, 0.02
MISFIT_CEILING, FORGETS_CEILING = 0.12, 0.20
USE_ON_SKILL, MINUTES_ON_SKILL = 0.10, -0.15
MINUTES_LOG_SD = 0.45

PLANTS = (
    Plant(
        play="measure.adoption",
        what="Teams take up two workflows at their own pace; agents are prompted to use them by the toss of a coin. Some "
        "teams lag, for different reasons.",
        why="Skilled agents use more of everything, so use of either workflow goes with short cases.",
        tables=("actions", "staff"),
        truth=("truth_effects", "truth_labels", "truth_outcomes"),
        size="SHORTER x size by workflow; CEILING, PACE_WEEKS, LAG_WEEKS, LIFT by team; LAGGARDS",
    ),
)


def curve(week: NDArray, ceiling: NDArray, pace: NDArray, lag: NDArray) -> NDArray[np.float64]:
    """Return the share of cases in which a team uses a workflow, without a prompt (Gompertz)."""
    return ceiling * np.exp(-np.exp(-(week - lag) / pace))


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return actions and truth."""
    names, teams = [key for key, _ in desks(settings)], len(desks(settings))
    size = settings.size("measure.adoption")
    shape = (teams, len(WORKFLOWS))
    lags = rng.random(teams) < LAGGARDS
    misfit = lags & (rng.random(teams) < 0.5)
    ceiling = np.where(lags, np.where(misfit, MISFIT_CEILING, FORGETS_CEILING), rng.uniform(*CEILING, teams))
    ceiling = np.tile(ceiling[:, None], (1, len(WORKFLOWS)))
    pace, lag = rng.uniform(*PACE_WEEKS, shape), rng.uniform(*LAG_WEEKS, shape)
    lift = rng.uniform(*LIFT, shape)
    lift = np.where(lags[:, None], np.where(misfit, MISFIT_LIFT, FORGETS_LIFT)[:, None], lift)

    count = teams * len(WORKFLOWS) * WEEKS * CASES_WEEK
    n = np.arange(count)
    case_no, week = n % CASES_WEEK, n // CASES_WEEK % WEEKS
    workflow, team = n // (CASES_WEEK * WEEKS) % len(WORKFLOWS), n // (CASES_WEEK * WEEKS * len(WORKFLOWS))
    people, skill = _people(settings, tables, teams)
    member = case_no % people.shape[1]
    who = people[team, member]
    prompted = (rng.random((teams, people.shape[1], WEEKS)) < 0.5)[team, member, week]
    own = curve(week, ceiling[team, workflow], pace[team, workflow], lag[team, workflow])
    chance = own + np.where(prompted, lift[team, workflow] * (1 - own), 0.0) + USE_ON_SKILL * skill[who]
    used = rng.random(count) < np.clip(chance, 0.0, 1.0)
    log = rng.normal(0, MINUTES_LOG_SD, count) + MINUTES_ON_SKILL * skill[who]
    log += size * np.array(SHORTER)[workflow] * used
    monday = settings.end.normalize() - pd.Timedelta(days=settings.end.weekday() + 7 * WEEKS)
    at = np.datetime64(monday, "us") + ((week * 7 + rng.integers(0, 5, count)) * 86_400).astype(
        "timedelta64[s]"
    )
    at = at + ((9 + 8 * rng.random(count)) * 3_600).astype("timedelta64[s]")
    actions = pd.DataFrame(
        {
            "action_id": ids("AW", count, settings.block),
            "subject_type": repeated("unit", count),
            "subject_id": words(names, team),
            "staff_id": tables["staff"]["staff_id"].array.take(who),
            "action_code": words([f"workflow: {name}" for name in WORKFLOWS], workflow),
            "propensity_share": 0.5,
            "shown": prompted,
            "taken": used,
            "acted_at": at,
            "duration_s": np.round(60 * settings.preset.handle_min * np.exp(log)),
        }
    )
    return {"actions": actions, **_truth(settings, names, lags, misfit, ceiling, pace, lag, size)}


def _people(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], teams: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return up to four agents (positions in staff) of each team, shape (teams, k), and everybody's skill against theirs."""
    staff = tables["staff"]
    there = staff["left_on"].isna() & (staff["hired_on"] < settings.end - pd.Timedelta(weeks=WEEKS + 1))
    agents = np.flatnonzero(there & (staff["role"] == "service agent"))
    if len(agents) == 0:
        agents = np.flatnonzero(there)
    k = max(1, min(4, len(agents) // teams))
    members = agents[np.arange(teams * k) % len(agents)].reshape(teams, k)
    skill = tables["truth_staff"]["skill"].to_numpy()
    return members, skill - skill[members].mean()  # who is still there is better than who was hired


def _truth(
    settings: WorldSettings,
    names: list[str],
    lags: NDArray[np.bool_],
    misfit: NDArray[np.bool_],
    ceiling: NDArray[np.float64],
    pace: NDArray[np.float64],
    lag: NDArray[np.float64],
    size: float,
) -> dict[str, pd.DataFrame]:
    play = "measure.adoption"
    effects = planted(
        "truth_effects",
        play,
        action=WORKFLOWS,
        stratum="all",
        metric="log minutes of a case",
        size=np.array(SHORTER) * size,
        unit="log",
    )
    reason = np.where(misfit, "does not fit", np.where(lags, "forgets", "takes it up"))
    quarters = (13, 26, 39, 51)
    outcomes = [
        planted(
            "truth_outcomes",
            play,
            subject=names,
            arm=workflow,
            metric=f"share of cases, week {week}, no prompt",
            value=curve(np.array(week), ceiling[:, k], pace[:, k], lag[:, k]),
        )
        for k, workflow in enumerate(WORKFLOWS)
        for week in quarters
    ]
    return {
        "truth_labels": planted("truth_labels", play, table="units", key=names, label=reason),
        "truth_outcomes": pd.concat(outcomes, ignore_index=True),
        **({} if settings.block else {"truth_effects": effects}),
    }
