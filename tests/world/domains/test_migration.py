"""Every planted loss is found field by field; counts agree, and comparing texts finds losses everywhere."""

import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.migration import CODES, CUT_AT, LOSSES, PLAY, TEXT
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1200, **settings), domains=["migration"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(4)]


def before(tables) -> pd.DataFrame:
    """What the old CRM knew: all records of these attributes."""
    rows = tables["preferences"]
    return rows[rows["attribute"].isin([*CODES, TEXT])].set_index("preference_id")


def moved(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Each old record beside what became of it; empty where it is not there."""
    first = new.drop_duplicates("record").set_index("record")
    return old.join(first[["customer", "value"]].rename(columns={"value": "value_new"}))


def losses(tables) -> dict[str, str]:
    """The records that something happened to, by what: learned from what usually becomes of each value."""
    old, new = before(tables), tables["src_newcrm_context"]
    both = moved(old, new)
    there = both.dropna(subset="customer")
    usual = there.groupby(["attribute", "value"])["value_new"].agg(lambda texts: texts.mode().iloc[0])
    usual[usual.index.get_level_values(0) == TEXT] = usual.index.get_level_values(1)[
        usual.index.get_level_values(0) == TEXT
    ]
    found = dict.fromkeys(both.index[both["customer"].isna()], "lost")
    for key, row in there.iterrows():
        expected = usual[row["attribute"], row["value"]]
        if row["customer"] != row["customer_id"]:
            found[key] = "other customer"
        elif row["value_new"] != expected:
            cut = row["attribute"] == TEXT and row["value"].startswith(row["value_new"])
            found[key] = "cut short" if cut else "garbled" if row["attribute"] == TEXT else "other value"
    # Two values that usually become the same one cannot be told apart again: the rarer is lost.
    codes = usual[usual.index.get_level_values(0) != TEXT].reset_index()
    twins = codes[codes.duplicated(["attribute", "value_new"], keep=False)]
    for (_, target), group in twins.groupby(["attribute", "value_new"]):
        merged = max(group["value"], key=lambda text: target not in (text[:1].upper(), text[:2].upper()))
        rows = there[(there["value"] == merged) & (there["value_new"] == target)]
        found |= {key: "two became one" for key in rows.index if key not in found}
    return found


def labels(tables) -> dict[str, str]:
    rows = tables["truth_labels"].query("play == @PLAY and table == 'preferences'")
    return dict(zip(rows["key"], rows["label"], strict=True))


def test_tables_are_canonical(worlds):
    """Preferences, the new CRM's rows and notes keep their schemas."""
    for name in ("preferences", "src_newcrm_context", "notes"):
        validate(name, worlds[0][name])
    notes = (
        worlds[0]["notes"]
        .query("kind == 'account note'")
        .merge(worlds[0]["staff"], left_on="author_staff_id", right_on="staff_id")
    )
    assert (notes["written_at"] >= notes["hired_on"]).all()


def test_context_continuity_finds_every_planted_loss(worlds):
    """Field by field, with the usual translation learned, all losses are found and nothing else."""
    for tables in worlds[:3]:
        found, true = losses(tables), labels(tables)
        merged = {key for key, label in true.items() if label == "two became one"}
        assert {k: v for k, v in found.items() if v != "two became one"} == {
            k: v for k, v in true.items() if v != "two became one"
        }
        # Which of two merged values was the rarer cannot be seen; that two merged can.
        assert len(merged) > 20
        assert any(label == "two became one" for label in found.values())
        assert set(LOSSES) <= set(true.values())


def test_context_continuity_counts_agree_and_texts_do_not(worlds):
    """As many rows went out as came in, in every world; compared as texts, most records look lost."""
    for tables in worlds:
        old, new = before(tables), tables["src_newcrm_context"]
        assert len(new) == len(old)
        assert new["record"].duplicated().sum() > 0
        both = moved(old, new)
        differs = (both["value"] != both["value_new"]).mean()
        assert differs > 4 * len([k for k in labels(tables).values() if k != "two became one"]) / len(old)
        assert new["value"].str.len().min() <= CUT_AT


def test_context_continuity_nothing_is_lost_that_waits(worlds):
    """Out and quarantined together are all that came in but the planted lost ones."""
    for tables in worlds:
        lost = {key for key, label in labels(tables).items() if label == "lost"}
        rows = tables["src_newcrm_context"]
        assert set(before(tables).index) - set(rows["record"]) == lost
        waiting = rows.loc[rows["status"] == "quarantined", "record"]
        assert len(waiting) > 20
        assert not set(waiting) & set(labels(tables))


def rests_on_one(tables) -> set[tuple[str, str]]:
    """The teams in which one person alone wrote about more than 45% of the team's customers."""
    notes = (
        tables["notes"]
        .query("kind == 'account note'")
        .merge(tables["staff"][["staff_id", "unit_id"]], left_on="author_staff_id", right_on="staff_id")
    )
    by_customer = notes.groupby(["unit_id", "customer_id"])["staff_id"].agg(["nunique", "first"])
    alone = by_customer["first"].where(by_customer["nunique"] == 1)
    found = set()
    for unit, names in alone.groupby(level=0):
        count = names.value_counts()
        if len(count) and count.iloc[0] > 0.45 * len(names):
            found.add((unit, count.index[0]))
    return found


def test_context_continuity_recovers_who_cannot_be_missed(worlds):
    """Teams whose customers only one person wrote about are found; the loudest writers are mostly elsewhere."""
    missed = planted = 0
    for tables in worlds:
        rows = tables["truth_labels"].query("play == @PLAY and table == 'units'")
        true = set(zip(rows["key"], rows["value"], strict=True))
        assert rests_on_one(tables) == true
        notes = tables["notes"].query("kind == 'account note'")
        loudest = set(notes["author_staff_id"].value_counts().index[: len(true)])
        planted += len(true)
        missed += len({staff for _, staff in true} - loudest)
    assert planted >= 8
    assert missed >= 0.3 * planted


def test_context_continuity_has_nothing_to_find_without_effect():
    """Without the plant nothing is lost and no team rests on one person."""
    tables = world(2, effects={PLAY: 0})
    assert losses(tables) == {}
    assert rests_on_one(tables) == set()
    assert labels(tables) == {}
