"""Targets of four teams in each market, and what each figure was, month by month.

Every quarter each team's target for each figure is drawn to be easy, usual or strict (`kpi_targets`, with
what was reached). A strict target moves the team's own figure by `OWN`. Planted, times the play's size:
`CONFLICTS`, in which the strict target of one team worsens a figure of another (log, one step stricter).
Besides, volume moves some figures of different teams together (`ON_VOLUME`, of any size): they correlate
and do not collide. Volume and noise carry over from month to month, while a play may fit months as if they
were independent.

`truth_effects` has who hurts whom and by how much, `truth_structure` the pairs that only go together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)

PLAY = "govern.shared_kpis"
# figure, team, unit, which way is better, usual value
FIGURES = (
    ("handle time", "service agent", "min", "down", 9.0),
    ("solved at first contact", "service agent", "share", "up", 0.62),
    ("promised delivery time", "account manager", "d", "down", 5.0),
    ("sales", "account manager", "money/month", "up", 90_000.0),
    ("lines picked an hour", "picker", "lines/h", "up", 60.0),
    ("picking errors", "picker", "share", "down", 0.012),
    ("stock", "planner", "d", "down", 32.0),
    ("lines filled from stock", "planner", "share", "up", 0.93),
)
OWN = 0.05  # log: a strict target moves its own figure, one step
# the target of this figure, when one step stricter, worsens that figure of another team, by so much (log)
CONFLICTS = ((2, 7, 0.07), (4, 1, 0.08), (6, 3, 0.07))
ON_VOLUME = {0: 0.9, 2: 0.6, 3: 0.5, 4: 0.9}  # figure: log for one log point of volume
VOLUME_SD, VOLUME_CARRIES = 0.10, 0.6
NOISE_SD, NOISE_CARRIES = 0.05, 0.3
STEP = 0.08  # between easy, usual and strict, of the usual value

PLANTS = (
    Plant(
        play=PLAY,
        what="Four teams a market have targets that were drawn anew each quarter; each figure was measured "
        "every month.",
        why="Figures that move together need not be in each other's way, and targets that are need not "
        "show in any correlation.",
        tables=("kpi_targets", "units"),
        truth=("truth_effects", "truth_structure"),
        size="CONFLICTS x size; ON_VOLUME always",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return kpi_targets, truth_effects and truth_structure."""
    size = settings.size(PLAY)
    units = tables["units"]
    teams = units[(units["kind"] == "team") & units["function"].isin([figure[1] for figure in FIGURES])]
    markets = teams["region_id"].drop_duplicates().tolist()
    months = pd.date_range(
        settings.start.normalize().replace(day=1), periods=settings.months, freq="MS"
    ).as_unit("us")
    r, f, t = len(markets), len(FIGURES), len(months)
    strict = rng.integers(-1, 2, (r, f, -(-t // 3)))[:, :, np.arange(t) // 3].astype(float)
    better = np.array([1.0 if figure[3] == "up" else -1.0 for figure in FIGURES])
    log = OWN * strict * better[:, None]
    for strict_one, hurt, worse in CONFLICTS:
        log[:, hurt] -= worse * size * better[hurt] * strict[:, strict_one]
    volume = _carried(VOLUME_SD, VOLUME_CARRIES, (r, t), rng)
    for moved, load in ON_VOLUME.items():
        log[:, moved] += load * volume
    log += _carried(NOISE_SD, NOISE_CARRIES, (r, f, t), rng)
    usual = np.array([figure[4] for figure in FIGURES])[:, None]
    actual = usual * np.exp(log)
    target = usual * (1 + STEP * strict * better[:, None])
    of = teams.set_index(["region_id", "function"])["unit_id"]
    unit = [of[market, figure[1]] for market in markets for figure in FIGURES]
    cell, month = np.divmod(np.arange(r * f * t), t)
    figure = cell % f

    def named(column: int) -> pd.api.extensions.ExtensionArray:
        return words([str(row[column]) for row in FIGURES], figure)

    pairs = [(a, b) for a in ON_VOLUME for b in ON_VOLUME if a < b and FIGURES[a][1] != FIGURES[b][1]]
    return {
        "kpi_targets": pd.DataFrame(
            {
                "target_id": ids("TGT", len(cell), settings.block),
                "unit_id": words(unit, cell),
                "role": named(1),
                "kpi_code": named(0),
                "direction": named(3),
                "target": np.round(target.ravel(), 4),
                "target_unit": named(2),
                "actual": np.round(actual.ravel(), 5),
                "pay_basis": "team",
                "valid_from": months.take(month).to_numpy().clip(np.datetime64(settings.start, "us")),
                "valid_to": (months + pd.offsets.MonthBegin(1)).as_unit("us").take(month),
            }
        ),
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action=[f"stricter target: {FIGURES[a][0]}" for a, _, _ in CONFLICTS],
            stratum="all",
            metric=[FIGURES[b][0] for _, b, _ in CONFLICTS],
            size=[-worse * size * better[b] for _, b, worse in CONFLICTS],
            unit="log per step",
        ),
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind="goes with volume, no conflict",
            source=[FIGURES[a][0] for a, _ in pairs],
            target=[FIGURES[b][0] for _, b in pairs],
        ),
    }


def _carried(
    sd: float, carries: float, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return noise over time (last axis) of which a share carries over from month to month."""
    fresh = rng.normal(0, sd * np.sqrt(1 - carries**2), shape)
    fresh[..., 0] /= np.sqrt(1 - carries**2)
    for month in range(1, shape[-1]):
        fresh[..., month] += carries * fresh[..., month - 1]
    return fresh
