"""Rows of a damaged text file: each is kept, what is wrong with it is said, and a lost quote costs one row."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from playbook.intake.reading import BLANKS
from playbook.intake.reading.rows import Row

DAMAGED = "\udcff"  # stands for bytes that are no text: no decoder makes it from sound ones
BLOCK = 2_000  # lines that are tried at once
LONG = 10  # lines; a cell of more is looked at for a lost quote
LONGEST = 2**26  # characters of one row; a quote that is open for longer was lost
CUT, OPEN, BROKEN, UNREADABLE = (
    "file ends in the middle of this row",
    "quote not closed",
    "broken quotes",
    "damaged characters",
)


@dataclass(frozen=True)
class Shape:
    """How the rows of a file look: delimiter, quote ('' for none), and how many cells they may have."""

    delimiter: str
    quote: str
    fewest: int
    most: int

    def cells(self, lines: Iterable[str], *, strict: bool = True) -> Iterator[list[str]]:
        """Read lines as records; blanks before a quote do not count."""
        if not self.quote:
            return self.bare(lines)
        return csv.reader(
            lines, delimiter=self.delimiter, quotechar=self.quote, strict=strict, skipinitialspace=True
        )

    def bare(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Read lines as records in which a quote is a sign like any other."""
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)

    def fits(self, line: str, fewest: int | None = None) -> bool:
        """Return whether a line by itself is a row of several cells, or of `fewest`."""
        try:
            cells = len(next(self.cells([line]), []))
        except csv.Error:
            return False
        return self.most > 1 and (cells >= fewest if fewest else self.fewest <= cells <= self.most)


class _LostQuote(Exception):
    """The quote that is open was lost: the lines after it are rows."""


class _Feed:
    """Hands lines to Python's csv, and remembers those of the record at hand so that they can be put back."""

    def __init__(self, lines: Iterator[str], shape: Shape) -> None:
        self.lines, self.shape = lines, shape
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.length = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.length > LONGEST or (len(self.taken) == LONG and all(map(self.shape.fits, self.taken[1:]))):
            raise _LostQuote
        line = self.waiting.popleft() if self.waiting else next(self.lines)
        self.taken.append(line)
        self.length += len(line)
        return line

    def begin(self) -> None:
        self.taken, self.length = [], 0

    def put_back(self) -> None:
        """Keep the first line of the record only."""
        self.waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def mainly_rows(self, fewest: int | None = None) -> bool:
        """Return whether at least half of the lines of the record after its first are rows by themselves."""
        fitting = sum(self.shape.fits(line, fewest) for line in self.taken[1:])
        return 2 * fitting >= len(self.taken) - 1


def rows(lines: Iterator[str], shape: Shape, cut: Callable[[], bool] = lambda: False) -> Iterator[Row]:
    r"""Yield each row of a text file: why it is damaged (None where it is not), and its cells.

    Lines of nothing but blanks are no rows.

    A quote that is never closed would take the rest of the file into its cell. It is taken for lost when the lines after
    it are rows by themselves: then its own row is damaged, and they are read as rows.

    Parameters
    ----------
    lines : iterator of str
        With their ends; of the text below the header.
    shape : Shape
        What a sound row looks like.
    cut : callable
        Asked at the end: whether the file is known to have been longer.

    Examples
    --------
    >>> lines = ['7,"big\n', "8,cup\n", "9\n"]
    >>> for row in rows(iter(lines), Shape(",", '"', 2, 2)):
    ...     print(row)
    ('quote not closed', ['7', '"big'])
    (None, ['8', 'cup'])
    ('1 cell where 2 are expected', ['9', ''])
    """
    csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST))
    feed = _Feed(lines, shape)
    reader = shape.cells(feed)
    while True:
        if not feed.waiting:
            block = list(islice(lines, BLOCK))
            if sound := _sound(block, shape):
                for whole in sound:
                    yield None, [*whole]
                continue
            feed.waiting.extend(block)
        feed.begin()
        damage = None
        try:
            cells = next(reader)
            if len(feed.taken) > LONG and feed.mainly_rows():
                cells, damage = _without_quote(feed, shape)
        except StopIteration:
            return
        except _LostQuote:
            cells, damage = _without_quote(feed, shape)
        except csv.Error as error:
            cells, damage = _broken(feed, shape, at_end="end of data" in str(error))
        if damage or not _is_blank(feed.taken, shape.delimiter):
            yield _checked(cells, damage, feed.taken, shape, cut)


def _sound(block: list[str], shape: Shape) -> list[list[str]] | None:
    """Return the rows of some lines when each line is one, and nothing is wrong; None when that is not so."""
    if shape.most == 1 or not block or not _has_end(block[-1]) or any(DAMAGED in line for line in block):
        return None
    try:
        found = list(shape.cells(block))
    except csv.Error:
        return None
    widths = {len(cells) for cells in found}
    return found if len(found) == len(block) and widths == {shape.most} else None


def _is_blank(lines: list[str], delimiter: str) -> bool:
    return len(lines) == 1 and not lines[0].strip(BLANKS) and delimiter not in lines[0]


def _without_quote(feed: _Feed, shape: Shape) -> tuple[list[str], str]:
    """Read the first line of a record alone, its quotes as signs like any other."""
    feed.put_back()
    return next(shape.bare(feed.taken), []), OPEN


def _broken(feed: _Feed, shape: Shape, *, at_end: bool) -> tuple[list[str], str | None]:
    """Read a record whose quotes break the rules."""
    if tidy := _tidied(feed, shape):
        return tidy, None
    if len(feed.taken) == 1 and not (at_end and _has_end(feed.taken[0])):
        return next(shape.cells(feed.taken, strict=False), []), CUT if at_end else BROKEN
    # At the end something is lost in any case: the quote's own end, after line breaks, or that the lines are rows.
    if at_end and not feed.mainly_rows(fewest=shape.most // 2 + 1):
        return next(shape.cells(feed.taken, strict=False), []), OPEN if _has_end(feed.taken[-1]) else CUT
    return _without_quote(feed, shape)


def _tidied(feed: _Feed, shape: Shape) -> list[str] | None:
    """Read a record without blanks between a quote and the delimiter, and half a character at its end; None if in vain."""
    if feed.length > 2**16:
        return None
    sign, delimiter = re.escape(shape.quote), re.escape(shape.delimiter)
    quoted = f"((?:^|{delimiter}) *{sign}(?:[^{sign}]|{sign}{sign})*{sign}) +(?=$|[\r\n]|{delimiter})"
    tidy = io.StringIO(re.sub(quoted, r"\1", "".join(feed.taken).rstrip(DAMAGED)), newline="")
    try:
        records = list(shape.cells(tidy))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def _has_end(line: str) -> bool:
    return line.endswith(("\n", "\r"))


def _checked(
    cells: list[str], damage: str | None, lines: list[str], shape: Shape, cut: Callable[[], bool]
) -> Row:
    """Return the row with as many cells as the table has, and what is wrong with it."""
    found = len(cells)
    if found > shape.most:
        surplus = cells[shape.most :]
        if any(cell.strip(BLANKS) for cell in surplus):
            cells = [*cells[: shape.most - 1], shape.delimiter.join(cells[shape.most - 1 :])]
        else:
            cells, found = cells[: shape.most], shape.most
    cells = cells + [""] * (shape.most - len(cells))
    ended = _has_end(lines[-1])
    if any(DAMAGED in line for line in lines):
        damage = damage or (CUT if not ended and lines[-1].endswith(DAMAGED) else UNREADABLE)
        cells = [cell.replace(DAMAGED, "\ufffd") for cell in cells]
    if damage is None and not ended and (found < shape.fewest or cut()):
        damage = CUT
    if damage is None and not shape.fewest <= found <= shape.most:
        many = f"{found} cell" + ("s" if found != 1 else "")
        damage = f"{many} where {shape.most} {'are' if shape.most != 1 else 'is'} expected"
    return damage, list(cells)
