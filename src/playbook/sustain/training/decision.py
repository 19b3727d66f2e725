"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.methods import learning
from playbook.sustain.training.analysis import MOST_PRACTICES, Ramp, role_row

WAVE_WEEKS, SHOWN_WEEKS = 26, 78


def what_if(result: Ramp, *, hires_month: Sequence[int]) -> pd.DataFrame:
    """Return what half a year of hiring does to a team, week by week, with the seats there were in a busy
    week.

    Columns: hires_month, week, role, team_score (share), in_training, ramp_weeks (median from hire to pass
    mark; NaN when fewer than half get there within `SHOWN_WEEKS`). Established people and those who passed
    hold the pass mark; seats go to who has waited longest.
    """
    role = result.main_role
    row, rate = role_row(result.plan, role), role_row(result.rates, role)
    # A role that never gets there keeps practising; its established people are taken to hold what is needed.
    row = row.fillna({"practices": MOST_PRACTICES, "pass_mark": result.needed})
    return pd.concat([_wave(int(h), role, row, rate) for h in hires_month], ignore_index=True)


def _wave(hires_month: int, role: str, row: pd.Series, rate: pd.Series) -> pd.DataFrame:
    people = round(hires_month * WAVE_WEEKS * 7 / 30.44)
    arrives = 1 + np.floor(np.arange(people) * WAVE_WEEKS / max(people, 1)).astype(int)  # week 0 is before
    last, done, learned = arrives - 1, np.zeros(people, dtype=int), np.full(people, rate["start"])
    passed = np.full(people, np.nan)
    seats, enough = max(1, int(row["seats_week"])), int(row["practices"])
    rows = []
    for week in range(SHOWN_WEEKS + 1):
        here, busy = arrives <= week, (arrives <= week) & np.isnan(passed)
        share = learning.kept(7.0 * np.maximum(week - last, 0), np.maximum(done, 1), forget=rate["forget"])
        score = np.where(
            np.isnan(passed), rate["start"] + (learned - rate["start"]) * share, row["pass_mark"]
        )
        team = (row["team"] * row["pass_mark"] + score[here].sum()) / (row["team"] + here.sum())
        rows.append((hires_month, week, role, team, int(busy.sum())))
        turn = np.flatnonzero(busy)
        turn = turn[np.argsort(last[turn], kind="stable")][:seats]
        learned[turn] = learning.after_practice(score[turn], gain=rate["gain"])
        done[turn] += 1
        last[turn] = week
        ends = turn[done[turn] >= enough]
        passed[ends] = week + 1 - arrives[ends]
    frame = pd.DataFrame(rows, columns=["hires_month", "week", "role", "team_score", "in_training"])
    median = np.median(np.nan_to_num(passed, nan=np.inf)) if people else np.nan
    return frame.assign(ramp_weeks=median if np.isfinite(median) else np.nan)


def decide(result: Ramp, *, worth: pd.DataFrame, items: pd.DataFrame, sizes: pd.DataFrame) -> Decision:
    """Recommend practices and pass mark of the main role, onboarding, charts to teach, and package size."""
    role, slow = result.main_role, str(sizes["offline_mb"].idxmin())
    row = role_row(result.plan, role)
    kept = worth.index[worth["essential"]]
    wrong = items.loc[(items["role"] == role) & items["misread"], "item_code"]
    night_mb = np.floor(sizes["offline_mb"].min() / 10) * 10
    parts = [
        f"Onboard with {', '.join(kept)} only; the rest becomes look-up"
        if len(kept)
        else "Keep no module on the evidence so far",
        f"teach {role}s to read '{', '.join(wrong)}'" if len(wrong) else "teach no single chart apart",
        f"send {sizes['country'][slow]} at most {night_mb:,.0f} MB a night",
    ]
    if not np.isfinite(row["practices"]):
        opening = (
            f"Change the practice of {role}s before hiring: at this rhythm the needed score is not reached. "
        )
        low = high = MOST_PRACTICES * result.gap_d / 7
    else:
        opening = (
            f"Give each new {role} {row['practices']:.0f} practices, one every {result.gap_d:g} days; let "
            f"them work alone from a score of {row['pass_mark']:.0%}. "
        )
        low, high = (float(row[end]) * result.gap_d / 7 for end in ("low", "high"))
    return Decision(
        recommendation=opening + "; ".join(parts) + ".",
        evidence=f"{row['hires']:.0f} {role}s hired; those who stayed suggest "
        f"{row['practices_stayed']:.0f} practices; weak learners leave {np.exp(result.leave_on_skill):.1f} "
        f"times as fast (90 %: {np.exp(result.leave_low):.1f} to {np.exp(result.leave_high):.1f}).",
        metric=f"weeks until a typical new {role} works alone",
        unit="weeks",
        low=low,
        high=high,
        flips_if="the next intake, leavers counted, is outside that range, or leavers score like stayers",
        owner="head of training",
        review_days=120,
    )
