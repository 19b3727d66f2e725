"""The agenda: nobody sits too long, nothing overlaps, whole modules stay together."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import catalogue
from playbook.publish.agenda import BREAK_AFTER_MIN, HALF_DAY_MIN, half_days, timed

PLAY = catalogue.play("measure.control_charts")


def play(module="measure", minutes=25, cut="half"):
    return replace(PLAY, module=module, teach_min=minutes // 3, practise_min=minutes - minutes // 3, cut=cut)


@given(st.lists(st.integers(10, 40), min_size=1, max_size=9))
def test_slots_follow_each_other_and_nobody_sits_longer_than_a_break_allows(minutes):
    slots = timed([play(minutes=m) for m in minutes])
    assert all(a.end_min == b.start_min for a, b in pairwise(slots))
    assert sum(slot.minutes for slot in slots if slot.play) == sum(minutes)
    sitting = 0
    for slot in slots[:-1]:
        sitting = 0 if slot.what == "Break" else sitting + slot.minutes
        assert sitting <= BREAK_AFTER_MIN


@given(st.lists(st.sampled_from(catalogue.MODULES), min_size=1, max_size=20))
def test_half_days_hold_whole_modules_and_fit_unless_one_module_alone_is_longer(names):
    plays = [play(module) for module in sorted(names, key=catalogue.MODULES.index)]
    days = half_days(plays)
    assert [p for day in days for p in day] == plays
    for day in days:
        assert timed(day)[-1].end_min <= HALF_DAY_MIN or len({p.module for p in day}) == 1


@pytest.mark.parametrize("cut", ["full", "self"])
def test_plays_for_longer_formats_stay_out_of_the_half_day(cut):
    assert half_days([play(cut=cut)]) == []
