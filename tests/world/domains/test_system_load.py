"""The record of load shows the planted peak and the planted breaking load to the right method only."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(6)
TARGET_S = 2.5


def world(seed: int, **settings):
    return generate(
        WorldSettings(seed=seed, **({"customers": 200} | settings)), domains=["system_load", "systems"]
    )


@pytest.fixture(scope="module")
def worlds():
    """Six worlds; load does not depend on the number of customers."""
    return [world(seed) for seed in SEEDS]


def parameters(tables, play):
    return tables["truth_parameters"].query("play == @play").set_index("name")["value"]


def scaling(tables, system):
    """Least squares of the universal scalability law: contention, crosstalk, rate alone."""
    load = tables["system_load"].query("system_id == @system and workload == 'all'")
    n, rate = load["concurrency"].to_numpy(), load["requests"].to_numpy() / 300
    fitted, _ = curve_fit(
        lambda n, s, k, g: g * n / (1 + s * (n - 1) + k * n * (n - 1)),
        n, rate, p0=(0.01, 1e-5, rate[0] / n[0]), bounds=(0, [1, 0.1, 100]),
    )  # fmt: skip
    return fitted


def test_tables_keep_their_schemas(worlds):
    """The load passes its declaration and belongs to known systems."""
    for tables in worlds:
        validate("system_load", tables["system_load"])
        assert set(tables["system_load"]["system_id"]) <= set(tables["systems"]["system_id"])


def test_architecture_review_recovers_the_peak(worlds):
    """The fitted law puts the CRM's peak where it was planted, on average and roughly in each world."""
    ratio = []
    for tables in worlds:
        sigma, kappa, _ = scaling(tables, "crm")
        truth = parameters(tables, "sustain.architecture_review")["crm: concurrency at the peak"]
        ratio.append(np.sqrt((1 - sigma) / kappa) / truth)
    assert np.mean(ratio) == pytest.approx(1, abs=0.08)
    assert np.max(np.abs(np.array(ratio) - 1)) < 0.25


def test_architecture_review_straight_line_sees_no_limit(worlds):
    """The line through the first year's throughput promises at the peak a third more than there will be."""
    for tables in worlds:
        truth = parameters(tables, "sustain.architecture_review")
        sigma, kappa, alone = (truth[f"crm: {name}"] for name in ("contention", "crosstalk", "alone"))
        peak = truth["crm: concurrency at the peak"]
        real = alone * peak / (1 + sigma * (peak - 1) + kappa * peak * (peak - 1))
        load = tables["system_load"].query("system_id == 'crm' and workload == 'all'").head(52)
        slope = (load["requests"] / 300).sum() / load["concurrency"].sum()
        assert slope * peak > 1.33 * real


def test_architecture_review_without_the_plant_scales():
    """Without the plant throughput is proportional to the requests in work: no crosstalk is found."""
    for seed in SEEDS:
        tables = world(seed, effects={"sustain.architecture_review": 0})
        sigma, kappa, _ = scaling(tables, "crm")
        assert sigma < 0.01
        assert kappa < 0.00002
        assert "crm: concurrency at the peak" not in parameters(tables, "sustain.architecture_review")


def percentile(rate, transactional, analytics, rng):
    """The 99th percentile (s) of transactions at a rate of analytics, simulated with lognormal services of the
    measured means and variation: a wrong family for analytics, as in practice.
    """
    kinds = []
    for of, row in ((3.0, transactional), (rate, analytics)):
        n = rng.poisson(of * 40_000)
        spread = np.sqrt(np.log1p(row["scv"]))
        kinds.append((rng.random(n) * 40_000, row["mean"] * np.exp(rng.normal(-(spread**2) / 2, spread, n))))
    at, service = (np.concatenate([kind[k] for kind in kinds]) for k in (0, 1))
    mine = np.arange(len(at)) < len(kinds[0][0])
    order = np.argsort(at)
    at, service, mine = at[order], service[order], mine[order]
    walk = np.concatenate([[0.0], np.cumsum(service[:-1] - np.diff(at))])
    return np.quantile((walk - np.minimum.accumulate(walk) + service)[mine], 0.99)


def services(tables, workload):
    load = tables["system_load"].query("workload == @workload")
    weight = load["requests"] / load["requests"].sum()
    mean = (load["service_mean_ms"] / 1000 * weight).sum()
    square = ((load["service_scv"] + 1) * (load["service_mean_ms"] / 1000) ** 2 * weight).sum()
    return {"mean": mean, "scv": square / mean**2 - 1}


def breaking(tables, rng):
    """The rate of analytics at which the simulated percentile, smoothed over rates, reaches the target."""
    short, long = services(tables, "transactional"), services(tables, "analytics")
    top = (1 - 3 * short["mean"]) / long["mean"]
    rates = np.linspace(0.3, 0.8, 26) * top
    p99 = [percentile(rate, short, long, rng) for rate in rates]
    smooth = np.polyval(np.polyfit(rates, np.log(p99), 2), np.linspace(rates[0], rates[-1], 500))
    return np.interp(np.log(TARGET_S), smooth, np.linspace(rates[0], rates[-1], 500))


def test_compute_allocation_simulation_recovers_the_breaking_load(worlds):
    """A simulation with measured means and variation finds the planted rate within a tenth."""
    ratio = []
    for seed, tables in enumerate(worlds[:5]):
        truth = parameters(tables, "unify.compute_allocation")["breaking load of analytics"]
        ratio.append(breaking(tables, np.random.default_rng(seed)) / truth)
    assert np.mean(ratio) == pytest.approx(1, abs=0.07)
    assert np.max(np.abs(np.array(ratio) - 1)) < 0.12


def test_compute_allocation_a_limit_on_means_breaks_the_percentile(worlds):
    """At the rate where the mean meets the target (Pollaczek-Khinchine), the percentile is missed by far."""
    for seed, tables in enumerate(worlds[:5]):
        short, long = services(tables, "transactional"), services(tables, "analytics")
        rates = np.linspace(0.02, 0.98, 97) * (1 - 3 * short["mean"]) / long["mean"]
        load = 3 * short["mean"] + rates * long["mean"]
        square = 3 * short["mean"] ** 2 * (1 + short["scv"]) + rates * long["mean"] ** 2 * (1 + long["scv"])
        mean = square / 2 / (1 - load) + short["mean"]
        limit = rates[mean < TARGET_S].max()
        assert limit > 1.3 * parameters(tables, "unify.compute_allocation")["breaking load of analytics"]
        assert percentile(limit, short, long, np.random.default_rng(seed)) > 2 * TARGET_S


def test_compute_allocation_without_the_plant_analytics_costs_nothing():
    """Without the plant transactions are as fast under much analytics as under little."""
    for seed in SEEDS:
        tables = world(seed, effects={"unify.compute_allocation": 0})
        load = (
            tables["system_load"]
            .query("workload != 'all'")
            .pivot(index="bucket_at", columns="workload", values="requests")
        )
        p99 = (
            tables["system_load"]
            .query("workload == 'transactional'")
            .set_index("bucket_at")["latency_p99_ms"]
        )
        r = np.corrcoef(load["analytics"].dropna(), p99.reindex(load["analytics"].dropna().index))[0, 1]
        assert abs(r) < 4 / np.sqrt(80)
        assert "breaking load of analytics" not in parameters(tables, "unify.compute_allocation")


def test_compute_allocation_record_agrees_with_pollaczek_khinchine(worlds):
    """The mean wait in the record is that of the formula at the recorded loads."""
    observed, expected = 0.0, 0.0
    for tables in worlds:
        load = tables["system_load"].query("workload != 'all'").pivot(index="bucket_at", columns="workload")
        short, long = services(tables, "transactional"), services(tables, "analytics")
        rate = load["requests"]["analytics"].fillna(0) / 300
        rho = 3 * short["mean"] + rate * long["mean"]
        square = 3 * short["mean"] ** 2 * (1 + short["scv"]) + rate * long["mean"] ** 2 * (1 + long["scv"])
        expected += (square / 2 / (1 - rho) + short["mean"]).mean() * 3
        observed += load["concurrency"]["transactional"].mean()
    assert observed == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_other_worlds_hold_together(effect):
    """No effect and thrice the effect give valid tables."""
    validate("system_load", world(3, effect=effect, months=60)["system_load"])
