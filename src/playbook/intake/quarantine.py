"""Rows that were set aside: as a table beside the store, as a file that the client mends, and mended rows coming back.

A row is known by its file, its number and a hash of its cells. So a mended row takes the place of the one it was, however
often it is sent, and never the place of another.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import MappingError
from playbook.intake import cells, reading
from playbook.intake.lines import FILE_BITS, SourceDesk
from playbook.intake.mapping_sources import Source, SourceColumn

if TYPE_CHECKING:
    import duckdb

TABLE = "quarantine.parquet"
ID, REASON, COLUMN = "playbook_row", "playbook_reason", "playbook_column"
CORRECTIONS = "corrections"  # the folder beside the mapping where mended files are put
LONGEST = 500  # letters of a value in the table; the client's file has all
# A spreadsheet takes a cell that begins like this for a formula; an apostrophe in front keeps it a text.
FORMULA = r"^[=+\-@\t\r'].*"
NUMBER = r"[-+]?[0-9.,]+"


def _place(files: Sequence[str], cell: str) -> str:
    """Return SQL for a row's file, by the number in its id."""
    cases = " ".join(f"when {number} then {cells.literal(name)}" for number, name in enumerate(files))
    return f"case {cell} {cases} end"


def _hash(columns: int) -> str:
    """Return SQL for eight letters that change when a cell of the row changes."""
    return f"left(md5(to_json([{', '.join(f'c{i}' for i in range(columns))}])::varchar), 8)"


def aside_rows(desk: SourceDesk, files: Sequence[str], hidden: dict[str, str]) -> str:
    """Return SQL for a source's rows in the quarantine.

    Columns: source, file, row (from 1, below the header), table (canonical, when that table is why), column (of the
    export), value (as it stands there), reason. `hidden` gives, by column, SQL to show in place of a value.
    """
    causes = list(enumerate(desk.causes))

    def chosen(texts: dict[int, str]) -> str:
        cases = " ".join(f"when {number} then {text}" for number, text in texts.items())
        return f"case cause {cases} end" if texts else "null"

    shown = {i: hidden.get(str(c.column), desk.raw[c.column]) for i, c in causes if c.column in desk.raw}
    reasons = {i: cells.literal(c.reason) for i, c in causes[1:]}
    return (
        f"select {cells.literal(desk.name)} as source, {_place(files, f'(id >> {FILE_BITS})')} as file, "
        f"id & {2**FILE_BITS - 1} as row, "
        f"{chosen({i: cells.literal(c.table) for i, c in causes if c.table})}::varchar as table, "
        f"{chosen({i: cells.literal(c.column) for i, c in causes if c.column})}::varchar as column, "
        f"left({chosen(shown)}, {LONGEST})::varchar as value, "
        f"case when cause = 0 then damage else {chosen(reasons)} end::varchar as reason "
        f"from line_{desk.number} join aside_{desk.number} using (id) order by id"
    )


def write_for_client(desk: SourceDesk, files: Sequence[str], folder: Path) -> Path | None:
    """Write a source's rows in the quarantine as a CSV file that a spreadsheet opens; return it, if there is any.

    Its first columns tell which row it is, why it was set aside and the column to look at; then come the export's own
    columns, every cell quoted and as text.
    """
    file = folder / f"{desk.name}.csv"
    if not desk.kept_aside:
        file.unlink(missing_ok=True)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    causes = list(enumerate(desk.causes))
    reason = " ".join(f"when {i} then {cells.literal(c.reason)}" for i, c in causes[1:])
    column = " ".join(f"when {i} then {cells.literal(c.column)}" for i, c in causes if c.column)
    place = _place(files, f"(id >> {FILE_BITS})")
    own = [
        f"case when regexp_matches({raw}, '{FORMULA}', 's') and not regexp_full_match({raw}, '{NUMBER}') "
        f"then '''' || {raw} else {raw} end as {_name(name)}".replace(f"'{FORMULA}'", cells.literal(FORMULA))
        for name, raw in desk.raw.items()
    ]
    query = (
        f"select {place} || '#' || (id & {2**FILE_BITS - 1}) || '#' || {_hash(len(desk.columns))} as {ID}, "
        f"case when cause = 0 then damage{' else case cause ' + reason + ' end' if reason else ''} end as {REASON}, "
        f"{'case cause ' + column + ' end' if column else 'null'} as {COLUMN}, {', '.join(own)} "
        f"from line_{desk.number} join aside_{desk.number} using (id) order by id"
    )
    body, draft = file.with_name(file.name + ".body"), file.with_name(file.name + ".draft")
    desk.connection.execute(
        f"copy ({query}) to {cells.literal(body.as_posix())} (format csv, header, force_quote *, delimiter ',')"
    )
    with draft.open("wb") as whole, body.open("rb") as rows:
        whole.write(b"\xef\xbb\xbf")  # so that a spreadsheet reads accents right
        shutil.copyfileobj(rows, whole)
    body.unlink()
    draft.replace(file)
    return file


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def correction_files(folder: Path) -> list[Path]:
    """Return the mended files that lie in the folder `corrections` beside a mapping."""
    place = folder / CORRECTIONS
    return sorted(
        path for path in place.glob("*") if path.is_file() and not path.name.startswith((".", "~$"))
    )


def read_corrections(connection: duckdb.DuckDBPyConnection, folder: Path, scratch: Path) -> list[list[str]]:
    """Read all mended rows into the tables `correction_<n>`; return their columns' names, one list a table, in `n`'s order.

    Raises
    ------
    MappingError
        When a file there is none that an intake has written.
    """
    names = []
    for number, path in enumerate(correction_files(folder)):
        source = Source(file=[f"{CORRECTIONS}/{path.name}"], columns={ID: SourceColumn(type="text")})
        loaded = reading.load(connection, source, folder, scratch=scratch)
        if ID not in loaded.columns:
            raise MappingError(
                f"{path}: has no column '{ID}'; expected a file that an intake wrote into its quarantine, mended"
            )
        connection.execute(f"alter table export rename to correction_{number}")
        names.append(loaded.columns)
    return names


def apply_corrections(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    columns: Sequence[str],
    corrections: Sequence[Sequence[str]],
) -> tuple[int, int]:
    """Put mended rows in the place of those they were in `export`; return how many, and how many fit none.

    A mended row that is sent twice counts once, the later file's; one that comes back as it was changes nothing.
    """
    if not corrections:
        return 0, 0
    parts = []
    for number, names in enumerate(corrections):
        row = f"c{list(names).index(ID)}"
        own = ", ".join(
            f"{_unquoted(f'c{list(names).index(name)}')} as c{i}" if name in names else f"null as c{i}"
            for i, name in enumerate(columns)
        )
        parts.append(
            f"select {number} as sent, row as sent_row, {row} as place, damage, {own} from correction_{number}"
        )
    cases = " ".join(f"when {cells.literal(name)} then {number}" for number, name in enumerate(files))
    connection.execute(
        "create or replace temp table mended as select *, "
        r"regexp_extract(place, '^(.*)#([0-9]+)#([0-9a-f]{8})$', ['name', 'number', 'hash']) as parts "
        f"from ({' union all '.join(parts)}) where damage is null"
    )
    connection.execute(
        "create or replace temp table mended as select *, "
        f"case parts['name'] {cases} end as file, try_cast(parts['number'] as bigint) as row from mended "
        f"where parts['name'] in ({', '.join(cells.literal(name) for name in files)})"
    )
    own = ", ".join(f"c{i}" for i in range(len(columns)))
    connection.execute(
        "create or replace temp table placed as "
        "select mended.* from mended join "
        f"(select file, row, {_hash(len(columns))} as hash from export semi join mended using (file, row)) as old "
        "on mended.file = old.file and mended.row = old.row and parts['hash'] = old.hash "
        "qualify row_number() over (partition by mended.file, mended.row order by sent desc, sent_row desc) = 1"
    )
    fitting = connection.execute("select count(*) from placed").fetchall()[0][0]
    sent = connection.execute("select count(distinct (file, row)) from mended").fetchall()[0][0]
    if fitting:
        connection.execute(
            f"create table exchanged as select file, row, damage, {own} from export anti join placed using (file, row)"
            f" union all select file::usmallint, row, null, {own} from placed"
        )
        connection.execute("drop table export")
        connection.execute("alter table exchanged rename to export")
    return fitting, sent - fitting


def _unquoted(cell: str) -> str:
    """Return SQL for a cell without the apostrophe that kept it from being a formula."""
    return f"case when {cell} like '''%' then {cell}[2:] else {cell} end"
