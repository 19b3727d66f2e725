"""Writing a store: validated, compressed, and complete or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import StoreError
from playbook.store.reading import INFO

if TYPE_CHECKING:
    import pandas as pd

LOCK = "lock"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON in one move, so that a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(value, indent=2, default=str) + "\n", encoding="utf-8")
    os.replace(draft, path)


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table: its path in the store, its rows and the SHA-256 of its bytes."""

    table: str
    file: str
    rows: int
    sha256: str


def write_part(draft: Path, name: str, frame: pd.DataFrame, number: int | None = None) -> Part:
    """Write a table into a draft: as one file, or, with a `number`, as one of several in a folder.

    Tables named ``truth_*`` go to the folder `truth/`.
    """
    folder = draft / "truth" if name.startswith("truth_") else draft
    file = folder / f"{name}.parquet" if number is None else folder / name / f"{number:05d}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(file, compression="zstd", compression_level=1, index=False)
    return Part(name, file.relative_to(draft).as_posix(), len(frame), file_hash(file))


class Draft:
    """A store that is being written, in a folder of its own; see `store_draft`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: list[Part] = []

    def add(self, parts: Iterable[Part]) -> None:
        """Note files that were written."""
        self.parts += parts

    def check(self) -> None:
        """Raise a StoreError when a file that was reported is not there: its worker sees another disk."""
        for part in self.parts:
            if not (self.path / part.file).is_file():
                raise StoreError(f"'{self.path / part.file}' is missing: all workers must see this folder")

    def contents(self) -> dict[str, Any]:
        """Return the hash of all tables, and of each its rows and hash; truth is left out."""
        tables: dict[str, list[Part]] = {}
        for part in self.parts:
            if not part.table.startswith("truth_"):
                tables.setdefault(part.table, []).append(part)
        rows: dict[str, dict[str, Any]] = {}
        for name, parts in sorted(tables.items()):
            digest = parts[0].sha256 if len(parts) == 1 else _digest(part.sha256 for part in parts)
            rows[name] = {"rows": sum(part.rows for part in parts), "sha256": digest}
        return {"hash": _digest(entry["sha256"] for entry in rows.values()), "tables": rows}


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _lock(folder: Path, target: Path) -> sqlite3.Connection:
    """Return a lock on a draft that ends with the process: SQLite's, which works on every system."""
    lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    try:
        lock.execute("begin exclusive")
    except sqlite3.OperationalError:
        lock.close()
        raise StoreError(f"'{target}' is being written by another process: wait until it has ended") from None
    return lock


@contextmanager
def store_draft(path: str | Path, info: Mapping[str, Any]) -> Iterator[Draft]:
    """Yield a draft that becomes the store at `path`, replacing the one that is there, when all is written.

    `info` (kind, name, seed ...) is kept in `store.json` with each table's rows and hash, and one hash of all tables,
    unless it says itself what tables there are.

    Raises
    ------
    StoreError
        When something else than a store is at `path` (it is left alone), or another process is writing it.
    """
    target = Path(path).resolve()
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / INFO).is_file()):
        raise StoreError(f"'{target}' is there and is no store: name another folder, or remove it")
    folder, replaced = (target.with_name(target.name + end) for end in (".incomplete", ".replaced"))
    if replaced.exists() and not target.exists():
        # A kill came between the two moves below: keep the old store until the new one is whole.
        replaced.rename(target)
    if folder.exists():
        _lock(folder, target).close()  # nobody else's: what a kill left
    for rest in (folder, replaced):
        if rest.exists():
            shutil.rmtree(rest)
    (folder / "truth").mkdir(parents=True)
    draft, lock = Draft(folder), _lock(folder, target)
    try:
        yield draft
        draft.check()
        # Of tables that are elsewhere, the info says itself what there is.
        contents = {key: value for key, value in draft.contents().items() if key not in info}
        text = json.dumps({**info, **contents}, indent=2, default=str)
        (folder / INFO).write_text(text + "\n", encoding="utf-8")
    except OSError as problem:
        raise StoreError(
            f"'{target}' is incomplete ({problem.strerror or problem}): make room and run the command again"
        ) from problem
    finally:
        lock.close()
    (folder / LOCK).unlink()
    if target.exists():
        target.rename(replaced)  # in one move, so that a store is never seen half deleted
    folder.rename(target)
    if replaced.exists():
        shutil.rmtree(replaced)


def write_store(
    path: str | Path,
    tables: Mapping[str, pd.DataFrame],
    info: Mapping[str, Any],
    *,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Write `tables` as a store at `path`, as `store_draft` does. `beside` are further files, by name."""
    with store_draft(path, info) as draft:
        for file_name, content in (beside or {}).items():
            (draft.path / file_name).write_bytes(content)
        draft.add(write_part(draft.path, name, frame) for name, frame in sorted(tables.items()))


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all columns of its declaration, in order and of their kinds; new ones are empty.

    An undeclared table (of truth) is returned as it is.

    Raises
    ------
    StoreError
        When the frame has a column that is not declared.
    """
    import pandas as pd

    from playbook.store.schemas import KINDS, tables

    if name not in tables():
        return frame
    declared = tables()[name].columns
    unknown = set(frame.columns) - {column.name for column in declared}
    if unknown:
        raise StoreError(f"table '{name}' has undeclared columns: {', '.join(sorted(unknown))}")
    return pd.DataFrame(
        {
            column.name: _of_kind(frame[column.name], column.kind)
            if column.name in frame
            else pd.Series(
                False if column.kind == "flag" else None, index=frame.index, dtype=KINDS[column.kind]
            )
            for column in declared
        },
        copy=False,
    )


def _of_kind(values: pd.Series, kind: str) -> pd.Series:
    from playbook.store.schemas import KINDS

    wanted: Any = KINDS[kind]
    if kind == "flag":
        values = values.astype("boolean").fillna(False)  # rows of a domain that does not know of the flag
    return values.astype(wanted) if values.dtype != wanted else values


def validate(name: str, frame: pd.DataFrame) -> None:
    """Raise a StoreError when `frame` breaks the declaration of table `name`."""
    from pandera.errors import SchemaErrors

    from playbook.store.schemas import table

    try:
        table(name).pandera().validate(frame, lazy=True)
    except SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        raise StoreError(
            f"table '{name}': {len(error.failure_cases)} cells break its schema; first: column "
            f"{first['column']}, check {first['check']}, value {first['failure_case']!r}, row {first['index']}"
        ) from None
