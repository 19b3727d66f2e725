"""The log of installations keeps its schema; that its hand-offs are as planted is proved by the play `define.handoffs`."""

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def test_tables_keep_their_schemas():
    """Declared, resolved, ordered in time, inside the history."""
    world = generate(WorldSettings(seed=0, customers=400), domains=["handoffs", "processes"])
    for table in ("touchpoints", "exceptions"):
        validate(table, world[table])
    touchpoints = world["touchpoints"]
    assert world["exceptions"]["subject_id"].isin(touchpoints["touchpoint_id"]).all()
    assert touchpoints["step_id"].isin(world["process_steps"]["step_id"]).all()
    assert (touchpoints["started_at"] <= touchpoints["ended_at"]).all()
    assert touchpoints["ended_at"].max() < WorldSettings().end
    before = touchpoints.groupby("case_id")["ended_at"].shift()
    assert (touchpoints["started_at"] >= before)[before.notna()].all()
