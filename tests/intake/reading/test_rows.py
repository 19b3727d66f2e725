"""Rows from Python as a table of text."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.intake.reading import rows

BLANKS = " \t\n\r\xa0"
TEXTS = st.text(st.sampled_from(BLANKS + "\0\x1f\x0bab€\u2003\u0301")) | st.text(
    st.characters(exclude_categories=["Cs"])
)


@settings(max_examples=40)
@given(st.lists(st.none() | TEXTS, min_size=1))
def test_blanks_around_a_text_do_not_count(texts):
    """As Python strips them, and what is left empty is null; blanks of other kinds stay."""
    with duckdb.connect() as connection:
        connection.execute("create table t as select unnest(?::varchar[]) as a", [texts])
        got = [cell for (cell,) in connection.execute(f"select {rows.trimmed('a')} from t").fetchall()]
    assert got == [(text or "").strip(BLANKS) or None for text in texts]


@pytest.mark.parametrize("limit", ["BATCH_ROWS", "BATCH_CHARACTERS"])
def test_columns_may_appear_while_rows_arrive(monkeypatch, limit):
    """Over the borders of batches; a row before the first name keeps its text."""
    monkeypatch.setattr(rows, limit, 2)
    names: list[str] = []

    def arriving():
        yield "broken", ["xx"]
        yield "broken", ["yy"]
        yield "broken", ["zz"]
        for place in range(3):
            names.append(f"column {place}")
            yield None, [None] * place + [f"{place} "]

    with duckdb.connect() as connection:
        rows.fill(connection, "t", names, arriving())
        got = connection.execute("from t order by row").fetchall()
    assert got == [
        (1, "broken", "xx", None, None),
        (2, "broken", "yy", None, None),
        (3, "broken", "zz", None, None),
        (4, None, "0", None, None),
        (5, None, None, "1", None),
        (6, None, None, None, "2"),
    ]


def test_no_rows_make_an_empty_table():
    """A header alone is a table without rows."""
    with duckdb.connect() as connection:
        rows.fill(connection, "t", ["a", "b"], [])
        described = connection.execute("describe t").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == [
            ("row", "BIGINT"),
            ("damage", "VARCHAR"),
            ("c0", "VARCHAR"),
            ("c1", "VARCHAR"),
        ]
        assert connection.execute("from t").fetchall() == []


@pytest.mark.parametrize(
    ("value", "text"), [(2.0**53, "9007199254740992.0"), (-0.0, "0"), (1e15, "1000000000000000")]
)
def test_a_float_from_python_looks_like_one_from_a_file(value, text):
    """The form of Python's numbers is the form that DuckDB gives."""
    with duckdb.connect() as connection:
        sql = rows.text_of(f"'{value!r}'::double", "DOUBLE")
        assert rows.number_text(value) == connection.execute(f"select {sql}").fetchone()[0] == text
