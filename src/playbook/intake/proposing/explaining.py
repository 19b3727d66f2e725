"""Why a mapping loses rows: what the data show about a type, format, code list, key or join that does not fit them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from playbook.intake.mapping import ClientMapping, Part
from playbook.intake.mapping.sources import Dialect, Source, SourceColumn
from playbook.intake.proposing.guessing import (
    SHOWN,
    coded_as,
    count_values,
    flag_words,
    share_read,
    values_profile,
)
from playbook.intake.proposing.masking import quotable, shape, shortened
from playbook.intake.proposing.matching import choices
from playbook.intake.proposing.naming import fold
from playbook.intake.reading.dialects import date_formats, number_signs
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb

LOST = 0.05  # what concerns fewer of the cells or rows is dirt, not a wrong mapping
Values = Sequence[tuple[str, int]]
NOUNS = {"time": "time", "number": "number", "count": "whole number", "flag": "yes or no"}


def explain(
    connection: duckdb.DuckDBPyConnection,
    mapping: ClientMapping,
    name: str,
    columns: Sequence[str],
    *,
    relation: str = "export",
    others: Mapping[str, tuple[str, Sequence[str]]] | None = None,
) -> list[str]:
    """Return what is probably wrong with the mapping of a source, one line each; what costs most comes first.

    Parameters
    ----------
    connection : DuckDB connection
        Holds the export as text, as `playbook.intake.reading.load` makes it.
    mapping : ClientMapping
    name : str
        The source.
    columns : sequence of str
        The names of c0, c1 ...
    relation : str
        The export's table.
    others : mapping, optional
        Table and column names of the other sources, by source; without them joins are not looked at.
    """
    cell = {column: f"c{i}" for i, column in enumerate(columns)}
    source = mapping.sources[name]
    found = list(_damage(connection, name, source, relation))
    for key, declared in source.columns.items():
        if key in cell:
            values = _given(connection, relation, cell[key], source)
            found += _types(
                connection, f"sources.{name}.columns.{key}", key, declared, source.dialect, values
            )
    for part in mapping.parts_of(name):
        found += _codes(connection, mapping, part, source, relation, cell)
        found += _keys(connection, part, source, relation, cell)
    found += _delivered(connection, name, source, relation, cell)
    for other, (theirs, names) in (others or {}).items():
        if other in source.join:
            places = {column: f"c{i}" for i, column in enumerate(names)}
            found += _joins(connection, name, source, other, relation, cell, theirs, places)
    return [line for share, line in sorted(found, key=lambda one: -one[0]) if share > LOST]


def _given(connection: duckdb.DuckDBPyConnection, relation: str, cell: str, source: Source) -> Values:
    return [(v, n) for v, n in count_values(connection, relation, cell) if v not in source.empty]


def _damage(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, relation: str
) -> Iterator[tuple[float, str]]:
    """Yield that an encoding does not fit."""
    query = f"select avg(coalesce((damage = 'damaged characters')::int, 0)) from {relation}"
    lost = float(connection.execute(query).fetchall()[0][0] or 0)
    if source.dialect.encoding:
        where = f"sources.{name}.dialect.encoding"
        yield (
            lost,
            f"{where}: {lost:.0%} of the rows are no {source.dialect.encoding}; left out, it is found out",
        )


def _types(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    name: str,
    declared: SourceColumn,
    dialect: Dialect,
    values: Values,
) -> Iterator[tuple[float, str]]:
    """Yield why cells are none of their type, and which other type, sign or format reads more of them."""
    if declared.type == "text" or not values:
        return
    lost = 1 - share_read(connection, values, [(declared, dialect)])[0]
    if lost <= LOST:
        return
    bad = [one for one in values if share_read(connection, [one], [(declared, dialect)])[0] == 0][:SHOWN]
    seen = shown(name, bad, values)
    form = f" in the form {' or '.join(declared.formats)}" if declared.formats else ""
    text = f"{where}: {lost:.0%} of the cells are no {NOUNS[declared.type]}{form}, such as {seen}"
    clear = quotable(name, values)
    yield lost, f"{text}; {_remedy(connection, declared, dialect, values, bad, 1 - lost, clear)}"


def _remedy(
    connection: duckdb.DuckDBPyConnection,
    declared: SourceColumn,
    dialect: Dialect,
    values: Values,
    bad: Values,
    share: float,
    clear: Callable[[str], bool],
) -> str:
    """Return another way to read a column that reads more of it, with how much."""
    ways: list[tuple[str, SourceColumn, Dialect]] = []
    texts = [value for value, _ in bad]
    signs = number_signs(texts)
    if declared.type in ("number", "count"):
        if signs and (signs.decimal, signs.thousands) != (dialect.decimal, dialect.thousands):
            groups = signs.thousands or (dialect.thousands if dialect.thousands != signs.decimal else None)
            other = Dialect(decimal=signs.decimal, thousands=groups)  # type: ignore[arg-type]
            thousands = f", thousands: '{other.thousands}'" if other.thousands else ""
            label = "decimal comma? " if signs.decimal == "," else ""
            text = f"{label}dialect: {{decimal: '{other.decimal}'{thousands}}}"
            number = declared.model_copy(update={"type": "number"})
            ways += [(text, declared, other), (f"{text} and type number", number, other)]
        ways.append(("type number", declared.model_copy(update={"type": "number"}), dialect))
    elif declared.type == "time":
        for form, _, ambiguous in date_formats(texts)[:3]:
            unsure = " (day and month could be the other way round)" if ambiguous else ""
            one = declared.model_copy(update={"format": form})
            both = declared.model_copy(update={"format": [*declared.formats, form]})
            ways.append((f"format '{form}'{unsure}", one, dialect))
            if declared.formats:
                ways.append((f"formats {[*declared.formats, form]}{unsure}", both, dialect))
        ways.append(("ISO 8601 (no format)", declared.model_copy(update={"format": None}), dialect))
    elif coded_as(values_profile(values), flag_words())[1] > share:
        return "they mean yes and no in another language: type text, and derive a flag from them"
    reads = share_read(connection, values, [way[1:] for way in ways]) if ways else []
    best = max(range(len(reads)), key=lambda i: (round(reads[i], 6), -i), default=None)
    if best is not None and reads[best] > share + 0.01:
        return f"{ways[best][0]} reads {reads[best]:.0%}"
    if declared.type in ("number", "count") and signs and signs.decimal != dialect.decimal:
        return f"these have '{signs.decimal}' as decimal sign, the others '{dialect.decimal}': two signs in one column"
    if len(bad) <= 3:
        return f"if they mean nothing: empty: [{', '.join(texts)}]" if all(map(clear, texts)) else "dirt?"
    return "type text would keep them"


def _codes(
    connection: duckdb.DuckDBPyConnection,
    mapping: ClientMapping,
    part: Part,
    source: Source,
    relation: str,
    cell: Mapping[str, str],
) -> Iterator[tuple[float, str]]:
    """Yield which words a code list, or the choices of a canonical column without one, lack."""
    for key, column in part.table.columns.items():
        name, target = column.source_column, schemas.table(part.name).column(key)
        if name is None or name not in cell or not (column.codes or (target.choices and not column.patterns)):
            continue
        values = _given(connection, relation, cell[name], source)
        declared = source.columns.get(name)
        if declared and declared.upper:
            values = [(value.upper(), count) for value, count in values]
        valid = set(mapping.codes[column.codes]) if column.codes else set(target.choices)
        lacking = [one for one in values if one[0] not in valid]
        lost = sum(count for _, count in lacking) / max(1, sum(count for _, count in values))
        if not lacking:
            continue
        place = f"code list '{column.codes}'" if column.codes else f"the choices of {part.name}.{key}"
        text = f"tables.{part.name}.columns.{key}: {place} lacks {shown(name, lacking, values)} ({lost:.0%} of the cells)"
        folded = {fold(one) for one in valid}
        meant, share = (
            coded_as(values_profile(lacking), choices(part.name, target)) if target.choices else ({}, 0.0)
        )
        if all(fold(value) in folded for value, _ in lacking):
            text += "; they differ only in capitals or accents"
        elif share > 0:
            text += "; probably " + ", ".join(f"{value}: {code}" for value, code in list(meant.items())[:3])
        elif not column.codes:
            text += "; give it a code list"
        yield lost, text


def _keys(
    connection: duckdb.DuckDBPyConnection,
    part: Part,
    source: Source,
    relation: str,
    cell: Mapping[str, str],
) -> Iterator[tuple[float, str]]:
    """Yield that a table of one record per row has keys that come again."""
    key = schemas.table(part.name).key
    names = [part.table.columns[one].column for one in key if one in part.table.columns]
    if part.table.one_per != "row" or len(names) < len(key) or any(name not in cell for name in names):
        return
    if set(source.key) == set(names):  # what comes again in a later file replaces
        return
    rows, distinct, within = _repeats(connection, relation, [cell[str(name)] for name in names])
    if rows > distinct:
        where, listed = f"tables.{part.name}", ", ".join(str(name) for name in names)
        mend = "one_per: key makes one record of them"
        if 2 * (rows - within) < rows - distinct:
            mend = f"the files overlap: sources.{part.table.source}.key: [{listed}] lets the later one win"
        yield 1 - distinct / rows, f"{where}: {1 - distinct / rows:.0%} of the rows repeat {listed}; {mend}"


def _delivered(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, relation: str, cell: Mapping[str, str]
) -> Iterator[tuple[float, str]]:
    """Yield that what should tell the rows of overlapping deliveries apart does not do so within one."""
    if not source.key or any(key not in cell for key in source.key):
        return
    rows, _, within = _repeats(connection, relation, [cell[key] for key in source.key])
    share, listed = 1 - within / max(1, rows), ", ".join(source.key)
    text = f"sources.{name}.key: {share:.0%} of the rows repeat {listed} within one file"
    yield share, f"{text}; later files replace rows that are others: name what tells all rows of a file apart"


def _repeats(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[str]
) -> tuple[int, int, int]:
    """Return how many rows have a key, how many keys there are, and how many counted file by file."""
    listed, filled = ", ".join(cells), " and ".join(f"{cell} is not null" for cell in cells)
    return connection.execute(
        f"select count(*), count(distinct ({listed})), count(distinct (file, {listed})) from {relation} where {filled}"
    ).fetchall()[0]


def _joins(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    source: Source,
    other: str,
    relation: str,
    cell: Mapping[str, str],
    theirs: str,
    places: Mapping[str, str],
) -> Iterator[tuple[float, str]]:
    """Yield that a join finds few partners, and what makes the keys differ."""
    forms = {"as they are": "{}", "leading zeros": "ltrim({}, '0')", "capitals": "lower({})",
             "other signs": "regexp_replace(lower({}), '[^a-z0-9]', '', 'g')"}  # fmt: skip
    for mine, key in source.join[other].on.items():
        if mine not in cell or key not in places:
            continue
        tests = ", ".join(
            f"avg(({form.format('v')} in (select {form.format(places[key])} from {theirs}))::int)"
            for form in forms.values()
        )
        cells = f"(select {cell[mine]} as v from {relation} where {cell[mine]} is not null)"
        found = connection.execute(f"select {tests} from {cells}").fetchall()[0]
        shares = dict(zip(forms, (float(share or 0) for share in found), strict=True))
        lost = 1 - shares.pop("as they are")
        text = f"sources.{name}.join.{other}: {lost:.0%} of the cells of {mine} are no {key} of {other}"
        best = max(shares, key=lambda form: shares[form])
        if shares[best] > 1 - lost + 0.05:
            text += f"; without {best} {shares[best]:.0%} are: derive both alike"
        yield lost, text


def shown(name: str, some: Values, values: Values) -> str:
    """Return up to three of some values of a column: in the clear when they tell of nobody, else their shapes."""
    clear = quotable(name, values)
    seen = dict.fromkeys(shortened(value if clear(value) else shape(value)) for value, _ in some[:3])
    return ", ".join(f"'{value}'" for value in seen)
