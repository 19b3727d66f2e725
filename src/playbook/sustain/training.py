"""How fast can new people become personal? Learning, forgetting and leaving by role, and a course to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import learning
from playbook.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, SKY, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

HINTS = (
    "Who is missing from the scores of practice 10? Those who left before it. Were they average learners?",
    "Look at the blue line, not the orange one, and count until the score would survive the weeks alone.",
    "Print result.plan: column practices is for the typical new hire, practices_stayed for those who stayed.",
)
MOST_PRACTICES = 60
FEWEST_PEOPLE = 8  # a role with fewer learners is left out
DRAWS = 300
WAVE_WEEKS, SHOWN_WEEKS = 26, 78


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


def glance(training: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score at some practices of people who are still here and of people who left."""
    scored = _practices(training).merge(staff[["staff_id", "left_on"]], on="staff_id")
    scored["who"] = np.where(scored["left_on"].isna(), "still here", "left since")
    chosen = scored[scored["practice_no"].isin([1, 4, 8, 12, 16])]
    return chosen.pivot_table(
        index="practice_no", columns="who", values="score_share", aggfunc=["mean", "count"]
    )


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
    practices = _practices(training)
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


def _practices(training: pd.DataFrame) -> pd.DataFrame:
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


def plot(result: Ramp, *, role: str | None = None) -> Axes:
    """Draw one role's learning curve: of a typical new hire, and as those who stayed suggest it."""
    role = role or result.main_role
    path, row = result.paths[result.paths["role"] == role], _row(result.plan, role)
    with figure() as ax:
        ax.fill_between(path["practice_no"], path["low"], path["high"], color=SKY, alpha=0.3, lw=0)
        ax.plot(
            path["practice_no"], path["typical"], color=BLUE, lw=2.5, label="typical new hire (90 % band)"
        )
        ax.plot(path["practice_no"], path["stayed"], color=ORANGE, lw=2, ls="--", label="those who stayed")
        if np.isfinite(row["pass_mark"]):
            ax.axhline(float(row["pass_mark"]), color=GREY, lw=1, label="pass mark")
        ax.set_ylim(0, 1)
        ax.set_xticks(range(0, 21, 5))
        ax.legend(loc="lower right")
    finding(ax, _headline(row, role), x="Practice", y="Score at its start (%)")
    percent(ax)
    return ax


def _row(frame: pd.DataFrame, role: str) -> pd.Series:
    """Return one role's row of an all-numeric frame."""
    return frame.T[role]


def _headline(row: pd.Series, role: str) -> str:
    if not np.isfinite(row["practices"]):
        return f"At this rhythm a typical new {role} never gets far enough"
    more = row["practices"] - row["practices_stayed"]
    if more > 0:
        return (
            f"A typical new {role} needs {row['practices']:.0f} practices; those who stayed needed "
            f"{row['practices_stayed']:.0f}"
        )
    return f"A typical new {role} needs {row['practices']:.0f} practices, no more than those who stayed"


def leavers(result: Ramp) -> str:
    """Say in words how leaving goes with learning."""
    times = np.exp([result.leave_on_skill, result.leave_low, result.leave_high])
    if result.leave_low > 0:
        return (
            f"Weak learners leave: a person one standard deviation below average leaves **{times[0]:.1f} "
            f"times** as fast as an average one (90 % interval {times[1]:.1f} to {times[2]:.1f}). Whoever "
            "looks only at people who are still here sees a course that works better than it does."
        )
    return (
        "Here leaving does not visibly go with weak learning (the 90 % interval includes none), so the curve "
        "of those who stayed can be trusted."
    )


def plot_forgetting(result: Ramp) -> Axes:
    """Draw what is kept of a first practice by role, beside Ebbinghaus' nonsense syllables."""
    weeks = np.linspace(0.15, 13, 120)
    with figure() as ax:
        for number, (role, rate) in enumerate(result.rates["forget"].items()):
            share = learning.kept(7 * weeks, 1, forget=rate)
            ax.plot(weeks, share, color=[BLUE, ORANGE, GREEN, RED][number % 4], lw=2, label=str(role),
                    ls=["-", "--", "-.", ":"][number % 4])  # fmt: skip
        ax.plot(
            weeks, learning.savings(weeks * 7 * 1440), color=GREY, lw=1.2, label="nonsense syllables, 1885"
        )
        ax.set_ylim(0, 1.4)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
        ax.legend(loc="upper left", ncols=2, fontsize=10.5)
    fastest = result.rates["forget"].idxmax()
    month = float(learning.kept(28, 1, forget=result.rates["forget"].max()))
    said = f"Four weeks after one practice a {fastest} has kept {month:.0%} of what it taught"
    finding(ax, said, x="Weeks without practice", y="Kept of what was learned (%)")
    percent(ax)
    return ax


def what_if(result: Ramp, *, hires_month: Sequence[int]) -> pd.DataFrame:
    """Return what half a year of hiring does to a team, week by week, with the seats there were in a busy
    week.

    Columns: hires_month, week, role, team_score (share), in_training, ramp_weeks (median from hire to pass
    mark; NaN when fewer than half get there within `SHOWN_WEEKS`). Established people and those who passed
    hold the pass mark; seats go to who has waited longest.
    """
    role = result.main_role
    row, rate = _row(result.plan, role), _row(result.rates, role)
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


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw the team's score over time, one line per pace of hiring."""
    role = scenarios["role"].iloc[0]
    with figure() as ax:
        ax.axvspan(0, WAVE_WEEKS, color=GREY, alpha=0.12, lw=0)
        for hires, wave in scenarios.groupby("hires_month"):
            mine = hires == chosen
            ax.plot(wave["week"], wave["team_score"], color=ORANGE if mine else BLUE, lw=3.5 if mine else 1.3,
                    zorder=3 if mine else 2)  # fmt: skip
            worst = int(wave["team_score"].argmin())
            most = hires == scenarios["hires_month"].max()
            place = (wave["week"].iloc[worst], wave["team_score"].iloc[worst])
            text = f"{hires} a month" if most else f"{hires}"
            ax.annotate(text, place, (3, -14), textcoords="offset points", fontsize=11, color=INK)
        said = f"The faster we hire, the deeper and longer the team's score dips ({role}s)"
        if chosen is not None:
            wave = scenarios[scenarios["hires_month"] == chosen]
            dip = wave["team_score"].iloc[0] - wave["team_score"].min()
            worst_week = wave["week"].iloc[int(wave["team_score"].argmin())]
            ramped = wave["ramp_weeks"].iloc[0]
            pace = f"ramp {ramped:.0f} weeks" if np.isfinite(ramped) else "most never reach the pass mark"
            said = f"{chosen} {role}s a month: down {100 * dip:.0f} points in week {worst_week}; {pace}"
        low, high = scenarios["team_score"].min(), scenarios["team_score"].max()
        ax.set_ylim(low - 0.15 * (high - low) - 0.01, high + 0.01)
        ax.set_xticks(range(0, SHOWN_WEEKS + 1, 26))
        ax.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    finding(ax, said, x="Weeks since hiring began (grey: hiring)", y="Team's mean score (%)")
    percent(ax)
    return ax


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


def plot_essentials(worth: pd.DataFrame) -> Axes:
    """Draw what each module is worth on the job, measured by lot and as those who chose it suggest."""
    worth = worth.iloc[::-1]
    with figure() as ax:
        y = np.arange(len(worth))
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(y, worth["low"], worth["high"], color=BLUE, lw=2)
        ax.plot(worth["points"], y, "o", color=BLUE, ms=8, label="drawn by lot (95 %)")
        ax.plot(worth["points_chosen"], y, "D", color=ORANGE, ms=6, label="chosen")
        ax.set_yticks(y, worth.index)
        ax.locator_params(axis="x", nbins=6, steps=[1, 5, 10])
        ax.set_ylim(-0.6, len(worth) + 0.4)
        ax.legend(loc="upper left", ncols=2)
        ax.grid(visible=False, axis="y")
    percent(ax, "x")
    kept = worth[worth["essential"]]
    said = f"{kept['hours'].sum():.1f} of {worth['hours'].sum():.1f} hours change a decision"
    finding(ax, said, x="Decisions right on the job (points)")
    return ax


def chart_items(training: pd.DataFrame, *, pass_share: float = 0.6) -> pd.DataFrame:
    """Return how each role reads each chart of the interpretation test.

    Returns
    -------
    DataFrame
        role, item_code, people, right_share with a 90 % Wilson interval, misread (interval below
        `pass_share`).
    """
    from scipy.stats import binomtest

    tests = training[(training["module_code"] == "charts") & training["score_share"].notna()]
    items = tests.groupby(["role", "item_code"])["score_share"].agg(["size", "sum"]).reset_index()
    ends = [
        binomtest(int(r), int(n)).proportion_ci(0.9, "wilson")
        for n, r in zip(items["size"], items["sum"], strict=True)
    ]
    return pd.DataFrame(
        {
            "role": items["role"], "item_code": items["item_code"], "people": items["size"],
            "right_share": items["sum"] / items["size"],
            "low": [e.low for e in ends], "high": [e.high for e in ends],
            "misread": [e.high < pass_share for e in ends],
        }
    )  # fmt: skip


def plot_chart_items(items: pd.DataFrame) -> Axes:
    """Draw the share of right readings, role by chart; misread ones are framed."""
    table = items.pivot_table(index="item_code", columns="role", values="right_share")
    wrong = items.pivot_table(index="item_code", columns="role", values="misread", aggfunc="max")
    with figure() as ax:
        ax.imshow(table, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(table.to_numpy()):
            bad = bool(wrong.to_numpy()[i, j])
            ax.text(
                j,
                i,
                f"{value:.0%}",
                ha="center",
                va="center",
                fontsize=12,
                color="black" if value > 0.5 else "white",
                fontweight="bold" if bad else "normal",
            )
            if bad:
                ax.add_patch(_frame(j, i))
        ax.set_xticks(range(table.shape[1]), [str(r).replace(" ", "\n") for r in table.columns])
        ax.set_yticks(range(table.shape[0]), [fill(str(item), 11) for item in table.index])
        ax.grid(visible=False)
    wrong_roles = items.loc[items["misread"], "role"].nunique()
    said = f"{wrong_roles} of {table.shape[1]} roles misread a chart of theirs (framed)"
    finding(ax, said if wrong_roles else "No role misreads a chart")
    return ax


def _frame(j: int, i: int) -> Rectangle:
    from matplotlib import patches

    return patches.Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=ORANGE, lw=3)


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


def plot_quiz(teams: pd.DataFrame, *, answered: bool = False) -> Axes:
    """Draw the test chart as a question, or with the limits that answer it."""
    with figure() as ax:
        x = np.arange(len(teams))
        if answered:
            ax.vlines(
                x, teams["low"], teams["high"], color=SKY, lw=14, alpha=0.5, label="chance alone (95 %)"
            )
            ax.legend(loc="lower right")
        ax.plot(x, teams["score"], "o", color=BLUE, ms=10)
        ax.set_xticks(
            x, [f"{unit}\n{n} people" for unit, n in zip(teams["unit_id"], teams["people"], strict=True)]
        )
        ax.set_xlim(-0.5, len(teams) - 0.5)
        ax.set_ylim(
            min(teams["low"].min(), teams["score"].min()) - 0.05,
            max(teams["high"].max(), teams["score"].max()) + 0.05,
        )
    names = ", ".join(teams.loc[teams["differs"], "unit_id"])
    said = f"Beyond chance: {names}" if names else "No team differs by more than chance"
    finding(ax, said if answered else "Which team's people are really better or worse?",
            x="Team", y="Decisions right on the job (%)")  # fmt: skip
    percent(ax)
    return ax


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


def plot_packages(sizes: pd.DataFrame) -> Axes:
    """Draw the largest package that arrives in a class hour and overnight, by country."""
    sizes = sizes.sort_values("offline_mb")
    with figure() as ax:
        y = np.arange(len(sizes))
        ax.hlines(y, sizes["online_mb"], sizes["offline_mb"], color=GREY, lw=1)
        ax.plot(sizes["online_mb"], y, "D", color=ORANGE, ms=9, label="online, in its slot")
        ax.plot(sizes["offline_mb"], y, "o", color=BLUE, ms=10, label="offline, overnight")
        ax.set_xscale("log")
        ax.set_xlim(sizes["online_mb"].min() / 2, sizes["offline_mb"].max() * 2)
        ax.set_yticks(y, sizes["country"])
        ax.set_ylim(-0.6, len(sizes) + 0.3)
        ax.legend(loc="upper left", ncols=2)
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:,.0f}")
    slow = sizes.iloc[0]
    sent = (f"{slow['online_mb']:,.0f} MB online", f"{slow['offline_mb']:,.0f} MB overnight")
    said = f"{slow['country']} can take {' and '.join(sent)}"
    finding(ax, said, x="Largest package that arrives (MB, log scale)")
    return ax


def decide(result: Ramp, *, worth: pd.DataFrame, items: pd.DataFrame, sizes: pd.DataFrame) -> Decision:
    """Recommend practices and pass mark of the main role, onboarding, charts to teach, and package size."""
    role, slow = result.main_role, str(sizes["offline_mb"].idxmin())
    row = _row(result.plan, role)
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


def check(answer: float, truth: SimpleNamespace | None, result: Ramp) -> Feedback:
    """Check "how many practices does a typical new hire of the main role need?".

    Parameters
    ----------
    answer : float
        Practices.
    truth : namespace or None
        `truth_learning` of the world; None on a client's data, where the answer must agree with the corrected
        curve.
    result : Ramp
        Its assumptions say what is enough.
    """
    if truth is None:
        expected, basis = float(_row(result.plan, result.main_role)["practices"]), OWN_DATA
    else:
        row = truth.truth_learning.set_index("role").loc[result.main_role]
        goal = {"needed": result.needed, "alone_weeks": result.alone_weeks, "gap_d": result.gap_d}
        expected = float(practices_needed(row["start_share"], row["gain"], row["forget"], **goal))
        basis = PLANTED
    if not np.isfinite(expected):
        never = not np.isfinite(float(answer)) or float(answer) > MOST_PRACTICES
        return Feedback(never, f"More than {MOST_PRACTICES} practices count as never.", HINTS, basis)
    return grade(float(answer), expected, tolerance=0.12, hints=HINTS, basis=basis)
