"""Which measures show intimacy, not mere satisfaction? What each figure foretells, how much of it is luck, and gaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from playbook.methods import reliability

SURVEYS = ("satisfaction", "recommendation")
FEWEST = 60  # customer half-years below which a figure is left out
SLACK = pd.Timedelta(days=14)  # by which a target may miss the turn of a half-year
SURE = 0.05


@dataclass(frozen=True)
class Judged:
    """All figures of one desk, judged.

    Parameters
    ----------
    desk : str
        Whose requests.
    scores : DataFrame
        By figure (index), best first: kind (candidate or survey), seen (customer half-years), requests (a
        half-year), area, area_low, area_high (chance to point at the customer who keeps its pace), reliability,
        reliability_low, reliability_high, effect, effect_low, effect_high (log of orders in the half-year after, a step),
        verdict.
    breaks : DataFrame
        By figure (index): since_on, is_paid, level_before, level_since, before, since, change with _low and _high
        (effect before, since, and their difference), p (one-sided, that it fell), gamed. Empty without targets.
    left_out : tuple of str
        Figures with too few customers to judge.
    facts : dict
        customers, kept_share, min_reliability.
    """

    desk: str
    scores: pd.DataFrame
    breaks: pd.DataFrame
    left_out: tuple[str, ...]
    facts: dict[str, float]


def judge(
    care_figures: pd.DataFrame,
    orders_by_half: pd.DataFrame,
    *,
    kpi_targets: pd.DataFrame | None = None,
    min_reliability: float = 0.3,
    seed: int = 1,
) -> Judged:
    """Judge every figure by what it foretells, how much of it is luck, and whether pay has spoilt it.

    Parameters
    ----------
    care_figures, orders_by_half : DataFrame
        The views of these names.
    kpi_targets : DataFrame, optional
        kpi_code and valid_from; without it nothing can be said about gaming.
    min_reliability : float
        Share of a figure's differences between customers, 0 to 1, that must not be luck.
    seed : int
        Of the lot that splits customers for the test.

    Raises
    ------
    ValueError
        When no figure has enough customers with a half-year of orders after it.
    """
    cases = cases_of(care_figures, orders_by_half)
    seen = cases.groupby("figure").size()
    names = [str(name) for name in seen.index[seen >= FEWEST]]
    if not names:
        raise ValueError(
            f"no figure has {FEWEST} customer half-years with requests and a half-year of orders after them"
        )
    since = _dates(care_figures, kpi_targets, names)
    parts = {name: cases[cases["figure"] == name].reset_index(drop=True) for name in names}
    rows = {name: _score(part, seed) for name, part in parts.items()}
    scores = pd.DataFrame.from_dict(rows, orient="index").rename_axis("figure")
    breaks = _breaks(parts, care_figures, since)
    gamed, unproven = (
        set(breaks.index[breaks[what]]) if len(breaks) else set() for what in ("gamed", "unproven")
    )
    scores["verdict"] = [
        _verdict(row, row.Index in gamed, row.Index in unproven, min_reliability) for row in each_row(scores)
    ]
    every = cases.drop_duplicates(["customer_id", "half_ago"])
    return Judged(
        desk=str(care_figures["desk"].iloc[0]),
        scores=scores.sort_values("area", ascending=False, kind="stable"),
        breaks=breaks,
        left_out=tuple(sorted(set(care_figures["figure"]) - set(names))),
        facts={
            "customers": every["customer_id"].nunique(),
            "kept_share": float(every["kept"].mean()),
            "min_reliability": min_reliability,
        },
    )


def cases_of(figures: pd.DataFrame, orders_by_half: pd.DataFrame) -> pd.DataFrame:
    """Join each customer's figures of a half-year to its orders: before, at the start of the data, and after."""
    table = orders_by_half.pivot_table(index="customer_id", columns="half_ago", values="orders", fill_value=0)
    halves = int(orders_by_half["half_ago"].max()) + 1 if len(orders_by_half) else 0
    table = table.reindex(columns=range(halves), fill_value=0)
    rows = figures[figures["half_ago"].between(1, halves - 1) & figures["customer_id"].isin(table.index)]
    orders = table.to_numpy()[table.index.get_indexer(pd.Index(rows["customer_id"]))]
    at, ago = np.arange(len(rows)), rows["half_ago"].to_numpy()
    so_far = orders[:, ::-1].cumsum(axis=1)[:, ::-1][at, ago] if len(rows) else np.zeros(0)
    first = halves - 1 - (orders[:, ::-1] > 0).argmax(axis=1) if len(rows) else np.zeros(0)
    after = orders[at, ago - 1]
    cases = rows.assign(
        after=after,
        kept=after >= so_far / np.maximum(first - ago + 1, 1),
        start=orders[:, -1] if len(rows) else 0,
    )[so_far > 0]
    by = cases.groupby(["figure", "half_ago"])
    both = cases["even"].notna()
    halved = cases[both].groupby(["figure", "half_ago"])
    return cases.assign(
        x=cases["value"] - by["value"].transform("mean"),
        odd=cases["odd"] - halved["odd"].transform("mean"),
        even=cases["even"] - halved["even"].transform("mean"),
    )


def _score(part: pd.DataFrame, seed: int) -> dict[str, Any]:
    name = part["figure"].iloc[0]
    found: dict[str, Any] = {
        "kind": "survey" if name in SURVEYS else "candidate",
        "seen": len(part),
        "requests": float(part["requests"].mean()),
    }
    for key in ("area", "reliability", "effect"):
        found |= {key: np.nan, f"{key}_low": np.nan, f"{key}_high": np.nan}
    if part["x"].std() > 0 and part["kept"].nunique() == 2:
        who = part["customer_id"].to_numpy()
        score, fold = reliability.out_of_sample(part[["x"]] / part["x"].std(), part["kept"], who, seed=seed)
        strata = fold * 1000 + part["half_ago"].to_numpy()
        area = reliability.area(score, part["kept"], strata=strata, groups=who)
        found |= _three("area", area.area, area.error)
        found |= _three("effect", *_relation(part).of([1.0]))
    halves = split(part)
    if halves is not None:
        found |= {
            "reliability": halves.reliability,
            "reliability_low": halves.low,
            "reliability_high": halves.high,
        }
    return found


def _three(name: str, value: float, error: float, df: float = np.inf) -> dict[str, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(df, 0.95)) * error if np.isfinite(df) else reliability.Z90 * error
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def split(part: pd.DataFrame) -> reliability.SplitHalf | None:
    """Return which share of the differences in a figure is not luck; None when too few have two requests.

    Odd and even requests of a half-year tell it for those with two requests; those with one are as different in truth and
    luckier, so the share is that of the larger variance of all.
    """
    both = part.dropna(subset="even")
    if len(both) < FEWEST or both["odd"].std() == 0 or both["even"].std() == 0:
        return None
    found = reliability.split_half(both["odd"], both["even"], groups=both["customer_id"].to_numpy())
    wider = min(both["x"].var() / part["x"].var(), 1.0)
    return replace(
        found, reliability=found.reliability * wider, low=found.low * wider, high=found.high * wider
    )


def _relation(part: pd.DataFrame, since: pd.Series | None = None) -> reliability.Relation:
    """Return how orders go with a step of the figure, beside season and the customer's orders at the start.

    A step is the standard deviation; with `since`, that of before, and there are two slopes: before and since.
    """
    step = part["x"].std() if since is None else part.loc[~since, "x"].std()
    x = (part["x"] / step).to_numpy()
    slopes = [x] if since is None else [x * ~since, x * since]
    start = part["start"].to_numpy()
    controls = np.column_stack([pd.get_dummies(part["half_ago"]), np.log(start + 0.5), start == 0]).astype(
        float
    )
    controls = controls[:, controls.std(axis=0) > 0] if controls.shape[1] > 3 else controls[:, :1]
    found = reliability.count_relation(
        part["after"], np.column_stack([*slopes, controls]), part["customer_id"].to_numpy()
    )
    k = len(slopes)
    return reliability.Relation(found.slopes[:k], found.pulls[:, :k])


def _dates(figures: pd.DataFrame, targets: pd.DataFrame | None, names: Sequence[str]) -> pd.Series:
    """Return since when each figure has a target, if that lies within the history."""
    if targets is None:
        return pd.Series(dtype="datetime64[us]")
    first, last = figures["half_on"].min() + SLACK, figures["half_on"].max()
    within = targets[targets["kpi_code"].isin(names) & targets["valid_from"].between(first, last)]
    return within.groupby("kpi_code")["valid_from"].min()


def _breaks(parts: dict[str, pd.DataFrame], figures: pd.DataFrame, dates: pd.Series) -> pd.DataFrame:
    """Compare each figure's relation before its target and since; those without a target, at the first date."""
    from scipy.special import stdtr

    rows = {}
    for name, part in parts.items():
        date = dates.get(name, dates.min() if len(dates) else None)
        if date is None or part["x"].std() == 0:
            continue
        ends_on = part["half_on"] + pd.Timedelta(days=182)
        part = part[(part["half_on"] >= date - SLACK) | (ends_on <= date + SLACK)]
        since = part["half_on"] >= date - SLACK
        if min(since.sum(), (~since).sum()) < FEWEST or part.loc[~since, "x"].std() == 0:
            continue
        found = _relation(part, since)
        level = (
            figures.loc[figures["figure"] == name].groupby(figures["half_on"] >= date - SLACK)["value"].mean()
        )
        change, error, df = found.of([-1.0, 1.0])
        rows[name] = {
            "since_on": date,
            "is_paid": name in dates.index,
            "level_before": level[False],
            "level_since": level[True],
            **_three("before", *found.of([1.0, 0.0])),
            **_three("since", *found.of([0.0, 1.0])),
            **_three("change", change, error, df),
            "p": float(stdtr(df, change / error)),
        }
    breaks = pd.DataFrame.from_dict(rows, orient="index").rename_axis("figure")
    if len(breaks):
        # Each figure with a target is one more chance to cry wolf: the level is shared among them.
        breaks["gamed"] = breaks["is_paid"] & (breaks["p"] * max(breaks["is_paid"].sum(), 1) < SURE)
        breaks["unproven"] = breaks["is_paid"] & ~breaks["gamed"] & (breaks["since_low"] <= 0)
    return breaks


def _verdict(row: Any, gamed: bool, unproven: bool, min_reliability: float) -> str:
    if row.kind == "survey":
        return "to compare with"
    faults = [
        word
        for word, holds in (
            ("gamed", gamed),
            ("not proven since its target", unproven),
            ("weak", not row.area_low > 0.5),
            ("unreliable", not row.reliability >= min_reliability),
        )
        if holds
    ]
    return f"reject: {', '.join(faults)}" if faults else "keep"


def each_row(frame: pd.DataFrame) -> Any:
    """Return the rows one by one, with the columns as attributes."""
    return frame.itertuples()


def figure_row(frame: pd.DataFrame, name: str) -> Any:
    """Return the row of one figure."""
    return frame.loc[name]


def kept(result: Judged) -> list[str]:
    """Return the figures to steer frontline teams by, the best first."""
    return list(result.scores.index[result.scores["verdict"] == "keep"])


def focus(result: Judged) -> str:
    """Return the figure that the exercise and the what-if are about: the best kept one, else the best candidate."""
    own = result.scores[result.scores["kind"] == "candidate"]
    return (kept(result) or list(own.index) or list(result.scores.index))[0]


def care_effect(result: Judged, name: str) -> float:
    """Return the effect of a step of care itself: the figure's effect, freed of its luck (Spearman's correction)."""
    row = figure_row(result.scores, name)
    return (
        float(row["effect"] / np.sqrt(row["reliability"]))
        if row["reliability_low"] > 0
        else float(row["effect"])
    )
