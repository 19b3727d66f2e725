"""Local protocols of the service desks, tried against the standard (`define.standardize_or_localize`).

Over `TRIAL_WEEKS` each desk works a week by its local protocol or by the standard, by lot. Before that, desks that were
good anyway had chosen their own. Desks differ in level (`DESK_SD`; `BUSY_DESK` for some: hard customers, whatever the
protocol), and for a few of them the local protocol lowers repeat contacts (`HELPED`). A few customers with many requests
do better with it at any desk (`CUSTOMER_HELPED`, instead of what the desk gains). Gains are in two lumps, not normal as
partial pooling has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import desks
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")

TRIAL_WEEKS = 104  # the last of the history
CHOSEN_WEEKS = 26  # before the trial
HELPED_SHARE, LEVEL_SHARE = 0.25, 0.25  # of desks
HELPED = -0.11  # change of the chance of a repeat contact
BUSY_DESK = 0.09
DESK_SD = 0.02
OFTEN = 200  # the customers with the most requests ...
CUSTOMER_SHARE = 0.15  # ... of whom this share does better
CUSTOMER_HELPED = -0.14
VARIANT_AMT_YEAR = 1_500.0  # to keep one desk's protocol apart
REPEAT_AMT = 14.0  # cost of a repeat contact

PLANTS = (
    Plant(
        play="define.standardize_or_localize",
        what="Each service desk works some weeks by its own protocol and some by the standard, by lot. For some desks and "
        "a few customers the local one is better; other desks are only different.",
        why="That desks differ does not say that their protocols should. The desks that had kept their own were the good "
        "ones to begin with, and the best of many noisy gains is mostly noise.",
        tables=("tickets", "units", "assignments", "customers"),
        truth=("truth_effects", "truth_labels", "truth_parameters"),
        size="HELPED x size at HELPED_SHARE of desks; BUSY_DESK x size in level at LEVEL_SHARE; CUSTOMER_HELPED x size at "
        "CUSTOMER_SHARE of the OFTEN most frequent customers",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return initiatives, assignments, truth and _repeat_changes."""
    names = [key for key, _ in desks(settings)]
    kind = _kinds(len(names), rng)
    size = settings.size("define.standardize_or_localize")
    level = DESK_SD * rng.normal(0, 1, len(names)) + size * BUSY_DESK * (kind == 1)
    weeks = settings.days // 7
    first = weeks - TRIAL_WEEKS
    local = rng.random((weeks, len(names))) < 0.5
    local[:first] = level < np.median(level)
    local[: max(first - CHOSEN_WEEKS, 0)] = False
    cases = tables["_cases"]
    who, desk = cases["customer"].to_numpy(), cases["desk"].to_numpy()
    week = np.minimum((cases["opened_min"].to_numpy() // 10_080).astype(np.int64), weeks - 1)
    does_better = _customers(cases, len(tables["customers"]), rng)
    gain = size * np.minimum(HELPED * (kind == 0)[desk], CUSTOMER_HELPED * does_better[who])
    change = level[desk] + np.where(local[week, desk], gain, 0.0)
    return {
        "initiatives": pd.DataFrame(
            {
                "initiative_id": ids("LP", 1, settings.block),
                "kind": "local protocol",
                "target_metric": "repeat contact",
                "starts_on": settings.start + pd.Timedelta(weeks=max(first - CHOSEN_WEEKS, 0)),
                "planned_cost_amt": VARIANT_AMT_YEAR,
            }
        ),
        "assignments": _assignments(settings, names, local, first),
        "_repeat_changes": pd.DataFrame({"case": np.arange(len(cases)), "change": change}),
        **_truth(settings, tables, names, kind, does_better),
    }


def _kinds(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return what each desk is: 0 helped by its own protocol, 1 different in level only, 2 neither."""
    order = rng.permutation(n)
    helped, level = round(n * HELPED_SHARE), round(n * LEVEL_SHARE)
    kind = np.full(n, 2)
    kind[order[:helped]] = 0
    kind[order[helped : helped + level]] = 1
    return kind


def _customers(cases: pd.DataFrame, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which customers do better with a local protocol."""
    requests = np.bincount(cases["customer"], minlength=n)
    often = np.argsort(-requests, kind="stable")[: min(OFTEN, n // 10)]
    better = np.zeros(n, dtype=bool)
    better[often[rng.random(len(often)) < CUSTOMER_SHARE]] = True
    return better


def _assignments(
    settings: WorldSettings, names: list[str], local: NDArray[np.bool_], first: int
) -> pd.DataFrame:
    """Return one row per desk and week from the first chosen week on."""
    begin = max(first - CHOSEN_WEEKS, 0)
    week, desk = np.divmod(np.arange((len(local) - begin) * len(names)), len(names))
    week += begin
    starts = settings.start + pd.to_timedelta(week * 7, unit="D")
    is_local, by_lot = local[week, desk], week >= first
    return pd.DataFrame(
        {
            "assignment_id": ids("LPA", len(week), settings.block),
            "initiative_id": ids("LP", 1, settings.block)[0],
            "subject_type": "unit",
            "subject_id": words(names, desk),
            "arm": np.where(is_local, "local", "standard"),
            "design": np.where(by_lot, "random", "chosen"),
            "propensity_share": np.where(by_lot, 0.5, np.nan),
            "starts_at": starts,
            "ends_at": starts + pd.Timedelta(days=7),
        }
    )


def _truth(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    names: list[str],
    kind: NDArray[np.int64],
    does_better: NDArray[np.bool_],
) -> dict[str, pd.DataFrame]:
    play = "define.standardize_or_localize"
    size = settings.size(play)
    labels = np.array(["local protocol helps", "differs in level", "no difference"], dtype=object)[kind]
    better = tables["customers"]["customer_id"].array.take(np.flatnonzero(does_better))
    effects = planted(
        "truth_effects",
        play,
        action="local protocol",
        stratum=[*names, *better],
        metric="repeat contact",
        size=[*np.where(kind == 0, HELPED * size, 0.0), *np.full(len(better), CUSTOMER_HELPED * size)],
        unit="share",
    )
    parameters = planted(
        "truth_parameters",
        play,
        name=["variant_amt_year", "repeat_contact_amt"],
        value=[VARIANT_AMT_YEAR, REPEAT_AMT],
        unit=["money/year", "money"],
    )
    return {
        "truth_effects": effects,
        "truth_labels": planted("truth_labels", play, table="units", key=names, label=labels),
        **({} if settings.block else {"truth_parameters": parameters}),
    }
