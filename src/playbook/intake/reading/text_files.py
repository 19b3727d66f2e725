"""A text file before it is a table: its bytes, unzipped, surveyed once, decoded into lines, and its header."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import MappingError
from playbook.intake.reading import BLANKS, dialects
from playbook.intake.reading.csv_rows import DAMAGED, Shape

if TYPE_CHECKING:
    from playbook.intake.mapping import Source

CHUNK = 2**20
GZIP = b"\x1f\x8b"
FOREIGN = {
    b"PK\x03\x04": "a workbook or zip archive (an Excel file ends in .xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file (an Excel file ends in .xls)",
    b"PAR1": "a Parquet file (it ends in .parquet)",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a SQLite database (it ends in .sqlite)",
}

LOOSE = re.compile(rb'" +"[^",;\t|\r\n ]')
REPLACED = "playbook.damaged"  # a way of decoding: bytes that are no text become DAMAGED
codecs.register_error(REPLACED, lambda error: (DAMAGED, error.end))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Text:
    """A text file and how it is written; `start`: lines up to and with the header."""

    path: Path
    encoding: str
    shape: Shape
    names: list[str]
    start: int


@dataclass(frozen=True)
class Survey:
    """What one pass over a file's bytes showed.

    Parameters
    ----------
    sample : bytes
        The first.
    breaks : int
        Ends of lines.
    zipped, cut : bool
        Whether it is gzip, and such that it ends too early or is damaged.
    loose : bool
        Whether a cell may have text between two pairs of quotes: DuckDB would take them off and say nothing.
    strange : bytes or None
        The first that are no UTF-8, with their surroundings.
    """

    sample: bytes
    breaks: int
    zipped: bool
    cut: bool
    loose: bool
    strange: bytes | None


class Bytes(io.RawIOBase):
    """A file's bytes, unzipped where it is gzip; `cut` is set when the archive ends too early or is damaged."""

    def __init__(self, path: Path, position: Callable[[int], None] = lambda done: None) -> None:
        self.handle, self.position, self.cut = path.open("rb"), position, False
        self.gzip = zlib.decompressobj(31) if self.handle.peek(2)[:2] == GZIP else None
        self.left = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes; return how many there are."""
        while not self.left and not self.cut:
            data = self.handle.read(CHUNK if self.gzip is None else CHUNK // 64)
            self.position(self.handle.tell())
            if not data:
                self.cut = self.gzip is not None and not self.gzip.eof
                break
            self.left = memoryview(data if self.gzip is None else self._unzipped(data))
        size = min(len(buffer), len(self.left))
        buffer[:size] = self.left[:size]
        self.left = self.left[size:]
        return size

    def _unzipped(self, data: bytes) -> bytes:
        parts = []
        try:
            while data:
                assert self.gzip is not None
                if self.gzip.eof:
                    if not data.strip(b"\0"):  # padding
                        break
                    self.gzip = zlib.decompressobj(31)
                parts.append(self.gzip.decompress(data))
                data = self.gzip.unused_data
        except zlib.error:
            self.cut = True
        return b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self.handle.close()
        super().close()


def survey_of(path: Path, position: Callable[[int], None]) -> Survey:
    """Read all bytes of a file once."""
    sample, strange, feeds, returns = b"", None, 0, 0
    tail, loose = b"", False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with Bytes(path, position) as raw, io.BufferedReader(raw, CHUNK) as handle:
        while data := handle.read(CHUNK):
            sample = sample or data
            feeds, returns = feeds + data.count(b"\n"), returns + data.count(b"\r")
            seam = tail + data.replace(b"\0", b"")
            loose = loose or (b'" ' in seam and LOOSE.search(seam) is not None)
            tail = seam[-64:]
            try:
                decoder.decode(data)
            except UnicodeDecodeError:
                strange = data if strange is None else strange
                decoder.reset()
        return Survey(sample, max(feeds, returns), raw.gzip is not None, raw.cut, loose, strange)


@contextmanager
def open_lines(
    path: Path, encoding: str, *, errors: str = "strict", position: Callable[[int], None] = lambda done: None
) -> Iterator[tuple[io.TextIOWrapper, Bytes]]:
    """Open a file as text that keeps its line ends."""
    raw = Bytes(path, position)
    with io.TextIOWrapper(io.BufferedReader(raw, CHUNK), encoding, errors, newline="") as handle:
        yield handle, raw


def understood(path: Path, source: Source, survey: Survey) -> Text:
    """Find out how a file is written, and read its header."""
    if not survey.sample:
        raise MappingError(f"{path}: is empty; expected a row of column names")
    for mark, what in FOREIGN.items():
        if survey.sample.startswith(mark):
            raise MappingError(f"{path}: is {what}; expected text such as CSV")
    told = source.dialect
    encoding = told.encoding or dialects.encoding_of(survey.sample)[0]
    if told.encoding is None and encoding == "utf-8" and survey.strange is not None:
        encoding = dialects.encoding_of(survey.strange)[0]
    found = dialects.find(survey.sample, encoding=encoding, header=source.header)
    shape = Shape(told.delimiter or found.delimiter, told.quote or found.quote, 1, 1)
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"  # also reads a file without the mark
    cells, start = _header(path, encoding, shape, source.header)
    names = [cell.strip(BLANKS + "\ufeff").replace(DAMAGED, "\ufffd") for cell in cells]
    if not any(names):
        raise MappingError(
            f"{path}: row {source.header} is empty; expected the column names there (see 'header')"
        )
    fewest = max(i for i, name in enumerate(names, 1) if name)  # an unnamed last column may be missing
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    return Text(path, encoding, replace(shape, fewest=fewest, most=len(names)), names, start)


def _header(path: Path, encoding: str, shape: Shape, row: int) -> tuple[list[str], int]:
    """Return the cells of the first row that is not empty, from `row` on, and the lines up to its end."""
    with open_lines(path, encoding, errors=REPLACED) as (handle, _):
        lines = _Counted(handle)
        try:
            for number, cells in enumerate(shape.cells(lines), 1):
                if number >= row and cells:
                    return cells, lines.count
        except csv.Error:
            raise MappingError(
                f"{path}: line {lines.count}: broken quotes in or above the column names"
            ) from None
    raise MappingError(f"{path}: has no row {row}; expected the column names there (see 'header')")


class _Counted:
    """Counts the lines it hands out."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.count = lines, 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.count += 1
        return line
