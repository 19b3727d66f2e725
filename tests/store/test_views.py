"""What the views declare is true, and they need no more memory than they may have."""

import pandas as pd
import pytest

from playbook.store import reading, schemas
from playbook.store.reading import view_expects, view_needs, view_uses, views

AS_OF = "2026-07-01"


def test_what_views_expect_is_declared_and_in_the_world(demo_store):
    """Every fixed value stands in the view's SQL, and occurs in the demo world."""
    for name, file in views().items():
        body = file.read_text(encoding="utf-8").split("\n", 4)[4]
        for table, column, value in view_expects(name):
            assert table in view_needs(name) + view_uses(name)
            assert f"'{value}'" in body
            assert (demo_store.table(table, [column])[column] == value).any()


def test_only_columns_that_exist_are_expected():
    """Of tables that the view reads."""
    for name in views():
        for table, column, _ in view_expects(name):
            assert schemas.table(table).column(column).kind == "text"


@pytest.mark.parametrize("name", ["weekly_demand", "customer_purchases", "first_waits"])
def test_little_memory_is_enough(name, demo_store, monkeypatch, tmp_path):
    """The rest goes to a folder that is gone afterwards; the result is the same."""
    expected = demo_store.view(name, as_of=AS_OF)
    monkeypatch.setattr(reading, "MEMORY", "80MB")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pd.testing.assert_frame_equal(demo_store.view(name, as_of=AS_OF), expected, rtol=1e-12)
    assert not list(tmp_path.iterdir())
