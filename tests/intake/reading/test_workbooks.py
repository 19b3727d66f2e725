"""Workbooks as sources."""

import struct
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from playbook.errors import MappingError
from playbook.intake.reading.workbooks import load, sheets

from .sources import exported, plain_source

SAMPLES = Path(__file__).parent / "samples"


def book(path: Path, grids: dict[str, list[list[Any]]]) -> Path:
    """Write sheets cell by cell, None for a cell that is not there."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in grids.items():
        for row in rows:
            workbook.create_sheet(name) if name not in workbook.sheetnames else None
            workbook[name].append(row)
        if not rows:
            workbook.create_sheet(name)
    workbook.save(path)
    return path


def read(path: Path, sheet: str = "Orders", **settings: Any) -> tuple[list[str], list, str]:
    return exported(load, path, plain_source(**settings), path.parent, sheet=sheet)


def test_typed_cells_become_text(tmp_path):
    """Dates, times, durations, numbers, per cent and truth values, each in its one form."""
    path = book(
        tmp_path / "a.xlsx",
        {
            "Orders": [
                ["key", "when", "value", "long"],
                ["007", date(2026, 1, 2), 17850.0, timedelta(hours=27, minutes=5)],
                [" 7 ", datetime(2026, 1, 2, 3, 4, 5), 0.25, time(3, 4)],
                [7, datetime(2026, 1, 2, 3, 4, 5, 250000), True, -3],
                [None, None, None, "\xa0\n"],
                ["x\ny", "2026-01-02", "1.234,56", 1e300],
            ]
        },
    )
    workbook = openpyxl.load_workbook(path)
    workbook["Orders"]["C3"].number_format = "0%"
    workbook["Orders"]["D2"].number_format = "[h]:mm:ss"
    workbook.save(path)
    columns, rows, note = read(path)
    assert columns == ["key", "when", "value", "long"]
    assert rows == [
        (1, None, "007", "2026-01-02 00:00:00", "17850", "27:05:00"),
        (2, None, "7", "2026-01-02 03:04:05", "0.25", "03:04:00"),
        (3, None, "7", "2026-01-02 03:04:05.250000", "true", "-3"),
        (4, None, "x\ny", "2026-01-02", "1.234,56", "1e+300"),
    ]
    assert note == "workbook"


def test_the_header_may_stand_further_down_and_right(tmp_path):
    """A title block above and empty columns to the left are no data; blank rows are no rows."""
    rows = [
        ["Report of", "2026"],
        [],
        [None, "No", None, "Qty", None],
        [None, "1", "seen", 2, None],
        [],
        [None, "3", None, 4, None],
    ]
    path = book(tmp_path / "a.xlsx", {"Orders": rows})
    columns, got, _ = read(path, header=3)
    assert columns == ["No", "column 3", "Qty"]
    assert got == [(1, None, "1", "seen", "2"), (2, None, "3", None, "4")]


def test_a_merged_header_names_its_first_column(tmp_path):
    """The cells behind the first are blank: a column with values there is called by its place."""
    path = book(tmp_path / "a.xlsx", {"Orders": [["No", "Address", None], ["1", "Main St", "Leeds"]]})
    workbook = openpyxl.load_workbook(path)
    workbook["Orders"].merge_cells("B1:C1")
    workbook.save(path)
    assert read(path)[:2] == (["No", "Address", "column 3"], [(1, None, "1", "Main St", "Leeds")])


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        (None, ["Orders"]),
        ("Lines", ["Lines"]),
        (["Lines", "Orders"], ["Lines", "Orders"]),
        ("*", ["Orders", "Lines"]),
    ],
)
def test_the_first_sheet_the_named_or_all(tmp_path, sheet, expected):
    """All means all that hold something."""
    path = book(tmp_path / "a.xlsx", {"Orders": [["a"]], "Empty": [], "Lines": [["b"]]})
    assert sheets(path, plain_source(sheet=sheet)) == expected


def test_errors_and_formulas_are_what_the_sheet_shows(tmp_path):
    """#N/A stays visible, wherever it stands; a formula is its last value."""
    path = tmp_path / "a.xlsx"
    workbook = xlsxwriter.Workbook(path)
    workbook.add_worksheet("First").write_row(0, 0, ["No", "other"])
    sheet = workbook.add_worksheet("Orders")
    sheet.write_row(1, 1, ["No", "rate"])
    sheet.write_formula(2, 1, "=NA()", None, "#N/A")
    sheet.write_formula(2, 2, "=1/0", None, "#DIV/0!")
    sheet.write_formula(3, 1, "=1+1", None, 2)
    sheet.write_formula(3, 2, '="a"&"b"', None, "ab")
    sheet.write_formula(5, 1, "=x", None, "#NAME?")
    workbook.close()
    _, rows, note = read(path, header=2)
    assert rows == [
        (1, None, "#N/A", "#DIV/0!"),
        (2, None, "2", "ab"),
        (3, None, "#NAME?", None),
    ]
    assert note == "workbook, 3 cells show an error such as #N/A"


@pytest.mark.parametrize(
    ("rows", "settings", "words"),
    [
        ([], {}, "row 1 holds no column names"),
        ([[], [], ["a", "b"]], {}, "the first row that holds something is 3: set 'header'"),
        ([["a"]], {"header": 5}, "row 5 holds no column names"),
    ],
)
def test_a_sheet_without_column_names_is_refused(tmp_path, rows, settings, words):
    """The error names the file, the sheet and the row."""
    path = book(tmp_path / "a.xlsx", {"Orders": rows})
    with pytest.raises(MappingError, match=rf"a\.xlsx, sheet Orders: .*{words}"):
        read(path, **settings)


def test_an_unknown_sheet_gets_its_nearest(tmp_path):
    """A mistyped sheet is refused by name."""
    path = book(tmp_path / "a.xlsx", {"Orders": [["a"]]})
    with pytest.raises(MappingError, match="no sheet 'Order'; did you mean 'Orders'"):
        sheets(path, plain_source(sheet=["Order"]))


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".xlsb", ".ods"])
def test_a_file_that_is_no_workbook_is_refused(tmp_path, suffix):
    """Text, half a workbook and an empty file: one line that names the file."""
    whole = book(tmp_path / "whole.xlsx", {"Orders": [["a"], ["1"]]}).read_bytes()
    for content in (b"a,b\n1,2\n", whole[: len(whole) // 2], b""):
        path = tmp_path / f"broken{suffix}"
        path.write_bytes(content)
        with pytest.raises(MappingError, match=rf"broken\{suffix}: is no workbook, or is broken"):
            sheets(path, plain_source())


def test_an_old_workbook_is_read_also_under_a_wrong_name(tmp_path):
    """`samples/orders.xls` was written by xlwt 1.3.0; clients rename such files to .xlsx."""
    for name in ("orders.xls", "orders.xlsx"):
        path = tmp_path / name
        path.write_bytes((SAMPLES / "orders.xls").read_bytes())
        assert sheets(path, plain_source(sheet="*")) == ["Orders"]
        columns, rows, _ = read(path, header=2)
        assert columns == ["key", "when", "value"]
        assert rows == [
            (1, None, "007", "2026-01-02 00:00:00", "17850"),
            (2, None, "Müller", "2026-01-02 03:04:05", "0.25"),
            (3, None, "8", None, "true"),
        ]


def test_a_workbook_with_a_password_says_so(tmp_path):
    """Excel puts a locked workbook into a container with a stream EncryptedPackage."""
    content = bytearray((SAMPLES / "orders.xls").read_bytes())
    entry = content.index("Workbook".encode("utf-16-le"), content.index("Root Entry".encode("utf-16-le")))
    name = "EncryptedPackage".encode("utf-16-le")
    content[entry : entry + len(name)] = name
    content[entry + 64 : entry + 66] = struct.pack("<H", len(name) + 2)
    (tmp_path / "locked.xlsx").write_bytes(content)
    with pytest.raises(MappingError, match=r"locked\.xlsx: is protected by a password"):
        sheets(tmp_path / "locked.xlsx", plain_source())


def test_an_opendocument_sheet_is_read(tmp_path):
    """Typed cells, repeated cells and repeated rows."""
    cells = [
        '<table:table-cell office:value-type="string"><text:p>007</text:p></table:table-cell>',
        '<table:table-cell office:value-type="float" office:value="17850"><text:p>17,850</text:p></table:table-cell>',
        '<table:table-cell office:value-type="date" office:date-value="2026-01-02"/>',
        '<table:table-cell office:value-type="percentage" office:value="0.25"/>',
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"/>',
    ]
    names = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
        for name in ("key", "qty", "day", "share", "paid")
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Orders"><table:table-row>{names}</table:table-row>'
        f'<table:table-row table:number-rows-repeated="2">{"".join(cells)}</table:table-row>'
        '<table:table-row><table:table-cell office:value-type="float" office:value="0.5" '
        'table:number-columns-repeated="2"/></table:table-row>'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    path = tmp_path / "orders.ods"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr("content.xml", content)
    columns, rows, _ = read(path)
    assert columns == ["key", "qty", "day", "share", "paid"]
    typed = ("007", "17850", "2026-01-02 00:00:00", "0.25", "true")
    assert [row[2:] for row in rows] == [typed, typed, ("0.5", "0.5", None, None, None)]


def record(kind: int, content: bytes = b"") -> bytes:
    """A record of the binary format of .xlsb ([MS-XLSB] 2.1.4); small contents only."""
    return (
        (bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7]))
        + bytes([len(content)])
        + content
    )


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def test_a_binary_workbook_is_read(tmp_path):
    """Text, numbers and truth values of an .xlsb, written here record by record."""
    sheet = [record(0x94, struct.pack("<4I", 0, 1, 0, 2)), record(0x91)]
    grid = [["key", "größe", "paid"], ["007", 17850.0, True]]
    for row, cells in enumerate(grid):
        sheet.append(record(0, struct.pack("<II", row, 0) + bytes(9)))
        for column, cell in enumerate(cells):
            place = struct.pack("<II", column, 0)
            if isinstance(cell, str):
                sheet.append(record(6, place + wide(cell)))
            elif isinstance(cell, bool):
                sheet.append(record(4, place + bytes([cell])))
            else:
                sheet.append(record(5, place + struct.pack("<d", cell)))
    sheet.append(record(0x92))
    path = tmp_path / "orders.xlsb"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(
            "xl/_rels/workbook.bin.rels",
            '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.bin" '
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
        )
        bundle = struct.pack("<II", 0, 1) + wide("rId1") + wide("Orders")
        package.writestr("xl/workbook.bin", record(0x8F) + record(0x9C, bundle) + record(0x90) + record(0x9D))
        package.writestr("xl/worksheets/sheet1.bin", b"".join(sheet))
    assert read(path)[:2] == (["key", "größe", "paid"], [(1, None, "007", "17850", "true")])
