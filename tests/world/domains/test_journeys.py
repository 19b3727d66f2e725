"""The journey log, its diary and its pilot keep their schemas and the history of customers."""

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def test_tables_keep_their_schemas():
    """Declared columns, unique keys, steps that resolve, nothing after the customer left."""
    world = generate(WorldSettings(seed=1, customers=4500), domains=["journeys", "processes"])
    for table in ("touchpoints", "surveys", "assignments", "initiatives", "process_steps"):
        validate(table, world[table])
    assert world["touchpoints"]["step_id"].isin(world["process_steps"]["step_id"]).all()
    assert len(world["touchpoints"]) < 30_000
    ends = world["touchpoints"].merge(world["customers"], on="customer_id")
    assert not (ends["ended_at"] > ends["closed_at"]).any()
    assert (ends["started_at"] >= ends["created_at"]).all()
