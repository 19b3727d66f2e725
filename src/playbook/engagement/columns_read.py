"""Which columns of the canonical tables a play reads: found in the SQL of its views and in its own code."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import playbook
from playbook.catalogue import Play
from playbook.store import schemas
from playbook.store.reading import view_needs, view_uses, views


@cache
def columns_read(play: Play) -> dict[str, frozenset[str]]:
    """Return the columns that a play reads, by canonical table: of its inputs, its optional ones, and their views.

    A column counts when a view's SQL takes it from the table, or when the play's code names it; the latter may name one
    too many (a word that also means something else), never one too few.
    """
    found: dict[str, set[str]] = {}
    named = _named(play)
    for source in (*play.inputs, *play.optional):
        if source in views():
            for table, columns in _of_view(source).items():
                found.setdefault(table, set()).update(columns)
        else:
            declared = {column.name for column in schemas.table(source).columns}
            found.setdefault(source, set()).update(declared & named)
    return {table: frozenset(columns) for table, columns in found.items()}


@cache
def _of_view(name: str) -> dict[str, frozenset[str]]:
    """Return the columns that a view takes from each table, by sqlglot's scopes."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import traverse_scope

    tables = view_needs(name) + view_uses(name)
    declared: dict[str, dict[str, str]] = {
        table: {c.name: schemas.SQL_TYPES[c.kind] for c in schemas.table(table).columns} for table in tables
    }
    query = sqlglot.parse_one(views()[name].read_text(encoding="utf-8"), dialect="duckdb")
    query = qualify(query, schema=dict(declared), dialect="duckdb", validate_qualify_columns=False)
    found: dict[str, set[str]] = {table: set() for table in tables}
    for scope in traverse_scope(query):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table) and column.name in declared.get(source.name, ()):
                found[source.name].add(column.name)
    return {table: frozenset(columns) for table, columns in found.items()}


@cache
def _named(play: Play) -> frozenset[str]:
    """Return the words that may be columns in a play's code: texts, attributes and keywords."""
    place = Path(playbook.__file__).parent / play.module / play.name
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    words: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.Attribute):
                words.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                words.add(node.arg)
    return frozenset(words)
