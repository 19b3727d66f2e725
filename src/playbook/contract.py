"""What a play hands to the classroom: a decision, and feedback on an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PLANTED = "the planted truth of the synthetic world"
OWN_DATA = "consistency with your own data, which has no planted truth"


@dataclass(frozen=True)
class Decision:
    """What a play ends in; one row of the decision register.

    Parameters
    ----------
    recommendation : str
        What to do, as one sentence to the person who will do it.
    evidence : str
        The numbers behind it, with their period.
    metric, unit : str
        What is predicted to move, and its unit.
    low, high : float
        The range that `metric` is predicted to reach by the review.
    flips_if : str
        The observation that would reverse the recommendation.
    owner : str
        The role that owns it until a name replaces it.
    review_days : int
        Days from the as-of date to the review.
    """

    recommendation: str
    evidence: str
    metric: str
    unit: str
    low: float
    high: float
    flips_if: str
    owner: str
    review_days: int = 90

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"a decision predicts a range low <= high; got {self.low} to {self.high}")


@dataclass(frozen=True)
class Feedback:
    """How near an answer is and which way it is off; never the answer.

    Parameters
    ----------
    near : bool
        Whether the answer is good enough to go on.
    message : str
        How near and which way off, in words.
    hints : sequence of str
        Graduated: the classroom shows one more after each attempt.
    basis : str
        What the answer was held against: `PLANTED` or `OWN_DATA`.
    """

    near: bool
    message: str
    hints: Sequence[str]
    basis: str = PLANTED


def grade(
    answer: float, expected: float, *, tolerance: float, hints: Sequence[str], basis: str = PLANTED
) -> Feedback:
    """Compare a number with what was expected, in relative terms.

    Parameters
    ----------
    answer, expected : float
        Same unit. Where `expected` is zero, there is nothing to find, and only zero is near.
    tolerance : float
        Relative error up to which the answer counts as near, e.g. 0.1.
    hints : sequence of str
        Graduated hints.
    basis : str
        `PLANTED` or `OWN_DATA`.

    Examples
    --------
    >>> grade(130, 100, tolerance=0.1, hints=[]).message
    'Too high: within a factor of 1.5.'
    >>> grade(95, 100, tolerance=0.1, hints=[]).near
    True
    """
    if abs(answer - expected) <= tolerance * abs(expected):
        return Feedback(True, f"Near enough: within {tolerance:.0%}.", hints, basis)
    side = "high" if answer > expected else "low"
    if expected == 0:
        return Feedback(False, f"Too {side}: look again at whether there is anything to find.", hints, basis)
    ratio = max(answer / expected, expected / answer) if answer * expected > 0 else math.inf
    bands = [(1.5, "within a factor of 1.5"), (3.0, "within a factor of 3"), (10.0, "within a factor of 10")]
    distance = next((text for limit, text in bands if ratio <= limit), "off by more than a factor of 10")
    return Feedback(False, f"Too {side}: {distance}.", hints, basis)
