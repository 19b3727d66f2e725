"""Hand-offs: installations that pass from team to team, to a carrier and to the customer and back.

Planted for `define.handoffs`, per step that takes over (`HANDOFFS`): how often it fails, how often nobody of us
notices, and what an unnoticed failure costs (`exceptions.loss_amt`; a gamma times a lognormal, so that means are
driven by few). Failures that we notice cost rework and time only. Expected loss = rate x unnoticed x loss; the
frequent ones are cheap, and an ordinal product of three scales ranks them in another order.

Without effect all hand-offs are as `USUAL`. `truth_parameters` has the three figures per step and the expected loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.processes import step_ids, step_parties
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "define.handoffs"

CASES = 2_000  # per division
# of the steps from the second on: failure rate, share that we do not notice, loss of one that we do not, wait (h)
HANDOFFS = (
    (0.18, 0.10, 40.0, 30.0),
    (0.06, 0.60, 1400.0, 20.0),
    (0.25, 0.30, 25.0, 6.0),
    (0.22, 0.85, 115.0, 12.0),
    (0.07, 0.45, 3400.0, 60.0),
    (0.05, 0.35, 2000.0, 24.0),
    (0.12, 0.55, 60.0, 16.0),
)
USUAL = (0.10, 0.40, 150.0, 20.0)
LOSS_LOG_SD = 0.5
REWORK_H = 8.0

PLANTS = (
    Plant(
        play=PLAY,
        what="Installations of eight steps, each taken over by another function, by a carrier or by the customer. "
        "Hand-offs differ in how often they fail, in who notices, and in what it costs.",
        why="The hand-off that fails most is not the one that costs most, and multiplying ranks is not "
        "multiplying amounts.",
        tables=("touchpoints", "process_steps", "exceptions"),
        truth=("truth_parameters",),
        size="HANDOFFS, from USUAL at size 0",
    ),
)


def sizes(size: float) -> np.ndarray:
    """Return failure rate, unnoticed share, loss and wait of each hand-off, shape (hand-offs, 4), at a size."""
    usual, planted_sizes = np.array(USUAL), np.array(HANDOFFS)
    scaled = usual * (planted_sizes / usual) ** size
    scaled[:, :2] = scaled[:, :2].clip(0.001, 0.95)
    scaled[:, 3] = usual[3] * (planted_sizes[:, 3] / usual[3]) ** min(
        size, 1.0
    )  # cases end within the history
    return scaled


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return touchpoints, exceptions and truth_parameters."""
    rate, unnoticed, loss, wait = sizes(settings.size(PLAY)).T
    customer_id, starts = steady_cases(settings, tables, CASES, 45, rng)
    n, steps = len(customer_id), len(HANDOFFS) + 1
    failed = np.zeros((n, steps), dtype=bool)
    failed[:, 1:] = rng.random((n, steps - 1)) < rate
    escapes = failed & (rng.random((n, steps)) < np.r_[0.0, unnoticed])
    rework = failed & ~escapes
    work_h = np.array([0.4, 1.0, 2.0, 0.5, 4.0, 8.0, 4.0, 0.2]) * rng.lognormal(0, 0.3, (n, steps))
    wait_h = np.r_[0.0, wait] * rng.gamma(1.5, 1 / 1.5, (n, steps))
    spent = wait_h + work_h + REWORK_H * rework * rng.exponential(1.0, (n, steps))
    ended = np.cumsum(spent, axis=1)
    begun = np.hstack([np.zeros((n, 1)), ended[:, :-1]]) + wait_h

    of, step = np.repeat(np.arange(n), steps), np.tile(np.arange(steps), n)
    hour = np.timedelta64(3_600_000_000, "us")
    origin = starts[of]
    started_at = origin + (begun.ravel() * hour.astype(float)).astype("timedelta64[us]")
    ended_at = origin + (ended.ravel() * hour.astype(float)).astype("timedelta64[us]")
    who = np.where(escapes, 2, np.where(failed, 1, 0)).ravel()
    steps_text = words(step_ids("installation"), step)
    touchpoints = pd.DataFrame(
        {
            "touchpoint_id": ids("TH", n * steps, settings.block),
            "case_id": ids("CH", n, settings.block).array.take(of),
            "customer_id": customer_id.take(of),
            "step_id": steps_text,
            "party": step_parties("installation", step),
            "started_at": started_at,
            "ended_at": ended_at,
            "failed": failed.ravel(),
            "detected_by": words([None, "us", "customer"], who),
            "rework": rework.ravel(),
            "recorded_at": ended_at,
        }
    )
    at = np.flatnonzero(escapes.ravel())
    cost = (
        loss[step[at] - 1]
        * rng.gamma(4.0, 0.25, len(at))
        * rng.lognormal(-(LOSS_LOG_SD**2) / 2, LOSS_LOG_SD, len(at))
    )
    exceptions = pd.DataFrame(
        {
            "exception_id": ids("XH", len(at), settings.block),
            "occurred_at": ended_at[at],
            "exception_type": repeated("failed hand-off", len(at)),
            "customer_id": touchpoints["customer_id"].array.take(at),
            "subject_type": repeated("touchpoint", len(at)),
            "subject_id": touchpoints["touchpoint_id"].array.take(at),
            "step_id": steps_text.take(at),
            "resolved_at": ended_at[at] + np.timedelta64(48, "h"),
            "loss_amt": np.round(cost, 2),
        }
    )
    tables_made = {"touchpoints": touchpoints, "exceptions": exceptions}
    return tables_made if settings.block else {**tables_made, "truth_parameters": _truth(settings)}


def steady_cases(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], n: int, last_d: int, rng: np.random.Generator
) -> tuple[pd.api.extensions.ExtensionArray, np.ndarray]:
    """Return the customer and the start of `n` cases, in order of time.

    They are customers of the whole history, so that nothing happens before or after their time; the last case
    starts `last_d` days before the end.
    """
    customers = tables["customers"]
    stays = np.flatnonzero(
        ((customers["created_at"] <= settings.start) & customers["closed_at"].isna()).to_numpy()
    )
    who = customers["customer_id"].array.take(rng.choice(stays, n))
    second = np.sort(rng.random(n)) * (settings.days - last_d) * 86_400e6
    return who, np.datetime64(settings.start, "us") + second.astype("timedelta64[us]")


def _truth(settings: WorldSettings) -> pd.DataFrame:
    rate, unnoticed, loss, _ = sizes(settings.size(PLAY)).T
    names = step_ids("installation")[1:]
    values = {"failure rate": rate, "unnoticed share": unnoticed, "loss": loss}
    values["expected loss of a case"] = rate * unnoticed * loss
    units = ("share", "share", "money", "money")
    return planted(
        "truth_parameters",
        PLAY,
        name=[f"{kind}: {name}" for kind in values for name in names],
        value=np.concatenate(list(values.values())),
        unit=np.repeat(units, len(names)),
    )
