"""The cells of an .xlsx sheet that show an error, such as #N/A: calamine gives them as empty."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

BOOK = "xl/workbook.xml"
SOME = re.compile(rb"""\st=["']e["']""")
CHUNK = 2**20


def error_cells(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Return what the error cells of a sheet show, by row and column (from 0); none for other formats."""
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as package:
        if BOOK not in package.namelist():
            return {}
        part = _part(package, sheet)
        with package.open(part) as handle:
            if not _any_error(handle):
                return {}
        with package.open(part) as handle:
            return _found(handle)


def _part(package: zipfile.ZipFile, sheet: str) -> str:
    """Return the name of the part that holds a sheet."""
    book = ET.fromstring(package.read(BOOK))
    links = ET.fromstring(package.read("xl/_rels/workbook.xml.rels"))
    ids = [
        value
        for one in book.iter()
        if one.tag.endswith("}sheet") and one.get("name") == sheet
        for key, value in one.items()
        if key.endswith("}id")
    ]
    target = next(one.get("Target", "") for one in links if one.get("Id") == ids[0])
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _any_error(handle: IO[bytes]) -> bool:
    tail = b""
    while chunk := handle.read(CHUNK):
        if SOME.search(tail + chunk):
            return True
        tail = chunk[-8:]
    return False


def _found(handle: IO[bytes]) -> dict[tuple[int, int], str]:
    errors: dict[tuple[int, int], str] = {}
    row = column = -1
    rows = ET.Element("none")
    for event, one in ET.iterparse(handle, events=("start", "end")):
        name = one.tag.rpartition("}")[2]
        if event == "start" and name == "sheetData":
            rows = one
        elif event == "start" and name == "row":
            row, column = int(one.get("r", row + 2)) - 1, -1
        elif event == "end" and name == "c":
            column = _column(one.get("r", ""), column + 1)
            if one.get("t") == "e":
                shown = next((part.text for part in one if part.tag.endswith("}v")), None)
                errors[row, column] = shown or "#N/A"
        elif event == "end" and name == "row":
            rows.clear()  # a sheet has up to a million
    return errors


def _column(reference: str, otherwise: int) -> int:
    """Return the place of a cell in its row, from 0.

    Examples
    --------
    >>> _column("A7", 0), _column("AB7", 0), _column("", 5)
    (0, 27, 5)
    """
    place = 0
    for letter in reference.rstrip("0123456789"):
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1 if reference else otherwise
