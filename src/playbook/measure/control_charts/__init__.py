"""Signal or noise? Weekly failures per place on Laney p' charts, with what each kind of chart would see, and when."""

from playbook.measure.control_charts.analysis import Charts, charts, failures, open_causes, weeks_since_change
from playbook.measure.control_charts.decision import decide, what_if
from playbook.measure.control_charts.figures import plot, plot_what_if
from playbook.measure.control_charts.proof import HINTS, check
from playbook.measure.control_charts.words import capability, sensitivity

__all__ = [
    "HINTS",
    "Charts",
    "capability",
    "charts",
    "check",
    "decide",
    "failures",
    "open_causes",
    "plot",
    "plot_what_if",
    "sensitivity",
    "weeks_since_change",
    "what_if",
]
