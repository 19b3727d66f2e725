"""Modules: parts of the service that belong together, and the rules by which requests are configured.

Planted for `balance.service_modules`:

- Twenty-four components (`process_steps`, process "service design") exchange work (`dependencies`, kind "exchanges"; the
  strength is `volume_mb_d`, lognormal). Most exchanges are inside four modules that cut across the functions of
  the organisation chart; two components serve all (a bus). `truth_structure` "module". Without effect exchanges
  are spread evenly.
- A decision table (`rules`, ruleset "service configuration") with contradictions: two rules of one priority, valid
  now, that hold for the same request and say different things ("contradiction"), none of them with the same condition.
  Others only look like it: they agree, or one has precedence, or is no longer valid. Some kinds of request
  (`changes`, kind "customisation request", attributes in `description`) have no rule: `truth_labels` "no rule".
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.settings import TIERS
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)  # so that it is made with block 0 only, and never again for others
ONCE = True
PLAY = "balance.service_modules"

FUNCTIONS = ("sales", "service", "logistics", "finance")
MODULES, COMPONENTS, BUSES = 4, 24, 2
INSIDE, ACROSS, EVENLY = 0.80, 0.03, 0.20  # chance of an exchange between two components
STRENGTH_LOG_SD = 0.5

FAMILIES = ("delivery", "packaging", "documents", "invoicing", "spare parts", "training")
URGENCIES = ("week", "two days", "today")
ROUTES = ("depot", "field team", "partner", "back office")
CONTRADICTIONS, LOOKALIKES, GAPS = 6, 5, 2
REQUESTS = 400

PLANTS = (
    Plant(
        play=PLAY,
        what="Components of the service with their exchanges, a decision table for requests, and requests.",
        why="Modules follow exchanges and not the organisation chart; rules contradict each other where their "
        "conditions overlap and not only where they are the same.",
        tables=("process_steps", "dependencies", "rules", "changes"),
        truth=("truth_structure", "truth_labels"),
        size="INSIDE and ACROSS from EVENLY; CONTRADICTIONS and GAPS only where size > 0",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return process_steps, dependencies, rules, changes, truth_structure and truth_labels."""
    size = settings.size(PLAY)
    steps, exchanges, modules = _design(size, rng)
    rules, contradictions, gaps = _rules(settings, size, rng)
    requests, uncovered = _requests(settings, gaps, rng)
    return {
        "process_steps": steps,
        "dependencies": exchanges,
        "rules": rules,
        "changes": requests,
        "truth_structure": pd.concat([modules, contradictions], ignore_index=True),
        "truth_labels": uncovered,
    }


def _design(size: float, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the components, their exchanges, and the module of each."""
    n = COMPONENTS
    module = rng.permutation(np.arange(n) % MODULES)
    function = rng.permutation(np.arange(n) % len(FUNCTIONS))
    bus = np.arange(n) < BUSES
    key = np.array([f"service design:{k + 1:02d}" for k in range(n)])
    inside, across = (min(EVENLY * (share / EVENLY) ** size, 0.95) for share in (INSIDE, ACROSS))
    chance = np.where(module[:, None] == module, inside, across)
    chance[bus, :] = chance[:, bus] = 0.8
    first, second = np.nonzero(np.triu(rng.random((n, n)) < chance, k=1))
    steps = pd.DataFrame(
        {
            "step_id": key,
            "process": "service design",
            "name": [f"component {k + 1}" for k in range(n)],
            "party": "us",
            "role": np.array(FUNCTIONS)[function],
            "component_id": key,
        }
    )
    exchanges = pd.DataFrame(
        {
            "dependency_id": ids("DM", len(first)),
            "from_type": "process_step",
            "from_id": key[first],
            "to_type": "process_step",
            "to_id": key[second],
            "kind": "exchanges",
            "owner_party": "ours",
            "is_declared": True,
            "volume_mb_d": np.round(rng.lognormal(1.0, STRENGTH_LOG_SD, len(first)), 2),
        }
    )
    label = np.where(bus, "serves all", [f"module {m + 1}" for m in module])
    truth = planted("truth_structure", PLAY, kind="module", source=key, target=label)
    return steps, exchanges, truth if size > 0 else truth.iloc[:0]


def _rules(
    settings: WorldSettings, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, set[tuple[str, str]]]:
    """Return the decision table, its contradictions, and the cells (family, urgency) without a rule.

    Each cell has one rule for all tiers; rules that are added hold for one tier of a cell, so that each added one
    meets exactly one other.
    """
    cells = list(product(FAMILIES, URGENCIES))
    order = [cells[k] for k in rng.permutation(len(cells))]
    some = size > 0
    gaps = set(order[: GAPS * some])
    odd, alike = (
        order[GAPS : GAPS + CONTRADICTIONS * some],
        order[GAPS + CONTRADICTIONS : GAPS + CONTRADICTIONS + LOOKALIKES],
    )
    route = {cell: int(rng.integers(len(ROUTES))) for cell in cells}
    rows: list[dict[str, Any]] = []

    def add(
        cell: tuple[str, str], to: int, tier: str | None = None, priority: int = 2, until: int | None = None
    ) -> str:
        condition: dict[str, Any] = {"family": cell[0], "urgency": cell[1]}
        rule_id = f"RC{len(rows) + 1:03d}"
        rows.append(
            {
                "rule_id": rule_id,
                "ruleset": "service configuration",
                "jurisdiction": "any",
                "priority": priority,
                "condition_json": json.dumps(condition | ({"tier": tier} if tier else {})),
                "outcome_json": json.dumps({"route": ROUTES[to % len(ROUTES)]}),
                "owner_role": FUNCTIONS[len(rows) % len(FUNCTIONS)],
                "valid_from": settings.start,
                "valid_to": pd.NaT if until is None else settings.end - pd.Timedelta(days=until),
            }
        )
        return rule_id

    of_cell = {cell: add(cell, route[cell]) for cell in cells if cell not in gaps}
    pairs = [(of_cell[cell], add(cell, route[cell] + 1, tier=TIERS[k % 3])) for k, cell in enumerate(odd)]
    for k, cell in enumerate(alike):  # agree; precedence; no longer valid
        kind = k % 3
        add(
            cell,
            route[cell] + (kind > 0),
            tier=TIERS[k % 3],
            priority=1 if kind == 1 else 2,
            until=90 if kind == 2 else None,
        )
    rules = pd.DataFrame(rows)
    rules["valid_to"] = rules["valid_to"].astype("datetime64[us]")
    contradictions = planted(
        "truth_structure",
        PLAY,
        kind=["contradiction" for _ in pairs],
        source=[a for a, _ in pairs],
        target=[b for _, b in pairs],
    )
    return rules, contradictions, gaps


def _requests(
    settings: WorldSettings, gaps: set[tuple[str, str]], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return requests of customers, and which of them no rule covers."""
    n = REQUESTS
    family, urgency = rng.integers(0, len(FAMILIES), n), rng.integers(0, len(URGENCIES), n)
    tier = rng.choice(TIERS, n, p=settings.tiers)
    at = settings.start + pd.to_timedelta(np.sort(rng.random(n)) * settings.days, unit="D")
    key = ids("CHM", n)
    requests = pd.DataFrame(
        {
            "change_id": key,
            "kind": "customisation request",
            "requested_at": at,
            "status": "requested",
            "description": [
                json.dumps({"family": FAMILIES[f], "urgency": URGENCIES[u], "tier": t})
                for f, u, t in zip(family, urgency, tier, strict=True)
            ],
        }
    )
    missing = np.array([(FAMILIES[f], URGENCIES[u]) in gaps for f, u in zip(family, urgency, strict=True)])
    labels = planted("truth_labels", PLAY, table="changes", key=key.array[missing], label="no rule")
    return requests, labels
