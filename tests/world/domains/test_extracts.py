"""The extracts hold what was planted, the truth says where, and a world without effect plants nothing."""

import pandas as pd
import pytest

from playbook.store.schemas import table
from playbook.store.writing import validate
from playbook.world.domains.extracts import LAYOUTS, SHARE_AGAIN, SHARE_IN
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SOURCES = {source: name for source, (name, _) in LAYOUTS.items()}


@pytest.fixture(scope="module")
def world() -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=1, customers=3000), domains=["extracts", "web"])


@pytest.fixture(scope="module")
def quiet() -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=1, customers=1000, effect=0.0), domains=["extracts", "web"])


@pytest.mark.parametrize("name", [*SOURCES.values(), "events"])
def test_tables_are_canonical(world, quiet, name):
    """Every table passes its declaration, with and without effect."""
    validate(name, world[name])
    validate(name, quiet[name])


def test_truth_names_every_row_once(world):
    """Each row of each extract has one customer behind it."""
    entities = world["truth_entities"]
    for source, name in SOURCES.items():
        keys = entities.loc[entities["source"] == source, "source_key"]
        assert set(keys) == set(world[name][table(name).key[0]])
        assert keys.is_unique


def test_shares_are_as_planted(world):
    """Systems know the stated shares of customers, and the CRM knows the stated share twice."""
    behind = world["truth_entities"].groupby("source")["customer_id"]
    known = behind.nunique() / 3000
    assert known["crm"] == pytest.approx(SHARE_IN["crm"], abs=0.03)
    assert known["erp"] == pytest.approx(SHARE_IN["erp"], abs=0.03)
    rows = world["truth_entities"].query("source == 'crm'")["customer_id"].value_counts()
    assert (rows > 1).mean() == pytest.approx(SHARE_AGAIN["crm"], abs=0.03)


def test_errors_of_a_row_come_together(world):
    """Rows with two typing errors are half as frequent again as independent errors would make them."""
    typos = world["truth_defects"].query("defect == 'typo'").groupby(["source", "source_key"]).size()
    rows = len(world["truth_entities"])
    rate = typos.sum() / rows
    assert (typos >= 2).sum() / rows > 1.4 * rate**2 / 2


def test_no_effect_no_duplicates_no_errors_no_shared_devices(quiet):
    """Nothing is planted: one row a customer and system, no defect, one person a device."""
    assert not quiet["truth_entities"].duplicated(["source", "customer_id"]).any()
    assert quiet["truth_defects"].empty
    assert quiet["truth_sessions"].groupby("anon_id")["customer_id"].nunique().max() == 1


def test_a_sign_in_names_who_was_there(world):
    """No event carries a customer other than the person behind its session."""
    signed = world["events"].dropna(subset="customer_id").merge(world["truth_sessions"], on="session_id")
    assert (signed["customer_id_x"] == signed["customer_id_y"]).all()
    assert len(signed) > 1000
