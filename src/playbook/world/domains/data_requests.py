"""Requests to change data, done by a central team or by a market's own.

Planted for `unify.ownership_topology`: how long a request takes grows with its effort, and depends on who does it
(`FEDERATED`, log of days, times the size): a market's own team is slower in most data domains, because it must agree
with the others, and faster in one, whose requests touch one market only (`LOCAL`). In `BY_LOT` of the requests the team
was drawn, in the others it was chosen, and small ones went to the markets. `approvals_json` says who did it, how it was
assigned and which markets' data it needs: what must leave a market that requires residency follows from it.
Durations are lognormal with a day that nobody works now and then, while the play scores means.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAY = "unify.ownership_topology"
FEDERATED = {
    "customer identity": 0.40,
    "orders": 0.35,
    "consents": 0.45,
    "service notes": 0.30,
    "device data": -0.60,
}
LOCAL = {"device data": 0.95}
LOCAL_ELSEWHERE = 0.35
REQUESTS = 150  # of each domain
BY_LOT = 0.3
LEAD_LOG_D, LEAD_ON_EFFORT, LEAD_LOG_SD = 1.5, 0.6, 0.5
SMALL_GO_LOCAL = 1.6  # log-odds of a market's team per unit of log effort less
HOLIDAY = 0.05  # of requests wait a further week

PLANTS = (
    Plant(
        play=PLAY,
        what="Requests to change data were done by the centre or by markets' own teams, some by lot, most by choice. "
        "Which markets' data each needs is written on it. One data domain differs from the others.",
        why="Small requests were given to the markets, so their teams look fast everywhere.",
        tables=("changes", "regions"),
        truth=("truth_effects", "truth_structure"),
        size="FEDERATED x size; LOCAL",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes and their truth."""
    size = settings.size(PLAY)
    domains, regions = list(FEDERATED), tables["regions"]["region_id"].to_numpy()
    n = REQUESTS * len(domains)
    domain = np.arange(n) % len(domains)
    effort = np.exp(rng.normal(1.6, 0.8, n))
    lot = rng.random(n) < BY_LOT
    chance = np.where(lot, 0.5, 1 / (1 + np.exp(SMALL_GO_LOCAL * (np.log(effort) - 1.6))))
    federated = rng.random(n) < chance
    effect = np.array(list(FEDERATED.values()))[domain] * size
    days = np.exp(
        LEAD_LOG_D
        + LEAD_ON_EFFORT * np.log(effort)
        + np.where(federated, effect, 0.0)
        + rng.normal(0, LEAD_LOG_SD, n)
    )
    days += 7 * (rng.random(n) < HOLIDAY)
    home = rng.integers(0, len(regions), n)
    local = np.array([LOCAL.get(name, LOCAL_ELSEWHERE) for name in domains])[domain]
    needs = rng.random((n, len(regions))) < 0.4
    needs[rng.random(n) < local] = False
    needs[np.arange(n), home] = True
    asked = np.sort(rng.random(n)) * (settings.days - 30)
    requested = pd.Series(settings.start + pd.to_timedelta(np.round(asked * 86_400), unit="s"))
    deployed = requested + pd.to_timedelta(np.round(days * 86_400), unit="s")
    done = deployed < settings.end
    approvals = [
        json.dumps(
            {
                "done_by": "market" if own else "centre",
                "assigned": "by lot" if drawn else "by choice",
                "needs_data_of": regions[row].tolist(),
            }
        )
        for own, drawn, row in zip(federated, lot, needs, strict=True)
    ]
    changes = pd.DataFrame(
        {
            "change_id": ids("YC", n),
            "kind": "data request",
            "subject_type": "data domain",
            "subject_id": np.array(domains)[domain],
            "requested_at": requested.astype("datetime64[us]"),
            "approvals_json": approvals,
            "deployed_at": deployed.where(done).astype("datetime64[us]"),
            "effort_points": np.round(effort, 1).clip(0.1),
            "status": np.where(done, "live", "approved"),
            "description": "change of "
            + pd.Series(np.array(domains)[domain])
            + " for "
            + pd.Series(regions[home]),
        }
    )
    return {
        "changes": changes,
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action="done by the market's own team",
            stratum=domains,
            metric="lead time",
            lag=0.0,
            size=[value * size for value in FEDERATED.values()],
            unit="log days",
        ),
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind="faster topology",
            source=domains if size > 0 else [],
            target=["market" if value < 0 else "centre" for value in FEDERATED.values()] if size > 0 else [],
        ),
    }
