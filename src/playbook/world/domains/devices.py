"""Machines at customers' sites, what they report, and the decision whether to inspect them before they fail.

Each machine came up for inspection once; the calendar chose, so by chance. Planted: whether a machine that was left alone
failed within a month depends on its vibration (the machines' own readings), on requests about it (the portal), on parts
ordered for it (the ERP) and on the account's class (the CRM), in that order of what leaving the source out would cost; on
visits to the shop, the freshest source of all, not at all. Failures follow a complementary log-log, losses are lognormal.
`FOREIGN_UNITS` of the machines report in other units; some readings come late, some never, some are wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.fields import field_id
from playbook.world.keys import ids, position
from playbook.world.plants import Plant
from playbook.world.texts import as_text, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "extracts")

PLAY = "define.data_sources"
MACHINES, OF_CUSTOMERS = 1500, 0.3  # at most; share of customers
HISTORY_D = 90  # of requests and parts that count
BASE = -2.0  # log hazard of a failure within a month
ON_SOURCE = {
    "iot": 1.15,
    "support": 0.75,
    "erp": 0.45,
    "crm": -0.8,
    "web": 0.0,
}  # on it, per sd; crm: per key account
REQUESTS_MEAN, PARTS_MEAN = 1.0, 1.0  # in `HISTORY_D`
INSPECTED = 0.3
INSPECTION_AMT, LOSS_AMT, LOSS_LOG_SD = 160.0, 900.0, 0.5
DRAWS, NODES = 10, 200  # of a source's values; evenly spaced quantiles of them, to average it out

VIBRATION, VIBRATION_LOG_SD, READING_LOG_SD = 2.8, 0.45, 0.10  # mm/s
PRESSURE, PRESSURE_SD = 6.0, 0.6  # bar
READINGS = (("vibration", 4, "mm/s", "in/s", 1 / 25.4), ("pressure", 2, "bar", "psi", 14.5038))
FOREIGN_UNITS = 0.25  # of the machines, times the size of unify.schema_reconciliation
LATE_MIN, LATE_LOG_SD, OFFLINE = 4.0, 1.0, 0.06  # median delay; share of machines offline for days
NO_VALUE, WRONG_VALUE = 0.04, 0.02  # of the readings, times defects
AUDITED = 300

PLANTS = (
    Plant(
        play=PLAY,
        what="Machines at customers are inspected by the calendar or left alone, and some of those left alone fail. Five "
        "sources say something about each machine, more or less freshly, completely and rightly.",
        why="The source that is easiest to get and freshest need not change any decision.",
        tables=("decisions", "src_iot_readings", "src_support_tickets", "src_erp_orders", "src_crm_customers", "events",
                "corrections"),
        truth=("truth_effects", "truth_parameters"),
        size="ON_SOURCE x size; freshness, gaps and errors x defects",
    ),
)  # fmt: skip


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return decisions, src_iot_readings, corrections, truth_effects, truth_parameters, and _machines for intake."""
    machines = _machines(settings, tables, rng)
    readings, wrong = _readings(settings, machines, rng)
    size = settings.size(PLAY)
    hazard = {
        "iot": machines["vibration"].to_numpy(),
        "support": (machines["requests"].to_numpy() - REQUESTS_MEAN) / np.sqrt(REQUESTS_MEAN),
        "erp": (machines["parts"].to_numpy() - PARTS_MEAN) / np.sqrt(PARTS_MEAN),
        "crm": machines["is_key"].to_numpy().astype(float),
    }
    parts = {source: ON_SOURCE[source] * size * value for source, value in hazard.items()}
    worth = _worth(parts, rng)
    audits = _audits(settings, readings, wrong, rng)
    return {
        "decisions": _decisions(settings, machines, parts, rng),
        "src_iot_readings": readings,
        "corrections": audits,
        "truth_effects": planted(
            "truth_effects", PLAY, action=list(worth), stratum="all", metric="cost when left out",
            size=list(worth.values()), unit="money per decision",
        ),
        "truth_parameters": planted(
            "truth_parameters", PLAY, name=["iot delay", "iot without value", "iot wrong"],
            value=[LATE_MIN, NO_VALUE * settings.defects, WRONG_VALUE * settings.defects],
            unit=["min, median", "share", "share"],
        ) if not settings.block else planted("truth_parameters", PLAY),
        "_machines": machines,
    }  # fmt: skip


def _machines(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return machines: serial, customer_id, customer_no, user_id, at (of the decision), what each
    source says.
    """
    entities, customers = tables["truth_entities"], tables["customers"]
    behind = position(entities["customer_id"], customers["customer_id"])
    first = {source: np.full(len(customers), -1) for source in ("crm", "erp", "support")}
    for source, row in first.items():
        rows = np.flatnonzero(entities["source"] == source)[::-1]
        row[behind[rows]] = rows  # the first is written last
    start, end, day = (
        np.datetime64(settings.start, "us"),
        np.datetime64(settings.end, "us"),
        np.timedelta64(1, "D"),
    )
    since = np.maximum(customers["created_at"].to_numpy(), start) + (HISTORY_D + 1) * day
    until = np.fmin(customers["closed_at"].to_numpy(), end) - 31 * day
    can = (until > since) & np.all([row >= 0 for row in first.values()], axis=0)
    who = rng.permutation(np.flatnonzero(can))[: min(MACHINES, round(OF_CUSTOMERS * settings.customers))]
    who.sort()
    n = len(who)
    key = entities["source_key"].array
    account = position(customers["account_id"].iloc[who], tables["accounts"]["account_id"])
    return pd.DataFrame(
        {
            "serial": ids("MC", n, settings.block),
            "customer_id": customers["customer_id"].array.take(who),
            "customer_no": key.take(first["erp"][who]),
            "user_id": key.take(first["support"][who]),
            "at": since[who] + (rng.random(n) * (until - since)[who].astype(float)).astype("timedelta64[us]"),
            "vibration": rng.normal(0, 1, n),
            "requests": rng.poisson(REQUESTS_MEAN, n),
            "parts": rng.poisson(PARTS_MEAN, n),
            "is_key": tables["accounts"]["is_key"].to_numpy()[account],
        }
    )


def _fails(log_hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.expm1(-np.exp(BASE + log_hazard))


def _worth(parts: dict[str, NDArray[np.float64]], rng: np.random.Generator) -> dict[str, float]:
    """Return what a decision costs more, on average, when a source is left out; `parts`: each source's in the log
    hazard. The sources are independent of each other, so leaving one out averages over its values.
    """
    total = np.sum(list(parts.values()), axis=0)
    n = len(total)
    known = _fails(total)
    best = np.minimum(INSPECTION_AMT, LOSS_AMT * known).mean()
    worth = {"web": 0.0}
    for source, part in parts.items():
        # The same many values for each machine: few of its own would make the guess, and so its cost, worse than need be.
        other = np.quantile(part[rng.integers(0, n, (DRAWS, n))], (np.arange(NODES) + 0.5) / NODES)
        guess = _fails((total - part)[:, None] + other).mean(axis=1)
        inspects = LOSS_AMT * guess > INSPECTION_AMT
        worth[source] = float(np.where(inspects, INSPECTION_AMT, LOSS_AMT * known).mean() - best)
    return worth


def _decisions(
    settings: WorldSettings,
    machines: pd.DataFrame,
    parts: dict[str, NDArray[np.float64]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = len(machines)
    inspected = rng.random(n) < INSPECTED
    fails = rng.random(n) < _fails(np.sum(list(parts.values()), axis=0))
    loss = LOSS_AMT * np.exp(rng.normal(-(LOSS_LOG_SD**2) / 2, LOSS_LOG_SD, n))
    return pd.DataFrame(
        {
            "decision_id": ids("DM", n, settings.block),
            "decision_type": "inspect machine",
            "subject_type": "device",
            "subject_id": machines["serial"],
            "customer_id": machines["customer_id"],
            "outcome": words(["left alone", "inspected"], inspected.astype(int)),
            "decided_at": machines["at"],
            "realised_amt": np.round(np.where(inspected, -INSPECTION_AMT, -loss * fails), 2) + 0.0,
        }
    )


def _readings(
    settings: WorldSettings, machines: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return the readings of the weeks before each decision, in the order in which they arrived; which are wrong."""
    n = len(machines)
    foreign = rng.random(n) < FOREIGN_UNITS * settings.size("unify.schema_reconciliation")
    offline = rng.random(n) < OFFLINE * settings.defects
    frames = []
    for metric, count, own, other, factor in READINGS:
        of = np.repeat(np.arange(n), count)
        if metric == "vibration":
            log_value = VIBRATION_LOG_SD * machines["vibration"].to_numpy()[of]
            value = VIBRATION * np.exp(log_value + rng.normal(0, READING_LOG_SD, len(of)))
        else:
            value = np.maximum(rng.normal(PRESSURE, PRESSURE_SD, len(of)), 0.5)
        week = np.tile(np.arange(count), n) + rng.random(len(of)) * 0.9 + 0.02
        unit = np.where(foreign[of], other, own)
        frames.append(
            pd.DataFrame({"of": of, "metric": metric, "value": value * np.where(foreign[of], factor, 1.0),
                          "unit": unit, "before_s": week * 7 * 86_400})
        )  # fmt: skip
    rows = pd.concat(frames, ignore_index=True)
    m, of = len(rows), rows["of"].to_numpy()
    wrong = rng.random(m) < WRONG_VALUE * settings.defects
    value = np.round(rows["value"].to_numpy() * np.where(wrong, 10.0, 1.0), 3)  # a decimal point lost
    decided_s = machines["at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    at_s = decided_s[of] - rows["before_s"].to_numpy().astype(np.int64)
    late = LATE_MIN * 60 * np.exp(rng.normal(0, LATE_LOG_SD, m)) + np.where(
        offline[of], rng.gamma(2.0, 86_400.0, m), 0
    )
    received = (at_s + late).astype(np.int64)
    inside = received < int(settings.end.timestamp())
    order = np.argsort(received, kind="stable")
    order = order[inside[order]]
    gone = rng.random(m) < NO_VALUE * settings.defects
    readings = pd.DataFrame(
        {
            "row_no": ids("IR", len(order), settings.block),
            "device_id": machines["serial"].array.take(of[order]),
            "owner_key": machines["customer_no"].array.take(of[order]),
            "metric": rows["metric"].astype("str").array.take(order),
            "value": as_text(value[order]).mask(gone[order]),
            "unit": rows["unit"].astype("str").array.take(order),
            "measured_at": as_text(at_s[order]),
            "received_at": as_text(received[order]),
            "extracted_at": settings.end,
        }
    )
    return readings, (wrong & ~gone)[order]


def _audits(
    settings: WorldSettings, readings: pd.DataFrame, wrong: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the readings that were checked with a second instrument."""
    row = np.sort(rng.permutation(np.flatnonzero(readings["value"].notna()))[:AUDITED])
    value = readings["value"].iloc[row]
    right = as_text(np.round(value.to_numpy(dtype=float) / np.where(wrong[row], 10, 1), 3))
    received = pd.to_datetime(readings["received_at"].iloc[row].astype("int64"), unit="s").to_numpy()
    later = received + rng.integers(1, 20, len(row)).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "correction_id": ids("IA", len(row), settings.block),
            "field_id": field_id("iot", "value"),
            "record_id": readings["row_no"].iloc[row].to_numpy(),
            "method": "audit",
            "old_value": value.to_numpy(),
            "new_value": right.to_numpy(),
            "reported_at": np.minimum(later.astype("datetime64[us]"), np.datetime64(settings.end, "us") - 1),
            "verified": wrong[row],
        }
    )
