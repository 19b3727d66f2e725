"""Chapman's estimate is unbiased where it should be; dependence and missing records are undone exactly."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.methods.capture import TwoSources, chapman, odds_ratio, unseen


def all_recaptures(number: int, first: int, second: int) -> list[tuple[float, int]]:
    """Every overlap of two samples without replacement, with its chance."""
    overlaps = range(max(0, first + second - number), min(first, second) + 1)
    total = comb(number, second)
    return [(comb(first, m) * comb(number - first, second - m) / total, m) for m in overlaps]


@pytest.mark.parametrize(("number", "first", "second"), [(12, 8, 6), (20, 10, 10), (9, 9, 4), (30, 25, 11)])
def test_chapman_and_its_variance_are_unbiased_over_all_recaptures(number, first, second):
    """Enumerated, for n1 + n2 at least N: the mean estimate is N, the mean variance is the estimate's variance."""
    chances, overlaps = zip(*all_recaptures(number, first, second), strict=True)
    found = [chapman(m, first - m, second - m) for m in overlaps]
    estimates = np.array([one.number for one in found])
    assert np.dot(chances, estimates) == pytest.approx(number)
    spread = np.dot(chances, (estimates - number) ** 2)
    assert np.dot(chances, [one.variance for one in found]) == pytest.approx(spread)


def test_chapman_falls_short_when_samples_are_small():
    """Enumerated, for n1 + n2 below N: short by (N + 1) C(N - n1, n2 + 1) / C(N + 1, n2 + 1)."""
    mean = sum(chance * chapman(m, 4 - m, 5 - m).number for chance, m in all_recaptures(30, 4, 5))
    assert mean == pytest.approx(30 - 31 * comb(26, 6) / comb(31, 6))
    assert mean < 30 - 1


def test_petersen_ignores_what_chapman_corrects():
    """The plain ratio n1 n2 / m is too high on average, over the recaptures that have an overlap at all."""
    known = [(chance, m) for chance, m in all_recaptures(30, 16, 14) if m]
    assert sum(chance * 16 * 14 / m for chance, m in known) > 30.5


@given(st.integers(0, 500), st.integers(1, 500), st.integers(1, 500), st.floats(0.2, 20))
def test_the_table_completed_with_the_unseen_has_the_odds_ratio(both, first, second, ratio):
    """n11 n00 / (n10 n01) is the ratio asked for, with the one that Chapman adds to n11."""
    hidden = float(unseen(both, first, second, odds_ratio=ratio))
    assert (both + 1) * hidden / (first * second) == pytest.approx(ratio)
    number = chapman(both, first, second).number
    assert number == pytest.approx(both + first + second + hidden / ratio)


def test_sources_undo_dependence_and_missing_records():
    """100,000 cases by hand: a third had it, both sources see those who document much more often; the effect is 0.3."""
    had = np.array([[30_000.0]])
    log, diary = (
        np.array([0.6, 0.2]),
        np.array([0.9, 0.5]),
    )  # of those who document much and little, half each
    both, only_log, only_diary, neither = (
        had * share.mean()
        for share in (log * diary, log * (1 - diary), (1 - log) * diary, (1 - log) * (1 - diary))
    )
    sources = TwoSources(np.array([[100_000.0]]), both, only_log, only_diary)
    true_ratio = float((both * neither / (only_log * only_diary))[0, 0])
    seen = both + only_log + only_diary
    slope = 0.3 * (1 - neither / (100_000 - seen))  # expectation without a record, minus that with one
    assert true_ratio > 2
    assert sources.reach(true_ratio)[0, 0] == pytest.approx(0.3, rel=1e-3)
    assert sources.coverage(true_ratio)[0, 0] == pytest.approx(0.4, rel=1e-3)
    assert sources.corrected(slope, true_ratio)[0, 0] == pytest.approx(0.3, rel=1e-3)
    assert sources.coverage()[0, 0] > 0.45
    assert slope[0, 0] < 0.29


def test_a_complete_source_leaves_nothing_unseen():
    """Exactly one, not nearly: no case is in the second source alone."""
    sources = TwoSources(*(np.array([[value]]) for value in (50.0, 12.0, 9.0, 0.0)))
    assert sources.coverage(5.0)[0, 0] == 1.0
    assert sources.unrecorded(5.0)[0, 0] == 0.0


def test_known_odds_ratio_has_the_error_of_woolf():
    """A half added to each count of 20, 10, 5, 40: by hand, 20.5 x 40.5 / (10.5 x 5.5)."""
    ratio, error = odds_ratio(20, 10, 5, 40)
    assert ratio == pytest.approx(20.5 * 40.5 / (10.5 * 5.5))
    assert error**2 == pytest.approx(1 / 20.5 + 1 / 10.5 + 1 / 5.5 + 1 / 40.5)


def test_impossible_counts_and_ratios_are_refused():
    """A negative count; an odds ratio of zero."""
    with pytest.raises(ValueError, match="cannot be negative"):
        chapman(3, -1, 2)
    with pytest.raises(ValueError, match="above 0, got 0"):
        unseen(3, 1, 2, odds_ratio=0)
