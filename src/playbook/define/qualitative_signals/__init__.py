"""Can tone and frontline notes become a number? Coders compared fairly, counts corrected, and what the profile may hold."""

from playbook.define.qualitative_signals.analysis import Limits, Material, Signals, material, signals
from playbook.define.qualitative_signals.decision import decide, verdict_steps, what_if
from playbook.define.qualitative_signals.figures import plot, plot_coders, plot_profile, plot_what_if
from playbook.define.qualitative_signals.proof import HINTS, check, recover
from playbook.define.qualitative_signals.words import (
    coders_shown,
    coding_text,
    errors_text,
    glance,
    profile_shown,
    question,
    slopes_shown,
    telling_words,
)

__all__ = [
    "HINTS",
    "Limits",
    "Material",
    "Signals",
    "check",
    "coders_shown",
    "coding_text",
    "decide",
    "errors_text",
    "glance",
    "material",
    "plot",
    "plot_coders",
    "plot_profile",
    "plot_what_if",
    "profile_shown",
    "question",
    "recover",
    "signals",
    "slopes_shown",
    "telling_words",
    "verdict_steps",
    "what_if",
]
