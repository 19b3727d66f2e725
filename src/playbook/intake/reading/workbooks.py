"""Workbooks (Excel, OpenDocument): one sheet at a time, typed cells become text, formulas their last value."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import MappingError, nearest
from playbook.intake.reading import BLANKS
from playbook.intake.reading.rows import Row, fill, named, number_text
from playbook.intake.reading.workbook_errors import error_cells

if TYPE_CHECKING:
    import duckdb
    import python_calamine

    from playbook.intake.mapping import Source


def sheets(path: Path, source: Source) -> list[str]:
    """Return the names of the sheets that a source reads: the first, those it names, or all that hold something.

    Raises
    ------
    MappingError
        When it is no workbook, or has no such sheet.
    """
    with opened(path) as workbook:
        found = _tables(workbook)
        if source.sheet == "*":
            wanted = [name for name in found if workbook.get_sheet_by_name(name).end is not None]
        elif source.sheet is None:
            wanted = found[:1]
        else:
            wanted = [source.sheet] if isinstance(source.sheet, str) else source.sheet
    for name in wanted:
        if name not in found:
            raise MappingError(f"{path}: has no sheet '{name}'; {nearest(name, found)}")
    if not wanted:
        raise MappingError(f"{path}: all its sheets are empty; expected a row of column names")
    return wanted


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None],
    sheet: str,
) -> tuple[list[str], str]:
    """Read a sheet into the table `target`; see `playbook.intake.reading`.

    A column without a name is left out where it holds nothing.

    Raises
    ------
    MappingError
        When the sheet has no row of column names at `source.header`.
    """
    with opened(path) as workbook:
        grid = workbook.get_sheet_by_name(sheet)
        top, left = grid.start or (0, 0)
        errors = error_cells(path, sheet)
        header = next(_cells(grid, errors, left, source.header), None)
        if header is None or not any(header):
            raise MappingError(
                f"{path}, sheet {sheet}: row {source.header} holds no column names; the first row that holds "
                f"something is {top + 1}: set 'header'"
            )
        used = [bool(name) for name in header]
        if not all(used):
            for texts in _cells(grid, errors, left, source.header + 1):
                used = [one or bool(text) for one, text in zip(used, texts, strict=True)]
        places = [place for place, one in enumerate(used) if one]
        names = [name for name, one in zip(named(header), used, strict=True) if one]
        cells = _cells(grid, errors, left, source.header + 1, source.dialect.decimal)
        fill(connection, target, names, _rows(cells, places))
    tick(path.stat().st_size)
    return names, "workbook" + (f", {len(errors):,} cells show an error such as #N/A" if errors else "")


@contextmanager
def opened(path: Path) -> Iterator[python_calamine.CalamineWorkbook]:
    """Open a workbook.

    Raises
    ------
    MappingError
        When it is none, is broken or is locked.
    """
    import python_calamine

    try:
        with _workbook(path) as workbook:
            yield workbook
    except python_calamine.PasswordError:
        raise MappingError(f"{path}: is protected by a password; save a copy without it") from None
    except (python_calamine.CalamineError, OSError, zipfile.BadZipFile, zlib.error, ET.ParseError):
        raise MappingError(
            f"{path}: is no workbook, or is broken; expected .xlsx, .xlsm, .xls, .xlsb or .ods (a CSV file or web "
            "page that is only called so has to be renamed or saved as one)"
        ) from None


def _workbook(path: Path) -> python_calamine.CalamineWorkbook:
    import python_calamine

    try:
        return python_calamine.load_workbook(path)
    except python_calamine.PasswordError:
        raise
    except (python_calamine.CalamineError, OSError):  # the wrong suffix? then by what the file holds
        with path.open("rb") as handle:
            return python_calamine.load_workbook(handle)


def _tables(workbook: python_calamine.CalamineWorkbook) -> list[str]:
    import python_calamine

    grids = python_calamine.SheetTypeEnum.WorkSheet
    return [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == grids]


def _cells(
    grid: python_calamine.CalamineSheet,
    errors: dict[tuple[int, int], str],
    left: int,
    first: int,
    decimal: str = ".",
) -> Iterator[list[str | None]]:
    """Yield the texts of each row from row `first` (from 1) of the sheet on; numbers with the sign of its text numbers."""
    for number, values in enumerate(grid.iter_rows()):
        if number < first - 1:
            continue
        texts = [_text(value, decimal) for value in values]
        if errors:
            for place in range(len(texts)):
                texts[place] = errors.get((number, left + place), texts[place])
        yield texts


def _rows(cells: Iterator[list[str | None]], places: list[int]) -> Iterator[Row]:
    for texts in cells:
        if any(texts):
            yield None, [texts[place] for place in places]


def _text(value: Any, decimal: str) -> str | None:
    """Return a cell as text, in the forms that all formats share."""
    if isinstance(value, str):
        return value.strip(BLANKS) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (number_text(value) or "").replace(".", decimal) or None
    if isinstance(value, datetime):
        return str(value)
    if isinstance(value, date):
        return f"{value} 00:00:00"
    if isinstance(value, timedelta):
        return _duration(value)
    return str(value) if isinstance(value, int | time) else None


def _duration(value: timedelta) -> str:
    """Return hours, which may be more than 24, minutes and seconds.

    Examples
    --------
    >>> _duration(timedelta(days=1, hours=3, seconds=5))
    '27:00:05'
    """
    whole, rest = divmod(abs(value), timedelta(seconds=1))
    sign = "-" if value < timedelta(0) else ""
    text = f"{sign}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{text}.{rest // timedelta(microseconds=1):06}" if rest else text
