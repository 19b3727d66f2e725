"""SQLite files: a table, a view or what a query selects, read without changing a byte."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError, nearest
from playbook.intake.reading.rows import Row, bytes_text, fill, named, number_text
from playbook.store.sqltext import identifier

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.mapping import Source

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None],
) -> tuple[list[str], str]:
    """Read a table or query of a SQLite file into the table `target`; see `playbook.intake.reading`.

    Raises
    ------
    MappingError
        When it is no SQLite file, or has no such table, or the query is none that only reads.
    """
    damaged: list[bool] = []
    try:
        with closing(_opened(path)) as database:
            statement = source.query or f"select * from {identifier(_table(database, path, source))}"
            database.set_authorizer(_only_reads)
            database.text_factory = lambda raw: _text(raw, damaged)
            cursor = database.execute(statement)
            if cursor.description is None:
                raise MappingError(f"{path}: the query gives no rows; expected one that begins with 'select'")
            names = named(name for name, *_ in cursor.description)
            fill(connection, target, names, _rows(cursor, damaged))
    except (sqlite3.Error, sqlite3.Warning) as error:
        connection.execute(f"drop table if exists {target}")
        raise MappingError(f"{path}: {_reason(error)}") from None
    tick(path.stat().st_size)
    return names, "SQLite"


def tables(path: Path) -> list[str]:
    """Return the names of the tables and views of a SQLite file.

    Raises
    ------
    MappingError
        When it is no SQLite file.
    """
    try:
        with closing(_opened(path)) as database:
            return _tables(database)
    except sqlite3.Error as error:
        raise MappingError(f"{path}: {_reason(error)}") from None


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _tables(database: sqlite3.Connection) -> list[str]:
    query = "select name from sqlite_master where type in ('table', 'view') order by name"
    return [name for (name,) in database.execute(query) if not name.startswith("sqlite_")]


def _table(database: sqlite3.Connection, path: Path, source: Source) -> str:
    """Return the table to read: the one that the mapping names, or the only one."""
    found = _tables(database)
    if source.table is None:
        if len(found) != 1:
            raise MappingError(f"{path}: say which 'table' to read; valid: {', '.join(found) or 'none'}")
        return found[0]
    same = [name for name in found if name.lower() == source.table.lower()]
    if not same:
        raise MappingError(f"{path}: has no table '{source.table}'; {nearest(source.table, found)}")
    return same[0]


def _rows(cursor: sqlite3.Cursor, damaged: list[bool]) -> Iterator[Row]:
    for values in cursor:
        cells = [value if isinstance(value, str) else _cell(value) for value in values]
        yield ("damaged characters" if damaged else None), cells
        damaged.clear()


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return number_text(value)
    return bytes_text(value) if isinstance(value, bytes) else str(value)


def _text(raw: bytes, damaged: list[bool]) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        damaged.append(True)
        return raw.decode("utf-8", "replace")


def _only_reads(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY


def _reason(error: Exception) -> str:
    """Return an error of SQLite as one line that says what to do."""
    text = str(error).splitlines()[0]
    if "not authorized" in text or "only execute one statement" in text:
        return "the query may only read: expected one 'select'"
    if "not a database" in text:
        return "is no SQLite file, or is encrypted"
    if "malformed" in text:
        return "the database is damaged; ask for a new copy"
    if re.match("no such|near|ambiguous|incomplete|unrecognized|wrong number", text):
        return f"the query does not fit the database: {text}"
    return f"cannot be read: {text}"
