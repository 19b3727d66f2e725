"""The value of knowing each attribute is recovered; the best predictor is worth nothing."""

import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.knowledge import PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, customers: int = 2500, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=customers, **settings), domains=["knowledge"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(5)]


def cases(tables) -> pd.DataFrame:
    """Each decision with its cost and what is known of the customer."""
    known = tables["preferences"].pivot_table(
        aggfunc="first", index="customer_id", columns="attribute", values="value"
    )
    rows = tables["decisions"].assign(cost=-tables["decisions"]["realised_amt"])
    return rows.join(known, on="customer_id")


def worth(rows: pd.DataFrame, attribute: str) -> float:
    """What choosing by the attribute saves against the better way for all, from means by way and value."""
    mean = rows.pivot_table(index=attribute, columns="outcome", values="cost")
    share = rows[attribute].value_counts(normalize=True).reindex(mean.index)
    overall = mean.mul(share, axis=0).sum()
    return float(overall.min() - (share * mean.min(axis=1)).sum())


def explained(rows: pd.DataFrame, attribute: str) -> float:
    """The share of the costs' variance that the attribute explains: how well it predicts."""
    return float(rows.groupby(attribute)["cost"].transform("mean").var() / rows["cost"].var())


def found(worlds) -> pd.DataFrame:
    rows = pd.concat([cases(tables) for tables in worlds])
    truth = worlds[0]["truth_effects"].query("play == @PLAY")
    out = truth[["stratum", "action", "size"]].copy()
    parts = [rows[rows["decision_type"] == kind] for kind in truth["stratum"]]
    out["worth"] = [worth(part, name) for part, name in zip(parts, truth["action"], strict=True)]
    out["explained"] = [explained(part, name) for part, name in zip(parts, truth["action"], strict=True)]
    return out


def test_tables_are_canonical(worlds):
    """Preferences, decisions and fields keep their schemas; orders and customers are there."""
    for name in ("preferences", "decisions", "fields"):
        validate(name, worlds[0][name])
    rows = worlds[0]["decisions"].merge(worlds[0]["customers"], on="customer_id")
    assert len(rows) == len(worlds[0]["decisions"])
    assert not (rows["decided_at"] > rows["closed_at"]).any()
    slots = worlds[0]["decisions"].query("subject_type == 'order'")
    assert slots["subject_id"].isin(worlds[0]["orders"]["order_id"]).all()


def test_intimate_knowledge_recovers_what_each_attribute_is_worth(worlds):
    """Each attribute saves what was planted, within sampling error; only the planted ones qualify."""
    result = found(worlds)
    print(result.round(2).to_string())
    # About 8,000 decisions of each kind: a mean by way and value has a standard error below 2% of the cost.
    cost = result["stratum"].map({"time of delivery": 50.0, "first help": 120.0})
    assert (abs(result["worth"] - result["size"]) < 0.02 * cost).all()
    for _, rows in result.groupby("stratum"):
        assert (
            rows.sort_values("worth", ascending=False)["action"].tolist()[:2] == rows["action"].tolist()[:2]
        )


def test_intimate_knowledge_best_predictor_changes_no_decision(worlds):
    """In both decisions the attribute that predicts the cost best is not the one worth knowing."""
    for _, rows in found(worlds).groupby("stratum"):
        best = rows.loc[rows["explained"].idxmax()]
        assert best["size"] == 0
        assert best["worth"] < 0.1 * rows["worth"].max()


def test_intimate_knowledge_is_worth_nothing_without_effect():
    """Where the difference does not depend on anything, knowing saves nothing."""
    result = found([world(seed, effects={PLAY: 0}) for seed in (1, 2)])
    assert (result["size"] == 0).all()
    assert (result["worth"] < 0.5).all()
