"""Promotions as they were recorded and proposed, and the plant that must make what they sell.

The plan of the plant is for the quarter after the history.

Planted for "balance.promotion_plan": the basic plan fits, each proposed promotion alone fits, the two that meet do
not, as long as promotions add what they really add (`promotions.UPLIFT`). The weeks of overload are in
`truth_labels`. Capacity lies halfway (geometric mean) between what one and what both need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.promotions import (
    EVERY,
    FIRST_WEEK,
    LASTS,
    MAKES,
    PAST,
    PLANNED,
    PLAY,
    PROPOSED,
    UPLIFT,
    proposed_products,
)
from playbook.world.keys import ids, local
from playbook.world.texts import words
from playbook.world.trials import initiatives
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders", "promotions")

WEEKS = 13
BASE_WEEKS = 26  # of orders behind the basic plan


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return promotions, assignments, initiatives, sites (the plant), supply_orders (its plan) and truth_labels."""
    products = tables["products"].iloc[:MAKES]
    weekly = _weekly(settings, tables)
    run_h, setup_h = products["run_h_per_unit"].to_numpy(), products["setup_h"].to_numpy()
    load = np.ceil(weekly) * run_h + setup_h
    week = settings.end.normalize() + pd.to_timedelta(np.arange(WEEKS) * 7, unit="D")
    site = local("works", settings.block)
    # What a promotion adds to the plan of its product: the setup is there anyway.
    extra = np.ceil(weekly) * run_h * np.expm1(UPLIFT * settings.size(PLAY))
    promoted = proposed_products(settings, tables["products"])
    added = np.zeros(WEEKS)
    for start, product in zip(PROPOSED, promoted, strict=True):
        added[start : start + LASTS] += extra[product]
    most, both = extra[promoted].max(), extra[promoted[1:3]].sum()
    capacity = load.sum() + np.sqrt(most * both)
    over = np.flatnonzero(load.sum() + added > capacity + 1e-9)
    n = WEEKS * MAKES
    past = tables["_promoted"]
    made = {
        "promotions": _rows(settings, tables, past[past["is_promoted"]]),
        "assignments": _assignments(settings, tables, past),
    }
    if not settings.block:
        made["promotions"] = pd.concat([made["promotions"], _proposed(settings, tables)], ignore_index=True)
        made["initiatives"] = _initiatives(settings)
    return made | {
        "sites": pd.DataFrame(
            {
                "site_id": [site],
                "kind": "plant",
                "region_id": tables["regions"]["region_id"].iloc[0],
                "owner_party": "company",
                "capacity_h_week": capacity,
            }
        ),
        "supply_orders": pd.DataFrame(
            {
                "supply_order_id": ids("WO", n, settings.block),
                "kind": "production",
                "product_id": np.tile(products["product_id"].to_numpy(), WEEKS),
                "from_site_id": site,
                "to_site_id": local("north", settings.block),
                "placed_at": settings.end - pd.Timedelta(days=1),
                "planned_week_on": np.repeat(week, MAKES).astype("datetime64[us]"),
                "due_at": np.repeat(week + pd.Timedelta(days=7), MAKES).astype("datetime64[us]"),
                "qty": np.tile(np.ceil(weekly).astype(np.int64), WEEKS),
                "load_h": np.tile(load, WEEKS),
            }
        ),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="supply_orders",
            key=[f"{site} {week[k].date()}" for k in over],
            label="overload week",
            value=[f"{load.sum() + added[k] - capacity:.4f}" for k in over],
        ),
    }


def _weekly(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> NDArray[np.float64]:
    """Return the units a week of each own product in the last half year, at least one."""
    since = np.datetime64(settings.end - pd.Timedelta(weeks=BASE_WEEKS), "us")
    recent = tables["orders"]["ordered_at"].to_numpy() >= since
    product, order = tables["_lines"]["product"].to_numpy(), tables["_lines"]["order"].to_numpy()
    own = np.flatnonzero((product < MAKES) & recent[order])
    units = np.bincount(product[own], tables["order_lines"]["qty_ordered"].to_numpy()[own], MAKES)
    per_week = units / BASE_WEEKS
    return np.asarray(np.maximum(per_week, 1.0))


def _at(settings: WorldSettings, week: pd.Series) -> pd.Series:
    return (settings.start + pd.to_timedelta(np.floor(week * 7), unit="D")).astype("datetime64[us]")


def _rows(settings: WorldSettings, tables: Mapping[str, pd.DataFrame], got: pd.DataFrame) -> pd.DataFrame:
    twice = got.loc[got.index.repeat(2)].reset_index(drop=True)
    product = (2 * twice["promotion"] + np.arange(len(twice)) % 2).to_numpy() % MAKES
    return pd.DataFrame(
        {
            "promotion_id": words(_names(), twice["promotion"].to_numpy()),
            "account_id": tables["accounts"]["account_id"].array.take(twice["account"].to_numpy()),
            "product_id": tables["products"]["product_id"].array.take(product),
            "starts_on": _at(settings, twice["from_week"]),
            "ends_on": _at(settings, twice["from_week"] + LASTS),
            "discount_share": 0.10,
            "mechanism": "rebate",
            "planned_uplift_share": PLANNED,
            "plan_status": "done",
        }
    )


def _names() -> list[str]:
    return [f"PR{k + 1:02d}" for k in range(PAST)]


def _assignments(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], past: pd.DataFrame
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "assignment_id": ids("ASP", len(past), settings.block),
            "initiative_id": words([f"IN-{name}" for name in _names()], past["promotion"].to_numpy()),
            "subject_type": "account",
            "subject_id": tables["accounts"]["account_id"].array.take(past["account"].to_numpy()),
            "arm": words(["control", "promoted"], past["is_promoted"].to_numpy().astype(np.int64)),
            "design": words(["chosen", "random"], past["by_lot"].to_numpy().astype(np.int64)),
            "propensity_share": np.where(past["by_lot"], 0.5, np.nan),
            "starts_at": _at(settings, past["from_week"]),
            "ends_at": _at(settings, past["from_week"] + LASTS),
        }
    )


def _proposed(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return proposals to all accounts: the two that meet are of the products that need most hours."""
    start = settings.end.normalize()
    starts = pd.Series([start + pd.Timedelta(weeks=week) for week in PROPOSED]).astype("datetime64[us]")
    return pd.DataFrame(
        {
            "promotion_id": [f"PR{PAST + k + 1:02d}" for k in range(len(PROPOSED))],
            "account_id": "any",
            "product_id": tables["products"]["product_id"].array.take(
                proposed_products(settings, tables["products"])
            ),
            "starts_on": starts,
            "ends_on": starts + pd.Timedelta(weeks=LASTS),
            "discount_share": 0.10,
            "mechanism": "rebate",
            "planned_uplift_share": PLANNED,
            "plan_status": "proposed",
        }
    )


def _initiatives(settings: WorldSettings) -> pd.DataFrame:
    return initiatives(
        settings,
        *[
            {
                "initiative_id": f"IN-{name}",
                "kind": "promotion",
                "target_metric": "units",
                "status": "done",
                "start": FIRST_WEEK - EVERY * k,
                "end": FIRST_WEEK - EVERY * k - LASTS,
            }
            for k, name in enumerate(_names())
        ],
    )
