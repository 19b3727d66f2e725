"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.journey_map.analysis import Journey


def invest(result: Journey) -> list[str]:
    """Return the touchpoints that add to renewal beyond chance, the one with most leverage first."""
    rows = result.table[(result.table["low"] > 0) & result.table["sure"]]
    return list(rows.sort_values("leverage", ascending=False).index)


def harmful(result: Journey) -> list[str]:
    """Return the touchpoints after which fewer renew beyond chance, the worst first."""
    rows = result.table[(result.table["high"] < 0) & result.table["sure"]]
    return list(rows.sort_values("leverage").index)


def gaps(result: Journey) -> list[str]:
    """Return the touchpoints of which the log holds too little: those to invest in first, then by what it misses."""
    held, chosen = result.table["coverage"].sort_values(), invest(result)
    lacking = list(held.index[held < float(result.facts["enough_share"])])
    return [step for step in chosen if step in lacking] + [step for step in lacking if step not in chosen]


def what_if(result: Journey, *, odds: Sequence[float]) -> pd.DataFrame:
    """Return, for several odds ratios between the sources (1: independent), what the log holds and which gaps to close.

    Columns: odds, step, coverage, leverage, close (the log holds too little).
    """
    tables = []
    for ratio in odds:
        reach, effect = result.sources.reach(ratio)[0], result.sources.corrected(result.slope, ratio)[0]
        columns = {"odds": ratio, "step": result.table.index, "coverage": result.sources.coverage(ratio)[0]}
        tables.append(pd.DataFrame(columns | {"leverage": reach * effect}))
    table = pd.concat(tables, ignore_index=True)
    lacking = table["coverage"] < float(result.facts["enough_share"])
    return table.assign(close=lacking | (not result.facts["has_diary"]))


def per(rows: pd.DataFrame, step: str, column: str = "leverage") -> str:
    """Return a share of customers as a whole number in a thousand."""
    return f"{round(1000 * rows[column][step]):d}"


def decide(result: Journey) -> Decision:
    """Recommend the touchpoints to invest in first, those to redesign, and the gaps to close before that."""
    rows, chosen, lacking = result.table, invest(result), gaps(result)
    what = (
        f"Invest first in {', then '.join(chosen)}."
        if chosen
        else "Invest in no touchpoint for renewal's sake yet."
    )
    what += f" Redesign {', '.join(harmful(result))}." if harmful(result) else ""
    what += f" Before that, have {' and '.join(lacking)} recorded." if lacking else ""
    what += "" if result.facts["has_diary"] else " Before that, ask customers for a diary."
    step, kept = (chosen or [result.best])[0], float(result.facts["kept"])
    gain = [0.1 * rows[column][step] / max(rows["reach"][step], 0.01) for column in ("low", "high")]
    return Decision(
        recommendation=what,
        evidence=f"{step} reaches {rows['reach'][step]:.0%} of {result.facts['cases']:,} journeys and moves renewal by "
        f"{100 * rows['effect'][step]:.0f} points of a hundred: {per(rows, step, 'low')} to {per(rows, step, 'high')} "
        "renewals per 1,000 customers (90 %).",
        metric=f"customers who renew, when {step} reaches ten more of a hundred",
        unit="share",
        low=float(np.clip(kept + gain[0], 0, 1)),
        high=float(np.clip(kept + gain[1], 0, 1)),
        flips_if=_flips(result, chosen, lacking),
        owner="head of customer experience",
        review_days=365,
    )


def _flips(result: Journey, chosen: list[str], lacking: list[str]) -> str:
    if not chosen:
        return f"more journeys show an effect above chance; {result.best} is the one to watch"
    other = f"{per(result.table, chosen[1])}, what {chosen[1]} adds" if len(chosen) > 1 else "one"
    text = f"{chosen[0]}, given by lot, adds fewer renewals per 1,000 customers than {other}"
    table = what_if(result, odds=[1 + step / 4 for step in range(37)])
    turns = (
        table[table["close"] & ~table["step"].isin(lacking)] if result.facts["has_diary"] else table.head(0)
    )
    if len(turns):
        odds, step = turns["odds"].iloc[0], turns["step"].iloc[0]
        text += f"; or log and diary have an odds ratio of {odds:g}: then {step} is a gap too"
    return text
