"""How customers want their parcels, and for whom the wish is honoured.

Customers of the lot "delivery wish" said how they want to be delivered to: a time of day or a packaging. For the last
`WEEKS` the wish of some is honoured: for `trials.BY_LOT` by a coin; for the others where the dispatcher finds it
easy, which is where many parcels go anyway. Planted: `UPLIFT` of each attribute on the logarithm of the rate of
buying while it is honoured. A wish that should be honoured is followed for `FOLLOWED` of the parcels, one that
should not for `BY_LUCK`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import BY_LOT, FOREVER, changes, enrolled, initiatives, members, picked
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

PLAY = "design.fulfilment_preferences"
ATTRIBUTES = ("delivery window", "packaging")
VALUES = (("morning", "afternoon", "evening"), ("reusable", "unprinted", "one parcel"))
UPLIFT = (0.40, 0.10)  # log rate, by attribute
SHARES = (0.65, 0.35)
WEEKS = 104
EASY_SHARE = 0.5
FOLLOWED, BY_LUCK = 0.93, 0.25


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, initiatives, truth_effects, _honoured, _enrolments and _rate_changes."""
    since = settings.days / 7 - WEEKS
    customer = members(tables, "delivery wish", since)
    n = len(customer)
    attribute = (rng.random(n) >= SHARES[0]).astype(np.int64)
    by_lot = rng.random(n) < BY_LOT
    honoured = rng.random(n) < 0.5
    rate = tables["truth_customers"]["rate_week"].to_numpy()[customer[~by_lot]]
    honoured[~by_lot] = picked(np.log(rate), EASY_SHARE, rng)
    size = np.array(UPLIFT)[attribute] * settings.size(PLAY)
    key = ids("FP", n, settings.block)
    made = {
        "preferences": _preferences(tables, key, customer, attribute, rng),
        "_honoured": pd.DataFrame(
            {"customer": customer, "preference_id": key, "is_honoured": honoured, "from_week": since}
        ),
        "_enrolments": enrolled(
            "IN-wish",
            customer,
            ("not honoured", "honoured"),
            honoured.astype(np.int64),
            by_lot,
            since,
            stratum=words(ATTRIBUTES, attribute),
            propensity_share=np.where(by_lot, 0.5, np.nan),
        ),
        "_rate_changes": changes(customer, since, FOREVER, np.where(honoured, size, 0.0)),
    }
    if settings.block:
        return made
    return made | {
        "initiatives": initiatives(
            settings,
            {
                "initiative_id": "IN-wish",
                "kind": "delivery as wished",
                "target_metric": "orders a week",
                "status": "running",
                "start": WEEKS,
            },
        ),
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action="honoured",
            stratum=ATTRIBUTES,
            metric="orders a week",
            lag=0.0,
            size=np.array(UPLIFT) * settings.size(PLAY),
            unit="log rate",
        ),
    }


def _preferences(
    tables: Mapping[str, pd.DataFrame],
    key: pd.Series,
    customer: NDArray[np.int64],
    attribute: NDArray[np.int64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    pool = [value for values in VALUES for value in values]
    known = tables["customers"]["created_at"].to_numpy()[customer]
    return pd.DataFrame(
        {
            "preference_id": key,
            "customer_id": tables["customers"]["customer_id"].array.take(customer),
            "attribute": words(ATTRIBUTES, attribute),
            "value": words(pool, attribute * 3 + rng.integers(0, 3, len(customer))),
            "source": "stated",
            "confidence_share": 1.0,
            "valid_from": known,
            "recorded_at": known,
        }
    )


def followed(
    honoured: pd.DataFrame,
    customer: NDArray[np.int64],
    week: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
) -> tuple[pd.api.extensions.ExtensionArray, NDArray[np.bool_]]:
    """Return the wish that each parcel meets (empty: none is known) and whether it was followed.

    `honoured` is `_honoured`; `customer` (position, of `n`) and `week` are those of the orders.
    """
    row = np.full(n, -1)
    row[honoured["customer"]] = np.arange(len(honoured))
    which = row[customer]
    parcel = np.flatnonzero(which >= 0)
    wish = which[parcel]
    is_due = honoured["is_honoured"].to_numpy()[wish] & (
        week[parcel] >= honoured["from_week"].to_numpy()[wish]
    )
    applied = np.zeros(len(customer), dtype=bool)
    applied[parcel] = rng.random(len(parcel)) < np.where(is_due, FOLLOWED, BY_LUCK)
    return honoured["preference_id"].array.take(which, allow_fill=True), applied


PLANTS = (
    Plant(
        play=PLAY,
        what="Some customers said when or how they want to be delivered to; for some of them the wish is honoured. "
        "It changes how soon they order again, and not alike for each kind of wish.",
        why="Wishes are honoured first where it is easy, and that is where customers order often anyway.",
        tables=("orders", "shipments", "preferences", "lanes", "assignments", "costs"),
        truth=("truth_effects", "truth_parameters"),
        size="UPLIFT by attribute x size (log rate) over WEEKS",
    ),
)
