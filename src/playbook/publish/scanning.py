"""Everything a folder of files says, wherever it says it: text, attributes, comments, metadata, members, file names."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Pieces = Iterator[tuple[str, str]]

INLINE = frozenset(
    ("a", "abbr", "b", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "samp", "small", "span", "strong",
     "sub", "sup", "tspan", "u", "var", "wbr")
)  # fmt: skip
DRAWS = {"d", "points", "transform", "viewbox"}  # attributes of an SVG: numbers and one-letter commands
DRAWING = re.compile(r"(?:[-+\d.,\s()]|[a-zA-Z](?![a-zA-Z])|matrix|translate|scale|rotate)*")
DATA_ADDRESS = re.compile(r"data:([\w/+.-]*)(?:;[\w=-]+)*;base64,([A-Za-z0-9+/=\s%]+)")
UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
MARKUP = (".html", ".htm", ".xhtml", ".svg", ".xml", ".rels", ".rss")
SCRIPTS = (".js", ".mjs", ".css", ".map")
NOTHING_PERSONAL = "[0-9a-f]{16}|[^[:alpha:]]{0,6}"  # in a store: pseudonyms and short numbers
DEEPEST = 5  # archives inside archives


def folder(
    path: Path, *, skip: Callable[[Path], bool] = lambda file: False
) -> Iterator[tuple[str, str, str]]:
    """Yield what the files below `path` say.

    Parameters
    ----------
    path : path
        The folder.
    skip : callable
        Whether to leave out what stands in a file; its name is read all the same.

    Yields
    ------
    tuple
        File (relative), place in it, and a text without line breaks.
    """
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        yield name, "file name", name
        yield name, "file name", re.sub(r"[-_./\\]+", " ", name)
        if not file.is_file() or skip(file):
            continue
        table = file.suffix == ".parquet"
        for where, text in _table(file) if table else said(file.name, file.read_bytes()):
            for line in _lines(text):
                yield name, where, line


def said(name: str, data: bytes, depth: int = 0) -> Pieces:
    """Yield place and text of everything that a file's bytes say; its kind is told by its first bytes, then its name."""
    lower = name.lower()
    if data.startswith(b"PK\x03\x04") and depth < DEEPEST:
        yield from _archive(data, depth)
    elif data.startswith(b"\x1f\x8b") and depth < DEEPEST:
        yield from said(lower.removesuffix(".gz"), _unpacked(data, 31), depth + 1)
    elif data.startswith(b"\x89PNG"):
        yield from _png(data)
    elif data.startswith((b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*")):
        yield from _picture(data)
    elif data.startswith(b"%PDF"):
        yield from _pdf(data)
    elif data.startswith(b"# Sphinx inventory"):
        yield "inventory", _unpacked(data.split(b"\n", 4)[-1], 15).decode("utf-8", "replace")
    elif (text := _decoded(data)) is None:
        yield "bytes", _strings(data)
    else:
        yield from _of_text(lower, text, depth)


def _of_text(name: str, text: str, depth: int) -> Pieces:
    text, embedded = _without_data(text)
    for kind, data in embedded:
        for where, inner in said(f"embedded.{kind.rpartition('/')[2].partition('+')[0]}", data, depth + 1):
            yield f"embedded {kind or 'data'}, {where}", inner
    if name.endswith((".json", ".ipynb", ".webmanifest")):
        try:
            content = json.loads(text)
        except ValueError:
            yield "text", text
        else:
            yield from _json(content, "", depth)
    elif name.endswith(MARKUP) or text.lstrip()[:15].lower().startswith(
        ("<!doctype", "<html", "<svg", "<?xml")
    ):
        yield from markup(text)
    elif name.endswith(SCRIPTS):
        yield "script", _script(text)
    else:
        yield "text", text
        if "&" in text or "<" in text:
            yield from markup(text)


class _Markup(HTMLParser):
    """Collects text (inline tags do not part words, cells of a row stay on one line), attributes and comments."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self.line: list[str] = []
        self.raw = ""
        self.preformatted = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._part(tag)
        self.raw = tag if tag in ("script", "style") else ""
        self.preformatted |= tag == "pre"
        for name, value in attrs:
            if value and not (name in DRAWS and DRAWING.fullmatch(value)):
                self.found.append((f"attribute {name} of <{tag}>", value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.raw = ""

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)
        self.raw = ""
        self.preformatted &= tag != "pre"

    def handle_data(self, data: str) -> None:
        if self.raw:
            self.found.append((self.raw, _script(data)))
        else:
            self.line.append(data if self.preformatted else data.replace("\n", " "))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration", decl))

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        self.handle_decl(data)

    def _part(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.line.append(" ")
        elif tag not in INLINE:
            self.flush()

    def flush(self) -> None:
        if text := "".join(self.line).strip():
            self.found.append(("text", text))
        self.line = []


def markup(text: str) -> Pieces:
    """Yield what HTML, SVG or XML says: text, attributes, comments, scripts."""
    parser = _Markup()
    parser.feed(text)
    parser.close()
    parser.flush()
    yield from parser.found


def _script(text: str) -> str:
    """Return a script's literals and comments, each on a line of its own: neighbours in a list are no sentence."""
    plain = UNICODE_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    return re.sub(r"""["'`]""", "\n", plain)


def _json(value: Any, where: str, depth: int) -> Pieces:
    if isinstance(value, dict):
        for key, inner in value.items():
            place = f"{where}.{key}" if where else str(key)
            yield place, str(key)
            yield from _of_mime(str(key), inner, place, depth)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _json(inner, f"{where} {number}", depth)
    elif value is not None and not isinstance(value, bool):
        text, embedded = _without_data(str(value))
        yield where or "text", text
        if "<" in text:
            yield from ((f"{where}, {place}", inner) for place, inner in markup(text))
        for kind, data in embedded:
            yield from ((f"{where}, {place}", inner) for place, inner in said(kind, data, depth + 1))


def _of_mime(key: str, value: Any, where: str, depth: int) -> Pieces:
    """Yield what a JSON value says; in a notebook its key may be its kind, and its lines stand in a list."""
    lines = isinstance(value, list) and value and all(isinstance(line, str) for line in value)
    if lines and (key in ("source", "text", "traceback") or "/" in key):
        value = "".join(value)
    if isinstance(value, str) and re.fullmatch(r"(image|application|audio|video)/[\w.+-]+", key):
        suffix = key.rpartition("/")[2]
        data = value.encode() if suffix.startswith("svg") or suffix.endswith("json") else _from_base64(value)
        if data is not None:
            name = "embedded." + suffix.rpartition("+")[2] if "+" in suffix else f"embedded.{suffix}"
            yield from ((f"{where}, {place}", inner) for place, inner in said(name, data, depth + 1))
            return
    yield from _json(value, where, depth)


def _without_data(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a text without the files that stand in it as base64, and these files with their kinds."""
    found = []
    for match in DATA_ADDRESS.finditer(text) if "base64," in text else ():
        data = _from_base64(unquote(match[2]))
        if data:
            found.append((match[1], data))
    return (DATA_ADDRESS.sub("data:", text) if found else text), found


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()) + "==", validate=False)
    except (binascii.Error, ValueError):
        return None


def _archive(data: bytes, depth: int) -> Pieces:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        yield "comment of the archive", archive.comment.decode("utf-8", "replace")
        for member in archive.infolist():
            yield "name of a member", member.filename
            yield f"member {member.filename}", (member.comment + member.extra).decode("utf-8", "replace")
            for where, text in said(member.filename, archive.read(member), depth + 1):
                yield f"{member.filename}, {where}", text


def _unpacked(data: bytes, bits: int) -> bytes:
    """Return what zlib can unpack of `data`; of a damaged file its beginning."""
    if bits == 31:
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            pass  # damaged or cut off: what follows keeps what is readable
    try:
        return zlib.decompressobj(bits).decompress(data)
    except zlib.error:
        return data


def _png(data: bytes) -> Pieces:
    """Yield the texts of a PNG: every chunk but those that draw, and what stands behind its end."""
    place = 8
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        content = data[place + 8 : place + 8 + size]
        place += 12 + size
        label = f"metadata {kind.decode('latin-1')}"
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            keyword, _, rest = content.partition(b"\0")
            yield label, f"{keyword.decode('latin-1')} {_strings(rest)}"
            for start in [match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", rest)]:
                if (plain := _unpacked(rest[start:], 15)) != rest[start:]:
                    yield label, plain.decode("utf-8", "replace")
        elif kind not in (b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"IEND"):
            yield label, _strings(content)
        if kind == b"IEND":
            break
    if place < len(data):
        yield "bytes behind the picture", _strings(data[place:])


def _picture(data: bytes) -> Pieces:
    """Yield the metadata of a JPEG, GIF, WebP or TIFF: what Pillow reads, and the segments before the picture."""
    from PIL import ExifTags, Image, UnidentifiedImageError

    try:
        image = Image.open(BytesIO(data))
    except UnidentifiedImageError:
        yield "bytes", _strings(data)
        return
    exif = image.getexif()
    parts = [dict(exif), *(dict(exif.get_ifd(number)) for number in ExifTags.IFD)]
    named = [(ExifTags.TAGS.get(key, str(key)), value) for part in parts for key, value in part.items()]
    for key, value in [*image.info.items(), *named]:
        yield f"metadata {key}", _strings(value) if isinstance(value, bytes) else str(value)
    start = data.find(b"\xff\xda")
    if data.startswith(b"\xff\xd8"):
        yield "metadata", _strings(data[:start] + data[data.rfind(b"\xff\xd9") :])


def _pdf(data: bytes) -> Pieces:
    yield "document", _strings(data)
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, flags=re.S):
        if (plain := _unpacked(stream, 15)) != stream:
            yield "stream", _strings(plain)


def _table(file: Path) -> Pieces:
    """Yield the column names and distinct texts of a Parquet file, in pieces; pseudonyms and short numbers say nothing."""
    import duckdb
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    yield "columns", "\n".join(schema.names)
    for key, value in (schema.metadata or {}).items():
        yield f"metadata {key.decode('utf-8', 'replace')}", value.decode("utf-8", "replace")
    texts = [field.name for field in schema if str(field.type) in ("string", "large_string", "string_view")]
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        for name in texts:
            cell = '"' + name.replace('"', '""') + '"'
            rows = connection.execute(
                f"select distinct {cell} from read_parquet(?) where not regexp_full_match({cell}, ?)",
                [file.as_posix(), NOTHING_PERSONAL],
            )
            while batch := rows.fetchmany(100_000):
                yield f"column {name}", "\n".join(text for (text,) in batch)


def _decoded(data: bytes) -> str | None:
    """Return a text file's text; None when the bytes are no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:4096]:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        readable = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in data[:4096])
        return data.decode("latin-1") if readable > 0.8 * len(data[:4096]) else None


def _strings(data: bytes) -> str:
    """Return the readable parts of binary data, in UTF-8, Latin-1 and UTF-16."""
    runs = [run.decode("utf-8", "replace") for run in re.findall(rb"[\x20-\x7e\x80-\xff]{4,}", data)]
    wide = [run.decode("utf-16-le") for run in re.findall(rb"(?:[\x20-\xff]\x00){4,}", data)]
    return "\n".join(runs + wide)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that hold a letter or digit, as written and, where they differ, with entities and %20 undone."""
    for line in text.splitlines():
        plain = " ".join(line.split())
        if len(plain) < 2:
            continue
        yield plain
        if "%" in plain or "&" in plain:
            undone = " ".join(unquote(html.unescape(plain)).split())
            if undone != plain:
                yield undone
