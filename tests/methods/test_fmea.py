"""Ratings and priorities are those of the handbook; the expected loss has an honest interval."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from playbook.methods import fmea

RATING = st.integers(1, 10)
ALL = np.array(np.meshgrid(*[range(1, 11)] * 3, indexing="ij")).reshape(3, -1)


def by_rules(s, o, d):
    """Action Priority read off the handbook's table as rules: the least detection for H and for M, per row."""
    if s == 1 or o == 1:
        return "L"
    row = (s >= 9) * 3 + (7 <= s <= 8) * 2 + (4 <= s <= 6), (o >= 8) * 3 + (6 <= o <= 7) * 2 + (4 <= o <= 5)
    never = 11
    high_from, medium_from = {
        (3, 3): (1, 1), (3, 2): (1, 1), (3, 1): (2, 1), (3, 0): (7, 5),
        (2, 3): (1, 1), (2, 2): (2, 1), (2, 1): (7, 1), (2, 0): (never, 5),
        (1, 3): (7, 1), (1, 2): (never, 2), (1, 1): (never, 7), (1, 0): (never, never),
        (0, 3): (never, 5), (0, 2): (never, never), (0, 1): (never, never), (0, 0): (never, never),
    }[row]  # fmt: skip
    return "H" if d >= high_from else "M" if d >= medium_from else "L"


def test_action_priority_agrees_with_the_handbook_in_all_thousand_cells():
    """The band table and the handbook's rows, written as rules, are the same."""
    assert fmea.action_priority(*ALL).tolist() == [by_rules(*cell) for cell in ALL.T.tolist()]


def test_hand_computed_example():
    """Four failure modes worked by hand: one RPN of 120 hides an H, two Ls and an M."""
    modes = [(10, 6, 2), (10, 3, 4), (6, 4, 5), (5, 6, 4)]
    s, o, d = np.transpose(modes)
    assert fmea.rpn(s, o, d).tolist() == [120] * 4
    assert fmea.action_priority(s, o, d).tolist() == ["H", "L", "L", "M"]


def test_risk_priority_numbers_take_120_values():
    """Wheeler (2011): 1000 descriptions fall into 120 numbers, and up to 24 share one."""
    counts = Counter(fmea.rpn(*ALL).tolist())
    assert len(counts) == 120
    assert max(counts.values()) == 24


@given(RATING, RATING, RATING, st.sampled_from([0, 1, 2]))
def test_a_worse_rating_never_lowers_the_priority(s, o, d, which):
    """Action Priority rises with each rating."""
    worse = [s, o, d]
    worse[which] = min(worse[which] + 1, 10)
    order = "LMH"
    assert order.index(str(fmea.action_priority(*worse))) >= order.index(str(fmea.action_priority(s, o, d)))


def test_occurrence_ratings_are_those_of_the_incident_table():
    """AIAG & VDA (2019), table C2.3.1, incidents per thousand."""
    per_thousand = {100: 10, 50: 9, 20: 8, 10: 7, 2: 6, 0.5: 5, 0.1: 4, 0.01: 3, 0.0005: 1}
    shares = np.array(list(per_thousand)) / 1000
    assert fmea.occurrence_rating(shares).tolist() == list(per_thousand.values())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fmea.rpn(0, 1, 1), "from 1 to 10"),
        (lambda: fmea.action_priority(11, 1, 1), "from 1 to 10"),
        (lambda: fmea.occurrence_rating(1.2), "between 0 and 1"),
        (lambda: fmea.detection_rating(-0.1), "between 0 and 1"),
        (lambda: fmea.severity_rating(5, serious=0), "above 0"),
        (lambda: fmea.expected_loss([10], [11], [1], [1], [1]), "at most as many failures"),
        (lambda: fmea.expected_loss([10], [1], [0], [0], [0]), "no loss is known"),
    ],
)
def test_what_cannot_be_rated_is_refused(call, says):
    """A rating, a share or a count out of range is a ValueError."""
    with pytest.raises(ValueError, match=says):
        call()


def simulated(rng, *, n, q, sd, times=4000):
    """Sums over `times` samples of n cases, of which a share q loses a lognormal amount of mean 100."""
    k = rng.binomial(n, q, times)
    amounts = rng.lognormal(np.log(100) - sd**2 / 2, sd, (times, k.max()))
    amounts[np.arange(k.max()) >= k[:, None]] = 0
    return np.full(times, n), k, k, amounts.sum(axis=1), (amounts**2).sum(axis=1)


@pytest.mark.parametrize(("q", "least"), [(0.015, 0.86), (0.05, 0.875), (0.2, 0.885)])
def test_interval_of_the_expected_loss_covers_at_its_rate(q, least):
    """With 30, 100 or 400 losses, about 90 % of the intervals hold the truth; the few dear ones cost little of it."""
    found = fmea.expected_loss(*simulated(np.random.default_rng(1), n=2000, q=q, sd=0.7))
    covered = ((found.low <= 100 * q) & (100 * q <= found.high)).mean()
    assert least <= covered <= 0.93


def test_equal_hand_offs_are_rarely_called_different():
    """Seven equal hand-offs are told apart in about one sample of twenty; a threefold one nearly always."""
    rng = np.random.default_rng(2)
    same = [
        fmea.alike_p(fmea.expected_loss(*simulated(rng, n=2000, q=0.04, sd=0.7, times=7))) for _ in range(600)
    ]
    assert 0.02 < np.mean(np.array(same) < 0.05) < 0.11
    n, k, m, total, squares = simulated(rng, n=2000, q=0.04, sd=0.7, times=7)
    total[0], squares[0] = 3 * total[0], 9 * squares[0]
    assert fmea.alike_p(fmea.expected_loss(n, k, m, total, squares)) < 1e-4


def test_shares_are_compared_as_scipy_compares_them():
    """Pearson's chi-square without correction on the table of events and their absence."""
    events, cases = np.array([30, 12, 25]), np.array([200, 150, 90])
    expected = chi2_contingency([events, cases - events], correction=False).pvalue
    assert fmea.shares_alike_p(events, cases) == pytest.approx(expected)
    assert fmea.shares_alike_p([0, 0], [10, 20]) == 1.0


def test_nothing_lost_has_the_exact_upper_bound():
    """No failure in n cases: the share is below 1 - 0.05^(1/n) with 95 %."""
    found = fmea.expected_loss([400, 400], [0, 20], [0, 20], [0.0, 200.0], [0.0, 2000.0])
    assert found.amount[0] == 0
    assert found.high[0] == pytest.approx(10 * (1 - 0.05 ** (1 / 400)), rel=0.01)
