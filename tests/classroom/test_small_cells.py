"""Published tables: no small count of people can be read, or worked out from a total."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.classroom.small_cells import (
    FEWEST,
    HIDDEN,
    NOTE,
    hidden_rows,
    of_single_people,
    published,
    suppressed,
)


def counts(*values, **more):
    return pd.DataFrame({"customers": values, **more}, index=[f"group {n}" for n in range(len(values))])


@given(st.lists(st.integers(0, 12), min_size=1, max_size=7))
def test_a_reader_who_knows_the_total_cannot_tell_a_small_count(values):
    """Oracle: all ways to fill the hidden cells that give the total; a small count could be a range of numbers."""
    hide = hidden_rows(counts(*values))
    small = [0 < value < FEWEST for value in values]
    assert all(hide[place] for place, is_small in enumerate(small) if is_small)
    if not any(small):
        assert not hide.any()
        return
    if not any(v > 0 and not hide[n] for n, v in enumerate(values)):
        return  # nothing is left to protect it with: no other count is shown
    total = sum(v for v, hidden in zip(values, hide, strict=True) if hidden)
    ways = [way for way in itertools.product(range(total + 1), repeat=int(hide.sum())) if sum(way) == total]
    for place in range(int(hide.sum())):
        assert len({way[place] for way in ways}) > FEWEST


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 40)), min_size=1, max_size=8)
)
def test_no_group_has_one_hidden_row_beside_shown_ones(rows):
    """The total of each group, e.g. of a country, may stand on another page."""
    table = pd.DataFrame(rows, columns=["country", "customers", "contacts"])
    hide = hidden_rows(table)
    groups = [group for _, group in table.groupby("country")] if len(set(table["country"])) > 1 else [table]
    for group in groups:
        for name in ("customers", "contacts"):
            hidden, shown = group[hide[group.index]], group[~hide[group.index]]
            if hidden[name].between(1, FEWEST - 1).any() and (shown[name] > 0).any() and len(group) > 1:
                assert (hidden[name] > 0).sum() >= 2
                assert hidden[name].sum() >= FEWEST


def test_figures_beside_a_small_count_go_with_it():
    """The second row protects the first; text and zero stay."""
    table = counts(2, 30, 8, 0, sales=[900.5, 20.0, 7.0, 0.0], tier=["gold", "silver", "bronze", "new"])
    shown = suppressed(table)
    assert shown["customers"].tolist() == [HIDDEN, 30, HIDDEN, 0]
    assert shown["sales"].tolist() == [HIDDEN, 20.0, HIDDEN, 0.0]
    assert shown["tier"].tolist() == table["tier"].tolist()
    assert NOTE in published(table)["text/plain"]


def test_formatted_numbers_are_numbers():
    """Most plays format their tables before they show them."""
    table = counts("3", "1,204", "310", share=["0.2%", "79.4%", "20.4%"])
    shown = suppressed(table)
    assert shown["customers"].tolist() == [HIDDEN, "1,204", HIDDEN]
    assert shown["share"].tolist() == [HIDDEN, "79.4%", HIDDEN]


def test_a_total_is_hidden_only_when_nothing_else_protects():
    table = pd.DataFrame({"people": [3, 40, 43]}, index=["north", "south", "all"])
    assert suppressed(table)["people"].tolist() == [HIDDEN, HIDDEN, 43]
    alone = pd.DataFrame({"people": [3, 0, 3]}, index=["north", "south", "all"])
    assert suppressed(alone)["people"].tolist() == [HIDDEN, 0, HIDDEN]


def test_counts_in_rows_are_counts():
    table = pd.DataFrame(
        {"gold": [3, 9.5], "silver": [80, 1.5], "bronze": [70, 2.5]}, index=["customers", "h"]
    )
    shown = suppressed(table)
    assert shown.loc["customers"].tolist() == [HIDDEN, 80, HIDDEN]
    assert shown.loc["h"].tolist() == [HIDDEN, 1.5, HIDDEN]


@pytest.mark.parametrize(
    "columns", [["orders"], ["share of customers"], ["orders per customer"], ["customers, mean"], ["sites"]]
)
def test_what_counts_no_people_stays(columns):
    table = pd.DataFrame([[1], [2]], columns=columns)
    assert suppressed(table) is table
    assert published(table) == {"text/html": table._repr_html_(), "text/plain": repr(table)}


def test_what_is_no_whole_number_is_no_count():
    table = pd.DataFrame({"agents": [1.5, 2.25]})
    assert suppressed(table) is table


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"customer_id": ["C1", "C2"], "sales": [1, 2]}),
        pd.DataFrame({"sales": [1]}, index=pd.Index(["S7"], name="owner_staff_id")),
        pd.DataFrame({"sales": [1]}, index=["00a1b2c3d4e5f607"]),
        pd.DataFrame({"crm:00a1b2c3d4e5f607": ["x"]}),
        pd.DataFrame({"who": ["00a1b2c3d4e5f607"]}),
        pd.DataFrame({"first_name": ["Ada"]}),
        pd.Series([1], index=pd.Index(["C1"], name="customer_id")),
    ],
    ids=str,
)
def test_rows_of_single_people_are_left_out(table):
    bundle = published(table)
    assert "of single customers" in bundle["text/plain"]
    assert "C1" not in str(bundle)
    assert "00a1b2c3d4e5f607" not in str(bundle)


def test_a_table_of_groups_is_not_of_single_people():
    for name in ("product_id", "site_id", "region_id", "tier"):
        assert not of_single_people(pd.DataFrame({name: ["P1", "P2"], "customers": [10, 20]}))


def test_a_series_keeps_its_form():
    bundle = published(pd.Series([3, 40, 50], index=list("abc"), name="customers"))
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].count(HIDDEN) == 3  # two values and the note


def test_any_frame_can_be_shown():
    """Repeated column names, missing values, levels, dates, lists: displaying never fails."""
    frames = [
        pd.DataFrame([[1, 2], [30, 40]], columns=["customers", "customers"]),
        pd.DataFrame({"customers": [np.nan, 3, 20]}),
        pd.DataFrame({("a", "customers"): [1, 9], ("a", "sales"): [1.5, 2.5]}),
        pd.DataFrame(
            {"customers": [2, 9, 30]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
        ),
        pd.DataFrame({"customers": [2, 9], "at": pd.to_datetime(["2026-01-01", None]), "x": [[1], {"b"}]}),
        pd.DataFrame({"customers": pd.array([1, None], dtype="Int64"), "c": pd.Categorical(["a", "b"])}),
        pd.DataFrame(),
        pd.DataFrame({"customers": []}),
    ]
    for frame in frames:
        assert published(frame)["text/plain"]
