"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.define.latency_thresholds.analysis import Thresholds, named_rows
from playbook.define.latency_thresholds.decision import clock


def overview(first_waits: pd.DataFrame) -> pd.DataFrame:
    """Return how long customers wait and how many come back, by channel and severity."""
    answered = first_waits[first_waits["is_answered"]]
    rows = answered.groupby(["channel", "severity"])
    table = rows.agg(
        requests=("came_back", "size"),
        median_wait_min=("wait_min", "median"),
        came_back=("came_back", "mean"),
    )
    names = {"median_wait_min": "middle wait, minutes", "came_back": "share that came back"}
    return table.round({"median_wait_min": 1, "came_back": 2}).rename(columns=names)


def knees(result: Thresholds) -> pd.DataFrame:
    """Return, for reading, the knee of each channel beside what the plain curve would have said."""
    rows = {
        name: {
            "typical wait": clock(row["median_min"]),
            "knee": clock(row["knee_min"]) if row["knee_min"] > 0 else "none found",
            "90 % interval": f"{clock(row['low_min'])} to {clock(row['high_min'])}"
            if row["knee_min"] > 0
            else f"none up to {clock(row['longest_min'])}",
            "more come back per doubling": f"{100 * row['per_doubling']:.1f} points",
            "knee without adjustment": clock(row["plain_knee_min"])
            if row["plain_knee_min"] > 0
            else "none found",
        }
        for name, row in named_rows(result.channels)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")


def gave_up(result: Thresholds) -> str:
    """Say how patient callers are, and what the list of hang-ups alone would say."""
    if result.patience is None:
        return (
            "No call is on record as given up: patience is unknown, and the limits rest on the knees alone."
        )
    time, low, high = result.patience.quantile(0.1)
    naive = float(result.calls.loc[result.calls["gave_up"], "wait_min"].quantile(0.1))
    return (
        f"One caller in ten would give up within **{clock(time)}** (90 % interval {clock(low)} to {clock(high)}). "
        f"Of the hang-ups alone, a tenth came within {clock(naive)}."
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return limits for reading: one row per channel and tier."""
    return pd.DataFrame(
        {
            "answer within": table["limit_min"].map(clock),
            "90 % interval": table["low_min"].map(clock) + " to " + table["high_min"].map(clock),
            "in time today": (100 * table["in_time"]).round().astype(int).astype(str) + " %",
            "set by": table["set_by"],
        }
    ).set_index(pd.MultiIndex.from_frame(table[["channel", "tier"]]))


def misled(result: Thresholds) -> str:
    """Return the channel in which the plain curve is furthest from the adjusted one."""
    gap = (result.contrasts["extra"] - result.contrasts["plain"]).abs()
    return str(gap.idxmax())
