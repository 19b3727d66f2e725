"""Exports become one table of text, whatever their format: each row once, with its file, its number and its damage.

Each format has a module with one door, which reads one file (or sheet, or table of a database) into a table
`target` with the columns `row` (bigint, from 1), `damage` (varchar) and `c0`, `c1` ... (varchar)::

    load(connection, path, source, target, *, scratch, tick) -> (names of c0, c1 ..., note)

`workbooks` also has ``sheets(path, source) -> names``, and its `load` takes one of them as ``sheet=``. `postgres` gets no
path: its `load` looks the address up under ``source.connection``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import MappingError, nearest
from playbook.store.writing import file_hash

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.mapping import Source

FORMATS = {
    "csv_files": (".csv", ".tsv", ".tab", ".txt", ".csv.gz", ".tsv.gz", ".tab.gz", ".txt.gz"),
    "workbooks": (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"),
    "parquet_files": (".parquet", ".pq"),
    "json_lines": (".jsonl", ".ndjson", ".json"),
    "databases": (".sqlite", ".sqlite3", ".db"),
}
BLANKS = " \t\n\r\xa0"  # around a value these do not count
TRIMMED = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"  # the same, in SQL


@dataclass(frozen=True)
class LoadedFile:
    """One file, sheet or table that was read.

    Parameters
    ----------
    name : str
        For people: the path beside the mapping, with the sheet or table.
    sha256 : str
        Of the file's bytes; of a PostgreSQL table, of the rows that it gave.
    rows : int
        Rows below the header, damaged ones included.
    note : str
        What was found out about it, e.g. "UTF-16 LE, ';'".
    """

    name: str
    sha256: str
    rows: int
    note: str


@dataclass(frozen=True)
class Loaded:
    """What the table `export` holds: the names of its columns c0, c1 ..., and the files it was read from."""

    columns: list[str]
    files: list[LoadedFile]


def load(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    folder: Path,
    *,
    scratch: Path,
    tick: Callable[[int], None] = lambda done: None,
) -> Loaded:
    """Read all files of a source into the table `export`; each of their rows is in it once.

    Its columns, by name: `file` (usmallint: place in `Loaded.files`), `row` (bigint: from 1 in each file), `damage`
    (varchar: why the row could not be read; null where it could) and `c0`, `c1` ... (varchar: the cells as text without
    the blanks around, null where nothing is left, and where a file has no such column).

    Parameters
    ----------
    connection : DuckDB connection
        Must have no table `export`.
    source : Source
        Of the mapping.
    folder : path
        Of the mapping; files are looked for here.
    scratch : path
        A folder for temporary files.
    tick : callable
        Told how many more bytes (of a file) or rows (of a database) were read.

    Raises
    ------
    MappingError
        When a file is missing, is of another format or cannot be read at all.
    """
    names: list[str] = []
    files: list[LoadedFile] = []
    for number, part in enumerate(_parts(source, folder)):
        target = "export" if number == 0 else "export_part"
        options = {} if part.sheet is None else {"sheet": part.sheet}
        reader = import_module(f"playbook.intake.reading.{part.format}")
        place = () if part.path is None else (part.path,)
        columns, note = reader.load(connection, *place, source, target, scratch=scratch, tick=tick, **options)
        if len(set(columns)) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise MappingError(
                f"{part.shown}: two columns are named '{twice}'; rename one of them in the file"
            )
        if number == 0:
            connection.execute("alter table export add column file usmallint default 0")
        else:
            _append(connection, names, columns, number)
        names += [name for name in columns if name not in names]
        rows = connection.execute("select count(*) from export where file = ?", [number]).fetchall()[0][0]
        sha256 = _rows_hash(connection, number, len(names)) if part.path is None else file_hash(part.path)
        files.append(LoadedFile(part.name, sha256, rows, note))
    return Loaded(names, files)


@dataclass(frozen=True)
class _Part:
    """One table to read: where it is, which module reads it, and its name beside the mapping (`shown`: in full)."""

    path: Path | None
    format: str
    sheet: str | None
    name: str
    shown: str


def _parts(source: Source, folder: Path) -> list[_Part]:
    if source.connection is not None:
        name = f"database {source.connection}" + (f", table {source.table}" if source.table else "")
        return [_Part(None, "postgres", None, name, name)]
    parts = []
    for path in source_paths(source, folder):
        beside = path.relative_to(folder) if path.is_relative_to(folder) else path
        kind, sheets = format_of(path), [None]
        if kind == "workbooks":
            sheets = import_module("playbook.intake.reading.workbooks").sheets(path, source)
        suffix = f", table {source.table}" if kind == "databases" and source.table else ""
        for sheet in sheets:
            end = suffix if sheet is None else f", sheet {sheet}"
            parts.append(_Part(path, kind, sheet, beside.as_posix() + end, f"{path}{end}"))
    return parts


def source_paths(source: Source, folder: Path) -> list[Path]:
    """Return the files of a source in the order of their delivery: names as listed, patterns in natural order.

    Raises
    ------
    MappingError
        When a file is not there, or a pattern fits none.
    """
    found: list[Path] = []
    for name in source.file:
        fitting = [name] if (folder / name).is_file() else sorted(_fitting(name, folder), key=_natural)
        if not fitting:
            beside = [path.name for path in (folder / name).parent.glob("*")]
            what = "fits no file" if any(sign in name for sign in "*?[") else "does not exist"
            raise MappingError(f"'{folder / name}' {what}; {nearest(Path(name).name, beside)}")
        found += [folder / one for one in fitting if folder / one not in found]
    return found


def _fitting(pattern: str, folder: Path) -> list[str]:
    names = glob(pattern, root_dir=folder, recursive=True)
    # '~$orders.xlsx' is what Excel leaves beside a workbook that is open.
    return [name for name in names if (folder / name).is_file() and not Path(name).name.startswith("~$")]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key: 'orders_2.csv' before 'orders_10.csv'."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def format_of(path: Path) -> str:
    """Return the name of the module that reads a file, by its suffix.

    Raises
    ------
    MappingError
        When none does.

    Examples
    --------
    >>> format_of(Path("Orders.2026.CSV.gz"))
    'csv_files'
    """
    for name, suffixes in FORMATS.items():
        if path.name.lower().endswith(suffixes):
            return name
    valid = ", ".join(suffix for suffixes in FORMATS.values() for suffix in suffixes)
    raise MappingError(f"{path}: cannot tell the format from the name; expected one of {valid}")


def _append(connection: duckdb.DuckDBPyConnection, names: list[str], columns: list[str], number: int) -> None:
    """Move `export_part` into `export`, by the names of their columns."""
    places = list(names)
    for name in columns:
        if name not in places:
            connection.execute(f"alter table export add column c{len(places)} varchar")
            places.append(name)
    cells = "".join(f", c{places.index(name)}" for name in columns)
    taken = "".join(f", c{i}" for i in range(len(columns)))
    connection.execute(
        f"insert into export (file, row, damage{cells}) select {number}, row, damage{taken} from export_part"
    )
    connection.execute("drop table export_part")


def _rows_hash(connection: duckdb.DuckDBPyConnection, number: int, columns: int) -> str:
    """Return a SHA-256 that changes with any cell of a file that is no file."""
    cells = ", ".join(f"c{i}" for i in range(columns))
    text = f"to_json([row::varchar, {cells}])::varchar" if columns else "row::varchar"
    query = f"select sha256(concat(count(*), ':', bit_xor(md5_number({text})))) from export where file = ?"
    return str(connection.execute(query, [number]).fetchall()[0][0])
