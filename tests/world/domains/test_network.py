"""Lanes lead from every warehouse to every market, and parcels take them."""

import pytest

from playbook.store.writing import validate
from tests.world.worlds_of_fulfilment import small_world, world


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "retail"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    tables = small_world("network", **changes)
    for name in ("sites", "lanes"):
        validate(name, tables[name])
    assert set(tables["lanes"]["to_region_id"]) == set(tables["regions"]["region_id"])


def test_parcels_take_lanes_of_their_site_and_market():
    """The lane of each parcel begins where it was sent from and ends in its customer's market."""
    tables = world(0)
    sent = (
        tables["shipments"]
        .merge(tables["customers"][["customer_id", "region_id"]])
        .merge(tables["lanes"], on="lane_id")
    )
    assert len(sent) == len(tables["shipments"])
    assert (sent["site_id"] == sent["from_site_id"]).all()
    assert (sent["region_id"] == sent["to_region_id"]).all()


def test_declared_transit_is_the_same_everywhere_and_wrong_far_away():
    """What lanes are declared to take says nothing about the market; what they take does."""
    tables = world(0)
    sent = tables["shipments"].dropna(subset=["delivered_at"]).merge(tables["lanes"], on="lane_id")
    took = (sent["delivered_at"] - sent["dispatched_at"]).dt.total_seconds() / 3600 / sent["transit_mean_h"]
    by_market = took.groupby(sent["to_region_id"]).mean()
    assert by_market["R1"] < 1.15
    assert by_market["R5"] > 1.4
