"""Wilson's interval against scipy."""

import pytest
from scipy.stats import binomtest, norm

from playbook.methods.intervals import Z90, wilson


def test_the_quantile_is_that_of_a_90_percent_interval():
    assert pytest.approx(norm.ppf(0.95)) == Z90


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 30), (30, 30), (499, 1000)])
def test_wilson_is_scipys(k, n):
    """Also at the ends, where a share of none or all leaves room."""
    interval = binomtest(k, n).proportion_ci(0.9, "wilson")
    assert wilson(k, n) == pytest.approx((interval.low, interval.high))
