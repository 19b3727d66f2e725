"""A block follows from the settings and its number alone."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.errors import SettingsError
from playbook.world import blocks
from playbook.world.blocks import block_settings, count_blocks, generate_block, with_needs
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 300 customers, so that a small world has several."""
    monkeypatch.setattr(blocks, "BLOCK_CUSTOMERS", 300)
    return WorldSettings(seed=4, customers=1000)


@given(customers=st.integers(200, 100_000_000))
def test_blocks_share_all_customers_evenly(customers):
    """No customer is lost, none counted twice, and blocks differ by at most one."""
    settings = WorldSettings(customers=customers)
    n = count_blocks(settings)
    first, last = block_settings(settings, 0).customers, block_settings(settings, n - 1).customers
    rest = customers % n
    assert first - last in (0, 1)
    assert rest * first + (n - rest) * last == customers or rest == 0 == customers - n * first


def test_a_block_made_alone_is_the_one_in_the_world(small_blocks):
    """Generating only the third block gives the rows that the whole world has for it."""
    whole = generate(small_blocks, domains=["delivery"])
    alone = generate_block(small_blocks, 2, ["delivery"])
    for name in ("customers", "order_lines", "shipments"):
        key = whole[name].columns[0]
        part = whole[name][whole[name][key].str.contains("2-")].reset_index(drop=True)
        pd.testing.assert_frame_equal(part[list(alone[name])], alone[name], check_dtype=False)
    assert "products" not in alone  # the company's own come with block 0


def test_keys_of_blocks_never_meet(small_blocks):
    """Customers, orders and shipments of all blocks together have different keys."""
    tables = generate(small_blocks, domains=["delivery"])
    assert len(tables["customers"]) == 1000
    for name in ("accounts", "customers", "orders", "shipments"):
        assert tables[name].iloc[:, 0].is_unique


def test_an_unknown_domain_is_refused():
    """The nearest name is given."""
    with pytest.raises(SettingsError, match="no domain 'delivry'; did you mean 'delivery'"):
        with_needs(["delivry"])
