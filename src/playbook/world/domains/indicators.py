"""What a desk can count of its care for a panel of customers: candidates for the figures it is steered by.

Planted for `define.intimacy_kpis`, on the care of `care`: whether a request came back and whether it was resolved the
customer's own way show care (`SHOWS` log-odds a standard deviation); satisfaction and recommendation show little of
it beside the customer's own temper; thank-you cards and the time to the first answer show nothing. Since
`TARGET_MONTHS` before the end, two figures have a target with pay. One of them is met by closing requests for good
whatever comes of them: it rises for everybody and shows nothing from then on. The other is not gamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.care import CARE_EFFECT, PLAY
from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.moments import DAY, at_day
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders", "care")

REQUESTS = 3.4  # of a customer in a half-year
SHOWS = 1.5
STAYED_SHUT, STAYED_SHUT_GAMED = 0.3, 1.7  # log-odds
OWN_WAY, OWN_WAY_TARGET = -0.2, 0.3  # log-odds; more of it under a target
CARD_SHARE = 0.45
SATISFACTION, ON_CARE, TEMPER_SD, SPREAD = 7.6, 0.25, 0.9, 1.7
ANSWERS = 0.5
RECOMMENDS, RECOMMENDS_ON_CARE, RECOMMENDS_SPREAD, RECOMMENDS_ANSWERS = 7.2, 0.2, 1.9, 0.35
TARGET_MONTHS = 18

KINDS = {
    "first contact resolution": "gamed",
    "personal resolution": "driver",
    "satisfaction": "weak",
    "recommendation": "weak",
    "thank-you card": "noise",
    "time to first answer": "noise",
}


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, actions, surveys, kpi_targets and what is true of them."""
    requests = _requests(settings, tables, rng)
    who, at, care = (requests[name].to_numpy() for name in ("customer", "at", "care"))
    customers, n = tables["customers"], len(requests)
    customer_id = customers["customer_id"].array.take(who)
    ticket_id = pd.Series(ids("CT", n, settings.block))
    paid = at >= np.datetime64(_since(settings), "us")
    size = settings.size(PLAY)
    by_care = SHOWS * size * care
    gamed = paid & (size > 0)
    shut = _flip(np.where(gamed, STAYED_SHUT_GAMED, STAYED_SHUT + by_care), rng)
    own_way = _flip(OWN_WAY + OWN_WAY_TARGET * paid + by_care, rng)
    replied = at + (rng.lognormal(-1.2, 0.8, n) * DAY).astype("timedelta64[us]")
    resolved = replied + (np.minimum(rng.exponential(0.8, n), 4.0) * DAY).astype("timedelta64[us]")
    returned = resolved + (np.minimum(rng.exponential(2.0, n), 8.0) * DAY).astype("timedelta64[us]")
    tickets = pd.DataFrame(
        {
            "ticket_id": ticket_id,
            "customer_id": customer_id,
            "category": "care",
            "queue": "care desk",
            "tier_at_open": customers["tier"].array.take(who),
            "severity": 1 + (rng.random(n) < 0.3),
            "opened_at": at,
            "first_response_at": replied,
            "resolved_at": resolved,
            "reopened_at": np.where(shut, np.datetime64("NaT"), returned),
        }
    )
    made = {
        "tickets": tickets,
        "actions": _actions(settings, tickets, own_way, rng.random(n) < CARD_SHARE),
        "surveys": _surveys(settings, tickets, requests, customers, rng),
    }
    if settings.block == 0:
        made |= {"kpi_targets": _targets(settings), **_truth(settings)}
    return made


def _since(settings: WorldSettings) -> pd.Timestamp:
    return settings.start + pd.Timedelta(days=settings.days * (1 - TARGET_MONTHS / settings.months))


def _requests(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return requests of panel customers while they buy: customer (position), at, care."""
    care = tables["_care"]
    of = np.repeat(np.arange(len(care)), rng.poisson(REQUESTS, len(care)))
    length = settings.days / (settings.months // 6)
    day = (care["half"].to_numpy()[of] + rng.random(len(of))) * length
    at = at_day(settings, day)
    who = care["customer"].to_numpy()[of]
    customers = tables["customers"]
    last = np.fmin(tables["truth_purchases"]["ended_at"].to_numpy(), np.datetime64(settings.end, "us"))
    last = np.fmin(last, customers["closed_at"].to_numpy())
    kept = (at >= customers["created_at"].to_numpy()[who]) & (at + 20 * DAY < last[who])
    found = pd.DataFrame({"customer": who, "at": at, "care": care["care"].to_numpy()[of]})[kept]
    return found.sort_values("at", kind="stable").reset_index(drop=True)


def _flip(logit: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    return rng.random(len(logit)) < logistic(logit)


def _actions(
    settings: WorldSettings, tickets: pd.DataFrame, own_way: NDArray[np.bool_], card: NDArray[np.bool_]
) -> pd.DataFrame:
    n = len(tickets)
    twice = np.tile(np.arange(n), 2)
    return pd.DataFrame(
        {
            "action_id": ids("CAR", 2 * n, settings.block),
            "subject_type": "ticket",
            "subject_id": tickets["ticket_id"].array.take(twice),
            "customer_id": tickets["customer_id"].array.take(twice),
            "action_code": words(("personal resolution", "thank-you card"), np.repeat([0, 1], n)),
            "shown": True,
            "taken": np.concatenate([own_way, card]),
            "acted_at": tickets["resolved_at"].to_numpy()[twice],
        }
    )


def _surveys(
    settings: WorldSettings,
    tickets: pd.DataFrame,
    requests: pd.DataFrame,
    customers: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    n, size = len(tickets), settings.size(PLAY)
    temper = rng.normal(0, TEMPER_SD, settings.customers)[requests["customer"]]
    score = SATISFACTION + temper + ON_CARE * size * requests["care"].to_numpy() + rng.normal(0, SPREAD, n)
    satisfied = _survey(settings, "SK", ("csat", "satisfaction"), tickets, ANSWERS, score, rng)
    score = RECOMMENDS + temper + RECOMMENDS_ON_CARE * size * requests["care"].to_numpy()
    score += rng.normal(0, RECOMMENDS_SPREAD, n)
    recommends = _survey(settings, "SKN", ("nps", "recommendation"), tickets, RECOMMENDS_ANSWERS, score, rng)
    made = pd.concat([satisfied, recommends], ignore_index=True)
    twice = np.tile(requests["customer"].to_numpy(), 2)
    return made.assign(language=customers["language"].array.take(twice))


def _survey(
    settings: WorldSettings,
    letters: str,
    asked: tuple[str, str],
    tickets: pd.DataFrame,
    share: float,
    score: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one question (instrument, item) asked a day after each request, which a `share` answers."""
    n = len(tickets)
    sent = tickets["resolved_at"].to_numpy() + DAY
    answers = rng.random(n) < share
    replied = sent + (np.minimum(rng.exponential(1.5, n), 6.0) * DAY).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "survey_id": ids(letters, n, settings.block),
            "item_code": asked[1],
            "customer_id": tickets["customer_id"],
            "instrument": asked[0],
            "trigger_type": "ticket",
            "trigger_id": tickets["ticket_id"],
            "sent_at": sent,
            "responded_at": np.where(answers, replied, np.datetime64("NaT")),
            "wave_no": 1.0,
            "score": np.where(answers, np.clip(np.round(score), 0, 10), np.nan),
            "scale_max": 10.0,
        }
    )


def _targets(settings: WorldSettings) -> pd.DataFrame:
    kpi = [name for name, kind in KINDS.items() if kind in ("gamed", "driver")]
    return pd.DataFrame(
        {
            "target_id": ids("TC", len(kpi)),
            "role": "service agent",
            "kpi_code": kpi,
            "direction": "up",
            "target": [0.80, 0.55],
            "target_unit": "share",
            "pay_weight_share": [0.30, 0.10],
            "pay_basis": "person",
            "valid_from": _since(settings).normalize(),
        }
    ).astype({"valid_from": "datetime64[us]"})


def _truth(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    size = settings.size(PLAY)
    effects = planted(
        "truth_effects",
        PLAY,
        action=["care"],
        stratum="panel",
        metric="orders in the half-year after",
        lag=26.0,
        size=[CARE_EFFECT * size],
        unit="log rate a standard deviation",
    )
    kinds = [kind if size > 0 else "noise" for kind in KINDS.values()]
    structure = planted("truth_structure", PLAY, kind=kinds, source=list(KINDS), target="orders")
    shifts = planted(
        "truth_shifts",
        PLAY,
        subject=["first contact resolution"] if size > 0 else [],
        metric="relation to orders",
        kind="step",
        start_at=_since(settings).normalize(),
        size=-SHOWS * size,
    )
    return {"truth_effects": effects, "truth_structure": structure, "truth_shifts": shifts}


PLANTS = (
    Plant(
        play=PLAY,
        what="Some customers are cared for better than others, and order accordingly half a year later. What the desk "
        "counts shows that care, or something else. Two figures get a target with pay.",
        why="A figure that everybody meets looks like success, and satisfaction looks like intimacy.",
        tables=("tickets", "actions", "surveys", "orders", "kpi_targets"),
        truth=("truth_effects", "truth_structure", "truth_shifts"),
        size="care.CARE_EFFECT x size; figures by SHOWS x size; gamed from TARGET_MONTHS before the end",
    ),
)
