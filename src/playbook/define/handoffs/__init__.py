"""Where does the customer fall between two teams? Hand-offs ranked by what an average case loses there."""

from playbook.define.handoffs.analysis import Handoffs, cost_steps, rank
from playbook.define.handoffs.decision import customer_steps, decide, differ, net_saving, what_if
from playbook.define.handoffs.figures import plot, plot_loss, plot_noticed, plot_what_if
from playbook.define.handoffs.proof import HINTS, check, customer_share, recover
from playbook.define.handoffs.words import (
    chosen,
    compared,
    customers_part,
    integration,
    noticed,
    overview,
    rankings,
)

__all__ = [
    "HINTS",
    "Handoffs",
    "check",
    "chosen",
    "compared",
    "cost_steps",
    "customer_share",
    "customer_steps",
    "customers_part",
    "decide",
    "differ",
    "integration",
    "net_saving",
    "noticed",
    "overview",
    "plot",
    "plot_loss",
    "plot_noticed",
    "plot_what_if",
    "rank",
    "rankings",
    "recover",
    "what_if",
]
