"""What the exports share: what is planted in them, how dirty rows are made, how numbers and times are written."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

BERLIN = ZoneInfo("Europe/Berlin")
NOTES = (
    'Lieferung nur vormittags;\nvorher "Pforte 2" anrufen',
    "Sammelrechnung\nzum Monatsende",
    "neu, bitte prüfen",
)
Row = dict[str, Any]


class Truth:
    """What is planted: rows of what, source, key, value."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, Any]] = []

    def add(self, what: str, source: str, key: str, value: Any) -> None:
        """Note one fact: who a record is, how many rows have a fault, a total of the sound rows."""
        self.rows.append((what, source, key, value))

    def write(self, path: Path) -> None:
        """Write all facts as CSV."""
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["what", "source", "key", "value"])
            writer.writerows(self.rows)


class Dirt:
    """Dirty rows of one source: copies of sound rows, each with one thing spoilt.

    A copy gets a number of its own in the column `key`, which `anew` makes from 0, 1, 2 ..., unless it is to repeat one.
    """

    def __init__(
        self,
        source: str,
        sound: list[Row],
        rng: random.Random,
        truth: Truth,
        *,
        key: str,
        anew: Callable[[int], Any],
    ) -> None:
        self.source, self.sound, self.rng, self.truth = source, sound, rng, truth
        self.key, self.anew = key, anew
        self.placed: list[tuple[float, Row]] = []

    def add(self, reason: str, count: int, change: Row) -> None:
        """Add rows with a change, and note why an intake must set them aside."""
        self._add(reason, count, lambda i: {self.key: self.anew(i), **change})

    def repeat(self, reason: str, count: int, change: Row | None = None) -> None:
        """Add rows that keep the number of the row that they copy."""
        self._add(reason, count, lambda i: change or {})

    def _add(self, reason: str, count: int, change: Callable[[int], Row]) -> None:
        last = len(self.sound)
        for place in self.rng.sample(range(last), count):
            row = self.sound[place] | change(len(self.placed))
            self.placed.append((self.rng.uniform(place, last), row))
        self.truth.add("dirt", self.source, reason, count)

    def mixed_in(self) -> list[Row]:
        """Return all rows: each dirty one somewhere below the row that it copies."""
        everything = [*enumerate(self.sound), *self.placed]
        return [row for _, row in sorted(everything, key=lambda one: one[0])]


def as_csv(columns: list[str], rows: list[Row], newline: str) -> str:
    """Return rows as text with semicolons; what a row has under `surplus` stands in cells too many."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator=newline)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([row[column] for column in columns] + row.get("surplus", []))
    return out.getvalue()


def windows(body: str) -> bytes:
    """Return text as Windows-1252; U+0081, which that does not know, as the byte 0x81: damaged on its way."""
    parts = body.replace("ẞ", "SS").split("\x81")
    return b"\x81".join(part.encode("cp1252") for part in parts)


def german(value: float) -> str:
    """Return a number as Germans write it: 1.234,50."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def berlin(moment: pd.Timestamp) -> datetime:
    """Return a moment in UTC as the clock in Berlin shows it, to the second."""
    return moment.floor("s").to_pydatetime().replace(tzinfo=UTC).astimezone(BERLIN)


def text(value: Any) -> str:
    """Return a cell as text, empty where nothing is known."""
    return "" if pd.isna(value) else str(value)


def records(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame."""
    return frame.to_dict("records")
