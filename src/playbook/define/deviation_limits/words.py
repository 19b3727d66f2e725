"""What the page says in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.define.deviation_limits.analysis import (
    ACT_TAIL,
    FEWEST_CASES,
    KINDS,
    Limits,
    Regions,
    warn_above,
    worst_cell,
)
from playbook.methods import funnel

SCALE_CASES = (50, 200, 1000, 5000)
NAMES = {
    "region_id": "region",
    "cases_quarter": "cases a quarter",
    "warn_above": "warn above",
    "act_above": "act above",
    "quarters_warn": "quarters to warn",
    "quarters_act": "quarters to act",
}


def overview(found: Regions) -> pd.DataFrame:
    """Return each region's cases in a usual quarter, and its share in its best, middle and worst one (per cent)."""
    rows = found.cells.groupby("region_id").agg(
        cases_quarter=("cases", "median"),
        lowest=("share", "min"),
        middle=("share", "median"),
        highest=("share", "max"),
    )
    rows = rows.sort_values("cases_quarter", ascending=False)
    return _named(_in_percent(rows, ["lowest", "middle", "highest"]))


def region_limits(found: Regions) -> pd.DataFrame:
    """Return the limits of each region at its usual volume (per cent), and how many quarters lay beyond them."""
    rows = found.cells.groupby("region_id").agg(cases_quarter=("cases", "median"))
    for verdict in ("warn", "act"):
        rows[f"quarters_{verdict}"] = (
            (found.cells["verdict"] == verdict).groupby(found.cells["region_id"]).sum()
        )
    return _named(_with_limits(rows.sort_values("cases_quarter", ascending=False), found))


def scaled(found: Regions, *, cases: Sequence[int] = SCALE_CASES) -> pd.DataFrame:
    """Return the limits (per cent) for a region that will have so many cases a quarter."""
    rows = pd.DataFrame({"cases_quarter": cases}).set_index("cases_quarter", drop=False)
    return _named(_with_limits(rows, found).drop(columns="cases_quarter"))


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(columns=NAMES).rename_axis(NAMES[str(rows.index.name)])


def _with_limits(rows: pd.DataFrame, found: Regions) -> pd.DataFrame:
    n = rows["cases_quarter"].to_numpy(float)
    act = funnel.limits(found.usual_share, n, tail=ACT_TAIL, phi=found.spread)
    warn = np.minimum(warn_above(found.usual_share, found.warn_z, n), act)
    rows.insert(1, "warn_above", warn)
    rows.insert(2, "act_above", act)
    return _in_percent(rows, ["warn_above", "act_above"])


def _in_percent(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    rows = rows.assign(cases_quarter=rows["cases_quarter"].round().astype(int))
    rows[columns] = (100 * rows[columns]).round(1)
    return rows


def funnel_text(found: Regions) -> str:
    """Say what the funnel shows, and what it left out."""
    cells, worst = found.cells, worst_cell(found)
    counts = cells["verdict"].value_counts()
    says = (
        f"{found.what}: **{found.usual_share:.1%}** in ordinary quarters. Of {len(cells)} quarters of "
        f"{cells['region_id'].nunique()} regions, the number above the act limit is {counts.get('act', 0)}, and between "
        f"the two limits {counts.get('warn', 0)}."
    )
    if worst is not None:
        says += (
            f" The farthest out is **{worst['region_id']}** in the 13 weeks from {worst['quarter_on']:%Y-%m-%d}: "
            f"{worst['share']:.1%} of {worst['cases']:,} cases."
        )
    wider = np.sqrt(found.spread)
    says += (
        f" Quarters vary {wider:.1f} times as much as counting alone explains; the limits are that much wider."
        if wider >= 1.05
        else " Quarters vary no more than counting alone explains."
    )
    if found.left_out:
        says += f" {found.left_out} quarters of small regions, with under {FEWEST_CASES} cases each, are left out."
    return says


def trigger_text(result: Limits) -> str:
    """Say how many customers are watched, and what the triggers raised."""
    table = result.table
    weeks = len(result.triggers[0].week_on)
    says = (
        f"Watched: the last {weeks} weeks. With a budget of **{result.alarms_week:g} false "
        f"{'alarm' if result.alarms_week == 1 else 'alarms'} a week**, {table['alarms'].sum()} alarms came in all, "
        f"{table['alarms'].sum() / weeks:.1f} a week. If nobody had "
        f"changed, up to about {table['false_alarms_week'].sum() * weeks:.0f} would have come by chance."
    )
    missing = [kind[2] for kind in KINDS if kind[2] not in table.index]
    if missing:
        says += f" Not watched here, for want of data: who {' and who '.join(missing)}."
    return says


def shown(result: Limits) -> pd.DataFrame:
    """Return the triggers as a table to act by."""
    names = {
        "usual_week": "usual a week",
        "false_alarms_week": "false a week",
        "weeks_to_see": "weeks to see",
    }
    return result.table.drop(columns=["action", "owner"]).rename(columns=names)


def actions(result: Limits) -> pd.DataFrame:
    """Return what an alarm of each trigger sets in motion, and who acts."""
    return result.table[["action", "owner"]]
