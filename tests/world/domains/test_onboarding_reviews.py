"""What was missing before an onboarding explains its end where that was planted, and a count of ticks does
not.
"""

import json
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

PLAY = "sustain.readiness"
SEEDS = range(1, 11)


world_of = partial(drawn, "onboarding_reviews", base="organisation", customers=200)  # what it reads stays


@pytest.fixture(scope="module")
def worlds():
    return [world_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls():
    return [world_of(seed, effects={PLAY: 0}) for seed in SEEDS]


def reviews(world):
    """Return what was missing (onboardings by items) and whether each past onboarding failed, in order of
    time.
    """
    rows = world["ratings"][world["ratings"]["exercise"] == "readiness review"]
    ticks = rows.pivot_table(index="subject_id", columns="item_code", values="score")
    past = world["changes"].set_index("change_id").loc[ticks.index]
    done = past[past["status"] != "planned"].sort_values("requested_at")
    return 1 - ticks.loc[done.index], (done["status"] == "failed").to_numpy()


def aucs(world):
    """Return the AUC on the later half: of weights learnt on the earlier half, and of the count of what is
    missing.
    """
    missing, failed = reviews(world)
    half = len(missing) // 2
    model = LogisticRegression(C=1.0).fit(missing[:half], failed[:half])
    later = failed[half:]
    return roc_auc_score(later, model.decision_function(missing[half:])), roc_auc_score(
        later, missing[half:].sum(axis=1)
    )


def worth(world):
    """Return what each item's absence adds to the chance to fail where no other gate is missing, by item."""
    missing, failed = reviews(world)
    truth = world["truth_effects"].set_index("action")["size"]
    gates = [item for item in missing if truth[f"without: {item}"] > 0]
    found = {}
    for item in missing:
        others = [gate for gate in gates if gate != item]
        clear = (missing[others].sum(axis=1) == 0).to_numpy()
        gone = (missing[item] == 1).to_numpy()
        found[item] = failed[clear & gone].mean() - failed[clear & ~gone].mean()
    return pd.Series(found), truth.rename(lambda name: name.removeprefix("without: "))


def skills(world):
    """Return who has which skill, and the skills that are needed."""
    outcome = json.loads(world["rules"].set_index("ruleset").loc["readiness", "outcome_json"])
    rows = world["ratings"][world["ratings"]["exercise"] == "skills check"]
    table = (
        rows.pivot_table(index="subject_id", columns="item_code", values="score") >= outcome["score_at_least"]
    )
    return table, outcome["skills"]


def covered(table, people, needed):
    return table.loc[list(people), needed].to_numpy().any(axis=0).all()


def team_exists(table, needed, n):
    """Return whether any `n` people cover what is needed: all teams are tried."""
    has = table[needed].to_numpy()
    return any(has[list(team)].any(axis=0).all() for team in combinations(range(len(has)), n))


def test_tables_keep_their_schemas():
    """All tables pass their declarations; planned onboardings have no end."""
    world = generate(WorldSettings(seed=1, customers=200), domains=["onboarding_reviews"])
    for name in ("changes", "ratings", "rules"):
        validate(name, world[name])
    assert world["changes"].loc[world["changes"]["status"] == "planned", "deployed_at"].isna().all()
    assert world["changes"]["account_id"].isin(world["accounts"]["account_id"]).all()
    assert world["ratings"]["rated_at"].max() < pd.Timestamp("2026-07-01")


def test_readiness_weights_predict_failure_and_the_count_does_not(worlds):
    """Weights learnt from earlier onboardings foretell the later ones far better than the count of ticks."""
    weighted, count = np.transpose([aucs(world) for world in worlds])
    assert weighted.mean() > 0.72
    assert count.mean() < 0.66
    assert (weighted > count).mean() >= 0.9


def test_readiness_recovers_what_a_gate_is_worth(worlds):
    """Where no other gate is missing, each gate adds its planted size, less what wrong ticks blur; others
    add nothing.
    """
    gaps = pd.DataFrame([worth(world)[0] for world in worlds]).mean()
    truth = worth(worlds[0])[1]
    gates = truth[truth > 0].index
    assert gaps[gates].between(0.7 * truth[gates], 1.05 * truth[gates]).all()
    assert gaps.drop(gates).abs().max() < 0.06


def test_readiness_what_is_missing_most_is_not_what_matters(worlds):
    """The items that are most often missing in failed onboardings are not the gates."""
    for world in worlds:
        missing, failed = reviews(world)
        truth = world["truth_effects"].set_index("action")["size"]
        often = missing[failed].mean().nlargest(3).index
        assert sum(truth[f"without: {item}"] > 0 for item in often) < 3


def test_readiness_finds_the_missing_skill_and_the_smallest_team(worlds):
    """Skills that nobody has are those planted; enumeration confirms how many people cover the others."""
    for world in worlds:
        table, needed = skills(world)
        lacking = {skill for skill in needed if not table[skill].any()}
        assert lacking == set(world["truth_structure"]["source"])
        assert len(lacking) == 1
        there = [skill for skill in needed if skill not in lacking]
        enough = int(world["truth_parameters"]["value"].item())
        assert team_exists(table, there, enough)
        assert not team_exists(table, there, enough - 1)


def test_readiness_the_people_with_most_skills_leave_gaps(worlds):
    """As many people as are enough, chosen by their number of skills, do not cover what is needed."""
    for world in worlds:
        table, needed = skills(world)
        there = [skill for skill in needed if table[skill].any()]
        enough = int(world["truth_parameters"]["value"].item())
        assert not covered(table, table.sum(axis=1).nlargest(enough).index, there)


def test_readiness_without_the_effect_no_item_matters(nulls):
    """Nothing foretells failure, no skill is missing, and anyone will do."""
    weighted, _ = np.transpose([aucs(world) for world in nulls])
    assert abs(weighted.mean() - 0.5) < 0.08
    for world in nulls:
        table, needed = skills(world)
        assert world["truth_structure"].empty
        assert covered(table, table.index[:1], needed)


@pytest.mark.parametrize("industry", PRESETS)
def test_other_worlds_do_not_crash(industry):
    """Five industries, one market, few customers."""
    world = world_of(9, industry=industry, regions=("GB",), effects={PLAY: 2})
    assert len(world["changes"]) > 300
