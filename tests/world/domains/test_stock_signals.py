"""Who knows that readings repeat a fault stops in time; a sequential test for independent ones does not."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)
WAIT, LOSS = 2.0, 60.0


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("stock_signals", seed) for seed in SEEDS]


def cases(tables, feed):
    """Readings (orders, 8) in order of arrival, and whether the count was right, as outcomes tell."""
    events = tables["events"].query("event_type == 'stock_reading' and system_id == @feed")
    wide = events.sort_values("received_at").groupby("subject_id")["value"].agg(list)
    outcome = tables["decisions"].query("decision_type == 'order release'").set_index("subject_id")["outcome"]
    return np.array(wide.tolist()), outcome[wide.index].str.endswith("in stock").to_numpy()


def fitted(readings, right):
    """Distance of the means from 0, variance shared by readings of an order, own variance."""
    sign = np.where(right, 1, -1)[:, None]
    centre = (sign * readings).mean()
    cov = np.cov((readings - sign * centre).T)
    shared = (cov.sum() - np.trace(cov)) / (cov.size - len(cov))
    return centre, max(shared, 0.0), np.trace(cov) / len(cov) - max(shared, 0.0)


def outcome_of(readings, right, stop, says):
    """Mean cost, and error rate, of stopping after `stop` readings and deciding `says`."""
    wrong = says != right
    return (WAIT * stop + LOSS * wrong), wrong


def sprt(readings, right, centre, shared, own):
    """Wald's test at 5 %, for independent readings with the variance that single readings have."""
    ratio = np.cumsum(2 * centre * readings / (shared + own), axis=1)
    stops = np.abs(ratio) >= np.log(19)
    stop = np.where(stops.any(axis=1), stops.argmax(axis=1), readings.shape[1] - 1)
    return outcome_of(readings, right, stop + 1, ratio[np.arange(len(right)), stop] > 0)


def stopping(readings, right, centre, shared, own):
    """Backward induction over the mean of the first k readings, which share an error."""
    grid, (nodes, weights) = np.linspace(-5, 5, 201), np.polynomial.hermite_e.hermegauss(21)
    weights = weights / weights.sum()
    last = readings.shape[1]

    def chance(k):
        return 1 / (1 + np.exp(-2 * centre * grid / (shared + own / k)))

    value, goes_on = LOSS * np.minimum(chance(last), 1 - chance(last)), {}
    for k in range(last - 1, 0, -1):
        keeps = shared / (shared + own / k)
        sd = np.sqrt(own + shared * (1 - keeps))
        ahead = 0.0
        for sign, p in ((1, chance(k)), (-1, 1 - chance(k))):
            mean = sign * centre + keeps * (grid - sign * centre)
            after = (k * grid[:, None] + mean[:, None] + sd * nodes) / (k + 1)
            ahead = ahead + p * (np.interp(after, grid, value) @ weights)
        now = LOSS * np.minimum(chance(k), 1 - chance(k))
        goes_on[k] = ahead + WAIT < now
        value = np.minimum(now, ahead + WAIT)
    means = np.cumsum(readings, axis=1) / np.arange(1, last + 1)
    stop = np.full(len(right), last)
    for k in range(last - 1, 0, -1):
        stop = np.where(np.interp(means[:, k - 1], grid, goes_on[k].astype(float)) < 0.5, k, stop)
    return outcome_of(readings, right, stop, means[np.arange(len(right)), stop - 1] > 0)


def on_new_cases(tables, feed, policy):
    """Costs and errors of a policy on the second half of cases, fitted on the first."""
    readings, right = cases(tables, feed)
    half = len(right) // 2
    return policy(readings[half:], right[half:], *fitted(readings[:half], right[:half]))


def test_tables_keep_their_schemas(worlds):
    """Events and decisions pass their declarations; the truth agrees with the outcomes."""
    for name in ("events", "decisions"):
        validate(name, worlds[0][name])
    labels = worlds[0]["truth_labels"].query("play == 'unify.accuracy_or_speed'").set_index("key")["value"]
    outcome = worlds[0]["decisions"].set_index("subject_id")["outcome"]
    assert (outcome.str.endswith("in stock") == (labels.reindex(outcome.index) == "right")).all()


def test_accuracy_or_speed_the_shared_error_is_recovered(worlds):
    """Covariances within an order give the planted correlation of the warehouse feed, and none for the scanner."""
    parameters = (
        worlds[0]["truth_parameters"].query("play == 'unify.accuracy_or_speed'").set_index("name")["value"]
    )
    truth = parameters["correlation of two readings, warehouse feed"]
    for feed, planted in (("warehouse feed", truth), ("scanner", 0.0)):
        fits = [fitted(*cases(tables, feed)) for tables in worlds]
        assert np.mean([shared / (shared + own) for _, shared, own in fits]) == pytest.approx(
            planted, abs=0.06
        )


def test_accuracy_or_speed_wald_holds_on_independent_readings(worlds):
    """On the scanner the sequential test errs no more often than Wald's bound."""
    wrong = np.concatenate([on_new_cases(tables, "scanner", sprt)[1] for tables in worlds])
    assert wrong.mean() < 0.05 / 0.95 + 2 * np.sqrt(0.05 / len(wrong))


def test_accuracy_or_speed_wald_fails_and_stopping_costs_less_on_shared_errors(worlds):
    """On the warehouse feed the sequential test errs several times too often, and stopping costs less."""
    wald = [on_new_cases(tables, "warehouse feed", sprt) for tables in worlds]
    stop = [on_new_cases(tables, "warehouse feed", stopping) for tables in worlds]
    assert np.concatenate([wrong for _, wrong in wald]).mean() > 3 * 0.05
    saved = np.concatenate([a - b for (a, _), (b, _) in zip(wald, stop, strict=True)])
    assert saved.mean() > 2 * saved.std() / np.sqrt(len(saved))
    assert saved.mean() > 0.08 * np.concatenate([cost for cost, _ in wald]).mean()


def test_accuracy_or_speed_without_the_plant_both_feeds_are_independent():
    """Without the plant Wald's bound holds on the warehouse feed too."""
    worlds = [drawn("stock_signals", seed, effects={"unify.accuracy_or_speed": 0}) for seed in SEEDS]
    wrong = np.concatenate([on_new_cases(tables, "warehouse feed", sprt)[1] for tables in worlds])
    assert wrong.mean() < 0.05 / 0.95 + 2 * np.sqrt(0.05 / len(wrong))


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["stock_signals"],
    )
    for name in ("events", "decisions"):
        validate(name, tables[name])
