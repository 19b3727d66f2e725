"""Stability and overlap of indicators: published reliabilities, closed forms and coverage."""

import numpy as np
import pytest

from playbook.methods import indicators

# Shrout & Fleiss (1979), table 2: six targets, each rated by four judges.
TARGETS = ((9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7))


def test_reliabilities_are_the_published_ones():
    """ICC(1,1) = .17 and ICC(1,4) = .44."""
    found = indicators.stability(np.ravel(TARGETS), np.repeat(np.arange(6), 4))
    assert (round(found.single, 2), round(found.reliability, 2)) == (0.17, 0.44)


def test_needed_measurements_give_the_reliability_that_was_asked_for():
    """Spearman and Brown, solved for the number; infinite where subjects do not differ."""
    found = indicators.stability(np.ravel(TARGETS), np.repeat(np.arange(6), 4))
    n = found.needed(0.8)
    assert n * found.single / (1 + (n - 1) * found.single) == pytest.approx(0.8)
    alike = indicators.stability([1, 3, 3, 1, 1, 3], list("aabbcc"))
    assert alike.needed(0.5) == np.inf


def test_intervals_hold_the_planted_reliability_with_unequal_numbers():
    """One part in five between subjects, one to five measurements each: about nine of ten samples hold it."""
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = rng.integers(1, 6, 400)
        subject = np.repeat(np.arange(400), n)
        value = rng.normal(0, 1, 400)[subject] + rng.normal(0, 2, len(subject))
        found = indicators.stability(value, subject, seed=seed)
        true = found.each * 0.2 / (1 + (found.each - 1) * 0.2)
        held += found.low <= true <= found.high
    assert 32 <= held <= 40


def test_an_indicator_that_others_tell_overlaps_in_full():
    """The difference of two kept ones is redundant, and being dropped does not count against a fourth like it."""
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, 5000))
    table = np.corrcoef([a, b, a - b, c])
    found = indicators.overlaps(table, [0, 1, 2, 3])
    assert found[2] == pytest.approx(1.0)
    assert found[[0, 1, 3]].max() < 0.01
    assert indicators.overlaps(table, [2, 0, 3, 1])[1] == pytest.approx(1.0)


def test_subjects_measured_once_tell_nothing_of_stability():
    """One clear line."""
    with pytest.raises(ValueError, match="measured twice"):
        indicators.stability([1, 2], ["a", "b"])
