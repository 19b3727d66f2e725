"""The cost of a missing source is what enumeration says, and nothing for a source that says nothing."""

import numpy as np
import pytest

from playbook.methods.left_out import chances, left_out

ACT, FAIL = 100.0, 1000.0
LOGIT = np.array([[-3.2, -2.0], [-1.0, 0.2]])  # by first and second signal, each 0 or 1 half of the time
CHANCE = 1 / (1 + np.exp(-LOGIT))


def cases(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two signals that tell, one that does not."""
    rng = np.random.default_rng(seed)
    signals = rng.integers(0, 2, (n, 3))
    fails = rng.random(n) < CHANCE[signals[:, 0], signals[:, 1]]
    return signals.astype(float), FAIL * fails


def enumerated() -> list[float]:
    """Closed form: the best action in each cell, against the best one where a signal is not seen."""
    best = np.minimum(ACT, FAIL * CHANCE).mean()
    unseen = [np.minimum(ACT, FAIL * CHANCE.mean(axis=axis)).mean() for axis in (0, 1)]
    return [unseen[0] - best, unseen[1] - best, 0.0]


def test_costs_are_the_enumerated_ones():
    """Near the closed form, in its order; the empty signal is worth nothing."""
    found = left_out(*cases(20_000, 1), ACT, draws=4)
    assert found.lost == pytest.approx(enumerated(), abs=1.0)
    assert found.lost[0] > found.lost[1] + 5


def test_intervals_hold_the_enumerated_cost():
    """In at least 50 of 60 small samples' quantities (90 % of them would be 54)."""
    truth, held = np.array(enumerated()), 0
    for seed in range(20):
        found = left_out(*cases(600, seed), ACT, draws=40)
        held += ((found.low <= truth) & (truth <= found.high)).sum()
    assert held >= 50


def test_chances_are_those_of_the_cells():
    """One signal with two values: the logistic model can only give the share of failures of each, but for its penalty."""
    signals, loss = cases(5000, 2)
    failed = (loss > 0).astype(float)
    x = (signals[:, :1] - 0.5) * 2
    found = chances(x, failed, np.ones((1, 5000)))[0]
    for value in (0, 1):
        cell = signals[:, 0] == value
        assert found[cell] == pytest.approx(failed[cell].mean(), abs=2e-3)


def test_a_case_of_no_weight_is_not_learned_from():
    """Outcomes turned round where the weight is 0 change no chance."""
    signals, loss = cases(900, 3)
    failed, weights = (loss > 0).astype(float), np.r_[np.zeros(300), np.ones(600)][None]
    start = np.r_[1 - failed[:300], failed[300:]]
    one, two = (chances(signals - 0.5, outcome, weights) for outcome in (failed, start))
    assert one == pytest.approx(two, abs=0.02)


def test_too_few_failures_is_one_clear_line():
    """Nobody learns from three failures."""
    with pytest.raises(ValueError, match="20 of them failed"):
        left_out(np.random.default_rng(0).normal(size=(200, 2)), np.r_[np.ones(3), np.zeros(197)], ACT)
