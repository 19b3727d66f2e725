"""Exchanges show the planted modules, overlaps the planted contradictions; names and equal conditions do not."""

import json
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.service_modules"


def make(seed, **kw):
    """A world with a service design."""
    return generate(WorldSettings(seed=seed, customers=200, **kw), domains=["modules"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds."""
    return [make(seed) for seed in range(5)]


def matrix(world):
    """The design structure matrix: which components exchange work."""
    edges = world["dependencies"].query("kind == 'exchanges'")
    keys = world["process_steps"].query("process == 'service design'")["step_id"].tolist()
    dsm = pd.DataFrame(0.0, index=keys, columns=keys)
    for a, b in zip(edges["from_id"], edges["to_id"], strict=True):
        dsm.loc[a, b] = dsm.loc[b, a] = 1.0
    return dsm


def without_buses(dsm):
    """The matrix without components that exchange with more than six in ten."""
    few = dsm.sum() < 0.6 * len(dsm)
    return dsm.loc[few, few]


def contradictions(world, same_condition=False):
    """Pairs of rules in force with one priority that hold for a same request and differ in what follows."""
    rules = world["rules"].query("ruleset == 'service configuration'")
    rules = rules[rules["valid_to"].isna() | (rules["valid_to"] > WorldSettings().end)]
    values = [
        (r.rule_id, r.priority, json.loads(r.condition_json), json.loads(r.outcome_json))
        for r in rules.itertuples()
    ]
    found = set()
    for (a, p, ca, oa), (b, q, cb, ob) in combinations(values, 2):
        overlap = ca == cb if same_condition else all(ca.get(k, v) == v for k, v in cb.items())
        if p == q and overlap and oa != ob:
            found.add(frozenset((a, b)))
    return found


def planted(world, kind):
    """Planted structure of one kind, as source -> target pairs."""
    rows = world["truth_structure"].query("play == @PLAY and kind == @kind")
    return list(zip(rows["source"], rows["target"], strict=True))


def test_tables_keep_their_schemas(worlds):
    """Declared; exchanges are between components."""
    world = worlds[0]
    for table in ("process_steps", "dependencies", "rules", "changes"):
        validate(table, world[table])
    assert world["dependencies"]["from_id"].isin(world["process_steps"]["step_id"]).all()


def test_service_modules_clustering_finds_the_planted_modules(worlds):
    """Spectral clustering of the matrix without its buses is the planted partition, nearly everywhere."""
    scores, buses = [], []
    for world in worlds:
        dsm = matrix(world)
        core = without_buses(dsm)
        truth = dict(planted(world, "module"))
        buses.append({k for k, v in truth.items() if v == "serves all"} == set(dsm.index) - set(core.index))
        fit = SpectralClustering(4, affinity="precomputed", random_state=0).fit(core.to_numpy() + 0.01)
        scores.append(adjusted_rand_score([truth[k] for k in core.index], fit.labels_))
    assert np.mean(buses) >= 0.9
    assert np.mean(scores) > 0.85


def test_service_modules_functions_are_not_modules(worlds):
    """The organisation chart agrees with the modules no better than chance."""
    scores = []
    for world in worlds:
        steps = world["process_steps"].query("process == 'service design'")
        truth = dict(planted(world, "module"))
        scores.append(adjusted_rand_score([truth[k] for k in steps["step_id"]], steps["role"]))
    assert abs(np.mean(scores)) < 0.1


def test_service_modules_every_contradiction_is_found_by_overlap_and_none_by_equality(worlds):
    """Overlapping conditions give exactly the planted pairs; comparing equal conditions gives none."""
    for world in worlds:
        truth = {frozenset(pair) for pair in planted(world, "contradiction")}
        assert contradictions(world) == truth != set()
        assert contradictions(world, same_condition=True) == set()


def test_service_modules_requests_without_a_rule_are_labelled(worlds):
    """Evaluating every rule on every request gives the planted gaps."""
    world = worlds[0]
    rules = [json.loads(text) for text in world["rules"]["condition_json"]]
    requests = world["changes"].query("kind == 'customisation request'")
    free = [
        key
        for key, text in zip(requests["change_id"], requests["description"], strict=True)
        if not any(rule.items() <= json.loads(text).items() for rule in rules)
    ]
    assert set(free) == set(world["truth_labels"].query("play == @PLAY and label == 'no rule'")["key"])


def test_service_modules_has_neither_modules_nor_contradictions_without_effect():
    """Exchanges are as dense inside the best clusters as chance makes them; no rule contradicts another."""
    inside = {}
    for size in (0, 1):
        share = []
        for seed in range(3):
            world = make(seed, effects={PLAY: size})
            core = without_buses(matrix(world))
            fit = SpectralClustering(4, affinity="precomputed", random_state=0).fit(core.to_numpy() + 0.01)
            same = np.equal.outer(fit.labels_, fit.labels_)
            share.append((core.to_numpy() * same).sum() / core.to_numpy().sum())
            assert (contradictions(world) == set()) == (size == 0)
        inside[size] = np.mean(share)
    assert inside[1] > inside[0] + 0.15


def test_service_modules_every_request_has_a_rule_without_effect():
    """All cells of the decision table are covered."""
    world = make(1, effects={PLAY: 0})
    rules = [json.loads(text) for text in world["rules"]["condition_json"]]
    families = {rule["family"] for rule in rules}
    urgencies = {rule["urgency"] for rule in rules}
    for family, urgency in product(families, urgencies):
        assert any(rule["family"] == family and rule["urgency"] == urgency for rule in rules)
