"""Reliability, prediction and breaks: against published numbers, closed forms and other implementations."""

import numpy as np
import pytest

from playbook.methods import reliability

# Gujarati & Porter, Basic Econometrics: savings and income in the USA, 1970-1995 (billions of dollars).
SAVINGS = (61.0, 68.6, 63.6, 89.6, 97.6, 104.4, 96.4, 92.5, 112.6, 130.1, 161.8, 199.1, 205.5, 167.0, 235.7, 206.2,
           196.5, 168.4, 189.1, 187.8, 208.7, 246.4, 272.6, 214.4, 189.4, 249.3)  # fmt: skip
INCOME = (727.1, 790.2, 855.3, 965.0, 1054.2, 1159.2, 1273.0, 1401.4, 1580.1, 1769.5, 1973.3, 2200.2, 2347.3, 2522.4,
          2810.0, 3002.0, 3187.6, 3363.1, 3640.8, 3894.5, 4166.8, 4343.7, 4613.7, 4790.2, 5021.7, 5320.8)  # fmt: skip
# Hanley & McNeil (1982), table I: ratings 1 to 5 of 58 normal and 51 abnormal CT images.
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)


def parallel_halves(r, n, seed=0):
    """Two halves whose correlation is `r` in the population."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, np.sqrt(r), n)
    return true + rng.normal(0, np.sqrt(1 - r), (2, n))


def test_spearman_brown_equals_the_correlation_of_longer_measures():
    """What the formula foretells for three times the length is what three times the length gives."""
    rng = np.random.default_rng(1)
    items = rng.normal(0, 1, 200_000)[:, None] + rng.normal(0, 2, (200_000, 6))
    short = np.corrcoef(items[:, 0], items[:, 1])[0, 1]
    long = np.corrcoef(items[:, :3].mean(axis=1), items[:, 3:].mean(axis=1))[0, 1]
    assert float(reliability.spearman_brown(short, 3)) == pytest.approx(long, abs=0.01)


def test_split_half_is_cronbachs_alpha_of_two_equal_halves():
    """With halves of one variance the stepped-up correlation is alpha: 2 (1 - sum of variances / variance of the sum)."""
    a, b = parallel_halves(0.5, 60)
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    alpha = 2 * (1 - (a.var() + b.var()) / (a + b).var())
    assert reliability.split_half(a, b).reliability == pytest.approx(alpha)


@pytest.mark.parametrize("r", [0.0, 0.4])
def test_split_half_interval_holds_the_truth_nine_times_in_ten(r):
    """Over 300 samples of 80 subjects the 90 % interval covers at its rate."""
    truth = 2 * r / (1 + r)
    found = [reliability.split_half(*parallel_halves(r, 80, seed)) for seed in range(300)]
    assert 0.86 <= np.mean([f.low <= truth <= f.high for f in found]) <= 0.94


def test_repeated_subjects_widen_the_interval():
    """Four copies of each subject are no more evidence than one; without groups they would be."""
    a, b = parallel_halves(0.4, 60)
    once, copies = reliability.split_half(a, b), [np.tile(half, 4) for half in (a, b)]
    grouped = reliability.split_half(*copies, groups=np.tile(np.arange(60), 4))
    naive = reliability.split_half(*copies)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.01)
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_chow_reproduces_the_published_test():
    """Savings and income before and since 1982: F = 10.69 on 2 and 22 degrees of freedom, p = 0.0005 or 0.0006."""
    x = np.column_stack([np.ones(26), INCOME])
    found = reliability.chow(SAVINGS, x, np.arange(1970, 1996) >= 1982)
    assert found.statistic == pytest.approx(10.69, abs=0.005)
    assert found.df == (2, 22)
    assert found.p == pytest.approx(0.0006, abs=0.0001)


def test_area_reproduces_the_published_one():
    """Hanley & McNeil's CT ratings: area 0.893, standard error 0.032 (theirs from a formula, ours from placements)."""
    score = np.concatenate([np.repeat(range(1, 6), counts) for counts in (NORMAL, ABNORMAL)])
    found = reliability.area(score, np.repeat([False, True], [58, 51]))
    assert found.area == pytest.approx(0.893, abs=0.0005)
    assert found.error == pytest.approx(0.032, abs=0.002)


def test_area_within_strata_counts_pairs_of_one_stratum():
    """Against plain enumeration of all pairs that share a stratum."""
    rng = np.random.default_rng(2)
    score, outcome, strata = rng.integers(0, 5, 60), rng.random(60) < 0.4, rng.integers(0, 4, 60)
    pairs = [
        (score[i] > score[j]) + (score[i] == score[j]) / 2
        for i in np.flatnonzero(outcome)
        for j in np.flatnonzero(~outcome)
        if strata[i] == strata[j]
    ]
    assert reliability.area(score, outcome, strata=strata).area == pytest.approx(np.mean(pairs))


def test_logistic_and_counts_agree_with_statsmodels():
    """Coefficients match statsmodels; so do cluster errors, but for the widening that few clusters need."""
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(400), rng.normal(0, 1, (400, 2))])
    group, count = np.repeat(range(100), 4), rng.poisson(np.exp(0.5 + x @ [0, 0.3, -0.2]))
    binary = sm.Logit(count > 1, x).fit(disp=0).params
    assert reliability.logistic(x, count > 1) == pytest.approx(binary, abs=1e-4)
    theirs = sm.GLM(count, x, family=sm.families.Poisson()).fit(
        cov_type="cluster", cov_kwds={"groups": group}
    )
    ours = reliability.count_relation(count, x, group)
    assert ours.slopes == pytest.approx(theirs.params, abs=1e-6)
    ratio = np.array([ours.of(row)[1] for row in np.eye(3)]) / theirs.bse
    assert (ratio > 0.98).all()
    assert (ratio < 1.06).all()


def test_degrees_of_freedom_count_the_groups_that_matter():
    """Ten groups of one pull are ten; one group that pulls everything is one."""
    slopes = np.zeros(1)
    assert reliability.Relation(slopes, np.ones((10, 1))).of([1.0])[2] == pytest.approx(10)
    assert reliability.Relation(slopes, np.r_[1.0, np.zeros(9)][:, None]).of([1.0])[2] == pytest.approx(1)


def test_out_of_sample_scores_never_saw_their_group():
    """When the outcome is each group's own lot and the predictor names the group, scores are worth nothing."""
    rng = np.random.default_rng(4)
    group = np.repeat(range(40), 10)
    outcome = (rng.random(40) < 0.5)[group]
    names = (group[:, None] == np.arange(40)).astype(float)
    score, fold = reliability.out_of_sample(names, outcome, group)
    assert (np.bincount(fold) == 80).all()
    assert reliability.area(score, outcome, strata=fold).area == pytest.approx(0.5, abs=0.05)
    seen = names @ reliability.logistic(names, outcome)
    assert reliability.area(seen, outcome).area == 1.0


def test_bad_input_is_refused_in_one_line():
    """Too few subjects, one outcome only, a date at the end, a predictor twice."""
    with pytest.raises(ValueError, match="ten subjects"):
        reliability.split_half([1, 2], [1, 2])
    with pytest.raises(ValueError, match="same for all"):
        reliability.split_half([1] * 10, range(10))
    with pytest.raises(ValueError, match="both outcomes"):
        reliability.area([1, 2], [True, True])
    with pytest.raises(ValueError, match="each side"):
        reliability.chow([1, 2, 3], [[1], [1], [1]], [False, False, True])
    with pytest.raises(ValueError, match="repeats the others"):
        reliability.count_relation([1, 2, 3, 1], [[1, 1]] * 4, range(4))
    with pytest.raises(ValueError, match="folds"):
        reliability.out_of_sample([[1], [2]], [True, False], [1, 2])
