"""Which measures show intimacy, not mere satisfaction? What each figure foretells, how much of it is luck, and gaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import reliability
from playbook.pictures import BLUE, GREY, INK, ORANGE, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "A figure that rests on a few requests is partly luck, and luck brings no orders: care itself does more.",
    "Take the row of your figure in result.scores: you need its effect and its reliability.",
    "Divide the effect by the square root of the reliability.",
)
SURVEYS = ("satisfaction", "recommendation")
MEANS = {
    "first contact resolution": "share of resolved requests that the customer did not have to bring again",
    "personal resolution": "resolution personalisation rate: share of requests resolved the customer's own way",
    "time to first answer": "time until a person answers; shorter counts as better",
    "personal service delivery time": "time until a request is resolved the customer's own way; shorter counts as better",
    "satisfaction": "CSAT: the customer's score after a request",
    "recommendation": "NPS question: the customer's score, asked after a request",
}
FEWEST = 60  # customer half-years below which a figure is left out
SLACK = pd.Timedelta(days=14)  # by which a target may miss the turn of a half-year
LUCK = 0.1  # reliability up to which a figure may as well be luck altogether
ENOUGH = 0.7  # reliability at which a lead may act on the figure of one customer or team
SURE = 0.05
TALL = (5.2, 4.7)


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
    cases = _cases(care_figures, orders_by_half)
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
    gamed = set(breaks.index[breaks["gamed"]]) if len(breaks) else set()
    scores["verdict"] = [_verdict(row, row.Index in gamed, min_reliability) for row in _rows(scores)]
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


def _cases(figures: pd.DataFrame, orders_by_half: pd.DataFrame) -> pd.DataFrame:
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
    halves = _split(part)
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


def _split(part: pd.DataFrame) -> reliability.SplitHalf | None:
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
    return breaks


def _verdict(row: Any, gamed: bool, min_reliability: float) -> str:
    if row.kind == "survey":
        return "to compare with"
    faults = [
        word
        for word, holds in (
            ("gamed", gamed),
            ("weak", not row.area_low > 0.5),
            ("unreliable", not row.reliability >= min_reliability),
        )
        if holds
    ]
    return f"reject: {', '.join(faults)}" if faults else "keep"


def _rows(frame: pd.DataFrame) -> Any:
    return frame.itertuples()


def _row(frame: pd.DataFrame, name: str) -> Any:
    return frame.loc[name]


def kept(result: Judged) -> list[str]:
    """Return the figures to steer frontline teams by, the best first."""
    return list(result.scores.index[result.scores["verdict"] == "keep"])


def focus(result: Judged) -> str:
    """Return the figure that the exercise and the what-if are about: the best kept one, else the best candidate."""
    own = result.scores[result.scores["kind"] == "candidate"]
    return (kept(result) or list(own.index) or list(result.scores.index))[0]


def kpi_set(result: Judged) -> pd.DataFrame:
    """Return each figure's verdict and definition, what is kept first."""
    order = {"keep": 0, "to compare with": 2}
    rows = result.scores.assign(
        definition=[MEANS.get(name, f"share of requests with '{name}' done") for name in result.scores.index]
    )
    return rows.sort_values("verdict", key=lambda v: v.map(order).fillna(1), kind="stable")[
        ["verdict", "definition"]
    ]


def overview(result: Judged) -> pd.DataFrame:
    """Return what was counted: customer half-years and requests in each, by figure."""
    rows = result.scores[["kind", "seen", "requests"]].round({"requests": 1}).sort_index()
    return rows.rename(columns={"seen": "customer half-years", "requests": "requests in each"})


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def counted(result: Judged) -> str:
    """Say whose requests are judged, and what was left out."""
    text = (
        f"Judged here: **{result.desk}**, {result.facts['customers']:,.0f} customers who buy. "
        f"After {result.facts['kept_share']:.0%} of their half-years they kept their pace."
    )
    if result.left_out:
        text += f" Too few requests to judge: {_listed(result.left_out)}."
    if not (result.scores["kind"] == "survey").any():
        text += " There are no survey answers after requests, so no CSAT or NPS to compare with."
    return text


def compared(result: Judged) -> str:
    """Say how the best candidate does against the survey scores."""
    best = _row(result.scores, focus(result))
    text = (
        f"Of two customers in the same half-year, one who kept its pace and one who did not, {best.name} points at the "
        f"right one {best['area']:.0%} of the time ({best['area_low']:.0%} to {best['area_high']:.0%})."
    )
    for row in _rows(result.scores[result.scores["kind"] == "survey"]):
        luck = "which a coin might do too" if not row.area_low > 0.5 else "better than a coin"
        text += f" {str(row.Index).capitalize()}: {row.area:.0%} ({row.area_low:.0%} to {row.area_high:.0%}), {luck}."
    return text


def paid(result: Judged) -> str:
    """Say what became of the figures that got a target."""
    if result.breaks.empty or not result.breaks["is_paid"].any():
        return "No figure here got a target within the history, so nothing can be said about gaming."
    lines = []
    for row in _rows(result.breaks[result.breaks["is_paid"]]):
        verdict = "it no longer foretells what it did" if row.gamed else "no break can be shown"
        lines.append(
            f"- **{row.Index}**, target since {row.since_on:%d %B %Y}: level {row.level_before:.2f} before, "
            f"{row.level_since:.2f} since; effect {row.before:.2f} before, {row.since:.2f} since; {verdict}."
        )
    return "\n".join(lines)


def plot(result: Judged) -> Axes:
    """Draw how often each figure points at the customer who keeps its pace."""
    rows = result.scores.dropna(subset="area")[::-1]
    with figure(TALL) as ax:
        ax.axvline(0.5, color=GREY, lw=1.5, ls="--")
        for y, row in enumerate(_rows(rows)):
            colour = ORANGE if row.kind == "survey" else BLUE
            ax.plot([row.area_low, row.area_high], [y, y], color=colour, lw=3)
            ax.plot(row.area, y, "s" if row.kind == "survey" else "o", color=colour, ms=9)
        ax.set_yticks(range(len(rows)), [_short(name) for name in rows.index])
        ax.set_ylim(-0.6, len(rows) - 0.1)
        ax.annotate(
            "a coin", (0.5, len(rows) - 0.45), (5, 0), textcoords="offset points", color=INK, fontsize=11
        )
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_locator(_few())
        percent(ax, "x")
    surely = rows[rows["area_low"] > 0.5]
    said = f"{rows.index[-1]} tells best who stays" if len(surely) else "No figure tells who stays"
    surveys = rows.index[(rows["kind"] == "survey") & ~(rows["area_low"] > 0.5)]
    if len(surveys) and len(surely):
        said += f"; {_listed(list(surveys))}: no better than a coin"
    finding(ax, said, x="How often it points at the right one of two (squares: surveys)")
    return ax


def _short(name: str) -> str:
    from textwrap import fill

    return fill(name, 16, break_long_words=False)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, steps=[1, 2, 5, 10])


def plot_reliability(result: Judged) -> Axes:
    """Draw which share of each figure's differences between customers is not luck."""
    rows = result.scores.dropna(subset="reliability").sort_values("reliability")
    bar = result.facts["min_reliability"]
    with figure(TALL) as ax:
        values = rows["reliability"].clip(0, 1)
        colours = [ORANGE if kind == "survey" else BLUE for kind in rows["kind"]]
        ax.barh(range(len(rows)), values, color=colours, height=0.6)
        low, high = rows["reliability_low"].clip(0, 1), rows["reliability_high"].clip(0, 1)
        ax.hlines(range(len(rows)), low, high, color=INK, lw=1.5)
        ax.axvline(bar, color=GREY, ls="--", lw=1.5)
        ax.set_yticks(range(len(rows)), [_short(name) for name in rows.index])
        ax.set_xlim(0, 1)
        ax.grid(visible=False, axis="y")
        percent(ax, "x")
    enough = (rows["reliability"] >= bar).sum()
    said = f"{enough} of {len(rows)} figures tell customers apart by more than luck"
    finding(ax, said, x="Share of its differences that is not luck (dashed: least asked for)")
    return ax


def plot_break(result: Judged) -> Axes:
    """Draw the effect of a step of each figure, before the target and since."""
    rows = result.breaks[~result.breaks.index.isin(SURVEYS)].sort_values(["is_paid", "before"])
    with figure(TALL) as ax:
        ax.axvline(0, color=GREY, lw=1.5, ls="--")
        for y, row in enumerate(_rows(rows)):
            for shift, when, colour, mark in ((0.17, "before", GREY, "o"), (-0.17, "since", BLUE, "D")):
                low, high = getattr(row, f"{when}_low"), getattr(row, f"{when}_high")
                ax.plot([low, high], [y + shift] * 2, color=colour, lw=2.5)
                ax.plot(
                    getattr(row, when), y + shift, mark, color=colour, ms=7, label=when if y == 0 else None
                )
        ax.set_yticks(range(len(rows)), [_short(f"{n}{', paid' * p}") for n, p in rows["is_paid"].items()])
        ax.set_ylim(-0.6, len(rows) + 0.4)
        ax.legend(loc="upper left", ncols=2)
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_locator(_few())
    gamed = list(rows.index[rows["gamed"]]) if len(rows) else []
    said = "No figure with a target lost its relation to orders"
    if gamed:
        said = f"Since it has a target, {_listed(gamed)} says less about orders to come"
    finding(ax, said, x="Effect of a step on orders after (log; 0.1 is about 10% more)")
    return ax


def what_if(result: Judged, *, requests: Sequence[int]) -> pd.DataFrame:
    """Return each candidate's reliability if its figure rested on so many requests.

    Columns: figure, requests, reliability, enough (at least `ENOUGH`). Figures that are gamed, or may be all luck, are left
    out: no number of requests mends them.
    """
    rows = [
        (row.Index, n, float(reliability.spearman_brown(row.reliability, n / row.requests)))
        for row in _rows(result.scores)
        if row.kind == "candidate" and "gamed" not in row.verdict and row.reliability_low > LUCK
        for n in requests
    ]
    found = pd.DataFrame(rows, columns=["figure", "requests", "reliability"])
    return found.assign(enough=found["reliability"] >= ENOUGH)


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw reliability against the number of requests that a figure rests on."""
    with figure() as ax:
        for name, line in scenarios.groupby("figure", sort=False):
            ax.plot(line["requests"], line["reliability"], marker="o", ms=5, lw=2, label=name)
        ax.axhline(ENOUGH, color=GREY, ls="--", lw=1.5)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_ylim(0, 1.02)
        percent(ax)
        if chosen is not None:
            ax.axvline(chosen, color=INK, lw=1.5)
        if len(scenarios):
            ax.legend(loc="lower right")
    if scenarios.empty:
        said = "All these figures are gamed or may be luck; counting more requests mends none"
    elif chosen is None:
        ready = scenarios[scenarios["enough"]].groupby("figure", sort=False)["requests"].min()
        needs = [f"{name} from {n} requests" for name, n in ready.head(2).items()]
        said = (
            f"You can act on {_listed(needs)}"
            if needs
            else "No figure is ready to be acted on, however many requests are counted"
        )
    else:
        ready = scenarios[(scenarios["requests"] == chosen) & scenarios["enough"]]["figure"]
        said = f"On {chosen} requests you can act on {_listed(list(ready)) if len(ready) else 'no figure'}"
    finding(ax, said, x="Requests that the figure rests on", y="Share that is not luck (dashed: enough)")
    return ax


def care_effect(result: Judged, name: str) -> float:
    """Return the effect of a step of care itself: the figure's effect, freed of its luck (Spearman's correction)."""
    row = _row(result.scores, name)
    return (
        float(row["effect"] / np.sqrt(row["reliability"]))
        if row["reliability_low"] > 0
        else float(row["effect"])
    )


def decide(result: Judged) -> Decision:
    """Recommend the figures to steer frontline teams by."""
    chosen, best = kept(result), _row(result.scores, focus(result))
    rejected = [
        f"{row.Index} ({row.verdict.removeprefix('reject: ')})"
        for row in _rows(result.scores)
        if row.verdict.startswith("reject")
    ]
    if chosen:
        what = f"Steer the teams by {_listed(chosen)}, without pay on it in the first year."
        flips = (
            f"{best.name} points at the right customer in less than half of the pairs of the next half-year, or its \
effect falls after a target"
        )
    else:
        what = "Put none of these figures on the frontline's scoreboard yet; collect more requests a customer first."
        flips = "one candidate foretells who stays better than a coin, its reliability suffices, and no break shows"
    what += f" Reject {_listed(rejected)}." if rejected else ""
    low, high = (float(np.nan_to_num(best[key], nan=0.5)) for key in ("area_low", "area_high"))
    return Decision(
        recommendation=what,
        evidence=f"{best.name}: right in {best['area']:.0%} of pairs, {best['reliability']:.0%} of its differences "
        f"are not luck ({best['seen']:,.0f} customer half-years).",
        metric=f"pairs of customers that {best.name} puts in the right order",
        unit="share",
        low=max(low, 0.0),
        high=min(high, 1.0),
        flips_if=flips,
        owner="head of customer service",
        review_days=182,
    )


def check(answer: float, truth: SimpleNamespace | None, result: Judged) -> Feedback:
    """Check "what does a step of care itself bring in orders of the half-year after (log)?".

    Parameters
    ----------
    answer : float
        Log of orders, a standard deviation of care.
    truth : namespace or None
        `truth_effects` of the world; None on a client's data, where the answer must agree with the scores.
    result : Judged
        What the participant read.
    """
    answer, expected, basis = float(answer), care_effect(result, focus(result)), OWN_DATA
    if truth is not None:
        expected, basis = float(truth.truth_effects["size"].iloc[0]), PLANTED
    if abs(expected) < 0.02:
        near = abs(answer) < 0.15
        says = "Right: next to nothing." if near else "Could it be luck? Look at the intervals of the effect."
        return Feedback(near, says, HINTS, basis)
    return grade(answer, expected, tolerance=0.25 if truth is not None else 0.02, hints=HINTS, basis=basis)


def recover(data: Any, truth: SimpleNamespace) -> pd.DataFrame:
    """Return what a step of care brings, by the figures that show it, and what the others and the targets do.

    A log of orders a standard deviation; naive is the effect of the figure as counted, over the whole history.
    """
    result = judge(data.care_figures, data.orders_by_half, kpi_targets=data.kpi_targets)
    size = float(truth.truth_effects["size"].iloc[0])
    gamed, driver = "first contact resolution", "personal resolution"
    scores, breaks = result.scores, result.breaks
    cases = _cases(data.care_figures, data.orders_by_half)
    rows = [_freed(f"care, by {driver}", cases, _row(scores, driver), "effect", driver, scores, size)]
    for when, value in (("before", size), ("since", 0.0)):
        rows.append(
            _freed(
                f"care, by {gamed}, {when} its target", cases, _row(breaks, gamed), when, gamed, scores, value
            )
        )
    rows.append(
        _freed(f"change of {gamed} at its target", cases, _row(breaks, gamed), "change", gamed, None, -size)
    )
    rows.append(
        _freed(f"change of {driver} at its target", cases, _row(breaks, driver), "change", driver, None, 0.0)
    )
    for noise in ("thank-you card", "time to first answer"):
        row = _row(scores, noise)
        rows.append((f"a step of {noise}", row["effect"], row["effect_low"], row["effect_high"], np.nan, 0.0))
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _freed(
    what: str,
    cases: pd.DataFrame,
    row: pd.Series,
    key: str,
    name: str,
    scores: pd.DataFrame | None,
    truth: float,
) -> tuple[str, float, float, float, float, float]:
    """Return one row of `recover`: an effect freed of the luck in the figure, with the doubt about that luck."""
    part = cases[cases["figure"] == name]
    if "since_on" in row.index:
        part = part[part["half_on"] < row["since_on"] - SLACK]
    halves, value = _split(part), row[key]
    half = row[f"{key}_high"] - value
    if halves is not None and halves.low > 0:
        doubt = (halves.high - halves.low) / 2 / halves.reliability / 2
        value = value / np.sqrt(halves.reliability)
        half = float(np.hypot(half / np.sqrt(halves.reliability), value * doubt))
    naive = np.nan if scores is None else float(_row(scores, name)["effect"])
    return what, float(value), float(value - half), float(value + half), naive, truth
