"""Signal or noise? Weekly failures per place on Laney p' charts, with what each kind of chart would see, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from playbook.methods import spc

RULES_USED = 3  # Nelson's first three: all eight together cry wolf about every 50 weeks
RECENT_WEEKS = 4
EWMA_WEIGHT, EWMA_LIMIT = 0.2, 2.86


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


def weeks_since_change(result: Charts) -> float:
    """Return how many weeks before the last charted one the open change at `focus` began; 0 when none is open."""
    still = open_causes(result)
    if still.empty:
        return 0.0
    return (result.weeks["week_on"].max() - still["began_on"].iloc[0]).days / 7
