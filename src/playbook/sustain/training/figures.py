"""The figures of the page."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods import learning
from playbook.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, SKY, figure, finding, percent
from playbook.sustain.training.analysis import Ramp, role_row
from playbook.sustain.training.decision import SHOWN_WEEKS, WAVE_WEEKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle


def plot(result: Ramp, *, role: str | None = None) -> Axes:
    """Draw one role's learning curve: of a typical new hire, and as those who stayed suggest it."""
    role = role or result.main_role
    path, row = result.paths[result.paths["role"] == role], role_row(result.plan, role)
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
