"""Processes, their cases, changes and configurations exist together, in every industry and with nothing planted."""

import pandas as pd
import pytest

from playbook.store.schemas import tables
from playbook.store.writing import conform, validate
from playbook.world import blocks
from playbook.world.generate import generate
from playbook.world.plants import plants
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings

DOMAINS = (
    "processes",
    "journeys",
    "handoffs",
    "variants",
    "episodes",
    "alerts",
    "overrides",
    "options",
    "flags",
    "versions",
    "drift",
    "modules",
    "fallback",
    "causes",
    "approvals",
    "waivers",
    "lessons",
)
WITH_KEYS = (*DOMAINS, "systems")
OWN = ("touchpoints", "process_steps", "exceptions", "config_versions", "changes")
MOMENTS = {
    "touchpoints": ("started_at", "ended_at"),
    "exceptions": ("occurred_at", "alert_at"),
    "config_versions": ("valid_from", "valid_to"),
    "changes": ("requested_at", "deployed_at"),
}


def check(world, settings):
    """Declared columns and unique keys; steps, customers and versions that exist; moments inside the history, in order."""
    for name in OWN:
        validate(name, world[name])
        assert len(world[name]) < 60_000
    for name, column, target in (
        ("touchpoints", "step_id", "process_steps"),
        ("touchpoints", "customer_id", "customers"),
        ("touchpoints", "system_id", "systems"),
        ("exceptions", "customer_id", "customers"),
        ("exceptions", "config_version_id", "config_versions"),
        ("config_versions", "change_id", "changes"),
        ("config_versions", "account_id", "accounts"),
    ):
        key = tables()[target].key[0]
        assert world[name][column].dropna().isin(world[target][key]).all(), (name, column)
    for name, (begins, ends) in MOMENTS.items():
        frame = world[name]
        assert frame[begins].min() >= settings.start
        assert frame[begins].max() <= settings.end
        assert not (frame[ends] < frame[begins]).any(), name


@pytest.mark.parametrize("industry", PRESETS)
def test_small_worlds_of_one_market_are_whole(industry):
    """The smallest world of each industry."""
    settings = WorldSettings(seed=4, customers=200, industry=industry, regions=("GB",))
    check(generate(settings, domains=WITH_KEYS), settings)


@pytest.mark.parametrize("size", [0.0, 3.0])
def test_worlds_of_any_effect_are_whole(size):
    """Nothing planted, and the most that can be set."""
    mine = {play: size for play, plant in plants().items() if plant.domain in DOMAINS}
    assert len(mine) == 16
    settings = WorldSettings(seed=4, customers=300, effects=mine)
    check(generate(settings, domains=WITH_KEYS), settings)


def test_a_process_allows_only_steps_of_its_own():
    """Steps that may follow are steps of the same process."""
    steps = generate(WorldSettings(customers=200), domains=["processes"])["process_steps"]
    follow = steps.assign(next=steps["next_step_ids"].str.split(";")).explode("next").dropna(subset="next")
    process = steps.set_index("step_id")["process"]
    assert (process[follow["next"]].to_numpy() == follow["process"].to_numpy()).all()
    assert steps.query("is_handoff")["process"].nunique() >= 4


def test_divisions_have_keys_of_their_own(monkeypatch):
    """A second block repeats no key, and leaves out what belongs to the company."""
    monkeypatch.setattr(blocks, "BLOCK_CUSTOMERS", 300)
    settings = WorldSettings(seed=4, customers=600)
    first, second = (blocks.generate_block(settings, k, DOMAINS) for k in (0, 1))
    assert "process_steps" not in second
    for name in ("touchpoints", "exceptions", "config_versions"):
        both = pd.concat([conform(name, first[name]), conform(name, second[name])], ignore_index=True)
        validate(name, both)
