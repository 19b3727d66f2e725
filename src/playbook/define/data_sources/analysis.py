"""Which missing data source costs us most? What a decision costs more without it, how good it is, and how hard to join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods import topsis
from playbook.methods.left_out import left_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = {
    "telemetry": "device telemetry",
    "service": "service requests",
    "erp": "ERP orders",
    "crm": "CRM",
    "web": "web log",
}
LEFT_ALONE = "left alone"
COLUMNS = ("lost_amt", "delay_h", "complete_share", "right_share", "complexity")
MORE_IS_BETTER = (True, False, True, True, False)
YEAR_D = 365.25
LEAST_ACTED = 10


@dataclass(frozen=True)
class Sources:
    """What each source is worth for the decision, what it is like, and its place.

    Parameters
    ----------
    table : DataFrame
        Index source, in the order of the ranking. Money a decision without it: lost_amt, low_amt, high_amt (90 %); alone_amt
        (what it saves in the same cases for somebody with no other). delay_h, complete_share, right_share (of audited
        values), complexity (1 to 5): NaN where not known. audited (values), closeness (0 to 1), beaten_by (names).
    cases, failed : int
        Decisions left alone that were learned from; those of them that failed.
    act_amt, fail_amt : float
        Mean cost of acting and of a failure, money.
    decisions_year : float
        Decisions a year.
    weights : tuple of float
        Of `CRITERIA`, as shares; 0 for a criterion on which nothing is known.
    point_amt : float
        Money a year that a point of complexity costs.
    at_once : int
        Sources that can be integrated at the same time.
    """

    table: pd.DataFrame
    cases: int
    failed: int
    act_amt: float
    fail_amt: float
    decisions_year: float
    weights: tuple[float, ...]
    point_amt: float
    at_once: int

    @property
    def first(self) -> str:
        """Name of the source whose loss costs most."""
        return str(self.table["lost_amt"].idxmax())

    @property
    def complexity(self) -> pd.Series:
        """By source: as scored, or the middle of the scale where it is not."""
        return self.table["complexity"].fillna(3.0)

    def matrix(self) -> NDArray[np.float64]:
        """Return the sources by `CRITERIA`, shape (n, 5); what is not known is taken as the mean of the others."""
        known = self.table[list(COLUMNS)].clip(lower=0)
        return known.fillna(known.mean()).fillna(0.0).to_numpy()


def sources(
    decisions: pd.DataFrame,
    quality: pd.DataFrame | None = None,
    *,
    value_weight: float = 5.0,
    freshness_weight: float = 1.0,
    completeness_weight: float = 1.0,
    accuracy_weight: float = 1.0,
    ease_weight: float = 2.0,
    point_amt: float = 1000.0,
    at_once: int = 2,
    seed: int = 0,
) -> Sources:
    """Return what each source is worth for the decision, and its place among the others.

    Parameters
    ----------
    decisions : DataFrame
        View `device_decisions`. Those left alone must have been so by chance or by the calendar, not by choice.
    quality : DataFrame, optional
        View `source_quality`; without it, sources are ranked by value only.
    value_weight, freshness_weight, completeness_weight, accuracy_weight, ease_weight : float
        Points; only their proportions count.
    point_amt : float
        Money a year that a point of complexity costs.
    at_once : int
        Sources that can be integrated at the same time.
    seed : int
        Of the resamples behind the intervals.

    Raises
    ------
    ValueError
        When fewer than two sources say anything that differs, or there are too few cases.
    """
    said = decisions[list(LABELS)].astype(float).rename(columns=LABELS)
    said = said.loc[:, said.max() > said.min()]
    alone = decisions["outcome"] == LEFT_ALONE
    if said.shape[1] < 2 or (~alone).sum() < LEAST_ACTED:
        raise ValueError(
            f"data_sources compares two sources at least, and needs the cost of {LEAST_ACTED} decisions to act; there are "
            f"{said.shape[1]} and {int((~alone).sum())}"
        )
    amount = decisions["realised_amt"].astype(float)
    act_amt, loss = float(-amount[~alone].mean()), (-amount[alone]).clip(lower=0).to_numpy()
    worth = left_out(said[alone].fillna(said.median()), loss, act_amt, seed=seed)
    table = pd.DataFrame(
        {"lost_amt": worth.lost, "low_amt": worth.low, "high_amt": worth.high, "alone_amt": worth.alone},
        index=said.columns,
    )
    table = table.join(_measured(quality))
    points = [value_weight, freshness_weight, completeness_weight, accuracy_weight, ease_weight]
    weights = np.where(table[list(COLUMNS)].notna().any(), points, 0.0)
    if weights.sum() == 0:
        weights[0] = 1.0
    decided = decisions["decided_at"]
    years = max((decided.max() - decided.min()).total_seconds() / 86_400 / YEAR_D, 1 / 12)
    result = Sources(
        table, int(alone.sum()), int((loss > 0).sum()), act_amt, float(loss[loss > 0].mean()), len(decisions) / years,
        tuple((weights / weights.sum()).tolist()), float(point_amt), int(at_once),
    )  # fmt: skip
    matrix = result.matrix()
    # What is not known, and so not weighed, does not make one source beat another.
    beaten = topsis.beaten_by(matrix * (np.array(result.weights) > 0), MORE_IS_BETTER)
    near = topsis.closeness(matrix, result.weights, MORE_IS_BETTER)
    names = [", ".join(table.index[list(by)]) for by in beaten]
    table = table.assign(closeness=near, beaten_by=names).sort_values(
        "closeness", ascending=False, kind="stable"
    )
    return Sources(**(vars(result) | {"table": table}))


def _measured(quality: pd.DataFrame | None) -> pd.DataFrame:
    """Return delay_h, complete_share, right_share, audited, complexity by source."""
    columns = ["source", "rows", "complete", "delay_h", "audited", "wrong", "complexity"]
    rows = pd.DataFrame(columns=columns) if quality is None else quality[columns]
    rows = rows.set_index(rows["source"].map(LABELS))
    checked = rows["audited"].astype(float)
    return pd.DataFrame(
        {
            "delay_h": rows["delay_h"].astype(float),
            "complete_share": rows["complete"].astype(float) / rows["rows"].astype(float),
            "right_share": 1 - rows["wrong"].astype(float) / checked.where(checked > 0),
            "audited": checked,
            "complexity": rows["complexity"].astype(float),
        }
    )


def cost_steps(result: Sources) -> list[int]:
    """Return round costs of a point of complexity, from where most sources pay to where none does."""
    a_point = (result.decisions_year / result.complexity).to_numpy()[:, None]
    bounds = result.table[["low_amt", "high_amt"]].to_numpy() * a_point
    bounds = bounds[bounds > 0]
    series = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    least, most = (bounds.min() / 2, bounds.max() * 2) if len(bounds) else (10, 1000)
    return [n for n in series if max(least, most / 500) <= n <= most] or [1, 2, 5]


def amount(value: float) -> str:
    """Return money as text, with enough digits to tell."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value + 0.0:.1f}".replace("-0.0", "0.0")
