"""Which missing data source costs us most? What a decision costs more without it, how good it is, and how hard to join."""

from playbook.define.data_sources.analysis import (
    COLUMNS,
    LABELS,
    MORE_IS_BETTER,
    Sources,
    cost_steps,
    sources,
)
from playbook.define.data_sources.decision import decide, verdicts, what_if
from playbook.define.data_sources.figures import plot, plot_front, plot_weights, plot_what_if
from playbook.define.data_sources.proof import HINTS, check, recover
from playbook.define.data_sources.words import overview, question, ranked, shown

__all__ = [
    "COLUMNS",
    "HINTS",
    "LABELS",
    "MORE_IS_BETTER",
    "Sources",
    "check",
    "cost_steps",
    "decide",
    "overview",
    "plot",
    "plot_front",
    "plot_weights",
    "plot_what_if",
    "question",
    "ranked",
    "recover",
    "shown",
    "sources",
    "verdicts",
    "what_if",
]
