"""Adoption curves by team, and which workflow's use means anything."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(6)
WORKFLOWS = ("guided form", "quick reply")


def cases(world: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Cases in which a workflow was on offer, with week and log minutes."""
    rows = world["actions"][world["actions"]["action_code"].str.startswith("workflow: ")]
    first = rows["acted_at"].min().normalize()
    return rows.assign(
        workflow=rows["action_code"].str.removeprefix("workflow: "),
        week=(rows["acted_at"] - first).dt.days // 7,
        used=rows["taken"].astype(float),
        log_min=np.log(rows["duration_s"] / 60),
    )


def made(**settings) -> list[tuple[dict[str, pd.DataFrame], pd.DataFrame]]:
    """Several worlds and their cases."""
    worlds = [
        generate(WorldSettings(seed=seed, customers=200, **settings), domains=["workflows"]) for seed in SEEDS
    ]
    return [(world, cases(world)) for world in worlds]


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return made()


def by_team(rows: pd.DataFrame) -> pd.DataFrame:
    """Per team: effect of the prompt on use and on log minutes, and the latter's error variance."""
    values = ["used", "log_min"]
    cells = rows.pivot_table(
        index="subject_id", columns="shown", values=values, aggfunc=["mean", "var", "count"]
    )
    mean, noise = cells["mean"], cells["var"]["log_min"] / cells["count"]["log_min"]
    return pd.DataFrame(
        {
            "used": mean["used"][True] - mean["used"][False],
            "log_min": mean["log_min"][True] - mean["log_min"][False],
            "noise": noise.sum(axis=1),
        }
    )


def surrogate(worlds, workflow: str) -> tuple[float, float, float]:
    """R² at the level of trials (teams), corrected for noise in the outcome; slope and its standard error."""
    teams = pd.concat([by_team(rows[rows["workflow"] == workflow]) for _, rows in worlds])
    x, y = teams["used"] - teams["used"].mean(), teams["log_min"] - teams["log_min"].mean()
    slope = (x * y).sum() / (x**2).sum()
    rest = ((y - slope * x) ** 2).sum() / (len(teams) - 2)
    signal = max((y**2).mean() - teams["noise"].mean(), 1e-4)
    return min(slope**2 * (x**2).mean() / signal, 1.0), float(slope), float(np.sqrt(rest / (x**2).sum()))


def test_adoption_curves_are_recovered_by_team(worlds):
    """Use without a prompt in the last quarter is the planted curve's, up to the skill of a team's few agents."""
    z = []
    for world, rows in worlds:
        truth = (
            world["truth_outcomes"]
            .query("play == 'measure.adoption'")
            .set_index(["subject", "arm", "metric"])["value"]
        )
        late = rows[(rows["week"] >= 45) & ~rows["shown"]]
        for (team, workflow), part in late.groupby(["subject_id", "workflow"]):
            z.append(part["used"].mean() - truth[team, workflow, "share of cases, week 51, no prompt"])
    assert np.mean(z) == pytest.approx(0, abs=0.03)
    assert np.std(z) < 0.16  # 28 cases, and agents who use more than others


def test_adoption_of_the_first_workflow_is_a_proxy_and_of_the_second_is_none(worlds):
    """Across teams, effects of the prompt on use explain those on minutes for one workflow only (surrogate R²)."""
    truth = worlds[0][0]["truth_effects"].query("play == 'measure.adoption'").set_index("action")["size"]
    for workflow, low, high in ((WORKFLOWS[0], 0.6, 1.0), (WORKFLOWS[1], 0.0, 0.35)):
        share, slope, error = surrogate(worlds, workflow)
        assert low <= share <= high
        assert slope == pytest.approx(truth[workflow], abs=3.5 * error)


def test_adoption_use_goes_with_short_cases_for_both(worlds):
    """Plainly compared, cases with the second workflow are shorter too: skilled agents use more of everything."""
    rows = pd.concat([rows for _, rows in worlds])
    part = rows[rows["workflow"] == WORKFLOWS[1]]
    used = part["used"] == 1
    gap = part[used]["log_min"].mean() - part[~used]["log_min"].mean()
    assert gap < -4 * np.hypot(part[used]["log_min"].sem(), part[~used]["log_min"].sem())


def test_adoption_laggards_are_told_apart_by_what_a_prompt_does(worlds):
    """Teams that lag: where it does not fit, a prompt changes little; where it is forgotten, it changes much."""
    right = total = 0
    for world, rows in worlds:
        reason = world["truth_labels"].query("play == 'measure.adoption'").set_index("key")["label"]
        late = rows[rows["week"] >= 26]
        use = late[~late["shown"]].groupby("subject_id")["used"].mean()
        lift = by_team(rows)["used"]
        lags = use < 0.32
        guess = np.where(lags, np.where(lift < 0.2, "does not fit", "forgets"), "takes it up")
        lagging = (reason != "takes it up").to_numpy()
        right += (guess[lagging] == reason.loc[use.index].to_numpy()[lagging]).sum()
        total += lagging.sum()
    assert right / total > 0.85


def test_adoption_without_an_effect_use_of_neither_means_anything():
    """In worlds without it neither workflow's use explains minutes."""
    worlds = made(effects={"measure.adoption": 0.0})
    for workflow in WORKFLOWS:
        _, slope, error = surrogate(worlds, workflow)
        assert abs(slope) < 3 * error


@pytest.mark.parametrize("settings", [{"industry": "retail"}, {"regions": ("GB",)}, {"effect": 0.0}])
def test_tables_are_canonical(settings):
    """Schemas hold, every case is inside the history, and people and teams exist."""
    world = generate(WorldSettings(seed=1, customers=200, **settings), domains=["workflows"])
    validate("actions", world["actions"])
    assert world["actions"]["acted_at"].max() < WorldSettings().end
    assert world["actions"]["staff_id"].isin(world["staff"]["staff_id"]).all()
    assert world["actions"]["subject_id"].isin(world["units"]["unit_id"]).all()
