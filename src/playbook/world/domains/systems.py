"""The company's systems, the routes from the order system to its customers, and three years of outages.

Planted for `govern.fragility`:

- Routes: order system, two buses, gateways, adapters, and (domain `integrations`) accounts. Nearly all of it is
  doubled. By lot, some adapters are the only way to their accounts and some gateways the only way to their adapters
  (`SINGLE_ADAPTERS`, `SINGLE_GATEWAYS`, times the size): single points of failure, none of them the node with the
  most edges.
- A common cause behind the two buses: `COMMON_YEAR` outages a year take both. It is nowhere declared; it is seen in
  `incidents`, where both are down at once. All other outages are independent.
- A joint FMEA in `ratings` judges what is well known: how often a system failed alone, how many edges it has.

Outages come as Poisson processes with gamma repair times, while the closed forms and the Monte Carlo of the play take
constant rates of failure and repair. Declared availability (`systems`) leaves the common cause out.
"""

from __future__ import annotations

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

FRAGILITY = "govern.fragility"
HOURS_YEAR = 8_766.0

# system, kind, owner's party, requests a second, one trip in ms, cost of a GB and month, of a month,
# complexity of integration, has an API
APPLICATIONS = (
    ("crm", "application", "company", 55.0, 14.0, 1.9, 21_000.0, 4.0, False),
    ("erp", "application", "company", 80.0, 12.0, 1.6, 34_000.0, 3.0, False),
    ("order system", "application", "company", 60.0, 8.0, 1.2, 26_000.0, 2.0, True),
    ("warehouse system", "application", "vendor", 50.0, 15.0, 0.8, 14_000.0, 3.0, True),
    ("web", "application", "company", 300.0, 10.0, 0.5, 18_000.0, 2.0, True),
    ("support", "application", "vendor", 90.0, 30.0, 0.9, 9_000.0, 2.0, True),
    ("mailer", "application", "vendor", 200.0, 40.0, 0.4, 3_500.0, 1.0, True),
    ("survey tool", "application", "vendor", 60.0, 45.0, 0.6, 1_800.0, 1.0, True),
    ("recommender", "application", "company", 120.0, 12.0, 0.3, 8_000.0, 2.0, True),
    ("data warehouse", "store", "company", 20.0, 20.0, 0.05, 16_000.0, 2.0, True),
    ("app", "application", "company", 250.0, 25.0, 0.5, 12_000.0, 2.0, True),
    ("kiosk", "application", "vendor", 15.0, 60.0, 0.7, 4_000.0, 3.0, False),
    ("partner api", "application", "company", 90.0, 20.0, 0.4, 6_000.0, 2.0, True),
    ("scanner", "application", "company", 120.0, 18.0, 0.3, 5_000.0, 2.0, True),
    ("warehouse feed", "application", "vendor", 30.0, 35.0, 0.4, 3_000.0, 2.0, False),
    ("iot", "application", "vendor", 400.0, 70.0, 0.02, 7_500.0, 3.0, True),
    ("event log", "store", "company", 2_000.0, 9.0, 0.03, 5_200.0, 1.0, True),
)
BUSES = ("bus a", "bus b")
GATEWAYS = (
    "portal gateway",
    "edi gateway",
    "mobile gateway",
    "partner gateway",
    "voice gateway",
    "batch gateway",
)
ADAPTERS = (
    "as2 adapter", "webhook adapter", "sftp adapter", "punch-out adapter",
    "mail adapter", "catalogue adapter", "pos adapter", "api adapter",
)  # fmt: skip
SOURCE = "order system"
SINGLE_ADAPTERS, SINGLE_GATEWAYS = 2, 1
OWN_YEAR = (6.0, 16.0)  # outages a year of one system, from its own causes
COMMON_YEAR = 8.0
REPAIR_H = 2.0  # mean of an own outage
COMMON_REPAIR_H = 3.0
REPAIR_SHAPE = 2.0
CAUSES = ("software", "configuration", "network", "power", "unknown")
FMEA_PARTIES = ("company", "customer")
FMEA_ITEMS = ("severity", "occurrence", "detection")
EXPORTS = 24  # private exports from the CRM, written down nowhere

PLANTS = (
    Plant(
        play=FRAGILITY,
        what="Orders reach accounts over doubled routes, but some parts of the map are the only way to somebody. Two "
        "redundant systems have outages together more often than two strangers would.",
        why="The nodes that everybody knows are well connected and doubled. Availability worked out from each "
        "system's own record takes their outages for independent.",
        tables=("systems", "dependencies", "incidents", "ratings"),
        truth=("truth_structure", "truth_labels", "truth_parameters"),
        size="(SINGLE_ADAPTERS, SINGLE_GATEWAYS) parts and COMMON_YEAR outages a year, x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return systems, dependencies, incidents, ratings, truth tables and _adapters for `integrations`."""
    size = settings.size(FRAGILITY)
    adapters, edges, singles = _routes(size, rng)
    own_year = rng.uniform(*OWN_YEAR, len(edges.nodes))
    incidents, common = _incidents(settings, edges.nodes, own_year, size, rng)
    return {
        "systems": _systems(edges.nodes, own_year),
        "dependencies": _dependencies(edges.pairs, rng),
        "incidents": incidents,
        "ratings": _fmea(settings, edges, own_year, rng),
        "truth_structure": planted(
            "truth_structure",
            FRAGILITY,
            kind="single point of failure",
            source=singles,
            target="its accounts",
        ),
        "truth_labels": planted(
            "truth_labels", FRAGILITY, table="incidents", key=common, label="common cause", value="both buses"
        ),
        "truth_parameters": planted(
            "truth_parameters",
            FRAGILITY,
            name=["common outages a year", "both buses down"],
            value=[COMMON_YEAR * size, _both_down(own_year[:2], size)],
            unit=["1/year", "share of time"],
        ),
        "_adapters": adapters,
    }


class _Routes:
    """The nodes behind the order system, buses first, and the edges between them."""

    def __init__(self, nodes: list[str], pairs: list[tuple[str, str]]) -> None:
        self.nodes, self.pairs = nodes, pairs


def _routes(size: float, rng: np.random.Generator) -> tuple[pd.DataFrame, _Routes, list[str]]:
    """Return adapters (name, whether single, partner: the adapter that shares their only gateway), routes, and the
    planted single points.
    """
    n_single = min(round(SINGLE_ADAPTERS * size), 3)
    n_gateways = min(round(SINGLE_GATEWAYS * size), 1)
    order = rng.permutation(len(ADAPTERS))
    alone, paired = order[:n_single], order[n_single : n_single + 2 * n_gateways]
    gateways = rng.permutation(len(GATEWAYS))
    shared, doubled = gateways[:n_gateways], gateways[n_gateways:]
    pairs = [(SOURCE, bus) for bus in BUSES]
    pairs += [(bus, gateway) for bus in BUSES for gateway in GATEWAYS]
    partner = np.full(len(ADAPTERS), -1)
    for k, adapter in enumerate(paired):
        partner[adapter] = paired[k ^ 1]
        pairs.append((GATEWAYS[shared[k // 2]], ADAPTERS[adapter]))
    for adapter in np.setdiff1d(order, paired):
        pairs += [(GATEWAYS[g], ADAPTERS[adapter]) for g in rng.choice(doubled, 2, replace=False)]
    adapters = pd.DataFrame(
        {"adapter": ADAPTERS, "is_single": np.isin(np.arange(len(ADAPTERS)), alone), "partner": partner}
    )
    singles = [ADAPTERS[a] for a in alone] + [GATEWAYS[g] for g in shared]
    return adapters, _Routes([*BUSES, *GATEWAYS, *ADAPTERS], pairs), singles


def _both_down(own_year: np.ndarray, size: float) -> float:
    """Return the share of time in which both buses are down."""
    common = COMMON_YEAR * size * COMMON_REPAIR_H / HOURS_YEAR
    alone = own_year * REPAIR_H / HOURS_YEAR
    return float(common + np.prod(alone))


def _systems(nodes: list[str], own_year: np.ndarray) -> pd.DataFrame:
    columns = [
        "system_id", "kind", "owner_party", "capacity_rps", "network_ms", "storage_amt_gb_month", "run_amt_month",
        "integration_complexity", "has_api",
    ]  # fmt: skip
    applications = pd.DataFrame(APPLICATIONS, columns=columns).assign(availability_share=0.999, repair_h=4.0)
    kinds = ["bus"] * len(BUSES) + ["gateway"] * len(GATEWAYS) + ["adapter"] * len(ADAPTERS)
    routes = pd.DataFrame(
        {
            "system_id": nodes,
            "kind": kinds,
            "owner_party": "company",
            "capacity_rps": 400.0,
            "network_ms": 6.0,
            "availability_share": np.round(1 - own_year * REPAIR_H / HOURS_YEAR, 5),
            "repair_h": REPAIR_H,
            "run_amt_month": 2_400.0,
            "integration_complexity": 2.0,
            "has_api": True,
        }
    )
    return pd.concat([applications, routes], ignore_index=True)


def _dependencies(pairs: list[tuple[str, str]], rng: np.random.Generator) -> pd.DataFrame:
    """Return the routes, and the private exports that hang on the CRM."""
    exports = [("crm", f"export {k:02d}") for k in range(1, EXPORTS + 1)]
    n = len(pairs) + len(exports)
    is_export = np.arange(n) >= len(pairs)
    return pd.DataFrame(
        {
            "dependency_id": ids("YD", n),
            "from_type": "system",
            "from_id": [a for a, _ in pairs + exports],
            "to_type": np.where(is_export, "export", "system"),
            "to_id": [b for _, b in pairs + exports],
            "kind": np.where(is_export, "reads", "carries"),
            "owner_party": "company",
            "is_bespoke": is_export,
            "is_declared": ~is_export,
            "failures_year": np.where(is_export, np.round(rng.gamma(2.0, 3.0, n), 1), np.nan),
            "restore_h": np.where(is_export, np.round(rng.gamma(2.0, 1.5, n), 1), np.nan),
        }
    )


def _incidents(
    settings: WorldSettings, nodes: list[str], own_year: np.ndarray, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the outages of the routes, and the keys of those with the common cause."""
    years = settings.days / 365.25
    count = rng.poisson(own_year * years)
    shared = rng.poisson(COMMON_YEAR * size * years)
    day = np.concatenate([rng.random(count.sum()), np.repeat(rng.random(shared), 2)]) * settings.days
    of = np.concatenate([np.repeat(np.arange(len(nodes)), count), np.tile([0, 1], shared)])
    repair_h = np.concatenate(
        [
            rng.gamma(REPAIR_SHAPE, REPAIR_H / REPAIR_SHAPE, count.sum()),
            np.repeat(rng.gamma(REPAIR_SHAPE, COMMON_REPAIR_H / REPAIR_SHAPE, shared), 2),
        ]
    )
    is_common = np.arange(len(of)) >= count.sum()
    order = np.argsort(day, kind="stable")
    day, of, repair_h, is_common = day[order], of[order], repair_h[order], is_common[order]
    opened = pd.Series(settings.start + pd.to_timedelta(np.round(day * 86_400), unit="s"))
    corrected = opened + pd.to_timedelta(np.round(repair_h * 3_600), unit="s")
    detected = opened + (corrected - opened) * 0.1
    inside = corrected < settings.end
    key = ids("YI", len(of))
    incidents = pd.DataFrame(
        {
            "incident_id": key,
            "kind": "outage",
            "system_id": np.array(nodes)[of],
            "cause_code": np.array(CAUSES)[rng.integers(0, len(CAUSES), len(of))],
            "severity": 1.0 + (repair_h > 1) + (repair_h > 3),
            "opened_at": opened.astype("datetime64[us]"),
            "detected_at": detected.astype("datetime64[us]").where(inside),
            "corrected_at": corrected.astype("datetime64[us]").where(inside),
        }
    )
    return incidents, key[is_common].to_numpy()


def _fmea(
    settings: WorldSettings, routes: _Routes, own_year: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the scores (1 to 10) that company and customers gave each system in the joint workshop."""
    nodes = routes.nodes
    ends = pd.Series([name for pair in routes.pairs for name in pair]).value_counts()
    degree = ends.reindex(nodes).to_numpy()
    seen = np.stack([10 * degree / degree.max(), 10 * own_year / OWN_YEAR[1], np.full(len(nodes), 5.0)])
    score = np.round(np.tile(seen.T.ravel(), len(FMEA_PARTIES)) + rng.normal(0, 1.2, 2 * seen.size))
    n = len(score)
    return pd.DataFrame(
        {
            "rating_id": ids("YR", n),
            "exercise": "joint FMEA",
            "rater_id": np.repeat([f"FMEA {party}" for party in FMEA_PARTIES], seen.size),
            "rater_party": np.repeat(["staff", "customer"], seen.size),
            "subject_type": "system",
            "subject_id": np.tile(np.repeat(nodes, len(FMEA_ITEMS)), len(FMEA_PARTIES)),
            "item_code": np.tile(FMEA_ITEMS, len(FMEA_PARTIES) * len(nodes)),
            "score": score.clip(1, 10),
            "scale_max": 10.0,
            "round_no": 1.0,
            "rated_at": settings.end - pd.Timedelta(days=40),
        }
    )
