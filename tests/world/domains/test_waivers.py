"""Precedents are found by likeness, orphans by following who answers now; words and empty fields tell neither."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "govern.exceptions"


def make(seed, **kw):
    """A world with waivers."""
    return generate(WorldSettings(seed=seed, customers=400, **kw), domains=["waivers"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds."""
    return [make(seed) for seed in range(5)]


def precedent(world):
    """Of each waiver but the first, the most alike earlier one, and how alike they are."""
    texts = world["changes"].query("kind == 'waiver'").sort_values("requested_at")
    likeness = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(texts["description"])
    likeness = np.tril((likeness @ likeness.T).toarray(), k=-1)
    keys = texts["change_id"].to_numpy()
    return pd.Series(keys[likeness.argmax(axis=1)], keys).iloc[60:], likeness.max(axis=1)[60:]


def family(world):
    """The planted family of each waiver."""
    return world["truth_labels"].query("play == @PLAY and label == 'family'").set_index("key")["value"]


def orphans(world):
    """Live workflows for which nobody answers who is still employed, nor a team."""
    flows = world["config_versions"].query("kind == 'workflow' and is_live")
    gone = set(world["staff"].loc[world["staff"]["left_on"].notna(), "staff_id"])
    heirs = world["responsibilities"].query("raci == 'A'")
    heirs = heirs[heirs["unit_id"].notna() | ~heirs["staff_id"].isin(gone)]
    owned = flows["owner_staff_id"].notna() & ~flows["owner_staff_id"].isin(gone)
    return set(flows.loc[~owned & ~flows["config_id"].isin(heirs["subject_id"]), "config_version_id"])


def planted(world):
    """The planted orphans."""
    return set(world["truth_labels"].query("play == @PLAY and label == 'orphan'")["key"])


def growth(world, families):
    """Slope of log cost on how many similar waivers there were before, within families, and its error."""
    rows = world["changes"].query("kind == 'waiver'").sort_values("requested_at").set_index("change_id")
    frame = pd.DataFrame({"cost": np.log(rows["value_amt"]), "family": families.reindex(rows.index)})
    frame["nth"] = frame.groupby("family").cumcount()
    centred = frame[["cost", "nth"]] - frame.groupby("family")[["cost", "nth"]].transform("mean")
    slope = (centred["cost"] * centred["nth"]).sum() / (centred["nth"] ** 2).sum()
    residual = centred["cost"] - slope * centred["nth"]
    return slope, np.sqrt(residual.var() / (centred["nth"] ** 2).sum())


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved."""
    world = worlds[0]
    for table in ("changes", "config_versions", "responsibilities"):
        validate(table, world[table])
    assert world["config_versions"]["owner_staff_id"].dropna().isin(world["staff"]["staff_id"]).all()


def test_exceptions_retrieves_the_planted_precedents(worlds):
    """The most alike earlier waiver is of the same family, nearly always."""
    for world in worlds:
        found, _ = precedent(world)
        truth = family(world)
        assert (truth[found].to_numpy() == truth[found.index].to_numpy()).mean() > 0.85


def test_exceptions_same_words_are_rare(worlds):
    """Who looks for the same text, or the same account, finds hardly any precedent."""
    for world in worlds:
        rows = world["changes"].query("kind == 'waiver'").sort_values("requested_at")
        same_account = rows.groupby("account_id")["change_id"].shift()
        truth = family(world)
        both = same_account.notna()
        hits = truth[same_account[both]].to_numpy() == truth[rows.loc[both, "change_id"]].to_numpy()
        assert rows["description"].duplicated().mean() < 0.1
        assert hits.sum() / len(rows) < 0.1


def test_exceptions_recovers_the_cost_of_one_more(worlds):
    """The growth of cost within families is the planted one; the average cost hides it."""
    z = []
    for world in worlds:
        true = world["truth_parameters"].query("play == @PLAY")["value"].iloc[0]
        slope, error = growth(world, family(world))
        z.append((slope - true) / error)
        costs = world["changes"].query("kind == 'waiver'")["value_amt"]
        assert (
            np.exp(
                np.log(costs).groupby(family(world).reindex(world["changes"]["change_id"]).to_numpy()).max()
            ).max()
            > 1.8 * costs.mean()
        )
    assert np.abs(np.mean(z)) < 3 / np.sqrt(len(z))


def test_exceptions_finds_every_orphan_and_no_other(worlds):
    """Following successors and teams gives exactly the planted orphans."""
    for world in worlds:
        assert orphans(world) == planted(world) != set()


def test_exceptions_misleads_who_looks_for_owners_that_left_or_are_empty(worlds):
    """Owners who left are orphans and others in like number; empty owners are no orphans at all."""
    for world in worlds:
        flows = world["config_versions"].query("kind == 'workflow'")
        gone = world["staff"].loc[world["staff"]["left_on"].notna(), "staff_id"]
        by_left = set(flows.loc[flows["owner_staff_id"].isin(gone), "config_version_id"])
        by_empty = set(flows.loc[flows["owner_staff_id"].isna(), "config_version_id"])
        assert len(by_left - planted(world)) > 0.25 * len(by_left)
        assert not by_empty & planted(world)


def test_exceptions_has_nothing_to_find_without_effect():
    """No orphan, no family, no growth of cost."""
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        assert orphans(world) == planted(world) == set()
        assert family(world).empty
        with_effect, without = precedent(make(seed))[1], precedent(world)[1]
        assert without.mean() < with_effect.mean() - 0.03
        actions = (
            world["changes"]
            .query("kind == 'waiver'")
            .set_index("change_id")["description"]
            .str.split()
            .str[0]
        )
        slope, error = growth(world, actions)
        assert abs(slope) < 4 * error
