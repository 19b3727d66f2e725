"""Orders follow the latent traits that are planted, and only those."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    """A world of 3,000 customers."""
    return generate(WorldSettings(seed=1, customers=3000), domains=["orders"])


def test_tables_keep_their_schemas(world):
    """Orders and lines pass their declarations, and every line belongs to an order."""
    for name in ("orders", "order_lines"):
        validate(name, world[name])
    assert world["order_lines"]["order_id"].isin(world["orders"]["order_id"]).all()


def test_nobody_orders_before_arrival_or_after_dropout(world):
    """Every order lies between the customer's creation and latent dropout."""
    latent = world["truth_customers"].merge(world["customers"][["customer_id", "created_at"]])
    orders = world["orders"].merge(latent, on="customer_id")
    weeks = (orders["ordered_at"] - orders["created_at"]).dt.total_seconds() / 604_800
    assert weeks.min() >= 0
    assert (weeks <= orders["lifetime_weeks"] + 1e-6).all()


def test_active_customers_order_at_their_rate():
    """Where no programme changes a rate, orders of the active are Poisson: standardised mean and variance 0 and 1."""
    settings = WorldSettings(seed=1, customers=3000, effect=0.0)
    world = generate(settings, domains=["orders"])
    old = world["customers"]["created_at"] == settings.start
    latent = world["truth_purchases"][old & world["truth_purchases"]["active"]]
    count = latent["customer_id"].map(world["orders"]["customer_id"].value_counts()).fillna(0)
    expected = latent["rate_week"] * settings.days / 7
    z = ((count - expected) / np.sqrt(expected))[expected > 3]
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert z.var() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("effect", "low", "high"), [(1.0, 0.2, 0.3), (0.0, -0.05, 0.05)])
def test_spend_depends_on_frequency_only_where_planted(effect, low, high):
    """The elasticity of spend on the rate is that of the settings."""
    truth = generate(WorldSettings(seed=2, customers=5000, effect=effect), domains=["orders"])[
        "truth_purchases"
    ]
    slope = np.polyfit(np.log(truth["rate_week"]), np.log(truth["spend_amt"]), 1)[0]
    assert low < slope < high
