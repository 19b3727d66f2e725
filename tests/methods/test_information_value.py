"""Values of information: the published cases, closed forms, and no optimism where there is nothing to know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from playbook.methods.information_value import (
    action_scores,
    cross_fitted_payoff,
    evpi,
    evppi,
    evsi,
    evsi_normal,
    folds_of,
)

OIL = ([[-70.0, 50.0, 200.0], [0.0, 0.0, 0.0]], [0.5, 0.3, 0.2])
SEISMIC = [[0.6, 0.3, 0.1], [0.3, 0.4, 0.4], [0.1, 0.3, 0.5]]


def test_the_oil_driller_of_raiffa():
    """Drilling is worth 20 without knowledge and 32.5 with the seismic test; a clairvoyant may cost 35."""
    assert evpi(*OIL) == pytest.approx(35)
    assert evsi(*OIL, SEISMIC) == pytest.approx(32.5 - 20)
    assert evsi(*OIL, np.eye(3)) == pytest.approx(evpi(*OIL))
    assert evsi(*OIL, [[0.7] * 3, [0.3] * 3]) == pytest.approx(0)


@pytest.mark.parametrize(("chance", "right"), [(0.3, 0.8), (0.5, 0.9), (0.1, 0.6)])
def test_two_states_two_actions_in_closed_form(chance, right):
    """One action pays 3 in the good state and loses 1 in the bad; the other pays nothing; a test is right so often."""
    pay, prior = [[3.0, -1.0], [0.0, 0.0]], [chance, 1 - chance]
    bad = 1 - chance
    known = max(3 * chance - bad, 0.0)
    assert evpi(pay, prior) == pytest.approx(3 * chance - known)
    after_yes = max(3 * chance * right - bad * (1 - right), 0.0)
    after_no = max(3 * chance * (1 - right) - bad * right, 0.0)
    test = [[right, 1 - right], [1 - right, right]]
    assert evsi(pay, prior, test) == pytest.approx(after_yes + after_no - known)
    # The state crossed with a fair coin that says nothing: knowing the state is worth all, the coin nothing.
    crossed = np.repeat(np.array(pay)[:, :, None], 2, axis=2)
    joint = np.outer(prior, [0.5, 0.5])
    assert evppi(crossed, joint) == pytest.approx(evpi(pay, prior))
    assert evppi(crossed.transpose(0, 2, 1), joint.T) == pytest.approx(0)


@given(
    arrays(float, (3, 2, 4), elements=st.floats(-50, 50)), arrays(float, (2, 4), elements=st.floats(0.1, 1))
)
def test_part_of_the_knowledge_is_worth_between_nothing_and_all(pay, weight):
    """Nothing <= one attribute <= everything, for any payoffs and chances."""
    chances = weight / weight.sum()
    part = evppi(pay, chances)
    assert -1e-9 <= part <= evpi(pay.reshape(3, -1), chances.ravel()) + 1e-9


@pytest.mark.parametrize(
    ("apart", "published"), [(0.0, 0.3989), (0.5, 0.1978), (1.0, 0.08332), (2.0, 0.008491), (3.0, 0.0003822)]
)
def test_exact_knowledge_of_the_mean_is_the_unit_normal_loss(apart, published):
    """The printed table of the unit normal loss integral, to its four figures."""
    assert evsi_normal(apart, 1.0, np.inf, 1.0) == pytest.approx(published, rel=2e-4)
    assert evsi_normal(-7 * apart, 7.0, np.inf, 1.0) == pytest.approx(7 * published, rel=2e-4)


def test_a_sample_is_worth_what_a_simulation_of_it_gains():
    """Draw means, samples and posterior means; act on the sign; the gain over acting on the prior agrees."""
    rng = np.random.default_rng(1)
    mean, sd, behind, n, draws = 2.0, 5.0, 40.0, 60.0, 400_000
    truth = rng.normal(mean, sd, draws)
    noise = sd * np.sqrt(behind)  # of one observation
    seen = rng.normal(truth, noise / np.sqrt(n))
    posterior = (behind * mean + n * seen) / (behind + n)
    gain = np.where(posterior > 0, truth, 0.0).mean() - mean
    assert evsi_normal(mean, sd, n, behind) == pytest.approx(gain, abs=0.03)
    assert evsi_normal(mean, 0.0, n, behind) == 0
    assert evsi_normal(mean, sd, 0, behind) == 0


def test_an_attribute_that_says_nothing_is_worth_nothing_only_when_cross_fitted():
    """Two ways alike on average: the better of noisy means promises a gain that cross-fitting does not confirm."""
    rng = np.random.default_rng(2)
    optimistic, honest = [], []
    for _ in range(200):
        pay, cells = rng.normal(0, 1, (200, 2)), rng.integers(0, 4, 200)
        sums = np.stack([pay[cells == cell].sum(axis=0) for cell in range(4)])
        optimistic.append((sums.max(axis=1).sum() - sums.sum(axis=0).max()) / 200)
        folds, size = folds_of(200, 5, 2, rng), np.ones(200)
        known = cross_fitted_payoff(pay, size, cells, folds)
        honest.append(float((known - cross_fitted_payoff(pay, size, np.zeros(200, int), folds))[0]))
    error = np.std(honest) / np.sqrt(200)
    promised = (
        0.5 * np.sqrt(2 / np.pi) * (np.sqrt(2 / 50) - np.sqrt(2 / 200))
    )  # half the mean of a folded normal
    assert np.mean(optimistic) == pytest.approx(promised, rel=0.15)
    assert abs(np.mean(honest)) < 4 * error < 0.5 * promised


def test_bootstrap_weights_count_units():
    """A unit of weight two is as if it were there twice in its fold; weight zero, as if it were not."""
    rng = np.random.default_rng(3)
    pay, size, cells, folds = (
        rng.normal(0, 1, (30, 2)),
        rng.integers(1, 4, 30),
        rng.integers(0, 3, 30),
        folds_of(30, 3, 2, rng),
    )
    weight = rng.integers(0, 3, 30)
    row = np.repeat(np.arange(30), weight)
    twice = cross_fitted_payoff(pay[row], size[row], cells[row], folds[row])
    assert cross_fitted_payoff(pay, size, cells, folds, weights=weight[None])[0] == pytest.approx(twice[0])


def test_scores_level_out_a_choice_made_by_what_is_known():
    """Dear customers mostly got the second action, which saves 3: raw means blame it, scores find the 3."""
    rng = np.random.default_rng(4)
    dear = rng.integers(0, 2, 4000)
    action = (rng.random(4000) < np.where(dear, 0.8, 0.2)).astype(int)
    pay = -(50.0 + 20 * dear - 3 * action) + rng.normal(0, 5, 4000)
    folds = folds_of(4000, 5, 1, rng)[:, 0]
    scores = action_scores(pay, action, np.arange(4000), {"dear": dear}, folds, rng=rng)
    raw = pay[action == 1].mean() - pay[action == 0].mean()
    saved = (scores.payoff[:, 1] - scores.payoff[:, 0]).mean()
    assert raw < -5
    assert saved == pytest.approx(3, abs=0.7)
    assert scores.chosen_share == pytest.approx(0.36, abs=0.05)
    assert scores.importance["dear"] > 0.5


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: evpi([[1, 2]], [0.5, 0.6]), "sum to one"),
        (lambda: evpi([[1, 2]], [1.0]), "states"),
        (lambda: evppi([[1, 2]], [0.5, 0.5]), "values, rest"),
        (lambda: evsi([[1, 2]], [0.5, 0.5], [[1, 1], [1, 0]]), "summing to one"),
        (lambda: evsi_normal(0, -1, 1, 1), "not negative"),
    ],
)
def test_what_cannot_be_is_one_clear_line(call, said):
    """Chances that are none, shapes that do not fit, a negative spread."""
    with pytest.raises(ValueError, match=said):
        call()
