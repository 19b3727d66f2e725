"""Who is in which tier this week? A weekly score, and rules that follow real changes without following chance."""

from playbook.define.tier_assignment.analysis import Rule, Tiers, assigned, movers, tiers
from playbook.define.tier_assignment.decision import decide, target_steps, what_if
from playbook.define.tier_assignment.figures import plot, plot_customer, plot_what_if
from playbook.define.tier_assignment.proof import HINTS, check, recover
from playbook.define.tier_assignment.words import chance, free_gain, listed, overview, scored, shown

__all__ = [
    "HINTS",
    "Rule",
    "Tiers",
    "assigned",
    "chance",
    "check",
    "decide",
    "free_gain",
    "listed",
    "movers",
    "overview",
    "plot",
    "plot_customer",
    "plot_what_if",
    "recover",
    "scored",
    "shown",
    "target_steps",
    "tiers",
    "what_if",
]
