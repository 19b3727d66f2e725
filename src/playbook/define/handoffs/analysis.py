"""Where does the customer fall between two teams? Hand-offs ranked by what an average case loses there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods import fmea

CUSTOMER = "customer"
ALIKE_P = 0.05  # above it, the hand-offs cannot be told apart by their loss
DRAWS = 2000
YEAR_D = 365.25


@dataclass(frozen=True)
class Handoffs:
    """The hand-offs of one process, and what they rest on.

    Parameters
    ----------
    process : str
        Its name.
    steps : DataFrame
        Its steps in order: step, lane, cases, loss_amt (NaN where nothing is handed over).
    table : DataFrame
        One row a hand-off, the dearest first; index step (the step that takes over): step_id, seq_no, from_lane, lane,
        with_customer, cases, failed_share (of cases), unnoticed_share (of failures), reworked_share (of cases), wait_h,
        rework_h (longer when redone), loss_each_amt (of an unnoticed failure), loss_amt (of an average case), low_amt,
        high_amt (90 %), first_share (chance to be the dearest), severity, occurrence, detection, rpn, priority (H, M, L).
    loss : fmea.Loss
        Expected losses in the order of `table`.
    alike_p : float
        p-value of "all hand-offs lose the same".
    facts : dict
        cases_year, first_on, last_on, loss_known, unpriced (hand-offs without a known loss), notice_known, fail_alike
        and notice_alike (shares that chance alone could make), and the assumptions.
    """

    process: str
    steps: pd.DataFrame
    table: pd.DataFrame
    loss: fmea.Loss
    alike_p: float
    facts: dict[str, float | bool | str]


def rank(
    process_handoffs: pd.DataFrame,
    *,
    process: str = "",
    serious_loss_amt: float = 2000.0,
    assumed_loss_amt: float = 100.0,
    rework_cost_amt: float = 50.0,
    catch_share: float = 0.8,
    seed: int = 1,
) -> Handoffs:
    """Rank the hand-offs of a process by the loss of an average case.

    Parameters
    ----------
    process_handoffs : DataFrame
        The view of that name: one row a step of each process.
    process : str
        Which one; empty for the one that loses most.
    serious_loss_amt : float
        Loss that is rated as bad as money can be (severity 8).
    assumed_loss_amt : float
        Loss of an unnoticed failure, where the data record none.
    rework_cost_amt : float
        Cost of putting a failure right that we noticed ourselves.
    catch_share : float
        Share of the failures that now go unnoticed which a check at the hand-off would catch.
    seed : int
        For the chances to be the dearest.

    Raises
    ------
    ValueError
        When no process has hand-offs that fail, or the chosen one is not there.
    """
    name = process or _dearest_process(process_handoffs)
    steps = process_handoffs[process_handoffs["process"] == name].sort_values("seq_no", ignore_index=True)
    rows = steps[steps["handed_over"] > 0].reset_index(drop=True)
    if rows.empty or rows["failed"].sum() == 0:
        raise ValueError(f"no hand-off of the process '{name}' has a recorded failure")
    known = bool(rows["losses"].sum() > 0)
    loss = _loss(rows, known, assumed_loss_amt)
    order = np.argsort(-loss.amount, kind="stable")
    loss = fmea.Loss(*(values[order] for values in vars(loss).values()))
    table = _table(rows.iloc[order].reset_index(drop=True), loss, serious_loss_amt, seed)
    facts = _facts(steps, rows) | {
        "loss_known": known,
        "assumed_loss_amt": assumed_loss_amt,
        "serious_loss_amt": serious_loss_amt,
        "rework_cost_amt": rework_cost_amt,
        "catch_share": catch_share,
    }
    lanes = steps[["step_id", "name", "lane", "cases"]].rename(columns={"name": "step"})
    lanes["loss_amt"] = lanes["step_id"].map(table.set_index("step_id")["loss_amt"])
    return Handoffs(name, lanes, table, loss, fmea.alike_p(loss), facts)


def _dearest_process(view: pd.DataFrame) -> str:
    """Return the process whose hand-offs lose most; where no loss is known, the one with most unnoticed failures."""
    handed = view[view["handed_over"] > 0]
    sums = handed.groupby("process")[["loss_amt", "unnoticed", "failed"]].sum()
    if sums.empty or sums["failed"].max() == 0:
        raise ValueError("no process in these data has a hand-off with a recorded failure")
    return str(sums.sort_values(["loss_amt", "unnoticed", "failed"], ascending=False).index[0])


def _loss(rows: pd.DataFrame, known: bool, assumed_loss_amt: float) -> fmea.Loss:
    """Return the expected losses; without any recorded loss, of failures that all cost the same."""
    cases, unnoticed = rows["handed_over"], rows["unnoticed"]
    if known:
        return fmea.expected_loss(cases, unnoticed, rows["losses"], rows["loss_amt"], rows["loss_sq"])
    each = np.maximum(unnoticed, 1)
    return fmea.expected_loss(cases, unnoticed, each, each * assumed_loss_amt, each * assumed_loss_amt**2)


def _table(rows: pd.DataFrame, loss: fmea.Loss, serious_loss_amt: float, seed: int) -> pd.DataFrame:
    failed = rows["failed"] / rows["handed_over"]
    unnoticed = (rows["unnoticed"] / rows["failed"]).fillna(0.0)
    severity = fmea.severity_rating(loss.each, serious=serious_loss_amt)
    occurrence, detection = fmea.occurrence_rating(failed), fmea.detection_rating(unnoticed)
    drawn = draws(loss, seed)
    frame = pd.DataFrame(
        {
            "step_id": rows["step_id"],
            "seq_no": rows["seq_no"],
            "from_lane": rows["from_lane"],
            "lane": rows["lane"],
            "with_customer": (rows["from_lane"] == CUSTOMER) | (rows["lane"] == CUSTOMER),
            "cases": rows["handed_over"],
            "failed_share": failed,
            "unnoticed_share": unnoticed,
            "reworked_share": rows["reworked"] / rows["handed_over"],
            "wait_h": rows["wait_h"],
            "rework_h": rows["work_rework_h"] - rows["work_h"],
            "loss_each_amt": loss.each,
            "loss_amt": loss.amount,
            "low_amt": loss.low,
            "high_amt": loss.high,
            "first_share": np.bincount(drawn.argmax(axis=1), minlength=len(rows)) / DRAWS,
            "severity": severity,
            "occurrence": occurrence,
            "detection": detection,
            "rpn": fmea.rpn(severity, occurrence, detection),
            "priority": fmea.action_priority(severity, occurrence, detection),
        }
    )
    names = rows["name"].where(~rows["name"].duplicated(keep=False), rows["step_id"])
    return frame.set_index(pd.Index(names, name="step"))


def draws(loss: fmea.Loss, seed: int) -> np.ndarray:
    """Return what the losses may be, given the data: (draws, hand-offs)."""
    spread = np.where(np.isfinite(loss.spread), loss.spread, 0.0)
    return loss.amount * np.exp(np.random.default_rng(seed).standard_normal((DRAWS, len(spread))) * spread)


def _facts(steps: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float | bool | str]:
    first, last = steps["first_at"].min(), steps["last_at"].max()
    years = max((last - first).days, 1) / YEAR_D
    return {
        "cases_year": float(steps["cases"].max()) / years,
        "first_on": f"{first:%Y-%m-%d}",
        "last_on": f"{last:%Y-%m-%d}",
        "unpriced": ", ".join(rows["name"][(rows["losses"] == 0) & (rows["unnoticed"] > 0)]),
        "fail_alike": fmea.shares_alike_p(rows["failed"], rows["handed_over"]) >= ALIKE_P,
        "notice_alike": fmea.shares_alike_p(rows["unnoticed"], rows["failed"]) >= ALIKE_P,
        "notice_known": bool((rows["unnoticed"] < rows["failed"]).any()),
    }


def cost_steps(check_cost_amt: float) -> list[float]:
    """Return costs of a check to try: from a quarter of the expected one to four times as much."""
    return [float(f"{check_cost_amt * factor:.3g}") for factor in (0.25, 0.5, 1.0, 2.0, 4.0)]
