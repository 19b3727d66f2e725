"""Bad settings are refused by name, with what was expected."""

import pytest

from playbook.errors import SettingsError
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"customers": -5}, r"world\.customers: expected 200 to 100000000, got -5"),
        ({"months": 12}, r"world\.months: expected 36 to 120, got 12"),
        ({"seed": 1.5}, r"world\.seed: expected a whole number, got 1\.5"),
        ({"effect": -1.0}, r"world\.effect: expected 0\.0 to 3\.0, got -1\.0"),
        ({"defects": float("nan")}, r"world\.defects: expected 0\.0 to 3\.0, got nan"),
        ({"seasonality": "high"}, r"world\.seasonality: expected a number, got 'high'"),
        ({"industry": "retial"}, r"world\.industry: unknown 'retial'; did you mean 'retail'\?"),
        ({"regions": ("GB", "XX")}, r"world\.regions: unknown 'XX'"),
        ({"regions": ("GB", "GB")}, r"world\.regions: expected different countries"),
        ({"regions": ()}, r"world\.regions: expected different countries"),
        ({"tiers": (0.5, 0.5)}, r"world\.tiers: expected shares of gold, silver, bronze"),
        ({"tiers": (0.5, 0.6, 0.2)}, r"world\.tiers: expected shares that sum to 1, got 1\.3"),
        ({"tiers": (1.5, -0.5, 0.0)}, r"world\.tiers, gold: expected 0\.0 to 1\.0, got 1\.5"),
        (
            {"effects": {"design.routin": 1.0}},
            r"unknown play 'design\.routin'; did you mean 'design\.routing'\?",
        ),
        ({"effects": {"design.routing": 9.0}}, r"world\.effects, design\.routing: expected 0\.0 to 3\.0"),
        ({"as_of": "2026-13-01"}, r"world\.as_of: expected a date"),
    ],
)
def test_impossible_settings_are_refused(given, message):
    """One line names the setting, what was expected and what was given."""
    with pytest.raises(SettingsError, match=message):
        WorldSettings(**given)


@pytest.mark.parametrize("industry", PRESETS)
def test_shares_of_an_industry_are_shares(industry):
    """What is shared out sums to one, and a season never makes a month negative."""
    preset = PRESETS[industry]
    assert sum(preset.segment_shares) == pytest.approx(1)
    assert sum(preset.order_channels.values()) == pytest.approx(1)
    assert sum(preset.preferred_channels.values()) == pytest.approx(1)
    assert preset.season * 2 < 1


def test_industries_differ_in_more_than_names():
    """No two industries share a purchase rate, an order's value, a season or a service load."""
    for name in ("rate_week", "spend_amt", "season", "requests_per_order", "promise_d", "contract_share"):
        assert len({getattr(preset, name) for preset in PRESETS.values()}) == len(PRESETS)
