"""The directly-follows graph is that of the textbook's log, whatever the order of its cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.methods.journeys import adjusted_effects, backbone, directly_follows

TEXTBOOK = ["abcd"] * 3 + ["acbd"] * 2 + ["aed"]  # L1 of van der Aalst (2016)
LOGS = st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=8)


def events(traces):
    """Case and activity of each event."""
    return [k for k, trace in enumerate(traces) for _ in trace], [step for trace in traces for step in trace]


def counted(table):
    return {row.source + row.target: row[3] for row in table.itertuples()}


def test_the_textbook_log():
    """ab 3, bc 3, cd 3, ac 2, cb 2, bd 2, ae 1, ed 1."""
    assert counted(directly_follows(*events(TEXTBOOK))) == {
        "ab": 3, "bc": 3, "cd": 3, "ac": 2, "cb": 2, "bd": 2, "ae": 1, "ed": 1,
    }  # fmt: skip


@given(LOGS)
def test_counts_are_those_of_a_loop_over_cases(traces):
    """Each neighbouring pair of each trace, once; cases may be interleaved."""
    pairs = [trace[k : k + 2] for trace in traces for k in range(len(trace) - 1)]
    case, activity = events(traces)
    place = [k for trace in traces for k in range(len(trace))]
    mixed = np.argsort(place, kind="stable")  # all first events, then all second ones ...
    for order in (np.arange(len(case)), mixed):
        table = directly_follows(np.array(case)[order], np.array(activity)[order])
        assert counted(table) == {pair: pairs.count(pair) for pair in set(pairs)}


@given(LOGS)
def test_the_backbone_keeps_every_activity_that_is_linked(traces):
    """No activity with a way to another loses all; at most two ways for each."""
    table = directly_follows(*events(traces))
    others = table[table["source"] != table["target"]]
    kept = backbone(table)
    names = set(others["source"]) | set(others["target"])
    assert set(kept["source"]) | set(kept["target"]) == names
    assert len(kept) <= 2 * len(names)
    assert len(backbone(table, least=1)) == len(others)


def test_gaps_in_the_log_are_refused():
    """An event without a case, or of another length."""
    with pytest.raises(ValueError, match="no place in a journey"):
        directly_follows([1, None], ["a", "b"])
    with pytest.raises(ValueError, match="got 1 and 2"):
        directly_follows([1], ["a", "b"])


def test_weighted_slopes_are_those_of_repeated_rows():
    """A replicate that holds a case twice gives the least-squares slopes of the data with that row twice."""
    rng = np.random.default_rng(1)
    known = np.column_stack([np.ones(40), rng.normal(size=40)])
    steps, outcome = rng.integers(0, 2, (40, 2)), rng.integers(0, 2, 40)
    weights = rng.integers(0, 3, (3, 40))
    found = adjusted_effects(outcome, steps, known, weights)
    for row, slopes in zip(weights, found, strict=True):
        design = np.repeat(np.column_stack([known, steps]), row, axis=0)
        expected = np.linalg.lstsq(design, np.repeat(outcome, row).astype(float), rcond=None)[0][2:]
        assert slopes == pytest.approx(expected, abs=1e-4)
