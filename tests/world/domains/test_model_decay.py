"""Drift of inputs, of rules, and by age is found on its date by the method that looks at the right thing."""

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)
PLAY = "measure.model_drift"


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("model_decay", seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def plain_worlds():
    """Four worlds without the plant."""
    return [drawn("model_decay", seed, effects={PLAY: 0}) for seed in range(4)]


def answers(tables, model):
    """Answers of a model with inputs, log-odds and whole weeks before the end."""
    rows = tables["model_scores"]
    rows = rows[rows["model_version_id"].str.startswith(model)]
    inputs = pd.DataFrame([json.loads(text) for text in rows["features_json"]], index=rows.index)
    left = (WorldSettings(seed=0).end - rows["scored_at"]).dt.total_seconds() / 604_800
    return rows.assign(**inputs, left=left, log_odds=np.log(rows["score"] / (1 - rows["score"])))


def psi(now, before, bins=10):
    """Population stability index of `now` against deciles of `before`."""
    edges = np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1])
    a, b = (np.bincount(np.searchsorted(edges, v), minlength=bins) / len(v) + 1e-4 for v in (now, before))
    return ((a - b) * np.log(a / b)).sum()


def weekly_psi(rows, column, weeks, reference):
    """PSI of four weeks that end `w` weeks before the end, against the reference weeks (from, to)."""
    base = rows.loc[(rows["left"] < reference[0]) & (rows["left"] >= reference[1]), column]
    return np.array(
        [psi(rows.loc[(rows["left"] >= w) & (rows["left"] < w + 4), column], base) for w in weeks]
    )


def concept(rows):
    """Change of the weight of recency and of the level, by logistic regression with the model's log-odds as offset."""
    known = rows.dropna(subset="label")
    design = sm.add_constant(known[["recency_z"]])
    fit = sm.GLM(known["label"], design, family=sm.families.Binomial(), offset=known["log_odds"]).fit()
    return fit.params["recency_z"], fit.params["const"], fit.bse["recency_z"]


def shift(tables, metric):
    return tables["truth_shifts"].query("play == @PLAY and metric == @metric").iloc[0]


def weeks_left(tables, metric):
    return (WorldSettings(seed=0).end - shift(tables, metric)["start_at"]).days / 7


def test_tables_keep_their_schemas(worlds):
    """Versions and scores pass their declarations; labels come after scores."""
    for name in ("model_versions", "model_scores"):
        validate(name, worlds[0][name])
    rows = worlds[0]["model_scores"].dropna(subset="label")
    assert (rows["label_at"] > rows["scored_at"]).all()


def test_model_drift_inputs_are_seen_on_their_date(worlds):
    """PSI passes 0.2 within four weeks of the planted date, and not before."""
    for tables in worlds:
        rows = answers(tables, "reminder")
        date = weeks_left(tables, "mean of web_share_z")
        weeks = np.arange(60, 20, -1)
        index = weekly_psi(rows, "web_share_z", weeks, (78, 58))
        first = weeks[np.argmax(index > 0.2)]
        assert index[weeks >= date].max() < 0.2
        assert date - 5 <= first < date
        jump = (
            rows.loc[rows["left"] < date, "web_share_z"].mean()
            - rows.loc[rows["left"] >= date, "web_share_z"].mean()
        )
        assert jump == pytest.approx(shift(tables, "mean of web_share_z")["size"], abs=0.08)


def test_model_drift_changed_rules_are_seen_in_labels(worlds):
    """After the date the weight of recency is as planted, before it is what the model says."""
    for tables in worlds:
        rows = answers(tables, "reminder")
        date = weeks_left(tables, "weight of recency_z")
        weight, level, error = concept(rows[rows["left"] < date])
        assert abs(weight - shift(tables, "weight of recency_z")["size"]) < 3.5 * error
        assert level == pytest.approx(shift(tables, "level of the log-odds")["size"], abs=0.25)
        assert weight > 4 * error
        before = concept(rows[(rows["left"] >= date) & (rows["left"] < 30)])
        assert abs(before[0]) < 3.5 * before[2]


def test_model_drift_watching_inputs_misses_the_changed_rules(worlds):
    """Inputs and scores after the change of rules look as in the weeks before it."""
    for tables in worlds:
        rows = answers(tables, "reminder")
        for column in ("web_share_z", "recency_z", "score"):
            assert weekly_psi(rows, column, np.arange(0, 18), (44, 24)).max() < 0.12


def test_model_drift_unknown_outcomes_are_not_refusals(worlds):
    """Taking empty labels for a no shows an alarm in the last weeks that is none."""
    for tables in worlds:
        rows = answers(tables, "reminder")
        last = rows["left"] < 3.9
        assert rows.loc[last, "label"].isna().all()
        earlier = rows[(rows["left"] >= 5) & (rows["left"] < 20)]
        assert rows.loc[last, "label"].fillna(0).mean() < 0.2 * earlier["label"].mean()


def test_model_drift_the_launch_is_a_burst(worlds):
    """In the weeks of the launch answers exceed what the scores say by the planted log-odds; after them no more."""
    for tables in worlds:
        rows = answers(tables, "reminder")
        start = weeks_left(tables, "log-odds of the answer")
        burst = rows[(rows["left"] < start) & (rows["left"] >= start - 2)]
        after = rows[(rows["left"] < start - 2) & (rows["left"] >= start - 8)]
        assert concept(burst)[1] == pytest.approx(shift(tables, "log-odds of the answer")["size"], abs=0.6)
        assert abs(concept(after)[1]) < 0.35


def fade(tables):
    """Log-odds lost per week of age, and its error."""
    rows = answers(tables, "winback").dropna(subset="label")
    trained = tables["model_versions"].set_index("model_version_id")["trained_at"]
    age = (rows["scored_at"] - rows["model_version_id"].map(trained)).dt.days / 7
    fit = sm.GLM(rows["label"], sm.add_constant(age.rename("age")), family=sm.families.Binomial(),
                 offset=rows["log_odds"]).fit()  # fmt: skip
    return -fit.params["age"], fit.bse["age"]


def test_model_drift_recovers_how_fast_a_model_fades(worlds):
    """The loss per week of age is as planted; by calendar time no trend shows, because it is trained again."""
    found = [fade(tables) for tables in worlds]
    planted = worlds[0]["truth_parameters"].query("play == @PLAY")["value"].iloc[0]
    assert np.mean([size for size, _ in found]) == pytest.approx(planted, abs=0.006)
    assert min(size / error for size, error in found) > 3
    for tables in worlds:
        rows = answers(tables, "winback").dropna(subset="label")
        fit = sm.GLM(rows["label"], sm.add_constant(rows[["left"]]), family=sm.families.Binomial(),
                     offset=rows["log_odds"]).fit()  # fmt: skip
        assert abs(fit.params["left"]) < 0.5 * planted


def test_model_drift_without_the_plant_nothing_moves(plain_worlds):
    """Without the plant inputs, rules and calibration stay."""
    for tables in plain_worlds:
        rows = answers(tables, "reminder")
        assert weekly_psi(rows, "web_share_z", np.arange(0, 54), (78, 58)).max() < 0.15
        weight, level, error = concept(rows[rows["left"] < 22])
        assert abs(weight) < 4 * error
        assert abs(level) < 0.25
        size, error = fade(tables)
        assert abs(size) < 4 * error


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["model_decay"],
    )
    for name in ("model_versions", "model_scores"):
        validate(name, tables[name])
