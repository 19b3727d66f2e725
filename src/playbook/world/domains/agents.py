"""Agents of one's own, given to customers in waves, and last year's recovery programme that did nothing.

Planted on the logarithm of the rate of buying:

- A dedicated agent, since one of `WAVES` weeks before the end. What it does grows by `GROWTH` (by wave) every quarter,
  in steps: the longer one knows the customer, the more. For `trials.BY_LOT` of the customers the wave is a lot
  (`NEVER` of them get none); the others were served in the order in which they buy.
- A recovery programme: customers whose orders had fallen by `DIP` for the `DIP_WEEKS` before were enrolled at the lowest
  point, and got up again, as those did who were not enrolled. The programme has no effect at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import BY_LOT, changes, enrolled, initiatives, members
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "programmes")

WAVES = (104, 78, 52)  # weeks before the end
GROWTH = (0.10, 0.06, 0.02)  # log rate for each quarter begun since, by wave: the first had the best agents
NEVER = 0.4
QUARTER = 13
PLAY = "measure.control_groups"

RECOVERY_WEEKS = 70  # before the end; about a year, and a peak, ago
DIP = -1.0
DIP_WEEKS = 13
ENROLLED = 0.6  # of those who dipped


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, truth_effects, _enrolments and _rate_changes."""
    agents, growth = _waves(settings, tables, rng)
    recovery, dip = _recovery(settings, tables, rng)
    made = {
        "_enrolments": pd.concat([agents, recovery], ignore_index=True),
        "_rate_changes": pd.concat([growth, dip], ignore_index=True),
    }
    return (
        made
        if settings.block
        else made | {"initiatives": _initiatives(settings), "truth_effects": _truth(settings)}
    )


def _waves(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who has an agent since when, and how their rate grows from quarter to quarter."""
    end = settings.days / 7
    customer = members(tables, "dedicated agent", end - WAVES[0])
    by_lot = rng.random(len(customer)) < BY_LOT
    shares = np.cumsum([*[(1 - NEVER) / len(WAVES)] * len(WAVES), NEVER])
    place = rng.random(len(customer))
    rate = tables["truth_customers"]["rate_week"].to_numpy()[customer[~by_lot]]
    seen = np.log(rate) + rng.normal(0, 0.7, len(rate))
    place[~by_lot] = (np.argsort(np.argsort(-seen)) + 0.5) / max(len(rate), 1)
    wave = np.searchsorted(shares[:-1], place, side="right")
    since = end - np.array([*WAVES, WAVES[0]])[wave]
    who = enrolled(
        "IN-agent",
        customer,
        ("none", "dedicated agent"),
        (wave < len(WAVES)).astype(np.int64),
        by_lot,
        since,
        cluster_id=words([f"wave {k + 1}" for k in range(len(WAVES))] + ["never"], wave),
        sequence_no=np.where(wave < len(WAVES), wave + 1.0, np.nan),
    )
    treated = np.flatnonzero(wave < len(WAVES))
    quarters = np.array(WAVES)[wave[treated]] // QUARTER
    row = np.repeat(treated, quarters)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(quarters) - quarters, quarters)
    size = np.array(GROWTH)[wave[row]] * settings.size(PLAY)
    return who, changes(customer[row], since[row] + QUARTER * nth, end, size)


def _recovery(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who was in the recovery programme, and the dip that all of them had before."""
    since = settings.days / 7 - RECOVERY_WEEKS
    customer = members(tables, "recovery", since - DIP_WEEKS)
    arm = (rng.random(len(customer)) < ENROLLED).astype(np.int64)
    who = enrolled("IN-recovery", customer, ("not enrolled", "recovery"), arm, False, since)
    dip: NDArray[np.float64] = np.full(len(customer), DIP * settings.size(PLAY))
    return who, changes(customer, since - DIP_WEEKS, since, dip)


def _initiatives(settings: WorldSettings) -> pd.DataFrame:
    return initiatives(
        settings,
        {
            "initiative_id": "IN-agent",
            "kind": "dedicated agent",
            "target_metric": "orders a week",
            "status": "running",
            "start": WAVES[0],
        },
        {
            "initiative_id": "IN-recovery",
            "kind": "recovery of lapsing customers",
            "target_metric": "orders a week",
            "status": "done",
            "start": RECOVERY_WEEKS,
            "end": RECOVERY_WEEKS - 26,
        },
    )


def _truth(settings: WorldSettings) -> pd.DataFrame:
    cells = [
        (f"wave {k + 1}", QUARTER * q, GROWTH[k] * (q + 1) * settings.size(PLAY))
        for k, weeks in enumerate(WAVES)
        for q in range(weeks // QUARTER)
    ]
    wave, lag, size = zip(*cells, strict=True)
    agents = planted(
        "truth_effects",
        PLAY,
        action="dedicated agent",
        stratum=wave,
        metric="orders a week",
        lag=lag,
        size=size,
        unit="log rate",
    )
    recovery = planted(
        "truth_effects",
        PLAY,
        action=["recovery"],
        stratum="all",
        metric="orders a week",
        lag=0.0,
        size=0.0,
        unit="log rate",
    )
    return pd.concat([agents, recovery], ignore_index=True)


PLANTS = (
    Plant(
        play=PLAY,
        what="Customers were given an agent of their own in waves, by lot or in the order in which they buy; what the "
        "agent does changes with the time since, not alike in all waves. A year ago a recovery programme took in "
        "customers whose orders had fallen.",
        why="The regression with an effect for each customer and each period compares late waves with early ones that "
        "are still growing; and orders that had fallen rise again without anyone's help.",
        tables=("initiatives", "assignments", "orders", "tickets"),
        truth=("truth_effects",),
        size="GROWTH by wave x size (log rate a quarter); DIP before a recovery of no effect",
    ),
)
