"""Which customers are worth knowing intimately? Margin still to come, and what a dedicated workflow adds to it."""

from playbook.define.customer_value.analysis import (
    BANDS,
    FREE_SHARE,
    CustomerValue,
    cost_steps,
    shortlist,
    tested,
    value,
)
from playbook.define.customer_value.decision import decide, what_if
from playbook.define.customer_value.figures import (
    plot,
    plot_holdout,
    plot_segments,
    plot_uplift,
    plot_what_if,
)
from playbook.define.customer_value.proof import HINTS, best_share, check, recover, true_sales
from playbook.define.customer_value.words import assumed, gated, overview, renewed, shown, shown_gates, tried

__all__ = [
    "BANDS",
    "FREE_SHARE",
    "HINTS",
    "CustomerValue",
    "assumed",
    "best_share",
    "check",
    "cost_steps",
    "decide",
    "gated",
    "overview",
    "plot",
    "plot_holdout",
    "plot_segments",
    "plot_uplift",
    "plot_what_if",
    "recover",
    "renewed",
    "shortlist",
    "shown",
    "shown_gates",
    "tested",
    "tried",
    "true_sales",
    "value",
    "what_if",
]
