"""Count regressions equal statsmodels'; effects of small trials are covered; capacity is filled in order."""

import numpy as np
import pytest

from playbook.methods import uplift


def sample(rng, n=60, log=0.4):
    """A small trial of customers who differ a lot, some of whom leave."""
    rate, given = rng.gamma(0.9, 12.0, n), rng.random(n) < 0.5
    stays = np.minimum(rng.exponential(2.0, n), 1.0)
    before = rng.poisson(rate)[:, None]
    return before, given, rng.poisson(rate * stays * np.exp(log * given)).astype(float)


def test_count_regression_and_its_error_equal_those_of_statsmodels():
    """Estimate and HC3 error of a negative binomial model with known dispersion, with time of exposure."""
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    before, given, after = sample(rng, 200)
    design = np.column_stack([np.ones(200), given, np.log(before[:, 0] + 0.5)])
    time = rng.uniform(20, 52, 200)
    family = sm.families.NegativeBinomial(alpha=uplift.DISPERSION)
    oracle = sm.GLM(after, design, family=family, exposure=time).fit()
    found = uplift.count_regression(after, design, exposure=time)[0]
    error = uplift.robust_error(after, design, found, weights=np.ones(200), exposure=time)
    assert found == pytest.approx(oracle.params, abs=1e-5)
    mean = oracle.mu
    part = 1 / (1 + uplift.DISPERSION * mean)
    bread = np.linalg.inv(design.T @ np.diag(part * mean) @ design)
    hat = np.diag(design @ bread @ design.T) * part * mean
    meat = design.T @ np.diag((part * (after - mean) / (1 - hat)) ** 2) @ design
    assert error == pytest.approx(np.sqrt(np.diag(bread @ meat @ bread)), rel=1e-4)


def test_many_resamples_at_once_equal_one_by_one():
    """Batched fits are the fits of each row of weights."""
    rng = np.random.default_rng(2)
    before, given, after = sample(rng)
    design = np.column_stack([np.ones(60), given, np.log(before[:, 0] + 0.5)])
    weights = uplift.bayesian_weights(5, 60, rng)
    single = [uplift.count_regression(after, design, weights=row[None])[0] for row in weights]
    assert uplift.count_regression(after, design, weights=weights) == pytest.approx(
        np.array(single), abs=1e-4
    )


@pytest.mark.parametrize("planted", [0.0, 0.4])
def test_intervals_of_small_trials_cover_and_a_plain_comparison_of_chosen_customers_does_not(planted):
    """Of 200 trials with 60 customers, about 90 % hold the planted effect; who was chosen looks too good."""
    rng = np.random.default_rng(3)
    held, chosen = [], []
    for _ in range(200):
        before, given, after = sample(rng, log=planted)
        every = np.ones(60, dtype=bool)
        trial = uplift.Trial(np.arange(60), every, given, every / 2, before, after, every * 52.0)
        effect = trial.effect(every, uplift.bayesian_weights(60, 60, rng))
        low, high = np.quantile(effect.draws, [0.05, 0.95])
        held.append(low <= planted <= high)
        picked = before[:, 0] > np.median(before)
        chosen.append(uplift.plain_ratio(after, picked))
    assert 0.84 <= np.mean(held) <= 0.97
    assert np.mean(chosen) > planted + 0.5


def test_unequal_chances_are_weighed():
    """Where heavy buyers got the programme more often, by lot, one over the chance puts it right."""
    rng = np.random.default_rng(4)
    weighed, plain, every = [], [], np.ones(1000, dtype=bool)
    for _ in range(40):
        rate = rng.choice([5.0, 50.0], 1000)
        chance = np.where(rate > 10, 0.8, 0.3)
        given = rng.random(1000) < chance
        after = rng.poisson(rate).astype(float)
        own = np.where(given, chance, 1 - chance)
        trial = uplift.Trial(np.arange(1000), every, given, own, np.zeros((1000, 0)), after, every * 52.0)
        weighed.append(trial.effect(every, uplift.bayesian_weights(5, 1000, rng)).log)
        plain.append(uplift.plain_ratio(after, given))
    assert abs(np.mean(weighed)) < 3.5 * np.std(weighed) / np.sqrt(40)
    assert abs(np.mean(weighed)) < 0.05
    assert np.mean(plain) > 0.3


def test_an_arm_that_is_too_small_gives_no_effect():
    """Seven with the programme are fewer than the eight asked for."""
    given = np.arange(40) < 7
    every = np.ones(40, dtype=bool)
    trial = uplift.Trial(np.arange(40), every, given, every / 2, np.ones((40, 1)), every * 3.0, every * 52.0)
    assert trial.effect(every, np.ones((4, 40)), least=8) is None
    assert trial.treated(40).sum() == 7
