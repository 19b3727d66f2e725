"""Coders are compared fairly, shares of bad news are corrected, and a profile holds only what is stable and new."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import qualitative_signals as play
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

ID = "define.qualitative_signals"


@cache
def world(seed: int = 1, effect: float = 1.0) -> dict[str, pd.DataFrame]:
    tables = generate(WorldSettings(seed=seed, customers=800, effect=effect), domains=["codings"])
    return tables | {"coded_notes": tables["notes"].query("kind == 'contact note'")}


def truth(tables: dict[str, pd.DataFrame]) -> SimpleNamespace:
    names = ("truth_parameters", "truth_raters")
    return SimpleNamespace(**{name: tables[name].query("play == @ID") for name in names})


@cache
def solved(seed: int = 1, effect: float = 1.0) -> play.Signals:
    tables = world(seed, effect)
    return play.signals(play.material(tables["coded_notes"], tables["ratings"], staff=tables["staff"]))


def test_corrected_shares_hold_the_truth_and_flags_do_not():
    """Notes of both groups tell the same share of bad news; flags find far less of the planners', in every world."""
    held = []
    for seed in (1, 2, 3):
        shares = solved(seed).shares
        labels = world(seed)["truth_labels"].query("play == @ID").set_index("key")["value"]
        notes = world(seed)["coded_notes"].merge(
            world(seed)["staff"], left_on="author_staff_id", right_on="staff_id"
        )
        true = (notes["note_id"].map(labels) == "negative").groupby(notes["role"]).mean()
        held += true.between(shares["low"], shares["high"]).tolist()
        assert shares.loc["planner", "flagged"] < true["planner"] - 0.05
        assert solved(seed).worst == "planner"
    assert sum(held) >= 5


def test_a_slope_from_flags_blames_a_group_and_the_corrected_one_does_not():
    """Agents seem to have far more bad news; corrected, the difference holds zero, and is what the shares say."""
    held = 0
    for seed in (1, 2, 3):
        slope = solved(seed).slopes.loc["service agent less planner"]
        assert slope["raw"] > 0.06
        held += slope["low"] <= 0 <= slope["high"]
        shares = solved(seed).shares["corrected"]
        assert slope["corrected"] == pytest.approx(shares["service agent"] - shares["planner"], abs=0.03)
    assert held >= 2


def test_coders_stand_in_the_planted_order_and_groups_are_alike_when_they_are_compared_fairly():
    """Severity in points is near what normal thresholds give; raw codes put the strict coders' group lower."""
    rows = play.recover(SimpleNamespace(**world(1)), truth(world(1))).set_index("what")
    apart = rows.loc["codes: strictest less mildest coder (points)"]
    assert apart["estimate"] == pytest.approx(apart["truth"], abs=0.12)
    gap = rows.loc["codes: group difference (points)"]
    assert gap["low"] <= 0 <= gap["high"]
    assert gap["naive"] < gap["low"]
    assert (
        list(solved(1).coders.index[[0, -1]]) == sorted(solved(1).coders.index)[:: len(solved(1).coders) - 1]
    )
    assert solved(1).alpha_fair[0] > solved(1).alpha[0] + 0.05


def test_without_the_effect_nothing_is_found():
    """Coders are alike, flags are off by chance only, and no group is blamed."""
    for seed in (1, 2):
        result = solved(seed, 0.0)
        assert result.coders["lower"].abs().max() < 0.12
        assert (result.shares["flagged"] - result.shares["corrected"]).abs().max() < 0.06
        assert abs(result.slopes["raw"].iloc[0]) < 0.06


def test_verdicts_needed_are_where_the_interval_meets_the_limit():
    """One verdict fewer is too wide; the panel alone follows 1.645 s / sqrt(n); the limit moves the answer."""
    result = solved(1)
    needed = play.what_if(result, verdicts=[100]).set_index("group")["needed"]
    for group, n in needed.items():
        at = play.what_if(result, verdicts=[n - 1, n]).query("group == @group")
        assert at["shown"].tolist() == [False, True]
        alone = 1.6448536 * result.shares.loc[group, "spread"] / np.sqrt(n)
        assert at["panel_half"].iloc[1] == pytest.approx(alone)
    chosen = {
        play.plot_what_if(play.what_if(result, verdicts=[n]), n).figure.get_suptitle() for n in (25, 400)
    }
    assert len(chosen) == 2


def test_a_stable_indicator_is_admitted_and_its_double_is_not():
    """Where each customer's notes are all bad or all good, one of the two flags describes a customer; the rest repeat it."""
    tables = world(1)
    flags = play.signals(play.material(tables["coded_notes"], tables["ratings"])).profile
    assert flags["reliability"].max() < 0.5  # notes as they are say little of one customer
    labels = tables["truth_labels"].query("play == @ID").set_index("key")["value"]
    tone = tables["coded_notes"]["note_id"].map(labels)
    kept = tables["coded_notes"][tone != "neutral"]
    own = tone[tone != "neutral"] + (np.arange(len(kept)) % 150).astype(str)
    answers = pd.DataFrame({"subject_id": kept["subject_id"], "question": "known", "score": range(len(kept))})
    everyone = play.material(kept.assign(customer_id=own), tables["ratings"])
    result = play.signals(everyone, answers=answers)
    shown = play.profile_shown(result)
    assert (shown["admit"] == "yes").sum() == 1
    assert shown["admit"][["bad news", "good news", "mean tone"]].tolist().count("no: redundant") == 2
    assert shown.loc["answer: known", "admit"] == "no: not stable"
    assert "none of these" not in play.decide(result).recommendation


def test_limits_decide_what_is_admitted_and_the_decision_says_what_flips_it():
    """A lower limit admits codes; a share with too wide an interval is not shown; needed verdicts are named."""
    tables = world(1)
    material = play.material(tables["coded_notes"], tables["ratings"], staff=tables["staff"])
    strict = play.decide(play.signals(material, limits=play.Limits(alpha=0.9, half=0.01)))
    assert "refused until coders agree" in strict.recommendation
    assert "of no group yet" in strict.recommendation
    usual = play.decide(play.signals(material, limits=play.Limits(alpha=0.3)))
    assert "admitted, with severities taken out" in usual.recommendation
    needed = play.what_if(solved(1), verdicts=[100])["needed"]
    assert all(str(n) in usual.flips_if for n in needed)


def test_feedback_says_which_way_and_hides_the_answer():
    """The flagged share is too low; thrice the truth is too high; on own data the corrected share is near."""
    result, planted = solved(1), truth(world(1))
    assert play.check(30, planted, result).near
    low = play.check(100 * result.shares.loc["planner", "flagged"], planted, result)
    assert low.message.startswith("Too low")
    assert play.check(90, planted, result).message.startswith("Too high")
    assert not any(character.isdigit() for character in "".join(low.hints))
    own = play.check(100 * result.shares.loc["planner", "corrected"], None, result)
    assert own.near
    assert "no planted truth" in own.basis


def test_pages_run_without_staff_and_answers():
    """All notes are then one group: nothing is compared between groups, and nothing empty is shown."""
    tables = world(1)
    result = play.signals(play.material(tables["coded_notes"], tables["ratings"]))
    assert result.shares.index.tolist() == ["everyone"]
    assert result.slopes.index.tolist() == ["per year"]
    assert "difference" not in play.coding_text(result)
    for ax in (play.plot_coders(result), play.plot(result), play.plot_profile(result)):
        assert "nan" not in ax.figure.get_suptitle()
    for table in (play.coders_shown(result), play.telling_words(result), play.profile_shown(result)):
        assert "nan" not in table.to_string()


def test_notes_of_unknown_customers_leave_the_profile_empty():
    """The rest of the page stands."""
    tables = world(1)
    nobody = tables["coded_notes"].assign(customer_id=None)
    result = play.signals(play.material(nobody, tables["ratings"], staff=tables["staff"]))
    assert result.profile.empty
    assert "cannot be tested" in " ".join(play.plot_profile(result).figure.get_suptitle().split())
    assert "reliability" not in play.decide(result).flips_if
    assert play.profile_shown(result).empty


def test_views_hold_notes_of_coded_kinds_and_answers_after_them(tmp_path):
    """Plain pandas on a few rows: kinds of which a note was rated; answers to questions about contacts with a note."""
    at = pd.Timestamp("2026-01-01")
    notes = pd.DataFrame(
        {
            "note_id": ["n1", "n2", "n3", "n4"],
            "subject_id": ["i1", "i2", "i3", "i4"],
            "customer_id": "c",
            "author_staff_id": ["s", "s", "s", None],
            "kind": ["call", "call", "bot", "call"],
            "text": ["a", "b", "c", None],
            "written_at": at,
        }
    )
    ratings = pd.DataFrame(
        {"rating_id": ["r"], "subject_type": "note", "subject_id": ["n1"], "score": [1.0], "rated_at": at}
    )
    surveys = pd.DataFrame(
        {
            "survey_id": ["v1", "v2", "v3"],
            "item_code": "known",
            "trigger_type": ["interaction", "interaction", "ticket"],
            "trigger_id": ["i1", "i2", "i1"],
            "responded_at": [at, at + pd.Timedelta(days=400), at],
            "score": [7.0, 8.0, 1.0],
        }
    )
    write_store(
        tmp_path / "store", {"notes": notes, "ratings": ratings, "surveys": surveys}, {"kind": "client"}
    )
    store = Store(tmp_path / "store")
    assert store.view("coded_notes", as_of="2026-06-30")["note_id"].tolist() == ["n1", "n2"]
    found = store.view("answers_after_contacts", as_of="2026-06-30")
    assert found[["subject_id", "score"]].to_numpy().tolist() == [["i1", 7.0]]


def test_missing_codes_verdicts_or_grades_are_one_clear_line():
    """Each names what is missing."""
    tables = world(1)
    notes, ratings = tables["coded_notes"], tables["ratings"]
    with pytest.raises(ValueError, match="one is missing"):
        play.material(notes, ratings[ratings["rater_function"] != "panel"])
    with pytest.raises(ValueError, match="other scores were found"):
        play.material(notes, ratings.assign(score=ratings["score"] * 2))
    with pytest.raises(ValueError, match="settled 40 notes"):
        play.material(notes.head(50), ratings)
    with pytest.raises(ValueError, match="each of the three grades"):
        play.material(notes, ratings[(ratings["rater_function"] == "panel") | (ratings["score"] < 2)])
