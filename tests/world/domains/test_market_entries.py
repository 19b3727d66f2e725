"""Blocked practices are where they were planted, and earlier entries say how far plans carry."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.domains import market_entries
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

PLAY = "sustain.market_entry"
SEEDS = range(40)


world_of = partial(drawn, "market_entries", base="company", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in range(8)]


def demands(world):
    rows = world["rules"].reset_index(drop=True)
    parts = [pd.DataFrame(rows[c].map(json.loads).tolist()) for c in ("condition_json", "outcome_json")]
    table = pd.concat([rows[["ruleset", "jurisdiction"]], *parts], axis=1)
    own = table[table["ruleset"] == "capability"].set_index("capability")["level"]
    asked = table[table["ruleset"] == "market requirement"]
    return asked.assign(own=asked["capability"].map(own))


def blocked(world):
    rows = demands(world)
    rows = rows[rows["level"] > rows["own"]]
    return set(zip(rows["jurisdiction"], rows["practice"] + "|" + rows["capability"], strict=True))


def planted_blocks(world):
    return set(zip(world["truth_structure"]["source"], world["truth_structure"]["target"], strict=True))


def past(world):
    done = world["decisions"].merge(world["initiatives"], left_on="subject_id", right_on="initiative_id")
    return np.log(done["realised_amt"] / done["planned_gain_amt"]).to_numpy()


def candidates(world):
    plans = world["initiatives"].set_index("initiative_id")["planned_gain_amt"]
    truth = world["truth_outcomes"].set_index("subject")["value"]
    return np.log(truth / plans[truth.index]).to_numpy()


def test_tables_keep_their_schemas():
    """All tables pass their declarations; candidates have no dates."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["market_entries"])
    for name in ("rules", "initiatives", "decisions"):
        validate(name, world[name])
    proposed = world["initiatives"][world["initiatives"]["status"] == "proposed"]
    assert proposed["starts_on"].isna().all()


def test_market_entry_finds_blocked_practices(worlds):
    """Demand held against capability, practice by practice, finds what is planted and nothing else."""
    for world in worlds:
        assert blocked(world) == planted_blocks(world)
        assert len({market for market, _ in blocked(world)}) == 5


def test_market_entry_an_average_of_demands_hides_the_blocks(worlds):
    """Ranked by mean demand, the five hardest markets are not those in which a practice is blocked."""
    hits = 0
    for world in worlds:
        hardest = demands(world).groupby("jurisdiction")["level"].mean().nlargest(5).index
        hits += len(set(hardest) & {market for market, _ in planted_blocks(world)})
    assert hits / (5 * len(worlds)) < 0.75


def test_market_entry_range_of_results_covers_the_next_market(worlds):
    """A 90 % prediction range from earlier entries covers nine in ten of the candidates' results."""
    covered = []
    for world in worlds:
        earlier = np.sort(past(world))
        k = int(0.05 * (len(earlier) + 1))  # the k-th from either end: exact for exchangeable districts
        low, high = earlier[k - 1], earlier[-k]
        result = candidates(world)
        covered.append(np.mean((result >= low) & (result <= high)))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)


def test_market_entry_certainty_of_the_mean_is_no_range(worlds):
    """The 90 % interval of the average result covers fewer than a third of the candidates."""
    covered = []
    for world in worlds:
        ratio = past(world)
        half = stats.t.ppf(0.95, len(ratio) - 1) * ratio.std(ddof=1) / np.sqrt(len(ratio))
        covered.append(np.mean(np.abs(candidates(world) - ratio.mean()) <= half))
    assert np.mean(covered) < 0.33


def test_market_entry_recovers_the_transfer_error(worlds):
    """The spread of results is that between districts and the noise of one year together."""
    spread = np.mean([past(world).var(ddof=1) for world in worlds])
    truth = worlds[0]["truth_parameters"].set_index("name")["value"]
    assert np.sqrt(spread - market_entries.NOISE_SD**2) == pytest.approx(
        truth["sd between districts"], abs=0.03
    )


def test_market_entry_without_the_effect_every_market_is_open(nulls):
    """No practice is blocked, and results follow plans up to the noise of a year."""
    for world in nulls:
        assert blocked(world) == set()
        assert past(world).std() < 0.1
        assert candidates(world).std() < 0.15


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = world_of(9, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert blocked(world) == planted_blocks(world)
