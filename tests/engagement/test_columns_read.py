"""The columns that a play reads are those that it cannot be run without."""

import duckdb
import pytest

from playbook.catalogue import play, plays
from playbook.engagement.columns_read import columns_read
from playbook.store.reading import view_defaults, view_needs, view_uses, views

AS_OF = "2026-07-01"


@pytest.mark.parametrize("name", views())
def test_a_view_runs_on_the_columns_found_and_gives_the_same(demo_store, name):
    """Of a store that holds nothing but the columns found, a view makes the same number of rows and the same columns."""
    owner = next(p for p in plays().values() if name in (*p.inputs, *p.optional))
    found = columns_read(owner)
    query = views()[name].read_text(encoding="utf-8")
    given = {"as_of": AS_OF, **view_defaults(name)}
    with duckdb.connect() as connection:
        for table in view_needs(name) + view_uses(name):
            cells = ", ".join(f'"{column}"' for column in sorted(found[table])) or "1 as nothing"
            files = [file.as_posix() for file in demo_store.files(table)]
            connection.read_parquet(files).create_view(f"all_{table}")
            connection.execute(f"create view {table} as select {cells} from all_{table}")
        made = connection.execute(query, {k: v for k, v in given.items() if f"${k}" in query}).df()
    whole = demo_store.view(name, **given)
    assert (len(made), list(made.columns)) == (len(whole), list(whole.columns))


def test_columns_that_nothing_reads_are_not_found():
    """A play that counts purchases asks for no promise, channel or discount."""
    found = columns_read(play("define.customer_value"))
    assert found["orders"] == {"customer_id", "kind", "order_id", "ordered_at", "status"}
    assert "discount_amt" not in found["order_lines"]


def test_columns_of_tables_are_those_that_the_code_names():
    """A play that reads a whole table asks for the columns that its code names."""
    found = columns_read(play("sustain.training"))["training"]
    assert {"score_share", "practice_no", "started_at"} <= found
