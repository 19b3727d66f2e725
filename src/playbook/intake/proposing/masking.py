"""Which columns hold personal data, and how values are shown without giving a person away."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from playbook.intake.proposing.naming import words

if TYPE_CHECKING:
    from playbook.intake.proposing.guessing import Profile

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PERSONAL = frozenset({"email", "phone", "street", "surname", "forename", "birth"})
FEW = 40  # values of a code list at most
REPEATED = 3  # a code is there at least so often, on average
CODE = re.compile(r"[\w./+-]{1,12}")
NUMBER = re.compile(  # none long enough, or with zeros before it, to be a telephone's
    r"[-+]?(0|[1-9]\d{0,8}|[1-9]\d{0,2}([.,'’ \xa0\u202f]\d{3}){1,2})([.,]\d+)?-?|[-+]?[.,]\d+"
)
MONTHS = "|".join([*calendar.month_name[1:], *calendar.month_abbr[1:]])
HOURS = r"\d\d?:\d\d(:\d\d([.,]\d+)?)?( ?[ap]m)?( ?(Z|[+-]\d\d(:?\d\d)?))?"
DATE = re.compile(  # also one that is in no calendar
    r"(\d{4}([-./])\d\d?\2\d\d?|\d\d?([-./])\d\d?\3(\d{4}|\d\d)"
    rf"|\d\d?[ .-]{{1,2}}({MONTHS})[ .-]{{1,2}}(\d{{4}}|\d\d))([ T]{HOURS})?|{HOURS}",
    re.I,
)


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


def quotable(name: str, values: Sequence[tuple[str, int]]) -> Callable[[str], bool]:
    """Return what tells whether a value of a column may be shown: a number, a date or time, or a code.

    Codes are short words without blanks, few and repeated; a personal column holds none of them.
    """
    if personal(name, values):
        return lambda _: False
    texts = {value: count for value, count in values if not _measured(value)}
    few = len(texts) <= FEW and sum(texts.values()) >= REPEATED * len(texts)
    return lambda value: _measured(value) or (few and bool(CODE.fullmatch(value)))


def _measured(value: str) -> bool:
    return bool(NUMBER.fullmatch(value) or DATE.fullmatch(value))


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


def shape(value: str) -> str:
    """Return how a value is written: its letters as a and A, its digits as 9, all other signs as they are.

    Examples
    --------
    >>> shape("Hamilton Margaret"), shape("(089) 63-48"), shape("3,5 kg")
    ('Aaaaaaaa Aaaaaaaa', '(999) 99-99', '9,9 aa')
    """
    return "".join(
        "9" if sign.isnumeric() else "A" if sign.isupper() else "a" if sign.isalpha() else sign
        for sign in value
    )


def shortened(value: str) -> str:
    """Return a value on one line, at most 30 signs long."""
    clean = "".join(sign if sign.isprintable() else " " for sign in value)
    return clean if len(clean) <= 30 else clean[:29] + "…"
