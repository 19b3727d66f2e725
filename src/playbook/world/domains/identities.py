"""Who can be told from the others in test data, and behaviour that test data should keep.

Planted: whether a customer helps themselves online depends on birth year and preferred channel together (each alone says
nothing), by `LOG_ODDS`. Birth year, gender and postcode are those of the customers; who stands out by them is what a
release must hide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.moments import moments
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "govern.anonymization"
ATTRIBUTE = "helps themselves"
CUSTOMERS = 2500  # at most
LOG_ODDS = 1.6  # above and below even, times size

PLANTS = (
    Plant(
        play=PLAY,
        what="Customers differ in birth year, gender and postcode, and in whether they help themselves online.",
        why="Test data that look right column by column need not behave right, and a token alone hides nobody.",
        tables=("customers", "preferences"),
        truth=("truth_parameters", "truth_outcomes"),
        size="LOG_ODDS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, truth_parameters and truth_outcomes."""
    customers = tables["customers"]
    who = np.sort(rng.permutation(len(customers))[:CUSTOMERS])
    year = customers["birth_year"].to_numpy()
    young = year[who] > np.median(year)
    written = (customers["preferred_channel"] != "phone").to_numpy()[who]
    # Weights that balance how many are young among those who write, so that neither says anything alone.
    alike = young == written
    log_odds = LOG_ODDS * settings.size(PLAY) * np.where(alike, 1.0, -1.0)
    for group in (young, ~young):
        for value in (written, ~written):
            cell = group & value
            balance = max((group & ~value).sum(), 1) / max(cell.sum(), 1)
            log_odds[cell] *= min(1.0, balance)
    chance = logistic(log_odds)
    yes = rng.random(len(who)) < chance
    at = moments(settings, customers, who, rng)
    key = customers["customer_id"].array.take(who)
    return {
        "preferences": pd.DataFrame(
            {
                "preference_id": ids("PH", len(who), settings.block),
                "customer_id": key,
                "attribute": ATTRIBUTE,
                "value": words(["no", "yes"], yes.astype(int)),
                "source": "contact",
                "confidence_share": 1.0,
                "valid_from": at,
                "recorded_at": at,
            }
        ),
        "truth_outcomes": planted(
            "truth_outcomes", PLAY, subject=key, metric="chance of helping themselves", value=chance
        ),
        **({} if settings.block else {"truth_parameters": planted(
            "truth_parameters", PLAY, name=["log odds"], value=[LOG_ODDS * settings.size(PLAY)], unit="log"
        )}),
    }  # fmt: skip
