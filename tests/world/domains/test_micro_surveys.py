"""Weights undo the silence that depends on what is on file; what depends on the answer itself needs bounds."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY, LOOP = "design.micro_survey", "design.closed_loop"


def asked(world, instrument):
    """Everybody who was asked, with what is on file, the answer and the true one."""
    frame = world["surveys"].query("instrument == @instrument")
    frame = frame.merge(
        world["customers"][["customer_id", "tier", "preferred_channel", "region_id"]], on="customer_id"
    )
    true = truth(world, "truth_outcomes", PLAY).set_index("subject")["value"]
    frame["true"] = frame["survey_id"].map(true)
    order = frame.sort_values("sent_at")
    frame["again"] = order.groupby("customer_id")["sent_at"].diff().dt.days.lt(90).reindex(frame.index)
    return frame


def errors(world, instrument):
    """Error of the respondents' mean and of the weighted mean; standard error of the latter."""
    frame = asked(world, instrument)
    answered = frame["score"].notna()
    x = pd.get_dummies(frame[["tier", "preferred_channel", "region_id"]], drop_first=True, dtype=float)
    x = sm.add_constant(x.assign(again=frame["again"].astype(float)))
    chance = sm.GLM(answered.astype(float), x, sm.families.Binomial()).fit().predict(x)
    weight = (1 / chance)[answered]
    score, target = frame.loc[answered, "score"], frame["true"].mean()
    mean = np.average(score, weights=weight)
    spread = np.sqrt(((weight * (score - mean)) ** 2).sum()) / weight.sum()
    return score.mean() - target, mean - target, spread


def test_micro_survey_recovers_satisfaction_by_weighting_where_silence_is_on_file():
    """Inverse response propensities bring the text message's mean to that of all who were asked, in every seed."""
    found = np.array([errors(voices(seed), "micro text") for seed in SEEDS])
    assert (np.abs(found[:, 1]) < 3 * found[:, 2]).all()
    assert abs(found[:, 1].mean()) < 2.5 * found[:, 2].mean() / np.sqrt(len(SEEDS))


def test_micro_survey_respondents_alone_flatter():
    """The plain mean of those who answer is too high in every seed, by many standard errors together."""
    found = np.array([errors(voices(seed), "micro text") for seed in SEEDS])
    assert found[:, 0].mean() > 5 * found[:, 2].mean() / np.sqrt(len(SEEDS))


def test_micro_survey_weights_do_not_help_where_silence_depends_on_the_answer():
    """By e-mail the weighted mean stays too high, bounds contain the truth, and reminded answers point to it."""
    for seed in SEEDS:
        world = voices(seed)
        _, weighted, spread = errors(world, "micro mail")
        assert weighted > 3 * spread
        frame = asked(world, "micro mail")
        low, high = frame["score"].fillna(0).mean(), frame["score"].fillna(10).mean()
        assert low < frame["true"].mean() < high
    both = pd.concat([asked(voices(seed), "micro mail") for seed in SEEDS])
    wave = both.groupby("wave_no")["score"].mean()
    assert wave[2.0] < wave[1.0] - 0.1


def test_micro_survey_has_no_bias_without_the_effect():
    """With the size at nothing respondents are like the others, in both instruments."""
    for instrument in ("micro text", "micro mail"):
        found = np.array([errors(voices(seed, effect=0.0), instrument) for seed in (9, 10)])
        assert (np.abs(found[:, 0]) < 3.5 * found[:, 2]).all()


def told_or_not(world):
    """Answers about incidents: score, whether told, severity."""
    frame = world["surveys"].merge(world["tickets"], left_on="trigger_id", right_on="ticket_id")
    frame = frame[
        frame["instrument"].str.startswith("micro") & frame["score"].notna() & frame["incident_id"].notna()
    ]
    return frame.assign(told=frame["confirmed_at"].notna().astype(float))


def told_effect(frames):
    """Effect of being told with severity, tier and channel held, and its standard error."""
    frame = pd.concat(frames)
    x = pd.get_dummies(frame[["severity", "tier_at_open"]].astype(str), drop_first=True, dtype=float)
    fit = sm.OLS(frame["score"].to_numpy(), sm.add_constant(x.assign(told=frame["told"])).to_numpy()).fit()
    return fit.params[-1], fit.bse[-1]


def test_closed_loop_recovers_what_telling_the_customer_is_worth():
    """With severity held, those who were told are more satisfied by what was planted; without it, by more."""
    frames = [told_or_not(voices(seed)) for seed in SEEDS]
    effect, spread = told_effect(frames)
    planted = truth(voices(1), "truth_effects", LOOP)["size"].iloc[0]
    assert effect == pytest.approx(planted, abs=2.5 * spread)
    frame = pd.concat(frames)
    naive = frame.loc[frame["told"] == 1, "score"].mean() - frame.loc[frame["told"] == 0, "score"].mean()
    assert naive > effect + 0.1


def test_closed_loop_telling_is_worth_nothing_without_the_effect():
    """With the size at nothing the same estimate is zero up to its error."""
    effect, spread = told_effect([told_or_not(voices(seed, effect=0.0)) for seed in (9, 10)])
    assert abs(effect) < 3 * spread
