"""Hours with an expert that can be booked ahead; an hour that nobody booked is lost (`balance.capacity_protection`).

Each weekday has the same hours on offer. Bronze and silver customers ask first, gold customers late, and pay more. Who asks
when nothing is free is recorded all the same: `shown` says that an hour could be offered, `taken` that it was booked. Demand
is negative binomial (`GOLD_SPREAD`), where a play may take it for normal or Poisson. The entry in the register of plants
is that of `requests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, position
from playbook.world.moments import known_customers
from playbook.world.settings import TIERS
from playbook.world.texts import repeated
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")

DAYS = 250  # weekdays, the last of the history
HOURS = 10  # on offer each day
PRICE_AMT = {"gold": 140.0, "other": 60.0}
GOLD_MEAN, GOLD_SPREAD = 4.0, 3.0  # shape of the negative binomial at size 1: days differ much
OTHER_MEAN = 9.0


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return actions, kpi_targets with the hours on offer, and truth_parameters."""
    size = settings.size("balance.capacity_protection")
    gold = _demand(GOLD_MEAN, GOLD_SPREAD / size if size else np.inf, rng)
    other = rng.poisson(OTHER_MEAN, DAYS)
    dates = pd.bdate_range(end=settings.end - pd.Timedelta(days=1), periods=DAYS).as_unit("us").to_numpy()
    # The others ask in the week before, gold customers on the day before.
    day = np.concatenate([np.repeat(np.arange(DAYS), other), np.repeat(np.arange(DAYS), gold)])
    is_gold = np.repeat([False, True], [other.sum(), gold.sum()])
    nth = np.concatenate([_nth(other), _nth(gold)])
    room = np.where(is_gold, HOURS - np.minimum(other, HOURS)[day], HOURS)
    booked = nth < room
    ahead_h = np.where(is_gold, rng.uniform(2, 20, len(day)), rng.uniform(30, 150, len(day)))
    tier = position(tables["customers"]["tier"], TIERS)
    who = known_customers(settings, tables["customers"], DAYS * 7 // 5 + 10, len(day), rng)
    golden = np.unique(who[tier[who] == 0])
    common = np.unique(who[tier[who] != 0])
    who = np.where(is_gold, _any(golden, len(day), rng), _any(common, len(day), rng))
    customer_id = tables["customers"]["customer_id"].array.take(who)
    asked = dates[day] + ((9 - ahead_h) * 3_600).astype("timedelta64[s]")
    order = np.argsort(asked, kind="stable")
    actions = pd.DataFrame(
        {
            "subject_type": repeated("customer", len(day)),
            "subject_id": customer_id,
            "customer_id": customer_id,
            "action_code": [
                f"expert hour on {date}" for date in dates.astype("datetime64[D]").astype(str)[day]
            ],
            "shown": booked,
            "taken": booked,
            "acted_at": asked,
        }
    ).take(order)
    actions.insert(0, "action_id", ids("AX", len(day), settings.block).to_numpy())
    targets = pd.DataFrame(
        {
            "target_id": ids("KX", 3, settings.block),
            "kpi_code": [
                "expert hours on offer",
                "price of an expert hour, gold",
                "price of an expert hour, other",
            ],
            "target": [float(HOURS), *PRICE_AMT.values()],
            "target_unit": ["h/day", "money/h", "money/h"],
            "valid_from": settings.start,
        }
    )
    truth = planted(
        "truth_parameters",
        "balance.capacity_protection",
        name=["gold_mean", "gold_shape", "other_mean", "hours", "price_gold_amt", "price_other_amt"],
        value=[GOLD_MEAN, GOLD_SPREAD / size if size else np.inf, OTHER_MEAN, HOURS, *PRICE_AMT.values()],
        unit=["h/day", "1", "h/day", "h/day", "money/h", "money/h"],
    )
    return {
        "actions": actions,
        "kpi_targets": targets,
        **({} if settings.block else {"truth_parameters": truth}),
    }


def _demand(mean: float, shape: float, rng: np.random.Generator) -> np.ndarray:
    """Return the hours asked for on each day; Poisson when the shape is infinite."""
    rate = np.full(DAYS, mean) if np.isinf(shape) else rng.gamma(shape, mean / shape, DAYS)
    return rng.poisson(rate)


def _nth(count: np.ndarray) -> np.ndarray:
    """Return 0, 1, 2 ... within each day."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _any(pool: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` of a pool of customers, by lot; the first customer where there is none."""
    return pool[rng.integers(0, len(pool), n)] if len(pool) else np.zeros(n, dtype=np.int64)
