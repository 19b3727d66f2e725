"""Where the company sells and what: the markets with their law, language and clock, and the products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
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


def market_shares(settings: WorldSettings) -> np.ndarray:
    """Return the share of customers in each of `MARKETS`; 0 where the company does not sell."""
    share = np.array([market[5] if market[0] in settings.regions else 0.0 for market in MARKETS])
    return share / share.sum()


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return regions and products."""
    return {"regions": _regions(settings), "products": _products(settings, rng)}


def _regions(settings: WorldSettings) -> pd.DataFrame:
    regions = pd.DataFrame(
        [
            (f"R{i}", country, law, zone, language, float(kbps), wage, currency)
            for i, (country, law, zone, language, _, _, kbps, wage, currency) in enumerate(MARKETS, start=1)
        ],
        columns=[
            "region_id",
            "country",
            "jurisdiction",
            "timezone",
            "language",
            "bandwidth_kbps",
            "wage_amt_h",
            "currency",
        ],
    )
    return regions[regions["country"].isin(settings.regions)].reset_index(drop=True)


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
        }
    )
