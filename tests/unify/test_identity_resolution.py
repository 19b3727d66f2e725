"""Planted duplicates are found, everyday keys miss them, and what is stated about errors holds."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.methods import linkage
from playbook.unify import identity_resolution as play
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
EXTRACTS = ["src_crm_customers", "src_erp_customers", "src_support_users"]


def world(seed: int, effect: float = 1.0, customers: int = 250) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=customers, effect=effect), domains=["extracts", "web"])


def behind(tables: dict[str, pd.DataFrame], record_id: pd.Series) -> np.ndarray:
    """The true customer of each record."""
    entities = tables["truth_entities"]
    return record_id.map(dict(zip(entities["source"] + ":" + entities["source_key"], entities["customer_id"],
                                  strict=True))).to_numpy()  # fmt: skip


def resolve(tables: dict[str, pd.DataFrame]) -> play.Identities:
    return play.resolve(*(tables[name] for name in EXTRACTS))


@pytest.fixture(scope="module")
def runs() -> list[tuple[dict[str, pd.DataFrame], play.Identities]]:
    """Twenty small worlds and their linkage."""
    return [(tables, resolve(tables)) for tables in map(world, SEEDS)]


@pytest.fixture(scope="module")
def demo() -> tuple[dict[str, pd.DataFrame], play.Identities]:
    """A world of 1,500 customers with its visits, and the whole result."""
    tables = world(7, customers=1500)
    return tables, play.resolve(*(tables[name] for name in [*EXTRACTS, "events"]))


def test_planted_pairs_are_found(demo):
    """Precision and recall over all planted pairs, joined through others or not, are high."""
    tables, result = demo
    true = behind(tables, result.records["record_id"])
    precision, recall = linkage.pair_quality(result.records["customer"], true)
    print(f"Planted pairs: precision {precision:.4f}, recall {recall:.4f}")
    assert precision > 0.97
    assert recall > 0.96


def test_the_number_of_customers_is_recovered_and_everyday_keys_miss_it(runs):
    """Counting e-mails or names overcounts by a quarter or more; the linkage by six tenths of that."""
    for tables, result in runs:
        true = tables["truth_entities"]["customer_id"].nunique()
        names = result.records["name_key"].fillna("") + result.records["company_key"].fillna("")
        mails = result.records["email"].fillna(result.records["record_id"])
        everyday = min(names.nunique(), mails.nunique()) / true - 1
        assert everyday > 0.25
        assert abs(result.customers / true - 1) < 0.6 * everyday


def test_expected_errors_hold_on_average(runs):
    """Over 20 worlds real precision and recall of scored pairs are near what the model expects."""
    gaps = []
    for tables, result in runs:
        pairs = result.pairs
        match = behind(tables, pairs["left"]) == behind(tables, pairs["right"])
        merged = (pairs["probability"] >= result.threshold).to_numpy()
        gaps.append(
            (match[merged].mean() - result.precision, match[merged].sum() / match.sum() - result.recall)
        )
    precision, recall = np.mean(gaps, axis=0)
    assert abs(precision) < 0.01
    assert abs(recall) < 0.03


def test_a_world_without_duplicates_has_none():
    """Next to no record too many (there are namesakes), and no person behind two visitors of one device."""
    too_many = 0
    for seed in range(3):
        tables = world(seed, effect=0.0)
        result = play.resolve(*(tables[name] for name in [*EXTRACTS, "events"]))
        too_many += play.overview(result).loc[["crm", "erp", "support"], "too_many"].sum()
        assert result.journeys.rules["people_joined"].eq(0).all()
        assert not result.journeys.devices["is_shared"].any()
    assert too_many <= 0.005 * 3 * sum(len(tables[name]) for name in EXTRACTS)


def test_stitching_stays_within_its_stated_error():
    """The truth is below the stated limit in 18 of 20 worlds; stated errors are not too low."""
    inside, wrong = [], []
    for seed in SEEDS:
        tables = world(seed, customers=700)
        journeys = play.stitch(tables["events"])
        visits = journeys.visits.merge(tables["truth_sessions"], on="session_id")
        named = visits[visits["signed_in"].isna() & visits["person"].notna()]
        share = (named["person"] != named["customer_id"]).mean()
        rules = journeys.rules.set_index("rule")
        inside.append(share <= rules.loc[play.RULES[1], "wrong_high"])
        wrong.append(
            (share, rules.loc[play.RULES[1], "wrong_share"], rules.loc[play.RULES[0], "wrong_share"])
        )
    real, stated, shortcut = np.mean(wrong, axis=0)
    assert sum(inside) >= 18
    assert real <= stated <= 1.6 * real
    assert shortcut > 1.5 * stated


def test_shared_devices_are_found(demo):
    """Every device called shared is, most shared ones are called so, sign-ins are never overruled."""
    tables, result = demo
    people = tables["truth_sessions"].groupby("anon_id")["customer_id"].nunique()
    called = result.journeys.devices.set_index("anon_id")["is_shared"]
    assert (people[called[called].index] > 1).all()
    assert called[people[people > 1].index].mean() > 0.7
    visits = result.journeys.visits.dropna(subset="signed_in")
    assert (visits["person"] == visits["signed_in"]).all()


def test_the_shortcut_joins_people_the_split_keeps_apart():
    """Two people on one tablet: the shortcut gives all to one, the split names each near a sign-in only."""
    at = pd.to_datetime(["2026-01-01 10:00", "2026-01-01 11:00", "2026-01-05 10:00", "2026-01-09 10:00",
                         "2026-01-09 11:00"]).as_unit("us")  # fmt: skip
    who = ["ann", None, None, None, "bob"]
    events = pd.DataFrame(
        {"session_id": list("12345"), "anon_id": "tablet", "customer_id": who, "occurred_at": at}
    )
    journeys = play.stitch(events)
    assert journeys.visits["person"].fillna("-").tolist() == ["ann", "ann", "-", "bob", "bob"]
    assert journeys.rules.loc[0, "people_joined"] == 2


def test_feedback_hides_the_answer(demo):
    """Counting e-mails is too high; no hint holds the number; a client's data check themselves."""
    tables, result = demo
    truth = SimpleNamespace(truth_entities=tables["truth_entities"])
    feedback = play.check(result.records["email"].nunique(), truth, result)
    assert not feedback.near
    assert feedback.message.startswith("Too high")
    true = str(tables["truth_entities"]["customer_id"].nunique())
    assert not any(
        true in line or str(result.customers) in line for line in [feedback.message, *feedback.hints]
    )
    assert play.check(result.customers, truth, result).near
    assert play.check(result.customers, None, result).near


def test_decision_states_threshold_band_and_device_rule(demo):
    """The decision follows the costs, and refuses every device rule that may be wrong too often."""
    _, result = demo
    decision = play.decide(result, max_wrong=0.3)
    assert "97.5%" in decision.recommendation
    assert "25%" in decision.recommendation
    assert "sign" in decision.recommendation
    assert "only sign-ins name a person" in play.decide(result, max_wrong=0.001).recommendation


def test_dearer_merges_need_more_evidence(demo):
    """The marked threshold is the cheapest on its curve, and rises with the cost of a false merge."""
    scenarios = play.what_if(demo[1], merge_cost=[1, 10, 100])
    best = scenarios[scenarios["is_best"]]
    assert best["weight"].is_monotonic_increasing
    assert scenarios.groupby("merge_cost")["cost"].min().to_numpy() == pytest.approx(best["cost"].to_numpy())
    titles = {play.plot_what_if(scenarios, cost).figure.get_suptitle() for cost in (None, 1, 10, 100)}
    assert len(titles) == 4


def test_one_system_alone_is_enough():
    """A client with only a CRM gets its duplicates, and no word about devices."""
    result = play.resolve(world(3, customers=600)["src_crm_customers"])
    assert result.journeys is None
    assert result.customers < len(result.records)
    assert "device" not in play.decide(result).recommendation
