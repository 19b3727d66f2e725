"""TOPSIS gives the published closeness, and obeys what its definition implies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.methods import topsis

# Hwang & Yoon (1981): four fighter aircraft by speed, range, payload, cost, reliability, manoeuvrability.
AIRCRAFT = np.array(
    [
        [2.0, 1500, 20_000, 5.5, 5, 9],
        [2.5, 2700, 18_000, 6.5, 3, 5],
        [1.8, 2000, 21_000, 4.5, 7, 7],
        [2.2, 1800, 20_000, 5.0, 5, 5],
    ]
)
WEIGHTS = [0.2, 0.1, 0.1, 0.1, 0.2, 0.3]
BETTER = [True, True, True, False, True, True]


def test_aircraft_have_the_published_closeness():
    """Hwang & Yoon print .643, .268, .613, .312, worked with four digits: the order is 1, 3, 4, 2."""
    found = topsis.closeness(AIRCRAFT, WEIGHTS, BETTER)
    assert found == pytest.approx([0.643, 0.268, 0.613, 0.312], abs=1e-3)
    assert np.argsort(-found).tolist() == [0, 2, 3, 1]


def test_the_best_on_everything_is_at_one_and_the_worst_at_zero():
    """By definition: distance zero to the ideal, or to the negative ideal."""
    found = topsis.closeness([[3, 1], [2, 2], [1, 3]], [1, 5], [True, False])
    assert found[[0, 2]].tolist() == [1.0, 0.0]
    assert 0 < found[1] < 1


@given(st.integers(0, 10_000))
def test_units_and_order_do_not_matter(seed):
    """Another unit for each criterion, and the alternatives in another order: the same closeness."""
    rng = np.random.default_rng(seed)
    matrix, weights, better = rng.random((5, 3)) + 0.1, rng.random(3) + 0.1, rng.random(3) < 0.5
    order = rng.permutation(5)
    found = topsis.closeness(matrix, weights, better)
    again = topsis.closeness((matrix * [1000, 0.01, 3])[order], weights * 7, better)
    assert again == pytest.approx(found[order])


@given(st.integers(0, 10_000))
def test_who_is_beaten_on_every_count_never_ranks_first(seed):
    """Whatever the weights: it is further from the ideal, and nearer to the worst, than who beats it."""
    rng = np.random.default_rng(seed)
    matrix, better = rng.integers(1, 5, (5, 3)), rng.random(3) < 0.5
    near = topsis.closeness(matrix, rng.random((20, 3)) + 0.01, better)
    for loser, winners in enumerate(topsis.beaten_by(matrix, better)):
        for winner in winners:
            assert (near[:, winner] >= near[:, loser] - 1e-12).all()


def test_turning_points_are_where_a_fine_grid_changes_its_order():
    """Enumeration of 20,000 weights of manoeuvrability: the same swaps, each within a step of the grid."""
    shares = np.linspace(0, 1, 20_000, endpoint=False)  # at 1, the two that are level on it are level
    near = topsis.closeness(AIRCRAFT, topsis.reweighted(WEIGHTS, 5, shares), BETTER)
    order = np.argsort(-near, axis=1)
    changes = shares[1:][(np.diff(order, axis=0) != 0).any(axis=1)]
    found = topsis.turning_points(AIRCRAFT, WEIGHTS, BETTER, 5)
    assert len(found) > 1
    assert [share for share, _, _ in found] == pytest.approx(changes.tolist(), abs=1e-4)
    for share, below, above in found:
        at = topsis.closeness(AIRCRAFT, topsis.reweighted(WEIGHTS, 5, [share - 0.01, share + 0.01]), BETTER)
        assert at[0, below] > at[0, above]
        assert at[1, above] > at[1, below]


@pytest.mark.parametrize(
    ("matrix", "weights", "message"),
    [([[1, 2]], [1], "one weight"), ([[1, np.nan]], [1, 1], "not missing"), ([[1, 2]], [0, 0], "above it")],
)
def test_bad_input_is_one_clear_line(matrix, weights, message):
    """Shapes that differ, gaps, and weights that are all zero."""
    with pytest.raises(ValueError, match=message):
        topsis.closeness(matrix, weights, [True, True])
