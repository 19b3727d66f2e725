"""A store is written whole or not at all, never over anything that is no store."""

import json

import pandas as pd
import pytest

from playbook.errors import StoreError
from playbook.store import schemas
from playbook.store.reading import INFO, Store
from playbook.store.writing import file_hash, validate, write_store


def products(prices=(1.5, 2.0)):
    keys = [f"P{i}" for i in range(len(prices))]
    frame = pd.DataFrame({"product_id": keys, "name": "cup", "price_amt": prices})
    full = frame.reindex(columns=[c.name for c in schemas.table("products").columns])
    return full.astype({c.name: schemas.KINDS[c.kind] for c in schemas.table("products").columns})


def test_what_is_written_is_read(tmp_path):
    """Rows, order and types."""
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client", "name": "Cups"})
    store = Store(tmp_path / "store")
    pd.testing.assert_frame_equal(store.table("products"), products())
    assert (store.info["kind"], store.info["name"]) == ("client", "Cups")
    assert store.info["tables"]["products"]["rows"] == 2


def test_hash_follows_content(tmp_path):
    """Same tables, same hash, whatever the name; another price, another hash."""
    for name, prices in {"a": (1.5, 2.0), "b": (1.5, 2.0), "c": (1.5, 2.01)}.items():
        write_store(tmp_path / name, {"products": products(prices)}, {"kind": "client", "name": name})
    a, b, c = (Store(tmp_path / name).info["hash"] for name in "abc")
    assert a == b != c


def test_table_hash_is_that_of_its_file(tmp_path):
    """So that a changed file can be told from the one that was written."""
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client"})
    entry = Store(tmp_path / "store").info["tables"]["products"]
    assert entry["sha256"] == file_hash(tmp_path / "store" / "products.parquet")


def test_truth_is_kept_apart(tmp_path):
    """In its own folder, and not among the tables."""
    truth = pd.DataFrame({"customer_id": ["C1"]})
    write_store(tmp_path / "store", {"products": products(), "truth_customers": truth}, {"kind": "world"})
    assert list(Store(tmp_path / "store")) == ["products"]
    assert (tmp_path / "store" / "truth" / "truth_customers.parquet").is_file()


def test_files_beside_are_no_tables(tmp_path):
    """A quarantine, for example."""
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client"}, beside={"note.json": b"{}"})
    assert (tmp_path / "store" / "note.json").read_bytes() == b"{}"
    assert list(Store(tmp_path / "store")) == ["products"]


def test_replaces_a_store_wholly(tmp_path):
    """Nothing of the old one stays, and nothing is left beside it."""
    both = {"products": products(), "regions": pd.DataFrame({"region_id": ["R1"]})}
    write_store(tmp_path / "store", both, {"kind": "client"})
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client"})
    assert not (tmp_path / "store" / "regions.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_failed_write_leaves_the_old_store(tmp_path):
    """The second table cannot be written: the first write still stands, and can be read."""
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client", "name": "old"})
    mixed = pd.DataFrame({"region_id": [1, "two", object()]})
    with pytest.raises(Exception, match="object"):
        write_store(tmp_path / "store", {"products": products((9.0,)), "regions": mixed}, {"name": "new"})
    assert Store(tmp_path / "store").info["name"] == "old"
    assert len(Store(tmp_path / "store").table("products")) == 2


def test_goes_on_after_a_killed_write(tmp_path):
    """What a killed write leaves behind is in nobody's way."""
    for rest in ("store.incomplete", "store.replaced"):
        (tmp_path / rest / "truth").mkdir(parents=True)
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client"})
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_kill_between_the_two_moves_costs_no_store(tmp_path):
    """The old store was moved aside and the new one not yet in: a next write that fails brings the old one back."""
    write_store(tmp_path / "store.replaced", {"products": products()}, {"kind": "client", "name": "old"})
    with pytest.raises(Exception, match="object"):
        write_store(tmp_path / "store", {"regions": pd.DataFrame({"a": [1, "two", object()]})}, {})
    assert Store(tmp_path / "store").info["name"] == "old"


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_leaves_alone_what_is_no_store(tmp_path, kind):
    """A mistyped folder does not cost anybody their documents."""
    target = tmp_path / "letters"
    kept = target / "letter.txt" if kind == "folder" else target
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("dear")
    with pytest.raises(StoreError, match="is no store"):
        write_store(target, {"products": products()}, {"kind": "client"})
    assert kept.read_text() == "dear"


def test_info_is_the_last_file_written(tmp_path):
    """A folder without it is not taken for a store."""
    write_store(tmp_path / "store", {"products": products()}, {"kind": "client"})
    assert json.loads((tmp_path / "store" / INFO).read_text())["kind"] == "client"
    (tmp_path / "store" / INFO).unlink()
    with pytest.raises(StoreError, match="incomplete"):
        Store(tmp_path / "store")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price_amt": [-1.0, 2.0]}, r"'products': 1 cells .* column price_amt.*-1\.0.*row 0"),
        ({"product_id": ["P1", "P1"]}, "product_id"),
        ({"name": ["cup", None]}, "column name.*not_nullable"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_validate_names_the_broken_cell(change, message):
    """Table, column, check, value and row."""
    with pytest.raises(StoreError, match=message):
        validate("products", products().assign(**change))


def test_validate_accepts_a_good_table():
    """Empty optional columns included."""
    validate("products", products())
