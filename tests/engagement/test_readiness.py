"""A play is ready, ready with less, has too little, or misses a table; each says why."""

import json
from datetime import date

import pandas as pd
import pytest

from playbook.catalogue import play, plays
from playbook.engagement.readiness import readiness
from playbook.store.reading import Store
from playbook.store.writing import conform, write_store

AS_OF = date(2026, 7, 1)


@pytest.fixture
def judged(tmp_path):
    """Judge one play on tables written as a client's store."""

    def run(play_id, **tables):
        path = tmp_path / "store"
        shaped = {name: conform(name, pd.DataFrame(rows)) for name, rows in tables.items()}
        write_store(path, shaped, {"kind": "client", "name": "Small"})
        return readiness(Store(path), AS_OF, [play(play_id)]).plays[0]

    return run


ORDER = {"order_id": ["o1"], "customer_id": ["c1"], "kind": ["order"], "status": ["shipped"]}
ORDERS = ORDER | {"ordered_at": [pd.Timestamp("2026-05-05 10:00")]}
LINES = {
    "order_id": ["o1"],
    "line_no": [1],
    "product_id": ["p1"],
    "qty_ordered": [1],
    "unit_price_amt": [5.0],
}
CUSTOMERS = {"customer_id": ["c1"], "region_id": ["GB"], "created_at": [pd.Timestamp("2020-01-01")]}
REGIONS = {"region_id": ["GB"], "country": ["GB"], "jurisdiction": ["UK"]}
STEPS = {"step_id": ["s1"], "process": ["p"], "name": ["signing"], "is_handoff": [False]}
EVENTS = {"touchpoint_id": ["t1"], "case_id": ["k1"], "step_id": ["s1"], "failed": [False], "rework": [False]}
EVENTS = EVENTS | {"started_at": [pd.Timestamp("2026-05-05 10:00")]}


def test_a_play_that_lacks_a_table_misses_it(judged):
    """The table that a view needs is named, not the view; what it would only use is kept apart."""
    found = judged("define.customer_value", orders=ORDERS)
    assert (found.state, found.missing, found.lacks) == ("missing", ("order_lines",), "no order_lines")
    assert "tickets" in found.without


def test_a_play_without_optional_tables_is_ready_with_less(judged):
    """It says which tables, and which columns that it reads are empty in all rows."""
    found = judged("measure.control_charts", orders=ORDERS, customers=CUSTOMERS, regions=REGIONS)
    assert (found.state, found.without, found.empty) == ("ready with less", ("shipments",), ())
    found = judged("define.customer_value", orders=ORDERS, order_lines=LINES, customers=CUSTOMERS)
    assert found.empty == ("order_lines.unit_cost_amt", "customers.account_id", "customers.tier")
    assert found.lacks.endswith("order_lines without unit_cost_amt; customers without account_id, tier")


def test_a_table_without_rows_is_too_little(judged):
    """A table that arrived empty does not make a play ready."""
    none = {name: values[:0] for name, values in ORDERS.items()}
    found = judged("measure.control_charts", orders=none, customers=CUSTOMERS, regions=REGIONS)
    assert (found.state, found.too_little) == ("too little", ("orders has no rows",))


def test_rows_that_no_view_counts_are_too_little(judged):
    """Lost orders only: the tables are there, and the view makes nothing of them."""
    found = judged("define.customer_value", orders=ORDERS | {"kind": ["lost"]}, order_lines=LINES)
    assert found.state == "too little"
    assert found.lacks == "nothing in orders and order_lines fits what it looks at (customer purchases)"


def test_a_value_that_a_view_looks_for_is_named(judged):
    """Processes without a step named renewal are no journeys that end."""
    found = judged("define.journey_map", touchpoints=EVENTS, process_steps=STEPS)
    assert (found.state, found.too_little) == ("too little", ("no row of process_steps has name 'renewal'",))
    assert "surveys" in found.without


def test_the_demo_world_is_enough_for_every_play(demo_store):
    """On the world that was made for them all plays run; so does readiness, in seconds."""
    found = readiness(demo_store, AS_OF, plays().values())
    assert {p.state for p in found.plays} <= {"ready", "ready with less"}
    assert [p.missing + p.too_little + p.without for p in found.plays] == [()] * len(plays())
    assert sum(found.counts.values()) == len(plays())
    assert found.arrived == ()


def test_an_intake_is_reported_as_it_was(tmp_path):
    """Rows in, accepted and set aside come from the intake; rows set aside by a table's own rules from the quarantine."""
    source = {
        "name": "sales",
        "file": "s.csv",
        "rows": 9,
        "accepted": 6,
        "quarantined": {"no price": 2, "repeated key": 1},
    }
    report = {"name": "Small", "sources": [source | {"hints": ["a hint"]}], "tables": {"orders": 1}}
    aside = pd.DataFrame({"source": "sales", "row": [1, 2, 3], "table": [None, None, "orders"]})
    aside.to_parquet(tmp_path / "aside.parquet")
    beside = {
        "intake.json": json.dumps(report).encode(),
        "quarantine.parquet": (tmp_path / "aside.parquet").read_bytes(),
    }
    orders = conform("orders", pd.DataFrame(ORDERS))
    write_store(tmp_path / "store", {"orders": orders}, {"kind": "client", "name": "Small"}, beside=beside)
    found = readiness(Store(tmp_path / "store"), AS_OF, [])
    (sales,) = found.arrived
    assert (sales.rows, sales.accepted, sales.quarantined) == (9, 6, {"no price": 2, "repeated key": 1})
    assert (sales.hints, found.set_aside) == (("a hint",), {"orders": 1})


def test_a_play_that_a_run_could_not_compute_has_too_little(tmp_path):
    """With the reason that the run left beside the tables."""
    tables = {"orders": conform("orders", pd.DataFrame(ORDERS))}
    write_store(tmp_path / "store", tables, {"kind": "client", "name": "Small"})
    (tmp_path / "store" / "unfit").mkdir()
    (tmp_path / "store" / "unfit" / "measure.control_charts.txt").write_text("too few weeks")
    found = readiness(Store(tmp_path / "store"), AS_OF, [play("measure.control_charts")]).plays[0]
    assert "too few weeks" in found.too_little
