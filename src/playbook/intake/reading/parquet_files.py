"""Parquet files: typed columns become text; structures become columns `a.b`, lists JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError
from playbook.intake.reading.rows import named, text_of, trimmed
from playbook.store.sqltext import identifier, literal

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.mapping import Source


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None],
) -> tuple[list[str], str]:
    """Read a Parquet file into the table `target`; see `playbook.intake.reading`.

    Raises
    ------
    MappingError
        When it is no Parquet file, or is broken.
    """
    import duckdb

    try:
        relation = connection.read_parquet(escape(path.as_posix()))
        columns = [
            one
            for name, kind in zip(relation.columns, relation.types, strict=True)
            for one in _flat(name, identifier(name), kind)
        ]
        texts = "".join(f", {trimmed(sql)} as c{i}" for i, (_, sql) in enumerate(columns))
        where = literal(escape(path.as_posix()))
        numbered = f"read_parquet({where}, file_row_number = true)"
        place = "file_row_number"
        if place in relation.columns:
            numbered, place = f"read_parquet({where})", "row_number() over () - 1"
        connection.execute(
            f"create table {target} as select {place} + 1 as row, null::varchar as damage{texts} from {numbered}"
        )
    except (duckdb.Error, OSError) as error:
        connection.execute(f"drop table if exists {target}")
        raise MappingError(f"{path}: cannot be read as Parquet: {_reason(error)}") from None
    tick(path.stat().st_size)
    return named(name for name, _ in columns), "Parquet"


def _flat(name: str, sql: str, kind: Any) -> Iterator[tuple[str, str]]:
    """Yield each column's name and the SQL of its text; a structure gives one for each of its fields."""
    if kind.id == "struct":
        for field, inner in kind.children:
            yield from _flat(f"{name}.{field}", f"{sql}.{identifier(field)}", inner)
    else:
        yield name, text_of(sql, str(kind))


def _reason(error: Exception) -> str:
    """Return a reading error as one line, without the data that DuckDB may quote."""
    text = str(error).splitlines()[0]
    if "magic bytes" in text or "too small" in text:
        return "it is no Parquet file, or its end is missing"
    if "encoding" in text.lower() or "utf" in text.lower():
        return "it holds text that is not in UTF-8"
    return "it is encrypted" if "encrypt" in text.lower() else "its data are broken"
