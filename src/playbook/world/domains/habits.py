"""What single customers do differently: changes of how often they order, favourites, and what is bought together.

Planted, each scaled by its play's size:

- Deviations (unify.anomalies): a few frequent buyers order many times as often for `BURST_WEEKS`, or all but stop for
  `SILENCE_WEEKS`, from a date of their own. All others go on as before, at rates of their own.
- Steps (define.deviation_limits): other frequent buyers order more, or less, often from a date on. Orders are a Poisson
  process in continuous time that ends at the latent dropout: a silence may also be the end.
- Favourites (govern.data_sharing): of the lines of a few customers, large in a small market, `FAVOURITE_SHARE` are one
  seldom product: in that product and market nearly all sales are theirs, though others buy it too.
- Affinity (balance.fulfilment_lanes): a line that follows a product of `PAIRS` on the same order is its partner with
  chance `AFFINITY`; otherwise products are drawn by popularity, whatever else is on the order.

`orders` reads `_rate_changes`, `_favourites` and `swap_products`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.market import REGIONS
from playbook.world.keys import position
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market")

FREQUENT_SHARE = 0.08  # of customers, by rate: only theirs can be seen to change
KNOWN_WEEKS = 40  # before a change
DEVIANT_SHARE = 0.010  # of customers
BURST_WEEKS, BURST_FACTOR = 6.0, 6.0
SILENCE_WEEKS, SILENCE_FACTOR = 16.0, 0.02
STEP_SHARE = 0.006  # of customers
STEP_FACTOR = (3.5, 0.2)  # beyond what programmes do
STEP_WEEKS = (60, 20)  # before the end of the history

FAVOURITE_SHARE = 0.95
DOMINANT_PER_1000 = 1.0  # customers
SELDOM = (0.85, 1.0)  # place in the order of popularity

# Places in the order of popularity: pairs of middling products, so that popular ones are seen together more often.
PAIRS = tuple((10 + k, 34 + k) for k in range(12))
AFFINITY = 0.18


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return _rate_changes, _favourites, truth_shifts, truth_labels and truth_structure."""
    changes = _changes(settings, tables, rng)
    favourites, labels = _favourites(settings, tables, rng)
    made = {
        "_rate_changes": changes[["customer", "from_week", "to_week", "factor"]],
        "_favourites": favourites,
        "truth_shifts": _truth_shifts(settings, tables["customers"], changes),
        "truth_labels": labels,
    }
    if settings.block == 0:
        made["truth_structure"] = _truth_structure(settings, tables["products"])
    return made


def _changes(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return whose rate changes (position), when (weeks of the history), by what factor, and for which play."""
    customers, truth = tables["customers"], tables["truth_customers"]
    n, weeks = len(customers), settings.days / 7
    rate = truth["rate_week"].to_numpy()
    created = _created_week(settings, customers)
    gone = created + truth["lifetime_weeks"].to_numpy()
    enough = max(4, round(FREQUENT_SHARE * n))
    frequent = rng.permutation(np.argpartition(-rate, enough)[:enough])

    deviants, steps = max(8, round(DEVIANT_SHARE * n)), max(6, round(STEP_SHARE * n))
    is_step = np.zeros(enough, dtype=bool)
    is_step[::3] = True
    kind = np.arange(enough) // 3 % 2  # 0 up, 1 down
    lasts = np.where(is_step, np.inf, np.where(kind == 0, BURST_WEEKS, SILENCE_WEEKS))
    earliest, latest = weeks - STEP_WEEKS[0], weeks - STEP_WEEKS[1]
    first = np.where(is_step, earliest, KNOWN_WEEKS)
    last = np.where(is_step, latest, weeks - SILENCE_WEEKS)
    from_week = np.floor(first + (last - first) * rng.random(enough))
    to_week = np.minimum(from_week + lasts, weeks + 1)
    usable = (created[frequent] + KNOWN_WEEKS <= from_week) & (gone[frequent] > np.minimum(to_week, weeks))
    chosen = np.sort(
        np.concatenate(
            [np.flatnonzero(usable & ~is_step)[:deviants], np.flatnonzero(usable & is_step)[:steps]]
        )
    )
    play = np.where(is_step, "define.deviation_limits", "unify.anomalies")[chosen]
    full = np.where(is_step, np.array(STEP_FACTOR)[kind], np.array([BURST_FACTOR, SILENCE_FACTOR])[kind])[
        chosen
    ]
    size = np.where(
        is_step[chosen], settings.size("define.deviation_limits"), settings.size("unify.anomalies")
    )
    return pd.DataFrame(
        {
            "customer": frequent[chosen],
            "from_week": from_week[chosen],
            "to_week": to_week[chosen],
            "factor": full**size,
            "kind": np.where(is_step[chosen], "step", np.where(kind[chosen] == 0, "burst", "silence")),
            "play": play,
        }
    )


def _created_week(settings: WorldSettings, customers: pd.DataFrame) -> NDArray[np.float64]:
    """Return the week of the history in which each customer came; 0 at its start."""
    since = customers["created_at"].to_numpy() - np.datetime64(settings.start, "us")
    return np.asarray(since / np.timedelta64(7, "D"))


def _truth_shifts(settings: WorldSettings, customers: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    real = changes[changes["factor"] != 1]
    moments = [
        settings.start + pd.to_timedelta(np.minimum(real[at], settings.days / 7) * 7, unit="D")
        for at in ("from_week", "to_week")
    ]
    every = planted(
        "truth_shifts",
        "unify.anomalies",
        subject=customers["customer_id"].array.take(real["customer"].to_numpy()),
        metric="orders a week, factor",
        kind=real["kind"].to_numpy(),
        start_at=moments[0],
        end_at=moments[1],
        size=real["factor"].to_numpy(),
    )
    every["play"] = pd.array(real["play"].to_numpy(), dtype="str")
    return every


def _favourites(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return which customers (position) buy nearly only which product (position), and their labels."""
    customers, truth, products = tables["customers"], tables["truth_customers"], tables["products"]
    n = max(3, round(DOMINANT_PER_1000 * len(customers) / 1000))
    region = position(customers["region_id"], REGIONS)
    worth = truth["rate_week"].to_numpy() * truth["spend_amt"].to_numpy()
    worth = worth * np.minimum(
        truth["lifetime_weeks"].to_numpy(), settings.days / 7 - _created_week(settings, customers)
    )
    against_market = worth / np.bincount(region, worth)[region]
    who = np.argsort(-against_market)[:n]
    seldom = np.arange(*(np.array(SELDOM) * len(products)).astype(int))
    product = rng.permutation(seldom)[np.arange(n) % len(seldom)]
    if not settings.size("govern.data_sharing"):
        who, product = who[:0], product[:0]
    cell = products["product_id"].iloc[product].to_numpy() + "|" + customers["region_id"].iloc[who].to_numpy()
    labels = planted(
        "truth_labels",
        "govern.data_sharing",
        table="customers",
        key=customers["customer_id"].iloc[who].to_numpy(),
        label="dominates",
        value=cell,
    )
    return pd.DataFrame({"customer": who, "product": product}), labels


def _partners(n_products: int) -> NDArray[np.int64]:
    """Return the partner (position) of each product; -1 for those without."""
    partner = np.full(n_products, -1)
    for one, other in PAIRS:
        if other < n_products:
            partner[one], partner[other] = other, one
    return partner


def _truth_structure(settings: WorldSettings, products: pd.DataFrame) -> pd.DataFrame:
    product_id = products["product_id"].to_numpy()
    is_planted = settings.size("balance.fulfilment_lanes") > 0
    pairs = [pair for pair in PAIRS if pair[1] < len(products) and is_planted]
    return planted(
        "truth_structure",
        "balance.fulfilment_lanes",
        kind="ordered together",
        source=[product_id[one] for one, _ in pairs],
        target=[product_id[other] for _, other in pairs],
    )


def swap_products(
    settings: WorldSettings,
    favourites: pd.DataFrame,
    product: NDArray[np.integer],
    of: NDArray[np.int64],
    who: NDArray[np.int64],
    n_products: int,
    rng: np.random.Generator,
) -> NDArray[np.integer]:
    """Return the product (position) of each line with partners and favourites in their place.

    `of` is each line's order, `who` each order's customer (positions, both sorted).
    """
    partner = _partners(n_products)
    follows = np.flatnonzero((of[1:] == of[:-1]) & (partner[product[:-1]] >= 0))
    follows = follows[rng.random(len(follows)) < AFFINITY * settings.size("balance.fulfilment_lanes")]
    swapped = product.copy()
    swapped[follows + 1] = partner[product[follows]]

    favourite = np.full(who.max(initial=0) + 1, -1)
    known = favourites[favourites["customer"] < len(favourite)]
    favourite[known["customer"]] = known["product"]
    line = np.flatnonzero(favourite[who][of] >= 0)
    line = line[rng.random(len(line)) < FAVOURITE_SHARE * settings.size("govern.data_sharing")]
    swapped[line] = favourite[who[of[line]]]
    return swapped


PLANTS = (
    Plant(
        play="unify.anomalies",
        what="A few frequent buyers order far more often for some weeks, or all but stop, each from a date of their own.",
        why="Customers differ so much that one limit for all flags the big and misses the small; some silences are the "
        "end of a customer.",
        tables=("orders", "shipments", "customers"),
        truth=("truth_shifts",),
        size="BURST_FACTOR, SILENCE_FACTOR to the power of size; DEVIANT_SHARE of customers",
    ),
    Plant(
        play="balance.fulfilment_lanes",
        what="Some products are ordered together more often than their popularity explains; they do not lie together in "
        "the warehouse.",
        why="Popular products meet on many orders by chance: counting pairs finds those, not the ones that belong "
        "together.",
        tables=("orders", "order_lines", "inventory", "shipments", "sites"),
        truth=("truth_structure",),
        size="AFFINITY x size, for PAIRS",
    ),
    Plant(
        play="govern.data_sharing",
        what="In some cells of product and market nearly all sales are those of one customer, though several buy there.",
        why="Counting customers in a cell says that it is safe; the partner who sees the total sees the one customer.",
        tables=("orders", "order_lines", "customers", "forecasts", "fields"),
        truth=("truth_labels",),
        size="FAVOURITE_SHARE x size, for DOMINANT_PER_1000 customers",
    ),
)
