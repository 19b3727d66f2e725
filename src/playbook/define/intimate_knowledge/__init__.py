"""What must we know about a customer? What each attribute saves in one operational decision, against asking for it."""

from playbook.define.intimate_knowledge.analysis import Domain, Knowledge, worth
from playbook.define.intimate_knowledge.decision import criteria, decide, what_if, zones
from playbook.define.intimate_knowledge.figures import plot, plot_predicts, plot_what_if, plot_zones
from playbook.define.intimate_knowledge.proof import HINTS, check, recover
from playbook.define.intimate_knowledge.words import (
    by_chance,
    ceilings,
    costs,
    overview,
    question,
    sampling,
    shown,
)

__all__ = [
    "HINTS",
    "Domain",
    "Knowledge",
    "by_chance",
    "ceilings",
    "check",
    "costs",
    "criteria",
    "decide",
    "overview",
    "plot",
    "plot_predicts",
    "plot_what_if",
    "plot_zones",
    "question",
    "recover",
    "sampling",
    "shown",
    "what_if",
    "worth",
    "zones",
]
