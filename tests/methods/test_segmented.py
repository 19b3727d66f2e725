"""Broken sticks against a published fit, plain least squares, and planted knees."""

import numpy as np
import pytest

from playbook.methods.segmented import adjusted_shares, broken_stick, logit_stick

# Down's syndrome by age of the mother, British Columbia (Davison & Hinkley 1997, table 7.12): age, births, cases.
DOWN = np.array([
    (17, 13555, 16), (18.5, 13675, 15), (19.5, 18752, 16), (20.5, 22005, 22), (21.5, 23896, 16),
    (22.5, 24667, 12), (23.5, 24807, 17), (24.5, 23986, 22), (25.5, 22860, 15), (26.5, 21450, 14),
    (27.5, 19202, 27), (28.5, 17450, 14), (29.5, 15685, 9), (30.5, 13954, 12), (31.5, 11987, 12),
    (32.5, 10983, 18), (33.5, 9825, 13), (34.5, 8483, 11), (35.5, 7448, 23), (36.5, 6628, 13),
    (37.5, 5780, 17), (38.5, 4834, 15), (39.5, 3961, 30), (40.5, 2952, 31), (41.5, 2276, 33),
    (42.4, 1589, 20), (43.5, 1018, 16), (44.5, 596, 22), (45.5, 327, 11), (47, 249, 7),
], dtype=float)  # fmt: skip
KNOTS = np.linspace(0.5, 9.5, 91)


def sample(seed: int, rise: float = 0.1, n: int = 3000):
    """x, y and strata: the harder stratum has smaller x and more failures."""
    rng = np.random.default_rng(seed)
    hard = rng.integers(0, 2, n)
    x = 10 * rng.random(n) ** np.where(hard, 1.8, 0.7)
    return x, (rng.random(n) < 0.1 + 0.4 * hard + rise * np.maximum(x - 5, 0)).astype(float), hard


def test_downs_syndrome_has_its_published_knee():
    """Muggeo's example: knee at 31.08 years with standard error 0.72, slopes -0.013 and 0.261 a year."""
    age, births, cases = DOWN.T
    fit = logit_stick(age, cases, births, candidates=np.arange(22, 42, 0.01))
    assert fit.knee == pytest.approx(31.08, abs=0.02)
    assert fit.knee_se == pytest.approx(0.724, abs=0.005)
    assert fit.before == pytest.approx(-0.0134, abs=0.0005)
    assert fit.after == pytest.approx(0.261, abs=0.002)
    assert fit.low < fit.knee < fit.high


def test_slopes_and_precision_equal_those_of_explicit_least_squares():
    """The cumulated sums give what a weighted regression with all dummies gives, candidate by candidate."""
    x, y, hard = sample(1, n=400)
    z = np.random.default_rng(2).normal(size=400)
    stick = broken_stick(x, y, candidates=KNOTS[::10], strata=hard, controls=z)
    base = np.column_stack([1 - hard, hard, z])
    fitted = np.clip(base @ np.linalg.lstsq(base, y, rcond=None)[0], 0.05, 0.95)
    root = np.sqrt(1 / (fitted * (1 - fitted)))
    for knot, slope in zip(KNOTS[::10], stick.slopes, strict=True):
        design = np.column_stack([base, np.maximum(x - knot, 0)]) * root[:, None]
        assert slope == pytest.approx(np.linalg.lstsq(design, y * root, rcond=None)[0][-1], abs=1e-9)


def test_interval_holds_the_planted_knee_at_about_its_rate():
    """A 90 % interval holds the knee in 34 to 40 of 40 samples, and is found in all."""
    sticks = [broken_stick(x, y, candidates=KNOTS, strata=s) for x, y, s in map(sample, range(40))]
    assert all(stick.is_found for stick in sticks)
    assert 33 <= sum(stick.low <= 5 <= stick.high for stick in sticks) <= 40
    reached = [stick.reach(0.1) for stick in sticks]
    assert 33 <= sum(low <= 6 <= high for _, low, high in reached) <= 40


def test_without_strata_the_knee_is_missed():
    """Hard cases with small x hide the rise: the plain interval misses in most samples."""
    sticks = [broken_stick(x, y, candidates=KNOTS) for x, y, _ in map(sample, range(10))]
    assert sum(stick.low <= 5 <= stick.high for stick in sticks) <= 5


def test_without_a_rise_a_knee_is_rarely_claimed():
    """At a size of 5 % at most 6 of 40 flat samples have a finite knee; the others stay open to the right."""
    sticks = [
        broken_stick(*sample(seed, rise=0.0)[:2], candidates=KNOTS, strata=sample(seed, 0.0)[2])
        for seed in range(40)
    ]
    assert sum(stick.is_found for stick in sticks) <= 6
    assert all(stick.high == np.inf == stick.reach(0.0)[0] for stick in sticks if not stick.is_found)


def test_a_falling_share_is_no_knee():
    """The test is one-sided: shares that fall with x make no promise."""
    x, y, hard = sample(3, rise=0.1)
    assert not broken_stick(x, 1 - y, candidates=KNOTS, strata=hard).is_found


def test_adjusted_shares_equal_a_regression_on_dummies():
    """Differences between bands are those of least squares on bands, strata and a control, with White's errors."""
    x, y, hard = sample(4, n=600)
    z = np.random.default_rng(5).normal(size=600)
    bands = np.digitize(x, [3, 6])
    shares, covariance = adjusted_shares(bands, y, strata=hard, controls=z)
    design = np.column_stack([bands == 1, bands == 2, 1 - hard, hard, z]).astype(float)
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    inverse = np.linalg.inv(design.T @ design)
    influence = (design * (y - design @ beta)[:, None]) @ inverse
    assert shares[1:] - shares[0] == pytest.approx(beta[:2], abs=1e-9)
    assert np.bincount(bands) @ shares / 600 == pytest.approx(y.mean())
    contrast = np.array([-1.0, 0.0, 1.0])
    assert contrast @ covariance @ contrast == pytest.approx((influence.T @ influence)[1, 1], rel=1e-6)


def test_bad_input_is_refused():
    """Outcomes other than 0 and 1, candidates that do not increase or lie beyond x, and negative rises are errors."""
    x, y, _ = sample(6, n=100)
    with pytest.raises(ValueError, match="0 and 1"):
        broken_stick(x, y + 1, candidates=KNOTS)
    with pytest.raises(ValueError, match="increase"):
        broken_stick(x, y, candidates=KNOTS[::-1])
    with pytest.raises(ValueError, match="increase"):
        broken_stick(x, y, candidates=[1.0, 99.0])
    with pytest.raises(ValueError, match="negative"):
        broken_stick(x, y, candidates=[2.0, 5.0]).reach(-0.1)
    with pytest.raises(ValueError, match="between 0 and trials"):
        logit_stick([1, 2], [3, 1], [2, 2], candidates=[1.0, 1.5])
