"""The domains about data make sound tables in every industry, in one market, without effects, and in any division."""

from dataclasses import replace

import pandas as pd
import pytest

from playbook.store.schemas import tables as declared
from playbook.store.writing import conform, validate
from playbook.world import blocks
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

DOMAINS = ("fields", "accountability", "devices", "intake", "claims", "knowledge", "needs", "preferences", "identities",
           "corrections", "acquisition", "migration", "templates")  # fmt: skip
OWN = ("fields", "corrections", "preferences", "decisions", "notes", "costs", "dependencies", "access_log", "reports",
       "responsibilities", "src_crm_customers", "src_erp_customers", "src_support_users", "src_erp_orders",
       "src_support_tickets", "src_iot_readings", "src_acquired_customers", "src_acquired_tickets",
       "src_newcrm_context")  # fmt: skip
SMALL = WorldSettings(seed=5, customers=200)
CASES = {
    **{industry: replace(SMALL, industry=industry) for industry in PRESETS},
    "one market": replace(SMALL, regions=("GB",)),
    "no effect": replace(SMALL, effect=0.0, defects=0.0),
    "large effects": replace(SMALL, effect=3.0, defects=3.0),
}


def check(made: dict[str, pd.DataFrame], settings: WorldSettings, names) -> None:
    """Schemas hold, moments lie in the history, and customers that are named exist and are still there."""
    customers = made["customers"].set_index("customer_id")
    for name in names:
        rows = conform(name, made[name])
        validate(name, rows)
        for column in rows.select_dtypes("datetime"):
            known = rows[column].dropna()
            assert ((known >= settings.start) & (known <= settings.end)).all(), (name, column)
        if "customer_id" in rows:
            assert rows["customer_id"].dropna().isin(customers.index).all(), name
    for name, column in (
        ("preferences", "recorded_at"),
        ("decisions", "decided_at"),
        ("notes", "written_at"),
    ):
        rows = made[name].dropna(subset="customer_id")
        who, at = customers.loc[rows["customer_id"]], rows[column].to_numpy()
        assert (at >= who["created_at"].to_numpy()).all(), name
        assert not (at > who["closed_at"].to_numpy()).any(), name


@pytest.mark.parametrize("settings", CASES.values(), ids=list(CASES))
def test_tables_are_sound(settings):
    """Every industry, one market, no effects and large ones make sound tables."""
    check(generate(settings, domains=DOMAINS), settings, OWN)


def test_divisions_have_keys_of_their_own(monkeypatch):
    """The second of two divisions makes sound tables, and no key or unit of the first."""
    monkeypatch.setattr(blocks, "BLOCK_CUSTOMERS", 200)
    settings = replace(SMALL, customers=400)
    first, second = (blocks.generate_block(settings, block, DOMAINS) for block in (0, 1))
    per_customer = [name for name in OWN if name.startswith("src_")] + ["preferences", "decisions", "notes"]
    check(second, settings, per_customer)
    for name in per_customer:
        key = declared()[name].key[0]
        assert not set(first[name][key]) & set(second[name][key]), name


def test_same_seed_same_tables():
    """Two runs agree to the last value."""
    first, second = (generate(SMALL, domains=DOMAINS) for _ in range(2))
    for name in OWN:
        pd.testing.assert_frame_equal(first[name], second[name])
