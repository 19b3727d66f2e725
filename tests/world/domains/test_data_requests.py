"""With effort held fixed, or by lot, one data domain is better off with the markets; plainly compared, all are."""

import json

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(10)
PLAY = "unify.ownership_topology"


def world(seed: int, **settings):
    return generate(WorldSettings(seed=seed, customers=200, **settings), domains=["data_requests"])


@pytest.fixture(scope="module")
def worlds():
    """Ten worlds."""
    return [world(seed) for seed in SEEDS]


def requests(tables):
    """Finished requests: domain, whether a market did it, by lot, log effort, log days, markets needed."""
    done = tables["changes"].query("kind == 'data request' and status == 'live'")
    facts = pd.DataFrame([json.loads(text) for text in done["approvals_json"]], index=done.index)
    days = (done["deployed_at"] - done["requested_at"]).dt.total_seconds() / 86_400
    return pd.DataFrame(
        {
            "domain": done["subject_id"],
            "market": (facts["done_by"] == "market").astype(float),
            "lot": facts["assigned"] == "by lot",
            "effort": np.log(done["effort_points"]),
            "days": np.log(days),
            "markets": facts["needs_data_of"].str.len(),
        }
    )


def adjusted(rows):
    """Effect of the market's team on log days per domain, with effort held fixed."""
    found = {}
    for domain, own in rows.groupby("domain"):
        design = np.column_stack([own["market"], own["effort"], np.ones(len(own))])
        found[domain] = np.linalg.lstsq(design, own["days"], rcond=None)[0][0]
    return pd.Series(found)


def plain(rows):
    means = rows.pivot_table(index="domain", columns="market", values="days")
    return means[1.0] - means[0.0]


def truth(tables):
    return tables["truth_effects"].query("play == @PLAY").set_index("stratum")["size"]


def test_tables_keep_their_schemas(worlds):
    """Changes pass their declaration and are deployed after they were asked for."""
    validate("changes", worlds[0]["changes"])
    rows = worlds[0]["changes"].dropna(subset="deployed_at")
    assert (rows["deployed_at"] > rows["requested_at"]).all()


def test_ownership_topology_recovers_each_domain(worlds):
    """With effort held fixed the effects are as planted, and the one federated domain is found in every world."""
    found = pd.DataFrame([adjusted(requests(tables)) for tables in worlds])
    # Noise of 0.5 to 0.6 over 150 requests, two teams, ten worlds: a standard error of 0.03.
    assert (found.mean() - truth(worlds[0])).abs().max() < 0.1
    for tables, row in zip(worlds, found.itertuples(index=False), strict=True):
        wins = set(found.columns[np.array(row) < -0.2])
        rows = tables["truth_structure"].query("play == @PLAY")
        assert wins == set(rows.loc[rows["target"] == "market", "source"])


def test_ownership_topology_the_lot_agrees_with_the_adjustment(worlds):
    """Where the team was drawn, the plain difference is the planted effect."""
    drawn = pd.DataFrame([plain(requests(tables).query("lot")) for tables in worlds])
    assert (drawn.mean() - truth(worlds[0])).abs().max() < 0.25
    assert abs((drawn.mean() - truth(worlds[0])).mean()) < 0.12


def test_ownership_topology_plain_means_favour_the_markets_everywhere(worlds):
    """Plain differences say that the market is faster in domains where it is slower."""
    wrong = [(plain(requests(tables).query("not lot")) < 0).sum() for tables in worlds]
    assert np.mean(wrong) > 3.5


def test_ownership_topology_the_federated_domain_stays_at_home(worlds):
    """Its requests need one market's data; the others' need more."""
    for tables in worlds:
        alone = (requests(tables)["markets"] == 1).groupby(requests(tables)["domain"]).mean()
        assert alone["device data"] > 0.85
        assert alone.drop("device data").max() < 0.65


def test_ownership_topology_without_the_plant_nobody_is_faster():
    """Without the plant no domain differs."""
    found = pd.DataFrame([adjusted(requests(world(seed, effects={PLAY: 0}))) for seed in SEEDS])
    assert found.mean().abs().max() < 0.1


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_other_worlds_hold_together(effect):
    """One market, no effect and thrice the effect give valid tables."""
    validate("changes", world(3, effect=effect, industry="retail", regions=("BR",))["changes"])
