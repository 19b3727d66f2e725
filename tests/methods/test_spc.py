"""Constants, charts, rules and run lengths equal the published ones."""

import numpy as np
import pytest

from playbook.methods import spc

# Montgomery & Runger, example 16-6: chemical process concentration, target 99, K = 1.
CONCENTRATION = [
    102.0, 94.8, 98.3, 98.4, 102.0, 98.5, 99.0, 97.7, 100.0, 98.1,
    101.3, 98.7, 101.1, 98.4, 97.0, 96.7, 100.3, 101.4, 97.2, 101.0,
]  # fmt: skip


@pytest.mark.parametrize(
    ("n", "d2", "d3", "c4", "a2", "a3", "b4", "d4"),
    [
        (2, 1.128, 0.853, 0.7979, 1.880, 2.659, 3.267, 3.267),
        (5, 2.326, 0.864, 0.9400, 0.577, 1.427, 2.089, 2.114),
        (10, 3.078, 0.797, 0.9727, 0.308, 0.975, 1.716, 1.777),
    ],
)
def test_constants_equal_montgomery_appendix_vi(n, d2, d3, c4, a2, a3, b4, d4):
    """The basic constants, and those that follow from them."""
    assert [spc.d2(n), spc.d3(n), spc.c4(n)] == pytest.approx([d2, d3, c4], abs=5e-4)
    derived = [
        3 / (spc.d2(n) * n**0.5),
        3 / (spc.c4(n) * n**0.5),
        1 + 3 * (1 - spc.c4(n) ** 2) ** 0.5 / spc.c4(n),
        1 + 3 * spc.d3(n) / spc.d2(n),
    ]
    assert derived == pytest.approx([a2, a3, b4, d4], abs=1.2e-3)


def test_cusum_equals_montgomery_and_runger_example():
    """Upper and lower sums as printed in example 16-6; neither reaches H = 10."""
    sums = spc.cusum(CONCENTRATION, target=99, slack=1)
    upper = [2.0, 0, 0, 0, 2.0, 0.5, 0, 0, 0, 0, 1.3, 0, 1.1, 0, 0, 0, 0.3, 1.7, 0, 1.0]
    assert sums[:, 0] == pytest.approx(upper, abs=0.05)
    assert sums[:4, 1] == pytest.approx([0, 3.2, 2.9, 2.5], abs=0.05)
    assert sums[14:, 1] == pytest.approx([1.0, 2.3, 0, 0, 0.8, 0], abs=0.05)
    assert sums.max() < 10


@pytest.mark.parametrize(
    ("interval", "expected"), [(4.0, [168, 26.6, 8.38, 3.34]), (5.0, [465, 38.0, 10.4, 4.01])]
)
def test_cusum_run_lengths_equal_montgomery(interval, expected):
    """Shifts of 0, 0.5, 1 and 2 sigma."""
    lengths = [spc.cusum_run_length(shift, interval=interval) for shift in (0, 0.5, 1, 2)]
    assert lengths == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("weight", "limit", "expected"),
    [(0.1, 2.814, [500, 31.3, 10.3, 4.36]), (0.25, 2.998, [500, 48.2, 11.1, 3.6]), (0.4, 3.054, [500])],
)
def test_ewma_run_lengths_equal_lucas_and_saccucci(weight, limit, expected):
    """Shifts of 0, 0.5, 1 and 2 sigma."""
    lengths = [spc.ewma_run_length(s, weight=weight, limit=limit) for s in (0, 0.5, 1, 2)[: len(expected)]]
    assert lengths == pytest.approx(expected, rel=0.01)


def test_shewhart_run_length_equals_montgomery():
    """A three-sigma chart runs 370.4 points without, 43.89 with a shift of one sigma."""
    assert spc.shewhart_run_length([0, 1]) == pytest.approx([370.40, 43.89], abs=0.01)


@pytest.mark.parametrize(
    ("rule", "rate"),
    list(enumerate([0.00270, 0.00391, 0.00278, 0.00457, 0.00306, 0.00553, 0.00326, 0.000103])),
)
def test_nelson_rules_signal_at_their_nominal_rate(rule, rate):
    """Pointwise rates on independent normal values, Nelson (1984); four standard errors of a rate are allowed."""
    z = np.random.default_rng(2).normal(size=2_000_000)
    assert spc.nelson(z)[:, rule].mean() == pytest.approx(rate, rel=0.05 if rule < 7 else 0.35)


def test_laney_equals_p_chart_when_only_binomial_variation_is_there():
    """With no variation between days the widening factor is near 1."""
    rng = np.random.default_rng(1)
    chart = spc.p_chart(rng.binomial(400, 0.1, 500), np.full(500, 400), base=slice(0, 500))
    assert chart.sigma_z == pytest.approx(1, abs=0.1)


def test_u_chart_widens_with_variation_between_periods():
    """Counts twice as variable as Poisson widen the limits by about the square root of two."""
    rng = np.random.default_rng(3)
    events = rng.negative_binomial(50, 0.5, 4000)
    assert spc.u_chart(events, np.ones(4000), base=slice(0, 4000)).sigma_z == pytest.approx(2**0.5, rel=0.05)


def test_xmr_and_xbar_limits_hold_normal_values():
    """About 27 in 10,000 independent normal points lie outside three-sigma limits."""
    rng = np.random.default_rng(4)
    samples = rng.normal(10, 2, (40_000, 5))
    for chart in (spc.xmr(samples[:, 0], base=slice(0, 40_000)), spc.xbar_s(samples, base=slice(0, 40_000))):
        assert (np.abs(chart.z) > 3).mean() == pytest.approx(0.0027, abs=0.0012)


def test_ewma_with_weight_one_is_a_shewhart_chart():
    """Without memory the average is the point itself, and its limits are the chart's."""
    z = np.random.default_rng(5).normal(size=1000)
    average, signal = spc.ewma(z, weight=1.0, limit=2.0)
    assert average == pytest.approx(z)
    assert (signal == (np.abs(z) > 2)).all()


@pytest.mark.parametrize(
    ("events", "trials", "expected"),
    [([0, 1], [0, 10], "at least one trial"), ([0, 0], [5, 5], "some failures")],
)
def test_a_p_chart_refuses_what_has_no_share(events, trials, expected):
    """Empty periods and phases without a failure are named."""
    with pytest.raises(ValueError, match=expected):
        spc.p_chart(events, trials, base=slice(0, 2))
