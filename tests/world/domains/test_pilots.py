"""The new way of working is found against areas that wait; before and after mix it with work that grows."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.world.domains.pilots import DISRUPTED_WEEKS, STEP, STEPS, TAIL
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_programmes import tables_of

PLAY = "sustain.pilot_rollout"
FIRST = TAIL + STEP * STEPS  # weeks before the end of the first step


def contacts(seed, size=1.0):
    """Handled contacts of the pilot's customers since a step before the first: area, step, weeks since, log work."""
    settings = WorldSettings(seed=seed, customers=2500, effects={PLAY: size})
    tables = tables_of(settings, ("enrolments", "service"))
    rows = tables["assignments"].query("initiative_id == 'IN-desk'")
    calls = (
        tables["interactions"]
        .dropna(subset=["handle_s"])
        .merge(
            rows[["subject_id", "cluster_id", "design", "starts_at"]],
            left_on="customer_id",
            right_on="subject_id",
        )
    )
    left = (settings.end - calls["arrived_at"]).dt.total_seconds() / 604_800
    since = (calls["arrived_at"] - calls["starts_at"]).dt.total_seconds() / 604_800
    calls = calls.assign(
        step=np.ceil((FIRST - left) / STEP).astype(int),
        since=since,
        log=np.log(calls["handle_s"].clip(lower=1)),
    )
    return calls[left < FIRST + STEP], tables["truth_effects"].query("play == @PLAY").set_index("action")[
        "size"
    ]


@pytest.fixture(scope="module")
def pilots():
    """Five worlds with a pilot."""
    return [contacts(seed) for seed in range(5)]


def wedge(calls):
    """Disruption and effect with an effect for each area and each step (Hussey and Hughes), clustered by area."""
    calls = calls[calls["design"] == "random"]
    new = pd.DataFrame(
        {
            "disruption": ((calls["since"] >= 0) & (calls["since"] < DISRUPTED_WEEKS)).astype(float),
            "new desk": (calls["since"] >= DISRUPTED_WEEKS).astype(float),
        }
    )
    fixed = pd.get_dummies(calls[["cluster_id", "step"]].astype(str), drop_first=True)
    design = sm.add_constant(pd.concat([new, fixed], axis=1).astype(float))
    groups = pd.factorize(calls["cluster_id"])[0]
    fit = sm.OLS(calls["log"].to_numpy(), design.to_numpy()).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    return fit.params[1:3], fit.bse[1:3]


def test_pilot_rollout_recovers_disruption_and_effect(pilots):
    """Pooled over five worlds, both are found, and worlds differ no more than their errors say."""
    found, error = (np.array(part) for part in zip(*[wedge(calls) for calls, _ in pilots], strict=True))
    truth = pilots[0][1][["disruption", "new desk"]].to_numpy()
    pooled_error = np.sqrt((error**2).sum(axis=0)) / len(pilots)
    assert (abs(found.mean(axis=0) - truth) < 3 * pooled_error + 0.01).all()


def test_pilot_rollout_before_and_after_mixes_in_work_that_grows(pilots):
    """The change within areas is far smaller than the effect, as work grew in the same weeks."""
    for calls, truth in pilots:
        rows = calls[calls["design"] == "random"]
        after = rows["since"] >= DISRUPTED_WEEKS
        naive = (
            rows[after].groupby("cluster_id")["log"].mean()
            - rows[rows["since"] < 0].groupby("cluster_id")["log"].mean()
        ).mean()
        assert naive > truth["new desk"] + 0.05


def test_pilot_rollout_showcase_overstates(pilots):
    """The area that was shown around has far shorter contacts than those that wait, mostly for other reasons."""
    for calls, truth in pilots:
        early = calls[calls["step"] == 0]
        gap = early[early["design"] == "chosen"]["log"].mean() - early[early["since"] < 0]["log"].mean()
        assert gap < truth["new desk"] - 0.1


def test_pilot_rollout_order_is_by_lot_and_two_areas_a_step(pilots):
    """Every step has two areas, and every area one beginning."""
    calls = pilots[0][0].query("design == 'random'")
    starts = calls.groupby("cluster_id")["starts_at"].unique()
    assert starts.map(len).eq(1).all()
    assert starts.map(lambda s: s[0]).value_counts().eq(2).all()


def test_pilot_rollout_finds_nothing_where_nothing_is_planted():
    """Without the effect neither disruption nor effect is found."""
    found, error = wedge(contacts(5, size=0.0)[0])
    assert (abs(found) < 3.5 * error).all()
