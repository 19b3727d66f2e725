"""Saaty's published examples, and what the weights must obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.methods import ahp


def reciprocal(*upper):
    """Reciprocal matrix from the rows above its diagonal."""
    n = len(upper) + 1
    first, second = np.triu_indices(n, 1)
    return ahp.matrix(first, second, np.concatenate(upper), n)


DRINKS = reciprocal(  # Saaty (2008), Int. J. Services Sciences 1:83: what Americans drink
    [9, 5, 2, 1, 1, 1 / 2],
    [1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 9],
    [1 / 3, 1 / 4, 1 / 3, 1 / 9],
    [1 / 2, 1, 1 / 3],
    [2, 1 / 2],
    [1 / 3],
)
HOUSE = reciprocal(  # Saaty (1990), table 2: criteria when buying a house
    [5, 3, 7, 6, 6, 1 / 3, 1 / 4],
    [1 / 3, 5, 3, 3, 1 / 5, 1 / 7],
    [6, 3, 4, 6, 1 / 5],
    [1 / 3, 1 / 4, 1 / 7, 1 / 8],
    [1 / 2, 1 / 5, 1 / 6],
    [1 / 5, 1 / 6],
    [1 / 2],
)


def test_drinks_have_saatys_weights_and_consistency():
    """Coffee, wine, tea, beer, sodas, milk, water; consistency ratio .022."""
    found = ahp.priorities(DRINKS)
    assert found.weights == pytest.approx([0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327], abs=5e-4)
    assert found.consistency_ratio == pytest.approx(0.022, abs=5e-4)


def test_house_has_saatys_weights_and_is_inconsistent():
    """Largest eigenvalue 9.669, consistency ratio .169: above .10."""
    found = ahp.priorities(HOUSE)
    assert found.weights == pytest.approx([0.173, 0.054, 0.188, 0.018, 0.031, 0.036, 0.167, 0.333], abs=5e-4)
    assert found.largest == pytest.approx(9.669, abs=5e-4)
    assert found.consistency_ratio == pytest.approx(0.169, abs=5e-4)


@given(st.lists(st.floats(0.2, 5), min_size=3, max_size=6))
def test_consistent_judgements_return_their_weights(weights):
    """Ratios of given weights: exactly these weights, no inconsistency."""
    weights = np.array(weights) / sum(weights)
    found = ahp.priorities(weights[:, None] / weights)
    assert found.weights == pytest.approx(weights)
    assert found.consistency_ratio == pytest.approx(0, abs=1e-9)


def test_many_matrices_at_once_are_as_one_by_one():
    """Stacked matrices keep their order."""
    rng = np.random.default_rng(0)
    stack = np.stack([reciprocal(*(rng.uniform(0.2, 5, k) for k in (3, 2, 1))) for _ in range(5)])
    assert ahp.priorities(stack).weights[3] == pytest.approx(ahp.priorities(stack[3]).weights)


def test_random_judgements_have_a_ratio_of_about_one():
    """The random index is the mean index of random judgements on the scale (Saaty's own simulation was small)."""
    rng = np.random.default_rng(1)
    scale = np.concatenate([1 / np.arange(9, 1, -1), np.arange(1, 10)])
    stack = np.stack([reciprocal(*(rng.choice(scale, k) for k in (4, 3, 2, 1))) for _ in range(2000)])
    assert ahp.priorities(stack).consistency_ratio.mean() == pytest.approx(1, abs=0.05)


def test_group_of_opposites_is_indifferent():
    """A judgement and its opposite cancel, which an arithmetic mean would not do."""
    pair = np.array([[[1, 9], [1 / 9, 1]], [[1, 1 / 9], [9, 1]]])
    assert ahp.together(pair) == pytest.approx(np.ones((2, 2)))


def whole(logs):
    """Answers on the scale 1/9 to 9, as logarithms."""
    return np.sign(logs) * np.log(np.round(np.exp(np.clip(np.abs(logs), 0, np.log(9)))))


@pytest.mark.parametrize(("mean", "sd"), [(0.25, 0.25), (0.7, 0.4), (-1.5, 0.3)])
def test_rounding_moves_the_mean_as_a_simulation_shows_and_can_be_undone(mean, sd):
    """A million answers in whole numbers; from their mean and spread back to what people had in mind."""
    told = whole(np.random.default_rng(4).normal(mean, sd, 1_000_000))
    assert np.array(ahp.rounded_moments(mean, sd)) == pytest.approx([told.mean(), told.std()], abs=2e-3)
    assert ahp.unrounded_mean(told.mean(), told.std()) == pytest.approx(mean, abs=0.01)


def test_group_interval_covers_its_nominal_share():
    """Noisy whole-number judgements of twelve people: 90 % intervals hold each true weight about 9 times in 10."""
    rng = np.random.default_rng(2)
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    logs = np.log(weights)[:, None] - np.log(weights)
    hits, n = 0, 200
    for draw in range(n):
        told = np.triu(whole(logs + rng.normal(0, 0.3, (12, 4, 4))), 1)
        low, high = ahp.group_interval(np.exp(told - told.transpose(0, 2, 1)), draws=300, seed=draw)
        hits += (low <= weights) & (weights <= high)
    assert ((hits / n > 0.8) & (hits / n < 0.97)).all()


def test_two_people_give_no_interval():
    """Too few to resample."""
    low, high = ahp.group_interval(np.ones((2, 3, 3)))
    assert np.isnan([*low, *high]).all()


@pytest.mark.parametrize(
    ("judgements", "message"),
    [
        ([[1, 2], [2, 1]], "not reciprocal"),
        ([[1, np.nan], [np.nan, 1]], "gaps"),
        ([[1.0]], "2 to 10 criteria"),
    ],
)
def test_bad_judgements_are_refused(judgements, message):
    """One clear line says what is wrong."""
    with pytest.raises(ValueError, match=message):
        ahp.priorities(judgements)


def test_a_judgement_is_above_zero():
    """Zero times as important is no judgement; nor is a group without members one."""
    with pytest.raises(ValueError, match="above 0"):
        ahp.matrix([0], [1], [0.0], 2)
    with pytest.raises(ValueError, match="at least one member"):
        ahp.together(np.empty((0, 3, 3)))
