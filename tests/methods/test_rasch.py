"""Severities by conditional likelihood: against published estimates, a closed form and planted raters."""

import numpy as np
import pytest

from playbook.methods import rasch

# Bock & Lieberman (1970): answers of 1,000 persons to five items of the Law School Admission Test, section 6, by pattern.
LSAT6 = (
    3,
    6,
    2,
    11,
    1,
    1,
    3,
    4,
    1,
    8,
    0,
    16,
    0,
    3,
    2,
    15,
    10,
    29,
    14,
    81,
    3,
    28,
    15,
    80,
    16,
    56,
    21,
    173,
    11,
    61,
    28,
    298,
)


def lsat():
    """Persons as subjects, items as raters."""
    answers = np.repeat((np.arange(32)[:, None] >> np.arange(5)[::-1]) & 1, LSAT6, axis=0)
    return np.repeat(np.arange(1000), 5), np.tile(np.arange(5), 1000), answers.ravel()


def planted(severity, spread, n, seed, *, grades=3):
    """Two raters a subject; the raters' second half reads subjects of a lower group."""
    rng = np.random.default_rng(seed)
    raters, low = len(severity), np.arange(n) % 2 == 1
    first = rng.integers(0, raters // 2, n) + np.where(low, raters // 2, 0)
    second = (first + 1 + rng.integers(0, raters - 1, n)) % raters
    theta = rng.normal(0, spread, n) - low
    subject, rater = np.repeat(np.arange(n), 2), np.column_stack([first, second]).ravel()
    steps = np.array([0.0, -1.0, 0.0])[:grades]
    logit = np.arange(grades) * (theta[subject] - severity[rater])[:, None] - steps
    score = (logit + rng.gumbel(size=logit.shape)).argmax(axis=1)
    return subject, rater, score, np.where(low, "low", "up")[subject]


def test_lsat_difficulties_are_the_published_conditional_estimates():
    """Andersen & Madsen (1977): -1.256, .475, 1.236, .168, -.624."""
    fit = rasch.severities(rasch.patterns(*lsat(), grades=2))
    assert np.allclose(fit.severity, [-1.256, 0.475, 1.236, 0.168, -0.624], atol=0.002)


def test_two_raters_and_two_grades_have_a_closed_form():
    """The difference is the logarithm of n10 / n01; its variance is 1 / n10 + 1 / n01."""
    scores = [1, 0] * 30 + [0, 1] * 10 + [1, 1] * 25 + [0, 0] * 5
    fit = rasch.severities(rasch.patterns(np.repeat(np.arange(70), 2), ["a", "b"] * 70, scores, grades=2))
    assert fit.severity[1] - fit.severity[0] == pytest.approx(np.log(3), abs=0.001)
    assert 2 * fit.error[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10), rel=0.001)


def test_planted_severities_are_found_where_severe_raters_read_lower_subjects():
    """Over 20 samples of 1,500 subjects the errors have the spread that is claimed and no bias; raw means are off."""
    severity = np.array([-1.0, -0.3, 0.3, 1.0])
    errors, raw_gap, fair_gap = [], [], []
    for seed in range(20):
        subject, rater, score, group = planted(severity, 1.5, 1500, seed)
        found = rasch.patterns(subject, rater, score, group, grades=3)
        fit = rasch.severities(found)
        errors.append((fit.severity - severity) / fit.error)
        mean = [score[group == name].mean() for name in ("low", "up")]
        raw_gap.append(mean[1] - mean[0])
        shares = rasch.theta_shares(found, fit)
        fair = shares @ rasch.expected_scores(fit).mean(axis=0)
        fair_gap.append(fair[1] - fair[0])
    errors = np.array(errors)
    assert np.abs(errors.mean(axis=0)).max() < 0.7
    assert 0.7 < errors.std() < 1.3
    theta = np.random.default_rng(1).normal(0, 1.5, 20_000)
    fit = rasch.Severities(severity, np.array([0.0, -1.0, 0.0]), np.zeros(4))
    true_gap = (rasch.expected_scores(fit, theta) - rasch.expected_scores(fit, theta - 1)).mean()
    assert np.mean(fair_gap) == pytest.approx(true_gap, abs=0.03)
    assert np.mean(raw_gap) > true_gap + 0.08


def test_intervals_of_fair_averages_hold_raters_who_are_alike():
    """With no severity planted, 90 % intervals hold zero in about nine of ten cases."""
    held = []
    for seed in range(8):
        found = rasch.patterns(*planted(np.zeros(4), 1.5, 400, seed), grades=3)
        fair = rasch.fair_averages(found, draws=40, seed=seed)
        held += ((fair.raters[:, 1] <= 0) & (fair.raters[:, 2] >= 0)).tolist()
    assert 24 <= sum(held) <= 32


@pytest.mark.parametrize(
    ("subjects", "raters", "scores", "said"),
    [
        ([1, 1, 2, 2], list("abcd"), [0, 1, 0, 1], "only where they, or others between them"),
        ([1, 1], ["a", "a"], [0, 1], "scored the same subject twice"),
        ([1, 1], ["a", "b"], [0, 3], "whole numbers from 0 to 1"),
        ([1] * 13, list(range(13)), [0, 1] * 6 + [0], "13 ratings"),
    ],
)
def test_ratings_that_cannot_be_compared_are_refused(subjects, raters, scores, said):
    """One clear line says why."""
    with pytest.raises(ValueError, match=said):
        rasch.patterns(subjects, raters, scores, grades=2)
