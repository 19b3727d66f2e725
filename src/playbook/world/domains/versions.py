"""Versions of workflows: how often each ran and how often it erred.

Planted for `measure.error_iteration`: for each workflow and version an error rate per run (`truth_parameters`). Rates
of a workflow's versions rise or fall by `STEP_SD` x size (log) from one to the next. Runs differ a hundredfold between
workflows and are few for the newest versions (`config_versions.value_json`: runs), so that counts follow use. Days
differ by more than chance: errors come in bursts (negative binomial by week), while a play may fit Poisson.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)  # so that it is made with block 0 only, and never again for others
ONCE = True
PLAY = "measure.error_iteration"

WORKFLOWS = (
    "welcome mail",
    "delivery window",
    "credit offer",
    "reorder reminder",
    "price list",
    "invoice layout",
    "returns label",
    "visit planning",
    "spare part advice",
    "language choice",
)
VERSIONS = 5
RATE, RATE_LOG_SD, STEP_SD = 0.02, 0.8, 0.6
RUNS_WEEK = (3.0, 350.0)  # of the least and the most used workflow
BURST = 3.0  # shape of the weekly gamma: small = bursts

PLANTS = (
    Plant(
        play=PLAY,
        what="Workflows in several versions, each with how often it ran and the errors it made.",
        why="A version that ran twice as often makes twice the errors, and errors come in bursts.",
        tables=("config_versions", "exceptions", "changes"),
        truth=("truth_parameters",),
        size="RATE_LOG_SD, STEP_SD x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return config_versions, changes, exceptions and truth_parameters."""
    size = settings.size(PLAY)
    flows, weeks = len(WORKFLOWS), settings.days // 7
    # Later versions hold for less time: the newest is only some weeks old.
    cuts = np.sort(1 - np.cumsum(rng.dirichlet(np.full(VERSIONS, 3.0), flows), axis=1)[:, :-1], axis=1)
    starts = np.column_stack([np.zeros(flows), np.minimum(cuts, 1 - 6 / weeks)]) * weeks
    starts = np.floor(starts)
    ends = np.column_stack([starts[:, 1:], np.full(flows, float(weeks))])
    log_rate = rng.normal(0, RATE_LOG_SD, (flows, 1)) + np.cumsum(
        rng.normal(0, STEP_SD, (flows, VERSIONS)), axis=1
    )
    rate = np.minimum(RATE * np.exp(size * log_rate), 0.3)
    per_week = np.exp(rng.permutation(np.linspace(np.log(RUNS_WEEK[0]), np.log(RUNS_WEEK[1]), flows)))

    week = np.arange(weeks)
    version_of = (week[None, :, None] >= starts[:, None, :]).sum(axis=2) - 1
    runs = rng.poisson(np.repeat(per_week[:, None], weeks, axis=1))
    mean = runs * np.take_along_axis(rate, version_of, axis=1) * rng.gamma(BURST, 1 / BURST, (flows, weeks))
    errors = rng.poisson(mean)
    code = np.arange(flows)[:, None] * VERSIONS + version_of
    total_runs = np.bincount(code.ravel(), runs.ravel(), flows * VERSIONS).astype(int)

    version_id, change_id = ids("GV", flows * VERSIONS), ids("CHV", flows * VERSIONS)
    since = settings.start + pd.to_timedelta(starts.ravel() * 7, unit="D")
    until = pd.Series(settings.start + pd.to_timedelta(ends.ravel() * 7, unit="D"))
    is_last = np.tile(np.arange(VERSIONS) == VERSIONS - 1, flows)
    parent = version_id.shift().where(np.tile(np.arange(VERSIONS) > 0, flows))
    names = np.repeat(WORKFLOWS, VERSIONS)
    versions = pd.DataFrame(
        {
            "config_version_id": version_id,
            "config_id": names,
            "kind": "workflow",
            "environment": "live",
            "value_json": [f'{{"runs": {n}}}' for n in total_runs],
            "parent_version_id": parent,
            "is_live": is_last,
            "change_id": change_id,
            "valid_from": since,
            "valid_to": until.where(~is_last),
        }
    )
    changes = pd.DataFrame(
        {
            "change_id": change_id,
            "kind": "launch",
            "subject_type": "config",
            "subject_id": names,
            "requested_at": pd.Series(since - pd.Timedelta(days=10)).clip(lower=settings.start),
            "deployed_at": since,
            "status": "live",
            "description": [f"{name}, version {k % VERSIONS + 1}" for k, name in enumerate(names)],
        }
    )
    truth = planted(
        "truth_parameters",
        PLAY,
        name="errors per run: " + version_id,
        value=rate.ravel(),
        unit="1/run",
    )
    return {
        "config_versions": versions,
        "changes": changes,
        "exceptions": _errors(settings, version_id, code, errors, rng),
        "truth_parameters": truth,
    }


def _errors(
    settings: WorldSettings,
    version_id: pd.Series,
    code: np.ndarray,
    errors: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one exception per error; `code` (version) and `errors` have one entry per workflow and week."""
    flow, week = np.nonzero(errors)
    times = errors[flow, week]
    version, week = np.repeat(code[flow, week], times), np.repeat(week, times)
    at = np.datetime64(settings.start, "us") + ((week + rng.random(len(week))) * 604_800e6).astype(
        "timedelta64[us]"
    )
    return pd.DataFrame(
        {
            "exception_id": ids("XV", len(at)),
            "occurred_at": at,
            "exception_type": repeated("workflow error", len(at)),
            "config_version_id": version_id.array.take(version),
            "loss_amt": np.round(rng.gamma(1.5, 12.0, len(at)), 2),
        }
    )
