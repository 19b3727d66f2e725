"""Intimacy at scale, or high touch for a few? What each depth of service adds, what it takes, and who should get which."""

from playbook.define.engagement_model.analysis import (
    DEPTHS,
    DRIVERS,
    Engagement,
    Uplift,
    _problem,
    fees,
    hour_amt,
    known,
    needs,
    nets_of,
    opened,
    plan,
    room,
    shares,
    uplift,
)
from playbook.define.engagement_model.decision import best, decide, turning, what_if
from playbook.define.engagement_model.figures import plot, plot_fees, plot_load, plot_uplift, plot_what_if
from playbook.define.engagement_model.proof import HINTS, check, recover
from playbook.define.engagement_model.words import compared, hours_worth, ladder, overview

__all__ = [
    "DEPTHS",
    "DRIVERS",
    "HINTS",
    "Engagement",
    "Uplift",
    "_problem",
    "best",
    "check",
    "compared",
    "decide",
    "fees",
    "hour_amt",
    "hours_worth",
    "known",
    "ladder",
    "needs",
    "nets_of",
    "opened",
    "overview",
    "plan",
    "plot",
    "plot_fees",
    "plot_load",
    "plot_uplift",
    "plot_what_if",
    "recover",
    "room",
    "shares",
    "turning",
    "uplift",
    "what_if",
]
