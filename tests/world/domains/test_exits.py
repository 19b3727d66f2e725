"""Gaps and doubles in decision rights, and circles in the exit plan, are those planted."""

from graphlib import CycleError, TopologicalSorter

import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(10)


def world(seed: int, **settings):
    return generate(WorldSettings(seed=seed, customers=200, **settings), domains=["exits"])


@pytest.fixture(scope="module")
def worlds():
    """Ten worlds."""
    return [world(seed) for seed in SEEDS]


def answerable(tables, *, now):
    """How many answer for each decision and scenario: today, or all who are written down."""
    rights = tables["responsibilities"]
    pairs = rights["subject_id"] + ": " + rights["scenario"]
    counts = (rights["raci"] == "A") & (rights["valid_to"].isna() | (not now))
    return counts.groupby(pairs).sum()


def ambiguous(tables):
    count = answerable(tables, now=True)
    return set(count.index[count == 0]), set(count.index[count > 1])


def truth(tables, value):
    return set(tables["truth_labels"].query("play == 'govern.continuity' and value == @value")["key"])


def edges(tables):
    rows = tables["dependencies"].query("kind == 'before'")
    return list(zip(rows["from_id"], rows["to_id"], strict=True))


def circles(tables):
    """The strongly connected groups of more than one task."""
    steps = tables["process_steps"]["step_id"].tolist()
    at = {step: k for k, step in enumerate(steps)}
    pairs = [(at[a], at[b]) for a, b in edges(tables)]
    graph = csr_matrix(([1] * len(pairs), tuple(zip(*pairs, strict=True))), shape=(len(steps),) * 2)
    _, group = connected_components(graph, connection="strong")
    members = [frozenset(s for s, g in zip(steps, group, strict=True) if g == k) for k in set(group)]
    return {m for m in members if len(m) > 1}


def test_tables_keep_their_schemas(worlds):
    """Responsibilities, steps and dependencies pass their declarations."""
    for name in ("responsibilities", "process_steps", "dependencies"):
        validate(name, worlds[0][name])


def test_continuity_ambiguous_rights_are_those_of_today_per_scenario(worlds):
    """Counting who answers today, per decision and scenario, finds exactly the planted gaps and doubles."""
    for tables in worlds:
        nobody, two = ambiguous(tables)
        assert nobody == truth(tables, "nobody") != set()
        assert two == truth(tables, "two") != set()


def test_continuity_counting_over_scenarios_or_times_misses_them(worlds):
    """Per decision nobody is missing; over all times successions look like doubles."""
    for tables in worlds:
        answer = tables["responsibilities"].query("raci == 'A'")
        assert answer["subject_id"].nunique() == 8
        ever = answerable(tables, now=False)
        assert len(set(ever.index[ever > 1]) - truth(tables, "two")) >= 5


def test_continuity_circles_are_those_planted_and_breaking_them_gives_an_order(worlds):
    """Strong components are the planted circles; without the customer's closing edges a topological order exists."""
    for tables in worlds:
        rows = tables["truth_structure"].query("play == 'govern.continuity'")
        assert circles(tables) == {frozenset(group["source"]) for _, group in rows.groupby("kind")} != set()
        kept = tables["dependencies"].query("kind == 'before' and owner_party == 'company'")
        sorter = TopologicalSorter()
        for a, b in zip(kept["from_id"], kept["to_id"], strict=True):
            sorter.add(b, a)
        assert len(list(sorter.static_order())) == len(tables["process_steps"])


def test_continuity_the_listed_order_and_direct_pairs_miss_them(worlds):
    """The order of the list breaks many waits, and no two tasks wait directly for each other."""
    for tables in worlds:
        place = tables["process_steps"].set_index("step_id")["seq_no"]
        assert sum(place[a] > place[b] for a, b in edges(tables)) > 5
        assert not {(b, a) for a, b in edges(tables)} & set(edges(tables))
        sorter = TopologicalSorter()
        for a, b in edges(tables):
            sorter.add(b, a)
        with pytest.raises(CycleError):
            sorter.prepare()


def test_continuity_without_the_plant_all_is_clear():
    """Without the plant each decision has one who answers today, and nothing goes in circles."""
    for seed in SEEDS:
        tables = world(seed, effects={"govern.continuity": 0})
        assert ambiguous(tables) == (set(), set())
        assert circles(tables) == set()
        assert not len(tables["truth_labels"].query("play == 'govern.continuity'"))


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_other_worlds_hold_together(effect):
    """No effect and thrice the effect give valid tables."""
    tables = world(1, effect=effect, industry="retail", regions=("GB",))
    for name in ("responsibilities", "process_steps", "dependencies"):
        validate(name, tables[name])
