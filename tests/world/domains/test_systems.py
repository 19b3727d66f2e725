"""The map of systems holds the planted single points of failure and the common cause, and nothing else."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(8)
HOURS_YEAR = 8_766


def world(seed: int, **settings):
    settings = WorldSettings(seed=seed, **({"customers": 400} | settings))
    return generate(settings, domains=["integrations"])


@pytest.fixture(scope="module")
def worlds():
    """Eight small worlds."""
    return [world(seed) for seed in SEEDS]


def carries(tables):
    """The routes as a mapping from a node to those it carries to, and the set of accounts."""
    edges = tables["dependencies"].query("kind == 'carries'")
    return edges.groupby("from_id")["to_id"].agg(list).to_dict(), set(
        edges.loc[edges["to_type"] == "account", "to_id"]
    )


def stopped_by(node, routes, accounts):
    """The accounts that nothing reaches from the order system when `node` is out."""
    seen, queue = {"order system", node}, ["order system"]
    while queue:
        for to in routes.get(queue.pop(), []):
            if to not in seen:
                seen.add(to)
                queue.append(to)
    return accounts - seen


def singles(tables):
    routes, accounts = carries(tables)
    inner = {to for targets in routes.values() for to in targets} - accounts
    return {node for node in inner if stopped_by(node, routes, accounts)}


def down_h(tables, settings, together):
    """Hours in which both buses were down (or, in turn, each), minute by minute."""
    outages = tables["incidents"].query("kind == 'outage'")
    minutes = np.zeros((2, settings.days * 1440), dtype=bool)
    for row, bus in enumerate(("bus a", "bus b")):
        own = outages[outages["system_id"] == bus]
        first = ((own["opened_at"] - settings.start).dt.total_seconds() // 60).astype(int)
        last = ((own["corrected_at"].fillna(settings.end) - settings.start).dt.total_seconds() // 60).astype(
            int
        )
        for a, b in zip(first, last, strict=True):
            minutes[row, a:b] = True
    return (minutes.all(axis=0).sum() if together else minutes.sum(axis=1)) / 60


def test_tables_keep_their_schemas(worlds):
    """Systems, dependencies, incidents and ratings pass their declarations."""
    for name in ("systems", "dependencies", "incidents", "ratings"):
        validate(name, worlds[0][name])
    known = set(worlds[0]["systems"]["system_id"])
    assert set(worlds[0]["incidents"]["system_id"]) <= known


def test_fragility_single_points_are_those_that_removal_finds(worlds):
    """Removing each node in turn finds exactly the planted single points of failure."""
    for tables in worlds:
        truth = tables["truth_structure"].query("play == 'govern.fragility'")
        assert singles(tables) == set(truth["source"])
        assert len(truth) == 3


def test_fragility_well_connected_nodes_are_not_the_single_points(worlds):
    """The three nodes with the most edges, which people point at, hold none of the planted points."""
    hits = 0
    for tables in worlds:
        edges = tables["dependencies"].query("kind == 'carries'")
        degree = edges["from_id"].value_counts()
        hits += len(set(degree.index[:3]) & set(tables["truth_structure"]["source"]))
    assert hits == 0


def test_fragility_common_cause_is_in_the_record_and_independence_hides_it(worlds):
    """Time with both buses down is as planted; the product of their own records is far below."""
    settings = WorldSettings(seed=0, customers=400)
    hours = settings.days * 24
    ratio, product = [], []
    for tables in worlds:
        truth = tables["truth_parameters"].set_index("name")["value"]["both buses down"]
        ratio.append(down_h(tables, settings, True) / hours / truth)
        product.append(np.prod(down_h(tables, settings, False) / hours) / truth)
    # 24 common outages with gamma(2) repairs: relative error sqrt(1.5 / 24) of one world
    assert np.mean(ratio) == pytest.approx(1, abs=3 * np.sqrt(1.5 / 24 / len(worlds)))
    assert max(product) < 0.2


def test_fragility_nothing_is_single_without_the_plant():
    """Without the plant every node can be removed, and both buses are down together hardly ever."""
    settings = {"effects": {"govern.fragility": 0}}
    for seed in SEEDS:
        tables = world(seed, **settings)
        assert not singles(tables)
        assert not len(tables["truth_structure"].query("play == 'govern.fragility'"))
        own = down_h(tables, WorldSettings(seed=seed, customers=400), False)
        assert down_h(tables, WorldSettings(seed=seed, customers=400), True) < 0.05 * own.min()


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = world(3, customers=200, industry=industry, regions=("GB",), effect=0.0)
    for name in ("systems", "dependencies", "incidents", "ratings"):
        validate(name, tables[name])
