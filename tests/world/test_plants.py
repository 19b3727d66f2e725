"""Every play has something planted for it, and a test that shows a right method finds it."""

import ast
from pathlib import Path

import pytest

from playbook.publish.coverage import plan
from playbook.store.schemas import tables
from playbook.world.generate import generate
from playbook.world.plants import plants
from playbook.world.settings import WorldSettings

TESTS = Path(__file__).parents[1]


def test_every_play_has_one_entry():
    """All 122 plays of the plan, and no other."""
    assert sorted(plants()) == sorted(plan())


@pytest.fixture(scope="module")
def small():
    """A small whole world."""
    return generate(WorldSettings(seed=2, customers=400))


def test_tables_and_truth_of_each_entry_exist(small):
    """What an entry names is in the world, and shared truth has rows for its play."""
    for play, plant in plants().items():
        assert plant.truth, play
        assert set(plant.tables) <= set(tables()), play
        assert set(plant.tables) <= set(small), play
        for name in plant.truth:
            assert name in small, (play, name)
            if "play" in small[name]:
                assert (small[name]["play"] == play).any(), (play, name)


def functions_in(file):
    """Names of a file's test functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("play", sorted(plan()))
def test_each_play_has_its_proofs(play):
    """A written play is proved in its own tests; the others where they are planted, by at least two tests."""
    module, name = play.split(".")
    own = TESTS / module / f"test_{name}.py"
    if own.is_file():
        return
    planted_in = TESTS / "world" / "domains" / f"test_{plants()[play].domain}.py"
    assert sum(test.startswith(f"test_{name}_") for test in functions_in(planted_in)) >= 2
