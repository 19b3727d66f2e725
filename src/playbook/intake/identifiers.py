"""What would tell who somebody is, kept as keyed fingerprints: the gate can find it in a text, nobody can read it.

An identifier is a set of words: "LEE, Ann", "Ann Lee" and ann_lee are the same, an e-mail is the words between its
signs. Of a telephone number only the national digits count. The file holds, for each, 64 bits of its HMAC-SHA256 under the
client's key and how many words it has; and the same of each single word of longer identifiers, so that a text is
searched by one look-up a word.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import StoreError
from playbook.intake.pseudonyms import BLOCK, CALLING_CODES
from playbook.store.sqltext import literal

if TYPE_CHECKING:
    import duckdb
    import numpy as np

PART, PHONE = 0, 255  # in place of a number of words: a word of longer identifiers, a telephone number
MOST_WORDS = 8  # of a longer identifier, an address mostly, the first words count
GAP = 6  # signs that may stand between two words of one identifier
SHORTEST_WORD, SHORTEST_CODE, SHORTEST_NUMBER = 4, 5, 7  # letters; letters and digits; digits
CHUNK = 50_000  # values in memory at once
COMMON_WORDS = 1 << 16  # whose fingerprint is remembered
TABLE, FILE = "identifiers", "identifiers.parquet"  # in the desk, and in the store
WORD = re.compile(r"[^\W_]+")
DIGITS = re.compile(r"(?<![\w.,])\+?\(?[0-9][0-9 ()/.\xa0-]{5,30}[0-9](?!\w)")
# A figure with decimals or a date.
NO_TELEPHONE = re.compile(
    r"[0-9]+\.[0-9]+$|(19|20)[0-9]{2}([-./])[01][0-9]\2[0-3][0-9]\b|[0-3]?[0-9]([-./])[01]?[0-9]\3(19|20)[0-9]{2}$"
)
CALLING_CODE = re.compile(rf"(\+|00)({CALLING_CODES})")


def collect(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Mapping[str, str],
    key: bytes,
    *,
    table: str = TABLE,
) -> str:
    """Add the distinct values of some columns to a table of fingerprints, made when it is not there; return its name.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the relation.
    relation : str
        SQL of a table, view or query in brackets, with the values as the client wrote them.
    columns : dict of str
        SQL of each column of identifiers, and its kind: phone, or any other.
    key : bytes
        The client's key; see `playbook.intake.pseudonyms.key_of`.
    table : str
        The table, with columns fingerprint (ubigint) and words (utinyint: how many words; 0 for a word of a longer
        identifier, 255 for a telephone number).

    Notes
    -----
    Values that many texts hold by chance identify nobody and are left out: words of fewer than 4 letters, codes of fewer
    than 5 letters and digits, numbers of fewer than 7 digits.
    """
    import numpy as np
    import pandas as pd

    connection.execute(f"create table if not exists {table} (fingerprint ubigint, words utinyint)")
    hashing = _Hashing(key)
    for column, kind in columns.items():
        for chunk in _distinct(connection, f"({column})::varchar", relation):
            found = np.fromiter(_entries(chunk, kind, hashing), np.uint64).reshape(-1, 2)
            connection.register("playbook_found", pd.DataFrame(found, columns=["fingerprint", "words"]))
            connection.execute(f"insert into {table} select fingerprint, words from playbook_found")
            connection.unregister("playbook_found")
    return table


def _distinct(connection: duckdb.DuckDBPyConnection, cells: str, relation: str) -> Iterator[list[str]]:
    """Yield the values, a chunk at a time; they wait in DuckDB, as its connection has only one open result."""
    connection.execute(
        "create or replace temp table playbook_values as "
        f"select distinct {cells} as value from {relation} where {cells} is not null"
    )
    query = (
        "select value from playbook_values where rowid between ? and ?"  # rows of a new table count from 0
    )
    first = 0
    while chunk := connection.execute(query, [first, first + CHUNK - 1]).fetchall():
        yield [value for (value,) in chunk]
        first += CHUNK
    connection.execute("drop table playbook_values")


def write(connection: duckdb.DuckDBPyConnection, path: Path, *, table: str = TABLE) -> None:
    """Write the fingerprints, each once and in no order that tells anything, as a Parquet file."""
    rows = f"select distinct fingerprint, words from {table} order by fingerprint, words"
    connection.execute(f"copy ({rows}) to {literal(path.as_posix())} (format parquet, compression zstd)")


def _entries(values: Iterable[str], kind: str, hashing: _Hashing) -> Iterator[int]:
    """Yield, in turn, fingerprint and number of words: of a chunk's values, then of the words of longer ones."""
    parts: set[str] = set()
    for value in values:
        if kind == "phone" and (digits := _national(value)):
            yield hashing.number("+" + digits)
            yield PHONE
            continue
        words = [_plain(found) for found in WORD.findall(unicodedata.normalize("NFKC", value))][:MOST_WORDS]
        if not words or not _telling(words):
            continue
        yield hashing.number(_joined(words))
        yield len(words)
        if len(words) > 1:
            parts.update(words)
    for word in parts:
        yield hashing.word(word)
        yield PART


def _telling(words: list[str]) -> bool:
    letters = "".join(words)
    if letters.isdecimal():
        return len(letters) >= SHORTEST_NUMBER
    if len(words) > 1:
        return len(letters) > SHORTEST_CODE and max(map(len, words)) > 2
    return len(letters) >= (SHORTEST_WORD if letters.isalpha() else SHORTEST_CODE)


def _plain(word: str) -> str:
    """Return a word without case and accents."""
    word = word.casefold()
    if word.isascii():
        return word
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)
    )


def _joined(words: Iterable[str]) -> str:
    return " ".join(sorted(words))


def _national(text: str) -> str:
    """Return the digits of a telephone number without calling code and leading zeros; empty when too few."""
    digits = re.sub("[^0-9+]", "", text)
    digits = CALLING_CODE.sub("", digits, count=1) if CALLING_CODE.match(digits) else digits
    digits = digits.replace("+", "").lstrip("0")
    return digits if len(digits) >= SHORTEST_NUMBER - 1 else ""


class _Hashing:
    """HMAC-SHA256 under one key, its first 64 bits as a number."""

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"identifier ")
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self.word = lru_cache(maxsize=COMMON_WORDS)(self.number)  # the same first names in every chunk

    def number(self, text: str) -> int:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return int.from_bytes(outer.digest()[:8], "big")


class Identifiers:
    """The identifiers of a client's data, to look for in a text.

    With 64 bits a word, number or name that is none of a million is taken for one with a chance of 5 in 10**14.
    """

    def __init__(
        self, fingerprints: Mapping[int, np.ndarray], key: bytes, harmless: frozenset[str] = frozenset()
    ) -> None:
        self._known = {words: frozenset(found.tolist()) for words, found in fingerprints.items()}
        self._lengths = sorted(words for words in self._known if 1 < words < PHONE)
        self._harmless = {_plain(word) for word in harmless}
        self._hashing = _Hashing(key)
        self._words: dict[str, tuple[str, bool, bool]] = {}
        self._names: dict[str, bool] = {}

    @classmethod
    def load(cls, path: Path, key: bytes, harmless: frozenset[str] = frozenset()) -> Identifiers:
        """Read what `write` wrote.

        Parameters
        ----------
        path : path
            The Parquet file.
        key : bytes
            The key with which it was made; with any other nothing is found.
        harmless : frozenset of str
            Words that are no finding when they stand alone, in any case.

        Raises
        ------
        StoreError
            When the file cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path, columns=["fingerprint", "words"])
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(
                f"{path}: the identifiers cannot be read ({reason}); take the exports in again"
            ) from None
        fingerprints, words = table["fingerprint"].to_numpy(), table["words"].to_numpy()
        return cls({int(n): fingerprints[words == n] for n in set(words.tolist())}, key, harmless)

    def __len__(self) -> int:
        """Return how many identifiers there are."""
        return sum(len(found) for words, found in self._known.items() if words != PART)

    def find(self, text: str) -> list[str]:
        """Return the words of a text that are an identifier, as they stand there, each once.

        Notes
        -----
        Words of one identifier may stand in any order and case, with accents or without, up to 6 signs apart, also on
        two lines.
        """
        text = unicodedata.normalize("NFKC", text)
        found = dict.fromkeys(self._single_words(text))
        found.update(dict.fromkeys(self._several_words(text)))
        found.update(dict.fromkeys(self._telephones(text)))
        return list(found)

    def _word(self, written: str) -> tuple[str, bool, bool]:
        """Return a word's plain form, whether it is an identifier, and whether it is part of some."""
        known = self._words.get(written)
        if known is None:
            plain = _plain(written)
            number = self._hashing.number(plain)
            alone = number in self._known.get(1, ()) and plain not in self._harmless
            known = self._words[written] = (plain, alone, number in self._known.get(PART, ()))
        return known

    def _single_words(self, text: str) -> Iterator[str]:
        if not self._known.get(1):
            return
        for match in WORD.finditer(text):
            written = match[0]
            if self._word(written)[1] and not (written.isdecimal() and _in_a_figure(text, match)):
                yield written

    def _several_words(self, text: str) -> Iterator[str]:
        if not self._lengths:
            return
        run: list[tuple[str, int, int]] = []  # neighbours that are all words of identifiers
        for match in WORD.finditer(text):
            plain, _, part = self._word(match[0])
            if run and (not part or match.start() - run[-1][2] > GAP):
                yield from self._in_run(text, run)
                run = []
            if part:
                run.append((plain, *match.span()))
        yield from self._in_run(text, run)

    def _in_run(self, text: str, run: list[tuple[str, int, int]]) -> Iterator[str]:
        for words in self._lengths:
            for first in range(len(run) - words + 1):
                window = run[first : first + words]
                if self._is_name(_joined(word for word, _, _ in window), words):
                    yield text[window[0][1] : window[-1][2]]

    def _is_name(self, joined: str, words: int) -> bool:
        known = self._names.get(joined)
        if known is None:
            known = self._names[joined] = self._hashing.number(joined) in self._known[words]
        return known

    def _telephones(self, text: str) -> Iterator[str]:
        numbers = self._known.get(PHONE)
        if not numbers:
            return
        for match in DIGITS.finditer(text):
            digits = "" if NO_TELEPHONE.match(match[0]) else _national(match[0])
            if digits and self._hashing.number("+" + digits) in numbers:
                yield match[0]


def _in_a_figure(text: str, match: re.Match[str]) -> bool:
    """Return whether digits stand in a longer figure, like 0.1234567."""
    before, after = text[max(match.start() - 2, 0) : match.start()], text[match.end() : match.end() + 2]
    return bool(re.fullmatch("[0-9][.,]", before) or re.fullmatch("[.,][0-9]", after))
