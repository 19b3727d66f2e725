"""A sample shows how a file is written; where it cannot be told, that is said."""

import csv
import io
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from playbook.intake.reading import dialects

NAMES = ["Kundennr", "Straße", "Umsatz", "Bemerkung"]
ROWS = [[f"00{i}", f"Größe {i}", f"{i * 37},5{i % 7}", 'a, b; "c"'] for i in range(1, 30)]


def sample(delimiter, encoding, title="", quote='"'):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote)
    writer.writerows([NAMES, *ROWS])
    return (title + text.getvalue()).encode(encoding)


@pytest.mark.parametrize("delimiter", dialects.DELIMITERS)
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp850", "mac_roman"],
)
@pytest.mark.parametrize(("title", "header"), [("", 1), ("Bericht;;;\r\nvom 1.2.2026\r\n\r\n", 4)])
def test_a_dialect_is_found(delimiter, encoding, title, header):
    """Decimal commas and quoted delimiters do not mislead, and rows above the header do not either."""
    found = dialects.find(sample(delimiter, encoding, title))
    assert (found.encoding, found.delimiter, found.quote) == (encoding, delimiter, '"')
    assert found.header == header
    assert found.confidence >= 0.9


def test_a_quote_of_another_kind_is_found():
    """The one that stands at both ends of cells."""
    assert dialects.find(sample(";", "utf-8", quote="'").replace(b'"', b"")).quote == "'"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Köln, Zürich".encode() + b"\xff", "utf-8"),
        ("K\xf6ln, Z\xfcrich".encode("cp1252"), "cp1252"),
        (b"abc \xff\xfe\x01", "utf-8"),
        ("日本語,テスト\n".encode("utf-16-le") * 3, "utf-16-le"),
    ],
)
def test_damage_is_told_from_another_encoding(data, encoding):
    """Bytes that are no UTF-8 are damage where others are, or where they would be no letters."""
    if encoding == "utf-16-le":
        data = "name,ort\n".encode("utf-16-le") * 3 + data
    assert dialects.encoding_of(data)[0] == encoding


def spelled(value, decimal, thousands):
    """A number in a country's way, from Python's own format."""
    text = f"{value:,.2f}" if thousands else f"{value:.2f}"
    return text.replace(",", "T").replace(".", decimal).replace("T", thousands or "")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0.01, 1e7), min_size=5, max_size=20),
    st.sampled_from(
        [(".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "\xa0")]
    ),
)
def test_signs_of_numbers_are_found(values, signs):
    """With two decimals there is no doubt; the thousands sign shows where there are thousands."""
    assume(max(values) >= 1_000)
    found = dialects.number_signs([spelled(value, *signs) for value in [*values, 12.5]])
    assert (found.decimal, found.thousands, found.share, found.ambiguous) == (*signs, 1.0, False)


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "ambiguous"),
    [
        (["1.234", "5.678", "9.012"], ",", ".", True),  # groups of three again and again
        (["1.234"], ".", None, True),
        (["0.500", "1.250"], ".", None, False),  # no group of three begins with 0
        (["1.234.567", "8"], ",", ".", False),
        (["12", "7", None, ""], ".", None, False),
    ],
)
def test_doubt_about_numbers_is_told(values, decimal, thousands, ambiguous):
    """'1.234' is a thousand to some and one and a bit to others."""
    found = dialects.number_signs(values)
    assert (found.decimal, found.thousands, found.ambiguous) == (decimal, thousands, ambiguous)


def test_texts_have_no_signs():
    """Nor has an empty column."""
    assert dialects.number_signs(["abc", "1"] * 2 + ["x"]) is None
    assert dialects.number_signs([None, " "]) is None
    assert dialects.decimals(["3,5", "4"]) == ","


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%Y-%m-%d",
        "%d/%m/%y",
        "%Y%m%d",
        "%d %b %Y",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
    ],
)
def test_a_date_format_is_found(form):
    """Evidence over the column decides: one day beyond the 12th is enough."""
    days = [date(2025, 1, 1) + timedelta(days=37 * i) for i in range(40)]
    best, share, ambiguous = dialects.date_formats([day.strftime(form) for day in days])[0]
    assert (best, share, ambiguous) == (form, 1.0, False)


def test_day_or_month_first_is_said_to_be_open():
    """When no day is beyond the 12th; both readings are offered, and shares count what is read."""
    found = dialects.date_formats(["01/02/2026", "03/04/2026"])
    assert found[:2] == [("%d/%m/%Y", 1.0, True), ("%m/%d/%Y", 1.0, True)]
    found = dialects.date_formats(["01/02/2026", "13/04/2026", "never", "25/12/2026"])
    assert found[:2] == [("%d/%m/%Y", 0.75, False), ("%m/%d/%Y", 0.25, True)]
    assert dialects.date_formats(["abc", None]) == []
