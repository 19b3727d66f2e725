"""How fast is fast enough? Where waiting begins to bring customers back, by channel, and when callers give up."""

from playbook.define.latency_thresholds.analysis import Thresholds, left, limits, thresholds
from playbook.define.latency_thresholds.decision import decide, what_if
from playbook.define.latency_thresholds.figures import (
    plot,
    plot_limits,
    plot_patience,
    plot_plain,
    plot_what_if,
)
from playbook.define.latency_thresholds.proof import HINTS, check, recover
from playbook.define.latency_thresholds.words import gave_up, knees, overview, shown

__all__ = [
    "HINTS",
    "Thresholds",
    "check",
    "decide",
    "gave_up",
    "knees",
    "left",
    "limits",
    "overview",
    "plot",
    "plot_limits",
    "plot_patience",
    "plot_plain",
    "plot_what_if",
    "recover",
    "shown",
    "thresholds",
    "what_if",
]
