"""Programmes that change how customers buy: who is in them, since when, and by how much.

Each customer draws a lot for at most one of `trials.LOTS`, so that no two programmes meet by accident; the others, about
one in five, keep the rate they were born with. Planted here, on the logarithm of the rate of buying:

- A dedicated workflow (`UPLIFT` by segment; nothing in the segment that buys most), started `WORKFLOW_WEEKS` before the
  end: for `trials.BY_LOT` of its customers by a coin, for the others by account managers, who pick who buys most and who
  they feel will stay.
- Depths of engagement (`DEPTH_UPLIFT` times `DEPTH_RESPONSE` of the segment), more where the account invests with us
  (`INVEST_UPLIFT`, by depth). Whether an account invests is in its contract.

Rates are gamma, lifetimes exponential, and a change multiplies the rate of a Poisson stream; no estimator is told which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import position
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import BY_LOT, LOTS, changes, enrolled, initiatives, members, picked
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market")

WORKFLOW_WEEKS = 104
UPLIFT = (0.0, 0.50, 0.18, 0.38)  # log rate, by segment
CHOSEN_SHARE = 0.35

DEPTHS = ("self-serve", "pooled", "named", "dedicated")
DEPTH_UPLIFT = (0.0, 0.10, 0.25, 0.35)  # log rate, against self-serve
DEPTH_RESPONSE = (0.5, 1.4, 0.8, 1.0)  # by segment
INVEST_UPLIFT = (0.0, 0.0, 0.15, 0.35)  # more, where the account invests
DEPTH_WEEKS = 104
INVESTS = 0.4  # of accounts with a contract
INVESTMENT = (0.1, 0.5)  # of a year's fee


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, _lots, _parties (accounts), _enrolments and _rate_changes."""
    accounts, customers = tables["accounts"], tables["customers"]
    preset = settings.preset
    account = position(customers["account_id"], accounts["account_id"])
    account_segment = position(accounts["segment"], preset.segments)
    segment = account_segment[account]
    lots = _lots(settings, customers, segment, rng).assign(account=account)
    lots["until_week"] = lots["created_week"] + tables["truth_customers"]["lifetime_weeks"]
    parties = _parties(settings, account_segment, rng)
    known = {**tables, "_lots": lots}
    parts = [
        _workflow(settings, known, segment, rng),
        _depths(settings, known, segment, parties["invests"].to_numpy()[account], rng),
    ]
    made = {
        "_lots": lots,
        "_parties": parties,
        "_enrolments": pd.concat([part[0] for part in parts], ignore_index=True),
        "_rate_changes": pd.concat([part[1] for part in parts], ignore_index=True),
    }
    return (
        made
        if settings.block
        else made | {"initiatives": _initiatives(settings), "truth_effects": _truth(settings)}
    )


def _lots(
    settings: WorldSettings, customers: pd.DataFrame, segment: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return each customer's lot, segment (position) and the week in which they came."""
    cuts = np.cumsum(np.array(list(LOTS.values())), axis=0).T[segment]
    lot = (rng.random(len(segment))[:, None] >= cuts).sum(axis=1)
    created = customers["created_at"].to_numpy() - np.datetime64(settings.start, "us")
    return pd.DataFrame(
        {
            "lot": lot,  # position in LOTS; one more: none
            "segment": segment,
            "created_week": created / np.timedelta64(1, "W"),
        }
    )


def _parties(settings: WorldSettings, segment: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
    """Return of each account whether it signed a contract, and how much of a year's fee it invests with us."""
    n = len(segment)
    signed = rng.random(n) < np.array(settings.preset.contract_share)[segment]
    invests = signed & (rng.random(n) < INVESTS)
    return pd.DataFrame(
        {
            "signed": signed,
            "invests": invests,
            "invested_share": np.where(invests, rng.uniform(*INVESTMENT, n), 0.0),
        }
    )


def _worth(tables: Mapping[str, pd.DataFrame], customer: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how promising customers look to who has known them for years: how much they buy, how long they stay."""
    truth = tables["truth_customers"].iloc[customer]
    return np.asarray(np.log(truth["rate_week"]) + 0.5 * np.log(truth["lifetime_weeks"]))


def _workflow(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    segment: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    since = settings.days / 7 - WORKFLOW_WEEKS
    customer = members(tables, "workflow", since)
    by_lot = rng.random(len(customer)) < BY_LOT
    treated = rng.random(len(customer)) < 0.5
    treated[~by_lot] = picked(_worth(tables, customer[~by_lot]), CHOSEN_SHARE, rng)
    who = enrolled(
        "IN-workflow",
        customer,
        ("control", "workflow"),
        treated.astype(np.int64),
        by_lot,
        since,
        stratum=words(settings.preset.segments, segment[customer]),
        propensity_share=np.where(by_lot, 0.5, np.nan),
    )
    size = np.array(UPLIFT)[segment[customer]] * settings.size("define.customer_value")
    return who, changes(customer, since, settings.days / 7, np.where(treated, size, 0.0))


def _depths(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    segment: NDArray[np.int64],
    invests: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    since = settings.days / 7 - DEPTH_WEEKS
    customer = members(tables, "depth", since)
    by_lot = rng.random(len(customer)) < BY_LOT
    depth = rng.integers(0, len(DEPTHS), len(customer))
    worth = _worth(tables, customer[~by_lot])
    depth[~by_lot] = sum(picked(worth, share, rng, noise=0.5).astype(int) for share in (0.5, 0.25, 0.1))
    who = enrolled(
        "IN-depth",
        customer,
        DEPTHS,
        depth,
        by_lot,
        since,
        stratum=words(settings.preset.segments, segment[customer]),
        propensity_share=np.where(by_lot, 1 / len(DEPTHS), np.nan),
    )
    size = np.array(DEPTH_UPLIFT)[depth] * np.array(DEPTH_RESPONSE)[segment[customer]]
    size += np.where(invests[customer], np.array(INVEST_UPLIFT)[depth], 0.0)
    return who, changes(customer, since, settings.days / 7, size * settings.size("define.engagement_model"))


def _initiatives(settings: WorldSettings) -> pd.DataFrame:
    return initiatives(
        settings,
        {
            "initiative_id": "IN-workflow",
            "kind": "dedicated workflow",
            "target_metric": "orders a week",
            "status": "running",
            "start": WORKFLOW_WEEKS,
        },
        {
            "initiative_id": "IN-depth",
            "kind": "depth of engagement",
            "target_metric": "orders a week",
            "status": "running",
            "start": DEPTH_WEEKS,
        },
    )


def _truth(settings: WorldSettings) -> pd.DataFrame:
    segments = settings.preset.segments
    workflow = planted(
        "truth_effects",
        "define.customer_value",
        action="workflow",
        stratum=segments,
        metric="orders a week",
        lag=0.0,
        size=np.array(UPLIFT) * settings.size("define.customer_value"),
        unit="log rate",
    )
    base = np.outer(DEPTH_UPLIFT, DEPTH_RESPONSE)
    size = np.stack([base, base + np.array(INVEST_UPLIFT)[:, None]], axis=2)
    cells = pd.MultiIndex.from_product([DEPTHS, segments, ("no investment", "joint investment")]).to_frame()
    depth = planted(
        "truth_effects",
        "define.engagement_model",
        action=cells[0].to_numpy(),
        stratum=(cells[1] + ", " + cells[2]).to_numpy(),
        metric="orders a week",
        lag=0.0,
        size=size.ravel() * settings.size("define.engagement_model"),
        unit="log rate",
    )
    return pd.concat([workflow, depth], ignore_index=True)


PLANTS = (
    Plant(
        play="define.customer_value",
        what="Customers differ in how often they buy, how much an order is worth and how long they stay, and frequent "
        "buyers spend more an order. A dedicated workflow changes how often some segments buy, others not.",
        why="Who is worth most need not be who answers most to the workflow; and account managers gave it to "
        "customers who would have done well without it.",
        tables=("orders", "order_lines", "contracts", "accounts", "assignments", "costs"),
        truth=("truth_customers", "truth_purchases", "truth_contracts", "truth_effects"),
        size="UPLIFT by segment x size (log rate) over WORKFLOW_WEEKS; market.SPEND_ON_RATE x size",
    ),
    Plant(
        play="define.engagement_model",
        what="Customers are served at four depths. Deeper service makes them buy more, not alike in all segments, and "
        "more so where the account invests with us. Hours of the team and capacity of the system are both limited.",
        why="Deeper service was given to good customers first: the plain comparison credits it with what they buy "
        "anyway.",
        tables=("customers", "contracts", "staff", "systems", "assignments", "costs"),
        truth=("truth_effects", "truth_parameters", "truth_structure"),
        size="(DEPTH_UPLIFT x DEPTH_RESPONSE + INVEST_UPLIFT) x size (log rate) over DEPTH_WEEKS",
    ),
)
