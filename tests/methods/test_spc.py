"""Chart constants and run lengths equal the published tables; rules signal where their definition says."""

import numpy as np
import pytest

from playbook.methods import spc


@pytest.mark.parametrize(("n", "expected"), [(2, 1.128), (5, 2.326), (10, 3.078)])
def test_d2_equals_montgomery_table(n, expected):
    """Montgomery, appendix VI."""
    assert spc.d2(n) == pytest.approx(expected, abs=5e-4)


def test_run_length_equals_montgomery():
    """A three-sigma chart runs 370.4 points without, 43.89 with a shift of one sigma."""
    assert spc.shewhart_run_length([0, 1]) == pytest.approx([370.40, 43.89], abs=0.01)


def test_laney_equals_p_chart_when_only_binomial_variation_is_there():
    """With no variation between days the widening factor is near 1 and the limits are the p-chart's."""
    rng = np.random.default_rng(1)
    chart = spc.laney_p(rng.binomial(400, 0.1, 500), np.full(500, 400), base=slice(0, 500))
    assert chart["sigma_z"] == pytest.approx(1, abs=0.1)


def test_laney_refuses_empty_periods():
    """A period without trials has no share."""
    with pytest.raises(ValueError, match="at least one trial"):
        spc.laney_p([0, 1], [0, 10], base=slice(0, 2))


@pytest.mark.parametrize(("rule", "rate"), [(0, 0.00270), (1, 0.00391), (2, 0.00278)])
def test_nelson_rules_signal_at_their_nominal_rate(rule, rate):
    """Pointwise rates on independent normal values, Nelson (1984)."""
    z = np.random.default_rng(2).normal(size=2_000_000)
    assert spc.nelson(z)[:, rule].mean() == pytest.approx(rate, rel=0.05)
