"""Accounts and customers; each customer's latent traits are the truth behind all that follows.

Planted in `truth_customers`: rate of buying, dropout and spend (frequent buyers spend more per order, by `SPEND_ON_RATE`),
patience on the phone, and how much a late parcel annoys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from playbook.world.domains.company import MARKETS, market_shares
from playbook.world.draws import count_below, pick
from playbook.world.keys import ids
from playbook.world.settings import TIERS
from playbook.world.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)

DROPOUT_SHAPE = 0.9
SPEND_LOG_SD = 0.55
GROUP_B_SHARE = 0.18  # the smaller protected group
STAYS = 0.9  # of customers are in the market of their account
DAY_US = 86_400_000_000
SPEND_ON_RATE = 0.25  # elasticity of spend per order on purchase rate: what gamma-gamma assumes away


REGIONS = tuple(f"R{i}" for i in range(1, len(MARKETS) + 1))
AREAS = 60  # postal areas of a market
POSTCODES = tuple(f"{market[0]}-{area:02d}" for market in MARKETS for area in range(1, AREAS + 1))


def company_names(n: int, rng: np.random.Generator) -> pd.api.extensions.ExtensionArray:
    """Return `n` company names built from Faker's surnames and suffixes."""
    import pyarrow.compute as pc
    from faker.providers.company.en_US import Provider as Company
    from faker.providers.person.en_US import Provider as Person

    surnames, suffixes = list(Person.last_names), list(Company.company_suffixes)
    parts = [
        pc.take(pa.array(pool, pa.large_string()), pa.array(rng.integers(0, len(pool), n)))
        for pool in (surnames, surnames, suffixes)
    ]
    first, second, ending = parts
    two = pc.binary_join_element_wise(first, second, pa.scalar(" & ", pa.large_string()))
    return pd.array(pc.binary_join_element_wise(two, ending, pa.scalar(" ", pa.large_string())), dtype="str")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return accounts, customers and truth_customers."""
    n_accounts = max(60, int(settings.customers / settings.preset.customers_per_account))
    region = pick(market_shares(settings), n_accounts, rng)
    segment = pick(settings.preset.segment_shares, n_accounts, rng)
    accounts = _accounts(settings, region, segment, rng)
    account = _account_of_each(settings.customers, n_accounts, rng)
    habits = buying(settings, segment[account], rng)
    customers = customer_table(settings, accounts["account_id"].array, account, region[account], habits, rng)
    return {
        "accounts": accounts,
        "customers": customers,
        "truth_customers": _truth_customers(customers, habits, rng),
    }


def _accounts(
    settings: WorldSettings, region: np.ndarray, segment: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    n, industries = len(segment), settings.preset.industries
    acquired = (rng.integers(0, 3650, n) * -DAY_US).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "account_id": ids("A", n, settings.block),
            "name": company_names(n, rng),
            "segment": words(settings.preset.segments, segment),
            "industry": words(industries, rng.integers(0, len(industries), n)),
            "region_id": words(REGIONS, region),
            "is_key": (segment == 0) & (rng.random(n) < 0.5),
            "strategic_fit_share": np.round(rng.beta(3.0, 2.0, n), 2),
            "integration_level": words(("none", "file", "api"), pick((0.6, 0.25, 0.15), n, rng)),
            "acquired_on": np.datetime64(settings.start, "us") + acquired,
        }
    )


def _account_of_each(n: int, n_accounts: int, rng: np.random.Generator) -> np.ndarray:
    """Return the account (index) of each of `n` customers: no account is without one, if `n` allows."""
    more = rng.integers(0, n_accounts, max(0, n - n_accounts))
    return np.sort(np.concatenate([np.arange(n_accounts), more])[:n])


def buying(settings: WorldSettings, segment: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return how each customer buys: rate_week, dropout_week, spend_amt."""
    preset, n = settings.preset, len(segment)
    rate = rng.gamma(preset.rate_shape, preset.rate_week / preset.rate_shape, n)
    rate = np.maximum(rate * np.array(preset.segment_rate)[segment], 1e-4)
    dropout = np.maximum(rng.gamma(DROPOUT_SHAPE, preset.dropout_week / DROPOUT_SHAPE, n), 1e-6)
    elasticity = SPEND_ON_RATE * settings.size("define.customer_value")
    spend = (
        preset.spend_amt * np.exp(rng.normal(0, SPEND_LOG_SD, n)) * (rate / preset.rate_week) ** elasticity
    )
    return pd.DataFrame({"rate_week": rate, "dropout_week": dropout, "spend_amt": spend})


def _tiers(
    settings: WorldSettings, buying: pd.DataFrame, rng: np.random.Generator
) -> pd.api.extensions.ExtensionArray:
    """Return each customer's tier, by a noisy ranking of what they are worth."""
    n = len(buying)
    worth = buying["rate_week"].to_numpy() * buying["spend_amt"].to_numpy() * np.exp(rng.normal(0, 0.5, n))
    last = (np.cumsum(settings.tiers)[:-1] * n).astype(np.int64).clip(max=n - 1)
    bounds = np.partition(-worth, last)[last]  # the least that gold and silver are worth
    return words(TIERS, count_below(bounds, -worth))


def _created(settings: WorldSettings, rng: np.random.Generator) -> np.ndarray:
    """Return when each became a customer: six in ten by the start of the history, the others until a
    quarter before its end.
    """
    n = settings.customers
    later = rng.random(n) * 2.5 - 1.5  # six in ten below zero
    days = np.floor(np.maximum(later, 0.0) * (settings.days - 91)).astype(np.int64)
    return np.datetime64(settings.start, "us") + (days * DAY_US).astype("timedelta64[us]")


def customer_table(
    settings: WorldSettings,
    account_id: pd.api.extensions.ExtensionArray,
    account: np.ndarray,
    region: np.ndarray,
    buying: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return customers; `account` is the position in `account_id` and `region` that of the account's market, both (n,)."""
    n = settings.customers
    elsewhere = np.flatnonzero(rng.random(n) >= STAYS)
    region = region.copy()
    region[elsewhere] = pick(market_shares(settings), len(elsewhere), rng)
    channels = settings.preset.preferred_channels
    year = rng.normal(1978, 13, n)
    np.round(np.clip(year, 1936, 2006, out=year), out=year)
    return pd.DataFrame(
        {
            "customer_id": ids("C", n, settings.block),
            "account_id": account_id.take(account),
            "region_id": words(REGIONS, region),
            "language": words([market[3] for market in MARKETS], region),
            "tier": _tiers(settings, buying, rng),
            "preferred_channel": words(list(channels), pick(list(channels.values()), n, rng)),
            "created_at": _created(settings, rng),
            "birth_year": year,
            "gender": words(("f", "m", "x"), pick((0.47, 0.51, 0.02), n, rng)),
            "protected_group": words(("a", "b"), (rng.random(n) < GROUP_B_SHARE).view(np.int8)),
            "postcode": words(POSTCODES, region * AREAS + rng.integers(0, AREAS, n, dtype=np.int32)),
            "trust_level": words(("new", "standard", "trusted"), pick((0.2, 0.5, 0.3), n, rng)),
            "closed_at": np.full(n, np.datetime64("NaT", "us")),
        },
        copy=False,
    )


def _truth_customers(customers: pd.DataFrame, buying: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(customers)
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "rate_week": buying["rate_week"],
            "dropout_week": buying["dropout_week"],
            "lifetime_weeks": rng.exponential(1 / buying["dropout_week"].to_numpy()),
            "spend_amt": buying["spend_amt"],
            "patience_min": rng.gamma(4.0, 1.5, n),
            "late_sensitivity": rng.gamma(2.0, 0.5, n),
        }
    )
