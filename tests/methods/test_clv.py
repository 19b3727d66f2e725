"""Published estimates are reproduced; numbers agree with an independent simulation."""

import numpy as np
import pandas as pd
import pytest

from playbook.methods import clv

PUBLISHED = clv.BGNBD(0.243, 4.414, 0.793, 2.426)
HIGH = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.fixture(scope="module")
def cdnow(oracle):
    """The CDNOW cohort: purchases, recency and age in weeks, mean spend of repeat buyers."""
    folder = oracle("lifetimes", "0.11.3") / "lifetimes" / "datasets"
    customers = pd.read_csv(folder / "cdnow_customers_summary.csv")
    spenders = pd.read_csv(folder / "cdnow_customers_summary_with_transactions.csv")
    return customers, spenders[spenders["zbar"] > 0]


def test_bgnbd_on_cdnow(cdnow):
    """V01: Fader, Hardie & Lee (2005)."""
    customers, _ = cdnow
    model = clv.bgnbd_fit(customers["frequency"], customers["recency"], customers["T"])
    print(f"CDNOW: r {model.r:.4f}, alpha {model.alpha:.4f}, a {model.a:.4f}, b {model.b:.4f}")
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=1e-3)
    assert model.loglik == pytest.approx(-9582.429, abs=0.01)


def test_gamma_gamma_on_cdnow(cdnow):
    """V04: Fader & Hardie (2013)."""
    _, spenders = cdnow
    assert (len(spenders), round(spenders["zbar"].mean(), 2)) == (946, 35.08)
    model = clv.gamma_gamma_fit(spenders["x"], spenders["zbar"])
    assert [model.p, model.q, model.v] == pytest.approx([6.25, 3.74, 15.44], abs=0.02)


def test_one_cdnow_customer():
    """V02: 1.226 purchases expected in 39 weeks, 73 % likely to be active."""
    assert clv.bgnbd_expected(PUBLISHED, 2, 30.43, 38.86, ahead=39) == pytest.approx(1.226, abs=5e-4)
    assert clv.bgnbd_alive(PUBLISHED, 2, 30.43, 38.86) == pytest.approx(0.7266, abs=5e-4)


@pytest.mark.parametrize(
    ("survivors", "expected", "loglik"), [(HIGH, (0.668, 3.806), -1611.2), (REGULAR, (0.704, 1.182), -1680.3)]
)
def test_sbg_on_the_published_survivors(survivors, expected, loglik):
    """V06: Fader & Hardie (2007)."""
    model = clv.sbg_fit(-np.diff(survivors), [0] * 7 + survivors[-1:])
    assert (model.alpha, model.beta) == pytest.approx(expected, abs=1e-3)
    assert model.loglik == pytest.approx(loglik, abs=0.1)


@pytest.mark.parametrize("model", [PUBLISHED, clv.BGNBD(0.7, 4.0, 1.0, 5.0), clv.BGNBD(2.0, 9.0, 3.0, 90.0)])
def test_expected_purchases_equal_a_simulation_from_the_posterior(model):
    """Rates and dropout drawn from their prior, weighted by the likelihood of (3, 20, 30), buy as predicted."""
    rng = np.random.default_rng(3)
    rate, leave = rng.gamma(model.r, 1 / model.alpha, 400_000), rng.beta(model.a, model.b, 400_000)
    stayed = (1 - leave) ** 3 * rate**3 * np.exp(-30 * rate)
    left = leave * (1 - leave) ** 2 * rate**3 * np.exp(-20 * rate)
    ahead = np.where(
        leave > 0, (1 - np.exp(-leave * rate * 40)) / leave, rate * 40
    )  # purchases until dropout
    expected = (stayed * ahead).sum() / (stayed + left).sum()
    assert clv.bgnbd_expected(model, 3, 20, 30, ahead=40) == pytest.approx(expected, rel=0.02)
    assert clv.bgnbd_alive(model, 3, 20, 30) == pytest.approx(stayed.sum() / (stayed + left).sum(), rel=0.02)


def test_expected_purchases_stay_finite_for_heavy_buyers():
    """Hundreds of purchases break the textbook form of equation 10, not this one."""
    many = clv.bgnbd_expected(PUBLISHED, [200, 800], 150, 151, ahead=52)
    assert np.isfinite(many).all()
    assert many[1] > many[0] > 50


def test_weights_count_customers_as_often_as_they_say():
    """A customer of weight 2 is the same as two customers."""
    x, t_x, t = np.array([0, 1, 4, 7, 2]), np.array([0, 5, 20, 28, 3.0]), np.array([30, 30, 25, 29, 20.0])
    once = clv.bgnbd_fit(np.tile(x, 2), np.tile(t_x, 2), np.tile(t, 2))
    assert clv.bgnbd_fit(x, t_x, t, weights=np.full(5, 2.0)).loglik == pytest.approx(once.loglik, abs=1e-6)


def test_the_trend_test_holds_its_size_and_a_rank_correlation_does_not():
    """Where spend is independent of frequency, 5 % of tests say otherwise; Spearman's says so far more often."""
    from scipy.stats import spearmanr

    rng = np.random.default_rng(4)
    ours, ranks = [], []
    for _ in range(300):
        n = 1 + rng.poisson(rng.gamma(0.8, 10.0, 800))
        z = rng.lognormal(0, 0.3, 800) * rng.gamma(0.8 * n) / (0.8 * n)
        ours.append(clv.spend_trend(n, z)[1] < 0.05)
        ranks.append(spearmanr(n, z).pvalue < 0.05)
    assert 0.02 <= np.mean(ours) <= 0.09
    assert np.mean(ranks) > 0.3


@pytest.mark.parametrize("power", [0.0, 0.3])
def test_spend_that_grows_with_frequency_is_projected_without_bias(power):
    """Customers of many purchases and of few are both expected to spend what they were planted to spend."""
    rng = np.random.default_rng(11)
    frequency = rng.poisson(rng.gamma(0.8, 8.0, 4000)).astype(float)
    n = frequency + 1
    planted = 50 * n**power * rng.lognormal(0, 0.2, len(n))
    spend = n * planted * rng.gamma(4 * n) / (4 * n)
    recency = np.where(frequency > 0, 90.0, 0.0)
    model = clv.project(frequency, recency, np.full(len(n), 100.0), spend)
    expected = model.spend_per_purchase(n, spend / n)
    assert (model.p_value < clv.TREND_P) == (power > 0)
    for group in (n <= 2, n >= 10):
        assert expected[group].mean() == pytest.approx(planted[group].mean(), rel=0.06)


def test_impossible_data_are_refused():
    """Each refusal says what is wrong."""
    with pytest.raises(ValueError, match="after the end of observation"):
        clv.bgnbd_fit([1], [5], [4])
    with pytest.raises(ValueError, match="nobody bought twice"):
        clv.bgnbd_fit([0, 0], [0, 0], [4, 5])
    with pytest.raises(ValueError, match="positive spend"):
        clv.gamma_gamma_fit([1, 2], [3.0, 0.0])
    with pytest.raises(ValueError, match="come up for renewal"):
        clv.sbg_fit([0], [5, 0])
