"""One global policy and twelve local laws, and the flows of customer data between markets.

Each law limits each topic from below, from above, or both (ruleset "policy"); the global policy is one
value a topic. Planted, times the play's size (whole numbers): `CONTRADICTIONS`, topics on which two laws
leave no common value; `OVERRIDES`, laws that the global value breaks though a common value exists. All
other laws differ in their text and agree in what they allow.

Raw customer data flows between the systems of the markets. Flows from a market that requires residency to
another law are forbidden: `FORBIDDEN` direct ones, half of them declared as not crossing a border, and one
by way of a hub under the same law. Flows between two countries of one law, of aggregates, and from markets
without residency are allowed. `truth_structure` has contradictions, overrides and forbidden flows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAY = "govern.policy_reconciliation"
LAWS = ("UK", "EU", "US", "BR", "CH", "CA", "JP", "MX", "ZA", "IN", "AU", "SG")
# topic, unit, what most laws allow around, and the step in which they differ
TOPICS = (
    ("call recordings are kept", "d", 365, 40),
    ("order data are kept", "months", 96, 8),
    ("contact data are kept after the last order", "months", 30, 3),
    ("answer to a request for access", "d", 30, 3),
    ("notice of a breach to the authority", "h", 72, 8),
    ("age from which consent counts", "years", 16, 1),
    ("proof of consent is kept", "months", 60, 6),
    ("pause between marketing calls", "d", 60, 8),
    ("refund after a return", "d", 14, 2),
    ("warranty claims are open", "months", 24, 3),
)
CONTRADICTIONS, OVERRIDES = 3, 5
FORBIDDEN = 4
FLOWS_ALLOWED = 14
RAW, POOLED = "raw customer rows", "aggregates"

PLANTS = (
    Plant(
        play=PLAY,
        what="Twelve laws say what each of ten topics may be, a global policy says what it is, and "
        "customer data flow between the markets' systems.",
        why="Laws that differ in their words may agree, the strictest value may break another law, and a "
        "flow that is declared domestic, or goes by a hub, may leave the country.",
        tables=("rules", "regions", "systems", "dependencies"),
        truth=("truth_structure",),
        size="CONTRADICTIONS, OVERRIDES, FORBIDDEN x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, systems, dependencies and truth_structure."""
    size = settings.size(PLAY)
    rules, found = _policies(settings, size, rng)
    systems, flows, forbidden = _flows(tables["regions"], size, rng)
    found += [("forbidden flow", source, target) for source, target in forbidden]
    return {
        "rules": rules,
        "systems": systems,
        "dependencies": flows,
        "truth_structure": planted_rows("truth_structure", PLAY, ("kind", "source", "target"), found),
    }


def _policies(
    settings: WorldSettings, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Return the policy and the laws as rules, and what does not fit together."""
    middle = np.array([topic[2] for topic in TOPICS])[:, None]
    step = np.array([topic[3] for topic in TOPICS])[:, None]
    shape = (len(TOPICS), len(LAWS))
    low = middle - step * rng.integers(2, 5, shape)
    high = middle + step * rng.integers(2, 5, shape)
    bound = rng.random(shape)  # most laws set one limit only
    has_low, has_high = bound < 0.6, bound > 0.4
    found: list[tuple[str, str, str]] = []
    topics = rng.permutation(len(TOPICS))
    n_against = min(round(CONTRADICTIONS * size), len(TOPICS) // 2)
    for topic in topics[:n_against]:
        at_least, at_most = rng.permutation(len(LAWS))[:2]
        low[topic, at_least] = middle[topic, 0] + step[topic, 0]
        high[topic, at_most] = middle[topic, 0] - step[topic, 0]
        has_low[topic, at_least], has_high[topic, at_least] = True, False
        has_high[topic, at_most], has_low[topic, at_most] = True, False
        pair = "|".join(sorted((LAWS[at_least], LAWS[at_most])))
        name = TOPICS[topic][0]
        found += [("contradiction", name, pair)]
        found += [("override", name, LAWS[law]) for law in (at_least, at_most)]
    free = topics[n_against:]
    for k in range(min(round(OVERRIDES * size), len(free))):
        topic, law = free[k], int(rng.integers(len(LAWS)))
        low[topic, law] = middle[topic, 0] + step[topic, 0]
        has_low[topic, law], has_high[topic, law] = True, False
        found += [("override", TOPICS[topic][0], LAWS[law])]
    rows = [("any", topic, {"value": int(middle[topic, 0])}) for topic in range(len(TOPICS))]
    for topic in range(len(TOPICS)):
        for law in range(len(LAWS)):
            limits = {"at_least": int(low[topic, law])} if has_low[topic, law] else {}
            limits |= {"at_most": int(high[topic, law])} if has_high[topic, law] else {}
            rows.append((LAWS[law], topic, limits))
    return pd.DataFrame(
        {
            "rule_id": ids("LLR", len(rows)),
            "ruleset": "policy",
            "jurisdiction": [row[0] for row in rows],
            "priority": [2 if row[0] == "any" else 1 for row in rows],
            "condition_json": [json.dumps({"topic": TOPICS[row[1]][0]}) for row in rows],
            "outcome_json": [json.dumps(row[2] | {"unit": TOPICS[row[1]][1]}) for row in rows],
            "owner_role": ["head of policy" if row[0] == "any" else "legal counsel" for row in rows],
            "valid_from": settings.start,
        }
    ), found


def _flows(
    regions: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str]]]:
    """Return each market's store, analytics and the hubs, the flows between them, and the forbidden ones."""
    kinds = ("customer store", "market analytics", "backup hub")
    here = regions.loc[np.repeat(np.arange(len(regions)), len(kinds))].reset_index(drop=True)
    kind = np.tile(np.arange(len(kinds)), len(regions))
    names = [f"{kinds[k]} {country}" for k, country in zip(kind, here["country"], strict=True)]
    systems = pd.DataFrame(
        {
            "system_id": names,
            "kind": words(kinds, kind),
            "owner_party": "ours",
            "region_id": here["region_id"],
            "has_api": True,
        }
    )
    n = len(systems)
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    law, resident = here["jurisdiction"].to_numpy(), here["residency_required"].to_numpy(dtype=bool)
    region = here["region_id"].to_numpy()
    # Hubs are fed on the way of the planted detour only; nothing else leaves them or comes to them.
    open_pair = (region[a] != region[b]) & (kind[a] < 2) & (kind[b] < 2)
    out = resident[a] & (law[a] != law[b])
    rows: list[tuple[int, int, bool, bool]] = []  # from, to, raw, declared as crossing a border
    allowed = rng.permutation(np.flatnonzero(open_pair & ~out))[:FLOWS_ALLOWED]
    rows += [(a[k], b[k], bool(rng.random() < 0.6), True) for k in allowed]
    pooled = rng.permutation(np.flatnonzero(open_pair & out))
    n_bad = min(round(FORBIDDEN * size), len(pooled))
    bad, pooled = pooled[:n_bad], pooled[n_bad : n_bad + 5]
    rows += [(a[k], b[k], False, True) for k in pooled]
    rows += [(a[k], b[k], True, bool(place % 2)) for place, k in enumerate(bad)]
    forbidden = [(names[a[k]], names[b[k]]) for k in bad]
    detour = rng.permutation(np.flatnonzero(open_pair & out & (kind[a] == 0)))[: int(size > 0)]
    for k in detour:
        hub = a[k] + 2  # of the same market
        rows += [(a[k], hub, True, False), (hub, b[k], True, False)]
        forbidden.append((names[hub], names[b[k]]))
    order = rng.permutation(len(rows))
    rows = [rows[k] for k in order]
    flows = pd.DataFrame(
        {
            "dependency_id": ids("LLF", len(rows)),
            "from_type": "system",
            "from_id": [names[row[0]] for row in rows],
            "to_type": "system",
            "to_id": [names[row[1]] for row in rows],
            "kind": "data flow between markets",
            "owner_party": "ours",
            "is_declared": True,
            "data_class": [RAW if row[2] else POOLED for row in rows],
            "encrypted": True,
            "signed": True,
            "crosses_border": pd.array([row[3] for row in rows], dtype=bool),
            "volume_mb_d": np.round(np.exp(rng.normal(4.0, 1.0, len(rows))), 1),
        }
    )
    return systems, flows, forbidden
