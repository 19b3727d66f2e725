"""Orders: each customer buys at a latent rate until a latent dropout; frequent buyers spend more per order.

Planted, per customer in `truth_customers`: `rate_week` (orders a week while active), `lifetime_weeks` (from
`created_at` to dropout, at any moment: Pareto/NBD, while a play may fit BG/NBD with dropout right after an
order), `spend_amt` (mean of an order), with elasticity `market.SPEND_ON_RATE` x effect on the rate, which
gamma-gamma assumes to be 0. `truth_purchases` says who is still active at the end of the history. The season
is `SEASON`. What follows a calibration date is in `orders` itself: hold it out. Customers from before the
history need not order in it; a later one begins with an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.market import ids

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)

SEASON = 0.15  # amplitude of the yearly season in order size
MARGIN_NOISE = 0.05


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return orders, order_lines and truth_purchases."""
    customers, truth = tables["customers"], tables["truth_customers"]
    window = (settings.end - customers["created_at"]).dt.total_seconds().to_numpy() / 604_800
    who, at = _moments(settings, customers, truth, window, rng)
    budget = truth["spend_amt"].to_numpy()[who] * rng.gamma(6.0, 1 / 6.0, len(who)) * _season(at)
    orders = _orders(customers["customer_id"].to_numpy()[who], at, rng)
    order_lines = _order_lines(orders["order_id"].to_numpy(), budget, tables["products"], rng)
    latent = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "active": truth["lifetime_weeks"].to_numpy() > window,
            "rate_week": truth["rate_week"],
            "dropout_week": truth["dropout_week"],
            "spend_amt": truth["spend_amt"],
        }
    )
    return {"orders": orders, "order_lines": order_lines, "truth_purchases": latent}


def _moments(
    settings: WorldSettings,
    customers: pd.DataFrame,
    truth: pd.DataFrame,
    window: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return who orders (index) and when, for every order; `window`: weeks since each became a customer.

    Counts are Poisson over the time a customer is both known and alive; given the count, times are uniform
    over that time (the order statistics of a Poisson process), so no loop over customers is needed.
    """
    alive = np.minimum(window, truth["lifetime_weeks"].to_numpy())
    is_new = customers["created_at"].to_numpy() > np.datetime64(settings.start, "us")
    count = is_new + rng.poisson(truth["rate_week"].to_numpy() * alive)  # a new customer begins with an order
    who = np.repeat(np.arange(len(customers)), count)
    first = (np.cumsum(count) - count)[is_new]
    week = rng.random(len(who)) * alive[who]
    week[first] = 0.0
    week = week[np.lexsort((week, who))]
    at = customers["created_at"].to_numpy()[who] + (week * 604_800 * 1e6).astype("timedelta64[us]")
    return who, np.minimum(at, np.datetime64(settings.end - pd.Timedelta("1s"), "us"))


def _season(at: np.ndarray) -> np.ndarray:
    """Return the factor of the season on the size of orders made at these moments."""
    year_share = (at - at.astype("datetime64[Y]")) / np.timedelta64(365, "D")
    return 1 + SEASON * np.cos(2 * np.pi * (year_share - 11 / 12))


def _orders(customer_id: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(at)
    return pd.DataFrame(
        {
            "order_id": ids("O", n).to_numpy(),
            "customer_id": customer_id,
            "kind": "order",
            "channel": rng.choice(["web", "phone", "edi"], n, p=[0.5, 0.3, 0.2]),
            "ordered_at": at,
            "status": "shipped",
        }
    )


def _order_lines(
    order_id: np.ndarray, budget: np.ndarray, products: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the lines of each order: popular products, in quantities that use up the order's budget."""
    n = len(order_id)
    lines = 1 + rng.poisson(1.2, n)
    of = np.repeat(np.arange(n), lines)
    line_no = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    popularity = 1 / np.arange(1, len(products) + 1) ** 0.8
    product = rng.choice(len(products), len(of), p=popularity / popularity.sum())
    price = products["price_amt"].to_numpy()[product]
    qty = np.maximum(1, np.round(budget[of] / lines[of] / price)).astype(np.int64)
    return pd.DataFrame(
        {
            "order_id": order_id[of],
            "line_no": line_no.astype(np.int64),
            "product_id": products["product_id"].to_numpy()[product],
            "qty_ordered": qty,
            "unit_price_amt": np.round(price * (1 + rng.normal(0, MARGIN_NOISE, len(of)).clip(-0.2, 0.2)), 2),
            "unit_cost_amt": products["unit_cost_amt"].to_numpy()[product],
        }
    )
