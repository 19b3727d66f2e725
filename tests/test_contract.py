"""Feedback says near or which way off, never the answer; a decision predicts a range."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from playbook.contract import Decision, grade

amounts = st.floats(0.1, 1e6)


@given(answer=amounts, expected=amounts, scale=st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_direction_is_right_and_the_message_tells_nothing_about_the_size(answer, expected, scale):
    """Property: too high exactly when above, near exactly within tolerance; the words depend on the ratio alone."""
    assume(abs(abs(answer - expected) - 0.1 * expected) > 1e-9 * expected)
    feedback = grade(answer, expected, tolerance=0.1, hints=())
    assert feedback.near == (abs(answer - expected) < 0.1 * expected)
    if not feedback.near:
        assert feedback.message.startswith("Too high" if answer > expected else "Too low")
    assert feedback == grade(scale * answer, scale * expected, tolerance=0.1, hints=())


@pytest.mark.parametrize(("low", "high"), [(2, 1), (math.nan, 1), (0, math.inf)])
def test_a_decision_without_a_range_is_refused(low, high):
    """Next quarter's review needs a finite range."""
    with pytest.raises(ValueError, match="low <= high"):
        Decision("a", "b", "c", "d", low, high, "e", "f")


def test_where_there_is_nothing_to_find_only_zero_is_near():
    """A company in which nothing was planted can be asked too; the answer zero is not given away."""
    assert grade(0, 0, tolerance=0.1, hints=[]).near
    assert grade(3, 0, tolerance=0.1, hints=[]).message.startswith("Too high: look again")
    assert "0" not in grade(-3, 0, tolerance=0.1, hints=[]).message
