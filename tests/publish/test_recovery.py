"""Every play that estimates something still finds what was planted: the committed report, and two worlds made anew."""

import numpy as np
import pandas as pd
import pytest

from playbook.publish import recovery

REPORT = recovery.committed()
RATES = recovery.rates(REPORT)
PLAYS = list(dict.fromkeys(REPORT["play"]))


def test_the_report_holds_every_play_that_estimates_something():
    """Twenty worlds with the effect and twenty without, one row per quantity; nothing of plays that are gone."""
    assert sorted(PLAYS) == sorted(entry.id for entry in recovery.reported())
    assert not REPORT.duplicated(recovery.KEY).any()
    worlds = REPORT.groupby(["play", "what"])[["effect", "seed"]].apply(
        lambda rows: set(map(tuple, rows.to_numpy()))
    )
    whole = {(1.0, float(seed)) for seed in recovery.SEEDS}
    whole |= {(0.0, float(seed + recovery.QUIET)) for seed in recovery.SEEDS}
    assert all(found == whole for found in worlds)


@pytest.mark.parametrize("name", PLAYS)
def test_intervals_hold_the_truth_at_about_their_rate(name):
    """An honest 90 % interval holds it in fewer than 14 of 20 worlds about once in 400 quantities; on average in 4 of 5."""
    own = RATES[(RATES["play"] == name) & (RATES["covered"] >= 0)]
    assert (own["covered"] >= 14).all()
    assert own.empty or own["covered"].sum() / own["worlds"].sum() >= 0.8


@pytest.mark.parametrize("name", PLAYS)
def test_todays_answer_is_further_off(name):
    """Where the effect is planted, the naive answer misses at least one quantity by twice as much as the play."""
    own = RATES[(RATES["play"] == name) & (RATES["effect"] > 0) & RATES["naive"].notna()]
    assert own.empty or (own["naive_miss"] > 2 * own["miss"]).any()


@pytest.mark.parametrize(("seed", "effect"), [(1, 1.0), (2, 0.0)])
def test_the_report_is_what_the_methods_say_today(seed, effect, tmp_path):
    """A world made anew gives the committed rows; if a method was changed on purpose, `make recovery` measures again."""
    table = recovery.over_worlds(recovery.reported(), [seed], [effect], worlds=tmp_path, workers=1)
    both = table.merge(REPORT, on=recovery.KEY, suffixes=("", "_then"), how="left", validate="one_to_one")
    width = (both["high"] - both["low"]).fillna(both["truth"].abs())
    for column in recovery.VALUES:
        off = (both[column] - both[f"{column}_then"]).abs()
        digits = 1e-4 * both[f"{column}_then"].abs() + 1e-5  # the file holds six
        gone = both[column].isna() != both[f"{column}_then"].isna()
        assert not both.loc[
            gone | (off > 0.02 * width + digits), ["play", "what", column, f"{column}_then"]
        ].to_dict("records")


def test_rates_count_what_intervals_hold():
    """Two worlds by hand: one interval holds the truth, one does not; without intervals nothing is counted."""
    rows = pd.DataFrame(
        {
            "play": "a.b", "what": ["x", "x", "y", "y"], "effect": 1.0, "seed": [1, 2, 1, 2],
            "estimate": [1.0, 5.0, 2.0, 2.0], "low": [0.0, 4.0, np.nan, np.nan], "high": [2.0, 6.0, np.nan, np.nan],
            "naive": [4.0, 4.0, np.nan, np.nan], "truth": [1.5, 3.0, 2.0, 3.0],
        }
    )  # fmt: skip
    found = recovery.rates(rows).set_index("what")
    assert found["covered"].to_dict() == {"x": 1, "y": -1}
    assert found.loc["x", ["estimate", "miss", "naive_miss"]].tolist() == [3.0, 1.25, 1.75]
