"""Which columns hold personal data, and how values are shown without giving a person away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playbook.intake.naming import words

if TYPE_CHECKING:
    from playbook.intake.guessing import Profile

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PERSONAL = frozenset({"email", "phone", "street", "surname", "forename", "birth"})


def personal(name: str, common: Sequence[tuple[str, int]]) -> str | None:
    """Return why a column is taken for personal data."""
    found = words(name)
    values = [value for value, _ in common]
    if values and sum(1 for value in values if EMAIL.fullmatch(value)) > 0.5 * len(values):
        return "email"
    for word in sorted(PERSONAL & found):
        if word == "street" and any(EMAIL.search(value) for value in values):
            return "email"
        if word != "birth" or "year" not in found:
            return word
    lettered = [
        v for v in values if re.fullmatch(r"[^\W\d_][^\d_]*[ ,][^\d_]*[^\W\d_]\.?", v) and len(v) < 60
    ]
    if (
        "name" in found
        and not found & {"product", "account", "team", "site"}
        and len(lettered) > 0.5 * len(values) > 2
    ):
        return "name"
    return "text" if values and sum(map(len, values)) > 60 * len(values) else None


def examples(column: Profile, *, clear: bool) -> list[str]:
    """Return up to three values to show: in the clear when told so, or when they are numbers, times or keys.

    Personal ones, and texts nobody vouches for, are shown as masks.
    """
    values = [value for value, _ in column.common[:3]]
    keys = all(re.fullmatch(r"\S{1,24}", value) and re.search(r"\d", value) for value in values)
    if column.personal or not (clear or column.kind != "text" or keys):
        return list(dict.fromkeys(mask(value) for value in values))
    return [mask(value) if EMAIL.search(value) else shortened(value) for value in values]


def mask(value: str) -> str:
    """Return a value of which only the first letters are left.

    Examples
    --------
    >>> mask("anna.berg@example.com"), mask("BERG, Anna"), mask("+49 30 1234567")
    ('a***@e***', 'B*** A***', '+***')
    """
    if EMAIL.fullmatch(value):
        user, _, host = value.partition("@")
        return f"{shortened(user[:1])}***@{shortened(host[:1])}***"
    initials = re.findall(r"[^\W\d_]+", value)[:3]
    if initials and not re.match(r"[+\d]", value):
        return " ".join(f"{word[0]}***" for word in initials)
    return f"{shortened(value[:1])}***"


def shortened(value: str) -> str:
    """Return a value on one line, at most 30 signs long."""
    clean = "".join(sign if sign.isprintable() else " " for sign in value)
    return clean if len(clean) <= 30 else clean[:29] + "…"
