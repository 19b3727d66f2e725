"""What people should do is learnt from what their overrides cost, not from what they do."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "sustain.exception_automation"


def make(seed, customers=800, **kw):
    """A world with overrides."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["overrides"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with overrides."""
    return [make(seed) for seed in range(5)]


def cases(world):
    """Overrides with the cell they belong to."""
    frame = world["exceptions"].query("override_action.notna()")
    tier = world["customers"].set_index("customer_id")["tier"]
    return frame.assign(cell=frame["exception_type"] + " & " + frame["customer_id"].map(tier).to_numpy())


def by_outcome(frame, support=15):
    """The action with the least mean loss in each cell, of those with enough support."""
    table = frame.groupby(["cell", "override_action"])["loss_amt"].agg(["mean", "size"]).reset_index()
    best = table[table["size"] >= support].sort_values("mean").drop_duplicates("cell")
    return best.set_index("cell")["override_action"]


def by_habit(frame):
    """The action that most people take in each cell."""
    return frame.groupby("cell")["override_action"].agg(lambda actions: actions.mode()[0])


def right(world, rules):
    """Share of the cases whose cell has the planted action."""
    truth = world["truth_structure"].query("play == @PLAY and kind == 'rule'").set_index("source")["target"]
    cell = cases(world)["cell"]
    return (cell.map(rules) == cell.map(truth)).mean()


def test_tables_keep_their_schemas(worlds):
    """Declared, and inside the history."""
    for table in ("exceptions", "config_versions"):
        validate(table, worlds[0][table])
    assert worlds[0]["exceptions"]["resolved_at"].max() < WorldSettings().end


def test_exception_automation_learns_the_planted_rules_from_outcomes(worlds):
    """The cheapest action per cell is the planted one in nearly all cases, in every seed."""
    assert min(right(world, by_outcome(cases(world))) for world in worlds) > 0.95


def test_exception_automation_costs_less_than_people_on_later_cases(worlds):
    """Rules learnt on the first half cost less than people do on the second, by inverse propensity in cells."""
    for world in worlds:
        frame = cases(world).sort_values("occurred_at")
        first, second = frame.iloc[: len(frame) // 2], frame.iloc[len(frame) // 2 :]
        followed = second[second["override_action"] == second["cell"].map(by_outcome(first, support=8))]
        per_cell = followed.groupby("cell")["loss_amt"].mean()
        assert second["cell"].map(per_cell).mean() < second["loss_amt"].mean()


def test_exception_automation_misleads_who_imitates(worlds):
    """The action that most people take is wrong in the cells of habit."""
    shares = [right(world, by_habit(cases(world))) for world in worlds]
    assert max(shares) < 0.88


def test_exception_automation_has_no_best_action_without_effect():
    """Losses do not depend on the action: no more pairs in a cell differ than chance allows."""
    worlds = [make(seed, effects={PLAY: 0}) for seed in range(3)]
    z = []
    for world in worlds:
        assert world["truth_structure"].query("play == @PLAY").empty
        frame = cases(world)
        frame = frame[frame["override_action"] != "ask the customer"]  # asked more often when a case is hard
        table = frame.groupby(["cell", "override_action"])["loss_amt"].agg(["mean", "var", "size"])
        for _, cell in table[table["size"] >= 15].groupby("cell"):
            if len(cell) == 2:
                difference = cell["mean"].iloc[0] - cell["mean"].iloc[1]
                z.append(difference / np.sqrt((cell["var"] / cell["size"]).sum()))
    assert len(z) > 20
    assert pd.Series(z).std() == pytest.approx(1, abs=0.35)
