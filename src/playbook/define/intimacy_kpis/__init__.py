"""Which measures show intimacy, not mere satisfaction? What each figure foretells, how much of it is luck, and gaming."""

from playbook.define.intimacy_kpis.analysis import Judged, care_effect, cases_of, focus, judge, kept
from playbook.define.intimacy_kpis.decision import decide, what_if
from playbook.define.intimacy_kpis.figures import plot, plot_break, plot_reliability, plot_what_if
from playbook.define.intimacy_kpis.proof import HINTS, check, recover
from playbook.define.intimacy_kpis.words import compared, counted, kpi_set, overview, paid

__all__ = [
    "HINTS",
    "Judged",
    "care_effect",
    "cases_of",
    "check",
    "compared",
    "counted",
    "decide",
    "focus",
    "judge",
    "kept",
    "kpi_set",
    "overview",
    "paid",
    "plot",
    "plot_break",
    "plot_reliability",
    "plot_what_if",
    "recover",
    "what_if",
]
