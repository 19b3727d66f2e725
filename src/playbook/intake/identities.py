"""Who is who: records of several exports given to one person, before names and numbers are hashed.

Two records are one person when one of `RULES` holds, directly or through a third record. They compare the same forms as
the play on identities does (`playbook.methods.identity_forms`), which instead learns from the records how much each
agreement is worth (Fellegi & Sunter 1969). Here rules serve better: a wrong join cannot be undone once names are
hashed, and a model finds some more pairs at the price of two to four times as many wrong ones; a test shows it. Rules also
work on a dozen records, and a client can read them. Only pairs that agree on something are looked at, so that a million
records need no million times a million looks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.errors import MappingError, nearest
from playbook.methods import linkage
from playbook.methods.identity_forms import (
    BLOCKS,
    BOTH_SIMILAR,
    INITIAL_ONLY,
    SAME_ADDRESS,
    SWAPPED,
    one_form,
    set_shared_aside,
)
from playbook.methods.identity_forms import SAME_COMPANY as COMPANY_ALIKE

FIELDS = ("name", "first", "last", "email", "phone", "company", "street", "postcode")
# Records with one value; where more have it, it is a stopgap ('n/a', 'info@') or as common as a capital's postcode.
SAME_VALUE = 200
LONGEST = 200  # characters of a cell that are compared
SHORTEST_NUMBER = 6  # digits of a telephone number

NAME_ALIKE = f"(full_name_l = full_name_r or ({SWAPPED}) or ({BOTH_SIMILAR}))"
NAME_MAY_FIT = f"({NAME_ALIKE} or ({INITIAL_ONLY}))"
# The form of a company has no digits: without this, branch 2 and branch 109 were one.
SAME_COMPANY = f"({COMPANY_ALIKE} and coalesce(company_number_l = company_number_r, true))"
# What is known on both sides speaks against one person; what is missing does not.
ELSEWHERE = (
    f"coalesce(email_any_l <> email_any_r and phone_any_l <> phone_any_r and not {SAME_ADDRESS}, false)"
)
# Two records are one person when any of these holds. `email` and `phone` are those that one surname uses, `email_any`
# and `phone_any` also shared ones.
RULES = {
    "same mailbox, name alike or abbreviated": f"email_any_l = email_any_r and {NAME_MAY_FIT}",
    "same number, name alike or abbreviated": f"phone_any_l = phone_any_r and {NAME_MAY_FIT}",
    "same own mailbox and number": "email_l = email_r and phone_l = phone_r",
    "same own mailbox, no name on one side": "email_l = email_r and (last_l is null or last_r is null)",
    "same own number and company, no name on one side": (
        f"phone_l = phone_r and {SAME_COMPANY} and (last_l is null or last_r is null)"
    ),
    "name alike, same address": f"{NAME_ALIKE} and {SAME_ADDRESS}",
    "name alike, same company, not another mailbox, number and address at once": (
        f"{NAME_ALIKE} and {SAME_COMPANY} and not {ELSEWHERE}"
    ),
    "no names, same company at the same address": (
        f"last_l is null and last_r is null and {SAME_COMPANY} and {SAME_ADDRESS}"
    ),
}
# How many facts agree: where too many records hang together, the links with the fewest are cut.
FACTS = "full_name_l = full_name_r", "email_l = email_r", "phone_l = phone_r", SAME_ADDRESS, SAME_COMPANY
COMPARED = (
    "record_id", "first", "last", "full_name", "company", "company_number", "email", "email_any", "phone", "phone_any",
    "street", "postcode",
)  # fmt: skip
# What two records must have in common for anybody to look at them.
LOOKED_AT = (*BLOCKS, ("company_key", "postcode"))

TITLES = (
    "dr|prof|mr|mrs|ms|miss|sir|herr|frau|hr|fr|mme|mlle|monsieur|madame|sr|sra|sig|dhr|mevr|dipl|ing|mag|med"
)
TITLE = rf"(?i)(^|,\s*)((?:{TITLES})(?:\.\s*|\s+))+(?=\S)"
PARTICLES = "van|von|vom|de|da|do|das|dos|du|del|della|di|der|den|des|la|le|ten|ter|zu|zum|zur|al|el|bin|ibn"
GIVEN_AND_SURNAME = rf"(?i)^(?P<first>\S.*?)\s+(?P<last>(?:(?:{PARTICLES})\s+)*\S+)$"


def resolve(records: pd.DataFrame, *, earlier: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return who is behind each record.

    Parameters
    ----------
    records : DataFrame
        source and key (text; together they name a record, and rows that repeat them are the same record), and any
        of name ("surname, first" or "first surname"), first, last, email, phone, company, street, postcode: as
        they stand in the export, missing where unknown. Rows without a key are nobody's and are left out.
    earlier : DataFrame, optional
        What an earlier call returned: a person then keeps the number of then.

    Returns
    -------
    DataFrame
        source, key, person; one row a record, sorted by source and key. `person` is ``source:key`` of one of the
        person's records: the first one, shorter keys before longer ones, or the one that named them earlier.

    Raises
    ------
    MappingError
        When source or key are missing, a column is unknown, or there is nothing to compare.

    Examples
    --------
    >>> rows = [("crm", "7", "Zoë Müller", "zoe@a.example"), ("erp", "0012", "MULLER, ZOE", "Zoe@A.example"),
    ...         ("erp", "0013", "Meyer, Max", None)]
    >>> resolve(pd.DataFrame(rows, columns=["source", "key", "name", "email"]))["person"].tolist()
    ['crm:7', 'crm:7', 'erp:0013']
    """
    _check(records)
    rows = compared(records)
    copy_of = _first_copy(rows)
    distinct = rows[copy_of == rows["record_id"]].reset_index(drop=True)
    group = linkage.clusters(distinct["record_id"], _pairs(distinct), threshold=1)
    cluster = copy_of.map(pd.Series(group, index=distinct["record_id"])).to_numpy()
    found = rows[["source", "key"]].assign(person=_named(rows, cluster, earlier))
    return found.sort_values(["source", "key"], ignore_index=True).astype("str")


def _check(records: pd.DataFrame) -> None:
    for wanted in ("source", "key"):
        if wanted not in records.columns:
            raise MappingError(f"identities: the records have no column '{wanted}'")
    for name in records.columns:
        if name not in ("source", "key", *FIELDS):
            raise MappingError(f"identities: unknown '{name}'; {nearest(str(name), FIELDS)}")
    if not set(FIELDS) & set(records.columns):
        raise MappingError(f"identities: nothing to compare; expected at least one of {', '.join(FIELDS)}")


def compared(records: pd.DataFrame) -> pd.DataFrame:
    """Return each record once, in the form in which it is compared; see `identity_forms.one_form`.

    One more column, company_number: the numbers in the company's name ('2' of 'Meyer 02'), missing where there is none.
    """
    keyed = records[records["key"].notna() & (records["key"].astype("str").str.strip() != "")]
    columns = {name: _short(keyed.get(name), keyed.index) for name in FIELDS}
    raw = pd.DataFrame(columns).assign(source=keyed["source"].astype("str"), key=keyed["key"].astype("str"))
    raw = raw.groupby(["source", "key"], as_index=False, sort=True).first()
    whole = raw.pop("name").str.replace(TITLE, r"\1", regex=True)
    first, last = _split(whole)
    raw["first"] = raw["first"].str.replace(TITLE, r"\1", regex=True).fillna(first)
    raw["last"] = raw["last"].str.replace(TITLE, r"\1", regex=True).fillna(last)
    rows = one_form(raw)
    rows["company_number"] = _numbers(raw["company"])
    rows["email"] = rows["email"].where(rows["email"].str.contains("@", na=False), None)
    rows["phone"] = rows["phone"].where(rows["phone"].str.len() >= SHORTEST_NUMBER, None)
    for field in ("email", "phone", "name_key"):
        rows[field] = _unless_stopgap(rows[field])
    return set_shared_aside(rows)


def _short(texts: pd.Series | None, index: pd.Index) -> pd.Series:
    if texts is None:
        return pd.Series(None, index=index, dtype="str")
    short = texts.astype("str").str.strip().str[:LONGEST]
    return short.where(short != "", None)


def _split(names: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return given names and surnames of "surname, given" or "given particle surname"; one word is a surname."""
    comma = names.str.extract(r"^(?P<last>[^,]*),(?P<first>.*)$")
    blank = names.str.extract(GIVEN_AND_SURNAME, flags=re.IGNORECASE)
    last = comma["last"].fillna(blank["last"]).fillna(names)
    return comma["first"].fillna(blank["first"]), last


def _numbers(texts: pd.Series) -> pd.Series:
    """Return the numbers in texts, without leading zeros, in their order; missing where there is none."""
    digits = texts.astype("str").str.normalize("NFKC").str.replace(r"[^0-9]+", " ", regex=True).str.strip()
    found = digits.str.replace(r"\b0+([0-9])", r"\1", regex=True)
    return found.where(found != "", None)


def _unless_stopgap(values: pd.Series) -> pd.Series:
    """Return values without those that more than `SAME_VALUE` records have."""
    return values.where(values.groupby(values).transform("size") <= SAME_VALUE, None)


def _first_copy(rows: pd.DataFrame) -> pd.Series:
    """Return, for each record, the first record that says the very same and enough to be sure of it."""
    at_home = rows[["full_name", "street", "postcode"]].notna().all(axis=1)
    sure = at_home | rows["email_any"].notna() | (rows["phone_any"].notna() & rows["full_name"].notna())
    same = rows["first"].fillna("")
    for name in ("last", "company", "company_number", "email_any", "phone_any", "street", "postcode"):
        same = same + "\n" + rows[name].fillna("")
    return rows["record_id"].groupby(same.where(sure, rows["record_id"])).transform("first")


def _pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that `RULES` join: left, right, weight (how many facts agree, at least 1)."""
    import duckdb

    blocks = {f"block_{number}": _block(rows, columns) for number, columns in enumerate(LOOKED_AT)}
    records = rows[list(COMPARED)].astype("str").assign(**blocks)
    with duckdb.connect() as connection:
        connection.register("records", records)
        connection.execute("create temp table record as select * from records")
        connection.unregister("records")
        for side in "lr":
            columns = ", ".join(f"{column} as {column}_{side}" for column in records.columns)
            connection.execute(f"create temp view {side} as select {columns} from record")
        return connection.execute(" union ".join(map(_look, blocks)) + " order by all").df()


def _block(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return what records must have in common to be looked at; missing where too many have."""
    value = rows[columns[0]].astype("str")
    for column in columns[1:]:
        value = value + "|" + rows[column].astype("str")
    return _unless_stopgap(value)


def _look(block: str) -> str:
    """Return SQL for the pairs of a block that a rule joins."""
    either = " or ".join(f"({rule})" for rule in RULES.values())
    facts = " + ".join(f"coalesce(({fact})::integer, 0)" for fact in FACTS)
    return (
        f'select record_id_l as "left", record_id_r as "right", greatest({facts}, 1)::double as weight '
        f"from l join r on {block}_l = {block}_r and record_id_l < record_id_r where {either}"
    )


def _named(rows: pd.DataFrame, cluster: np.ndarray, earlier: pd.DataFrame | None) -> pd.Series:
    """Return the person of each record: the name of one record of its cluster, so that no two clusters share one."""
    order = pd.DataFrame(
        {
            "name": rows["record_id"].to_numpy(),
            "cluster": cluster,
            "held": 0,
            "length": rows["key"].str.len().to_numpy(),
            "source": rows["source"].to_numpy(),
        }
    )
    if earlier is not None:
        held = earlier["person"].value_counts()
        order["held"] = -order["name"].map(held).fillna(0)
    order = order.sort_values(["cluster", "held", "source", "length", "name"])
    first = order.groupby("cluster")["name"].first()
    return pd.Series(first.loc[cluster].to_numpy(), index=rows.index)
