"""How an answer is checked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from playbook.balance.safety_stock.analysis import ASKED_SERVICE, AVERAGE_WEEKS, REVIEW_WEEKS, Buffers
from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.methods import inventory as inv

HINTS = (
    "Only the promise changes, so only the safety factor changes: look up the z below which that share of a "
    "bell curve lies. Spread and unit cost stay.",
    "For one item the buffer is z times the column `spread`; its capital is that times `unit_cost_amt`. The "
    "table is result.buffers, one row per item and segment.",
    "Keep the rows of the one segment, take z from scipy.special.ndtri(promise), and add up z * spread * "
    "unit_cost_amt.",
)


def asked_capital(result: Buffers) -> float:
    """Return the capital that the first segment's buffers tie up at `ASKED_SERVICE`."""
    rows = result.buffers[result.buffers["segment"] == result.segments["segment"].iloc[0]]
    stock = inv.safety_stock(rows["spread"].to_numpy(), cycle_service=ASKED_SERVICE)
    return float((stock * rows["unit_cost_amt"].to_numpy()).sum())


def check(answer: float, truth: SimpleNamespace | None, result: Buffers) -> Feedback:
    """Check the capital that `task` asks for.

    Parameters
    ----------
    answer : float
        Money.
    truth : namespace or None
        `truth_demand`, `truth_lead_times` and `truth_forecasts` of the world; None on a client's data, where
        the answer must agree with the table of buffers.
    result : Buffers
        What the participant worked with.
    """
    if truth is None:
        return grade(float(answer), asked_capital(result), tolerance=0.03, hints=HINTS, basis=OWN_DATA)
    return grade(float(answer), planted_capital(truth, result), tolerance=0.12, hints=HINTS, basis=PLANTED)


def planted_capital(truth: SimpleNamespace, result: Buffers) -> float:
    """Return what `asked_capital` would be if demand, lead times and forecast errors were known."""
    first = result.segments["segment"].iloc[0]
    rows = result.buffers[result.buffers["segment"] == first].set_index("product_id")
    demand = truth.truth_demand[truth.truth_demand["segment"] == first]
    recent = np.sort(demand["week_on"].unique())[-(result.weeks + AVERAGE_WEEKS) :]
    demand = demand[demand["week_on"].isin(recent)].groupby("product_id")["demand_qty"].mean()[rows.index]
    lead = truth.truth_lead_times.set_index("product_id").loc[rows.index]
    used = result.forecasts is not None and bool(result.forecasts.set_index("segment").loc[first, "used"])
    errors = truth.truth_forecasts[truth.truth_forecasts["segment"] == first]
    errors = errors.pivot_table(
        index="product_id", columns="weeks", values="behaviour_sd" if used else "planner_sd"
    )
    weeks = lead["lead_weeks"].to_numpy() + REVIEW_WEEKS
    squared = errors.loc[rows.index].to_numpy() ** 2
    error = [np.interp(w, errors.columns, row) ** 0.5 for w, row in zip(weeks, squared, strict=True)]
    spread = np.sqrt(np.square(error) + (demand.to_numpy() * lead["lead_sd_weeks"].to_numpy()) ** 2)
    return float(
        (inv.safety_stock(spread, cycle_service=ASKED_SERVICE) * rows["unit_cost_amt"].to_numpy()).sum()
    )
