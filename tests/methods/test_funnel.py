"""Limits hold what they promise by enumeration; tolerance factors are those of the tables and of the non-central t."""

import numpy as np
import pytest
from scipy.stats import binom, nct, norm

from playbook.methods import funnel


def test_one_sided_factor_is_that_of_the_tables():
    """n = 10, 95 % of values with 95 % confidence: 2.9110; other sizes against scipy's non-central t."""
    assert funnel.tolerance_one_sided(10) == pytest.approx(2.9110, abs=5e-5)
    for n, cover, confidence in ((3, 0.95, 0.95), (43, 0.9, 0.99), (60, 0.99, 0.9)):
        k = nct.ppf(confidence, n - 1, norm.ppf(cover) * np.sqrt(n)) / np.sqrt(n)
        assert funnel.tolerance_one_sided(n, cover=cover, confidence=confidence) == pytest.approx(k, rel=1e-4)


def test_two_sided_intervals_hold_as_often_as_they_say():
    """Of 40,000 samples of ten, 95 % have mean +- k sd that holds 95 % of the normal they came from."""
    sample = np.random.default_rng(1).normal(size=(40_000, 10))
    reach = funnel.tolerance_two_sided(10) * sample.std(axis=1, ddof=1)
    held = norm.cdf(sample.mean(axis=1) + reach) - norm.cdf(sample.mean(axis=1) - reach)
    assert (held >= 0.95).mean() == pytest.approx(0.95, abs=0.004)


@pytest.mark.parametrize("tail", [0.001, 0.025])
def test_limits_lie_between_the_counts_that_enumeration_gives(tail):
    """The interpolated limit is within one count below the exact binomial quantile, on both sides."""
    n = np.array([20, 50, 137, 1000, 20_000])
    for side, p in (("high", 1 - tail), ("low", tail)):
        r = binom.ppf(p, n, 0.06)
        found = funnel.limits(0.06, n, tail=tail, side=side) * n
        assert (found <= r + 1e-6).all()
        assert (found >= np.maximum(r - 1, 0) - 1e-6).all()


def test_limits_are_stretched_about_the_centre():
    """With four times the variance the limit is twice as far from the centre."""
    one, four = (funnel.limits(0.1, [500], phi=phi)[0] for phi in (1.0, 4.0))
    assert four - 0.1 == pytest.approx(2 * (one - 0.1))


def test_overdispersion_is_found_and_a_few_outliers_do_not_widen_it():
    """Normal scores with sd 1.5 give 2.25 on average; three wild ones of sixty hardly change that, unlike the plain mean."""
    rng = np.random.default_rng(2)
    scores = rng.normal(0, 1.5, (300, 60))
    assert np.mean([funnel.overdispersion(z) for z in scores]) == pytest.approx(2.25, rel=0.05)
    scores[:, :3] = 10.0
    assert np.mean([funnel.overdispersion(z) for z in scores]) < 3
    assert np.mean([funnel.overdispersion(z, winsor=0) for z in scores]) > 6


def test_what_has_no_answer_is_refused():
    """A centre of nothing, cells without cases, too few values."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        funnel.scores([0], [10], 0.0)
    with pytest.raises(ValueError, match="at least 3"):
        funnel.overdispersion([1.0, 2.0])
    with pytest.raises(ValueError, match="at least 2"):
        funnel.tolerance_one_sided(1)
