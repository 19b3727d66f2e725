"""The beginnings of big files, as files of their own: a sample of each."""

from __future__ import annotations

from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.intake.reading.text_files import Bytes

if TYPE_CHECKING:
    import duckdb

HEAD = 16 * 2**20  # bytes read of one export's files
ROWS = 200_000  # rows read of one export


def opened(path: Path) -> BufferedReader:
    """Return a file or packed file, open for reading; one that breaks off ends where it does."""
    return BufferedReader(Bytes(path))


def text_head(path: Path, size: int, folder: Path) -> Path:
    """Return the file, or when it is bigger a copy of its first lines in `folder`."""
    if path.stat().st_size <= size and path.suffix.lower() != ".gz":
        return path
    with opened(path) as handle:
        start = handle.read(size + 1)
    if len(start) > size:
        start = start[: _last_line_end(start[:size])]
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / (path.stem if path.suffix.lower() == ".gz" else path.name)
    copy.write_bytes(start)
    return copy


def _last_line_end(text: bytes) -> int:
    """Return where the last whole line ends, in UTF-16 too."""
    wide = next((end for end in (b"\n\x00", b"\x00\n") if text.count(end) * 2 > text.count(b"\n")), None)
    end, width = (wide, 2) if wide else (b"\n", 1)
    at = text.rfind(end)
    while at > 0 and at % width:
        at = text.rfind(end, 0, at + 1)
    return at + width if at > 0 else len(text)


def parquet_head(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> Path:
    """Return the file, or when it is big a copy of its first rows in `folder`."""
    relation = connection.read_parquet(path.as_posix())
    if path.stat().st_size <= HEAD:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.name
    relation.limit(ROWS).write_parquet(copy.as_posix())
    return copy
