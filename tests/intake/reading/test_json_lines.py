"""JSON lines and arrays as sources."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.reading.json_lines import load

from .sources import exported, plain_source

KEYS = st.sampled_from(["id", "name", "größe", "a b"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
)
OBJECTS = st.dictionaries(KEYS, SCALARS | st.dictionaries(KEYS, SCALARS) | st.lists(SCALARS, max_size=3))


def read(folder: Path, content: bytes, name: str = "tickets.jsonl") -> tuple[list[str], list, str]:
    (folder / name).write_bytes(content)
    return exported(load, folder / name, plain_source(), folder)


def flat(value: dict, above: str = "") -> dict:
    """The oracle: the cells of an object, by the README's words."""
    cells = {}
    for key, one in value.items():
        if isinstance(one, dict):
            cells |= flat(one, f"{above}{key}.")
        elif isinstance(one, float):
            whole = abs(one) < 2**53 and one.is_integer()
            cells[above + key] = None if one != one else str(int(one)) if whole else repr(one)
        elif one is not None:
            text = one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, separators=(",", ":"))
            cells[above + key] = text.strip(" \t\n\r\xa0") or None
    return cells


def seen(columns: list[str], row: tuple) -> dict:
    return {name: cell for name, cell in zip(columns, row[2:], strict=True) if cell is not None}


@settings(max_examples=40)
@given(
    st.lists(OBJECTS, min_size=1, max_size=6), st.sampled_from(["lines", "array", "pretty"]), st.booleans()
)
def test_every_object_becomes_its_cells(tmp_path_factory, objects, form, ascii_only):
    """Whatever the form, the cells are those of the plain JSON values, in the order of the file."""
    if form == "lines":
        text = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in objects)
    else:
        text = json.dumps(objects, ensure_ascii=ascii_only, indent=2 if form == "pretty" else None)
    folder = tmp_path_factory.mktemp("json")
    expected = [{k: v for k, v in flat(one).items() if v is not None} for one in objects]
    if not any(
        key for one in objects for key in flat({**one, **{k: 1 for k, v in one.items() if v is None}})
    ):
        with pytest.raises(MappingError):
            read(folder, text.encode())
        return
    columns, rows, _ = read(folder, text.encode())
    assert [row[:2] for row in rows] == [(i, None) for i in range(1, len(objects) + 1)]
    assert [seen(columns, row) for row in rows] == expected


def test_a_nested_object_becomes_columns_and_a_list_stays(tmp_path):
    """Keys that come later are columns too; earlier rows have nothing there."""
    columns, rows, note = read(
        tmp_path,
        b'{"id": "007", "from": {"mail": "a@b", "org": {"no": 3}}}\n\n{"id": 8.50, "tags": ["x", 1]}\n',
    )
    assert columns == ["id", "from.mail", "from.org.no", "tags"]
    assert rows == [(1, None, "007", "a@b", "3", None), (2, None, "8.5", None, None, '["x",1]')]
    assert note == "JSON lines, UTF-8"


def test_a_broken_line_is_one_damaged_row(tmp_path):
    """Its text stands in the first column, and the lines around it are as they were."""
    lines = [
        b'{"id": 1, "n": "a"}',
        b'{"id": 2, "n": "b"',
        b"[3]",
        b'{"id": 4, "id": 5}',
        b'{"id": 6, "n": "M\xfcller"}',
    ]
    columns, rows, _ = read(
        tmp_path, b"\r\n".join([*lines, b'{"id": 7, "n": "c"}', b'{"id": 8, "n": "Schul'])
    )
    assert columns == ["id", "n"]
    assert rows == [
        (1, None, "1", "a"),
        (2, "not a JSON object", '{"id": 2, "n": "b"', None),
        (3, "not a JSON object", "[3]", None),
        (4, "a key stands twice", '{"id": 4, "id": 5}', None),
        (5, "damaged characters", "6", "M\ufffdller"),
        (6, None, "7", "c"),
        (7, "file ends in the middle of this row", '{"id": 8, "n": "Schul', None),
    ]


def test_half_a_character_damages_its_row(tmp_path):
    r"""An escape like \ud800 alone is no character; a pair of them is one."""
    _, rows, _ = read(tmp_path, b'{"a": "x\\ud800"}\n{"a": "\\ud83d\\ude00"}\n')
    assert rows == [(1, "damaged characters", "x\ufffd"), (2, None, "\U0001f600")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_other_unicode_encodings_are_found_out(tmp_path, encoding):
    """With a byte-order mark, or by the noughts between the letters."""
    columns, rows, _ = read(tmp_path, '{"größe": "ä€"}\n{"größe": 1}\n'.encode(encoding))
    assert (columns, rows) == (["größe"], [(1, None, "ä€"), (2, None, "1")])


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_line_does_not_touch_the_others(tmp_path_factory, data):
    """Random bytes other than line breaks in one line: as many rows as before, and the others unchanged."""
    lines = [json.dumps({"id": i, "name": f"n{i}", "size": i / 4}).encode() for i in range(1, 6)]
    noise = data.draw(
        st.binary(min_size=1, max_size=8).filter(lambda b: not set(b) & set(b"\r\n\0") and b.strip())
    )
    hit, place = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 20))
    lines[hit] = lines[hit][:place] + noise + lines[hit][place:]
    columns, rows, _ = read(tmp_path_factory.mktemp("json"), b"\n".join(lines) + b"\n")
    assert len(rows) == len(lines)
    for i, row in enumerate(rows):
        if i != hit:
            assert seen(columns, row) == flat(json.loads(lines[i]))


def test_a_broken_object_of_an_array_is_one_damaged_row(tmp_path):
    """Reading goes on where the next object seems to begin; a missing end is noted."""
    text = b'[{"id": 1, "p": [{"q": 1}, {"q": 2}]}, {"id": 2, "p": oops}, {"id": 3}, {"id": "4'
    columns, rows, note = read(tmp_path, text, "tickets.json")
    assert columns == ["id", "p"]
    assert rows == [
        (1, None, "1", '[{"q":1},{"q":2}]'),
        (2, "not a JSON object", '{"id": 2, "p": oops}', None),
        (3, None, "3", None),
        (4, "file ends in the middle of this row", '{"id": "4', None),
    ]
    assert note == "JSON array, UTF-8"
    _, rows, note = read(tmp_path, b'[{"id": 1}, {"id": 2},', "cut.json")
    assert len(rows) == 2
    assert note == "JSON array, UTF-8, the end of the array is missing"


def test_an_array_larger_than_what_is_read_at_a_time(tmp_path):
    """Objects across the borders of the pieces are whole, among them one of three million characters."""
    objects = [{"id": i, "text": "x" * (3_000_000 if i == 500 else 900)} for i in range(3_000)]
    _, rows, _ = read(tmp_path, json.dumps(objects).encode(), "big.json")
    assert [(row[2], len(row[3])) for row in rows] == [(str(o["id"]), len(o["text"])) for o in objects]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a,b\n1,2\n", b"{\n", b"[]", b"[1, 2]", b"\x00\xff\x00"])
def test_a_file_without_objects_is_refused(tmp_path, content):
    """One line that names the file and what was expected."""
    with pytest.raises(MappingError, match=r"tickets\.jsonl: holds no JSON object"):
        read(tmp_path, content)


def test_the_bar_is_told_every_byte(tmp_path):
    """The ticks add up to the size of the file."""
    path = tmp_path / "many.jsonl"
    path.write_bytes(b'{"id": 1}\n' * 25_000)
    import duckdb

    told: list[int] = []
    with duckdb.connect() as connection:
        load(connection, path, plain_source(), "export", scratch=tmp_path, tick=told.append)
    assert sum(told) == path.stat().st_size
    assert len(told) == 3
