"""Do we mean the same? Statements, cases and criteria rated in the room: who agrees, who disputes, what is only unclear."""

from playbook.define.shared_definition.analysis import (
    Agreement,
    Answers,
    analyse,
    answers,
    labelled,
    opposed_targets,
    rules,
    said,
)
from playbook.define.shared_definition.decision import decide, disputes, what_if
from playbook.define.shared_definition.figures import (
    plot,
    plot_disputes,
    plot_kappas,
    plot_weights,
    plot_what_if,
)
from playbook.define.shared_definition.proof import HINTS, check, recover
from playbook.define.shared_definition.words import (
    contested_cases,
    shown_overall,
    sorted_statements,
    source,
    targets_said,
    weighed,
)

__all__ = [
    "HINTS",
    "Agreement",
    "Answers",
    "analyse",
    "answers",
    "check",
    "contested_cases",
    "decide",
    "disputes",
    "labelled",
    "opposed_targets",
    "plot",
    "plot_disputes",
    "plot_kappas",
    "plot_weights",
    "plot_what_if",
    "recover",
    "rules",
    "said",
    "shown_overall",
    "sorted_statements",
    "source",
    "targets_said",
    "weighed",
    "what_if",
]
