"""A step of a run: done once for the same inputs, and never half done."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.store.writing import file_hash, write_json


def fingerprint(*parts: Any) -> str:
    """Return a hash of JSON-like parts.

    Examples
    --------
    >>> fingerprint({"a": 1}) == fingerprint({"a": 1}), fingerprint(1) == fingerprint(2)
    (True, False)
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Step:
    """One step and the files it leaves.

    Parameters
    ----------
    name : str
        Unique in the run.
    inputs : str
        Fingerprint of all that the result depends on.
    outputs : tuple of Path
        Files that exist when it is done; their hashes are remembered.
    action : callable
        Does it, replacing outputs in one move each.
    """

    name: str
    inputs: str
    outputs: tuple[Path, ...]
    action: Callable[[], None]

    def forget(self, folder: Path) -> None:
        """Remove its record in `folder`, so that it is done again."""
        (folder / f"{self.name}.json").unlink(missing_ok=True)

    def run(self, folder: Path, report: Callable[[str, str], None]) -> dict[str, Any]:
        """Do the step unless its record in `folder` fits inputs and outputs; return the record."""
        record = folder / f"{self.name}.json"
        known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        if known.get("inputs") == self.inputs and known["outputs"] == hashes(self.outputs):
            report(self.name, "unchanged")
            return known
        report(self.name, "running")
        record.unlink(missing_ok=True)
        began = time.perf_counter()
        self.action()
        done = {
            "inputs": self.inputs,
            "outputs": hashes(self.outputs),
            "seconds": round(time.perf_counter() - began, 2),
        }
        write_json(record, done)
        report(self.name, "done")
        return done


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """Return the hash of each file that exists, by name."""
    return {file.name: file_hash(file) for file in files if file.is_file()}
