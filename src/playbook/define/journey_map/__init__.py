"""Where in the journey is there leverage? Touchpoints by what they add to renewal, and by what the log misses of them."""

from playbook.define.journey_map.analysis import Journey, follow
from playbook.define.journey_map.decision import decide, gaps, harmful, invest, what_if
from playbook.define.journey_map.figures import plot, plot_coverage, plot_leverage, plot_what_if
from playbook.define.journey_map.proof import HINTS, check, recover
from playbook.define.journey_map.words import by_group, compared, dependence, looked_at, overview, question

__all__ = [
    "HINTS",
    "Journey",
    "by_group",
    "check",
    "compared",
    "decide",
    "dependence",
    "follow",
    "gaps",
    "harmful",
    "invest",
    "looked_at",
    "overview",
    "plot",
    "plot_coverage",
    "plot_leverage",
    "plot_what_if",
    "question",
    "recover",
    "what_if",
]
