"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.deviation_limits.analysis import (
    KINDS,
    Limits,
    Trigger,
    at_rate,
    excess,
    extra_points,
    regions,
    share_of,
    triggers,
    worst_cell,
)
from playbook.methods import poisson_cusum
from playbook.methods.intervals import Z90

HINTS = (
    "One row of result.regions.cells is one region in one quarter. Which row lies farthest above its act limit?",
    "Its share alone is not the answer: part of it is there in any quarter. Take off the usual share.",
    "Its usual share is its failed cases over its cases in all its other quarters. Give the difference in points.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Limits) -> Feedback:
    """Check "how many points above its ordinary quarters is the quarter farthest out?".

    Parameters
    ----------
    answer : float
        Percentage points; 0 for "no quarter is out".
    truth : namespace or None
        `truth_shifts` of the world; None on a client's data, where the answer must agree with the cells.
    result : Limits
        What the participant read.
    """
    worst = worst_cell(result.regions)
    expected, slack, basis = extra_points(result), 0.0, OWN_DATA
    if truth is not None:
        basis = PLANTED
        expected = 0.0 if worst is None else 100 * _planted(truth.truth_shifts, worst)
        # The data themselves are off the planted size by chance.
        slack = (
            0.0
            if worst is None
            else Z90 * 100 * excess(result.regions, worst["region_id"], worst["quarter_no"])[1]
        )
    if worst is None or expected == 0:
        near = abs(float(answer)) <= slack
        says = (
            "Right: no quarter is out."
            if near
            else "Is any quarter above its act limit, and is it more than chance?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), expected, tolerance=max(0.1, slack / expected), hints=HINTS, basis=basis)


def _planted(shifts: pd.DataFrame, cell: pd.Series) -> float:
    """Return the planted extra share of a region in a quarter; 0 when none is planted."""
    middle = cell["quarter_on"] + pd.Timedelta(days=45)
    inside = (
        (shifts["subject"] == cell["region_id"])
        & (shifts["start_at"] <= middle)
        & (middle < shifts["end_at"])
    )
    return float(shifts.loc[inside & (shifts["kind"] == "burst"), "size"].sum())


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the extra misses of the regions planted out of control, and the change of customers planted to order more.

    Columns: what, estimate, low, high (90 %), naive (the worst week against the usual share; the highest four weeks
    against the four before), truth.
    """
    shifts = truth.truth_shifts
    found = regions(data.customer_service)
    rows: list[tuple[object, ...]] = []
    bursts = shifts[shifts["kind"] == "burst"].sort_values("start_at")
    for label, burst in zip(("earlier", "later"), bursts.itertuples(), strict=False):
        middle = burst.start_at + (burst.end_at - burst.start_at) / 2
        at = found.cells["quarter_on"] <= middle
        cells = found.cells[at & (found.cells["region_id"] == burst.subject)]
        cell = cells.loc[cells["quarter_on"].idxmax()]
        extra, error = excess(found, burst.subject, cell["quarter_no"])
        rows.append(
            (
                f"extra share of missed hours, region of the {label} spell", extra, extra - Z90 * error,
                extra + Z90 * error, cell["worst_week_share"] - found.usual_share, burst.size,
            )
        )  # fmt: skip
    watched = triggers(data.customer_weeks)
    planted = shifts[(shifts["kind"] == "step") & (shifts["size"] > 1)]
    rows.append(("orders after a rise, times usual", *_rise(watched, planted)))
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _rise(watched: tuple[Trigger, ...], planted: pd.DataFrame) -> tuple[float, ...]:
    """Return the factor after the alarm of customers planted to order more, of all watched where there are none."""
    from scipy.special import stdtrit

    up = next(trigger for trigger in watched if trigger.name == KINDS[0][2])
    limit = at_rate(up, share_of(watched, 1.0))[0]
    signal, _ = poisson_cusum.first_signal(up.sums, limit)
    chosen = pd.Index(up.customer_id).isin(planted["subject"]) & (signal >= 0)
    start = signal
    if planted.empty:
        chosen, start = np.ones(len(signal), dtype=bool), np.zeros(len(signal), dtype=int)
    counts, start, usual, known = up.counts[chosen], start[chosen], up.usual[chosen], up.known[chosen]
    place = np.arange(counts.shape[1])
    after = counts * (place > start[:, None])
    # Up to the last order, which ends the record: whoever has left meanwhile does not count as ordering less.
    last = counts.shape[1] - 1 - (after[:, ::-1] > 0).argmax(axis=1)
    events, weeks = after.sum(axis=1) - 1, last - start - 0.5
    seen = (events >= 1) & (weeks > 0)
    # Against what everybody did meanwhile, as the trigger does.
    shared = np.concatenate([[0.0], np.cumsum(up.pace)])
    shared = (shared[last + 1] - shared[start + 1])[seen] * (weeks / (last - start).clip(1))[seen]
    made, expected = events[seen].sum(), usual[seen] * shared
    factor = made / expected.sum()
    chance = up.dispersion / made + (expected**2 / known[seen]).sum() / expected.sum() ** 2
    between = ((events[seen] - factor * expected) ** 2).sum() / made**2
    n = int(seen.sum())
    # Whether these few move with everybody else is not known either: all of it, none, or something between.
    moved = np.log(expected.sum() / (usual * weeks)[seen].sum()) ** 2 / 3
    error = np.sqrt(max(chance, between * n / max(n - 1, 1)) + moved)
    reach = error * float(stdtrit(max(n - 1, 1), 0.95))
    four = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    four = four[:, 4:] - four[:, :-4]
    peak = four.argmax(axis=1)
    row = np.arange(len(four))
    before = np.where(peak >= 4, four[row, np.maximum(peak - 4, 0)], 4 * usual)
    naive = four[row, peak].sum() / before.sum()
    return (
        factor,
        factor * np.exp(-reach),
        factor * np.exp(reach),
        naive,
        (float(planted["size"].mean()) if len(planted) else 1.0),
    )
