"""The probes' readings hold the planted delays; what systems declare does not."""

import numpy as np
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(8)


def world(seed: int, **settings):
    return generate(WorldSettings(seed=seed, **({"customers": 200} | settings)), domains=["networks"])


@pytest.fixture(scope="module")
def worlds():
    """Eight worlds."""
    return [world(seed) for seed in SEEDS]


def delays(tables):
    """Delay (ms) of each reading, by the name of its line in the truth."""
    rows = tables["src_iot_readings"]
    delay = 1000 * (rows["received_at"].astype(float) - rows["measured_at"].astype(float))
    line = rows["device_id"].str.split(" ").str[1] + " " + rows["metric"].str.removeprefix("trip ")
    return delay.set_axis(line)


def quantiles(tables, share):
    """Empirical quantile (ms) of each line."""
    return delays(tables).groupby(level=0).quantile(share)


def truth(tables, mark):
    rows = tables["truth_parameters"].query("play == 'unify.edge_or_central'")
    name = rows["name"].str.split(": ", expand=True)
    return rows[name[1] == mark].set_axis(name.loc[name[1] == mark, 0])["value"]


def test_tables_keep_their_schemas(worlds):
    """Systems and readings pass their declarations."""
    for name in ("systems", "src_iot_readings"):
        validate(name, worlds[0][name])


@pytest.mark.parametrize(("mark", "share"), [("median", 0.5), ("99th percentile", 0.01)])
def test_edge_or_central_recovers_the_delays(worlds, mark, share):
    """Of each line's readings, the share above the planted quantile is what it says, within sampling error."""
    above = np.mean(
        [(delays(t) > delays(t).index.map(truth(t, mark))).groupby(level=0).mean() for t in worlds], axis=0
    )
    error = np.sqrt(share * (1 - share) / (450 * len(worlds)))
    assert np.abs(above - share).max() < 4 * error
    assert np.abs((above - share).mean()) < 4 * error / np.sqrt(len(above))


def sojourn_ms(system, share):
    """Quantile of the time in an M/M/1 queue at a load of one half, ms."""
    return -np.log(1 - share) / (system["capacity_rps"] / 2) * 1000


def test_edge_or_central_declared_delays_approve_what_breaks_the_target(worlds):
    """By declared trips the headquarters answer all markets within 100 ms; far markets really need several times it."""
    for tables in worlds:
        central = tables["systems"].set_index("system_id").loc["central computing"]
        assert 2 * central["network_ms"] + sojourn_ms(central, 0.99) < 100
        real = truth(tables, "99th percentile")
        assert 2 * real["R5 to central"] + sojourn_ms(central, 0.99) > 300
        assert real["R5 to edge"] < 10
        mean = quantiles(tables, 0.5)["R1 to central"]
        assert 2 * mean < 100


def test_edge_or_central_without_the_plant_trips_are_as_declared():
    """Without the plant every line's 99th percentile is within a tenth of what is declared."""
    for seed in SEEDS:
        tables = world(seed, effects={"unify.edge_or_central": 0})
        declared = dict(zip(("edge", "regional", "central"), (2.0, 12.0, 18.0), strict=True))
        p99 = quantiles(tables, 0.99)
        ratio = p99 / p99.index.str.split(" to ").str[1].map(declared)
        assert ratio.between(1.0, 1.12).all()


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_other_worlds_hold_together(effect):
    """One market, no effect and thrice the effect give valid tables."""
    tables = world(3, regions=("BR",), effect=effect, industry="software")
    validate("src_iot_readings", tables["src_iot_readings"])
    validate("systems", tables["systems"])
