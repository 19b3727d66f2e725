"""One standard, or local variants? What a unit's own protocol gains there, and what it may cost."""

from playbook.define.standardize_or_localize.analysis import Variants, customer_choices, gains, unit_choices
from playbook.define.standardize_or_localize.decision import cost_steps, decide, what_if
from playbook.define.standardize_or_localize.figures import plot, plot_customers, plot_levels, plot_what_if
from playbook.define.standardize_or_localize.proof import HINTS, check, recover
from playbook.define.standardize_or_localize.words import question, shown, sizes, spreads

__all__ = [
    "HINTS",
    "Variants",
    "check",
    "cost_steps",
    "customer_choices",
    "decide",
    "gains",
    "plot",
    "plot_customers",
    "plot_levels",
    "plot_what_if",
    "question",
    "recover",
    "shown",
    "sizes",
    "spreads",
    "unit_choices",
    "what_if",
]
