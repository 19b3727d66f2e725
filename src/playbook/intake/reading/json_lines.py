"""JSON: one object a line, or one array of objects; nested objects become columns `a.b`, lists stay JSON text.

A line that cannot be read is a damaged row: its text stands in the first column.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from playbook.errors import MappingError
from playbook.intake.reading import BLANKS
from playbook.intake.reading.rows import Row, fill, named, number_text

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.mapping import Source

CHUNK, LONGEST = 2**20, 2**26  # characters: read at a time; an object of an array at most
TOLD = 10_000  # rows between two words to the progress bar
BETWEEN, BORDER = re.compile(r"[\s,]*"), re.compile(r"\}\s*,\s*(?=\{)")
LONE = re.compile("[\ud800-\udfff]")  # half a character: no encoding gives it, an escape like \ud800 does
MARK = "\udcff"  # such a half stands for bytes that are no text
TRUNCATED = "file ends in the middle of this row"
BROKEN = "not a JSON object"


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None],
) -> tuple[list[str], str]:
    """Read a JSON file into the table `target`; see `playbook.intake.reading`.

    The columns are the keys of all objects, in the order in which they are first met.

    Raises
    ------
    MappingError
        When it holds no object that can be read.
    """
    codecs.register_error("playbook-mark", lambda error: (MARK, error.end))  # type: ignore[attr-defined]
    encoding = source.dialect.encoding or _encoding(path)
    places: dict[str, int] = {}
    names: list[str] = []
    notes: list[str] = []
    with path.open(encoding=encoding, errors="playbook-mark", newline="") as handle:
        is_array = re.match(r"\s*\[\s*(\{|\]|$)", handle.read(CHUNK)) is not None
        handle.seek(0)
        texts = _told(_elements(handle, notes) if is_array else _lines(handle), handle, tick)
        fill(connection, target, names, (_row(text, whole, places, names) for text, whole in texts))
    if not places:
        connection.execute(f"drop table {target}")
        raise MappingError(
            f"{path}: holds no JSON object that can be read; expected one on each line, or an array"
        )
    form = f"JSON {'array' if is_array else 'lines'}, {encoding.upper().removesuffix('-SIG')}"
    return named(names), ", ".join([form, *notes])


def _encoding(path: Path) -> str:
    with path.open("rb") as handle:
        start = handle.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    # A JSON text begins with an ASCII character.
    return {b"\0": "utf-16-be"}.get(start[:1], "utf-16-le" if start[1:] == b"\0" else "utf-8-sig")


def _told(
    texts: Iterator[tuple[str, bool]], handle: IO[str], tick: Callable[[int], None]
) -> Iterator[tuple[str, bool]]:
    """Pass the texts on, and tell how many bytes were read for them."""
    told = 0
    for number, text in enumerate(texts, start=1):
        yield text
        if number % TOLD == 0:
            place = handle.buffer.tell()  # type: ignore[attr-defined]
            tick(place - told)
            told = place
    tick(handle.buffer.tell() - told)  # type: ignore[attr-defined]


def _lines(handle: IO[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line that is not blank, and whether its end is there."""
    for line in handle:
        if text := line.strip(BLANKS):
            yield text, line.endswith(("\n", "\r"))


def _elements(handle: IO[str], notes: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield the text of each element of an array, and whether its end is there."""
    decode = json.JSONDecoder().raw_decode
    buffer, more = handle.read(CHUNK), True
    place = buffer.index("[") + 1
    while True:
        place = BETWEEN.match(buffer, place).end()  # type: ignore[union-attr]
        closed = buffer[place : place + 1] == "]"
        end, stuck = None, place
        try:
            _, end = decode(buffer, place)
        except (ValueError, RecursionError) as error:
            stuck = getattr(error, "pos", place)
        if not closed and (end is None or end == len(buffer)) and more and len(buffer) - place < LONGEST:
            read = handle.read(max(CHUNK, len(buffer) - place))
            buffer, place, more = buffer[place:] + read, 0, bool(read)
        elif closed or place == len(buffer):
            if not closed:
                notes.append("the end of the array is missing")
            elif rest := (buffer[place + 1 :] + handle.read()).strip(BLANKS):
                yield rest, True
            return
        elif end is not None:
            yield buffer[place:end], True
            place = end
        elif border := BORDER.search(buffer, stuck):  # broken: it ends where the next object seems to begin
            yield buffer[place : border.start() + 1], True
            place = border.end()
        else:
            text = buffer[place:].rstrip(BLANKS)
            yield text.removesuffix("]").rstrip(BLANKS), text.endswith("]")
            return


def _row(text: str, whole: bool, places: dict[str, int], names: list[str]) -> Row:
    """Return the cells of one object; a key that is new gets the next place and name."""
    damage = "damaged characters" if MARK in text else None
    try:
        value = DECODE(LONE.sub("\ufffd", text) if damage else text)
        if not isinstance(value, dict):
            raise ValueError
        flat: dict[str, str | None] = {}
        _flatten("", value, flat)
    except _KeyTwice:
        return "a key stands twice", [LONE.sub("\ufffd", text)]
    except (ValueError, RecursionError):
        return BROKEN if whole else TRUNCATED, [LONE.sub("\ufffd", text)]
    cells: list[str | None] = [None] * len(places)
    escaped = "\\u" in text
    for key, cell in flat.items():
        if escaped and LONE.search(key + (cell or "")):
            damage = "damaged characters"
            key, cell = LONE.sub("\ufffd", key), LONE.sub("\ufffd", cell or "")
        if key not in places:
            places[key] = len(places)
            names.append(key)
            cells.append(None)
        cells[places[key]] = cell
    return damage, cells


class _KeyTwice(Exception):
    """An object has two values under one key."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _KeyTwice
    return values


DECODE = json.JSONDecoder(object_pairs_hook=_object).decode


def _flatten(above: str, values: dict[str, Any], flat: dict[str, str | None]) -> None:
    """Put the texts of an object's values into `flat`, those of nested objects under `key.key`."""
    for key, value in values.items():
        name = above + key
        if isinstance(value, dict):
            _flatten(f"{name}.", value, flat)
        elif name in flat:
            raise _KeyTwice
        else:
            flat[name] = value if isinstance(value, str) else _text(value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None if value is None else "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    return (
        str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    )
