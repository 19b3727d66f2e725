"""Signal or noise? Late deliveries a week and warehouse on Laney p' charts, with the run length of each limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import spc
from playbook.pictures import BLUE, GREY, ORANGE, RED, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "Look at the right-hand end of the south chart: from where on does it never come back to the centre line?",
    "A single point outside is an event. You want the first week of the run that is still going on.",
    "Print result.causes: one row for each stretch of weeks that signals, with its first week.",
)
SLIP_SD = 1.0  # the slow slip that the run-length picture is about, in standard deviations of a week


@dataclass(frozen=True)
class Charts:
    """Charts of all warehouses.

    Parameters
    ----------
    weeks : DataFrame
        site_id, week_on, parcels, late_share, centre, low, high, z, rule (0 = none), is_base.
    causes : DataFrame
        One row per special cause: site_id, first_on, last_on, weeks, direction, late_share.
    """

    weeks: pd.DataFrame
    causes: pd.DataFrame


def charts(weekly_delivery: pd.DataFrame, *, phase1_weeks: int = 52) -> Charts:
    """Chart the share of late parcels of each warehouse.

    Parameters
    ----------
    weekly_delivery : DataFrame
        site_id, week_on, parcels, late; one row per warehouse and week.
    phase1_weeks : int
        First weeks, which set centre and limits.

    Raises
    ------
    ValueError
        When a warehouse has no week after phase I.
    """
    weeks = pd.concat(
        [_one_site(site, phase1_weeks) for _, site in weekly_delivery.groupby("site_id")], ignore_index=True
    )
    return Charts(weeks=weeks, causes=_causes(weeks))


def _one_site(site: pd.DataFrame, phase1_weeks: int) -> pd.DataFrame:
    site = site.sort_values("week_on").reset_index(drop=True)
    if len(site) <= phase1_weeks:
        raise ValueError(
            f"warehouse {site['site_id'].iloc[0]} has {len(site)} weeks; phase I alone takes {phase1_weeks}"
        )
    chart = spc.laney_p(site["late"], site["parcels"], base=slice(0, phase1_weeks))
    hits = spc.nelson(chart["z"])
    rule = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0)
    return site[["site_id", "week_on", "parcels"]].assign(
        late_share=site["late"] / site["parcels"],
        centre=chart["centre"],
        low=chart["low"],
        high=chart["high"],
        z=chart["z"],
        rule=rule,
        is_base=np.arange(len(site)) < phase1_weeks,
    )


def _causes(weeks: pd.DataFrame) -> pd.DataFrame:
    """Join signalling weeks after phase I into stretches; a gap of up to two quiet weeks does not end one."""
    signals = weeks[(weeks["rule"] > 0) & ~weeks["is_base"]].copy()
    signals["side"] = np.where(signals["z"] > 0, "worse", "better")
    gap = signals.groupby("site_id")["week_on"].diff().dt.days.fillna(999) > 21
    turned = signals["side"] != signals.groupby("site_id")["side"].shift()
    stretch = (gap | turned).cumsum().rename("stretch")
    causes = signals.groupby(stretch).agg(
        site_id=("site_id", "first"),
        first_on=("week_on", "first"),
        last_on=("week_on", "last"),
        weeks=("week_on", "size"),
        direction=("side", "first"),
        late_share=("late_share", "mean"),
    )
    return causes.reset_index(drop=True)


def plot(result: Charts, *, site: str | None = None) -> Axes:
    """Draw one warehouse's chart (the one with the latest special cause unless named)."""
    site = site or _latest_site(result)
    weeks = result.weeks[result.weeks["site_id"] == site]
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    with figure() as ax:
        ax.plot(weeks["week_on"], weeks["late_share"], color=BLUE, lw=1.2, marker="o", ms=3)
        ax.step(weeks["week_on"], weeks["high"], color=GREY, lw=1, ls="--", where="mid")
        ax.step(weeks["week_on"], weeks["low"], color=GREY, lw=1, ls="--", where="mid")
        ax.axhline(weeks["centre"].iloc[0], color=GREY, lw=1)
        flagged = weeks[(weeks["rule"] > 0) & ~weeks["is_base"]]
        ax.plot(flagged["week_on"], flagged["late_share"], "D", color=RED, ms=6, label="special cause")
        ax.axvspan(
            weeks["week_on"].iloc[0], weeks.loc[weeks["is_base"], "week_on"].iloc[-1],
            color=GREY, alpha=0.12, label="weeks that set the limits",
        )  # fmt: skip
        ax.legend(loc="upper left", ncols=2)
        ax.set_ylim(0, max(weeks["late_share"].max(), weeks["high"].max()) * 1.25)
    if len(causes):
        said = f"Warehouse {site} changed {len(causes)} times for the worse; the rest is noise"
        said = said.replace("1 times", "once")
    else:
        said = f"Warehouse {site} shows no change for the worse: all of it is noise"
    finding(ax, said, x="Week of dispatch", y="Parcels that arrive late (%)")
    percent(ax)
    months(ax)
    return ax


def _latest_site(result: Charts) -> str:
    if result.causes.empty:
        return str(result.weeks["site_id"].iloc[0])
    return str(result.causes.sort_values("last_on")["site_id"].iloc[-1])


def what_if(result: Charts, *, limit_sd: Sequence[float]) -> pd.DataFrame:
    """Return what each limit width costs: false alarms a year over all warehouses, and weeks to see a slip.

    Columns: limit_sd (standard deviations), false_alarms_year, weeks_to_see (a slip of `SLIP_SD`), alarms (signals
    beyond that limit in these data).
    """
    sites = result.weeks["site_id"].nunique()
    after = result.weeks[~result.weeks["is_base"]]
    rows = [
        (
            float(limit),
            52 * sites / float(spc.shewhart_run_length(0.0, limit=limit)),
            float(spc.shewhart_run_length(SLIP_SD, limit=limit)),
            int((after["z"].abs() > limit).sum()),
        )
        for limit in limit_sd
    ]
    return pd.DataFrame(rows, columns=["limit_sd", "false_alarms_year", "weeks_to_see", "alarms"])


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw false alarms against the time to see a slip, one point per limit width."""
    with figure() as ax:
        ax.plot(scenarios["weeks_to_see"], scenarios["false_alarms_year"], color=GREY, lw=1)
        ax.plot(scenarios["weeks_to_see"], scenarios["false_alarms_year"], "o", color=BLUE, ms=8)
        for row in scenarios.itertuples():
            ax.annotate(f"{row.limit_sd:g} sd", (row.weeks_to_see, row.false_alarms_year), (8, 6),
                        textcoords="offset points", fontsize=11)  # fmt: skip
        ax.set_xscale("log")
        said = "Tight limits see a slip soon and cry wolf often; wide limits do neither"
        if chosen is not None:
            row = scenarios.loc[scenarios["limit_sd"] == chosen].iloc[0]
            ax.plot(row["weeks_to_see"], row["false_alarms_year"], "D", color=ORANGE, ms=13)
            said = (
                f"At {chosen:g} sd: {row['false_alarms_year']:.1f} false alarms a year, "
                f"{row['weeks_to_see']:.0f} weeks to see a slip of one sd, {row['alarms']:.0f} alarms so far"
            )
        ax.set_xlim(right=scenarios["weeks_to_see"].max() * 1.9)
    finding(ax, said, x="Average weeks until a slip is seen", y="False alarms a year (all warehouses)")
    return ax


def decide(result: Charts, *, recent_weeks: int = 8) -> Decision:
    """Recommend which warehouse to investigate, from causes that lasted into the last `recent_weeks`."""
    last = result.weeks["week_on"].max()
    open_causes = result.causes[
        (result.causes["direction"] == "worse")
        & (result.causes["last_on"] >= last - pd.Timedelta(weeks=recent_weeks))
    ]
    base = result.weeks[result.weeks["is_base"]].groupby("site_id")[["centre", "high"]].mean()
    period = f"weeks to {last:%Y-%m-%d}"
    if open_causes.empty:
        centre = float(base["centre"].mean())
        return Decision(
            recommendation="Investigate no single week; lateness is common cause, so change the process or the promise.",
            evidence=f"No warehouse signals in the last {recent_weeks} weeks ({period}).",
            metric="late parcels", unit="share", low=0.8 * centre, high=float(base["high"].mean()),
            flips_if="one week beyond the limits, or nine in a row on one side of the centre",
            owner="head of fulfilment",
        )  # fmt: skip
    worst = open_causes.sort_values("late_share").iloc[-1]
    limits = base.loc[worst["site_id"]]
    return Decision(
        recommendation=f"Find what changed at warehouse {worst['site_id']} in the week of {worst['first_on']:%Y-%m-%d} "
        "and undo it; leave the other weeks alone.",
        evidence=f"{worst['late_share']:.1%} late since then against {limits['centre']:.1%} before ({period}).",
        metric=f"late parcels, {worst['site_id']}", unit="share",
        low=float(limits["centre"]), high=float(limits["high"]),
        flips_if="three weeks in a row back below the centre line before anything was changed",
        owner="head of fulfilment",
    )  # fmt: skip


def lasting_change(result: Charts, site: str) -> pd.Timestamp:
    """Return the first week of the last stretch for the worse at `site`; NaT when there is none."""
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    return causes["first_on"].max() if len(causes) else pd.NaT


def check(answer: float, truth: SimpleNamespace | None, result: Charts) -> Feedback:
    """Check "how many weeks ago did the change that still lasts begin at south?".

    Parameters
    ----------
    answer : float
        Weeks before the last charted week.
    truth : namespace or None
        `truth_shifts` of the world; None on a client's data, where the answer must agree with the chart.
    result : Charts
        The charts the participant read.
    """
    last = result.weeks["week_on"].max()
    if truth is None:
        began, basis = lasting_change(result, _latest_site(result)), OWN_DATA
    else:
        shifts = truth.truth_shifts
        began = shifts.loc[(shifts["subject"] == "south") & (shifts["kind"] == "step"), "start_at"].max()
        basis = PLANTED
    if pd.isna(began):
        return Feedback(answer == 0, "Nothing here lasts: the answer is 0 weeks.", HINTS, basis)
    return grade(float(answer), (last - began).days / 7, tolerance=0.2, hints=HINTS, basis=basis)
