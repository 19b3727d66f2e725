"""Disputes are told apart from slogans, found between the right functions, and recomputed from what a room types."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import shared_definition as play
from playbook.world.domains.definitions import CRITERIA, DISPUTED, TEXTS, VAGUE
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "define.shared_definition"
SEEDS = (1, 2)

STATEMENTS = """name; function; We may say no; Late is a failure; We delight
Ana; sales; 6; 1; 1
Ben; sales; 6; 2; 7
Cy; sales; 7; 1; 4
Gus; sales; 6; 2; 1
Hal; sales; 5; 1; 7
Ida; service; 6; 5; 3
Jo; service; 5; 7; 6
Dee; service; 6; 6; 2
Eli; service; 7; 7; 7
Fay; service; 6; 6; 1
"""
CASES = """name, function, a, b, c, d
Ana, sales, no, no, yes, no
Ben, sales, no, no, yes, no
Dee, service, yes, no, yes,
Eli, service, yes, no, yes, yes
"""
PAIRS = "name\tfunction\tquick > price\tquick > friendly\tprice > friendly\n" + "".join(
    f"{name}\tsales\t{answers}\n"
    for name, answers in {"Ana": "2\t4\t2", "Ben": "2\t4\t2", "Cy": "9\t1/9\t9", "Dee": "2\t4\t"}.items()
)


@cache
def world(seed, effect=1.0):
    """A small company after its workshop; read only."""
    return generate(WorldSettings(seed=seed, customers=1000, effect=effect), domains=["definitions"])


def truth(tables):
    """What is planted for this play."""
    names = ("truth_structure", "truth_labels", "truth_parameters")
    return SimpleNamespace(**{name: tables[name][tables[name]["play"] == PLAY] for name in names})


@cache
def analysed(seed, effect=1.0):
    return play.analyse(play.answers(world(seed, effect)["ratings"]))


def typed(**parts):
    """Answers of a room without any data."""
    none = world(1)["ratings"].iloc[:0]
    return play.answers(none, **({"statements": STATEMENTS, "cases": CASES} | parts))


def test_planted_disputes_are_found_between_the_right_functions():
    """Nearly all statements, each with the function that stands apart and the side it takes; slogans are not among them."""
    found = wrong = 0
    for seed in SEEDS:
        table = play.disputes(analysed(seed))
        for place, (function, sign) in DISPUTED.items():
            row = table[table["text"] == TEXTS[place]]
            found += row[["apart", "side"]].to_numpy().tolist() == [
                [function, "agrees more" if sign > 0 else "agrees less"]
            ]
        wrong += len(table) - table["text"].isin([TEXTS[k] for k in DISPUTED]).sum()
    assert found >= len(SEEDS) * len(DISPUTED) - 1
    assert wrong <= 1


def test_scatter_alone_calls_slogans_disputes():
    """Naive: the five statements with the widest scatter are mostly slogans; the play calls slogans unclear."""
    slogans = {TEXTS[k] for k in VAGUE}
    for seed in SEEDS:
        table = analysed(seed).statements
        room = play.answers(world(seed)["ratings"]).statements
        widest = room.groupby("text")["score"].std().nlargest(len(DISPUTED)).index
        assert len(slogans & set(widest)) >= 3
        called = table.loc[table["text"].isin(slogans), "verdict"]
        assert (called == "unclear").sum() >= 3
        assert (called == "in dispute").sum() <= 1


def test_kappa_by_pair_locates_the_dispute_that_one_figure_hides():
    """Sales stands apart on the planted cases; the share of answers with the room's majority would pass as agreement."""
    for seed in SEEDS:
        result = analysed(seed)
        planted = set(truth(world(seed)).truth_labels["key"])
        own = result.cases[result.cases["verdict"] == "in dispute"]
        assert len(set(own.index) ^ planted) <= 1
        assert set(own["apart"]) == {"sales"}
        assert result.kappas.loc["operations and service", "kappa"] > 0.9
        assert result.kappas.loc["sales and service", "high"] < 0.8
        room = result.cases[result.functions].mean(axis=1)
        assert np.maximum(room, 1 - room).mean() > 0.75


def test_weights_are_the_planted_ones_without_those_who_contradict_themselves():
    """Nearer than the plain average of all, which leaves nobody out."""
    for seed in SEEDS:
        result = analysed(seed)
        weights = result.weights.loc[list(CRITERIA)]
        planted = pd.Series(CRITERIA)
        assert (weights["weight"] - planted).abs().max() < 0.025
        assert (weights["everybody"] - planted).abs().sum() > (weights["weight"] - planted).abs().sum()
        assert 3 <= result.judges - result.consistent <= 8


def test_opposed_targets_are_the_planted_ones():
    """By figure and role, live ones only; without the effect none."""
    tables = world(1)
    found = play.opposed_targets(tables["kpi_targets"], tables["staff"])
    assert set(found.index) == {"handle time", "stock cover", "credits granted"}
    assert found.loc["stock cover", ["paid_for_more", "paid_for_less"]].tolist() == [
        "account manager",
        "planner",
    ]
    here = tables["staff"][tables["staff"]["left_on"].isna()]["role"]
    assert found.loc["stock cover", "people"] == here.isin(["account manager", "planner"]).sum()
    ended = tables["kpi_targets"].assign(valid_to=tables["kpi_targets"]["valid_from"])
    assert play.opposed_targets(ended).empty
    assert play.opposed_targets(world(9, 0.0)["kpi_targets"]).empty


def test_without_the_effect_nothing_is_in_dispute():
    """At most one false alarm over two worlds; all functions label alike."""
    results = [analysed(seed, 0.0) for seed in (9, 10)]
    assert sum(len(play.disputes(result)) for result in results) <= 1
    assert sum((result.cases["verdict"] == "in dispute").sum() for result in results) == 0
    assert min(result.kappas["kappa"].min() for result in results) > 0.9


def test_recovery_rows_beat_what_people_do_today():
    """Every row with a naive answer is nearer to the truth; null worlds report the null value."""
    rows = play.recover(SimpleNamespace(**world(2)), truth(world(2))).set_index("what")
    assert len(rows) <= 8
    naive = (rows["naive"] - rows["truth"]).abs()
    assert ((rows["estimate"] - rows["truth"]).abs() <= naive).all()
    null = play.recover(SimpleNamespace(**world(9, 0.0)), truth(world(9, 0.0))).set_index("what")
    assert null.index.tolist() == rows.index.tolist()
    assert null.loc["figures with opposed targets", "truth"] == 0
    assert null.loc["kappa, sales and service", "truth"] == 1


def test_the_room_may_type_its_own_answers():
    """Statements and cases by semicolon and comma; everything below follows from them."""
    result = play.analyse(typed())
    assert result.typed == ("statements", "cases")
    assert result.weights is None
    assert result.statements["verdict"].to_dict() == {
        "We may say no": "adopt",
        "Late is a failure": "in dispute",
        "We delight": "unclear",
    }
    assert result.cases["verdict"].tolist() == ["in dispute", "no failure", "failure", "in dispute"]
    assert play.decide(result).recommendation.startswith("Adopt the one statement that")
    assert "typed in the room, answered by 10 people" in play.source(typed())


def test_a_small_room_is_told_that_disputes_may_stay_unseen():
    """Four people of a function are too few for a test by ranks; five are not called few."""
    few = STATEMENTS.replace("Ana; sales; 6; 1; 1\n", "")
    assert "only 4 people" in play.said(play.analyse(typed(statements=few)))
    assert "only" not in play.said(play.analyse(typed()))


def test_typed_pairs_leave_out_contradictions_and_gaps():
    """Ana and Ben: 4, 2, 1 sevenths; Cy contradicts himself; Dee did not finish."""
    result = play.analyse(typed(pairs=PAIRS))
    assert (result.judges, result.consistent) == (3, 2)
    assert result.weights["weight"].to_dict() == pytest.approx(
        {"quick": 4 / 7, "price": 2 / 7, "friendly": 1 / 7}
    )


def test_a_typed_room_is_not_held_against_the_planted_world():
    """What was planted says nothing about cases that people have just labelled."""
    feedback = play.check(2, truth(world(1)), play.analyse(typed()))
    assert feedback.near
    assert "no planted truth" in feedback.basis


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"statements": STATEMENTS.replace("Ana; sales; 6", "Ana; sales; six")}, "cannot read 'six'"),
        ({"statements": STATEMENTS.replace("Ana; sales; 6", "Ana; sales; 9")}, "rated 1 to 7"),
        ({"statements": STATEMENTS.replace("Ben", "Ana")}, "a name of its own"),
        ({"cases": CASES.replace("no, no, yes, no", "no, 3, yes, no")}, "failure"),
        ({"cases": ""}, "type the room's cases"),
        ({"pairs": "name, function, quick, price\nAna, sales, 2, 3"}, "each column is a pair"),
        ({"statements": "name, function\nAna, sales"}, "at least two statements"),
    ],
)
def test_what_cannot_be_read_is_named(parts, message):
    """One line says which answer."""
    with pytest.raises(ValueError, match=message):
        typed(**parts)


def test_one_function_cannot_disagree_with_itself():
    """Two functions of two people are the least."""
    with pytest.raises(ValueError, match="two functions or more"):
        play.analyse(typed(statements=STATEMENTS.replace("sales", "service")))


def test_feedback_says_which_way_and_hides_the_answer():
    """Near, too high, too low; on a client's data it is about consistency."""
    result, planted = analysed(1), truth(world(1))
    count = len(planted.truth_labels)
    assert play.check(count, planted, result).near
    assert play.check(count + 1, planted, result).near
    high, low = play.check(3 * count, planted, result), play.check(2, planted, result)
    assert high.message.startswith("Too high")
    assert low.message.startswith("Too low")
    assert str(count) not in high.message + low.message
    own = play.check((result.cases["verdict"] == "in dispute").sum(), None, result)
    assert own.near
    assert "no planted truth" in own.basis
    assert play.check(0, truth(world(9, 0.0)), analysed(9, 0.0)).near


def test_rule_of_the_what_if_is_counted_by_hand():
    """More functions that must agree, fewer defects; the first and the last differ by the disputed cases."""
    result = analysed(1)
    rules = play.what_if(result, needed=play.rules(result))
    votes = (result.cases[result.functions] > 0.5).sum(axis=1)
    assert rules["defects"].tolist() == [(votes >= n).sum() for n in (1, 2, 3)]
    assert (
        rules["defects"].iloc[0] - rules["defects"].iloc[-1]
        == (result.cases["verdict"] == "in dispute").sum()
    )
    assert rules["share"].between(rules["low"], rules["high"]).all()
    assert rules.loc[1, "most_overruled"] == "sales"
    with pytest.raises(ValueError, match="between 1 and 3"):
        play.what_if(result, needed=[4])


def test_decision_names_whom_to_talk_to_and_what_would_flip_it():
    """The pair in dispute, the targets first, and the kappa at which the dispute is over."""
    tables = world(1)
    decision = play.decide(analysed(1), play.opposed_targets(tables["kpi_targets"]))
    assert "first with sales" in decision.recommendation
    assert "handle time" in decision.recommendation
    assert "kappa between" in decision.flips_if
    calm = play.decide(analysed(9, 0.0))
    assert "open" not in calm.recommendation
    assert "against the others" in calm.flips_if


def test_pictures_and_texts_hold_without_optional_tables_and_disputes():
    """No tickets, targets, staff or pairs; and a room without any dispute."""
    for result in (analysed(9, 0.0), play.analyse(typed())):
        for draw in (play.plot, play.plot_disputes, play.plot_kappas):
            assert draw(result).figure.get_suptitle()
        assert not play.contested_cases(result).empty
        assert play.sorted_statements(result)
        assert "nan" not in play.shown_overall(result).to_string().lower()
    assert "leaves out" in play.weighed(play.analyse(typed()))
    assert "no targets" in play.targets_said(play.opposed_targets(None), None)
