"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.latency_thresholds.analysis import (
    Thresholds,
    limits,
    log_wait,
    longest_of,
    named_rows,
    within,
)
from playbook.methods.intervals import Z90


def clock(minutes: float) -> str:
    """Return minutes as a person would say them.

    Examples
    --------
    >>> clock(0.5), clock(2.94), clock(15.2), clock(298)
    ('30 s', '2.9 min', '15 min', '5.0 h')
    """
    if minutes < 0.995:
        return f"{60 * minutes:.0f} s"
    return (
        f"{minutes:.1f} min"
        if minutes < 9.95
        else f"{minutes:.0f} min"
        if minutes < 99.5
        else f"{minutes / 60:.1f} h"
    )


def what_if(result: Thresholds, *, tolerated_share: Sequence[float]) -> pd.DataFrame:
    """Return what it takes to keep customers from coming back, for several tolerances.

    Columns: tolerated_share, channel, limit_min, low_min, high_min, late (share of today's answers that come later).
    """
    rows = []
    for share in tolerated_share:
        for name, stick in result.sticks.items():
            at, low, high = np.minimum(np.exp(stick.reach(share)), longest_of(result, name))
            waits = np.sort(
                np.concatenate([of for (channel, _), of in result.waits.items() if channel == name])
            )
            rows.append(
                (float(share), name, float(at), float(low), float(high), 1 - within(waits, float(at)))
            )
    return pd.DataFrame(
        rows, columns=["tolerated_share", "channel", "limit_min", "low_min", "high_min", "late"]
    )


def _avoidable(result: Thresholds, table: pd.DataFrame) -> tuple[float, float]:
    """Return the share of answered requests that would not have come back within the limits, with its range."""
    total = np.zeros(2)
    for _, row in named_rows(table):
        stick, waits = result.sticks[row["channel"]], result.waits[row["channel"], row["tier"]]
        if not stick.is_found:
            continue
        longest = stick.candidates[-1]
        x = np.minimum(np.quantile(log_wait(waits), np.linspace(0.0025, 0.9975, 200)), longest)
        start = np.maximum(stick.candidates, np.log(row["limit_min"]))
        beyond = np.maximum(x - start[:, None], 0).mean(axis=1) * len(waits)
        spare = Z90**2 - stick.drop
        kept = spare >= 0
        width = np.sqrt(spare[kept] / stick.information[kept])
        total += [
            float((np.maximum(stick.slopes[kept] - width, 0) * beyond[kept]).min()),
            float(((stick.slopes[kept] + width) * beyond[kept]).max()),
        ]
    low, high = total / sum(len(waits) for waits in result.waits.values())
    return float(low), float(high)


def decide(result: Thresholds, *, tolerated_share: float, giveup_share: float) -> Decision:
    """Recommend an acceptable wait per channel and tier, and predict who comes back when it is kept."""
    table = limits(result, tolerated_share=tolerated_share, giveup_share=giveup_share)
    now = float((result.channels["back"] * result.channels["cases"]).sum() / result.channels["cases"].sum())
    found = result.channels.dropna(subset="knee_min")
    if found.empty:
        return Decision(
            recommendation="Hold today's speed and buy no more: no wait in these data brings more customers back.",
            evidence="; ".join(
                f"{name}: no rise up to {clock(row['longest_min'])} ({row['cases']:,.0f} answers)"
                for name, row in named_rows(result.channels)
            ),
            metric="answered requests whose customer comes back",
            unit="share",
            low=0.95 * now,
            high=min(1.05 * now, 1.0),
            flips_if="waits grow beyond the longest in these data, or a later quarter shows a rise, like with like",
            owner="head of service",
        )
    told = "; ".join(
        f"{name} " + ", ".join(f"{clock(row['limit_min'])} ({row['tier']})" for _, row in named_rows(rows))
        for name, rows in table.groupby("channel", sort=False)
    )
    low, high = _avoidable(result, table)
    name, least = max(named_rows(found), key=lambda item: item[1]["high_min"] / item[1]["low_min"])
    return Decision(
        recommendation=f"Promise a first answer within: {told}.",
        evidence="Knees, like with like: "
        + "; ".join(
            f"{channel} {clock(row['knee_min'])} ({clock(row['low_min'])} to {clock(row['high_min'])})"
            for channel, row in named_rows(found)
        )
        + f", from {result.channels['cases'].sum():,.0f} answers, after which {now:.1%} of customers came back.",
        metric="answered requests whose customer comes back",
        unit="share",
        low=max(now - high, 0.0),
        high=max(now - low, 0.0),
        flips_if=f"the knee of {name}, the least certain, leaves the range of {clock(least['low_min'])} to "
        f"{clock(least['high_min'])} in the next quarter, or in a trial that answers half the cases sooner, "
        "by lot, as many of them come back",
        owner="head of service",
    )
