"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.deviation_limits.analysis import Limits, at_rate, share_of
from playbook.methods.intervals import Z90


def what_if(result: Limits, *, alarms_week: Sequence[float]) -> pd.DataFrame:
    """Return what each budget of false alarms buys.

    Columns: alarms_week, weeks_to_see (median over customers until a change to three times, or a third, is seen),
    raised_week (alarms a week in these data, right and false).
    """
    rows = []
    for budget in alarms_week:
        made = [(trigger, at_rate(trigger, share_of(result.triggers, budget))) for trigger in result.triggers]
        delays = np.concatenate([delay for _, (_, _, delay) in made])
        raised = sum(
            int((trigger.sums >= limit[:, None]).any(axis=1).sum()) for trigger, (limit, _, _) in made
        )
        rows.append((float(budget), float(np.median(delays)), raised / len(result.triggers[0].week_on)))
    return pd.DataFrame(rows, columns=["alarms_week", "weeks_to_see", "raised_week"])


def decide(result: Limits) -> Decision:
    """Recommend limits for regions and triggers for customers, with the load they bring."""
    cells, table = result.regions.cells, result.table
    newest = cells[(cells["quarter_no"] == cells["quarter_no"].min()) & (cells["verdict"] == "act")]
    now = " and ".join(newest["region_id"]) or "no region"
    weeks = min(26, len(result.triggers[0].week_on))
    recent = result.alarms["alarm_on"] > pd.Timestamp(result.triggers[0].week_on[-1]) - pd.Timedelta(
        weeks=weeks
    )
    pace = recent.sum() / weeks
    half = Z90 * np.sqrt(pace / 13 + pace / weeks)
    alarms, chance = int(table["alarms"].sum()), result.alarms_week * len(result.triggers[0].week_on)
    worth = "each alarm starts its action"
    if alarms <= chance:
        worth = "so far they rang no more often than chance would, so look into an alarm before you act on it"
    return Decision(
        recommendation=f"Judge each region by the limits of its own volume (now: act on {now}), and run {len(table)} "
        f"{'trigger' if len(table) == 1 else 'triggers'} with {result.alarms_week:g} false "
        f"{'alarm' if result.alarms_week == 1 else 'alarms'} a week between them; {worth}.",
        evidence=f"{(cells['verdict'] == 'act').sum()} of {len(cells)} quarters lay above the act limit; "
        f"{alarms} alarms in {len(result.triggers[0].week_on)} weeks over "
        f"{int(table['watched'].max()):,} customers; a change to three times the pace, or a third, is seen after "
        f"{table['weeks_to_see'].min():.0f} weeks by the quickest trigger, "
        f"{table['weeks_to_see'].max():.0f} by the slowest.",
        metric="alarms to follow up",
        unit="a week",
        low=round(max(0.0, float(pace - half)), 2),
        high=round(float(pace + half), 2),
        flips_if="of the alarms followed up in a quarter, fewer than one in three finds a change that lasts (halve the "
        "budget), or a region warns two quarters running (act before the act limit)",
        owner="head of operations",
    )
