"""Orders: each customer buys at a latent rate until they leave; what operations do changes both.

Planted, per customer in `truth_customers` and `truth_purchases`:

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
from playbook.world.keys import ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "programmes")
COMPLETES = ("customers",)

MARGIN_NOISE = 0.05
LEAVE_WHEN_LATE = 0.012
LATE_SHARE = 0.07  # of parcels, about: for the expected dropout
TELLS = 0.3  # of those who leave
TELLS_AFTER = np.timedelta64(45, "D")
WEEK_US = 604_800_000_000


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return orders, order_lines and truth_purchases, customers with who closed, and _parcels for delivery."""
    customers, truth = tables["customers"], tables["truth_customers"]
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    created = customers["created_at"].to_numpy()
    who, at = _moments(settings, created, truth, tables.get("_rate_changes"), rng)
    sent = parcels(settings, customers, who, at, rng)
    kept, left = _leavers(settings, truth, who, at, sent, rng)
    who, at, sent = who[kept], at[kept], sent[kept].reset_index(drop=True)

    budget = truth["spend_amt"].to_numpy()[who] * rng.gamma(6.0, 1 / 6.0, len(who)) * _season(settings, at)
    if "_spend_changes" in tables:
        budget = budget * factor_at((at - start) / WEEK_US, who, tables["_spend_changes"])
    orders = _orders(settings, customers["customer_id"].array, who, at, rng)
    order_lines = _order_lines(settings, orders["order_id"].array, budget, tables["products"], rng)

    lifetime = (truth["lifetime_weeks"].to_numpy() * WEEK_US).clip(max=1e17).astype("timedelta64[us]")
    ended = np.fmin(created + lifetime, left)  # NaT is later than all
    ended = np.where(ended < end, ended, np.datetime64("NaT"))
    tells = rng.random(len(customers)) < TELLS
    closed = np.where(tells & (ended + TELLS_AFTER < end), ended + TELLS_AFTER, np.datetime64("NaT"))
    rate = truth["rate_week"].to_numpy()
    sensitivity = truth["late_sensitivity"].to_numpy()
    latent = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "active": np.isnat(ended),
            "ended_at": ended,
            "rate_week": rate,
            "dropout_week": truth["dropout_week"]
            + rate * LATE_SHARE * np.minimum(LEAVE_WHEN_LATE * settings.effect * sensitivity, 1),
            "spend_amt": truth["spend_amt"],
        }
    )
    return {
        "customers": customers.assign(closed_at=closed),
        "orders": orders,
        "order_lines": order_lines,
        "truth_purchases": latent,
        "_parcels": sent,
    }


def factor_at(
    week: NDArray[np.float64], who: NDArray[np.int64], changes: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the product of all changes that hold for customer `who` (position) in `week`, both (n,).

    Both are sorted by customer, then week; a change is open at its end.
    """
    key = who * 1e6 + week
    subject = changes["customer"].to_numpy() * 1e6
    first = np.searchsorted(key, subject + changes["from_week"].to_numpy())
    last = np.searchsorted(key, subject + changes["to_week"].to_numpy())
    size = np.log(changes["factor"].to_numpy())
    step = np.bincount(first, size, len(key) + 1) - np.bincount(last, size, len(key) + 1)
    return np.exp(np.cumsum(step)[:-1])


def _moments(
    settings: WorldSettings,
    created: NDArray[np.datetime64],
    truth: pd.DataFrame,
    changes: pd.DataFrame | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Return who orders (position) and when, for every order before the latent dropout, by customer and time.

    Counts are Poisson over the time a customer is both known and alive; given the count, times are uniform
    over that time (the order statistics of a Poisson process), so no loop over customers is needed.
    """
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    window = (end - created) / np.timedelta64(1, "W")
    alive = np.minimum(window, truth["lifetime_weeks"].to_numpy())
    rate = truth["rate_week"].to_numpy()
    if changes is not None:
        more = np.maximum(np.log(changes["factor"].to_numpy()), 0)
        highest = np.exp(np.bincount(changes["customer"].to_numpy(), more, len(rate)))
        rate = rate * highest
    is_new = created > start
    count = is_new + rng.poisson(rate * alive)  # a new customer begins with an order
    who = np.repeat(np.arange(len(created)), count)
    share = rng.random(len(who))
    share[(np.cumsum(count) - count)[is_new]] = 0.0
    share = np.sort(who + share) - who  # within each customer; a double is fine to a second of ten years
    offset = (np.maximum(share, 0.0) * alive[who] * WEEK_US).astype("timedelta64[us]")
    at = np.minimum(created[who] + offset, end - np.timedelta64(1, "s"))
    if changes is None:
        return who, at
    chance = factor_at((at - start) / WEEK_US, who, changes) / highest[who]
    kept = rng.random(len(who)) < chance
    kept[(np.cumsum(count) - count)[is_new]] = True
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
            "kind": pd.array(["order"], dtype="str").take(np.zeros(n, dtype=np.int64)),
            "channel": pd.array(list(channels), dtype="str").take(pick(list(channels.values()), n, rng)),
            "ordered_at": at,
            "status": pd.array(["shipped"], dtype="str").take(np.zeros(n, dtype=np.int64)),
        }
    )


def pick(shares: list[float], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `n` positions drawn with these shares."""
    table = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(table[:-1], rng.random(n), side="right")


def _order_lines(
    settings: WorldSettings,
    order_id: pd.api.extensions.ExtensionArray,
    budget: NDArray[np.float64],
    products: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the lines of each order: popular products, in quantities that use up the order's budget."""
    n = len(order_id)
    lines = 1 + rng.poisson(settings.preset.lines_mean - 1, n)
    of = np.repeat(np.arange(n), lines)
    line_no = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    popularity = 1 / np.arange(1, len(products) + 1) ** 0.8
    product = pick(list(popularity), len(of), rng)
    price = products["price_amt"].to_numpy()[product]
    qty = np.maximum(1, np.round(budget[of] / lines[of] / price)).astype(np.int64)
    noise = 1 + rng.normal(0, MARGIN_NOISE, len(of)).clip(-0.2, 0.2)
    return pd.DataFrame(
        {
            "order_id": order_id.take(of),
            "line_no": line_no.astype(np.int64),
            "product_id": products["product_id"].array.take(product),
            "qty_ordered": qty,
            "unit_price_amt": np.round(price * noise, 2),
            "unit_cost_amt": products["unit_cost_amt"].to_numpy()[product],
        }
    )
