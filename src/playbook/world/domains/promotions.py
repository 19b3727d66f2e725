"""Promotions to accounts: what they add, what they only bring forward, and those that are proposed next.

The company makes its `MAKES` most popular products itself. Past promotions (`PAST`, `LASTS` weeks each) offered two of them
to accounts: every second one to a random half of a sample of accounts, the others to accounts that sales picked for
how much they buy. Planted, on the logarithm of the rate of buying of an account's customers: `UPLIFT` while it
lasts, and `DIP` for `DIP_WEEKS` after, for part of it was bought in advance. Who comes for the promotion buys the
rest too: all products rise alike.

Proposed ones lie after the end of the history. Marketing plans with `PLANNED`; two of them meet, see `works`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.trials import changes, picked
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "programmes")

PLAY = "balance.promotion_plan"
MAKES = 6
PAST = 8
FIRST_WEEK, EVERY = 104, 12  # weeks before the end of the first one; weeks between
LASTS = 3
ELIGIBLE = 0.55  # of accounts are ever offered promotions
SAMPLE = 0.4  # of them are in a test, half of which get the promotion; as many are picked by sales
UPLIFT = 0.55
DIP, DIP_WEEKS = -0.35, 4
PLANNED = 0.30  # rise in volume
PROPOSED = (1, 4, 5, 10)  # first week after the end of the history


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return truth_effects, _promoted (who was in which promotion or its control group) and _rate_changes."""
    past = _past(settings, tables, rng)
    made = {"_promoted": past, "_rate_changes": _effects(settings, tables, past[past["is_promoted"]])}
    return made if settings.block else made | {"truth_effects": _truth(settings)}


def _past(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return who was in which past promotion: promotion, account (positions), is_promoted, by_lot, from_week."""
    accounts, account = tables["accounts"], tables["_lots"]["account"].to_numpy()
    buys = np.bincount(account, tables["truth_customers"]["rate_week"], len(accounts))
    eligible = np.flatnonzero(rng.random(len(accounts)) < ELIGIBLE)
    parts = []
    for k in range(PAST):
        is_test = k % 2 == 0
        if is_test:
            who = eligible[rng.random(len(eligible)) < SAMPLE]
            arm = rng.random(len(who)) < 0.5
        else:
            who = eligible[picked(np.log(buys[eligible] + 1e-3), SAMPLE / 2, rng)]
            arm = np.ones(len(who), dtype=bool)
        parts.append(
            pd.DataFrame(
                {
                    "promotion": k,
                    "account": who,
                    "is_promoted": arm,
                    "by_lot": is_test,
                    "from_week": settings.days / 7 - FIRST_WEEK + EVERY * k,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _effects(settings: WorldSettings, tables: Mapping[str, pd.DataFrame], got: pd.DataFrame) -> pd.DataFrame:
    """Return the rise and the dip of every customer of an account with a promotion."""
    people = tables["_lots"]["account"].to_numpy()
    order, sizes = np.argsort(people, kind="stable"), np.bincount(people, minlength=len(tables["accounts"]))
    account = got["account"].to_numpy()
    times = sizes[account]
    first = np.repeat((np.cumsum(sizes) - sizes)[account], times)
    nth = np.arange(len(first)) - np.repeat(np.cumsum(times) - times, times)
    who, since = order[first + nth], np.repeat(got["from_week"].to_numpy(), times)
    size = settings.size(PLAY)
    up = changes(who, since, since + LASTS, np.full(len(who), UPLIFT * size))
    down = changes(who, since + LASTS, since + LASTS + DIP_WEEKS, np.full(len(who), DIP * size))
    return pd.concat([up, down], ignore_index=True)


def proposed_products(settings: WorldSettings, products: pd.DataFrame) -> NDArray[np.int64]:
    """Return the own product (position) of each proposed promotion: the two that meet need about as many hours."""
    popularity = 1 / np.arange(1, MAKES + 1) ** 0.8
    own = products.iloc[:MAKES]
    units = np.maximum(
        settings.preset.spend_amt / settings.preset.lines_mean / own["price_amt"].to_numpy(), 1.0
    )
    hours = popularity * units * own["run_h_per_unit"].to_numpy()
    order = np.argsort(-hours)
    alike = np.argmax(hours[order[1:4]] / hours[order[:3]])
    return order[alike + np.array([2, 0, 1, 3])]


def _truth(settings: WorldSettings) -> pd.DataFrame:
    return planted(
        "truth_effects",
        PLAY,
        action=["promotion", "after a promotion"],
        stratum="all",
        metric="orders a week",
        lag=[0.0, float(LASTS)],
        size=np.array([UPLIFT, DIP]) * settings.size(PLAY),
        unit="log rate",
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Promotions to some accounts raise what they order and are followed by a dip. Proposed promotions load "
        "a plant of limited hours; in some weeks they are too much for it.",
        why="Marketing plans with another rise than there is, sales gives promotions to accounts that buy much anyway, "
        "and a part of the rise was only brought forward.",
        tables=(
            "promotions",
            "assignments",
            "supply_orders",
            "sites",
            "inventory",
            "orders",
            "order_lines",
            "products",
        ),
        truth=("truth_effects", "truth_labels"),
        size="UPLIFT and DIP x size (log rate); works.generate sets the plant's hours between one and two promotions",
    ),
)
