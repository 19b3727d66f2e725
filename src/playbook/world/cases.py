"""Actions on the cases of the service desk: what all domains that try something on cases record alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import at_minute
from playbook.world.texts import repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings


def case_actions(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], prefix: str, rows: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the columns that are alike for all actions on cases (positions): key, subject, customer, agent, time."""
    cases = tables["_cases"].iloc[rows]
    return pd.DataFrame(
        {
            "action_id": ids(prefix, len(rows), settings.block),
            "subject_type": repeated("ticket", len(rows)),
            "subject_id": tables["tickets"]["ticket_id"].array.take(cases["ticket"].to_numpy()),
            "customer_id": tables["customers"]["customer_id"].array.take(cases["customer"].to_numpy()),
            "staff_id": tables["staff"]["staff_id"].array.take(cases["agent"].to_numpy(), allow_fill=True),
            "acted_at": at_minute(settings, cases["opened_min"].to_numpy() + cases["wait_min"].to_numpy()),
        }
    )
