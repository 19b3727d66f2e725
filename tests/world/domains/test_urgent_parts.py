"""Urgent parts keep their schemas in any industry, and their stages have teams."""

import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.mark.parametrize("industry", ["retail", "logistics"])
def test_tables_are_canonical(industry):
    """Schemas hold in other industries and regions."""
    world = generate(
        WorldSettings(seed=1, customers=250, industry=industry, regions=("FR",)), domains=["urgent_parts"]
    )
    for name in ("touchpoints", "process_steps", "contract_terms", "costs"):
        validate(name, world[name])
    teams = world["contract_terms"]["provider_unit_id"].dropna()
    assert teams.isin(world["units"]["unit_id"]).all()
