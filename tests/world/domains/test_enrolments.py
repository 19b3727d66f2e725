"""Assignments of customers lie between their coming and their going, in worlds of any kind."""

import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = (
    "initiatives",
    "assignments",
    "costs",
    "promotions",
    "preferences",
    "events",
    "contracts",
    "contract_terms",
)


@pytest.mark.parametrize(
    "options",
    [
        {"customers": 200},
        {"customers": 300, "regions": ("GB",)},
        {"customers": 300, "effect": 0.0, "months": 60},
        *[{"customers": 300, "industry": name} for name in ("retail", "software", "logistics")],
        {"customers": 300, "industry": "telecom and field service", "as_of": "2025-03-10"},
    ],
)
def test_worlds_of_any_kind_have_programmes(options):
    """Small, long and other worlds keep their schemas; nobody is assigned after leaving or before coming."""
    world = generate(
        WorldSettings(seed=4, **options), domains=["costs", "works", "price_checks", "retention"]
    )
    for table in TABLES:
        validate(table, world[table])
    rows = world["assignments"].merge(world["customers"], left_on="subject_id", right_on="customer_id")
    assert len(rows)
    assert (rows["starts_at"] >= rows["created_at"].dt.floor("min")).all()
    assert not (rows["starts_at"] > rows["closed_at"]).any()
    assert not (rows["ends_at"] > rows["closed_at"]).any()
    assert world["assignments"]["initiative_id"].isin(world["initiatives"]["initiative_id"]).all()
