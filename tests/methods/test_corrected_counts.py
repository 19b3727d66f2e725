"""Corrected shares and slopes: closed forms, an independent weighted regression, and coverage."""

import numpy as np
import pytest

from playbook.methods import corrected_counts as corrected


def classified(n, known, seed, *, hits=0.5, alarms=0.1, share=0.3):
    """Truth, guesses and the positions of known cases."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < share).astype(float)
    guess = (rng.random(n) < np.where(truth == 1, hits, alarms)).astype(float)
    return truth, guess, np.sort(rng.permutation(n)[:known])


def test_adjusted_count_turns_rates_round():
    """With rates as they are, guesses of .4 x .6 + .6 x .2 = .36 come from a share of .4 (Forman 2008)."""
    known = np.r_[np.repeat(1.0, 50), np.repeat(0.0, 50)]
    guess = np.r_[np.repeat(1.0, 30), np.repeat(0.0, 20), np.repeat(1.0, 10), np.repeat(0.0, 40)]
    rest = np.r_[np.repeat(1.0, 320), np.repeat(0.0, 580)]
    found = corrected.adjusted_count(np.r_[guess, rest], known, np.arange(100))
    assert found.estimate == pytest.approx((0.36 - 0.2) / (0.6 - 0.2))


def test_ppi_mean_at_full_power_is_the_formula_of_the_paper():
    """Mean of other guesses, plus the mean error of known ones; variances add (Angelopoulos et al. 2023)."""
    truth, guess, known = classified(800, 200, 1)
    other = np.setdiff1d(np.arange(800), known)
    found = corrected.ppi_mean(truth[known], guess[known], guess[other], power=1.0)
    error = truth[known] - guess[known]
    assert found.estimate == pytest.approx(guess[other].mean() + error.mean())
    variance = error.var(ddof=1) / 200 + guess[other].var(ddof=1) / 600
    assert found.half == pytest.approx(1.6448536 * np.sqrt(variance))


def test_useless_guesses_get_no_weight_and_perfect_ones_all_they_can():
    """Noise is left out; guesses that are the truth make known cases count as all cases."""
    truth, _, known = classified(2000, 300, 2)
    other = np.setdiff1d(np.arange(2000), known)
    noise = np.zeros(2000)
    alone = corrected.ppi_mean(truth[known], noise[known], noise[other])
    assert (alone.power, alone.estimate) == (0.0, pytest.approx(truth[known].mean()))
    perfect = corrected.ppi_mean(truth[known], truth[known], truth[other])
    assert perfect.estimate == pytest.approx(truth.mean(), abs=0.002)
    assert perfect.half == pytest.approx(1.6448536 * truth.std() / np.sqrt(2000), rel=0.01)


def test_intervals_cover_and_raw_counts_do_not():
    """Of 200 samples, 90 % intervals of both corrections hold the true share about as often; the raw share never."""
    held = np.zeros(3)
    for seed in range(200):
        truth, guess, known = classified(1200, 300, seed)
        other = np.setdiff1d(np.arange(1200), known)
        mean = corrected.ppi_mean(truth[known], guess[known], guess[other])
        count = corrected.adjusted_count(guess, truth[known], known)
        held += [one.low <= 0.3 <= one.high for one in (mean, count)] + [abs(guess.mean() - 0.3) < 0.03]
    assert 170 <= held[0] <= 190
    assert 170 <= held[1] <= 196
    assert held[2] == 0


def test_planned_half_is_what_ppi_then_finds():
    """Spread and correlation of a large sample foretell the half interval within a twentieth."""
    truth, guess, known = classified(3000, 400, 3, hits=0.8)
    other = np.setdiff1d(np.arange(3000), known)
    found = corrected.ppi_mean(truth[known], guess[known], guess[other])
    planned = corrected.planned_half(truth.std(), np.corrcoef(truth, guess)[0, 1], 400, 3000)
    assert found.half == pytest.approx(planned, rel=0.05)


def test_slope_without_power_is_weighted_least_squares_of_known_cases():
    """Coefficients by scaled rows, and errors by the sandwich formula of White (1980), up to the degrees of freedom."""
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(500), rng.normal(size=500)])
    y, weights = x @ [1.0, 2.0] + rng.normal(size=500), rng.uniform(0.5, 2, 500)
    ours = corrected.ppi_slope(x[:300], y[:300], y[:300], x[300:], y[300:], weights=weights[:300], power=0.0)
    z, w = x[:300], weights[:300]
    beta = np.linalg.lstsq(z * np.sqrt(w)[:, None], y[:300] * np.sqrt(w), rcond=None)[0]
    bread = np.linalg.inv(z.T @ np.diag(w) @ z)
    sandwich = bread @ z.T @ np.diag((w * (y[:300] - z @ beta)) ** 2) @ z @ bread
    assert [one.estimate for one in ours] == pytest.approx(beta.tolist())
    assert [one.half / 1.6448536 for one in ours] == pytest.approx(
        np.sqrt(np.diag(sandwich)).tolist(), rel=0.01
    )


def test_slope_of_errors_that_differ_between_groups_is_corrected():
    """Of 100 samples without a difference, intervals hold zero about nine times in ten; the raw slope is far off."""
    held, raw = 0, []
    for seed in range(100):
        truth, guess, known = classified(1500, 400, seed, hits=0.9)
        group = np.random.default_rng(seed + 999).integers(0, 2, 1500)
        guess = np.where((group == 1) & (np.random.default_rng(seed).random(1500) < 0.6), 0.0, guess)
        x, other = np.column_stack([np.ones(1500), group]), np.setdiff1d(np.arange(1500), known)
        found = corrected.ppi_slope(x[known], truth[known], guess[known], x[other], guess[other])[1]
        held += found.low <= 0 <= found.high
        raw.append(guess[group == 1].mean() - guess[group == 0].mean())
    assert 82 <= held <= 97
    assert np.mean(raw) < -0.15


def test_what_cannot_be_corrected_is_refused():
    """No positives known, a blind classifier, one group only, too few cases."""
    with pytest.raises(ValueError, match="both kinds"):
        corrected.adjusted_count([0, 1, 0], [0, 0], [0, 1])
    with pytest.raises(ValueError, match="nothing to adjust"):
        corrected.adjusted_count([0, 1, 0], [1, 0], [0, 1])
    with pytest.raises(ValueError, match="at least two"):
        corrected.ppi_mean([1], [1], [1, 0])
    with pytest.raises(ValueError, match="do not vary"):
        corrected.ppi_slope(np.ones((3, 2)), [1, 0, 1], [1, 0, 0], np.ones((3, 2)), [1, 0, 0])
