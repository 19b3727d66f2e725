"""Turns of phrase that plays share."""

from __future__ import annotations

from collections.abc import Iterable


def listed(names: Iterable[object]) -> str:
    """Return names as a list in a sentence; nothing for no name.

    Examples
    --------
    >>> listed([]), listed(["gold"]), listed(["gold", "silver", "bronze"])
    ('', 'gold', 'gold, silver and bronze')
    """
    *others, last = [str(name) for name in names] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def counted(number: int, thing: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "case"), counted(3, "case")
    ('1 case', '3 cases')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
