"""What a name means, whatever the language: the words of `synonyms.yml`, found in column, file and sheet names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

VAGUE = {"id": 0.6, "date": 0.6, "amount": 0.4, "kind": 0.7, "single": 0.4, "value": 0.5, "name": 0.8}
UNKNOWN = 0.5  # weight of a word that stands in no list, such as a system's prefix
JOINTS = ("", "s", "n", "en", "e")  # what German and Dutch put between the parts of a joined word


@cache
def synonyms() -> dict[str, Any]:
    """Return `synonyms.yml`."""
    return yaml.safe_load(Path(__file__).with_name("synonyms.yml").read_text(encoding="utf-8"))


@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    """Return text without capitals, accents and the ways to write an umlaut.

    Examples
    --------
    >>> fold("Verkäufe"), fold("VERKAEUFE"), fold("Straße")
    ('verkaufe', 'verkaufe', 'strasse')
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "ss"))
    plain = "".join(sign for sign in plain.lower() if not unicodedata.combining(sign))
    return re.sub("([aou])e", r"\1", plain)


@cache
def _forms() -> dict[str, tuple[str, ...]]:
    """Return for each known form, folded, the words of ours it means."""
    words = {fold(form): (word,) for word, forms in synonyms()["words"].items() for form in forms}
    terms = {fold(form): tuple(meaning.split()) for form, meaning in synonyms()["terms"].items()}
    return words | terms


@cache
def _stopwords() -> frozenset[str]:
    return frozenset(fold(word) for word in synonyms()["stopwords"])


def parts(name: str) -> list[str]:
    """Return the parts of a name, folded.

    Examples
    --------
    >>> parts("customerNo"), parts("UNIT_PRICE (EUR)"), parts("N° de commande")
    (['customer', 'no'], ['unit', 'price', 'eur'], ['n', 'de', 'commande'])
    """
    spaced = re.sub(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [fold(part) for part in re.findall(r"[^\W\d_]+\d?|%", spaced)]


@lru_cache(maxsize=20_000)
def words(name: str) -> frozenset[str]:
    """Return the words of ours in a name; what is not known stands as it is.

    Examples
    --------
    >>> sorted(words("Auftragsdatum")), sorted(words("cust_no")), sorted(words("N° de commande"))
    (['date', 'order'], ['customer', 'id'], ['id', 'order'])
    """
    found: list[str] = []
    whole = fold(re.sub(r"[\W_]+", "", name))
    if whole in _forms():
        return frozenset(_forms()[whole])
    for part in parts(name):
        if part not in _stopwords():
            found += _taken_apart(part) or _taken_apart(part.rstrip("0123456789")) or _with_known_end(part)
    if not found:
        found = [word for part in parts(name) for word in _forms().get(part, (part,))]
    return frozenset(found)


@lru_cache(maxsize=20_000)
def _taken_apart(part: str) -> tuple[str, ...]:
    """Return the words of ours that a joined word is made of; none when some of it is not known."""
    if part in _forms():
        return _forms()[part]
    for size in range(len(part) - 2, 2, -1):
        if part[:size] not in _forms():
            continue
        for joint in JOINTS:
            rest = part[size + len(joint) :]
            if part[size:].startswith(joint) and len(rest) >= 2 and (tail := _taken_apart(rest)):
                return _forms()[part[:size]] + tail
    return ()


def _with_known_end(part: str) -> tuple[str, ...]:
    """Return an unknown word in two when its end is known: 'vorgangsnummer' is some id."""
    for at in range(2, len(part) - 3):
        if _forms().get(part[at:], ("",))[0] in ("id", "date", "price", "quantity", "cost"):
            return part[:at].removesuffix("s"), *_forms()[part[at:]]
    return (part,)


def weight(found: Iterable[str]) -> float:
    """Return how much words say together: words such as 'date' stand in many names."""
    return sum(VAGUE.get(word, 1.0 if (word,) in _meanings() else UNKNOWN) for word in found)


@cache
def _meanings() -> frozenset[tuple[str, ...]]:
    return frozenset((word,) for word in synonyms()["words"])


def likeness(name: frozenset[str], phrase: frozenset[str]) -> float:
    """Return how alike two sets of words are, 0 to 1: Dice's coefficient of their weights.

    Dice, L. R. (1945). Measures of the amount of ecologic association between species. Ecology 26(3).

    Examples
    --------
    >>> likeness(words("Bestelldatum"), words("order date"))
    1.0
    """
    both = weight(name) + weight(phrase)
    return 2 * weight(name & phrase) / both if both else 0.0


@cache
def phrases(table: str, column: str) -> tuple[frozenset[str], ...]:
    """Return the ways to call a canonical column, each as words of ours: its name, then its synonyms."""
    base = re.sub(r"_(amt|qty|kg|dm3|share|s|min|h|d|km|m)$", "", column)
    listed = synonyms()["columns"].get(f"{table}.{column}", [])
    return tuple(dict.fromkeys([words(base), words(column), *(frozenset(text.split()) for text in listed)]))


@cache
def nouns(table: str) -> frozenset[str]:
    """Return the words of ours that say that a name is about this table."""
    listed = " ".join(synonyms()["tables"].get(table, [])).split()
    return frozenset(listed) | words(table)


def about(table: str, name: str) -> float:
    """Return how well the name of a file or sheet fits a table, 0 to 1.

    Examples
    --------
    >>> about("orders", "Aufträge 2026"), about("tickets", "Aufträge 2026")
    (1.0, 0.0)
    """
    listed = [frozenset(text.split()) for text in synonyms()["tables"].get(table, [])]
    found = frozenset(word for word in words(name) if (word,) in _meanings())
    return max((likeness(found, phrase) for phrase in [*listed, words(table)]), default=0.0)


def closest(table: str, column: str, name: str, context: frozenset[str]) -> float:
    """Return how well a column's name in an export fits a canonical column, 0 to 1.

    What the export is about goes without saying in its columns ("Nr" in a file of orders), in `context`.
    """
    found = words(name)
    about_table = nouns(table)
    best = 0.0
    for phrase in phrases(table, column):
        exact = likeness(found, phrase)
        unsaid = (phrase & about_table & context) - found
        said = (found & about_table & context) - phrase
        shorter = 0.95 * likeness(found - said, phrase - unsaid) if phrase - unsaid and found - said else 0.0
        best = max(best, exact, shorter)
    return best
