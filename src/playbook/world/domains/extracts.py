"""What three systems say about the customers: raw, overlapping, and wrong in known places.

Planted, each share multiplied by the play's size and `settings.defects`: second and third CRM rows of one customer;
mistyped, missing, swapped, abbreviated and outdated fields. Errors of one row come together (a careless clerk errs in
every field), which linkage models take for independent. Truth: `truth_entities` (who is behind each row) and
`truth_defects` (each error, with what the field should say).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from playbook.world.domains.people import join, plain
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

    Rows = dict[str, pa.Array]

NEEDS: tuple[str, ...] = ("market", "people")

SOURCES = ("crm", "erp", "support")
SHARE_IN = {"crm": 0.86, "erp": 0.78, "support": 0.58}  # of customers that the system knows
SHARE_AGAIN = {
    "crm": 0.13,
    "erp": 0.02,
    "support": 0.03,
}  # of those, the share it knows twice (CRM: some thrice)
PREFIX = {"crm": "CR", "erp": "4", "support": "u-"}
SLOPPY_SHARE, SLOPPY_AGAIN = 0.15, 0.40  # of first rows, and of second rows: which is why nobody saw them
SLOPPY, CAREFUL = 3.5, 0.5  # error rates against the average row

# Rates on an average row.
TYPO = {
    "first": 0.02,
    "last": 0.02,
    "company": 0.02,
    "email": 0.015,
    "phone": 0.02,
    "street": 0.03,
    "postcode": 0.015,
}
MISSING = {"company": 0.03, "email": 0.06, "phone": 0.10, "street": 0.04, "postcode": 0.02}
SWAPPED, INITIAL, SHARED_MAILBOX, PRIVATE_MAIL, MOBILE, SHORT_COMPANY = 0.01, 0.025, 0.05, 0.10, 0.15, 0.25
SHOUTED = 0.05
KNOWS_MOVE = {"crm": 0.4, "erp": 0.8, "support": 0.5}

ADDRESS = ("street", "city", "postcode")
KEYS_NEAR = {
    "a": "s",
    "e": "r",
    "i": "o",
    "o": "p",
    "n": "m",
    "r": "t",
    "s": "d",
    "t": "y",
    "l": "k",
    "u": "i",
}

PLANTS = (
    Plant(
        play="unify.identity_resolution",
        what="Three systems know overlapping customers, some twice, with typing errors, old addresses, private and "
        "shared mailboxes; on the website most visits are anonymous and some devices are shared.",
        why="Equal names are not equal people, and equal people rarely have equal records.",
        tables=("src_crm_customers", "src_erp_customers", "src_support_users", "events"),
        truth=("truth_entities", "truth_defects", "truth_sessions"),
        size="SHARE_IN, SHARE_AGAIN, TYPO, MISSING x size x defects; web.SHARED_DEVICES",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return the three extracts, truth_entities and truth_defects."""
    people = tables["_people"]
    columns = {str(name): pa.array(people[name]) for name in people}
    online = people["online"].to_numpy()
    made: dict[str, pd.DataFrame] = {}
    entities, defects = [], []
    for source in SOURCES:
        name, layout = LAYOUTS[source]
        rows, keys, behind, wrong = _rows(source, columns, online, settings, rng)
        made[name] = layout(keys, rows, settings, rng)
        entities.append(pd.DataFrame({"source": source, "source_key": keys, "customer_id": behind}))
        defects.append(wrong)
    return made | {
        "truth_entities": pd.concat(entities, ignore_index=True),
        "truth_defects": pd.concat(defects, ignore_index=True),
    }


# What one system holds.


def _rows(
    source: str,
    people: Rows,
    online: NDArray[np.float64],
    settings: WorldSettings,
    rng: np.random.Generator,
) -> tuple[Rows, pd.Series, pd.Series, pd.DataFrame]:
    """Return a system's rows with their errors, their keys, who is behind each, and the list of errors."""
    effect = settings.size("unify.identity_resolution") * settings.defects
    who, is_again = _who_is_known(source, online, effect, rng)
    n, take = len(who), pa.array(who)
    keys = ids(PREFIX[source], n, settings.block)
    sloppy = rng.random(n) < np.where(is_again, SLOPPY_AGAIN, SLOPPY_SHARE)
    rows = {name: column.take(take) for name, column in people.items() if name != "online"}
    errors = _Errors(rows, np.where(sloppy, SLOPPY, CAREFUL) * effect, rng)
    errors.take_other_contacts()
    errors.keep_old_addresses(KNOWS_MOVE[source])
    errors.shorten_companies()
    errors.mistype()
    errors.garble_names()
    errors.leave_out()
    log = errors.log(keys, source)
    return rows, keys, pd.Series(rows["customer_id"].to_pandas()), log


def _who_is_known(
    source: str, online: NDArray[np.float64], effect: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the customer (index) behind each of a system's rows, and whether there is an earlier row."""
    n = len(online)
    share = SHARE_IN[source] * (2 * online if source == "support" else np.ones(n))
    known = np.flatnonzero(rng.random(n) < share)
    again = known[rng.random(len(known)) < min(SHARE_AGAIN[source] * effect, 0.6)]
    third = again[rng.random(len(again)) < (0.2 if source == "crm" else 0.0)]
    who = np.concatenate([known, again, third])
    is_again = np.arange(len(who)) >= len(known)
    order = rng.permutation(len(who))
    return who[order], is_again[order]


class _Errors:
    """The errors that clerks make in a system's `rows`, in place, and the log of them.

    `rate` is each row's error rate against the average row.
    """

    def __init__(self, rows: Rows, rate: NDArray[np.float64], rng: np.random.Generator) -> None:
        self.rows, self.rate, self.rng = rows, rate, rng
        self._true = {
            field: rows[field] for field in ("first", "last", "company", "email", "phone", *ADDRESS)
        }
        self._log: list[tuple[NDArray[np.int64], str, str]] = []

    def log(self, keys: pd.Series, source: str) -> pd.DataFrame:
        """Return each error: source_key, field, defect, source, and what the field should say."""
        parts = [
            pd.DataFrame(
                {
                    "source_key": keys.array.take(where),
                    "field": field,
                    "defect": defect,
                    "true_value": self._should_be(field, where),
                }
            )
            for where, field, defect in self._log
        ]
        return pd.concat(parts, ignore_index=True).assign(source=source)[
            ["source", "source_key", "field", "defect", "true_value"]
        ]

    def _should_be(self, field: str, where: NDArray[np.int64]) -> pd.Series:
        names = {"address": ADDRESS, "first, last": ("first", "last")}.get(field, (field,))
        parts = [self._true[name].take(pa.array(where)) for name in names]
        text = parts[0]
        for part in parts[1:]:
            text = join(text, ", ", part)
        return text.to_pandas()

    def hit(self, chance: float, field: str, defect: str, among: NDArray[np.bool_] | bool = True) -> NDArray:
        """Return the rows (positions) that an error strikes, and note it."""
        struck = np.flatnonzero((self.rng.random(len(self.rate)) < chance * self.rate) & among)
        self._log.append((struck, field, defect))
        return struck

    def put(self, field: str, where: NDArray[np.int64], texts: pa.Array) -> None:
        """Replace a field of the rows at `where`."""
        mask = np.zeros(len(self.rate), dtype=bool)
        mask[where] = True
        self.rows[field] = pc.replace_with_mask(self.rows[field], mask, texts)

    def copy(self, field: str, other: str, where: NDArray[np.int64]) -> None:
        self.put(field, where, self.rows[other].take(pa.array(where)))

    def take_other_contacts(self) -> None:
        self.copy("email", "private_email", self.hit(PRIVATE_MAIL, "email", "private"))
        self.copy("email", "shared_email", self.hit(SHARED_MAILBOX, "email", "shared"))
        self.copy("phone", "mobile", self.hit(MOBILE, "phone", "mobile"))

    def keep_old_addresses(self, knows_move: float) -> None:
        moved = self.rows["moved"].to_numpy(zero_copy_only=False)
        stale = np.flatnonzero((self.rng.random(len(self.rate)) > knows_move) & moved)
        self._log.append((stale, "address", "outdated"))
        for field in ADDRESS:
            self.copy(field, f"old_{field}", stale)

    def shorten_companies(self) -> None:
        where = self.hit(SHORT_COMPANY, "company", "short")
        full = pc.replace_substring(self.rows["company"].take(pa.array(where)), "&", "and")
        self.put("company", where, pc.replace_substring_regex(full, " [^ ]*$", ""))

    def mistype(self) -> None:
        for field, chance in TYPO.items():
            where = self.hit(chance, field, "typo")
            right = self.rows[field].take(pa.array(where)).to_pylist()
            self.put(field, where, pa.array(_mistype(right, self.rng), pa.large_string()))

    def garble_names(self) -> None:
        """Abbreviate, swap or shout names; who is abbreviated is not swapped."""
        abbreviated = self.hit(INITIAL, "first", "initial")
        first = self.rows["first"].take(pa.array(abbreviated))
        dot = repeated(".", len(first))
        self.put("first", abbreviated, join(pc.utf8_slice_codeunits(first, 0, 1), "", pa.array(dot)))
        free = np.ones(len(self.rate), dtype=bool)
        free[abbreviated] = False
        swapped = self.hit(SWAPPED, "first, last", "swapped", free)
        names = [self.rows[field].take(pa.array(swapped)) for field in ("last", "first")]
        for field, texts in zip(("first", "last"), names, strict=True):
            self.put(field, swapped, texts)
        shouted = self.hit(SHOUTED, "first, last", "format")
        for field in ("first", "last"):
            self.put(field, shouted, pc.utf8_upper(self.rows[field].take(pa.array(shouted))))

    def leave_out(self) -> None:
        for field, chance in MISSING.items():
            where = self.hit(chance, field, "missing")
            self.put(field, where, pa.nulls(len(where), pa.large_string()))


def _mistype(texts: list[str], rng: np.random.Generator) -> list[str]:
    """Return texts with one keystroke wrong in each: left out, doubled, swapped, or the key beside."""
    kinds, places = rng.integers(0, 4, len(texts)).tolist(), rng.random(len(texts)).tolist()
    changed = []
    for old, kind, share in zip(texts, kinds, places, strict=True):
        at = int(share * (len(old) - 1)) if len(old) > 1 else 0
        head, key, tail = old[:at], old[at], old[at + 1 :]
        if kind == 0:
            changed.append(head + tail or old)
        elif kind == 1:
            changed.append(head + key + key + tail)
        elif kind == 2 and tail:
            changed.append(head + tail[0] + key + tail[1:])
        else:
            near = str((int(key) + 1) % 10) if key.isdigit() else KEYS_NEAR.get(key.lower(), "e")
            changed.append(head + near + tail)
    return changed


def _dates(
    n: int, settings: WorldSettings, form: str, rng: np.random.Generator
) -> pd.api.extensions.ExtensionArray:
    """Return `n` days of the history as text."""
    days = pd.date_range(settings.start, periods=settings.days).strftime(form)
    return words(list(days), rng.integers(0, settings.days, n))


def _crm(keys: pd.Series, rows: Rows, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    country = join(led_by("+", rows["dialling"]), " ", pc.utf8_slice_codeunits(rows["phone"], 0, 3))
    return _frame(
        {
            "crm_id": keys, "first_name": rows["first"], "last_name": rows["last"],
            "company": rows["company"], "account_class": rows["account_class"], "email": rows["email"],
            "phone": join(country, " ", pc.utf8_slice_codeunits(rows["phone"], 3)), "street": rows["street"],
            "city": rows["city"], "postcode": rows["postcode"], "country": rows["country"],
            "created_on": _dates(len(keys), settings, "%Y-%m-%d", rng),
        },
        settings,
    )  # fmt: skip


def _erp(keys: pd.Series, rows: Rows, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    phone = rows["phone"]
    area = led_by("0", pc.utf8_slice_codeunits(phone, 0, 4))
    return _frame(
        {
            "customer_no": keys, "name": pc.utf8_upper(join(rows["last"], ", ", rows["first"])),
            "company_name": pc.utf8_upper(rows["company"]), "mail": rows["email"],
            "telephone": join(area, "/", pc.utf8_slice_codeunits(phone, 4)),
            "street_address": pc.utf8_upper(plain(rows["street"])), "town": pc.utf8_upper(plain(rows["city"])),
            "postal_code": pc.replace_substring_regex(rows["postcode"], "[ -]", ""),
            "country_code": rows["country"],
            "changed_on": _dates(len(keys), settings, "%d.%m.%Y", rng),
        },
        settings,
    )  # fmt: skip


def _support(keys: pd.Series, rows: Rows, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    nobody = pa.scalar(None, pa.large_string())
    given = rng.random((2, len(keys)))
    mobile = led_by("00", join(rows["dialling"], "", rows["phone"]))
    return _frame(
        {
            "user_id": keys, "display_name": join(rows["first"], " ", rows["last"]),
            "login_email": pc.utf8_lower(rows["email"]),
            "mobile": pc.if_else(pa.array(given[0] < 0.7), mobile, nobody),
            "organisation": pc.if_else(pa.array(given[1] < 0.75), rows["company"], nobody),
            "address_line": rows["street"], "zip": rows["postcode"],
            "signed_up": _dates(len(keys), settings, "%d/%m/%Y", rng),
        },
        settings,
    )  # fmt: skip


def led_by(lead: str, texts: pa.Array) -> pa.Array:
    """Return each text with the same lead in front."""
    return pc.binary_join_element_wise(
        pa.scalar(lead, pa.large_string()), texts, pa.scalar("", pa.large_string())
    )


def _frame(columns: Mapping[str, Any], settings: WorldSettings) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.array(column, dtype="str") for name, column in columns.items()})
    return frame.assign(extracted_at=settings.end)


LAYOUTS = {
    "crm": ("src_crm_customers", _crm),
    "erp": ("src_erp_customers", _erp),
    "support": ("src_support_users", _support),
}
