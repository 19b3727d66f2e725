"""How work is meant to go: the steps of each process, who does them and what may follow.

The cases that went through them are made by `journeys`, `handoffs`, `variants` and `episodes`; nothing is planted
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()
ONCE = True

# process -> (name, party, role, minutes, numbers of the steps that may follow; none: an end, or no part of the standard)
PROCESSES: dict[str, tuple[tuple[str, str, str, float, tuple[int, ...]], ...]] = {
    "plan year": (
        ("sign-up", "customer", "", 10.0, (2, 3, 4, 5, 6, 7, 8, 9)),
        ("welcome call", "us", "service agent", 15.0, (3, 4, 5, 6, 7, 8, 9)),
        ("site visit", "us", "account manager", 90.0, (4, 5, 6, 7, 8, 9)),
        ("counter visit", "customer", "", 20.0, (5, 6, 7, 8, 9)),
        ("portal training", "customer", "", 40.0, (6, 7, 8, 9)),
        ("newsletter", "us", "marketing", 1.0, (7, 8, 9)),
        ("payment reminder", "us", "finance", 2.0, (8, 9)),
        ("review meeting", "us", "account manager", 60.0, (9,)),
        ("renewal", "customer", "", 5.0, ()),
    ),
    "installation": (
        ("order entered", "us", "sales", 20.0, (2,)),
        ("site data sent", "customer", "", 60.0, (3,)),
        ("design checked", "us", "engineering", 120.0, (4,)),
        ("parts picked", "us", "warehouse", 30.0, (5,)),
        ("goods carried", "partner", "carrier", 240.0, (6,)),
        ("site prepared", "customer", "", 480.0, (7,)),
        ("installed", "us", "field", 240.0, (8,)),
        ("invoiced", "us", "finance", 10.0, ()),
    ),
    "order handling": (
        ("received", "us", "sales", 5.0, (2, 3, 4)),
        ("credit checked", "us", "finance", 30.0, (3, 4)),
        ("stock checked", "us", "warehouse", 20.0, (2, 4)),
        ("picked", "us", "warehouse", 40.0, (5,)),
        ("packed", "us", "warehouse", 30.0, (6,)),
        ("shipped", "us", "warehouse", 15.0, ()),
        ("personal card written", "us", "sales", 25.0, ()),
        ("part shipped ahead", "us", "warehouse", 10.0, ()),
    ),
    "episode": (
        ("asked", "customer", "", 0.0, (2,)),
        ("handled", "us", "service agent", 180.0, (3, 4)),
        ("partner worked", "partner", "technician", 240.0, (4,)),
        ("confirmed", "customer", "", 0.0, ()),
    ),
    "change of a configuration": (
        ("requested", "us", "account manager", 30.0, (2,)),
        ("approved by the customer", "customer", "", 60.0, (3,)),
        ("approved by the backend owner", "us", "backend owner", 60.0, (4, 5)),
        ("live", "us", "operations", 15.0, (5,)),
        ("rejected or rolled back", "us", "operations", 15.0, ()),
    ),
}


def step_ids(process: str) -> list[str]:
    """Return the keys of a process's steps, in order.

    Examples
    --------
    >>> step_ids("episode")
    ['episode:asked', 'episode:handled', 'episode:partner worked', 'episode:confirmed']
    """
    return [f"{process}:{step[0]}" for step in PROCESSES[process]]


def step_names(process: str, codes: NDArray[np.int64]) -> pd.api.extensions.ExtensionArray:
    """Return the names of the steps of a process at the positions `codes`."""
    return words([step[0] for step in PROCESSES[process]], codes)


def step_parties(process: str, codes: NDArray[np.int64]) -> pd.api.extensions.ExtensionArray:
    """Return who does the steps of a process at the positions `codes`."""
    return words([step[1] for step in PROCESSES[process]], codes)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return process_steps."""
    rows = []
    for process, steps in PROCESSES.items():
        keys = step_ids(process)
        actor_before = None
        for i, (name, party, role, minutes, following) in enumerate(steps):
            rows.append(
                {
                    "step_id": keys[i],
                    "process": process,
                    "seq_no": float(i + 1),
                    "name": name,
                    "party": party,
                    "role": role or None,
                    "next_step_ids": ";".join(keys[k - 1] for k in following) or None,
                    "standard_min": minutes,
                    "is_handoff": actor_before not in (None, (party, role)),
                }
            )
            actor_before = (party, role)
    return {"process_steps": pd.DataFrame(rows)}
