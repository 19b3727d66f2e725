"""The data request asks for what unlocks most, says what it is, and is harmless to open."""

import zipfile
from dataclasses import replace
from datetime import date

import openpyxl
import pytest

from playbook.catalogue import plays
from playbook.engagement.data_request import (
    FILL,
    NEEDED,
    USEFUL,
    by_system,
    data_request,
    markdown,
    write_workbook,
)
from playbook.engagement.readiness import PlayReadiness, Readiness
from playbook.store import schemas
from playbook.store.reading import view_needs, view_uses, views


def needs(play):
    """Tables a play cannot do without."""
    return {t for name in play.inputs for t in (view_needs(name) if name in views() else (name,))}


def uses(play):
    """Tables a play would use."""
    own = {t for name in play.optional for t in (view_needs(name) if name in views() else (name,))}
    more = {t for name in (*play.inputs, *play.optional) if name in views() for t in view_uses(name)}
    return (own | more) - needs(play)


@pytest.fixture
def shop():
    """Readiness of a client that sent orders, lines and customers, one column of them empty."""
    have = {"orders", "order_lines", "customers"}
    judged = [
        PlayReadiness(
            play,
            missing=tuple(sorted(needs(play) - have)),
            without=tuple(sorted(uses(play) - have)),
            empty=("customers.tier",) if play.name == "tier_assignment" else (),
        )
        for play in plays().values()
    ]
    return Readiness("Shop & Co", date(2026, 7, 1), (), {}, (), tuple(judged))


def test_every_table_that_is_missing_is_asked_for_once(shop):
    """What plays need, then what they would use, then the columns to fill."""
    asks = data_request(shop)
    needed = {t for p in shop.plays for t in p.missing}
    useful = {t for p in shop.plays for t in p.without} - needed
    assert [a.table.name for a in asks if a.why == FILL] == ["customers"]
    assert {a.table.name for a in asks if a.why == NEEDED} == needed
    assert {a.table.name for a in asks if a.why == USEFUL} == useful
    assert len(asks) == len(needed) + len(useful) + 1
    assert [a.why for a in asks] == sorted((a.why for a in asks), key=[NEEDED, USEFUL, FILL].index)


def test_what_completes_most_comes_first(shop):
    """The count of plays a table completes, and the order, are those of plain counting."""
    asks = [ask for ask in data_request(shop) if ask.why == NEEDED]
    for ask in asks:
        waiting = [p for p in shop.plays if ask.table.name in p.missing]
        assert ask.needed_by == tuple(p.play.title for p in waiting)
        assert ask.completes == sum(p.missing == (ask.table.name,) for p in waiting)
        assert ask.weight == pytest.approx(sum(1 / len(p.missing) for p in waiting))
    assert [a.weight for a in asks] == sorted((a.weight for a in asks), reverse=True)
    first = next(iter(by_system(asks).values()))
    assert first[0] is asks[0]


def test_columns_are_the_key_what_rows_must_have_and_what_plays_read(shop):
    """Nothing that no play reads is asked for, unless a row is of no use without it."""
    asks = {ask.table.name: ask for ask in data_request(shop)}
    columns = {asked.column.name: asked for asked in asks["tickets"].columns}
    assert columns["ticket_id"].key
    assert columns["opened_at"].required
    assert "resolved_at" in columns
    assert "product_id" not in columns
    required = {c.name for c in schemas.table("tickets").columns if not c.nullable}
    assert {name for name, asked in columns.items() if asked.required} == required
    assert [asked.column.name for asked in asks["customers"].columns] == ["customer_id", "tier"]


def test_examples_have_the_form_that_the_intake_takes(shop):
    """An example of a choice is one of the choices, of a time ISO 8601, of a number a number within its limits."""
    any_column = data_request(shop)[0].columns[0]
    for table in schemas.tables().values():
        for column in table.columns:
            asked = replace(any_column, column=column)
            if column.choices:
                assert asked.example in column.choices
            elif column.kind == "time":
                date.fromisoformat(asked.example[:10])
            elif column.kind in ("number", "count"):
                value = float(asked.example)
                assert column.low is None or value >= column.low
                assert column.high is None or value <= column.high


def test_markdown_names_each_table_under_its_system(shop):
    """A section a table, below the system it usually comes from; values that plays look for are named."""
    text = markdown(shop)
    system = None
    for line in text.splitlines():
        system = line.removeprefix("### ") if line.startswith("### ") else system
        if line.startswith("#### "):
            own = schemas.table(line.removeprefix("#### ")).system
            assert system == own[:1].upper() + own[1:]
    assert text.count("#### tickets") == 1
    assert "Some rows must have `name = renewal`" in text
    assert text.startswith("# Data request: Shop \\& Co\n")


def test_tables_that_arrived_with_too_little_are_named(shop):
    """A play with too little is in the request, with its reason."""
    poor = replace(shop.plays[0], missing=(), too_little=("orders has no rows",))
    text = markdown(replace(shop, plays=(poor,)))
    assert f"- *{poor.play.title}*: orders has no rows." in text


def test_nothing_is_asked_for_when_nothing_is_missing(shop):
    """A complete store gets a line, not an empty list."""
    done = tuple(PlayReadiness(p.play) for p in shop.plays)
    assert data_request(replace(shop, plays=done)) == ()
    assert "Nothing is missing" in markdown(replace(shop, plays=done))


def test_workbook_holds_a_row_a_column_and_no_formula(shop, tmp_path):
    """openpyxl reads back every column asked for; a title that begins like a formula stays text."""
    play = replace(shop.plays[1].play, title='=HYPERLINK("http://x","y")')
    hostile = replace(shop, plays=(replace(shop.plays[1], play=play), *shop.plays[2:]))
    write_workbook(hostile, tmp_path / "request.xlsx")
    book = openpyxl.load_workbook(tmp_path / "request.xlsx")
    head, *rows = book["Data request"].iter_rows(values_only=True)
    names = [(row[head.index("Table")], row[head.index("Column")]) for row in rows]
    assert names == [(a.table.name, c.column.name) for a in data_request(hostile) for c in a.columns]
    cell = book["Questions"]["A2"]
    assert (cell.value, cell.data_type) == (play.title, "s")
    with zipfile.ZipFile(tmp_path / "request.xlsx") as parts:
        sheets = [parts.read(n) for n in parts.namelist() if n.startswith("xl/worksheets/sheet")]
    assert sheets
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)
