"""Belief that decays and learns is calibrated; what was once said with confidence is not."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.preferences import ATTRIBUTE, PLAY, SURE, WINDOWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

YEAR = np.timedelta64(365, "D")
RATES = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.75])


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1500, **settings), domains=["preferences"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(4)]


def seen(tables) -> pd.DataFrame:
    """Every contact, in order: who, value, source, years since the one before."""
    rows = tables["preferences"][tables["preferences"]["attribute"] == ATTRIBUTE]
    rows = rows.sort_values(["customer_id", "recorded_at"], kind="stable")
    who, _ = pd.factorize(rows["customer_id"])
    gap = rows["recorded_at"].diff().to_numpy() / YEAR
    step = rows.groupby("customer_id").cumcount().to_numpy()
    code = pd.Categorical(rows["value"], WINDOWS).codes
    return pd.DataFrame({"who": who, "step": step, "value": code, "source": rows["source"].to_numpy(),
                         "gap": np.where(step == 0, 0.0, gap), "customer_id": rows["customer_id"].to_numpy(),
                         "at": rows["recorded_at"].to_numpy()})  # fmt: skip


def learn(tables, rate: float) -> tuple[float, np.ndarray, pd.Index, float]:
    """Filter forward with a rate of change a year: log-likelihood, belief about each customer at the end of their time,
    their keys.
    """
    rows, k = seen(tables), len(WINDOWS)
    right = tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    reliable = rows["source"].map(lambda source: right[f"{source} is right"]).to_numpy()
    n = rows["who"].max() + 1
    belief, loglik = np.full((n, k), 1 / k), 0.0
    last = np.zeros(n, dtype="datetime64[us]")
    for step in range(rows["step"].max() + 1):
        now = rows[rows["step"] == step]
        who, stay = now["who"].to_numpy(), np.exp(-rate * now["gap"].to_numpy())[:, None]
        prior = belief[who] * stay + (1 - stay) * (1 - belief[who]) / (k - 1)
        r = reliable[now.index][:, None]
        chance = np.where(now["value"].to_numpy()[:, None] == np.arange(k), r, (1 - r) / (k - 1))
        joint = prior * chance
        total = joint.sum(axis=1, keepdims=True)
        loglik += np.log(total).sum()
        belief[who], last[who] = joint / total, now["at"].to_numpy()
    key = pd.Index(rows.drop_duplicates("who")["customer_id"])
    customers = tables["customers"].set_index("customer_id").loc[key]
    end = tables["preferences"]["recorded_at"].max().to_datetime64()
    until = np.fmin(customers["closed_at"].to_numpy(), end)
    stay = np.exp(-rate * np.maximum((until - last) / YEAR, 0))[:, None]
    return loglik, belief * stay + (1 - stay) * (1 - belief) / (k - 1), key


def truth(tables, key: pd.Index) -> np.ndarray:
    rows = tables["truth_values"].query("play == @PLAY").set_index("key")["value"]
    return pd.Categorical(rows.reindex(key), WINDOWS).codes


def best_rate(tables) -> float:
    return RATES[np.argmax([learn(tables, rate)[0] for rate in RATES])]


def test_tables_are_canonical(worlds):
    """Preferences keep their schema; what shows them is an order of that customer."""
    validate("preferences", worlds[0]["preferences"])
    rows = worlds[0]["preferences"].dropna(subset="evidence_id")
    found = rows.merge(worlds[0]["orders"], left_on="evidence_id", right_on="order_id")
    assert len(found) == len(rows) > 1000
    assert (found["customer_id_x"] == found["customer_id_y"]).all()


def test_preference_learning_recovers_how_often_wishes_change(worlds):
    """The likeliest rate of change is near the planted one (customers differ in theirs, the filter's do not)."""
    rates = [best_rate(tables) for tables in worlds]
    print("Rates", rates)
    assert 0.2 <= np.mean(rates) <= 0.42


def test_preference_learning_belief_is_calibrated_and_the_file_is_not(worlds):
    """Stated confidence equals the share that is right after learning; the file promises far more than it holds."""
    gaps, filed, accuracy = [], [], []
    for tables in worlds:
        _, belief, key = learn(tables, 0.3)
        true = truth(tables, key)
        sure, right = belief.max(axis=1), belief.argmax(axis=1) == true
        gaps.append(sure.mean() - right.mean())
        accuracy.append(right.mean())
        first = seen(tables).query("step == 0").set_index("customer_id").loc[key, "value"]
        filed.append((first.to_numpy() == true).mean())
        for low, high in ((0.25, 0.6), (0.6, 0.85), (0.85, 1.0)):
            some = (sure > low) & (sure <= high)
            assert sure[some].mean() == pytest.approx(right[some].mean(), abs=0.06 + 2 / np.sqrt(some.sum()))
    print(f"Calibration gap {np.mean(gaps):.3f}, right {np.mean(accuracy):.2f}, on file {np.mean(filed):.2f}")
    assert abs(np.mean(gaps)) < 0.03
    assert np.mean(filed) < SURE - 0.2
    assert np.mean(accuracy) > np.mean(filed) + 0.05


def test_preference_learning_has_nothing_to_learn_without_effect():
    """Where wishes do not change, the likeliest rate is none and the file is right."""
    tables = world(1, effects={PLAY: 0})
    assert best_rate(tables) <= 0.05
    rows = seen(tables).query("step == 0")
    assert (rows["value"].to_numpy() == truth(tables, pd.Index(rows["customer_id"]))).mean() > SURE - 0.02
    assert not len(tables["truth_shifts"].query("play == @PLAY"))


def test_shifts_and_values_agree(worlds):
    """Who never changed still wants what was there at first, but for slips of the pen."""
    tables = worlds[0]
    changed = set(tables["truth_shifts"].query("play == @PLAY")["subject"])
    first = seen(tables).query("step == 0")
    never = ~first["customer_id"].isin(changed)
    right = first["value"].to_numpy() == truth(tables, pd.Index(first["customer_id"]))
    assert right[never].mean() > 0.94
