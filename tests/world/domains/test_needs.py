"""Groups of needs are recovered; looking at raw numbers is not enough."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from playbook.store.writing import validate
from playbook.world.domains.needs import CODES, GROUP_PLAY, LEVEL_PLAY, NUMBERS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """k-means on a few hundred rows is slower with threads than without."""
    with threadpool_limits(1):
        yield


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1500, **settings), domains=["needs"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(5)]


@pytest.fixture(scope="module")
def quiet():
    return world(1, effects={LEVEL_PLAY: 0, GROUP_PLAY: 0})


def test_tables_are_canonical(worlds, quiet):
    """Preferences keep their schema and come from the time a customer was there."""
    for tables in (worlds[0], quiet):
        validate("preferences", tables["preferences"])
        rows = tables["preferences"].merge(tables["customers"], on="customer_id")
        assert (rows["recorded_at"] >= rows["created_at"]).all()
        assert not (rows["recorded_at"] > rows["closed_at"]).any()


def wanted(tables) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Numbers and codes of the customers in groups, one row each, and the group of each."""
    rows = tables["preferences"].query("source == 'survey'")
    table = rows.pivot_table(aggfunc="first", index="customer_id", columns="attribute", values="value")
    group = tables["truth_structure"].query("play == @GROUP_PLAY").set_index("source")["target"]
    numbers = table[[*NUMBERS, "yard m2"]].astype(float)
    return numbers, table[[*CODES, "salutation"]], group.reindex(table.index)


def groups(numbers: pd.DataFrame, codes: pd.DataFrame, k: int, seed: int = 0) -> np.ndarray:
    """k-means on standardised logs beside the codes, each of which weighs as much as a number."""
    logs = np.log(numbers)
    x = (logs - logs.mean()) / logs.std()
    one_hot = pd.get_dummies(codes).astype(float)
    both = np.hstack([x, one_hot / np.sqrt(0.5)])
    return KMeans(k, n_init=5, random_state=seed).fit_predict(both)


def test_need_clusters_recovers_the_groups_and_raw_numbers_do_not(worlds):
    """Of those who fit, groups on mixed scales agree with the truth; the largest numbers alone agree with nothing."""
    right, raw = [], []
    for tables in worlds:
        numbers, codes, group = wanted(tables)
        fits = (group != "none").to_numpy()
        right.append(adjusted_rand_score(group[fits], groups(numbers, codes, 4)[fits]))
        naive = KMeans(4, n_init=2, random_state=0).fit_predict(numbers)
        raw.append(adjusted_rand_score(group[fits], naive[fits]))
    print(f"Rand index {np.mean(right):.2f} (raw {np.mean(raw):.2f})")
    assert min(right) > 0.75
    assert max(raw) < 0.1


def stability(tables, k: int, times: int = 4) -> float:
    """How much two halves of the customers agree on how to group all of them."""
    numbers, codes, _ = wanted(tables)
    logs = np.log(numbers)
    x = np.hstack([(logs - logs.mean()) / logs.std(), pd.get_dummies(codes).astype(float) / np.sqrt(0.5)])
    rng, scores = np.random.default_rng(0), []
    for _ in range(times):
        order = rng.permutation(len(x))
        halves = [KMeans(k, n_init=3, random_state=0).fit(x[rows]) for rows in np.array_split(order, 2)]
        scores.append(adjusted_rand_score(*(half.predict(x) for half in halves)))
    return float(np.mean(scores))


def test_need_clusters_number_by_stability(worlds, quiet):
    """Four groups are the most stable; without the plant none are."""
    by_number = {k: stability(worlds[0], k) for k in (3, 4, 5)}
    print({k: round(v, 2) for k, v in by_number.items()})
    assert max(by_number, key=by_number.get) == 4
    assert by_number[4] > 0.7
    assert stability(quiet, 4) < 0.5


def test_need_clusters_some_fit_none(worlds):
    """A planted share fits no group; without the plant nobody fits any."""
    share = np.mean([(wanted(tables)[2] == "none").mean() for tables in worlds])
    assert share == pytest.approx(0.08, abs=0.02)
