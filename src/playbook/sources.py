"""The package's own code, as a hash: what was made by other code is made again."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def code_hash(*names: str) -> str:
    """Return a hash of the package's own files: of the folders and files named, below `playbook`."""
    digest = hashlib.sha256()
    for name in names:
        path = PACKAGE / name
        files = (
            [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in {".py", ".sql"})
        )
        for file in files:
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
