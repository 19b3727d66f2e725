"""Taking in a client's exports: every row is accepted into canonical tables, or quarantined with a reason."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from glob import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError, nearest
from playbook.intake.mapping import ClientMapping, read_mapping
from playbook.store.reading import Store
from playbook.store.writing import file_hash, validate, write_store

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.sorting import Sorted

REPORT, QUARANTINE = "intake.json", "quarantine.parquet"
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
WHOLE = 2**53  # up to here a float that is a whole number is exactly that


@dataclass(frozen=True)
class SourceReport:
    """What became of one export: rows = accepted + the sum of `quarantined`, which counts rows by reason."""

    name: str
    file: str
    sha256: str
    rows: int
    accepted: int
    quarantined: dict[str, int]


@dataclass(frozen=True)
class IntakeReport:
    """What an intake did: each export, and the rows of each canonical table made from them."""

    name: str
    sources: tuple[SourceReport, ...]
    tables: dict[str, int]

    def text(self) -> str:
        """Return the report as lines to print."""
        lines = [self.name]
        for source in self.sources:
            kept_aside = source.rows - source.accepted
            lines += [
                f"{source.name} ({source.file})",
                _count("rows in", source.rows, source.rows),
                _count("accepted", source.accepted, source.rows),
                _count("quarantined", kept_aside, source.rows),
                *(_count(f"  {reason}", rows, source.rows) for reason, rows in source.quarantined.items()),
            ]
        made = ", ".join(f"{name} {rows:,}" for name, rows in self.tables.items())
        return "\n".join([*lines, f"tables: {made}"])


def _count(label: str, rows: int, of: int) -> str:
    return f"  {label:<40}{rows:>12,}{rows / of if of else 0:>8.1%}"


def take_in(
    mapping_path: str | Path, store_path: str | Path, *, name: str, extra: Mapping[str, Any] | None = None
) -> IntakeReport:
    """Write a client's exports as a store, replacing what is at `store_path` only when all went well.

    The store also holds `intake.json`, the report, and `quarantine.parquet`, the rows that are in no table.

    Parameters
    ----------
    mapping_path : path
        The mapping's YAML file; the exports it names are looked for beside it.
    store_path : path
        Folder to write.
    name : str
        The client's name.
    extra : dict, optional
        Kept in the store's info as well.

    Raises
    ------
    MappingError
        When the mapping is wrong, or an export is missing, cannot be read or lacks a column.
    """
    import pandas as pd

    mapping_path = Path(mapping_path)
    mapping = read_mapping(mapping_path)
    files = _files(mapping_path, mapping)
    done = {key: _sort_file(mapping_path, mapping, key, file) for key, file in files.items()}
    tables = {table: frame for one in done.values() for table, frame in one.tables.items()}
    for table, frame in tables.items():
        validate(table, frame)
    sources = tuple(_source_report(mapping.sources[key].file, files[key], done[key]) for key in done)
    report = IntakeReport(name, sources, {table: len(tables[table]) for table in sorted(tables)})
    quarantine = BytesIO()
    asides = [one.quarantine for one in done.values()]
    pd.concat(asides, ignore_index=True).to_parquet(quarantine, compression="zstd", index=False)
    text = json.dumps(asdict(report), indent=2) + "\n"
    write_store(
        store_path,
        tables,
        {"kind": "client", "name": name, **(extra or {})},
        beside={REPORT: text.encode(), QUARANTINE: quarantine.getvalue()},
    )
    return report


def _sort_file(mapping_path: Path, mapping: ClientMapping, name: str, file: Path) -> Sorted:
    import duckdb

    from playbook.intake.sorting import sort_out

    source = mapping.sources[name]
    with duckdb.connect() as connection:
        columns = load_export(connection, file)
        for column in source.columns:
            if column not in columns:
                raise MappingError(
                    f"{mapping_path}: sources.{name}.columns: '{source.file}' has no column '{column}'; "
                    f"{nearest(column, columns)}"
                )
        return sort_out(connection, name, mapping, columns)


def _source_report(shown: str, file: Path, done: Sorted) -> SourceReport:
    reasons = Counter(done.quarantine["reason"])
    return SourceReport(
        name=done.name,
        file=shown,
        sha256=file_hash(file),
        rows=done.rows,
        accepted=done.rows - len(done.quarantine),
        quarantined=dict(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))),
    )


def source_files(mapping_path: str | Path) -> list[Path]:
    """Return the exports a mapping reads.

    Raises
    ------
    MappingError
        When the mapping is wrong, or one is not there.
    """
    mapping_path = Path(mapping_path)
    return list(_files(mapping_path, read_mapping(mapping_path)).values())


def read_report(store_path: str | Path) -> IntakeReport:
    """Return the report of the intake that made a store.

    Raises
    ------
    StoreError
        When the store is missing or incomplete.
    MappingError
        When it was not made by an intake.
    """
    file = Store(store_path).path / REPORT
    if not file.is_file():
        raise MappingError(f"store '{store_path}' was not made from exports (no {REPORT} in it)")
    values = json.loads(file.read_text(encoding="utf-8"))
    sources = tuple(SourceReport(**source) for source in values["sources"])
    return IntakeReport(values["name"], sources, values["tables"])


def _files(mapping_path: Path, mapping: ClientMapping) -> dict[str, Path]:
    files = {name: mapping_path.parent / source.file for name, source in mapping.sources.items()}
    for name, file in files.items():
        if not file.is_file():
            beside = [path.name for path in file.parent.glob("*")]
            raise MappingError(
                f"{mapping_path}: sources.{name}.file: '{file}' does not exist; {nearest(file.name, beside)}"
            )
    return files


def load_export(connection: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """Load a file as the table `export`: row, then c0, c1 ... as text; return its column names.

    Blanks around a value do not count, and a cell of nothing else is empty.

    Raises
    ------
    MappingError
        When the file is of another format, or broken.
    """
    import duckdb

    suffix = "".join(file.suffixes[-2:]) if file.suffix == ".gz" else file.suffix
    try:
        if suffix == ".parquet":
            columns = _open_parquet(connection, file)
        elif suffix in (".csv", ".csv.gz"):
            columns = _open_csv(connection, file)
        else:
            raise MappingError(f"{file}: expected a .parquet, .csv or .csv.gz file")
        texts = [f"nullif(trim({cell}, {BLANKS}), '') as c{i}" for i, (_, cell) in enumerate(columns)]
        numbered = f"select row_number() over () as row, {', '.join(texts)} from raw"
        connection.execute(f"create table export as {numbered}")
    except (duckdb.Error, OSError, UnicodeDecodeError, csv.Error, EOFError, zlib.error) as error:
        raise MappingError(f"{file}: cannot be read: {_reason(error)}") from None
    names = [name for name, _ in columns]
    for name in names:
        if names.count(name) > 1:
            raise MappingError(f"{file}: two columns are named '{name}'")
    return names


def _reason(error: Exception) -> str:
    """Return a reading error as one line, without the data that DuckDB quotes."""
    if isinstance(error, UnicodeDecodeError):
        return "its text is not in UTF-8"
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    fields = re.search(r"Expected Number of Columns: .*", text)
    if line and fields:
        return f"line {line[1]}: {fields[0].strip()}"
    return f"line {line[1]}: broken quotes or encoding" if line else text.splitlines()[0]


def _open_parquet(connection: duckdb.DuckDBPyConnection, file: Path) -> list[tuple[str, str]]:
    """Make the view `raw`; return each column's name and the SQL of its text."""
    connection.read_parquet(escape(file.as_posix())).create_view("raw")
    described = connection.execute("describe raw").fetchall()
    return [(name, _as_text('"' + name.replace('"', '""') + '"', kind)) for name, kind, *_ in described]


def _as_text(column: str, kind: str) -> str:
    if kind in ("FLOAT", "DOUBLE"):
        # A key column with gaps arrives as floats from pandas: 17850.0 is the key 17850, NaN is a gap.
        whole = f"when {column} = trunc({column}) and abs({column}) < {WHOLE} then {column}::bigint::varchar"
        return f"case when isnan({column}) then null {whole} else {column}::varchar end"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({column}))::varchar"
    return f"{column}::varchar"


def _open_csv(connection: duckdb.DuckDBPyConnection, file: Path) -> list[tuple[str, str]]:
    """Make the view `raw` of an RFC 4180 file in UTF-8; return each column's name and the SQL of its text."""
    open_text = gzip.open if file.suffix == ".gz" else open
    with open_text(file, "rt", encoding="utf-8-sig", newline="") as handle:
        names = next(csv.reader(handle, strict=True), None)
    if not names:
        raise MappingError(f"{file}: is empty; expected a line of column names")
    cells = [f"c{i}" for i in range(len(names))]
    types = ", ".join(f"{cell}: 'varchar'" for cell in cells)
    path = escape(file.as_posix()).replace("'", "''")
    connection.execute(
        f"create view raw as select * from read_csv('{path}', columns = {{{types}}}, auto_detect = false, "
        "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '')"
    )
    return list(zip([name.strip() for name in names], cells, strict=True))
