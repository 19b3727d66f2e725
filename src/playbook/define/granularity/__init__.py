"""Segment, account or individual? At which level customers differ in a need, and what knowing each level is worth."""

from playbook.define.granularity.analysis import Granularity, answer_steps, levels, measured
from playbook.define.granularity.decision import decide, what_if
from playbook.define.granularity.figures import plot, plot_misses, plot_what_if
from playbook.define.granularity.proof import HINTS, check, recover
from playbook.define.granularity.words import break_even, overview, question, shown, sizes

__all__ = [
    "HINTS",
    "Granularity",
    "answer_steps",
    "break_even",
    "check",
    "decide",
    "levels",
    "measured",
    "overview",
    "plot",
    "plot_misses",
    "plot_what_if",
    "question",
    "recover",
    "shown",
    "sizes",
    "what_if",
]
