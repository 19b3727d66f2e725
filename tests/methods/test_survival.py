"""Kaplan-Meier against the published leukaemia trial, and the rate ratio against closed forms and simulation."""

import numpy as np
import pytest

from playbook.methods.survival import kaplan_meier, rate_ratio

# Weeks of remission under 6-MP (Freireich et al. 1963); the later ones were still in remission.
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
IN_REMISSION = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


@pytest.fixture(scope="module")
def trial():
    return kaplan_meier(RELAPSED + IN_REMISSION, [True] * 9 + [False] * 12, level=0.95)


def test_leukaemia_trial_has_its_published_curve(trial):
    """V32: .857 at 6, .807 at 7, .753, .690 at 13, .627, .538, .448 at 23 weeks; Greenwood .0764 at 6 and .1346 at 23."""
    assert trial.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert trial.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert trial.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert trial.se[[0, -1]] == pytest.approx([0.0764, 0.1346], abs=5e-5)


def test_curve_is_read_between_and_beyond_its_steps(trial):
    """Before the first event all are left; between events the last value holds; beyond the longest watch it is unknown."""
    left, low, high = trial.at([0, 12.9, 35, 35.1])
    assert left[:3] == pytest.approx([1.0, 0.753, 0.448], abs=5e-4)
    assert np.isnan([left[3], low[3], high[3]]).all()
    assert ((low <= left) & (left <= high))[:3].all()
    assert trial.quantile(0.5)[0] == 23
    assert trial.quantile(0.9)[0] == np.inf


def test_without_censoring_it_is_the_plain_share():
    """With all events seen, the curve is the share not yet reached, and Greenwood is binomial."""
    time = np.random.default_rng(1).exponential(5, 200)
    curve = kaplan_meier(time, np.ones(200, dtype=bool))
    left = (time[:, None] > curve.time).mean(axis=0)
    assert curve.survival == pytest.approx(left, abs=1e-12)
    assert curve.se == pytest.approx(np.sqrt(left * (1 - left) / 200), abs=1e-12)


def test_interval_covers_at_its_rate_under_censoring():
    """The 90 % interval of the share left at 5 holds the truth in 165 to 195 of 200 samples; the events alone never do."""
    rng, held, naive = np.random.default_rng(2), 0, 0
    for _ in range(200):
        life, watched = rng.exponential(8, 150), rng.exponential(6, 150)
        curve = kaplan_meier(np.minimum(life, watched), life <= watched)
        _, low, high = (float(v) for v in curve.at(5.0))
        held += low <= np.exp(-5 / 8) <= high
        seen = np.minimum(life, watched)[life <= watched]
        naive += low <= (seen > 5).mean() <= high
    assert 168 <= held <= 194
    assert naive < 20


def test_rate_ratio_of_one_stratum_is_the_plain_one():
    """One stratum: ratio of the rates, and variance of its logarithm 1/a + 1/b."""
    ratio, low, high = rate_ratio([30], [200.0], [20], [400.0], level=0.95)
    assert ratio == pytest.approx((30 / 200) / (20 / 400))
    assert np.log(high / low) == pytest.approx(2 * 1.959964 * np.sqrt(1 / 30 + 1 / 20), rel=1e-6)


def test_rate_ratio_takes_out_what_strata_explain():
    """Twice the rate in every stratum comes back although the pooled rates are equal or reversed."""
    events, time, events_0, time_0 = [10, 120], [100, 300], [60, 30], [1200, 150]
    assert rate_ratio(events, time, events_0, time_0)[0] == pytest.approx(2.0)
    assert (130 / 400) / (90 / 1350) > 4


def test_bad_input_is_refused():
    """No event, negative or missing times, impossible shares and strata without events are errors."""
    with pytest.raises(ValueError, match="at least one event"):
        kaplan_meier([1, 2], [False, False])
    with pytest.raises(ValueError, match="not negative"):
        kaplan_meier([1, -2], [True, True])
    with pytest.raises(ValueError, match="not negative"):
        kaplan_meier([1, np.nan], [True, True])
    with pytest.raises(ValueError, match="between 0 and 1"):
        kaplan_meier([1, 2], [True, True]).quantile(1.0)
    with pytest.raises(ValueError, match="both sides"):
        rate_ratio([0], [1.0], [1], [1.0])
