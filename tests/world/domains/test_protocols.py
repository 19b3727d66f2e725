"""Where local protocols help, where desks are only different, and what chance makes of both."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_service import service_worlds

SEEDS, CUSTOMERS = 3, 2500


def tried(planted: bool = True) -> pd.DataFrame:
    """Cases of the weeks in which a lot decided, with the arm of their desk."""
    world = service_worlds(planted, SEEDS, CUSTOMERS)
    weeks = world.assignments[world.assignments["initiative_id"].str.startswith("LP")]
    weeks = weeks[["seed", "subject_id", "arm", "design", "starts_at"]].sort_values("starts_at")
    cases = world.tickets.sort_values("opened_at")
    return pd.merge_asof(
        cases,
        weeks,
        left_on="opened_at",
        right_on="starts_at",
        left_by=["seed", "queue"],
        right_by=["seed", "subject_id"],
    )


def gains(cases: pd.DataFrame, by: str) -> pd.DataFrame:
    """Per seed and group: share of repeats with the local protocol less that with the standard, and its error."""
    cells = cases.pivot_table(index=["seed", by], columns="arm", values="back", aggfunc=["mean", "size"])
    cells = cells[(cells["size"] >= 8).all(axis=1)].dropna()
    p = cases["back"].mean()
    error = np.sqrt(p * (1 - p) * (1 / cells["size"]).sum(axis=1))
    return pd.DataFrame({"gain": cells["mean"]["local"] - cells["mean"]["standard"], "error": error})


def shrunken(table: pd.DataFrame) -> tuple[pd.Series, float]:
    """Partial pooling with the variance between groups by moments (DerSimonian & Laird 1986)."""
    w = 1 / table["error"] ** 2
    mean = (w * table["gain"]).sum() / w.sum()
    q = (w * (table["gain"] - mean) ** 2).sum()
    between = max(0.0, (q - (len(table) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    share = between / (between + table["error"] ** 2)
    return mean + share * (table["gain"] - mean), between


@pytest.fixture(scope="module")
def cases():
    """Cases of the trial."""
    rows = tried()
    return rows[rows["design"] == "random"]


@pytest.fixture(scope="module")
def kinds():
    """What each desk is."""
    labels = service_worlds(True, SEEDS, CUSTOMERS).truth_labels.query(
        "play == 'define.standardize_or_localize'"
    )
    return labels.set_index(["seed", "key"])["label"]


def test_standardize_or_localize_partial_pooling_finds_the_desks_that_gain(cases, kinds):
    """Slopes of protocol by desk: the planted gain, for the desks that have it, and hardly any others."""
    slopes, between = shrunken(gains(cases, "queue"))
    table = gains(cases, "queue")
    helped = kinds.loc[slopes.index] == "local protocol helps"
    truth = service_worlds(True, SEEDS, CUSTOMERS).truth_effects.query(
        "action == 'local protocol' and size < 0"
    )
    planted = truth[truth["stratum"].str.startswith("UD")]["size"].iloc[0]
    average, error = table[helped]["gain"].mean(), np.sqrt((table[helped]["error"] ** 2).sum()) / helped.sum()
    # Customers who gain at any desk are a few of its cases, on top of the desk's own gain.
    assert planted - 0.02 - 3 * error < average < planted + 3 * error
    picked = slopes < planted / 2
    assert picked[helped].mean() > 0.8
    assert picked[~helped].mean() < 0.12
    assert between > 0.01**2


def test_standardize_or_localize_level_says_nothing_about_the_protocol(cases, kinds):
    """Desks that differ most in level are those whose protocol gains nothing: a random intercept picks the wrong ones."""
    level = cases[cases["arm"] == "standard"].groupby(["seed", "queue"])["back"].mean()
    kinds = kinds.loc[level.index]
    assert level[kinds == "differs in level"].mean() > level[kinds != "differs in level"].mean() + 0.05
    slopes, _ = shrunken(gains(cases, "queue"))
    only_level = slopes[kinds.loc[slopes.index] == "differs in level"]
    helped = slopes[kinds.loc[slopes.index] == "local protocol helps"]
    assert only_level.mean() > helped.mean() / 2


def test_standardize_or_localize_desks_that_chose_were_good_before():
    """Before the trial the desks that kept their own protocol look better, three quarters of them without cause."""
    rows = tried()
    chosen = rows[rows["design"] == "chosen"]
    share = chosen.groupby("arm")["back"].mean()
    assert share["local"] < share["standard"] - 0.02


def test_standardize_or_localize_customers_who_gain_are_told_from_chance(cases):
    """Between customers with many requests the gain varies as planted; the best raw gains are mostly chance."""
    truth = service_worlds(True, SEEDS, CUSTOMERS).truth_effects.query(
        "action == 'local protocol' and size < 0"
    )
    truth = truth[truth["stratum"].str.startswith("C")].set_index(["seed", "stratum"])["size"]
    table = gains(cases, "customer_id")
    table["planted"] = truth.reindex(table.index).fillna(0.0)
    with_gain = table[table["planted"] < 0]
    error = np.sqrt((with_gain["error"] ** 2).sum()) / len(with_gain)
    rest = table[table["planted"] == 0]["gain"].mean()
    assert with_gain["gain"].mean() - rest == pytest.approx(truth.iloc[0], abs=3.5 * error)
    best = table["gain"].nsmallest(40)
    assert best.mean() < 2 * truth.iloc[0]  # twice what anybody can gain
    assert (table.loc[best.index, "planted"] < 0).mean() < 0.6


def test_standardize_or_localize_without_an_effect_slopes_do_not_vary():
    """In worlds without it the desks' slopes vary no more than chance: Cochran's Q below its 99.5 % point."""
    rows = tried(planted=False)
    table = gains(rows[rows["design"] == "random"], "queue")
    w = 1 / table["error"] ** 2
    q = (w * (table["gain"] - (w * table["gain"]).sum() / w.sum()) ** 2).sum()
    n = len(table) - 1
    assert q < n + 2.6 * np.sqrt(2 * n) + 3
