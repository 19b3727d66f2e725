"""Variants: orders that should be handled in one of three standard ways, and more and more are not.

Planted for `balance.process_deviation`:

- From a drawn week on, the share of cases that deviate rises from `USUAL` by `RISE` x size (within `RAMP` weeks; weeks
  differ by more than chance: beta, while a play may fit a binomial step). `truth_shifts` has the date.
- A campaign some months before multiplies the number of cases, and so the number of deviating ones, not their share.
- Credit and stock are checked in either order, and express orders need neither: comparing with the most frequent
  way calls standard cases deviating.
- One kind of deviation ("part shipped ahead") makes cases faster and is worth adopting, the others make them slower:
  `truth_effects`, in log hours, x size. `truth_labels` names the kind of each deviating case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.handoffs import steady_cases
from playbook.world.domains.processes import step_ids, step_parties
from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "balance.process_deviation"

CASES_WEEK = 10
CAMPAIGN = (70, 50, 4.0)  # weeks before the end: from, to; times as many cases
WEEKS_LEFT = (24, 36)  # the share rises at a week drawn from these
USUAL, RISE, RAMP = 0.08, 0.20, 2
OVERDISPERSION = 60.0  # precision of the beta: a binomial of as many cases
HOURS = 30.0
# steps in order (positions in the process), share within standard or deviating cases, effect on log hours
STANDARD = (((0, 1, 2, 3, 4, 5), 0.50, 0.0), ((0, 2, 1, 3, 4, 5), 0.30, 0.0), ((0, 3, 4, 5), 0.20, 0.0))
DEVIATING = (
    ("check skipped", (0, 2, 3, 4, 5), 0.15, 0.0),
    ("packed again", (0, 1, 2, 3, 4, 4, 5), 0.20, 0.30),
    ("personal card", (0, 1, 2, 3, 6, 4, 5), 0.30, 0.35),
    ("part shipped ahead", (0, 2, 1, 7, 3, 4, 5), 0.35, -0.45),
)

PLANTS = (
    Plant(
        play=PLAY,
        what="Orders that were handled in one of the standard ways, or not. The share that was not changes once; "
        "the number of orders changes at another time.",
        why="Counts follow volume, and the most frequent way is not the only one that the standard allows.",
        tables=("touchpoints", "process_steps"),
        truth=("truth_shifts", "truth_effects", "truth_labels"),
        size="RISE and the effects in DEVIATING x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return touchpoints and truth_shifts, truth_effects and truth_labels."""
    size = settings.size(PLAY)
    since = int(rng.integers(*WEEKS_LEFT))
    weeks_left = _weeks_left(settings, rng)
    n = len(weeks_left)
    customer_id, _ = steady_cases(settings, tables, n, 0, rng)
    starts = np.subtract(
        np.datetime64(settings.end, "us"), (weeks_left * 604_800e6).astype("timedelta64[us]")
    )

    weeks = np.arange(settings.days // 7 + 2)
    share = USUAL + min(RISE * size, 0.8) * np.clip((since - weeks) / RAMP, 0, 1)
    share = rng.beta(share * OVERDISPERSION, (1 - share) * OVERDISPERSION)
    deviates = rng.random(n) < share[np.floor(weeks_left).astype(int)]
    ways: list[tuple[int, ...]] = [*(way for way, *_ in STANDARD), *(way for _, way, *_ in DEVIATING)]
    kind = np.where(
        deviates,
        len(STANDARD) + rng.choice(len(DEVIATING), n, p=[d[2] for d in DEVIATING]),
        rng.choice(len(STANDARD), n, p=[s[1] for s in STANDARD]),
    )
    slower = np.array([s[2] for s in STANDARD] + [d[3] for d in DEVIATING]) * size
    hours = HOURS * np.exp(slower[kind]) * rng.lognormal(0, 0.35, n)
    return {
        "touchpoints": _touchpoints(settings, customer_id, starts, kind, ways, hours),
        **_truth(settings, since, kind),
    }


def _weeks_left(settings: WorldSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how many weeks before the end each case starts, the oldest first; more during the campaign."""
    longest = settings.days / 7
    week = np.arange(1, int(longest))  # the last week of the history has no whole case
    since, until, times = CAMPAIGN
    expected = CASES_WEEK * np.where((week <= since) & (week > until), times, 1.0)
    count = rng.poisson(expected)
    return np.sort(np.repeat(week, count) + rng.random(count.sum()))[::-1]


def _touchpoints(
    settings: WorldSettings,
    customer_id: pd.api.extensions.ExtensionArray,
    starts: NDArray[np.datetime64],
    kind: NDArray[np.int64],
    ways: list[tuple[int, ...]],
    hours: NDArray[np.float64],
) -> pd.DataFrame:
    """Return the steps of each case, evenly spread over its hours."""
    n = len(kind)
    length = np.array([len(way) for way in ways])
    of = np.repeat(np.arange(n), length[kind])
    nth = np.arange(len(of)) - np.repeat(np.cumsum(length[kind]) - length[kind], length[kind])
    padded = np.array([[*way, *[0] * (length.max() - len(way))] for way in ways])
    step = padded[kind[of], nth]
    apart = hours[of] / length[kind[of]] * 3600e6
    started = starts[of] + (nth * apart).astype("timedelta64[us]")
    ended = starts[of] + ((nth + 0.6) * apart).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "touchpoint_id": ids("TV", len(of), settings.block),
            "case_id": ids("CV", n, settings.block).array.take(of),
            "customer_id": customer_id.take(of),
            "step_id": words(step_ids("order handling"), step),
            "party": step_parties("order handling", step),
            "started_at": started,
            "ended_at": ended,
            "recorded_at": ended,
        }
    )


def _truth(settings: WorldSettings, since: int, kind: NDArray[np.int64]) -> dict[str, pd.DataFrame]:
    size = settings.size(PLAY)
    names = [d[0] for d in DEVIATING]
    odd = np.flatnonzero(kind >= len(STANDARD))
    labels = planted(
        "truth_labels",
        PLAY,
        table="touchpoints.case_id",
        key=ids("CV", len(kind), settings.block).array.take(odd),
        label="deviates",
        value=words(names, kind[odd] - len(STANDARD)),
    )
    effects = planted(
        "truth_effects",
        PLAY,
        action=names,
        stratum=local("all", settings.block),
        metric="hours from received to shipped",
        size=[d[3] * size for d in DEVIATING],
        unit="log",
    )
    at = settings.end - pd.Timedelta(weeks=since)
    happened = [0] if size > 0 else []
    shifts = planted(
        "truth_shifts",
        PLAY,
        subject=[local("order handling", settings.block) for _ in happened],
        metric="share of deviating cases",
        kind="step",
        start_at=[at for _ in happened],
        end_at=[at + pd.Timedelta(weeks=RAMP) for _ in happened],
        size=[RISE * size for _ in happened],
    )
    return {"truth_labels": labels, "truth_effects": effects, "truth_shifts": shifts}
