"""Lessons: what the playbook's decisions were predicted to bring and brought, and which units still follow it.

Planted for `sustain.playbook_updates`:

- Decisions of a quarter (`changes`, kind "playbook decision", with predicted_low, predicted_high and realised) of
  the plays in `PLAYS`. Predictions are 80 % intervals and hold their level (noise is Student's t, not normal),
  except for a few plays whose predictions are off by `OFF` half-widths x size: `truth_labels` "wrong play". All
  others that miss are unlucky. A run's own register has the same columns.
- Standards of each unit (`config_versions`, kind "standard", one a quarter). Thresholds drift from the playbook's at
  a rate per quarter that is high in some units (`DRIFT` x size): `truth_parameters`. Each unit also has local
  entries that may differ.
- The strategy (`config_versions`, kind "strategy") in two versions, written in another order: a few of its thresholds
  changed. Which plays read which threshold is in `dependencies`; `truth_structure` "affected play".
- Requests to reuse a practice (`changes`, kind "practice request"), Poisson by unit, with their effort: what a centre
  of excellence has to serve. `truth_parameters` has the rate.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "organisation")
ONCE = True
PLAY = "sustain.playbook_updates"

PLAYS = (
    "define.journey_map",
    "define.handoffs",
    "define.customer_value",
    "unify.identity",
    "unify.preferences",
    "unify.latency",
    "design.routing",
    "design.safety_stock",
    "design.delivery_windows",
    "design.returns_policy",
    "balance.customization_depth",
    "balance.feature_flags",
    "balance.fallback",
    "govern.change_control",
    "govern.exceptions",
    "govern.consent",
    "measure.control_charts",
    "measure.root_cause",
    "measure.experience_sla",
    "measure.exception_dashboard",
    "sustain.training_hours",
    "sustain.exception_automation",
    "sustain.onboarding",
    "sustain.turnover",
)
QUARTERS = 10
FREEDOM, HALF_80 = 5, 1.4759  # of Student's t; half the width of its central 80 %
WRONG, OFF = 4, 2.2  # plays; half-widths by which their predictions are off
UNITS, THRESHOLDS = 12, 12
DRIFTING, DRIFT, USUAL_DRIFT = 0.3, 0.10, 0.006  # share of units; chance per threshold and quarter
STRATEGY, CHANGED = 14, 3  # thresholds of the strategy; of them, changed
REQUESTS_QUARTER, EFFORT = 6.0, 5.0

PLANTS = (
    Plant(
        play=PLAY,
        what="Predictions of the playbook's decisions with what came of them; standards of units over time; requests to "
        "reuse practices.",
        why="One interval in five is missed by luck, and units differ from the standard where they may.",
        tables=("changes", "config_versions", "dependencies", "units"),
        truth=("truth_labels", "truth_structure", "truth_parameters"),
        size="OFF, DRIFT x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, config_versions, dependencies, truth_labels, truth_structure and truth_parameters."""
    size = settings.size(PLAY)
    units = tables["units"]["unit_id"].to_numpy()[:UNITS]
    quarter = settings.end - pd.to_timedelta(91 * np.arange(QUARTERS, 0, -1), unit="D")
    decisions, wrong = _decisions(quarter, size, rng)
    standards, drift = _standards(units, quarter, size, rng)
    requests, rates = _requests(units, quarter, rng)
    strategy, readers, affected = _strategy(quarter, size, rng)
    names = [f"drift per threshold and quarter: {unit}" for unit in units]
    names += [f"practice requests per quarter: {unit}" for unit in units]
    return {
        "changes": pd.concat([decisions, requests], ignore_index=True),
        "config_versions": pd.concat([standards, strategy], ignore_index=True),
        "dependencies": readers,
        "truth_structure": affected,
        "truth_labels": wrong,
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=names,
            value=np.concatenate([drift, rates]),
            unit=["share"] * len(units) + ["1/quarter"] * len(units),
        ),
    }


def _decisions(
    quarter: pd.DatetimeIndex, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one decision per play and quarter, and which plays predict wrongly."""
    n, times = len(PLAYS), len(quarter)
    wrong = rng.permutation(n)[:WRONG]
    sign = np.zeros(n)
    sign[wrong] = rng.choice([-1.0, 1.0], WRONG)
    play, nth = np.repeat(np.arange(n), times), np.tile(np.arange(times), n)
    half = rng.lognormal(1.5, 0.5, n * times)
    middle = rng.normal(10, 4, n * times)
    noise = rng.standard_t(FREEDOM, n * times) / HALF_80
    realised = middle + half * (noise + OFF * size * sign[play])
    decisions = pd.DataFrame(
        {
            "change_id": ids("CHP", n * times),
            "kind": "playbook decision",
            "subject_type": "play",
            "subject_id": words(PLAYS, play),
            "requested_at": quarter[nth],
            "deployed_at": quarter[nth] + pd.Timedelta(days=14),
            "predicted_low": np.round(middle - half, 3),
            "predicted_high": np.round(middle + half, 3),
            "realised": np.round(realised, 3),
            "sprint": nth + 1.0,
            "status": "reviewed",
        }
    )
    labels = planted(
        "truth_labels",
        PLAY,
        table="changes.subject_id",
        key=[PLAYS[k] for k in sorted(wrong)],
        label="wrong play",
        value=["predicts too little" if sign[k] > 0 else "predicts too much" for k in sorted(wrong)],
    )
    return decisions, labels if size > 0 else labels.iloc[:0]


def _standards(
    units: np.ndarray, quarter: pd.DatetimeIndex, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the playbook's standard and that of each unit in each quarter, and the drift of each unit."""
    n, times = len(units), len(quarter)
    several = max(1, round(DRIFTING * n))
    rate = np.full(n, USUAL_DRIFT * size)
    rate[rng.permutation(n)[:several]] = DRIFT * size
    rate = np.minimum(rate, 0.9)
    standard = {f"threshold_{k + 1:02d}": 10 * (k + 1) for k in range(THRESHOLDS)}
    first_off = (
        rng.geometric(np.maximum(rate, 1e-12)[:, None], (n, THRESHOLDS))
        * np.where(rate > 0, 1, 10_000)[:, None]
    )
    to = {(u, k): int(rng.choice([-3, 3])) for u in range(n) for k in range(THRESHOLDS)}
    rows: list[tuple[str, str | None, pd.Timestamp, dict[str, object]]]
    rows = [("playbook standard", None, quarter[0], dict(standard))]
    for q in range(times):
        for u, unit in enumerate(units):
            content: dict[str, object] = {
                name: value + (to[u, k] if first_off[u, k] <= q else 0)
                for k, (name, value) in enumerate(standard.items())
            }
            rows.append(
                (f"standard of {unit}", unit, quarter[q], {**content, "local": {"desk": f"{unit}-{q}"}})
            )
    key = ids("GS", len(rows))
    frame = pd.DataFrame(
        {
            "config_version_id": key,
            "config_id": [row[0] for row in rows],
            "kind": "standard",
            "unit_id": pd.array([row[1] for row in rows], dtype="str"),
            "environment": "live",
            "value_json": [json.dumps(row[3]) for row in rows],
            "is_live": [row[1] is None or row[2] == quarter[-1] for row in rows],
            "valid_from": [row[2] for row in rows],
        }
    )
    ends = frame["valid_from"] + pd.Timedelta(days=91)
    frame["valid_to"] = ends.where(~frame["is_live"])
    return frame, rate


def _strategy(
    quarter: pd.DatetimeIndex, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the two versions of the strategy, the plays that read each threshold, and those that are affected."""
    names = [f"strategy.{k + 1:02d}" for k in range(STRATEGY)]
    old = {name: round(float(rng.uniform(0.05, 0.95)), 2) for name in names}
    changed = [names[k] for k in sorted(rng.permutation(STRATEGY)[:CHANGED])] if size > 0 else []
    new = {
        name: round(value + 0.04, 2) if name in changed else value for name, value in reversed(old.items())
    }
    readers = [(name, PLAYS[k]) for name in names for k in sorted(rng.permutation(len(PLAYS))[:3])]
    versions = pd.DataFrame(
        {
            "config_version_id": ["GY1", "GY2"],
            "config_id": "strategy",
            "kind": "strategy",
            "environment": "live",
            "value_json": [json.dumps(old), json.dumps(new)],
            "parent_version_id": pd.array([None, "GY1"], dtype="str"),
            "is_live": [False, True],
            "valid_from": [quarter[0], quarter[-1]],
            "valid_to": [quarter[-1], pd.NaT],
        }
    )
    dependencies = pd.DataFrame(
        {
            "dependency_id": ids("DY", len(readers)),
            "from_type": "threshold",
            "from_id": [name for name, _ in readers],
            "to_type": "play",
            "to_id": [play for _, play in readers],
            "kind": "reads",
            "owner_party": "ours",
            "is_declared": True,
        }
    )
    affected = [(name, play) for name, play in readers if name in changed]
    truth = planted(
        "truth_structure",
        PLAY,
        kind=["affected play" for _ in affected],
        source=[name for name, _ in affected],
        target=[play for _, play in affected],
    )
    return versions, dependencies, truth


def _requests(
    units: np.ndarray, quarter: pd.DatetimeIndex, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return requests to reuse a practice, and the rate of each unit."""
    rate = REQUESTS_QUARTER * rng.lognormal(0, 0.5, len(units))
    count = rng.poisson(np.repeat(rate[:, None], len(quarter), axis=1))
    unit, q = np.nonzero(count)
    unit, q = np.repeat(unit, count[unit, q]), np.repeat(q, count[unit, q])
    n = len(unit)
    at = quarter[q] + pd.to_timedelta(rng.random(n) * 90, unit="D").round("min")
    requests = pd.DataFrame(
        {
            "change_id": ids("CHR", n),
            "kind": "practice request",
            "unit_id": words(list(units), unit),
            "subject_type": "play",
            "subject_id": words(PLAYS, rng.integers(0, len(PLAYS), n)),
            "requested_at": at,
            "effort_points": np.round(rng.gamma(2.0, EFFORT / 2, n) + 0.5),
            "status": "requested",
        }
    )
    return requests, rate
