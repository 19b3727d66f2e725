"""A module's notebook opens with the way through it and closes with what was decided."""

from dataclasses import replace

import pytest

from playbook.catalogue import Stage, modules, plays
from playbook.notebooks import build, way


@pytest.fixture
def play():
    return next(iter(plays().values()))


def test_the_way_names_each_chosen_question_under_its_stage(play):
    """Stages without a chosen play are left out; the half day is added up from the declared minutes."""
    module = replace(
        modules()[play.module],
        stages=(Stage("First", "Begin here.", (play.name,)), Stage("Second", "Then this.", ("other",))),
    )
    half = replace(play, teach_min=10, practise_min=15, cut="half")
    text = way(module, [half])
    assert "**1. First.** Begin here." in text
    assert f"- {play.title} *(25 min, half day)*" in text
    assert "Second" not in text
    assert "take 25 minutes without breaks" in text
    assert "Short of time?" not in way(module, [replace(half, cut="full")])


def test_a_module_with_a_closing_ends_in_the_register_on_one_page(play):
    """The last cell sums up; a module without a closing ends with its last play."""
    module = modules()[play.module]
    assert build(replace(module, closing="what we mean"), [play]).cells[-1].source == "session.sum_up()"
    assert build(replace(module, closing=""), [play]).cells[-1].metadata["play"] == play.id
