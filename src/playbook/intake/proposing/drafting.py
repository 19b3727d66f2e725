"""The text of a draft mapping: YAML with comments that say how sure each line is and what its column looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from playbook.intake.proposing.matching import Reference
from playbook.intake.proposing.source_page import Page, Part, Sketch
from playbook.intake.proposing.yaml_text import as_block, flow, plain, scalar
from playbook.store import schemas

HEAD = """\
# A draft of the mapping, made by `playbook intake --propose` from a sample of the exports: to be read and corrected.
# Per cent say how sure a guess is; 'e.g.' shows values of the sample, personal ones masked. '???' is for you to find.
"""
PEOPLE = {  # what is personal, and how the mapping's identities call it
    "email": "email",
    "phone": "phone",
    "street": "street",
    "name": "name",
    "forename": "first",
    "surname": "last",
}


def draft(
    sketches: Sequence[Sketch],
    parts: Sequence[Part],
    references: Mapping[str, Mapping[str, Sequence[Reference]]],
    unread: Sequence[str],
) -> str:
    """Return the text of a mapping.

    Parameters
    ----------
    sketches : sequence of Sketch
    parts : sequence of Part
    references : mapping
        By export and column: the keys of other exports that it holds.
    unread : sequence of str
        What could not be read.
    """
    parts = _alike(parts)
    pages = {
        one.export.name: Page(one, [p for p in parts if p.fit.export == one.export.name]) for one in sketches
    }
    lines = [HEAD.rstrip()]
    lines += [f"# not read: {plain(text)}" for text in unread]
    lines += ["", "sources:"]
    for name, page in pages.items():
        lines += as_block(page.source_lines(references.get(name, {})), active=page.active)
    codes = [line for page in pages.values() for line in page.code_lines()]
    if codes:
        some = any(not line.lstrip().startswith("#") for line in codes)
        lines += ["", "codes:" if some else "# codes:", *codes]
    lines += _identity_lines(list(pages.values()))
    lines += ["", "tables:"]
    for table in dict.fromkeys(part.fit.table for part in parts):
        own = [part for part in parts if part.fit.table == table]
        lines += _table_lines(table, own, pages)
    return "\n".join(lines) + "\n"


def _alike(parts: Sequence[Part]) -> list[Part]:
    """Return the parts so that those of one table are all one per row, or all one per key, as a mapping must be."""
    grouped = {part.fit.table for part in parts if part.one_per == "key"}
    counted = {part.fit.table for part in parts if "position_in" in str(part.fit.assumed)}
    return [
        replace(part, one_per="row" if part.fit.table in counted else "key")
        if part.fit.table in grouped
        else part
        for part in parts
    ]


def _table_lines(table: str, parts: Sequence[Part], pages: Mapping[str, Page]) -> list[str]:
    """Return the lines of a table: a list where several sources make it, the best first; comments where none does."""
    lines = []
    active = [part for part in parts if part.active]
    ordered = sorted(parts, key=lambda part: (-part.active, -part.fit.score))
    listed = len(active) > 1
    for number, part in enumerate(ordered):
        body = _part_lines(part, pages[part.fit.export])
        title = f"  {table}:" if number == 0 or not part.active else None
        if listed and part.active:
            body = [f"    - {body[0].strip()}", *(f"  {line}" for line in body[1:])]
        lines += as_block([*([title] if title else []), *body], active=part.active)
    return lines


def _part_lines(part: Part, page: Page) -> list[str]:
    fit, canonical = part.fit, schemas.table(part.fit.table)
    lines = [f"    source: {scalar(fit.export)}   # {fit.score:.0%}"]
    if part.one_per == "key":
        why = (
            f"   # {part.repeated:,} rows repeat a key: together they make a record" if part.repeated else ""
        )
        lines.append(f"    one_per: key{why}")
    elif part.repeated:
        lines.append(f"    # {part.repeated:,} rows repeat a key: they will be set aside")
    if part.without_key and len([one for one in page.parts if one.active]) > 1:
        lines.append(f"    skip_without_key: true   # {part.without_key:,} rows have none")
    lines.append("    columns:")
    for column in canonical.columns:
        if column.name in fit.matches:
            lines.append(f"      {column.name}: {_origin(part, page, column)}")
        elif column.name in fit.assumed:
            way = fit.assumed[column.name]
            if part.one_per == "row" and "min" in way:  # its only time, of its only row
                way = {"column": way["min"]}
            lines.append(f"      {column.name}: {flow(way)}   # assumed: no column says it")
        elif column.name in fit.missing:
            lines.append(f"      # {column.name}: ???   # required: {column.meaning}")
    left = [column.name for column in canonical.columns if column.nullable and column.name not in fit.matches]
    if left:
        lines.append(f"      # no column found for: {', '.join(left)}")
    return lines


def _origin(part: Part, page: Page, target: schemas.Column) -> str:
    match = part.fit.matches[target.name]
    column, use = match.column, page.uses[match.column.name]
    name = page.derived_name(column.name) if use.derived else column.name
    way = "column"
    if part.one_per == "key" and target.name not in schemas.table(part.fit.table).key:
        way = "median" if target.kind == "number" and target.name.endswith("_amt") else "first"
    value: Any = name if way == "column" else {way: name}
    if codes := page.code_of(part.fit.table, target.name, column):
        value = {way: name, "codes": codes}
    runner_up = f"; or {match.runner_up}" if match.runner_up else ""
    return f"{flow(value)}   # {match.score:.0%}{runner_up}"


def _identity_lines(pages: Sequence[Page]) -> list[str]:
    """Return the comment that shows how the people of several exports would be told to be the same."""
    records = []
    for page in pages:
        fields = {PEOPLE[c.personal]: c.name for c in page.sketch.columns if c.personal in PEOPLE}
        keys = [name for name, use in page.uses.items() if use.target.endswith(".customer_id")]
        keys += [c.name for c in page.sketch.columns if c.distinct > 0.9 * c.rows and not c.personal]
        key = next(iter(keys), None)
        if key and {"email", "phone", "name", "last"} & set(fields):
            records.append(f"#     {page.name}: {flow({'source': page.name, 'key': key} | fields)}")
    if len(records) < 2:
        return []
    intro = [
        "",
        "# Several exports hold people. To treat the same person as one customer, take the '# ' off these lines and",
        "# off their columns above, and give the canonical column as {column: ..., identity: customer.<export>}.",
    ]
    return [*intro, "# identities:", "#   customer:", *records]
