"""Groups are pulled to the mean as published, as far as chance made them differ, with intervals that hold."""

import numpy as np
import pytest

from playbook.methods.shrinkage import (
    crossed_slopes,
    james_stein,
    overdispersion,
    pooled_means,
    shortest_interval,
)

# Efron & Morris (1977): batting averages of 18 players after 45 times at bat, and over the rest of the 1970 season.
BEGAN = [
    0.400, 0.378, 0.356, 0.333, 0.311, 0.311, 0.289, 0.267, 0.244,
    0.244, 0.222, 0.222, 0.222, 0.222, 0.222, 0.200, 0.178, 0.156,
]  # fmt: skip
ENDED = [
    0.346, 0.298, 0.276, 0.222, 0.273, 0.270, 0.263, 0.210, 0.269,
    0.230, 0.264, 0.256, 0.303, 0.264, 0.226, 0.285, 0.316, 0.200,
]  # fmt: skip

# Colditz et al. (1994): tuberculosis with and without BCG vaccine in 13 trials: ill and well, vaccinated and not.
BCG = [
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
    (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
    (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
]  # fmt: skip


def test_the_batting_averages_of_efron_and_morris():
    """Their c is 0.212: Clemente's .400 becomes .294, Munson's .178 .247; the squared errors fall from .077 to .022."""
    began, ended = np.array(BEGAN), np.array(ENDED)
    grand = began.mean()
    estimates, kept = james_stein(began, grand * (1 - grand) / 45)
    assert kept == pytest.approx(0.212, abs=0.005)
    assert estimates[[0, 1, 15, 16, 17]].round(3) == pytest.approx(
        [0.294, 0.289, 0.252, 0.247, 0.242], abs=0.0011
    )
    assert ((began - ended) ** 2).sum() == pytest.approx(0.077, abs=0.002)
    assert ((estimates - ended) ** 2).sum() == pytest.approx(0.022, abs=0.001)
    assert (np.abs(estimates - ended) < np.abs(began - ended)).sum() == 16


def test_pooled_means_give_the_published_fit_of_the_bcg_trials():
    """Log relative risks by restricted maximum likelihood: -0.7145 with error 0.1798, variance between trials 0.3132."""
    ill, well, ill0, well0 = np.array(BCG, dtype=float).T
    ratio = np.log(ill / (ill + well)) - np.log(ill0 / (ill0 + well0))
    variance = 1 / ill - 1 / (ill + well) + 1 / ill0 - 1 / (ill0 + well0)
    found = pooled_means(ratio, np.sqrt(variance))
    assert [found.mean, found.error, found.between**2] == pytest.approx([-0.7145, 0.1798, 0.3132], abs=1e-4)
    assert (np.abs(found.estimate - found.mean) < np.abs(ratio - found.mean)).all()


def drawn(rng, rows=6, columns=5, each=4, row_slope=0.25, column_slope=0.2):
    """Cells of two arms, with ones and zeros; levels and slopes that differ by row and column."""
    row, column, treated = (part.ravel() for part in np.indices((rows, columns, 2)))
    chance = 0.5 + 0.1 * rng.normal(size=rows)[row] + 0.05 * rng.normal(size=columns)[column]
    slope = 0.05 + row_slope * rng.normal(size=rows), column_slope * rng.normal(size=columns)
    size = rng.integers(1, 2 * each, len(row))
    total = rng.binomial(size, np.clip(chance + treated * (slope[0][row] + slope[1][column]), 0.02, 0.98))
    return row, column, treated, size, total


def dense(data):
    """The same model by the textbook: one line a measurement, the whole covariance matrix, no absorption."""
    row, column, treated, size, total = data
    y = np.concatenate([np.r_[np.ones(t), np.zeros(n - t)] for n, t in zip(size, total, strict=True)])
    row, column, treated = (np.repeat(part, size) for part in (row, column, treated))
    x = treated - treated.mean()
    rows, columns = np.eye(row.max() + 1)[row], np.eye(column.max() + 1)[column]
    parts = [rows, rows * x[:, None], columns, columns * x[:, None]]
    fixed = np.column_stack([np.ones(len(y)), x])

    def fit(variances):
        """Return the restricted log likelihood, and effects by row, averaged over columns, with their variances."""
        whole = variances[0] * np.eye(len(y)) + sum(
            v * z @ z.T for v, z in zip(variances[1:], parts, strict=True)
        )
        inverse = np.linalg.inv(whole)
        known = fixed.T @ inverse @ fixed
        p = inverse - inverse @ fixed @ np.linalg.solve(known, fixed.T @ inverse)
        log = -0.5 * (np.linalg.slogdet(whole)[1] + np.linalg.slogdet(known)[1] + y @ p @ y)
        every = np.column_stack([fixed, *parts])
        prior = np.concatenate(
            [[0, 0], *(np.full(z.shape[1], 1 / v) for v, z in zip(variances[1:], parts, strict=True))]
        )
        covariance = np.linalg.inv(every.T @ every / variances[0] + np.diag(prior))
        u, c = rows.shape[1], columns.shape[1]
        wanted = np.zeros((u, len(prior)))
        wanted[:, 1], wanted[:, 2 + u : 2 + 2 * u], wanted[:, 2 + 2 * u + c :] = 1, np.eye(u), 1 / c
        mean = wanted @ covariance @ every.T @ y / variances[0]
        return log, mean, np.diag(wanted @ covariance @ wanted.T)

    return fit


def test_crossed_slopes_find_the_variances_that_the_whole_likelihood_prefers():
    """Moving any of the five by a tenth makes the restricted likelihood, computed from single measurements, worse."""
    data = drawn(np.random.default_rng(3))
    found = crossed_slopes(*data).between
    names = ("residual", "row levels", "row slopes", "column levels", "column slopes")
    variances = np.array([found[name] ** 2 for name in names])
    fit = dense(data)
    best = fit(variances)[0]
    moved = [variances * np.where(np.arange(5) == k, factor, 1) for k in range(5) for factor in (0.9, 1.1)]
    assert max(fit(each)[0] for each in moved) < best + 0.005
    assert fit(variances * [1, 1, 0.2, 1, 1])[0] < best - 0.1


def test_crossed_slopes_average_over_the_spreads_like_a_brute_force_integral():
    """Effects by row and their deviations: the same as from the whole covariance matrix, over a grid of our own."""
    data = drawn(np.random.default_rng(3))
    found = crossed_slopes(*data)
    v = {name: value**2 for name, value in found.between.items()}
    fit, logs, means, variances = dense(data), [], [], []
    for row_spread in np.linspace(0, found.row_spread[0].max(), 16):
        for column_spread in np.linspace(0, found.column_spread[0].max(), 9):
            log, mean, variance = fit(
                [
                    v["residual"],
                    v["row levels"],
                    row_spread**2 + 1e-9,
                    v["column levels"],
                    column_spread**2 + 1e-9,
                ]
            )
            logs.append(log)
            means.append(mean)
            variances.append(variance)
    weight = np.exp(np.array(logs) - max(logs))
    weight /= weight.sum()
    mean = weight @ np.array(means)
    deviation = np.sqrt(weight @ (np.array(variances) + (np.array(means) - mean) ** 2))
    ours, low, high = found.average(np.eye(len(mean)), np.ones((len(mean), len(found.columns))), z=1).T
    assert ours == pytest.approx(mean, abs=0.005)
    assert (high - low) / 2 == pytest.approx(deviation, rel=0.05)


def test_intervals_hold_the_truth_at_their_rate():
    """Of the effects on rows in 40 draws, about 90 of 100 lie in their interval; raw differences err more."""
    held, pooled, raw = [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        row, column, treated = (part.ravel() for part in np.indices((24, 30, 2)))
        slopes, more = 0.03 * rng.normal(size=24), 0.05 * rng.normal(size=30)
        size = np.full(len(row), 15)
        total = rng.binomial(size, 0.5 + treated * (slopes[row] + more[column]))
        found = crossed_slopes(row, column, treated, size, total)
        estimate, low, high = found.average(np.eye(24), np.ones((24, 30))).T
        truth = slopes + more.mean()
        share = np.bincount(2 * row + treated, total).reshape(-1, 2) / 450
        held.append((low <= truth) & (truth <= high))
        pooled.append((estimate - truth) ** 2)
        raw.append((share[:, 1] - share[:, 0] - truth) ** 2)
    assert 0.87 < np.mean(held) < 0.94
    assert np.mean(pooled) < 0.7 * np.mean(raw)


def test_without_differences_all_are_pulled_to_the_average():
    """Where all rows have one slope, most of the spread of raw slopes goes, and the shortest interval holds zero."""
    rng = np.random.default_rng(5)
    row, column, treated = (part.ravel() for part in np.indices((20, 8, 2)))
    size = np.full(len(row), 25)
    total = rng.binomial(size, 0.4 + 0.1 * treated)
    found = crossed_slopes(row, column, treated, size, total)
    raw = np.diff(np.bincount(2 * row + treated, total).reshape(-1, 2) / 200, axis=1)
    assert found.rows.std() < 0.35 * raw.std()
    assert shortest_interval(found.row_spread)[0] == 0
    assert found.slope == pytest.approx(0.1, abs=0.05)


def test_overdispersion_sees_batches_that_share_their_luck():
    """Binomial batches give one, nearly; batches whose chance varies give one plus (size - 1) x intraclass correlation."""
    rng = np.random.default_rng(2)
    cell, size = np.repeat([0, 1], 2000), np.full(4000, 20)
    assert overdispersion(cell, size, rng.binomial(20, 0.3, 4000)) == pytest.approx(1, abs=0.08)
    shared = rng.beta(3, 7, 4000)  # correlation 1 / (3 + 7 + 1)
    assert overdispersion(cell, size, rng.binomial(20, shared)) == pytest.approx(1 + 19 / 11, rel=0.08)


def test_too_little_to_pool_is_one_clear_line():
    """Too few groups, or no trial at all."""
    with pytest.raises(ValueError, match="at least 4 groups"):
        james_stein([1, 2, 3], 1)
    with pytest.raises(ValueError, match="at least 3 groups"):
        pooled_means([1, 2], [1, 1])
    with pytest.raises(ValueError, match="both arms"):
        crossed_slopes([0, 1, 2], [0, 0, 0], [1, 1, 1], [5, 5, 5], [1, 2, 3])
