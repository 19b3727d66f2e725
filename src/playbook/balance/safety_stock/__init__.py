"""How much buffer does each segment deserve? Safety stock from forecast errors over the lead time."""

from playbook.balance.safety_stock.analysis import Buffers, buffers
from playbook.balance.safety_stock.decision import decide, what_if
from playbook.balance.safety_stock.figures import plot, plot_shared, plot_what_if
from playbook.balance.safety_stock.proof import HINTS, asked_capital, check, planted_capital
from playbook.balance.safety_stock.words import (
    assumptions,
    forecast_says,
    overview,
    reliability,
    replay_says,
    task,
)

__all__ = [
    "HINTS",
    "Buffers",
    "asked_capital",
    "assumptions",
    "buffers",
    "check",
    "decide",
    "forecast_says",
    "overview",
    "planted_capital",
    "plot",
    "plot_shared",
    "plot_what_if",
    "reliability",
    "replay_says",
    "task",
    "what_if",
]
