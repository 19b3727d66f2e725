"""Rows that were set aside: as a table beside the store, as a file that the client mends, and mended rows coming back.

A row is known by its file, its number and a hash of its cells. So a mended row takes the place of the one it was, however
often it is sent, and never the place of another.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import MappingError, nearest
from playbook.intake import cells, reading
from playbook.intake.lines import FILE_BITS, SourceDesk
from playbook.intake.mapping.sources import Dialect, Source, SourceColumn
from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb

TABLE = "quarantine.parquet"
ID, REASON, COLUMN = "playbook_row", "playbook_reason", "playbook_column"
CORRECTIONS = "corrections"  # the folder beside the mapping where mended files are put
LONGEST = 500  # letters of a value in the table; the client's file has all
# A spreadsheet takes a cell that begins like this for a formula; an apostrophe in front keeps it a text.
FORMULA = r"^[=+\-@\t\r'].*"
NUMBER = r"[-+]?[0-9.,]+"
POINT = "\ue000"  # the decimal sign of a workbook's own numbers, until the source they belong to is known
PLACE = "^(.*)#([0-9]+)#([0-9a-f]{8})$"


def _place(files: Sequence[str], cell: str) -> str:
    """Return SQL for a row's file, by the number in its id."""
    cases = " ".join(f"when {number} then {literal(name)}" for number, name in enumerate(files))
    return f"case {cell} {cases} end"


def _hash(columns: Sequence[str]) -> str:
    """Return SQL for eight letters that change when a cell of the row changes; not when a file brings more columns."""
    named = sorted((name, f"c{i}") for i, name in enumerate(columns))
    filled = [
        f"case when {cell} is not null then {literal(name)} || chr(30) || {cell} end" for name, cell in named
    ]
    return f"left(md5(concat_ws(chr(31), {', '.join(filled)})), 8)"


def aside_rows(desk: SourceDesk, hidden: dict[str, str]) -> str:
    """Return SQL for a source's rows in the quarantine.

    Columns: source, file, row (from 1, below the header), table (canonical, when that table is why), column (of the
    export), value (as it stands there), reason. `hidden` gives, by column, SQL to show in place of a value.
    """
    causes = list(enumerate(desk.causes))

    def chosen(texts: dict[int, str]) -> str:
        cases = " ".join(f"when {number} then {text}" for number, text in texts.items())
        return f"case cause {cases} end" if texts else "null"

    shown = {i: hidden.get(str(c.column), desk.raw[c.column]) for i, c in causes if c.column in desk.raw}
    reasons = {i: literal(c.reason) for i, c in causes[1:]}
    return (
        f"select {literal(desk.name)} as source, {_place(desk.files, f'(id >> {FILE_BITS})')} as file, "
        f"id & {2**FILE_BITS - 1} as row, "
        f"{chosen({i: literal(c.table) for i, c in causes if c.table})}::varchar as table, "
        f"{chosen({i: literal(c.column) for i, c in causes if c.column})}::varchar as column, "
        f"left({chosen(shown)}, {LONGEST})::varchar as value, "
        f"case when cause = 0 then damage else {chosen(reasons)} end::varchar as reason "
        f"from line_{desk.number} join aside_{desk.number} using (id) order by id"
    )


def write_for_client(desk: SourceDesk, folder: Path) -> Path | None:
    """Write a source's rows in the quarantine as a CSV file that a spreadsheet opens; return it, if there is any.

    Its first columns tell which row it is, why it was set aside and the column to look at; then come the export's own
    columns, every cell quoted and as text.
    """
    file = folder / f"{desk.name}.csv"
    if not desk.kept_aside:
        file.unlink(missing_ok=True)
        return None
    for name in (ID, REASON, COLUMN):
        if name in desk.columns:
            raise MappingError(
                f"source '{desk.name}' has a column '{name}', as the file for its quarantine; rename it in the export"
            )
    folder.mkdir(parents=True, exist_ok=True)
    causes = list(enumerate(desk.causes))
    reason = " ".join(f"when {i} then {literal(c.reason)}" for i, c in causes[1:])
    column = " ".join(f"when {i} then {literal(c.column)}" for i, c in causes if c.column)
    place = _place(desk.files, f"(id >> {FILE_BITS})")
    own = [
        f"case when regexp_matches({raw}, '{FORMULA}', 's') and not regexp_full_match({raw}, '{NUMBER}') "
        f"then '''' || {raw} else {raw} end".replace(f"'{FORMULA}'", literal(FORMULA))
        for raw in desk.raw.values()
    ]
    query = (
        f"select {place} || '#' || (id & {2**FILE_BITS - 1}) || '#' || {_hash(desk.columns)} as {ID}, "
        f"case when cause = 0 then damage{' else case cause ' + reason + ' end' if reason else ''} end as {REASON}, "
        f"{'case cause ' + column + ' end' if column else 'null'} as {COLUMN}, {', '.join(own)} "
        f"from line_{desk.number} join aside_{desk.number} using (id) order by id"
    )
    body, draft = file.with_name(file.name + ".body"), file.with_name(file.name + ".draft")
    desk.connection.execute(
        f"copy ({query}) to {literal(body.as_posix())} (format csv, header false, force_quote *, delimiter ',')"
    )
    # Its own line of names: DuckDB would rename columns that differ only in capitals.
    names = ",".join('"' + name.replace('"', '""') + '"' for name in (ID, REASON, COLUMN, *desk.raw))
    with draft.open("wb") as whole, body.open("rb") as rows:
        whole.write(f"\ufeff{names}\n".encode())  # with a mark, so that a spreadsheet reads accents right
        shutil.copyfileobj(rows, whole)
    body.unlink()
    draft.replace(file)
    return file


def remove_others(folder: Path, sources: Sequence[str]) -> None:
    """Remove the client's files of sources that the mapping no longer has: nobody should mend them."""
    for file in folder.glob("*.csv"):
        if file.stem not in sources and file.read_bytes()[:40].startswith(f'\ufeff"{ID}"'.encode()):
            file.unlink()


def refuse_unknown(
    connection: duckdb.DuckDBPyConnection, corrections: Sequence[Correction], files: Sequence[str]
) -> None:
    """Raise a MappingError when a mended row names a file that no source has."""
    known = ", ".join(literal(name) for name in files)
    for number, sent in enumerate(corrections):
        name = f"regexp_extract(c{sent.columns.index(ID)}, {literal(PLACE)}, 1)"
        query = (
            f"select row, {name} from correction_{number} where {name} not in ({known}) order by row limit 1"
        )
        for row, file in connection.execute(query).fetchall():
            raise MappingError(
                f"{sent.path}: row {row} below the header mends '{file}', which no source reads; put the export back, "
                "or take the row out"
            )


def correction_files(folder: Path) -> list[Path]:
    """Return the mended files that lie in the folder `corrections` beside a mapping."""
    place = folder / CORRECTIONS
    return sorted(
        path for path in place.glob("*") if path.is_file() and not path.name.startswith((".", "~$"))
    )


@dataclass(frozen=True)
class Correction:
    """One mended file, read into `correction_<n>`: its path, and the columns' names in the order of c0, c1 ..."""

    path: Path
    columns: list[str]


def read_corrections(connection: duckdb.DuckDBPyConnection, folder: Path, scratch: Path) -> list[Correction]:
    """Read all mended rows into the tables `correction_<n>`; return the files in `n`'s order.

    Raises
    ------
    MappingError
        When a file there is none that an intake has written, or a row of it does not say which row it mends.
    """
    found = []
    for number, path in enumerate(correction_files(folder)):
        source = Source.model_construct(
            **dict(Source(file=[f"{CORRECTIONS}/{path.name}"], columns={ID: SourceColumn(type="text")})),
        ).model_copy(update={"dialect": Dialect.model_construct(decimal=POINT)})
        loaded = reading.load(connection, source, folder, scratch=scratch)
        if ID not in loaded.columns:
            raise MappingError(
                f"{path}: has no column '{ID}'; expected a file that an intake wrote into its quarantine, mended"
            )
        place = f"c{loaded.columns.index(ID)}"
        lost = connection.execute(
            f"select row, damage from export where damage is not null or {place} is null "
            f"or not regexp_matches({place}, {literal(PLACE)}) order by row limit 1"
        ).fetchall()
        if lost:
            row, damage = lost[0]
            wrong = damage or f"its '{ID}' is not as the intake wrote it"
            raise MappingError(f"{path}: row {row} below the header: {wrong}; mend it, or take the row out")
        connection.execute(f"alter table export rename to correction_{number}")
        found.append(Correction(path, loaded.columns))
    return found


def apply_corrections(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    files: Sequence[str],
    columns: Sequence[str],
    corrections: Sequence[Correction],
) -> tuple[int, int]:
    """Put mended rows in the place of those they were in `export`; return how many, and how many fit none.

    A mended row that is sent twice counts once, the later file's; one that comes back as it was changes nothing. Columns
    that a mended file lacks stay as they were.

    Raises
    ------
    MappingError
        When a mended file calls a column of the source by another name.
    """
    if not corrections:
        return 0, 0
    known = f"({', '.join(literal(name) for name in files)})"
    parts = []
    for number, sent in enumerate(corrections):
        place = f"regexp_extract(c{sent.columns.index(ID)}, {literal(PLACE)}, ['name', 'number', 'hash'])"
        own = ", ".join(
            f"{_as_exported(f'c{sent.columns.index(name)}', name, source)} as c{i}, true as has{i}"
            if name in sent.columns
            else f"null as c{i}, false as has{i}"
            for i, name in enumerate(columns)
        )
        query = f"select {number} as sent, row as sent_row, {place} as parts, {own} from correction_{number}"
        query = f"select * from ({query}) where parts['name'] in {known}"
        if connection.execute(f"select 1 from ({query}) limit 1").fetchall():
            _check_names(sent, columns)
        parts.append(query)
    cases = " ".join(f"when {literal(name)} then {number}" for number, name in enumerate(files))
    connection.execute(
        f"create or replace temp table mended as select *, case parts['name'] {cases} end as file, "
        f"try_cast(parts['number'] as bigint) as row from ({' union all '.join(parts)})"
    )
    cell = ", ".join(f"c{i}" for i in range(len(columns)))
    kept = ", ".join(
        f"case when has{i} then mended.c{i} else old.c{i} end as c{i}" for i in range(len(columns))
    )
    # A row that comes back as it was is as damaged as it was.
    connection.execute(
        f"create or replace temp table placed as select * exclude (hash, damage), "
        f"case when {_hash(columns)} = hash then damage end as damage "
        f"from (select mended.file, mended.row, hash, damage, {kept} from mended join "
        f"(select file, row, damage, {_hash(columns)} as hash, {cell} from export "
        "semi join mended using (file, row)) as old "
        "on mended.file = old.file and mended.row = old.row and parts['hash'] = old.hash "
        "qualify row_number() over (partition by mended.file, mended.row order by sent desc, sent_row desc) = 1)"
    )
    fitting = connection.execute("select count(*) from placed").fetchall()[0][0]
    sent_rows = connection.execute("select count(distinct (file, row)) from mended").fetchall()[0][0]
    if fitting:
        connection.execute(
            f"create table exchanged as select file, row, damage, {cell} from export anti join placed using (file, row)"
            f" union all select file::usmallint, row, damage, {cell} from placed"
        )
        connection.execute("drop table export")
        connection.execute("alter table exchanged rename to export")
    return fitting, sent_rows - fitting


def _check_names(sent: Correction, columns: Sequence[str]) -> None:
    lacking = [name for name in columns if name not in sent.columns]
    for name in sent.columns:
        if lacking and name not in (*columns, ID, REASON, COLUMN) and not name.startswith("column "):
            raise MappingError(
                f"{sent.path}: the export has no column '{name}'; {nearest(name, lacking)}; name it as it was"
            )


def _as_exported(cell: str, name: str, source: Source) -> str:
    """Return SQL for a mended cell as the export would write it: a spreadsheet has numbers and dates of its own."""
    text = f"replace({_unquoted(cell)}, {literal(POINT)}, {literal(source.dialect.decimal)})"
    column = source.columns.get(name)
    if column is None or not column.formats:
        return text
    is_date = f"regexp_full_match({text}, {literal(cells.ISO_TIME)})"
    date = f"strftime(try_cast({text} as timestamp), {literal(column.formats[0])})"
    return f"case when {is_date} then coalesce({date}, {text}) else {text} end"


def _unquoted(cell: str) -> str:
    """Return SQL for a cell without the apostrophe that kept it from being a formula."""
    return f"case when {cell} like '''%' then {cell}[2:] else {cell} end"
