"""Renewals follow the planted differences between accounts and the service they got."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import conform, validate
from playbook.world.domains import contracts
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_programmes import tables_of

SETTINGS = WorldSettings(seed=1, customers=2000)


@pytest.fixture(scope="module")
def before():
    """What contracts read: two thousand customers, their orders, parcels and requests."""
    return tables_of(SETTINGS, ("service",))


def made(tables: dict, effect: float = 1.0, seed: int = 1) -> dict:
    """Contracts of a world whose other tables are given."""
    settings = WorldSettings(seed=1, customers=2000, effect=effect)
    return contracts.generate(settings, tables, np.random.default_rng(seed))


def left_share(tables: dict, effect: float = 1.0) -> float:
    """Share of contracts that ended, over ten draws."""
    ends = [made(tables, effect, seed)["contracts"].query("not renewed") for seed in range(10)]
    return float(np.mean([terms["end_reason"].notna().mean() for terms in ends]))


def test_terms_follow_each_other_and_only_the_last_can_end(before):
    """Versions count up without a gap; a term that ends is over, one that runs is not."""
    table = conform("contracts", made(before)["contracts"])
    validate("contracts", table)
    previous = table.groupby("contract_id")["ends_on"].shift()
    assert (table["starts_on"] == previous)[table["version_no"] > 1].all()
    last = ~table["renewed"]
    assert (table[last].groupby("contract_id").size() == 1).all()
    ended = table["end_reason"].notna()
    assert (table.loc[ended, "ends_on"] <= SETTINGS.end).all()
    assert (table.loc[last & ~ended, "ends_on"] > SETTINGS.end).all()


def test_late_parcels_cost_renewals_where_planted(before):
    """Were every parcel late, more would leave; with effect 0 it would make no difference."""
    all_late = {**before, "shipments": before["shipments"].assign(promised_at=pd.Timestamp("2000-01-01"))}
    assert left_share(all_late) > left_share(before) + 0.05
    assert left_share(all_late, effect=0.0) == left_share(before, effect=0.0)


def test_requests_that_wait_cost_renewals_and_may_be_absent(before):
    """Were no request ever resolved, more would leave than in a world without requests."""
    never = {**before, "tickets": before["tickets"].assign(resolved_at=pd.NaT)}
    without = {name: table for name, table in before.items() if name != "tickets"}
    assert left_share(never) > left_share(without)


@pytest.mark.parametrize(("effect", "rises"), [(1.0, True), (0.0, False)])
def test_survivors_are_safer_only_where_accounts_differ(before, effect, rises):
    """Later renewals lose a smaller share than first ones, unless all accounts are alike."""
    tables = [made(before, effect, seed)["contracts"] for seed in range(10)]
    table = pd.concat(tables)
    due = table[table["ends_on"] <= SETTINGS.end]
    first = due.loc[due["version_no"] == 1, "end_reason"].notna().mean()
    later = due.loc[due["version_no"] >= 3, "end_reason"].notna().mean()
    assert bool(first - later > 0.05) is rises
