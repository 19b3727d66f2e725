"""Coders' severity is found where notes overlap; a classifier's counts need correcting in each group."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY = "define.qualitative_signals"


def codings(world):
    """Codings of the first round with the role of the note's author."""
    frame = world["ratings"].query("exercise == 'coding of notes'")
    frame = frame.merge(world["notes"], left_on="subject_id", right_on="note_id")
    return frame.merge(world["staff"], left_on="author_staff_id", right_on="staff_id")


def severities(world):
    """Severity of each coder: estimated with notes held, by the raw mean, and planted."""
    frame = codings(world).query("round_no == 1")
    centred = frame["score"] - frame.groupby("note_id")["score"].transform("mean")
    dummies = pd.get_dummies(frame["rater_id"], dtype=float)
    inside = dummies - dummies.groupby(frame["note_id"]).transform("mean")
    solved = np.linalg.lstsq(inside.to_numpy(), centred.to_numpy(), rcond=None)[0]
    right = pd.Series(-(solved - solved.mean()), index=dummies.columns)
    mean = frame.groupby("rater_id")["score"].mean()
    planted = truth(world, "truth_raters", PLAY).set_index("rater")["severity"]
    return pd.DataFrame({"right": right, "raw": mean.mean() - mean, "planted": planted - planted.mean()})


def test_tables_keep_their_schemas_and_every_note_is_coded_twice():
    """Every note of the first round has two different coders."""
    coded = codings(voices(1)).query("round_no == 1").groupby("note_id")["rater_id"]
    assert (coded.nunique() == 2).all()


def test_qualitative_signals_recovers_the_severity_of_coders():
    """Comparing coders on the notes they share gives the planted severities up to a common scale."""
    for seed in SEEDS:
        found = severities(voices(seed))
        assert np.corrcoef(found["right"], found["planted"])[0, 1] > 0.9
        # A scale of three grades shrinks differences, so the order is what must be right at the ends.
        assert found["right"].idxmin() in found["planted"].nsmallest(2).index


def shares(world):
    """Share of bad news by role: true, by the classifier alone, corrected by prediction-powered inference, its error."""
    notes = world["notes"].query("kind == 'contact note'")
    notes = notes.merge(world["staff"], left_on="author_staff_id", right_on="staff_id")
    notes = notes[notes["role"].isin(["service agent", "planner"])].set_index("note_id")
    tone = truth(world, "truth_labels", PLAY).set_index("key")["value"]
    panel = codings(world).query("round_no == 2").set_index("note_id")["score"]
    words = CountVectorizer(min_df=3).fit_transform(notes["text"])
    coded = notes.index.isin(panel.index)
    label = (panel.reindex(notes.index[coded]) == 0).to_numpy()
    model = LogisticRegression(C=1.0, max_iter=300)
    guess = model.fit(words[coded], label).predict(words).astype(float)
    guess[coded] = cross_val_predict(model, words[coded], label, cv=5).astype(float)
    rows = {}
    for role, of_role in notes.groupby("role").indices.items():
        gold = coded[of_role]
        known = (panel.reindex(notes.index[of_role][gold]) == 0).to_numpy(dtype=float)
        wrong = known - guess[of_role][gold]
        rows[role] = {
            "true": (tone.reindex(notes.index[of_role]) == "negative").mean(),
            "raw": guess[of_role].mean(),
            "ppi": guess[of_role].mean() + wrong.mean(),
            "error": np.sqrt(wrong.var() / len(wrong) + guess[of_role].var() / len(of_role)),
        }
    return pd.DataFrame(rows).T


@pytest.fixture(scope="module")
def found():
    """Shares of bad news by role in each seed's world."""
    return {seed: shares(voices(seed)) for seed in SEEDS}


def test_qualitative_signals_recovers_the_share_of_bad_news(found):
    """Counts corrected by the panel's verdicts cover the true share of both roles."""
    z = np.array([((f["ppi"] - f["true"]) / f["error"]).to_numpy() for f in found.values()])
    assert (np.abs(z) < 3).all()
    assert abs(z.mean()) < 1.2


def test_qualitative_signals_raw_counts_favour_who_words_flatly(found):
    """The classifier alone sees far less bad news of planners than there is, and less of them than of agents."""
    for frame in found.values():
        planner = frame.loc["planner"]
        assert planner["raw"] < planner["true"] - 3 * planner["error"]
        assert planner["raw"] < frame.loc["service agent", "raw"]


def test_qualitative_signals_coders_and_groups_are_alike_without_the_effect():
    """With the size at nothing coders do not differ and the classifier errs alike for both roles."""
    world = voices(9, effect=0.0)
    assert severities(world)["right"].abs().max() < 0.12
    frame = shares(world)
    assert (frame["raw"] - frame["true"]).abs().max() < 0.08
