"""Taking in a client's exports: every row is accepted into canonical tables, or quarantined with a reason."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError, nearest
from playbook.intake import cells, confidential, identifiers, pseudonyms, quarantine, reading, telling
from playbook.intake.lines import SourceDesk
from playbook.intake.mapping import ClientMapping, read_mapping
from playbook.intake.records import TableDesk, sort_out
from playbook.intake.report import REPORT, FileReport, IntakeReport, SourceReport
from playbook.store.sqltext import literal
from playbook.store.writing import Draft, Part, file_hash, store_draft

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"  # of DuckDB; what does not fit goes to the scratch folder
# What such a column holds. A 'name' may be a thing's: not taken.
LOST = 0.05  # share of a source's rows; a reason that costs more is rather a wrong mapping than dirt
DATA = re.compile(
    r"[^@\s]+@[^@\s]+\.[^@\s]+|[-+]?\d+([.,]\d+)?|\d{4}-\d\d-\d\d.*"
)  # such as no column is called
Tell = Callable[[str, int], None]


def _silent(step: str, done: int) -> None:
    """Tell nobody."""


def take_in(
    mapping_path: str | Path,
    store_path: str | Path,
    *,
    name: str,
    key: bytes | None = None,
    extra: Mapping[str, Any] | None = None,
    quarantine_to: str | Path | None = None,
    tell: Tell = _silent,
) -> IntakeReport:
    """Write a client's exports as a store, replacing what is at `store_path` only when all went well.

    The store also holds `intake.json` (the report) and `quarantine.parquet` (the rows that are in no table). The same
    rows are written for the client, one CSV file a source; mended, they are put into `corrections/` beside the mapping.

    Parameters
    ----------
    mapping_path : path
        The mapping's YAML file; the exports it names are looked for beside it.
    store_path : path
        Folder to write.
    name : str
        The client's name.
    key : bytes, optional
        Makes the pseudonyms; the client's own unless given, see `playbook.intake.pseudonyms.key_of`.
    extra : dict, optional
        Kept in the store's info as well.
    quarantine_to : path, optional
        Folder of what is for the client alone, in clear text; `quarantine/` beside the mapping unless told.
    tell : callable
        Told what is being done, and how many more bytes or rows of it are done.

    Raises
    ------
    MappingError
        When the mapping is wrong, or an export is missing, cannot be read or lacks a column.
    """
    mapping_path = Path(mapping_path)
    mapping = read_mapping(mapping_path)
    private = Path(quarantine_to or mapping_path.parent / "quarantine")
    key = key or pseudonyms.key_of(name)
    info = {"kind": "client", "name": name, **(extra or {})}
    with _desk() as (connection, scratch):
        pseudonyms.register(connection, key)
        loaded = _load(connection, mapping, mapping_path, scratch, tell)
        people = _resolve_identities(connection, mapping, loaded, private, tell)
        desks = _sort_rows(connection, mapping, loaded, tell)
        tables = [
            TableDesk(connection, table, [part for part in mapping.parts() if part.name == table], desks)
            for table in mapping.tables
        ]
        tell("sorting records", 0)
        sort_out(desks, tables)
        sources = tuple(_source_report(desk, loaded[source], desks) for source, desk in desks.items())
        for desk in desks.values():
            quarantine.write_for_client(desk, private)
        quarantine.remove_others(private, list(desks))
        with store_draft(store_path, info) as draft:
            for table in tables:
                tell(f"writing {table.name}", 0)
                draft.add([_write(connection, mapping, table, draft)])
            queries = [
                f"select * from ({quarantine.aside_rows(desk, telling.shown(desk))})"
                for desk in desks.values()
            ]
            _copy(connection, " union all ".join(queries), draft.path / quarantine.TABLE)
            telling.write_identifiers(connection, desks, key, draft.path / identifiers.FILE)
            made = {part.table: part.rows for part in draft.parts}
            kept = mapping.confidential.keep == "all"
            fingerprint = None if kept else pseudonyms.fingerprint(key)
            report = IntakeReport(name, sources, dict(sorted(made.items())), fingerprint, people)
            (draft.path / REPORT).write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return report


@contextmanager
def _desk() -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Yield a database on disk in a folder that nobody else can read, and the folder; both go when all is done."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="playbook-intake-") as folder:
        scratch = Path(folder)
        with duckdb.connect(scratch / "desk.duckdb") as connection:
            connection.execute(f"set memory_limit = '{MEMORY}'")
            connection.execute(f"set threads = {min(os.cpu_count() or 1, 4)}")
            connection.execute(f"set temp_directory = {literal((scratch / 'spill').as_posix())}")
            connection.execute("set enable_progress_bar = false")
            yield connection, scratch


def _load(
    connection: duckdb.DuckDBPyConnection, mapping: ClientMapping, path: Path, scratch: Path, tell: Tell
) -> dict[str, tuple[reading.Loaded, int, int]]:
    """Read each source into its `export_<n>`, mended rows in place; return what was read, corrected, and unplaced."""
    corrections = quarantine.read_corrections(connection, path.parent, scratch)
    found = {}
    for number, (name, source) in enumerate(mapping.sources.items()):

        def tick(done: int, step: str = f"reading {name}") -> None:
            tell(step, done)

        tick(0)
        try:
            loaded = reading.load(connection, source, path.parent, scratch=scratch, tick=tick)
        except MappingError as error:
            raise MappingError(f"{path}: sources.{name}: {error}") from None
        for column in source.columns:
            if column not in loaded.columns:
                raise MappingError(
                    f"{path}: sources.{name}.columns: '{source.place}' has no column '{column}'; "
                    + _what_there_is(column, loaded.columns)
                )
        files = [file.name for file in loaded.files]
        mended = quarantine.apply_corrections(connection, source, files, loaded.columns, corrections)
        connection.execute(f"alter table export rename to export_{number}")
        found[name] = (loaded, *mended)
    read = [file.name for loaded, *_ in found.values() for file in loaded.files]
    quarantine.refuse_unknown(connection, corrections, read)
    return found


def _what_there_is(column: str, columns: list[str]) -> str:
    """Return what to say of the column names of an export; not when they seem to be the cells of somebody's row."""
    if any(DATA.fullmatch(one) for one in columns):
        return "the row taken for column names seems to hold data: set 'header', or name another 'sheet'"
    return nearest(column, columns)


def _resolve_identities(
    connection: duckdb.DuckDBPyConnection,
    mapping: ClientMapping,
    loaded: Mapping[str, Any],
    private: Path,
    tell: Tell,
) -> dict[str, int]:
    """Make the table `persons`: identity (``name.records``), key, person; return how many people there are by name.

    Who is who is kept as `identities_<name>.csv` beside the client's rows, and read again next time, so that a person keeps
    the same key when records are added.
    """
    import pandas as pd

    connection.execute("create table persons (identity varchar, key varchar, person varchar)")
    numbers = {name: number for number, name in enumerate(mapping.sources)}
    people = {}
    for name, group in mapping.identities.items():
        from playbook.intake.identities import resolve

        tell(f"resolving identities of {name}", 0)
        queries = []
        for kind, records in group.items():
            source, columns = mapping.sources[records.source], loaded[records.source][0].columns
            place = {
                column: f"c{columns.index(column)}" for column in (records.key, *records.fields.values())
            }
            blanks = ", ".join(literal(one) for one in source.empty) or "''"
            place = {
                column: f"(case when {raw} not in ({blanks}) then {raw} end)" for column, raw in place.items()
            }
            key = cells.value(place[records.key], source.columns[records.key], source.dialect)
            fields = ", ".join(f"{place[column]} as {field}" for field, column in records.fields.items())
            queries.append(
                f"select {literal(kind)} as source, {key} as key, {fields} "
                f"from export_{numbers[records.source]} where damage is null and key is not null "
                "qualify row_number() over (partition by key order by file desc, row) = 1"
            )
        file = private / f"identities_{name}.csv"
        earlier = pd.read_csv(file, dtype="str") if file.is_file() else None
        resolved = resolve(connection.execute(" union all by name ".join(queries)).df(), earlier=earlier)
        private.mkdir(parents=True, exist_ok=True)
        resolved[["source", "key", "person"]].to_csv(file, index=False)
        resolved["identity"] = name + "." + resolved["source"]
        connection.execute("insert into persons select identity, key, person::varchar from resolved")
        people[name] = int(resolved["person"].nunique())
    return people


def _sort_rows(
    connection: duckdb.DuckDBPyConnection, mapping: ClientMapping, loaded: Mapping[str, Any], tell: Tell
) -> dict[str, SourceDesk]:
    """Set aside what is wrong with rows by themselves, source by source; return the desks in the mapping's order."""
    desks: dict[str, SourceDesk] = {}
    numbers = {name: number for number, name in enumerate(mapping.sources)}
    for name in mapping.order():
        tell(f"sorting {name}", 0)
        read = loaded[name][0]
        files = [file.name for file in read.files]
        desks[name] = SourceDesk(connection, mapping, name, numbers[name], read.columns, files)
        desks[name].make_lines(desks)
        desks[name].sort_rows(mapping.parts_of(name))
    return {name: desks[name] for name in mapping.sources}


def _write(
    connection: duckdb.DuckDBPyConnection, mapping: ClientMapping, table: TableDesk, draft: Draft
) -> Part:
    """Write a canonical table, with pseudonyms; the order of its rows follows from the exports alone."""
    declared = table.canonical
    hidden = confidential.hidden(declared, lambda column: mapping.confidential.keeps(table.name, column))
    columns = []
    for c in declared.columns:
        value = hidden.get(c.name, c.name)
        if c.kind == "flag":
            value = f"coalesce({value}, false)"  # a flag that no export knows is false
        columns.append(f"{value} as {c.name}")
    # Records of several rows not by their clear keys: the order would tell something about them.
    order = ", ".join(str(i + 1) for i, c in enumerate(declared.columns) if c.name in declared.key)
    query = f"select {', '.join(columns)} from made_{table.name} order by {order if table.per_key else 'part, id'}"
    file = draft.path / f"{table.name}.parquet"
    rows = _copy(connection, query, file)
    return Part(table.name, file.name, rows, file_hash(file))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    to = f"{literal(file.as_posix())} (format parquet, compression zstd, compression_level 1)"
    return connection.execute(f"copy ({query}) to {to}").fetchall()[0][0]


def _source_report(
    desk: SourceDesk, read: tuple[reading.Loaded, int, int], desks: Mapping[str, SourceDesk]
) -> SourceReport:
    loaded, corrected, unplaced = read
    query = f"select cause, damage, count(*) from aside_{desk.number} join line_{desk.number} using (id) group by all"
    reasons: Counter[str] = Counter()
    for cause, damage, rows in desk.connection.execute(query).fetchall():
        reasons[damage if cause == 0 else desk.causes[cause].reason] += rows
    return SourceReport(
        name=desk.name,
        file=desk.source.place,
        files=tuple(FileReport(one.name, one.sha256, one.rows, one.note) for one in loaded.files),
        rows=desk.rows,
        accepted=desk.rows - desk.kept_aside,
        quarantined=dict(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))),
        corrected=corrected,
        unplaced=unplaced,
        hints=tuple(_hints(desk, desks)) if any(n > LOST * desk.rows for n in reasons.values()) else (),
    )


def _hints(desk: SourceDesk, desks: Mapping[str, SourceDesk]) -> list[str]:
    """Return what the data say against the mapping of a source that loses many rows to one reason."""
    from playbook.intake.proposing.explaining import explain

    others = {name: (other.export, other.columns) for name, other in desks.items()}
    return explain(
        desk.connection, desk.mapping, desk.name, desk.columns, relation=desk.export, others=others
    )


def source_files(mapping_path: str | Path) -> list[Path]:
    """Return the files that an intake reads: exports, and rows that the client has mended.

    Raises
    ------
    MappingError
        When the mapping is wrong, or a file is not there.
    """
    mapping_path = Path(mapping_path)
    found = []
    for name, source in read_mapping(mapping_path).sources.items():
        try:
            found += reading.source_paths(source, mapping_path.parent)
        except MappingError as error:
            raise MappingError(f"{mapping_path}: sources.{name}.file: {error}") from None
    return list(dict.fromkeys(found)) + quarantine.correction_files(mapping_path.parent)
