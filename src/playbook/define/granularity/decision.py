"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.granularity.analysis import ALL, LEVELS, Granularity, answer_steps, squared_miss


def what_if(result: Granularity, *, answers: Sequence[int], worth_share: float = 0.1) -> pd.DataFrame:
    """Return which level to choose when so many answers can be collected, and kept up to date, on each need.

    The answers are spread over all units of a level. Where there are fewer answers than units, a unit without one is
    predicted by its segment.

    Columns: answers, need, level (segment, account, person), miss (against knowing the segment, 1 = as good), chosen.

    Parameters
    ----------
    answers : sequence of int
        Answers in all.
    worth_share : float
        A finer level is chosen when it cuts the miss by at least this share.
    """
    rows = []
    for need in result.needs:
        parts = np.array([result.of(need, level, "variance") for level in ALL])
        segment = float(squared_miss(parts, "segment", np.array([np.inf]), 1.0)[0])
        for number in answers:
            miss = {"segment": 1.0}
            for level in LEVELS[1:]:
                each = number / result.units[level]
                persons, inverse = (max(each, 1.0), 1.0) if level == "account" else (1.0, 1 / max(each, 1.0))
                asked = float(squared_miss(parts, level, np.array([persons]), inverse)[0])
                miss[level] = float(np.sqrt(min(each, 1.0) * asked / segment + max(1 - each, 0.0)))
            best = _coarsest(miss, worth_share)
            rows += [(int(number), need, level, value, level == best) for level, value in miss.items()]
    return pd.DataFrame(rows, columns=["answers", "need", "level", "miss", "chosen"])


def _coarsest(misses: dict[str, float], worth_share: float) -> str:
    """Return the coarsest level of which no finer one is better by `worth_share`."""
    chosen = LEVELS[0]
    for level in LEVELS[1:]:
        if misses[level] < (1 - worth_share) * misses[chosen]:
            chosen = level
    return chosen


def decide(result: Granularity, *, worth_share: float = 0.1) -> Decision:
    """Recommend a level per need with the answers at hand: the coarsest of which no finer one is better by `worth_share`."""
    now = {}
    for need in result.needs:
        rows = what_if(result, answers=[result.answers[need]], worth_share=worth_share)
        now[need] = rows[rows["need"] == need]
    level = {need: str(rows.loc[rows["chosen"], "level"].iloc[0]) for need, rows in now.items()}
    miss = {need: float(rows.loc[rows["chosen"], "miss"].iloc[0]) for need, rows in now.items()}
    parts = [
        f"{', '.join(need for need in result.needs if level[need] == name)} by {name}"
        for name in LEVELS
        if name in level.values()
    ]
    need = result.needs[0]
    share, least, most = (result.of(need, "account", column) for column in ("share", "low", "high"))
    steps = what_if(result, answers=answer_steps(result), worth_share=worth_share)
    more = steps[steps["chosen"] & (steps["need"] == need) & (steps["answers"] > result.answers[need])]
    turns = more[more["level"] != level[need]]
    flips = (
        f"{turns['answers'].iloc[0]:,} answers on {need} can be kept up to date: then by {turns['level'].iloc[0]}"
        if len(turns)
        else f"new answers on {need} put a smaller share than {least:.0%} between accounts"
    )
    return Decision(
        recommendation=f"Know each need at its own level: {'; '.join(parts)}.",
        evidence=f"Between accounts lie {share:.0%} ({least:.0%} to {most:.0%}) of the differences in {need}. With the "
        f"{result.answers[need]:,} answers at hand, knowing it by {level[need]} leaves {miss[need]:.0%} of the miss by "
        "segment.",
        metric=f"miss on {need}, of the miss by segment",
        unit="share",
        low=0.85 * miss[need],
        high=min(1.15 * miss[need], 1.0),
        flips_if=flips,
        owner="head of customer operations",
    )
