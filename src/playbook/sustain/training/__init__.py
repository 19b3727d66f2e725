"""How fast can new people become personal? Learning, forgetting and leaving by role, and a course to fit."""

from playbook.sustain.training.analysis import (
    Ramp,
    chart_items,
    essentials,
    packages,
    practices_needed,
    quiz,
    ramp,
)
from playbook.sustain.training.decision import decide, what_if
from playbook.sustain.training.figures import (
    plot,
    plot_chart_items,
    plot_essentials,
    plot_forgetting,
    plot_packages,
    plot_quiz,
    plot_what_if,
)
from playbook.sustain.training.proof import HINTS, check
from playbook.sustain.training.words import glance, leavers

__all__ = [
    "HINTS",
    "Ramp",
    "chart_items",
    "check",
    "decide",
    "essentials",
    "glance",
    "leavers",
    "packages",
    "plot",
    "plot_chart_items",
    "plot_essentials",
    "plot_forgetting",
    "plot_packages",
    "plot_quiz",
    "plot_what_if",
    "practices_needed",
    "quiz",
    "ramp",
    "what_if",
]
