"""The gate: nothing personal and nothing secret leaves in a book or in the participants' folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playbook.errors import PublishError
from playbook.publish import patterns, scanning
from playbook.publish.own_text import harmless, is_own, theme_files
from playbook.store.reading import INFO, Store

COLLECTED = "identifiers.parquet"  # in a client's store, written by its intake
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
FIGURES = re.compile(
    r"\d+\.\d+(?:\s+\d+\.\d+)+"
)  # a row of a table, whose digits may be somebody's telephone number
HELD_BY_PEOPLE = re.compile(r"name|mail|phone|street|company|login|_id$|^(contact|firm|tel)$")


class Identifiers(Protocol):
    """What the gate needs of `playbook.intake.identifiers.Identifiers`."""

    def find(self, text: str) -> list[str]:
        """Return the words of `text` that identify a person of the client's data."""


@dataclass(frozen=True)
class Finding:
    """Something that must not be published: where it stands and what it is; of itself only its first letter."""

    file: str
    where: str
    kind: str
    masked: str

    def __str__(self) -> str:
        return f"{self.file}, {self.where}: {self.kind} ({self.masked})"


def check(
    folder: Path,
    identifiers: Identifiers | None,
    *,
    planted: Sequence[str] = (),
    worlds: Sequence[Path] = (),
) -> list[Finding]:
    """Return what in `folder` must not be published.

    Parameters
    ----------
    folder : path
        What would be published; every file is read, whatever it is: text, attributes, comments, metadata, names.
    identifiers : Identifiers, optional
        The direct identifiers of the client's people, as collected at intake.
    planted : sequence of str
        More values that must not occur, in any case.
    worlds : sequence of path
        Stores of synthetic worlds whose invented people may be shown.

    Notes
    -----
    What the project itself publishes (its prose, its licences, its sources), files that come unchanged with the theme,
    and the tables of a synthetic world are no findings.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for file, where, line in scanning.folder(
        folder, skip=lambda file: _is_shipped(file) or _is_invented(file)
    ):
        text = unicodedata.normalize("NFKC", line).translate(INVISIBLE)
        places.setdefault(text, []).append((file, where))
    lines = list(places)
    hits = [
        *_exact(lines, planted, patterns.secrets(os.environ)),
        *_by_pattern(lines),
        *(_of_people(lines, identifiers) if identifiers is not None else ()),
    ]
    wrong = _not_invented([hit for hit in hits if hit.always or not is_own(hit.value)], worlds)
    named = {file for hit in wrong for file, where in places[hit.line] if where == "file name"}
    said = re.compile("|".join(re.escape(hit.value) for hit in wrong) or "(?!)", re.I)
    return list(
        dict.fromkeys(
            Finding(
                _described(file) if file in named else file,
                said.sub("****", where),
                hit.kind,
                mask(hit.value),
            )
            for hit in wrong
            for file, where in places[hit.line]
        )
    )


def refuse(
    folder: Path,
    identifiers: Identifiers | None,
    *,
    planted: Sequence[str] = (),
    worlds: Sequence[Path] = (),
) -> None:
    """Raise a PublishError when `check` finds something: one line that names the first places."""
    findings = check(folder, identifiers, planted=planted, worlds=worlds)
    if findings:
        more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
        raise PublishError(
            f"nothing was published: {'; '.join(str(found) for found in findings[:3])}{more}. Leave it out of what the "
            "page shows or, where it stands in a table, its column out of the mapping, then run again"
        )


def kept(store: Path) -> Identifiers | None:
    """Return the identifiers that the intake of a store collected; None when it made no pseudonyms.

    Raises
    ------
    PublishError
        When the store has pseudonyms, but the identifiers or the key that made them are not there.
    """
    from playbook.intake.report import REPORT, read_report

    if not (store / REPORT).is_file():  # a synthetic world, or tables that no intake made
        return None
    from playbook.intake.identifiers import Identifiers as Collected
    from playbook.intake.pseudonyms import fingerprint, key_of

    report = read_report(store)
    if report.key is None:
        return None
    key = key_of(report.name)
    if fingerprint(key) != report.key:
        raise PublishError(
            f"nothing was published: the pseudonyms of store '{store}' were made with key {report.key}, and this "
            f"machine has key {fingerprint(key)} for '{report.name}'. Publish where they were made, or take in again"
        )
    if not (store / COLLECTED).is_file():
        raise PublishError(
            f"nothing was published: store '{store}' lacks {COLLECTED}; take the exports in again"
        )
    return Collected.load(store / COLLECTED, key, harmless())


def mask(value: str) -> str:
    """Return what a message may say of a value.

    Examples
    --------
    >>> mask("Ada Lovelace")
    'A****'
    """
    return value[:1] + "****"


@dataclass(frozen=True)
class _Hit:
    line: str
    kind: str
    value: str
    always: bool = False  # also where the project's own text holds it


def _exact(lines: list[str], planted: Sequence[str], secrets: Mapping[str, str]) -> Iterator[_Hit]:
    wanted = [(value, "a value that must not leave", True) for value in planted]
    wanted += [(value, f"the secret of ${name}", False) for value, name in secrets.items()]
    folded = [line.casefold() for line in lines]
    for value, kind, always in wanted:
        sought = _squeezed(unicodedata.normalize("NFKC", value))
        for line, text in zip(lines, folded, strict=True):
            if sought and sought in text:
                yield _Hit(line, kind, value, always)


def _by_pattern(lines: list[str]) -> Iterator[_Hit]:
    """Search all lines as one text, which is much faster than one by one."""
    from bisect import bisect_right
    from itertools import accumulate

    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    for place, kind, value in patterns.found("\n".join(lines)):
        yield _Hit(lines[bisect_right(starts, place) - 1], kind, value)


def _of_people(lines: list[str], identifiers: Identifiers) -> Iterator[_Hit]:
    if not identifiers.find("\n".join(lines)):
        return
    for line in lines:
        for words in identifiers.find(line):
            if not FIGURES.fullmatch(words):
                yield _Hit(line, "an identifier from the client's data", words)


def _not_invented(hits: list[_Hit], worlds: Sequence[Path]) -> list[_Hit]:
    """Leave out what a synthetic world says of one of its people: they are invented."""
    invented = _in_worlds({hit.value for hit in hits if not hit.always}, worlds)
    return [hit for hit in hits if hit.always or hit.value not in invented]


def _in_worlds(values: set[str], worlds: Sequence[Path]) -> set[str]:
    """Return the values whose words, in any order, are those of one cell or of one row's first and last name.

    An identifier has to be the same as a whole. Each table is read once for all values.
    """
    import duckdb

    found: set[str] = set()
    if not values:
        return found
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"create temp table wanted as select value, unnest([{_words('value')}, {_whole('value')}]) as form "
            "from (select unnest(?::varchar[]) as value)",
            [sorted(values)],
        )
        for name, forms in _people(worlds):
            query = (
                f"select distinct value from wanted semi join (select unnest([{', '.join(forms)}]) as form "
                "from read_parquet(?)) using (form) where form <> ''"
            )
            found.update(value for (value,) in connection.execute(query, [name]).fetchall())
    return found


def _words(text: str) -> str:
    """Return SQL for the words of a text, sorted."""
    return f"array_to_string(list_sort(regexp_extract_all(lower(nfc_normalize({text})), '[\\pL\\pN]+')), ' ')"


def _whole(text: str) -> str:
    """Return SQL for an identifier, which no words are like."""
    return f"'=' || lower(trim({text}))"


def _people(worlds: Sequence[Path]) -> list[tuple[str, list[str]]]:
    """Return the tables of worlds that hold people: their files, and SQL for what each cell says of one."""
    import pyarrow.parquet as pq

    tables = []
    files = [
        file for world in worlds for file in sorted(world.rglob("*.parquet")) if "truth" not in file.parts
    ]
    for file in files:
        kinds = {field.name: str(field.type) for field in pq.read_schema(file)}
        texts = [name for name, kind in kinds.items() if "string" in kind and HELD_BY_PEOPLE.search(name)]
        if any(re.search(r"name|mail|phone", name) for name in texts):
            forms = [_whole(name) if name.endswith("_id") else _words(name) for name in texts]
            if {"first_name", "last_name"} <= set(texts):
                forms.append(_words("first_name || ' ' || last_name"))
            tables.append((file.as_posix(), forms))
    return tables


def _is_invented(file: Path) -> bool:
    """Return whether a file is a table of a synthetic world, or its truth."""
    return file.suffix in (".parquet", ".sealed") and any(is_world(above) for above in file.parents)


def is_world(store: Path) -> bool:
    """Return whether a folder is the store of a synthetic world."""
    return (store / INFO).is_file() and Store(store).info["kind"] == "world"


def _is_shipped(file: Path) -> bool:
    """Return whether a file comes unchanged with the theme: then it holds nothing of a client's."""
    data = file.read_bytes()
    return any(
        other.stat().st_size == len(data) and other.read_bytes() == data
        for other in theme_files().get(file.name, ())
    )


def _squeezed(text: str) -> str:
    return " ".join(text.casefold().split())


def _described(file: str) -> str:
    """Return what a message says of a file whose name must not be read."""
    return f"a file ending in '{Path(file).suffix}'"
