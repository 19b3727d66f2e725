"""Which columns of the exports tell who somebody is, and what is kept or shown of them outside the client's own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.intake import cells, confidential, expressions, identifiers, pseudonyms
from playbook.intake.lines import SourceDesk
from playbook.intake.mapping import ClientMapping
from playbook.store import schemas

if TYPE_CHECKING:
    import duckdb

SAMPLE = 100_000  # rows in which a column that nobody has described is looked at
# What a column seems to hold, as `masking.personal` calls it, and how its identifiers are looked for. Not what is merely
# called a name: products have names, too.
SEEMING = {
    "email": "email", "phone": "phone", "street": "address", "surname": "name", "forename": "name",
}  # fmt: skip
PLAIN = r"[-+0-9.,:/ TZ]*"  # numbers and times tell nobody
LONGEST = 60  # letters of a shape


def columns(mapping: ClientMapping, name: str) -> dict[str, str]:
    """Return the columns of a source that become pseudonyms somewhere, or that identities are resolved by, by kind.

    Also those that get there through a derived column or are looked up by another source. None when the mapping keeps
    all in the clear.
    """
    if mapping.confidential.keep == "all":
        return {}
    found: dict[str, str] = {}
    for part in mapping.parts():
        declared = schemas.table(part.name)
        mixed = dict.fromkeys(confidential.mixed_keys(declared), confidential.KEY)
        for target, kind in (mixed | confidential.kinds(declared)).items():
            column = part.table.columns.get(target)
            if column and column.source_column and not mapping.confidential.keeps(part.name, target):
                for source, raw in _raw(mapping, part.table.source, column.source_column):
                    if source == name:
                        found[raw] = kind
    for group in mapping.identities.values():
        for records in (one for one in group.values() if one.source == name):
            found |= {column: confidential.FIELDS[field] for field, column in records.fields.items()}
            found[records.key] = confidential.KEY
    return found


def _raw(mapping: ClientMapping, name: str, column: str) -> Iterator[tuple[str, str]]:
    """Yield the sources and own columns that a column of a source is made of."""
    source = mapping.sources[name]
    if column in source.columns:
        yield name, column
    elif column in source.derive:
        where = f"sources.{name}.derive.{column}"
        made = expressions.compile(source.derive[column], mapping.kinds(name), lambda _: "null", where=where)
        for used in made.columns:
            yield from _raw(mapping, name, used)
    else:
        other = next(one for one in source.join if column.startswith(f"{one}."))
        yield from _raw(mapping, other, column.removeprefix(f"{other}."))


def _seeming(desk: SourceDesk, known: Mapping[str, str]) -> dict[str, str]:
    """Return further columns that seem to tell who somebody is, mapped or not: free texts may quote them."""
    from playbook.intake.proposing.guessing import count_values
    from playbook.intake.proposing.masking import personal

    some = f"(select * from line_{desk.number} limit {SAMPLE})"
    found = {
        column: personal(column, count_values(desk.connection, some, raw))
        for column, raw in desk.raw.items()
        if column not in known
    }
    return {column: SEEMING[kind] for column, kind in found.items() if kind in SEEMING}


def write_identifiers(
    connection: duckdb.DuckDBPyConnection, desks: Mapping[str, SourceDesk], key: bytes, file: Path
) -> None:
    """Keep keyed fingerprints of whom the exports name, for the gate that nothing published passes with a name in it."""
    for desk in desks.values():
        found = columns(desk.mapping, desk.name)
        if desk.mapping.confidential.keep != "all":
            found = _seeming(desk, found) | found
        given = {
            cells.given(desk.raw[column], desk.source): kind
            for column, kind in found.items()
            if kind != confidential.TEXT
        }
        identifiers.collect(connection, f"line_{desk.number}", given, key)
    identifiers.write(connection, file)


def shown(desk: SourceDesk) -> dict[str, str]:
    """Return SQL, by column, of what the quarantine in the store shows of a value that is set aside.

    A pseudonym of what tells who somebody is; numbers, times and the client's codes as they are; of any other text its
    shape (``Aaaa 99``), since a wrong mapping may take a name for anything.
    """
    if desk.mapping.confidential.keep == "all":
        return {}
    personal, coded = columns(desk.mapping, desk.name), set(_coded(desk))
    found = {}
    for column in desk.source.columns:
        raw = desk.raw[column]
        if column in personal:
            found[column] = pseudonyms.sql(raw)
        elif column not in coded:
            small = (
                f"regexp_replace(left({raw}, {LONGEST}), '[\\p{{Ll}}\\p{{Lo}}\\p{{Lt}}\\p{{Lm}}]', 'a', 'g')"
            )
            shape = f"regexp_replace(regexp_replace({small}, '\\p{{Lu}}', 'A', 'g'), '[0-9]', '9', 'g')"
            found[column] = f"case when regexp_full_match({raw}, '{PLAIN}') then {raw} else {shape} end"
    return found


def _coded(desk: SourceDesk) -> Iterator[str]:
    """Yield the columns whose values are words of the client's business: code lists, choices, rules."""
    for part in desk.mapping.parts_of(desk.name):
        for target, column in part.table.columns.items():
            listed = column.codes or column.patterns or schemas.table(part.name).column(target).choices
            if listed and column.source_column:
                yield column.source_column
    for rule in desk.source.reject:
        yield from rule.when or ()
