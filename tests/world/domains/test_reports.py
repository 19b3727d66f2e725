"""Perturbing columns gives back the planted lineage; declarations and name searches do not."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(5)
BASE = ("orders", "order_lines", "shipments", "customers", "accounts", "products")


def declared(seed: int, **settings):
    return generate(WorldSettings(seed=seed, customers=200, **settings), domains=["reports"])


@pytest.fixture(scope="module")
def base():
    """The tables that figures are made of."""
    tables = generate(WorldSettings(seed=5, customers=200), domains=["delivery"])
    return {name: tables[name] for name in BASE}


def perturbed(values: pd.Series, rng: np.random.Generator) -> pd.Series:
    """The column with other values of its kind."""
    if values.dtype == bool:
        return ~values
    if pd.api.types.is_datetime64_dtype(values):
        return values + pd.to_timedelta(rng.integers(1, 200, len(values)), unit="D")
    if pd.api.types.is_numeric_dtype(values):
        return values * 2 + rng.integers(1, 5, len(values))
    if values.nunique() == len(values):
        return values + "x"
    other = values.sample(frac=1, random_state=1).to_numpy()
    return pd.Series(
        np.where(rng.random(len(values)) < 0.5, other, "elsewhere"), index=values.index, dtype="str"
    )


def figures(tables, reports):
    with duckdb.connect() as connection:
        for name, frame in tables.items():
            if reports["sql_text"].str.contains(name).any():
                connection.register(name, frame)
        return {row.figure: connection.sql(row.sql_text).fetchall()[0][0] for row in reports.itertuples()}


@pytest.fixture(scope="module")
def found(base):
    """The edges that mutation finds: (column, figure) such that the figure changes with the column."""
    reports = declared(0)["reports"]
    before = figures(base, reports)
    assert all(value is not None for value in before.values())
    rng = np.random.default_rng(0)
    edges = set()
    for table, frame in base.items():
        for column in frame.columns[frame.notna().any()]:
            changed = base | {table: frame.assign(**{column: perturbed(frame[column], rng)})}
            after = figures(changed, reports[reports["sql_text"].str.contains(table)])
            edges |= {(f"{table}.{column}", figure) for figure in after if after[figure] != before[figure]}
    return edges


def edges(tables, kind):
    rows = tables["truth_structure"].query("play == 'unify.lineage' and kind == @kind")
    return set(zip(rows["source"], rows["target"], strict=True))


def owners(tables):
    rows = tables["dependencies"].query("kind == 'feeds'")
    return set(zip(rows["from_id"], rows["to_id"], strict=True))


def test_tables_keep_their_schemas():
    """Reports and dependencies pass their declarations."""
    for name in ("reports", "dependencies"):
        validate(name, declared(1)[name])


def test_lineage_a_figure_changes_if_and_only_if_the_truth_says_so(found):
    """Perturbing each column of each table changes exactly the figures of the planted lineage."""
    assert found == edges(declared(0), "lineage")


def test_lineage_false_and_missing_declarations_are_found(found):
    """Declared edges that mutation denies, and found ones nobody declared, are those planted."""
    for seed in SEEDS:
        tables = declared(seed)
        assert owners(tables) - found == edges(tables, "declared but false") != set()
        assert found - owners(tables) == edges(tables, "true but not declared") != set()


def test_lineage_searching_queries_for_column_names_is_wrong(found):
    """A search for names in the text of queries claims edges that are none."""
    reports = declared(0)["reports"]
    known = {edge[0] for edge in found} | {
        "order_lines.unit_cost_amt",
        "accounts.segment",
        "customers.region_id",
    }
    named = {
        (column, row.figure)
        for row in reports.itertuples()
        for column in known
        if column.split(".")[0] in row.sql_text and column.split(".")[1] in row.sql_text
    }
    assert len(named - found) >= 4


def test_lineage_without_the_plant_declarations_are_true(found):
    """Without the plant owners declared what is so."""
    tables = declared(0, effects={"unify.lineage": 0})
    assert owners(tables) == found
    assert not edges(tables, "declared but false")


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_other_worlds_hold_together(effect):
    """No effect and thrice the effect give valid tables."""
    tables = declared(2, effect=effect, industry="software", regions=("GB",))
    validate("dependencies", tables["dependencies"])
