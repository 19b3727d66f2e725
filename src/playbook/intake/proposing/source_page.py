"""One source of a draft mapping: how each column is read, and the lines that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playbook.intake.mapping.sources import Dialect
from playbook.intake.proposing.guessing import (
    FEW,
    Profile,
    as_condition,
    coded_as,
    countries,
    flag_words,
    unit_factor,
)
from playbook.intake.proposing.masking import examples
from playbook.intake.proposing.matching import SECOND, Fit, Match, Reference, choices
from playbook.intake.proposing.naming import fold
from playbook.intake.proposing.sampling import Export
from playbook.intake.proposing.yaml_text import as_block, flow, plain, scalar
from playbook.store import schemas

UNSURE = 0.75


@dataclass(frozen=True)
class Sketch:
    """An export, the signs in its numbers (and what is not sure about them), and its columns."""

    export: Export
    dialect: Dialect
    unsure: str | None
    columns: tuple[Profile, ...]


@dataclass(frozen=True)
class Part:
    """What an export gives to a table: a record per row or per key, or deliveries that overlap on a key."""

    fit: Fit
    one_per: str
    repeated: int = 0
    without_key: int = 0
    delivered: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """It is complete, so that it is not only a comment."""
        return self.fit.complete


@dataclass
class _Use:
    """How a column of an export is used: as which kind, for what, and what is derived from it."""

    kind: str
    score: float
    target: str
    factor: float = 1.0
    derived: str | None = None
    notes: tuple[str, ...] = ()


class Page:
    """One source of the draft."""

    def __init__(self, sketch: Sketch, parts: Sequence[Part]) -> None:
        self.sketch, self.parts = sketch, parts
        self.name = sketch.export.name
        self.active = any(part.active for part in parts)
        self.codes: dict[str, tuple[dict[str, str], list[str]]] = {}
        self.uses: dict[str, _Use] = {}
        found = [(match, part.fit.table, key) for part in parts for key, match in part.fit.matches.items()]
        for match, table, key in sorted(found, key=lambda one: -one[0].score):
            self._use(match, table, schemas.table(table).column(key))
        for part in parts:
            for name in (way["min"] for way in part.fit.assumed.values() if "min" in way):
                self.uses.setdefault(name, _Use("time", SECOND, f"{part.fit.table}, assumed"))

    def _use(self, match: Match, table: str, target: schemas.Column) -> None:
        column, label = match.column, f"{table}.{target.name}"
        if column.name in self.uses:
            return
        use = _Use(target.kind, match.score, label)
        if target.kind in ("number", "count"):
            factor, unsure = unit_factor(column, target.unit.partition("/")[0])
            use.factor = factor if target.kind == "number" else 1.0
            use.notes += (unsure,) if unsure else ()
        words = flag_words() if target.kind == "flag" else choices(table, target)
        if target.kind in ("flag", "count") and words and column.shares[target.kind] < 0.9:
            found, share = coded_as(column, words)
            if share >= 0.5:
                meant = {v: m == "yes" if target.kind == "flag" else int(m) for v, m in found.items()}
                use.derived, use.kind = as_condition(column, meant), "text"
        elif target.choices:
            found, _ = coded_as(column, choices(table, target))
            if any(value != meaning for value, meaning in found.items()) or len(found) < column.distinct:
                self._list(f"{table}_{target.name}", column, found)
        elif target.name == "country" or (target.name == "region_id" and table != "regions"):
            found = {v: countries()[fold(v)] for v, _ in column.common if fold(v) in countries()}
            if 2 * len(found) > column.distinct and column.distinct <= 5 * FEW:
                self._list("countries", column, found)
        self.uses[column.name] = use

    def _list(self, name: str, column: Profile, found: dict[str, str]) -> None:
        left = [
            f"{plain(value)}: ???   # {count} rows" for value, count in column.common if value not in found
        ]
        self.codes[f"{self.name}_{name}"] = (found, left)

    def code_of(self, table: str, target: str, column: Profile) -> str | None:
        """Return the code list of a canonical column, when it has one."""
        for name in (f"{self.name}_{table}_{target}", f"{self.name}_countries"):
            fits = name.endswith(f"_{table}_{target}") or target in ("country", "region_id")
            if name in self.codes and fits and any(v in self.codes[name][0] for v, _ in column.common):
                return name
        return None

    def code_lines(self) -> list[str]:
        """Return the lines of its code lists."""
        lines = []
        for name, (found, left) in self.codes.items():
            block = [f"  {name}:", *(f"    {scalar(value)}: {scalar(code)}" for value, code in found.items())]
            lines += as_block(
                [*block, *(f"    # {line}" for line in left[:FEW])], active=self.active and bool(found)
            )
        return lines

    def derived_name(self, column: str) -> str:
        """Return the name of what is derived from a column."""
        name = self.uses[column].target.partition(".")[2]
        taken = {one.name for one in self.sketch.columns}
        return name if name not in taken else f"{name}_meant"

    def source_lines(self, references: Mapping[str, Sequence[Reference]]) -> list[str]:
        """Return the lines of the source."""
        export = self.sketch.export
        lines = [f"  {scalar(self.name)}:"]
        sample = f"{export.rows:,} rows" + ("" if export.whole else " in the sample")
        note = f"   # {sample}; {plain(export.note)}"
        for key, value in export.place.items():
            lines.append(f"    {key}: {flow(value)}{note}")
            note = ""
        signs = {key: getattr(self.sketch.dialect, key) for key in ("decimal", "thousands")}
        signs = {
            key: sign
            for key, sign in signs.items()
            if sign not in (".", None) or (key, sign) == ("thousands", ".")
        }
        unsure = f"   # unsure: {self.sketch.unsure}" if self.sketch.unsure else ""
        if signs or unsure:
            lines.append(f"    dialect: {flow(signs)}{unsure}")
        delivered = next((part.delivered for part in self.parts if part.delivered), ())
        if delivered:
            lines.append(
                f"    key: {flow(list(delivered))}   # keys come again in later files: those replace"
            )
        if any(use.kind == "time" for use in self.uses.values()):
            lines.append(
                "    # Times without a zone are taken as UTC; to change that: {type: time, zone: Europe/Berlin}"
            )
        lines.append("    columns:")
        lines += [
            self._column_line(column, references.get(column.name, ())) for column in self.sketch.columns
        ]
        derived = {name: use.derived for name, use in self.uses.items() if use.derived}
        if derived:
            lines.append("    derive:")
            lines += [
                f"      {scalar(self.derived_name(name))}: {scalar(text)}" for name, text in derived.items()
            ]
        return lines

    def _column_line(self, column: Profile, references: Sequence[Reference]) -> str:
        use = self.uses.get(column.name)
        comments = [f"filled {100 * column.filled // column.rows}%"] if column.filled < column.rows else []
        if use is None:
            why = (
                f"personal ({column.personal})"
                if column.personal
                else "fits nothing"
                if column.filled
                else "empty"
            )
            comments.insert(0, f"left out: {why}")
        else:
            comments.insert(0, f"{use.score:.0%} {use.target}")
            comments += [f"unsure: {note}" for note in use.notes]
            if use.score < UNSURE:
                comments.append("unsure: check")
            if use.kind == "time" and column.times.swapped:
                comments.append(f"unsure: {plain(column.times.swapped)} reads as much")
        for one in references:
            comments.append(f"{one.share:.0%} are {plain(one.other)}.{plain(one.column)}")
            if one.trimmed > one.share + 0.2:
                comments.append(f"{one.trimmed:.0%} without leading zeros")
        if use and column.personal == "name" and _is_no_person(use.target):
            column = replace(column, personal=None)
        shown = ", ".join(
            plain(text) for text in examples(column, clear=use is not None and _is_no_person(use.target))
        )
        if shown:
            comments.append(f"e.g. {shown}")
        mark = "" if use else "# "
        return f"      {mark}{scalar(column.name)}: {flow(_declared(column, use))}   # {'; '.join(comments)}"


def _is_no_person(target: str) -> bool:
    """Return whether texts of a canonical column are no person's: neither a key nor a name nor free text."""
    known = ("products.name", "customers.region_id", "accounts.region_id")
    return target in known or not target.endswith(("_id", "name", "text", "_by"))


def _declared(column: Profile, use: _Use | None) -> Any:
    kind = use.kind if use else column.kind
    if kind == "time" and column.times.formats:
        formats = list(column.times.formats)
        return {"type": "time", "format": formats[0] if len(formats) == 1 else formats}
    if use and kind == "number" and use.factor != 1.0:
        return {"type": "number", "factor": use.factor}
    return kind
