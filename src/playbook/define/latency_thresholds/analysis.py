"""How fast is fast enough? Where waiting begins to bring customers back, by channel, and when callers give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.methods import segmented, survival
from playbook.methods.intervals import Z90
from playbook.pictures import BLUE, GREEN, ORANGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOURS = {"phone": BLUE, "chat": ORANGE, "email": GREEN}
TIERS = ("gold", "silver", "bronze")  # the order of patience: each step down is offered a little more of it
LEVEL = 0.9
MIN_CASES = 400  # of a channel: fewer hold no knee
LEAST_MIN = 0.05  # three seconds: below it nobody waits
LONGEST = 0.97  # share of the waits that the stick is fitted to; the longest ones bend it
CANDIDATES = 150
BANDS = 12


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


def log_wait(wait_min: pd.Series | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of waits; the shortest count as `LEAST_MIN`."""
    return np.log(np.maximum(np.asarray(wait_min, dtype=float), LEAST_MIN))


def judged_of(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the cases that the sticks are fitted to: all but the longest waits."""
    return cases[cases["wait_min"] <= cases["wait_min"].quantile(LONGEST)]


def controls_of(cases: pd.DataFrame) -> NDArray[np.float64]:
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


def harm_of(
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
    extra, width = float(ends @ shares), Z90 * float(np.sqrt(ends @ covariance @ ends))
    return {"extra": extra, "low": extra - width, "high": extra + width, "plain": float(ends @ counted)}


def _one_channel(
    cases: pd.DataFrame,
) -> tuple[dict[str, float], pd.DataFrame, dict[str, float], segmented.BrokenStick]:
    judged = judged_of(cases)
    x, y = log_wait(judged["wait_min"]), judged["came_back"].to_numpy(dtype=float)
    strata, controls = judged["stratum"].to_numpy(), controls_of(judged)
    first, last = np.quantile(x, [0.05, 0.98])
    candidates = np.linspace(max(first, np.log(0.25)), last, CANDIDATES)
    if candidates[0] >= candidates[-1]:
        raise ValueError("the waits of a channel are all alike: there is no knee to look for")
    stick = segmented.broken_stick(x, y, candidates=candidates, strata=strata, controls=controls, level=LEVEL)
    plain = segmented.broken_stick(x, y, candidates=candidates, level=LEVEL)
    band = _bands(judged["wait_min"], [k / BANDS for k in range(1, BANDS)])
    shares, covariance = segmented.adjusted_shares(band, y, strata=strata, controls=controls)
    width = Z90 * np.sqrt(np.diag(covariance))
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
    return row, bands, harm_of(judged, y, strata, controls), stick


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


def named_rows(frame: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    """Return name and values of each row."""
    return [
        (str(name), {str(key): value for key, value in row.items()})
        for name, row in frame.to_dict("index").items()
    ]


def left(result: Thresholds) -> str:
    """Say whether customers leave sooner after a long wait, at equal cases and days."""
    said = []
    for name, row in named_rows(result.churn):
        if np.isnan(row["ratio"]):
            said.append(f"- **{name}**: too few customers left to say.")
            continue
        verdict = (
            "chance alone may make that difference"
            if row["low"] <= 1 <= row["high"]
            else "more than chance would make"
        )
        said.append(
            f"- **{name}**: {row['left']:.0f} customers left; their rate after a long wait was {row['ratio']:.2f} times "
            f"that after a short one (90 % interval {row['low']:.2f} to {row['high']:.2f}): {verdict}."
        )
    return "\n".join(said)


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


def longest_of(result: Thresholds, channel: str) -> float:
    """Return the longest wait, in minutes, that the data can judge."""
    return float(np.exp(result.sticks[channel].candidates[-1]))


def within(waits: NDArray[np.float64], limit_min: float) -> float:
    """Return the share of waits, which increase, up to a limit."""
    return float(np.searchsorted(waits, limit_min, side="right") / len(waits))


def _limit(
    result: Thresholds, channel: str, tier: str, rise: float, giveup_share: float
) -> dict[str, object]:
    longest = longest_of(result, channel)
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
        "in_time": within(result.waits[channel, tier], float(at)),
        "set_by": set_by,
    }
