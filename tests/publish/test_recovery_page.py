"""The recovery page shows what the report says, in words, numbers and pictures."""

import numpy as np
import pandas as pd
import pytest

from playbook.catalogue import plays
from playbook.publish import recovery_page


@pytest.fixture
def entry():
    return next(iter(plays().values()))


@pytest.fixture
def table(entry):
    """Four worlds: two with the effect, of which one interval holds; two without; a quantity without an interval."""
    rows = [
        (entry.id, what, effect, seed, estimate, low, high, 4000.0, 2.0)
        for what, low, high in (("a|b", 1.0, 3.0), ("bare", np.nan, np.nan))
        for effect in (1.0, 0.0)
        for seed, estimate in ((1, 2.5), (2, 2.0))
    ]
    frame = pd.DataFrame(
        rows, columns=["play", "what", "effect", "seed", "estimate", "low", "high", "naive", "truth"]
    )
    frame.loc[0, ["estimate", "low", "high"]] = [9.0, 8.0, 10.0]
    return frame


def test_page_says_how_many_intervals_hold(entry, table):
    """Per quantity: truth, estimate, today's answer, and how many of the worlds hold; signs in names are escaped."""
    text = recovery_page.page(table, [entry], {entry.id: "One of two."})
    assert f"## [{entry.title}]({entry.module}/{entry.name}.ipynb)" in text
    assert f"![One of two.](generated/recovery_{entry.module}_{entry.name}.png)" in text
    assert "| a\\|b | 2 | 5.5 | 4,000 | 1, 2 |" in text
    assert "| bare | 2 | 2.25 | 4,000 |  |" in text


def test_page_leaves_out_plays_of_another_book(table):
    """A book of one play reports on that one."""
    other = list(plays().values())[1]
    assert recovery_page.page(table, [other], {}).startswith("No play of this book")


def test_picture_counts_its_intervals_and_keeps_what_is_far_off_at_the_edge(table):
    """Only quantities with intervals are drawn; the naive answer, far off, stays inside the axes."""
    ax = recovery_page.plot(table)
    assert ax.figure.get_suptitle().startswith("1 of 2 intervals hold")
    assert [text.get_text() for text in ax.texts] == ["a|b"]
    low, high = ax.get_xlim()
    assert all(((line.get_xdata() >= low) & (line.get_xdata() <= high)).all() for line in ax.lines[1:])


def test_only_plays_with_intervals_are_pictured(table, entry):
    """A play that claims none has a table only."""
    assert recovery_page.pictured(table) == [entry.id]
    assert recovery_page.pictured(table[table["what"] == "bare"]) == []
