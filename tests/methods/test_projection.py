"""Sums to the horizon equal integrals and simulations; one-step refits spread like full ones."""

import numpy as np
import pytest

from playbook.methods import clv, projection


@pytest.fixture(scope="module")
def buyers():
    """Six hundred customers of a world that BG/NBD describes."""
    rng = np.random.default_rng(5)
    n = 600
    rate, leave = rng.gamma(1.2, 0.15, n), rng.beta(1.0, 6.0, n)
    at = np.cumsum(rng.exponential(1 / rate, (150, n)), axis=0).T
    seen = np.where((at <= 100) & ~(rng.geometric(leave)[:, None] <= np.arange(150)), at, 0.0)
    frequency = (seen > 0).sum(axis=1).astype(float)
    spend = (frequency + 1) * rng.gamma(5.0, 10.0, n)
    return projection.Buyers(
        frequency, seen.max(axis=1), np.full(n, 100.0), spend, np.full(n, "all", dtype=object)
    )


def test_years_to_the_horizon_equal_the_integral():
    """Discounting each moment of two and a half years at 10 %."""
    t = np.linspace(0, 2.5, 100_001)
    assert projection.discounted_years(130, 0.10) == pytest.approx(np.trapezoid(1.1**-t, t), rel=1e-6)


def test_one_step_spreads_like_full_refits(buyers):
    """Value of all in 40 resamples: refitted fully and by one step, the standard deviations agree, and the draws do."""
    rng = np.random.default_rng(6)
    models, weeks = buyers.fit(), projection.periods(104)
    weights = rng.standard_exponential((40, 600))
    codes = np.zeros(600, dtype=int)
    quick = buyers.resampled_sums(models, lambda m: buyers.project(m, weeks, 0.1), codes, weights)[:, 0, 0]
    parts = (buyers.frequency, buyers.recency, buyers.age, buyers.spend)
    full = []
    for row in weights:
        refit = {projection.ALL: clv.project(*parts, weights=row, start=models[projection.ALL])}
        full.append(row @ buyers.project(refit, weeks, 0.1)[:, 0])
    assert np.std(quick) == pytest.approx(np.std(full), rel=0.12)
    assert np.corrcoef(quick, full)[0, 1] > 0.97


def test_the_range_of_the_next_purchases_holds_what_comes(buyers):
    """Simulated totals, with chance who is active and how often they buy, fall inside 90 % of the time."""
    rng = np.random.default_rng(7)
    found = buyers.project(buyers.fit(), np.array([0.0, 13.0]))
    soon, active = found[:, 1], found[:, 2]
    _, low, high = projection.next_range(soon, active, np.ones((600, 1)), np.zeros(1))
    totals = (rng.binomial(1, active, (2000, 600)) * rng.poisson(soon / active, (2000, 600))).sum(axis=1)
    assert 0.87 <= ((totals >= low) & (totals <= high)).mean() <= 0.93


def test_paid_years_equal_a_simulation_of_renewals():
    """Chances to leave drawn once a contract; its discounted fees to a horizon of three years."""
    rng = np.random.default_rng(8)
    model, years, due, rate = clv.SBG(0.7, 3.0), 3.0, 0.4, 0.1
    renewals = projection.Renewals(np.array([1.0]), np.array([1.0, 1.0]), model)
    leave = rng.beta(0.7, 3.0, 400_000)
    stays = rng.geometric(leave) > np.arange(1, 4)[:, None]
    starts = due + np.arange(3)
    ends = np.minimum(starts + 1, years)
    fees = (ends - starts) * (1 + rate) ** -((starts + ends) / 2)
    expected = (stays * fees[:, None]).sum(axis=0).mean()
    assert renewals.paid_years(model, np.zeros(1), np.array([due]), years, rate)[0] == pytest.approx(
        expected, rel=0.01
    )


def test_resampled_renewals_spread_like_full_refits():
    """Shares that stay at the first renewal, one step against a fit to each resample."""
    rng = np.random.default_rng(9)
    left, still = np.array([60.0, 30.0, 12.0]), np.array([50.0, 60.0, 50.0, 90.0])
    renewals = projection.Renewals(left, still, clv.sbg_fit(left, still))
    quick = [clv.sbg_survival(model, 1) for model in renewals.resampled(300, rng)]
    counts = np.concatenate([left, still])
    again = rng.multinomial(int(counts.sum()), counts / counts.sum(), 100)
    full = [clv.sbg_survival(clv.sbg_fit(row[:3], row[3:]), 1) for row in again]
    assert np.std(quick) == pytest.approx(np.std(full), rel=0.25)
    assert np.mean(quick) == pytest.approx(np.mean(full), abs=0.01)
