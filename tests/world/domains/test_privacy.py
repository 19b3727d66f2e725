"""Consents, rules and outbound messages are canonical, reproducible, and wrong only where planted."""

import json

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.domains.privacy import SYSTEMS, last_word
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def world():
    return generate(WorldSettings(seed=5, customers=1500), domains=["privacy"])


@pytest.mark.parametrize("name", ["rules", "consents", "interactions"])
def test_tables_are_canonical(world, name):
    """Each table keeps its declared schema."""
    validate(name, world[name])


def test_the_same_seed_gives_the_same_rows(world):
    """Nothing but the seed decides."""
    again = generate(WorldSettings(seed=5, customers=1500), domains=["privacy"])
    assert again["interactions"].equals(world["interactions"])
    assert again["consents"].equals(world["consents"])


def test_times_follow_each_other(world):
    """A decision is recorded after it was made and applied after that; nothing is later than the end."""
    consents, end = world["consents"], WorldSettings().end
    assert (consents["recorded_at"] >= consents["effective_at"]).all()
    done = consents["applied_at"].notna()
    assert (consents.loc[done, "applied_at"] >= consents.loc[done, "recorded_at"]).all()
    assert consents.loc[done, "applied_at"].max() < end
    assert world["interactions"]["arrived_at"].max() < end


def test_never_applied_at_the_planted_share(world):
    """Old withdrawals never reached a system at the planted share, within three standard errors."""
    consents = world["consents"]
    old = consents[(consents["status"] == "withdrawn") & (consents["effective_at"] < "2026-01-01")]
    for system, _, _, share in SYSTEMS:
        rows = old[old["system_id"] == system]
        error = np.sqrt(max(share * (1 - share), 1e-9) / len(rows))
        assert abs(rows["applied_at"].isna().mean() - share) <= 3 * error + 1e-9


def test_conditions_and_outcomes_are_json(world):
    """Every rule can be read."""
    for text in [*world["rules"]["condition_json"], *world["rules"]["outcome_json"]]:
        assert isinstance(json.loads(text), dict)


def test_last_word_equals_reading_in_turn():
    """The packed search equals a loop over what was said."""
    rng = np.random.default_rng(8)
    who, at, says = rng.integers(0, 5, 60), rng.permutation(60), rng.choice([-1, 1], 60)
    ask_who, ask_at = rng.integers(0, 7, 200), rng.integers(-1, 70, 200)
    expected = []
    for asked, moment in zip(ask_who, ask_at, strict=True):
        heard = [(t, s) for w, t, s in zip(who, at, says, strict=True) if w == asked and t <= moment]
        expected.append(max(heard)[1] if heard else 0)
    assert last_word(who, at, says, ask_who, ask_at).tolist() == expected


def test_without_effect_every_system_acts_at_once_and_nothing_is_wrong():
    """No planted lag, loss, list, pilot or missing proof."""
    world = generate(WorldSettings(seed=5, customers=600, effect=0.0), domains=["privacy"])
    assert (world["truth_labels"]["play"] != "govern.consent").all()
    assert (world["consents"]["applied_at"] == world["consents"]["effective_at"]).all()
    assert world["consents"]["proof_hash"].notna().all()
