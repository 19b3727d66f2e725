"""The exports in a folder, and a sample of each: enough to see what they hold, however big they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError
from playbook.intake.mapping.sources import Dialect, Source
from playbook.intake.proposing.heads import HEAD, ROWS, opened, parquet_head, text_head
from playbook.intake.reading import format_of, load

if TYPE_CHECKING:
    import duckdb

FILES = 12  # read of a series of deliveries: the first and the last ones
TOP = 40  # rows at the top of a sheet in which its header is looked for


@dataclass(frozen=True)
class Export:
    """One source of a mapping to be, and its sample.

    Parameters
    ----------
    name : str
        What the source will be called.
    place : dict
        Keys of the mapping that say where it is: file, sheet, header, connection, table.
    relation : str
        Table of the connection that holds the sample, as `playbook.intake.reading.load` makes it.
    columns : list of str
        Its column names, in the order of c0, c1 ...
    rows : int
        In the sample.
    whole : bool
        The sample is all there is.
    note : str
        What the reader found out about the file.
    """

    name: str
    place: dict[str, Any]
    relation: str
    columns: list[str]
    rows: int
    whole: bool
    note: str


def take_samples(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], databases: Sequence[str], *, scratch: Path
) -> tuple[list[Export], list[str]]:
    """Read a sample of every export into the connection.

    Parameters
    ----------
    connection : DuckDB connection
        Gets a table for each export.
    files : sequence of path
        All in one folder.
    databases : sequence of str
        Names of environment variables that hold the address of a PostgreSQL database.
    scratch : path
        Folder for the heads of big files.

    Returns
    -------
    exports : list of Export
    unread : list of str
        What could not be read, one line each.
    """
    exports: list[Export] = []
    unread: list[str] = []
    names: set[str] = set()
    for label, place, sample, folder, whole in _places(connection, files, databases, scratch, unread):
        name = _unused(_slug(label), names)
        try:
            loaded = load(connection, Source.model_construct(**sample), folder, scratch=scratch)
        except MappingError as error:
            connection.execute("drop table if exists export")
            unread.append(str(error).replace(f"{scratch}/", "").replace(f"{folder}/", ""))
            continue
        relation = f"sample_{len(exports)}"
        connection.execute(f"alter table export rename to {relation}")
        rows = sum(file.rows for file in loaded.files)
        names.add(name)
        exports.append(Export(name, place, relation, loaded.columns, rows, whole, loaded.files[0].note))
    return exports, unread


Place = tuple[str, dict[str, Any], dict[str, Any], Path, bool]


def _places(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    databases: Sequence[str],
    scratch: Path,
    unread: list[str],
) -> Iterator[Place]:
    """Yield each export: a label, its place for the mapping, how to read a sample of it, where, and if that is all."""
    usable = []
    for path in files:
        try:
            usable.append((format_of(path), path))
        except MappingError:
            unread.append(f"{path.name}: no export (format not known by its name)")
    for kind, path in usable:
        try:
            if kind == "workbooks":
                yield from _sheets(path)
            elif kind == "databases":
                yield from _sqlite(connection, path, scratch)
        except MappingError as error:
            unread.append(str(error).replace(f"{path.parent}/", ""))
    texts = [(kind, path) for kind, path in usable if kind not in ("workbooks", "databases")]
    for kind, group in _deliveries(connection, texts, scratch, unread):
        yield _series(connection, kind, group, scratch, [path for _, path in texts])
    for variable in databases:
        yield from _postgres(connection, variable, scratch)


def _source(**keys: Any) -> dict[str, Any]:
    """Return the keys of a Source that is not checked: a sample has no columns declared."""
    empty = {"sheet": None, "connection": None, "table": None, "query": None}
    return {
        "file": [],
        **empty,
        "header": 1,
        "dialect": Dialect(),
        "columns": {},
        "key": [],
        "empty": [],
        **keys,
    }


def _skeleton(path: Path) -> str:
    """Return a file's name without its dates and numbers: deliveries of one series share it."""
    return re.sub(r"[\W_]*\d+([\W_]*\d+)*", "#", path.name.lower())


def _deliveries(
    connection: duckdb.DuckDBPyConnection, texts: list[tuple[str, Path]], scratch: Path, unread: list[str]
) -> Iterator[tuple[str, list[tuple[Path, int]]]]:
    """Yield the files of each series with the row of their header: alike in name and, mostly, in columns."""
    ordered = sorted(texts, key=lambda one: (one[0], _skeleton(one[1]), one[1].name))
    for (kind, skeleton), members in groupby(ordered, key=lambda one: (one[0], _skeleton(one[1]))):
        series: list[tuple[frozenset[str], list[tuple[Path, int]]]] = []
        for _, path in members:
            header = _header_row(path) if kind == "csv_files" else 1
            try:
                columns = _columns(connection, kind, path, header, scratch)
            except MappingError as error:
                unread.append(str(error).replace(f"{scratch}/", "").replace(f"{path.parent}/", ""))
                continue
            same = (
                group
                for known, group in series
                if "#" in skeleton
                and group[0][1] == header
                and 2 * len(columns & known) > len(columns | known)
            )
            group = next(same, None)
            if group is None:
                series.append((columns, [(path, header)]))
            else:
                group.append((path, header))
        for _, group in series:
            yield kind, group


def _columns(
    connection: duckdb.DuckDBPyConnection, kind: str, path: Path, header: int, scratch: Path
) -> frozenset[str]:
    if kind == "parquet_files":
        import pyarrow.parquet as pq

        try:
            return frozenset(pq.read_schema(path).names)
        except (OSError, ValueError) as error:
            raise MappingError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None
    file = text_head(path, 2**16, scratch / "top")
    source = Source.model_construct(**_source(file=[file.name], header=header))
    try:
        return frozenset(load(connection, source, file.parent, scratch=scratch).columns)
    finally:
        connection.execute("drop table if exists export")


def _header_row(path: Path) -> int:
    """Return the row of a text file that holds its column names, from 1."""
    from playbook.intake.reading import dialects

    with opened(path) as handle:
        return dialects.find(handle.read(2**18)).header


def _series(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    group: list[tuple[Path, int]],
    scratch: Path,
    everything: list[Path],
) -> Place:
    paths, header = [path for path, _ in group], group[0][1]
    place: dict[str, Any] = {"file": _pattern(paths, everything)}
    if header > 1:
        place["header"] = header
    chosen = paths if len(paths) <= FILES else paths[: FILES // 2] + paths[-FILES // 2 :]
    folder = scratch / f"heads_{_slug(paths[0].name)}"
    if kind == "parquet_files":
        heads = [parquet_head(connection, path, folder) for path in chosen]
    else:
        heads = [text_head(path, max(HEAD // len(chosen), 2**20), folder) for path in chosen]
    whole = heads == paths or (chosen == paths and all(p.suffix.lower() == ".gz" for p in paths))
    label = re.sub(r"[\W_]*\d[\W\d_]*$", "", paths[0].name.split(".")[0]) or paths[0].stem
    # Names without the folder are found there; a path of the scratch folder is absolute.
    return label, place, _source(file=[str(head) for head in heads], header=header), paths[0].parent, whole


def _pattern(paths: list[Path], everything: list[Path]) -> str | list[str]:
    """Return a name or pattern that fits these files and no others, or else their names."""
    names = [path.name for path in paths]
    if len(names) == 1:
        return names[0]
    start = re.match(r"[^\d\[\]*?]*", names[0])[0]  # type: ignore[index]
    end = re.search(r"[^\d\[\]*?]*$", names[0])[0]  # type: ignore[index]
    fitting = {p.name for p in everything if p.name.startswith(start) and p.name.endswith(end)}
    return f"{start}*{end}" if start and fitting == set(names) else names


def _sheets(path: Path) -> Iterator[Place]:
    """Yield the sheets of a workbook; those with the same columns are one export."""
    found: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for sheet, header, columns in sheet_tops(path):
        found.setdefault((header, columns), []).append(sheet)
    for (header, _), sheets in found.items():
        place: dict[str, Any] = {"file": path.name, "sheet": sheets[0] if len(sheets) == 1 else sheets}
        if header > 1:
            place["header"] = header
        label = (
            sheets[0]
            if not re.fullmatch(r"(?i)(sheet|tabelle|feuil|hoja|blad)\s*\d*", sheets[0])
            else path.stem
        )
        yield label, place, _source(**place | {"file": [path.name]}), path.parent, True


def sheet_tops(path: Path) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield each sheet of a workbook that holds a table: its name, the row of its header from 1, its column names.

    The header is the first row with most cells filled that are all texts.

    Raises
    ------
    MappingError
        When it is no workbook, or is locked.
    """
    from playbook.intake.reading.workbooks import opened as opened_book

    with opened_book(path) as book:
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            rows = sheet.to_python(skip_empty_area=False, nrows=TOP)
            texts = [
                [cell for cell in row if isinstance(cell, str) and cell.strip()]
                if all(isinstance(cell, str) for cell in row)
                else []
                for row in rows
            ]
            most = max(map(len, texts), default=0)
            if most:
                at = next(i for i, row in enumerate(texts) if len(row) == most)
                yield name, at + 1, tuple(texts[at])


def _sqlite(connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Iterator[Place]:
    listing = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
    for (table,) in _listed(connection, _source(file=[path.name], query=listing), path.parent, scratch):
        quoted = table.replace('"', '""')
        query = f'select * from "{quoted}" limit {ROWS}'
        place = {"file": path.name, "table": table}
        yield table, place, _source(file=[path.name], query=query), path.parent, False


def _postgres(connection: duckdb.DuckDBPyConnection, variable: str, scratch: Path) -> Iterator[Place]:
    listing = (
        "select table_schema, table_name from information_schema.tables "
        "where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"
    )
    for schema, table in _listed(connection, _source(connection=variable, query=listing), scratch, scratch):
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table))
        place = {"connection": variable, "table": f"{schema}.{table}"}
        sample = _source(connection=variable, query=f"select * from {quoted} limit {ROWS}")
        yield table, place, sample, scratch, False


def _listed(
    connection: duckdb.DuckDBPyConnection, source: dict[str, Any], folder: Path, scratch: Path
) -> list[tuple[str, ...]]:
    loaded = load(connection, Source.model_construct(**source), folder, scratch=scratch)
    cells = ", ".join(f"c{i}" for i in range(len(loaded.columns)))
    rows = connection.execute(f"select {cells} from export order by row").fetchall()
    connection.execute("drop table export")
    return rows


def _slug(label: str) -> str:
    from playbook.intake.proposing.naming import fold

    return re.sub(r"\W+", "_", fold(label)).strip("_") or "export"


def _unused(name: str, names: Iterable[str]) -> str:
    taken = set(names)
    return name if name not in taken else next(f"{name}_{i}" for i in count(2) if f"{name}_{i}" not in taken)
