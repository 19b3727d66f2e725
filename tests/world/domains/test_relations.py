"""Falling scores split into who picks up and how; notes that were not written are part of the score."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.world.domains.relations import ERODES, ERODES_WITHIN_D, OPTIONAL_MONTHS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import SEEDS, truth, voices

EROSION, SCORE = "sustain.erosion_watch", "unify.intimacy_score"
END = WorldSettings().end


def scored(world):
    """Answers after contacts, with the team and whether a newcomer had the contact."""
    frame = world["surveys"].query("instrument == 'contact'").dropna(subset="score")
    frame = frame.merge(world["interactions"], left_on="trigger_id", right_on="interaction_id")
    frame = frame.merge(world["staff"], on="staff_id")
    frame["is_new"] = (frame["arrived_at"] - frame["hired_on"]).dt.days < 365
    frame["months_left"] = (END - frame["arrived_at"]).dt.days / 30.4
    return frame


def kitagawa(frame):
    """Change of each unit's mean from the first year and a half to the last nine months: total, mix, behaviour."""
    frame = frame[(frame["months_left"] > 18) | (frame["months_left"] < 9)]
    frame = frame.assign(late=frame["months_left"] < 9)
    cell = frame.groupby(["unit_id", "late", "is_new"])["score"].agg(["mean", "size"])
    cells = pd.crosstab(frame["unit_id"], [frame["late"], frame["is_new"]])
    cell = cell.loc[
        cells.index[(cells.min(axis=1) >= 12) & (cells.shape[1] == 4)]
    ]  # small teams cannot be split
    cell["share"] = cell["size"] / cell.groupby(["unit_id", "late"])["size"].transform("sum")
    early, late = (cell.xs(flag, level="late") for flag in (False, True))
    mix = ((late["share"] - early["share"]) * (late["mean"] + early["mean"]) / 2).groupby("unit_id").sum()
    behaviour = (
        ((late["mean"] - early["mean"]) * (late["share"] + early["share"]) / 2).groupby("unit_id").sum()
    )
    return pd.DataFrame({"mix": mix, "behaviour": behaviour, "total": mix + behaviour})


def planted_units(world):
    """Units whose behaviour eroded, and those where newcomers took over."""
    shifts = truth(world, "truth_shifts", EROSION)
    kinds = shifts.groupby("metric")["subject"].agg(set)
    return kinds["behaviour"], kinds["share of newcomers"]


def test_erosion_watch_recovers_what_changed_in_each_team():
    """The decomposition gives eroding teams the planted fall in behaviour, growing ones a fall in mix alone."""
    eroded, grown = [], []
    for seed in SEEDS:
        world = voices(seed)
        parts = kitagawa(scored(world))
        behaviour, newcomers = planted_units(world)
        eroded += parts.loc[parts.index.isin(behaviour), "behaviour"].tolist()
        grown.append(parts.loc[parts.index.isin(newcomers - behaviour)])
    grown = pd.concat(grown)
    error = np.std(eroded) / np.sqrt(len(eroded))
    assert np.mean(eroded) == pytest.approx(ERODES, abs=max(2.5 * error, 0.15))
    assert grown["mix"].mean() < -0.2
    assert abs(grown["behaviour"].mean()) < 0.5 * abs(grown["mix"].mean())


def test_erosion_watch_falling_averages_accuse_teams_that_only_grew():
    """Means of growing teams fall too: the fall alone cannot say which team lost its touch."""
    falls = []
    for seed in SEEDS:
        world = voices(seed)
        behaviour, newcomers = planted_units(world)
        falls.append(kitagawa(scored(world))["total"].filter(items=sorted(newcomers - behaviour)))
    falls = pd.concat(falls)
    assert falls.mean() < -3 * falls.std() / np.sqrt(len(falls))


def test_erosion_watch_chart_rings_soon_after_the_start():
    """A CUSUM of tenure-adjusted monthly means rings for the largest eroding team within half a year."""
    for seed in SEEDS:
        world = voices(seed)
        frame = scored(world)
        unit = truth(world, "truth_shifts", EROSION).query("metric == 'behaviour'")["subject"].iloc[0]
        start = truth(world, "truth_shifts", EROSION).query("metric == 'behaviour'")["start_at"].iloc[0]
        own = frame[frame["unit_id"] == unit].sort_values("arrived_at")
        old = own[own["months_left"] > 14]
        level = old.groupby("is_new")["score"].mean()
        rest = (own["score"] - own["is_new"].map(level)) / old["score"].std()
        month = rest.groupby((own["arrived_at"] - WorldSettings().start).dt.days // 30)
        z = month.mean() * np.sqrt(month.size())
        chart, rung = 0.0, None
        for k, value in z.items():
            chart = max(0.0, chart - value - 0.5)
            if chart > 4 and rung is None and k * 30 >= (start - WorldSettings().start).days - 30:
                rung = k
        assert rung is not None
        assert rung * 30 - (start - WorldSettings().start).days < ERODES_WITHIN_D + 105


def test_erosion_watch_finds_nothing_without_the_effect():
    """With the size at nothing no team's parts differ from zero by more than chance."""
    for seed in (9, 10):
        world = voices(seed, effect=0.0)
        frame = scored(world)
        parts = kitagawa(frame)
        late = frame[frame["months_left"] < 9].groupby("unit_id")["score"].agg(["std", "size"])
        z = parts["behaviour"] / (1.6 * late["std"] / np.sqrt(late["size"]))  # two bands, two periods
        assert z.abs().max() < 3.5


def meetings(world):
    """Meetings of account managers: load of the week, the noted mood, the true one, whether notes were optional."""
    kept = world["interactions"].query("interaction_id.str.startswith('RI')")
    week = (kept["arrived_at"] - WorldSettings().start).dt.days // 7
    count = week.value_counts()
    load = week.map(count / count.mean())
    frame = kept.assign(load=load)[kept["channel"] == "meeting"].set_index("interaction_id")
    text = world["notes"].query("kind == 'meeting note'").set_index("subject_id")["text"]
    noted = text.str.extract(r"(?i)mood:? (\d+)/10")[0].astype(float)
    frame["mood"] = noted.reindex(frame.index)
    frame["true"] = truth(world, "truth_outcomes", SCORE).set_index("subject")["value"]
    frame["optional"] = (END - frame["arrived_at"]).dt.days < OPTIONAL_MONTHS * 30.4
    return frame


def imputed(frame, rng, delta=0.0, m=20):
    """Mean of all meetings by multiple imputation on the load: estimate, half-width of its 95 % interval."""
    seen = frame["mood"].notna().to_numpy()
    x = sm.add_constant(frame["load"].to_numpy())
    fit = sm.OLS(frame["mood"].to_numpy()[seen], x[seen]).fit()
    means = []
    for _ in range(m):
        sigma = np.sqrt(fit.ssr / rng.chisquare(fit.df_resid))
        beta = rng.multivariate_normal(fit.params, fit.normalized_cov_params * sigma**2)
        filled = frame["mood"].to_numpy().copy()
        filled[~seen] = x[~seen] @ beta + rng.normal(0, sigma, (~seen).sum()) + delta
        means.append(filled.mean())
    return np.mean(means), 2.09 * np.sqrt((1 + 1 / m) * np.var(means, ddof=1))


@pytest.fixture(scope="module")
def many():
    """Meetings of twenty small worlds."""
    made = (
        generate(WorldSettings(seed=seed, customers=200), domains=["relations"]) for seed in range(100, 120)
    )
    return [meetings(world) for world in made]


def test_intimacy_score_recovers_the_full_score_by_imputation_on_load(many):
    """While notes were asked for, intervals of multiple imputation cover the mean of all meetings about 19 in 20 times."""
    rng = np.random.default_rng(1)
    hits = 0
    for frame in many:
        part = frame[~frame["optional"]]
        estimate, half = imputed(part, rng)
        hits += abs(estimate - part["true"].mean()) <= half
    assert hits >= 16  # 19 expected, P(< 16) < 0.01


def test_intimacy_score_written_notes_alone_flatter(many):
    """The mean of what was written is too high in nearly every world."""
    gaps = [(f.loc[~f["optional"], "mood"].mean() - f.loc[~f["optional"], "true"].mean()) for f in many]
    assert np.mean(np.array(gaps) > 0) >= 0.9
    assert np.mean(gaps) > 0.05


def test_intimacy_score_needs_the_delta_when_bad_meetings_go_unwritten(many):
    """In the last year imputation on load stays too high; with the planted delta its intervals cover again."""
    rng = np.random.default_rng(2)
    delta = truth(voices(1), "truth_parameters", SCORE).set_index("name")["value"][
        "delta of unwritten notes, last year"
    ]
    plain, shifted = 0, 0
    for frame in many:
        part = frame[frame["optional"]]
        target = part["true"].mean()
        estimate, half = imputed(part, rng)
        plain += abs(estimate - target) <= half
        estimate, half = imputed(part, rng, delta)
        shifted += abs(estimate - target) <= half
    assert plain <= 4
    assert shifted >= 16


def test_intimacy_score_is_complete_without_the_effect():
    """With the size at nothing what is written is like what is not."""
    for seed in (9, 10):
        frame = meetings(voices(seed, effect=0.0))
        noted, unwritten = frame.loc[frame["mood"].notna(), "true"], frame.loc[frame["mood"].isna(), "true"]
        error = np.hypot(noted.std() / np.sqrt(len(noted)), unwritten.std() / np.sqrt(len(unwritten)))
        assert abs(noted.mean() - unwritten.mean()) < 3 * error
