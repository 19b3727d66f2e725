"""Values and names as SQL text: all that may stand in a query without being bound."""

from __future__ import annotations

from typing import Any


def literal(value: Any) -> str:
    """Return a value as an SQL literal.

    Examples
    --------
    >>> literal("it's"), literal(True), literal(2.5)
    ("'it''s'", 'true', '2.5')
    """
    if isinstance(value, bool | int | float):
        return repr(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return the name of a table or column, quoted.

    Examples
    --------
    >>> identifier("Unit price")
    '"Unit price"'
    """
    return '"' + name.replace('"', '""') + '"'
