"""Scores say more about leaving than the answers of those who stayed show; blind spots are found by group."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY = "measure.survey_validity"
SENT = WorldSettings().end - pd.DateOffset(months=12)


def asked(world):
    """Everybody who was asked: score, what it would have been, orders before, whether they ordered in the year after."""
    frame = world["surveys"].query("instrument == 'relationship'")
    score = frame.groupby(["survey_id", "customer_id"])["score"].mean().reset_index()
    score["true"] = score["survey_id"].map(truth(world, "truth_outcomes", PLAY).set_index("subject")["value"])
    orders = world["orders"]
    before = orders[(orders["ordered_at"] < SENT) & (orders["ordered_at"] >= SENT - pd.Timedelta(days=182))]
    score["before"] = score["customer_id"].map(before["customer_id"].value_counts()).fillna(0)
    earlier = orders[(orders["ordered_at"] < SENT - pd.Timedelta(days=182))]
    earlier = earlier[earlier["ordered_at"] >= SENT - pd.DateOffset(years=2)]
    score["earlier"] = score["customer_id"].map(earlier["customer_id"].value_counts()).fillna(0)
    late = orders.loc[orders["ordered_at"] >= SENT, "customer_id"]
    score["stays"] = score["customer_id"].isin(late).astype(float)
    customers = world["customers"].merge(world["accounts"], on="account_id", suffixes=("", "_account"))
    score = score.merge(customers[["customer_id", "segment", "region_id"]], on="customer_id")
    score["group"] = score["segment"] + ", " + score["region_id"]
    parcels = world["shipments"]
    parcels = parcels[
        (parcels["promised_at"] < SENT) & (parcels["promised_at"] >= SENT - pd.DateOffset(years=1))
    ]
    in_time = (
        (parcels["delivered_at"] <= parcels["promised_at"])
        .groupby(parcels["customer_id"])
        .agg(["sum", "size"])
    )
    known = in_time.reindex(score["customer_id"]).fillna(0).to_numpy()
    score["punctual"] = (known[:, 0] + 4) / (known[:, 1] + 4.4)
    return score


@pytest.fixture(scope="module")
def pooled():
    """Those asked in five worlds."""
    return pd.concat([asked(voices(seed)) for seed in SEEDS], ignore_index=True)


def correlation(x, y, weight=None):
    """Weighted correlation."""
    weight = np.ones(len(x)) if weight is None else weight
    x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
    return np.average(x * y, weights=weight) / np.sqrt(
        np.average(x * x, weights=weight) * np.average(y * y, weights=weight)
    )


def validity(frame):
    """Correlation of score and staying: of all, of respondents, of respondents weighted by their chance to answer."""
    answered = frame["score"].notna().to_numpy()
    levels = pd.get_dummies(
        frame["before"].clip(upper=6).astype(int).astype(str), drop_first=True, dtype=float
    )
    chance = sm.GLM(answered.astype(float), sm.add_constant(levels), sm.families.Binomial()).fit().predict()
    part = frame[answered]
    return (
        correlation(frame["true"], frame["stays"]),
        correlation(part["score"], part["stays"]),
        correlation(part["score"], part["stays"], 1 / chance[answered]),
    )


def test_survey_validity_recovers_the_correlation_by_weighting(pooled):
    """Weighted by the chance to answer, the correlation is that of all customers asked; as it is, it is too low."""
    regular = pooled[pooled["earlier"] >= 4]  # of the others nobody can say whether they stayed
    full, plain, weighted = validity(regular)
    answered = regular["score"].notna().sum()
    assert full > 0.1
    assert weighted == pytest.approx(full, abs=2.5 * 1.4 / np.sqrt(answered))
    assert plain < full - 2.5 / np.sqrt(answered)


def blind_spots(frame):
    """Groups whose scores lie off what punctuality says, within the false-discovery rate of 5 %."""
    part = frame[frame["score"].notna()]
    slope = np.polyfit(part["punctual"], part["score"], 1)
    rest = part["score"] - np.polyval(slope, part["punctual"])
    rest -= rest.groupby(part["group"]).median().median()
    groups = rest.groupby(part["group"]).agg(["mean", "std", "size"]).query("size >= 10")
    z = groups["mean"] / (groups["std"] / np.sqrt(groups["size"]))
    p = 2 * norm.sf(z.abs())
    return set(groups.index[multipletests(p, 0.05, "fdr_bh")[0] & (groups["mean"].abs() > 0.6)])


def planted_groups(world):
    """Groups that were planted as blind spots."""
    return set(truth(world, "truth_labels", PLAY)["value"])


def test_survey_validity_recovers_blind_spots(pooled):
    """Groups that feel otherwise than their parcels say are found, and no others."""
    found = blind_spots(pooled)
    planted = set().union(*(planted_groups(voices(seed)) for seed in SEEDS))
    assert len(planted) == 3
    assert found == planted


def test_survey_validity_internal_figures_miss_blind_spots(pooled):
    """Punctuality, against the market's, is at most by chance unusual in a blind spot: it sees none of three."""
    rest = pooled["punctual"] - pooled.groupby("region_id")["punctual"].transform("mean")
    groups = rest.groupby(pooled["group"]).agg(["mean", "std", "size"])
    z = groups["mean"] / (groups["std"] / np.sqrt(groups["size"]))
    planted = set().union(*(planted_groups(voices(seed)) for seed in SEEDS))
    assert (z[sorted(planted)].abs() > 3).sum() == 0


def test_survey_validity_finds_nothing_without_the_effect():
    """With the size at nothing scores do not tell who stays, respondents are like the others, and no group stands out."""
    frame = pd.concat([asked(voices(seed, effect=0.0)) for seed in (9, 10)], ignore_index=True)
    full, plain, weighted = validity(frame)
    error = 1 / np.sqrt(frame["score"].notna().sum())
    assert max(abs(full), abs(plain), abs(weighted)) < 4 * error
    assert blind_spots(frame) == set()
