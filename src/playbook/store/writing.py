"""Writing a store: validated, compressed, and complete or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import StoreError
from playbook.store.reading import INFO

if TYPE_CHECKING:
    import pandas as pd


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


def write_store(
    path: str | Path,
    tables: Mapping[str, pd.DataFrame],
    info: Mapping[str, Any],
    *,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Write `tables` as a store at `path`, replacing the store that is there only when all is written.

    Tables named ``truth_*`` go to the folder `truth/`. `info` (kind, name, seed ...) is kept in `store.json`
    with each table's rows and hash, and one hash of all tables. `beside` are further files, by name.

    Raises
    ------
    StoreError
        When something else than a store is at `path`: it is left alone.
    """
    target = Path(path).resolve()
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / INFO).is_file()):
        raise StoreError(f"'{target}' is there and is no store: name another folder, or remove it")
    draft, replaced = (target.with_name(target.name + end) for end in (".incomplete", ".replaced"))
    if replaced.exists() and not target.exists():
        # A kill came between the two moves below: keep the old store until the new one is whole.
        replaced.rename(target)
    for rest in (draft, replaced):
        if rest.exists():
            shutil.rmtree(rest)
    (draft / "truth").mkdir(parents=True)
    for file_name, content in (beside or {}).items():
        (draft / file_name).write_bytes(content)
    rows: dict[str, dict[str, Any]] = {}
    for name, frame in sorted(tables.items()):
        is_truth = name.startswith("truth_")
        file = draft / ("truth" if is_truth else "") / f"{name}.parquet"
        frame.to_parquet(file, compression="zstd", compression_level=1, index=False)
        if not is_truth:
            rows[name] = {"rows": len(frame), "sha256": file_hash(file)}
    digest = hashlib.sha256("".join(entry["sha256"] for entry in rows.values()).encode()).hexdigest()
    text = json.dumps({**info, "hash": digest, "tables": rows}, indent=2, default=str)
    (draft / INFO).write_text(text + "\n", encoding="utf-8")
    if target.exists():
        target.rename(replaced)  # in one move, so that a store is never seen half deleted
    draft.rename(target)
    if replaced.exists():
        shutil.rmtree(replaced)


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
