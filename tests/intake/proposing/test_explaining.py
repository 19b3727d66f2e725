"""A wrong mapping is explained by what the data show: each test plants one fault, and the line names it and its cure."""

import duckdb
import pytest
import yaml

from playbook.intake.mapping import ClientMapping
from playbook.intake.proposing.explaining import explain, shown

MAPPING = """
sources:
  sales:
    file: sales.csv
    columns: {Ref: text, Pieces: count, Day: {type: time, format: '%m/%d/%Y'}, Price: number, Land: text, Mail: text,
              Express: flag}
codes:
  lands: {Germany: DE, Norway: 'NO'}
tables:
  orders:
    source: sales
    columns:
      order_id: Ref
      kind: {constant: order}
      ordered_at: Day
      status: {constant: shipped}
      channel: {column: Land, codes: lands}
"""
COLUMNS = ["Ref", "Pieces", "Day", "Price", "Land", "Mail", "Express"]
SOUND = {"Ref": "r{i}", "Pieces": "{i}", "Day": "03/{day:02}/2026", "Price": "{i}.5", "Land": "Norway", "Mail": "x",
         "Express": "yes"}  # fmt: skip


def lines(change=None, mapping=MAPPING, every=4, **planted):
    """Return what is explained of 60 sound rows, of which every fourth has the planted cells."""
    connection = duckdb.connect()
    rows = []
    for i in range(60):
        cells = {name: text.format(i=i, day=i % 28 + 1) for name, text in SOUND.items()}
        if i % every == 0:
            cells |= {name: text.format(i=i, day=i % 28 + 1) for name, text in planted.items()}
        rows.append((0, i + 1, None, *cells.values()))
    cells = ", ".join(f"c{i} varchar" for i in range(len(COLUMNS)))
    connection.execute(f"create table export (file usmallint, row bigint, damage varchar, {cells})")
    connection.executemany(f"insert into export values ({', '.join('?' * (3 + len(COLUMNS)))})", rows)
    values = yaml.safe_load(mapping)
    if change:
        change(values)
    checked = ClientMapping.model_validate(values)
    others = {"lands": ("other", ["Name"])}
    connection.execute("create table other (c0 varchar)")
    connection.executemany("insert into other values (?)", [(f"{i:04}",) for i in range(60)])
    return explain(connection, checked, "sales", COLUMNS, others=others)


def test_a_right_mapping_needs_no_words():
    """Nor does a little dirt: one row in 60."""
    assert lines() == []
    assert lines(Pieces="two", every=60) == []


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"Pieces": "{i},5"}, ["Pieces: 25%", "'0,5'", "decimal comma?", "decimal: ','", "type number reads 100%"]),
        ({"Price": "{i},5"}, ["Price: 25% of the cells are no number", "two signs in one column"]),
        ({"Pieces": "{i}.5"}, ["Pieces: 25%", "whole number", "type number reads 100%"]),
        ({"Pieces": "n/a"}, ["25%", "empty: [n/a]"]),
        ({"Day": "2026-03-{day:02}"}, ["Day: 25% of the cells are no time in the form %m/%d/%Y", "%Y-%m-%d", "reads 100%"]),
        ({"Express": "ja"}, ["25%", "another language"]),
        ({"Land": "Norwegen"}, ["tables.orders.columns.channel: code list 'lands' lacks 'Norwegen' (25% of the cells)"]),
        ({"Land": "NORWAY"}, ["differ only in capitals"]),
        ({"Ref": "same"}, ["23% of the rows repeat Ref", "one_per: key"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_line(planted, said):
    """With the share it costs, an example from the data, and what would read it."""
    (line,) = lines(**planted)
    for part in said:
        assert part in line


def test_days_before_months():
    """The wrong order fails on days above 12; the right one reads every cell."""
    (line,) = lines(every=1, Day="{day:02}/03/2026")
    assert "53% of the cells are no time" in line
    assert "format '%d/%m/%Y' reads 100%" in line


def test_people_are_not_quoted():
    """Of an e-mail address in a column that is typed as a number only the shape is said."""
    (line,) = lines(lambda values: values["sources"]["sales"]["columns"].update(Mail="number"), every=1,
                    Mail="anna{i}@berg.example")  # fmt: skip
    assert "'aaaa9@aaaa.aaaaaaa'" in line
    assert "anna" not in line


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([("Hamilton Margaret", 50), ("Lovelace Ada", 50)], "'Aaaaaaaa Aaaaaaaa', 'Aaaaaaaa Aaa'"),
        ([("Hamilton", 1), ("Lovelace", 1)], "'Aaaaaaaa'"),
        ([("a.lee@berg.no", 99)], "'a.aaa@aaaa.aa'"),
        ([("0171 4567890", 1), ("+491714567890", 1), ("Lee2", 1)], "'9999 9999999', '+999999999999', 'Aaa9'"),
        ([("1 234,50", 1), ("-7", 1), (".5", 1)], "'1 234,50', '-7', '.5'"),
        ([("31.02.2026", 1), ("2026-03-01T10:00:00Z", 1), ("3 Mar 2026", 1)],
         "'31.02.2026', '2026-03-01T10:00:00Z', '3 Mar 2026'"),
        ([("NO", 3), ("C-12", 3), ("12 Maria 2020", 3)], "'NO', 'C-12', '99 Aaaaa 9999'"),
        ([(f"Lee{i}", 9) for i in range(50)], "'Aaa9'"),
    ],
)  # fmt: skip
def test_only_numbers_times_and_codes_are_quoted(values, said):
    """Whatever the column is called: names that come again and again have blanks, those of many people are many."""
    assert shown("remark", values, values) == said


def test_a_name_among_numbers_is_not_quoted():
    """Nor in what is said of a code list, or of how to mend it."""
    for planted in ({"Pieces": "Hamilton Margaret"}, {"Land": "Hamilton Margaret"}):
        (line,) = lines(**planted)
        assert "Aaaaaaaa Aaaaaaaa" in line
        assert "Hamilton" not in line


def test_a_telephone_number_in_a_personal_column_is_not_quoted():
    """Digits alone would be a number elsewhere."""
    assert shown("Telefon", [("715501234", 1)], [("715501234", 1)]) == "'999999999'"


def test_a_join_without_partners():
    """The other source writes its keys with leading zeros."""

    def join(values):
        values["sources"]["lands"] = {"file": "lands.csv", "columns": {"Name": "text"}}
        columns = values["sources"]["sales"]["columns"]
        values["sources"]["sales"]["join"] = {"lands": {"on": {"Pieces": "Name"}, "columns": ["Name"]}}
        columns["Pieces"] = "text"

    (line,) = lines(join)
    assert "sources.sales.join.lands: 100% of the cells of Pieces are no Name of lands" in line
    assert "without leading zeros 100% are" in line


def test_signs_the_other_way_round():
    """What the mapping calls the thousands sign is the decimal one."""
    dialect = {"decimal": ".", "thousands": ","}
    (line,) = lines(lambda m: m["sources"]["sales"].update(dialect=dialect), Price="{i},25")
    assert "decimal: ','" in line or "two signs" in line


def test_a_key_of_deliveries():
    """That comes again in one file replaces other rows; one that does not says that the repeats are meant."""
    (line,) = lines(lambda m: m["sources"]["sales"].update(key=["Land"]))
    assert line.startswith("sources.sales.key: 98% of the rows repeat Land within one file")
    assert not [one for one in lines(Ref="same") if "key" in one and "sources.sales.key" in one]


def test_a_wrong_encoding():
    """Is named before its effects."""
    connection = duckdb.connect()
    cells = ", ".join(f"null::varchar as c{i}" for i in range(len(COLUMNS)))
    connection.execute(
        f"create table export as select 0 as file, 1 as row, 'damaged characters' as damage, {cells}"
    )
    values = yaml.safe_load(MAPPING)
    values["sources"]["sales"]["dialect"] = {"encoding": "utf-8"}
    found = explain(connection, ClientMapping.model_validate(values), "sales", COLUMNS)
    assert found[0].startswith("sources.sales.dialect.encoding: 100% of the rows are no utf-8")
