"""The common core and the shared components are found; copying the pilot as it is needs more overrides."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.templates import ATTRIBUTES, COMPONENTS, PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1200, **settings), domains=["templates"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(5)]


def usual(tables) -> pd.DataFrame:
    """The most frequent value of each attribute in each unit, (units, attributes)."""
    rows = tables["preferences"][tables["preferences"]["attribute"].isin(ATTRIBUTES)]
    return rows.pivot_table(
        index="unit_id", columns="attribute", values="value", aggfunc=lambda v: v.mode().iloc[0]
    )


def agreement(table: pd.DataFrame) -> pd.Series:
    """The share of units whose usual value is the most frequent one."""
    return table.apply(lambda v: v.value_counts(normalize=True).iloc[0])


def truth(tables, table: str) -> pd.Series:
    rows = tables["truth_labels"].query("play == @PLAY and table == @table")
    return rows.set_index("key")["label"]


def overrides(tables, template: dict[str, str], units) -> float:
    """Overrides per 100 customers in these units when they start from a template."""
    rows = tables["preferences"]
    rows = rows[rows["unit_id"].isin(units) & rows["attribute"].isin(list(template))]
    return 100 * (rows["value"] != rows["attribute"].map(template)).sum() / rows["customer_id"].nunique()


def test_tables_are_canonical(worlds):
    """Preferences and dependencies keep their schemas; units are there."""
    for name in ("preferences", "dependencies"):
        validate(name, worlds[0][name])
    uses = worlds[0]["dependencies"].query("from_type == 'component'")
    assert uses["to_id"].isin(worlds[0]["units"]["unit_id"]).all()


def test_preference_templates_recovers_the_core(worlds):
    """Attributes on which most units agree are the planted core."""
    hits = []
    for tables in worlds:
        share, true = agreement(usual(tables)), truth(tables, "preferences")
        hits.append(((share > 0.7) == (true.reindex(share.index) == "core")).mean())
    assert np.mean(hits) > 0.93


def test_preference_templates_core_needs_fewer_overrides_than_the_pilots_own_ways(worlds):
    """In units that were held out, an attribute of the core needs far fewer overrides than one copied from a pilot."""
    core, copied = [], []
    for tables in worlds:
        pilot = sorted(tables["preferences"]["template_id"].dropna().str.removeprefix("TPL-").unique())
        table = usual(tables)
        others = [unit for unit in table.index if unit not in pilot]
        true = truth(tables, "preferences")
        agreed = table.loc[pilot].apply(lambda v: v.mode().iloc[0])
        names = list(true.index[true == "core"])
        local = list(true.index[true == "local"])
        core.append(overrides(tables, agreed[names].to_dict(), others) / len(names))
        copied.append(overrides(tables, table.loc[pilot[0], local].to_dict(), others) / len(local))
    print(
        f"Overrides per 100 customers and attribute: core {np.mean(core):.0f}, copied {np.mean(copied):.0f}"
    )
    assert np.mean(core) < 0.25 * 100
    assert np.mean(copied) > 2 * np.mean(core)


def kinds(tables) -> pd.Series:
    """Each component by who uses it and who rebuilt it."""
    uses = tables["dependencies"].query("from_type == 'component'")
    units = uses["to_id"].nunique()
    rows = uses.groupby("from_id").agg(
        share=("to_id", lambda v: v.nunique() / units), own=("is_bespoke", "mean")
    )
    return rows.apply(
        lambda r: "local" if r["share"] < 0.5 else "forked" if r["own"] > 0.4 else "shared", axis=1
    )


def test_preference_templates_recovers_shared_forked_and_local_components(worlds):
    """Use and rebuilding together tell the kinds apart; use alone takes forked for shared."""
    right, by_use = [], []
    for tables in worlds:
        true = truth(tables, "dependencies")
        found = kinds(tables).reindex(true.index, fill_value="local")
        right.append((found == true).mean())
        by_use.append((found.replace("forked", "shared") == true).mean())
    assert np.mean(right) > 0.93
    assert np.mean(by_use) < 0.75
    assert set(truth(worlds[0], "dependencies")) == set(COMPONENTS)


def test_preference_templates_have_no_core_without_effect():
    """Without the plant units agree by chance alone, and components are used alike."""
    shares = []
    for seed in (1, 2, 3):
        tables = world(seed, effects={PLAY: 0})
        shares.append(agreement(usual(tables)).mean())
        assert (truth(tables, "preferences") == "local").all()
        assert not len(truth(tables, "dependencies"))
    assert np.mean(shares) < 0.6
