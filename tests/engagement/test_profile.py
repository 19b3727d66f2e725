"""What a table holds is counted exactly, and what was planted in it is found."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from playbook.engagement import profile
from playbook.store.reading import Store
from playbook.store.writing import conform, write_store

AS_OF = date(2026, 7, 1)
WEEKS = 120
GAP = (date(2025, 3, 3), date(2025, 3, 10))  # two weeks without an order


def orders(draws, customers):
    """A few orders a day for 120 weeks, but for two weeks; some customers are not in their table."""
    days = pd.date_range(end="2026-06-28", periods=WEEKS * 7)
    times = days.repeat(4) + pd.to_timedelta(draws.integers(8 * 60, 18 * 60, len(days) * 4), unit="min")
    times = times[~((times >= "2025-03-03") & (times < "2025-03-17"))]
    return pd.DataFrame(
        {
            "order_id": [f"o{n}" for n in range(len(times))],
            "customer_id": draws.choice([*customers, "lost-1", "lost-2", None], len(times)),
            "kind": draws.choice(["order", "return"], len(times), p=[0.9, 0.1]),
            "ordered_at": times,
            "status": draws.choice(["open", "shipped"], len(times)),
            "channel": draws.choice(["web", "phone", None], len(times)),
        }
    )


@pytest.fixture
def tables():
    """Clean tables, apart from keys that are not found."""
    draws = np.random.default_rng(5)
    customers = pd.DataFrame({"customer_id": [f"c{n}" for n in range(500)], "region_id": "GB"})
    customers["tier"] = draws.choice(["gold", "bronze", None], 500)
    customers["created_at"] = pd.date_range("2020-01-01 09:30", periods=500, freq="2D")
    own = orders(draws, customers["customer_id"])
    lines = pd.DataFrame({"order_id": own["order_id"].repeat(3)}).reset_index(drop=True)
    lines["line_no"] = lines.groupby("order_id").cumcount() + 1
    lines["product_id"] = draws.choice(["p1", "p2", "p3"], len(lines))
    lines["qty_ordered"] = draws.poisson(4, len(lines)) + 1
    lines["unit_price_amt"] = draws.lognormal(3, 0.6, len(lines)).round(2)
    return {"customers": customers, "orders": own, "order_lines": lines}


@pytest.fixture
def profiled(tmp_path):
    """Write tables as a client's store and return their profiles."""

    def run(tables):
        path = tmp_path / "store"
        write_store(
            path, {n: conform(n, f) for n, f in tables.items()}, {"kind": "client", "name": "Planted"}
        )
        store = Store(path)
        with profile.opened(store) as connection:
            return profile.profiles(store, connection, AS_OF)

    return run


def said(found, table, column):
    """What is said of a column: texts with the rows they are about."""
    return {(odd.says, odd.rows) for odd in found[table].suspicions if odd.column == column}


def one(found, table, column):
    """The only thing said of a column."""
    (only,) = said(found, table, column)
    return only


@pytest.mark.parametrize("sample", [250_000, 700])
def test_counts_are_those_of_pandas(tables, profiled, monkeypatch, sample):
    """Rows, filled cells, times and keys found are over all rows, however few are looked at for what is usual."""
    monkeypatch.setattr(profile, "SAMPLE", sample)
    found = profiled(tables)
    for name, frame in tables.items():
        assert found[name].rows == len(frame)
        assert {
            c.name: c.rows for c in found[name].columns if c.name in frame
        } == frame.notna().sum().to_dict()
    assert {found["customers"].columns[i].name for i in range(3)} == {
        "customer_id",
        "account_id",
        "region_id",
    }
    assert "birth_year" in found["customers"].empty
    assert "tier" not in found["customers"].empty
    flow, times = found["orders"].flow, tables["orders"]["ordered_at"]
    assert (flow.time, flow.first, flow.newest) == ("ordered_at", times.min().date(), times.max().date())
    assert (flow.late_d, flow.gaps) == (3, GAP)
    (key,) = found["orders"].references
    known = tables["orders"]["customer_id"].isin(tables["customers"]["customer_id"])
    assert (key.to, key.rows, key.found) == (
        "customers",
        tables["orders"]["customer_id"].notna().sum(),
        known.sum(),
    )


def test_clean_data_raise_no_question(tables, profiled):
    """Nothing is said of columns that vary as such columns do; a region of all customers is one value."""
    found = profiled(tables)
    assert [odd for table in found.values() for odd in table.suspicions if odd.column != "region_id"] == []
    assert one(found, "customers", "region_id") == ("always the same value", 500)


def test_times_that_cannot_be_are_counted(tables, profiled):
    """After the as-of date, before 1990, and the dates that stand for 'not known' are three things."""
    times = tables["orders"]["ordered_at"].copy()
    times.iloc[:4] = pd.Timestamp("2026-07-02 10:00")
    times.iloc[4:7] = pd.Timestamp("1985-05-05")
    times.iloc[7:9] = pd.Timestamp("1900-01-01")
    times.iloc[9] = pd.Timestamp("9999-12-31")
    tables["orders"]["ordered_at"] = times
    tables["orders"]["promised_at"] = times.where(times.dt.year == 2026) + pd.Timedelta(days=30, hours=1)
    found = profiled(tables)
    counts = sorted(rows for _, rows in said(found, "orders", "ordered_at"))
    assert counts == [3, 3, 4]
    assert ("after 2026-07-01, the as-of date", 4) in said(found, "orders", "ordered_at")
    assert said(found, "orders", "promised_at") == set()  # a promise may lie ahead
    assert found["orders"].flow.newest == date(2026, 6, 28)


def test_texts_that_mean_nothing_or_were_read_wrongly_are_counted(tables, profiled):
    """'n/a' should be an empty cell; 'Ã¼' is an ü read as Latin-1, and a letter like Ã alone is a letter."""
    frame = tables["orders"]
    frame["channel"] = [*["N/A", "unknown ", "-"], *frame["channel"][3:]]
    frame["option_codes"] = [*["MÃ¼ller", "a\ufffdb", "SÃO PAULO"], *[f"x{n}" for n in range(len(frame) - 3)]]
    found = profiled(tables)
    assert one(found, "orders", "channel")[1] == 3
    assert one(found, "orders", "option_codes")[1] == 2


def test_one_value_is_named_when_it_tells_nobody(tables, profiled):
    """A column that never changes is named with its value; a rare exception does not hide it; keys stay unnamed."""
    tables["orders"]["status"] = "shipped"
    tables["orders"]["priority"] = ["express", *["standard"] * (len(tables["orders"]) - 1)]
    found = profiled(tables)
    rows = len(tables["orders"])
    assert one(found, "orders", "status") == ("always 'shipped'", rows)
    assert one(found, "orders", "priority")[0].startswith("'standard' in ")
    assert one(found, "orders", "priority")[1] == rows - 1


def test_placeholders_and_far_values_are_told_apart(tables, profiled):
    """999 far from the rest stands for 'not known'; a few huge prices are far above; 999 among its like is a number."""
    lines = tables["order_lines"]
    lines["qty_allocated"] = np.where(np.arange(len(lines)) < 40, 999.0, lines["qty_ordered"])
    lines["unit_cost_amt"] = np.linspace(900, 999, len(lines)).round()
    lines.loc[:4, "unit_price_amt"] = 5e6
    found = profiled(tables)
    assert one(found, "order_lines", "qty_allocated") == (
        "exactly 999, far from all others: does it stand for 'not known'?",
        40,
    )
    assert said(found, "order_lines", "unit_cost_amt") == set()
    (text, rows), price = one(found, "order_lines", "unit_price_amt"), lines["unit_price_amt"].iloc[5:]
    low, high = (f"{price.quantile(q):.3g}" for q in (0.25, 0.75))
    assert rows == 5
    assert text.startswith("far above the rest")
    assert f"{low} and {high}" in text


def test_a_wrong_unit_is_recognised_by_its_factor(tables, profiled):
    """Cents among money are a hundred times the rest, grams among kilograms a thousand."""
    draws = np.random.default_rng(1)
    price = draws.lognormal(3, 0.3, 600)
    weight = draws.lognormal(0, 0.3, 600)
    price[:60] *= 100
    weight[60:120] /= 1000
    tables["products"] = pd.DataFrame(
        {"product_id": [f"p{n}" for n in range(600)], "name": "x", "price_amt": price, "weight_kg": weight}
    )
    found = profiled(tables)
    text, rows = one(found, "products", "price_amt")
    assert rows == 60
    assert "about 100 times the others: cents in place of money?" in text
    text, rows = one(found, "products", "weight_kg")
    assert rows == 60
    assert "about 1/1,000 of the others" in text


def test_a_month_in_another_unit_is_named(tables, profiled):
    """Prices of one month in cents: the month is that of the orders, since lines carry no time."""
    lines = tables["order_lines"]
    month = lines["order_id"].map(tables["orders"].set_index("order_id")["ordered_at"]).dt.strftime("%Y-%m")
    lines.loc[month == "2025-10", "unit_price_amt"] *= 100
    texts = {text for text, _ in said(profiled(tables), "order_lines", "unit_price_amt")}
    assert any(text.startswith("the usual value in October 2025 is") and "cents" in text for text in texts)
    assert not any("September" in text or "November" in text for text in texts)


def test_a_month_loaded_many_times_is_named(tables, profiled):
    """A month with eleven times the rows of its neighbours was perhaps loaded more than once."""
    frame = tables["orders"]
    again = frame[frame["ordered_at"].dt.strftime("%Y-%m") == "2025-10"]
    copies = [again.assign(order_id=again["order_id"] + f"-{n}") for n in range(10)]
    tables["orders"] = pd.concat([frame, *copies], ignore_index=True)
    text, rows = one(profiled(tables), "orders", "ordered_at")
    assert rows == 11 * len(again)
    assert text.startswith("in October 2025, 11 times as many")


def test_days_without_hours_and_a_table_that_ended_are_said(tables, profiled):
    """Times at midnight are days; a table that grew every week and then did not is late."""
    frame = tables["orders"]
    tables["orders"] = frame[frame["ordered_at"] < "2026-05-01"].assign(
        ordered_at=lambda f: f["ordered_at"].dt.normalize()
    )
    texts = {text for text, _ in said(profiled(tables), "orders", "ordered_at")}
    assert texts == {
        "always at midnight: only the day is known",
        "no row in the 62 days before the as-of date",
    }


def test_personal_values_are_not_shown(profiled):
    """A constant of a personal column is reported without its value."""
    frame = pd.DataFrame({"crm_id": [f"x{n}" for n in range(30)], "last_name": "Tester"})
    for name in ("first_name", "company", "account_class", "email", "phone", "street", "postcode"):
        frame[name] = [f"{name} {n}" for n in range(30)]
    frame["extracted_at"] = pd.Timestamp("2026-06-30")
    found = profiled({"src_crm_customers": frame})
    assert "Tester" not in repr(found)
    assert one(found, "src_crm_customers", "last_name") == ("always the same value", 30)


def test_an_empty_table_has_a_profile(profiled, tables):
    """No rows: no share, no flow, no question."""
    found = profiled(tables | {"orders": tables["orders"].head(0)})["orders"]
    assert (found.rows, found.flow, found.empty, found.suspicions) == (0, None, (), ())
