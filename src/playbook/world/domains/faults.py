"""Faults that customers report in their own words, the bad batches among them, and how long each takes to correct.

Planted for `design.ticket_triggers`: `BATCHES` times the size, something new goes wrong for many at once; the company
notices late. Their tickets read like all others, only the words are new and the cases severe. Waves of harmless
questions make more noise than any of them and come back every half-year. Weeks and days
differ by more than chance (gamma), where a burst detector assumes Poisson counts.

Planted for `design.closed_loop`: every batch and some single faults are corrected after the next review, every
`REVIEW_D` days, with a lognormal lag whose median depends on the cause by `CAUSES` (log ratio, times the size); what
is open at the end of the history is censored, `truth_outcomes` knows when it would have ended. Delay costs money a
day. Whether the customer is told depends on the severity; being told helps, which `micro_surveys` makes felt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world import wording
from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.moments import DAY, at_day, day_of
from playbook.world.phrases import WAVES
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders")

TRIGGERS, LOOP = "design.ticket_triggers", "design.closed_loop"
REPORTS_YEAR = 0.45  # faults a customer reports
WEEK_SHAPE, DAY_SHAPE = 8.0, 8.0  # gamma shapes of how busy a week and a day are
WEEKEND = 0.25
SEVERITY = (0.42, 0.36, 0.16, 0.06)  # of everyday faults, 1 to 4
BATCHES = 12
BATCH_TICKETS = 24.0  # mean tickets of a batch, of which 10 are certain
BATCH_D = 7.0  # mean days after the first report
BATCH_SEVERITY = (0.05, 0.30, 0.40, 0.25)
NOTICED_D = (9.0, 24.0)  # after the first report
WAVE_TICKETS = 0.022  # per customer and wave
WAVE_MONTHS = (1, 7)

SINGLE = 0.22  # share of everyday faults of severity 2 and more that become an incident of their own
REVIEW_D = 28
LAG_MEDIAN_D, LAG_LOG_SD = 24.0, 0.85
CAUSES = {"supplier": 0.75, "handling": -0.55, "design": 0.30, "data": -0.30}
CAUSE_SHARES = (0.30, 0.30, 0.20, 0.20)
TOLD = (0.90, 0.80, 0.45, 0.20)  # by severity: hard cases end in silence
TOLD_D = 3.0
DELAY_SHARE = 0.04  # of an average order, a day open and level of severity


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, notes, incidents, changes and what is true of them."""
    batches = _batches(settings, rng)
    reports = _reports(settings, tables["customers"], batches, rng)
    reports["ticket_id"] = ids("FT", len(reports), settings.block)
    incidents = _incidents(settings, reports, rng)
    customers = tables["customers"]
    customer_id = customers["customer_id"].array.take(reports["customer"].to_numpy())
    language = wording.language_codes(customers["language"])[reports["customer"]]
    subject, text = wording.reports(
        settings.industry, language, reports["thing"].to_numpy(), reports["topic"].to_numpy(), rng
    )
    tickets = _tickets(settings, reports, incidents, customers, customer_id, rng)
    tickets["subject_text"] = subject
    notes = pd.DataFrame(
        {
            "note_id": ids("NF", len(reports), settings.block),
            "subject_type": "ticket",
            "subject_id": tickets["ticket_id"],
            "customer_id": customer_id,
            "kind": "ticket text",
            "language": customers["language"].array.take(reports["customer"].to_numpy()),
            "text": text,
            "written_at": tickets["opened_at"],
            "recorded_at": tickets["opened_at"],
        }
    )
    known = incidents.drop(columns=["batch", "lag_d"]).assign(
        customer_id=lambda found: _customer(found, customer_id)
    )
    return {
        "tickets": tickets,
        "notes": notes,
        "incidents": known,
        "changes": _fixes(settings, known),
        **_truth(settings, reports, incidents),
    }


def _batches(settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Return what goes wrong for many: day (of the first report), tickets, thing, topic."""
    n = round(BATCHES * settings.size(TRIGGERS))
    first_topic = wording.n_usual(settings.industry)
    n_new = len(wording.topics(settings.industry)) - len(WAVES) - first_topic
    n_things = len(settings.preset.things)
    combination = rng.permutation(n_new * n_things)[np.arange(n) % (n_new * n_things)]
    room = (settings.days - 100) / max(n, 1)
    return pd.DataFrame(
        {
            "day": 70 + room * (np.arange(n) + rng.random(n)),
            "tickets": 10 + rng.poisson(BATCH_TICKETS - 10, n),
            "thing": combination % n_things,
            "topic": first_topic + combination // n_things,
        }
    )


def _reports(
    settings: WorldSettings, customers: pd.DataFrame, batches: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return who reports what on which day: customer, day, thing, topic, severity (1 to 4), batch (-1: none)."""
    preset = settings.preset
    day_no = np.arange(settings.days)
    weekday = (day_no + settings.start.weekday()) % 7
    busy = rng.gamma(WEEK_SHAPE, 1 / WEEK_SHAPE, settings.days // 7 + 1)[day_no // 7]
    weight = busy * rng.gamma(DAY_SHAPE, 1 / DAY_SHAPE, settings.days) * np.where(weekday >= 5, WEEKEND, 1.0)
    n = rng.poisson(REPORTS_YEAR * settings.customers * settings.days / 365)
    usual = pd.DataFrame(
        {
            "day": pick(weight, n, rng) + rng.random(n),
            "thing": pick(1 / np.arange(1, len(preset.things) + 1), n, rng),
            "topic": pick(1 / np.arange(1, len(preset.faults) + 1), n, rng),
            "severity": 1 + pick(SEVERITY, n, rng),
            "batch": -1,
        }
    )
    of = np.repeat(np.arange(len(batches)), batches["tickets"].to_numpy())
    later = rng.exponential(BATCH_D, len(of)) * (np.arange(len(of)) > 0)
    later[np.searchsorted(of, np.arange(len(batches)))] = 0.0
    bad = (
        batches.iloc[of]
        .drop(columns="tickets")
        .assign(batch=of, severity=1 + pick(BATCH_SEVERITY, len(of), rng))
    )
    bad["day"] += later
    reports = pd.concat([usual, bad, _waves(settings, rng)], ignore_index=True)
    reports["customer"] = rng.integers(0, settings.customers, len(reports))
    at = settings.start + pd.to_timedelta(np.round(reports["day"] * 86_400), unit="s")
    reports["opened_at"] = at.dt.as_unit("us")
    created, closed = (customers[at].to_numpy()[reports["customer"]] for at in ("created_at", "closed_at"))
    opened = reports["opened_at"].to_numpy()
    there = (opened >= created) & ~(opened + 8 * DAY >= closed) & (opened < np.datetime64(settings.end))
    return reports[there].sort_values("opened_at", kind="stable").reset_index(drop=True)


def _waves(settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    first = len(wording.topics(settings.industry)) - len(WAVES)
    months = pd.date_range(settings.start, settings.end, freq="MS")
    begins = (months[months.month.isin(WAVE_MONTHS)] - settings.start).days.to_numpy()
    of = np.repeat(np.arange(len(begins)), rng.poisson(WAVE_TICKETS * settings.customers, len(begins)))
    return pd.DataFrame(
        {
            "day": begins[of] + 9.0 * rng.random(len(of)),
            "thing": 0,
            "topic": first + of % len(WAVES),
            "severity": 1 + (rng.random(len(of)) < 0.1),
            "batch": -1,
        }
    )


def _incidents(settings: WorldSettings, reports: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return incidents, open ones included, with batch (-1: single), report (position) and lag_d, were time endless."""
    everyday = (reports["batch"] < 0) & (reports["severity"] >= 2)
    everyday &= reports["topic"] < wording.n_usual(settings.industry)
    single = np.flatnonzero(everyday & (rng.random(len(reports)) < SINGLE))
    first = reports[reports["batch"] >= 0].groupby("batch").head(1)
    # A batch whose reporters all left before it leaves no trace.
    rows = pd.concat([reports.iloc[single], first])
    n = len(rows)
    opened, severity = rows["opened_at"].to_numpy(), rows["severity"].to_numpy()
    is_batch = rows["batch"].to_numpy() >= 0
    severity = np.where(is_batch, np.maximum(severity, 3), severity)
    noticed_d = np.where(is_batch, rng.uniform(*NOTICED_D, n), rng.exponential(1.5, n))
    start = np.datetime64(settings.start, "us")
    waited = (opened - start) / DAY + noticed_d
    decided = np.ceil(waited / REVIEW_D) * REVIEW_D
    cause = pick(CAUSE_SHARES, n, rng)
    ratio = np.exp(settings.size(LOOP) * np.array(list(CAUSES.values())))[cause]
    corrected = decided + LAG_MEDIAN_D * ratio * np.exp(rng.normal(0, LAG_LOG_SD, n))
    told = np.where(
        rng.random(n) < np.array(TOLD)[severity - 1], corrected + rng.exponential(TOLD_D, n), np.inf
    )
    lag_d = corrected - (opened - start) / DAY
    loss = DELAY_SHARE * settings.preset.spend_amt * severity * lag_d * rng.gamma(4.0, 0.25, n)
    done = corrected < settings.days
    return pd.DataFrame(
        {
            "incident_id": ids("IC", n, settings.block),
            "kind": words(("single fault", "batch fault"), is_batch.astype(np.int64)),
            "cause_code": words(tuple(CAUSES), cause),
            "severity": severity.astype(float),
            "opened_at": opened,
            "detected_at": _inside(settings, waited),
            "decided_at": _inside(settings, decided),
            "decided_by": "quality review",
            "corrected_at": _inside(settings, corrected),
            "confirmed_at": _inside(settings, told),
            "loss_amt": np.where(done, np.round(loss, 2), np.nan),
            "batch": rows["batch"].to_numpy(),
            "customer_id": rows.index.to_numpy(),
            "lag_d": lag_d,
        }
    )


def _customer(incidents: pd.DataFrame, customer_id: pd.api.extensions.ExtensionArray) -> pd.Series:
    """Return whom single faults happened to; empty for batches."""
    who = pd.Series(customer_id.take(incidents["customer_id"].to_numpy()), index=incidents.index)
    return who.where(incidents["kind"] == "single fault")


def _inside(settings: WorldSettings, day: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return days of the history as moments; empty when after its end."""
    return at_day(settings, np.where(day < settings.days, day, np.nan))


def _tickets(
    settings: WorldSettings,
    reports: pd.DataFrame,
    incidents: pd.DataFrame,
    customers: pd.DataFrame,
    customer_id: pd.api.extensions.ExtensionArray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one ticket per report, answered within a week; it bears an incident when colleagues could know of it."""
    n = len(reports)
    day = day_of(settings, reports["opened_at"])
    replied = day + rng.gamma(1.5, 0.25, n)
    resolved = replied + np.minimum(rng.lognormal(0.1, 0.7, n), 5.0)
    reopened = np.where(rng.random(n) < 0.08, resolved + rng.exponential(5.0, n), np.inf)
    single = incidents["batch"].to_numpy() < 0
    incident = np.full(n, -1)
    incident[incidents["customer_id"].to_numpy()[single]] = np.flatnonzero(single)
    of_batch = pd.Series(np.flatnonzero(~single), index=incidents["batch"].to_numpy()[~single])
    own = reports["batch"].map(of_batch).fillna(-1).astype(int).to_numpy()
    known = (
        reports["opened_at"].to_numpy() > incidents["detected_at"].to_numpy()[own]
        if len(incidents)
        else own > 0
    )
    incident = np.where((own >= 0) & known, own, incident)
    told = (
        incidents["confirmed_at"].to_numpy()[incident] if len(incidents) else np.full(n, np.datetime64("NaT"))
    )
    closed = customers["closed_at"].to_numpy()[reports["customer"]]
    told, reopened = (
        np.where(at >= closed, np.datetime64("NaT"), at) for at in (told, _inside(settings, reopened))
    )
    keys = incidents["incident_id"].array.take(np.where(incident >= 0, incident, -1), allow_fill=True)
    return pd.DataFrame(
        {
            "ticket_id": reports["ticket_id"],
            "customer_id": customer_id,
            "category": "fault",
            "queue": "quality desk",
            "tier_at_open": customers["tier"].array.take(reports["customer"].to_numpy()),
            "severity": reports["severity"],
            "opened_at": reports["opened_at"],
            "first_response_at": _inside(settings, replied),
            "resolved_at": _inside(settings, resolved),
            "reopened_at": reopened,
            "confirmed_at": np.where(incident >= 0, told, np.datetime64("NaT")),
            "incident_id": keys,
        }
    )


def _fixes(settings: WorldSettings, incidents: pd.DataFrame) -> pd.DataFrame:
    """Return the change that corrects each decided incident."""
    decided = incidents[incidents["decided_at"].notna()]
    return pd.DataFrame(
        {
            "change_id": ids("CF", len(decided), settings.block),
            "kind": "fix",
            "subject_type": "incident",
            "subject_id": decided["incident_id"].array,
            "requested_at": decided["decided_at"].array,
            "deployed_at": decided["corrected_at"].array,
            "status": words(
                ("approved", "live"), decided["corrected_at"].notna().to_numpy().astype(np.int64)
            ),
        }
    )


def _truth(
    settings: WorldSettings, reports: pd.DataFrame, incidents: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    bad = reports[reports["batch"] >= 0]
    of_batch = incidents[incidents["batch"] >= 0].set_index("batch")
    ends = bad.groupby("batch")["opened_at"].max()
    topics = np.array(wording.topics(settings.industry))
    labels = planted(
        "truth_labels",
        TRIGGERS,
        table="tickets",
        key=bad["ticket_id"].array,
        label="batch fault",
        value=of_batch["incident_id"].reindex(bad["batch"]).array,
    )
    shifts = planted(
        "truth_shifts",
        TRIGGERS,
        subject=of_batch["incident_id"].array,
        metric=[f"{thing} {topic}" for thing, topic in _said(settings, bad, of_batch.index, topics)],
        kind="burst",
        start_at=of_batch["opened_at"].array,
        end_at=ends.reindex(of_batch.index).array,
        size=bad["batch"].value_counts().reindex(of_batch.index).to_numpy(dtype=float),
    )
    outcomes = planted(
        "truth_outcomes",
        LOOP,
        subject=incidents["incident_id"].array,
        arm="as it was",
        metric="lag_d",
        value=incidents["lag_d"].array,
    )
    truth = {"truth_labels": labels, "truth_shifts": shifts, "truth_outcomes": outcomes}
    if settings.block == 0:
        cost = DELAY_SHARE * settings.preset.spend_amt
        names = [
            *(f"log lag ratio, {cause}" for cause in CAUSES),
            "lag_log_sd",
            "review_d",
            "delay cost a level",
        ]
        values = [*(size * settings.size(LOOP) for size in CAUSES.values()), LAG_LOG_SD, REVIEW_D, cost]
        units = [*["log"] * len(CAUSES), "log", "d", "money/d"]
        truth["truth_parameters"] = planted("truth_parameters", LOOP, name=names, value=values, unit=units)
    return truth


def _said(
    settings: WorldSettings, bad: pd.DataFrame, batch: pd.Index, topics: NDArray[np.str_]
) -> list[tuple[str, str]]:
    first = bad.drop_duplicates("batch").set_index("batch").reindex(batch)
    things = np.array(settings.preset.things)
    return list(zip(things[first["thing"]], topics[first["topic"]], strict=True))


PLANTS = (
    Plant(
        play=TRIGGERS,
        what="Something new goes wrong for many customers at once, several times. Their tickets stand among everyday "
        "faults, in four languages, in their own words.",
        why="Harmless questions come in larger waves than real incidents, so counting tickets rings at the wrong time.",
        tables=("tickets", "notes", "incidents"),
        truth=("truth_labels", "truth_shifts"),
        size="BATCHES x size batches of BATCH_TICKETS tickets within about BATCH_D days; noticed after NOTICED_D",
    ),
    Plant(
        play=LOOP,
        what="Each incident waits for a review, is corrected after a time that depends on its cause, and the customer "
        "is told or not.",
        why="The slow cases are still open when the figures are drawn, so an average over closed cases flatters.",
        tables=("incidents", "tickets", "changes", "surveys"),
        truth=("truth_outcomes", "truth_parameters", "truth_effects"),
        size="log lag by CAUSES x size around LAG_MEDIAN_D after the review; telling: micro_surveys.TOLD_EFFECT x size",
    ),
)
