"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.service_levels.analysis import MIN_CASES, ServiceLevels, covered_in, faster, tier_row
from playbook.methods import service_levels as sl
from playbook.methods.intervals import Z90


def read(result: ServiceLevels) -> str:
    """Say which process and promise are read, what the money rests on, and what is left out."""
    f = result.facts
    first, last = result.cases["asked_at"].min(), result.cases["asked_at"].max()
    stages = ", ".join(result.stages.columns)
    source = "the contract" if f["from_contract"] else "no contract term: today's own level"
    text = (
        f"{len(result.cases):,} cases of *{f['process']}*, asked for from {first:%B %Y} to {last:%B %Y}. Stages: {stages}. "
        f"Promise: {f['target_h']:g} hours in {f['level']:.0%} of cases ({source}); a customer's month that misses it "
        f"costs {f['penalty_amt']:g}."
    )
    if f["open_cases"]:
        text += f" {f['open_cases']:,} cases that are not over yet are left out, so the newest look a little too fast."
    if not f["costs_known"]:
        text += " The data hold no costs of these steps: a special request costs what the setting says."
    return text


def glance(result: ServiceLevels) -> pd.DataFrame:
    """Return, by tier, the cases, the hours of half and of nine in ten of them, and special requests a case."""
    by = result.cases.groupby("tier")
    table = pd.DataFrame(
        {
            "cases": by.size(),
            "half within (h)": by["hours"].median().round(1),
            "9 in 10 within (h)": by["hours"].quantile(0.9).round(1),
            "special requests a case": by["requests"].mean().round(2),
        }
    )
    return table.loc[result.promise.index]


def adding_up(result: ServiceLevels) -> pd.DataFrame:
    """Return, by tier and way of adding up, the hours to promise and the share of cases that keep them."""
    ways = {"whole cases": "joint_h", "as if independent": "added_h", "percentiles added": "percentiles_h"}
    rows = []
    for tier in result.promise.index:
        of = tier_row(result.promise, tier)
        hours = result.cases.loc[result.cases["tier"] == tier, "hours"]
        for way, column in ways.items():
            interval = f"{of['joint_low']:.0f} to {of['joint_high']:.0f}" if column == "joint_h" else ""
            rows.append((tier, way, round(of[column], 1), interval, f"{(hours <= of[column]).mean():.1%}"))
    table = pd.DataFrame(rows, columns=["tier", "added up", "hours", "90 % interval", "cases kept"])
    return table.set_index(["tier", "added up"])


def together(result: ServiceLevels) -> str:
    """Say whether stages of one week are slow together, on a scale from -1 to 1, with its 90 % interval."""
    low, middle, high = _dependence(result)
    verdict = (
        "are slow in the same weeks" if low > 0 else "show no sure tendency to be slow in the same weeks"
    )
    advice = "add up whole cases" if low > 0 else "adding them up as if independent does little harm here"
    return (
        f"The stages {verdict}: the correlation of their weekly averages is {middle:.2f} (90 % interval {low:.2f} to "
        f"{high:.2f}); 0 would mean that they have nothing to do with each other. So {advice}."
    )


def _dependence(result: ServiceLevels) -> tuple[float, float, float]:
    """Return the mean correlation between stages of weekly mean logs with its interval (Fisher's z; weeks are the cases).

    Each stage is taken net of tier, special requests and channel, which change over weeks only by chance.
    """
    logs = result.stages.clip(lower=1e-3).apply(np.log)
    by = [result.cases["tier"], result.cases["requests"], result.cases["channel"]]
    centred = {stage: column - column.groupby(by).transform("mean") for stage, column in logs.items()}
    weekly = pd.DataFrame(centred).groupby(result.cases["week"]).mean().to_numpy()
    if len(weekly) < 5:
        return -1.0, 0.0, 1.0
    rho = np.corrcoef(weekly.T)[np.triu_indices(weekly.shape[1], 1)]
    z = float(np.arctanh(np.clip(rho, -0.999, 0.999)).mean())
    half = Z90 / np.sqrt(len(weekly) - 3)  # of one pair: of their mean it is at most this
    low, middle, high = np.tanh([z - half, z, z + half])
    return float(low), float(middle), float(high)


def olas(result: ServiceLevels) -> pd.DataFrame:
    """Return hours per stage: what teams promise each other today and how often they keep it, and what each tier needs."""
    f = result.facts
    today = pd.Series(f["stage_targets"])
    table = pd.DataFrame(index=pd.Index([*result.stages.columns, "sum"], name="stage"))
    if today.notna().all():
        table["agreed today (h)"] = [*today, today.sum()]
        shares = [f"{(result.stages[stage] <= hours).mean():.0%}" for stage, hours in today.items()]
        table["kept today"] = [*shares, ""]
    for tier in result.targets.index:
        stages = result.stages[covered_in(result, tier)]
        hours, _ = sl.split(stages, float(result.targets.loc[tier, "target_h"]))
        table[f"{tier} (h)"] = np.round([*hours, hours.sum()], 1)
    return table


def composed(result: ServiceLevels) -> str:
    """Say how often each team must keep its hours so that the whole is kept, and what today's hours add up to."""
    parts = []
    for tier in result.targets.index:
        mine = covered_in(result, tier)
        target = float(result.targets.loc[tier, "target_h"])
        _, level = sl.split(result.stages[mine], target)
        parts.append(f"{tier}: each team {level:.0%}, the whole {result.targets.loc[tier, 'kept_share']:.0%}")
    text = "Share of cases in which the hours above are kept: " + "; ".join(parts) + "."
    today = sum(result.facts["stage_targets"].values())
    if np.isfinite(today):
        target = result.facts["target_h"]
        gap = "more than" if today > target else "no more than"
        text += (
            f" Today's agreements add up to {today:g} hours: {gap} the {target:g} promised to the customer."
        )
    return text


def capacity(result: ServiceLevels) -> str:
    """Say whether a faster stage pays for itself."""
    table = faster(result)
    if table.empty:
        return "The data do not say what a faster stage costs, so more capacity is not weighed here."
    best = str(table["net"].idxmax())
    row = tier_row(table, best)
    verdict = "pays" if row["net"] > 0 else "does not pay for itself, and no other stage does"
    return (
        f"More capacity: making the {best} a tenth faster saves {row['saves']:,.0f} a month in penalties and "
        f"waiting and costs {row['costs']:,.0f}; it {verdict}."
    )


def break_even(result: ServiceLevels) -> str:
    """Say what a special request must be worth to be covered by the promise."""
    rows, f = result.requests[result.requests["number"] > 0], result.facts
    if rows.empty:
        return "Too few cases have special requests to say how many the promise can bear."
    added = (f["request_value_amt"] - f["request_cost_amt"]) * rows["requests"] - rows["net_amt"]
    one = float((added * rows["cases"]).sum() / (rows["requests"] * rows["cases"]).sum())
    return (
        f"A special request costs {f['request_cost_amt']:.0f} to serve and adds {one:.0f} in penalties on average. To be "
        f"covered by the promise it must be worth more than {f['request_cost_amt'] + one:.0f}; the setting says "
        f"{f['request_value_amt']:g}."
    )


def thresholds(result: ServiceLevels) -> pd.DataFrame:
    """Return per tier and number of special requests: kept share, and money a case (penalty, serving, net of worth)."""
    rows = result.requests
    table = pd.DataFrame(
        {
            "tier": rows["tier"],
            "special requests": rows["label"],
            "cases": rows["cases"],
            "kept": rows["kept_share"].map("{:.0%}".format),
            "penalty": rows["penalty_amt"].round(1),
            "cost to serve": rows["serving_amt"].round(1),
            "net against none": rows["net_amt"].round(1) + 0.0,
        }
    )
    return table.set_index(["tier", "special requests"])


def by_channel(result: ServiceLevels) -> pd.DataFrame:
    """Return the hours to promise per tier and channel, so that each channel is kept as often as its tier's promise."""
    channels = sorted(result.cases["channel"].unique())
    table = pd.DataFrame("too few", index=result.targets.index, columns=channels)
    for (tier, channel), of in result.cases[result.cases["covered"]].groupby(["tier", "channel"]):
        if len(of) >= MIN_CASES and of["week"].min() < of["week"].max():
            level = min(tier_row(result.targets, str(tier))["kept_share"], 0.99)
            hours, low, high = sl.quantile_interval(of["hours"], level, of["week"])
            table.loc[str(tier), str(channel)] = f"{hours:.0f} h ({low:.0f} to {high:.0f})"
    return table
