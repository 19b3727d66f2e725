"""The week from which standard work is left more often is the planted one, and volume does not show it."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.process_deviation"
SEEDS = range(20)


def make(seed, customers=200, **kw):
    """A world with order handling."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["variants", "processes"])


@pytest.fixture(scope="module")
def worlds():
    """Twenty worlds whose share of deviations rises, with their cases."""
    made = [make(seed) for seed in SEEDS]
    return [(world, traces(world)) for world in made]


def traces(world):
    """Per case: its steps in order, week of its start, hours, and whether no allowed path has these steps."""
    log = world["touchpoints"].sort_values(["case_id", "started_at"])
    steps = world["process_steps"].query("process == 'order handling'").set_index("step_id")["next_step_ids"]
    allowed = {key: set() if pd.isna(text) else set(text.split(";")) for key, text in steps.items()}
    grouped = log.groupby("case_id")
    cases = pd.DataFrame(
        {
            "trace": grouped["step_id"].agg(tuple),
            "start": grouped["started_at"].min(),
            "hours": (grouped["ended_at"].max() - grouped["started_at"].min()).dt.total_seconds() / 3600,
        }
    )
    cases["week"] = (cases["start"] - WorldSettings().start).dt.days // 7
    # Both checks or none: next_step_ids allow to leave after one, so the standard's three ways are spelled out.
    name = "order handling:"
    checks = {f"{name}credit checked", f"{name}stock checked"}

    def conforms(trace):
        steps_ok = all(b in allowed[a] for a, b in pairwise(trace))
        return steps_ok and len(set(trace)) == len(trace) and len(checks & set(trace)) in (0, 2)

    ways = {trace: not conforms(trace) for trace in cases["trace"].unique()}
    return cases.assign(deviates=cases["trace"].map(ways))


def change_point(success, total):
    """The best week to split a series of binomial shares, and those that an overdispersed likelihood allows."""
    s, n = np.cumsum(success), np.cumsum(total)

    def likelihood(k, m):
        p = np.clip(k / np.maximum(m, 1), 1e-9, 1 - 1e-9)
        return k * np.log(p) + (m - k) * np.log(1 - p)

    cut = np.arange(8, len(s) - 4)
    value = likelihood(s[cut - 1], n[cut - 1]) + likelihood(s[-1] - s[cut - 1], n[-1] - n[cut - 1])
    best = cut[value.argmax()]
    return best, cut[value > value.max() - 4.0], 2 * (value.max() - likelihood(s[-1], n[-1]))


def weekly(cases):
    """Deviating and all cases, by week."""
    grouped = cases.groupby("week")["deviates"]
    weeks = range(cases["week"].max() + 1)
    return grouped.sum().reindex(weeks, fill_value=0).to_numpy(), grouped.size().reindex(
        weeks, fill_value=0
    ).to_numpy()


def planted_week(world):
    """The planted week, counted from the start."""
    shift = world["truth_shifts"].query("play == @PLAY").iloc[0]
    return (shift["start_at"] - WorldSettings().start).days / 7


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, inside the history."""
    world, _ = worlds[0]
    validate("touchpoints", world["touchpoints"])
    assert world["touchpoints"]["step_id"].isin(world["process_steps"]["step_id"]).all()
    assert world["touchpoints"]["started_at"].min() >= WorldSettings().start
    assert world["touchpoints"]["ended_at"].max() < WorldSettings().end


def test_process_deviation_finds_the_planted_cases_and_week(worlds):
    """Checked against the standard, labels are exact; the planted week is in the interval of the share's change."""
    inside = []
    for world, cases in worlds:
        labels = world["truth_labels"].query("play == @PLAY").set_index("key")["value"]
        assert set(cases.index[cases["deviates"]]) == set(labels.index)
        _, allowed, _ = change_point(*weekly(cases))
        inside.append(allowed.min() - 1 <= planted_week(world) <= allowed.max() + 1)
    assert np.mean(inside) >= 0.85


def test_process_deviation_names_the_variant_worth_adopting(worlds):
    """Hours of the kinds of deviation against the standard, in logs, are the planted ones."""
    found = {}
    for world, cases in worlds:
        kind = cases.index.map(world["truth_labels"].query("play == @PLAY").set_index("key")["value"])
        log = np.log(
            cases["hours"] / (1 - 0.4 / cases["trace"].map(len))
        )  # the log ends within the last step
        for name, effect in world["truth_effects"].query("play == @PLAY").set_index("action")["size"].items():
            found.setdefault((name, effect), []).append(log[kind == name].mean() - log[pd.isna(kind)].mean())
    for (name, effect), values in found.items():
        assert np.mean(values) == pytest.approx(effect, abs=0.05), name


def test_process_deviation_misleads_who_counts_or_knows_one_way_only(worlds):
    """Counts of deviations change with the campaign; against the most frequent way half the cases deviate."""
    far, share = [], []
    for world, cases in worlds:
        success, _ = weekly(cases)
        best, _, _ = change_point(success, np.full(len(success), success.max() * 20))
        far.append(abs(best - planted_week(world)) > 8)
        share.append((cases["trace"] != cases["trace"].mode()[0]).mean())
    assert np.mean(far) > 0.6
    assert min(share) > 0.4


def test_process_deviation_has_no_date_without_effect(worlds):
    """The share does not change by more than weeks differ, and no kind of deviation is faster."""
    gains = []
    for seed in range(4):
        world = make(seed, effects={PLAY: 0})
        gains.append(change_point(*weekly(traces(world)))[2])
        assert world["truth_shifts"].query("play == @PLAY").empty
    assert np.median(gains) < 12
    with_effect = [change_point(*weekly(cases))[2] for _, cases in worlds]
    assert min(with_effect) > 2 * max(gains)
