"""How fast can new people become personal? Learning, forgetting and leaving by role, and a course to fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods import learning
from playbook.methods.intervals import wilson

MOST_PRACTICES = 60
FEWEST_PEOPLE = 8  # a role with fewer learners is left out
DRAWS = 300


@dataclass(frozen=True)
class Ramp:
    """How each role learns.

    Parameters
    ----------
    plan : DataFrame
        By role: hires, practices until a typical new hire still has `needed` after weeks alone (with low,
        high and practices_stayed, the count that those who stayed suggest), pass_mark, ramp_weeks, hours,
        refresh_1_weeks, refresh_2_weeks, team (people now), seats_week; practices are NaN when
        `MOST_PRACTICES` are not enough.
    paths : DataFrame
        role, practice_no, typical, low, high, stayed: scores at the start of a practice.
    rates : DataFrame
        By role: start, gain, forget and their 90 % intervals, gain_stayed.
    leave_on_skill, leave_low, leave_high : float
        Fall of the log rate of leaving per standard deviation of skill, with a 90 % interval.
    needed, alone_weeks, gap_d : float
        What the plan assumes.
    """

    plan: pd.DataFrame
    paths: pd.DataFrame
    rates: pd.DataFrame
    leave_on_skill: float
    leave_low: float
    leave_high: float
    needed: float
    alone_weeks: float
    gap_d: float

    @property
    def main_role(self) -> str:
        """The role with most new hires."""
        return str(self.plan["hires"].idxmax())


def ramp(
    training: pd.DataFrame,
    staff: pd.DataFrame,
    *,
    as_of: object,
    needed: float = 0.75,
    alone_weeks: int = 4,
    gap_d: float = 7.0,
) -> Ramp:
    """Estimate learning and forgetting by role, corrected for who left, and plan practice from them.

    Parameters
    ----------
    training, staff : DataFrame
        Canonical tables. People hired since the first practice on record count, so that none is seen from the
        middle.
    as_of : date
        Who had not left by then still may.
    needed : float
        Score that customers need, a share.
    alone_weeks : int
        Weeks without practice after which `needed` must still be there.
    gap_d : float
        Days between practices in the plan.

    Raises
    ------
    ValueError
        When no role has `FEWEST_PEOPLE` new hires with practice.
    """
    now = pd.Timestamp(str(as_of))
    practices = practice_rows(training)
    hires = staff[staff["hired_on"] >= practices["started_at"].min().floor("D") - pd.Timedelta(days=14)]
    learners = hires[hires["staff_id"].isin(practices["staff_id"])]
    counts = learners["role"].value_counts()
    stayers = (
        learners.loc[~(learners["left_on"] <= now), "role"].value_counts().reindex(counts.index).fillna(0)
    )
    roles = sorted(counts.index[(counts >= FEWEST_PEOPLE) & (stayers >= FEWEST_PEOPLE / 2)])
    if not roles:
        raise ValueError(f"no role has {FEWEST_PEOPLE} new hires with a scored practice")
    hires = hires[hires["role"].isin(roles)].reset_index(drop=True)
    by_person = practices.pivot_table(index="staff_id", columns="practice_no", values="score_share")
    scores = by_person.reindex(hires["staff_id"]).to_numpy()
    dates = practices.pivot_table(
        index="staff_id", columns="practice_no", values="started_at", aggfunc="first"
    )
    days = (dates.reindex(hires["staff_id"]) - now).apply(lambda c: c.dt.total_seconds() / 86400)
    gaps = days.diff(axis=1).to_numpy()
    group = hires["role"].map({role: k for k, role in enumerate(roles)}).to_numpy()
    left = (hires["left_on"] <= now).to_numpy()
    stay = (hires["left_on"].where(left, now) - hires["hired_on"]).dt.total_seconds().to_numpy() / 86400
    fit = learning.fit_learning(scores, gaps, group, stay_d=stay, left=left)
    stayed = learning.fit_learning(scores[~left], gaps[~left], group[~left])
    low, high = fit.interval("leave_on_skill")[0]
    plan = _plan(fit, stayed, roles, {"needed": needed, "alone_weeks": alone_weeks, "gap_d": gap_d})
    plan.insert(6, "hours", _hours(practices, plan))
    return Ramp(
        plan=_teams(hires, staff, practices, now).join(plan),
        paths=_paths(fit, stayed, roles, gap_d),
        rates=_rates(fit, stayed, roles),
        leave_on_skill=fit.leave_on_skill,
        leave_low=float(low),
        leave_high=float(high),
        needed=needed,
        alone_weeks=alone_weeks,
        gap_d=gap_d,
    )


def practice_rows(training: pd.DataFrame) -> pd.DataFrame:
    """Return the practices that were completed."""
    return training[(training["module_code"] == "practice") & training["completed_at"].notna()]


def practices_needed(
    start: np.ndarray | float,
    gain: np.ndarray | float,
    forget: np.ndarray | float,
    *,
    needed: float,
    alone_weeks: float,
    gap_d: float,
) -> np.ndarray:
    """Return the practices after which `needed` is there `alone_weeks` later; NaN above `MOST_PRACTICES`."""
    path = learning.learning_path(np.full(MOST_PRACTICES, gap_d), start=start, gain=gain, forget=forget)
    number = np.arange(1, MOST_PRACTICES + 1).reshape(-1, *[1] * (path.ndim - 1))
    learned = learning.after_practice(path, gain=gain)
    later = start + (learned - start) * learning.kept(7 * alone_weeks, number, forget=forget)
    enough = later >= needed
    return np.where(enough.any(axis=0), enough.argmax(axis=0) + 1.0, np.nan)


def _draws(fit: learning.LearningFit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, gain and forget drawn from the estimate's normal distribution, each (draws, groups)."""
    groups = len(fit.gain)
    rng = np.random.default_rng(0)  # fixed: the same data give the same page
    theta = rng.multivariate_normal(fit.theta, fit.cov, DRAWS)[:, : 3 * groups]
    start, gain, forget = np.split(theta, 3, axis=1)
    return 1 / (1 + np.exp(-start)), np.exp(gain), np.exp(np.minimum(forget, 5))


def _rates(fit: learning.LearningFit, stayed: learning.LearningFit, roles: list[str]) -> pd.DataFrame:
    columns: dict[str, np.ndarray] = {}
    for name in ("start", "gain", "forget"):
        ends = fit.interval(name)
        columns |= {name: getattr(fit, name), f"{name}_low": ends[:, 0], f"{name}_high": ends[:, 1]}
    return pd.DataFrame(columns | {"gain_stayed": stayed.gain}, index=pd.Index(roles, name="role"))


def _paths(
    fit: learning.LearningFit, stayed: learning.LearningFit, roles: list[str], gap_d: float
) -> pd.DataFrame:
    gaps = np.full(20, gap_d)
    typical = learning.learning_path(gaps, start=fit.start, gain=fit.gain, forget=fit.forget)
    best = learning.learning_path(gaps, start=stayed.start, gain=stayed.gain, forget=stayed.forget)
    start, gain, forget = _draws(fit)
    low, high = np.quantile(
        learning.learning_path(gaps, start=start, gain=gain, forget=forget), [0.05, 0.95], axis=1
    )
    shape = typical.shape
    return pd.DataFrame(
        {
            "role": np.broadcast_to(roles, shape).ravel(),
            "practice_no": np.broadcast_to(np.arange(1, len(gaps) + 1)[:, None], shape).ravel(),
            "typical": typical.ravel(), "low": low.ravel(), "high": high.ravel(), "stayed": best.ravel(),
        }
    )  # fmt: skip


def _plan(
    fit: learning.LearningFit, stayed: learning.LearningFit, roles: list[str], goal: dict[str, float]
) -> pd.DataFrame:
    """Return what each role's learning asks for: columns practices to refresh_2_weeks of `Ramp.plan`."""
    wanted = practices_needed(fit.start, fit.gain, fit.forget, **goal)
    drawn = np.nan_to_num(practices_needed(*_draws(fit), **goal), nan=MOST_PRACTICES)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0, method="nearest")
    plan = pd.DataFrame(
        {
            "practices": wanted,
            "low": low,
            "high": high,
            "practices_stayed": practices_needed(stayed.start, stayed.gain, stayed.forget, **goal),
            "pass_mark": np.nan,
            "ramp_weeks": wanted * goal["gap_d"] / 7,
            "refresh_1_weeks": np.nan,
            "refresh_2_weeks": np.nan,
        },
        index=pd.Index(roles, name="role"),
    )
    for k, role in enumerate(roles):
        if np.isfinite(wanted[k]):
            n, start, gain, forget = (
                int(wanted[k]),
                float(fit.start[k]),
                float(fit.gain[k]),
                float(fit.forget[k]),
            )
            path = learning.learning_path(
                np.full(n + 1, goal["gap_d"]), start=start, gain=gain, forget=forget
            )
            ends = [
                float(learning.after_practice(score, gain=gain)) for score in (path[n - 1], goal["needed"])
            ]
            weeks = [
                learning.weeks_above(end, goal["needed"], n + later, start=start, forget=forget)
                for later, end in enumerate(ends)
            ]
            plan.loc[role, ["pass_mark", "refresh_1_weeks", "refresh_2_weeks"]] = [path[n], *weeks]
    return plan


def _teams(
    hires: pd.DataFrame, staff: pd.DataFrame, practices: pd.DataFrame, now: pd.Timestamp
) -> pd.DataFrame:
    """Return by role: hires, team (people now), seats_week (practices in a busy week of the last 26)."""
    recent = practices[practices["started_at"] >= now - pd.Timedelta(weeks=26)]
    filled = recent.groupby(["role", (now - recent["started_at"]).dt.days // 7]).size()
    here = staff[staff["left_on"].isna() | (staff["left_on"] > now)]
    counts = {
        "hires": hires["role"].value_counts(),
        "team": here["role"].value_counts(),
        "seats_week": filled.groupby("role").quantile(0.9),
    }
    return pd.DataFrame(counts).reindex(sorted(hires["role"].unique())).fillna(0).rename_axis("role")


def _hours(practices: pd.DataFrame, plan: pd.DataFrame) -> pd.Series:
    """Return hours of practice per new hire: the first as observed, later ones by Wright's rate."""
    minutes = (practices["completed_at"] - practices["started_at"]).dt.total_seconds() / 60
    rate = learning.wright_rate(minutes, practices["practice_no"], practices["staff_id"])
    first = minutes[practices["practice_no"] == 1].groupby(practices["role"]).median()
    total = [
        learning.wright(first.get(role, np.nan), np.arange(1, n + 1), rate=min(rate, 1.0)).sum() / 60
        for role, n in plan["practices"].fillna(0).items()
    ]
    return pd.Series(total, index=plan.index).where(plan["practices"].notna())


def role_row(frame: pd.DataFrame, role: str) -> pd.Series:
    """Return one role's row of an all-numeric frame."""
    return frame.T[role]


def essentials(training: pd.DataFrame) -> pd.DataFrame:
    """Return what each onboarding module is worth on the job.

    Returns
    -------
    DataFrame
        By module, best first: hours, points (of the check on the job, share) with a 95 % interval from people
        whose modules were drawn by lot, points_chosen (with less without, among people who chose), essential
        (interval above zero).

    Raises
    ------
    ValueError
        When no modules were drawn by lot, or too few people had them.
    """
    modules = training[training["module_code"].str.startswith("onboarding:")]
    checked = training[(training["module_code"] == "job-check") & training["score_share"].notna()]
    score = checked.groupby("staff_id")["score_share"].mean()
    drawn, chosen = (_taken(modules[modules["assigned_by"] == by], score) for by in ("draw", "choice"))
    if drawn.empty:
        raise ValueError(
            "no onboarding module was assigned by lot: what modules are worth cannot be told from keenness"
        )
    role = pd.get_dummies(checked.groupby("staff_id")["role"].first()[drawn.index], drop_first=True)
    x = np.column_stack([np.ones(len(drawn)), drawn, role]).astype(float)
    points, error = learning.least_squares(x, score[drawn.index])
    points, error = points[1 : 1 + drawn.shape[1]], error[1 : 1 + drawn.shape[1]]
    worth = pd.DataFrame(
        {
            "hours": (modules["completed_at"] - modules["started_at"]).dt.total_seconds().div(3600)
            .groupby(modules["module_code"]).mean()[drawn.columns],
            "points": points, "low": points - 1.96 * error, "high": points + 1.96 * error,
            "points_chosen": [_difference(chosen, score, code) for code in drawn.columns],
        },
        index=drawn.columns,
    )  # fmt: skip
    worth.index = pd.Index(worth.index.str.removeprefix("onboarding:"), name="module")
    return worth.assign(essential=worth["low"] > 0).sort_values("points", ascending=False)


def _taken(modules: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """Return who took which module, of people with a score on the job, (people, modules)."""
    known = modules[modules["staff_id"].isin(score.index)]
    return pd.crosstab(known["staff_id"], known["module_code"]).clip(upper=1)


def _difference(taken: pd.DataFrame, score: pd.Series, code: str) -> float:
    if code not in taken:
        return np.nan
    mine = score[taken.index]
    return float(mine[taken[code] == 1].mean() - mine[taken[code] == 0].mean())


def chart_items(training: pd.DataFrame, *, pass_share: float = 0.6) -> pd.DataFrame:
    """Return how each role reads each chart of the interpretation test.

    Returns
    -------
    DataFrame
        role, item_code, people, right_share with a 90 % Wilson interval, misread (interval below
        `pass_share`).
    """
    tests = training[(training["module_code"] == "charts") & training["score_share"].notna()]
    items = tests.groupby(["role", "item_code"])["score_share"].agg(["size", "sum"]).reset_index()
    ends = [wilson(right, people) for people, right in zip(items["size"], items["sum"], strict=True)]
    return pd.DataFrame(
        {
            "role": items["role"], "item_code": items["item_code"], "people": items["size"],
            "right_share": items["sum"] / items["size"],
            "low": [low for low, _ in ends], "high": [high for _, high in ends],
            "misread": [high < pass_share for _, high in ends],
        }
    )  # fmt: skip


def quiz(training: pd.DataFrame, staff: pd.DataFrame, *, role: str) -> pd.DataFrame:
    """Return the data of one real test chart: each team's mean on the job, with the range chance alone
    allows.

    Columns: unit_id, people, score, low, high (95 % limits around the mean of all), differs.
    """
    checks = training[(training["module_code"] == "job-check") & (training["role"] == role)]
    scores = checks.merge(staff[["staff_id", "unit_id"]], on="staff_id")
    teams = scores.groupby("unit_id")["score_share"].agg(people="size", score="mean").reset_index()
    middle, sd = scores["score_share"].mean(), scores["score_share"].std()
    half = 1.96 * sd / np.sqrt(teams["people"])
    return teams.assign(low=middle - half, high=middle + half, differs=(teams["score"] - middle).abs() > half)


def packages(
    training: pd.DataFrame, staff: pd.DataFrame, regions: pd.DataFrame, *, arrive_share: float = 0.95
) -> pd.DataFrame:
    """Return the largest package that arrives, by region.

    Returns
    -------
    DataFrame
        By region: country, site_kbps, tries, unfinished_share, usable_kbps (median for one person), online_mb
        and offline_mb (largest size of which `arrive_share` of downloads end in their slot), on_paper_mb
        (offline, as if one person had the site's whole line). Unfinished downloads count as slower than their
        slot required.

    Raises
    ------
    ValueError
        When there are no downloads.
    """
    from scipy.stats import norm

    loads = training[training["package_mb"].notna() & training["slot_min"].notna()]
    if loads.empty:
        raise ValueError("there are no downloads to learn the speed from")
    loads = loads.merge(staff[["staff_id", "region_id"]], on="staff_id")
    slots = loads.groupby("mode")["slot_min"].max()
    rows = []
    for region in regions.itertuples():
        mine = loads[loads["region_id"] == region.region_id]
        if mine["completed_at"].notna().sum() < 2:
            continue
        took_s = (mine["completed_at"] - mine["started_at"]).dt.total_seconds()
        middle, sd = learning.fit_speed(
            mine["package_mb"] * 8000 / took_s, mine["package_mb"] * 8000 / mine["slot_min"] / 60
        )
        slow = np.exp(middle + norm.ppf(1 - arrive_share) * sd)
        per_min = 60 / 8000
        rows.append(
            (
                region.region_id,
                region.country,
                region.bandwidth_kbps,
                len(mine),
                took_s.isna().mean(),
                np.exp(middle),
                slow * slots.get("online", np.nan) * per_min,
                slow * slots.get("offline", np.nan) * per_min,
                region.bandwidth_kbps * slots.get("offline", np.nan) * per_min,
            )
        )
    return pd.DataFrame(
        rows,
        columns=["region_id", "country", "site_kbps", "tries", "unfinished_share", "usable_kbps", "online_mb",
                 "offline_mb", "on_paper_mb"],
    ).set_index("region_id")  # fmt: skip
