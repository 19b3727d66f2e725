"""Nested variance components against a hand-computed table, an independent estimator and simulated truth."""

from itertools import pairwise

import numpy as np
import pytest

from playbook.methods.variance_components import nested_components, resampled_components


def test_a_balanced_case_by_hand():
    """Two segments of two accounts of two persons of two values: mean squares 169, 32, 9.5 and 1, worked out on paper.

    Segment (169 - 32) / 8, account (32 - 9.5) / 4, person (9.5 - 1) / 2, occasion 1.
    """
    values = [1, 2, 4, 5, 5, 6, 7, 10, 8, 9, 10, 11, 11, 12, 15, 16]
    segment, account, person = (np.repeat(np.arange(n), 16 // n) for n in (2, 4, 8))
    expected = [17.125, 5.625, 4.25, 1.0]
    assert nested_components(values, [segment, account, person]) == pytest.approx(expected)


def test_unequal_sizes_agree_with_the_direct_expectation():
    """The estimator inverts E[y'Ay] = sum of variances x tr(A V): matrices of the quadratic forms give the same numbers."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(60), rng.integers(1, 5, 60))
    account = np.sort(rng.integers(0, 20, 60))[person]
    segment = (np.arange(20) // 7)[account]
    y = rng.normal(size=len(person)) + rng.normal(size=20)[account]

    def indicator(code):
        return (code[:, None] == np.unique(code)).astype(float)

    z = [indicator(code) for code in (segment, account, person)] + [np.eye(len(y))]
    projections = [m @ np.linalg.pinv(m) for m in z]
    forms = [b - a for a, b in pairwise(projections)]
    to_means = np.linalg.pinv(z[0])
    spread = (np.eye(3) - 1 / 3) / 2
    forms.insert(0, to_means.T @ spread @ to_means)
    system = [[np.trace(a @ m @ m.T) for m in z] for a in forms]
    expected = np.linalg.solve(system, [y @ a @ y for a in forms])
    assert nested_components(y, [segment, account, person]) == pytest.approx(expected)


def test_large_groups_of_the_coarsest_level_count_no_more_than_small_ones():
    """Without differences below, the component is the variance of the segments' values, each counted once."""
    segment = np.repeat([0, 1, 2], [100, 10, 4])
    account = np.repeat(np.arange(57), 2)
    y = np.array([1.0, 4.0, 9.0])[segment]
    assert nested_components(y, [segment, account]) == pytest.approx([np.var([1, 4, 9], ddof=1), 0, 0])


def test_the_bootstrap_counts_a_group_drawn_twice_as_two_groups():
    """One sample, made by hand as data with copied accounts, gives the components of that sample."""
    rng = np.random.default_rng(1)
    account = np.repeat(np.arange(12), 6)
    person, segment = np.repeat(np.arange(36), 2), np.repeat([0, 1], 36)
    y = rng.normal(size=72) + rng.normal(size=12)[account]
    found = resampled_components(
        y, [segment, account, person], unit=1, draws=1, rng=np.random.default_rng(5)
    )[0]
    again = np.random.default_rng(5)
    counts = np.concatenate([again.multinomial(6, np.full(6, 1 / 6), size=1)[0] for _ in range(2)])
    rows = np.concatenate([np.flatnonzero(account == a) for a, n in enumerate(counts) for _ in range(n)])
    copy = np.repeat(np.arange(12), 6)
    expected = nested_components(y[rows], [np.repeat([0, 1], 36), copy, np.repeat(np.arange(36), 2)])
    assert found == pytest.approx(expected)


def test_levels_that_are_not_nested_are_refused():
    """A person of two accounts has no place."""
    with pytest.raises(ValueError, match="not nested"):
        nested_components([1, 2, 3, 4], [[0, 0, 1, 1], [0, 1, 1, 2]])


def test_a_level_with_nothing_to_compare_is_refused():
    """One value a person says nothing about what one person's values do."""
    with pytest.raises(ValueError, match="nothing to compare"):
        nested_components([1, 2, 3, 4], [[0, 0, 1, 1], [0, 1, 2, 3]])
    with pytest.raises(ValueError, match="one group"):
        nested_components([1, 2, 3, 4], [[0, 0, 0, 0], [0, 0, 1, 1]])
    with pytest.raises(ValueError, match="finer level"):
        resampled_components([1, 2], [[0, 1]], unit=0, draws=2, rng=np.random.default_rng(0))
