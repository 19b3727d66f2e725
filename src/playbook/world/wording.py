"""How customers and colleagues write: fragments in the language of each market, joined in bulk.

A message is an opening, what it is about, a detail, a wish and a signature; each may be missing. Some people write in
a hurry: small letters, slips, abbreviations, no signature. What is planted (the thing, what is wrong with it, the
tone) is chosen by the caller; only how it is said is drawn here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from playbook.world import phrases
from playbook.world.keys import position
from playbook.world.phrases import LANGUAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

TONES = ("negative", "neutral", "positive")
IN_A_HURRY = 0.22  # share of messages
STOPS = (",", "..", " -", ".", "", "...", ",")  # where others put a full stop

Texts = pd.api.extensions.ExtensionArray


def language_codes(language: pd.Series) -> NDArray[np.integer]:
    """Return each language's position in `LANGUAGES`; English where it is none of them."""
    return np.maximum(position(language, LANGUAGES), 0)


def topics(industry: str) -> tuple[str, ...]:
    """Return what can be wrong, in English: the industry's usual faults, what batches break with, and harmless
    waves of questions.
    """
    from playbook.world.presets import PRESETS

    usual = PRESETS[industry].faults
    return (*usual, *(said[0] for said in phrases.INCIDENTS[industry]), *(said[0] for said in phrases.WAVES))


def n_usual(industry: str) -> int:
    """Return how many of `topics` are everyday faults."""
    return len(topics(industry)) - len(phrases.INCIDENTS[industry]) - len(phrases.WAVES)


def reports(
    industry: str,
    language: NDArray[np.integer],
    thing: NDArray[np.integer],
    topic: NDArray[np.integer],
    rng: np.random.Generator,
) -> tuple[Texts, Texts]:
    """Return subject lines and messages of customers who report `topic` (position in `topics`) of `thing`."""
    n = len(language)
    hurried = rng.random(n) < IN_A_HURRY
    subject, body = _sentences(industry, "SUBJECTS"), _sentences(industry, "STATEMENTS")
    asks = topic >= len(topics(industry)) - len(phrases.WAVES)  # nothing is wrong
    parts = [
        _part("OPENINGS", language, hurried, rng),
        body.draw(language, thing, topic, hurried, rng),
        _part("DETAILS", language, hurried, rng, empty=np.where(asks, 1.0, 0.25)),
        _part("WISHES", language, hurried, rng, empty=np.where(asks, 1.0, 0.15)),
        _part("SIGNATURES", language, hurried, rng),
    ]
    return _joined([subject.draw(language, thing, topic, hurried, rng)]), _joined(parts)


def desk_subjects(
    industry: str,
    language: NDArray[np.integer],
    category: NDArray[np.integer],
    thing: NDArray[np.integer],
    rng: np.random.Generator,
) -> pa.Array:
    """Return subject lines of requests to the desk, by category (position in `phrases.DESK`)."""
    pool, first, size, things = _desk(industry)
    of = language * len(phrases.DESK["en"]) + category
    pattern = np.floor(rng.random(len(language)) * size[of]).astype(np.int64)
    at = first[of] + pattern * things + thing
    hurried = rng.random(len(language)) < IN_A_HURRY
    return pool.take(pa.array(at + hurried * (len(pool) // 2)))


@cache
def _desk(industry: str) -> tuple[pa.Array, NDArray[np.integer], NDArray[np.integer], int]:
    """Return all subject lines, where each language's and category's begin, how many patterns it has, and things."""
    from playbook.world.presets import PRESETS

    things = PRESETS[industry].things
    groups = [(k, said) for k, code in enumerate(LANGUAGES) for said in phrases.DESK[code].values()]
    texts = [
        pattern.format(thing=phrases.THINGS[thing][k], bare=phrases.bare(phrases.THINGS[thing][k]))
        for k, said in groups
        for pattern in said
        for thing in things
    ]
    size = np.array([len(said) for _, said in groups])
    texts = [text[0].upper() + text[1:] for text in texts]
    pool = pa.array(texts + [hasty(text, "") for text in texts], pa.large_string())
    return pool, (np.cumsum(size) - size) * len(things), size, len(things)


def contact_notes(
    industry: str,
    language: NDArray[np.integer],
    thing: NDArray[np.integer],
    tone: NDArray[np.integer],
    rng: np.random.Generator,
    *,
    mood: NDArray[np.float64] | None = None,
) -> Texts:
    """Return what a colleague writes after a contact in a tone (position in `TONES`); `mood`, when given, is noted
    as a figure out of ten.
    """
    n = len(language)
    hurried = rng.random(n) < IN_A_HURRY
    opening = _sentences(industry, "CONTACTS")
    parts = [
        opening.draw(language, thing, np.zeros(n, dtype=np.int64), hurried, rng),
        _part("TONED", language, hurried, rng, group=tone),
        _part("NEXT", language, hurried, rng, empty=0.2),
        _part("INITIALS", language, hurried, rng),
    ]
    if mood is not None:
        figure = np.clip(np.round(mood), 0, 10).astype(np.int64)
        said = phrases.MOOD
        pool = pa.array([say.format(k) for say in said for k in range(11)], pa.large_string())
        parts.insert(2, pool.take(pa.array(rng.integers(0, len(said), n) * 11 + figure)))
    return _joined(parts)


def comments(language: NDArray[np.integer], tone: NDArray[np.integer], rng: np.random.Generator) -> Texts:
    """Return what a customer types into the box below a survey's question."""
    hurried = rng.random(len(language)) < 2 * IN_A_HURRY
    return _joined([_part("COMMENTS", language, hurried, rng, group=tone)])


class _Sentences:
    """Sentences about a thing and what is wrong with it: every combination in every language, in two hands."""

    def __init__(self, industry: str, kind: str) -> None:
        from playbook.world.presets import PRESETS

        preset = PRESETS[industry]
        faults = [phrases.FAULTS[fault] for fault in preset.faults]
        said = [*faults, *phrases.INCIDENTS[industry], *phrases.WAVES]
        self.patterns = getattr(phrases, kind)
        self.n_things, self.n_topics = len(preset.things), 1 if kind == "CONTACTS" else len(said)
        self.n_patterns = min(len(self.patterns[code]) for code in LANGUAGES)
        waves = len(said) - len(phrases.WAVES)
        texts = [
            self._one(kind, code, pattern, phrases.THINGS[thing][k], said[topic][k], topic >= waves)
            for k, code in enumerate(LANGUAGES)
            for thing in preset.things
            for topic in range(self.n_topics)
            for pattern in range(self.n_patterns)
        ]
        end = "" if kind == "SUBJECTS" else None
        self.pool = pa.array(texts + [hasty(text, end) for text in texts], pa.large_string())

    def _one(self, kind: str, code: str, pattern: int, thing: str, said: str, wave: bool) -> str:
        if wave:  # has a subject of its own
            text = said if kind == "SUBJECTS" else phrases.ASKING[code][pattern % 3].format(said)
        else:
            text = self.patterns[code][pattern].format(thing=thing, bare=phrases.bare(thing), fault=said)
        return re.sub(r"(?:^|[?!] )\w", lambda start: start[0].upper(), text)

    def draw(
        self,
        language: NDArray[np.integer],
        thing: NDArray[np.integer],
        topic: NDArray[np.integer],
        hurried: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> pa.Array:
        at = (language * self.n_things + thing) * self.n_topics + topic
        at = at * self.n_patterns + rng.integers(0, self.n_patterns, len(at))
        return self.pool.take(pa.array(at + hurried * (len(self.pool) // 2)))


@cache
def _sentences(industry: str, kind: str) -> _Sentences:
    return _Sentences(industry, kind)


def hasty(text: str, end: str | None = None) -> str:
    """Return a text as somebody in a hurry types it, ending in `end`, or in what such people put for a full stop.

    Examples
    --------
    >>> hasty("Please send a new pump and the invoice.", "")
    'pls send a new pump & the inovice'
    """
    if not text:
        return text
    stops = text.endswith((".", "!"))
    text = text.lower().rstrip(".! ")
    for long, short in phrases.SHORTENED:
        text = text.replace(long, short)
    if len(text) > 20 and len(text) % 3 == 0:  # one in three slips
        words = text.split(" ")
        k = max(range(len(words)), key=lambda i: (len(words[i]), i))
        word = words[k]
        middle = len(word) // 2
        words[k] = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
        text = " ".join(words)
    return text + (STOPS[len(text) % len(STOPS)] if end is None and stops else end or "")


@cache
def _pool(kind: str) -> tuple[pa.Array, NDArray[np.integer], NDArray[np.integer]]:
    """Return all fragments of a kind, and the first position and number of each language's (and tone's)."""
    by_language = getattr(phrases, kind)
    groups = []
    for code in LANGUAGES:
        of_language = by_language[code]
        groups += list(of_language) if isinstance(of_language[0], tuple) else [of_language]
    size = np.array([len(group) for group in groups])
    texts = [text for group in groups for text in group]
    # Who is in a hurry does not sign with more than initials.
    hurried = [
        phrases.SHORT_SIGNATURE.get(text, "") if kind == "SIGNATURES" else _typed(kind, text)
        for text in texts
    ]
    return pa.array(texts + hurried, pa.large_string()), np.cumsum(size) - size, size


def _typed(kind: str, text: str) -> str:
    return hasty(text, "" if kind in ("INITIALS", "COMMENTS") else None)


def _part(
    kind: str,
    language: NDArray[np.integer],
    hurried: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    group: NDArray[np.integer] | int = 0,
    empty: NDArray[np.float64] | float = 0.0,
) -> pa.Array:
    """Return a fragment for each message; with chance `empty`, none."""
    pool, first, size = _pool(kind)
    of = language * (len(size) // len(LANGUAGES)) + group
    at = first[of] + np.floor(rng.random(len(language)) * size[of]).astype(np.int64)
    return pool.take(pa.array(at + hurried * (len(pool) // 2), mask=rng.random(len(language)) < empty))


def _joined(parts: Sequence[pa.Array]) -> Texts:
    """Return the parts joined by blanks; an empty or missing part leaves no blank."""
    blank = pa.scalar(" ", pa.large_string())
    cleaned = [pc.if_else(pc.equal(part, ""), pa.scalar(None, pa.large_string()), part) for part in parts]
    joined = pc.binary_join_element_wise(*cleaned, blank, null_handling="skip")
    return pd.array(pc.replace_substring(joined, "\n ", "\n"), dtype="str")
