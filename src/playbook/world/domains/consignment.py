"""Stock at the premises of some accounts, run by the company, and what it costs either side.

Planted for design.co_design: `ACCOUNTS` accounts keep one product each on their premises. What they use in a week is what
their own plan has reserved (`inventory.reserved`, seen by them only) and an error; both are lumpy gamma amounts, not the
normal ones of the newsvendor's closed form. The plan explains `PLAN_SHARE` of the variance, of one account nearly all
(scaled by size; 0: as elsewhere) and its use varies most. Rebalancing by the customer's own people costs more than the
company's round (`VISIT_AMT`). The cheaper manager, both sides' costs together, is in `truth_outcomes`, by simulation of
the planted use. The stock belongs to the first division of the company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders", "supply")

PLAY = "design.co_design"
ACCOUNTS = 6
WEEKS = 104
PLAN_SHARE = 0.15, 0.93  # of the variance of use: elsewhere, and at one account
USE_MEAN = 400.0
USE_SD = 55.0, 95.0
HOLD_AMT, SHORT_AMT = 0.5, 9.5  # for a unit and week, for a unit
VISIT_AMT = 40.0, 75.0  # by the company, by the customer
COVER_FOR_CUSTOMER = 4  # one week in so many the customer's people rebalance
BOOKING_LOG_SD = 0.05
SIMULATED_WEEKS = 10_000
STEPS = (
    ("count the stock", "company"),
    ("compare with the plan", "customer"),
    ("propose a replenishment", "company"),
    ("release it", "customer"),
    ("deliver and shelve", "company"),
)
KPIS = ("fill rate", "stock days", "cost of rebalancing", "notice of changes", "invoice accuracy")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return sites, inventory, costs, process_steps, ratings, truth_outcomes and truth_parameters."""
    if settings.block:
        return {}
    accounts = tables["accounts"]
    size = tables["customers"]["account_id"].value_counts().reindex(accounts["account_id"]).fillna(0)
    largest = np.argsort(-size.to_numpy(), kind="stable")
    account = accounts.iloc[rng.permutation(largest[:ACCOUNTS])].reset_index(drop=True)
    plan_share = np.full(ACCOUNTS, PLAN_SHARE[0])
    plan_share[0] += settings.size(PLAY) * (PLAN_SHARE[1] - PLAN_SHARE[0])
    plan_share = np.minimum(plan_share, 0.98)
    sd = np.where(np.arange(ACCOUNTS) == 0, USE_SD[1], USE_SD[0]) * rng.uniform(0.95, 1.05, ACCOUNTS)

    plan, use = _use(plan_share, sd, WEEKS, rng)
    stock = np.round(use.mean(axis=1) + 1.3 * use.std(axis=1))[:, None]
    left, short = np.maximum(stock - use, 0), np.maximum(use - stock, 0)
    site_id = ("stock of " + account["account_id"]).to_numpy()
    product_id = _seldom(settings, tables)[-ACCOUNTS:]
    last = settings.end - pd.Timedelta("1s")
    monday = last.normalize() - pd.Timedelta(days=last.weekday())
    weeks = pd.date_range(end=monday - pd.Timedelta(days=7), periods=WEEKS, freq="7D").as_unit("us")
    inventory = pd.DataFrame(
        {
            "site_id": np.repeat(site_id, WEEKS),
            "product_id": np.repeat(product_id, WEEKS),
            "week_on": np.tile(weeks, ACCOUNTS),
            "on_hand": left.ravel().astype(np.int64),
            "sold_qty": (use - short).ravel().astype(np.int64),
            "stockout_h": np.round(np.where(short > 0, 168 * short / use.clip(1), 0.0), 1).ravel(),
            "demand_qty": use.ravel(),
            "reserved": plan.ravel(),
        }
    )
    sites = pd.DataFrame(
        {
            "site_id": site_id,
            "kind": "customer stock",
            "region_id": account["region_id"],
            "owner_party": "customer",
            "account_id": account["account_id"],
            "capacity_units": 3 * stock[:, 0],
        }
    )
    return {
        "sites": sites,
        "inventory": inventory,
        "costs": _costs(account["account_id"].to_numpy(), weeks, left, short, rng),
        **_workshop(settings, account["account_id"].to_numpy(), rng),
        **_truth(account["account_id"].to_numpy(), plan_share, sd, rng),
    }


def _seldom(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> NDArray[np.object_]:
    """Return the products that the central warehouse doesn't keep, from the most to the least popular."""
    stock, products = tables["inventory"], tables["products"]["product_id"]
    kept = stock.loc[stock["site_id"] == local("central", settings.block), "product_id"]
    return products[~products.isin(kept)].to_numpy()


def _use(
    plan_share: NDArray[np.float64], sd: NDArray[np.float64], weeks: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the customer's plan foresees and what is used, (accounts, weeks), in whole units."""
    planned_sd, error_sd = (sd * np.sqrt(share) for share in (plan_share, 1 - plan_share))
    half = USE_MEAN / 2

    def lumpy(spread: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = (half / spread[:, None]) ** 2
        return rng.gamma(shape, half / shape, (len(sd), weeks))

    plan = np.round(half + lumpy(planned_sd))
    return plan, np.maximum(np.round(plan - half + lumpy(error_sd)), 0)


def _costs(
    account_id: NDArray[np.object_],
    weeks: pd.DatetimeIndex,
    left: NDArray[np.float64],
    short: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what each month's stock cost: what is left, what is missing, and the rounds of either side."""
    by_customer = np.broadcast_to(np.arange(len(weeks)) % COVER_FOR_CUSTOMER == 0, left.shape)
    drivers = {
        "holding at the customer": ("unit weeks", left, HOLD_AMT),
        "running out at the customer": ("units short", short, SHORT_AMT),
        "rebalancing by the company": ("rounds", ~by_customer * 1.0, VISIT_AMT[0]),
        "rebalancing by the customer": ("rounds", by_customer * 1.0, VISIT_AMT[1]),
    }
    months = weeks.to_period("M").to_timestamp().as_unit("us")
    month_on, month = np.unique(months, return_inverse=True)
    frames = []
    for activity, (driver, weekly, rate) in drivers.items():
        qty = np.stack([np.bincount(month, row, len(month_on)) for row in weekly])
        booked = qty * rate * np.exp(rng.normal(0, BOOKING_LOG_SD, qty.shape))
        frames.append(
            pd.DataFrame(
                {
                    "month_on": np.tile(month_on, len(account_id)),
                    "activity": activity,
                    "subject_type": "account",
                    "subject_id": np.repeat(account_id, len(month_on)),
                    "driver": driver,
                    "driver_qty": qty.ravel(),
                    "fixed_amt": 0.0,
                    "variable_amt": np.round(booked.ravel(), 2),
                }
            )
        )
    costs = pd.concat(frames, ignore_index=True)
    costs.insert(0, "cost_id", ids("CS", len(costs)))
    return costs


def _workshop(
    settings: WorldSettings, account_id: NDArray[np.object_], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return the joint process as it is run today, and the weights that each side gives to the KPIs."""
    step_id = ids("CD", len(STEPS))
    process_steps = pd.DataFrame(
        {
            "step_id": step_id,
            "process": "customer stock",
            "seq_no": np.arange(1.0, len(STEPS) + 1),
            "name": [name for name, _ in STEPS],
            "party": [party for _, party in STEPS],
            "next_step_ids": [*step_id[1:], None],
            "is_handoff": [False, True, True, True, True],
        }
    )
    sides, n = ("company", "customer"), len(account_id) * 2 * len(KPIS)
    ratings = pd.DataFrame(
        {
            "rating_id": ids("CW", n),
            "exercise": "weights of joint KPIs",
            "rater_party": np.tile(np.repeat(sides, len(KPIS)), len(account_id)),
            "subject_type": "account",
            "subject_id": np.repeat(account_id, 2 * len(KPIS)),
            "item_code": np.tile(KPIS, 2 * len(account_id)),
            "score": rng.integers(1, 11, n).astype(float),
            "scale_max": 10.0,
            "rated_at": settings.end - pd.Timedelta(days=20),
        }
    )
    return {"process_steps": process_steps, "ratings": ratings}


def _truth(
    account_id: NDArray[np.object_],
    plan_share: NDArray[np.float64],
    sd: NDArray[np.float64],
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Return what a week costs both sides together under either manager, at their best stock."""
    plan, use = _use(plan_share, sd, SIMULATED_WEEKS, rng)
    outcomes = []
    for arm, surprise, visit in (("company", use, VISIT_AMT[0]), ("customer", use - plan, VISIT_AMT[1])):
        best = np.quantile(surprise, SHORT_AMT / (HOLD_AMT + SHORT_AMT), axis=1, keepdims=True)
        gap = best - surprise
        cost = visit + np.where(gap > 0, HOLD_AMT * gap, -SHORT_AMT * gap).mean(axis=1)
        outcomes.append(
            planted(
                "truth_outcomes",
                PLAY,
                subject=account_id,
                arm=arm,
                metric="cost of a week, both sides",
                value=cost,
            )
        )
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=["holding", "running out", "round of the company", "round of the customer"],
        value=[HOLD_AMT, SHORT_AMT, *VISIT_AMT],
        unit=["money a unit and week", "money a unit", "money", "money"],
    )
    return {"truth_outcomes": pd.concat(outcomes, ignore_index=True), "truth_parameters": parameters}


PLANTS = (
    Plant(
        play=PLAY,
        what="Some accounts keep stock on their premises. Either side could run it: the company's rounds and the customer's "
        "own people cost differently, and the customer's plan foretells what will be used, more at one account than at "
        "others.",
        why="The cheaper round is not the cheaper arrangement where one side knows what the other does not.",
        tables=("inventory", "sites", "costs", "process_steps", "ratings", "accounts"),
        truth=("truth_outcomes", "truth_parameters"),
        size="PLAN_SHARE of the first account x size",
    ),
)
