"""What customers of a pilot want, unit by unit, and which of the pilot's components other units use.

Planted: of `ATTRIBUTES`, a common core has the same usual value in all units; of the others each unit has its own. The
pilot ran in the first units, which copied their own ways into a template. Components are shared by nearly all units, forked
by those that use them, or local to a few; some uses were never declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.blocks import stream
from playbook.world.keys import ids
from playbook.world.moments import moments
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "organisation")

PLAY = "sustain.preference_templates"
ATTRIBUTES = ("greeting", "order confirmation", "delivery note", "reminder", "price display", "returns label",
              "status messages", "invoice layout", "support hours", "catalogue")  # fmt: skip
CORE = 6  # of them, times size
VALUES = ("standard", "short", "detailed", "none")
USUAL = 0.80  # share of a unit's customers who want its usual value
UNITS, PILOT, CUSTOMERS = 9, 3, 540  # at most
# Components of each kind: how many, share of the units that use one, share of uses that were made their own.
COMPONENTS = {"shared": (5, 0.90, 0.06), "forked": (4, 0.85, 0.75), "local": (4, 0.15, 0.50)}
EVEN = (0.50, 0.35)  # what the shares are where size is nothing
UNDECLARED = 0.15

PLANTS = (
    Plant(
        play=PLAY,
        what="A pilot collected in a few units what customers want, and built components; other units have begun to copy.",
        why="What one unit always does may be its own way, and what many use they may have rebuilt.",
        tables=("preferences", "dependencies", "units"),
        truth=("truth_labels",),
        size="CORE x size of ATTRIBUTES; COMPONENTS towards EVEN without size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, dependencies and truth_labels."""
    size = settings.size(PLAY)
    units = tables["units"]["unit_id"].astype("str").array
    own = np.flatnonzero(tables["units"]["unit_id"].isin(tables["staff"]["unit_id"].unique()))
    chosen = np.sort(rng.permutation(own)[:UNITS])
    rows, core = _preferences(settings, tables["customers"], units.take(chosen), size, rng)
    uses, kinds = _dependencies(settings, units.take(own), size, rng)
    labels = [planted("truth_labels", PLAY, table="preferences", key=list(ATTRIBUTES),
                      label=["core" if held else "local" for held in core])]  # fmt: skip
    if size > 0:
        labels.append(
            planted("truth_labels", PLAY, table="dependencies", key=list(kinds), label=list(kinds.values()))
        )
    once = pd.concat(labels, ignore_index=True)
    return {"preferences": rows, "dependencies": uses, **({} if settings.block else {"truth_labels": once})}


def _preferences(
    settings: WorldSettings,
    customers: pd.DataFrame,
    units: pd.api.extensions.ExtensionArray,
    size: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return what customers of each unit want, and which attributes are of the common core."""
    company = stream(settings.seed, "templates, core")  # the company's: the same in every block
    core = company.permutation(len(ATTRIBUTES)) < min(round(CORE * size), len(ATTRIBUTES))
    common = company.integers(0, len(VALUES), len(ATTRIBUTES))
    usual = np.where(core, common, rng.integers(0, len(VALUES), (len(units), len(ATTRIBUTES))))
    who = np.sort(rng.permutation(len(customers))[: min(CUSTOMERS, len(customers) // 2)])
    unit = rng.integers(0, len(units), len(who))
    row, attribute = np.divmod(np.arange(len(who) * len(ATTRIBUTES)), len(ATTRIBUTES))
    follows = rng.random(len(row)) < USUAL
    of = unit[row]
    other = 1 + rng.integers(0, len(VALUES) - 1, len(row))
    value = (usual[of, attribute] + np.where(follows, 0, other)) % len(VALUES)
    at = moments(settings, customers, who, rng)[row]
    template = np.where((of < PILOT) & follows, of, -1)
    return pd.DataFrame(
        {
            "preference_id": ids("PT", len(row), settings.block),
            "customer_id": customers["customer_id"].array.take(who[row]),
            "attribute": words(ATTRIBUTES, attribute),
            "value": words(VALUES, value),
            "source": "stated",
            "template_id": pd.array([*("TPL-" + str(unit) for unit in units), None], dtype="str").take(template),
            "unit_id": units.take(of),
            "valid_from": at,
            "recorded_at": at,
        }
    ), core  # fmt: skip


def _dependencies(
    settings: WorldSettings, units: pd.api.extensions.ExtensionArray, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return which unit uses which component, and each component's kind."""
    planned: list[str] = []
    use, rebuilt = [], []
    for kind, (count, users, own) in COMPONENTS.items():
        planned += [kind] * count
        use += [EVEN[0] + (users - EVEN[0]) * min(size, 1.0)] * count
        rebuilt += [EVEN[1] + (own - EVEN[1]) * min(size, 1.0)] * count
    # Which number a component has says nothing about its kind.
    order = stream(settings.seed, "templates, components").permutation(len(planned))
    names = [f"component {k:02d}" for k in range(1, len(planned) + 1)]
    kinds = {name: planned[k] for name, k in zip(names, order, strict=True)}
    used = rng.random((len(names), len(units))) < np.array(use)[order][:, None]
    part, unit = np.nonzero(used)
    return pd.DataFrame(
        {
            "dependency_id": ids("DP", len(part), settings.block),
            "from_type": "component",
            "from_id": words(names, part),
            "to_type": "unit",
            "to_id": units.take(unit),
            "kind": "uses",
            "owner_party": "company",
            "is_bespoke": rng.random(len(part)) < np.array(rebuilt)[order][part],
            "is_declared": rng.random(len(part)) >= UNDECLARED,
        }
    ), kinds
