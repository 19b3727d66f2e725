"""Wrong parcels make customers write, some of them twice; right ones do not."""

import pytest

from playbook.store.writing import validate
from playbook.world.domains import wrong_items
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    return generate(WorldSettings(seed=1, customers=2000), domains=["wrong_items"])


def complaints(tables):
    return tables["tickets"].query("category == 'wrong item'")


def test_tables_keep_their_schemas(world):
    """Tickets and contacts pass their declarations and follow each other."""
    for name in ("tickets", "interactions"):
        validate(name, world[name])
    asked = complaints(world)
    assert not (asked["first_response_at"] < asked["opened_at"]).any()
    assert not (asked["resolved_at"] < asked["first_response_at"]).any()


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "logistics"}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, few customers."""
    validate("tickets", generate(WorldSettings(customers=200, **changes), domains=["wrong_items"])["tickets"])


def test_wrong_parcels_cause_complaints_at_the_planted_rate(world):
    """As many complain as planted, only customers who got a wrong parcel, and some write again."""
    wrong = world["shipments"].query("not items_correct").dropna(subset=["delivered_at"])
    asked = complaints(world)
    assert set(asked["customer_id"]) <= set(wrong["customer_id"])
    assert len(asked) / len(wrong) == pytest.approx(wrong_items.COMPLAINS, abs=0.08)
    contacts = world["interactions"][world["interactions"]["ticket_id"].isin(asked["ticket_id"])]
    assert len(contacts) / len(asked) - 1 == pytest.approx(wrong_items.WRITES_AGAIN, abs=0.10)


def test_without_an_effect_nobody_complains():
    """Feedback of errors scales with the effect."""
    tables = generate(WorldSettings(seed=1, customers=300, effect=0.0), domains=["wrong_items"])
    assert complaints(tables).empty
