"""Two budget lines on the same customers: one for intimacy, one to cut the cost of service.

Customers of the lot "budget" are in `CLUSTERS` sales areas. Every `PERIOD` weeks each area gets a level of both
budgets, of `LEVELS` (money a customer and month, in units of `costs.scale`). In the first periods the lines never
meet in an area; only later do they overlap. In half of the areas levels are drawn by lot, in the others sales gives
more of both to areas that buy more.

Planted, on the logarithm of the rate of buying: returns of intimacy that get smaller, ``INTIMACY * (1 - exp(-level /
SATURATION))``, and an interaction: where service is cut at the same time, `CLASH` for each product of both levels'
saturated shares. The savings of the other line are in `costs`: log cost to serve falls by ``SAVING * (1 -
exp(-level / SATURATION))``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import LOTS, changes, enrolled, initiatives
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "govern.resource_disputes"
CLUSTERS = 24
PERIOD = 13
ALONE = 0.5  # of the periods, the first, in which an area has one line at most
LEVELS = (0.0, 1.0, 2.0, 4.0)
SATURATION = 2.0
INTIMACY = 0.60
CLASH = -0.45
SAVING = 0.5
LINES = ("IN-intimacy", "IN-savings")


def saturated(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of all that a budget line can do that a level of it does."""
    return -np.expm1(-level / SATURATION)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, _budgets (area and period), _enrolments and _rate_changes."""
    lots = tables["_lots"]
    customer = np.flatnonzero(lots["lot"].to_numpy() == tuple(LOTS).index("budget"))
    area = rng.integers(0, CLUSTERS, len(customer))
    plan = _plan(settings, tables, customer, area, rng)
    periods = plan["period"].max() + 1
    cells = np.repeat(area, periods) * periods + np.tile(np.arange(periods), len(customer))
    rows = plan.iloc[cells].assign(customer=np.repeat(customer, periods))
    # Money is spent on those who buy: since they came, and not after they stopped.
    came, stopped = (lots[name].to_numpy()[rows["customer"]] for name in ("created_week", "until_week"))
    rows = rows.assign(from_week=np.maximum(rows["from_week"], came))
    rows = rows[rows["from_week"] < np.minimum(rows["to_week"], stopped)]
    intimacy, saving = (saturated(rows[line].to_numpy()) for line in ("intimacy", "savings"))
    size = (INTIMACY * intimacy + CLASH * intimacy * saving) * settings.size(PLAY)
    names = [f"area {k + 1}" for k in range(CLUSTERS)]
    who = [
        enrolled(
            initiative_id,
            rows["customer"].to_numpy(),
            [f"{level:g}" for level in LEVELS],
            np.searchsorted(LEVELS, rows[line].to_numpy()),
            rows["by_lot"].to_numpy(),
            rows["from_week"],
            rows["to_week"],
            cluster_id=words(names, rows["area"].to_numpy()),
            sequence_no=rows["period"].to_numpy() + 1.0,
        )
        for initiative_id, line in zip(LINES, ("intimacy", "savings"), strict=True)
    ]
    made = {
        "_budgets": plan.assign(customers=np.bincount(area, minlength=CLUSTERS)[plan["area"]]),
        "_enrolments": pd.concat(who, ignore_index=True),
        "_rate_changes": changes(rows["customer"], rows["from_week"], rows["to_week"], size),
    }
    return (
        made
        if settings.block
        else made | {"initiatives": _initiatives(settings), "truth_effects": _truth(settings)}
    )


def _plan(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    customer: NDArray[np.int64],
    area: NDArray[np.int64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return both levels of every area in every period; the last period ends with the history."""
    end = settings.days / 7
    periods = int(end // PERIOD)
    cell = np.arange(CLUSTERS * periods)
    of, period = cell // periods, cell % periods
    chosen = of >= CLUSTERS // 2
    rate = tables["truth_customers"]["rate_week"].to_numpy()[customer]
    buys = np.bincount(area, rate, CLUSTERS) / np.maximum(np.bincount(area, minlength=CLUSTERS), 1)
    rank = np.argsort(np.argsort(buys)) / CLUSTERS
    levels = {}
    for line in ("intimacy", "savings"):
        draw = rng.random(len(cell))
        liked = np.clip(0.7 * rank[of] + 0.3 * draw, 0, 0.999)
        levels[line] = np.array(LEVELS)[(np.where(chosen, liked, draw) * len(LEVELS)).astype(int)]
    alone = period < ALONE * periods
    only_intimacy = rng.random(len(cell)) < 0.5
    return pd.DataFrame(
        {
            "area": of,
            "period": period,
            "by_lot": ~chosen,
            "from_week": end - (periods - period) * PERIOD,
            "to_week": end - (periods - period - 1) * PERIOD,
            "intimacy": np.where(alone & ~only_intimacy, 0.0, levels["intimacy"]),
            "savings": np.where(alone & only_intimacy, 0.0, levels["savings"]),
        }
    )


def _initiatives(settings: WorldSettings) -> pd.DataFrame:
    weeks = int(settings.days / 7 // PERIOD) * PERIOD
    return initiatives(
        settings,
        *[
            {
                "initiative_id": key,
                "kind": kind,
                "target_metric": metric,
                "status": "running",
                "start": weeks,
            }
            for key, kind, metric in (
                (LINES[0], "intimacy budget", "margin"),
                (LINES[1], "savings in service", "cost to serve"),
            )
        ],
    )


def _truth(settings: WorldSettings) -> pd.DataFrame:
    size = settings.size(PLAY)
    share = saturated(np.array(LEVELS))
    rows = [
        *[
            ("intimacy", f"level {x:g}", "orders a week", INTIMACY * s * size)
            for x, s in zip(LEVELS, share, strict=True)
        ],
        *[
            ("savings", f"level {x:g}", "cost to serve", -SAVING * s * size)
            for x, s in zip(LEVELS, share, strict=True)
        ],
        ("intimacy x savings", "product of saturated shares", "orders a week", CLASH * size),
    ]
    action, stratum, metric, sizes = zip(*rows, strict=True)
    return planted(
        "truth_effects",
        PLAY,
        action=action,
        stratum=stratum,
        metric=metric,
        lag=0.0,
        size=sizes,
        unit="log factor",
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Sales areas get changing levels of two budgets, one to know customers better, one to make service "
        "cheaper. Each has its own returns; where both are spent at once, one weakens the other.",
        why="Areas that buy more are given more; and half of the history has no area with both budgets, so nothing "
        "can be said there about how they act together.",
        tables=("initiatives", "assignments", "costs", "orders"),
        truth=("truth_effects",),
        size="INTIMACY, SAVING (saturating), CLASH x size (log factors)",
    ),
)
