"""A geometric or worst-case score surfaces customers whom an average hides."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY = "measure.composite_quality"


def dimensions(world):
    """Four figures of each customer under review, larger is better, as robust z-scores."""
    tickets = world["tickets"].query("category == 'review'")
    hours = np.log((tickets["resolved_at"] - tickets["opened_at"]).dt.total_seconds())
    by = tickets["customer_id"]
    count = by.value_counts().sort_index()
    back = tickets["reopened_at"].notna().groupby(by).sum()
    share = (back + 1) / (count + 8)
    pulse = world["surveys"].query("instrument == 'quality pulse'")
    points = pulse.pivot_table(index="customer_id", columns="item_code", values="score")
    frame = pd.DataFrame(
        {"speed": -hours.groupby(by).mean(), "right first time": -np.log(share / (1 - share))}
    )
    frame = frame.join(points)
    spread = 1.48 * (frame - frame.median()).abs().median()
    return (frame - frame.median()) / spread


def masked(world):
    """Customers with one planted disaster."""
    return set(truth(world, "truth_labels", PLAY)["key"])


def caught(score, target):
    """Share of the target among as many customers with the lowest score."""
    return len(set(score.nsmallest(len(target)).index) & target) / len(target)


def test_composite_quality_recovers_masked_customers_by_the_worst_dimension():
    """The lowest worst dimension finds most of them, in every seed; a geometric mean of percentiles more than an average."""
    worst, geometric, average = [], [], []
    for seed in SEEDS:
        z, target = dimensions(voices(seed)), masked(voices(seed))
        worst.append(caught(z.min(axis=1), target))
        shares = np.log(norm.cdf(z).clip(1e-4)).mean(axis=1)
        geometric.append(caught(pd.Series(shares, z.index), target))
        average.append(caught(z.mean(axis=1), target))
    assert min(worst) > 0.6
    assert np.mean(worst) > 0.75
    assert np.mean(geometric) > np.mean(average) + 0.2


def test_composite_quality_average_hides_masked_customers():
    """By the average they look like most customers: hardly any is among the worst."""
    for seed in SEEDS:
        z, target = dimensions(voices(seed)), masked(voices(seed))
        mean = z.mean(axis=1)
        assert caught(mean, target) < 0.4
        assert mean.rank(pct=True)[list(target)].median() > 0.2


def test_composite_quality_has_no_masked_customers_without_the_effect():
    """With the size at nothing nobody combines a disaster with virtues elsewhere."""
    z = dimensions(voices(9, effect=0.0))
    assert masked(voices(9, effect=0.0)) == set()
    odd = (z.min(axis=1) < -3) & (z.apply(lambda row: row.nlargest(3).min(), axis=1) > 0)
    assert odd.sum() <= 3
