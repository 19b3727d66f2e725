"""What is known about some customers, and how two decisions about them turned out.

Planted: of two ways to act, which is cheaper depends on some attributes and not on others (`DECISIONS`). In each decision
one attribute decides most, one decides a little, one shifts the difference without ever turning it, one only says how
dear the customer is either way (it predicts best and changes nothing), one says nothing. In the years observed the way
was chosen by chance. Costs are gamma with a spread that grows with their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.fields import field_id
from playbook.world.keys import ids
from playbook.world.moments import moments
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "fields")

PLAY = "define.intimate_knowledge"
CUSTOMERS, DECISIONS_EACH = 800, 2  # at most; decisions of each kind
COST_CV = 0.2
# decision: the two ways, cost of the first, how much dearer the second is on average; then each attribute with its two
# values, the share of the first value, how much dearer the second way is per value (+ or -, times size), how much dearer
# both ways are with the second value, cost of asking one customer.
DECISIONS = {
    "time of delivery": (("morning", "afternoon"), 40.0, 2.5, (
        ("dock hours", ("early", "late"), 0.5, 11.0, 0.0, 1.5),
        ("goods lift", ("yes", "no"), 0.5, 5.0, 0.0, 2.5),
        ("site access", ("free", "gate"), 0.5, 1.0, 0.0, 0.5),
        ("building", ("new", "old"), 0.5, 0.0, 25.0, 1.0),
        ("founding day", ("spring", "autumn"), 0.5, 0.0, 0.0, 1.0),
    )),
    "first help": (("remote", "technician"), 90.0, 6.0, (
        ("reads fault codes", ("yes", "no"), 0.5, 28.0, 0.0, 4.0),
        ("own spare parts", ("yes", "no"), 0.5, 12.0, 0.0, 3.0),
        ("shift work", ("no", "yes"), 0.5, 2.5, 0.0, 1.0),
        ("machine age", ("young", "old"), 0.5, 0.0, 60.0, 2.0),
        ("newsletter", ("yes", "no"), 0.5, 0.0, 0.0, 0.5),
    )),
}  # fmt: skip

PLANTS = (
    Plant(
        play=PLAY,
        what="For some customers many things are known; how they were delivered to, and first helped, was left to chance.",
        why="What predicts the cost best need not change what should be done.",
        tables=("preferences", "decisions", "orders", "fields"),
        truth=("truth_effects",),
        size="DECISIONS: the difference per value x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, decisions, fields (with block 0) and truth_effects."""
    customers, orders = tables["customers"], tables["orders"]
    buyer = tables["_parcels"]["customer"].to_numpy()  # of each order
    chosen = rng.permutation(len(buyer))[: 4 * CUSTOMERS]
    who = np.sort(pd.unique(buyer[chosen])[: min(CUSTOMERS, settings.customers // 2)])
    size = settings.size(PLAY)
    first = {
        name: rng.random((len(who), len(row[3]))) < [a[2] for a in row[3]] for name, row in DECISIONS.items()
    }

    order = np.sort(chosen[np.isin(buyer[chosen], who)][: DECISIONS_EACH * len(who)])
    slot_who = buyer[order]
    help_who = np.repeat(who, DECISIONS_EACH)
    slot = pd.DataFrame(
        {"who": slot_who, "at": orders["ordered_at"].to_numpy()[order], "type": "order",
         "key": orders["order_id"].array.take(order)}
    )  # fmt: skip
    aid = pd.DataFrame(
        {"who": help_who, "at": moments(settings, customers, help_who, rng), "type": "customer",
         "key": customers["customer_id"].array.take(help_who)}
    )  # fmt: skip
    cases = {"time of delivery": slot, "first help": aid}
    decided = [
        _decided(name, rows, first[name][np.searchsorted(who, rows["who"])], size, rng)
        for name, rows in cases.items()
    ]
    decisions = pd.concat(decided, ignore_index=True)
    decisions["customer_id"] = customers["customer_id"].array.take(decisions.pop("who").to_numpy())
    decisions.insert(0, "decision_id", ids("DK", len(decisions), settings.block))
    return {
        "preferences": _preferences(settings, customers, who, first, rng),
        "decisions": decisions,
        **({} if settings.block else {"fields": _fields(), "truth_effects": _worth(size)}),
    }


def _decided(
    name: str, rows: pd.DataFrame, first: NDArray[np.bool_], size: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return decisions of one kind; `first`: whether each attribute has its first value, (n, attributes)."""
    ways, base, dearer, attributes = DECISIONS[name]
    second = rng.random(len(rows)) < 0.5
    sign = np.where(first, 1.0, -1.0)
    difference = dearer + size * sign @ np.array([a[3] for a in attributes])
    mean = base + ~first @ np.array([a[4] for a in attributes]) + (second - 0.5) * difference
    # Sizes above one could drive a mean below nothing.
    cost = np.maximum(mean, 0.1 * base) * rng.gamma(COST_CV**-2, COST_CV**2, len(rows))
    return pd.DataFrame(
        {
            "decision_type": name,
            "subject_type": rows["type"],
            "subject_id": rows["key"],
            "who": rows["who"],
            "outcome": words(ways, second.astype(int)),
            "decided_at": rows["at"],
            "realised_amt": -np.round(cost, 2),
        }
    )


def _preferences(
    settings: WorldSettings,
    customers: pd.DataFrame,
    who: NDArray[np.int64],
    first: dict[str, NDArray[np.bool_]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    names = [a[0] for row in DECISIONS.values() for a in row[3]]
    texts = pd.array([text for row in DECISIONS.values() for a in row[3] for text in a[1]], dtype="str")
    held = np.concatenate(list(first.values()), axis=1)
    row, attribute = np.divmod(np.arange(held.size), len(names))
    at = moments(settings, customers, who, rng)[row]
    return pd.DataFrame(
        {
            "preference_id": ids("PK", held.size, settings.block),
            "customer_id": customers["customer_id"].array.take(who[row]),
            "attribute": words(names, attribute),
            "value": texts.take(2 * attribute + ~held.ravel()),
            "source": "audit",
            "confidence_share": 1.0,
            "valid_from": at,
            "recorded_at": at,
        }
    )


def _fields() -> pd.DataFrame:
    rows = [a for row in DECISIONS.values() for a in row[3]]
    return pd.DataFrame(
        {
            "field_id": [field_id("preferences", a[0]) for a in rows],
            "system_id": "crm",
            "table_name": "preferences",
            "field_name": [a[0] for a in rows],
            "data_type": "code",
            "sensitivity": "internal",
            "purposes": "service,orders",
            "canonical_name": [a[0] for a in rows],
            "collection_amt": [a[5] for a in rows],
        }
    )


def _worth(size: float) -> pd.DataFrame:
    """Return what knowing one attribute alone saves per decision, from the difference's mean at each of its values."""
    names, strata, saved = [], [], []
    for decision, (_, _, dearer, attributes) in DECISIONS.items():
        at_mean = dearer + size * sum((2 * a[2] - 1) * a[3] for a in attributes)
        for name, _, share, effect, *_ in attributes:
            rest = at_mean - size * (2 * share - 1) * effect
            values = np.array([rest + size * effect, rest - size * effect])
            chances = np.array([share, 1 - share])
            names.append(name)
            strata.append(decision)
            saved.append(float(chances @ np.maximum(-values, 0) - max(-at_mean, 0)))
    return planted(
        "truth_effects", PLAY, action=names, stratum=strata, metric="saved by knowing it", size=saved,
        unit="money per decision",
    )  # fmt: skip
