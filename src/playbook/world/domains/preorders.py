"""Orders placed before an item is there: some become binding, some never do.

Planted for balance.expedite: each of `ITEMS` products has its own share of pre-orders that convert, between the ends of
`CONVERSION` in log-odds (spread scaled by size; 0: all alike). Conversion takes weeks (gamma), so that young pre-orders
have not converted yet, whatever will become of them; single pre-orders differ in log-odds by `OWN_SD`, so that counts are
not binomial. For each item a replenishment is on its way, with a quotation for rushing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic
from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders", "supply", "warehouses", "returns")

PLAY = "balance.expedite"
ITEMS = 12
FIRST_ITEM = 46  # place in the order of popularity
PER_CUSTOMER = 0.3
CONVERSION = 0.6, 1.3  # mean log-odds, and how far the items at the ends are from it
OWN_SD = 0.6
DECIDES_D = (2.0, 12.0)  # gamma: shape and scale of the days until it becomes binding
YOUNG_SHARE = 0.3
YOUNG_D, OLDEST_D = 35, 300
ROOM_D = 120  # pre-orders of former launches are older than this
STANDARD_D = 42  # until the replenishment arrives
COVER = 0.4  # of what is pre-ordered now, by the replenishment


def conversion(settings: WorldSettings) -> np.ndarray:
    """Return the mean log-odds of conversion of each item, (items,)."""
    place = np.arange(ITEMS) * 5 % ITEMS  # neighbours differ
    return CONVERSION[0] + settings.size(PLAY) * CONVERSION[1] * (2 * place / (ITEMS - 1) - 1)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return orders of kind preorder with their order_lines, supply_orders, truth_parameters and truth_labels."""
    products = tables["products"].iloc[FIRST_ITEM : FIRST_ITEM + ITEMS].reset_index(drop=True)
    n = max(360, int(settings.customers * PER_CUSTOMER))
    who = _customers(settings, tables, n, rng)
    item = rng.integers(0, len(products), n)
    young = rng.random(n) < YOUNG_SHARE
    age_d = np.where(young, rng.uniform(0.2, YOUNG_D, n), rng.uniform(ROOM_D, OLDEST_D, n))
    placed = np.datetime64(settings.end, "us") - (age_d * 86_400e6).astype("timedelta64[us]")
    converts = rng.random(n) < logistic(conversion(settings)[item] + rng.normal(0, OWN_SD, n))
    takes_d = rng.gamma(*DECIDES_D, n)
    seen = converts & (takes_d < age_d)
    converted = np.where(seen, placed + (takes_d * 86_400e6).astype("timedelta64[us]"), np.datetime64("NaT"))
    day = np.timedelta64(86_400_000_000, "us")
    orders = pd.DataFrame(
        {
            "order_id": ids("PO", n, settings.block),
            "customer_id": tables["customers"]["customer_id"].array.take(who),
            "kind": "preorder",
            "channel": "web",
            "ordered_at": placed,
            "status": words(("open", "shipped"), (seen & ~young).astype(np.int64)),
            "requested_at": placed + 60 * day,
            "converted_at": converted,
        }
    )
    qty = 1 + rng.poisson(2.0, n)
    order_lines = pd.DataFrame(
        {
            "order_id": orders["order_id"],
            "line_no": 1,
            "product_id": products["product_id"].array.take(item),
            "qty_ordered": qty,
            "unit_price_amt": products["price_amt"].to_numpy()[item],
            "unit_cost_amt": products["unit_cost_amt"].to_numpy()[item],
        }
    )
    wanted = np.bincount(item, qty * young, len(products))
    undecided = young & ~seen
    labels = planted(
        "truth_labels",
        PLAY,
        table="orders",
        key=orders["order_id"].array[undecided],
        label="will convert",
        value=words(("no", "yes"), converts[undecided].astype(np.int64)),
    )
    made = {
        "orders": orders,
        "order_lines": order_lines,
        "supply_orders": _on_its_way(settings, products, wanted, rng),
        "truth_labels": labels,
    }
    return made if settings.block else made | {"truth_parameters": _truth(settings, products)}


def _customers(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], n: int, rng: np.random.Generator
) -> np.ndarray:
    """Return who pre-orders (position): customers who were there all the time and have not left."""
    customers = tables["customers"]
    old = customers["created_at"] < settings.end - pd.Timedelta(days=OLDEST_D + 1)
    pool = np.flatnonzero(old & customers["closed_at"].isna() & tables["truth_purchases"]["active"])
    return pool[rng.integers(0, len(pool), n)]


def _on_its_way(
    settings: WorldSettings, products: pd.DataFrame, wanted: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    n = len(products)
    placed = settings.end - pd.to_timedelta(rng.integers(2, 12, n), unit="D").as_unit("us")
    return pd.DataFrame(
        {
            "supply_order_id": ids("BP", n, settings.block),
            "product_id": products["product_id"],
            "to_site_id": local("central", settings.block),
            "placed_at": placed,
            "due_at": placed + pd.Timedelta(days=STANDARD_D),
            "qty": np.maximum(1, np.ceil(COVER * wanted)).astype(np.int64),
            "kind": "purchase",
            "supplier_unit_id": products["supplier_unit_id"],
            "extra_amt": np.round(products["setup_amt"].to_numpy() * rng.uniform(0.6, 2.0, n), 2),
        }
    )


def _truth(settings: WorldSettings, products: pd.DataFrame) -> pd.DataFrame:
    """Return the share of pre-orders that convert, by product: the mean over the log-odds of single ones."""
    node, weight = np.polynomial.hermite_e.hermegauss(31)
    odds = conversion(settings)[: len(products), None] + OWN_SD * node
    return planted(
        "truth_parameters",
        PLAY,
        name="conversion of pre-orders, " + products["product_id"],
        value=logistic(odds) @ weight / weight.sum(),
        unit="share",
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Customers pre-order items before they are there. How many of the pre-orders become binding differs from item "
        "to item, and takes weeks. A replenishment of each is on its way, with a quotation for rushing it.",
        why="Not every pre-order is a sale, and those of the last weeks have had no time to become one.",
        tables=("orders", "order_lines", "supply_orders", "products"),
        truth=("truth_parameters", "truth_labels"),
        size="CONVERSION spread x size",
    ),
)
