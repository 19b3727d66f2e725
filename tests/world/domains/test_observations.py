"""Each environment has its own best instrument; shops are judged fairly once shoppers' severity is taken out."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from playbook.world.domains.observations import ENVIRONMENTS, INSTRUMENTS, QUALITY_SHOWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import truth

PLAN, SHOPPING = "design.research_plan", "design.mystery_shopping"
SEEDS = tuple(range(1, 9))
BEST = dict(zip(ENVIRONMENTS, ("field observation", "digital tracking", "active feedback"), strict=True))


@pytest.fixture(scope="module")
def worlds():
    """Eight worlds; places are the same in every market and size, so small ones do."""
    return [generate(WorldSettings(seed=seed, customers=200), domains=["observations"]) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds without gaps, and with shops and shoppers alike."""
    off = {PLAN: 0, SHOPPING: 0}
    return [
        generate(WorldSettings(seed=s, customers=200, effects=off), domains=["observations"]) for s in (9, 10)
    ]


def measured(world, *, raw=False):
    """One row a place: each instrument's figure (larger is better), kind, whether it has a gap."""
    sites = world["sites"].query("site_id.str.startswith('SP')").set_index("site_id")
    watched = world["ratings"].query("exercise == 'field observation'").groupby("subject_id")["score"].mean()
    events = world["events"].groupby(["event_type", "subject_id"])["value"].mean()
    answers = world["surveys"].query("instrument == 'place'").dropna(subset="score")
    region = answers["trigger_id"].map(sites["region_id"])
    score = answers["score"] if raw else answers["score"] - answers.groupby(region)["score"].transform("mean")
    frame = pd.DataFrame(
        {
            "field observation": watched,
            "digital tracking": events["site tracking"],
            "passive signals": events["site signals"],
            "active feedback": score.groupby(answers["trigger_id"]).mean(),
        }
    ).reindex(sites.index)
    frame["kind"] = sites["kind"]
    frame["gap"] = frame.index.isin(truth(world, "truth_labels", PLAN)["key"])
    return frame


def auc(frame, instrument):
    """Chance that a place with a gap scores lower than one without."""
    known = frame[frame[instrument].notna()]
    rank, gap = rankdata(-known[instrument]), known["gap"].to_numpy()
    return (rank[gap].sum() - gap.sum() * (gap.sum() + 1) / 2) / (gap.sum() * (~gap).sum())


def test_research_plan_recovers_the_best_instrument_of_each_environment(worlds):
    """The area under the curve puts the planted instrument first in nearly every environment and seed."""
    right = 0
    for world in worlds:
        frame = measured(world)
        for kind, best in BEST.items():
            own = frame[frame["kind"] == kind]
            right += max(INSTRUMENTS, key=lambda name, own=own: auc(own, name)) == best
    assert right >= 0.9 * len(worlds) * len(BEST)


def test_research_plan_one_instrument_for_all_is_wrong_somewhere(worlds):
    """The instrument that is best over all places is beaten clearly in at least one environment of every world."""
    for world in worlds:
        frame = measured(world)
        overall = max(INSTRUMENTS, key=lambda name: auc(frame, name))
        lost = [
            auc(frame[frame["kind"] == k], best) - auc(frame[frame["kind"] == k], overall)
            for k, best in BEST.items()
        ]
        assert max(lost) > 0.1


def test_research_plan_raw_answers_rank_markets(worlds):
    """Asked places compared across markets show gaps less well than within a market."""
    fair = [auc(measured(w)[lambda f: f["kind"] == "trade counter"], "active feedback") for w in worlds]
    raw = [
        auc(measured(w, raw=True)[lambda f: f["kind"] == "trade counter"], "active feedback") for w in worlds
    ]
    assert np.mean(fair) > np.mean(raw) + 0.05


def test_research_plan_finds_nothing_without_the_effect(quiet):
    """With the size at nothing no place has a gap, and markets answer alike."""
    for world in quiet:
        assert truth(world, "truth_labels", PLAN).empty
        frame = measured(world, raw=True)
        region = world["sites"].set_index("site_id")["region_id"].reindex(frame.index)
        mean = frame["active feedback"].groupby(region).mean()
        error = frame["active feedback"].std() / np.sqrt(region.value_counts().reindex(mean.index))
        assert ((mean - mean.mean()).abs() / error).max() < 3.5


def sheets(world):
    """Mystery visits, one row a visit, criteria as columns."""
    rows = world["ratings"].query("exercise == 'mystery shopping'")
    return rows.pivot_table(
        index=["subject_id", "rater_id", "round_no"], columns="item_code", values="score"
    ).reset_index()


RELIABLE = ["greeted", "listened", "knew the range"]


def crossed(world):
    """Shops and shoppers by least squares on the mean of reliable criteria: adjusted and raw means of shops."""
    visits = sheets(world)
    score = visits[RELIABLE].mean(axis=1)
    x = pd.get_dummies(visits[["subject_id", "rater_id"]], dtype=float)
    shops = [name for name in x if name.startswith("subject")]
    # Ridge on shops only: visits are few, and shops with the same shoppers must stay apart.
    penalty = np.diag([0.8 if name in shops else 0.05 for name in x])
    solved = np.linalg.solve(x.T @ x + penalty, x.T @ (score - score.mean()))
    effect = pd.Series(solved, index=x.columns)
    shop = effect[shops].set_axis([name.removeprefix("subject_id_") for name in shops])
    shopper = -effect.drop(shops)
    shopper.index = shopper.index.str.removeprefix("rater_id_")
    return shop, shopper, score.groupby(visits["subject_id"]).mean()


def test_mystery_shopping_recovers_severity_and_quality(worlds):
    """Crossed effects give the severity of shoppers and rank shops better than raw means do."""
    gain, severity = [], []
    for world in worlds:
        shop, shopper, raw = crossed(world)
        quality = truth(world, "truth_outcomes", SHOPPING).set_index("subject")["value"]
        planted = truth(world, "truth_raters", SHOPPING).set_index("rater")["severity"]
        severity.append(np.corrcoef(shopper, planted.reindex(shopper.index))[0, 1])
        fair = spearmanr(shop, quality.reindex(shop.index))[0]
        gain.append((fair, spearmanr(raw, quality.reindex(raw.index))[0]))
    fair, raw = np.array(gain).T
    assert min(severity) > 0.8
    assert fair.mean() > 0.75
    assert fair.mean() > raw.mean() + 0.12


def test_mystery_shopping_raw_means_call_the_wrong_shops_bad(worlds):
    """Of the ten worst shops by raw mean, fewer are among the truly worst than by crossed effects."""
    hits = np.zeros(2)
    for world in worlds:
        shop, _, raw = crossed(world)
        worst = set(
            truth(world, "truth_outcomes", SHOPPING).set_index("subject")["value"].nsmallest(10).index
        )
        hits += [len(worst & set(shop.nsmallest(10).index)), len(worst & set(raw.nsmallest(10).index))]
    assert hits[0] > 1.2 * hits[1]


def test_mystery_shopping_recovers_which_criteria_are_noise(worlds):
    """Two criteria say nothing about the shop: with shopper's means out, they do not follow the others."""
    visits = pd.concat([sheets(w).assign(world=k) for k, w in enumerate(worlds)])
    items = ["greeted", "listened", "knew the range", "tidy", "smiled"]
    inside = visits[items] - visits.groupby(["world", "rater_id"])[items].transform("mean")
    shop = inside.groupby([visits["world"], visits["subject_id"]]).mean()
    shows = {name: shop[name].corr(shop[[o for o in RELIABLE if o != name]].mean(axis=1)) for name in items}
    for name, planted in zip(items, QUALITY_SHOWS, strict=True):
        assert (shows[name] > 0.4) == (planted > 0)


def test_mystery_shopping_gate_finds_every_breach(worlds):
    """Names noted where the law forbids it are exactly the planted breaches."""
    for world in worlds:
        rules = world["rules"].query("ruleset == 'mystery shopping'")
        allowed = {
            j: json.loads(o)["allowed"]
            for j, o in zip(rules["jurisdiction"], rules["outcome_json"], strict=True)
        }
        law = world["sites"].merge(world["regions"], on="region_id").set_index("site_id")["jurisdiction"]
        named = world["ratings"].query("item_code == 'noted a name' and score == 1")
        broke = named[~named["subject_id"].map(law).map(allowed).astype(bool)]
        assert set(broke["rating_id"]) == set(truth(world, "truth_labels", SHOPPING)["key"])


def test_mystery_shopping_shops_are_alike_without_the_effect(quiet):
    """With the size at nothing shops differ no more than visits allow, and shoppers are equally severe."""
    for world in quiet:
        visits = sheets(world)
        score = visits[RELIABLE].mean(axis=1)
        for by in ("subject_id", "rater_id"):
            groups = score.groupby(visits[by]).agg(["mean", "size"])
            z = (groups["mean"] - score.mean()) / (score.std() / np.sqrt(groups["size"]))
            assert (z**2).mean() < 1.7
