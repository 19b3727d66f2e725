"""Accounts and customers; each customer's latent traits are the truth behind all that follows.

Planted in `truth_customers`: rate of buying, dropout and spend (frequent buyers spend more per order, by `SPEND_ON_RATE`),
patience on the phone, and how much a late parcel annoys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS, market_shares
from playbook.world.keys import ids
from playbook.world.settings import TIERS

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)

DROPOUT_SHAPE = 0.9
SPEND_LOG_SD = 0.55
SPEND_ON_RATE = 0.25  # elasticity of spend per order on purchase rate: what gamma-gamma assumes away


def company_names(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` company names built from Faker's surnames and suffixes of each market."""
    from faker.providers.company.en_US import Provider as Company
    from faker.providers.person.en_US import Provider as Person

    surnames = np.array(list(Person.last_names))
    suffixes = np.array(list(Company.company_suffixes))
    first, second = rng.choice(surnames, n), rng.choice(surnames, n)
    ending = rng.choice(suffixes, n)
    return np.char.add(np.char.add(np.char.add(first, " & "), second), np.char.add(" ", ending))


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return accounts, customers and truth_customers."""
    preset = settings.preset
    shares = market_shares(settings)
    n_accounts = max(60, int(settings.customers / preset.customers_per_account))
    account_region = rng.choice(len(MARKETS), n_accounts, p=shares)
    account_segment = rng.choice(4, n_accounts, p=preset.segment_shares)
    accounts = _accounts(settings, account_region, account_segment, rng)
    account = _account_of_each(settings.customers, n_accounts, rng)
    buying = _buying(settings, account_segment[account], rng)
    stays = rng.random(settings.customers) < 0.9  # nine in ten are in the market of their account
    region = np.where(stays, account_region[account], rng.choice(len(MARKETS), settings.customers, p=shares))
    customers = _customers(
        settings, accounts["account_id"].to_numpy()[account], region, _tiers(settings, buying, rng), rng
    )
    truth = _truth_customers(customers, buying, rng)
    return {"accounts": accounts, "customers": customers, "truth_customers": truth}


def _accounts(
    settings: WorldSettings, region: np.ndarray, segment: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    n = len(segment)
    return pd.DataFrame(
        {
            "account_id": ids("A", n, settings.block),
            "name": company_names(n, rng),
            "segment": np.array(settings.preset.segments)[segment],
            "industry": rng.choice(settings.preset.industries, n),
            "region_id": np.array([f"R{i}" for i in range(1, len(MARKETS) + 1)])[region],
            "is_key": (segment == 0) & (rng.random(n) < 0.5),
        }
    )


def _account_of_each(n: int, n_accounts: int, rng: np.random.Generator) -> np.ndarray:
    """Return the account (index) of each of `n` customers: no account is without one, if `n` allows."""
    more = rng.integers(0, n_accounts, max(0, n - n_accounts))
    return np.sort(np.concatenate([np.arange(n_accounts), more])[:n])


def _buying(settings: WorldSettings, segment: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
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


def _tiers(settings: WorldSettings, buying: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return each customer's tier, by a noisy ranking of what they are worth."""
    n = len(buying)
    worth = buying["rate_week"].to_numpy() * buying["spend_amt"].to_numpy() * np.exp(rng.normal(0, 0.5, n))
    rank = np.empty(n)
    rank[np.argsort(-worth)] = np.arange(n) / n
    return np.array(TIERS)[np.searchsorted(np.cumsum(settings.tiers)[:-1], rank, side="right")]


def _created(settings: WorldSettings, rng: np.random.Generator) -> pd.Series:
    """Return when each became a customer: six in ten by the start of the history, the others until a
    quarter before its end.
    """
    n = settings.customers
    age = np.where(rng.random(n) < 0.6, 0.0, rng.random(n) * (settings.days - 91))
    created = settings.start + pd.to_timedelta(np.floor(age), unit="D")
    return pd.Series(created).astype("datetime64[us]")


def _customers(
    settings: WorldSettings,
    account_id: np.ndarray,
    region: np.ndarray,
    tier: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return customers; every array has one entry per customer, `region` is a position in `MARKETS`."""
    n = len(account_id)
    channels = settings.preset.preferred_channels
    return pd.DataFrame(
        {
            "customer_id": ids("C", n, settings.block),
            "account_id": account_id,
            "region_id": np.array([f"R{i}" for i in range(1, len(MARKETS) + 1)])[region],
            "language": np.array([market[3] for market in MARKETS])[region],
            "tier": tier,
            "preferred_channel": rng.choice(list(channels), n, p=list(channels.values())),
            "created_at": _created(settings, rng),
            "closed_at": pd.Series(pd.NaT, index=range(n)).astype("datetime64[us]"),
        }
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
