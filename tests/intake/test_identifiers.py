"""What tells who somebody is, is found in a text however it is written there, and cannot be read from its file."""

import re
import tracemalloc
import unicodedata

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playbook.errors import StoreError
from playbook.intake.identifiers import Identifiers, collect, write

KEY = b"a key of the client, 32 letters."
PEOPLE = [
    (
        "K1004711",
        "MÜLLER, Jörg",
        "j.mueller@example.com",
        "+49 (0)30 1234567",
        "Große Straße 5",
        "Müller & Söhne",
    ),
    ("K1004712", "Ann Lee", "ann-lee@firma.example", "0171/7654321", "12 High St.", "Zweckform"),
    ("K1004713", "Al Wu", None, "n/a", None, "AB"),
    ("8877665", "Cher", "12", "20240115", "-", "Best"),
]
COLUMNS = {
    "id": "key",
    "name": "name",
    "email": "email",
    "phone": "phone",
    "street": "address",
    "company": "text",
}


def identifiers(tmp_path, rows, columns=None, key=KEY, harmless=frozenset()) -> Identifiers:
    columns = columns or COLUMNS
    with duckdb.connect() as connection:
        connection.execute(f"create table people ({', '.join(f'{name} varchar' for name in columns)})")
        connection.executemany(f"insert into people values ({', '.join('?' * len(columns))})", rows)
        collect(connection, "people", columns, KEY)
        write(connection, tmp_path / "identifiers.parquet")
    return Identifiers.load(tmp_path / "identifiers.parquet", key, harmless)


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Identifiers:
    return identifiers(tmp_path_factory.mktemp("known"), PEOPLE, harmless=frozenset({"Best"}))


FOUND = {
    "Order of K1004711.": "K1004711",
    "bought by jorg  MULLER today": "jorg  MULLER",
    "Jo\u0308rg Mu\u0308ller": "Jörg Müller",
    '{"last": "Müller", "first": "Jörg"}': None,
    '"Müller", "Jörg"': 'Müller", "Jörg',
    "img/ann_lee_2024.png": "ann_lee",
    "Mail: ANN-LEE@FIRMA.EXAMPLE!": "ANN-LEE@FIRMA.EXAMPLE",
    "call 0049 30 123 45 67 now": "0049 30 123 45 67",
    "call 030-1234567": "030-1234567",
    "call +49171 7654321": "+49171 7654321",
    "call 2024 0115": "2024 0115",
    "lives at GROSSE STRASSE 5": "GROSSE STRASSE 5",
    "lives at High St. 12, London": "High St. 12",
    "the number 8877665": "8877665",
    "by zweckform": "zweckform",
    "sung by Cher": "Cher",
    "Ann\nLee": "Ann\nLee",
}
NOT_FOUND = [
    "Ann and Lee",
    "Ann" + " " * 9 + "Lee",
    "K100471 and K10047111",
    "cherry, Best, ab, 12, n/a",
    "0.8877665 or 8877665.25",
    "on 2024-01-15, on 15.01.2024 and 20240.115",
    "high street 12",
    "e3b0c44298fc1c14",
    "",
]


@pytest.mark.parametrize("text", FOUND)
def test_an_identifier_is_found_as_it_stands_in_the_text(known, text):
    """In any order, case and punctuation, with accents or without; words far apart are two things."""
    found = known.find(text)
    assert FOUND[text] in found if FOUND[text] else found == []


@pytest.mark.parametrize("text", NOT_FOUND)
def test_nothing_is_found_where_there_is_no_identifier(known, text):
    """Parts of words, harmless words, short codes, and digits inside a figure."""
    assert known.find(text) == []


def test_each_finding_is_given_once_and_all_are_given(known):
    """A long text with several of them, twice."""
    text = "Cher, Ann Lee; and 8877665 | " * 2
    assert sorted(known.find(text)) == ["8877665", "Ann Lee", "Cher"]


WORDS = ["Ann", "Lee", "Bo", "Østby", "García", "C7", "42", "van", "der"]
NAMES = st.lists(st.sampled_from(WORDS), min_size=2, max_size=4).map(" ".join)
TEXT = st.lists(st.sampled_from([*WORDS, "GARCIA", "lee", "x"]), max_size=12)


def plain(text: str) -> list[str]:
    """Return the words of a text without case and accents, by another way than the module's."""
    letters = unicodedata.normalize("NFD", text.lower()).encode("utf-8").decode("utf-8")
    return re.sub(r"[\u0300-\u036f]", "", letters).split()


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), TEXT)
@example(["Ann Lee", "Lee Ann Bo"], ["Bo", "ann", "Lee"])
def test_names_are_found_exactly_where_a_plain_search_finds_them(tmp_path_factory, names, words):
    """Every run of neighbouring words is compared with every name, as sets of words that may repeat."""
    folder = tmp_path_factory.mktemp("names")
    known = identifiers(folder, [(name,) for name in names], {"name": "name"})
    sought = [
        sorted(plain(name))
        for name in names
        if len("".join(plain(name))) > 5 and max(map(len, plain(name))) > 2
    ]
    expected = {
        " ".join(words[first:last])
        for first in range(len(words))
        for last in range(first + 2, len(words) + 1)
        if sorted(plain(" ".join(words[first:last]))) in sought
    }
    assert set(known.find(" ".join(words))) == expected


def test_the_file_holds_no_letter_of_anybody_and_only_the_key_opens_it(tmp_path):
    """Numbers and counts of words; with another key nothing is found."""
    stranger = identifiers(tmp_path, PEOPLE, key=b"the key of another client......")
    assert stranger.find("Ann Lee, Cher, 8877665, 030-1234567") == []
    table = pq.read_table(tmp_path / "identifiers.parquet")
    assert [str(field.type) for field in table.schema] == ["uint64", "uint8"]
    content = (tmp_path / "identifiers.parquet").read_bytes().lower()
    for word in (b"ller", b"cher", b"8877665", b"1234567", b"zweckform", KEY.lower()):
        assert word not in content


def test_collecting_twice_adds_up_without_repeats(tmp_path):
    """Two sources of the same people give the same fingerprints once."""
    with duckdb.connect() as connection:
        for name in ("crm", "erp"):
            connection.execute(
                f"create temp table {name} as select 'Ann Lee' as who union all select 'Ann Lee'"
            )
            collect(connection, name, {"who": "name"}, KEY)
        write(connection, tmp_path / "both.parquet")
    assert pq.read_table(tmp_path / "both.parquet").num_rows == 3  # the name and its two words
    assert len(Identifiers.load(tmp_path / "both.parquet", KEY)) == 1


CELLS = st.none() | st.text("aéB1 @-", max_size=12) | NAMES


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=30), st.integers(1, 7))
def test_chunks_make_no_difference(rows, size):
    """The same fingerprints whether the values come a few at a time or at once, and nothing is left behind."""
    found = []
    for chunk in (size, 10_000):
        with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
            patch.setattr("playbook.intake.identifiers.CHUNK", chunk)
            connection.execute("create temp table people (name varchar, phone varchar)")
            connection.executemany("insert into people values (?, ?)", [*rows, (None, None)])
            table = collect(connection, "people", {"name": "name", "phone": "phone"}, KEY)
            found.append(set(connection.execute(f"select * from {table}").fetchall()))
            tables = connection.execute("select table_name from duckdb_tables()").fetchall()
            assert sorted(tables) == [("identifiers",), ("people",)]
    assert found[0] == found[1]


def test_memory_does_not_grow_with_the_values():
    """Four times as many names take no more of Python's memory."""

    def peak(names: int) -> int:
        with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
            patch.setattr("playbook.intake.identifiers.CHUNK", 500)
            patch.setattr("playbook.intake.identifiers.COMMON_WORDS", 500)
            people = f"(select 'First' || i || ' Sur' || i as name from range({names}) t(i))"
            tracemalloc.start()
            collect(connection, people, {"name": "name"}, KEY)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    peak(500)  # imports
    assert peak(8000) < 1.3 * peak(2000)


def test_nothing_collected_is_a_file_in_which_nothing_is_found(tmp_path):
    """A client whose exports name nobody."""
    assert identifiers(tmp_path, [(None,)], {"name": "name"}).find("Ann Lee") == []


@pytest.mark.parametrize("content", [None, b"no parquet"])
def test_a_file_that_cannot_be_read_is_said_in_one_line(tmp_path, content):
    """Missing or broken: the gate must not take that for nobody."""
    if content:
        (tmp_path / "i.parquet").write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be read .* take the exports in again") as caught:
        Identifiers.load(tmp_path / "i.parquet", KEY)
    assert "\n" not in str(caught.value)
