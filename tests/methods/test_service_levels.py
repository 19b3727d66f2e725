"""Stages add up as closed forms say; intervals over clusters cover; a split covers the customer's promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.methods import service_levels as sl

# NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4: upper critical values of chi-square.
CHI_SQUARE = [(4, 0.90, 7.779), (4, 0.95, 9.488), (6, 0.90, 10.645), (6, 0.95, 12.592), (10, 0.99, 23.209)]


@pytest.mark.parametrize(("degrees", "level", "value"), CHI_SQUARE)
def test_erlang_is_the_published_chi_square(degrees, level, value):
    """Half of a chi-square time with 2k degrees of freedom is k stages of rate 1."""
    assert sl.erlang_cdf(value, degrees // 2, 0.5) == pytest.approx(level, abs=5e-5)


@pytest.mark.parametrize("rates", [(1.0, 2.0), (0.2, 0.11, 0.05), (3.0, 1.0, 0.5, 0.25)])
def test_hypoexponential_agrees_with_the_matrix_exponential(rates):
    """The closed form is the absorption time of the chain that passes the stages one by one."""
    from scipy.linalg import expm

    chain = np.diag([-r for r in rates]) + np.diag(rates[:-1], 1)
    for t in (0.5, 5.0, 40.0):
        assert sl.hypoexponential_cdf(t, rates) == pytest.approx(1 - expm(chain * t)[0].sum(), abs=1e-9)


def test_hypoexponential_nears_erlang_as_rates_near_each_other():
    """Two rates that almost agree give almost the Erlang time."""
    assert sl.hypoexponential_cdf(3.0, [1.0, 1.001]) == pytest.approx(
        float(sl.erlang_cdf(3.0, 2, 1.0005)), abs=1e-6
    )


def exponential_stages(rates, n=4000):
    """Exact quantiles of exponential stages, each column shuffled: independent by construction."""
    spread = -np.log1p(-(np.arange(n) + 0.5) / n)
    rng = np.random.default_rng(1)
    return np.column_stack([rng.permutation(spread) / rate for rate in rates])


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_convolution_reproduces_the_closed_forms(level):
    """Exponential stages, added as independent, have the hypoexponential and Erlang quantiles."""
    rates = (0.2, 0.11, 0.05)
    found = sl.independent_quantile(exponential_stages(rates), level)
    assert sl.hypoexponential_cdf(found, rates) == pytest.approx(level, abs=0.002)
    found = sl.independent_quantile(exponential_stages((0.1, 0.1, 0.1)), level)
    assert sl.erlang_cdf(found, 3, 0.1) == pytest.approx(level, abs=0.002)


def test_only_the_joint_quantile_attains_its_probability_when_stages_depend():
    """Stages that rise and fall together: the joint 90th percentile is kept in 90 %, the convolution's in fewer."""
    one = exponential_stages([1.0])
    together = np.column_stack([one, 2 * one])
    whole = together.sum(axis=1)
    assert (whole <= sl.joint_quantile(together, 0.9)).mean() == pytest.approx(0.9, abs=0.001)
    assert (whole <= sl.independent_quantile(together, 0.9)).mean() < 0.88


def test_intervals_cover_when_weeks_share_a_load():
    """Over 400 samples of 60 weeks, shares and quantiles are inside their 90 % interval nearly that often; an interval
    that takes each case for itself is not."""
    rng = np.random.default_rng(2)
    week = np.repeat(np.arange(60), 8)
    hits = {"share": 0, "quantile": 0, "single": 0}
    for _ in range(400):
        value = rng.normal(0, 0.7, 60)[week] + rng.normal(0, np.sqrt(0.51), len(week))
        kept = value <= 1.2815516  # planted: 0.9 of standard normal values
        _, low, high = sl.share_interval(kept, week)
        hits["share"] += low <= 0.9 <= high
        _, low, high = sl.quantile_interval(value, 0.9, week)
        hits["quantile"] += low <= 1.2815516 <= high
        _, low, high = sl.share_interval(kept, np.arange(len(week)))
        hits["single"] += low <= 0.9 <= high
    assert 0.86 < hits["share"] / 400 < 0.95
    assert 0.85 < hits["quantile"] / 400 < 0.95
    assert hits["single"] / 400 < 0.8


@given(st.integers(0, 10_000), st.floats(0.01, 0.99))
def test_a_split_adds_up_and_covers_the_promise(seed, place):
    """Targets add up to the promise, and a case whose stages all keep theirs keeps the customer's."""
    stages = np.random.default_rng(seed).gamma(2, [1, 3, 5], (50, 3))
    ordered = np.sort(stages, axis=0).sum(axis=1)
    target = ordered[0] + place * (ordered[-1] - ordered[0])
    targets, level = sl.split(stages, target)
    assert targets.sum() == pytest.approx(target)
    assert (stages <= targets).mean(axis=0) == pytest.approx(level, abs=0.05)
    inside = (stages <= targets).all(axis=1)
    assert (stages[inside].sum(axis=1) <= target + 1e-9).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sl.joint_quantile([1.0, 2.0], 0.9), "a table"),
        (lambda: sl.joint_quantile([[1.0, np.nan]], 0.9), "gaps"),
        (lambda: sl.joint_quantile([[1.0, 2.0]], 90), "between 0 and 1"),
        (lambda: sl.independent_cdf([[-1.0, 2.0]]), "less than no time"),
        (lambda: sl.erlang_cdf(1.0, 0, 1.0), "at least one stage"),
        (lambda: sl.hypoexponential_cdf(1.0, [1.0, 1.0]), "all different"),
        (lambda: sl.share_interval([True], [1]), "at least 2"),
        (lambda: sl.split([[1.0, 1.0], [2.0, 2.0]], 9.0), "cannot share"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(call, says):
    """Each error says what is wrong."""
    with pytest.raises(ValueError, match=says):
        call()
