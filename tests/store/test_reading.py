"""A store gives its tables, views and truth, and says plainly what it lacks."""

import pandas as pd
import pytest

from playbook.errors import StoreError
from playbook.store import reading, schemas
from playbook.store.reading import Store, view_needs, view_uses, views
from playbook.store.sealing import seal
from playbook.store.writing import write_store

TRUTH = pd.DataFrame({"site_id": ["S1"], "size": [2.5]})


def parcels(days: int) -> pd.DataFrame:
    """One parcel a day from a Monday on; every fourth is late, the last of all is still under way."""
    left = pd.date_range("2026-01-05 09:00", periods=days, unit="us")
    took = pd.to_timedelta([3 if i % 4 == 3 else 1 for i in range(days)], unit="D")
    arrived = pd.Series(left + took)
    arrived.iloc[-1] = pd.NaT
    return pd.DataFrame(
        {
            "shipment_id": [f"SH{i}" for i in range(days)],
            "site_id": "S1",
            "promised_at": left + pd.Timedelta(days=2),
            "dispatched_at": left,
            "delivered_at": arrived,
        }
    )


@pytest.fixture
def store(tmp_path):
    write_store(
        tmp_path / "client [1]'s",
        {"shipments": parcels(56), "truth_sites": TRUTH},
        {"kind": "world", "name": "w"},
    )
    return Store(tmp_path / "client [1]'s")


def test_missing_store(tmp_path):
    """Says where it looked."""
    with pytest.raises(StoreError, match=r"nowhere' does not exist"):
        Store(tmp_path / "nowhere")


def test_reads_some_columns(store):
    """Only those asked for."""
    assert list(store.table("shipments", columns=["site_id", "shipment_id"])) == ["site_id", "shipment_id"]


def test_unknown_table_names_the_nearest(store):
    """A typing error is seen for what it is."""
    with pytest.raises(StoreError, match="did you mean 'shipments'"):
        store.table("shipment")


def test_knows_what_it_lacks(store):
    """Tables and the tables behind views, each once."""
    assert "shipments" in store
    assert "weekly_delivery" in store
    assert "tickets" not in store
    assert store.missing(("weekly_delivery", "tickets", "orders", "tickets")) == ["tickets", "orders"]


def test_view_equals_pandas(store, tmp_path, monkeypatch):
    """Computed from the files, also where the folder's name holds signs that SQL and globs read otherwise."""
    query = "-- needs: shipments\nselect date_trunc('week', dispatched_at) as week, count(*) as parcels, "
    query += (
        "count(*) filter (delivered_at > promised_at) as late from shipments group by all order by week\n"
    )
    (tmp_path / "weeks.sql").write_text(query)
    monkeypatch.setattr(reading, "VIEWS", tmp_path)
    frame = parcels(56)
    frame["late"] = frame["delivered_at"] > frame["promised_at"]
    weeks = frame.groupby(frame["dispatched_at"].dt.to_period("W").dt.start_time)["late"].agg(["size", "sum"])
    view = store.view("weeks")
    assert view["week"].tolist() == weeks.index.tolist()
    assert view[["parcels", "late"]].to_numpy().tolist() == weeks.to_numpy().tolist()


def test_view_without_its_tables(tmp_path):
    """Says which are missing."""
    write_store(tmp_path / "store", {"regions": pd.DataFrame({"region_id": ["R1"]})}, {"kind": "client"})
    with pytest.raises(StoreError, match=r"'weekly_delivery' needs shipments"):
        Store(tmp_path / "store").view("weekly_delivery")


def test_every_view_declares_canonical_tables():
    """The first line of each SQL file is read by the catalogue: it must be true."""
    assert views()
    for name, file in views().items():
        text = file.read_text(encoding="utf-8")
        for table in view_needs(name) + view_uses(name):
            assert table in schemas.tables()
            assert table in text.split("\n", 2)[2]


def test_a_table_that_a_view_can_do_without_is_empty(store, tmp_path, monkeypatch):
    """With the types its schema declares; the store still holds the view."""
    query = "-- needs: shipments\n-- uses: regions\n"
    query += "select count(*) as n, (select count(wage_amt_h + 1) from regions) as priced from shipments\n"
    (tmp_path / "wages.sql").write_text(query)
    monkeypatch.setattr(reading, "VIEWS", tmp_path)
    assert "wages" in store
    assert store.view("wages").iloc[0].tolist() == [56, 0]
    regions = pd.DataFrame({"region_id": ["R1"], "wage_amt_h": [20.0]})
    write_store(tmp_path / "both", {"shipments": parcels(56), "regions": regions}, {"kind": "client"})
    assert Store(tmp_path / "both").view("wages").iloc[0].tolist() == [56, 1]


def test_view_without_a_needs_line(tmp_path, monkeypatch):
    """Is refused by name."""
    (tmp_path / "bare.sql").write_text("select 1\n")
    monkeypatch.setattr(reading, "VIEWS", tmp_path)
    with pytest.raises(StoreError, match="view 'bare': its first line"):
        view_needs("bare")


def test_view_takes_parameters(store, tmp_path, monkeypatch):
    """Those it uses; others do not disturb."""
    query = "-- needs: shipments\nselect count(*) as n from shipments where dispatched_at < $as_of\n"
    (tmp_path / "until.sql").write_text(query)
    monkeypatch.setattr(reading, "VIEWS", tmp_path)
    found = store.view("until", as_of=pd.Timestamp("2026-01-08"), seed=3)
    assert found["n"].tolist() == [3]


def test_a_view_has_values_for_what_nobody_sets(store, tmp_path, monkeypatch):
    """Its line of given numbers counts, unless a parameter says otherwise."""
    query = "-- needs: shipments\n-- given: weeks = 2, days = 3\nselect $weeks * 7 + $days as n from shipments limit 1\n"
    (tmp_path / "span.sql").write_text(query)
    monkeypatch.setattr(reading, "VIEWS", tmp_path)
    assert store.view("span")["n"].tolist() == [17]
    assert store.view("span", weeks=1)["n"].tolist() == [10]


def test_truth_plain_and_sealed(store):
    """The same either way."""
    pd.testing.assert_frame_equal(store.truth("truth_sites"), TRUTH)
    plain = store.path / "truth" / "truth_sites.parquet"
    plain.with_suffix(".sealed").write_bytes(seal(plain.read_bytes()))
    plain.unlink()
    pd.testing.assert_frame_equal(store.truth("truth_sites"), TRUTH)


def test_a_client_has_no_truth(store):
    """Asking for it is an error, not an empty answer."""
    with pytest.raises(StoreError, match="no truth table 'truth_customers'"):
        store.truth("truth_customers")
