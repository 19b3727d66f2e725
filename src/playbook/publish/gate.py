"""The gate: nothing personal and nothing secret leaves in a book or in the participants' folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Protocol

from playbook.catalogue import project_root
from playbook.errors import PublishError
from playbook.publish import patterns, scanning
from playbook.store.reading import INFO, Store

COLLECTED = "identifiers.parquet"  # in a client's store, written by its intake
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
OWN = {
    ".": ("README.md", "LICENSE*", "_config.yml"),
    "book": ("**/*.md", "**/*.txt", "**/*.yml", "**/*.css", "**/*.csv"),
    "modules": ("**/*.md", "**/*.yml"),
    "datasets": ("*.md", "*/README.md"),
    "src/playbook": ("**/*.py", "**/*.sql", "**/*.yml"),
}
NOT_OWN = ("src/playbook/intake", "src/playbook/publish")  # their docstrings name people, as examples
THEME = re.compile(r"sphinx|myst|jupyter[-_]book|pydata", re.I)
FIGURES = re.compile(
    r"\d+\.\d+(?:\s+\d+\.\d+)+"
)  # a row of a table, whose digits may be somebody's telephone number
HELD_BY_PEOPLE = re.compile(r"name|mail|phone|street|company|login|_id$")


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
    wrong = _not_invented([hit for hit in hits if hit.always or not _is_own(hit.value)], worlds)
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


@cache
def own_text() -> str:
    """Return what the project itself says, in lower case: what stands here is no secret."""
    root = project_root()
    files = [
        file
        for part, kinds in OWN.items()
        for kind in kinds
        for file in sorted((root / part).glob(kind))
        if not any(file.is_relative_to(root / other) for other in NOT_OWN)
    ]
    return "\n".join(_squeezed(file.read_text(encoding="utf-8", errors="replace")) for file in files)


@cache
def harmless() -> frozenset[str]:
    """Return the words, in lower case, that are on pages without any client: no name by themselves."""
    words = set(re.findall(r"[^\W\d_]{3,}", own_text()))
    for file in _theme_files().get("html", ()):
        words |= set(
            re.findall(r"[^\W\d_]{3,}", file.read_text(encoding="utf-8", errors="replace").casefold())
        )
    bare = {
        "".join(c for c in unicodedata.normalize("NFKD", w) if not unicodedata.combining(c)) for w in words
    }
    return frozenset(words | bare)


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


def _is_own(value: str) -> bool:
    return _squeezed(value) in own_text()


def _not_invented(hits: list[_Hit], worlds: Sequence[Path]) -> list[_Hit]:
    """Leave out what one row of a synthetic world holds: its people are invented."""
    invented = {value for value in {hit.value for hit in hits if not hit.always} if _in_worlds(value, worlds)}
    return [hit for hit in hits if hit.always or hit.value not in invented]


def _in_worlds(value: str, worlds: Sequence[Path]) -> bool:
    import duckdb

    words = re.findall(r"[^\W_]+", _squeezed(value))
    for name, row in _people(tuple(worlds)):
        with duckdb.connect() as connection:
            connection.execute("set enable_progress_bar = false")
            holds = " and ".join("contains(said, ?)" for _ in words) or "false"
            query = f"select count(*) from (select lower({row}) as said from read_parquet(?)) where {holds}"
            (count,) = connection.execute(query, [name, *words]).fetchone() or (0,)
            if count:
                return True
    return False


@cache
def _people(worlds: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Return the tables of worlds that hold people: their files, and SQL for everything a row says about one."""
    import pyarrow.parquet as pq

    tables = []
    files = [
        file for world in worlds for file in sorted(world.rglob("*.parquet")) if "truth" not in file.parts
    ]
    for file in files:
        kinds = {field.name: str(field.type) for field in pq.read_schema(file)}
        texts = [name for name, kind in kinds.items() if "string" in kind and HELD_BY_PEOPLE.search(name)]
        if any(re.search(r"name|mail|phone", name) for name in texts):
            tables.append((file.as_posix(), f"concat_ws(' ', {', '.join(texts)})"))
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
        for other in _theme_files().get(file.name, ())
    )


@cache
def _theme_files() -> dict[str, list[Path]]:
    """Return the files of the installed theme by name, and its templates under `html`."""
    found: dict[str, list[Path]] = {}
    for package in distributions():
        if THEME.search(package.metadata["Name"] or ""):
            for file in package.files or ():
                if file.suffix not in (".py", ".pyc"):
                    place = Path(str(package.locate_file(file)))
                    found.setdefault(file.name, []).append(place)
                    if file.suffix == ".html":
                        found.setdefault("html", []).append(place)
    return found


def _squeezed(text: str) -> str:
    return " ".join(text.casefold().split())


def _described(file: str) -> str:
    """Return what a message says of a file whose name must not be read."""
    return f"a file ending in '{Path(file).suffix}'"
