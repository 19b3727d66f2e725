"""May we, here, today, for this purpose? Messages against the ledger, opt-outs against their clocks."""

from playbook.govern.consent.analysis import NOBODY, Audit, audit, recent
from playbook.govern.consent.decision import decide, what_if
from playbook.govern.consent.figures import plot, plot_optouts, plot_what_if
from playbook.govern.consent.proof import HINTS, check
from playbook.govern.consent.words import case, queue, reach_table, reasons, shortcuts, shown

__all__ = [
    "HINTS",
    "NOBODY",
    "Audit",
    "audit",
    "case",
    "check",
    "decide",
    "plot",
    "plot_optouts",
    "plot_what_if",
    "queue",
    "reach_table",
    "reasons",
    "recent",
    "shortcuts",
    "shown",
    "what_if",
]
