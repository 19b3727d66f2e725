"""Orders that wait for a date, and less stock than they ask for.

Planted for balance.order_promising: customers who are with the company now have asked for `ITEMS` much-valued products
within the last days; stock and deliveries on their way cover 1 - `SHORT` (scaled by size) of it (size 0: everything, at
once). Some accounts hold a contract that obliges the company to deliver what they ask for when they ask for it
(`contract_terms`, metric `METRIC`). A broken date costs a part of what the customer would be worth: `LOST` times their
sensitivity to lateness. What each is worth is latent (`truth_outcomes`): a play has to estimate it from what was bought,
and those who ask first are not those who are worth most. `qty_allocated` is what first come, first served has set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local, position
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders", "supply", "warehouses", "returns", "contracts")

PLAY = "balance.order_promising"
PER_CUSTOMER = 0.025
ITEMS = 6
SHORT = 0.40
ON_HAND = 0.35  # of the cover; the rest arrives on two days
ARRIVES_D = (8, 19)
WANTED_D = (3, 28)
ASKED_D = 4
LOST = 0.30
OBLIGED = 0.5  # of the contracts of those who ask, at most
KEEPABLE = 0.6  # of what there is
METRIC = "delivery on the requested date"
PENALTY_SHARE = 0.02  # of the annual fee
YEAR_WEEKS = 52


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return open orders and order_lines, inventory, supply_orders, contract_terms and truth_outcomes."""
    products = tables["products"]
    stock = tables["inventory"]
    central = stock["site_id"] == local("central", settings.block)
    items = rng.choice(
        np.sort(stock.loc[central, "product_id"].unique().astype(object)), ITEMS, replace=False
    )
    who = _customers(settings, tables, rng)
    n = len(who)
    asked = (
        np.datetime64(settings.end, "us")
        - np.sort((rng.uniform(0, ASKED_D, n) * 86_400e6).astype("timedelta64[us]"))[::-1]
    )
    wanted = np.datetime64(settings.end, "us") + rng.integers(*WANTED_D, n).astype("timedelta64[D]")
    item = rng.integers(0, ITEMS, n)
    qty = 1 + rng.poisson(4.0, n)
    total = np.bincount(item, qty, ITEMS)
    size = settings.size(PLAY)
    cover = np.maximum(np.ceil(total * max(1 - SHORT * size, 0.1)), 1)
    on_hand = np.ceil(cover * (1 - min(size, 1.0) * (1 - ON_HAND)))

    place = position(items, products["product_id"])
    orders = pd.DataFrame(
        {
            "order_id": ids("PR", n, settings.block),
            "customer_id": tables["customers"]["customer_id"].array.take(who),
            "kind": "order",
            "channel": "web",
            "ordered_at": asked,
            "status": "open",
            "requested_at": wanted,
        }
    )
    before = pd.Series(qty).groupby(item).cumsum().to_numpy() - qty
    order_lines = pd.DataFrame(
        {
            "order_id": orders["order_id"],
            "line_no": 1,
            "product_id": items[item],
            "qty_ordered": qty,
            "unit_price_amt": products["price_amt"].to_numpy()[place][item],
            "unit_cost_amt": products["unit_cost_amt"].to_numpy()[place][item],
            "qty_allocated": np.clip(cover[item] - before, 0, qty).astype(float),
        }
    )
    return {
        "orders": orders,
        "order_lines": order_lines,
        **_stock(settings, items, on_hand, cover, total),
        "contract_terms": _obligations(
            settings, tables, who, pd.DataFrame({"item": item, "qty": qty}), cover, rng
        ),
        "truth_outcomes": _truth(settings, tables, who),
    }


def _customers(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return who asks (position), each once: of those who still buy, the frequent ones more often."""
    customers, latent = tables["customers"], tables["truth_purchases"]
    here = (
        latent["active"]
        & customers["closed_at"].isna()
        & (customers["created_at"] < settings.end - pd.Timedelta("90D"))
    )
    chance = np.where(here, latent["rate_week"], 0.0)
    n = min(max(40, round(PER_CUSTOMER * len(customers))), int((chance > 0).sum()))
    return rng.choice(len(customers), n, replace=False, p=chance / chance.sum())


def _stock(
    settings: WorldSettings,
    items: NDArray[np.object_],
    on_hand: NDArray[np.float64],
    cover: NDArray[np.float64],
    total: NDArray[np.integer],
) -> dict[str, pd.DataFrame]:
    """Return this Monday's count of each item at the central warehouse, and what is on its way."""
    site = local("central", settings.block)
    last = settings.end - pd.Timedelta("1s")
    monday = (last.normalize() - pd.Timedelta(days=last.weekday())).as_unit("us")
    coming = cover - on_hand
    inventory = pd.DataFrame(
        {
            "site_id": site,
            "product_id": items,
            "week_on": monday,
            "on_hand": on_hand.astype(np.int64),
            "sold_qty": 0,
            "stockout_h": 0.0,
            "demand_qty": total,
            "on_order": coming,
        }
    )
    first = np.ceil(coming / 2)
    qty = np.concatenate([first, coming - first])
    supply_orders = pd.DataFrame(
        {
            "product_id": np.tile(items, 2),
            "to_site_id": site,
            "placed_at": settings.end - pd.Timedelta(days=10),
            "due_at": settings.end + pd.to_timedelta(np.repeat(ARRIVES_D, len(items)), unit="D"),
            "qty": qty.astype(np.int64),
            "kind": "purchase",
        }
    )
    supply_orders = supply_orders[supply_orders["qty"] > 0].reset_index(drop=True)
    supply_orders["supply_order_id"] = ids("BW", len(supply_orders), settings.block)
    return {"inventory": inventory, "supply_orders": supply_orders}


def _obligations(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    who: NDArray[np.int64],
    asked: pd.DataFrame,
    cover: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the terms that oblige the company, in a part of the running contracts of those who ask.

    `asked` holds item and qty of each. No item is promised beyond `KEEPABLE` of its cover: all can be kept.
    """
    contracts = tables["contracts"]
    account = tables["customers"]["account_id"].iloc[who].to_numpy()
    running = contracts[
        ~contracts["renewed"].astype(bool)
        & (contracts["ends_on"] > settings.end)
        & (contracts["starts_on"] <= settings.end)
        & contracts["party_id"].isin(account)
    ]
    obliged = running.iloc[rng.permutation(len(running))[: round(OBLIGED * len(running))]]
    turn = position(account, obliged["party_id"].unique())
    lines = asked.assign(turn=turn)[turn >= 0].sort_values("turn", kind="stable")
    promised = lines.groupby("item")["qty"].cumsum()
    too_many = lines.loc[promised > KEEPABLE * cover[lines["item"]], "turn"].unique()
    obliged = obliged[~obliged["party_id"].isin(obliged["party_id"].unique()[too_many])]
    return pd.DataFrame(
        {
            "term_id": ids("TP", len(obliged), settings.block),
            "contract_id": obliged["contract_id"].array,
            "metric": METRIC,
            "target": 1.0,
            "target_unit": "share",
            "percentile": 1.0,
            "penalty_amt": np.round(PENALTY_SHARE * obliged["annual_fee_amt"].to_numpy(), 2),
            "valid_from": obliged["starts_on"].array,
            "valid_to": obliged["ends_on"].array,
        }
    )


def _truth(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], who: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the margin each is expected to bring in the next year, with the date kept and broken."""
    latent, products = tables["truth_purchases"].iloc[who], tables["products"]
    margin = 1 - (products["unit_cost_amt"] / products["price_amt"]).mean()
    leaves = latent["dropout_week"].to_numpy()
    stays = -np.expm1(-leaves * YEAR_WEEKS) / leaves
    kept = latent["rate_week"].to_numpy() * latent["spend_amt"].to_numpy() * margin * stays
    sensitivity = tables["truth_customers"]["late_sensitivity"].to_numpy()[who]
    broken = kept * (1 - np.minimum(LOST * settings.size(PLAY) * sensitivity, 0.9))
    return planted(
        "truth_outcomes",
        PLAY,
        subject=np.tile(latent["customer_id"].to_numpy(), 2),
        arm=np.repeat(["date kept", "date broken"], len(who)),
        metric="margin of the next year",
        value=np.concatenate([kept, broken]),
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="More is asked for than stock and deliveries cover. Some contracts oblige the company to the requested date. "
        "Customers differ in what they will bring, and in what a broken date does to it.",
        why="Who asks first is served first, whatever they are worth and whatever was signed.",
        tables=(
            "orders",
            "order_lines",
            "inventory",
            "supply_orders",
            "contracts",
            "contract_terms",
            "customers",
        ),
        truth=("truth_outcomes",),
        size="SHORT, LOST x size",
    ),
)
