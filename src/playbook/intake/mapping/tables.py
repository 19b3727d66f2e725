"""The mapping's `tables`: where the columns of each canonical table come from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import FiniteFloat, field_validator, model_validator

from playbook.intake.mapping.sources import accepted_by_duckdb, spelled_out
from playbook.yamlfile import Strict

AGGREGATES = ("first", "min", "max", "mode", "median")
Constant = str | bool | int | FiniteFloat | datetime | date


class Column(Strict):
    """Where the value of a canonical column comes from; `InvoiceNo` alone is short for `{column: InvoiceNo}`.

    Parameters
    ----------
    column : str
        This source column, as it is.
    first, min, max, mode, median : str
        Of this source column, over the rows that make one record, empty cells left out.
    position_in : str
        The row's place, from 1, among the rows with the same value in this source column.
    constant : any
        This value.
    codes : str
        Then replaced by this code list; a value that is not in it goes to quarantine.
    patterns : dict
        Then replaced by the value of the first pattern that fits; where none fits, to quarantine.
    identity : str
        Then replaced by the customer that the record belongs to, as ``<identity>.<records>`` of `identities`.
    known_in : str
        A canonical table whose key must hold this value; rows with another go to quarantine.
    """

    column: str | None = None
    first: str | None = None
    min: str | None = None
    max: str | None = None
    mode: str | None = None
    median: str | None = None
    position_in: str | None = None
    constant: Constant | None = None
    codes: str | None = None
    patterns: dict[str, str] | None = None
    identity: str | None = None
    known_in: str | None = None

    @field_validator("patterns")
    @classmethod
    def _patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value or {}:
            accepted_by_duckdb("regexp_full_match('', ?)", pattern)
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        given = [key for key in self._origins() if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(self._origins())}")
        if sum(way is not None for way in (self.codes, self.patterns, self.identity)) > 1:
            raise ValueError("expected one of 'codes', 'patterns' and 'identity'")
        if (self.codes or self.patterns or self.identity) and given[0] in (
            "constant",
            "position_in",
            "median",
        ):
            raise ValueError(f"'codes', 'patterns' and 'identity' do not go with '{given[0]}'")
        return self

    @staticmethod
    def _origins() -> tuple[str, ...]:
        return ("column", *AGGREGATES, "position_in", "constant")

    @property
    def origin(self) -> str:
        """Which of the keys gives the value."""
        return next(key for key in self._origins() if getattr(self, key) is not None)

    @property
    def source_column(self) -> str | None:
        """The source column it reads; None for a constant."""
        return None if self.origin == "constant" else getattr(self, self.origin)


class Table(Strict):
    """One canonical table, or the part of one that a source gives.

    Parameters
    ----------
    source : str
        The export it is made from.
    one_per : str
        row: each row is one record, a second one with the same key goes to quarantine; key: rows that
        share the table's key make one record together.
    skip_without_key : bool
        Rows with an empty key make no record here (but may feed other tables) instead of going to quarantine.
    where : str
        An expression over the source's columns; rows for which it does not hold make no record here.
    columns : dict
        Canonical columns; those left out stay empty.
    """

    source: str
    one_per: Literal["row", "key"] = "row"
    skip_without_key: bool = False
    where: str | None = None
    columns: dict[str, Column]

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return spelled_out(value, "column")
