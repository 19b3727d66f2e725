"""The planted cause, shares and mediator are found; the obvious suspects are not those."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.store.writing import validate
from playbook.world.domains.causes import THEMES
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "measure.root_cause"


def make(seed, customers=400, **kw):
    """A world with failing messages, joint failures and advice."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["causes"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds."""
    return [make(seed) for seed in range(5)]


def messages(world):
    """Attributes of every message, and whether it failed."""
    rows = (
        world["decisions"]
        .query("decision_type == 'personalised message'")
        .merge(world["customers"][["customer_id", "tier", "preferred_channel"]], on="customer_id")
    )
    template = "template " + rows["subject_id"].str.removeprefix("GT")
    return pd.DataFrame(
        {
            "template": template,
            "channel": rows["preferred_channel"],
            "tier": rows["tier"],
            "unit": rows["recommended"],
            "failed": rows["outcome"] == "failed",
        }
    )


def subgroups(rows):
    """Excess of failures times the root of the size, for every conjunction of up to two conditions."""
    base, quality = rows["failed"].mean(), {}
    columns = [c for c in rows if c != "failed"]
    for depth in (1, 2):
        for names in combinations(columns, depth):
            table = rows.groupby(list(names))["failed"].agg(["mean", "size"])
            for key, row in table.iterrows():
                condition = (key,) if depth == 1 else key
                quality[" & ".join(condition)] = np.sqrt(row["size"]) * (row["mean"] - base)
    return pd.Series(quality)


def mediation(world):
    """t of time, age, not used and wrong in a regression of satisfaction on all of them."""
    advice = world["decisions"].query("decision_type == 'advice'")
    score = world["surveys"].query("instrument == 'advice'").set_index("trigger_id")["score"]
    wrong = set(world["exceptions"].query("exception_type == 'wrong data'")["subject_id"])
    frame = pd.DataFrame(
        {
            "time": (advice["decided_at"] - WorldSettings().start).dt.days.to_numpy() / 1000,
            "late": np.log(advice["data_age_s"].to_numpy()),
            "unused": (advice["recommended"] != advice["outcome"]).to_numpy(dtype=float),
            "wrong": advice["decision_id"].isin(wrong).to_numpy(dtype=float),
            "score": score.reindex(advice["decision_id"]).to_numpy(),
        }
    ).dropna()
    names = ["time", "late", "unused", "wrong"]
    return sm.OLS(frame["score"], sm.add_constant(frame[names])).fit().tvalues[names], frame


def planted(world, kind):
    """The planted source of one kind."""
    return world["truth_structure"].query("play == @PLAY and kind == @kind")["source"].tolist()


def joint(world):
    """Joint failures: teams involved (a set) and loss."""
    parts = world["exceptions"].query("exception_type == 'part in a joint failure'")
    teams = parts.groupby("subject_id")["unit_id"].agg(frozenset)
    incidents = world["incidents"].query("kind == 'joint failure'").set_index("incident_id")
    return incidents.assign(teams=teams)


def shares(world):
    """Shapley shares of the three teams in a failure of all, from the mean loss of each set of teams."""
    value = joint(world).groupby("teams")["loss_amt"].mean().to_dict()
    units = sorted(set().union(*value))
    weight = {0: 1 / 3, 1: 1 / 6, 2: 1 / 3}
    total = {}
    for unit in units:
        others = [u for u in units if u != unit]
        sets = [frozenset(c) for k in range(3) for c in combinations(others, k)]
        total[unit] = sum(weight[len(s)] * (value[s | {unit}] - value.get(s, 0.0)) for s in sets)
    found = pd.Series(total)
    return found / found.sum()


def test_tables_keep_their_schemas(worlds):
    """Declared, and everything refers to something."""
    world = worlds[0]
    for table in ("decisions", "exceptions", "incidents", "surveys", "config_versions", "dependencies"):
        validate(table, world[table])
    known = set(world["decisions"]["decision_id"]) | set(world["incidents"]["incident_id"])
    assert set(world["exceptions"]["subject_id"]) <= known
    assert world["surveys"]["responded_at"].max() < WorldSettings().end


def test_root_cause_ranks_the_planted_subgroup_first(worlds):
    """Of all conjunctions of two conditions the planted one stands out most, in every seed."""
    for world in worlds:
        assert subgroups(messages(world)).idxmax() == planted(world, "cause")[0]


def test_root_cause_what_customers_say_points_to_the_cause(worlds):
    """The theme most over-represented after failures with the cause is the planted one; one component feeds it alone."""
    theme_of = {text: theme for theme, ways in THEMES.items() for text in ways}
    for world in worlds:
        said = world["surveys"].query("instrument == 'message' and text.notna()")
        rows = said.merge(
            world["decisions"], left_on="trigger_id", right_on="decision_id", suffixes=("", "_of")
        )
        rows = rows.merge(world["customers"][["customer_id", "preferred_channel"]], on="customer_id")
        failed = rows[rows["outcome"] == "failed"]
        is_cause = (failed["subject_id"] == "GTT5") & (failed["preferred_channel"] == "email")
        share = pd.crosstab(failed["text"].map(theme_of), is_cause, normalize="columns")
        assert [(share[True] - share[False]).idxmax()] == planted(world, "theme")
        feeds = world["dependencies"].query("kind == 'feeds'").set_index("to_id")["from_id"]
        assert (feeds == feeds["GTT5"]).sum() == 1


def test_root_cause_blames_an_innocent_team_when_teams_are_compared(worlds):
    """The team that sends the template fails most; within the cause teams do not differ."""
    z = []
    for world in worlds:
        rows = messages(world)
        by_team = rows.groupby("unit")["failed"].mean()
        assert by_team.max() > 1.5 * by_team.median()
        cause = rows[rows["template"].str.endswith("T5") & (rows["channel"] == "email")]
        inside = cause["unit"] == by_team.idxmax()
        gap = cause["failed"][inside].mean() - cause["failed"][~inside].mean()
        z.append(gap / np.sqrt(0.25 / inside.sum() + 0.25 / (~inside).sum()))
    assert abs(np.mean(z)) < 3 / np.sqrt(len(z))


def test_root_cause_recovers_the_shares_of_the_teams(worlds):
    """Shapley shares of the mean losses are the planted ones; they sum to the loss."""
    gaps = []
    for world in worlds:
        truth = world["truth_parameters"].query("play == @PLAY")
        truth = pd.Series(truth["value"].to_numpy(), truth["name"].str.split(": ").str[1])
        found = shares(world)
        assert found.sum() == pytest.approx(1)
        gaps.append((found - truth.loc[found.index]).to_numpy())
    assert np.abs(gaps).max() < 0.08
    assert np.abs(np.mean(gaps, axis=0)).max() < 0.02


def test_root_cause_the_last_in_the_chain_is_not_to_blame(worlds):
    """By the recorded cause, the team with the smallest planted share carries most."""
    for world in worlds:
        truth = world["truth_parameters"].query("play == @PLAY")
        truth = pd.Series(truth["value"].to_numpy(), truth["name"].str.split(": ").str[1])
        rows = joint(world)
        blamed = rows.groupby("cause_unit_id")["loss_amt"].sum() / rows["loss_amt"].sum()
        assert blamed[truth.idxmin()] > truth.min() + 0.15
        assert blamed[truth.idxmax()] < truth.max() - 0.15


def test_root_cause_finds_the_planted_mediator(worlds):
    """With time and all three in one regression, only the planted one lowers satisfaction."""
    drawn = set()
    for world in worlds:
        t, _ = mediation(world)
        mediator = planted(world, "mediator")[0]
        drawn.add(mediator)
        assert t[mediator] < -8
        assert (t.drop(mediator).abs() < 4).all()
    assert len(drawn) > 1


def test_root_cause_misleads_who_correlates_over_time(worlds):
    """Quarter by quarter, the innocent mediators go with falling satisfaction as well."""
    innocent = []
    for world in worlds:
        _, frame = mediation(world)
        quarters = frame.groupby(pd.qcut(frame["time"], 12)).mean()
        with_score = quarters[["late", "unused", "wrong"]].corrwith(quarters["score"])
        innocent += list(with_score.drop(planted(world, "mediator")))
    assert np.median(innocent) < -0.6


def test_root_cause_has_nothing_to_find_without_effect():
    """No subgroup stands out, teams share evenly, satisfaction does not fall."""
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        rows = messages(world)
        assert subgroups(rows).max() < 4.2 * np.sqrt(rows["failed"].mean())
        assert shares(world).to_numpy() == pytest.approx(np.full(3, 1 / 3), abs=0.06)
        assert (mediation(world)[0].abs() < 4).all()
        assert planted(world, "cause") == []
