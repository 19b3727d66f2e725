"""The canonical tables: one declaration per table, in files by theme; `AREAS` groups them.

Conventions: text keys `<noun>_id`; `_at` UTC timestamps without a zone; `_on` dates as midnight timestamps; durations
`_s`, `_min`, `_h`, `_d`; `_amt` money in the engagement's currency; `_share` 0 to 1; validity half-open.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from playbook.errors import StoreError, nearest

if TYPE_CHECKING:
    import pandera.pandas as pa

KINDS = {
    "text": "str",
    "time": "datetime64[us]",
    "number": "float64",
    "count": "int64",
    "flag": "bool",
}
SQL_TYPES = {"text": "varchar", "time": "timestamp", "number": "double", "count": "bigint", "flag": "boolean"}

AREAS = {
    "Commercial": ("market", "contracts", "preferences", "programmes"),
    "Fulfilment": ("orders", "delivery", "network", "supply"),
    "Service and voice": ("service", "voice", "processes"),
    "Organisation": ("organisation", "training"),
    "Systems and control": ("systems", "events", "changes", "access", "models", "privacy", "quality"),
    "Source extracts": ("extracts", "sources"),
}


@dataclass(frozen=True)
class Column:
    """One column: its kind is a key of `KINDS`; `unit` is empty for text, times and flags."""

    name: str
    kind: str
    meaning: str
    unit: str = ""
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One canonical table: what a row is, what identifies it, its columns, and the system it usually comes from.

    `area` groups tables in the data dictionary; see `AREAS`.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    personal: tuple[str, ...] = field(default=())
    system: str = ""
    area: str = ""

    def column(self, name: str) -> Column:
        """Return the column `name`.

        Raises
        ------
        StoreError
            When there is none, with the nearest name.
        """
        by_name = {c.name: c for c in self.columns}
        if name not in by_name:
            raise StoreError(f"table '{self.name}' has no column '{name}'; {nearest(name, by_name)}")
        return by_name[name]

    def pandera(self) -> pa.DataFrameSchema:
        """Return the table as a pandera schema, for validation."""
        import pandera.pandas as pa

        def checks(c: Column) -> list[pa.Check]:
            found = []
            if c.low is not None:
                found.append(pa.Check.ge(c.low))
            if c.high is not None:
                found.append(pa.Check.le(c.high))
            if c.choices:
                found.append(pa.Check.isin(c.choices))
            return found

        return pa.DataFrameSchema(
            {
                c.name: pa.Column(KINDS[c.kind], checks(c), nullable=c.nullable, description=c.meaning)
                for c in self.columns
            },
            unique=list(self.key),
            strict=True,
            name=self.name,
        )


def _area(file: str) -> str:
    return next((area for area, files in AREAS.items() if file in files), "Other")


@cache
def tables() -> MappingProxyType[str, Table]:
    """Return every canonical table by name, from the files beside this one."""
    found: dict[str, Table] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for table in module.TABLES:
            found[table.name] = replace(table, area=_area(info.name))
    return MappingProxyType(found)


def table(name: str) -> Table:
    """Return the declaration of the table `name`.

    Raises
    ------
    StoreError
        When there is none, with the nearest name.
    """
    if name not in tables():
        raise StoreError(f"no canonical table '{name}'; {nearest(name, tables())}")
    return tables()[name]
