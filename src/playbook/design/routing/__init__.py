"""Who is served first when it is busy? Last year's calls replayed call by call under other routing rules."""

from playbook.design.routing.analysis import (
    FIRST_COME,
    Desk,
    Routing,
    Rule,
    at_load,
    desk,
    escalations,
    own_agent_ratio,
    peak_conditions,
    replay,
    replay_error,
    routing,
    rules,
    waits,
)
from playbook.design.routing.decision import decide, hurts_at, what_if
from playbook.design.routing.figures import plot, plot_load, plot_week, plot_what_if
from playbook.design.routing.proof import HINTS, check, planted_wait
from playbook.design.routing.words import busy_hours, own_agent, sizing, staffing

__all__ = [
    "FIRST_COME",
    "HINTS",
    "Desk",
    "Routing",
    "Rule",
    "at_load",
    "busy_hours",
    "check",
    "decide",
    "desk",
    "escalations",
    "hurts_at",
    "own_agent",
    "own_agent_ratio",
    "peak_conditions",
    "planted_wait",
    "plot",
    "plot_load",
    "plot_week",
    "plot_what_if",
    "replay",
    "replay_error",
    "routing",
    "rules",
    "sizing",
    "staffing",
    "waits",
    "what_if",
]
