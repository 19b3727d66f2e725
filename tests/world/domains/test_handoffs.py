"""The hand-offs that cost most are those that were planted, and not those that fail most."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, kendalltau

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "define.handoffs"


def make(seed, customers=400, **kw):
    """A world with installations."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["handoffs", "processes"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with weak hand-offs."""
    return [make(seed) for seed in range(5)]


def by_step(world):
    """Cases, failures, escapes and loss per step that takes over."""
    events = world["touchpoints"].query("not step_id.str.endswith('order entered')", engine="python")
    grouped = events.groupby("step_id")
    frame = pd.DataFrame(
        {
            "cases": grouped.size(),
            "failed": grouped["failed"].sum(),
            "escaped": (events["detected_by"] == "customer").groupby(events["step_id"]).sum(),
            "loss": world["exceptions"].groupby("step_id")["loss_amt"].sum(),
        }
    )
    return frame.fillna(0.0)


def planted(world, kind):
    """The planted figure of each step."""
    rows = world["truth_parameters"].query("play == @PLAY")
    rows = rows[rows["name"].str.startswith(kind + ": ")]
    return pd.Series(rows["value"].to_numpy(), rows["name"].str.removeprefix(kind + ": "))


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, ordered in time, inside the history."""
    world = worlds[0]
    for table in ("touchpoints", "exceptions"):
        validate(table, world[table])
    touchpoints = world["touchpoints"]
    assert world["exceptions"]["subject_id"].isin(touchpoints["touchpoint_id"]).all()
    assert touchpoints["step_id"].isin(world["process_steps"]["step_id"]).all()
    assert (touchpoints["started_at"] <= touchpoints["ended_at"]).all()
    assert touchpoints["ended_at"].max() < WorldSettings().end
    before = touchpoints.groupby("case_id")["ended_at"].shift()
    assert (touchpoints["started_at"] >= before)[before.notna()].all()


def test_handoffs_recovers_the_order_of_expected_loss(worlds):
    """Loss per case ranks the hand-offs as planted, and the worst is always found."""
    taus = []
    for world in worlds:
        found, true = by_step(world), planted(world, "expected loss of a case")
        loss = (found["loss"] / found["cases"]).loc[true.index]
        assert loss.idxmax() == true.idxmax()
        taus.append(kendalltau(loss, true).statistic)
        rate = (found["failed"] / found["cases"]).loc[true.index]
        rate_true = planted(world, "failure rate")
        assert (
            abs(rate - rate_true) < 4 * np.sqrt(rate_true * (1 - rate_true) / found.loc[true.index, "cases"])
        ).all()
    assert np.mean(taus) > 0.9


def test_handoffs_misleads_who_counts_failures_or_multiplies_ranks(worlds):
    """The most frequent failure is cheap, and a product of ordinal scales has another order than the loss."""
    tau_count, tau_rpn, wrong = [], [], []
    for world in worlds:
        found, true = by_step(world), planted(world, "expected loss of a case")
        found = found.loc[true.index]
        assert true[found["failed"].idxmax()] < 0.1 * true.max()
        severity = np.digitize(found["loss"] / found["escaped"], [5, 20, 50, 100, 200, 400, 800, 1600, 3200])
        occurrence = np.digitize(
            found["failed"] / found["cases"], [1e-5, 1e-4, 5e-4, 2e-3, 0.01, 0.02, 0.05, 0.1, 0.2]
        )
        detection = np.digitize(found["escaped"] / found["failed"], np.arange(0.1, 1.0, 0.1))
        rpn = pd.Series((severity + 1) * (occurrence + 1) * (detection + 1), found.index)
        tau_rpn.append(kendalltau(rpn, true).statistic)
        wrong.append(rpn.idxmax() != true.idxmax())
        tau_count.append(kendalltau(found["failed"], true).statistic)
    assert np.mean(tau_count) < 0
    assert np.mean(tau_rpn) < 0.85
    assert np.mean(wrong) > 0.5


def test_handoffs_are_all_alike_without_effect():
    """Failure rates do not differ by more than chance, nor do the planted losses."""
    p = []
    for seed in range(5):
        world = make(seed, effects={PLAY: 0})
        found = by_step(world)
        p.append(chi2_contingency(found[["failed"]].assign(fine=found["cases"] - found["failed"])).pvalue)
        assert np.ptp(planted(world, "expected loss of a case")) < 1e-9
    assert min(p) > 0.001
