"""Missing and double owners are in the paper, outsiders only in the log of edits."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.accountability import PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=200, **settings), domains=["accountability"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(8)]


def labelled(tables, label: str) -> set[str]:
    rows = tables["truth_labels"]
    return set(rows.loc[(rows["play"] == PLAY) & (rows["label"] == label), "key"])


def answers(tables) -> pd.Series:
    """How many teams are accountable for each element."""
    paper = tables["responsibilities"].query("raci == 'A'")
    return paper["subject_id"].value_counts().reindex(tables["fields"]["field_id"], fill_value=0)


def outsiders(tables, actions) -> set[str]:
    """The elements that a team uses which the paper does not name as accountable or responsible."""
    paper = tables["responsibilities"].query("raci in ('A', 'R')")
    named = set(zip(paper["subject_id"], paper["role"], strict=True))
    log = tables["access_log"][tables["access_log"]["action"].isin(actions)]
    return {
        field for field, role in zip(log["field_ids"], log["role"], strict=True) if (field, role) not in named
    }


def test_tables_are_canonical(worlds):
    """All tables keep their schemas; every element has fields behind it."""
    for name in ("responsibilities", "access_log", "corrections"):
        validate(name, worlds[0][name])


def test_data_accountability_recovers_owners_and_outsiders(worlds):
    """Paper and edits together find every planted case and no other; neither paper nor mere use does."""
    for tables in worlds:
        count = answers(tables)
        assert set(count.index[count == 0]) == labelled(tables, "unowned")
        assert set(count.index[count == 2]) == labelled(tables, "doubly owned")
        planted = labelled(tables, "edited from outside")
        assert len(planted) >= 5
        assert outsiders(tables, ["edit"]) == planted
        # The paper alone names nobody from outside; all use together names nearly every element.
        assert len(outsiders(tables, ["edit", "read"])) > 3 * len(planted)


def repair_ratio(tables) -> tuple[float, float]:
    """The ratio of repair times without and with an owner, and its standard error in logs; open errors are few."""
    rows = tables["corrections"][tables["corrections"]["verified"]].dropna(subset="fixed_at")
    days = np.log((rows["fixed_at"] - rows["reported_at"]).dt.total_seconds())
    none = rows["field_id"].map(answers(tables)) == 0
    gap = days[none].mean() - days[~none].mean()
    return gap, np.sqrt(days[none].var() / none.sum() + days[~none].var() / (~none).sum())


def test_data_accountability_recovers_what_a_missing_owner_costs(worlds):
    """Repairs without an owner take as much longer as planted."""
    for tables in worlds:
        effects = tables["truth_effects"]
        true = np.log(effects.loc[effects["play"] == PLAY, "size"].iloc[0])
        gap, error = repair_ratio(tables)
        assert abs(gap - true) < 4 * error
        assert gap > 5 * error


def test_data_accountability_has_nothing_to_find_without_effect():
    """One accountable team each, no outsider, no slower repair."""
    tables = world(1, effects={PLAY: 0})
    assert (answers(tables) == 1).all()
    assert outsiders(tables, ["edit"]) == set()
    assert not len(tables["truth_labels"].query("play == @PLAY"))
