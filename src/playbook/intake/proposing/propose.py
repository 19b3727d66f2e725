"""A draft of the mapping for a folder of exports: what each is, and which column is what, with how sure that is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playbook.errors import MappingError
from playbook.intake.proposing.drafting import draft
from playbook.intake.proposing.guessing import Profile, count_values, find_dialect, profile
from playbook.intake.proposing.matching import Fit, Reference, chosen, find_references, fits
from playbook.intake.proposing.sampling import Export, take_samples
from playbook.intake.proposing.source_page import Part, Sketch
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb

DIRT = 0.05  # up to this share of rows with a repeated key it is dirt; above, several rows make one record


@dataclass(frozen=True)
class Proposal:
    """A draft that was written.

    Parameters
    ----------
    path : Path
        The draft.
    text : str
        What is in it.
    exports : tuple of Export
        What was found in the folder.
    tables : dict
        How sure it is, 0 to 1, by canonical table that the draft makes.
    incomplete : dict
        Required columns that were not found, by canonical table that is only written as a comment.
    unread : tuple of str
        What could not be read, one line each.
    """

    path: Path
    text: str
    exports: tuple[Export, ...]
    tables: dict[str, float]
    incomplete: dict[str, tuple[str, ...]]
    unread: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return what to print."""
        made = [
            f"  {name:<20}{sure:>5.0%}" for name, sure in sorted(self.tables.items(), key=lambda t: -t[1])
        ]
        lacking = [
            f"  {name}: lacks {', '.join(columns)}" for name, columns in sorted(self.incomplete.items())
        ]
        return [
            f"{self.path}: draft from {len(self.exports)} exports; read and correct it before you take it in",
            *(["tables found, and how sure that is:", *made] if made else ["no table is complete"]),
            *(["written as comments, for columns are missing:", *lacking] if lacking else []),
            *(f"not read: {line}" for line in self.unread),
        ]


def propose(folder: Path | Sequence[Path], *, connections: Sequence[str] = (), out: Path) -> Proposal:
    """Write a draft mapping for exports; `read_mapping` accepts it when at least one table is complete.

    Parameters
    ----------
    folder : path or sequence of path
        A folder of exports (without its subfolders), or files that are in one folder.
    connections : sequence of str
        Names of environment variables that hold the address of a PostgreSQL database.
    out : path
        The draft; the files it names are found from its folder.

    Raises
    ------
    MappingError
        When there is nothing to read, or `out` exists: a corrected mapping is not replaced.
    """
    import duckdb

    if out.exists():
        raise MappingError(f"{out}: exists already; name another file, or remove it, to get a new draft")
    if not all(variable.isidentifier() for variable in connections):
        raise MappingError(
            "connection: expected the name of an environment variable that holds the address, not the address itself"
        )
    files = _files(folder)
    if not files and not connections:
        raise MappingError(f"{folder}: no files in it; expected the exports of a client")
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '1GB'; set temp_directory = '{scratch}'")
        exports, unread = take_samples(connection, files, connections, scratch=Path(scratch))
        if not exports:
            raise MappingError(f"{folder}: none of its files can be read; first: {unread[0]}")
        exports = [_found_from(export, files, out.parent) for export in exports]
        sketches = [_sketch(connection, export) for export in exports]
        parts, references = _assign(connection, sketches)
        placed = [
            _part(connection, fit, next(s for s in sketches if s.export.name == fit.export)) for fit in parts
        ]
    text = draft(sketches, placed, references, unread)
    out.write_text(text, encoding="utf-8")
    complete = {part.fit.table: part.fit.score for part in placed if part.active}
    incomplete = {p.fit.table: p.fit.missing for p in placed if not p.active and p.fit.table not in complete}
    return Proposal(out, text, tuple(exports), complete, incomplete, tuple(unread))


def _files(folder: Path | Sequence[Path]) -> list[Path]:
    if not isinstance(folder, Path):
        return sorted(path.resolve() for path in folder)
    if not folder.is_dir():
        raise MappingError(f"{folder}: no such folder; expected one with the exports of a client")
    skipped = (".yml", ".yaml", ".md", ".py", ".pdf", ".draft")
    return sorted(
        path.resolve()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith((".", "~$")) and path.suffix.lower() not in skipped
    )


def _found_from(export: Export, files: Sequence[Path], folder: Path) -> Export:
    """Return the export with its files named as seen from the folder of the draft."""
    if "file" not in export.place:
        return export
    start = os.path.relpath(files[0].parent, folder.resolve())
    if start == ".":
        return export
    names = export.place["file"]
    moved = [Path(start, name).as_posix() for name in ([names] if isinstance(names, str) else names)]
    return replace(export, place=export.place | {"file": moved[0] if isinstance(names, str) else moved})


def _sketch(connection: duckdb.DuckDBPyConnection, export: Export) -> Sketch:
    cells = [f"c{i}" for i in range(len(export.columns))]
    dialect, unsure = find_dialect([count_values(connection, export.relation, cell) for cell in cells])
    profiles = [
        profile(connection, export.relation, cell, name, dialect)
        for cell, name in zip(cells, export.columns, strict=True)
    ]
    return Sketch(export, dialect, unsure, tuple(_settled(profiles)))


def _settled(profiles: Sequence[Profile]) -> list[Profile]:
    """Return the profiles with the order of day and month that other columns of the export show, where one shows none."""
    sure = {
        one.times.formats[0][:2]
        for one in profiles
        if one.times.formats and one.times.swapped is None and one.times.formats[0][:2] in ("%d", "%m")
    }
    settled = []
    for one in profiles:
        times = one.times
        if times.swapped and len(sure) == 1:
            first = next(iter(sure))
            format_ = times.formats[0] if times.formats[0].startswith(first) else times.swapped
            times = replace(times, formats=(format_,), swapped=None)
        settled.append(replace(one, times=times))
    return settled


def _assign(
    connection: duckdb.DuckDBPyConnection, sketches: Sequence[Sketch]
) -> tuple[list[Fit], dict[str, dict[str, list[Reference]]]]:
    """Return what each export feeds: first by names and values alone, then again knowing whose keys are whose."""

    def ranked(references: Mapping[str, Mapping[str, Sequence[Reference]]]) -> dict[str, list[Fit]]:
        return {
            one.export.name: fits(
                one.export.name, one.export.name, one.columns, references.get(one.export.name, {})
            )
            for one in sketches
        }

    relations = {one.export.name: one.export.relation for one in sketches}
    keys = []
    for name, found in ranked({}).items():
        if (
            found
            and len(canonical := schemas.table(found[0].table).key) == 1
            and canonical[0] in found[0].matches
        ):
            keys.append((name, relations[name], found[0].matches[canonical[0]].column, canonical[0]))
    exports = [(one.export.name, one.export.relation, one.columns) for one in sketches]
    references = find_references(connection, exports, keys)
    return chosen(ranked(references)), references


def _part(connection: duckdb.DuckDBPyConnection, fit: Fit, sketch: Sketch) -> Part:
    """Return how the rows of an export make the records of a table: one each, or several together."""
    key = schemas.table(fit.table).key
    if any(name not in fit.matches for name in key):
        return Part(fit, one_per="row")
    cells = ", ".join(fit.matches[name].column.cell for name in key)
    filled = " and ".join(f"{fit.matches[name].column.cell} is not null" for name in key)
    relation = sketch.export.relation
    rows, keyed, distinct, within = connection.execute(
        f"select count(*), count(*) filter ({filled}), count(distinct ({cells})) filter ({filled}), "
        f"count(distinct (file, {cells})) filter ({filled}) from {relation}"
    ).fetchall()[0]
    repeated, in_one_file = keyed - distinct, keyed - within
    if repeated > 2 * in_one_file and in_one_file <= DIRT * keyed:
        return Part(fit, one_per="row", delivered=tuple(fit.matches[name].column.name for name in key))
    together = "key" if keyed and repeated > DIRT * keyed else "row"
    return Part(fit, one_per=together, repeated=repeated, without_key=rows - keyed)
