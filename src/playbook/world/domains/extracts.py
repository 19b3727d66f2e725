"""What three systems and the web log say about the customers: raw, overlapping, and wrong in known places.

Planted, each share multiplied by `settings.effect`: second and third CRM rows of one customer; mistyped,
missing, swapped, abbreviated and outdated fields; colleagues who share surname, mailbox or switchboard;
devices that two to five people share, some of whom never sign in. Errors of one row come together (a careless
clerk errs in every field), which linkage models take for independent. Truth: `truth_entities` (who is behind
each row), `truth_defects` (each error), `truth_sessions` (who sat at the device).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from playbook.world.domains.company import MARKETS
from playbook.world.keys import ids

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

    Texts = NDArray[np.object_]

NEEDS: tuple[str, ...] = ("market",)

SOURCES = ("crm", "erp", "support")
SHARE_IN = {"crm": 0.86, "erp": 0.78, "support": 0.58}  # of customers that the system knows
SHARE_AGAIN = {
    "crm": 0.13,
    "erp": 0.02,
    "support": 0.03,
}  # of those, the share it knows twice (CRM: some thrice)
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
RELATIVE = 0.06  # of customers: bear the surname of a colleague, one in three also the initial
MOVED = 0.10
KNOWS_MOVE = {"crm": 0.4, "erp": 0.8, "support": 0.5}

ADDRESS = ["street", "city", "postcode"]
DIALLING = ("44", "49", "33", "1", "55")
MAIL_PROVIDERS = ("gmail.com", "outlook.com", "icloud.com", "gmx.de", "orange.fr", "uol.com.br")
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

SESSIONS_MEAN = 6.0  # on own devices, over the whole history
SHARED_DEVICES = 0.022  # per customer
NEVER_SIGNS_IN = 0.10
EVENT_TYPES = ("page_view", "search", "basket", "order", "help")


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return the three extracts and events, with truth_entities, truth_defects and truth_sessions."""
    people = _people(tables, settings.effect, rng)
    online = rng.beta(1.6, 1.4, len(people))  # how digital each customer is: portal login and web sessions
    made: dict[str, pd.DataFrame] = {}
    entities, defects = [], []
    for source in SOURCES:
        rows, wrong = _rows(source, people, online, settings, rng)
        made[LAYOUTS[source][0]] = LAYOUTS[source][1](rows, settings, rng)
        entities.append(rows[["source", "source_key", "customer_id"]])
        defects.append(wrong)
    events, sessions = _events(settings, tables["customers"], online, rng)
    return made | {
        "events": events,
        "truth_entities": pd.concat(entities, ignore_index=True),
        "truth_defects": pd.concat(defects, ignore_index=True),
        "truth_sessions": sessions,
    }


# Who there is.


def _table(provider: str, locale: str, name: str) -> list[str]:
    return list(getattr(importlib.import_module(f"faker.providers.{provider}.{locale}").Provider, name))


def _cities(locale: str, surnames: list[str]) -> list[str]:
    if locale == "de_DE":
        return _table("address", locale, "cities")
    endings = _table("address", locale, "city_suffixes")
    return [f"{name}{ending}" for name in surnames[:40] for ending in endings[:6]]


def _skewed(pool: list[str], n: int, rng: np.random.Generator) -> Texts:
    """Return `n` draws in which the pool's first entries are common and its last rare."""
    weight = 1 / (np.arange(len(pool)) + 15)
    return np.array(pool, dtype=object)[rng.choice(len(pool), n, p=weight / weight.sum())]


def _places(country: int, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return `n` street addresses of one market."""
    locale = MARKETS[country][4]
    surnames = _table("person", locale, "last_names")
    name, number = (
        rng.choice(np.array(surnames, dtype=object), n),
        rng.integers(1, 180, n).astype(str).astype(object),
    )
    if locale in ("fr_FR", "pt_BR"):
        kind = rng.choice(np.array(_table("address", locale, "street_prefixes")[:5], dtype=object), n)
        street = number + " " + kind + " " + name if locale == "fr_FR" else kind + " " + name + ", " + number
    elif locale == "de_DE":
        street = name + "straße " + number
    else:
        street = (
            number
            + " "
            + name
            + " "
            + rng.choice(np.array(["Street", "Road", "Avenue", "Lane"], dtype=object), n)
        )
    digit = rng.integers(0, 10, (8, n)).astype(str).astype(object)
    letter = rng.choice(np.array(list("ABCDEHLMNPRSTW"), dtype=object), (4, n))
    if locale == "en_GB":
        postcode = letter[0] + letter[1] + digit[0] + " " + digit[1] + letter[2] + letter[3]
    else:
        postcode = digit[:5].sum(axis=0)
        if locale == "pt_BR":
            postcode = postcode + "-" + digit[5:].sum(axis=0)
    return pd.DataFrame(
        {
            "street": street,
            "city": rng.choice(np.array(_cities(locale, surnames), dtype=object), n),
            "postcode": postcode,
        }
    )


def _people(tables: dict[str, pd.DataFrame], effect: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return what is true of each customer: name, company, addresses (two if moved), phones, mailboxes."""
    customers, accounts = tables["customers"], tables["accounts"]
    n = len(customers)
    account = pd.Index(accounts["account_id"]).get_indexer(customers["account_id"])
    country = customers["region_id"].str[1:].astype(int).to_numpy() - 1
    first, last = np.empty(n, dtype=object), np.empty(n, dtype=object)
    now, before = [pd.DataFrame(index=range(n), columns=ADDRESS, dtype=object) for _ in "ab"]
    switchboard = np.empty(n, dtype=object)
    for c, market in enumerate(MARKETS):
        rows = np.flatnonzero(country == c)
        first[rows] = _skewed(_table("person", market[4], "first_names"), len(rows), rng)
        last[rows] = _skewed(_table("person", market[4], "last_names"), len(rows), rng)
        # One address and one switchboard per account and market: colleagues share them.
        site, of = np.unique(account[rows], return_inverse=True)
        now.loc[rows] = _places(c, len(site), rng).to_numpy()[of]
        before.loc[rows] = _places(c, len(rows), rng).to_numpy()
        switchboard[rows] = _phone_numbers(len(site), rng)[of]
    relative = (
        (rng.random(n) < RELATIVE * effect)
        & (np.roll(account, 1) == account)
        & (np.roll(country, 1) == country)
    )
    last = np.where(relative, np.roll(last, 1), last)
    like = relative & (rng.random(n) < 1 / 3)
    initial = np.array([name[0] for name in np.roll(first, 1)], dtype=object)
    first = np.where(like, initial + np.array([name[1:] for name in first], dtype=object), first)
    company = accounts["name"].to_numpy(dtype=object)[account]
    domain = pd.Series(company).str.lower().str.replace(r"[^a-z]+", "", regex=True).str[:18] + ".example"
    person = pd.Series(first + "." + last).pipe(plain).str.replace(r"[^a-z.]+", "", regex=True)
    moved = rng.random(n) < MOVED * effect
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "account_class": np.where(accounts["is_key"].to_numpy()[account], "A", "B"),
            "country": np.array([market[0] for market in MARKETS], dtype=object)[country],
            "dialling": np.array(DIALLING, dtype=object)[country],
            "first": first,
            "last": last,
            "company": company,
            "email": person + "@" + domain,
            "private_email": person.str.replace(".", "", regex=False)
            + rng.integers(1, 99, n).astype(str).astype(object)
            + "@" + rng.choice(np.array(MAIL_PROVIDERS, dtype=object), n),
            "shared_email": "office@" + domain,
            "phone": np.where(rng.random(n) < 0.25, switchboard, _phone_numbers(n, rng)),
            "mobile": _phone_numbers(n, rng),
            **{field: now[field] for field in ADDRESS},
            **{f"old_{field}": before[field].where(moved, now[field]) for field in ADDRESS},
            "moved": moved,
        }
    )  # fmt: skip


def _phone_numbers(n: int, rng: np.random.Generator) -> Texts:
    return rng.integers(2_000_000_000, 9_999_999_999, n).astype(str).astype(object)


def plain(texts: pd.Series) -> pd.Series:
    """Return texts in lower case without accents, as keyboards and mailboxes want them."""
    return (
        texts.str.lower()
        .str.replace("ß", "ss")
        .str.normalize("NFKD")
        .str.replace(r"[^\x00-\x7f]", "", regex=True)
    )


# What one system holds.


def _rows(
    source: str,
    people: pd.DataFrame,
    online: NDArray[np.float64],
    settings: WorldSettings,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a system's rows with their errors, and the list of errors."""
    who, is_again = _who_is_known(source, online, settings.effect, rng)
    rows = people.iloc[who].reset_index(drop=True)
    rows.insert(0, "source", source)
    rows.insert(
        1, "source_key", ids({"crm": "CR", "erp": "4", "support": "u-"}[source], len(rows), settings.block)
    )
    sloppy = rng.random(len(rows)) < np.where(is_again, SLOPPY_AGAIN, SLOPPY_SHARE)
    errors = _Errors(rows, np.where(sloppy, SLOPPY, CAREFUL) * settings.effect, rng)
    errors.take_other_contacts()
    errors.keep_old_addresses(KNOWS_MOVE[source])
    errors.shorten_companies()
    errors.mistype()
    errors.garble_names()
    errors.leave_out()
    log = pd.concat(errors.log, ignore_index=True).assign(source=source)
    return rows, log[["source", "source_key", "field", "defect"]]


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

    def __init__(self, rows: pd.DataFrame, rate: NDArray[np.float64], rng: np.random.Generator) -> None:
        self.rows, self.rate, self.rng = rows, rate, rng
        self.log: list[pd.DataFrame] = []

    def note(self, struck: NDArray[np.bool_], field: str, defect: str) -> None:
        keys = self.rows.loc[struck, "source_key"]
        self.log.append(pd.DataFrame({"source_key": keys, "field": field, "defect": defect}))

    def hit(
        self, chance: float, field: str, defect: str, among: NDArray[np.bool_] | bool = True
    ) -> NDArray[np.bool_]:
        """Return the rows that an error strikes, and note it."""
        struck = (self.rng.random(len(self.rows)) < chance * self.rate) & among
        self.note(struck, field, defect)
        return struck

    def take_other_contacts(self) -> None:
        rows = self.rows
        private = self.hit(PRIVATE_MAIL, "email", "private")
        rows["email"] = rows["email"].mask(private, rows["private_email"])
        shared = self.hit(SHARED_MAILBOX, "email", "shared")
        rows["email"] = rows["email"].mask(shared, rows["shared_email"])
        mobile = self.hit(MOBILE, "phone", "mobile")
        rows["phone"] = rows["phone"].mask(mobile, rows["mobile"])

    def keep_old_addresses(self, knows_move: float) -> None:
        rows = self.rows
        stale = (self.rng.random(len(rows)) > knows_move) & rows["moved"].to_numpy()
        self.note(stale, "address", "outdated")
        for field in ADDRESS:
            rows[field] = rows[field].mask(stale, rows[f"old_{field}"])

    def shorten_companies(self) -> None:
        company = self.rows["company"]
        short = company.str.replace("&", "and").str.rsplit(" ", n=1).str[0]
        self.rows["company"] = company.mask(self.hit(SHORT_COMPANY, "company", "short"), short)

    def mistype(self) -> None:
        for field, chance in TYPO.items():
            texts = self.rows[field].to_numpy(dtype=object)
            self.rows[field] = _mistype(texts, self.hit(chance, field, "typo"), self.rng)

    def garble_names(self) -> None:
        """Abbreviate, swap or shout names; who is abbreviated is not swapped."""
        rows = self.rows
        abbreviated = self.hit(INITIAL, "first", "initial")
        rows["first"] = rows["first"].mask(abbreviated, rows["first"].str[:1] + ".")
        swapped = self.hit(SWAPPED, "first, last", "swapped", ~abbreviated)
        rows["first"], rows["last"] = (
            rows["first"].mask(swapped, rows["last"]),
            rows["last"].mask(swapped, rows["first"]),
        )
        shouted = self.hit(SHOUTED, "first, last", "format")
        for field in ("first", "last"):
            rows[field] = rows[field].mask(shouted, rows[field].str.upper())

    def leave_out(self) -> None:
        for field, chance in MISSING.items():
            self.rows[field] = self.rows[field].mask(self.hit(chance, field, "missing"), None)


def _mistype(texts: Texts, struck: NDArray[np.bool_], rng: np.random.Generator) -> Texts:
    """Return texts with one keystroke wrong where `struck`: left out, doubled, swapped, or the key beside."""
    changed = texts.copy()
    where = np.flatnonzero(struck)
    kinds, places = rng.integers(0, 4, len(where)), rng.random(len(where))
    for row, kind, share in zip(where, kinds, places, strict=True):
        old = texts[row]
        at = int(share * (len(old) - 1)) if len(old) > 1 else 0
        head, key, tail = old[:at], old[at], old[at + 1 :]
        if kind == 0:
            changed[row] = head + tail or old
        elif kind == 1:
            changed[row] = head + key + key + tail
        elif kind == 2 and tail:
            changed[row] = head + tail[0] + key + tail[1:]
        else:
            near = str((int(key) + 1) % 10) if key.isdigit() else KEYS_NEAR.get(key.lower(), "e")
            changed[row] = head + near + tail
    return changed


def _created(n: int, settings: WorldSettings, rng: np.random.Generator) -> pd.Series:
    return pd.Series(settings.start + pd.to_timedelta(rng.integers(0, settings.days, n), unit="D"))


def _crm(rows: pd.DataFrame, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    phone = "+" + rows["dialling"] + " " + rows["phone"].str[:3] + " " + rows["phone"].str[3:]
    return _texts(
        {
            "crm_id": rows["source_key"], "first_name": rows["first"], "last_name": rows["last"],
            "company": rows["company"], "account_class": rows["account_class"], "email": rows["email"],
            "phone": phone, "street": rows["street"], "city": rows["city"], "postcode": rows["postcode"],
            "country": rows["country"],
            "created_on": _created(len(rows), settings, rng).dt.strftime("%Y-%m-%d"),
        },
        settings,
    )  # fmt: skip


def _erp(rows: pd.DataFrame, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    return _texts(
        {
            "customer_no": rows["source_key"], "name": (rows["last"] + ", " + rows["first"]).str.upper(),
            "company_name": rows["company"].str.upper(), "mail": rows["email"],
            "telephone": "0" + rows["phone"].str[:4] + "/" + rows["phone"].str[4:],
            "street_address": plain(rows["street"]).str.upper(), "town": plain(rows["city"]).str.upper(),
            "postal_code": rows["postcode"].str.replace(r"[ -]", "", regex=True),
            "country_code": rows["country"],
            "changed_on": _created(len(rows), settings, rng).dt.strftime("%d.%m.%Y"),
        },
        settings,
    )  # fmt: skip


def _support(rows: pd.DataFrame, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    given = rng.random((2, len(rows)))
    return _texts(
        {
            "user_id": rows["source_key"], "display_name": rows["first"] + " " + rows["last"],
            "login_email": rows["email"].str.lower(),
            "mobile": ("00" + rows["dialling"] + rows["phone"]).where(given[0] < 0.7),
            "organisation": rows["company"].where(given[1] < 0.75), "address_line": rows["street"],
            "zip": rows["postcode"],
            "signed_up": _created(len(rows), settings, rng).dt.strftime("%d/%m/%Y"),
        },
        settings,
    )  # fmt: skip


def _texts(columns: dict[str, pd.Series], settings: WorldSettings) -> pd.DataFrame:
    frame = pd.DataFrame(columns).astype("str")
    return frame.assign(extracted_at=settings.end)


LAYOUTS = {
    "crm": ("src_crm_customers", _crm),
    "erp": ("src_erp_customers", _erp),
    "support": ("src_support_users", _support),
}


# What the web log holds.


def _events(
    settings: WorldSettings, customers: pd.DataFrame, online: NDArray[np.float64], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return events and the person behind each session."""
    signs_in = rng.beta(2.0, 2.5, len(customers)) * (rng.random(len(customers)) >= NEVER_SIGNS_IN)
    own = _own_sessions(settings, customers, online, rng)
    shared = _shared_sessions(settings, customers, rng)
    sessions = pd.concat([own, shared], ignore_index=True).sort_values(["at", "device"], ignore_index=True)
    n = len(sessions)
    sessions["session_id"] = ids("W", n, settings.block)
    sessions["anon_id"] = "d" + pd.Series(pd.factorize(sessions["device"])[0]).astype(str).str.zfill(6)
    signed = rng.random(n) < signs_in[sessions["who"].to_numpy()]
    key = customers["customer_id"].to_numpy()[sessions["who"].to_numpy()]

    count = 1 + signed + rng.poisson(1.5, n)
    of = np.repeat(np.arange(n), count)
    step = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    kind = rng.choice(EVENT_TYPES, len(of), p=[0.6, 0.2, 0.1, 0.05, 0.05]).astype(object)
    kind[step == 0] = "page_view"
    kind[(step == 1) & signed[of]] = "sign_in"
    minutes = pd.to_timedelta(np.round(60 * (1.2 * step + rng.random(len(of)))), unit="s")
    events = pd.DataFrame(
        {
            "event_id": ids("E", len(of), settings.block),
            "event_type": pd.Series(kind).astype("str"),
            "customer_id": pd.Series(key[of]).astype("str").where((step >= 1) & signed[of]),
            "anon_id": sessions["anon_id"].to_numpy()[of],
            "session_id": sessions["session_id"].to_numpy()[of],
            "occurred_at": (pd.Series(sessions["at"].to_numpy()[of]) + minutes).astype("datetime64[us]"),
        }
    )
    truth = sessions[["session_id", "anon_id"]].assign(
        customer_id=key, is_shared=sessions["device"].to_numpy() < 0
    )
    return events, truth


def _own_sessions(
    settings: WorldSettings, customers: pd.DataFrame, online: NDArray[np.float64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return sessions on a customer's own one to three devices, whose ids change when cookies are deleted."""
    n = len(customers)
    count = rng.poisson(SESSIONS_MEAN * 2 * online * rng.gamma(1.2, 1 / 1.2, n))
    devices = 1 + rng.binomial(2, 0.35, n)
    first = np.cumsum(devices) - devices
    who = np.repeat(np.arange(n), count)
    born = np.maximum(customers["created_at"].to_numpy(), np.datetime64(settings.start, "us"))
    share = rng.random(len(who))
    at = born[who] + (share * (np.datetime64(settings.end, "us") - born[who]).astype(float)).astype(
        "timedelta64[us]"
    )
    device = first[who] + (rng.random(len(who)) * devices[who]).astype(int)
    wiped = np.sort(rng.uniform(0, 2, (devices.sum(), 2)), axis=1)[device]  # above 1: never
    epoch = (share[:, None] > wiped).sum(axis=1)
    return pd.DataFrame({"who": who, "device": device * 3 + epoch, "at": at})


def _shared_sessions(
    settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return sessions on shared devices: people of one account and market take turns, some far more often."""
    site = customers.groupby(["account_id", "region_id"]).indices
    teams = [rows for rows in site.values() if len(rows) > 1]
    parts = [
        pd.DataFrame(
            {"who": np.array([], int), "device": np.array([], int), "at": np.array([], "datetime64[us]")}
        )
    ]
    for number in range(round(SHARED_DEVICES * settings.effect * len(customers)) if teams else 0):
        team = teams[rng.integers(len(teams))]
        size = min(len(team), 2 if rng.random() < 0.6 else int(rng.integers(3, 6)))
        users = rng.choice(team, size, replace=False)
        turns = 5 + rng.poisson(25)
        weight = rng.dirichlet(np.full(size, 2.0))
        days = rng.uniform(60, 400)
        begin = rng.uniform(0, settings.days - days) + days * np.sort(rng.random(turns))
        visits = 1 + rng.poisson(1.5, turns)
        turn = np.repeat(np.arange(turns), visits)
        gaps_h = rng.gamma(0.8, 0.9, len(turn))
        within = np.cumsum(gaps_h) - np.repeat(
            (np.cumsum(gaps_h) - gaps_h)[np.cumsum(visits) - visits], visits
        )
        offset = ((begin[turn] + within / 24) * 86_400e6).astype("timedelta64[us]")
        at = np.minimum(np.datetime64(settings.start, "us") + offset, np.datetime64(settings.end, "us"))
        who = users[rng.choice(size, turns, p=weight)][turn]
        parts.append(pd.DataFrame({"who": who, "device": -1 - number, "at": at}))
    return pd.concat(parts, ignore_index=True)
