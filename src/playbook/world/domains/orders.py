"""Orders: each customer buys at a latent rate until they leave; what operations do changes both.

Planted, per customer in `truth_customers` and, as of the end of the history, in `truth_purchases`:

- `rate_week` (orders a week while active), `spend_amt` (mean of an order), with elasticity
  `market.SPEND_ON_RATE` on the rate, which gamma-gamma assumes to be 0.
- Dropout at any moment after `created_at` (Pareto/NBD, while a play may fit BG/NBD with dropout right after an
  order), and besides at a late parcel: each may be the last, with chance `LEAVE_WHEN_LATE` times the customer's
  sensitivity. `dropout_week` in `truth_purchases` counts both; `ended_at` is when each left.
- Programmes. `_rate_changes` and `_spend_changes` of earlier domains (customer, from_week, to_week, factor) multiply
  rate and spend while they last. Orders are drawn at the highest rate and thinned, so that a change leaves all
  other orders as they were.

The season is that of the industry. What follows a calibration date is in `orders` itself: hold it out. Customers from
before the history need not order in it; a later one begins with an order. Some of those who leave say so, in
`customers.closed_at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.delivery import parcels
from playbook.world.domains.habits import swap_products
from playbook.world.draws import pick
from playbook.world.histories import factor_at, highest_factor, purchase_weeks
from playbook.world.keys import ids
from playbook.world.texts import repeated, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "habits", "programmes", "fortunes")
COMPLETES = ("customers",)

MARGIN_NOISE = 0.05
LEAVE_WHEN_LATE = 0.012
LATE_SHARE = 0.07  # of parcels, about: for the expected dropout
TELLS = 0.3  # of those who leave
TELLS_AFTER = np.timedelta64(45, "D")
WEEK_US = 604_800_000_000


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return orders, order_lines and truth_purchases, customers with who closed, _parcels and _lines."""
    customers, truth = tables["customers"], tables["truth_customers"]
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    created = customers["created_at"].to_numpy()
    who, at = _moments(settings, created, truth, tables.get("_rate_changes"), rng)
    sent = parcels(settings, customers, who, at, rng)
    kept, left = _leavers(settings, truth, who, at, sent, rng)
    who, at, sent = who[kept], at[kept], sent[kept].reset_index(drop=True)

    budget = truth["spend_amt"].to_numpy()[who] * rng.gamma(6.0, 1 / 6.0, len(who)) * _season(settings, at)
    if "_spend_changes" in tables:
        budget = budget * factor_at(weeks_since(start, at), who, tables["_spend_changes"])
    orders = _orders(settings, customers["customer_id"].array, who, at, rng)
    order_lines, lines = _order_lines(settings, tables, orders["order_id"].array, who, budget, rng)

    lifetime = (truth["lifetime_weeks"].to_numpy() * WEEK_US).clip(max=1e17).astype("timedelta64[us]")
    ended = np.fmin(created + lifetime, left)  # NaT is later than all
    ended = np.where(ended < end, ended, np.datetime64("NaT"))
    tells = rng.random(len(customers)) < TELLS
    closed = np.where(tells & (ended + TELLS_AFTER < end), ended + TELLS_AFTER, np.datetime64("NaT"))
    rate, spend = _at_the_end(settings, truth, tables)
    sensitivity = truth["late_sensitivity"].to_numpy()
    latent = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "active": np.isnat(ended),
            "ended_at": ended,
            "rate_week": rate,
            "dropout_week": truth["dropout_week"]
            + rate * LATE_SHARE * np.minimum(LEAVE_WHEN_LATE * settings.effect * sensitivity, 1),
            "spend_amt": spend,
        }
    )
    return {
        "customers": customers.assign(closed_at=closed),
        "orders": orders,
        "order_lines": order_lines,
        "truth_purchases": latent,
        "_parcels": sent,
        "_lines": lines,
    }


def _at_the_end(
    settings: WorldSettings, truth: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each customer's rate and spend with all changes that still hold when the history ends."""
    now = np.full(len(truth), settings.days / 7 - 1e-3)
    who = np.arange(len(truth))
    rate, spend = truth["rate_week"].to_numpy(), truth["spend_amt"].to_numpy()
    if "_rate_changes" in tables:
        rate = rate * factor_at(now, who, tables["_rate_changes"])
    if "_spend_changes" in tables:
        spend = spend * factor_at(now, who, tables["_spend_changes"])
    return rate, spend


def weeks_since(start: np.datetime64, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the weeks from `start` to each moment, (n,)."""
    return (at - start).astype(np.int64) / WEEK_US


def _moments(
    settings: WorldSettings,
    created: NDArray[np.datetime64],
    truth: pd.DataFrame,
    changes: pd.DataFrame | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Return who orders (position) and when, for every order before the latent dropout, by customer and time."""
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    alive = np.minimum(-weeks_since(end, created), truth["lifetime_weeks"].to_numpy())
    rate = truth["rate_week"].to_numpy()
    if changes is not None:
        highest = highest_factor(changes, len(rate))
        rate = rate * highest
    is_new = created > start  # a new customer begins with an order
    who, week = purchase_weeks(rate, alive, rng, begins=is_new)
    last = np.datetime64(settings.end - pd.Timedelta("1s"), "us")
    at = np.minimum(created[who] + (week * WEEK_US).astype("timedelta64[us]"), last)
    if changes is None:
        return who, at
    chance = factor_at(weeks_since(start, at), who, changes) / highest[who]
    kept = (rng.random(len(who)) < chance) | ((week == 0.0) & is_new[who])
    return who[kept], at[kept]


def _leavers(
    settings: WorldSettings,
    truth: pd.DataFrame,
    who: NDArray[np.int64],
    at: NDArray[np.datetime64],
    sent: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.datetime64]]:
    """Return which orders are left when late parcels drive customers away, and when each left (NaT: none)."""
    chance = LEAVE_WHEN_LATE * settings.effect * truth["late_sensitivity"].to_numpy()[who]
    goes = sent["is_late"].to_numpy() & (rng.random(len(who)) < chance)
    left = np.full(len(truth), np.datetime64("NaT"), dtype="datetime64[us]")
    angry = np.flatnonzero(goes)[::-1]  # the earliest is written last
    left[who[angry]] = sent["delivered_at"].to_numpy()[angry]
    return ~(at > left[who]), left


def _season(settings: WorldSettings, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the factor of the season on the size of orders made at these moments."""
    preset = settings.preset
    year_share = (at - at.astype("datetime64[Y]")) / np.timedelta64(365, "D")
    peak = (preset.season_peak_month - 1) / 12
    return 1 + preset.season * settings.seasonality * np.cos(2 * np.pi * (year_share - peak))


def _orders(
    settings: WorldSettings,
    customer_id: pd.api.extensions.ExtensionArray,
    who: NDArray[np.int64],
    at: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = len(at)
    channels = settings.preset.order_channels
    return pd.DataFrame(
        {
            "order_id": ids("O", n, settings.block),
            "customer_id": customer_id.take(who),
            "kind": repeated("order", n),
            "channel": words(list(channels), pick(list(channels.values()), n, rng)),
            "ordered_at": at,
            "status": repeated("shipped", n),
        }
    )


def _order_lines(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    order_id: pd.api.extensions.ExtensionArray,
    who: NDArray[np.int64],
    budget: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the lines of each order: popular products, partners and favourites (`habits`), for the order's budget.

    Then the order and product of each line, as positions.
    """
    n, products = len(order_id), tables["products"]
    lines = 1 + rng.poisson(settings.preset.lines_mean - 1, n)
    of = np.repeat(np.arange(n), lines)
    line_no = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    popularity = 1 / np.arange(1, len(products) + 1) ** 0.8
    product = pick(list(popularity), len(of), rng)
    product = swap_products(settings, tables["_favourites"], product, of, who, len(products), rng)
    price = products["price_amt"].to_numpy()[product]
    qty = np.maximum(1, np.round(budget[of] / lines[of] / price)).astype(np.int64)
    noise = 1 + rng.normal(0, MARGIN_NOISE, len(of)).clip(-0.2, 0.2)
    order_lines = pd.DataFrame(
        {
            "order_id": order_id.take(of),
            "line_no": line_no.astype(np.int64),
            "product_id": products["product_id"].array.take(product),
            "qty_ordered": qty,
            "unit_price_amt": np.round(price * noise, 2),
            "unit_cost_amt": products["unit_cost_amt"].to_numpy()[product],
        }
    )
    return order_lines, pd.DataFrame({"order": of, "product": product})
