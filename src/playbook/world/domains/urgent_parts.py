"""Urgent parts, stage by stage (`define.service_levels`).

An urgent order passes the desk, the warehouse and the carrier. Each stage has its own distribution of hours (gamma,
Weibull, lognormal); all are longer in weeks of much work (`ON_LOAD`), so that slow stages come together: adding the
stages up as if they were independent promises too much. Gold cases go first. Customers ask in three channels, of
which the desk reads one later (`ON_CHANNEL`), and may ask for more than the part: special requests, each of which
makes the warehouse slower (`ON_REQUEST`), two together still more (`ON_MANY`), and costs money; they are logged as
steps without a place in the order. Contract terms promise the whole to customers and the stages between teams; a
breach costs a penalty, and more capacity at a stage costs money.
"""

from __future__ import annotations

from math import gamma
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS
from playbook.world.domains.organisation import CARRIER
from playbook.world.keys import ids, local, position
from playbook.world.moments import known_customers
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "organisation")

CASES = 3_000
DAYS = 720  # the last of the history
STAGES = ("desk", "warehouse", "carrier")
MEAN_H = (5.0, 9.0, 20.0)
DESK_SHAPE, WAREHOUSE_SHAPE, CARRIER_SD = 2.0, 1.6, 0.35
LOAD_SD = 0.45  # of the log of a week's load
ON_LOAD = (1.0, 1.0, 0.8)  # power of the load, by stage
ON_TIER = {"gold": 0.75, "silver": 1.0, "bronze": 1.1}
CHANNELS = {"phone": 0.35, "email": 0.25, "web": 0.40}
ON_CHANNEL = (0.95, 1.5, 0.75)  # of the desk's hours
REQUESTS = ("own label", "own packing", "delivery slot")
REQUEST_SHARE = {"gold": 0.45, "silver": 0.30, "bronze": 0.18}  # of cases, for each request
ON_REQUEST = (0.2, 0.8, 0.5)  # added to the factor of the warehouse's hours
REQUEST_AMT = (3.0, 15.0, 9.0)  # to serve one
MANY_REQUESTS = 2  # so many do not fit the usual packing station
ON_MANY = 0.9  # added once more
TARGET_H = 48.0
PERCENTILE = 0.9
PENALTY_AMT = 120.0
STAGE_TARGET_H = (
    8.0,
    15.0,
    30.0,
)  # what the teams promised each other: it does not add up to the customer's promise
CAPACITY_AMT = (1_400.0, 2_600.0, 3_800.0)  # a month, to make a stage a tenth faster
TRUTH_DRAWS = 80_000

PLANTS = (
    Plant(
        play="define.service_levels",
        what="Urgent orders pass three stages. What is promised to customers is to be made of what the teams promise each "
        "other. All stages are slower in weeks of much work; special requests make the warehouse "
        "slower, two or more much slower.",
        why="Stages that are slow together make a long tail that no stage shows by itself; percentiles of stages do not "
        "add up. One promise for all hides that customised cases miss it.",
        tables=("touchpoints", "process_steps", "contract_terms", "costs"),
        truth=("truth_parameters", "truth_outcomes"),
        size="log sd of the load LOAD_SD x size, ON_LOAD by stage; ON_CHANNEL to the power size; ON_REQUEST and ON_MANY "
        "x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return process_steps, touchpoints, contract_terms, costs and truth."""
    customers, size = tables["customers"], settings.size("define.service_levels")
    who = known_customers(settings, customers, DAYS, CASES, rng)
    tier = position(customers["tier"], list(ON_TIER))[who]
    day = np.sort(rng.random(CASES)) * (DAYS - 14)  # all are over before the end of the history
    week = np.exp(LOAD_SD * size * rng.normal(0, 1, DAYS // 7 + 1))
    channel, asked = _asked(tier, rng)
    hours = _hours(week[(day // 7).astype(np.int64)], tier, channel, asked, size, rng)
    begins = np.datetime64(settings.end - pd.Timedelta(days=DAYS), "us") + (day * 86_400e6).astype(
        "timedelta64[us]"
    )
    over = begins[:, None] + (np.cumsum(hours, axis=1) * 3_600e6).astype("timedelta64[us]")
    starts = np.column_stack([begins, over[:, :-1]])
    ended = over.ravel()
    step_id = [local(f"PU{k}", settings.block) for k in range(1, len(STAGES) + 1)]
    case, stage = np.divmod(np.arange(CASES * len(STAGES)), len(STAGES))
    touchpoints = pd.DataFrame(
        {
            "touchpoint_id": ids("TU", len(case), settings.block),
            "case_id": ids("UP", CASES, settings.block).array.take(case),
            "customer_id": customers["customer_id"].array.take(who[case]),
            "step_id": words(step_id, stage),
            "party": words(["us", "partner"], (stage == 2).astype(np.int64)),
            "channel": words([*CHANNELS, None], np.where(stage == 0, channel[case], len(CHANNELS))),
            "started_at": starts.ravel(),
            "ended_at": ended,
        }
    )
    special = [local(f"PUS{k}", settings.block) for k in range(1, len(REQUESTS) + 1)]
    of_case, request = np.nonzero(asked)
    first = touchpoints.iloc[of_case * len(STAGES)].reset_index(drop=True)
    requests = first.assign(
        touchpoint_id=ids("TUS", len(of_case), settings.block),
        step_id=words(special, request),
        ended_at=lambda rows: rows["started_at"],
    )
    touchpoints = pd.concat([touchpoints, requests], ignore_index=True)
    end = np.datetime64(settings.end, "us")
    return {
        "process_steps": pd.DataFrame(
            {
                "step_id": [*step_id, *special],
                "process": "urgent part",
                "seq_no": [*np.arange(1.0, len(STAGES) + 1), *[np.nan] * len(REQUESTS)],
                "name": [*STAGES, *REQUESTS],
                "party": ["us", "us", "partner", *["us"] * len(REQUESTS)],
                "next_step_ids": [*step_id[1:], *[None] * (len(REQUESTS) + 1)],
                "is_handoff": [False, True, True, *[False] * len(REQUESTS)],
            }
        ),
        "touchpoints": touchpoints[touchpoints["started_at"] < end].assign(
            ended_at=lambda rows: rows["ended_at"].where(rows["ended_at"] < end)
        ),
        "contract_terms": _terms(settings),
        "costs": pd.concat([_costs(settings), _request_costs(settings, asked)], ignore_index=True),
        **({} if settings.block else _truth(size, rng)),
    }


def _asked(tier: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the channel of each case, (n,), and which special requests it has, (n, requests)."""
    channel = rng.choice(len(CHANNELS), len(tier), p=list(CHANNELS.values()))
    share = np.array(list(REQUEST_SHARE.values()))[tier, None]
    return channel, rng.random((len(tier), len(REQUESTS))) < share


def _hours(
    load: NDArray[np.float64],
    tier: NDArray[np.int64],
    channel: NDArray[np.int64],
    asked: NDArray[np.bool_],
    size: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the hours of each case at each stage, shape (n, stages)."""
    n = len(load)

    own = np.column_stack(
        [
            rng.gamma(DESK_SHAPE, 1 / DESK_SHAPE, n),
            rng.weibull(WAREHOUSE_SHAPE, n) / gamma(1 + 1 / WAREHOUSE_SHAPE),
            np.exp(rng.normal(-(CARRIER_SD**2) / 2, CARRIER_SD, n)),
        ]
    )
    slower = asked @ np.array(ON_REQUEST) + ON_MANY * (asked.sum(axis=1) >= MANY_REQUESTS)
    factor = np.array(list(ON_TIER.values()))[tier, None] * np.column_stack(
        [np.array(ON_CHANNEL)[channel] ** size, 1 + size * slower, np.ones(n)]
    )
    return np.array(MEAN_H) * own * factor * load[:, None] ** np.array(ON_LOAD)


def _terms(settings: WorldSettings) -> pd.DataFrame:
    """Return the promise to customers, and those between the teams."""
    market = [market[0] for market in MARKETS].index(settings.regions[0]) + 1
    teams = [local(name, settings.block) for name in (f"U{market}0", f"U{market}2", CARRIER)]
    terms = pd.DataFrame(
        {
            "provider_unit_id": [None, *teams],
            "receiver_unit_id": [None, *teams[1:], None],
            "metric": ["urgent part, whole", *(f"urgent part, {stage}" for stage in STAGES)],
            "target": [TARGET_H, *STAGE_TARGET_H],
            "target_unit": "h",
            "percentile": PERCENTILE,
            "penalty_amt": [PENALTY_AMT, np.nan, np.nan, np.nan],
            "valid_from": settings.start,
        }
    )
    terms.insert(0, "term_id", ids("UT", len(terms), settings.block))
    return terms


def _costs(settings: WorldSettings) -> pd.DataFrame:
    """Return what it costs a month to make each stage a tenth faster."""
    return pd.DataFrame(
        {
            "cost_id": ids("UC", len(STAGES), settings.block),
            "month_on": settings.end - pd.DateOffset(months=1),
            "activity": "urgent part, a tenth faster",
            "subject_type": "process step",
            "subject_id": [local(f"PU{k}", settings.block) for k in range(1, len(STAGES) + 1)],
            "fixed_amt": CAPACITY_AMT,
        }
    )


def _request_costs(settings: WorldSettings, asked: NDArray[np.bool_]) -> pd.DataFrame:
    """Return what special requests cost in an average month."""
    monthly = np.maximum(np.round(asked.sum(axis=0) * 30 / DAYS), 1.0)
    return pd.DataFrame(
        {
            "cost_id": ids("UCS", len(REQUESTS), settings.block),
            "month_on": settings.end - pd.DateOffset(months=1),
            "activity": "urgent part, special request",
            "subject_type": "process step",
            "subject_id": [local(f"PUS{k}", settings.block) for k in range(1, len(REQUESTS) + 1)],
            "driver": "requests",
            "driver_qty": monthly,
            "variable_amt": monthly * np.array(REQUEST_AMT),
        }
    )


def _truth(size: float, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Return the planted parameters, and percentiles and kept shares of the whole by tier, from many draws."""
    play = "define.service_levels"
    levels = (0.5, 0.9, 0.95)
    rows = []
    for k, tier in enumerate(ON_TIER):
        load = np.exp(LOAD_SD * size * rng.normal(0, 1, TRUTH_DRAWS))
        of_tier = np.full(TRUTH_DRAWS, k)
        channel, asked = _asked(of_tier, rng)
        hours = _hours(load, of_tier, channel, asked, size, rng)
        whole, count = hours.sum(axis=1), asked.sum(axis=1)
        rows += [
            (tier, f"p{100 * level:.0f} h", value)
            for level, value in zip(levels, np.quantile(whole, levels), strict=True)
        ]
        apart = sum(rng.permutation(column) for column in hours.T)  # the same stages, as if independent
        rows.append((tier, "kept of independent p90", (whole <= np.quantile(apart, PERCENTILE)).mean()))
        for few_or_many, cases in (
            ("no special request", count == 0),
            (f"{MANY_REQUESTS} or more special requests", count >= MANY_REQUESTS),
        ):
            rows.append((f"{tier}, {few_or_many}", "kept of target", (whole[cases] <= TARGET_H).mean()))
    subject, metric, value = zip(*rows, strict=True)
    return {
        "truth_outcomes": planted(
            "truth_outcomes", play, subject=subject, arm="as is", metric=metric, value=value
        ),
        "truth_parameters": planted(
            "truth_parameters",
            play,
            name=[
                *(f"mean_h_{stage}" for stage in STAGES),
                "load_log_sd",
                *(f"load_power_{s}" for s in STAGES),
                *(f"slower_by_{request}" for request in REQUESTS),
                "slower_by_many_requests",
            ],
            value=[*MEAN_H, LOAD_SD * size, *ON_LOAD, *(size * slower for slower in (*ON_REQUEST, ON_MANY))],
            unit=["h"] * len(STAGES) + ["log"] + ["1"] * (len(STAGES) + len(REQUESTS) + 1),
        ),
    }
