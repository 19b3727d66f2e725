"""Reading a text file (CSV and its relatives): fast where it is sound, row by row where it is not."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playbook.errors import MappingError
from playbook.intake.reading import dialects
from playbook.intake.reading.csv_rows import LONG, rows
from playbook.intake.reading.rows import fill, trimmed
from playbook.intake.reading.text_files import (
    CHUNK,
    REPLACED,
    Survey,
    Text,
    open_lines,
    survey_of,
    understood,
)
from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb

    from playbook.intake.mapping import Source

NAMES = {"utf-8-sig": "UTF-8 with byte-order mark", "cp1252": "Windows-1252"}
SIGNS = {"\t": "tab", "|": "'|'", ";": "';'", ",": "','"}


class _Progress:
    """Tells `tick` the bytes that were read; several passes over a file share its size."""

    def __init__(self, path: Path, tick: Callable[[int], None]) -> None:
        self.size, self.tick, self.told = path.stat().st_size, tick, 0

    def upto(self, share: float) -> None:
        new = int(self.size * min(1.0, share)) - self.told
        if new > 0:
            self.told += new
            self.tick(new)

    def part(self, start: float, end: float) -> Callable[[int], None]:
        """Return a callable that is told the position in a pass."""
        return lambda position: self.upto(start + (end - start) * position / max(1, self.size))


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None] = lambda done: None,
) -> tuple[list[str], str]:
    """Read a text file into the table `target`; return its column names and how it is written.

    What the mapping does not say (encoding, delimiter, quote) is found out from the file. A row whose cells, quotes or
    characters are damaged is kept and says so in `damage`; lines of nothing but blanks are no rows.

    Parameters
    ----------
    connection, path, source, target, scratch
        See `playbook.intake.reading`.
    tick : callable
        Told bytes; in all, the size of the file.

    Raises
    ------
    MappingError
        When the file is empty or no text, or its header is broken.
    """
    progress = _Progress(path, tick)
    try:
        survey = survey_of(path, progress.part(0, 0.1))
        text = understood(path, source, survey)
        with TemporaryDirectory(dir=scratch) as folder:
            fast = not (survey.cut or survey.loose) and _load_fast(
                connection, text, target, survey, Path(folder), progress
            )
        if not fast:
            _load_tolerant(connection, text, target, progress)
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror or error})") from None
    progress.upto(1)
    return text.names, _note(connection, text, target, survey, source)


def _load_fast(
    connection: duckdb.DuckDBPyConnection,
    text: Text,
    target: str,
    survey: Survey,
    folder: Path,
    progress: _Progress,
) -> bool:
    """Read a sound file by DuckDB; return False, without a table, when it is not sound."""
    import duckdb

    if len(text.names) == 1:  # DuckDB cannot tell an empty line from an empty cell
        return False
    path, done, direct = text.path, 0.1, text.encoding == "utf-8-sig" and text.start == 1
    if not direct or survey.zipped:
        path, done, direct = folder / "text.csv", 0.4, False
        try:
            _copy(text, path, progress.part(0.1, done))
        except UnicodeDecodeError:
            return False
    quote = literal(text.shape.quote)
    cells = ", ".join(f"{trimmed(f'c{i}')} as c{i}" for i in range(len(text.names)))
    types = ", ".join(f"c{i}: 'varchar'" for i in range(len(text.names)))
    with _watched(connection, lambda share: progress.upto(done + (1 - done) * share)):
        try:
            connection.execute(
                f"create table {target} as select null::varchar as damage, {cells} from read_csv("
                f"{literal(escape(path.as_posix()))}, columns = {{{types}}}, auto_detect = false, header = {direct}, "
                f"delim = {literal(text.shape.delimiter)}, quote = {quote}, escape = {quote}, nullstr = '', "
                "strict_mode = true, compression = 'none')"
            )
        except duckdb.InvalidInputException:
            return False
        # Numbering the rows while they are read would take one thread only.
        connection.execute(f"create sequence {target}_rows")
        connection.execute(f"alter table {target} add column row bigint default nextval('{target}_rows')")
        connection.execute(f"alter table {target} alter column row drop default")
        connection.execute(f"drop sequence {target}_rows")
    if _has_long_rows(connection, target, survey.breaks, len(text.names)):
        connection.execute(f"drop table {target}")
        return False
    return True


def _copy(text: Text, path: Path, position: Callable[[int], None]) -> None:
    """Write what stands below the header in UTF-8."""
    with (
        open_lines(text.path, text.encoding, position=position) as (handle, _),
        path.open("w", encoding="utf-8", newline="") as copy,
    ):
        for _ in islice(handle, text.start):
            pass
        while part := handle.read(CHUNK):
            copy.write(part)


def _has_long_rows(connection: duckdb.DuckDBPyConnection, target: str, breaks: int, columns: int) -> bool:
    """Return whether a row runs over so many lines that a quote may have been lost."""
    query = f"select count(*) from {target}"
    if breaks - connection.execute(query).fetchall()[0][0] < LONG:
        return False
    cells = "concat(" + ", ".join(f"c{i}" for i in range(columns)) + ")"
    lines = [f"length({cells}) - length(replace({cells}, chr({sign}), '')) >= {LONG}" for sign in (10, 13)]
    return bool(connection.execute(f"select 1 from {target} where {' or '.join(lines)} limit 1").fetchall())


@contextmanager
def _watched(connection: duckdb.DuckDBPyConnection, told: Callable[[float], None]) -> Iterator[None]:
    """Tell the share that DuckDB has done, while it works; rows stay in their order."""
    wanted = {
        "enable_progress_bar": True,
        "enable_progress_bar_print": False,
        "preserve_insertion_order": True,
    }
    query = "select " + ", ".join(f"current_setting('{name}')" for name in wanted)
    before = dict(zip(wanted, connection.execute(query).fetchall()[0], strict=True))
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            told(connection.query_progress() / 100)

    thread = threading.Thread(target=watch, daemon=True)
    for name, value in wanted.items():
        connection.execute(f"set {name} = {value}")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for name, value in before.items():
            connection.execute(f"set {name} = {value}")


def _load_tolerant(
    connection: duckdb.DuckDBPyConnection, text: Text, target: str, progress: _Progress
) -> None:
    """Read a file row by row, and keep what is damaged."""
    position = progress.part(0.1, 1)
    with open_lines(text.path, text.encoding, errors=REPLACED, position=position) as (handle, raw):
        below = islice(handle, text.start, None)
        fill(connection, target, text.names, rows(below, text.shape, lambda: raw.cut))


def _note(
    connection: duckdb.DuckDBPyConnection, text: Text, target: str, survey: Survey, source: Source
) -> str:
    """Return what was found out, for people."""
    damaged = connection.execute(f"select count(damage) from {target}").fetchall()[0][0]
    sample = connection.execute(
        f"select columns('c[0-9]+') from {target} where damage is null limit 500"
    ).fetchall()
    signs = [dialects.number_signs(values) for values in zip(*sample, strict=True)]
    comma = any(
        found and found.decimal == "," and not found.ambiguous and found.share > 0.9 for found in signs
    )
    label = (
        text.encoding.removesuffix("-sig") if not survey.sample.startswith(codecs.BOM_UTF8) else text.encoding
    )
    parts = [
        NAMES.get(label, label.upper()),
        SIGNS.get(text.shape.delimiter, f"'{text.shape.delimiter}'"),
        f"quote {text.shape.quote}" if text.shape.quote != '"' else "",
        "decimal comma" if comma else "",
        f"header in row {source.header}" if source.header > 1 else "",
        "the archive ends too early or is damaged" if survey.cut else "",
        f"{damaged:,} damaged row{'s' if damaged > 1 else ''}" if damaged else "",
    ]
    return ", ".join(part for part in parts if part)
