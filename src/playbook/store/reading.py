"""Reading a store: canonical tables as frames, heavy aggregates as SQL views."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from playbook.errors import StoreError, nearest
from playbook.store import schemas
from playbook.store.sqltext import identifier, literal

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from playbook.store.warehouse import Warehouse

INFO, UNFIT = (
    "store.json",
    "unfit",
)  # the folder holds a file for each play that these data are not enough for
VIEWS = Path(__file__).parent / "views"
MEMORY = "1GB"  # what DuckDB may hold while it computes a view
HEADER = 4  # lines of a view that may declare something: needs, uses, given, expects


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


def view_expects(name: str) -> list[tuple[str, str, str]]:
    """Return the fixed values a view looks for, as (table, column, value); without one of them it has little to say.

    They stand in a line ``-- expects: assignments.arm = local, assignments.arm = standard``. Each should occur in the
    rows of its table; where that is one the view merely uses, the view holds less.

    Examples
    --------
    >>> view_expects("journey_records")[0]
    ('process_steps', 'name', 'renewal')
    """
    pairs = [part.split(" = ", 1) for part in _declared(name, "expects")]
    return [(*place.split(".", 1), value) for place, value in pairs]  # type: ignore[misc]


def _declared(name: str, what: str, *, first: bool = False) -> tuple[str, ...]:
    lines = views()[name].read_text(encoding="utf-8").splitlines()
    for line in lines[:1] if first else lines[:HEADER]:
        if match := re.fullmatch(f"-- {what}: (.+)", line):
            return tuple(part.strip() for part in match[1].split(","))
    return ()


def lacking(names: Iterable[str], present: Container[str]) -> list[str]:
    """Return the tables that `names` (tables or views) need and that are not `present`."""
    needs = [n for name in names for n in (view_needs(name) if name in views() else (name,))]
    return [n for n in dict.fromkeys(needs) if n not in present]


def no_rows(table: str) -> str:
    """Return the query of an empty table of the declared columns, in DuckDB's SQL."""
    cells = [f"null::{schemas.SQL_TYPES[c.kind]} as {c.name}" for c in schemas.table(table).columns]
    return f"select {', '.join(cells)} where false"


def view_query(name: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a view, and the values of its `$name` places: of `parameters`, or what it declares as given."""
    query = views()[name].read_text(encoding="utf-8")
    filled = {**view_defaults(name), **parameters}
    return query, {key: value for key, value in filled.items() if f"${key}" in query}


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

    @cached_property
    def warehouse(self) -> Warehouse | None:
        """The client's warehouse, where one holds the tables: `warehouse` in `store.json`, see `open_warehouse`."""
        if "warehouse" not in self.info:
            return None
        from playbook.store.warehouse import open_warehouse

        return open_warehouse(self.info["warehouse"])

    def __contains__(self, name: str) -> bool:
        return not self.missing((name,))

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Return the tables that `names` (tables or views) need and this store lacks."""
        return lacking(names, self.info["tables"])

    def unfit(self, play: str) -> str:
        """Return why a play could not be computed on these data; empty when nothing is known against it."""
        file = self.path / UNFIT / f"{play}.txt"
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Return a canonical table (all or some columns) as a frame."""
        import pandas as pd

        if name not in self.info["tables"]:
            raise StoreError(
                f"store '{self.path}' has no table '{name}'; {nearest(name, self.info['tables'])}"
            )
        path = _files(self.path, name)
        if self.warehouse is not None and not path.exists():
            return self.warehouse.table(name, columns)
        return pd.read_parquet(path, columns=columns)

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
        """Return a heavy aggregate, computed by DuckDB from the Parquet files, or by the warehouse they stand for.

        `parameters` fill the view's `$name` places; what the view declares as given need not be among them. DuckDB
        holds `MEMORY` and puts the rest on disk for as long as it takes; only where a step cannot do with that, more.
        """
        import duckdb

        if missing := self.missing((name,)):
            raise StoreError(f"view '{name}' needs {', '.join(missing)}, which store '{self.path}' lacks")
        if self.warehouse is not None:
            return self.warehouse.view(name, **parameters)
        query, used = view_query(name, parameters)
        try:
            return self._computed(name, query, used, MEMORY)
        except duckdb.OutOfMemoryException:
            pass  # some steps cannot be put on disk: they get what the machine has
        try:
            return self._computed(name, query, used, "80%")
        except duckdb.OutOfMemoryException:
            raise StoreError(
                f"view '{name}' of store '{self.path}' needs more memory than this machine has: let a warehouse do it"
            ) from None

    def _computed(self, name: str, query: str, used: Mapping[str, Any], memory: str) -> pd.DataFrame:
        with self.opened(view_needs(name) + view_uses(name), memory) as connection:
            return connection.execute(query, used).df()

    @contextmanager
    def opened(self, names: Iterable[str], memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a DuckDB connection with canonical tables as views, empty where the store lacks one.

        It holds `memory` at most (such as ``1GB``) and puts the rest on disk, for as long as it is open.
        """
        import duckdb

        with TemporaryDirectory(prefix="playbook-") as spill, closing(duckdb.connect()) as connection:
            # In a notebook a progress bar would become a cell's output.
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"set memory_limit = '{memory}'")
            connection.execute("set temp_directory = $spill", {"spill": spill})
            for table in names:
                rows = self._rows(table) if table in self.info["tables"] else no_rows(table)
                connection.execute(f"create view {identifier(table)} as {rows}")
            yield connection

    def _rows(self, table: str) -> str:
        path = _files(self.path, table)
        place = escape(path.as_posix()) + ("/*.parquet" if path.is_dir() else "")
        return f"select * from read_parquet({literal(place)})"

    def __iter__(self) -> Iterator[str]:
        return iter(self.info["tables"])
