"""What holds in every world, whatever the settings: keys resolve, dates are ordered, money adds up, ends are ends."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbook.publish.dictionary import references
from playbook.store.schemas import tables as declared
from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import COUNTRIES, WorldSettings

worlds = st.builds(
    WorldSettings,
    seed=st.integers(0, 2**31),
    customers=st.integers(200, 900),
    months=st.integers(36, 48),
    as_of=st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(str),
    effect=st.sampled_from([0.0, 1.0, 1.5]),
    industry=st.sampled_from(sorted(PRESETS)),
    regions=st.lists(st.sampled_from(COUNTRIES), min_size=1, unique=True).map(tuple),
    tiers=st.sampled_from([(0.08, 0.25, 0.67), (0.0, 0.0, 1.0), (0.4, 0.3, 0.3)]),
    seasonality=st.sampled_from([0.0, 1.0, 2.0]),
    defects=st.sampled_from([0.0, 1.0, 3.0]),
)
in_worlds = given(chosen=worlds)
few = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

ORDERED = {  # table: columns whose moments follow each other
    "customers": ("created_at", "closed_at"),
    "contracts": ("starts_on", "ends_on"),
    "staff": ("hired_on", "left_on"),
    "tickets": ("opened_at", "first_response_at"),
    "interactions": ("arrived_at", "answered_at", "ended_at"),
    "shifts": ("starts_at", "ends_at"),
    "shipments": ("picked_at", "dispatched_at", "delivered_at"),
    "supply_orders": ("placed_at", "received_at"),
    "surveys": ("sent_at", "responded_at"),
    "visits": ("arrived_at", "left_at"),
    "touchpoints": ("started_at", "ended_at"),
    "assignments": ("starts_at", "ends_at"),
    "incidents": ("opened_at", "detected_at"),
    "training": ("started_at", "completed_at"),
    "events": ("occurred_at", "received_at"),
    "preferences": ("valid_from", "valid_to"),
    "promotions": ("starts_on", "ends_on"),
}
HAPPENED = {  # table: when a row about a customer happened
    "orders": "ordered_at",
    "tickets": "opened_at",
    "interactions": "arrived_at",
    "surveys": "sent_at",
    "visits": "arrived_at",
    "notes": "written_at",
    "actions": "acted_at",
    "touchpoints": "started_at",
}


@few
@in_worlds
def test_every_world_holds_together(chosen):
    """Schemas, keys, dates, money and ends, on one world at a time."""
    tables = generate(chosen)
    for name in declared():
        assert name in tables, name
        validate(name, tables[name])
    keys_resolve(tables)
    dates_are_ordered(tables)
    money_adds_up(tables)
    nothing_lies_outside(tables, chosen)


def keys_resolve(tables):
    """Every key that a column points to exists, or is "any"; raw extracts have broken keys on purpose."""
    for name, entry in declared().items():
        if name.startswith("src_"):
            continue
        for column, other in references(entry).items():
            known = tables[other][declared()[other].key[0]]
            lost = set(tables[name][column].dropna()) - set(known) - {"any"}
            assert not lost, f"{name}.{column} -> {other}: {sorted(lost)[:3]}"


def dates_are_ordered(tables):
    """What comes first comes first."""
    for name, columns in ORDERED.items():
        for earlier, later in pairwise(columns):
            both = tables[name][[earlier, later]].dropna()
            assert (both[earlier] <= both[later]).all(), f"{name}: {earlier} after {later}"


def money_adds_up(tables):
    """No line is refunded beyond what was paid, nobody returns more than they bought, stock flows balance."""
    lines = tables["order_lines"]
    paid = lines["qty_ordered"] * lines["unit_price_amt"] - lines["discount_amt"].fillna(0)
    assert (lines["refund_amt"].fillna(0) <= paid + 0.01).all()
    assert (lines["qty_returned"].fillna(0) <= lines["qty_ordered"]).all()
    assert (tables["costs"][["fixed_amt", "variable_amt"]].fillna(0) >= 0).all(axis=None)
    assert (lines["qty_ordered"] >= 1).all()
    assert np.isfinite(paid).all()


def nothing_lies_outside(tables, chosen):
    """Nothing happens before a customer is known, after they closed, or after the history."""
    customers = tables["customers"].set_index("customer_id")
    for name, column in HAPPENED.items():
        rows = tables[name].dropna(subset=["customer_id", column])
        of = customers.loc[rows["customer_id"]]
        at = rows[column].to_numpy()
        assert (at >= of["created_at"].to_numpy()).all(), f"{name}: before a customer was known"
        closed = of["closed_at"].to_numpy()
        assert not (at > closed).any(), f"{name}: after a customer closed"
        assert (at <= np.datetime64(chosen.end)).all(), f"{name}: after the history"
    for column in ("picked_at", "dispatched_at", "delivered_at"):
        assert not (tables["shipments"][column] > pd.Timestamp(chosen.end)).any(), column
    assert customers["closed_at"].dropna().le(pd.Timestamp(chosen.end)).all()
