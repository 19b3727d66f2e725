"""What customers said about when they receive goods, what each later order showed, and what they really want.

Planted: wishes change, at a rate a year that differs between customers (a gamma around `CHANGES_YEAR`, times size), while
the file says what was said first. Each contact shows what is wanted, rightly as often as `SEEN` says for its source;
whoever wrote it down was always sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import known_for
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "design.preference_learning"
ATTRIBUTE = "receiving hours"
WINDOWS = ("07-10", "10-13", "13-16", "16-19")
CUSTOMERS, CONTACTS = 900, 10  # at most; contacts a customer, at most
CHANGES_YEAR, CHANGES_SHAPE = 0.35, 2.0
SOURCES = {"delivery": 0.5, "contact": 0.3, "survey": 0.2}
SEEN = {"stated": 0.97, "delivery": 0.90, "contact": 0.72, "survey": 0.85}  # share of the time it is right
SURE = 0.95  # what those who wrote it down said
YEAR = np.timedelta64(365, "D") / np.timedelta64(1, "us")

PLANTS = (
    Plant(
        play=PLAY,
        what="Customers said when they want deliveries; later contacts show what they want by then, more or less reliably.",
        why="What was once said stays on file with the confidence of that day.",
        tables=("preferences", "orders"),
        truth=("truth_shifts", "truth_values", "truth_parameters"),
        size="CHANGES_YEAR x size; SEEN per source",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, truth_shifts, truth_values and truth_parameters."""
    customers, orders = tables["customers"], tables["orders"]
    since, until = known_for(settings, customers)
    buyer, placed, order = _contacts(orders, tables["_parcels"]["customer"].to_numpy(), len(customers), rng)
    who = np.unique(buyer)
    n, of = len(who), np.searchsorted(who, buyer)
    begin, end = since[who].astype(np.int64), until[who].astype(np.int64)

    changes = _changes(begin, end, settings.size(PLAY), rng)
    at = np.concatenate([begin, placed.astype(np.int64)])
    of = np.concatenate([np.arange(n), of])
    source = np.concatenate(
        [np.zeros(n, dtype=np.int64), 1 + rng.choice(3, len(buyer), p=list(SOURCES.values()))]
    )
    true = _wanted(changes, of, at)
    right = rng.random(len(of)) < np.array(list(SEEN.values()))[source]
    seen = np.where(right, true, (true + rng.integers(1, len(WINDOWS), len(of))) % len(WINDOWS))
    later = changes[changes["of"].duplicated()]
    windows, key = pd.array(WINDOWS, dtype="str"), customers["customer_id"].array
    moment = at.astype("datetime64[us]")
    rows = pd.DataFrame(
        {
            "preference_id": ids("PW", len(of), settings.block),
            "customer_id": key.take(who[of]),
            "attribute": ATTRIBUTE,
            "value": windows.take(seen),
            "source": words(list(SEEN), source),
            "confidence_share": SURE,
            "evidence_type": pd.array(["orders", None], dtype="str").take(np.where(source > 0, 0, -1)),
            "evidence_id": pd.array([None] * n + order.tolist(), dtype="str"),
            "valid_from": moment,
            "recorded_at": moment,
        }
    )
    return {
        "preferences": rows,
        "truth_shifts": planted(
            "truth_shifts", PLAY, subject=key.take(who[later["of"]]), metric=ATTRIBUTE, kind="step",
            start_at=later["at"].to_numpy().astype("datetime64[us]"), size=1.0,
        ),
        "truth_values": planted(
            "truth_values", PLAY, table="customers", key=key.take(who), field=ATTRIBUTE,
            value=windows.take(_wanted(changes, np.arange(n), end)),
        ),
        **({} if settings.block else {"truth_parameters": _parameters(settings)}),
    }  # fmt: skip


def _contacts(
    orders: pd.DataFrame, buyer: NDArray[np.int64], people: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.datetime64], pd.api.extensions.ExtensionArray]:
    """Return who was in contact, when, and the order it was about: some orders of some customers; `buyer`: of each order."""
    some = np.zeros(people, dtype=bool)
    some[rng.permutation(np.unique(buyer))[: min(CUSTOMERS, people // 2)]] = True
    rows = np.flatnonzero(some[buyer])
    # By chance, at most so many per customer.
    rows = rows[np.lexsort([rng.random(len(rows)), buyer[rows]])]
    rank = np.arange(len(rows)) - np.searchsorted(buyer[rows], buyer[rows])
    rows = np.sort(rows[rank < CONTACTS])
    at = orders["ordered_at"].to_numpy()[rows]
    order = np.lexsort([at, buyer[rows]])
    return buyer[rows][order], at[order], orders["order_id"].array.take(rows[order])


def _changes(
    begin: NDArray[np.int64], end: NDArray[np.int64], size: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the changes of each customer's wish, in order: of (position), at (us), value after it; the first row of
    each customer is the wish at the beginning and no change.
    """
    n, years = len(begin), (end - begin) / YEAR
    rate = CHANGES_YEAR * size * rng.gamma(CHANGES_SHAPE, 1 / CHANGES_SHAPE, n)
    count = 1 + rng.poisson(rate * years)
    of = np.repeat(np.arange(n), count)
    share = rng.random(len(of))
    first = np.cumsum(count) - count
    share[first] = 0.0
    share = np.sort(of + share) - of
    at = begin[of] + (share * (end - begin)[of]).astype(np.int64)
    step = rng.integers(1, len(WINDOWS), len(of))
    step[first] = rng.integers(0, len(WINDOWS), n)
    total = np.cumsum(step)
    value = (total - np.repeat(total[first] - step[first], count)) % len(WINDOWS)
    changes = pd.DataFrame({"of": of, "at": at, "value": value})
    return changes if size > 0 else changes.iloc[first]


def _wanted(changes: pd.DataFrame, of: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what customers `of` want at moments `at`, (n,)."""
    start = changes["at"].min()
    packed = changes["of"].to_numpy().astype(float) * 1e17 + (changes["at"].to_numpy() - start)
    place = np.searchsorted(packed, of * 1e17 + (at - start), side="right") - 1
    return changes["value"].to_numpy()[place]


def _parameters(settings: WorldSettings) -> pd.DataFrame:
    return planted(
        "truth_parameters", PLAY, name=["changes a year", *(f"{source} is right" for source in SEEN)],
        value=[CHANGES_YEAR * settings.size(PLAY), *SEEN.values()], unit=["1/year", *["share"] * len(SEEN)],
    )  # fmt: skip
