"""Who the customers are: names, mailboxes, telephones and addresses as each market writes them.

The pools are Faker's; draws from them are skewed, as names are. `_people` is for the extracts only: no canonical table
holds a name. Planted for `unify.identity_resolution`: colleagues who share a surname, a switchboard and an address,
and people who moved.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from playbook.world.domains.company import MARKETS
from playbook.world.keys import position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market")

RELATIVE = 0.06  # of customers: bear the surname of a colleague, one in three also the initial
MOVED = 0.10
SWITCHBOARD = 0.25  # of customers are reached at their company's number
POSTCODES = 4_000  # of a market
CITIES = 240
STREETS = 400
HOUSES = 180
DIALLING = ("44", "49", "33", "1", "55")
MAIL_PROVIDERS = ("gmail.com", "outlook.com", "icloud.com", "gmx.de", "orange.fr", "uol.com.br")
DRAWS = 1 << 16  # resolution of the skewed draws


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return _people: what is true of each customer, in the order of `customers`."""
    customers, accounts = tables["customers"], tables["accounts"]
    n = len(customers)
    effect = settings.size("unify.identity_resolution")
    account = position(customers["account_id"], accounts["account_id"])
    country = customers["region_id"].str[1:].astype("int64").to_numpy() - 1
    names, places = _names(), _places()

    first = names.draw("first", country, rng)
    last = names.draw("last", country, rng)
    before = np.roll(np.arange(n), 1)
    relative = (
        (rng.random(n) < RELATIVE * effect) & (account[before] == account) & (country[before] == country)
    )
    last = np.where(relative, last[before], last)
    alike = relative & (rng.random(n) < 1 / 3)
    first[alike] = names.same_initial(first[before][alike], country[alike], rng)

    # One address and one switchboard per account and market: colleagues share them.
    site, of = np.unique(account * len(MARKETS) + country, return_inverse=True)
    now = {name: column.take(pa.array(of)) for name, column in places.draw(site % len(MARKETS), rng).items()}
    old = places.draw(country, rng)
    moved = rng.random(n) < MOVED * effect
    at_desk = pa.array(rng.random(n) >= SWITCHBOARD)
    switchboard = digits(len(site), 10, rng).take(pa.array(of))

    person = join(names.plain_first.take(pa.array(first)), ".", names.plain_last.take(pa.array(last)))
    domain = mail_domains(pa.array(accounts["name"], pa.large_string())).take(pa.array(account))
    provider = _strings([f"{number}@{host}" for host in MAIL_PROVIDERS for number in range(1, 99)])
    private = pc.replace_substring(person, ".", "")
    columns = {
        "customer_id": pa.array(customers["customer_id"], pa.large_string()),
        "account_class": _strings(["B", "A"]).take(
            pa.array(accounts["is_key"].to_numpy()[account].astype(int))
        ),
        "country": _strings([market[0] for market in MARKETS]).take(pa.array(country)),
        "dialling": _strings(list(DIALLING)).take(pa.array(country)),
        "first": names.first.take(pa.array(first)),
        "last": names.last.take(pa.array(last)),
        "company": pa.array(accounts["name"], pa.large_string()).take(pa.array(account)),
        "email": join(person, "@", domain),
        "private_email": join(private, "", provider.take(pa.array(rng.integers(0, len(provider), n)))),
        "shared_email": pc.binary_join_element_wise(
            pa.scalar("office", pa.large_string()), domain, pa.scalar("@", pa.large_string())
        ),
        "phone": pc.if_else(at_desk, digits(n, 10, rng), switchboard),
        "mobile": digits(n, 10, rng),
        **now,
        **{f"old_{field}": pc.if_else(pa.array(moved), old[field], now[field]) for field in now},
        "moved": pa.array(moved),
        "online": pa.array(rng.beta(1.6, 1.4, n)),  # how digital each is: portal login and web sessions
    }
    return {"_people": pa.table(columns).to_pandas()}


def join(left: pa.Array, between: str, right: pa.Array) -> pa.Array:
    """Return `left` + `between` + `right`, element by element."""
    return pc.binary_join_element_wise(left, right, pa.scalar(between, pa.large_string()))


def digits(n: int, width: int, rng: np.random.Generator) -> pa.Array:
    """Return `n` random numbers as texts of `width` digits, the first not below 2."""
    text = rng.integers(48, 58, (n, width), dtype=np.uint8)
    text[:, 0] = rng.integers(50, 58, n, dtype=np.uint8)
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))


def mail_domains(companies: pa.Array) -> pa.Array:
    """Return a mail domain for each company name: its letters, and the ending that belongs to nobody."""
    letters = pc.replace_substring_regex(pc.utf8_lower(companies), "[^a-z]+", "")
    ending, nothing = (pa.scalar(text, pa.large_string()) for text in (".example", ""))
    return pc.binary_join_element_wise(pc.utf8_slice_codeunits(letters, 0, 18), ending, nothing)


def plain(texts: pa.Array) -> pa.Array:
    """Return texts in lower case without accents, as keyboards and mailboxes want them."""
    bare = pc.utf8_normalize(pc.replace_substring(pc.utf8_lower(texts), "ß", "ss"), form="NFKD")
    return pc.replace_substring_regex(bare, r"[^\x00-\x7f]", "")


def _strings(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def _table(provider: str, locale: str, name: str) -> list[str]:
    return list(
        dict.fromkeys(getattr(importlib.import_module(f"faker.providers.{provider}.{locale}").Provider, name))
    )


class _Names:
    """First and last names of all markets in one pool each; a name is a position in its pool."""

    def __init__(self) -> None:
        self.first, self._first_of = self._pool("first_names")
        self.last, self._last_of = self._pool("last_names")
        self.plain_first, self.plain_last = (
            pc.replace_substring_regex(plain(pool), "[^a-z]+", "") for pool in (self.first, self.last)
        )
        self._initial = np.array([text[0] for text in self.first.to_pylist()])
        self._initials = self._by_initial()

    @staticmethod
    def _pool(name: str) -> tuple[pa.Array, NDArray[np.int32]]:
        """Return the pool, and per market a table of `DRAWS` positions in which common names come often."""
        texts: list[str] = []
        tables = []
        for market in MARKETS:
            own = _table("person", market[4], name)
            weight = 1 / (np.arange(len(own)) + 15)
            share = np.cumsum(weight) / weight.sum()
            tables.append(len(texts) + np.searchsorted(share[:-1], (np.arange(DRAWS) + 0.5) / DRAWS))
            texts += own
        return _strings(texts), np.array(tables, dtype=np.int32)

    def draw(self, kind: str, country: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.int32]:
        table = self._first_of if kind == "first" else self._last_of
        return table[country, rng.integers(0, DRAWS, len(country), dtype=np.uint16)]

    def _by_initial(self) -> list[dict[str, NDArray[np.integer]]]:
        found = []
        for row in self._first_of:
            own = np.unique(row)
            initial = self._initial[own]
            found.append({letter: own[initial == letter] for letter in np.unique(initial)})
        return found

    def same_initial(
        self, first: NDArray[np.int32], country: NDArray[np.integer], rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """Return for each first name one of the same market with the same initial."""
        letters = self._initial[first]
        other = first.copy()
        for place, by_letter in enumerate(self._initials):
            for letter, pool in by_letter.items():
                rows = np.flatnonzero((country == place) & (letters == letter))
                other[rows] = pool[rng.integers(0, len(pool), len(rows))]
        return other


class _Places:
    """Streets, cities and postcodes of all markets, in the order in which each writes number and street."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)  # the towns are the same in every world
        streets, cities, codes = [], [], []
        for market in MARKETS:
            locale = market[4]
            surnames = _table("person", locale, "last_names")
            streets += [_street(locale, surnames[i % len(surnames)], i) for i in range(STREETS)]
            cities += [_city(locale, surnames, i) for i in range(CITIES)]
            codes += [_postcode(locale, rng) for _ in range(POSTCODES)]
        self.streets, self.cities, self.codes = _strings(streets), _strings(cities), _strings(codes)
        number_first = [locale in ("en_GB", "en_US", "fr_FR") for locale in (market[4] for market in MARKETS)]
        self.number_first = np.array(number_first)
        comma = [", " if market[4] == "pt_BR" else " " for market in MARKETS]
        self.before = _strings([*(f"{house} " for house in range(1, HOUSES + 1)), ""])
        self.after = _strings([f"{mark}{house}" for mark in comma for house in range(1, HOUSES + 1)] + [""])

    def draw(self, country: NDArray[np.integer], rng: np.random.Generator) -> dict[str, pa.Array]:
        """Return street, city and postcode of one address in each given market (position)."""
        n = len(country)
        house = rng.integers(0, HOUSES, n)
        leads = self.number_first[country]
        before = self.before.take(pa.array(np.where(leads, house, HOUSES)))
        after = self.after.take(pa.array(np.where(leads, HOUSES * len(MARKETS), country * HOUSES + house)))
        street = self.streets.take(pa.array(country * STREETS + rng.integers(0, STREETS, n)))
        nothing = pa.scalar("", pa.large_string())
        return {
            "street": pc.binary_join_element_wise(before, street, after, nothing),
            "city": self.cities.take(pa.array(country * CITIES + rng.integers(0, CITIES, n))),
            "postcode": self.codes.take(pa.array(country * POSTCODES + rng.integers(0, POSTCODES, n))),
        }


def _street(locale: str, name: str, i: int) -> str:
    if locale == "de_DE":
        return f"{name}straße"
    if locale in ("fr_FR", "pt_BR"):
        kinds = _table("address", locale, "street_prefixes")[:5]
        return f"{kinds[i % len(kinds)]} {name}"
    return f"{name} {('Street', 'Road', 'Avenue', 'Lane')[i % 4]}"


def _city(locale: str, surnames: list[str], i: int) -> str:
    if locale == "de_DE":
        cities = _table("address", locale, "cities")
        return cities[i % len(cities)]
    endings = _table("address", locale, "city_suffixes")[:6]
    return f"{surnames[i % 40]}{endings[i // 40 % len(endings)]}"


def _postcode(locale: str, rng: np.random.Generator) -> str:
    number = "".join(map(str, rng.integers(0, 10, 8)))
    if locale == "en_GB":
        a, b, c, d = rng.choice(list("ABCDEHLMNPRSTW"), 4)
        return f"{a}{b}{number[0]} {number[1]}{c}{d}"
    return f"{number[:5]}-{number[5:]}" if locale == "pt_BR" else number[:5]


_names = cache(_Names)
_places = cache(_Places)
