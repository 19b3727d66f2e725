"""Markets, accounts, customers and products; each customer's latent traits are the truth behind all that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()

# country, jurisdiction, time zone, language, Faker locale, share of customers, site bandwidth kbit/s, wage per hour
MARKETS = (
    ("GB", "UK", "Europe/London", "en", "en_GB", 0.34, 20_000, 24.0),
    ("DE", "EU", "Europe/Berlin", "de", "de_DE", 0.24, 16_000, 29.0),
    ("FR", "EU", "Europe/Paris", "fr", "fr_FR", 0.16, 12_000, 27.0),
    ("US", "US", "America/New_York", "en", "en_US", 0.16, 25_000, 26.0),
    ("BR", "BR", "America/Sao_Paulo", "pt", "pt_BR", 0.10, 2_000, 9.0),
)
MARKET_SHARES = np.array([market[5] for market in MARKETS])
SEGMENTS = ("enterprise", "midmarket", "local", "public")
SEGMENT_SHARES = (0.12, 0.30, 0.46, 0.12)
SEGMENT_RATE = np.array([2.4, 1.3, 0.7, 1.0])  # purchase rate against the average customer
TIERS = ("gold", "silver", "bronze")
CATEGORIES = ("fittings", "valves", "pumps", "seals", "sensors", "tools")
PRODUCTS = 240

RATE_SHAPE = 0.9  # of purchases a week among customers: many rare, few frequent buyers
RATE_MEAN = 0.16
DROPOUT_SHAPE = 0.9
DROPOUT_MEAN = 0.006  # a week
SPEND_LOG_SD = 0.55
SPEND_ON_RATE = 0.25  # elasticity of spend per order on purchase rate: what gamma-gamma assumes away


def ids(prefix: str, n: int) -> pd.Series:
    """Return `n` text keys, e.g. C000001, in order."""
    width = max(6, len(str(n)))
    return pd.Series(np.arange(1, n + 1)).astype(str).str.zfill(width).radd(prefix)


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
    """Return regions, accounts, customers, products and truth_customers."""
    n_accounts = max(60, settings.customers // 4)
    regions = _regions()
    account_region = rng.choice(len(MARKETS), n_accounts, p=MARKET_SHARES)
    account_segment = rng.choice(len(SEGMENTS), n_accounts, p=SEGMENT_SHARES)
    accounts = _accounts(regions["region_id"].to_numpy()[account_region], account_segment, rng)
    account = _account_of_each(settings.customers, n_accounts, rng)
    buying = _buying(account_segment[account], settings.effect, rng)
    tier = _tiers(buying, rng)
    created = _created(settings, rng)
    region = _moved(account_region[account], rng)
    customers = _customers(
        accounts["account_id"].to_numpy()[account], regions.iloc[region], tier, created, rng
    )
    truth = _truth_customers(customers, buying, rng)
    return {
        "regions": regions,
        "accounts": accounts,
        "customers": customers,
        "products": _products(rng),
        "truth_customers": truth,
    }


def _regions() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (f"R{i}", country, law, zone, language, float(kbps), wage)
            for i, (country, law, zone, language, _, _, kbps, wage) in enumerate(MARKETS, start=1)
        ],
        columns=[
            "region_id",
            "country",
            "jurisdiction",
            "timezone",
            "language",
            "bandwidth_kbps",
            "wage_amt_h",
        ],
    )


def _accounts(region_id: np.ndarray, segment: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(segment)
    return pd.DataFrame(
        {
            "account_id": ids("A", n),
            "name": company_names(n, rng),
            "segment": np.array(SEGMENTS)[segment],
            "industry": rng.choice(["construction", "food", "utilities", "machinery", "retail"], n),
            "region_id": region_id,
            "is_key": (segment == 0) & (rng.random(n) < 0.5),
        }
    )


def _account_of_each(n: int, n_accounts: int, rng: np.random.Generator) -> np.ndarray:
    """Return the account (index) of each of `n` customers: no account is without one, if `n` allows."""
    more = rng.integers(0, n_accounts, max(0, n - n_accounts))
    return np.sort(np.concatenate([np.arange(n_accounts), more])[:n])


def _buying(segment: np.ndarray, effect: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return how each customer buys: rate_week, dropout_week, spend_amt."""
    n = len(segment)
    rate = rng.gamma(RATE_SHAPE, RATE_MEAN / RATE_SHAPE, n) * SEGMENT_RATE[segment]
    rate = np.maximum(rate, 1e-4)
    dropout = np.maximum(rng.gamma(DROPOUT_SHAPE, DROPOUT_MEAN / DROPOUT_SHAPE, n), 1e-6)
    spend = 180 * np.exp(rng.normal(0, SPEND_LOG_SD, n)) * (rate / RATE_MEAN) ** (SPEND_ON_RATE * effect)
    return pd.DataFrame({"rate_week": rate, "dropout_week": dropout, "spend_amt": spend})


def _tiers(buying: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return each customer's tier, by a noisy ranking of what they are worth."""
    n = len(buying)
    worth = buying["rate_week"].to_numpy() * buying["spend_amt"].to_numpy() * np.exp(rng.normal(0, 0.5, n))
    rank = np.argsort(np.argsort(-worth)) / n
    return np.select([rank < 0.08, rank < 0.33], [TIERS[0], TIERS[1]], TIERS[2])


def _created(settings: WorldSettings, rng: np.random.Generator) -> pd.Series:
    """Return when each became a customer: six in ten by the start of the history, the others until a
    quarter before its end.
    """
    n = settings.customers
    age = np.where(rng.random(n) < 0.6, 0.0, rng.random(n) * (settings.days - 91))
    created = settings.start + pd.to_timedelta(np.floor(age), unit="D")
    return pd.Series(created).astype("datetime64[us]")


def _moved(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return each customer's region (index): nine in ten that of their account."""
    stays = rng.random(len(region)) < 0.9
    return np.where(stays, region, rng.choice(len(MARKETS), len(region), p=MARKET_SHARES))


def _customers(
    account_id: np.ndarray,
    region: pd.DataFrame,
    tier: np.ndarray,
    created: pd.Series,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return customers; every argument has one entry per customer."""
    n = len(account_id)
    return pd.DataFrame(
        {
            "customer_id": ids("C", n),
            "account_id": account_id,
            "region_id": region["region_id"].to_numpy(),
            "language": region["language"].to_numpy(),
            "tier": tier,
            "preferred_channel": rng.choice(["phone", "email", "chat"], n, p=[0.45, 0.35, 0.2]),
            "created_at": created,
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


def _products(rng: np.random.Generator) -> pd.DataFrame:
    price = np.round(np.exp(rng.normal(3.2, 0.8, PRODUCTS)), 2)
    category = np.array(CATEGORIES)[rng.integers(0, len(CATEGORIES), PRODUCTS)]
    return pd.DataFrame(
        {
            "product_id": ids("P", PRODUCTS),
            "name": [f"{c[:-1]} {100 + i}" for i, c in enumerate(category)],
            "category": category,
            "price_amt": price,
            "unit_cost_amt": np.round(price * rng.uniform(0.55, 0.75, PRODUCTS), 2),
            "hold_share_year": rng.choice([0.18, 0.22, 0.26], PRODUCTS),
        }
    )
