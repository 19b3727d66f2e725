"""Where the company sells and what: the markets with their law, language and clock, and the products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()
ONCE = True

# country, jurisdiction, time zone, language, Faker locale, share of customers, site bandwidth kbit/s, wage per hour,
# currency. The order of `settings.COUNTRIES`; a market keeps its key when others are left out.
MARKETS = (
    ("GB", "UK", "Europe/London", "en", "en_GB", 0.34, 20_000, 24.0, "GBP"),
    ("DE", "EU", "Europe/Berlin", "de", "de_DE", 0.24, 16_000, 29.0, "EUR"),
    ("FR", "EU", "Europe/Paris", "fr", "fr_FR", 0.16, 12_000, 27.0, "EUR"),
    ("US", "US", "America/New_York", "en", "en_US", 0.16, 25_000, 26.0, "USD"),
    ("BR", "BR", "America/Sao_Paulo", "pt", "pt_BR", 0.10, 2_000, 9.0, "BRL"),
)

RESIDENCY = ("EU", "BR")  # laws under which this company keeps personal data in the country
MARKET_OVER_OWN = 25.0  # customers of all suppliers, for one of the company's
ENTERED_YEARS_BEFORE = (22, 14, 11, 6, 2)  # the history, by market
SUPPLIERS = 12


def market_shares(settings: WorldSettings) -> np.ndarray:
    """Return the share of customers in each of `MARKETS`; 0 where the company does not sell."""
    share = np.array([market[5] if market[0] in settings.regions else 0.0 for market in MARKETS])
    return share / share.sum()


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return regions and products."""
    return {"regions": _regions(settings), "products": _products(settings, rng)}


def _regions(settings: WorldSettings) -> pd.DataFrame:
    regions = pd.DataFrame(
        MARKETS,
        columns=[
            "country",
            "jurisdiction",
            "timezone",
            "language",
            "locale",
            "share",
            "bandwidth_kbps",
            "wage_amt_h",
            "currency",
        ],
    )
    regions.insert(0, "region_id", [f"R{i}" for i in range(1, len(MARKETS) + 1)])
    regions["bandwidth_kbps"] = regions["bandwidth_kbps"].astype(float)
    regions["residency_required"] = regions["jurisdiction"].isin(RESIDENCY)
    regions["market_customers"] = regions["share"] * settings.customers * MARKET_OVER_OWN
    regions["entered_on"] = [
        (settings.start - pd.DateOffset(years=years)).as_unit("us") for years in ENTERED_YEARS_BEFORE
    ]
    return (
        regions[regions["country"].isin(settings.regions)]
        .drop(columns=["locale", "share"])
        .reset_index(drop=True)
    )


def _products(settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    preset = settings.preset
    n = preset.products
    price = np.round(np.exp(rng.normal(preset.price_log_mean, preset.price_log_sd, n)), 2)
    category = np.array(preset.categories)[rng.integers(0, len(preset.categories), n)]
    return pd.DataFrame(
        {
            "product_id": ids("P", n),
            "name": [f"{c.removesuffix('s')} {100 + i}" for i, c in enumerate(category)],
            "category": category,
            "price_amt": price,
            "unit_cost_amt": np.round(price * rng.uniform(0.55, 0.75, n), 2),
            "hold_share_year": rng.choice([0.18, 0.22, 0.26], n),
            "volume_dm3": np.round(np.exp(rng.normal(0.7, 1.0, n)), 2),
            "weight_kg": np.round(np.exp(rng.normal(0.2, 1.0, n)), 2),
            "supplier_unit_id": [f"V{v:02d}" for v in rng.integers(1, SUPPLIERS + 1, n)],
            "setup_h": np.round(rng.gamma(4.0, 0.5, n), 2),
            "run_h_per_unit": np.round(rng.gamma(4.0, 0.01, n), 4),
            "setup_amt": np.round(rng.gamma(4.0, 20.0, n), 2),
            "salvage_amt": np.round(price * rng.uniform(0.1, 0.35, n), 2),
        }
    )
