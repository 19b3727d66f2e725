"""The regression of counts: held against statsmodels, and against the normal prior's closed form."""

import numpy as np
import pytest

from playbook.methods.counts import regression


@pytest.fixture(scope="module")
def made():
    """Counts with gamma rates: overdispersion 0.5, two columns beside the constant."""
    rng = np.random.default_rng(7)
    design = np.column_stack([np.ones(800), rng.integers(0, 2, 800), rng.normal(0, 1, 800)])
    weeks = rng.uniform(20, 52, 800)
    rate = np.exp(design @ [-2.0, 0.4, 0.7]) * rng.gamma(2.0, 0.5, 800)
    return rng.poisson(rate * weeks), design, weeks


def test_without_priors_it_is_the_standard_fit(made):
    """Coefficients and standard errors equal those of statsmodels at the same overdispersion."""
    import statsmodels.api as sm

    count, design, weeks = made
    coef, cov, spread = regression(count, design, weeks, [np.inf] * 3)
    family = sm.families.NegativeBinomial(alpha=spread)
    fit = sm.GLM(count, design, family=family, offset=np.log(weeks)).fit(tol=1e-12)
    assert coef == pytest.approx(fit.params, abs=1e-5)
    assert np.sqrt(np.diag(cov)) == pytest.approx(np.sqrt(np.diag(fit.cov_params(scale=1.0))), rel=1e-4)
    assert fit.pearson_chi2 / (800 - 3) == pytest.approx(1.0, abs=0.01)
    assert spread == pytest.approx(0.5, abs=0.15)


def test_a_prior_draws_towards_zero(made):
    """A tight prior pins a coefficient, a wide one leaves it; the constant stays free."""
    count, design, weeks = made
    free = regression(count, design, weeks, [np.inf] * 3)[0]
    tight = regression(count, design, weeks, [np.inf, 0.001, 100.0])[0]
    assert abs(tight[1]) < 0.001 < abs(free[1])
    assert tight[2] == pytest.approx(free[2], abs=0.05)


def test_counts_without_events_are_refused():
    """Nothing counted says nothing about rates."""
    with pytest.raises(ValueError, match="needs events"):
        regression([0, 0], [[1], [1]], [1, 1], [np.inf])
