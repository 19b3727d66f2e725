"""A timed agenda, from the minutes that sections declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playbook.catalogue import Play

HALF_DAY_MIN = 210
OPENING_MIN, BREAK_MIN, CLOSING_MIN = 10, 15, 15
BREAK_AFTER_MIN = 90  # people stop listening


@dataclass(frozen=True)
class Slot:
    """One line of the agenda: when, how long, what happens, and the play it belongs to."""

    start_min: int
    minutes: int
    what: str
    play: Play | None = None

    @property
    def clock(self) -> str:
        """Hours and minutes since the start.

        Examples
        --------
        >>> Slot(85, 15, "Break").clock
        '1:25'
        """
        return f"{self.start_min // 60}:{self.start_min % 60:02d}"

    @property
    def end_min(self) -> int:
        """Minutes from the start to the end."""
        return self.start_min + self.minutes


def half_days(plays: Sequence[Play]) -> list[list[Play]]:
    """Pack the half-day plays of whole modules into half days.

    A module whose plays fill more than a half day gets one of its own.
    """
    days: list[list[Play]] = []
    for module in dict.fromkeys(play.module for play in plays):
        group = [play for play in plays if play.module == module and play.cut == "half"]
        if not group:
            continue
        if days and _length(days[-1] + group) <= HALF_DAY_MIN:
            days[-1] += group
        else:
            days.append(group)
    return days


def _length(plays: Sequence[Play]) -> int:
    return timed(plays)[-1].end_min


def timed(plays: Sequence[Play]) -> list[Slot]:
    """Return the agenda of one half day: opening, plays, a break when it has been long enough, decisions."""
    slots = [Slot(0, OPENING_MIN, "Opening: the question of the day, laptops ready")]
    since_break = OPENING_MIN
    for play in plays:
        length = play.teach_min + play.practise_min
        if since_break + length > BREAK_AFTER_MIN:
            slots.append(Slot(slots[-1].end_min, BREAK_MIN, "Break"))
            since_break = 0
        slots.append(Slot(slots[-1].end_min, play.teach_min, "Teach", play))
        slots.append(Slot(slots[-1].end_min, play.practise_min, "Practise and decide", play))
        since_break += length
    return [*slots, Slot(slots[-1].end_min, CLOSING_MIN, "Read the decisions aloud: owners and review dates")]
