"""Behaviour in two columns together is learned from real data and gone from columns drawn apart; few hide in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from playbook.store.writing import validate
from playbook.world.domains.identities import ATTRIBUTE, PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=2500, **settings), domains=["identities"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(4)]


def cases(tables) -> pd.DataFrame:
    rows = tables["preferences"][tables["preferences"]["attribute"] == ATTRIBUTE]
    rows = rows.merge(tables["customers"], on="customer_id")
    return pd.DataFrame(
        {"year": rows["birth_year"], "writes": rows["preferred_channel"] != "phone", "yes": rows["value"] == "yes",
         "key": rows["customer_id"]}
    )  # fmt: skip


def auc(train: pd.DataFrame, test: pd.DataFrame) -> float:
    model = DecisionTreeClassifier(max_depth=4, min_samples_leaf=40, random_state=0)
    model.fit(train[["year", "writes"]], train["yes"])
    return roc_auc_score(test["yes"], model.predict_proba(test[["year", "writes"]])[:, 1])


def halves(tables) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Half of the customers to train on, the same with each column drawn apart, the other half to test on."""
    rows, rng = cases(tables), np.random.default_rng(0)
    order = rng.permutation(len(rows))
    train, test = rows.iloc[order[: len(rows) // 2]], rows.iloc[order[len(rows) // 2 :]]
    apart = pd.DataFrame({name: rng.permutation(train[name].to_numpy()) for name in train})
    return train, apart, test


def test_tables_are_canonical(worlds):
    """Preferences keep their schema."""
    validate("preferences", worlds[0]["preferences"])


def test_anonymization_recovers_behaviour_that_columns_drawn_apart_lose(worlds):
    """Trained on real data a model ranks customers it has not seen nearly as well as the planted chances can;
    trained on columns drawn independently it is at chance.
    """
    real, apart, best = [], [], []
    for tables in worlds:
        train, drawn, test = halves(tables)
        chance = tables["truth_outcomes"].query("play == @PLAY").set_index("subject")["value"]
        real.append(auc(train, test))
        apart.append(auc(drawn, test))
        best.append(roc_auc_score(test["yes"], chance.reindex(test["key"])))
    print(f"AUC real {np.mean(real):.3f}, apart {np.mean(apart):.3f}, possible {np.mean(best):.3f}")
    assert np.mean(real) > np.mean(best) - 0.03
    assert min(real) > 0.65
    assert abs(np.mean(apart) - 0.5) < 0.06


def test_anonymization_tokens_hide_nobody(worlds):
    """A token instead of the key leaves most customers alone with their postcode, birth year and gender; decades
    and markets leave few.
    """
    for tables in worlds:
        rows = tables["customers"]
        alone = rows.groupby(["postcode", "birth_year", "gender"])["customer_id"].transform("size") == 1
        coarse = [
            rows["region_id"],
            rows["birth_year"] // 20,
            rows["gender"].where(rows["gender"] != "x", "f"),
        ]
        assert alone.mean() > 0.5
        assert (rows.groupby(coarse)["customer_id"].transform("size") < 5).mean() < 0.02


def test_anonymization_has_nothing_to_learn_without_effect():
    """Without the plant real data teach nothing either."""
    found = []
    for seed in (1, 2):
        train, _, test = halves(world(seed, effects={PLAY: 0}))
        found.append(auc(train, test))
    assert abs(np.mean(found) - 0.5) < 0.05
