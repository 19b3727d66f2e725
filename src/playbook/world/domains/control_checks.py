"""Twelve quarters of the company's own rules: releases, exports and reads under control, and what the
controls cost.

Three rules (ruleset "audit"): a release has two approvals before it goes live and is live within `FIX_D`
days of the request (an OLA in `contract_terms`), an export has at most `EXPORT_ROWS` rows, and whoever
reads a customer's file has a reason that a reviewer can follow. The first two can be checked on every
record; reasons are reviewed by hand, `BY_LOT` a quarter drawn by lot and `BY_SUSPICION` picked by how many
rows were read.

Planted, times the play's size: breaches of each rule (`APPROVAL`, `LATE`, `EXPORT`, `REASON`, a share of
the records), none in one clean quarter, and not spread evenly: they come in runs of a team, while a sample
assumes that records are alike. In one quarter the hours for controls were cut by `CUT`; in the two that
follow, missing approvals are `SLIP` times as frequent. `truth_labels` has every record that breaks a rule,
`truth_shifts` the slip and the clean quarter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import at_day
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)
ONCE = True

PLAY = "govern.quarterly_audit"
QUARTERS = 12
RELEASES, EXPORTS, READS = 90, 110, 320  # a quarter
APPROVAL, LATE, EXPORT, REASON = 0.05, 0.04, 0.03, 0.05
SLIP, CUT = 4.0, 0.4
FIX_D, EXPORT_ROWS = 10.0, 500
BY_LOT, BY_SUSPICION = 59, 20
SUSPECT = 2.5  # times as many rows in reads without a reason
TEAM_SHAPE = 1.5  # gamma: teams break rules unequally
INITIATIVE = "AUI000001"
COST_HOUR, HOURS_MONTH = 40.0, 160.0

PLANTS = (
    Plant(
        play=PLAY,
        what="Releases, exports and reads of customer files over twelve quarters, with the rules they are "
        "held to, reviews by lot and by suspicion, and the money spent on control.",
        why="Reviews that follow suspicion say nothing of the whole, and a standard that slips after a "
        "cut in cost is lost in the average of the year.",
        tables=("changes", "access_log", "contract_terms", "rules", "decisions", "assignments", "costs"),
        truth=("truth_labels", "truth_shifts"),
        size="APPROVAL, LATE, EXPORT, REASON x size; SLIP ** size; CUT x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, access_log, rules, contract_terms, initiatives, assignments, decisions, costs and the
    truth.
    """
    size = settings.size(PLAY)
    cut = int(rng.integers(2, QUARTERS - 3))
    # The clean quarter is none that the cut touches, and one earlier than the last.
    clean = int(rng.choice([k for k in range(1, QUARTERS - 1) if not cut <= k <= cut + 2]))
    quarter_d = settings.days / QUARTERS
    units = tables["units"]["unit_id"].iloc[: min(12, len(tables["units"]))].reset_index(drop=True)
    temper = rng.gamma(TEAM_SHAPE, 1 / TEAM_SHAPE, len(units)).clip(0.05, 3.0)
    level = np.full(QUARTERS, size)
    level[clean] = 0.0
    slip = np.ones(QUARTERS)
    slip[cut + 1 : cut + 3] = SLIP**size
    releases, broken = _releases(settings, units, temper, level, slip, rng)
    reads, large, unreasoned = _reads(settings, tables["staff"], level, rng)
    reviews, lots = _reviews(settings, reads, unreasoned, rng)
    labels = broken + [("access_log", key, "export too large") for key in reads["access_id"][large]]
    labels += [("access_log", key, "read without a reason") for key in reads["access_id"][unreasoned]]

    def edge(quarter: int) -> pd.Timestamp:
        return (settings.start + pd.Timedelta(days=quarter * quarter_d)).as_unit("us")

    shifts = [("clean quarter", "breaches", "clean", edge(clean), edge(clean + 1), 0.0)] if size else []
    if size:
        gone = APPROVAL * size * (SLIP**size - 1)
        shifts += [("releases", "missing approvals", "step", edge(cut + 1), edge(cut + 3), min(gone, 1.0))]
        shifts += [("control work", "hours", "step", edge(cut), edge(cut + 1), -CUT * size)]
    return {
        "changes": releases,
        "access_log": reads,
        "rules": _rules(settings),
        "contract_terms": _promise(settings, units),
        "initiatives": pd.DataFrame(
            {
                "initiative_id": [INITIATIVE],
                "kind": "review of reads",
                "starts_on": settings.start,
                "status": "running",
            }
        ),
        "assignments": lots,
        "decisions": reviews,
        "costs": _costs(settings, cut, size, rng),
        "truth_labels": planted_rows("truth_labels", PLAY, ("table", "key", "label"), labels),
        "truth_shifts": planted_rows(
            "truth_shifts", PLAY, ("subject", "metric", "kind", "start_at", "end_at", "size"), shifts
        ),
    }


def _days(settings: WorldSettings, per_quarter: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return that many days in each quarter, in order."""
    quarter = np.repeat(np.arange(QUARTERS), per_quarter)
    return np.sort(quarter + rng.random(len(quarter)) * 0.999) * settings.days / QUARTERS


def _releases(
    settings: WorldSettings,
    units: pd.Series,
    temper: NDArray[np.float64],
    level: NDArray[np.float64],
    slip: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Return the releases, and those that break a rule; a release counts in the quarter in which it was
    asked for.
    """
    asked = _days(settings, RELEASES, rng)
    n = len(asked)
    quarter = (asked / settings.days * QUARTERS).astype(int)
    unit = rng.integers(0, len(units), n)
    relative = temper[unit] / temper[unit].mean()
    lacks = rng.random(n) < np.minimum(APPROVAL * level[quarter] * slip[quarter] * relative, 0.9)
    late = rng.random(n) < np.minimum(LATE * level[quarter] * relative, 0.9)
    took = np.where(late, FIX_D + 0.5 + rng.exponential(4.0, n), rng.uniform(0.5, FIX_D - 0.2, n))
    live = asked + took
    first, second = asked + took * rng.uniform(0.1, 0.5, n), asked + took * rng.uniform(0.5, 0.95, n)
    after = lacks & (rng.random(n) < 0.5)  # the second approval came when it was live already, or never
    second = np.where(after, live + rng.exponential(3.0, n) + 0.05, np.where(lacks, np.nan, second))
    second = np.where(second < settings.days, second, np.nan)
    times = [np.datetime_as_string(at_day(settings, day), unit="s") for day in (first, second)]
    approvals = [
        f'[{{"role": "owner", "at": "{a}"}}'
        + (f', {{"role": "control", "at": "{b}"}}]' if b != "NaT" else "]")
        for a, b in zip(times[0].tolist(), times[1].tolist(), strict=True)
    ]
    inside = live < settings.days
    keys = ids("AUC", n)
    frame = pd.DataFrame(
        {
            "change_id": keys,
            "kind": "release",
            "unit_id": units.array.take(unit),
            "requested_at": at_day(settings, asked),
            "approvals_json": pd.array(approvals, dtype="str"),
            "deployed_at": at_day(settings, live),
            "status": "live",
        }
    )
    lines = [("changes", keys[k], "live without two approvals") for k in np.flatnonzero(lacks & inside)]
    lines += [("changes", keys[k], "live too late") for k in np.flatnonzero(late & inside)]
    return frame[inside].reset_index(drop=True), lines


def _reads(
    settings: WorldSettings, staff: pd.DataFrame, level: NDArray[np.float64], rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return exports and reads, and which exports and which reads break a rule."""
    day = np.concatenate([_days(settings, EXPORTS, rng), _days(settings, READS, rng)])
    n, n_exports = len(day), EXPORTS * QUARTERS
    export = np.arange(n) < n_exports
    quarter = (day / settings.days * QUARTERS).astype(int)
    bad = rng.random(n) < np.where(export, EXPORT, REASON) * level[quarter]
    rows = np.where(export, rng.uniform(20, EXPORT_ROWS, n), 1 + rng.gamma(1.5, 20.0, n))
    rows = np.where(export & bad, EXPORT_ROWS * (1.05 + rng.exponential(1.0, n)), rows)
    rows = np.floor(np.where(~export & bad, rows * SUSPECT, rows))
    since = ((staff["hired_on"] - settings.start) / pd.Timedelta(days=1)).to_numpy()
    until = ((staff["left_on"].fillna(settings.end) - settings.start) / pd.Timedelta(days=1)).to_numpy()
    whole = np.flatnonzero((since <= 0) & (until >= settings.days))
    who = whole[rng.integers(0, len(whole), n)]
    log = pd.DataFrame(
        {
            "access_id": ids("AUX", n),
            "staff_id": staff["staff_id"].array.take(who),
            "party_unit_id": staff["unit_id"].array.take(who),
            "system_id": "crm",
            "purpose": words(("service", "order", "complaint"), rng.integers(0, 3, n)),
            "action": words(("read a file", "export"), export.astype(int)),
            "accessed_at": at_day(settings, day),
            "rows": rows,
            "bytes_out": rows * 900,
            "allowed": True,
        }
    )
    return log, export & bad, ~export & bad


def _reviews(
    settings: WorldSettings, reads: pd.DataFrame, bad: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what reviewers found, and how each read came to be reviewed."""
    at, rows = reads["accessed_at"].to_numpy(), reads["rows"].to_numpy()
    is_read = np.arange(len(reads)) >= EXPORTS * QUARTERS  # exports come first
    days = (at - np.datetime64(settings.start, "us")) / np.timedelta64(1, "D")
    quarter = (days / settings.days * QUARTERS).astype(int)
    picked, design = [], []
    for k in range(QUARTERS):
        here = rng.permutation(np.flatnonzero(is_read & (quarter == k)))
        rest = here[BY_LOT:]
        suspect = rest[np.argsort(-rows[rest], kind="stable")[:BY_SUSPICION]]
        picked += [here[:BY_LOT], suspect]
        design += [np.zeros(BY_LOT, int), np.ones(len(suspect), int)]
    position, how = np.concatenate(picked), np.concatenate(design)
    n = len(position)
    keys = reads["access_id"].array.take(position)
    when = np.minimum(days[position] + rng.uniform(1, 20, n), settings.days - 0.01)
    reviews = pd.DataFrame(
        {
            "decision_id": ids("AUD", n),
            "decision_type": "review of a read",
            "subject_type": "access",
            "subject_id": keys,
            "outcome": words(("reason found", "no reason found"), bad[position].astype(int)),
            "decided_at": at_day(settings, when),
        }
    )
    lots = pd.DataFrame(
        {
            "assignment_id": ids("AUA", n),
            "initiative_id": INITIATIVE,
            "subject_type": "access",
            "subject_id": keys,
            "arm": "reviewed",
            "design": words(("random", "chosen"), how),
            "propensity_share": np.where(how == 0, BY_LOT / READS, np.nan),
            "starts_at": at[position],
        }
    )
    return reviews, lots


def _rules(settings: WorldSettings) -> pd.DataFrame:
    rows = (
        ({"table": "changes", "kind": "release"}, {"approvals_before_live": 2}, "release manager"),
        (
            {"table": "access_log", "action": "export"},
            {"rows_at_most": EXPORT_ROWS},
            "data protection officer",
        ),
        (
            {"table": "access_log", "action": "read a file"},
            {"reviewed": "reason found"},
            "data protection officer",
        ),
    )
    return pd.DataFrame(
        {
            "rule_id": ids("AUR", len(rows)),
            "ruleset": "audit",
            "jurisdiction": "any",
            "priority": 1,
            "condition_json": [json.dumps(row[0]) for row in rows],
            "outcome_json": [json.dumps(row[1]) for row in rows],
            "owner_role": [row[2] for row in rows],
            "valid_from": settings.start,
        }
    )


def _promise(settings: WorldSettings, units: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term_id": ["AUT000001"],
            "provider_unit_id": units.iloc[0],
            "receiver_unit_id": units.iloc[-1],
            "metric": "days from request to release",
            "target": FIX_D,
            "target_unit": "d",
            "valid_from": settings.start,
        }
    )


def _costs(settings: WorldSettings, cut: int, size: float, rng: np.random.Generator) -> pd.DataFrame:
    months = pd.date_range(settings.start, periods=settings.months, freq="MS").as_unit("us")
    months = months[months < settings.end]
    quarter = ((months - settings.start) / pd.Timedelta(days=1) / settings.days * QUARTERS).astype(int)
    hours = (
        HOURS_MONTH
        * np.exp(rng.normal(0, 0.05, len(months)))
        * np.where(quarter == cut, max(1 - CUT * size, 0), 1)
    )
    return pd.DataFrame(
        {
            "cost_id": ids("AUK", len(months)),
            "month_on": months,
            "activity": "control work",
            "subject_type": "rule",
            "subject_id": "AUR000001",
            "driver": "hours",
            "driver_qty": np.round(hours, 1),
            "fixed_amt": 0.0,
            "variable_amt": np.round(hours * COST_HOUR, 2),
        }
    )
