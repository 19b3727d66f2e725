"""Published curves are reproduced; learning is recovered although weak learners leave."""

import numpy as np
import pytest

from playbook.methods import learning


def test_savings_equal_ebbinghaus():
    """V45: the formula's values at the seven intervals of 1885, per cent."""
    minutes = [20, 64, 526, 1440, 2880, 8640, 44640]
    expected = [57.0, 46.8, 34.5, 30.4, 28.1, 24.9, 21.2]
    assert 100 * learning.savings(minutes) == pytest.approx(expected, abs=0.1)


def test_wright_eighty_percent_curve():
    """V45: units 1, 2, 4, 8 on an 80 % curve."""
    assert learning.wright(100, [1, 2, 4, 8], rate=0.8) == pytest.approx([100, 80, 64, 51.2])


def test_wright_rate_ignores_who_stays():
    """Slow people who stop early do not make the rate look better."""
    n = np.arange(1, 9)
    slow, fast = learning.wright(200, n[:3], rate=0.9), learning.wright(50, n, rate=0.9)
    rate = learning.wright_rate(np.r_[slow, fast], np.r_[n[:3], n], ["s"] * 3 + ["f"] * 8)
    assert rate == pytest.approx(0.9)


def test_learning_without_forgetting_is_exponential():
    """With nothing forgotten the gap to a perfect score shrinks by exp(-gain) a practice."""
    path = learning.learning_path(np.full(6, 30.0), start=0.4, gain=0.3, forget=0.0)
    assert path == pytest.approx(1 - 0.6 * np.exp(-0.3 * np.arange(6)))


def test_score_falls_to_what_is_needed_when_said():
    """After `weeks_above` the forgetting curve is exactly at the needed score."""
    weeks = learning.weeks_above(0.9, 0.7, 3, start=0.4, forget=0.5)
    left = 0.4 + 0.5 * learning.kept(7 * weeks, 3, forget=0.5)
    assert left == pytest.approx(0.7)
    assert learning.weeks_above(0.6, 0.7, 3, start=0.4, forget=0.5) == 0


def crowd(rng, people=300, practices=14):
    """Scores of one group whose weak learners leave early; returned with their gaps and stays."""
    skill = rng.normal(size=people)
    gaps = rng.choice([7.0, 14.0, 40.0], (people, practices))
    path = learning.learning_path(np.full(practices, 7.0), start=0.4, gain=0.15, forget=0.4)
    scores = np.empty((people, practices))
    for i in range(people):
        gain = 0.15 * np.exp(0.5 * skill[i])
        path = learning.learning_path(gaps[i], start=0.4, gain=gain, forget=0.4)
        scores[i] = path + rng.normal(0, 0.06, practices)
    stay = rng.exponential(250 * np.exp(0.8 * skill))
    left = stay < 500
    scores[np.cumsum(gaps, axis=1) > stay[:, None]] = np.nan
    return scores, gaps, np.minimum(stay, 500), left


def test_rates_and_their_link_to_leaving_are_recovered():
    """All leave by skill; gain, forgetting and the link lie in their 99 % intervals."""
    scores, gaps, stay, left = crowd(np.random.default_rng(5))
    fit = learning.fit_learning(scores, gaps, np.zeros(len(scores), int), stay_d=stay, left=left)
    for name, planted in (("gain", 0.15), ("forget", 0.4), ("start", 0.4), ("leave_on_skill", 0.8)):
        low, high = fit.interval(name, level=0.99)[0]
        assert low < planted < high, name


def test_gradient_equals_finite_differences():
    """The analytic gradient agrees with differences of the log likelihood."""
    scores, gaps, stay, left = crowd(np.random.default_rng(6), people=12, practices=5)
    exposure, events = learning._exposure(stay, left)
    theta = np.array([-0.3, -1.8, -1.0, -0.6, -2.4, -6.0, -6.2, -6.5, 0.5])
    people = (scores, gaps, np.zeros(12, int), exposure, events)
    _, gradient = learning._log_likelihood(theta, *people)
    for k, unit in enumerate(np.eye(len(theta)) * 1e-5):
        up, down = (learning._log_likelihood(theta + side * unit, *people)[0].sum() for side in (1, -1))
        assert gradient[:, k].sum() == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-4)


def test_groups_without_scores_are_refused():
    """A group nobody practised in has nothing to say."""
    with pytest.raises(ValueError, match="group 1 has no scores"):
        learning.fit_learning([[0.5, 0.6], [np.nan, np.nan]], np.full((2, 2), 7.0), [0, 1])


def test_transfer_arithmetic():
    """60 MB at 400 kbit/s take 20 minutes: 480,000 kilobits over 400, over 60."""
    assert learning.transfer_minutes(60, 400) == pytest.approx(20)


def test_unfinished_transfers_count_as_slow():
    """The speed's median is recovered although slow ones never finish; the finished ones overstate it."""
    rng = np.random.default_rng(7)
    speed = np.exp(rng.normal(np.log(1000), 0.5, 4000))
    limit = rng.choice([300.0, 1000.0, 1500.0], 4000)
    seen = np.where(speed >= limit, speed, np.nan)
    middle, sd = learning.fit_speed(seen, limit)
    assert np.exp(middle) == pytest.approx(1000, rel=0.04)
    assert sd == pytest.approx(0.5, rel=0.08)
    assert np.nanmedian(seen) > 1200


def test_least_squares_interval_covers_at_its_rate():
    """A 95 % interval from unequal variances covers the coefficient about 95 times in 100."""
    rng, hits = np.random.default_rng(8), 0
    for _ in range(400):
        x = np.column_stack([np.ones(80), rng.random(80) < 0.5])
        y = x @ [1.0, 0.5] + rng.normal(0, 1 + x[:, 1])
        beta, error = learning.least_squares(x, y)
        hits += abs(beta[1] - 0.5) < 1.96 * error[1]
    assert hits / 400 == pytest.approx(0.945, abs=0.03)
