"""What must never be published, whoever's it is: addresses, accounts, cards, phone numbers, machine paths, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# ISO 13616: letters of the country and length of its account numbers.
IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LI21 "
        "LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SE24 "
        "SI19 SK24 SM27 TN24 TR26 UA29 VG24 XK20",
    )
}
# First digits and lengths that the card schemes issue.
CARD = re.compile(
    r"4(\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11}|35\d{14}|6(011|5\d\d)\d{12}"
)
DIGITS = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w.,]?\d)")
ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
DOMAIN = re.compile(r"@((?:[\w-]{1,63}\.)+([^\W\d_]{2,24}))(?![\w-])")
LOCAL_PART = re.compile(r"[\w.+%'-]{1,64}$")
FILES = {"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "html", "woff", "ttf", "py", "ipynb"}
# RFC 2606: names that belong to nobody.
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test|localhost)$", re.I)
PHONE = re.compile(
    r"(?<![\w.+])\+[1-9]\d{0,2}(?:[ ./-]{0,2}\(?\d{1,9}\)?){1,6}(?![\w%])"
    r"|(?<![\w.,:/-])(?<!\d )00[1-9]\d{0,2}(?:[ /-]\(?\d{1,9}\)?){1,6}(?![\w%])"
)
NUMBER = re.compile(r"\+\d+\.\d+")
HOME = re.compile(
    r"(?<![\w.])/(?:home|Users)/[\w.-]+|(?<![\w./])/root/[\w.-]+|\b[A-Za-z]:[\\/]{1,2}Users[\\/]{1,2}\w+"
)
CONNECTION = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@'\"<>]*:([^\s/@'\"<>]+)@[\w.-]+")
SECRET_NAME = re.compile(
    r"(?:^|_)(?:KEY|KEYS|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PWD|CREDENTIALS?)(?:_|$)|_PASSWORD"
)
LONG_ENOUGH = 8  # shorter values of the environment are words


def found(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield place, kind and value of everything in `text` that is always wrong on a published page.

    Examples
    --------
    >>> [kind for _, kind, _ in found("ada@lovelace.org, GB82 WEST 1234 5698 7654 32, +44 20 7946 0958")]
    ['an e-mail address', 'an account number (IBAN)', 'a phone number']
    >>> list(found("ada@example.com, +12.5 %, GB82 WEST 1234 5698 7654 33"))
    []
    """
    logins = {match.end(1) for match in CONNECTION.finditer(text)}
    for match in DOMAIN.finditer(text):
        local = LOCAL_PART.search(text[max(0, match.start() - 64) : match.start()])
        if (
            local
            and match.start() not in logins
            and match[2].lower() not in FILES
            and not RESERVED.search(match[1])
        ):
            yield match.start() - len(local[0]), "an e-mail address", local[0] + match[0]
    for match in ACCOUNT.finditer(text):
        if (account := _account(match[0])) is not None:
            yield match.start(), "an account number (IBAN)", account
    for match in DIGITS.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if CARD.fullmatch(digits) and _luhn(digits):
            yield match.start(), "a payment card", match[0]
    for match in PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0]).removeprefix("00")
        if 9 <= len(digits) <= 15 and not NUMBER.fullmatch(match[0]):
            yield match.start(), "a phone number", match[0]
    for kind, pattern in (
        ("a path of somebody's machine", HOME),
        ("an address with a password", CONNECTION),
    ):
        for match in pattern.finditer(text):
            yield match.start(), kind, match[0]


def secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the secret values of an environment, with the name of their variable.

    Examples
    --------
    >>> secrets({"ERP_PASSWORD": "hunter2hunter2", "HOME": "/srv", "ERP": "postgresql://me:secret99@db/x"})
    {'hunter2hunter2': 'ERP_PASSWORD', 'postgresql://me:secret99@db/x': 'ERP', 'secret99': 'ERP'}
    """
    values: dict[str, str] = {}
    for name, value in environment.items():
        if SECRET_NAME.search(name.upper()):
            values[value] = name
        if match := CONNECTION.search(value):
            values |= {value: name, match[1]: name}
    return {value: name for value, name in values.items() if len(value) >= LONG_ENOUGH}


def _account(text: str) -> str | None:
    """Return the account number at the beginning of `text` when its check digits are right (ISO 7064, mod 97-10)."""
    length = IBAN_LENGTHS.get(text[:2])
    if length is None or len(text.replace(" ", "")) < length:
        return None
    number = text.replace(" ", "")[:length]
    value = int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4]))
    return number if value % 97 == 1 else None


def _luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0
