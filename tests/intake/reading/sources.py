"""What the tests of all readers share."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb


def plain_source(**settings: Any) -> SimpleNamespace:
    """A source of the mapping, as far as a reader looks at it."""
    dialect = SimpleNamespace(encoding=None, delimiter=None, quote=None, decimal=".", thousands=None)
    given = {"file": [], "sheet": None, "header": 1, "dialect": dialect, "connection": None, "table": None}
    return SimpleNamespace(**{**given, "query": None, **settings})


def exported(
    load: Any, path: Path | None, source: Any, scratch: Path, **options: Any
) -> tuple[list[str], list, str]:
    """Read one file: the names of its columns, its rows as they are in the table, and the note."""
    place = () if path is None else (path,)
    with duckdb.connect() as connection:
        columns, note = load(
            connection, *place, source, "export", scratch=scratch, tick=lambda done: None, **options
        )
        cells = "".join(f", c{i}" for i in range(len(columns)))
        rows = connection.execute(f"select row, damage{cells} from export order by row").fetchall()
    return columns, rows, note
