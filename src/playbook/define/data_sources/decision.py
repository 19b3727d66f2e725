"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.data_sources.analysis import MORE_IS_BETTER, Sources, amount
from playbook.methods import topsis
from playbook.pictures import BLUE, GREY, ORANGE

VERDICTS = {"now": (BLUE, "o"), "later": (ORANGE, "s"), "never": (GREY, "x")}


def nearest_turn(result: Sources) -> tuple[float, str, str] | None:
    """Return the weight of value nearest to today's at which two sources swap: share, ahead below it, ahead above it."""
    points = topsis.turning_points(result.matrix(), result.weights, MORE_IS_BETTER, 0)
    if not points:
        return None
    share, below, above = min(points, key=lambda point: abs(point[0] - result.weights[0]))
    return share, str(result.table.index[below]), str(result.table.index[above])


def verdicts(result: Sources, *, point_amt: float | None = None) -> pd.Series:
    """Return now, later or never by source, in the order of the ranking.

    A source is for never when even the upper end of its value is below its cost; for now when the lower end covers it and
    there is room; else for later. `point_amt` takes the place of the result's.
    """
    cost = (result.point_amt if point_amt is None else point_amt) * result.complexity / result.decisions_year
    pays = result.table["low_amt"] >= cost
    first = pays & (pays.cumsum() <= result.at_once)
    verdict = np.select([first, result.table["high_amt"] < cost], ["now", "never"], "later")
    return pd.Series(verdict, index=result.table.index)


def what_if(result: Sources, *, point_amt: Sequence[float]) -> pd.DataFrame:
    """Return the verdict on each source by the cost of a point of complexity. Columns: point_amt, source, verdict."""
    each = [verdicts(result, point_amt=value) for value in point_amt]
    return pd.DataFrame(
        {
            "point_amt": np.repeat(list(point_amt), len(result.table)),
            "source": np.tile(result.table.index, len(each)),
            "verdict": np.concatenate(each),
        }
    )


def decide(result: Sources) -> Decision:
    """Recommend what to integrate now, later and never, with the cost and the weight that would change it."""
    verdict = verdicts(result)
    groups = {name: [str(source) for source in verdict.index[verdict == name]] for name in VERDICTS}
    said = "; ".join(f"{name}: {', '.join(found)}" for name, found in groups.items() if found)
    lead = next(found[0] for found in groups.values() if found)
    row, year = result.table[["lost_amt", "low_amt", "high_amt"]].loc[lead].to_dict(), result.decisions_year
    cost = result.point_amt * result.complexity[lead]
    limit = row["low_amt"] * year / result.complexity[lead]
    flips = f"new cases show that {lead} surely saves more than {amount(cost / year)} a decision: then it is integrated now"
    if groups["now"]:
        flips = f"a point of complexity costs more than {amount(limit)} a year: then {lead} waits"
    if nearest := nearest_turn(result):
        share, below, above = nearest
        more = share > result.weights[0]
        ahead, behind = (above, below) if more else (below, above)
        flips += f"; or value weighs {'more' if more else 'less'} than {share:.0%}: then {ahead} goes before {behind}"
    return Decision(
        recommendation=f"Integrate for this decision {said}.",
        evidence=f"Without {lead}, a decision costs {amount(row['lost_amt'])} more ({amount(row['low_amt'])} to "
        f"{amount(row['high_amt'])}, out of sample), {amount(row['lost_amt'] * year)} a year; joining it costs "
        f"{amount(cost)} a year, at {amount(result.point_amt)} a point of complexity.",
        metric=f"saved a year by {lead}",
        unit="money",
        low=max(row["low_amt"], 0.0) * year,
        high=row["high_amt"] * year,
        flips_if=flips,
        owner="head of data and service operations",
        review_days=180,
    )
