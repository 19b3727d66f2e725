"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.granularity.analysis import ALL, COLUMNS, LEVELS, Granularity, answer_steps
from playbook.define.granularity.decision import what_if
from playbook.wording import listed


def table_by_level(by_need_and_level: pd.Series, needs: list[str]) -> pd.DataFrame:
    """Return figures by need and level as a table: needs in rows, levels in columns."""
    table = by_need_and_level.reset_index(name="value")
    wide = table.pivot_table(index="need", columns="level", values="value", aggfunc="first")
    return wide.loc[needs, [level for level in ALL if level in wide]]


def break_even(result: Granularity, *, worth_share: float = 0.1) -> pd.DataFrame:
    """Return, by need, the answers from which each level is the one to choose (empty where it never is)."""
    table = what_if(result, answers=answer_steps(result), worth_share=worth_share)
    first = table[table["chosen"]].groupby(["need", "level"])["answers"].min()
    wide = table_by_level(first, result.needs).reindex(columns=list(LEVELS))
    text = wide.map(lambda n: "" if np.isnan(n) else f"from {n:,.0f}")
    return text.rename_axis(index=None, columns=None)


def overview(measured: pd.DataFrame) -> pd.DataFrame:
    """Return how many segments, accounts and persons each need was measured on."""
    counts = measured.groupby("need")[list(COLUMNS)].nunique()
    return counts.set_axis(["segments", "accounts", "persons"], axis=1)


def shown(result: Granularity) -> pd.DataFrame:
    """Return the shares with their 90 % intervals as a table to read."""
    whole = (100 * result.shares[["share", "low", "high"]]).round().astype(int)
    text = whole.apply(lambda row: f"{row['share']}% ({row['low']} to {row['high']})", axis=1)
    return table_by_level(text, result.needs).rename_axis(index=None, columns=None)


def sizes(result: Granularity) -> str:
    """Return how many units each level has, and the answers at hand, as prose."""
    segments, accounts, persons = (result.units[level] for level in LEVELS)
    parts = [f"{number:,} on {need}" for need, number in result.answers.items()]
    return (
        f"There are {segments} segments, {accounts:,} accounts and {persons:,} persons. "
        f"Answers at hand: {listed(parts)}."
    )


def question(result: Granularity) -> str:
    """Return the exercise's question, about the need that differs most between accounts."""
    return f"**Of all differences in *{result.needs[0]}*, how much lies between accounts of the same segment, in per cent?**"
