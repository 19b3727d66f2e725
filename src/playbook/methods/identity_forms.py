"""The one form in which records of people are compared, and what is compared: for any system's records.

Used with `playbook.methods.linkage`, whose docstring names the sources of the method.
"""

from __future__ import annotations

import pandas as pd

from playbook.methods import linkage

# A mailbox or number that stands behind this many surnames (their first letters, for typos) identifies nobody.
SHARED_BY, SURNAME_LETTERS = 2, 3
BOTH_SIMILAR = " and ".join(
    f"jaro_winkler_similarity({name}_l, {name}_r) >= 0.88" for name in ("first", "last")
)
SWAPPED = "first_l = last_r and last_l = first_r"
INITIAL_ONLY = (
    "jaro_winkler_similarity(last_l, last_r) >= 0.92 and first_l[1] = first_r[1] "
    "and least(length(first_l), length(first_r)) = 1"
)
SAME_COMPANY = "jaro_winkler_similarity(company_l, company_r) >= 0.92"
SAME_ADDRESS = "(postcode_l = postcode_r and jaro_winkler_similarity(street_l, street_r) >= 0.85)"
# Letters that carry no accent to take off.
LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}


def _alike(column: str, part: int, bar: float) -> str:
    """Return SQL: the part before (1) or after (2) the @ is similar."""
    left, right = (f"split_part({column}_{side}, '@', {part})" for side in "lr")
    return f"jaro_winkler_similarity({left}, {right}) >= {bar}"


COMPARE = (
    linkage.Comparison(
        "name",
        (
            ("equal", "full_name_l = full_name_r"),
            ("first and last swapped", SWAPPED),
            ("similar", BOTH_SIMILAR),
            ("initial only", INITIAL_ONLY),
            ("surname only", "jaro_winkler_similarity(last_l, last_r) >= 0.92"),
        ),
        "last_l is null or last_r is null",
        frequent="full_name",
    ),
    # Mailbox and domain one by one: colleagues share the domain, which would make any two look alike.
    linkage.Comparison(
        "email",
        (
            ("equal", "email_l = email_r"),
            ("similar", f"{_alike('email', 1, 0.92)} and {_alike('email', 2, 0.95)}"),
        ),
        "email_l is null or email_r is null",
        frequent="email",
    ),
    linkage.code("phone", "phone", typos=(1,), frequent=True),
    # Colleagues share company and address at once: two comparisons would count that one fact twice.
    linkage.Comparison(
        "place",
        (
            ("company and address", f"{SAME_COMPANY} and {SAME_ADDRESS}"),
            ("address only", SAME_ADDRESS),
            ("company only", SAME_COMPANY),
            ("postcode only", "postcode_l = postcode_r"),
        ),
        "(company_l is null or company_r is null) and (postcode_l is null or postcode_r is null)",
    ),
)
BLOCKS = (
    ("email_any",),
    ("phone_any",),
    ("name_key",),
    ("last", "company_key"),
    ("last", "postcode"),
    ("first", "postcode"),
    ("first", "company_key"),
)
# Names are learned where mailbox and phone agree: either alone is often shared by colleagues.
TRAIN = (("email", "phone"), ("name_key",))
SURE = (("email", "name_key"), ("phone", "name_key"))


def one_form(raw: pd.DataFrame) -> pd.DataFrame:
    """Return records in the form that all are compared in: lower case, no accents, digits only in phones.

    Parameters
    ----------
    raw : DataFrame
        source, key, company, email, phone, street, postcode, and either first and last, or name
        ("surname, first" or "first surname"); text as it stands in the system, missing where unknown.

    Returns
    -------
    DataFrame
        record_id (source:key), source, key, first, last, company, email, phone (last nine digits), street,
        postcode, full_name, name_key (name parts in alphabetical order), company_key; None where empty.

    Examples
    --------
    >>> raw = dict.fromkeys(["company", "email", "phone", "street", "postcode"], [None]) | {"source": ["erp"]}
    >>> form = one_form(pd.DataFrame(raw | {"key": ["7"], "name": ["MÜLLER, Zoë"]}))
    >>> form[["record_id", "full_name", "name_key"]].iloc[0].tolist()
    ['erp:7', 'zoe muller', 'muller zoe']
    """
    fields = [name for name in raw.columns if name not in ("source", "key")]
    plain = {field: _plain(raw[field]) for field in fields}
    if "name" in plain:
        plain["first"], plain["last"] = _split_name(plain["name"])
    company = plain["company"].str.replace(" and ", "&", regex=False)
    frame = pd.DataFrame(
        {
            "record_id": raw["source"].astype("str") + ":" + raw["key"].astype("str"),
            "source": raw["source"],
            "key": raw["key"],
            "first": _without(plain["first"], r"[^\pL]"),
            "last": _without(plain["last"], r"[^\pL]"),
            "company": _without(company, r"[^\pL&]"),
            "email": plain["email"],
            "phone": _without(plain["phone"], r"\D").str[-9:],
            "street": _without(plain["street"], r"[^\pL0-9]"),
            "postcode": _without(plain["postcode"], r"[^\pL0-9]"),
        }
    ).replace("", None)
    frame["full_name"] = frame["first"] + " " + frame["last"]
    swapped = frame["first"] > frame["last"]
    frame["name_key"] = frame["full_name"].mask(swapped, frame["last"] + " " + frame["first"])
    frame["company_key"] = frame["company"].str[:8]
    return frame.astype(object).where(frame.notna(), None)


def set_shared_aside(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the records with the mailboxes and numbers that `SHARED_BY` surnames share emptied.

    They stay in email_any and phone_any.
    """
    rows = rows.copy()
    for field in ("email", "phone"):
        surnames = rows["last"].str[:SURNAME_LETTERS].groupby(rows[field]).transform("nunique")
        rows[f"{field}_any"] = rows[field]
        rows[field] = rows[field].where(surnames < SHARED_BY, None)
    return rows


def _plain(texts: pd.Series) -> pd.Series:
    lower = texts.astype("str").str.strip().str.lower()
    for letter, written in LETTERS.items():
        lower = lower.str.replace(letter, written, regex=False)
    return _without(lower.str.normalize("NFKD"), r"\pM")


def _without(texts: pd.Series, pattern: str) -> pd.Series:
    """Return texts without what fits an RE2 pattern, which knows the letters of all alphabets."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = pc.replace_substring_regex(pa.array(texts, pa.large_string(), from_pandas=True), pattern, "")
    return pd.Series(pd.array(kept, dtype="str"), index=texts.index)


def _split_name(names: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return first names and surnames of "surname, first" or "first surname"."""
    comma = names.str.extract(r"^(?P<last>[^,]*),(?P<first>.*)$")
    blank = names.str.extract(r"^(?P<first>\S*) ?(?P<last>.*)$")
    return comma["first"].fillna(blank["first"]), comma["last"].fillna(blank["last"])
