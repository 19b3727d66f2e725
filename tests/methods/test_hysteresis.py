"""Levels with hysteresis move as closed forms and a plain loop say."""

import numpy as np
import pytest

from playbook.methods import hysteresis


@pytest.mark.parametrize(("band", "stay"), [(0.0, 1), (0.3, 1), (0.3, 6)])
def test_moves_of_independent_scores_agree_with_renewal_theory(band, stay):
    """Up waits 1/P(up), down 1/P(down), each after stay - 1 idle periods: two moves a cycle."""
    scores = np.random.default_rng(1).random((2000, 500))
    levels = hysteresis.assign(scores, [0.5], band=band, stay=stay)[:, 100:]
    up, down = 1 - 0.5 * (1 + band), 0.5 * (1 - band)
    expected = 2 / (1 / up + 1 / down + 2 * (stay - 1))
    assert hysteresis.moves(levels).mean() / 399 == pytest.approx(expected, rel=0.01)


def test_many_rules_at_once_agree_with_a_loop_over_one_customer():
    """The state machine, written out for one customer and one rule at a time."""
    scores = np.random.default_rng(2).gamma(2.0, 1.0, (30, 60))
    cuts, bands, stays = [1.5, 3.0], [0.0, 0.2, 0.5, 0.2], [1, 1, 4, 9]
    found = hysteresis.assign(scores, cuts, band=bands, stay=stays)
    for rule, (band, stay) in enumerate(zip(bands, stays, strict=True)):
        for unit, series in enumerate(scores):
            level, last, expected = sum(series[0] >= cut for cut in cuts), -stay, []
            for period, score in enumerate(series):
                up = sum(score >= cut * (1 + band) for cut in cuts)
                down = sum(score >= cut * (1 - band) for cut in cuts)
                wanted = up if up > level else down if down < level else level
                if wanted != level and period > 0 and (period - last >= stay or last < 0):
                    level, last = wanted, period
                expected.append(level)
            assert found[rule, unit].tolist() == expected


def test_shuffled_histories_bound_what_steady_units_do():
    """Over 200 panels in which nothing changes, nine in ten intervals hold the moves that were made."""
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = rng.gamma(2.0, 1.0, (20, 80)) * (rng.random((20, 80)) < 0.3)
        made = hysteresis.moves(hysteresis.levels(values, [0.6], 13, since=26)).sum() / 54
        again = hysteresis.false_moves(values, [0.6], 13, since=26, rng=rng, times=99).sum(axis=1)
        held.append(np.quantile(again, 0.05) <= made <= np.quantile(again, 0.95))
    assert 0.84 <= np.mean(held) <= 0.97


def test_what_all_units_share_stays_in_its_place():
    """A season alone, shuffled with itself as the common factor, is the same season."""
    season = 1 + 0.5 * np.cos(np.arange(52) / 52 * 2 * np.pi)
    again = hysteresis.shuffled(np.outer([1.0, 3.0], season), np.random.default_rng(1), common=season)
    assert np.allclose(again[0], np.outer([1.0, 3.0], season))


def test_delays_agree_with_a_geometric_wait():
    """Of even weeks, growth shows at once; a halved one at its first empty week, after two on average."""
    late = hysteresis.delays(np.ones((4000, 60)), [0.75], [1], change=2.0, rng=np.random.default_rng(1))
    grows, shrinks = late[0, :4000], late[0, 4000:]
    assert (grows == 1).mean() == 1
    assert shrinks.mean() == pytest.approx(2, rel=0.03)


def test_frontier_is_what_no_option_beats():
    """Enumeration over all pairs."""
    first, second = np.random.default_rng(3).integers(0, 8, (2, 40))
    for place, kept in enumerate(hysteresis.frontier(first, second)):
        beaten = any(
            a <= first[place] and b <= second[place] and (a < first[place] or b < second[place])
            for a, b in zip(first, second, strict=True)
        )
        assert kept == (not beaten)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"cuts": [2.0, 1.0]}, "rise"), ({"cuts": [1.0], "band": 1.0}, "band"), ({"cuts": [1.0], "stay": 0}, "stay")],
)  # fmt: skip
def test_impossible_rules_are_refused(wrong, said):
    """One clear line each."""
    with pytest.raises(ValueError, match=said):
        hysteresis.assign(np.ones((1, 3)), **wrong)
