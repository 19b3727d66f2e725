"""Published figures are reproduced; demand behind stock-outs is recovered; critical levels are optimal."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from playbook.methods import inventory as inv


def test_newsvendor_equals_snyder_and_shen():
    """Example 4.3 (V12)."""
    level, cost = inv.newsvendor(hold=0.18, short=0.70, mean=50, sd=8)
    assert level == pytest.approx(56.603955927, abs=1e-8)
    assert cost == pytest.approx(1.997605193, abs=1e-8)


def test_reorder_cost_and_policy_equal_snyder_and_shen():
    """Examples 5.1 and 5.2 (V14)."""
    case = {"hold": 0.225, "short": 7.5, "fixed": 8, "demand": 1300, "sd": 150, "lead": 1 / 12}
    assert inv.reorder_cost(126.8, 328.5, **case) == pytest.approx(78.0711625, abs=1e-6)
    found = inv.reorder_policy(**case)
    assert found == pytest.approx((213.97044213, 318.59018108, 95.45114022), abs=1e-6)


def test_order_quantity_equals_snyder_and_shen():
    """Example 3.1 (V15)."""
    found = inv.economic_order_quantity(fixed=8, hold=0.225, demand=1300)
    assert found == pytest.approx((304.0467800264, 68.4105255059), abs=1e-6)


def test_service_and_safety_stock_equal_chopra_and_meindl():
    """Chapter 12 (V16): weekly N(2500, 500), two weeks, lots of 10,000, reorder at 6,000."""
    spread = inv.spread_over_lead_time(500, lead=2)
    assert inv.cycle_service(1000, spread) == pytest.approx(0.92135, abs=5e-6)
    assert spread * inv.unit_normal_loss(1000 / spread) == pytest.approx(25.127, abs=5e-4)
    assert inv.fill_rate(1000, spread, 10_000) == pytest.approx(0.99749, abs=5e-6)
    assert inv.safety_stock(spread, cycle_service=0.9) == pytest.approx(906.2, abs=0.05)
    late = inv.spread_over_lead_time(500, lead=7, demand=2500, lead_sd=7)
    assert inv.safety_stock(late, cycle_service=0.9) == pytest.approx(22_491, abs=0.5)


def test_fill_rate_equals_a_simulated_reorder_policy():
    """Week after week, ordering 10,000 when the position falls to 6,000 serves the share the formula says."""
    rng = np.random.default_rng(3)
    per_week = 20  # looks at the stock
    demand = rng.normal(2500 / per_week, 500 / per_week**0.5, 12_000 * per_week)
    on_hand, short, due, ordered_at = 11_000.0, 0.0, -1, []
    for t, asked in enumerate(demand):
        if t == due:
            short += max(-on_hand, 0.0)
            on_hand += 10_000
        on_hand -= asked
        if t >= due and on_hand <= 6000:
            due = t + 2 * per_week + 1
            ordered_at.append(on_hand)
    # Between two looks the stock falls a little below the reorder point: the buffer is what it then holds.
    expected = inv.fill_rate(np.mean(ordered_at) - 5000, inv.spread_over_lead_time(500, lead=2), 10_000)
    assert short / demand.sum() == pytest.approx(1 - expected, rel=0.15)


@pytest.mark.parametrize("fill", [0.9, 0.975, 0.999])
def test_factor_for_fill_rate_inverts_it(fill):
    """The factor found gives the fill rate asked for."""
    z = inv.factor_for_fill_rate(fill, 300.0, 1200.0)
    assert inv.fill_rate(z * 300, 300.0, 1200.0) == pytest.approx(fill, abs=1e-9)


def test_certain_service_is_refused():
    """No stock is large enough never to run out."""
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        inv.safety_stock(10.0, cycle_service=1.0)


def test_uncensored_normal_recovers_mean_and_spread():
    """With a third of 4,000 periods sold out, the estimate is right; the mean of sales is far too low."""
    rng = np.random.default_rng(4)
    demand, stock = rng.normal(100, 20, 4000), rng.normal(108, 5, 4000)
    sales, out = np.minimum(demand, stock), demand >= stock
    mean, sd, filled = inv.uncensored_normal(sales, out)
    assert mean == pytest.approx(100, abs=1.2)
    assert sd == pytest.approx(20, rel=0.05)
    assert sales.mean() < 97
    assert (filled[out] > sales[out]).all()
    assert (filled[~out] == sales[~out]).all()


def test_uncensored_normal_is_the_maximum_of_the_likelihood():
    """A general optimiser of Tobin's likelihood finds the same parameters."""
    from scipy.optimize import minimize
    from scipy.stats import norm

    rng = np.random.default_rng(5)
    demand = rng.normal(50, 10, 300)
    sales, out = np.minimum(demand, 55), demand >= 55

    def loss(p):
        exact = norm.logpdf(sales[~out], p[0], np.exp(p[1]))
        return -exact.sum() - norm.logsf(sales[out], p[0], np.exp(p[1])).sum()

    best = minimize(loss, [45, 2], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8}).x
    mean, sd, _ = inv.uncensored_normal(sales, out)
    assert (mean, sd) == pytest.approx((best[0], np.exp(best[1])), rel=1e-4)


def test_uncensored_poisson_recovers_the_rate():
    """Stock of five hides much of a demand of five."""
    demand = np.random.default_rng(6).poisson(5.0, 5000)
    rate = inv.uncensored_poisson(np.minimum(demand, 5), demand >= 5)
    assert rate == pytest.approx(5.0, abs=0.12)


def test_a_series_without_a_full_shelf_is_refused():
    """Only lower bounds say nothing about the mean."""
    with pytest.raises(ValueError, match="at least two periods"):
        inv.uncensored_normal([1.0, 2.0], [True, True])


def best_by_enumeration(pmf, worth, periods, largest):
    """Value of each stock by trying every allocation of every demand, without assuming critical levels."""

    @cache
    def value(k, stock):
        if k == 0:
            return 0.0
        total = 0.0
        for asked in product(*(range(len(p)) for p in pmf)):
            chance = np.prod([p[d] for p, d in zip(pmf, asked, strict=True)])
            options = product(*(range(d + 1) for d in asked))
            total += chance * max(
                sum(w * a for w, a in zip(worth, given, strict=True)) + value(k - 1, stock - sum(given))
                for given in options
                if sum(given) <= stock
            )
        return total

    return np.array([[value(k, x) for x in range(largest + 1)] for k in range(periods + 1)])


@pytest.mark.parametrize("worth", [[10.0, 4.0, 1.0], [3.0, 2.5, 2.0]])
def test_rationing_equals_dynamic_programme_by_enumeration(worth):
    """Marginal values of the recursion are those of a programme that tries every allocation."""
    pmf = [[0.3, 0.4, 0.2, 0.1], [0.4, 0.3, 0.3, 0.0], [0.2, 0.3, 0.3, 0.2]]
    found = inv.rationing(pmf, worth, periods=3, largest=9)
    expected = best_by_enumeration(pmf, worth, periods=3, largest=9)
    assert found.marginal == pytest.approx(np.diff(expected, axis=1), abs=1e-9)


def test_serving_down_to_the_levels_earns_the_optimal_value():
    """In simulation the levels earn what the programme promises, and first come first served earns less."""
    pmf, worth = np.array([[0.3, 0.4, 0.2, 0.1], [0.2, 0.3, 0.3, 0.2]]), np.array([8.0, 1.0])
    plan = inv.rationing(pmf, worth, periods=3, largest=6)
    rng = np.random.default_rng(7)
    demand = np.stack([rng.choice(4, (40_000, 3), p=p) for p in pmf], axis=2)
    stock = np.full(len(demand), 5.0)
    asked = demand.sum(axis=1)
    earned = (asked - inv.serve(stock, demand, levels=plan.levels[[2, 1, 0]])) @ worth
    by_rank = (asked - inv.serve(stock, demand)) @ worth
    assert earned.mean() == pytest.approx(plan.marginal[3, :5].sum(), abs=0.1)
    assert earned.mean() > 1.02 * by_rank.mean()


def test_one_class_is_the_newsvendor():
    """Worth 1 / (1 - a) against holding cost 1 gives the a-quantile of demand."""
    from scipy.stats import gamma

    pmf = inv.demand_pmf(40.0, 10.0, 201)
    stock = inv.rationing([pmf], [1 / (1 - 0.95)], periods=1, largest=200).stock(1.0)
    assert stock == pytest.approx(gamma.ppf(0.95, 16, scale=2.5), abs=1)


def test_rationing_refuses_a_wrong_order():
    """Classes come by falling worth."""
    with pytest.raises(ValueError, match="fall from the first"):
        inv.rationing([[0.5, 0.5], [0.5, 0.5]], [1.0, 2.0], periods=1, largest=3)
