"""Online Retail: the shipped export is complete, and its intake agrees with pandas and with its README."""

import hmac
import re

import pandas as pd
import pytest

from playbook.catalogue import project_root
from playbook.engagement.settings import read_engagement
from playbook.intake import pseudonyms
from playbook.intake.make_store import take_in
from playbook.intake.quarantine import TABLE as QUARANTINE
from playbook.intake.report import read_report
from playbook.store.reading import Store

FOLDER = project_root() / "datasets" / "online_retail"
NO_PRODUCT = "POST|DOT|C2|D|M|S|B|CRUK|AMAZONFEE|BANK CHARGES|GIFT_.*"


@pytest.fixture(scope="module")
def export():
    return pd.read_parquet(FOLDER / "transactions.parquet")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("online_retail") / "store"
    take_in(FOLDER / "mapping.yml", path, name="Online Retail", quarantine_to=path.parent / "quarantine")
    return Store(path)


@pytest.fixture(scope="module")
def expected(export):
    """The reason of each line (missing: accepted), worked out in pandas."""
    code = export["StockCode"].str.upper()
    is_return = export["InvoiceNo"].str.startswith("C")
    rules = {
        "repeated line": export.duplicated(),
        "bookkeeping entry": export["InvoiceNo"].str.startswith("A"),
        "not a product": code.str.fullmatch(NO_PRODUCT),
        "stock correction": (export["Quantity"] <= 0) & ~is_return,
        "cancellation that takes nothing back": (export["Quantity"] >= 0) & is_return,
        "no price": export["UnitPrice"] <= 0,
    }
    reason = pd.Series(pd.NA, index=export.index, dtype="str")
    for name, hit in rules.items():
        reason = reason.mask(hit & reason.isna(), name)
    return reason


@pytest.fixture(scope="module")
def accepted(export, expected):
    key = pseudonyms.key_of("Online Retail")

    def pseudonym(customer):
        return hmac.new(key, customer.encode(), "sha256").hexdigest()[:16]

    kept = export[expected.isna()]
    return kept.assign(
        StockCode=kept["StockCode"].str.upper(),
        CustomerID=kept["CustomerID"].map(pseudonym, na_action="ignore"),
    )


def test_export_is_the_published_one(export):
    """Lines, invoices, customers and gaps as published."""
    assert export.shape == (541_909, 8)
    assert export["InvoiceNo"].nunique() == 25_900
    assert export["CustomerID"].nunique() == 4_372
    assert export["CustomerID"].isna().sum() == 135_080
    assert export["InvoiceNo"].str.startswith("C").sum() == 9_288
    assert (export["Quantity"] * export["UnitPrice"]).sum() == pytest.approx(9_747_747.93, abs=0.01)
    span = (export["InvoiceDate"].min(), export["InvoiceDate"].max())
    assert span == (pd.Timestamp("2010-12-01 08:26"), pd.Timestamp("2011-12-09 12:50"))


def test_every_line_is_accepted_or_has_its_reason(store, expected):
    """Line by line, not only in sum."""
    quarantine = pd.read_parquet(store.path / QUARANTINE)
    assert quarantine.set_index(quarantine["row"] - 1)["reason"].to_dict() == expected.dropna().to_dict()
    (source,) = read_report(store.path).sources
    assert source.rows == 541_909 == source.accepted + len(quarantine)
    assert source.accepted == len(store.table("order_lines")) == expected.isna().sum()
    assert source.quarantined == expected.value_counts().to_dict()


def test_orders_and_lines_equal_pandas(store, accepted):
    """Money, pieces, times in UTC, and who ordered."""
    lines, orders = store.table("order_lines"), store.table("orders").set_index("order_id")
    assert lines["order_id"].tolist() == accepted["InvoiceNo"].tolist()
    assert lines["product_id"].tolist() == accepted["StockCode"].tolist()
    assert lines["qty_ordered"].tolist() == accepted["Quantity"].tolist()
    assert lines["unit_price_amt"].tolist() == accepted["UnitPrice"].tolist()
    assert (lines["line_no"] == lines.groupby("order_id").cumcount() + 1).all()
    by_invoice = accepted.groupby("InvoiceNo")
    local = by_invoice["InvoiceDate"].min().dt.tz_localize("Europe/London")
    pd.testing.assert_series_equal(
        orders["ordered_at"], local.dt.tz_convert(None).astype("datetime64[us]"), check_names=False
    )
    assert (orders["kind"] == "return").sum() == accepted.loc[accepted["Quantity"] < 0, "InvoiceNo"].nunique()
    pd.testing.assert_series_equal(orders["customer_id"], by_invoice["CustomerID"].first(), check_names=False)


def test_customers_products_and_regions_equal_pandas(store, accepted):
    """Keys complete, first seen, most frequent description, median price."""
    customers = store.table("customers").set_index("customer_id")
    assert set(customers.index) == set(accepted["CustomerID"].dropna())
    assert set(customers["region_id"]) <= set(store.table("regions")["region_id"])
    assert set(store.table("orders")["customer_id"].dropna()) <= set(customers.index)
    products = store.table("products").set_index("product_id")
    pd.testing.assert_series_equal(
        products["price_amt"], accepted.groupby("StockCode")["UnitPrice"].median(), check_names=False
    )
    counted = accepted.groupby(["StockCode", "Description"]).size()
    named = counted[list(zip(products.index, products["name"], strict=True))].to_numpy()
    assert (named == counted.groupby("StockCode").max()[products.index].to_numpy()).all()


def test_regions_are_countries_by_their_codes(store):
    """One for each country of the export, with the law that holds there."""
    regions = store.table("regions").set_index("region_id")
    assert len(regions) == 38
    assert regions.loc[["GB", "NO", "DE", "US", "ZZ"], "jurisdiction"].tolist() == [
        "UK",
        "EU",
        "EU",
        "US",
        "unknown",
    ]
    assert regions["timezone"].isna().all()


def test_readme_states_the_counts(store):
    """The table in the README is what the intake counts."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    stated = {
        name: int(n.replace(",", "")) for name, n in re.findall(r"^\| ([a-z ]+) \| ([\d,]+) \|$", text, re.M)
    }
    (source,) = read_report(store.path).sources
    assert stated == {"in the export": source.rows, "accepted": source.accepted, **source.quarantined}
    for needed in ("D. Chen", "UCI Machine Learning Repository", "10.24432/C5BW33", "Attribution 4.0"):
        assert needed in text


def test_engagement_is_read():
    """Names the mapping and the day after the last invoice."""
    engagement = read_engagement(FOLDER / "engagement.yml")
    assert engagement.data.mapping == "mapping.yml"
    assert engagement.client.currency == "GBP"
    assert str(engagement.as_of) == "2011-12-10"
