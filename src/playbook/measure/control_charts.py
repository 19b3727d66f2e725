"""Signal or noise? Weekly failures per place on Laney p' charts, with what each kind of chart would see, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import spc
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "Look at the right-hand end of the chart: from where on does it never come back to the centre line?",
    "A single point outside is an event. You want the first week of the run that is still going on.",
    "Print result.causes: one row for each stretch of weeks that signals, with its first week.",
)
RULES_USED = 3  # Nelson's first three: all eight together cry wolf about every 50 weeks
SLIP_SD = 1.0  # the slip that the what-if is about, in standard deviations of a week
RECENT_WEEKS = 4
EWMA_WEIGHT, EWMA_LIMIT = 0.2, 2.86
CUSUM_SLACK, CUSUM_INTERVAL = 0.5, 4.77


@dataclass(frozen=True)
class Charts:
    """Charts of all places.

    Parameters
    ----------
    what : str
        What fails, e.g. "Parcels that arrive late".
    weeks : DataFrame
        site_id, week_on, total, share, centre, low, high, z, rule (0 = none), ewma, ewma_signal, is_base.
    causes : DataFrame
        One row per special cause: site_id, began_on (estimated), first_on and last_on (first and last signal), weeks,
        direction, share, is_open.
    widening : DataFrame
        One row per place (index): times_wider, how much wider the limits are than counting alone would make them (Laney's
        sigma z).
    """

    what: str
    weeks: pd.DataFrame
    causes: pd.DataFrame
    widening: pd.DataFrame


def failures(
    weekly_delivery: pd.DataFrame | None, weekly_returns: pd.DataFrame | None
) -> tuple[str, pd.DataFrame]:
    """Choose what to chart: late parcels where the store has shipments, else orders that come back.

    Both frames hold site_id, week_on, total, failed.
    """
    if weekly_delivery is not None:
        return "Parcels that arrive late", weekly_delivery
    if weekly_returns is not None:
        return "Orders sent back or cancelled", weekly_returns
    raise ValueError("a control chart needs weekly deliveries or weekly returns; the store has neither")


def charts(what: str, weekly: pd.DataFrame, *, phase1_weeks: int = 52) -> Charts:
    """Chart the share that fails at each place.

    Parameters
    ----------
    what : str
        What fails.
    weekly : DataFrame
        site_id, week_on, total, failed; one row per place and week.
    phase1_weeks : int
        First weeks, which set centre and limits.

    Raises
    ------
    ValueError
        When a place has no week after phase I, or nothing ever fails there.
    """
    made = {str(site): _one_site(rows, phase1_weeks) for site, rows in weekly.groupby("site_id")}
    weeks = pd.concat([frame for frame, _ in made.values()], ignore_index=True)
    widening = pd.DataFrame(
        {"times_wider": {site: factor for site, (_, factor) in made.items()}}
    ).rename_axis("site_id")
    return Charts(what, weeks, _causes(weeks), widening)


def _one_site(site: pd.DataFrame, phase1_weeks: int) -> tuple[pd.DataFrame, float]:
    site = site.sort_values("week_on").reset_index(drop=True)
    if len(site) <= phase1_weeks:
        raise ValueError(
            f"{site['site_id'].iloc[0]} has {len(site)} weeks; phase I alone takes {phase1_weeks}"
        )
    chart = spc.p_chart(site["failed"], site["total"], base=slice(0, phase1_weeks))
    hits = spc.nelson(chart.z)[:, :RULES_USED]
    average, signal = spc.ewma(chart.z, weight=EWMA_WEIGHT, limit=EWMA_LIMIT)
    weeks = site[["site_id", "week_on", "total"]].assign(
        share=site["failed"] / site["total"],
        centre=chart.centre,
        low=chart.low,
        high=chart.high,
        z=chart.z,
        rule=np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0),
        ewma=average,
        ewma_signal=signal,
        is_base=np.arange(len(site)) < phase1_weeks,
    )
    return weeks, chart.sigma_z


def _causes(weeks: pd.DataFrame) -> pd.DataFrame:
    """Join signalling weeks after phase I into stretches; a gap of up to three quiet weeks does not end one."""
    signals = weeks[(weeks["rule"] > 0) & ~weeks["is_base"]].copy()
    signals["side"] = np.where(signals["z"] > 0, "worse", "better")
    gap = signals.groupby("site_id")["week_on"].diff().dt.days.fillna(999) > 28
    turned = signals["side"] != signals.groupby("site_id")["side"].shift()
    stretch = (gap | turned).cumsum().rename("stretch")
    causes = signals.groupby(stretch).agg(
        site_id=("site_id", "first"),
        first_on=("week_on", "first"),
        last_on=("week_on", "last"),
        weeks=("week_on", "size"),
        direction=("side", "first"),
        share=("share", "mean"),
    )
    previous = causes.groupby("site_id")["last_on"].shift()
    began = [
        _began(weeks[weeks["site_id"] == cause.site_id], cause, after)
        for cause, after in zip(causes.itertuples(), previous, strict=True)
    ]
    recent = weeks["week_on"].max() - pd.Timedelta(weeks=RECENT_WEEKS)
    causes.insert(1, "began_on", pd.Series(began, index=causes.index, dtype="datetime64[us]"))
    return causes.assign(is_open=causes["last_on"] >= recent).reset_index(drop=True)


def _began(weeks: pd.DataFrame, cause: Any, after: pd.Timestamp) -> pd.Timestamp:
    """Return the week in which the stretch most likely began: a run signals only when it is nine weeks old."""
    start = weeks.loc[weeks["is_base"], "week_on"].max() if pd.isna(after) else after
    window = weeks[(weeks["week_on"] > start) & (weeks["week_on"] <= cause.last_on)]
    return min(window["week_on"].iloc[spc.step_start(window["z"])], cause.first_on)


def open_causes(result: Charts) -> pd.DataFrame:
    """Return the changes for the worse that still signal, the longest first."""
    causes = result.causes[(result.causes["direction"] == "worse") & result.causes["is_open"]]
    return causes.sort_values(["weeks", "site_id"], ascending=[False, True])


def focus(result: Charts) -> str:
    """Return the place to look at first: the longest open change, else the one with most volume."""
    still = open_causes(result)
    if len(still):
        return str(still["site_id"].iloc[0])
    return str(result.weeks.groupby("site_id")["total"].sum().idxmax())


def plot(result: Charts, *, site: str | None = None) -> Axes:
    """Draw one place's chart, by default the place to look at first."""
    site = site or focus(result)
    weeks = result.weeks[result.weeks["site_id"] == site]
    causes = result.causes[(result.causes["site_id"] == site) & (result.causes["direction"] == "worse")]
    flagged = weeks[(weeks["rule"] > 0) & ~weeks["is_base"]]
    with figure() as ax:
        shaded = weeks.loc[weeks["is_base"], "week_on"]
        ax.axvspan(shaded.iloc[0], shaded.iloc[-1], color=GREY, alpha=0.12, label="sets the limits")
        ax.plot(weeks["week_on"], weeks["share"], color=BLUE, lw=1.2, marker="o", ms=3)
        for limit in ("high", "low"):
            ax.step(weeks["week_on"], weeks[limit], color=GREY, lw=1, ls="--", where="mid")
        ax.axhline(weeks["centre"].iloc[0], color=GREY, lw=1)
        ax.plot(flagged["week_on"], flagged["share"], "D", color=RED, ms=6, label="special cause")
        ax.legend(loc="upper left", ncols=2)
        ax.set_ylim(0, max(weeks["share"].max(), weeks["high"].max()) * 1.25)
        percent(ax)
        months(ax)
    times = {0: "never changed", 1: "changed once", 2: "changed twice"}.get(
        len(causes), f"changed {len(causes)} times"
    )
    rest = "all of it is noise" if len(causes) == 0 else "the rest is noise"
    finding(ax, f"{site} {times} for the worse; {rest}", x="Week", y=f"{result.what} (%)")
    return ax


def capability(result: Charts, *, target_share: float) -> pd.DataFrame:
    """Compare each place's own level with the promise.

    Columns: site_id, centre (share in phase I), target, weeks_missed (share of in-control weeks above the target),
    verdict.
    """
    weeks = result.weeks[(result.weeks["rule"] == 0)]
    rows = weeks.groupby("site_id").agg(
        centre=("centre", "first"), weeks_missed=("share", lambda s: float((s > target_share).mean()))
    )
    verdict = np.select(
        [rows["weeks_missed"] <= 0.05, rows["centre"] <= target_share],
        ["keeps the promise", "keeps it on average, not every week"],
        "cannot keep it: change the process or the promise",
    )
    return rows.assign(target=target_share, verdict=verdict).reset_index()


def sensitivity(*, slips_sd: Sequence[float] = (0.5, 1.0, 2.0)) -> pd.DataFrame:
    """Return how long each kind of chart takes, on average, to see a slip of some size.

    Columns: chart, weeks_between_false_alarms, and one column of weeks per slip (standard deviations of a week).
    """

    def shewhart(shift: float) -> float:
        return float(spc.shewhart_run_length(shift))

    def ewma(shift: float) -> float:
        return spc.ewma_run_length(shift, weight=EWMA_WEIGHT, limit=EWMA_LIMIT)

    def cusum(shift: float) -> float:
        return spc.cusum_run_length(shift, slack=CUSUM_SLACK, interval=CUSUM_INTERVAL)

    kinds = {
        "single points (Shewhart)": shewhart,
        "moving average (EWMA)": ewma,
        "running sum (CUSUM)": cusum,
    }
    rows = [
        {"chart": name, "weeks_between_false_alarms": round(length(0.0))}
        | {f"slip of {slip:g} sd": round(length(slip), 1) for slip in slips_sd}
        for name, length in kinds.items()
    ]
    return pd.DataFrame(rows)


def what_if(result: Charts, *, limit_sd: Sequence[float]) -> pd.DataFrame:
    """Return what each limit width costs: false alarms a year over all places, and weeks to see a slip.

    Columns: limit_sd (standard deviations), false_alarms_year, weeks_to_see (a slip of `SLIP_SD`), alarms (weeks beyond
    that limit in these data after phase I).
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
        ax.plot(scenarios["weeks_to_see"], scenarios["false_alarms_year"], color=BLUE, lw=1, marker="o", ms=8)
        for point in scenarios.itertuples():
            ax.annotate(
                f"{point.limit_sd:g} sd", (point.weeks_to_see, point.false_alarms_year), (9, 7),
                textcoords="offset points", fontsize=11, color=INK,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xlim(right=scenarios["weeks_to_see"].max() * 2)
        ax.set_ylim(0, scenarios["false_alarms_year"].max() * 1.15)
        said = "Tight limits see a slip soon and cry wolf often; wide limits do neither"
        if chosen is not None:
            row = scenarios.loc[scenarios["limit_sd"] == chosen].iloc[0]
            ax.plot(row["weeks_to_see"], row["false_alarms_year"], "D", color=ORANGE, ms=13)
            said = (
                f"At {chosen:g} sd: {row['false_alarms_year']:.1f} false alarms a year, {row['weeks_to_see']:.0f} weeks "
                f"to see a slip of one sd; {row['alarms']:.0f} weeks flagged in these data"
            )
    finding(ax, said, x="Average weeks until a slip is seen", y="False alarms a year (all places)")
    return ax


def decide(result: Charts) -> Decision:
    """Recommend which place to investigate, from changes for the worse that still signal."""
    period = f"weeks to {result.weeks['week_on'].max():%Y-%m-%d}"
    site, still = focus(result), open_causes(result)
    base = result.weeks[result.weeks["is_base"] & (result.weeks["site_id"] == site)]
    centre, high = float(base["centre"].iloc[0]), float(base["high"].mean())
    if still.empty:
        return Decision(
            recommendation="Investigate no single week: what is left is common cause. Change the process or the promise.",
            evidence=f"No place signals in the last {RECENT_WEEKS} weeks ({period}).",
            metric=f"{result.what.lower()}, {site}",
            unit="share",
            low=0.8 * centre,
            high=high,
            flips_if="one week lies beyond the limits, or nine in a row on one side of the centre",
            owner="head of fulfilment",
        )
    began, share = still["began_on"].iloc[0], still["share"].iloc[0]
    return Decision(
        recommendation=f"Find what changed at {site} in or before the week of {began:%Y-%m-%d} and undo it; "
        "leave the other weeks alone.",
        evidence=f"{result.what}: {share:.1%} since then, {centre:.1%} before ({period}).",
        metric=f"{result.what.lower()}, {site}",
        unit="share",
        low=centre,
        high=high,
        flips_if="three weeks in a row lie below the centre line before anything was changed",
        owner="head of fulfilment",
    )


def weeks_since_change(result: Charts) -> float:
    """Return how many weeks before the last charted one the open change at `focus` began; 0 when none is open."""
    still = open_causes(result)
    if still.empty:
        return 0.0
    return (result.weeks["week_on"].max() - still["began_on"].iloc[0]).days / 7


def check(answer: float, truth: SimpleNamespace | None, result: Charts) -> Feedback:
    """Check "how many weeks before the last charted one did the change that still lasts begin?".

    Parameters
    ----------
    answer : float
        Weeks; 0 for "nothing lasts".
    truth : namespace or None
        `truth_shifts` of the world; None on a client's data, where the answer must agree with the chart.
    result : Charts
        The charts the participant read.
    """
    weeks, basis = weeks_since_change(result), OWN_DATA
    if truth is not None:
        shifts = truth.truth_shifts
        lasting = shifts[(shifts["subject"] == focus(result)) & (shifts["end_at"] == shifts["end_at"].max())]
        began = lasting.loc[lasting["kind"] == "step", "start_at"].max()
        weeks = 0.0 if pd.isna(began) else (result.weeks["week_on"].max() - began).days / 7
        basis = PLANTED
    if weeks == 0 or answer == 0:
        near = weeks == 0 and answer == 0
        says = (
            "Right: nothing lasts there."
            if near
            else "Is there a run that goes on to the last week, or is there none?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), weeks, tolerance=0.2, hints=HINTS, basis=basis)
