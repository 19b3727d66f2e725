"""Run lengths are those of the literature; sums and limits agree with simulation and with plain loops."""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from playbook.methods import poisson_cusum, spc


def test_run_lengths_are_those_of_lucas():
    """Lucas (1985): k = 5, signal at 10: 421.65 periods at a mean of 4, 5.594 at 7."""
    lengths = poisson_cusum.run_length([4.0, 7.0], 5.0, 10.0, states=10)
    assert lengths == pytest.approx([421.65, 5.594], rel=1e-4)


def test_normal_limits_ring_too_often_for_small_counts():
    """One-sided k = .5, h = 5 in standard deviations: about 930 periods for normal values, 248 for a Poisson mean of .5."""
    root = np.sqrt(0.5)
    small = poisson_cusum.run_length(0.5, 0.5 + 0.5 * root, 5 * root, states=200)
    assert small == pytest.approx(248, rel=0.005)
    assert 2 * spc.cusum_run_length(0.0) == pytest.approx(930, rel=0.005)


@pytest.mark.parametrize(
    ("side", "mean", "k", "h", "dispersion"), [("down", 2.0, 1.2, 3.0, 1.0), ("up", 1.0, 1.8, 4.0, 2.0)]
)
def test_run_length_agrees_with_simulation(side, mean, k, h, dispersion):
    """Counts drawn by numpy reach the limit after as many periods as the chain says, within three standard errors."""
    rng = np.random.default_rng(1)
    r = mean / (dispersion - 1) if dispersion > 1 else None
    draw = (
        rng.poisson(mean, (1500, 1500))
        if r is None
        else rng.negative_binomial(r, 1 / dispersion, (1500, 1500))
    )
    total, when = np.zeros(1500), np.zeros(1500)
    for week in range(1500):
        total = np.maximum(total + (draw[:, week] - k) * (1 if side == "up" else -1), 0)
        when = np.where((total >= h - 1e-9) & (when == 0), week + 1, when)
    assert (when > 0).all()
    chain = poisson_cusum.run_length(mean, k, h, side=side, dispersion=dispersion, states=20 * int(h))
    assert abs(when.mean() - chain) < 3 * when.std() / np.sqrt(1500)


def test_chances_are_poisson_and_negative_binomial():
    """Against scipy's mass functions."""
    x = np.arange(8)
    assert poisson_cusum.chances(1.7)[:8] == pytest.approx(poisson.pmf(x, 1.7))
    assert poisson_cusum.chances(1.7, dispersion=1.5)[:8] == pytest.approx(nbinom.pmf(x, 1.7 / 0.5, 1 / 1.5))


def test_a_head_start_rings_sooner_and_the_limit_gives_the_length_asked_for():
    """Lucas's fast initial response shortens the run after a change; `limit_for` inverts `run_length`."""
    assert poisson_cusum.run_length(7.0, 5.0, 10.0, start=0.5) < poisson_cusum.run_length(7.0, 5.0, 10.0) - 1
    at = poisson_cusum.limit_for(
        [0.5, 2.0], poisson_cusum.reference([0.5, 2.0], [1.5, 6.0]), 500.0, tolerance=1e-3
    )
    again = poisson_cusum.run_length([0.5, 2.0], poisson_cusum.reference([0.5, 2.0], [1.5, 6.0]), at)
    assert again == pytest.approx([500, 500], rel=0.1)


def test_reference_is_where_the_two_rates_are_equally_likely():
    """At k both rates have the same likelihood: k ln m0 - m0 = k ln m1 - m1."""
    k = float(poisson_cusum.reference(2.0, 6.0))
    assert k * np.log(2) - 2 == pytest.approx(k * np.log(6) - 6)


def test_sums_and_signals_agree_with_a_plain_loop():
    """Many series at once give what one at a time gives, and the climb begins after its last zero."""
    counts = np.random.default_rng(3).poisson(1.0, (30, 50))
    made = poisson_cusum.sums(counts, 1.3)
    for series, sums in zip(counts, made, strict=True):
        total = 0.0
        for count, stood in zip(series, sums, strict=True):
            total = max(0.0, total + count - 1.3)
            assert stood == pytest.approx(total)
    signal, began = poisson_cusum.first_signal(made, 3.0)
    rang = signal >= 0
    assert 0 < rang.sum() < len(rang)
    for i in np.flatnonzero(rang):
        assert made[i, signal[i]] >= 3 > made[i, : signal[i]].max(initial=0)
        assert (made[i, began[i] : signal[i]] > 0).all()
        assert began[i] == 0 or made[i, began[i] - 1] == 0


@pytest.mark.parametrize(
    "bad", [{"reference": 0.0}, {"limit": -1.0}, {"mean": 0.0}, {"start": 1.0}, {"dispersion": 0.5}]
)
def test_bad_designs_are_refused(bad):
    """A mean, reference or limit that is not positive, and counts narrower than Poisson."""
    with pytest.raises(ValueError, match=r"need|head start"):
        poisson_cusum.run_length(**({"mean": 1.0, "reference": 1.5, "limit": 3.0} | bad))
