"""What the desk's tickets say in their subject line, in the customer's language; nothing is planted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from playbook.world import phrases, wording
from playbook.world.draws import pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "service")
COMPLETES = ("tickets",)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, those of the desk with a subject line."""
    tickets, customers = tables["tickets"], tables["customers"]
    category = _position(tickets["category"], pd.Series(list(phrases.DESK["en"]), dtype="str"))
    who = _position(tickets["customer_id"], customers["customer_id"])
    own = np.flatnonzero((category >= 0) & (who >= 0))
    language = wording.language_codes(customers["language"])[who[own]]
    thing = pick(1 / np.arange(1, len(settings.preset.things) + 1), len(own), rng)
    said = wording.desk_subjects(settings.industry, language, category[own], thing, rng)
    place = np.full(len(tickets), -1)
    place[own] = np.arange(len(own))
    lines = said.take(pa.array(place, mask=place < 0))
    if "subject_text" in tickets:  # rows of others have lines of their own
        lines = pc.coalesce(pa.array(tickets["subject_text"], pa.large_string()), lines)
    return {"tickets": tickets.assign(subject_text=pd.array(lines, dtype="str"))}


def _position(values: pd.Series, among: pd.Series) -> NDArray[np.int64]:
    """Return where each text is among others; -1: nowhere. In Arrow, since there are many."""
    pair = (pa.array(texts, pa.large_string()) for texts in (values, among))
    return pc.fill_null(pc.index_in(*pair), -1).to_numpy().astype(np.int64)
