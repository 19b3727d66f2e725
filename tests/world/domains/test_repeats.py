"""Who comes back with a request: schemas and dates in any world, the same from the same seed, beside other domains."""

import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.mark.parametrize(
    "settings",
    [
        *(
            WorldSettings(seed=1, customers=250, industry=name)
            for name in ("retail", "software", "logistics")
        ),
        WorldSettings(seed=1, customers=250, industry="telecom and field service"),
        WorldSettings(seed=1, customers=250, regions=("GB",)),
        WorldSettings(seed=1, customers=200, effect=0.0),
    ],
    ids=["retail", "software", "logistics", "telecom", "one market", "no effect"],
)
def test_any_world_keeps_its_schemas_and_dates(settings):
    """Desk, pilots and visits of other industries are canonical, and nothing happens after the end of a customer."""
    world = generate(settings, domains=["repeats", "visits"])
    for name in (
        "tickets",
        "interactions",
        "actions",
        "shifts",
        "assignments",
        "visits",
        "kpi_targets",
        "staff",
        "units",
        "contract_terms",
        "costs",
        "rules",
        "initiatives",
        "process_steps",
        "responsibilities",
        "fields",
    ):
        validate(name, world[name])
    tickets = world["tickets"].merge(world["customers"][["customer_id", "closed_at"]], on="customer_id")
    back = tickets[tickets["reopened_at"].notna()]
    assert (back["reopened_at"] >= back["resolved_at"]).all()
    assert not (tickets["reopened_at"] > tickets["closed_at"]).any()
    assert not (tickets["confirmed_at"].notna() & tickets["reopened_at"].notna()).any()
    assert world["actions"]["acted_at"].between(settings.start, settings.end).all()
    for name in ("tickets", "interactions", "actions", "assignments"):
        column = {"tickets": "ticket_id", "interactions": "interaction_id", "actions": "action_id"}
        assert world[name][column.get(name, "assignment_id")].is_unique


def test_same_seed_same_repeats():
    """Everything follows from the seed."""
    twice = [generate(WorldSettings(seed=8, customers=250), domains=["repeats"])["tickets"] for _ in range(2)]
    assert twice[0].equals(twice[1])


def test_tickets_of_other_domains_keep_what_came_back():
    """What a fault's customer said after it was solved is the same with and without the desk's own returns."""
    settings = WorldSettings(seed=1, customers=400)
    alone, both = (
        generate(settings, domains=domains)["tickets"] for domains in (["faults"], ["faults", "repeats"])
    )
    kept = both.set_index("ticket_id").loc[alone["ticket_id"], ["reopened_at", "confirmed_at"]]
    assert kept["reopened_at"].notna().any()
    pd.testing.assert_frame_equal(kept.reset_index(), alone[["ticket_id", "reopened_at", "confirmed_at"]])
