"""One option for everybody within the resources: held against enumeration, the greedy bound, and re-solving."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.methods.knapsack import Problem, hand_out

USE = np.array([[0.0, 1.0], [0.3, 1.5], [1.2, 2.0], [4.0, 3.0]])


def instance(seed: int, classes: int = 5) -> Problem:
    """A small problem with two resources that both matter."""
    rng = np.random.default_rng(seed)
    value = np.hstack([np.zeros((classes, 1)), np.sort(rng.gamma(1.0, 10.0, (classes, 3)), axis=1)])
    return Problem(value, USE, [1.3 * classes, 1.7 * classes])


def by_enumeration(problem: Problem) -> float:
    """The best value over every choice of one option a class."""
    options = range(problem.value.shape[1])
    choices = np.array(list(product(options, repeat=len(problem.value))))
    fits = (problem.use[choices].sum(axis=1) <= problem.capacity + 1e-9).all(axis=1)
    fits &= problem.offered[np.arange(len(problem.value)), choices].all(axis=1)
    return float(problem.value[np.arange(len(problem.value)), choices].sum(axis=1)[fits].max())


def greedy_bound(value: np.ndarray, use: np.ndarray, capacity: float) -> float:
    """The linear relaxation for one resource as Sinha and Zoltners find it: steps of the upper hull, best ratio first."""
    steps, total = [], 0.0
    for row in value:
        at = 0
        total += row[0]
        while at < len(row) - 1:
            slope = (row[at + 1 :] - row[at]) / (use[at + 1 :] - use[at])
            best = at + 1 + int(slope.argmax())
            if slope.max() <= 0:
                break
            steps.append((slope.max(), use[best] - use[at]))
            at = best
    for slope, width in sorted(steps, reverse=True):
        taken = min(width, capacity)
        total, capacity = total + slope * taken, capacity - taken
    return total


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_best_choice_is_that_of_enumeration_and_below_the_bound(seed):
    """Two resources: the solver finds what trying all choices finds, and the relaxation is never lower."""
    problem = instance(seed)
    found = problem.solve(gap=0)
    assert found.value == pytest.approx(by_enumeration(problem))
    assert (found.counts.sum(axis=1) == 1).all()
    assert (found.used <= problem.capacity + 1e-6).all()
    assert problem.relax().value >= found.value - 1e-6


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_one_resource_has_the_bound_of_the_paper(seed):
    """The relaxation equals the greedy over the hull of undominated options, and splits at most one class."""
    whole = instance(seed, classes=12)
    problem = Problem(whole.value, USE[:, :1], [9.0])
    bound = problem.relax()
    assert bound.value == pytest.approx(greedy_bound(problem.value, USE[:, 0], 9.0))
    assert (~np.isclose(bound.counts, np.round(bound.counts))).any(axis=1).sum() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_price_is_the_gain_of_one_more_hour(seed):
    """With many members a class the dual is what solving again with one more hour adds, within one step of the hull."""
    small = instance(seed, classes=20)
    problem = Problem(small.value, USE[:, :1], [600.0], members=np.full(20, 50))
    price = float(problem.relax().prices[0])
    assert price > 0
    assert problem.relax().value - problem.solve(gap=0).value <= small.value.max()
    assert problem.gain([12.0], gap=0) / 12 == pytest.approx(price, rel=0.25)
    assert problem.within([612.0]).relax().value - problem.relax().value == pytest.approx(
        12 * price, rel=0.05
    )


def test_classes_of_alike_members_are_the_customers_one_by_one():
    """Counting members of a class gives the same optimum as listing them."""
    small = instance(3, classes=3)
    counted = Problem(small.value, USE, [9.0, 22.0], members=[4, 3, 5])
    listed = Problem(np.repeat(small.value, [4, 3, 5], axis=0), USE, [9.0, 22.0])
    assert counted.solve(gap=0).value == pytest.approx(listed.solve(gap=0).value)


def test_what_is_not_offered_is_not_given():
    """Options that a class may not have stay empty, and a resource without limit has no price."""
    small = instance(1)
    problem = Problem(
        small.value, USE, [np.inf, np.inf], offered=np.arange(4) <= np.array([[1], [3], [0], [2], [3]])
    )
    found = problem.solve()
    assert (found.counts[~problem.offered] == 0).all()
    assert found.value == pytest.approx(by_enumeration(problem))
    assert (problem.relax().prices == 0).all()


def test_bad_input_is_refused():
    """Shapes that do not fit, nothing on offer, too little of a resource, wrong counts."""
    with pytest.raises(ValueError, match="do not fit"):
        Problem([[1.0, 2.0]], [[1.0]], [1.0])
    with pytest.raises(ValueError, match="at least one option"):
        Problem([[1.0]], [[1.0]], [1.0], offered=[[False]])
    with pytest.raises(ValueError, match="no choice fits"):
        Problem([[1.0]], [[2.0]], [1.0]).solve()
    with pytest.raises(ValueError, match="add up"):
        hand_out([[1, 1]], [0], [1.0])
