"""Is this the same customer? Records of several systems, and anonymous visits, joined to people."""

from playbook.unify.identity_resolution.analysis import RULES, Identities, Journeys, records, resolve, stitch
from playbook.unify.identity_resolution.decision import decide, what_if
from playbook.unify.identity_resolution.figures import plot, plot_devices, plot_pair, plot_what_if
from playbook.unify.identity_resolution.proof import HINTS, check
from playbook.unify.identity_resolution.words import example, overview, same_name

__all__ = [
    "HINTS",
    "RULES",
    "Identities",
    "Journeys",
    "check",
    "decide",
    "example",
    "overview",
    "plot",
    "plot_devices",
    "plot_pair",
    "plot_what_if",
    "records",
    "resolve",
    "same_name",
    "stitch",
    "what_if",
]
