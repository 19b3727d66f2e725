"""How a text file is written: its encoding, delimiter and quotes, and the forms of its numbers and dates."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SAMPLE = 2**18  # bytes
DELIMITERS = (",", ";", "\t", "|")
_TEXT = 2**16  # characters that are tried; below the longest cell that Python's csv takes
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = set("äöüßÄÖÜéèêëÉÈÊËàâáãåæÀÂÁÃÅÆçÇíìîïÍÎóòôõøœÓÔÕØŒúùûÚÛñÑýÝ°§€£¥¢«»–—‘’“”…´²³µ½¼®©™¿¡\xa0")


@dataclass(frozen=True)
class Found:
    """How a text file is written, as far as a sample of it shows.

    Parameters
    ----------
    encoding : str
        As Python names it; 'utf-8-sig' and 'utf-16' where a byte-order mark says so.
    confidence : float
        In the encoding, from 0 to 1.
    delimiter, quote : str
        One character each.
    header : int
        Row that holds the column names, from 1.
    """

    encoding: str
    confidence: float
    delimiter: str
    quote: str
    header: int


def find(sample: bytes, *, encoding: str | None = None, header: int | None = None) -> Found:
    r"""Find out how a text file is written from its first bytes; what is known already can be told.

    Examples
    --------
    >>> find("Kunde;Ort;Umsatz\n007;Köln;1,50\n008;Bonn;2,75\n".encode("cp1252"))
    Found(encoding='cp1252', confidence=1.0, delimiter=';', quote='"', header=1)
    """
    found, confidence = encoding_of(sample) if encoding is None else (encoding, 1.0)
    decoder = codecs.getincrementaldecoder(found)(errors="replace")
    text = decoder.decode(sample[: 4 * _TEXT])[:_TEXT].lstrip("\ufeff")
    quote = _quote(text)
    scored = [(*_score(text, delimiter, quote, header), delimiter) for delimiter in DELIMITERS]
    share, _, _, row, delimiter = max(scored, key=lambda one: one[:3])
    return Found(
        found, round(confidence, 2), delimiter if share else ",", quote, row if share else header or 1
    )


def encoding_of(sample: bytes) -> tuple[str, float]:
    """Return the encoding of a text and the confidence in it, from 0 to 1.

    Bytes that are no UTF-8 are taken for damage where as many others are: by chance they are not.

    Examples
    --------
    >>> encoding_of("Zürich".encode())
    ('utf-8', 1.0)
    >>> encoding_of("Zürich".encode("utf-16-le"))
    ('utf-16-le', 0.95)
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name, 1.0
    if wide := _without_mark(sample):
        return wide, 0.95
    if sample.isascii():
        return "utf-8", 0.9
    good, bad = utf8_signs(sample)
    if not bad:
        return "utf-8", 1.0
    if good >= bad:
        return "utf-8", good / (good + bad)
    shares = {name: _western(sample, name) for name in ("cp1252", "cp850", "mac_roman")}
    best = max(shares, key=lambda name: shares[name])
    return (best, shares[best]) if shares[best] > 0.5 else ("utf-8", 0.3)


def utf8_signs(data: bytes) -> tuple[int, int]:
    """Return how many characters beyond ASCII are UTF-8, and how many places are not; a cut last one counts as neither."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    signs = re.findall(r"[^\x00-\x7f]", decoder.decode(data))
    bad = sum("\udc80" <= sign <= "\udcff" for sign in signs)
    return len(signs) - bad, bad


def _without_mark(sample: bytes) -> str | None:
    """Return UTF-16's name when half of the bytes are what it needs for Western text: zeros, and at line ends."""
    for name, low, high in (
        ("utf-16-le", sample[0::2], sample[1::2]),
        ("utf-16-be", sample[1::2], sample[0::2]),
    ):
        zeros = high.count(0)
        ends = sum(a == 10 and b == 0 for a, b in zip(low, high, strict=False))
        if zeros > 0.2 * len(high) and low.count(0) <= zeros / 10 and ends >= 0.8 * sample.count(b"\n"):
            return name
    return None


def _western(sample: bytes, encoding: str) -> float:
    """Return the share of the characters beyond ASCII that Western texts use."""
    text = sample.decode(encoding, errors="replace")
    signs = re.findall(r"[^\x00-\x7f]", text)
    inside = re.findall(r"(?<=\w)[^\x00-\x7f\w’–](?=\w)", text)  # in the middle of a word there are letters
    return max(0, sum(sign in _WESTERN for sign in signs) - len(inside)) / max(1, len(signs))


def _quote(text: str) -> str:
    """Return the quote that stands most often at both ends of a cell; an apostrophe only where every other line has one."""
    found = {q: len(re.findall(rf"(?:^|[,;\t|]){q}[^{q}\n]*{q}(?=[,;\t|\r\n])", text, re.M)) for q in "\"'"}
    return "'" if found["'"] > found['"'] and 2 * found["'"] >= text.count("\n") else '"'


def _score(text: str, delimiter: str, quote: str, header: int | None) -> tuple[float, bool, int, int]:
    """Return how well a delimiter fits: share of rows of one width, whether a header looks like names, width, header."""
    lines = io.StringIO(text, newline="")
    rows = list(csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True))
    if len(rows) > 2 and len(text) == _TEXT:
        rows.pop()  # cut
    if header is None:
        widths = Counter(len(row) for row in rows if len(row) > 1)
        width = widths.most_common(1)[0][0] if widths else 1
        header = _header(rows, width)
    else:
        start = next((i for i, row in enumerate(rows) if i >= header - 1 and any(row)), None)
        width = 1 if start is None else len(rows[start])
    if width == 1:
        return 0.0, False, 1, header
    below = [row for row in rows[header - 1 :] if row]
    share = sum(len(row) == width for row in below) / len(below)
    return round(share, 1), _are_names(rows[header - 1]), width, header


def _header(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return the first row, from 1, that has the width of the table and holds names; 1 when none does."""
    fitting = (i for i, row in enumerate(rows[:50], 1) if len(row) == width and _are_names(row))
    return next(fitting, next((i for i, row in enumerate(rows, 1) if len(row) == width), 1))


def _are_names(row: Sequence[str]) -> bool:
    names = [name.strip() for name in row]
    filled = [name for name in names if name]
    wordy = all(re.search(r"[^\W\d]", name) and not re.match(r"[\d.,;:+-]", name) for name in filled)
    return wordy and len(set(filled)) == len(filled) > 0.6 * len(names)


@dataclass(frozen=True)
class NumberSigns:
    """The signs in a column of numbers.

    Parameters
    ----------
    decimal : str
        The decimal sign; a point where no number has one.
    thousands : str or None
        Between groups of three digits.
    share : float
        Of the values that can be read so, from 0 to 1.
    ambiguous : bool
        Whether the values would also be numbers the other way round, such as '1.234'.
    """

    decimal: str
    thousands: str | None
    share: float
    ambiguous: bool


def number_signs(values: Iterable[str | None]) -> NumberSigns | None:
    """Find the decimal and thousands sign of a column from its values; None when fewer than half are numbers.

    Examples
    --------
    >>> number_signs(["1.234,50", "12,00"])
    NumberSigns(decimal=',', thousands='.', share=1.0, ambiguous=False)
    >>> number_signs(["1.234"]).ambiguous
    True
    """
    texts = [value.strip() for value in values if value and value.strip()]
    signs: list[tuple[str, str | None]] = [(".", None), (",", None)]
    signs += [(d, t) for d in ".," for t in (".", ",", " ", "'", "’", "\xa0", "\u202f") if d != t]
    shares = {pair: sum(bool(_number(*pair).fullmatch(text)) for text in texts) for pair in signs}
    most = max(shares.values())
    if not texts or most < len(texts) / 2:
        return None
    best = [pair for pair in signs if shares[pair] == most]  # the plainest first
    used = [pair for pair in best if any(sign and sign in text for sign in pair for text in texts)]
    chosen = next(iter(used), best[0])
    seen = {sign for text in texts for sign in re.findall(r"[.,]", text)}
    # '1.234' again and again, never '1.2': with a few of them groups of three are likelier than three decimals.
    grouped = [pair for pair in used if pair[1] in seen and seen == {pair[1]}]
    ambiguous = bool(grouped) and chosen[1] is None
    if ambiguous and len(set(texts)) >= 3:
        chosen = next((pair for pair in grouped if pair[0] in ".,"), chosen)
    return NumberSigns(chosen[0], chosen[1], most / len(texts), ambiguous)


def _number(decimal: str, thousands: str | None) -> re.Pattern[str]:
    digits = r"\d+" if thousands is None else rf"(?:\d+|[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+)"
    return re.compile(rf"[-+]?{digits}(?:{re.escape(decimal)}\d+)?")


def decimals(values: Iterable[str | None]) -> str:
    """Return the decimal sign of a column: a comma where the values show one, else a point.

    Examples
    --------
    >>> decimals(["3,5", "12"]), decimals(["3.5", "abc"])
    (',', '.')
    """
    found = number_signs(values)
    return found.decimal if found else "."


_EARLIEST, _LATEST = -2_208_988_800_000_000, 4_102_444_800_000_000  # 1900 and 2100, in microseconds from 1970
_DAYS = [f"{a}{s}{b}{s}{c}" for s in "./-" for a, b, c in ("dmY", "mdY", "Ymd", "dmy", "mdy")] + ["y-m-d"]
_DAYS += ["Ymd", "d b Y", "d-b-Y", "d-b-y", "d B Y", "d. B Y", "b d, Y", "B d, Y"]
_HOURS = ["", "H:M", "H:M:S", "H:M:S.f", "I:M p", "I:M:S p", "H:M:Sz", "H:M:S.fz"]


def _formats() -> list[str]:
    days = [re.sub(r"[A-Za-z]", r"%\g<0>", day) for day in _DAYS]
    hours = [re.sub(r"[A-Za-z]", r"%\g<0>", hour) for hour in _HOURS]
    zulu = [f"%Y-%m-%dT{hour}Z" for hour in hours[2:4]]
    return [d + (s + h if h else "") for d in days for h in hours for s in (" T" if h else " ")] + zulu


def date_formats(values: Iterable[str | None]) -> list[tuple[str, float, bool]]:
    """Return the formats (as in strptime) that read values of a column as dates: format, share read, ambiguous.

    The most fitting comes first, day before month where both fit. A format is ambiguous when another reads as many of
    the values, but as other dates: '03/04/2026' may be in March or in April.

    Examples
    --------
    >>> date_formats(["03/04/2026", "25/04/2026"])[0]
    ('%d/%m/%Y', 1.0, False)
    >>> date_formats(["03/04/2026"])[0]
    ('%d/%m/%Y', 1.0, True)
    """
    import duckdb

    texts = list(dict.fromkeys(value.strip() for value in values if value and value.strip()))[:500]
    if not texts:
        return []
    formats = _formats()
    read = ", ".join(f"epoch_us(try_strptime(value, '{format}'))" for format in formats)
    with duckdb.connect() as connection:
        listed = "(select unnest(?::varchar[]) as value, generate_subscripts(?::varchar[], 1) as place)"
        rows = connection.execute(f"select {read} from {listed} order by place", [texts, texts]).fetchall()
    columns = (
        tuple(moment if moment is not None and _EARLIEST <= moment < _LATEST else None for moment in column)
        for column in zip(*rows, strict=True)
    )
    times = {name: at for name, at in zip(formats, columns, strict=True) if set(at) != {None}}
    counts = {name: sum(moment is not None for moment in at) for name, at in times.items()}
    ordered = sorted(times, key=lambda name: (-counts[name], formats.index(name)))
    return [(name, counts[name] / len(texts), _another(name, times, counts)) for name in ordered]


def _another(name: str, times: dict[str, tuple[int | None, ...]], counts: dict[str, int]) -> bool:
    """Return whether another format reads as many values, but as other times."""
    return any(counts[other] >= counts[name] and at != times[name] for other, at in times.items())
