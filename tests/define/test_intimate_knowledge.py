"""What is worth knowing turns a decision; what predicts best need not."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import intimate_knowledge as play
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.domains.knowledge import DECISIONS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SUPPLY, SERVICE = "supply chain", "service"
BEST = {SUPPLY: "dock hours", SERVICE: "reads fault codes"}
NEAR = {SUPPLY: 1.0, SERVICE: 2.5}  # about 2 % of a decision's mean cost
PREDICTS = {SUPPLY: "building", SERVICE: "machine age"}


@cache
def solved(
    effect: float = 1.0, seed: int = 1
) -> tuple[play.Knowledge, SimpleNamespace, dict[str, pd.DataFrame]]:
    tables = generate(WorldSettings(seed=seed, customers=2000, effect=effect), domains=["knowledge"])
    result = play.worth(
        tables["decisions"], tables["preferences"], fields=tables["fields"], customers=tables["customers"]
    )
    own = tables["truth_effects"].query("play == 'define.intimate_knowledge'")
    return result, SimpleNamespace(truth_effects=own), tables


def naive_worth(tables: dict[str, pd.DataFrame], kind: str, attribute: str) -> float:
    """Plain pandas: the better way for all less the better way for each value, from raw means."""
    known = tables["preferences"].query("attribute == @attribute").set_index("customer_id")["value"]
    rows = tables["decisions"].query("decision_type == @kind")
    value = rows["customer_id"].map(known)
    mean = rows.groupby([value, rows["outcome"]])["realised_amt"].mean().reset_index()
    mean = mean.pivot_table(index="customer_id", columns="outcome", values="realised_amt")
    share = value.value_counts(normalize=True).reindex(mean.index)
    return float((share * mean.max(axis=1)).sum() - mean.mul(share, axis=0).sum().max())


def test_the_attributes_worth_something_are_found_and_valued():
    """Their worth agrees with raw means in plain pandas; of eight 90 % intervals at least six hold what is planted."""
    held = []
    for seed in (1, 2):
        result, truth, tables = solved(seed=seed)
        for row in truth.truth_effects.query("size > 0").itertuples():
            name = SUPPLY if row.stratum == "time of delivery" else SERVICE
            found, low, high = (result.of(name, row.action, column) for column in ("worth", "low", "high"))
            assert found == pytest.approx(naive_worth(tables, row.stratum, row.action), abs=NEAR[name])
            held.append(low <= row.size <= high)
    assert len(held) == 8
    assert sum(held) >= 6
    assert all(
        result.table.query("domain == @name").iloc[0]["attribute"] == best for name, best in BEST.items()
    )


def test_the_best_predictor_is_worth_nothing():
    """Predicting best, it has the largest gap in cost; taken for worth, the gap is wrong by more than anything to gain."""
    result, _, _ = solved()
    for name, attribute in PREDICTS.items():
        rows = result.table.query("domain == @name")
        assert rows.loc[rows["predicts"].idxmax(), "attribute"] == attribute
        assert result.of(name, attribute, "gap") > 4 * rows["worth"].max()
        assert result.of(name, attribute, "worth") < 0.05 * rows["worth"].max()


@pytest.mark.parametrize("seed", [1, 2])
def test_without_an_effect_nothing_is_worth_asking_for(seed):
    """No attribute has an interval above zero, none is to be known, and the ceiling is next to nothing."""
    result, _, _ = solved(0.0, seed)
    assert (result.table["low"] == 0).all()
    assert (result.table["worth"] < 0.2).all()
    assert (play.criteria(result, uses=5.0)["verdict"] != "know").all()
    assert "Know, for supply chain: nothing; for service: nothing" in play.decide(result).recommendation
    assert (play.zones(result)[["ask_to", "sample_to"]] < 0.01).all(axis=None)


def test_what_another_attribute_settles_is_not_asked_for_again():
    """With the planted differences, the second-best turns no decision once the best is known: enumerate all customers."""
    result, _, _ = solved()
    found = play.criteria(result).set_index(["domain", "attribute"])
    for name, kind, second in (
        (SUPPLY, "time of delivery", "goods lift"),
        (SERVICE, "first help", "own spare parts"),
    ):
        _, _, dearer, attributes = DECISIONS[kind]
        effect = {row[0]: row[3] for row in attributes}
        with_best = {
            sign: {dearer + sign * effect[BEST[name]] + s * effect[second] > 0 for s in (1, -1)}
            for sign in (1, -1)
        }
        assert all(len(ways) == 1 for ways in with_best.values())
        assert found.loc[(name, second), "adds"] < 0.05 * found.loc[(name, second), "worth"]
        assert found.loc[(name, second), "verdict"] == "leave"
        assert found.loc[(name, BEST[name]), "verdict"] == "know"


def test_verdicts_turn_where_the_answer_no_longer_pays():
    """Asking pays while uses times worth exceeds the cost; the slider's range holds the turn, and a sample comes between."""
    result = replace(solved()[0], customers=50_000)
    name, attribute = SUPPLY, BEST[SUPPLY]
    least = result.of(name, attribute, "cost_amt") / result.of(name, attribute, "worth")
    table = play.what_if(result, uses=[0.5 * least, 1.001 * least, 2 * least])
    own = table.query("domain == @name and attribute == @attribute")
    assert own["verdict"].tolist() == ["leave", "sample first", "know"]
    zone = play.zones(result).query("attribute == @attribute").iloc[0]
    flip = 2.0 * result.of(name, attribute, "worth")
    assert zone["ask_to"] < flip < zone["sample_to"] < 1.3 * flip
    assert {True, False} == {
        d in play.plot_what_if(table).figure.get_suptitle() for d in ("pays from", "nothing")
    }


def test_decision_names_what_flips_it():
    """Cost and number of decisions at which the lead turns are its worth times the uses, and its cost over its worth."""
    result, _, _ = solved()
    worth, cost = (result.of(*result.lead, column) for column in ("worth", "cost_amt"))
    decision = play.decide(result, uses=3.0)
    assert f"{3 * worth:.2f}" in decision.flips_if
    assert f"{cost / worth:.2f}" in decision.flips_if
    assert "Stop asking for" in decision.recommendation
    assert "building" in decision.recommendation


def test_feedback_says_which_way_and_hides_the_answer():
    """The section's own way is near; the gap in cost is too high; a tenth is too low; own data are said to be own."""
    result, truth, _ = solved()
    table = play.costs(result)
    ways = table.drop(columns="share")
    answer = ways.mul(table["share"], axis=0).sum().min() - (ways.min(axis=1) * table["share"]).sum()
    assert play.check(answer, truth, result).near
    assert play.check(60.0, truth, result).message.startswith("Too high")
    assert play.check(0.1 * answer, truth, result).message.startswith("Too low")
    assert "no planted truth" in play.check(answer, None, result).basis
    expected = truth.truth_effects["size"].max()
    said = [play.check(60.0, truth, result).message, *play.HINTS]
    assert not any(f"{expected:g}" in text for text in said)
    nothing, none_planted, _ = solved(0.0)
    assert play.check(0.0, none_planted, nothing).near
    assert not play.check(20.0, none_planted, nothing).near


def test_a_client_with_other_decisions_numbers_gaps_and_rare_values_is_read():
    """No fields, no customers, other names: the commonest decision, numbers cut at their median, the unknown kept apart."""
    rng = np.random.default_rng(5)
    people = np.array([f"c{n}" for n in range(400)])
    weight, kind = rng.uniform(0, 100, 400).round(1), rng.choice(["a", "b", "rare"], 400, p=[0.5, 0.48, 0.02])
    heavy = weight > np.median(weight)
    van = rng.random(400) < 0.5
    amount = -(30 + np.where(van == heavy, 8.0, -8.0) + rng.normal(0, 4, 400))
    decisions = pd.DataFrame(
        {
            "decision_type": "vehicle",
            "customer_id": people,
            "outcome": np.where(van, "van", "truck"),
            "realised_amt": amount,
        }
    )
    said = pd.DataFrame(
        {
            "customer_id": np.concatenate([people, people, people[:350]]),
            "attribute": np.repeat(["drop weight", "kind", "told"], [400, 400, 350]),
            "value": np.concatenate([weight.astype(str), kind, np.where(heavy[:350], "yes", "no")]),
            "recorded_at": pd.Timestamp("2026-01-01"),
        }
    )
    result = play.worth(decisions, said, assumed_cost_amt=1.0)
    domain = result.domains["vehicle"]
    assert result.lead == ("vehicle", "drop weight")
    assert result.of("vehicle", "drop weight", "worth") == pytest.approx(8, abs=1.5)
    assert domain.values["kind"] == ("a", "b", "other")
    assert domain.values["told"] == ("no", "not known", "yes")
    assert not result.cost_known
    assert "setting" in play.ceilings(result)
    with pytest.raises(ValueError, match="two outcomes of at least 60 cases"):
        play.worth(decisions.head(50), said)


def test_only_decisions_with_a_customer_an_outcome_and_a_result_before_the_as_of_date_are_read(tmp_path):
    """Of five rows each lacks one of these, but for one."""
    decisions = pd.DataFrame(
        {
            "decision_id": list("abcde"),
            "decision_type": "slot",
            "customer_id": ["c1", None, "c3", "c4", "c5"],
            "outcome": ["early", "early", None, "late", "late"],
            "realised_amt": [-3.0, -4.0, -5.0, None, -6.0],
            "decided_at": pd.to_datetime(["2026-01-01"] * 4 + ["2026-08-01"]),
        }
    )
    write_store(tmp_path / "store", {"decisions": decisions}, {"kind": "client"})
    found = Store(tmp_path / "store").view("decided_cases", as_of="2026-07-01")
    assert found.to_dict("records") == [
        {"decision_type": "slot", "customer_id": "c1", "outcome": "early", "realised_amt": -3.0}
    ]
