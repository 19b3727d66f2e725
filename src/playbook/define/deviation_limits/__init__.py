"""When is a deviation worth acting on? Limits for regions of unequal volume, and triggers for single customers."""

from playbook.define.deviation_limits.analysis import (
    Limits,
    Regions,
    Trigger,
    bands,
    excess,
    extra_points,
    latest,
    regions,
    set_limits,
    triggers,
    worst_cell,
)
from playbook.define.deviation_limits.decision import decide, what_if
from playbook.define.deviation_limits.figures import plot, plot_bands, plot_customer, plot_what_if
from playbook.define.deviation_limits.proof import HINTS, _planted, check, recover
from playbook.define.deviation_limits.words import (
    actions,
    funnel_text,
    overview,
    region_limits,
    scaled,
    shown,
    trigger_text,
)

__all__ = [
    "HINTS",
    "Limits",
    "Regions",
    "Trigger",
    "_planted",
    "actions",
    "bands",
    "check",
    "decide",
    "excess",
    "extra_points",
    "funnel_text",
    "latest",
    "overview",
    "plot",
    "plot_bands",
    "plot_customer",
    "plot_what_if",
    "recover",
    "region_limits",
    "regions",
    "scaled",
    "set_limits",
    "shown",
    "trigger_text",
    "triggers",
    "what_if",
    "worst_cell",
]
