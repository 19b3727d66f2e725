"""Which canonical table an export feeds, and which of its columns is which: by names, values and references.

Every pair of columns gets a score from 0 to 1; the pairs of one table are chosen together, one to one, so that their
sum is greatest (Kuhn, H. W. (1955). The Hungarian method for the assignment problem. Naval Research Logistics 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from playbook.intake.proposing.guessing import Profile, coded_as, countries, flag_words
from playbook.intake.proposing.naming import about, closest, fold, nouns, synonyms, words
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb

ENOUGH = 0.6  # a pair with less is no match
FEEDS = 0.35  # an export that fits a table less feeds none
RIVAL = 0.6  # an export that fits a table so much less than the best one does not feed it
SECOND = 0.62  # a further table of the same export needs a key of at least this
SUREST = 0.99
SMALL = 1000  # numbers below count something: they are no references to keys
NAME = 0.75  # weight of the name in a score; the values have the rest


@dataclass(frozen=True)
class Reference:
    """A column whose values are the keys of another export's records: `share` of its cells, `trimmed` without zeros."""

    other: str
    column: str
    key: str
    share: float
    trimmed: float


@dataclass(frozen=True)
class Match:
    """One column of an export for one canonical column, with the confidence in it and the next best canonical name."""

    column: Profile
    score: float
    runner_up: str | None = None


@dataclass(frozen=True)
class Fit:
    """How an export would make a canonical table.

    Parameters
    ----------
    table, export : str
    score : float
        How well the export fits as a whole.
    matches : dict
        Match by canonical column.
    assumed : dict
        Canonical columns that no column says: what is assumed, as in the mapping.
    missing : tuple of str
        Required columns that have no source.
    """

    table: str
    export: str
    score: float
    matches: dict[str, Match] = field(default_factory=dict)
    assumed: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Nothing that is required is missing."""
        return not self.missing


@cache
def candidates() -> tuple[str, ...]:
    """Return the canonical tables that exports can feed; extracts of one system are for plays on raw data."""
    return tuple(name for name, table in schemas.tables().items() if not name.startswith("src_"))


def fits(
    export: str, title: str, columns: Sequence[Profile], references: Mapping[str, Sequence[Reference]]
) -> list[Fit]:
    """Return how well an export fits each canonical table, the best first.

    Parameters
    ----------
    export : str
        Its name among the sources.
    title : str
        What its file, sheet or table is called.
    columns : sequence of Profile
    references : mapping
        By column name: the keys of other exports that its values are.
    """
    filled = [column for column in columns if column.filled]
    found = [_fit(name, export, title, filled, references) for name in candidates()]
    return sorted((one for one in found if one.score >= FEEDS), key=lambda one: -one.score)


def _fit(
    table: str,
    export: str,
    title: str,
    columns: Sequence[Profile],
    references: Mapping[str, Sequence[Reference]],
) -> Fit:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    canonical = schemas.table(table)
    named = about(table, title)
    context = words(title)
    scores = np.array(
        [
            [score(table, target, one, context, references.get(one.name, ())) for target in canonical.columns]
            for one in columns
        ]
    ).reshape(len(columns), len(canonical.columns))
    # Cubed, so that one good pair is worth more than two poor ones.
    rows, places = linear_sum_assignment(-(np.where(scores >= ENOUGH, scores, 0.0) ** 3))
    names = [column.name for column in canonical.columns]
    matches = {}
    for i, j in zip(rows, places, strict=True):
        if scores[i, j] >= ENOUGH:
            # Another canonical column is a rival unless a column of the export fits it better.
            near = [
                name
                for value, best, name in zip(scores[i], scores.max(axis=0), names, strict=True)
                if name != names[j] and value >= max(scores[i, j] - 0.05, best)
            ]
            certain = min(float(scores[i, j]) - (0.1 if near else 0.0), SUREST)
            matches[names[j]] = Match(columns[i], certain, near[0] if near else None)
    required = [column.name for column in canonical.columns if not column.nullable]
    assumed = _assumed(table, [name for name in required if name not in matches], columns, context)
    missing = tuple(name for name in required if name not in matches and name not in assumed)
    asked = [name for name in required if name not in assumed] or required
    held = sum(matches[name].score for name in asked if name in matches) / len(asked)
    explained = sum(match.score for match in matches.values()) / max(1, len(columns))
    keyed = all(name in matches or name in assumed for name in canonical.key)
    whole = 0.4 * held + 0.3 * explained + 0.3 * named
    return Fit(table, export, whole if keyed else 0.6 * whole, matches, assumed, missing)


def _assumed(
    table: str, lacking: Sequence[str], columns: Sequence[Profile], context: frozenset[str]
) -> dict[str, dict[str, str]]:
    """Return what goes without saying in an export: a constant, or what another of its columns gives."""
    found = {}
    for name in lacking:
        way = synonyms()["assumed"].get(f"{table}.{name}")
        if way is None:
            continue
        ((origin, value),) = way.items()
        if origin == "constant":
            found[name] = {origin: value}
            continue
        other, _, wanted = value.partition(".")
        target = schemas.table(other).column(wanted)
        best = max(columns, key=lambda one: score(other, target, one, context, ()), default=None)
        if best is not None and score(other, target, best, context, ()) >= SECOND:
            found[name] = {origin: best.name}
    return found


def score(
    table: str,
    target: schemas.Column,
    column: Profile,
    context: frozenset[str],
    references: Sequence[Reference],
) -> float:
    """Return how well a column fits a canonical one, 0 to 1."""
    named = closest(table, target.name, column.name, context)
    readable = _readable(table, target, column)
    if readable < 0.5:
        return 0.0
    return readable**2 * (NAME * named + (1 - NAME) * _evidence(table, target, column, references))


def _readable(table: str, target: schemas.Column, column: Profile) -> float:
    """Return the share of the cells that can be this canonical column at all."""
    if target.kind == "text":
        if column.shares["time"] >= 0.9 and column.kind == "time":
            return 0.0
        if target.choices:
            return coded_as(column, choices(table, target))[1]
        decimals = column.shares["number"] >= 0.9 and column.shares["count"] < 0.9
        measured = column.kind in ("number", "count") and not _is_key(target.name)
        return 0.6 if decimals else 0.85 if measured else 1.0
    share = column.shares[target.kind]
    if target.kind == "flag":
        return max(share, coded_as(column, flag_words())[1])
    if target.kind == "count" and share < 0.9:
        coded = choices(table, target)
        return max(share, coded_as(column, coded)[1] if coded else 0.0)
    if target.kind in ("number", "count") and column.low is not None and column.high is not None:
        below = target.low is not None and column.low < target.low
        above = target.high is not None and column.high > target.high
        return 0.9 * share if below or above else share
    return share


def _is_key(name: str) -> bool:
    return name.endswith("_id") or name in ("postcode", "cost_center", "skill_code")


def _evidence(table: str, target: schemas.Column, column: Profile, references: Sequence[Reference]) -> float:
    """Return what the values say for a canonical column, 0 to 1; where they say nothing, a half."""
    if (
        column.personal in ("email", "phone", "name", "surname", "forename", "street")
        and target.kind == "text"
        and table != "products"
    ):
        return 0.0
    if target.choices:
        return 1.0
    canonical = schemas.table(table)
    if canonical.key == (target.name,):
        return 1.0 if column.unique else 0.4
    if target.name.endswith("_id") and target.name not in canonical.key:
        meant = [
            one.share for one in references if target.name == one.key or target.name.endswith(f"_{one.key}")
        ]
        if meant:
            return max(meant)
        return 0.2 if references else 0.5
    if target.name in ("country", "language", "currency"):
        return _codes_of(target.name, column)
    if target.kind == "flag":
        return 0.8 if column.distinct <= 2 else 0.0
    if target.kind == "time" and column.kind == "time":
        return 0.8
    if target.name == "birth_year" and column.low is not None and column.high is not None:
        return 1.0 if column.low >= 1900 and column.high <= 2020 else 0.0
    if target.unit in ("share", "1/year") and column.low is not None and column.high is not None:
        return 0.8 if column.low >= 0 and column.high <= 100 else 0.2
    return 0.6


def _codes_of(name: str, column: Profile) -> float:
    values = [value for value, _ in column.common]
    if name == "country":
        codes = set(countries().values())
        fitting = [value for value in values if value in codes or fold(value) in countries()]
    else:
        size = 2 if name == "language" else 3
        fitting = [value for value in values if len(value) == size and value.isalpha()]
    return len(fitting) / len(values) if values else 0.0


def choices(table: str, target: schemas.Column) -> dict[str, list[str]]:
    """Return a canonical column's choices, each with the words for it."""
    listed = synonyms()["choices"].get(f"{table}.{target.name}", {})
    return {choice: [] for choice in target.choices} | listed


def chosen(ranked: Mapping[str, Sequence[Fit]]) -> list[Fit]:
    """Return what each export should feed: the table that fits it best, and further ones it holds entirely.

    A further table (customers inside a list of sales) counts only where no export is mainly about it.
    """
    most: dict[str, float] = {}
    for one in (fit for found in ranked.values() for fit in found):
        most[one.table] = max(one.score, most.get(one.table, 0.0))
    # What another export fits much better is not what this one is about: lines of orders are no list of products.
    first = {
        export: next((one for one in found if one.score >= RIVAL * most[one.table]), found[0])
        for export, found in ranked.items()
        if found
    }
    main = {fit.table for fit in first.values()}
    parts = list(first.values())
    for found in ranked.values():
        for fit in found[1:]:
            keyed = [fit.matches[key] for key in schemas.table(fit.table).key if key in fit.matches]
            keys = [one.score for one in keyed if words(one.column.name) & nouns(fit.table)]
            own = set(fit.matches) - set(schemas.table(fit.table).key)
            if fit.table not in main and fit.complete and own and max(keys, default=0) >= SECOND:
                parts.append(fit)
    best = {
        table: max(one.score for one in parts if one.table == table) for table in {p.table for p in parts}
    }
    return [one for one in parts if one.score >= RIVAL * best[one.table]]


def find_references(
    connection: duckdb.DuckDBPyConnection,
    exports: Sequence[tuple[str, str, Sequence[Profile]]],
    keys: Sequence[tuple[str, str, Profile, str]],
) -> dict[str, dict[str, list[Reference]]]:
    """Return for each export and column the keys of other exports that its values are.

    Parameters
    ----------
    connection : DuckDB connection
        Holds the samples.
    exports : sequence of (name, relation, profiles)
    keys : sequence of (name, relation, profile, canonical key)
        The column of each export that identifies its records.
    """
    found: dict[str, dict[str, list[Reference]]] = {}
    for name, relation, profiles in exports:
        for column in profiles:
            small = column.kind in ("count", "number") and column.high is not None and column.high < SMALL
            if column.distinct < 5 or small or column.kind in ("time", "flag") or column.personal:
                continue
            for other, theirs, key, canonical in keys:
                if (other, key.name) == (name, column.name):
                    continue
                share, trimmed = connection.execute(
                    f"with mine as (select distinct {column.cell} as v from {relation} where {column.cell} is not null), "
                    f"theirs as (select distinct {key.cell} as k from {theirs} where {key.cell} is not null) "
                    "select avg((v in (select k from theirs))::int), "
                    "avg((ltrim(v, '0') in (select ltrim(k, '0') from theirs))::int) from mine"
                ).fetchall()[0]
                if trimmed >= 0.5:
                    listed = found.setdefault(name, {}).setdefault(column.name, [])
                    listed.append(Reference(other, key.name, canonical, share, trimmed))
    return found
