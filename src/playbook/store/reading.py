"""Reading a store: canonical tables as frames, heavy aggregates as SQL views."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import StoreError, nearest
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

INFO = "store.json"
VIEWS = Path(__file__).parent / "views"


def views() -> dict[str, Path]:
    """Return the SQL file of every view, by name."""
    return {path.stem: path for path in sorted(VIEWS.glob("*.sql"))}


def view_needs(name: str) -> tuple[str, ...]:
    """Return the tables a view cannot do without, from its first line ``-- needs: orders, order_lines``."""
    found = _declared(name, "needs", first=True)
    if not found:
        raise StoreError(f"view '{name}': its first line must be '-- needs: <tables>'")
    return found


def view_uses(name: str) -> tuple[str, ...]:
    """Return the tables that are empty in a view when the store lacks them, from a line ``-- uses: accounts``."""
    return _declared(name, "uses")


def view_defaults(name: str) -> dict[str, int]:
    """Return the whole numbers a view takes when nothing else is said, from a line ``-- given: holdout_weeks = 26``."""
    pairs = [part.split("=") for part in _declared(name, "given")]
    return {key.strip(): int(value) for key, value in pairs}


def _declared(name: str, what: str, *, first: bool = False) -> tuple[str, ...]:
    lines = views()[name].read_text(encoding="utf-8").splitlines()
    for line in lines[:1] if first else lines[:3]:
        if match := re.fullmatch(f"-- {what}: (.+)", line):
            return tuple(part.strip() for part in match[1].split(","))
    return ()


def _files(folder: Path, name: str) -> Path:
    """Return the Parquet file of a table, or the folder of its parts."""
    parts = folder / name
    return parts if parts.is_dir() else folder / f"{name}.parquet"


class Store:
    """One folder of canonical Parquet tables, complete when it holds `store.json`.

    Parameters
    ----------
    path : path
        The folder.

    Raises
    ------
    StoreError
        When the folder is missing or was not finished.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / INFO).is_file():
            started = self.path.is_dir() or self.path.with_name(self.path.name + ".incomplete").is_dir()
            state = "is incomplete: run the command that makes it again" if started else "does not exist"
            raise StoreError(f"store '{self.path}' {state} (expected {INFO} in it)")

    @cached_property
    def info(self) -> dict[str, Any]:
        """What made this store: kind (world or client), name, seed, content hash, tables with rows."""
        return json.loads((self.path / INFO).read_text(encoding="utf-8"))

    def __contains__(self, name: str) -> bool:
        needs = view_needs(name) if name in views() else (name,)
        return all(table in self.info["tables"] for table in needs)

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Return the tables that `names` (tables or views) need and this store lacks."""
        needs = [n for name in names for n in (view_needs(name) if name in views() else (name,))]
        return [n for n in dict.fromkeys(needs) if n not in self.info["tables"]]

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Return a canonical table (all or some columns) as a frame."""
        import pandas as pd

        if name not in self.info["tables"]:
            raise StoreError(
                f"store '{self.path}' has no table '{name}'; {nearest(name, self.info['tables'])}"
            )
        return pd.read_parquet(_files(self.path, name), columns=columns)

    def files(self, name: str) -> list[Path]:
        """Return the Parquet files of a canonical table: one, or one per block of a large world."""
        path = _files(self.path, name)
        return sorted(path.glob("*.parquet")) if path.is_dir() else [path]

    def truth(self, name: str, play: str | None = None) -> pd.DataFrame:
        """Return a table of planted truth; only a world has one. With `play`, of a shared table only its rows."""
        truth = self._truth(name)
        return truth[truth["play"] == play] if play and "play" in truth else truth

    def _truth(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = _files(self.path / "truth", name)
        sealed = self.path / "truth" / f"{name}.sealed"
        if path.exists():
            return pd.read_parquet(path)
        if sealed.is_file():
            from io import BytesIO

            from playbook.store.sealing import unseal

            return pd.read_parquet(BytesIO(unseal(sealed.read_bytes())))
        raise StoreError(f"store '{self.path}' holds no truth table '{name}'")

    def view(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Return a heavy aggregate, computed by DuckDB from the Parquet files.

        `parameters` fill the view's `$name` places; what the view declares as given need not be among them.
        """
        lacking = self.missing((name,))
        if lacking:
            raise StoreError(f"view '{name}' needs {', '.join(lacking)}, which store '{self.path}' lacks")
        query = views()[name].read_text(encoding="utf-8")
        filled = view_defaults(name) | parameters
        used = {key: value for key, value in filled.items() if f"${key}" in query}
        connection = self._connect(view_needs(name) + view_uses(name))
        try:
            return connection.execute(query, used).df()
        finally:
            connection.close()

    def _connect(self, names: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
        import duckdb

        connection = duckdb.connect()
        connection.execute("set enable_progress_bar = false")  # in a notebook it would become a cell's output
        for table in names:
            if table in self.info["tables"]:
                path = _files(self.path, table)
                text = escape(path.as_posix()).replace("'", "''") + ("/*.parquet" if path.is_dir() else "")
                rows = f"select * from read_parquet('{text}')"
            else:
                cells = [
                    f"null::{schemas.SQL_TYPES[c.kind]} as {c.name}" for c in schemas.table(table).columns
                ]
                rows = f"select {', '.join(cells)} where false"
            connection.execute(f"create view {table} as {rows}")
        return connection

    def __iter__(self) -> Iterator[str]:
        return iter(self.info["tables"])
