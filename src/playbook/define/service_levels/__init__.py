"""Which service levels carry intimacy into the SLA? Hours and special requests to promise, and how teams share them."""

from playbook.define.service_levels.analysis import ServiceLevels, faster, service_levels
from playbook.define.service_levels.decision import decide, sla, what_if
from playbook.define.service_levels.figures import plot, plot_cost, plot_requests, plot_sum, plot_what_if
from playbook.define.service_levels.proof import HINTS, check, recover
from playbook.define.service_levels.words import (
    adding_up,
    break_even,
    by_channel,
    capacity,
    composed,
    glance,
    olas,
    read,
    thresholds,
    together,
)

__all__ = [
    "HINTS",
    "ServiceLevels",
    "adding_up",
    "break_even",
    "by_channel",
    "capacity",
    "check",
    "composed",
    "decide",
    "faster",
    "glance",
    "olas",
    "plot",
    "plot_cost",
    "plot_requests",
    "plot_sum",
    "plot_what_if",
    "read",
    "recover",
    "service_levels",
    "sla",
    "thresholds",
    "together",
    "what_if",
]
