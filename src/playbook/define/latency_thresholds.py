"""How fast is fast enough? Where waiting begins to bring customers back, by channel, and when callers give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import segmented, survival
from playbook.pictures import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

HINTS = (
    "An answered caller tells only that they would have waited at least so long. Those who gave up are not the whole story.",
    "Order the calls by wait. At each hang-up, divide it by the callers who were still waiting just before.",
    "result.patience is that curve (Kaplan-Meier); result.patience.quantile(0.5) is when half have given up.",
)
COLOURS = {"phone": BLUE, "chat": ORANGE, "email": GREEN}
TIERS = ("gold", "silver", "bronze")  # the order of patience: each step down is offered a little more of it
LEVEL = 0.9
MIN_CASES = 400  # of a channel: fewer hold no knee
LEAST_MIN = 0.05  # three seconds: below it nobody waits
LONGEST = 0.97  # share of the waits that the stick is fitted to; the longest ones bend it
CANDIDATES = 150
BANDS = 12
WIDTH = 1.645  # of a 90 % interval, in standard errors


@dataclass(frozen=True)
class Thresholds:
    """What waiting does, by channel.

    Parameters
    ----------
    channels : DataFrame
        By channel: cases (answered), median_min, back (share of customers who came back), knee_min, low_min, high_min
        (missing where no rise is found), p_value, per_doubling (rise of the share for each doubling of the wait beyond the
        knee), plain_knee_min (without adjustment), longest_min (longest wait that the data can judge).
    bands : DataFrame
        channel, wait_min (middle of the band), share, low, high (at equal cases and days), plain (as counted).
    contrasts : DataFrame
        By channel: extra, low, high (share that comes back after the slowest quarter of waits, less the fastest, at equal
        cases and days), plain (as counted).
    churn : DataFrame
        By channel: left (customers), ratio, low, high (rate of leaving after a long wait against a short one).
    sticks : dict
        The fitted stick of each channel, of log minutes.
    waits : dict
        Minutes of every answered request, increasing, by channel and tier.
    calls : DataFrame
        call_id, wait_min, gave_up of the phone calls that had to wait.
    patience : Survival or None
        Of those calls; None where no call was given up on record.
    """

    channels: pd.DataFrame
    bands: pd.DataFrame
    contrasts: pd.DataFrame
    churn: pd.DataFrame
    sticks: dict[str, segmented.BrokenStick]
    waits: dict[tuple[str, str], NDArray[np.float64]]
    calls: pd.DataFrame
    patience: survival.Survival | None


def overview(first_waits: pd.DataFrame) -> pd.DataFrame:
    """Return how long customers wait and how many come back, by channel and severity."""
    answered = first_waits[first_waits["is_answered"]]
    rows = answered.groupby(["channel", "severity"])
    table = rows.agg(
        requests=("came_back", "size"),
        median_wait_min=("wait_min", "median"),
        came_back=("came_back", "mean"),
    )
    return table.round({"median_wait_min": 1, "came_back": 2})


def thresholds(first_waits: pd.DataFrame) -> Thresholds:
    """Fit a stick to each channel, at equal cases and days, and the patience of callers.

    Parameters
    ----------
    first_waits : DataFrame
        The view: call_id, channel, tier, severity, stratum, is_answered, wait_min, busy, years_ago, came_back, days_known,
        has_left.

    Raises
    ------
    ValueError
        When no channel has enough answered requests, some of which came back.
    """
    first_waits = first_waits[first_waits["wait_min"].notna()]
    first_waits = first_waits.assign(stratum=pd.factorize(first_waits["stratum"])[0])
    answered = first_waits[first_waits["is_answered"]]
    known = {name: answered[answered["channel"] == name] for name in COLOURS}
    known = {
        name: rows
        for name, rows in known.items()
        if len(rows) >= MIN_CASES and 0 < rows["came_back"].mean() < 1
    }
    if not known:
        raise ValueError(f"a knee needs {MIN_CASES} answered requests in a channel, of which some came back")
    made = {name: _one_channel(rows) for name, rows in known.items()}
    calls = first_waits[(first_waits["channel"] == "phone") & (first_waits["wait_min"] > 0)]
    calls = calls[["call_id", "wait_min"]].assign(gave_up=~calls["is_answered"])
    return Thresholds(
        channels=_frame({name: row for name, (row, _, _, _) in made.items()}),
        bands=pd.concat(
            [bands.assign(channel=name) for name, (_, bands, _, _) in made.items()], ignore_index=True
        ),
        contrasts=_frame({name: row for name, (_, _, row, _) in made.items()}),
        churn=_frame({name: _churn(known[name], made[name][0]) for name in made}),
        sticks={name: stick for name, (_, _, _, stick) in made.items()},
        waits={
            (name, str(tier)): np.sort(rows["wait_min"].to_numpy())
            for name, of in known.items()
            for tier, rows in of.groupby("tier")
        },
        calls=calls,
        patience=(
            survival.kaplan_meier(calls["wait_min"], calls["gave_up"], level=LEVEL)
            if calls["gave_up"].any()
            else None
        ),
    )


def _frame(rows: dict[str, dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")


def _log(wait_min: pd.Series | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.maximum(np.asarray(wait_min, dtype=float), LEAST_MIN))


def _judged(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the cases that the sticks are fitted to: all but the longest waits."""
    return cases[cases["wait_min"] <= cases["wait_min"].quantile(LONGEST)]


def _controls(cases: pd.DataFrame) -> NDArray[np.float64]:
    """Return how busy the day was, and a slow drift over the years."""
    years = cases["years_ago"].to_numpy()
    return np.column_stack([cases["busy"], years, years**2])


def _bands(wait_min: pd.Series, cuts: Sequence[float]) -> NDArray[np.int64]:
    """Return a number for each band: 0 for no wait, then between the quantiles `cuts` of the waits, without gaps."""
    waits = wait_min.to_numpy()
    real = waits > LEAST_MIN
    edges = np.unique(np.quantile(waits[real], cuts))
    return np.unique(np.where(real, 1 + np.searchsorted(edges, waits, side="left"), 0), return_inverse=True)[
        1
    ]


def _harm(
    cases: pd.DataFrame,
    outcome: NDArray[np.float64],
    strata: NDArray[np.int64],
    controls: NDArray[np.float64],
) -> dict[str, float]:
    """Return the outcome after the slowest quarter of waits less that after the fastest, like with like and as counted."""
    quarter = _bands(cases["wait_min"], (0.25, 0.75))
    shares, covariance = segmented.adjusted_shares(quarter, outcome, strata=strata, controls=controls)
    if len(shares) < 3:
        raise ValueError("the waits of a channel are all alike: there is no knee to look for")
    counted = np.bincount(quarter, outcome) / np.bincount(quarter)
    ends = np.zeros(len(shares))
    ends[-3], ends[-1] = -1.0, 1.0
    extra, width = float(ends @ shares), WIDTH * float(np.sqrt(ends @ covariance @ ends))
    return {"extra": extra, "low": extra - width, "high": extra + width, "plain": float(ends @ counted)}


def _one_channel(
    cases: pd.DataFrame,
) -> tuple[dict[str, float], pd.DataFrame, dict[str, float], segmented.BrokenStick]:
    judged = _judged(cases)
    x, y = _log(judged["wait_min"]), judged["came_back"].to_numpy(dtype=float)
    strata, controls = judged["stratum"].to_numpy(), _controls(judged)
    first, last = np.quantile(x, [0.05, 0.98])
    candidates = np.linspace(max(first, np.log(0.25)), last, CANDIDATES)
    if candidates[0] >= candidates[-1]:
        raise ValueError("the waits of a channel are all alike: there is no knee to look for")
    stick = segmented.broken_stick(x, y, candidates=candidates, strata=strata, controls=controls, level=LEVEL)
    plain = segmented.broken_stick(x, y, candidates=candidates, level=LEVEL)
    band = _bands(judged["wait_min"], [k / BANDS for k in range(1, BANDS)])
    shares, covariance = segmented.adjusted_shares(band, y, strata=strata, controls=controls)
    width = WIDTH * np.sqrt(np.diag(covariance))
    bands = pd.DataFrame(
        {
            "wait_min": judged["wait_min"].groupby(band).median().to_numpy(),
            "share": shares,
            "low": shares - width,
            "high": shares + width,
            "plain": np.bincount(band, y) / np.bincount(band),
        }
    )
    row = {
        "cases": len(cases),
        "median_min": float(cases["wait_min"].median()),
        "back": float(cases["came_back"].mean()),
        "knee_min": float(np.exp(stick.knee)) if stick.is_found else np.nan,
        "low_min": float(np.exp(stick.low)) if stick.is_found else np.nan,
        "high_min": float(np.exp(stick.high)) if stick.is_found else np.nan,
        "p_value": stick.p_value,
        "per_doubling": stick.slope * np.log(2) if stick.is_found else 0.0,
        "plain_knee_min": float(np.exp(plain.knee)) if plain.is_found else np.nan,
        "longest_min": float(np.exp(last)),
    }
    return row, bands, _harm(judged, y, strata, controls), stick


def _churn(cases: pd.DataFrame, row: dict[str, float]) -> dict[str, float]:
    """Compare the rates of leaving after waits beyond the knee (or, without one, beyond the median) and before it."""
    limit = row["median_min"] if np.isnan(row["knee_min"]) else row["knee_min"]
    code = cases["stratum"].to_numpy() * 3 + np.digitize(cases["busy"], [0.9, 1.2])
    late = (cases["wait_min"] > limit).to_numpy()
    left, days = cases["has_left"].to_numpy(dtype=float), cases["days_known"].fillna(0).to_numpy()
    n = int(code.max()) + 1
    parts = [np.bincount(code[side], of[side], n) for side in (late, ~late) for of in (left, days)]
    try:
        ratio, low, high = survival.rate_ratio(*parts, level=LEVEL)
    except ValueError:
        ratio = low = high = np.nan
    return {"left": float(left.sum()), "ratio": ratio, "low": low, "high": high}


def _rows(frame: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    """Return name and values of each row."""
    return [
        (str(name), {str(key): value for key, value in row.items()})
        for name, row in frame.to_dict("index").items()
    ]


def clock(minutes: float) -> str:
    """Return minutes as a person would say them.

    Examples
    --------
    >>> clock(0.5), clock(2.94), clock(15.2), clock(298)
    ('30 s', '2.9 min', '15 min', '5.0 h')
    """
    if minutes < 0.995:
        return f"{60 * minutes:.0f} s"
    return (
        f"{minutes:.1f} min"
        if minutes < 9.95
        else f"{minutes:.0f} min"
        if minutes < 99.5
        else f"{minutes / 60:.1f} h"
    )


def knees(result: Thresholds) -> pd.DataFrame:
    """Return, for reading, the knee of each channel beside what the plain curve would have said."""
    rows = {
        name: {
            "typical wait": clock(row["median_min"]),
            "knee": clock(row["knee_min"]) if row["knee_min"] > 0 else "none found",
            "90 % interval": f"{clock(row['low_min'])} to {clock(row['high_min'])}"
            if row["knee_min"] > 0
            else f"none up to {clock(row['longest_min'])}",
            "more come back per doubling": f"{100 * row['per_doubling']:.1f} points",
            "knee without adjustment": clock(row["plain_knee_min"])
            if row["plain_knee_min"] > 0
            else "none found",
        }
        for name, row in _rows(result.channels)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")


def left(result: Thresholds) -> str:
    """Say whether customers leave sooner after a long wait, at equal cases and days."""
    said = []
    for name, row in _rows(result.churn):
        if np.isnan(row["ratio"]):
            said.append(f"- **{name}**: too few customers left to say.")
            continue
        verdict = (
            "no difference that chance would not make" if row["low"] <= 1 <= row["high"] else "a difference"
        )
        said.append(
            f"- **{name}**: {row['left']:.0f} customers left; their rate after a long wait was {row['ratio']:.2f} times "
            f"that after a short one (90 % interval {row['low']:.2f} to {row['high']:.2f}): {verdict}."
        )
    return "\n".join(said)


def gave_up(result: Thresholds) -> str:
    """Say how patient callers are, and what the list of hang-ups alone would say."""
    if result.patience is None:
        return (
            "No call is on record as given up: patience is unknown, and the limits rest on the knees alone."
        )
    time, low, high = result.patience.quantile(0.1)
    naive = float(result.calls.loc[result.calls["gave_up"], "wait_min"].quantile(0.1))
    return (
        f"One caller in ten would give up within **{clock(time)}** (90 % interval {clock(low)} to {clock(high)}). "
        f"Of the hang-ups alone, a tenth came within {clock(naive)}."
    )


def limits(result: Thresholds, *, tolerated_share: float, giveup_share: float) -> pd.DataFrame:
    """Return the acceptable wait of each channel and tier.

    Parameters
    ----------
    result : Thresholds
        As computed.
    tolerated_share : float
        Share of customers who may come back because of the wait, more for each step down in tier; the first tier has none.
    giveup_share : float
        Share of callers who may give up before the limit, by phone.

    Returns
    -------
    DataFrame
        channel, tier, limit_min, low_min, high_min (90 %), in_time (share of today's answers), set_by ("coming back",
        "giving up", or "longest wait seen" where no wait was long enough to hurt).
    """
    present = {tier for _, tier in result.waits}
    tiers = [tier for tier in TIERS if tier in present] or sorted(present)
    rows = [
        _limit(result, name, tier, step * tolerated_share, giveup_share)
        for name in result.sticks
        for step, tier in enumerate(tiers)
        if (name, tier) in result.waits
    ]
    return pd.DataFrame(rows)


def _longest(result: Thresholds, channel: str) -> float:
    """Return the longest wait, in minutes, that the data can judge."""
    return float(np.exp(result.sticks[channel].candidates[-1]))


def _within(waits: NDArray[np.float64], limit_min: float) -> float:
    """Return the share of waits, which increase, up to a limit."""
    return float(np.searchsorted(waits, limit_min, side="right") / len(waits))


def _limit(
    result: Thresholds, channel: str, tier: str, rise: float, giveup_share: float
) -> dict[str, object]:
    longest = _longest(result, channel)
    at, low, high = np.minimum(np.exp(result.sticks[channel].reach(rise)), longest)
    set_by = "coming back" if at < longest else "longest wait seen"
    if channel == "phone" and result.patience is not None:
        patience = result.patience.quantile(giveup_share)
        if patience[0] < at:
            (at, low, high), set_by = patience, "giving up"
    return {
        "channel": channel,
        "tier": tier,
        "limit_min": float(at),
        "low_min": float(low),
        "high_min": float(high),
        "in_time": _within(result.waits[channel, tier], float(at)),
        "set_by": set_by,
    }


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return limits for reading: one row per channel and tier."""
    return pd.DataFrame(
        {
            "answer within": table["limit_min"].map(clock),
            "90 % interval": table["low_min"].map(clock) + " to " + table["high_min"].map(clock),
            "in time today": (100 * table["in_time"]).round().astype(int).astype(str) + " %",
            "set by": table["set_by"],
        }
    ).set_index(pd.MultiIndex.from_frame(table[["channel", "tier"]]))


def _minutes_axis(ax: Axes, first: float, last: float) -> None:
    marks = {
        1 / 60: "1 s",
        0.1: "6 s",
        1.0: "1 min",
        10.0: "10 min",
        60.0: "1 h",
        600.0: "10 h",
        2880.0: "2 days",
    }
    if last / first < 30:
        marks = {
            0.5: "30 s",
            1: "1 min",
            2: "2 min",
            5: "5 min",
            10: "10 min",
            30: "30 min",
            60: "1 h",
            300: "5 h",
        }
    ax.set_xscale("log")
    ax.set_xlim(first, last)
    ax.minorticks_off()
    ax.set_xticks(
        [m for m in marks if first <= m <= last], [t for m, t in marks.items() if first <= m <= last]
    )


def plot(result: Thresholds) -> Axes:
    """Draw who comes back against the wait, at equal cases and days: dots, sticks, and the knees with their intervals."""
    channels = dict(_rows(result.channels))
    found = result.channels.dropna(subset="knee_min")
    waited = result.bands[result.bands["wait_min"] > LEAST_MIN]
    floor = float(waited["share"].min()) - 0.04
    with figure() as ax:
        for name, bands in waited.groupby("channel", sort=False):
            colour, stick, row = COLOURS[str(name)], result.sticks[str(name)], channels[str(name)]
            ax.plot(bands["wait_min"], bands["share"], "o", color=colour, ms=6)
            ax.annotate(
                str(name), (bands["wait_min"].iloc[-1], bands["share"].iloc[-1]), (0, 8), color=colour,
                textcoords="offset points", fontsize=12, fontweight="bold", ha="center",
            )  # fmt: skip
            if not stick.is_found:
                continue
            x = np.log([bands["wait_min"].iloc[0], row["knee_min"], bands["wait_min"].iloc[-1]])
            rise = stick.slope * np.maximum(_log(bands["wait_min"]) - stick.knee, 0)
            level = float((bands["share"] - rise).mean())
            ax.plot(np.exp(x), level + stick.slope * np.maximum(x - stick.knee, 0), color=colour, lw=1.6)
            ax.plot([row["low_min"], row["high_min"]], [floor] * 2, color=colour, lw=5, solid_capstyle="butt")
            ax.plot([row["knee_min"]] * 2, [floor, level], color=colour, lw=1, ls=":")
        _minutes_axis(ax, waited["wait_min"].min() / 1.5, waited["wait_min"].max() * 2)
        percent(ax)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.12 * (high - low))
    said = ", ".join(f"{name} {clock(row['knee_min'])}" for name, row in _rows(found))
    none = "No wait in these data brings more customers back"
    finding(
        ax,
        f"Beyond the knee more come back: {said}" if said else none,
        x="Wait for the first answer (bars: 90 % interval of the knee)",
        y="Who comes back (%)",
    )
    return ax


def misled(result: Thresholds) -> str:
    """Return the channel in which the plain curve is furthest from the adjusted one."""
    gap = (result.contrasts["extra"] - result.contrasts["plain"]).abs()
    return str(gap.idxmax())


def plot_plain(result: Thresholds, *, channel: str | None = None) -> Axes:
    """Draw, for one channel, the share that comes back as counted, and at equal cases and days."""
    name = channel or misled(result)
    bands = result.bands[(result.bands["channel"] == name) & (result.bands["wait_min"] > LEAST_MIN)]
    row = dict(_rows(result.contrasts))[name]
    with figure() as ax:
        ax.plot(bands["wait_min"], bands["plain"], color=GREY, marker="s", ms=6, ls="--", lw=1.2)
        ax.plot(bands["wait_min"], bands["share"], color=COLOURS[name], marker="o", ms=6, lw=1.2)
        ax.vlines(bands["wait_min"], bands["low"], bands["high"], color=COLOURS[name], lw=1.5)
        first = bands.iloc[0]
        above = first["plain"] > first["share"]
        for column, text, colour in (
            ("plain", "as counted", INK),
            ("share", "like with like", COLOURS[name]),
        ):
            up = above if column == "plain" else not above
            ax.annotate(
                text, (first["wait_min"], first[column]), (0, 14 if up else -20), textcoords="offset points",
                color=colour, fontsize=12,
            )  # fmt: skip
        _minutes_axis(ax, bands["wait_min"].min() / 1.3, bands["wait_min"].max() * 1.3)
        percent(ax)
        ax.margins(y=0.2)
    finding(
        ax,
        f"{name.capitalize()}: the slowest quarter looks {_points(row['plain'])} worse than the fastest as counted, and is "
        f"{_points(row['extra'])} worse like with like",
        x="Wait for the first answer",
        y="Who comes back (%)",
    )
    return ax


def _points(share: float) -> str:
    whole = round(100 * share)
    return f"{whole} point{'' if abs(whole) == 1 else 's'}".replace("-", "\N{MINUS SIGN}")


def plot_patience(result: Thresholds) -> Axes:
    """Draw the share of callers who would still wait, and what the hang-ups alone suggest."""
    curve = result.patience
    if curve is None:
        raise ValueError("no call is on record that was given up")
    end = float(result.calls["wait_min"].quantile(0.99))
    step = np.linspace(0, end, 160)
    share, low, high = curve.at(step)
    alone = np.sort(result.calls.loc[result.calls["gave_up"], "wait_min"].to_numpy())
    naive = 1 - np.searchsorted(alone, step, side="right") / len(alone)
    half = curve.quantile(0.5)[0]
    with figure() as ax:
        ax.fill_between(step, low, high, color=BLUE, alpha=0.25, lw=0)
        ax.plot(step, share, color=BLUE, lw=2)
        ax.plot(step, naive, color=GREY, lw=1.6, ls="--")
        for line, text, colour in ((share, "all who waited", BLUE), (naive, "hang-ups alone", INK)):
            at = int(np.nanargmin(np.abs(line - (0.55 if line is share else 0.25))))
            ax.annotate(
                text, (step[at], line[at]), (8, 4), textcoords="offset points", color=colour, fontsize=12
            )
        ax.set_ylim(0, 1.02)
        ax.set_xlim(0, end)
        ax.locator_params(axis="x", nbins=5, integer=True)
        percent(ax)
    said = (
        f"Half the callers would wait {clock(half)}"
        if np.isfinite(half)
        else "Most callers wait longer than we can see"
    )
    finding(
        ax,
        f"{said}; the hang-ups alone say {clock(float(np.median(alone)))}",
        x="Wait on the phone (minutes)",
        y="Still waiting (%)",
    )
    return ax


def plot_limits(result: Thresholds, table: pd.DataFrame) -> Axes:
    """Draw the acceptable wait by channel and tier with its interval, and the typical wait of today."""
    rows = [row for _, row in _rows(table)]
    late = min(rows, key=lambda row: row["in_time"])
    first = max(min(row["limit_min"] for row in rows) / 8, LEAST_MIN)
    with figure((5.2, 4.4)) as ax:
        for place, row in enumerate(rows):
            colour, waits = COLOURS[row["channel"]], result.waits[row["channel"], row["tier"]]
            ax.plot([row["low_min"], row["high_min"]], [place] * 2, color=colour, lw=3, solid_capstyle="butt")
            ax.plot(row["limit_min"], place, "o", color=colour, ms=9)
            ax.plot(max(float(np.median(waits)), 1.1 * first), place, "|", color=INK, ms=14, mew=2)
        ax.set_yticks(range(len(rows)), [f"{row['channel']}, {row['tier']}" for row in rows])
        ax.invert_yaxis()
        _minutes_axis(ax, first, table["high_min"].max() * 2)
    finding(
        ax,
        f"{str(late['channel']).capitalize()}, {late['tier']}, is furthest off: {late['in_time']:.0%} are answered within "
        f"{clock(late['limit_min'])}",
        x="Acceptable wait (dot), 90 % interval (bar), typical wait today (stroke)",
    )
    return ax


def what_if(result: Thresholds, *, tolerated_share: Sequence[float]) -> pd.DataFrame:
    """Return what it takes to keep customers from coming back, for several tolerances.

    Columns: tolerated_share, channel, limit_min, low_min, high_min, late (share of today's answers that come later).
    """
    rows = []
    for share in tolerated_share:
        for name, stick in result.sticks.items():
            at, low, high = np.minimum(np.exp(stick.reach(share)), _longest(result, name))
            waits = np.sort(
                np.concatenate([of for (channel, _), of in result.waits.items() if channel == name])
            )
            rows.append(
                (float(share), name, float(at), float(low), float(high), 1 - _within(waits, float(at)))
            )
    return pd.DataFrame(
        rows, columns=["tolerated_share", "channel", "limit_min", "low_min", "high_min", "late"]
    )


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw how many answers have to become faster, by channel, against what is tolerated."""
    with figure() as ax:
        for name, rows in scenarios.groupby("channel", sort=False):
            ax.plot(rows["tolerated_share"], rows["late"], color=COLOURS[str(name)], marker="o", ms=7)
            ax.annotate(
                str(name), (rows["tolerated_share"].iloc[0], rows["late"].iloc[0]), (-6, 0), ha="right", va="center",
                textcoords="offset points", color=COLOURS[str(name)], fontsize=12, fontweight="bold",
            )  # fmt: skip
        most = scenarios["tolerated_share"].max()
        ax.set_xlim(-0.25 * most, 1.05 * most)
        ax.set_ylim(0, max(scenarios["late"].max() * 1.15, 0.05))
        ax.set_xticks(sorted(scenarios["tolerated_share"].unique()))
        percent(ax)
        percent(ax, "x")
        said = "The more you tolerate, the fewer answers have to become faster"
        if len(scenarios.drop_duplicates(["channel", "late"])) == scenarios["channel"].nunique():
            said = "What you tolerate changes nothing: no wait here is long enough to hurt"
        if chosen is not None:
            rows = scenarios[scenarios["tolerated_share"] == chosen]
            ax.axvline(chosen, color=PURPLE, lw=2)
            limit = ", ".join(f"{row['channel']} {clock(row['limit_min'])}" for _, row in _rows(rows))
            said = f"If {100 * chosen:g}% may come back for the wait: {limit}"
    finding(
        ax,
        said,
        x="Customers who may come back for it (%)",
        y="Too late today (%)",
    )
    return ax


def _avoidable(result: Thresholds, table: pd.DataFrame) -> tuple[float, float]:
    """Return the share of answered requests that would not have come back within the limits, with its range."""
    total = np.zeros(2)
    for _, row in _rows(table):
        stick, waits = result.sticks[row["channel"]], result.waits[row["channel"], row["tier"]]
        if not stick.is_found:
            continue
        longest = stick.candidates[-1]
        x = np.minimum(np.quantile(_log(waits), np.linspace(0.0025, 0.9975, 200)), longest)
        start = np.maximum(stick.candidates, np.log(row["limit_min"]))
        beyond = np.maximum(x - start[:, None], 0).mean(axis=1) * len(waits)
        spare = WIDTH**2 - stick.drop
        kept = spare >= 0
        width = np.sqrt(spare[kept] / stick.information[kept])
        total += [
            float((np.maximum(stick.slopes[kept] - width, 0) * beyond[kept]).min()),
            float(((stick.slopes[kept] + width) * beyond[kept]).max()),
        ]
    low, high = total / sum(len(waits) for waits in result.waits.values())
    return float(low), float(high)


def decide(result: Thresholds, *, tolerated_share: float, giveup_share: float) -> Decision:
    """Recommend an acceptable wait per channel and tier, and predict who comes back when it is kept."""
    table = limits(result, tolerated_share=tolerated_share, giveup_share=giveup_share)
    now = float((result.channels["back"] * result.channels["cases"]).sum() / result.channels["cases"].sum())
    found = result.channels.dropna(subset="knee_min")
    if found.empty:
        return Decision(
            recommendation="Hold today's speed and buy no more: no wait in these data brings more customers back.",
            evidence="; ".join(
                f"{name}: no rise up to {clock(row['longest_min'])} ({row['cases']:,.0f} answers)"
                for name, row in _rows(result.channels)
            ),
            metric="answered requests whose customer comes back",
            unit="share",
            low=0.95 * now,
            high=min(1.05 * now, 1.0),
            flips_if="waits grow beyond the longest in these data, or a later quarter shows a rise at equal cases and days",
            owner="head of service",
        )
    told = "; ".join(
        f"{name} " + ", ".join(f"{clock(row['limit_min'])} ({row['tier']})" for _, row in _rows(rows))
        for name, rows in table.groupby("channel", sort=False)
    )
    low, high = _avoidable(result, table)
    name, least = max(_rows(found), key=lambda item: item[1]["high_min"] / item[1]["low_min"])
    return Decision(
        recommendation=f"Promise a first answer within: {told}.",
        evidence="Knees at equal cases and days: "
        + "; ".join(
            f"{channel} {clock(row['knee_min'])} ({clock(row['low_min'])} to {clock(row['high_min'])})"
            for channel, row in _rows(found)
        )
        + f", from {result.channels['cases'].sum():,.0f} answers, after which {now:.1%} of customers came back.",
        metric="answered requests whose customer comes back",
        unit="share",
        low=max(now - high, 0.0),
        high=max(now - low, 0.0),
        flips_if=f"the knee of {name}, the least certain, moves out of {clock(least['low_min'])} to "
        f"{clock(least['high_min'])} in the next quarter, or a trial that answers half the cases at random faster "
        "brings as many back",
        owner="head of service",
    )


def check(answer: float, truth: SimpleNamespace | None, result: Thresholds) -> Feedback:
    """Check "by when would one caller in four have given up, if nobody answered?".

    Parameters
    ----------
    answer : float
        Minutes; 0 where no call was given up on record.
    truth : namespace or None
        `truth_calls` of the world; None on a client's data, where the answer must agree with the survival curve.
    result : Thresholds
        What the participant read.
    """
    answer = float(answer)
    if result.patience is None:
        near = answer == 0
        return Feedback(
            near, "Right: it cannot be known." if near else "Is any call on record given up?", HINTS, OWN_DATA
        )
    expected, basis = result.patience.quantile(0.25)[0], OWN_DATA
    if truth is not None:
        expected, basis = float(_planted_patience(result, truth).quantile(0.25)), PLANTED
    if not np.isfinite(expected):
        return Feedback(answer == 0, "So many never gave up. Answer 0 where it is not reached.", HINTS, basis)
    return grade(answer, expected, tolerance=0.15, hints=HINTS, basis=basis)


def _planted_patience(result: Thresholds, truth: SimpleNamespace) -> pd.Series:
    patience = truth.truth_calls.set_index("interaction_id")["patience_min"]
    return patience.reindex(result.calls["call_id"]).dropna()


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return knees, the harm of slow answers and patience beside the planted ones.

    Without a planted rise the null value of a knee is the longest wait that the data can judge: nothing hurts up to it.
    The harm of slow answers is what the planted curve makes of the slowest and fastest quarters of the same waits.
    """
    result = thresholds(data.first_waits)
    planted = truth.truth_parameters.set_index("name")["value"]
    rows = []
    for name in COLOURS:
        plain, longest = dict(_rows(result.channels))[name]["plain_knee_min"], _longest(result, name)
        knee = planted[f"knee_{name}"] if planted["rise"] > 0 else longest
        at, low, high = np.minimum(np.exp(result.sticks[name].reach(0.0)), longest)
        rows.append((f"{name}: knee (min)", at, low, high, longest if np.isnan(plain) else plain, knee))
    cases = data.first_waits[data.first_waits["is_answered"]]
    for name in COLOURS:
        of = dict(_rows(result.contrasts))[name]
        judged = _judged(cases[cases["channel"] == name])
        late = np.clip(
            _log(judged["wait_min"]) - np.log(planted[f"knee_{name}"]), 0, planted["rise_ends_after"]
        )
        harm = _harm(judged, planted["rise"] * late, judged["stratum"].to_numpy(), _controls(judged))["extra"]
        label = f"{name}: slow less fast quarter, who comes back (share)"
        rows.append((label, of["extra"], of["low"], of["high"], of["plain"], harm))
    if result.patience is not None:
        left, low, high = (float(v) for v in result.patience.at(5.0))
        alone = result.calls.loc[result.calls["gave_up"], "wait_min"]
        real = float((_planted_patience(result, truth) > 5).mean())
        rows.append(
            (
                "phone: callers who would wait 5 minutes (share)",
                left,
                low,
                high,
                float((alone > 5).mean()),
                real,
            )
        )
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])
