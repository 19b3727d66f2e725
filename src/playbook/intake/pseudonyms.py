"""Pseudonyms: HMAC-SHA256 (RFC 2104) of a value under a key that stays outside every store, run and page.

The same value gets the same pseudonym in every table and every quarter, so tables still join, and without the key nobody
can find a value by trying names out. A pseudonym is the first 16 hex characters, 64 bits: the chance that any two
of n different values share one is at most n * n / 2**65, which is 3 in 100 million for a million customers and 7 in
100,000 for 50 million.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import SettingsError

if TYPE_CHECKING:
    import duckdb

KEY, KEYS = "PLAYBOOK_KEY", "PLAYBOOK_KEYS"  # environment: the key itself, the folder of the clients' keys
SHORTEST = 16  # letters of a key that somebody chose
LETTERS = 16
BLOCK = 64  # bytes of SHA-256's block
# What E.164 puts before a national number: 1 and 7, these pairs, and three digits everywhere else.
CALLING_CODES = "1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}"
STREETS = {"stra(ss|ß)e?": "str", "street": "st", "road": "rd", "avenue": "ave"}


def key_of(client: str) -> bytes:
    """Return a client's key, made at its first use.

    It is the value of the environment variable PLAYBOOK_KEY (32 or more hex digits, or a text of 16 or more
    characters) or else the content of ``<client>.key`` in the user's folder of settings, or in PLAYBOOK_KEYS.
    Whoever has that file can tell whose record is whose: it belongs in no run, backup of runs, or mail.

    Raises
    ------
    SettingsError
        When the key is too short, or its file is broken or can be read by other users.
    """
    given = os.environ.get(KEY)
    if given is not None:
        return _given(given)
    file = key_file(client)
    try:
        if not file.is_file():
            _make(file)
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise SettingsError(f"{file}: other users can read this key; mend it with: chmod 600 '{file}'")
        text = file.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise SettingsError(
            f"{file}: the key cannot be kept there ({error.strerror}); set {KEYS} or {KEY}"
        ) from None
    except ValueError:
        raise SettingsError(f"{file}: this is no key; expected 64 hex digits, as it was made") from None
    if len(key) < SHORTEST:
        raise SettingsError(f"{file}: the key is incomplete; expected 64 hex digits, as it was made")
    return key


def key_file(client: str) -> Path:
    """Return where a client's key is kept, whether it is there or not."""
    import platformdirs

    folder = os.environ.get(KEYS)
    keys = Path(folder) if folder else Path(platformdirs.user_config_dir("playbook")) / "keys"
    slug = re.sub(r"[^a-z0-9]+", "-", client.lower()).strip("-")
    if not client.isascii():  # names in other letters would all get the same file
        slug = f"{slug}-{hashlib.sha256(client.encode()).hexdigest()[:8]}".strip("-")
    return keys / f"{slug or 'client'}.key"


def _given(text: str) -> bytes:
    text = text.strip()
    if re.fullmatch("([0-9a-fA-F]{2}){16,}", text):
        return bytes.fromhex(text)
    if len(text) < SHORTEST:
        raise SettingsError(
            f"{KEY}: a key has {SHORTEST} characters or more, this has {len(text)}; leave it unset to have one made"
        )
    return text.encode()


def _make(file: Path) -> None:
    """Write a new key. A link appears whole or not at all, and only once: of two processes, one makes the key."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".new-")  # mkstemp lets only its owner read it
    try:
        with os.fdopen(handle, "w", encoding="ascii") as new:
            new.write(secrets.token_hex(32) + "\n")
            new.flush()
            os.fsync(new.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        os.unlink(draft)


def fingerprint(key: bytes) -> str:
    """Return 8 hex characters that tell whether two stores were made with one key, and nothing about the key."""
    return hmac.new(key, b"fingerprint of a playbook key", "sha256").hexdigest()[:8]


def register(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Give a connection the key for `sql`.

    It lies in a table of the connection's own, in memory: a variable or a literal would be folded into the plan and
    stand in every profile and explanation of a query. A cursor of the connection needs it again.
    """
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    pads = [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]
    connection.execute("create or replace temp table pseudonym_key (inner_pad blob, outer_pad blob)")
    connection.execute("insert into pseudonym_key values (?, ?)", pads)


def sql(cell: str) -> str:
    """Return SQL for the pseudonym of a cell; null stays null.

    The connection must have been told the key with `register`. Some million values a second and core: hash
    the distinct values of a long column rather than each of its rows.
    """
    inner = f"sha256((select inner_pad from pseudonym_key) || encode(({cell})::varchar))"
    return f"left(sha256((select outer_pad from pseudonym_key) || unhex({inner})), {LETTERS})"


def normalised(kind: str, cell: str) -> str:
    """Return SQL for one form of a value that people write in several ways, to be hashed.

    Parameters
    ----------
    kind : str
        name ("SURNAME, First" is "First Surname", accents off), email, phone (digits, without calling code and
        leading zeros), address (accents and punctuation off, the commonest words for a street alike); of anything
        else only case and blanks do not count.
    cell : str
        SQL of a text. A value of which nothing would be left keeps its letters.
    """
    plain = f"trim(regexp_replace(lower({cell}), '\\s+', ' ', 'g'))"
    if kind == "email":
        return f"regexp_replace(lower({cell}), '\\s+|^mailto:', '', 'g')"
    if kind == "phone":
        digits = f"regexp_replace({cell}, '[^0-9+]', '', 'g')"
        national = f"regexp_replace({digits}, '^(\\+|00)({CALLING_CODES})', '')"
        return f"coalesce(nullif(regexp_replace({national}, '^0+|\\+', '', 'g'), ''), {plain})"
    if kind not in ("name", "address"):
        return plain
    words = f"trim(regexp_replace(lower(strip_accents({cell})), '[^\\pL\\pN]+', ' ', 'g'))"
    if kind == "name":
        words = f"array_to_string(list_sort(string_split({words}, ' ')), ' ')"
    else:
        for written, short in STREETS.items():
            words = f"regexp_replace({words}, '{written}\\b', '{short}', 'g')"
    return f"coalesce(nullif({words}, ''), {plain})"
