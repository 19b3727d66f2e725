"""What an intake did: the counts of each source, kept beside the tables as `intake.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from playbook.errors import MappingError
from playbook.store.reading import Store

REPORT = "intake.json"


@dataclass(frozen=True)
class FileReport:
    """One file, sheet or table that was read: its name beside the mapping, hash, rows, and what was found out about it."""

    name: str
    sha256: str
    rows: int
    note: str


@dataclass(frozen=True)
class SourceReport:
    """What became of one source: rows = accepted + the sum of `quarantined`, which counts rows by reason.

    `corrected` rows were replaced by what the client sent back; `unplaced` corrections fit no row of the source.
    `hints` say in a line what may be wrong with the mapping.
    """

    name: str
    file: str
    files: tuple[FileReport, ...]
    rows: int
    accepted: int
    quarantined: dict[str, int]
    corrected: int = 0
    unplaced: int = 0
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class IntakeReport:
    """What an intake did: each source, and the rows of each canonical table made from them.

    `key` is the fingerprint of the key that made the pseudonyms; None when nothing was pseudonymised.
    """

    name: str
    sources: tuple[SourceReport, ...]
    tables: dict[str, int]
    key: str | None = None
    identities: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the report as lines to print."""
        lines = [self.name]
        for source in self.sources:
            lines += [f"{source.name} ({source.file})"]
            if len(source.files) > 1 or source.files[0].note:
                lines += [f"  {file.name}: {file.rows:,} rows {file.note}".rstrip() for file in source.files]
            lines += [
                _count("rows in", source.rows, source.rows),
                _count("accepted", source.accepted, source.rows),
                _count("quarantined", source.rows - source.accepted, source.rows),
                *(_count(f"  {reason}", rows, source.rows) for reason, rows in source.quarantined.items()),
            ]
            if source.corrected or source.unplaced:
                lines.append(
                    f"  corrections: {source.corrected:,} rows replaced, {source.unplaced:,} fit no row"
                )
            lines += [f"  hint: {hint}" for hint in source.hints]
        for name, people in self.identities.items():
            lines.append(f"identities: {people:,} of {name}")
        made = ", ".join(f"{name} {rows:,}" for name, rows in self.tables.items())
        return "\n".join([*lines, f"tables: {made}"])


def _count(label: str, rows: int, of: int) -> str:
    return f"  {label:<40}{rows:>12,}{rows / of if of else 0:>8.1%}"


def read_report(store_path: str | Path) -> IntakeReport:
    """Return the report of the intake that made a store.

    Raises
    ------
    StoreError
        When the store is missing or incomplete.
    MappingError
        When it was not made by an intake.
    """
    file = Store(store_path).path / REPORT
    if not file.is_file():
        raise MappingError(f"store '{store_path}' was not made from exports (no {REPORT} in it)")
    values = json.loads(file.read_text(encoding="utf-8"))
    sources = tuple(
        SourceReport(
            **source
            | {
                "files": tuple(FileReport(**one) for one in source["files"]),
                "hints": tuple(source["hints"]),
            }
        )
        for source in values.pop("sources")
    )
    return IntakeReport(**values, sources=sources)
