"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.balance.safety_stock.analysis import ASKED_SERVICE, Buffers, by_rank
from playbook.wording import listed


def overview(weekly: pd.DataFrame) -> pd.DataFrame:
    """Return per segment what a week brings: units, money, and the swing around the mean."""
    span = weekly["week_on"].nunique()
    item = weekly.groupby(["segment", "product_id"])["qty"]
    mean = item.sum() / span
    swing = np.sqrt(np.maximum(weekly.assign(square=weekly["qty"] ** 2.0).groupby(
        ["segment", "product_id"])["square"].sum() / span - mean**2, 0)) / mean  # fmt: skip
    whole = weekly.groupby("segment")
    frame = pd.DataFrame(
        {
            "customers": whole["customers"].first(),
            "units_week": (whole["qty"].sum() / span).round(0),
            "value_week": (whole["value_amt"].sum() / span).round(0),
            "volatility": swing.groupby("segment").median().round(2),
        }
    )
    return frame.loc[by_rank(weekly)]


def reliability(result: Buffers) -> pd.DataFrame:
    """Return per segment how much of the buffer answers forecast errors, and what a better forecast earns.

    Columns: error_share (of the squared spread), capital by the planner's forecast and as used; where there
    is a behaviour forecast, its error against the planner's (ratio, low, high) and whether it is used.
    """
    lines = result.buffers
    squared = lines.assign(error=lines["error_sd"] ** 2, all=lines["spread"] ** 2).groupby("segment")
    frame = result.segments.set_index("segment")[["planner_capital", "capital"]].round(0).astype("int64")
    frame.insert(0, "error_share", (squared["error"].sum() / squared["all"].sum()).round(2))
    return frame if result.forecasts is None else frame.join(result.forecasts.set_index("segment").round(2))


def assumptions(result: Buffers) -> str:
    """Return what had to be assumed, as Markdown."""
    if not result.assumed:
        return (
            "Nothing had to be assumed: stock records, lead times, costs and forecasts are all in the data."
        )
    return "Assumed, because the data do not say it:\n\n" + "\n".join(f"- {line}" for line in result.assumed)


def forecast_says(result: Buffers) -> str:
    """Return in words what the behaviour forecasts earn."""
    if result.forecasts is None:
        share = reliability(result)["error_share"]
        return (
            f"There is no behaviour forecast to test. Forecast errors cause {share.min():.0%} to "
            f"{share.max():.0%} of the uncertainty, by segment; the rest is late deliveries, which no "
            "forecast mends."
        )
    used = result.forecasts.loc[result.forecasts["used"], "segment"].tolist()
    if not used:
        return "The behaviour forecast is not reliably better in any segment, so it earns no smaller buffer."
    before, after = result.segments["planner_capital"].sum(), result.segments["capital"].sum()
    best = result.forecasts.sort_values("ratio").iloc[0]
    return (
        f"The behaviour forecast is reliably better for {listed(used)}; most for {best['segment']}, where "
        f"its error is {best['ratio']:.0%} of the planner's. It lowers the capital in buffers from "
        f"{before:,.0f} to {after:,.0f}."
    )


def replay_says(result: Buffers) -> str:
    """Return in words what the same cover for all does to each segment."""
    rows = result.segments
    short = rows.loc[rows["same_cover"] < rows["promise"] - 0.01, "segment"].tolist()
    plenty = rows.loc[rows["same_cover"] > rows["promise"] + 0.01, "segment"].tolist()
    parts = [f"leaves {listed(short)} below the promise"] if short else []
    parts += [f"gives {listed(plenty)} more than was promised"] if plenty else []
    said = " and ".join(parts) or "happens to keep every promise"
    said = f"With the same capital, the same cover for all {said}."
    missed = rows.loc[rows["own_buffer"] < rows["promise"] - 0.02, "segment"].tolist()
    if missed:
        said += (
            f" Own buffers miss {listed(missed)} by more than two points as well: orders come in bursts "
            "that the formula's bell curve does not know. There, trust the replay and raise the promise in "
            "the settings until the dot reaches the bar."
        )
    return said


def task(result: Buffers) -> str:
    """Return the exercise's question, with the segment's name."""
    first = result.segments.iloc[0]
    return (
        f"Sales wants to promise the segment **{first['segment']}** that {ASKED_SERVICE:.1%} of all cycles "
        f"pass without a stock-out. **How much capital would the buffers of {first['segment']} then tie "
        "up**, over all items? Put your number in place of `None`."
    )
